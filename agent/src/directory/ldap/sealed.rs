//! The stream behind a SASL bind: four bytes of length, then one sealed message, both ways (RFC 4422 section 3.7).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use provlab_platform::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::directory::kerberos::SecurityContext;

/// Longest sealed message that is read. The Negotiate mechanism does not tell a maximum; three bytes of length is what
/// the GSSAPI mechanism could tell at most (RFC 4752 section 3.1).
pub const MAX_SEALED_BYTES: usize = 0x00ff_ffff;
/// Longest message that is sealed at once; a server reads this much in one go.
const MAX_CLEAR_BYTES: usize = 64 * 1024;
/// Bytes of the length in front of a sealed message.
const LENGTH: usize = 4;
const READ_CHUNK: usize = 64 * 1024;

/// The transport of an LDAP connection.
pub(super) enum Transport {
    /// As the platform gives it: TLS, or clear until StartTLS or a SASL bind.
    Plain(Stream),
    /// Sealed by a security context.
    Sealed(Sealed),
}

impl Transport {
    /// Puts a security context over the stream.
    pub(super) fn seal(self, context: SecurityContext) -> Self {
        match self {
            Self::Plain(stream) => Self::Sealed(Sealed::new(stream, context)),
            sealed @ Self::Sealed(_) => sealed,
        }
    }
}

/// A stream whose messages are sealed; generic for the tests.
pub(super) struct Sealed<S = Stream> {
    stream: S,
    context: SecurityContext,
    /// Sealed bytes as they arrived.
    arrived: BytesMut,
    /// Opened bytes that nobody has read yet.
    opened: BytesMut,
    /// Sealed bytes on their way out.
    leaving: BytesMut,
}

impl<S> Sealed<S> {
    pub(super) fn new(stream: S, context: SecurityContext) -> Self {
        Self {
            stream,
            context,
            arrived: BytesMut::new(),
            opened: BytesMut::new(),
            leaving: BytesMut::new(),
        }
    }

    /// Opens the first message among the bytes that arrived; `false` when it is not whole.
    fn open_next(&mut self) -> io::Result<bool> {
        let Some(length) = self.arrived.first_chunk::<LENGTH>() else {
            return Ok(false);
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > MAX_SEALED_BYTES {
            return Err(invalid(format!(
                "a sealed message of {length} bytes; the limit is {MAX_SEALED_BYTES}"
            )));
        }
        let Some(token) = self.arrived.get(LENGTH..LENGTH + length) else {
            return Ok(false);
        };
        let clear = self
            .context
            .open(token)
            .map_err(|error| invalid(error.to_string()))?;
        self.arrived.advance(LENGTH + length);
        self.opened.extend_from_slice(&clear);
        Ok(true)
    }
}

fn invalid(detail: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail)
}

impl<S: AsyncRead + Unpin> AsyncRead for Sealed<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.opened.is_empty() {
            if this.open_next()? {
                continue; // a message may be empty
            }
            let before = this.arrived.len();
            this.arrived.resize(before + READ_CHUNK, 0);
            let mut room = ReadBuf::new(&mut this.arrived[before..]);
            let read = Pin::new(&mut this.stream).poll_read(cx, &mut room);
            let count = room.filled().len();
            this.arrived.truncate(before + count);
            ready!(read)?;
            if count == 0 {
                // An end between two messages is an end; within one it is a cut.
                return Poll::Ready(if this.arrived.is_empty() {
                    Ok(())
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                });
            }
        }
        let count = buf.remaining().min(this.opened.len());
        buf.put_slice(&this.opened[..count]);
        this.opened.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Sealed<S> {
    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.leaving.is_empty() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.leaving))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.leaving.advance(count);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Sealed<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // One sealed message waits at most: what was taken before has to leave first.
        ready!(this.poll_leave(cx))?;
        let clear = &buf[..buf.len().min(MAX_CLEAR_BYTES)];
        if clear.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let token = this
            .context
            .seal(clear)
            .map_err(|error| invalid(error.to_string()))?;
        let length = u32::try_from(token.len()).map_err(|_| invalid("too long".to_owned()))?;
        this.leaving.extend_from_slice(&length.to_be_bytes());
        this.leaving.extend_from_slice(&token);
        Poll::Ready(Ok(clear.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_leave(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_leave(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Sealed(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Sealed(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Sealed(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Sealed(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::kerberos::stub::{FIRST_SENT, established, opened, sealed};
    use crate::testing::simulate;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    fn pair(room: usize) -> (Sealed<DuplexStream>, DuplexStream) {
        let (near, far) = duplex(room);
        (Sealed::new(near, established()), far)
    }

    fn framed(token: &[u8]) -> Vec<u8> {
        let length = u32::try_from(token.len()).unwrap();
        [&length.to_be_bytes()[..], token].concat()
    }

    /// What a reader gets when the other side sends this and ends.
    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        simulate(async {
            let (mut near, mut far) = pair(bytes.len().max(1));
            far.write_all(bytes).await.unwrap();
            drop(far);
            let mut all = Vec::new();
            near.read_to_end(&mut all).await.map(|_| all)
        })
    }

    #[test]
    fn messages_become_one_stream() {
        let tokens = [&b"an "[..], b"", b"answer"];
        let bytes: Vec<u8> = (FIRST_SENT..)
            .zip(tokens)
            .flat_map(|(number, clear)| framed(&sealed(number, clear, 0, 28)))
            .collect();
        assert_eq!(read(&bytes).unwrap(), b"an answer");
    }

    #[test]
    fn a_cut_a_change_and_an_oversize_are_errors() {
        let whole = framed(&sealed(FIRST_SENT, b"an answer", 0, 28));
        let kind = |bytes: &[u8]| read(bytes).unwrap_err().kind();
        for cut in [1, 4, whole.len() - 1] {
            assert_eq!(kind(&whole[..cut]), io::ErrorKind::UnexpectedEof, "{cut} bytes");
        }
        let mut changed = whole;
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(kind(&changed), io::ErrorKind::InvalidData);
        let limit = u32::try_from(MAX_SEALED_BYTES).unwrap();
        assert_eq!(kind(&(limit + 1).to_be_bytes()), io::ErrorKind::InvalidData);
        assert_eq!(kind(&limit.to_be_bytes()), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_long_request_leaves_in_several_messages_through_a_narrow_pipe() {
        simulate(async {
            let request: Vec<u8> = (0..200_000u32).map(|n| n.to_le_bytes()[0]).collect();
            let (mut near, mut far) = pair(1000);
            let sent = request.clone();
            let sending = tokio::spawn(async move {
                near.write_all(&sent).await.unwrap();
                near.shutdown().await.unwrap();
            });
            let mut arrived = Vec::new();
            let mut messages = 0;
            while let Ok(length) = far.read_u32().await {
                let mut token = vec![0; length as usize];
                far.read_exact(&mut token).await.unwrap();
                arrived.extend(opened(&token));
                messages += 1;
            }
            sending.await.unwrap();
            assert_eq!(messages, 200_000usize.div_ceil(MAX_CLEAR_BYTES));
            assert_eq!(arrived, request);
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn whatever_arrives_the_reader_ends(bytes: Vec<u8>, framed_right: bool) {
            let bytes = if framed_right { framed(&bytes) } else { bytes };
            let result = read(&bytes);
            prop_assert!(bytes.is_empty() == result.is_ok());
        }
    }
}
