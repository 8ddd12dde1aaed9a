//! Bad input to every listener of a world: an answer of the protocol or a close, in time; never a panic, never a hang.
//!
//! Every damaged message follows from a seed, the name of its test and its number, so a failure names the line that
//! replays it. `PROVLAB_HOSTILE_CASES` asks for more cases in all, `PROVLAB_HOSTILE_SEED` for others.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, reason = "a test")]

mod support {
    pub mod corpus;
    pub mod dice;
    pub mod ldap;
    pub mod mutate;
    pub mod peer;
    pub mod siege;
    pub mod victim;
    pub mod watch;
    pub mod websocket;
}

use std::{rc::Rc, time::Duration};

use provlab_directory::server::limits;
use provlab_entra::{http, relay};
use provlab_platform::net::sim::WINDOW_BYTES;
use provlab_protocol::relay::MAX_FRAME_BYTES;
use support::{
    corpus::{self, Sample},
    dice::Dice,
    ldap,
    peer::{Door, End, Pace, Plan, Protocol, deliver, flood, judge, text},
    siege::{
        Attack, GRAPH, LOGIN, besiege, bind, https_attack, in_a_world, ldap_attack, listening, no_panic, nothing,
        plan, recorded_attack, relay_attack, still_serves,
    },
    victim::Victim,
    websocket,
};

#[test]
fn damaged_ldap_in_clear() {
    besiege("ldap-in-clear", |victim| vec![ldap_attack(victim, 389, nothing), ldap_attack(victim, 3268, nothing)]);
}

#[test]
fn damaged_ldap_of_an_administrator() {
    besiege("ldap-over-tls", |victim| vec![ldap_attack(victim, 636, bind)]);
}

#[test]
fn damaged_ldap_at_the_global_catalog() {
    besiege("global-catalog", |victim| vec![ldap_attack(victim, 3269, bind)]);
}

#[test]
fn damaged_handshakes() {
    besiege("handshake", |victim| {
        let mut attacks = vec![ldap_attack(victim, 636, nothing), ldap_attack(victim, 3269, nothing)];
        let of_cloud = [LOGIN, GRAPH].map(|host| https_attack(host, corpus::http(victim, |to| to == host)));
        attacks.extend(of_cloud);
        attacks.extend(["bootstrap", "registration", "admin", "renewtrust"].map(|part| recorded_attack(victim, part)));
        let records = corpus::handshakes(victim);
        for attack in &mut attacks {
            attack.samples.clone_from(&records);
            attack.bare = true;
        }
        attacks
    });
}

#[test]
fn damaged_sign_ins() {
    besiege("sign-in", |victim| {
        let mut samples = corpus::login(victim, LOGIN);
        samples.extend(corpus::http(victim, |to| to == LOGIN));
        vec![https_attack(LOGIN, samples)]
    });
}

#[test]
fn damaged_graph_requests() {
    besiege("graph", |victim| {
        let mut samples = corpus::graph(GRAPH);
        samples.extend(corpus::http(victim, |to| to == GRAPH));
        vec![https_attack(GRAPH, samples)]
    });
}

#[test]
fn damaged_registrations() {
    besiege("registration", |victim| vec![recorded_attack(victim, "registration")]);
}

#[test]
fn damaged_bootstraps() {
    besiege("bootstrap", |victim| vec![recorded_attack(victim, "bootstrap")]);
}

#[test]
fn damaged_admin_requests() {
    besiege("admin", |victim| vec![recorded_attack(victim, "admin")]);
}

#[test]
fn damaged_trust_renewals() {
    besiege("trust-renewal", |victim| vec![recorded_attack(victim, "renewtrust")]);
}

#[test]
fn damaged_relay_upgrades() {
    besiege("relay-upgrade", |victim| {
        let mut attack = relay_attack(victim, nothing);
        attack.door.protocol = Protocol::Http;
        attack.samples = vec![Sample::of(&websocket::upgrade(victim), "")];
        // A refusal is a good answer here: whether the relay still lets agents in is the next test's business.
        attack.good = (Sample::of(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""), b"HTTP/1.1 404");
        vec![attack]
    });
}

#[test]
fn damaged_relay_frames() {
    besiege("relay-frames", |victim| vec![relay_attack(victim, listening), relay_attack(victim, websocket::upgrade)]);
}

/// One attack on every listener of the world.
fn everywhere(victim: &Victim) -> Vec<Attack> {
    let mut attacks: Vec<_> = [389, 3268].map(|port| ldap_attack(victim, port, nothing)).into();
    attacks.extend([636, 3269].map(|port| ldap_attack(victim, port, bind)));
    attacks.push(https_attack(LOGIN, corpus::login(victim, LOGIN)));
    attacks.push(https_attack(GRAPH, corpus::graph(GRAPH)));
    attacks.extend(["registration", "bootstrap", "admin", "renewtrust"].map(|part| recorded_attack(victim, part)));
    attacks.push(relay_attack(victim, listening));
    attacks
}

