//! Faults as one-method rules.

use std::sync::Weak;
use std::time::Duration;

use super::network::World;
use super::{Direction, Link};

/// Decides what happens on a link. Rules are asked in the order in which they were added; delays add up, and the first
/// one that says more than [`Verdict::Pass`] or [`Verdict::Delay`] decides.
pub trait Rule: Send {
    /// What happens at this moment. Called in the order of the simulation, so state kept here is repeatable.
    fn decide(&mut self, link: &Link, moment: &Moment<'_>) -> Verdict;
}

impl Rule for Box<dyn Rule> {
    fn decide(&mut self, link: &Link, moment: &Moment<'_>) -> Verdict {
        self.as_mut().decide(link, moment)
    }
}

/// When a rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment<'a> {
    /// The client wants to connect.
    Connect,
    /// The client looks at the server's certificate.
    Certificate,
    /// A piece of the stream sets out.
    Data {
        /// Which way it goes.
        direction: Direction,
        /// Which piece of that way it is, counted from 0.
        sequence: u64,
        /// What it says.
        bytes: &'a [u8],
    },
    /// One side ends its direction.
    End {
        /// Which way ends.
        direction: Direction,
    },
}

/// What happens. Where a verdict makes no sense at a moment, its meaning there is given; else it is [`Verdict::Pass`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing special.
    Pass,
    /// It takes this much longer; what follows on the same way waits behind it.
    Delay(Duration),
    /// It is lost on the way and sent again until the rule is gone: it arrives after the healing, or never.
    Hold,
    /// The host says that nothing listens there. Later than at connecting: as [`Verdict::Reset`].
    Refuse,
    /// The connection breaks; both sides are told.
    Reset,
    /// The other side vanishes without a word: writes succeed until the window is full, reads wait, healing is too late.
    HalfOpen,
    /// The first bytes arrive (this many), then the stream ends.
    Truncate(usize),
    /// The piece arrives in pieces of at most this size.
    Split(usize),
    /// The server's certificate comes from an authority that the client does not trust, as under TLS inspection.
    Untrusted,
}

/// Keeps a rule in force; dropping it heals.
#[derive(Debug)]
#[must_use = "the fault is over as soon as the guard is dropped"]
pub struct RuleGuard {
    world: Weak<World>,
    id: u64,
}

impl RuleGuard {
    pub(super) fn new(world: Weak<World>, id: u64) -> Self {
        Self { world, id }
    }

    /// Leaves the rule in force for the rest of the world's life.
    pub fn keep(mut self) {
        self.world = Weak::new();
    }
}

impl Drop for RuleGuard {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            world.heal(self.id);
        }
    }
}
