//! Faults of the simulated network, and that one seed decides a run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod certificates;

use std::future::Future;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use provlab_platform::crypto::lab_key;
use provlab_platform::net::sim::{
    BACKLOG, DEFAULT_LATENCY, Fragment, HalfOpen, Latency, LinkPattern, Loss, MAX_CLIENT_CERTIFICATES,
    Partition, Refuse, ResetAfter, SimNetwork, TlsInspection, Truncate, WINDOW_BYTES,
};
use provlab_platform::net::{CONNECT_LIMIT, HANDSHAKE_LIMIT};
use provlab_platform::{
    ClientIdentity, ClientTls, Clock, Endpoint, Entropy, Listener, Net, NetErrorKind, ServerTls, Stream,
    Trace, TraceLog,
};
use time::macros::datetime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct World {
    network: SimNetwork,
    clock: Clock,
    log: TraceLog,
    agent: Arc<dyn Net>,
    dc: Arc<dyn Net>,
    listener: Listener,
}

fn to() -> Endpoint {
    Endpoint::new("dc1.contoso.com", 389)
}

fn simulate<T: Future>(check: impl FnOnce(World) -> T) -> T::Output {
    provlab_platform::sim::runtime(1).unwrap().block_on(async {
        let clock = Clock::simulated(datetime!(2026-01-01 00:00 UTC));
        let (trace, log) = Trace::memory();
        let network = SimNetwork::new(&clock, &trace);
        let dc = network.door("dc1.contoso.com");
        let world = World {
            agent: network.door("agent1"),
            listener: dc.listen(&to()).await.unwrap(),
            dc,
            network,
            clock,
            log,
        };
        check(world).await
    })
}

impl World {
    async fn pair(&self) -> (Stream, Stream) {
        let client = self.agent.connect(&to()).await.unwrap();
        (client, self.listener.accept().await.unwrap())
    }
}

const LINKS: fn() -> LinkPattern = || LinkPattern::between("agent1", "dc1.contoso.com");
const TICK: Duration = Duration::from_millis(10);

#[test]
fn everything_takes_its_time_and_keeps_its_order() {
    simulate(|world| async move {
        let (mut client, mut server) = world.pair().await;
        assert_eq!(world.clock.now(), 2 * DEFAULT_LATENCY);
        let slow = Duration::from_millis(500);
        let entropy = Entropy::seeded(1);
        let guard = world
            .network
            .add_rule(Latency::new(LINKS(), slow, Duration::ZERO, entropy));
        let start = world.clock.now();
        client.write_all(b"first ").await.unwrap();
        drop(guard);
        client.write_all(b"second").await.unwrap();
        let mut got = [0; 12];
        server.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"first second");
        assert_eq!(world.clock.now() - start, slow + DEFAULT_LATENCY);
    });
}

#[test]
fn a_partition_holds_back_until_it_heals() {
    simulate(|world| async move {
        let (mut client, mut server) = world.pair().await;
        let guard = world.network.add_rule(Partition(LINKS()));
        client.write_all(b"held").await.unwrap();
        client.shutdown().await.unwrap();
        assert!(
            world
                .clock
                .timeout(Duration::from_secs(60), server.read_u8())
                .await
                .is_err()
        );
        drop(guard);
        let mut got = Vec::new();
        server.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"held");
    });
}

#[test]
fn two_partitions_heal_only_together() {
    simulate(|world| async move {
        let (mut client, mut server) = world.pair().await;
        let first = world.network.add_rule(Partition(LINKS()));
        let second = world
            .network
            .add_rule(Partition(LinkPattern::to("dc1.contoso.com")));
        client.write_all(b"x").await.unwrap();
        drop(first);
        assert!(world.clock.timeout(TICK, server.read_u8()).await.is_err());
        drop(second);
        assert_eq!(server.read_u8().await.unwrap(), b'x');
    });
}

