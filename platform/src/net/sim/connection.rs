//! A connection in memory, as the network's faults see it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::network::World;
use super::pipe::{Arrival, Item, Pipe};
use super::{Direction, Link, Moment, Verdict};

/// Both directions of a connection and what its two sides have been told.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: u64,
    pub(super) link: Link,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    to_server: Pipe,
    to_client: Pipe,
}

impl Direction {
    pub(super) fn back(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }
}

impl State {
    pub(super) fn pipe(&mut self, direction: Direction) -> &mut Pipe {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// Tells both sides at once that the connection is broken.
    pub(super) fn reset(&mut self) {
        for direction in [Direction::ToServer, Direction::ToClient] {
            let pipe = self.pipe(direction);
            pipe.writer_reset = true;
            pipe.break_reader();
            pipe.wake_writer();
        }
    }

    pub(super) fn vanish(&mut self) {
        self.to_server.vanished = true;
        self.to_client.vanished = true;
    }
}

impl Connection {
    pub(super) fn new(id: u64, link: Link) -> Self {
        Self {
            id,
            link,
            state: Mutex::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on nothing arrives and nobody is told.
    pub(super) fn vanish(&self) {
        self.lock().vanish();
    }

    /// The host on the writing side of `direction` is killed: its own ends break at once, and the peer is told unless
    /// a fault is in the way.
    pub(super) fn kill(&self, world: &World, direction: Direction) {
        let judgement = world.judge(&self.link, &Moment::End { direction }, 0);
        let mut state = self.lock();
        match judgement.verdict {
            Verdict::Hold => {
                state
                    .pipe(direction)
                    .push(Item::Reset, Arrival::Held(judgement.rule));
                state.pipe(direction).writer_reset = true;
                state.pipe(direction.back()).unread = true;
                state.pipe(direction.back()).break_reader();
            }
            Verdict::HalfOpen => {
                state.vanish();
                state.pipe(direction).writer_reset = true;
                state.pipe(direction.back()).break_reader();
            }
            _ => state.reset(),
        }
    }

    /// The rule of this number is gone: asks the later rules about every piece that it held back.
    pub(super) fn release(&self, world: &World, healed: u64) {
        for direction in [Direction::ToServer, Direction::ToClient] {
            let mut state = self.lock();
            let pipe = state.pipe(direction);
            let mut broken = false;
            let mut vanished = false;
            for piece in &mut pipe.queue {
                if !matches!(piece.arrival, Arrival::Held(rule) if rule == healed) {
                    continue;
                }
                let moment = match &piece.item {
                    // The number is not kept: a piece that was sent again is a new one for the rules that follow.
                    Item::Bytes(bytes) => Moment::Data {
                        direction,
                        sequence: pipe.sequence,
                        bytes,
                    },
                    Item::End | Item::Reset => Moment::End { direction },
                };
                let judgement = world.judge(&self.link, &moment, healed + 1);
                piece.arrival = match judgement.verdict {
                    Verdict::Hold => Arrival::Held(judgement.rule),
                    _ => Arrival::At(world.arrival(judgement.delay)),
                };
                broken |= matches!(judgement.verdict, Verdict::Reset | Verdict::Refuse);
                vanished |= judgement.verdict == Verdict::HalfOpen;
            }
            pipe.wake_reader();
            if vanished {
                state.vanish();
            } else if broken {
                state.reset();
            }
        }
    }
}
