//! What a server on a network meets: garbage, requests that never end, clients that fall silent.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use provlab_directory::rpc::DRSUAPI_PORT;
use provlab_directory::server::limits;
use provlab_directory::{Command, Reply};
use provlab_platform::net::{ClientTls, Endpoint};
use provlab_platform::{Entropy, Stream};
use support::{DC, SimWorld};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A search of the rootDSE for `dnsHostName`, message id 1.
const ROOT_SEARCH: &str = "3032020101632d04000a01000a0100020100020100010100\
                           870b6f626a656374436c617373300d040b646e73486f73744e616d65";

fn root_search() -> Vec<u8> {
    hex::decode(ROOT_SEARCH).unwrap()
}

async fn connect(world: &SimWorld, port: u16) -> Stream {
    let door = world.network.door("client.contoso.com");
    door.connect(&Endpoint::new(DC, port)).await.unwrap()
}

/// Everything that the server still sends, until it closes.
async fn rest(stream: &mut Stream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

/// Whether the bytes end with a notice of disconnection.
fn is_notice(bytes: &[u8]) -> bool {
    let oid = b"1.3.6.1.4.1.1466.20036";
    bytes.windows(oid.len()).any(|window| window == oid)
}

/// Whether a fresh client is served.
async fn is_alive(world: &SimWorld) -> bool {
    let mut stream = connect(world, 389).await;
    stream.write_all(&root_search()).await.unwrap();
    let mut answer = vec![0; 64];
    let count = stream.read(&mut answer).await.unwrap();
    answer[..count]
        .windows(DC.len())
        .any(|window| window == DC.as_bytes())
}

#[tokio::test(start_paused = true)]
async fn the_root_is_served() {
    let world = SimWorld::start().await;
    assert!(is_alive(&world).await);
}

#[tokio::test(start_paused = true)]
async fn garbage_is_answered_with_a_notice_and_a_close() {
    let world = SimWorld::start().await;
    for garbage in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xff; 4_096],
        vec![0x30, 0x00],
        vec![0x30, 0x80, 0x00, 0x00],
        vec![0x30, 0x03, 0x02, 0x01, 0x01],
        hex::decode("30050201017f00").unwrap(),
    ] {
        let mut stream = connect(&world, 389).await;
        stream.write_all(&garbage).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(is_notice(&answer), "{garbage:02x?}");
    }
    assert!(is_alive(&world).await);
}