#[test]
fn connecting_into_a_partition_times_out_or_waits_for_the_healing() {
    simulate(|world| async move {
        let guard = world.network.add_rule(Partition(LINKS()));
        let start = world.clock.now();
        assert_eq!(
            world.agent.connect(&to()).await.unwrap_err().kind,
            NetErrorKind::TimedOut
        );
        assert_eq!(world.clock.now() - start, CONNECT_LIMIT);
        let heal = async {
            world.clock.sleep(TICK).await;
            drop(guard);
        };
        let to = to();
        let (opened, ()) = tokio::join!(world.agent.connect(&to), heal);
        assert!(opened.is_ok());
        world.listener.accept().await.unwrap();
        let events = world.log.events();
        let told: Vec<_> = events
            .iter()
            .filter(|event| event.name == "net.connect")
            .map(|event| event.fields["outcome"].clone())
            .collect();
        assert_eq!(told, ["timed-out", "connected"]);
    });
}

#[test]
fn refusing_leaves_standing_connections_alone() {
    simulate(|world| async move {
        let (mut client, mut server) = world.pair().await;
        let _guard = world
            .network
            .add_rule(Refuse(LinkPattern::to("*.contoso.com").port(389)));
        assert_eq!(
            world.agent.connect(&to()).await.unwrap_err().kind,
            NetErrorKind::Refused
        );
        client.write_u8(7).await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), 7);
    });
}

