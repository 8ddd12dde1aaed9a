//! A stream that gives up on a peer which does not read, so that an unread answer cannot pin memory.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use provlab_platform::{Clock, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Wraps a stream; a write that makes no progress for the limit fails.
pub(super) struct Guarded {
    stream: Stream,
    clock: Clock,
    limit: Duration,
    stalled: Option<Sleep>,
}

impl Guarded {
    pub(super) fn new(stream: Stream, clock: Clock, limit: Duration) -> Self {
        Self {
            stream,
            clock,
            limit,
            stalled: None,
        }
    }

    fn judge<T>(&mut self, progress: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.stalled = None;
            return progress;
        }
        let sleep = self.stalled.get_or_insert_with(|| {
            let (clock, limit) = (self.clock.clone(), self.limit);
            Box::pin(async move { clock.sleep(limit).await })
        });
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client does not read its answer",
        )))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(progress, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(progress, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(progress, cx)
    }
}
