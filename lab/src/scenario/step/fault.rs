//! Steps about hosts, servers and the network: what is stopped, started, ended and disturbed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::HostRef;
use crate::scenario::{Located, ServiceName, Span};

/// A service of a host (CS 1.4).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ServiceRef {
    /// The server.
    pub host: HostRef,
    /// Which of the two services; by default the agent.
    #[serde(default)]
    pub service: ServiceName,
}

/// The directory of a domain: its domain controllers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DirectoryRef {
    /// DNS name of the domain.
    pub directory: Located<String>,
}

/// A part of the world that can be ended.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Part {
    /// The agent service of a host.
    Agent(Located<String>),
    /// The domain controllers of a domain.
    Directory(Located<String>),
    /// The cloud, whole.
    Cloud,
}

/// A disturbance of the network between two hosts (or suffixes such as `*.servicebus.windows.net`).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fault {
    /// The name that `heal` uses.
    pub name: Located<String>,
    /// Where connections come from; by default anywhere.
    #[serde(default)]
    pub from: Option<String>,
    /// Where connections go to; by default anywhere.
    #[serde(default)]
    pub to: Option<String>,
    /// What the network does.
    pub what: FaultKind,
}

/// What a disturbed network does.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultKind {
    /// Every chunk takes this much longer.
    Latency(Span),
    /// Nothing passes, nothing is refused.
    Partition,
    /// New connections are refused.
    Refuse,
    /// Open connections are reset and new ones are too.
    Reset,
    /// Connections open, but nothing ever arrives.
    HalfOpen,
}