#[test]
fn a_reset_breaks_both_sides() {
    simulate(|world| async move {
        let (mut client, mut server) = world.pair().await;
        let _guard = world.network.add_rule(ResetAfter::new(LINKS(), 10));
        client.write_all(&[0; 10]).await.unwrap();
        server.read_exact(&mut [0; 10]).await.unwrap();
        assert_eq!(
            client.write_all(b"x").await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        assert_eq!(
            server.read_u8().await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        assert_eq!(
            server.write_all(b"x").await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    });
}

#[test]
fn a_truncated_stream_ends_in_the_middle() {
    simulate(|world| async move {
        let (mut client, mut server) = world.pair().await;
        let _guard = world.network.add_rule(Truncate::new(LINKS(), 5));
        client.write_all(b"abc").await.unwrap();
        client.write_all(b"defghi").await.unwrap();
        let mut got = Vec::new();
        server.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"abcde");
        assert_eq!(
            client.write_all(b"j").await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

#[test]
fn a_half_open_connection_tells_nobody_and_never_heals() {
    simulate(|world| async move {
        let (mut client, mut server) = world.pair().await;
        let guard = world.network.add_rule(HalfOpen(LINKS()));
        client.write_all(b"lost").await.unwrap();
        drop(guard);
        let day = Duration::from_secs(86_400);
        assert!(world.clock.timeout(day, server.read_u8()).await.is_err());
        assert!(world.clock.timeout(day, client.read_u8()).await.is_err());
        drop(server);
        assert!(world.clock.timeout(day, client.read_u8()).await.is_err());
        // What cannot be delivered fills the window, as in a kernel's send buffer.
        let full = vec![0; WINDOW_BYTES];
        assert!(world.clock.timeout(day, client.write_all(&full)).await.is_err());
    });
}

#[test]
fn pieces_can_be_as_small_as_a_byte() {
    simulate(|world| async move {
        let (mut client, mut server) = world.pair().await;
        let _guard = world.network.add_rule(Fragment(LINKS(), 1));
        client.write_all(b"abc").await.unwrap();
        let mut buffer = [0; 8];
        for expected in b"abc" {
            assert_eq!(server.read(&mut buffer).await.unwrap(), 1);
            assert_eq!(buffer[0], *expected);
        }
    });
}

#[test]
fn loss_is_delay_and_in_the_end_a_reset() {
    simulate(|world| async move {
        let (mut client, mut server) = world.pair().await;
        let guard = world
            .network
            .add_rule(Loss::new(LINKS(), 0.5, Entropy::seeded(1)));
        let start = world.clock.now();
        for number in 0..20 {
            client.write_u8(number).await.unwrap();
        }
        for number in 0..20 {
            assert_eq!(server.read_u8().await.unwrap(), number);
        }
        assert!(world.clock.now() - start >= Loss::FIRST_RETRANSMISSION);
        drop(guard);
        let _guard = world
            .network
            .add_rule(Loss::new(LINKS(), 1.0, Entropy::seeded(1)));
        assert_eq!(
            client.write_u8(0).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    });
}

fn server_tls() -> ServerTls {
    ServerTls {
        names: vec!["dc1.contoso.com".into()],
        request_client_certificate: true,
    }
}

#[test]
fn inspected_tls_is_not_trusted() {
    simulate(|world| async move {
        let _guard = world
            .network
            .add_rule(TlsInspection(LinkPattern::from_to("agent1", "*")));
        let (client, server) = world.pair().await;
        let (tls, server_tls) = (ClientTls::new("dc1.contoso.com"), server_tls());
        let (client, server) = tokio::join!(
            world.agent.secure_client(client, &tls),
            world.dc.secure_server(server, &server_tls)
        );
        assert_eq!(client.unwrap_err().kind, NetErrorKind::CertificateInvalid);
        assert_eq!(server.unwrap_err().kind, NetErrorKind::TlsFailed);
    });
}

#[test]
fn the_length_of_a_client_chain_is_bounded() {
    let key = || lab_key(0).unwrap();
    for (length, good) in [
        (MAX_CLIENT_CERTIFICATES, true),
        (MAX_CLIENT_CERTIFICATES + 1, false),
    ] {
        simulate(|world| async move {
            let mut chain = vec![certificates::plain(&key()); length];
            chain[0] = certificates::of_agent(&key());
            let (client, server) = world.pair().await;
            let mut tls = ClientTls::new("dc1.contoso.com");
            tls.identity = Some(ClientIdentity { chain, key: key() });
            let server_tls = server_tls();
            let (client, server) = tokio::join!(
                world.agent.secure_client(client, &tls),
                world.dc.secure_server(server, &server_tls)
            );
            assert_eq!((client.is_ok(), server.is_ok()), (good, good));
        });
    }
}

#[test]
fn a_silent_peer_ends_the_handshake_in_time() {
    simulate(|world| async move {
        let (client, server) = world.pair().await;
        let start = world.clock.now();
        let (tls, server_tls) = (ClientTls::new("dc1.contoso.com"), server_tls());
        assert_eq!(
            world
                .dc
                .secure_server(server, &server_tls)
                .await
                .unwrap_err()
                .kind,
            NetErrorKind::TimedOut
        );
        assert_eq!(world.clock.now() - start, HANDSHAKE_LIMIT);
        drop(client);
        let (client, _server) = world.pair().await;
        assert_eq!(
            world.agent.secure_client(client, &tls).await.unwrap_err().kind,
            NetErrorKind::TimedOut
        );
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_handshake_survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..64), tls in any::<bool>()) {
        simulate(|world| async move {
            let (mut client, server) = world.pair().await;
            if tls {
                client.write_all(&[0x16, 3, 1, 0, u8::try_from(bytes.len()).unwrap()]).await.unwrap();
            }
            client.write_all(&bytes).await.unwrap();
            client.shutdown().await.unwrap();
            assert!(world.dc.secure_server(server, &server_tls()).await.is_err());
        });
    }
}

#[test]
fn a_killed_host_breaks_its_connections_and_listens_no_more() {
    simulate(|world| async move {
        let (mut client, _server) = world.pair().await;
        let waiting = tokio::spawn({
            let agent = Arc::clone(&world.agent);
            async move { agent.connect(&to()).await.unwrap().read_u8().await }
        });
        world.clock.sleep(TICK).await;
        world.network.kill_host("DC1.contoso.com");
        assert_eq!(
            client.read_u8().await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        assert!(waiting.await.unwrap().is_err());
        assert_eq!(
            world.listener.accept().await.unwrap_err().kind,
            NetErrorKind::Reset
        );
        assert_eq!(
            world.agent.connect(&to()).await.unwrap_err().kind,
            NetErrorKind::Refused
        );
        // The host is started again while the old listener is still about.
        let again = world.dc.listen(&to()).await.unwrap();
        drop(world.listener);
        world.agent.connect(&to()).await.unwrap();
        again.accept().await.unwrap();
    });
}

#[test]
fn behind_a_partition_a_kill_is_noticed_at_the_healing() {
    simulate(|world| async move {
        let (mut client, _server) = world.pair().await;
        let guard = world.network.add_rule(Partition(LINKS()));
        world.network.kill_host("dc1.contoso.com");
        assert!(world.clock.timeout(TICK, client.read_u8()).await.is_err());
        client.write_all(b"still there?").await.unwrap();
        drop(guard);
        assert_eq!(
            client.read_u8().await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    });
}

#[test]
fn behind_a_partition_a_leaving_peer_is_noticed_at_the_healing() {
    simulate(|world| async move {
        let (mut client, server) = world.pair().await;
        let guard = world.network.add_rule(Partition(LINKS()));
        drop(server);
        client.write_all(b"still there?").await.unwrap();
        assert!(world.clock.timeout(TICK, client.read_u8()).await.is_err());
        drop(guard);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(
            client.write_all(b"no").await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

#[test]
fn a_writer_waits_for_a_slow_reader() {
    simulate(|world| async move {
        let (mut client, mut server) = world.pair().await;
        client.write_all(&vec![1; WINDOW_BYTES]).await.unwrap();
        assert!(world.clock.timeout(TICK, client.write_u8(2)).await.is_err());
        let (written, read) = tokio::join!(client.write_u8(3), server.read_u8());
        assert!(written.is_ok() && read.is_ok());
    });
}

#[test]
fn the_backlog_is_bounded() {
    simulate(|world| async move {
        let mut waiting = Vec::new();
        for _ in 0..BACKLOG {
            waiting.push(world.agent.connect(&to()).await.unwrap());
        }
        assert_eq!(
            world.agent.connect(&to()).await.unwrap_err().kind,
            NetErrorKind::Refused
        );
        world.listener.accept().await.unwrap();
        world.agent.connect(&to()).await.unwrap();
    });
}

/// Many clients under jitter and loss: the whole trace as text.
fn run(seed: u64) -> String {
    provlab_platform::sim::runtime(seed).unwrap().block_on(async {
        let entropy = Entropy::seeded(seed);
        let clock = Clock::simulated(datetime!(2026-01-01 00:00 UTC));
        let (trace, log) = Trace::memory();
        let trace = trace.with_clock(&clock);
        let network = SimNetwork::new(&clock, &trace);
        let any = LinkPattern::any;
        let jitter = Latency::new(
            any(),
            Duration::ZERO,
            Duration::from_millis(80),
            entropy.fork("latency"),
        );
        network.add_rule(jitter).keep();
        network
            .add_rule(Loss::new(any(), 0.2, entropy.fork("loss")))
            .keep();
        let door = network.door("dc1.contoso.com");
        let listener = door.listen(&to()).await.unwrap();
        let server = tokio::spawn(async move {
            loop {
                let mut stream = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    while let Ok(byte) = stream.read_u8().await {
                        if stream.write_u8(byte).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        let mut clients = tokio::task::JoinSet::new();
        for number in 0..8 {
            let host = format!("agent{number}");
            let (net, trace) = (network.door(&host), trace.for_host(&host));
            clients.spawn(async move {
                for round in 0..5_u8 {
                    let mut stream = net.connect(&to()).await.unwrap();
                    stream.write_u8(round).await.unwrap();
                    let echo = stream.read_u8().await.unwrap();
                    provlab_platform::event!(trace, provlab_platform::Part::Agent, "echo", byte = echo);
                }
            });
        }
        while let Some(done) = clients.join_next().await {
            done.unwrap();
        }
        server.abort();
        log.events()
            .iter()
            .map(|event| serde_json::to_string(event).unwrap() + "\n")
            .collect()
    })
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let first = run(7);
    assert!(first.lines().count() > 100);
    assert_eq!(run(7), first);
    assert_ne!(run(8), first);
}
