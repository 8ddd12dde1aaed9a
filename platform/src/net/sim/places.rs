//! Who listens where, and which connections stand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Notify;

use super::Link;
use super::connection::Connection;
use super::network::lock;
use super::stream::SimStream;
use crate::net::Endpoint;
use crate::net::names::closest;

/// Connections that may wait to be accepted; further ones are refused.
pub const BACKLOG: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Places {
    /// Names that resolve, wildcards included.
    pub(super) known: BTreeSet<String>,
    pub(super) listeners: BTreeMap<Endpoint, Arc<Waiting>>,
    pub(super) connections: BTreeMap<u64, Weak<Connection>>,
    pub(super) next_connection: u64,
    /// How often each client has connected to each endpoint.
    pub(super) ordinals: BTreeMap<(String, Endpoint), u64>,
}

/// Connections that wait to be accepted at one listener.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) host: String,
    pub(super) queue: Mutex<Backlog>,
    pub(super) arrived: Notify,
}

#[derive(Default)]
pub(super) struct Backlog {
    pub(super) streams: VecDeque<(SimStream, Link)>,
    pub(super) closed: bool,
}

impl std::fmt::Debug for Backlog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} waiting", self.streams.len())
    }
}

impl Places {
    pub(super) fn standing(&self) -> Vec<Arc<Connection>> {
        self.connections.values().filter_map(Weak::upgrade).collect()
    }

    /// Whether the name resolves.
    pub(super) fn resolves(&self, host: &str) -> bool {
        closest(self.known.iter().map(String::as_str), host).is_some()
    }

    /// The listener that is closest to the name, on the port.
    pub(super) fn listener(&self, to: &Endpoint) -> Option<&Arc<Waiting>> {
        let patterns = self
            .listeners
            .keys()
            .filter(|at| at.port == to.port)
            .map(|at| at.host.as_str());
        let host = closest(patterns, &to.host)?.to_owned();
        self.listeners.get(&Endpoint { host, port: to.port })
    }
}

impl Waiting {
    /// Nothing is accepted here any more; who waits is told by the end of its stream.
    pub(super) fn close(&self) {
        let waiting = {
            let mut queue = lock(&self.queue);
            queue.closed = true;
            std::mem::take(&mut queue.streams)
        };
        drop(waiting);
        self.arrived.notify_waiters();
        self.arrived.notify_one();
    }
}
