//! Bad input to every listener of a world: an answer of the protocol or a close, in time; never a panic, never a hang.
//!
//! Every case follows from a seed, the name of its test and its number, so a failure names the line that replays it.
//! `PROVLAB_HOSTILE_CASES` asks for more cases in all, `PROVLAB_HOSTILE_SEED` for others.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, reason = "a test")]

mod support {
    pub mod corpus;
    pub mod dice;
    pub mod ldap;
    pub mod mutate;
    pub mod peer;
    pub mod victim;
    pub mod watch;
    pub mod websocket;
}

use std::time::Duration;

use provlab_directory::server::limits;
use provlab_entra::{http, relay};
use provlab_platform::{Endpoint, net::sim::WINDOW_BYTES};
use provlab_protocol::relay::MAX_FRAME_BYTES;
use support::{
    corpus::{self, Sample},
    dice::Dice,
    ldap,
    mutate::{self, FRAME_WORDS, HTTP_WORDS, LDAP_WORDS},
    peer::{Answer, Door, End, Pace, Plan, Protocol, deliver, judge, text},
    victim::{DC, INSTALLER, PASSWORD, Victim},
    watch, websocket,
};

/// The damaged messages of each test. Together they are what one run of the continuous integration tries.
const SHARES: [(&str, u64); 12] = [
    ("ldap-in-clear", 14_000),
    ("ldap-over-tls", 24_000),
    ("global-catalog", 8_000),
    ("handshake", 6_000),
    ("sign-in", 10_000),
    ("graph", 14_000),
    ("registration", 5_000),
    ("bootstrap", 5_000),
    ("admin", 6_000),
    ("trust-renewal", 4_000),
    ("relay-upgrade", 4_000),
    ("relay-frames", 10_000),
];

/// All of them.
const CASES: u64 = {
    let (mut sum, mut at) = (0, 0);
    while at < SHARES.len() {
        sum += SHARES[at].1;
        at += 1;
    }
    sum
};

const _: () = assert!(CASES >= 100_000);

/// Cases between two looks at whether the world still serves everybody else.
const BETWEEN_CHECKS: u64 = 1_000;

const LOGIN: &str = "login.microsoftonline.com";
const GRAPH: &str = "graph.microsoft.com";

