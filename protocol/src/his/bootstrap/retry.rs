//! How an agent goes on after a failed bootstrap is told by the service (PR 5.3).

use std::time::Duration;

use crate::his::xml::{Element, HisXmlError, XmlWriter};
use crate::his::{duration, namespace};

const ELEMENT: &str = "PeriodicBootstrapRetryStrategy";

/// The one shape of strategy that was seen: a first wait, then exponential back-off, then a steady interval, the latter two randomized.
///
/// Element names are those of published captures. Another shape is read as the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryStrategy {
    /// Wait before each of the first attempts.
    pub first_interval: Duration,
    /// Number of first attempts.
    pub first_attempts: u32,
    /// Number of attempts with exponential back-off.
    pub backoff_attempts: u32,
    /// Shortest wait of the back-off.
    pub backoff_min_delay: Duration,
    /// Longest wait of the back-off.
    pub backoff_max_delay: Duration,
    /// Wait ever after.
    pub last_interval: Duration,
    /// Randomization of back-off and last interval, percent up and down.
    pub plus_or_minus_percent: u32,
}

impl Default for RetryStrategy {
    /// 10 minutes once; then ±20 %: 5 tries from 3 s to 1 h, then hourly.
    fn default() -> Self {
        Self {
            first_interval: Duration::from_secs(600),
            first_attempts: 1,
            backoff_attempts: 5,
            backoff_min_delay: Duration::from_secs(3),
            backoff_max_delay: Duration::from_secs(3_600),
            last_interval: Duration::from_secs(3_600),
            plus_or_minus_percent: 20,
        }
    }
}

impl RetryStrategy {
    /// The wait after the given number of failures in a row (from 1), before randomization; and whether to randomize it.
    #[must_use]
    pub fn wait_after(&self, failures: u32) -> (Duration, bool) {
        let Some(backoff) = failures.saturating_sub(1).checked_sub(self.first_attempts) else {
            return (self.first_interval, false);
        };
        if backoff >= self.backoff_attempts {
            return (self.last_interval, true);
        }
        (self.backoff_delay(backoff), true)
    }

    /// Grows by a constant factor from the shortest wait at try 0 to the longest at the last one.
    fn backoff_delay(&self, tried: u32) -> Duration {
        let (shortest, longest) = (
            self.backoff_min_delay.as_secs_f64(),
            self.backoff_max_delay.as_secs_f64(),
        );
        if tried == 0 || shortest <= 0.0 || longest <= shortest {
            return self.backoff_min_delay;
        }
        let steps = f64::from(self.backoff_attempts.saturating_sub(1).max(1));
        let delay = shortest * (longest / shortest).powf(f64::from(tried) / steps);
        Duration::try_from_secs_f64(delay)
            .unwrap_or(self.backoff_max_delay)
            .min(self.backoff_max_delay)
    }

    pub(super) fn write(&self, writer: &mut XmlWriter) {
        writer.start(ELEMENT, &[("xmlns:a", namespace::RETRY_STRATEGIES)]);
        writer.start("a:AndThen", &[]);
        writer.start("a:First", &[]);
        write_periodic(writer, self.first_interval, Some(self.first_attempts));
        writer.end();
        writer.start("a:Second", &[]);
        writer.start("a:Randomized", &[]);
        writer.start("a:AndThen", &[]);
        writer.start("a:First", &[]);
        writer.start("a:ExponentialBackoff", &[]);
        writer.value("a:MaxAttempts", self.backoff_attempts);
        writer.text("a:MaxDelay", &duration::write(self.backoff_max_delay));
        writer.text("a:MinDelay", &duration::write(self.backoff_min_delay));
        writer.end();
        writer.end();
        writer.start("a:Second", &[]);
        write_periodic(writer, self.last_interval, None);
        writer.end();
        writer.end();
        writer.value("a:PlusOrMinusPercent", self.plus_or_minus_percent);
        for _ in ["a:Randomized", "a:Second", "a:AndThen", ELEMENT] {
            writer.end();
        }
    }

    pub(super) fn read(root: &Element) -> Result<Self, HisXmlError> {
        let default = Self::default();
        let both = root.child(ELEMENT).and_then(|strategy| strategy.child("AndThen"));
        let first = both.and_then(|both| both.path(&["First", "Periodic"]));
        let randomized = both.and_then(|both| both.path(&["Second", "Randomized"]));
        let backoff =
            randomized.and_then(|randomized| randomized.path(&["AndThen", "First", "ExponentialBackoff"]));
        let last = randomized.and_then(|randomized| randomized.path(&["AndThen", "Second", "Periodic"]));
        let (Some(first), Some(randomized), Some(backoff), Some(last)) = (first, randomized, backoff, last)
        else {
            return Ok(default);
        };
        Ok(Self {
            first_interval: span(first, "Interval", default.first_interval)?,
            first_attempts: first.number("MaxAttempts", default.first_attempts)?,
            backoff_attempts: backoff.number("MaxAttempts", default.backoff_attempts)?,
            backoff_min_delay: span(backoff, "MinDelay", default.backoff_min_delay)?,
            backoff_max_delay: span(backoff, "MaxDelay", default.backoff_max_delay)?,
            last_interval: span(last, "Interval", default.last_interval)?,
            plus_or_minus_percent: randomized.number("PlusOrMinusPercent", default.plus_or_minus_percent)?,
        })
    }
}

fn write_periodic(writer: &mut XmlWriter, interval: Duration, attempts: Option<u32>) {
    writer.start("a:Periodic", &[]);
    writer.text("a:Interval", &duration::write(interval));
    match attempts {
        Some(attempts) => writer.value("a:MaxAttempts", attempts),
        None => writer.nil("a:MaxAttempts", &[]),
    }
    writer.end();
}

fn span(parent: &Element, element: &'static str, default: Duration) -> Result<Duration, HisXmlError> {
    parent
        .text(element)
        .map_or(Ok(default), |text| duration::read(element, text))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::RetryStrategy;

    #[test]
    fn the_default_waits_ten_minutes_then_backs_off_to_an_hour() {
        let strategy = RetryStrategy::default();
        assert_eq!(strategy.wait_after(1), (Duration::from_secs(600), false));
        assert_eq!(strategy.wait_after(2), (Duration::from_secs(3), true));
        let waits: Vec<u64> = (2..=6)
            .map(|failures| strategy.wait_after(failures).0.as_secs())
            .collect();
        assert_eq!(waits, [3, 17, 103, 611, 3_600]);
        assert_eq!(strategy.wait_after(7), (Duration::from_secs(3_600), true));
        assert_eq!(strategy.wait_after(u32::MAX), (Duration::from_secs(3_600), true));
    }

    #[test]
    fn absurd_strategies_do_not_overflow() {
        let strategy = RetryStrategy {
            backoff_min_delay: Duration::ZERO,
            backoff_max_delay: Duration::MAX,
            backoff_attempts: u32::MAX,
            ..RetryStrategy::default()
        };
        assert_eq!(strategy.wait_after(100).0, Duration::ZERO);
        let strategy = RetryStrategy {
            backoff_min_delay: Duration::from_nanos(1),
            ..strategy
        };
        assert!(strategy.wait_after(u32::MAX - 1).0 <= Duration::MAX);
    }
}
