//! Connection parameters travel as a JSON text inside of the XML (PR 5.3).

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::his::duration;

/// `ConnectivitySettings`, the groups that a listener uses. Unknown groups are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConnectivitySettings {
    /// The relay binding.
    pub signaling_settings: SignalingSettings,
    /// Plain WebSocket signalling; its message format is not public.
    pub web_socket_signaling_settings: WebSocketSignalingSettings,
}

/// The relay binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SignalingSettings {
    /// `NetTcpRelayBinding`.
    pub binding_type: String,
    /// Most connections.
    pub max_connections: u32,
    /// Lifetime of a SAS token that the listener makes.
    #[serde(with = "time_span")]
    pub service_bus_sas_token_ttl: Duration,
    /// Whether a token is used again within its lifetime.
    pub use_cached_service_bus_sas_token: bool,
}

impl Default for SignalingSettings {
    fn default() -> Self {
        Self {
            binding_type: "NetTcpRelayBinding".to_owned(),
            max_connections: 100,
            service_bus_sas_token_ttl: Duration::from_secs(3_600),
            use_cached_service_bus_sas_token: true,
        }
    }
}

/// Plain WebSocket signalling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WebSocketSignalingSettings {
    /// A connection is given up when nothing came for so long.
    #[serde(with = "time_span")]
    pub idle_timeout: Duration,
    /// A connection is replaced when it is so old.
    #[serde(with = "time_span")]
    pub lease_timeout: Duration,
    /// Time between two pings.
    #[serde(with = "time_span")]
    pub keep_alive_interval: Duration,
    /// Longest message of the product; our relay has its own limit.
    pub max_received_message_size: u32,
}

impl Default for WebSocketSignalingSettings {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(2 * 3_600),
            lease_timeout: Duration::from_secs(6 * 3_600),
            keep_alive_interval: Duration::from_secs(10),
            max_received_message_size: 65_536,
        }
    }
}

mod time_span {
    use super::{Deserialize, Deserializer, Duration, Serializer, duration};

    pub(super) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&duration::write(*span))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration::read("ConnectivitySettings", &text).map_err(serde::de::Error::custom)
    }
}
