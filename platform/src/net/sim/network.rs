//! The world's network: its rules, its hosts, its connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::connection::Connection;
use super::door::Door;
use super::places::{Places, Waiting};
use super::stream::SimStream;
use super::{Direction, Link, Moment, Rule, RuleGuard, Verdict};
use crate::clock::Clock;
use crate::net::Net;
use crate::trace::Trace;

/// One-way latency unless a rule adds to it; tokio's timers count whole milliseconds.
pub const DEFAULT_LATENCY: Duration = Duration::from_millis(1);

/// The network of one simulated world; cheap to clone.
#[derive(Debug, Clone)]
pub struct SimNetwork {
    world: Arc<World>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) latency: Duration,
    trace: Trace,
    rules: Mutex<Rules>,
    pub(super) places: Mutex<Places>,
    /// A rule has gone: connects that were held back ask again.
    pub(super) healed: Notify,
}

#[derive(Default)]
struct Rules {
    next: u64,
    in_force: BTreeMap<u64, Box<dyn Rule>>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.in_force.keys()).finish()
    }
}

/// What the rules together say.
pub(super) struct Judgement {
    pub(super) delay: Duration,
    pub(super) verdict: Verdict,
    /// The rule that decided; it is to be gone before a held piece is looked at again.
    pub(super) rule: u64,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SimNetwork {
    /// A network without hosts and faults. Its connects and accepts are told to `trace`, each as its own host's.
    #[must_use]
    pub fn new(clock: &Clock, trace: &Trace) -> Self {
        Self::with_latency(clock, trace, DEFAULT_LATENCY)
    }

    /// The same with another one-way latency between any two hosts.
    #[must_use]
    pub fn with_latency(clock: &Clock, trace: &Trace, latency: Duration) -> Self {
        Self {
            world: Arc::new(World {
                clock: clock.clone(),
                latency,
                trace: trace.with_clock(clock),
                rules: Mutex::default(),
                places: Mutex::default(),
                healed: Notify::new(),
            }),
        }
    }

    /// The network as `host` sees it. From now on the name resolves.
    #[must_use]
    pub fn door(&self, host: &str) -> Arc<dyn Net> {
        let host = host.to_ascii_lowercase();
        lock(&self.world.places).known.insert(host.clone());
        Arc::new(Door {
            trace: self.world.trace.for_host(&host),
            world: Arc::clone(&self.world),
            host,
        })
    }

    /// Puts a rule in force until its guard is dropped.
    pub fn add_rule(&self, rule: impl Rule + 'static) -> RuleGuard {
        let mut rules = lock(&self.world.rules);
        let id = rules.next;
        rules.next += 1;
        rules.in_force.insert(id, Box::new(rule));
        RuleGuard::new(Arc::downgrade(&self.world), id)
    }

    /// Kills every process of the host: its listeners are gone and its connections break. Its names still resolve.
    pub fn kill_host(&self, host: &str) {
        let host = host.to_ascii_lowercase();
        let (listeners, connections) = {
            let mut places = lock(&self.world.places);
            let listeners: Vec<Arc<Waiting>> = places
                .listeners
                .extract_if(.., |_, waiting| waiting.host == host)
                .map(|(_, waiting)| waiting)
                .collect();
            (listeners, places.standing())
        };
        for waiting in listeners {
            waiting.close();
        }
        for connection in connections {
            if connection.link.client == host {
                connection.kill(&self.world, Direction::ToServer);
            } else if connection.link.server_host == host {
                connection.kill(&self.world, Direction::ToClient);
            }
        }
    }
}

impl World {
    /// When a piece that sets out now arrives.
    pub(super) fn arrival(&self, delay: Duration) -> Instant {
        Instant::now() + self.latency + delay
    }

    /// Asks the rules from number `from` on.
    pub(super) fn judge(&self, link: &Link, moment: &Moment<'_>, from: u64) -> Judgement {
        let mut delay = Duration::ZERO;
        for (id, rule) in lock(&self.rules).in_force.range_mut(from..) {
            match rule.decide(link, moment) {
                Verdict::Pass => {}
                Verdict::Delay(more) => delay = delay.saturating_add(more).min(MAX_DELAY),
                verdict => {
                    return Judgement {
                        delay,
                        verdict,
                        rule: *id,
                    };
                }
            }
        }
        Judgement {
            delay,
            verdict: Verdict::Pass,
            rule: 0,
        }
    }

    pub(super) fn heal(&self, rule: u64) {
        // Dropped outside the lock: a rule may own anything.
        let gone = lock(&self.rules).in_force.remove(&rule);
        drop(gone);
        let standing = lock(&self.places).standing();
        for connection in standing {
            connection.release(self, rule);
        }
        self.healed.notify_waiters();
    }

    pub(super) fn forget(&self, connection: u64) {
        lock(&self.places).connections.remove(&connection);
    }

    /// A new connection on the link, known to the world as long as one side holds it.
    pub(super) fn connection(self: &Arc<Self>, link: &Link) -> (SimStream, SimStream, Arc<Connection>) {
        let mut places = lock(&self.places);
        let id = places.next_connection;
        places.next_connection += 1;
        let connection = Arc::new(Connection::new(id, link.clone()));
        places.connections.insert(id, Arc::downgrade(&connection));
        let (client, server) = SimStream::pair(&connection, self);
        (client, server, connection)
    }
}

/// No single piece is delayed for longer: enough to mean "never" in any scenario.
const MAX_DELAY: Duration = Duration::from_secs(365 * 86_400);
