//! One connection, the same to look at whether it is a socket, TLS on a socket, or memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::sim::Link;
use super::{Endpoint, Security};

/// Anything bytes flow through.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// Which network a stream belongs to: a handshake needs the one it came from.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    Real,
    Sim(Link),
}

/// A connection: bytes in order, both ways.
///
/// `shutdown` ends the own direction (the peer reads an end) and leaves the other one open; dropping it ends both.
pub struct Stream {
    pub(crate) io: Box<dyn Io>,
    pub(crate) origin: Origin,
    pub(crate) local: Endpoint,
    pub(crate) peer: Endpoint,
    pub(crate) security: Option<Security>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("local", &self.local)
            .field("peer", &self.peer)
            .field("secured", &self.security.is_some())
            .finish_non_exhaustive()
    }
}

impl Stream {
    /// The own end. On the side that accepted, the host is the name that the client asked for.
    #[must_use]
    pub fn local(&self) -> &Endpoint {
        &self.local
    }

    /// The other end. On the side that connected, the name that was asked for.
    #[must_use]
    pub fn peer(&self) -> &Endpoint {
        &self.peer
    }

    /// The host name that the client connected to, on the side that accepted.
    ///
    /// A socket does not carry it: on the real network a wildcard listener's stream has the wildcard here until TLS has
    /// told the name. Every other case has the name from the start.
    #[must_use]
    pub fn requested_host(&self) -> &str {
        &self.local.host
    }

    /// What TLS has told, or nothing on a stream in clear.
    #[must_use]
    pub fn security(&self) -> Option<&Security> {
        self.security.as_ref()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
