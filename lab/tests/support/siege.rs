//! A siege: a seeded series of damaged messages against one kind of port, and the check that the world outlives it.

use std::{collections::BTreeMap, time::Duration};

use provlab_platform::Endpoint;

use super::{
    corpus::{self, Sample},
    dice::Dice,
    ldap,
    mutate::{self, FRAME_WORDS, LDAP_WORDS},
    peer::{Door, End, Fate, Pace, Plan, Protocol, deliver, fate, judge, text},
    tree,
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

/// One of so many damaged messages at least has to be understood nevertheless.
const DEEP_ENOUGH: u64 = 100;

/// The sign-in service.
pub const LOGIN: &str = "login.microsoftonline.com";
/// Microsoft Graph.
pub const GRAPH: &str = "graph.microsoft.com";

/// A port with what is said to it.
pub struct Attack {
    /// The port.
    pub door: Door,
    /// Valid messages.
    pub samples: Vec<Sample>,
    /// Sent before each of them, undamaged.
    pub before: fn(&Victim) -> Vec<u8>,
    /// Whether the damage is done before TLS, to the handshake itself.
    pub bare: bool,
    /// Whether the port lets next to nobody in, so that it is the gate itself that is tried.
    pub gate: bool,
    /// A message that is answered well, and a piece of its answer.
    pub good: (Sample, &'static [u8]),
}

/// Nothing is sent before a message.
pub fn nothing(_: &Victim) -> Vec<u8> {
    Vec::new()
}

/// A bind as a domain administrator.
pub fn bind(_: &Victim) -> Vec<u8> {
    ldap::bind(INSTALLER, PASSWORD)
}

/// What brings a WebSocket to the point where the relay takes the agent for a listener.
pub fn listening(victim: &Victim) -> Vec<u8> {
    [websocket::upgrade(victim), websocket::hello(victim)].concat()
}

/// An attack on a port of the domain controller.
pub fn ldap_attack(victim: &Victim, port: u16, before: fn(&Victim) -> Vec<u8>) -> Attack {
    Attack {
        door: Door {
            to: Endpoint::new(DC, port),
            sealed: matches!(port, 636 | 3269),
            protocol: Protocol::Ldap,
        },
        samples: corpus::ldap(victim),
        before,
        bare: false,
        gate: false,
        good: (Sample::of(&ldap::root_search(), DC), DC.as_bytes()),
    }
}

/// An attack on a host of the cloud; the first sample is the one that is answered well.
pub fn https_attack(host: &str, samples: Vec<Sample>) -> Attack {
    let good = samples
        .first()
        .unwrap_or_else(|| panic!("nothing was recorded to {host}"))
        .clone();
    Attack {
        door: Door {
            to: Endpoint::new(host, 443),
            sealed: true,
            protocol: Protocol::Http,
        },
        samples,
        before: nothing,
        bare: false,
        gate: false,
        good: (good, b"HTTP/1.1 2"),
    }
}

/// An attack on the host of the cloud that the agent's recorded requests went to.
pub fn recorded_attack(victim: &Victim, part: &str) -> Attack {
    let host = victim
        .recorded
        .iter()
        .map(|talk| talk.to.host.as_str())
        .find(|host| host.contains(part));
    let host = host.unwrap_or_else(|| panic!("nobody called {part}"));
    https_attack(host, corpus::http(victim, |to| to == host))
}

/// An attack on the relay.
pub fn relay_attack(victim: &Victim, before: fn(&Victim) -> Vec<u8>) -> Attack {
    let texts = websocket::texts(victim);
    Attack {
        door: Door {
            to: Endpoint::new(victim.listener.host(), 443),
            sealed: true,
            protocol: Protocol::Relay,
        },
        good: (Sample::of(&websocket::frame(1, &texts[1]), ""), b"\"welcome\""),
        samples: texts.iter().map(|text| Sample::of(text, "")).collect(),
        before,
        bare: false,
        gate: false,
    }
}

/// What is sent in one case.
pub async fn plan(victim: &Victim, attack: &Attack, dice: &mut Dice) -> Plan {
    let tokens = victim.tokens().await;
    let mut bytes = dice.pick(&attack.samples).marked();
    if dice.once_in(8) {
        // So that damage reaches the authorizations too.
        bytes = corpus::fill(&bytes, &tokens);
    }
    match attack.door.protocol {
        Protocol::Ldap => {
            if dice.once_in(2) {
                tree::damage(dice, &mut bytes, LDAP_WORDS);
            } else {
                mutate::mutate(dice, &mut bytes, LDAP_WORDS);
                if dice.once_in(2) {
                    mutate::repair_ldap(&mut bytes);
                }
            }
        }
        Protocol::Http => {
            mutate::mutate_http(dice, &mut bytes);
            bytes = corpus::fill(&bytes, &tokens);
            if !dice.once_in(3) {
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
    let before = if dice.once_in(8) && attack.door.protocol == Protocol::Ldap {
        nothing
    } else {
        attack.before
    };
    let bytes = [before(victim), bytes].concat();
    let pace = match dice.below(8) {
        0 => Pace::Pieces(
            1 + dice.below(bytes.len()),
            Duration::from_millis(1 + dice.below(20) as u64),
        ),
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
pub async fn still_serves(victim: &Victim, attack: &Attack) -> Result<(), String> {
    let (sample, expected) = &attack.good;
    let mut bytes = if attack.door.protocol == Protocol::Relay {
        listening(victim)
    } else {
        Vec::new()
    };
    bytes.extend(sample.render(&victim.tokens().await));
    let plan = Plan {
        bytes,
        pace: Pace::AtOnce,
        end: End::Close,
    };
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
pub fn besiege(name: &'static str, attacks: impl FnOnce(&Victim) -> Vec<Attack>) {
    let share = SHARES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(0, |(_, cases)| *cases);
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
            still_serves(&victim, attack)
                .await
                .unwrap_or_else(|what| panic!("{name}: before any case: {what}"));
        }
        let mut fates: BTreeMap<Fate, u64> = BTreeMap::new();
        for case in only.map_or(0..cases, |only| only..only + 1) {
            let line = format!(
                "PROVLAB_HOSTILE_SEED={seed} PROVLAB_HOSTILE_REPLAY={name}:{case} cargo test -p provlab --test hostile"
            );
            watch::case_begins(name, &line);
            let mut dice = Dice::of_case(seed, name, case);
            let attack = dice.pick(&attacks);
            let plan = plan(&victim, attack, &mut dice).await;
            let door = Door {
                sealed: attack.door.sealed && !attack.bare,
                ..attack.door.clone()
            };
            let outcome = match deliver(&victim, &door, &plan).await {
                // What answers a handshake is none of the protocol behind it.
                Ok(_) if attack.bare => Ok(()),
                Ok(answer) => {
                    *fates.entry(fate(door.protocol, &answer)).or_default() += 1;
                    judge(door.protocol, &answer)
                }
                Err(what) => Err(what),
            };
            let outcome = outcome.and_then(|()| no_panic());
            let outcome = match outcome {
                Ok(()) if case % BETWEEN_CHECKS == BETWEEN_CHECKS - 1 => still_serves(&victim, attack).await,
                other => other,
            };
            if let Err(what) = outcome {
                panic!(
                    "case {case} of {cases} at {}: {what}\nsent ({:?}, {:?}): {}\nreplay: {line}",
                    attack.door.to,
                    plan.pace,
                    plan.end,
                    text(&plan.bytes)
                );
            }
        }
        for attack in &attacks {
            still_serves(&victim, attack)
                .await
                .unwrap_or_else(|what| panic!("{name}: after all cases: {what}"));
        }
        watch::door_ends(name);
        // A siege that everybody turns away at the gate tries nothing behind it.
        let served = fates.get(&Fate::Served).copied().unwrap_or(0);
        let at_the_gate = attacks.iter().all(|attack| attack.bare || attack.gate);
        let deep = at_the_gate || served * DEEP_ENOUGH > cases;
        assert!(
            deep || only.is_some() || cases < DEEP_ENOUGH * 10,
            "hardly anything was understood: {fates:?}"
        );
        eprintln!("{name}: {fates:?}");
    });
}

/// Checks that nothing has panicked in this world.
///
/// # Errors
/// What has.
pub fn no_panic() -> Result<(), String> {
    let panics = watch::panics();
    if panics.is_empty() {
        Ok(())
    } else {
        Err(format!("a panic: {}", panics.join("; ")))
    }
}

/// Runs a test in a world of its own.
pub fn in_a_world<F: Future<Output = ()>>(test: impl FnOnce(Victim) -> F) {
    watch::begin();
    let runtime = provlab_platform::sim::runtime(1).unwrap();
    runtime.block_on(async { Box::pin(test(Box::pin(Victim::build()).await)).await });
}
