//! The front door: listens on every host name of every environment and hands requests to the part that owns the host.

mod guard;
mod hosts;
mod layer;
mod listener;

pub(crate) use hosts::listening_hosts;
pub use hosts::{Caller, Role};
pub(crate) use layer::RequestId;
pub(crate) use listener::serve;

use std::time::Duration;

/// Port of every service of the cloud.
pub const HTTPS_PORT: u16 = 443;
/// Largest request body, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Largest body of a Graph `PUT`, which carries whole synchronization schemas, in bytes.
pub const MAX_SCHEMA_BODY_BYTES: usize = 4 * 1024 * 1024;
/// How much of a body is read at most to answer that it is too large, in bytes.
pub const MAX_DISCARDED_BYTES: usize = 16 * 1024 * 1024;
/// Largest request head (request line and headers), in bytes.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Most headers of a request.
pub const MAX_HEADERS: usize = 64;
/// Most connections at once over all hosts; further ones are closed at once.
pub const MAX_CONNECTIONS: usize = 1_024;
/// Pause after a connection could not be taken.
pub const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// How many times in a row that may happen before the listener counts as gone.
pub const MAX_ACCEPT_FAILURES: u32 = 60;
/// How long a TLS handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request head may take; it also ends idle connections.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a request body may take.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may leave an answer unread before the connection is dropped.
pub const WRITE_STALL_TIMEOUT: Duration = Duration::from_secs(30);
