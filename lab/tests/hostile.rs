//! Bad input to every listener of a world: an answer of the protocol or a close, in time; never a panic, never a hang.
//!
//! Every damaged message follows from a seed, the name of its test and its number, so a failure names the line that
//! replays it. `PROVLAB_HOSTILE_CASES` asks for more cases in all, `PROVLAB_HOSTILE_SEED` for others.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::large_futures,
    clippy::type_complexity,
    missing_docs,
    unreachable_pub,
    reason = "a test"
)]

mod support {
    pub mod corpus;
    pub mod dice;
    pub mod ldap;
    pub mod limits;
    pub mod mutate;
    pub mod peer;
    pub mod siege;
    pub mod tree;
    pub mod victim;
    pub mod watch;
    pub mod websocket;
}

use std::{rc::Rc, time::Duration};

use provlab_directory::server::limits::FIRST_REQUEST_TIMEOUT;
use support::{
    corpus::{self, Sample},
    dice::Dice,
    ldap,
    limits::{endless, most_taken, stalls},
    peer::{End, Pace, Plan, Protocol, deliver, deliver_after, flood, judge, text},
    siege::{
        Attack, GRAPH, LOGIN, besiege, bind, https_attack, in_a_world, ldap_attack, listening, no_panic,
        nothing, plan, recorded_attack, relay_attack, still_serves,
    },
    victim::Victim,
    websocket,
};

#[test]
fn damaged_ldap_in_clear() {
    besiege("ldap-in-clear", |victim| {
        // In clear nobody can bind, and who has not bound reads nothing but the root.
        [389, 3268]
            .map(|port| Attack {
                gate: true,
                ..ldap_attack(victim, port, nothing)
            })
            .into()
    });
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
        let mut attacks = vec![
            ldap_attack(victim, 636, nothing),
            ldap_attack(victim, 3269, nothing),
        ];
        let of_cloud = [LOGIN, GRAPH].map(|host| https_attack(host, corpus::http(victim, |to| to == host)));
        attacks.extend(of_cloud);
        attacks.extend(
            ["bootstrap", "registration", "admin", "renewtrust"].map(|part| recorded_attack(victim, part)),
        );
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
    besiege("registration", |victim| {
        vec![recorded_attack(victim, "registration")]
    });
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
    besiege("trust-renewal", |victim| {
        vec![recorded_attack(victim, "renewtrust")]
    });
}

#[test]
fn damaged_relay_upgrades() {
    besiege("relay-upgrade", |victim| {
        let mut attack = relay_attack(victim, nothing);
        attack.door.protocol = Protocol::Http;
        attack.gate = true;
        attack.samples = vec![Sample::of(&websocket::upgrade(victim), "")];
        // A refusal is a good answer here: whether the relay still lets agents in is the next test's business.
        attack.good = (
            Sample::of(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""),
            b"HTTP/1.1 404",
        );
        vec![attack]
    });
}

#[test]
fn damaged_relay_frames() {
    besiege("relay-frames", |victim| {
        vec![
            relay_attack(victim, listening),
            relay_attack(victim, websocket::upgrade),
        ]
    });
}

/// One attack on every listener of the world.
fn everywhere(victim: &Victim) -> Vec<Attack> {
    let mut attacks: Vec<_> = [389, 3268].map(|port| ldap_attack(victim, port, nothing)).into();
    attacks.extend([636, 3269].map(|port| ldap_attack(victim, port, bind)));
    attacks.push(https_attack(LOGIN, corpus::login(victim, LOGIN)));
    attacks.push(https_attack(GRAPH, corpus::graph(GRAPH)));
    attacks.extend(
        ["registration", "bootstrap", "admin", "renewtrust"].map(|part| recorded_attack(victim, part)),
    );
    attacks.push(relay_attack(victim, listening));
    attacks
}

async fn all_still_serve(victim: &Victim, attacks: &[Attack]) {
    for attack in attacks {
        still_serves(victim, attack)
            .await
            .unwrap_or_else(|what| panic!("{}: {what}", attack.door.to));
    }
    no_panic().unwrap();
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
                messages.extend(
                    queries
                        .into_iter()
                        .map(|(name, sample)| (name, sample.render(&tokens))),
                );
            }
            for (name, message) in messages {
                let bytes = [(attack.before)(&victim), message].concat();
                let plan = Plan {
                    bytes,
                    pace: Pace::AtOnce,
                    end: End::Close,
                };
                let judged = deliver(&victim, door, &plan)
                    .await
                    .and_then(|answer| judge(door.protocol, &answer));
                judged
                    .and_then(|()| no_panic())
                    .unwrap_or_else(|what| panic!("{name} at {}: {what}", door.to));
            }
        }
        all_still_serve(&victim, &attacks).await;
    });
}

