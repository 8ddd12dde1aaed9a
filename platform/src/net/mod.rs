//! Byte streams by host name, with TLS: over loopback sockets ([`real`]) or in memory with faults ([`sim`]).
//!
//! Names are resolved from the world's own table only, never by DNS, and nothing leaves the machine.

mod endpoint;
mod error;
mod listener;
mod names;
mod proxy;
pub mod real;
pub mod sim;
mod stream;
mod tls;

use async_trait::async_trait;

pub use endpoint::{Endpoint, EndpointError, MAX_HOST_NAME_BYTES};
pub use error::{NetError, NetErrorKind};
pub(crate) use listener::Accept;
pub use listener::Listener;
pub use names::{certificate_covers, pattern_covers};
pub use proxy::Proxy;
pub(crate) use stream::Origin;
pub use stream::Stream;
pub use tls::{ClientIdentity, ClientTls, Security, ServerTls};

use std::time::Duration;

/// How long a connect may take: what Windows allows for three SYNs (3 s, 6 s and 12 s).
pub const CONNECT_LIMIT: Duration = Duration::from_secs(21);

/// How long a TLS handshake may take, on either side.
pub const HANDSHAKE_LIMIT: Duration = Duration::from_secs(15);

/// The network as one host sees it.
///
/// Idle limits are the protocols' own business: a stream may rest for as long as its users agree.
#[async_trait]
pub trait Net: Send + Sync {
    /// Opens a stream to `to`; takes [`CONNECT_LIMIT`] at most.
    ///
    /// # Errors
    /// [`NetErrorKind::HostUnknown`], [`NetErrorKind::Refused`], [`NetErrorKind::TimedOut`],
    /// [`NetErrorKind::Unreachable`], [`NetErrorKind::Reset`].
    async fn connect(&self, to: &Endpoint) -> Result<Stream, NetError>;

    /// Takes connections for `at`, whose host may be a wildcard: `*.msappproxy.net` takes every name below
    /// `msappproxy.net` for which there is no closer listener.
    ///
    /// # Errors
    /// [`NetErrorKind::AddressInUse`], [`NetErrorKind::Unreachable`] for an address that is not loopback.
    async fn listen(&self, at: &Endpoint) -> Result<Listener, NetError>;

    /// Does the client's side of a TLS handshake on `stream`, also in mid-stream (StartTLS); takes
    /// [`HANDSHAKE_LIMIT`] at most.
    ///
    /// # Errors
    /// [`NetErrorKind::CertificateInvalid`] if the server's certificate is not for `tls.server_name` or not trusted,
    /// [`NetErrorKind::TlsFailed`] for anything that is no TLS, [`NetErrorKind::TimedOut`], [`NetErrorKind::Reset`].
    async fn secure_client(&self, stream: Stream, tls: &ClientTls) -> Result<Stream, NetError>;

    /// Does the server's side of a TLS handshake on `stream`, also in mid-stream; takes [`HANDSHAKE_LIMIT`] at most.
    ///
    /// A client certificate is asked for if `tls` says so; the handshake proves only that the client has its key.
    /// Whether it is acceptable (issuer, validity, revocation) is for the caller to decide.
    ///
    /// # Errors
    /// [`NetErrorKind::TlsFailed`], [`NetErrorKind::TimedOut`], [`NetErrorKind::Reset`].
    async fn secure_server(&self, stream: Stream, tls: &ServerTls) -> Result<Stream, NetError>;
}
