//! Cloud and agent exchange requests over a WebSocket that the agent opened; these are its frames.
//!
//! The product's signalling messages are not public (PR 7, PR 11): this is the project's own design, described in `docs/wire.md`.
//! One text message carries one frame: a JSON object with `v` (version) first and `type` second.

mod record;
#[cfg(test)]
mod tests;

use uuid::Uuid;

use self::record::{Incoming, Outgoing};
use crate::scim::{LimitExceeded, Operation, OperationResult, ScimError};

/// Version that every frame carries.
pub const PROTOCOL_VERSION: u32 = 1;
/// WebSocket subprotocol of version 1.
pub const SUBPROTOCOL: &str = "provlab.relay.v1";
/// Path of the WebSocket, the same as Service Bus has (PR 7.1).
pub const WEBSOCKET_PATH: &str = "/$servicebus/websocket";
/// Request header with the listener's SAS token.
pub const AUTHORIZATION_HEADER: &str = "ServiceBusAuthorization";
/// Request header with the service path that the listener listens on.
pub const LISTENER_HEADER: &str = "X-Provlab-Listener";
/// Longest frame, in bytes of UTF-8 text.
pub const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;
/// How much a WebSocket end reads at once: both ends zero this much before every read, and most frames are short.
pub const READ_BUFFER_BYTES: usize = 8 * 1024;
/// Longest free text (version, reason, listener) in a frame, in bytes.
pub const MAX_FRAME_TEXT_BYTES: usize = 4 * 1024;
/// Keep-alive interval that a relay announces by default (PR 5.3, `WebSocketSignalingSettings`), milliseconds.
pub const DEFAULT_KEEP_ALIVE_MS: u64 = 10_000;
/// Deadline of a request by default: the 10 minutes of the error `TimeOut` (CS 9.5), milliseconds.
pub const DEFAULT_DEADLINE_MS: u64 = 600_000;

/// One message of the relay.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// Agent to relay, first frame of a connection.
    Hello {
        /// The agent's id, as in its certificate.
        connector_id: Uuid,
        /// Version of the agent, for example `1.1.1586.0`.
        agent_version: String,
    },
    /// Relay to agent, the answer to hello: requests may come from now on.
    Welcome {
        /// The service path that is listened on.
        listener: String,
        /// How often each end sends a ping, milliseconds.
        keep_alive_ms: u64,
    },
    /// Relay to agent.
    Request(RelayRequest),
    /// Agent to relay.
    Response(RelayResponse),
    /// Either way; answered by a pong.
    Ping,
    /// Either way.
    Pong,
    /// Either way: no new request is taken; the sender closes when its open requests are answered.
    Closing {
        /// For a log.
        reason: String,
    },
}

/// A request of the cloud. The same id may come again over another connection; doing it twice must change nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct RelayRequest {
    /// Names the request across connections.
    pub id: Uuid,
    /// Milliseconds, counted from receipt, after which nobody waits for the answer.
    pub deadline_ms: u64,
    /// What to do.
    pub operation: Operation,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct RelayResponse {
    /// The request's id.
    pub id: Uuid,
    /// What came of it.
    pub outcome: Result<OperationResult, ScimError>,
}

/// Why a frame was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Longer than [`MAX_FRAME_BYTES`].
    #[error(
        "a relay frame of {bytes} bytes exceeds the limit of {MAX_FRAME_BYTES}; ask for fewer resources per page"
    )]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not JSON, another version, or a member of the wrong shape.
    #[error("the relay frame cannot be read: {0}")]
    Malformed(#[source] serde_json::Error),
    /// A member that this type of frame needs is not there.
    #[error("a relay frame of type '{kind}' needs the member '{member}'")]
    Missing {
        /// The frame's type.
        kind: &'static str,
        /// The member.
        member: &'static str,
    },
    /// Text longer than [`MAX_FRAME_TEXT_BYTES`].
    #[error("'{member}' of a relay frame exceeds {MAX_FRAME_TEXT_BYTES} bytes")]
    TextTooLong {
        /// The member.
        member: &'static str,
    },
    /// A count in the payload is beyond its limit.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
}

impl Frame {
    /// The frame as the text of one WebSocket message.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`]; the other end would drop the connection.
    pub fn to_text(&self) -> Result<String, FrameError> {
        let text = serde_json::to_string(&Outgoing::from(self)).map_err(FrameError::Malformed)?;
        if text.len() > MAX_FRAME_BYTES {
            return Err(FrameError::TooLarge { bytes: text.len() });
        }
        Ok(text)
    }

    /// Reads the text of one WebSocket message. Unknown members are ignored.
    ///
    /// # Errors
    /// [`FrameError`]; after one the connection is of no more use.
    pub fn from_text(text: &str) -> Result<Self, FrameError> {
        if text.len() > MAX_FRAME_BYTES {
            return Err(FrameError::TooLarge { bytes: text.len() });
        }
        let incoming: Incoming = serde_json::from_str(text).map_err(FrameError::Malformed)?;
        incoming.try_into()
    }
}
