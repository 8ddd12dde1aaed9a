//! One way to tell and to spend time, so that a simulated day costs milliseconds and a host's clock can be wrong on purpose.
//!
//! A [`Clock`] wraps tokio's time: on a runtime whose clock is paused (see [`crate::sim::runtime`]) sleeping jumps,
//! on any other it waits. Components never call `tokio::time` or `SystemTime` themselves.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

/// The work given to [`Clock::timeout`] was not done in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not done within {0:?}")]
pub struct Elapsed(pub Duration);

/// The time of one host: monotonic time of the world, and a wall clock that may be skewed.
///
/// Clones share the skew; [`Clock::for_host`] makes one with a skew of its own.
#[derive(Debug, Clone)]
pub struct Clock {
    start: Instant,
    wall: WallSource,
    skew_micros: Arc<AtomicI64>,
}

#[derive(Debug, Clone, Copy)]
enum WallSource {
    /// Wall time at the start of the world; it then advances with the monotonic clock.
    Epoch(OffsetDateTime),
    /// The operating system's UTC clock.
    System,
}

impl Clock {
    /// The machine's own clock; the world starts now.
    #[must_use]
    pub fn system() -> Self {
        Self::new(WallSource::System)
    }

    /// A clock whose wall time is `epoch` at this moment and then follows tokio's clock.
    ///
    /// Call it inside the runtime that will use it: outside, tokio answers with the machine's time.
    #[must_use]
    pub fn simulated(epoch: OffsetDateTime) -> Self {
        Self::new(WallSource::Epoch(epoch))
    }

    fn new(wall: WallSource) -> Self {
        Self {
            start: Instant::now(),
            wall,
            skew_micros: Arc::default(),
        }
    }

    /// The same world time with a wall clock that can be skewed without touching the others.
    #[must_use]
    pub fn for_host(&self) -> Self {
        Self {
            skew_micros: Arc::new(AtomicI64::new(self.skew_micros.load(Ordering::Relaxed))),
            ..self.clone()
        }
    }

    /// Puts the wall clock of this clock and its clones ahead (positive) or behind (negative) of true time.
    ///
    /// Monotonic time and sleeping are not touched, as on a machine whose date is set wrong.
    pub fn set_skew(&self, skew: time::Duration) {
        let micros = i64::try_from(skew.whole_microseconds()).unwrap_or(if skew.is_negative() {
            i64::MIN
        } else {
            i64::MAX
        });
        self.skew_micros.store(micros, Ordering::Relaxed);
    }

    /// Time since the start of the world; never goes back.
    #[must_use]
    pub fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }

    /// Wall time in UTC, skew included.
    #[must_use]
    pub fn wall(&self) -> OffsetDateTime {
        let skew = time::Duration::microseconds(self.skew_micros.load(Ordering::Relaxed));
        let base = match self.wall {
            WallSource::Epoch(epoch) => {
                epoch.saturating_add(time::Duration::try_from(self.now()).unwrap_or(time::Duration::MAX))
            }
            WallSource::System => OffsetDateTime::now_utc(),
        };
        base.saturating_add(skew)
    }

    /// Waits for `span`.
    pub async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    /// Waits until `moment`, given as time since the start of the world; returns at once if it has passed.
    pub async fn sleep_until(&self, moment: Duration) {
        tokio::time::sleep_until(self.instant(moment)).await;
    }

    /// Runs `work` for at most `limit`, then drops it.
    ///
    /// # Errors
    /// [`Elapsed`] when the limit passes first. Work that is ready at the limit wins.
    pub async fn timeout<F: Future>(&self, limit: Duration, work: F) -> Result<F::Output, Elapsed> {
        tokio::time::timeout(limit, work)
            .await
            .map_err(|_| Elapsed(limit))
    }

    /// The tokio instant of a moment since the start of the world.
    pub(crate) fn instant(&self, moment: Duration) -> Instant {
        /// Far enough to mean "never", near enough not to overflow.
        const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);
        self.start + moment.min(NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const EPOCH: OffsetDateTime = datetime!(2026-03-01 08:00 UTC);

    #[tokio::test(start_paused = true)]
    async fn a_simulated_day_passes_at_once() {
        let clock = Clock::simulated(EPOCH);
        clock.sleep(Duration::from_secs(86_400)).await;
        assert_eq!(clock.now(), Duration::from_secs(86_400));
        assert_eq!(clock.wall(), datetime!(2026-03-02 08:00 UTC));
    }

    #[tokio::test(start_paused = true)]
    async fn skew_belongs_to_one_host() {
        let world = Clock::simulated(EPOCH);
        let host = world.for_host();
        host.set_skew(time::Duration::minutes(-10));
        assert_eq!(host.wall(), datetime!(2026-03-01 07:50 UTC));
        assert_eq!(world.wall(), EPOCH);
        assert_eq!(host.now(), world.now());
    }

    #[tokio::test(start_paused = true)]
    async fn timeout_tells_its_limit() {
        let clock = Clock::simulated(EPOCH);
        let limit = Duration::from_secs(30);
        let late = clock.timeout(limit, clock.sleep(Duration::from_secs(31)));
        assert_eq!(late.await, Err(Elapsed(limit)));
        assert_eq!(clock.timeout(limit, async { 7 }).await, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn extreme_moments_and_skews_do_not_overflow() {
        let clock = Clock::simulated(EPOCH);
        let _ = clock.instant(Duration::MAX);
        clock.set_skew(time::Duration::MAX);
        let _ = clock.wall();
        clock.set_skew(time::Duration::MIN);
        let _ = clock.wall();
    }

    #[test]
    fn the_system_clock_is_this_century() {
        assert!(Clock::system().wall().year() >= 2025);
    }
}
