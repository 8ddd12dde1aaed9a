//! What the lab and its child processes say to each other: one JSON object a line.
//!
//! A child ends when its standard input does. So nothing outlives the lab, not even when the lab is killed.

use provlab_platform::{Event, net::NameTable};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest line either side reads.
pub(super) const MAX_LINE: usize = 64 * 1024 * 1024;

/// From the lab to a mock.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ToMock {
    /// A control command; the answer carries the same id.
    Control {
        /// Number of the command.
        id: u64,
        /// The mock's own command.
        command: Value,
    },
}

/// From a child to the lab.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FromChild {
    /// The mock listens; these are its names.
    Ready(NameTable),
    /// The answer to a command.
    Reply {
        /// Number of the command.
        id: u64,
        /// The mock's own answer.
        reply: Value,
    },
    /// A command was refused.
    Refused {
        /// Number of the command.
        id: u64,
        /// Why.
        message: String,
    },
    /// Something happened.
    Event(Event),
    /// The mock could not start.
    Failed(String),
}
