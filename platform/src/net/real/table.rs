//! The world's own name service: which loopback address stands for which host and port.

use std::net::SocketAddr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::net::Endpoint;
use crate::net::names::closest;

/// Entries that a table may have.
pub const MAX_TABLE_ENTRIES: usize = 4096;

/// One name and port of the world, and the address where it really is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameEntry {
    /// Host name, or `*.` and a parent for every name below it.
    pub host: String,
    /// The port that the world knows.
    pub port: u16,
    /// The address on this machine.
    pub address: SocketAddr,
}

/// All names that resolve. What is not in it does not exist: there is no DNS behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct NameTable {
    entries: Vec<NameEntry>,
}

impl<'de> Deserialize<'de> for NameTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::<NameEntry>::deserialize(deserializer)?;
        if entries.len() > MAX_TABLE_ENTRIES {
            let count = entries.len();
            return Err(serde::de::Error::custom(format_args!(
                "the name table has {count} entries, {MAX_TABLE_ENTRIES} are allowed"
            )));
        }
        let mut table = Self::default();
        for entry in entries {
            table.insert(&Endpoint::new(&entry.host, entry.port), entry.address);
        }
        Ok(table)
    }
}

/// What the table says of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// It is there.
    Address(SocketAddr),
    /// The host is known, the port is not.
    PortUnknown,
    /// No such host.
    HostUnknown,
}

impl NameTable {
    /// A table without names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry, or moves the one that is there to another address.
    pub fn insert(&mut self, at: &Endpoint, address: SocketAddr) {
        match self
            .entries
            .iter_mut()
            .find(|entry| entry.host == at.host && entry.port == at.port)
        {
            Some(entry) => entry.address = address,
            None => self.entries.push(NameEntry {
                host: at.host.clone(),
                port: at.port,
                address,
            }),
        }
    }

    /// Adds all entries of `other`; where both have one, that of `other` counts.
    pub fn merge(&mut self, other: &NameTable) {
        for entry in &other.entries {
            self.insert(&Endpoint::new(&entry.host, entry.port), entry.address);
        }
    }

    /// The entries in the order in which they were added.
    #[must_use]
    pub fn entries(&self) -> &[NameEntry] {
        &self.entries
    }

    /// The address that `at` itself has, wildcards not applied: where to listen for it.
    #[must_use]
    pub fn exact(&self, at: &Endpoint) -> Option<SocketAddr> {
        self.entries
            .iter()
            .find(|entry| entry.host == at.host && entry.port == at.port)
            .map(|entry| entry.address)
    }

    /// Resolves `to`: the name itself, else the longest wildcard above it that has the port.
    #[must_use]
    pub fn lookup(&self, to: &Endpoint) -> Lookup {
        let of_port = self.entries.iter().filter(|entry| entry.port == to.port);
        if let Some(host) = closest(of_port.clone().map(|entry| entry.host.as_str()), &to.host)
            && let Some(entry) = of_port.clone().find(|entry| entry.host == host)
        {
            return Lookup::Address(entry.address);
        }
        match closest(self.entries.iter().map(|entry| entry.host.as_str()), &to.host) {
            Some(_) => Lookup::PortUnknown,
            None => Lookup::HostUnknown,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn names_wildcards_and_ports() {
        let mut table = NameTable::new();
        table.insert(&Endpoint::new("*.msappproxy.net", 443), address(1));
        table.insert(&Endpoint::new("t.msappproxy.net", 443), address(2));
        assert_eq!(
            table.lookup(&Endpoint::new("T.msappproxy.net", 443)),
            Lookup::Address(address(2))
        );
        assert_eq!(
            table.lookup(&Endpoint::new("u.v.msappproxy.net", 443)),
            Lookup::Address(address(1))
        );
        assert_eq!(
            table.lookup(&Endpoint::new("u.msappproxy.net", 80)),
            Lookup::PortUnknown
        );
        assert_eq!(
            table.lookup(&Endpoint::new("example.org", 443)),
            Lookup::HostUnknown
        );
        assert_eq!(table.exact(&Endpoint::new("u.msappproxy.net", 443)), None);
    }

    #[test]
    fn json_round_trip_and_the_limit() {
        let mut table = NameTable::new();
        table.insert(&Endpoint::new("dc1.contoso.com", 636), address(4000));
        let json = serde_json::to_string(&table).unwrap();
        assert_eq!(
            json,
            r#"[{"host":"dc1.contoso.com","port":636,"address":"127.0.0.1:4000"}]"#
        );
        assert_eq!(serde_json::from_str::<NameTable>(&json).unwrap(), table);

        let many = |count: usize| {
            let entry = &json[1..json.len() - 1];
            serde_json::from_str::<NameTable>(&format!("[{}]", vec![entry; count].join(",")))
        };
        assert!(many(MAX_TABLE_ENTRIES).is_ok());
        assert!(
            many(MAX_TABLE_ENTRIES + 1)
                .unwrap_err()
                .to_string()
                .contains("4096 are allowed")
        );
    }
}
