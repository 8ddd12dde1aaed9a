//! One agent's connection: hello, welcome, requests down, answers up, pings both ways.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use provlab_platform::{Part, event};
use provlab_protocol::relay::Frame;
use provlab_protocol::scim::{OperationResult, ScimError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::hub::{Guest, Order};
use super::{HELLO_TIMEOUT, KEEP_ALIVE, MAX_OPEN_REQUESTS, SHORTEST_KEEP_ALIVE, SILENT_INTERVALS};
use crate::shared::Shared;

/// Serves the sessions of every agent until it is dropped; their connections end with it. Only the first call does anything.
pub async fn run(shared: Arc<Shared>) {
    let Some(mut arrivals) = shared.relay.arrivals() else {
        return;
    };
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(_) = sessions.join_next() => {}
            guest = arrivals.recv() => match guest {
                Some(guest) => {
                    sessions.spawn(serve(Arc::clone(&shared), guest));
                }
                None => return,
            },
        }
    }
}

/// Why a session ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The agent closed it, or the connection broke.
    Lost,
    /// The agent said that it is closing and has answered everything.
    Finished,
    /// The agent was silent for too long.
    Silent,
    /// The agent broke the protocol.
    Protocol(String),
}

impl End {
    fn reason(&self) -> &str {
        match self {
            Self::Lost => "connection lost",
            Self::Finished => "closed by the agent",
            Self::Silent => "no sign of life from the agent",
            Self::Protocol(what) => what,
        }
    }
}

async fn serve(shared: Arc<Shared>, guest: Guest) {
    let Guest {
        mut socket,
        tenant,
        agent,
        purpose,
        namespace,
        listener,
    } = guest;
    let end = match greet(&shared, &mut socket, agent, &listener).await {
        Err(end) => end,
        Ok(()) => match shared.relay.enter(tenant, agent, purpose) {
            None => End::Protocol("too many listeners".to_owned()),
            Some((number, orders)) => {
                let host = agent_host(&shared, tenant, agent);
                event!(
                    shared.platform.trace,
                    Part::Cloud,
                    "relay.open",
                    agent = host,
                    namespace = namespace
                );
                let mut session = Session {
                    shared: &shared,
                    socket: &mut socket,
                    open: BTreeMap::new(),
                    closing: false,
                };
                let end = session.converse(orders, || shared.relay.leave(number)).await;
                shared.relay.leave(number);
                event!(
                    shared.platform.trace,
                    Part::Cloud,
                    "relay.close",
                    agent = host,
                    namespace = namespace,
                    reason = end.reason()
                );
                end
            }
        },
    };
    if !matches!(end, End::Lost) {
        let reason = end.reason().to_owned();
        let _ = send(&mut socket, &Frame::Closing { reason }).await;
        let _ = socket.send(Message::Close(None)).await;
    }
}

fn agent_host(shared: &Shared, tenant: Uuid, agent: Uuid) -> Option<String> {
    shared.db.read(|cloud| {
        Some(
            cloud
                .registries
                .get(tenant, &tenant.to_string())?
                .registry
                .agents
                .get(&agent)?
                .machine_name
                .clone(),
        )
    })
}

async fn greet(shared: &Shared, socket: &mut WebSocket, agent: Uuid, listener: &str) -> Result<(), End> {
    let first = shared
        .platform
        .clock
        .timeout(HELLO_TIMEOUT, receive(socket))
        .await
        .map_err(|_| End::Silent)?;
    match first? {
        Some(Frame::Hello { connector_id, .. }) if connector_id == agent => {}
        Some(Frame::Hello { .. }) => {
            return Err(End::Protocol(
                "the connectorId is not that of the certificate".to_owned(),
            ));
        }
        _ => return Err(End::Protocol("the first frame must be 'hello'".to_owned())),
    }
    let keep_alive_ms = u64::try_from(keep_alive(shared).as_millis()).unwrap_or(u64::MAX);
    send(
        socket,
        &Frame::Welcome {
            listener: listener.to_owned(),
            keep_alive_ms,
        },
    )
    .await
}

fn keep_alive(shared: &Shared) -> Duration {
    shared.period(KEEP_ALIVE).max(SHORTEST_KEEP_ALIVE)
}

struct Session<'s> {
    shared: &'s Shared,
    socket: &'s mut WebSocket,
    /// Requests that wait for their answer.
    open: BTreeMap<Uuid, oneshot::Sender<Result<OperationResult, ScimError>>>,
    /// The agent takes no new requests.
    closing: bool,
}

impl Session<'_> {
    async fn converse(&mut self, mut orders: mpsc::Receiver<Order>, leave: impl Fn()) -> End {
        let clock = self.shared.platform.clock.clone();
        let interval = keep_alive(self.shared);
        let mut next_ping = clock.now() + interval;
        let mut heard = clock.now();
        loop {
            if self.closing && self.open.is_empty() {
                return End::Finished;
            }
            let result = tokio::select! {
                biased;
                frame = receive(self.socket) => {
                    heard = clock.now();
                    match frame {
                        Ok(Some(Frame::Closing { .. })) => {
                            // Others take over what comes from now on; what is open may still be answered.
                            leave();
                            orders.close();
                            while orders.try_recv().is_ok() {}
                            self.closing = true;
                            Ok(())
                        }
                        Ok(Some(frame)) => self.handle(frame).await,
                        Ok(None) => Ok(()),
                        Err(end) => Err(end),
                    }
                }
                Some(order) = orders.recv(), if !self.closing && self.open.len() < MAX_OPEN_REQUESTS => self.pass_on(order).await,
                () = clock.sleep_until(next_ping) => {
                    next_ping = clock.now() + interval;
                    self.open.retain(|_, reply| !reply.is_closed());
                    if clock.now().saturating_sub(heard) >= interval * SILENT_INTERVALS {
                        Err(End::Silent)
                    } else {
                        send(self.socket, &Frame::Ping).await
                    }
                }
            };
            if let Err(end) = result {
                return end;
            }
        }
    }

    async fn pass_on(&mut self, order: Order) -> Result<(), End> {
        let Order { request, reply } = order;
        // Nobody waits for it any more.
        if reply.is_closed() {
            return Ok(());
        }
        self.open.insert(request.id, reply);
        send(self.socket, &Frame::Request(request)).await
    }

    async fn handle(&mut self, frame: Frame) -> Result<(), End> {
        match frame {
            Frame::Response(response) => {
                // An answer that came too late has nobody who waits for it.
                if let Some(reply) = self.open.remove(&response.id) {
                    let _ = reply.send(response.outcome);
                }
                Ok(())
            }
            Frame::Ping => send(self.socket, &Frame::Pong).await,
            Frame::Pong | Frame::Closing { .. } => Ok(()),
            Frame::Hello { .. } | Frame::Welcome { .. } | Frame::Request(_) => Err(End::Protocol(
                "an agent sends no such frame at this point".to_owned(),
            )),
        }
    }
}

/// The next frame; nothing for a message of the WebSocket itself.
async fn receive(socket: &mut WebSocket) -> Result<Option<Frame>, End> {
    match socket.recv().await {
        Some(Ok(Message::Text(text))) => Frame::from_text(text.as_str())
            .map(Some)
            .map_err(|e| End::Protocol(e.to_string())),
        Some(Ok(Message::Binary(_))) => Err(End::Protocol("frames are text messages".to_owned())),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Lost),
    }
}

async fn send(socket: &mut WebSocket, frame: &Frame) -> Result<(), End> {
    let text = frame.to_text().map_err(|e| End::Protocol(e.to_string()))?;
    socket.send(Message::text(text)).await.map_err(|_| End::Lost)
}
