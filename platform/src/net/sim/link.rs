//! Who talks to whom: what a fault is aimed at.

use crate::net::{Endpoint, pattern_covers};

/// One connection as rules see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Host that connected.
    pub client: String,
    /// Name and port that it asked for.
    pub server: Endpoint,
    /// Host that listens there; equal to the name if nothing does.
    pub server_host: String,
    /// Which connection of this client to this name and port it is, counted from 0.
    pub connection: u64,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From the side that connected to the side that accepted.
    ToServer,
    /// The other way.
    ToClient,
}

/// Selects links by the hosts at their ends. Each host is a name, `*.parent`, or `*`; a server is meant by the name
/// that was asked for as well as by the host that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPattern {
    ends: (String, String),
    either_way: bool,
    port: Option<u16>,
}

impl LinkPattern {
    /// Every link.
    #[must_use]
    pub fn any() -> Self {
        Self::from_to("*", "*")
    }

    /// Connections that `client` makes to `server`.
    #[must_use]
    pub fn from_to(client: impl Into<String>, server: impl Into<String>) -> Self {
        Self {
            ends: (client.into(), server.into()),
            either_way: false,
            port: None,
        }
    }

    /// Connections that anybody makes to `server`.
    #[must_use]
    pub fn to(server: impl Into<String>) -> Self {
        Self::from_to("*", server)
    }

    /// Connections between the two, whoever makes them.
    #[must_use]
    pub fn between(one: impl Into<String>, other: impl Into<String>) -> Self {
        Self {
            either_way: true,
            ..Self::from_to(one, other)
        }
    }

    /// Only those to this port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Whether the link is meant.
    #[must_use]
    pub fn matches(&self, link: &Link) -> bool {
        let way = |client: &str, server: &str| {
            pattern_covers(client, &link.client)
                && (pattern_covers(server, &link.server.host) || pattern_covers(server, &link.server_host))
        };
        let (one, other) = (&self.ends.0, &self.ends.1);
        self.port.is_none_or(|port| port == link.server.port)
            && (way(one, other) || (self.either_way && way(other, one)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_ports_and_listening_hosts_select() {
        let link = Link {
            client: "agent1".into(),
            server: Endpoint::new("login.microsoftonline.com", 443),
            server_host: "cloud".into(),
            connection: 0,
        };
        assert!(LinkPattern::any().matches(&link));
        assert!(LinkPattern::to("*.microsoftonline.com").matches(&link));
        assert!(LinkPattern::from_to("agent1", "cloud").port(443).matches(&link));
        assert!(!LinkPattern::from_to("cloud", "agent1").matches(&link));
        assert!(LinkPattern::between("cloud", "agent1").matches(&link));
        assert!(!LinkPattern::any().port(636).matches(&link));
    }
}
