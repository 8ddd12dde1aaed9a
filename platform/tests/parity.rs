//! The same assertions on the simulated and on the real network, so that the fake cannot drift from the real one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod certificates;

use std::future::Future;
use std::sync::Arc;

use provlab_platform::crypto::lab_key;
use provlab_platform::net::real::{LabAuthority, NameTable, RealNet, Trust};
use provlab_platform::net::sim::SimNetwork;
use provlab_platform::{
    ClientIdentity, ClientTls, Clock, Endpoint, Listener, Net, NetErrorKind, ServerTls, Stream, Trace,
    TraceLog,
};
use time::macros::datetime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A world of two hosts: the doors of `agent1` and of `cloud`, and the trace of both.
#[derive(Clone)]
struct World {
    client: Arc<dyn Net>,
    server: Arc<dyn Net>,
    log: TraceLog,
}

fn on_both<F, T>(check: F)
where
    F: Fn(World) -> T,
    T: Future<Output = ()>,
{
    provlab_platform::sim::runtime(1).unwrap().block_on(async {
        let clock = Clock::simulated(datetime!(2026-01-01 00:00 UTC));
        let (trace, log) = Trace::memory();
        let network = SimNetwork::new(&clock, &trace);
        check(World {
            client: network.door("agent1"),
            server: network.door("cloud"),
            log,
        })
        .await;
    });
    let real = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    real.block_on(async {
        let (trace, log) = Trace::memory();
        let trust = Trust::of_authority(LabAuthority::generate().unwrap()).unwrap();
        let net = RealNet::new("cloud", NameTable::new(), trust, &Clock::system(), &trace);
        check(World {
            client: Arc::new(net.for_host("agent1")),
            server: Arc::new(net),
            log,
        })
        .await;
    });
}

impl World {
    async fn listen(&self, host: &str, port: u16) -> Listener {
        self.server.listen(&Endpoint::new(host, port)).await.unwrap()
    }

    /// A connected pair: the client's and the server's stream.
    async fn pair(&self, listener: &Listener, host: &str) -> (Stream, Stream) {
        let to = Endpoint::new(host, listener.local().port);
        let (client, server) = tokio::join!(self.client.connect(&to), listener.accept());
        (client.unwrap(), server.unwrap())
    }

    async fn secure(&self, pair: (Stream, Stream), client: &ClientTls, server: &ServerTls) -> Secured {
        tokio::join!(
            self.client.secure_client(pair.0, client),
            self.server.secure_server(pair.1, server)
        )
    }
}

type Secured = (
    Result<Stream, provlab_platform::NetError>,
    Result<Stream, provlab_platform::NetError>,
);

fn server_tls(name: &str) -> ServerTls {
    ServerTls {
        names: vec![name.to_owned()],
        request_client_certificate: false,
    }
}

async fn says(from: &mut Stream, to: &mut Stream, text: &[u8]) {
    from.write_all(text).await.unwrap();
    from.flush().await.unwrap();
    let mut got = vec![0; text.len()];
    to.read_exact(&mut got).await.unwrap();
    assert_eq!(got, text);
}

#[test]
fn bytes_go_both_ways_and_ends_have_names() {
    on_both(|world| async move {
        let listener = world.listen("DC1.contoso.com", 389).await;
        assert_eq!(listener.local().to_string(), "dc1.contoso.com:389");
        let (mut client, mut server) = world.pair(&listener, "dc1.CONTOSO.com").await;
        says(&mut client, &mut server, b"question").await;
        says(&mut server, &mut client, b"answer").await;
        assert_eq!(client.peer().to_string(), "dc1.contoso.com:389");
        assert_eq!(client.local().host, "agent1");
        assert_eq!(server.requested_host(), "dc1.contoso.com");
        assert!(client.security().is_none() && server.security().is_none());
    });
}

#[test]
fn a_megabyte_arrives_in_order() {
    on_both(|world| async move {
        let listener = world.listen("dc1", 389).await;
        let (mut client, mut server) = world.pair(&listener, "dc1").await;
        let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        let mut got = Vec::new();
        let (_, read) = tokio::join!(
            async {
                client.write_all(&sent).await.unwrap();
                client.shutdown().await.unwrap();
            },
            server.read_to_end(&mut got)
        );
        read.unwrap();
        assert!(got == sent);
    });
}

