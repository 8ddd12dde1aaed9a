//! Random sequences of operations, played on both servers: every answer, the tree at the end and DirSync's view of it
//! are compared. A sequence after which they differ is cut down to the shortest one that still does, and told as a case
//! that can be pasted into `cases/`.
//!
//! The sequences are the same in every run; `PROVLAB_SEQUENCES` says how many, `PROVLAB_SEED` draws others.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use proptest_state_machine::ReferenceStateMachine as _;
use sha2::{Digest as _, Sha256};

use crate::{
    fixture::Fixture,
    play::Player,
    script::{self, Step},
    server::Server,
    suite::Suite,
};

mod excuse;
mod generate;
mod model;
mod vocabulary;

use model::{Model, Transition};

/// Sequences in a run.
const SEQUENCES: usize = 300;
/// Operations in a sequence.
const OPERATIONS: std::ops::RangeInclusive<usize> = 5..=24;
/// Sequences played at once: while one waits for a disk, another computes.
const WORKERS: usize = 4;
/// Most attempts to make a failing sequence shorter.
const MAX_SHRINKS: u32 = 150;
/// After so many failures no other sequence is begun.
const MAX_FAILURES: usize = 40;

/// Both servers, and what is counted.
struct Pair<'a> {
    suite: &'a Suite,
    embedded: &'a Server,
    samba: &'a Server,
    fixture: &'a Fixture,
    attempts: AtomicUsize,
    operations: AtomicUsize,
    excused: Mutex<BTreeMap<&'static str, usize>>,
}

/// Plays the sequences.
///
/// # Errors
/// The servers differ: the shortest sequences that show it.
pub fn run(suite: &Suite) -> Result<(), String> {
    let (sequences, seed) = (
        setting("PROVLAB_SEQUENCES", SEQUENCES)?,
        setting("PROVLAB_SEED", 1)?,
    );
    let servers = suite.servers()?;
    let samba = match &servers.samba {
        Ok(samba) => samba,
        Err(reason) => {
            eprintln!("parity: the random sequences are not run: {reason}");
            return Ok(());
        }
    };
    let pair = Pair {
        suite,
        embedded: &servers.embedded,
        samba,
        fixture: &servers.fixture,
        attempts: AtomicUsize::new(0),
        operations: AtomicUsize::new(0),
        excused: Mutex::default(),
    };
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(sequences) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= sequences || failures.lock().unwrap().len() >= MAX_FAILURES {
                        break;
                    }
                    if let Err(report) = pair.sequence(seed, number) {
                        failures.lock().unwrap().push(report);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    if failures.is_empty() {
        pair.tell(sequences, seed, started);
        Ok(())
    } else {
        Err(failures.join("\n"))
    }
}

/// A number of the environment.
fn setting(name: &str, usual: usize) -> Result<usize, String> {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .map_err(|_| format!("{name} is {text:?}; write a number")),
        Err(_) => Ok(usual),
    }
}

