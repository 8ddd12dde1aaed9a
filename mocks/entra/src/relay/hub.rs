//! Who listens: the connections that requests can be sent over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::WebSocket;
use provlab_protocol::relay::RelayRequest;
use provlab_protocol::scim::{OperationResult, ScimError};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::{MAX_LISTENERS, MAX_OPEN_REQUESTS};

/// A request on its way to an agent. When the connection ends first, `reply` is dropped and the sender learns of it.
pub(super) struct Order {
    pub(super) request: RelayRequest,
    pub(super) reply: oneshot::Sender<Result<OperationResult, ScimError>>,
}

/// What a connection is for: the two kinds have relays of their own (CS 8.2) and never serve each other's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Provisioning.
    Provisioning,
    /// Password writeback.
    PasswordReset,
}

/// An agent that was let in and has not said hello yet.
pub(super) struct Guest {
    pub(super) socket: WebSocket,
    pub(super) tenant: Uuid,
    pub(super) agent: Uuid,
    pub(super) purpose: Purpose,
    pub(super) namespace: String,
    pub(super) listener: String,
}

/// The connections of one cloud.
pub struct Hub {
    inner: Mutex<Inner>,
    guests: mpsc::Sender<Guest>,
    changes: watch::Sender<u64>,
}

struct Inner {
    /// Taken by the task that serves the sessions.
    arrivals: Option<mpsc::Receiver<Guest>>,
    listeners: BTreeMap<u64, Listener>,
    next: u64,
    /// Where the last request went: the next one goes to the next connection.
    last: u64,
}

struct Listener {
    tenant: Uuid,
    agent: Uuid,
    purpose: Purpose,
    orders: mpsc::Sender<Order>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("listeners", &self.lock().listeners.len())
            .finish_non_exhaustive()
    }
}

impl Default for Hub {
    fn default() -> Self {
        let (guests, arrivals) = mpsc::channel(MAX_LISTENERS);
        let inner = Inner {
            arrivals: Some(arrivals),
            listeners: BTreeMap::new(),
            next: 1,
            last: 0,
        };
        Self {
            inner: Mutex::new(inner),
            guests,
            changes: watch::Sender::new(0),
        }
    }
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ids of the agents of a tenant that listen for requests of a kind now, each once.
    pub fn listening(&self, tenant: Uuid, purpose: Purpose) -> BTreeSet<Uuid> {
        self.lock()
            .listeners
            .values()
            .filter(|l| l.tenant == tenant && l.purpose == purpose)
            .map(|l| l.agent)
            .collect()
    }

    /// Wakes when a listener comes or goes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Hands a connection to the task that serves sessions; when that cannot take it, the connection is closed.
    pub(super) fn admit(&self, guest: Guest) {
        let _ = self.guests.try_send(guest);
    }

    /// The connections to come; once.
    pub(super) fn arrivals(&self) -> Option<mpsc::Receiver<Guest>> {
        self.lock().arrivals.take()
    }

    /// Puts a connection among the listeners. `None` when there are too many.
    pub(super) fn enter(
        &self,
        tenant: Uuid,
        agent: Uuid,
        purpose: Purpose,
    ) -> Option<(u64, mpsc::Receiver<Order>)> {
        let (orders, inbox) = mpsc::channel(MAX_OPEN_REQUESTS);
        let number = {
            let mut inner = self.lock();
            if inner.listeners.len() >= MAX_LISTENERS {
                return None;
            }
            let number = inner.next;
            inner.next += 1;
            inner.listeners.insert(
                number,
                Listener {
                    tenant,
                    agent,
                    purpose,
                    orders,
                },
            );
            number
        };
        self.changes.send_modify(|count| *count += 1);
        Some((number, inbox))
    }

    /// Takes a connection from the listeners; orders that wait for it are dropped with it.
    pub(super) fn leave(&self, number: u64) {
        if self.lock().listeners.remove(&number).is_some() {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    /// Gives an order to one of the connections of `agents` that `tried` does not name yet, in turn.
    /// Gives the order back when there is none.
    pub(super) fn send(
        &self,
        tenant: Uuid,
        agents: &BTreeSet<Uuid>,
        purpose: Purpose,
        tried: &mut BTreeSet<u64>,
        order: Order,
    ) -> Option<Order> {
        let mut inner = self.lock();
        let last = inner.last;
        let fits = |number: &u64, l: &Listener| {
            l.tenant == tenant && l.purpose == purpose && agents.contains(&l.agent) && !tried.contains(number)
        };
        let mut candidates: Vec<u64> = inner
            .listeners
            .iter()
            .filter(|(n, l)| fits(n, l))
            .map(|(n, _)| *n)
            .collect();
        candidates.sort_by_key(|number| (*number <= last, *number));
        let mut order = order;
        for number in candidates {
            let Some(listener) = inner.listeners.get(&number) else {
                continue;
            };
            match listener.orders.try_send(order) {
                Ok(()) => {
                    tried.insert(number);
                    inner.last = number;
                    return None;
                }
                Err(mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back)) => {
                    order = back;
                }
            }
        }
        Some(order)
    }
}
