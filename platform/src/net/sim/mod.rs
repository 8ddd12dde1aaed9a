//! The simulated network: streams in memory, latency on a virtual clock, faults on purpose, and nothing left to chance.
//!
//! TLS is modelled: the handshake is a short exchange on the stream itself, so latency and faults touch it like any
//! other bytes and a peer that speaks something else is found out; what follows it is not encrypted.

mod connection;
mod door;
mod handshake;
mod link;
mod network;
mod pipe;
mod places;
mod rule;
mod rules;
mod stream;

pub use handshake::MAX_CLIENT_CERTIFICATES;
pub use link::{Direction, Link, LinkPattern};
pub use network::{DEFAULT_LATENCY, SimNetwork};
pub use places::BACKLOG;
pub use rule::{Moment, Rule, RuleGuard, Verdict};
pub use rules::{Fragment, HalfOpen, Latency, Loss, Partition, Refuse, ResetAfter, TlsInspection, Truncate};
pub use stream::WINDOW_BYTES;