impl Pair<'_> {
    /// Draws a sequence and plays it, and shorter ones if it fails.
    fn sequence(&self, seed: usize, number: usize) -> Result<(), String> {
        let config = Config {
            cases: 1,
            max_shrink_iters: MAX_SHRINKS,
            failure_persistence: None,
            ..Config::default()
        };
        let drawn = Sha256::digest(format!("{seed} {number}"));
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &drawn);
        let outcome = TestRunner::new_with_rng(config, rng).run(
            &Model::sequential_strategy(OPERATIONS),
            |(model, transitions, seen)| {
                let played = self.play(&model, &transitions, seen.as_deref());
                self.suite.block_on(played).map_err(TestCaseError::fail)
            },
        );
        match outcome {
            Ok(()) => Ok(()),
            Err(TestError::Fail(reason, _)) => Err(format!(
                "sequence {number} of PROVLAB_SEED={seed}, as short as it gets:\n\n{reason}"
            )),
            Err(TestError::Abort(reason)) => Err(format!("sequence {number}: {reason}")),
        }
    }

    async fn play(
        &self,
        model: &Model,
        transitions: &[Transition],
        seen: Option<&AtomicUsize>,
    ) -> Result<(), String> {
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed);
        let id = format!("q{}{attempt:05x}", self.fixture.run);
        let mut embedded = Player::begin(self.embedded, self.fixture, &id).await?;
        let mut samba = Player::begin(self.samba, self.fixture, &id).await?;
        let mut told = "== random: \n".to_owned();
        self.both(&mut embedded, &mut samba, &first_look(model), &mut told)
            .await?;
        for transition in transitions {
            if let Some(seen) = seen {
                seen.fetch_add(1, Ordering::SeqCst);
            }
            self.both(&mut embedded, &mut samba, &transition.text, &mut told)
                .await?;
        }
        self.both(&mut embedded, &mut samba, &last_look(), &mut told)
            .await?;
        self.operations.fetch_add(transitions.len(), Ordering::Relaxed);
        Ok(())
    }

    /// Takes the steps of a text on both servers; an error is the whole of what was `told`, up to the difference.
    async fn both(
        &self,
        embedded: &mut Player<'_>,
        samba: &mut Player<'_>,
        text: &str,
        told: &mut String,
    ) -> Result<(), String> {
        let case = script::read("random", &format!("== random\n{text}"))?;
        let steps = case.into_iter().flat_map(|case| case.steps);
        for step in steps {
            for line in &step.written {
                let _ = writeln!(told, "{line}");
            }
            let (left, right) = tokio::join!(embedded.step(&step), samba.step(&step));
            let broken = |error: String| format!("{told}# {error}\n");
            let (Some(left), Some(right)) = (left.map_err(broken)?, right.map_err(broken)?) else {
                continue;
            };
            for line in left.lines(step.show) {
                let _ = writeln!(told, "> {line}");
            }
            if left.agrees(&right, step.show) {
                continue;
            }
            self.excuse(&step, &left, &right).ok_or_else(|| {
                let (ours, others) = (left.lines(step.show), right.lines(step.show));
                let differ = |lines: &[String], without: &[String], sign: &str| -> String {
                    let alone = lines.iter().filter(|line| !without.contains(line));
                    alone.map(|line| format!("{sign} {line}\n")).collect()
                };
                format!(
                    "{}{}\n{told}~ {}\n",
                    differ(&ours, &others, "# embedded alone:"),
                    differ(&others, &ours, "# samba alone:"),
                    others.join("\n~ ")
                )
            })?;
        }
        Ok(())
    }

    fn excuse(
        &self,
        step: &Step,
        left: &crate::observation::Observation,
        right: &crate::observation::Observation,
    ) -> Option<()> {
        let name = excuse::excuse(step, left, right)?;
        *self.excused.lock().unwrap().entry(name).or_default() += 1;
        Some(())
    }

    fn tell(&self, sequences: usize, seed: usize, started: Instant) {
        let operations = self.operations.load(Ordering::Relaxed);
        println!(
            "parity: {sequences} random sequences, {operations} operations agree (PROVLAB_SEED={seed}, {:.0} s)",
            started.elapsed().as_secs_f32()
        );
        for (name, times) in &*self.excused.lock().unwrap() {
            println!("parity: {times} of them differ as known: {name}");
        }
    }
}

/// What comes before the operations: DirSync's first answer, from which its cookie is kept.
fn first_look(model: &Model) -> String {
    format!(
        "search {{domain}} sub (name={{id}}*)\n  attributes: {}\n  control!: dirsync {} 0\n",
        vocabulary::TRACKED,
        model.flags
    )
}

/// What comes after them: the whole tree, and what has changed since DirSync's last answer.
fn last_look() -> String {
    format!(
        "search . sub (objectClass=*)\n  attributes: {}\nagain\n",
        vocabulary::LAST_LOOK
    )
}

/// What holds without a server: excuses have their rows, and names are as long as they say.
///
/// # Errors
/// What does not hold.
pub fn check() -> Result<(), String> {
    for excuse in excuse::EXCUSES {
        if !crate::known::KNOWN.iter().any(|known| known.case == excuse.case) {
            return Err(format!(
                "{:?} excuses answers, but known.rs has no such row",
                excuse.case
            ));
        }
    }
    Ok(())
}

/// The trials of this part.
pub fn trials(suite: &Arc<Suite>) -> Vec<libtest_mimic::Trial> {
    let suite = Arc::clone(suite);
    vec![
        libtest_mimic::Trial::test("random: excuses are known differences", || {
            check().map_err(Into::into)
        }),
        libtest_mimic::Trial::test("random: sequences of operations", move || {
            run(&suite).map_err(Into::into)
        }),
    ]
}
