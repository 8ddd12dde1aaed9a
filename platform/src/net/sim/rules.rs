//! Ready faults.

use std::time::Duration;

use super::{Link, LinkPattern, Moment, Rule, Verdict};
use crate::entropy::Entropy;

/// Every piece takes `base` longer, and up to `jitter` more as the seed decides.
#[derive(Debug)]
pub struct Latency {
    links: LinkPattern,
    base: Duration,
    jitter: Duration,
    entropy: Entropy,
}

impl Latency {
    /// Slows the links down.
    #[must_use]
    pub fn new(links: LinkPattern, base: Duration, jitter: Duration, entropy: Entropy) -> Self {
        Self {
            links,
            base,
            jitter,
            entropy,
        }
    }
}

impl Rule for Latency {
    fn decide(&mut self, link: &Link, moment: &Moment<'_>) -> Verdict {
        if !self.links.matches(link) {
            return Verdict::Pass;
        }
        let luck = draw(&self.entropy, link, moment);
        Verdict::Delay(luck.range_duration(self.base, self.base + self.jitter))
    }
}

/// Random numbers for one moment of one link, whatever happens on others.
fn draw(entropy: &Entropy, link: &Link, moment: &Moment<'_>) -> Entropy {
    let (way, number) = match moment {
        Moment::Connect => ("connect".to_owned(), 0),
        Moment::Certificate => ("certificate".to_owned(), 0),
        Moment::Data {
            direction, sequence, ..
        } => (format!("{direction:?}"), *sequence),
        Moment::End { direction } => (format!("end {direction:?}"), 0),
    };
    let label = format!("{} {} {} {way}", link.client, link.server, link.connection);
    entropy.numbered(&label, number)
}

/// Pieces get lost and are sent again, which in a byte stream shows as delay; after too many losses in a row the
/// connection is given up.
#[derive(Debug)]
pub struct Loss {
    links: LinkPattern,
    probability: f64,
    entropy: Entropy,
}

impl Loss {
    /// Windows' least time before it sends a lost piece again; doubled each time.
    pub const FIRST_RETRANSMISSION: Duration = Duration::from_millis(300);
    /// Windows' `TcpMaxDataRetransmissions`: losses in a row after which a connection is given up.
    pub const MAX_RETRANSMISSIONS: u32 = 5;

    /// Loses each piece with `probability` (0.0 never, 1.0 always).
    #[must_use]
    pub fn new(links: LinkPattern, probability: f64, entropy: Entropy) -> Self {
        Self {
            links,
            probability,
            entropy,
        }
    }
}

impl Rule for Loss {
    fn decide(&mut self, link: &Link, moment: &Moment<'_>) -> Verdict {
        if !self.links.matches(link) || *moment == Moment::Certificate {
            return Verdict::Pass;
        }
        let luck = draw(&self.entropy, link, moment);
        let mut delay = Duration::ZERO;
        for losses in 0..=Self::MAX_RETRANSMISSIONS {
            if !luck.chance(self.probability) {
                return Verdict::Delay(delay);
            }
            delay += Self::FIRST_RETRANSMISSION * 2_u32.pow(losses);
        }
        Verdict::Reset
    }
}

/// Makes a rule that says one thing about every moment of some kind on its links.
macro_rules! plain_rule {
    ($(#[$doc:meta])* $name:ident, $verdict:expr, $moments:pat) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(pub LinkPattern);

        impl Rule for $name {
            fn decide(&mut self, link: &Link, moment: &Moment<'_>) -> Verdict {
                match moment {
                    $moments if self.0.matches(link) => $verdict,
                    _ => Verdict::Pass,
                }
            }
        }
    };
}

plain_rule!(
    /// Nothing gets through, either way, until the rule is gone; then what was sent arrives.
    Partition,
    Verdict::Hold,
    Moment::Connect | Moment::Data { .. } | Moment::End { .. }
);

plain_rule!(
    /// New connections are refused, as when the service is stopped; connections that stand are left alone.
    Refuse,
    Verdict::Refuse,
    Moment::Connect
);

plain_rule!(
    /// The next piece on each connection finds that the peer is gone, and neither side is told.
    HalfOpen,
    Verdict::HalfOpen,
    Moment::Data { .. } | Moment::End { .. }
);

plain_rule!(
    /// A proxy that inspects TLS shows certificates of an authority that the client does not trust (CS 2.1).
    TlsInspection,
    Verdict::Untrusted,
    Moment::Certificate
);

/// Every piece arrives in pieces of at most this many bytes.
#[derive(Debug)]
pub struct Fragment(pub LinkPattern, pub usize);

impl Rule for Fragment {
    fn decide(&mut self, link: &Link, moment: &Moment<'_>) -> Verdict {
        match moment {
            Moment::Data { .. } if self.0.matches(link) => Verdict::Split(self.1),
            _ => Verdict::Pass,
        }
    }
}

/// What a [`Budget`] does when it is used up.
#[derive(Debug, Clone, Copy)]
enum Spent {
    Reset,
    Truncate,
}

/// Counts the bytes that pass on the selected links, both ways together.
#[derive(Debug)]
struct Budget {
    links: LinkPattern,
    left: usize,
    spent: Spent,
}

impl Rule for Budget {
    fn decide(&mut self, link: &Link, moment: &Moment<'_>) -> Verdict {
        let Moment::Data { bytes, .. } = moment else {
            return Verdict::Pass;
        };
        if !self.links.matches(link) {
            return Verdict::Pass;
        }
        if let Some(left) = self.left.checked_sub(bytes.len()) {
            self.left = left;
            return Verdict::Pass;
        }
        match self.spent {
            Spent::Reset => Verdict::Reset,
            Spent::Truncate => Verdict::Truncate(std::mem::take(&mut self.left)),
        }
    }
}

/// Breaks the connection at the first piece that would carry the links past a number of bytes, and every later one.
#[derive(Debug)]
pub struct ResetAfter(Budget);

impl ResetAfter {
    /// Lets `bytes` bytes pass, both ways together.
    #[must_use]
    pub fn new(links: LinkPattern, bytes: usize) -> Self {
        Self(Budget {
            links,
            left: bytes,
            spent: Spent::Reset,
        })
    }
}

impl Rule for ResetAfter {
    fn decide(&mut self, link: &Link, moment: &Moment<'_>) -> Verdict {
        self.0.decide(link, moment)
    }
}

/// Ends the stream in the middle, after a number of bytes.
#[derive(Debug)]
pub struct Truncate(Budget);

impl Truncate {
    /// Lets exactly `bytes` bytes pass, both ways together.
    #[must_use]
    pub fn new(links: LinkPattern, bytes: usize) -> Self {
        Self(Budget {
            links,
            left: bytes,
            spent: Spent::Truncate,
        })
    }
}

impl Rule for Truncate {
    fn decide(&mut self, link: &Link, moment: &Moment<'_>) -> Verdict {
        self.0.decide(link, moment)
    }
}
