//! The network as one host sees it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::network::{Judgement, World, lock};
use super::places::{BACKLOG, Waiting};
use super::{Link, Moment, Verdict, handshake};
use crate::event;
use crate::net::{
    Accept, CONNECT_LIMIT, ClientTls, Endpoint, Listener, Net, NetError, NetErrorKind, Origin, ServerTls,
    Stream,
};
use crate::trace::{Part, Trace};

/// First of the ports that clients connect from.
const FIRST_EPHEMERAL_PORT: u16 = 49_152;

/// One host's way into the world.
pub(super) struct Door {
    pub(super) host: String,
    pub(super) world: Arc<World>,
    pub(super) trace: Trace,
}

impl Door {
    async fn open(&self, to: &Endpoint) -> Result<Stream, NetError> {
        let fail = |kind, detail: &str| Err(NetError::new(kind, to, detail));
        let link = {
            let mut places = lock(&self.world.places);
            if !places.resolves(&to.host) {
                return fail(NetErrorKind::HostUnknown, "no such host is known");
            }
            let server_host = places
                .listener(to)
                .map_or_else(|| to.host.clone(), |waiting| waiting.host.clone());
            let count = places
                .ordinals
                .entry((self.host.clone(), to.clone()))
                .or_default();
            let connection = *count;
            *count += 1;
            Link {
                client: self.host.clone(),
                server: to.clone(),
                server_host,
                connection,
            }
        };
        let Ok(judgement) = self.world.clock.timeout(CONNECT_LIMIT, self.reach(&link)).await else {
            return fail(
                NetErrorKind::TimedOut,
                "no answer: the host is down, or something drops the packets",
            );
        };
        match judgement.verdict {
            Verdict::Refuse => return fail(NetErrorKind::Refused, "the host refuses the connection"),
            Verdict::Reset => return fail(NetErrorKind::Reset, "the connection was reset while it was made"),
            _ => {}
        }
        let waiting = lock(&self.world.places).listener(to).cloned();
        let Some(waiting) = waiting else {
            return fail(NetErrorKind::Refused, "nothing listens on the port");
        };
        let (client, server, connection) = self.world.connection(&link);
        if judgement.verdict == Verdict::HalfOpen {
            connection.vanish();
        } else {
            let mut queue = lock(&waiting.queue);
            if queue.closed || queue.streams.len() >= BACKLOG {
                drop(queue);
                return fail(NetErrorKind::Refused, "the host takes no more connections");
            }
            queue.streams.push_back((server, link.clone()));
            drop(queue);
            waiting.arrived.notify_one();
        }
        Ok(Stream {
            io: Box::new(client),
            local: client_end(&link),
            peer: to.clone(),
            security: None,
            origin: Origin::Sim(link),
        })
    }

    /// Waits for the way to the server and back, however long the rules make it.
    async fn reach(&self, link: &Link) -> Judgement {
        let mut from = 0;
        loop {
            let healed = self.world.healed.notified();
            tokio::pin!(healed);
            healed.as_mut().enable();
            let judgement = self.world.judge(link, &Moment::Connect, from);
            if judgement.verdict == Verdict::Hold {
                from = judgement.rule;
                healed.await;
                continue;
            }
            self.world
                .clock
                .sleep(self.world.latency * 2 + judgement.delay)
                .await;
            return judgement;
        }
    }
}

/// The client's end: its host and a port that only the link decides.
fn client_end(link: &Link) -> Endpoint {
    let span = u64::from(u16::MAX - FIRST_EPHEMERAL_PORT) + 1;
    let offset = u16::try_from(link.connection % span).unwrap_or(0);
    Endpoint::new(&link.client, FIRST_EPHEMERAL_PORT + offset)
}

#[async_trait]
impl Net for Door {
    async fn connect(&self, to: &Endpoint) -> Result<Stream, NetError> {
        let opened = self.open(to).await;
        let outcome = opened
            .as_ref()
            .map_or_else(|error| error.kind.as_str(), |_| "connected");
        event!(
            self.trace,
            Part::Network,
            "net.connect",
            to = to.host,
            port = to.port,
            outcome = outcome
        );
        opened
    }

    async fn listen(&self, at: &Endpoint) -> Result<Listener, NetError> {
        let waiting = Arc::new(Waiting {
            host: self.host.clone(),
            queue: Mutex::default(),
            arrived: Notify::new(),
        });
        let mut places = lock(&self.world.places);
        if places.listeners.contains_key(at) {
            return Err(NetError::new(
                NetErrorKind::AddressInUse,
                at,
                "something listens there already",
            ));
        }
        places.known.insert(at.host.clone());
        places.listeners.insert(at.clone(), Arc::clone(&waiting));
        let source = SimListener {
            at: at.clone(),
            waiting,
            world: Arc::clone(&self.world),
            trace: self.trace.clone(),
        };
        Ok(Listener::new(at.clone(), Box::new(source)))
    }

    async fn secure_client(&self, stream: Stream, tls: &ClientTls) -> Result<Stream, NetError> {
        handshake::client(&self.world, stream, tls).await
    }

    async fn secure_server(&self, stream: Stream, tls: &ServerTls) -> Result<Stream, NetError> {
        handshake::server(&self.world, stream, tls).await
    }
}

struct SimListener {
    at: Endpoint,
    waiting: Arc<Waiting>,
    world: Arc<World>,
    trace: Trace,
}

#[async_trait]
impl Accept for SimListener {
    async fn accept(&self) -> Result<Stream, NetError> {
        loop {
            let next = {
                let mut queue = lock(&self.waiting.queue);
                if queue.closed {
                    return Err(NetError::new(
                        NetErrorKind::Reset,
                        &self.at,
                        "the host was killed",
                    ));
                }
                queue.streams.pop_front()
            };
            if let Some((server, link)) = next {
                event!(
                    self.trace,
                    Part::Network,
                    "net.accept",
                    at = link.server.host,
                    port = link.server.port,
                    from = link.client
                );
                return Ok(Stream {
                    io: Box::new(server),
                    local: link.server.clone(),
                    peer: client_end(&link),
                    security: None,
                    origin: Origin::Sim(link),
                });
            }
            self.waiting.arrived.notified().await;
        }
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        {
            let mut places = lock(&self.world.places);
            // The place may be another's by now if this host was killed.
            if places
                .listeners
                .get(&self.at)
                .is_some_and(|here| Arc::ptr_eq(here, &self.waiting))
            {
                places.listeners.remove(&self.at);
            }
        }
        self.waiting.close();
    }
}
