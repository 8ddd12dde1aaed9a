//! All types of frame share one flat record, read and written in one pass, without an intermediate tree of a large page.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::{Frame, FrameError, MAX_FRAME_TEXT_BYTES, PROTOCOL_VERSION, RelayRequest, RelayResponse};
use crate::scim::{Operation, OperationResult, ScimError};

/// `v`: writes 1, reads nothing but 1, and comes first, so that another version is named before anything else fails.
#[derive(Clone, Copy)]
struct Version;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(PROTOCOL_VERSION)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            PROTOCOL_VERSION => Ok(Self),
            other => Err(serde::de::Error::custom(format!(
                "version {other} is not spoken here, only version {PROTOCOL_VERSION}"
            ))),
        }
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Hello,
    Welcome,
    Request,
    Response,
    Ping,
    Pong,
    Closing,
}

/// What is written; borrows from the frame.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outgoing<'a> {
    v: Version,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connector_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listener: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'a Operation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a OperationResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ScimError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl Outgoing<'_> {
    fn of(kind: Kind) -> Self {
        Self {
            v: Version,
            kind,
            id: None,
            connector_id: None,
            agent_version: None,
            listener: None,
            keep_alive_ms: None,
            deadline_ms: None,
            operation: None,
            result: None,
            error: None,
            reason: None,
        }
    }
}

impl<'a> From<&'a Frame> for Outgoing<'a> {
    fn from(frame: &'a Frame) -> Self {
        match frame {
            Frame::Hello {
                connector_id,
                agent_version,
            } => Self {
                connector_id: Some(*connector_id),
                agent_version: Some(agent_version),
                ..Self::of(Kind::Hello)
            },
            Frame::Welcome {
                listener,
                keep_alive_ms,
            } => Self {
                listener: Some(listener),
                keep_alive_ms: Some(*keep_alive_ms),
                ..Self::of(Kind::Welcome)
            },
            Frame::Request(RelayRequest {
                id,
                deadline_ms,
                operation,
            }) => Self {
                id: Some(*id),
                deadline_ms: Some(*deadline_ms),
                operation: Some(operation),
                ..Self::of(Kind::Request)
            },
            Frame::Response(RelayResponse { id, outcome }) => Self {
                id: Some(*id),
                result: outcome.as_ref().ok(),
                error: outcome.as_ref().err(),
                ..Self::of(Kind::Response)
            },
            Frame::Ping => Self::of(Kind::Ping),
            Frame::Pong => Self::of(Kind::Pong),
            Frame::Closing { reason } => Self {
                reason: Some(reason),
                ..Self::of(Kind::Closing)
            },
        }
    }
}

/// What is read; unknown members are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Incoming {
    #[serde(rename = "v")]
    _version: Version,
    #[serde(rename = "type")]
    kind: Kind,
    id: Option<Uuid>,
    connector_id: Option<Uuid>,
    agent_version: Option<String>,
    listener: Option<String>,
    keep_alive_ms: Option<u64>,
    deadline_ms: Option<u64>,
    operation: Option<Operation>,
    result: Option<OperationResult>,
    error: Option<ScimError>,
    reason: Option<String>,
}

impl TryFrom<Incoming> for Frame {
    type Error = FrameError;

    fn try_from(incoming: Incoming) -> Result<Self, FrameError> {
        Ok(match incoming.kind {
            Kind::Hello => Self::Hello {
                connector_id: need("hello", "connectorId", incoming.connector_id)?,
                agent_version: short("hello", "agentVersion", incoming.agent_version)?,
            },
            Kind::Welcome => Self::Welcome {
                listener: short("welcome", "listener", incoming.listener)?,
                keep_alive_ms: need("welcome", "keepAliveMs", incoming.keep_alive_ms)?,
            },
            Kind::Request => {
                let operation = need("request", "operation", incoming.operation)?;
                operation.check_limits()?;
                Self::Request(RelayRequest {
                    id: need("request", "id", incoming.id)?,
                    deadline_ms: need("request", "deadlineMs", incoming.deadline_ms)?,
                    operation,
                })
            }
            Kind::Response => {
                let outcome = match incoming.error {
                    Some(error) => Err(error),
                    None => Ok(need("response", "result", incoming.result)?),
                };
                if let Ok(result) = &outcome {
                    result.check_limits()?;
                }
                Self::Response(RelayResponse {
                    id: need("response", "id", incoming.id)?,
                    outcome,
                })
            }
            Kind::Ping => Self::Ping,
            Kind::Pong => Self::Pong,
            Kind::Closing => Self::Closing {
                reason: short("closing", "reason", incoming.reason)?,
            },
        })
    }
}

fn need<T>(kind: &'static str, member: &'static str, value: Option<T>) -> Result<T, FrameError> {
    value.ok_or(FrameError::Missing { kind, member })
}

fn short(kind: &'static str, member: &'static str, value: Option<String>) -> Result<String, FrameError> {
    let value = need(kind, member, value)?;
    if value.len() > MAX_FRAME_TEXT_BYTES {
        return Err(FrameError::TextTooLong { member });
    }
    Ok(value)
}
