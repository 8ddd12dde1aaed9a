//! The lab's own door to the directory: what happens to accounts and objects in a scenario, and what there is to see.
//!
//! In process the lab calls [`Handle::control`]; where the directory runs as a process of its own, the
//! same [`Command`]s and [`Reply`]s travel as JSON lines. Commands act as the domain controller itself:
//! no access check and no password policy stands in the way of a story.

mod accounts;
mod command;
mod declared;
mod dump;
mod handle;
mod objects;

pub use command::{
    Attributes, Command, ControlError, DumpedEntry, MAX_USERS_AT_ONCE, Policy, PutGroup, PutUser, PutUsers,
    Reply, Statistics,
};
pub use declared::declared;
pub use dump::NOISE;
pub use handle::Handle;