#[test]
fn messages_without_end() {
    in_a_world(|victim| async move {
        let attacks = everywhere(&victim);
        for attack in &attacks {
            let most = most_taken(attack.door.protocol);
            for (name, mut bytes) in endless(attack, &victim) {
                bytes.resize(most + (4 << 20), b'a');
                let plan = Plan {
                    bytes,
                    pace: Pace::AtOnce,
                    end: End::Silence,
                };
                let answer = deliver(&victim, &attack.door, &plan).await;
                let answer = answer.unwrap_or_else(|what| panic!("{name} at {}: {what}", attack.door.to));
                assert!(
                    answer.taken <= most,
                    "{name} at {}: {} bytes were taken",
                    attack.door.to,
                    answer.taken
                );
                judge(attack.door.protocol, &answer)
                    .unwrap_or_else(|what| panic!("{name} at {}: {what}", attack.door.to));
            }
        }
        all_still_serve(&victim, &attacks).await;
    });
}

/// How much later than its limit a server may close: the network's latency, and pieces that are on their way.
const LATE: Duration = Duration::from_secs(3);

#[test]
fn clients_that_fall_silent_or_are_slow() {
    in_a_world(|victim| async move {
        let attacks = everywhere(&victim);
        for stall in stalls(&victim, &attacks) {
            let half = [&stall.first[..], &stall.rest[..stall.rest.len() / 2]].concat();
            let silent = Plan {
                bytes: half,
                pace: Pace::AtOnce,
                end: End::Silence,
            };
            // So slow that the rest would take twice as long as it may.
            let pause = stall.limit * 2 / u32::try_from(stall.rest.len()).unwrap();
            let slow = Plan {
                bytes: stall.rest.clone(),
                pace: Pace::Pieces(1, pause),
                end: End::Silence,
            };
            for (how, first, plan) in [
                ("silent", Vec::new(), silent),
                ("slow", stall.first.clone(), slow),
            ] {
                let answer = deliver_after(&victim, &stall.door, &first, &plan).await;
                let place = format!("{how} in {} at {}", stall.what, stall.door.to);
                let answer = answer.unwrap_or_else(|what| panic!("{place}: {what}"));
                assert!(
                    answer.took <= stall.limit + LATE,
                    "{place}: {:?} instead of {:?}",
                    answer.took,
                    stall.limit
                );
            }
        }
        for attack in attacks
            .iter()
            .filter(|attack| attack.door.protocol == Protocol::Ldap)
        {
            let nothing = Plan {
                bytes: Vec::new(),
                pace: Pace::AtOnce,
                end: End::Silence,
            };
            let answer = deliver(&victim, &attack.door, &nothing).await.unwrap();
            assert!(answer.took <= FIRST_REQUEST_TIMEOUT + LATE, "{:?}", answer.took);
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
                Protocol::Relay => (
                    listening(&victim),
                    websocket::frame(1, br#"{"v":1,"type":"ping"}"#),
                ),
                _ => (Vec::new(), attack.good.0.render(&victim.tokens().await)),
            };
            let answer = flood(&victim, &attack.door, &first, &again).await;
            let answer = answer.unwrap_or_else(|what| panic!("{}: {what}", attack.door.to));
            let most = most_taken(attack.door.protocol);
            assert!(
                answer.taken <= most,
                "{}: {} bytes were taken",
                attack.door.to,
                answer.taken
            );
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
                    answer
                        .and_then(|answer| judge(attack.door.protocol, &answer))
                        .map_err(|what| format!("{}: {what}\nsent: {}", attack.door.to, text(&plan.bytes)))
                }));
            }
            local.await;
            for (client, outcome) in crowd.into_iter().enumerate() {
                outcome
                    .await
                    .unwrap()
                    .unwrap_or_else(|what| panic!("client {client} of wave {wave}: {what}"));
            }
            all_still_serve(&victim, &attacks).await;
        }
    });
}

#[test]
fn a_panic_in_a_task_is_seen() {
    in_a_world(|_victim| async move {
        assert_eq!(no_panic(), Ok(()));
        // A task that panics takes only itself along: without looking for it nobody would know.
        let _ = tokio::spawn(async { panic!("on purpose") }).await;
        assert!(no_panic().is_err_and(|what| what.contains("on purpose")));
    });
}
