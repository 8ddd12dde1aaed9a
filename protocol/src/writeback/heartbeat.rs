//! The heartbeat: every five minutes the agent shows that it could write back (CS 8.2), and with its key it onboards.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::MAX_SPKI_BYTES;
use crate::secret_text;

/// Longest heartbeat, and longest answer, that is read.
pub const MAX_HEARTBEAT_BYTES: usize = 8 * 1024;
/// Most relays in an answer; the product has two per tenant.
pub const MAX_RELAYS: usize = 8;

/// Agent to cloud. Who it is, its certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heartbeat {
    /// Version of the agent.
    pub agent_version: String,
    /// The public key (`SubjectPublicKeyInfo`) that packages are to be sealed for. A new one is an onboarding.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub public_key: Vec<u8>,
}

/// Cloud to agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatAnswer {
    /// Whether passwords are written back; an agent that reads false has been offboarded.
    pub enabled: bool,
    /// Pause until the next heartbeat, milliseconds.
    pub period_ms: u64,
    /// Whether the key is too old (6 months): the next heartbeat has to bring another one.
    pub new_key_wanted: bool,
    /// Where to listen.
    pub relays: Vec<RelayEndpoint>,
}

/// One relay of the tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayEndpoint {
    /// Service Bus namespace.
    pub namespace: String,
    /// The domain that it is below.
    pub domain: String,
    /// Path to listen on.
    pub service_path: String,
    /// The tenant's strong random secret.
    #[serde(serialize_with = "secret_text::expose")]
    pub shared_access_key: SecretString,
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let key = BASE64
        .decode(&text)
        .map_err(|_| serde::de::Error::custom("the public key is not base64"))?;
    if key.len() > MAX_SPKI_BYTES {
        return Err(serde::de::Error::custom(format!(
            "a public key has at most {MAX_SPKI_BYTES} bytes"
        )));
    }
    Ok(key)
}