#[test]
fn what_does_not_exist_is_told_apart() {
    on_both(|world| async move {
        let listener = world.listen("dc1", 389).await;
        let fails = async |host: &str, port| {
            world
                .client
                .connect(&Endpoint::new(host, port))
                .await
                .unwrap_err()
                .kind
        };
        assert_eq!(fails("nowhere.example", 389).await, NetErrorKind::HostUnknown);
        assert_eq!(fails("dc1", 636).await, NetErrorKind::Refused);
        let again = world.server.listen(&Endpoint::new("dc1", 389)).await.map(|_| ());
        assert_eq!(again.unwrap_err().kind, NetErrorKind::AddressInUse);
        drop(listener);
        assert_eq!(fails("dc1", 389).await, NetErrorKind::Refused);
        world.listen("dc1", 389).await;
        let told: Vec<String> = world
            .log
            .events()
            .iter()
            .filter(|event| event.name == "net.connect")
            .map(|e| {
                format!(
                    "{} {}:{} {}",
                    e.host, e.fields["to"], e.fields["port"], e.fields["outcome"]
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                r#"agent1 "nowhere.example":389 "host-unknown""#,
                r#"agent1 "dc1":636 "refused""#,
                r#"agent1 "dc1":389 "refused""#
            ]
        );
    });
}

#[test]
fn a_wildcard_listener_takes_what_no_closer_one_does() {
    on_both(|world| async move {
        let wide = world.listen("*.msappproxy.net", 443).await;
        let near = world.listen("t1.registration.msappproxy.net", 443).await;
        let tls = |name: &str| (ClientTls::new(name), server_tls("*.registration.msappproxy.net"));

        let name = "t2.registration.msappproxy.net";
        let pair = world.pair(&wide, name).await;
        let (client, server) = world.secure(pair, &tls(name).0, &tls(name).1).await;
        assert_eq!(server.unwrap().requested_host(), name);
        assert_eq!(client.unwrap().security().unwrap().server_name, name);

        let name = "t1.registration.msappproxy.net";
        let (_client, server) = world.pair(&near, name).await;
        assert_eq!(server.requested_host(), name);
    });
}

#[test]
fn the_name_in_the_certificate_must_be_the_one_asked_for() {
    on_both(|world| async move {
        let listener = world.listen("dc1.contoso.com", 636).await;
        for (names, asked, good) in [
            ("dc1.contoso.com", "dc1.contoso.com", true),
            ("*.contoso.com", "dc1.contoso.com", true),
            ("dc2.contoso.com", "dc1.contoso.com", false),
            ("*.contoso.com", "a.dc1.contoso.com", false),
        ] {
            let pair = world.pair(&listener, "dc1.contoso.com").await;
            let (client, server) = world
                .secure(pair, &ClientTls::new(asked), &server_tls(names))
                .await;
            if good {
                says(&mut client.unwrap(), &mut server.unwrap(), b"secret").await;
            } else {
                assert_eq!(
                    client.unwrap_err().kind,
                    NetErrorKind::CertificateInvalid,
                    "{names} {asked}"
                );
                assert_eq!(
                    server.unwrap_err().kind,
                    NetErrorKind::TlsFailed,
                    "{names} {asked}"
                );
            }
        }
    });
}

#[test]
fn tls_begins_in_mid_stream() {
    on_both(|world| async move {
        let listener = world.listen("dc1", 389).await;
        let (mut client, mut server) = world.pair(&listener, "dc1").await;
        says(&mut client, &mut server, b"StartTLS").await;
        says(&mut server, &mut client, b"success").await;
        let (client, server) = world
            .secure((client, server), &ClientTls::new("dc1"), &server_tls("dc1"))
            .await;
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        says(&mut client, &mut server, b"bind").await;
        says(&mut server, &mut client, b"bound").await;
        assert_eq!(server.security().unwrap().server_name, "dc1");
    });
}

#[test]
fn who_speaks_no_tls_is_found_out() {
    on_both(|world| async move {
        let listener = world.listen("dc1", 636).await;
        let (mut client, server) = world.pair(&listener, "dc1").await;
        client
            .write_all(b"0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\0\x80\0")
            .await
            .unwrap();
        let failed = world.server.secure_server(server, &server_tls("dc1")).await;
        assert_eq!(failed.unwrap_err().kind, NetErrorKind::TlsFailed);

        let (client, mut server) = world.pair(&listener, "dc1").await;
        server
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        let failed = world.client.secure_client(client, &ClientTls::new("dc1")).await;
        assert_eq!(failed.unwrap_err().kind, NetErrorKind::TlsFailed);

        let (client, server) = world.pair(&listener, "dc1").await;
        drop(server);
        let failed = world.client.secure_client(client, &ClientTls::new("dc1")).await;
        assert_eq!(failed.unwrap_err().kind, NetErrorKind::Reset);
    });
}

#[test]
fn the_agent_certificate_arrives_at_the_server() {
    on_both(|world| async move {
        let listener = world.listen("cloud.example", 443).await;
        for certificate in [
            certificates::plain(&lab_key(3).unwrap()),
            certificates::of_agent(&lab_key(3).unwrap()),
        ] {
            let mut client_tls = ClientTls::new("cloud.example");
            client_tls.identity = Some(ClientIdentity {
                chain: vec![certificate.clone()],
                key: lab_key(3).unwrap(),
            });
            let mut server_tls = server_tls("cloud.example");
            for asked in [true, false] {
                server_tls.request_client_certificate = asked;
                let pair = world.pair(&listener, "cloud.example").await;
                let (client, server) = world.secure(pair, &client_tls, &server_tls).await;
                let (mut client, mut server) = (client.unwrap(), server.unwrap());
                says(&mut client, &mut server, b"bootstrap").await;
                let seen = &server.security().unwrap().peer_certificates;
                assert_eq!(
                    seen.as_slice(),
                    if asked {
                        std::slice::from_ref(&certificate)
                    } else {
                        &[]
                    }
                );
            }
        }
        let none = server_tls_asking("cloud.example");
        let pair = world.pair(&listener, "cloud.example").await;
        let (client, server) = world.secure(pair, &ClientTls::new("cloud.example"), &none).await;
        assert!(client.is_ok());
        assert!(server.unwrap().security().unwrap().peer_certificates.is_empty());
    });
}

fn server_tls_asking(name: &str) -> ServerTls {
    ServerTls {
        request_client_certificate: true,
        ..server_tls(name)
    }
}

#[test]
fn a_certificate_without_its_key_cannot_be_shown() {
    on_both(|world| async move {
        let listener = world.listen("cloud.example", 443).await;
        let mut tls = ClientTls::new("cloud.example");
        tls.identity = Some(ClientIdentity {
            chain: vec![certificates::of_agent(&lab_key(3).unwrap())],
            key: lab_key(4).unwrap(),
        });
        let pair = world.pair(&listener, "cloud.example").await;
        let (client, server) = world
            .secure(pair, &tls, &server_tls_asking("cloud.example"))
            .await;
        assert_eq!(client.unwrap_err().kind, NetErrorKind::TlsFailed);
        assert!(server.is_err());
    });
}

#[test]
fn one_direction_ends_and_the_other_goes_on() {
    on_both(|world| async move {
        let listener = world.listen("dc1", 389).await;
        for secured in [false, true] {
            let (mut client, mut server) = world.pair(&listener, "dc1").await;
            if secured {
                let both = world
                    .secure((client, server), &ClientTls::new("dc1"), &server_tls("dc1"))
                    .await;
                (client, server) = (both.0.unwrap(), both.1.unwrap());
            }
            client.write_all(b"last").await.unwrap();
            client.shutdown().await.unwrap();
            let mut all = Vec::new();
            server.read_to_end(&mut all).await.unwrap();
            assert_eq!(all, b"last");
            says(&mut server, &mut client, b"still here").await;
            drop(server);
            assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        }
    });
}

#[test]
fn a_dropped_peer_is_an_end_and_then_an_error() {
    on_both(|world| async move {
        let listener = world.listen("dc1", 389).await;
        for secured in [false, true] {
            let (mut client, mut server) = world.pair(&listener, "dc1").await;
            if secured {
                let both = world
                    .secure((client, server), &ClientTls::new("dc1"), &server_tls("dc1"))
                    .await;
                (client, server) = (both.0.unwrap(), both.1.unwrap());
            }
            drop(server);
            assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
            let mut broken = false;
            for _ in 0..1000 {
                broken |= client.write_all(b"anybody?").await.is_err() || client.flush().await.is_err();
                tokio::task::yield_now().await;
            }
            assert!(broken);
        }
    });
}
