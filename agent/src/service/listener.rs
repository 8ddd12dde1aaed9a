//! One outbound WebSocket to the relay: requests come in over it, answers go out (docs/wire.md, PR 7).

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use provlab_platform::net::ClientTls;
use provlab_platform::{Clock, Endpoint, Part, Stream, event};
use provlab_protocol::his::bootstrap::SignalingListenerEndpoint;
use provlab_protocol::relay::{
    AUTHORIZATION_HEADER, Frame, LISTENER_HEADER, MAX_FRAME_BYTES, READ_BUFFER_BYTES, RelayRequest,
    RelayResponse, SUBPROTOCOL, WEBSOCKET_PATH,
};
use provlab_protocol::sas::{EscapeCase, SasToken};
use provlab_protocol::scim::{ErrorCode, ScimError};
use secrecy::ExposeSecret;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::{Request, generate_key};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::handler::Handler;
use super::recent::Recent;
use crate::host::HostMachine;
use crate::trust::Trust;

/// Wait for the handshake and for the relay's welcome.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// First and longest pause between two connections.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Keep-alive periods without a word after which the link counts as lost.
const SILENT_PERIODS: u32 = 3;
/// Bounds of the keep-alive period that a relay may ask for.
const KEEP_ALIVE: std::ops::RangeInclusive<u64> = 100..=600_000;
/// Longest deadline that a request may set: the 10 minutes of CS 1.5 and as much again.
const LONGEST_DEADLINE: Duration = Duration::from_secs(1200);
/// Most requests that are worked on at once over one link.
pub(super) const MAX_OPEN_REQUESTS: usize = 64;

/// What every listener of a service needs.
pub(super) struct Shared {
    pub(super) host: HostMachine,
    pub(super) handler: Handler,
    pub(super) recent: Recent,
    pub(super) trust: std::sync::Mutex<Trust>,
}

