//! The edge: reads a connection's bytes, lets its session decide, and performs the effects.

use std::sync::Arc;
use std::time::Duration;

use provlab_platform::Stream;
use provlab_platform::net::ServerTls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frame::Frames;
use super::limits::{FIRST_REQUEST_TIMEOUT, FRAME_TIMEOUT, IDLE_TIMEOUT, SEND_TIMEOUT};
use super::message;
use super::session::{Effect, Service, Session};
use super::shared::Shared;
use crate::model::ResultCode;

/// Bytes read at once.
const READ_BYTES: usize = 16 * 1_024;

/// Where a connection goes after a request.
enum Next {
    Continue,
    StartTls,
    Close,
}

/// Serves one connection from its start to its end.
pub(crate) async fn serve(shared: Arc<Shared>, stream: Stream, service: Service, tls: bool) {
    let client = stream.peer().host.clone();
    let host = stream.requested_host().to_owned();
    let Some(_place) = shared.place() else {
        return refuse(&shared, stream, &host, &client, tls).await;
    };
    let secured = if tls {
        secure(&shared, stream).await
    } else {
        Some(stream)
    };
    let Some(mut stream) = secured else { return };
    let host = answering_host(&shared, &host);
    let session = Session::new(&host, &client, service, tls);
    let mut connection = Connection {
        shared: Arc::clone(&shared),
        session,
        buffer: vec![0; READ_BYTES],
        frames: Frames::default(),
        frame_began: None,
        quiet_for: FIRST_REQUEST_TIMEOUT,
    };
    loop {
        match connection.turn(&mut stream).await {
            Next::Continue => {}
            Next::Close => return,
            Next::StartTls => {
                let Some(secured) = secure(&shared, stream).await else {
                    return;
                };
                stream = secured;
                connection.session.on_sealed();
            }
        }
    }
}

/// The domain controller that answers: the one that was asked for, or the first one for any other name.
pub(crate) fn answering_host(shared: &Shared, requested: &str) -> String {
    shared.read(|directory, _| {
        let identity = directory.identity();
        identity
            .domain_controllers
            .iter()
            .find(|known| known.eq_ignore_ascii_case(requested))
            .map_or_else(|| identity.dns_host_name().to_owned(), Clone::clone)
    })
}

/// Tells a client that there are too many; over TLS it is simply closed, as a handshake is work too.
async fn refuse(shared: &Shared, mut stream: Stream, host: &str, client: &str, tls: bool) {
    let mut session = Session::new(host, client, Service::Directory, tls);
    let effects = session.disconnect(ResultCode::Unavailable, "too many connections");
    for effect in effects {
        match effect {
            Effect::Report { name, fields } => shared.report(name, fields),
            Effect::Send(bytes) if !tls => {
                let sending = stream.write_all(&bytes);
                let _ = shared.platform.clock.timeout(SEND_TIMEOUT, sending).await;
            }
            _ => {}
        }
    }
}

async fn secure(shared: &Shared, stream: Stream) -> Option<Stream> {
    let tls = ServerTls {
        names: shared.names.clone(),
        request_client_certificate: false,
    };
    // A client that does not finish its handshake is the transport's business, which bounds and reports it.
    shared.platform.net.secure_server(stream, &tls).await.ok()
}

struct Connection {
    shared: Arc<Shared>,
    session: Session,
    /// Where reads go.
    buffer: Vec<u8>,
    frames: Frames,
    /// When the first byte of the request that is arriving came.
    frame_began: Option<Duration>,
    /// How long the client may stay silent between two requests.
    quiet_for: Duration,
}

impl Connection {
    /// Reads once, and answers every request that is complete then.
    async fn turn(&mut self, stream: &mut Stream) -> Next {
        let clock = &self.shared.platform.clock;
        let limit = match self.frame_began {
            Some(began) => (began + FRAME_TIMEOUT).saturating_sub(clock.now()),
            None => self.quiet_for,
        };
        let count = match clock.timeout(limit, stream.read(&mut self.buffer)).await {
            Ok(Ok(count)) if count > 0 => count,
            // Closed by the client, or reset.
            Ok(_) => return Next::Close,
            Err(_) => return self.late(stream).await,
        };
        self.frames.push(&self.buffer[..count]);
        let next = self.answer_all(stream).await;
        let now = self.shared.platform.clock.now();
        let arriving = !self.frames.is_empty();
        self.frame_began = arriving.then(|| self.frame_began.unwrap_or(now));
        next
    }

    async fn answer_all(&mut self, stream: &mut Stream) -> Next {
        loop {
            let effects = match self.frames.next() {
                Ok(None) => return Next::Continue,
                Ok(Some(bytes)) => match message::decode(bytes) {
                    Ok(message) => {
                        let session = &mut self.session;
                        self.shared.step(|moment| session.on_message(moment, message))
                    }
                    Err(error) => self.session.on_garbage(&error.to_string()),
                },
                Err(error) => self.session.on_garbage(&error.to_string()),
            };
            self.frame_began = None;
            self.quiet_for = IDLE_TIMEOUT;
            match self.perform(stream, effects).await {
                Next::Continue => {}
                // What was sent in clear behind the request would count as sealed.
                Next::StartTls if !self.frames.is_empty() => {
                    let effects = self.session.on_garbage("bytes follow StartTLS in clear");
                    self.perform(stream, effects).await;
                    return Next::Close;
                }
                other => return other,
            }
        }
    }

    async fn perform(&mut self, stream: &mut Stream, effects: Vec<Effect>) -> Next {
        let mut next = Next::Continue;
        for effect in effects {
            match effect {
                // The shared step has made changes durable already and left their answers.
                Effect::Send(bytes) | Effect::Commit { done: bytes, .. } => {
                    if !self.send(stream, &bytes).await {
                        return Next::Close;
                    }
                }
                Effect::StartTls => next = Next::StartTls,
                Effect::Close => next = Next::Close,
                Effect::Report { name, fields } => self.shared.report(name, fields),
            }
        }
        next
    }

    async fn send(&mut self, stream: &mut Stream, bytes: &[u8]) -> bool {
        let sending = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        let clock = &self.shared.platform.clock;
        matches!(clock.timeout(SEND_TIMEOUT, sending).await, Ok(Ok(())))
    }

    /// The client was silent for too long.
    async fn late(&mut self, stream: &mut Stream) -> Next {
        let reason = match self.frame_began {
            Some(_) => "the request was not complete in time",
            None => "the connection was idle for too long",
        };
        let effects = self.session.disconnect(ResultCode::Unavailable, reason);
        self.perform(stream, effects).await;
        Next::Close
    }
}
