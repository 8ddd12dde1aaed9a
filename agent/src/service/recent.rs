//! Requests that were answered lately: one that comes again over another connection gets the same answer and is not done twice.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

/// How many answers are kept.
pub(super) const MAX_RECENT: usize = 64;
/// Longest answer that is kept. Larger ones are pages of a query, which may be read again.
pub(super) const MAX_RECENT_BYTES: usize = 64 * 1024;

/// The table. It is of one process: the cloud's ids make a write harmless also across a restart.
#[derive(Default)]
pub(super) struct Recent {
    answers: Mutex<VecDeque<(Uuid, String)>>,
}

impl Recent {
    pub(super) fn get(&self, id: Uuid) -> Option<String> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers
            .iter()
            .find(|(known, _)| *known == id)
            .map(|(_, frame)| frame.clone())
    }

    pub(super) fn keep(&self, id: Uuid, frame: &str) {
        if frame.len() > MAX_RECENT_BYTES {
            return;
        }
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() == MAX_RECENT {
            answers.pop_front();
        }
        answers.push_back((id, frame.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_and_size_are_bounded() {
        let recent = Recent::default();
        let id = |number: usize| Uuid::from_u128(number as u128);
        for number in 0..=MAX_RECENT {
            recent.keep(id(number), "answer");
        }
        assert_eq!(recent.get(id(0)), None);
        assert_eq!(recent.get(id(1)).as_deref(), Some("answer"));
        recent.keep(id(1000), &"x".repeat(MAX_RECENT_BYTES));
        recent.keep(id(1001), &"x".repeat(MAX_RECENT_BYTES + 1));
        assert!(recent.get(id(1000)).is_some());
        assert!(recent.get(id(1001)).is_none());
    }
}
