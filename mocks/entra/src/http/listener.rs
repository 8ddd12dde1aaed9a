//! Accepts connections of one host, performs TLS and serves HTTP/1.1 on them.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use provlab_platform::net::ServerTls;
use provlab_platform::{Listener, Stream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::guard::Guarded;
use super::hosts::{Caller, ListeningHost};
use super::layer;
use crate::shared::Shared;

/// Serves a listener until it fails or the task is aborted; its connections end with it.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    listening: Arc<ListeningHost>,
    listener: Listener,
    router: Router,
    places: Arc<Semaphore>,
) {
    let mut connections = JoinSet::new();
    let mut failures = 0;
    loop {
        tokio::select! {
            biased;
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok(stream) = accepted else {
                    failures += 1;
                    if failures > super::MAX_ACCEPT_FAILURES {
                        tracing::error!(host = %listening.pattern, "the listener is gone");
                        return;
                    }
                    shared.platform.clock.sleep(super::ACCEPT_PAUSE).await;
                    continue;
                };
                failures = 0;
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    continue;
                };
                let (shared, listening, router) = (Arc::clone(&shared), Arc::clone(&listening), router.clone());
                connections.spawn(async move {
                    serve_connection(shared, &listening, stream, router).await;
                    drop(place);
                });
            }
        }
    }
}

async fn serve_connection(shared: Arc<Shared>, listening: &ListeningHost, stream: Stream, router: Router) {
    let remote = stream.peer().clone();
    let requested = stream.requested_host().to_owned();
    let tls = ServerTls {
        names: vec![listening.pattern.clone()],
        request_client_certificate: listening.role.asks_for_certificate(),
    };
    let handshake = shared.platform.net.secure_server(stream, &tls);
    let Ok(Ok(stream)) = shared
        .platform
        .clock
        .timeout(super::HANDSHAKE_TIMEOUT, handshake)
        .await
    else {
        return;
    };
    let (name, certificates) = match stream.security() {
        Some(security) if !security.server_name.is_empty() => {
            (security.server_name.clone(), security.peer_certificates.clone())
        }
        Some(security) => (requested, security.peer_certificates.clone()),
        None => return,
    };
    let Some(caller) = Caller::new(&shared, listening, &name, remote, certificates) else {
        return;
    };
    let clock = shared.platform.clock.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (shared, router, caller) = (Arc::clone(&shared), router.clone(), caller.clone());
        async move {
            let request = request.map(Body::new);
            Ok::<_, Infallible>(
                layer::answer(shared, caller, request, |request| async move {
                    match router.oneshot(request).await {
                        Ok(response) => response,
                        Err(never) => match never {},
                    }
                })
                .await,
            )
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(super::HEAD_TIMEOUT)
        .max_buf_size(super::MAX_HEAD_BYTES)
        .max_headers(super::MAX_HEADERS)
        // The date comes from the cloud's own clock.
        .auto_date_header(false)
        .serve_connection(
            TokioIo::new(Guarded::new(stream, clock, super::WRITE_STALL_TIMEOUT)),
            service,
        )
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, host = %listening.pattern, "connection ended");
    }
}