async fn all_still_serve(victim: &Victim, attacks: &[Attack]) {
    for attack in attacks {
        still_serves(victim, attack).await.unwrap_or_else(|what| panic!("{}: {what}", attack.door.to));
    }
    no_panic().unwrap();
}

/// How much a server takes in of one client at most: its largest message, and what the network holds for it.
fn most_taken(protocol: Protocol) -> usize {
    WINDOW_BYTES * 2
        + match protocol {
            Protocol::Ldap => limits::MAX_MESSAGE_BYTES,
            Protocol::Http => http::MAX_DISCARDED_BYTES + http::MAX_HEAD_BYTES,
            Protocol::Relay => MAX_FRAME_BYTES,
        }
}

#[test]
fn messages_that_aim_at_one_limit() {
    in_a_world(|victim| async move {
        let attacks = everywhere(&victim);
        for attack in &attacks {
            let door = &attack.door;
            let host = door.to.host.as_str();
            let mut messages = match door.protocol {
                Protocol::Ldap => ldap::designed(),
                Protocol::Http => corpus::designed_http(host, corpus::path_of(&attack.samples[0]).as_str()),
                Protocol::Relay => websocket::designed(),
            };
            if host == GRAPH {
                let tokens = victim.tokens().await;
                let queries = corpus::designed_graph(host);
                messages.extend(queries.into_iter().map(|(name, sample)| (name, sample.render(&tokens))));
            }
            for (name, message) in messages {
                let bytes = [(attack.before)(&victim), message].concat();
                let plan = Plan { bytes, pace: Pace::AtOnce, end: End::Close };
                let judged = deliver(&victim, door, &plan).await.and_then(|answer| judge(door.protocol, &answer));
                judged.and_then(|()| no_panic()).unwrap_or_else(|what| panic!("{name} at {}: {what}", door.to));
            }
        }
        all_still_serve(&victim, &attacks).await;
    });
}

