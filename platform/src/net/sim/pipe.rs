//! One direction of a connection: pieces that arrive when their time has come, in their order.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;
use tokio::time::Instant;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    pub(super) queue: VecDeque<Piece>,
    pub(super) queued_bytes: usize,
    /// Number of the next piece.
    pub(super) sequence: u64,
    /// When the last piece arrives; none may overtake it.
    pub(super) last_arrival: Option<Instant>,
    /// The writer has ended this direction, or a fault has.
    pub(super) ended: bool,
    /// The reader is gone: what is written is lost.
    pub(super) unread: bool,
    /// A half-open connection: nothing arrives any more and nobody is told.
    pub(super) vanished: bool,
    /// The writer of this direction has been told that the connection is broken.
    pub(super) writer_reset: bool,
    /// The reader of this direction has been told so.
    pub(super) reader_reset: bool,
    pub(super) writer_gone: bool,
    pub(super) read_waker: Option<Waker>,
    pub(super) write_waker: Option<Waker>,
}

#[derive(Debug)]
pub(super) struct Piece {
    pub(super) item: Item,
    pub(super) arrival: Arrival,
}

#[derive(Debug)]
pub(super) enum Item {
    Bytes(Bytes),
    End,
    Reset,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Arrival {
    At(Instant),
    /// Held back by the rule of this number.
    Held(u64),
}

impl Pipe {
    pub(super) fn push(&mut self, item: Item, arrival: Arrival) {
        if let Item::Bytes(bytes) = &item {
            self.queued_bytes += bytes.len();
        }
        let arrival = match arrival {
            Arrival::At(at) => Arrival::At(self.in_order(at)),
            held @ Arrival::Held(_) => held,
        };
        self.queue.push_back(Piece { item, arrival });
        self.wake_reader();
    }

    fn in_order(&mut self, at: Instant) -> Instant {
        let at = self.last_arrival.map_or(at, |last| last.max(at));
        self.last_arrival = Some(at);
        at
    }

    pub(super) fn break_reader(&mut self) {
        self.reader_reset = true;
        self.queue.clear();
        self.queued_bytes = 0;
        self.wake_reader();
    }

    pub(super) fn wake_reader(&mut self) {
        if let Some(waker) = self.read_waker.take() {
            waker.wake();
        }
    }

    pub(super) fn wake_writer(&mut self) {
        if let Some(waker) = self.write_waker.take() {
            waker.wake();
        }
    }
}