impl Shared {
    pub(super) fn trust(&self) -> Trust {
        self.trust
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

/// Why a link ended.
#[derive(Debug)]
struct Lost(String);

impl<E: std::error::Error> From<E> for Lost {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

type Socket = WebSocketStream<Stream>;

/// Listens on one endpoint for ever: a lost link is opened again, after growing pauses while it fails.
pub(super) async fn listen(shared: Arc<Shared>, endpoint: SignalingListenerEndpoint, token_ttl: Duration) {
    let entropy = shared
        .host
        .platform
        .entropy
        .fork(&format!("listener {}", endpoint.name));
    let mut pause = FIRST_PAUSE;
    loop {
        let clock = shared.host.platform.clock.clone();
        let opened = clock
            .timeout(OPEN_LIMIT, open(&shared, &endpoint, token_ttl))
            .await
            .unwrap_or_else(|elapsed| Err(elapsed.into()));
        let lost = match opened {
            Ok((socket, keep_alive)) => {
                pause = FIRST_PAUSE;
                event!(
                    shared.host.platform.trace,
                    Part::Agent,
                    "relay.listening",
                    endpoint = endpoint.host()
                );
                Box::pin(serve(&shared, socket, keep_alive)).await
            }
            Err(lost) => lost,
        };
        event!(
            shared.host.platform.trace,
            Part::Agent,
            "relay.lost",
            endpoint = endpoint.host(),
            reason = lost.0
        );
        // Spread, so that agents of one relay do not come back all at once.
        shared.host.pause(entropy.range_duration(pause / 2, pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn open(
    shared: &Shared,
    endpoint: &SignalingListenerEndpoint,
    token_ttl: Duration,
) -> Result<(Socket, Duration), Lost> {
    let platform = &shared.host.platform;
    let trust = shared.trust();
    let host = endpoint.host();
    let clear = platform.net.connect(&Endpoint::new(&host, 443)).await?;
    let tls = ClientTls {
        server_name: host.clone(),
        identity: Some(trust.identity()),
    };
    let stream = platform.net.secure_client(clear, &tls).await?;
    let now = u64::try_from(platform.clock.wall().unix_timestamp()).unwrap_or_default();
    let token = SasToken::sign(
        &endpoint.resource(),
        &endpoint.shared_access_key_name,
        &endpoint.shared_access_key,
        now.saturating_add(token_ttl.as_secs()),
        EscapeCase::Lower,
    );
    let request = Request::builder()
        .uri(format!("wss://{host}{WEBSOCKET_PATH}"))
        .header("Host", &host)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", generate_key())
        .header("Sec-WebSocket-Protocol", SUBPROTOCOL)
        .header(
            AUTHORIZATION_HEADER,
            token.to_text(EscapeCase::Lower).expose_secret(),
        )
        .header(LISTENER_HEADER, &endpoint.service_path)
        .body(())?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .read_buffer_size(READ_BUFFER_BYTES);
    let (mut socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    let hello = Frame::Hello {
        connector_id: trust.agent,
        agent_version: shared.host.agent_version(),
    };
    socket.send(text(hello.to_text()?)).await?;
    loop {
        match receive(&mut socket).await? {
            Frame::Welcome { keep_alive_ms, .. } => {
                let period = keep_alive_ms.clamp(*KEEP_ALIVE.start(), *KEEP_ALIVE.end());
                return Ok((socket, Duration::from_millis(period)));
            }
            Frame::Ping | Frame::Pong => {}
            Frame::Closing { reason } => return Err(Lost(format!("the relay closes: {reason}"))),
            _ => return Err(Lost("the relay did not welcome the listener".to_owned())),
        }
    }
}

fn text(frame: String) -> Message {
    Message::Text(Utf8Bytes::from(frame))
}

/// The next frame of the relay; WebSocket's own control messages are answered by the library.
async fn receive(socket: &mut Socket) -> Result<Frame, Lost> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(frame))) => return Ok(Frame::from_text(&frame)?),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err(Lost("the relay closed the link".to_owned())),
            Some(Ok(_)) => return Err(Lost("the relay sent something else than text".to_owned())),
            Some(Err(error)) => return Err(error.into()),
        }
    }
}

/// Serves one link until it is lost. Dropping the set of open requests gives them up: the relay asks another listener.
async fn serve(shared: &Arc<Shared>, mut socket: Socket, keep_alive: Duration) -> Lost {
    let clock = shared.host.platform.clock.clone();
    let (answers, mut answered) = mpsc::channel::<String>(MAX_OPEN_REQUESTS);
    let mut open_requests = JoinSet::new();
    let mut next_ping = clock.now() + keep_alive;
    let mut heard = clock.now();
    loop {
        while open_requests.try_join_next().is_some() {}
        let outgoing = tokio::select! {
            biased;
            Some(frame) = answered.recv() => Some(frame),
            frame = receive(&mut socket) => {
                heard = clock.now();
                match frame {
                    Ok(Frame::Request(request)) => accept(shared, &clock, &mut open_requests, &answers, request),
                    Ok(Frame::Ping) => Frame::Pong.to_text().ok(),
                    Ok(Frame::Closing { reason }) => return finish(socket, open_requests, answered, answers, reason).await,
                    Ok(_) => None,
                    Err(lost) => return lost,
                }
            }
            () = clock.sleep_until(next_ping) => {
                let now = clock.now();
                next_ping = now + keep_alive;
                if now - heard > keep_alive * SILENT_PERIODS {
                    return Lost("the relay is silent".to_owned());
                }
                Frame::Ping.to_text().ok()
            }
        };
        if let Some(frame) = outgoing {
            let sent = clock.timeout(OPEN_LIMIT, socket.send(text(frame))).await;
            match sent {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error.into(),
                Err(elapsed) => return elapsed.into(),
            }
        }
    }
}

/// Starts work on a request, or gives the answer at once.
fn accept(
    shared: &Arc<Shared>,
    clock: &Clock,
    open_requests: &mut JoinSet<()>,
    answers: &mpsc::Sender<String>,
    request: RelayRequest,
) -> Option<String> {
    if let Some(frame) = shared.recent.get(request.id) {
        return Some(frame);
    }
    if open_requests.len() >= MAX_OPEN_REQUESTS {
        let busy = ScimError::new(
            ErrorCode::HybridIdentityServiceAgentSignalingError,
            "the agent works on too many requests",
        );
        return frame_of(RelayResponse {
            id: request.id,
            outcome: Err(busy),
        });
    }
    let (shared, clock, answers) = (Arc::clone(shared), clock.clone(), answers.clone());
    open_requests.spawn(async move {
        let deadline = Duration::from_millis(request.deadline_ms).min(LONGEST_DEADLINE);
        let outcome = clock
            .timeout(deadline, Box::pin(shared.handler.handle(&request.operation)))
            .await
            .unwrap_or_else(|_| Err(ScimError::new(ErrorCode::TimeOut, "")));
        let response = RelayResponse {
            id: request.id,
            outcome,
        };
        if let Some(frame) = frame_of(response) {
            shared.recent.keep(request.id, &frame);
            let _ = answers.send(frame).await; // the link may be gone by now
        }
    });
    None
}

/// The answer's frame; one that is too large becomes an error that says so.
fn frame_of(response: RelayResponse) -> Option<String> {
    let id = response.id;
    Frame::Response(response)
        .to_text()
        .or_else(|error| {
            let outcome = Err(ScimError::new(
                ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
                &error.to_string(),
            ));
            Frame::Response(RelayResponse { id, outcome }).to_text()
        })
        .ok()
}

/// The relay takes no new answers after this link's open requests: they are finished and sent, then the link is closed.
async fn finish(
    mut socket: Socket,
    mut open_requests: JoinSet<()>,
    mut answered: mpsc::Receiver<String>,
    answers: mpsc::Sender<String>,
    reason: String,
) -> Lost {
    drop(answers);
    while let Some(frame) = answered.recv().await {
        if socket.send(text(frame)).await.is_err() {
            break;
        }
    }
    while open_requests.join_next().await.is_some() {}
    let _ = socket.close(None).await;
    Lost(format!("the relay closes: {reason}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::testing::{World, issued, simulate};
    use crate::trust::TrustStore;
    use provlab_platform::Listener;
    use provlab_platform::net::ServerTls;
    use provlab_protocol::scim::{DomainPing, Operation};
    use tokio_tungstenite::tungstenite::handshake::server;
    use uuid::Uuid;

    const RELAY: &str = "his-lab.servicebus.windows.net";

    struct Relay {
        doors: provlab_platform::Platform,
        listener: Listener,
    }

    impl Relay {
        async fn start(world: &World) -> Self {
            let doors = world.doors(RELAY);
            let listener = doors.net.listen(&Endpoint::new(RELAY, 443)).await.unwrap();
            Self { doors, listener }
        }

        /// Accepts a listener and welcomes it; gives the headers of its request.
        async fn accept(&mut self) -> (Socket, http::HeaderMap) {
            let stream = self.listener.accept().await.unwrap();
            let tls = ServerTls {
                names: vec![RELAY.to_owned()],
                request_client_certificate: true,
            };
            let stream = self.doors.net.secure_server(stream, &tls).await.unwrap();
            assert_eq!(stream.security().unwrap().peer_certificates.len(), 1);
            let mut headers = http::HeaderMap::new();
            #[allow(clippy::result_large_err, reason = "the library's own signature")]
            let callback = |request: &server::Request, mut response: server::Response| {
                headers = request.headers().clone();
                response
                    .headers_mut()
                    .insert("Sec-WebSocket-Protocol", SUBPROTOCOL.parse().unwrap());
                Ok(response)
            };
            let mut socket = tokio_tungstenite::accept_hdr_async(stream, callback)
                .await
                .unwrap();
            assert!(matches!(receive(&mut socket).await.unwrap(), Frame::Hello { .. }));
            let welcome = Frame::Welcome {
                listener: "path".to_owned(),
                keep_alive_ms: 10_000,
            };
            socket.send(text(welcome.to_text().unwrap())).await.unwrap();
            (socket, headers)
        }
    }

    async fn started(world: &World) -> crate::cloud::http::AbortOnDrop {
        let host = world.host.clone();
        let store = TrustStore::new(host.platform.files.clone());
        let key = store.pending_key(&host.platform.crypto).await.unwrap();
        let der = issued(&key, 2);
        let shared = Shared {
            handler: Handler::new(
                host.clone(),
                crate::service::ServiceLogon::Computer,
                Uuid::from_u128(1),
                &crate::config::AppConfig::default(),
            ),
            recent: Recent::default(),
            trust: std::sync::Mutex::new(store.commit("agent1", key, &der, false).unwrap()),
            host,
        };
        let endpoint = SignalingListenerEndpoint::new(
            "his-lab",
            "servicebus.windows.net",
            "path",
            "a2V5".to_owned().into(),
        );
        let listening = listen(Arc::new(shared), endpoint, Duration::from_secs(3600));
        crate::cloud::http::AbortOnDrop(tokio::spawn(listening))
    }

    fn ping(id: u128) -> Message {
        let request = RelayRequest {
            id: Uuid::from_u128(id),
            deadline_ms: 600_000,
            operation: Operation::Ping(DomainPing {
                domain: "elsewhere.example".to_owned(),
            }),
        };
        text(Frame::Request(request).to_text().unwrap())
    }

    async fn answer(socket: &mut Socket) -> RelayResponse {
        loop {
            if let Frame::Response(response) = receive(socket).await.unwrap() {
                return response;
            }
        }
    }

    #[test]
    fn a_request_that_comes_again_gets_the_same_answer() {
        simulate(async {
            let world = World::new();
            let mut relay = Relay::start(&world).await;
            let _agent = started(&world).await;
            let (mut socket, headers) = relay.accept().await;
            assert_eq!(headers[LISTENER_HEADER], "path");
            assert!(
                headers[AUTHORIZATION_HEADER]
                    .to_str()
                    .unwrap()
                    .starts_with("SharedAccessSignature ")
            );
            socket.send(ping(9)).await.unwrap();
            let first = answer(&mut socket).await;
            assert!(first.outcome.is_err(), "there is no such domain");
            drop(socket);
            let (mut socket, _) = relay.accept().await;
            socket.send(ping(9)).await.unwrap();
            assert_eq!(answer(&mut socket).await, first);
            let done = world
                .log
                .events()
                .iter()
                .filter(|event| event.name == "request.done")
                .count();
            assert_eq!(done, 1);
        });
    }

    #[test]
    fn hostile_frames_cost_the_link_and_nothing_else() {
        simulate(async {
            let world = World::new();
            let mut relay = Relay::start(&world).await;
            let _agent = started(&world).await;
            for hostile in [
                text("garbage".to_owned()),
                text("{\"v\":2,\"type\":\"ping\"}".to_owned()),
                Message::Binary(vec![0; 10].into()),
                text("[".repeat(100_000)),
            ] {
                let (mut socket, _) = relay.accept().await;
                socket.send(hostile).await.unwrap();
                while receive(&mut socket).await.is_ok() {}
            }
            let (mut socket, _) = relay.accept().await;
            socket.send(ping(1)).await.unwrap();
            answer(&mut socket).await;
        });
    }

    #[test]
    fn a_silent_relay_is_left() {
        simulate(async {
            let world = World::new();
            let mut relay = Relay::start(&world).await;
            let _agent = started(&world).await;
            let (socket, _) = relay.accept().await;
            let (_second, _) = relay.accept().await;
            let lost = world
                .log
                .events()
                .into_iter()
                .find(|event| event.name == "relay.lost")
                .unwrap();
            assert_eq!(lost.fields["reason"], "the relay is silent");
            drop(socket);
        });
    }

    #[test]
    fn open_requests_are_answered_before_the_link_closes() {
        simulate(async {
            let world = World::new();
            let mut relay = Relay::start(&world).await;
            let _agent = started(&world).await;
            let (mut socket, _) = relay.accept().await;
            socket.send(ping(5)).await.unwrap();
            let closing = Frame::Closing {
                reason: "maintenance".to_owned(),
            };
            socket.send(text(closing.to_text().unwrap())).await.unwrap();
            assert_eq!(answer(&mut socket).await.id, Uuid::from_u128(5));
            relay.accept().await;
        });
    }
}