/// A message without end, by its beginning; the rest is filled up.
fn endless(attack: &Attack, victim: &Victim) -> Vec<(&'static str, Vec<u8>)> {
    let host = &attack.door.to.host;
    let messages = match attack.door.protocol {
        Protocol::Ldap => vec![
            ("the largest message", [&[0x30, 0x84][..], &(limits::MAX_MESSAGE_BYTES as u32 - 6).to_be_bytes()].concat()),
            ("a message that is too large", [&[0x30, 0x84][..], &(limits::MAX_MESSAGE_BYTES as u32).to_be_bytes()].concat()),
        ],
        Protocol::Http => vec![
            ("a request line", b"GET /".to_vec()),
            ("a header", format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-A: ").into_bytes()),
            ("a body", format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1099511627776\r\n\r\n").into_bytes()),
            ("a chunk", format!("POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n").into_bytes()),
        ],
        Protocol::Relay => vec![
            ("a frame", [&[0x81, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat()),
            ("the largest frame", [&[0x81, 0xff][..], &(MAX_FRAME_BYTES as u64).to_be_bytes(), &[0; 4]].concat()),
        ],
    };
    messages.into_iter().map(|(name, start)| (name, [(attack.before)(victim), start].concat())).collect()
}

#[test]
fn messages_without_end() {
    in_a_world(|victim| async move {
        let attacks = everywhere(&victim);
        for attack in &attacks {
            let most = most_taken(attack.door.protocol);
            for (name, mut bytes) in endless(attack, &victim) {
                bytes.resize(most + (4 << 20), b'a');
                let plan = Plan { bytes, pace: Pace::AtOnce, end: End::Silence };
                let answer = deliver(&victim, &attack.door, &plan).await;
                let answer = answer.unwrap_or_else(|what| panic!("{name} at {}: {what}", attack.door.to));
                assert!(answer.taken <= most, "{name} at {}: {} bytes were taken", attack.door.to, answer.taken);
                judge(attack.door.protocol, &answer).unwrap_or_else(|what| panic!("{name} at {}: {what}", attack.door.to));
            }
        }
        all_still_serve(&victim, &attacks).await;
    });
}

/// A point at which a client falls silent, or becomes slow, and how long it may then stay.
struct Stall {
    what: &'static str,
    door: Door,
    /// Sent at once.
    first: Vec<u8>,
    /// Dripped, or not sent at all.
    rest: Vec<u8>,
    limit: Duration,
}

/// Every wait that a server bounds, at every listener.
fn stalls(victim: &Victim, attacks: &[Attack]) -> Vec<Stall> {
    let mut all = Vec::new();
    let hello = corpus::handshakes(victim)[0].render(&Default::default());
    for attack in attacks {
        let mut stall = |what, door: &Door, first: Vec<u8>, rest: &[u8], limit| {
            all.push(Stall { what, door: door.clone(), first, rest: rest.to_vec(), limit });
        };
        let door = &attack.door;
        if door.sealed {
            let bare = Door { sealed: false, ..door.clone() };
            stall("the handshake", &bare, Vec::new(), &hello, provlab_platform::net::HANDSHAKE_LIMIT);
        }
        match door.protocol {
            Protocol::Ldap => {
                let request = ldap::root_search();
                stall("the first request", door, request[..1].to_vec(), &request[1..], limits::FRAME_TIMEOUT);
                stall("a later request", door, [ldap::bind("", ""), request[..2].to_vec()].concat(), &request[2..], limits::FRAME_TIMEOUT);
            }
            Protocol::Http => {
                let host = &door.to.host;
                let head = format!("POST /a HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n");
                stall("a head", door, Vec::new(), head.as_bytes(), http::HEAD_TIMEOUT);
                // After the answer the connection may be kept for another request.
                stall("a body", door, head.into_bytes(), &[b'a'; 100], http::BODY_TIMEOUT + http::HEAD_TIMEOUT);
            }
            Protocol::Relay => {
                let text = websocket::texts(victim);
                let silence = relay::KEEP_ALIVE * (relay::SILENT_INTERVALS + 1);
                stall("the upgrade", door, Vec::new(), &websocket::upgrade(victim), http::HEAD_TIMEOUT);
                stall("the hello", door, websocket::upgrade(victim), &websocket::hello(victim), relay::HELLO_TIMEOUT);
                stall("a frame", door, listening(victim), &websocket::frame(1, &text[5]), silence);
            }
        }
    }
    all
}

/// How much later than its limit a server may close: the network's latency, and pieces that are on their way.
const LATE: Duration = Duration::from_secs(3);

#[test]
fn clients_that_fall_silent_or_are_slow() {
    in_a_world(|victim| async move {
        let attacks = everywhere(&victim);
        for stall in stalls(&victim, &attacks) {
            let half = [&stall.first[..], &stall.rest[..stall.rest.len() / 2]].concat();
            let silent = Plan { bytes: half, pace: Pace::AtOnce, end: End::Silence };
            // So slow that the rest would take twice as long as it may.
            let pause = stall.limit * 2 / u32::try_from(stall.rest.len()).unwrap();
            let slow = Plan { bytes: stall.rest.clone(), pace: Pace::Pieces(1, pause), end: End::Silence };
            for (how, first, plan) in [("silent", Vec::new(), silent), ("slow", stall.first.clone(), slow)] {
                let answer = support::peer::deliver_after(&victim, &stall.door, &first, &plan).await;
                let place = format!("{how} in {} at {}", stall.what, stall.door.to);
                let answer = answer.unwrap_or_else(|what| panic!("{place}: {what}"));
                assert!(answer.took <= stall.limit + LATE, "{place}: {:?} instead of {:?}", answer.took, stall.limit);
            }
        }
        for attack in attacks.iter().filter(|attack| attack.door.protocol == Protocol::Ldap) {
            let nothing = Plan { bytes: Vec::new(), pace: Pace::AtOnce, end: End::Silence };
            let answer = deliver(&victim, &attack.door, &nothing).await.unwrap();
            assert!(answer.took <= limits::FIRST_REQUEST_TIMEOUT + LATE, "{:?}", answer.took);
        }
        all_still_serve(&victim, &attacks).await;
    });
}

#[test]
fn clients_that_ask_without_end_and_never_read() {
    in_a_world(|victim| async move {
        let attacks = everywhere(&victim);
        for attack in &attacks {
            let (first, again) = match attack.door.protocol {
                Protocol::Relay => (listening(&victim), websocket::frame(1, br#"{"v":1,"type":"ping"}"#)),
                _ => (Vec::new(), attack.good.0.render(&victim.tokens().await)),
            };
            let answer = flood(&victim, &attack.door, &first, &again).await;
            let answer = answer.unwrap_or_else(|what| panic!("{}: {what}", attack.door.to));
            let most = most_taken(attack.door.protocol);
            assert!(answer.taken <= most, "{}: {} bytes were taken", attack.door.to, answer.taken);
        }
        all_still_serve(&victim, &attacks).await;
    });
}

/// Clients at the same time, and how often.
const CROWD: usize = 100;
const WAVES: u64 = 10;

#[test]
fn crowds_of_hostile_clients() {
    in_a_world(|victim| async move {
        let attacks = Rc::new(everywhere(&victim));
        let victim = Rc::new(victim);
        for wave in 0..WAVES {
            let local = tokio::task::LocalSet::new();
            let mut crowd = Vec::new();
            for client in 0..CROWD as u64 {
                let (victim, attacks) = (Rc::clone(&victim), Rc::clone(&attacks));
                crowd.push(local.spawn_local(async move {
                    let mut dice = Dice::of_case(1, "crowd", wave * CROWD as u64 + client);
                    let attack = dice.pick(&attacks);
                    let plan = plan(&victim, attack, &mut dice).await;
                    let answer = deliver(&victim, &attack.door, &plan).await;
                    answer.and_then(|answer| judge(attack.door.protocol, &answer)).map_err(|what| {
                        format!("{}: {what}\nsent: {}", attack.door.to, text(&plan.bytes))
                    })
                }));
            }
            local.await;
            for (client, outcome) in crowd.into_iter().enumerate() {
                outcome.await.unwrap().unwrap_or_else(|what| panic!("client {client} of wave {wave}: {what}"));
            }
            all_still_serve(&victim, &attacks).await;
        }
    });
}