/// A port with what is said to it.
struct Attack {
    door: Door,
    /// Valid messages.
    samples: Vec<Sample>,
    /// Sent before each of them, undamaged.
    before: fn(&Victim) -> Vec<u8>,
    /// Whether the damage is done before TLS, to the handshake itself.
    bare: bool,
    /// A message that is answered well, and a piece of its answer.
    good: (Sample, &'static [u8]),
}

fn nothing(_: &Victim) -> Vec<u8> {
    Vec::new()
}

fn bind(_: &Victim) -> Vec<u8> {
    ldap::bind(INSTALLER, PASSWORD)
}

fn listening(victim: &Victim) -> Vec<u8> {
    [websocket::upgrade(victim), websocket::hello(victim)].concat()
}

fn ldap_attack(victim: &Victim, port: u16, before: fn(&Victim) -> Vec<u8>) -> Attack {
    Attack {
        door: Door { to: Endpoint::new(DC, port), sealed: matches!(port, 636 | 3269), protocol: Protocol::Ldap },
        samples: corpus::ldap(victim),
        before,
        bare: false,
        good: (Sample::of(&ldap::root_search(), DC), DC.as_bytes()),
    }
}

/// An attack on a host of the cloud; the first sample is the one that is answered well.
fn https_attack(host: &str, samples: Vec<Sample>) -> Attack {
    let good = samples.first().unwrap_or_else(|| panic!("nothing was recorded to {host}")).clone();
    Attack {
        door: Door { to: Endpoint::new(host, 443), sealed: true, protocol: Protocol::Http },
        samples,
        before: nothing,
        bare: false,
        good: (good, b"HTTP/1.1 2"),
    }
}

/// An attack on the host of the cloud that the agent's recorded requests went to.
fn recorded_attack(victim: &Victim, part: &str) -> Attack {
    let host = victim.recorded.iter().map(|talk| talk.to.host.as_str()).find(|host| host.contains(part));
    let host = host.unwrap_or_else(|| panic!("nobody called {part}"));
    https_attack(host, corpus::http(victim, |to| to == host))
}

fn relay_attack(victim: &Victim, before: fn(&Victim) -> Vec<u8>) -> Attack {
    let texts = websocket::texts(victim);
    Attack {
        door: Door { to: Endpoint::new(victim.listener.host(), 443), sealed: true, protocol: Protocol::Relay },
        good: (Sample::of(&websocket::frame(1, &texts[1]), ""), b"\"welcome\""),
        samples: texts.iter().map(|text| Sample::of(text, "")).collect(),
        before,
        bare: false,
    }
}

/// What is sent in one case.
async fn plan(victim: &Victim, attack: &Attack, dice: &mut Dice) -> Plan {
    let mut bytes = dice.pick(&attack.samples).render(&victim.tokens().await);
    match attack.door.protocol {
        Protocol::Ldap => {
            mutate::mutate(dice, &mut bytes, LDAP_WORDS);
            if dice.once_in(2) {
                mutate::repair_ldap(&mut bytes);
            }
        }
        Protocol::Http => {
            mutate::mutate(dice, &mut bytes, HTTP_WORDS);
            if dice.once_in(2) {
                mutate::repair_http(&mut bytes);
            }
        }
        Protocol::Relay => {
            if !dice.once_in(3) {
                mutate::mutate(dice, &mut bytes, FRAME_WORDS);
            }
            bytes = websocket::damaged_frame(dice, &bytes);
        }
    }
    // Some come twice, some with a valid one behind them.
    if dice.once_in(16) {
        bytes.extend_from_within(..);
    }
    let before = if dice.once_in(8) && attack.door.protocol == Protocol::Ldap { nothing } else { attack.before };
    let bytes = [before(victim), bytes].concat();
    let pace = match dice.below(8) {
        0 => Pace::Pieces(1 + dice.below(bytes.len()), Duration::from_millis(1 + dice.below(20) as u64)),
        _ => Pace::AtOnce,
    };
    let end = match dice.below(32) {
        0 => End::Silence,
        1 => End::Gone,
        2..8 => End::CloseAtOnce,
        _ => End::Close,
    };
    Plan { bytes, pace, end }
}

/// Whether everybody else is still served.
async fn still_serves(victim: &Victim, attack: &Attack) -> Result<(), String> {
    let (sample, expected) = &attack.good;
    let mut bytes = if attack.door.protocol == Protocol::Relay { listening(victim) } else { Vec::new() };
    bytes.extend(sample.render(&victim.tokens().await));
    let plan = Plan { bytes, pace: Pace::AtOnce, end: End::Close };
    let answer = deliver(victim, &attack.door, &plan).await?;
    judge(attack.door.protocol, &answer)?;
    if mutate::find(&answer.bytes, expected).is_none() {
        return Err(format!("a good request is answered by {:?}", text(&answer.bytes)));
    }
    watch::memory()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// Runs the cases of one test against a world of its own.
fn besiege(name: &'static str, attacks: impl FnOnce(&Victim) -> Vec<Attack>) {
    let share = SHARES.iter().find(|(known, _)| *known == name).map_or(0, |(_, cases)| *cases);
    let all = number("PROVLAB_HOSTILE_CASES").unwrap_or(CASES);
    let cases = (share * all).div_ceil(CASES);
    let seed = number("PROVLAB_HOSTILE_SEED").unwrap_or(1);
    let replay = std::env::var("PROVLAB_HOSTILE_REPLAY").ok();
    let only = match replay.as_deref().map(|case| case.split_once(':')) {
        Some(Some((wanted, case))) if wanted == name => case.parse::<u64>().ok(),
        Some(_) => return,
        None => None,
    };
    in_a_world(|victim| async move {
        let attacks = attacks(&victim);
        for attack in &attacks {
            still_serves(&victim, attack).await.unwrap_or_else(|what| panic!("{name}: before any case: {what}"));
        }
        for case in only.map_or(0..cases, |only| only..only + 1) {
            let line = format!(
                "PROVLAB_HOSTILE_SEED={seed} PROVLAB_HOSTILE_REPLAY={name}:{case} cargo test -p provlab --test hostile"
            );
            watch::case_begins(name, &line);
            let mut dice = Dice::of_case(seed, name, case);
            let attack = dice.pick(&attacks);
            let plan = plan(&victim, attack, &mut dice).await;
            let door = Door { sealed: attack.door.sealed && !attack.bare, ..attack.door.clone() };
            let outcome = match deliver(&victim, &door, &plan).await {
                // What answers a handshake is none of the protocol behind it.
                Ok(_) if attack.bare => Ok(()),
                Ok(answer) => judge(door.protocol, &answer),
                Err(what) => Err(what),
            };
            let outcome = outcome.and_then(|()| no_panic());
            let outcome = match outcome {
                Ok(()) if case % BETWEEN_CHECKS == BETWEEN_CHECKS - 1 => still_serves(&victim, attack).await,
                other => other,
            };
            if let Err(what) = outcome {
                panic!("case {case} of {cases} at {}: {what}\nsent ({:?}, {:?}): {}\nreplay: {line}", attack.door.to, plan.pace, plan.end, text(&plan.bytes));
            }
        }
        for attack in &attacks {
            still_serves(&victim, attack).await.unwrap_or_else(|what| panic!("{name}: after all cases: {what}"));
        }
        watch::door_ends(name);
    });
}

fn no_panic() -> Result<(), String> {
    let panics = watch::panics();
    if panics.is_empty() { Ok(()) } else { Err(format!("a panic: {}", panics.join("; "))) }
}

fn in_a_world<F: Future<Output = ()>>(test: impl FnOnce(Victim) -> F) {
    watch::begin();
    let runtime = provlab_platform::sim::runtime(1).unwrap();
    runtime.block_on(async { Box::pin(test(Box::pin(Victim::build()).await)).await });
}

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
