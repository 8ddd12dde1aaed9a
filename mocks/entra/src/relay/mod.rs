//! The relay: agents hold WebSockets open to it, the cloud's questions go down one of them (PR 7, 8; frames in docs/wire.md).
//!
//! [`upgrade`](router) lets an agent in, `session` speaks with it, [`Hub`] knows who listens, [`request`] asks one of them.

mod hub;
mod request;
mod session;
mod upgrade;

pub use hub::{Hub, Purpose};
pub(crate) use request::ask_agent;
pub use request::request;
pub use session::run;
pub use upgrade::router;

use std::time::Duration;

use provlab_protocol::relay::{DEFAULT_DEADLINE_MS, DEFAULT_KEEP_ALIVE_MS};

/// Most agents that listen at once.
pub const MAX_LISTENERS: usize = 256;
/// Most open requests per connection.
pub const MAX_OPEN_REQUESTS: usize = 32;
/// How long an agent may take for its first frame.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Each end sends a ping this often (PR 5.3: `KeepAliveInterval`).
pub const KEEP_ALIVE: Duration = Duration::from_millis(DEFAULT_KEEP_ALIVE_MS);
/// Keep-alive intervals of silence after which a connection counts as dead.
pub const SILENT_INTERVALS: u32 = 3;
/// How long a request may take altogether: the 10 minutes of the error `TimeOut` (CS 9.5).
pub const REQUEST_DEADLINE: Duration = Duration::from_millis(DEFAULT_DEADLINE_MS);
/// How long a request waits for an agent that is active but does not listen at the moment, as one that reconnects.
pub const LISTENER_GRACE: Duration = Duration::from_secs(10);
/// However fast the cloud's clocks run, an agent gets this long to answer.
pub const SHORTEST_DEADLINE: Duration = Duration::from_secs(60);
/// However fast the cloud's clocks run, pings are no more frequent than this.
pub const SHORTEST_KEEP_ALIVE: Duration = Duration::from_secs(1);
