//! The edge: reads a connection's bytes, lets its association decide, and performs the effects.

use std::sync::Arc;
use std::time::Duration;

use provlab_platform::Stream;
use provlab_protocol::dcerpc::Frames;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::association::{Association, Service};
use crate::server::connection::answering_host;
use crate::server::limits::{FIRST_REQUEST_TIMEOUT, FRAME_TIMEOUT, IDLE_TIMEOUT, SEND_TIMEOUT};
use crate::server::session::Effect;
use crate::server::shared::Shared;

/// Bytes read at once.
const READ_BYTES: usize = 8 * 1_024;

/// Serves one connection from its start to its end. Where the server is full it is closed at once.
pub(crate) async fn serve(shared: Arc<Shared>, mut stream: Stream, service: Service) {
    let Some(_place) = shared.place() else { return };
    let client = stream.peer().host.clone();
    let host = answering_host(&shared, stream.requested_host());
    let mut association = Association::new(&host, &client, service);
    let clock = shared.platform.clock.clone();
    let mut buffer = vec![0; READ_BYTES];
    let mut frames = Frames::default();
    let mut frame_began: Option<Duration> = None;
    let mut quiet_for = FIRST_REQUEST_TIMEOUT;
    loop {
        let limit = match frame_began {
            Some(began) => (began + FRAME_TIMEOUT).saturating_sub(clock.now()),
            None => quiet_for,
        };
        let count = match clock.timeout(limit, stream.read(&mut buffer)).await {
            Ok(Ok(count)) if count > 0 => count,
            // Closed by the client, reset, or silent for too long.
            _ => return,
        };
        frames.push(&buffer[..count]);
        loop {
            let effects = match frames.next_pdu() {
                Ok(None) => break,
                Ok(Some(pdu)) => shared.step(|moment| association.on_pdu(moment, pdu)),
                Err(error) => association.on_garbage(&error.to_string()),
            };
            frame_began = None;
            quiet_for = IDLE_TIMEOUT;
            if !perform(&shared, &mut stream, effects).await {
                return;
            }
        }
        let arriving = !frames.is_empty();
        frame_began = arriving.then(|| frame_began.unwrap_or(clock.now()));
    }
}

/// Whether the connection goes on.
async fn perform(shared: &Shared, stream: &mut Stream, effects: Vec<Effect>) -> bool {
    for effect in effects {
        match effect {
            // The shared step has made changes durable already and left their answers.
            Effect::Send(bytes) | Effect::Commit { done: bytes, .. } => {
                let sending = async {
                    stream.write_all(&bytes).await?;
                    stream.flush().await
                };
                let sent = shared.platform.clock.timeout(SEND_TIMEOUT, sending).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return false;
                }
            }
            Effect::StartTls | Effect::Close => return false,
            Effect::Report { name, fields } => shared.report(name, fields),
        }
    }
    true
}