#[tokio::test(start_paused = true)]
async fn an_oversized_message_is_refused_by_its_header() {
    let world = SimWorld::start().await;
    let mut stream = connect(&world, 389).await;
    let size = u32::try_from(limits::MAX_MESSAGE_BYTES).unwrap();
    stream.write_all(&[0x30, 0x84]).await.unwrap();
    stream.write_all(&size.to_be_bytes()).await.unwrap();
    assert!(is_notice(&rest(&mut stream).await));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_given_up() {
    let world = SimWorld::start().await;
    let mut stream = connect(&world, 389).await;
    let before = world.clock.now();
    let (mut reader, mut writer) = tokio::io::split(&mut stream);
    // One byte every ten seconds keeps the connection busy but does not make a request.
    let drip = async {
        for byte in root_search() {
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
            world.clock.sleep(Duration::from_secs(10)).await;
        }
    };
    let listen = async {
        let mut bytes = Vec::new();
        let _ = reader.read_to_end(&mut bytes).await;
        (bytes, world.clock.now())
    };
    let ((answer, at), ()) = tokio::join!(listen, drip);
    assert!(is_notice(&answer));
    let waited = at - before;
    assert!(waited >= limits::FRAME_TIMEOUT, "{waited:?}");
    assert!(
        waited < limits::FRAME_TIMEOUT + Duration::from_secs(2),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn silent_clients_are_closed() {
    let world = SimWorld::start().await;
    let mut stream = connect(&world, 389).await;
    let before = world.clock.now();
    assert!(is_notice(&rest(&mut stream).await));
    let waited = world.clock.now() - before;
    assert!(waited >= limits::FIRST_REQUEST_TIMEOUT, "{waited:?}");

    let mut stream = connect(&world, 389).await;
    stream.write_all(&root_search()).await.unwrap();
    let before = world.clock.now();
    assert!(is_notice(&rest(&mut stream).await));
    let waited = world.clock.now() - before;
    assert!(waited >= limits::IDLE_TIMEOUT, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn what_follows_start_tls_in_clear_ends_the_connection() {
    let world = SimWorld::start().await;
    let mut stream = connect(&world, 389).await;
    let mut bytes = hex::decode("301d02010177188016").unwrap();
    bytes.extend_from_slice(b"1.3.6.1.4.1.1466.20037");
    bytes.extend_from_slice(&root_search());
    stream.write_all(&bytes).await.unwrap();
    assert!(is_notice(&rest(&mut stream).await));
}

#[tokio::test(start_paused = true)]
async fn too_many_connections_are_turned_away() {
    let world = SimWorld::start().await;
    let mut held = Vec::new();
    for _ in 0..limits::MAX_CONNECTIONS {
        let mut stream = connect(&world, 389).await;
        stream.write_all(&root_search()).await.unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).await.unwrap();
        held.push(stream);
    }
    let mut late = connect(&world, 389).await;
    assert!(is_notice(&rest(&mut late).await));
    held.clear();
    world.clock.sleep(Duration::from_secs(1)).await;
    assert!(is_alive(&world).await);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_random_streams_do_no_harm() {
    let world = SimWorld::start().await;
    let entropy = Entropy::seeded(7);
    let good = root_search();
    for _ in 0..1_000 {
        let mut stream = connect(&world, 389).await;
        let mut bytes = good.clone();
        for _ in 0..=entropy.below(4) {
            let at = usize::try_from(entropy.below(bytes.len() as u64)).unwrap();
            bytes[at] ^= 1 << entropy.below(8);
        }
        stream.write_all(&bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        rest(&mut stream).await;
    }
    assert!(is_alive(&world).await);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_none_is_given_up() {
    let world = SimWorld::start().await;
    let mut stream = connect(&world, 636).await;
    stream.write_all(&root_search()).await.unwrap();
    assert_eq!(rest(&mut stream).await, Vec::<u8>::new());
    let door = world.network.door("client.contoso.com");
    let stream = door.connect(&Endpoint::new(DC, 636)).await.unwrap();
    let mut sealed = door.secure_client(stream, &ClientTls::new(DC)).await.unwrap();
    sealed.write_all(&root_search()).await.unwrap();
    let mut first = [0];
    sealed.read_exact(&mut first).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_survives_a_restart() {
    let world = SimWorld::start().await;
    let put = |name: &str| {
        Command::PutUser(
            serde_json::from_value(serde_json::json!({ "name": name, "password": "Wonder-2026" })).unwrap(),
        )
    };
    world.directory.control(put("bob")).await.unwrap();
    world.store.crash_after(0);
    assert!(world.directory.control(put("carol")).await.is_err());
    let dump = || Command::Dump {
        base: None,
        attributes: vec!["sAMAccountName".to_owned()],
        system: false,
        deleted: false,
    };
    let before = world.directory.control(dump()).await.unwrap();
    let world = world.restart().await;
    let after = world.directory.control(dump()).await.unwrap();
    assert_eq!(before, after);
    let Reply::Tree(entries) = after else {
        panic!("not a tree")
    };
    let has = |name: &str| {
        let wanted = [name.to_owned()];
        let mut names = entries
            .iter()
            .filter_map(|entry| entry.attributes.get("sAMAccountName"));
        names.any(|names| *names == wanted)
    };
    assert!(has("bob") && !has("carol"));
}

#[tokio::test(start_paused = true)]
async fn the_ports_of_remote_procedure_calls_end_what_is_none() {
    let world = SimWorld::start().await;
    for port in [135, DRSUAPI_PORT] {
        for (said, after) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], Duration::ZERO),
            (&[5, 0, 11], limits::FRAME_TIMEOUT),
            (&[], limits::FIRST_REQUEST_TIMEOUT),
        ] {
            let began = world.clock.now();
            let mut stream = connect(&world, port).await;
            stream.write_all(said).await.unwrap();
            assert_eq!(rest(&mut stream).await, b"");
            assert!(world.clock.now() - began >= after, "{said:?}");
        }
    }
    assert!(is_alive(&world).await);
}
