//! One side of a connection: what reads, writes and ends it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::connection::Connection;
use super::network::{Judgement, World};
use super::pipe::{Arrival, Item, Piece};
use super::{Direction, Moment, Verdict};

/// How much may be on its way, or unread, in one direction before the writer has to wait.
pub const WINDOW_BYTES: usize = 256 << 10;

/// One side of a connection.
pub(super) struct SimStream {
    connection: Arc<Connection>,
    world: Arc<World>,
    /// The direction this side writes to.
    writes: Direction,
    timer: Option<Pin<Box<Sleep>>>,
}

impl SimStream {
    /// The client's and the server's side.
    pub(super) fn pair(connection: &Arc<Connection>, world: &Arc<World>) -> (Self, Self) {
        let side = |writes| Self {
            connection: Arc::clone(connection),
            world: Arc::clone(world),
            writes,
            timer: None,
        };
        (side(Direction::ToServer), side(Direction::ToClient))
    }

    fn end(&self) {
        let direction = self.writes;
        {
            let mut state = self.connection.lock();
            let pipe = state.pipe(direction);
            if pipe.ended || pipe.writer_reset {
                return;
            }
            pipe.ended = true;
        }
        let judgement = self
            .world
            .judge(&self.connection.link, &Moment::End { direction }, 0);
        let mut state = self.connection.lock();
        match judgement.verdict {
            Verdict::Hold => state
                .pipe(direction)
                .push(Item::End, Arrival::Held(judgement.rule)),
            Verdict::HalfOpen => state.vanish(),
            Verdict::Reset | Verdict::Refuse => state.reset(),
            _ => {
                let arrival = Arrival::At(self.world.arrival(judgement.delay));
                state.pipe(direction).push(Item::End, arrival);
            }
        }
    }

    /// Sends one piece on its way as the rules decide; how much of it was taken.
    fn send(&self, bytes: &[u8], sequence: u64) -> io::Result<usize> {
        let direction = self.writes;
        let moment = Moment::Data {
            direction,
            sequence,
            bytes,
        };
        let Judgement { delay, verdict, rule } = self.world.judge(&self.connection.link, &moment, 0);
        let mut state = self.connection.lock();
        let pipe = state.pipe(direction);
        let lost = pipe.vanished || pipe.unread;
        if pipe.unread && !pipe.vanished && verdict != Verdict::Hold {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let arrival = Arrival::At(self.world.arrival(delay));
        let piece = |range: &[u8]| Item::Bytes(Bytes::copy_from_slice(range));
        match verdict {
            Verdict::Reset | Verdict::Refuse => {
                state.reset();
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            Verdict::HalfOpen => {
                pipe.queued_bytes += bytes.len();
                state.vanish();
            }
            _ if lost => pipe.queued_bytes += bytes.len(),
            Verdict::Hold => pipe.push(piece(bytes), Arrival::Held(rule)),
            Verdict::Truncate(size) => {
                pipe.push(piece(&bytes[..size.min(bytes.len())]), arrival);
                pipe.push(Item::End, arrival);
                pipe.ended = true;
            }
            Verdict::Split(size) => {
                for part in bytes.chunks(size.max(1)) {
                    pipe.push(piece(part), arrival);
                }
            }
            Verdict::Pass | Verdict::Delay(_) | Verdict::Untrusted => pipe.push(piece(bytes), arrival),
        }
        Ok(bytes.len())
    }
}

impl AsyncRead for SimStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let due = {
                let mut state = this.connection.lock();
                let pipe = state.pipe(this.writes.back());
                if pipe.reader_reset {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                }
                if buf.remaining() == 0 {
                    return Poll::Ready(Ok(()));
                }
                let vanished = pipe.vanished;
                match pipe.queue.front_mut() {
                    Some(Piece {
                        item,
                        arrival: Arrival::At(at),
                    }) if !vanished => {
                        if *at <= Instant::now() {
                            match item {
                                Item::Bytes(bytes) => {
                                    let size = bytes.len().min(buf.remaining());
                                    buf.put_slice(&bytes[..size]);
                                    bytes.advance(size);
                                    if bytes.is_empty() {
                                        pipe.queue.pop_front();
                                    }
                                    pipe.queued_bytes -= size;
                                    pipe.wake_writer();
                                    if size == 0 {
                                        continue;
                                    }
                                    return Poll::Ready(Ok(()));
                                }
                                Item::End => return Poll::Ready(Ok(())),
                                Item::Reset => {
                                    state.reset();
                                    continue;
                                }
                            }
                        }
                        pipe.read_waker = Some(cx.waker().clone());
                        *at
                    }
                    _ => {
                        pipe.read_waker = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                }
            };
            let timer = this
                .timer
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.timer = None;
        }
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let (room, sequence) = {
            let mut state = this.connection.lock();
            let pipe = state.pipe(this.writes);
            if pipe.writer_reset {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            if pipe.ended {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            if buf.is_empty() {
                return Poll::Ready(Ok(0));
            }
            let room = WINDOW_BYTES.saturating_sub(pipe.queued_bytes);
            if room == 0 {
                pipe.write_waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let sequence = pipe.sequence;
            pipe.sequence += 1;
            (room, sequence)
        };
        Poll::Ready(this.send(&buf[..buf.len().min(room)], sequence))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.end();
        let mut state = self.connection.lock();
        state.pipe(self.writes).writer_gone = true;
        let incoming = state.pipe(self.writes.back());
        incoming.unread = true;
        incoming.queue.clear();
        if !incoming.vanished {
            incoming.queued_bytes = 0;
            incoming.wake_writer();
        }
        let both_gone = incoming.writer_gone;
        drop(state);
        if both_gone {
            self.world.forget(self.connection.id);
        }
    }
}
