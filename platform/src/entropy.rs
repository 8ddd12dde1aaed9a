//! Every random number of a run comes from here, so that one seed decides a simulated run.
//!
//! Generators form a tree: what a fork draws depends on its label and its place in the tree, never on what its
//! siblings or its parent draw, so the order in which tasks run changes nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::{OsRng, RngCore, SeedableRng};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

/// A random number generator; clones share one sequence.
#[derive(Clone)]
pub struct Entropy {
    seed: Arc<Zeroizing<[u8; 32]>>,
    state: Arc<Mutex<State>>,
}

struct State {
    rng: ChaCha20Rng,
    /// How often each label was forked, so that a label used again gives new numbers.
    forks: BTreeMap<String, u64>,
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy(..)")
    }
}

impl Entropy {
    /// The generator of a simulated run: the same `seed` gives the same numbers.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::from_seed(derive(&[0; 32], "provlab", seed))
    }

    /// A generator seeded by the operating system, for real runs.
    #[must_use]
    pub fn system() -> Self {
        let mut seed = [0; 32];
        OsRng.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    fn from_seed(seed: [u8; 32]) -> Self {
        Self {
            seed: Arc::new(Zeroizing::new(seed)),
            state: Arc::new(Mutex::new(State {
                rng: ChaCha20Rng::from_seed(seed),
                forks: BTreeMap::new(),
            })),
        }
    }

    /// A generator of its own for the purpose `label`.
    ///
    /// The n-th fork of a label is always the same one, whatever else was drawn or forked in between.
    #[must_use]
    pub fn fork(&self, label: &str) -> Self {
        let number = {
            let mut state = self.lock();
            match state.forks.get_mut(label) {
                Some(count) => {
                    *count += 1;
                    *count
                }
                None => {
                    state.forks.insert(label.to_owned(), 0);
                    0
                }
            }
        };
        self.numbered(label, number)
    }

    /// The generator for thing `number` of kind `label`; the same arguments give the same generator.
    ///
    /// For things that carry a number of their own (connections, attempts). The 0-th is also the first
    /// [`Entropy::fork`] of the label, so use a label for one of the two only.
    #[must_use]
    pub fn numbered(&self, label: &str, number: u64) -> Self {
        Self::from_seed(derive(&self.seed, label, number))
    }

    /// Fills `bytes` with random bytes.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.lock().rng.fill_bytes(bytes);
    }

    /// A random number.
    #[must_use]
    pub fn u64(&self) -> u64 {
        self.lock().rng.next_u64()
    }

    /// A number in `0..bound`, without bias; 0 if `bound` is 0.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // Numbers at or above the largest multiple of `bound` are drawn again.
        let limit = u64::MAX - u64::MAX % bound;
        loop {
            let drawn = self.u64();
            if drawn < limit {
                return drawn % bound;
            }
        }
    }

    /// True with a probability of `probability` (0.0 never, 1.0 always).
    #[must_use]
    pub fn chance(&self, probability: f64) -> bool {
        /// All integers below this are exact as `f64`.
        const UNIT: u64 = 1 << 53;
        (self.below(UNIT) as f64) < probability * UNIT as f64
    }

    /// A version 4 UUID.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// A span in `from..=to`, in whole microseconds; `from` if the range is empty.
    #[must_use]
    pub fn range_duration(&self, from: Duration, to: Duration) -> Duration {
        let width = u64::try_from(to.saturating_sub(from).as_micros()).unwrap_or(u64::MAX - 1);
        from + Duration::from_micros(self.below(width.saturating_add(1)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn derive(parent: &[u8; 32], label: &str, number: u64) -> [u8; 32] {
    Sha256::new()
        .chain_update(parent)
        .chain_update(number.to_be_bytes())
        .chain_update(label.as_bytes())
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_numbers_and_forks_do_not_depend_on_draws() {
        let (a, b) = (Entropy::seeded(7), Entropy::seeded(7));
        let _ = a.u64();
        let _ = a.fork("other").u64();
        assert_eq!(a.fork("net").uuid(), b.fork("net").uuid());
        assert_ne!(
            Entropy::seeded(8).fork("net").uuid(),
            Entropy::seeded(7).fork("net").uuid()
        );
    }

    #[test]
    fn a_label_forked_again_gives_new_numbers() {
        let entropy = Entropy::seeded(1);
        let first = entropy.fork("id").u64();
        let second = entropy.fork("id").u64();
        assert_ne!(first, second);
        assert_eq!(second, entropy.numbered("id", 1).u64());
    }

    #[test]
    fn bounds_hold() {
        let entropy = Entropy::seeded(3);
        assert_eq!(entropy.below(0), 0);
        assert_eq!(entropy.below(1), 0);
        assert!((0..1000).all(|_| entropy.below(10) < 10));
        let (low, high) = (Duration::from_millis(5), Duration::from_millis(9));
        assert!((0..1000).all(|_| (low..=high).contains(&entropy.range_duration(low, high))));
        assert_eq!(entropy.range_duration(high, low), high);
        let _ = entropy.range_duration(Duration::ZERO, Duration::MAX);
        assert!(!entropy.chance(0.0));
        assert!(entropy.chance(1.0));
    }

    #[test]
    fn uuids_are_version_4_and_the_system_does_not_repeat() {
        assert_eq!(Entropy::seeded(1).uuid().get_version_num(), 4);
        assert_ne!(Entropy::system().uuid(), Entropy::system().uuid());
        assert_eq!(format!("{:?}", Entropy::seeded(1)), "Entropy(..)");
    }
}
