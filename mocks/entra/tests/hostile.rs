//! What a client can do wrong on the HTTPS ports: the cloud answers or closes, and goes on serving everybody else.
#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use std::time::Duration;

use http::Request;
use http_body_util::Full;
use provlab_entra::http::{BODY_TIMEOUT, HEAD_TIMEOUT, MAX_BODY_BYTES, MAX_CONNECTIONS};
use provlab_platform::Entropy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use world::*;

/// Everything the server sends until it closes.
async fn drain(mut stream: provlab_platform::Stream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn still_serves(world: &World) {
    assert_eq!(world.get(LOGIN, "/common/discovery/keys", None).await.status, 200);
}

#[test]
fn a_body_is_taken_up_to_its_limit() {
    simulate(|world| async move {
        let send = async |size: usize| {
            let request = Request::post("/common/oauth2/v2.0/token")
                .header("host", LOGIN)
                .body(Full::from(vec![b'a'; size]));
            world.send(LOGIN, request.unwrap()).await.status
        };
        assert_eq!(send(MAX_BODY_BYTES).await, 400);
        assert_eq!(send(MAX_BODY_BYTES + 1).await, 413);
        still_serves(&world).await;
    });
}

#[test]
fn who_is_slow_is_dropped() {
    simulate(|world| async move {
        let mut head = world.connect(LOGIN).await;
        head.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
        let begun = world.clock.now();
        drain(head).await;
        assert!(world.clock.now() - begun <= HEAD_TIMEOUT + Duration::from_secs(2));

        let mut body = world.connect(LOGIN).await;
        body.write_all(b"POST /common/oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
            .await
            .unwrap();
        let begun = world.clock.now();
        let mut first = [0; 12];
        body.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 408");
        assert!(world.clock.now() - begun <= BODY_TIMEOUT + Duration::from_secs(2));
        still_serves(&world).await;
    });
}

#[test]
fn too_many_connections_are_turned_away_and_places_come_back() {
    simulate(|world| async move {
        let mut idle = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            idle.push(world.connect(LOGIN).await);
        }
        let platform = world.platform("client");
        let stream = platform
            .net
            .connect(&provlab_platform::Endpoint::new(GRAPH, 443))
            .await
            .unwrap();
        let tls = provlab_platform::net::ClientTls::new(GRAPH);
        assert!(platform.net.secure_client(stream, &tls).await.is_err());
        drop(idle);
        world.sleep(1).await;
        still_serves(&world).await;
    });
}

#[test]
fn garbage_never_stops_the_cloud() {
    simulate(|world| async move {
        let entropy = Entropy::seeded(11);
        let starts: [&[u8]; 6] = [
            b"",
            b"GET /common/discovery/keys HTTP/1.1\r\n",
            b"POST /common/oauth2/v2.0/token HTTP/1.1\r\nHost: x\r\nContent-Length: 64\r\n\r\ngrant_type=",
            b"POST /v1.0/$batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET /v1.0/users?$filter=",
            b"PUT /beta/servicePrincipals/%ff%00/synchronization/secrets HTTP/1.1\r\nContent-Length: 2\r\n\r\n{",
        ];
        for round in 0..600_u32 {
            let host = if round % 2 == 0 { LOGIN } else { GRAPH };
            let mut stream = world.connect(host).await;
            let mut bytes = starts[round as usize % starts.len()].to_vec();
            let mut noise = vec![0; usize::try_from(entropy.below(200)).unwrap()];
            entropy.fill(&mut noise);
            bytes.extend(noise);
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            drain(stream).await;
        }
        still_serves(&world).await;
    });
}

#[test]
fn two_runs_of_one_seed_tell_the_same() {
    let run = || {
        let told = std::sync::Mutex::new(String::new());
        simulate(|world| {
            let told = &told;
            async move {
                world.token().await;
                world.get(GRAPH, "/v1.0/users", None).await;
                *told.lock().unwrap() = serde_json::to_string(&world.log.events()).unwrap();
            }
        });
        told.into_inner().unwrap()
    };
    let first = run();
    assert!(first.contains("http.request"));
    assert!(!first.contains(PASSWORD));
    assert_eq!(first, run());
}
