//! The order of a run: a pure state machine that decides what happens next.
//!
//! It performs nothing. The executor in [`super::execute`] does what an [`Action`] says and reports back with
//! an [`Event`]; so the rules of *eventually*, *throughout* and giving up are tested without a world.

use std::time::Duration;

use crate::scenario::{Located, Step};

/// How long an expectation may take when the file does not say.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How long a step may take, in the world's time. `advance` takes what it says.
pub const STEP_LIMIT: Duration = Duration::from_secs(60 * 60);

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Perform the step with this index.
    Perform(usize),
    /// Evaluate the expectations of the step with this index.
    Evaluate(usize),
    /// Wait until something changes in the world, but not beyond this time of the world's clock.
    WaitUntil(Duration),
    /// The run is over.
    Finish(Verdict),
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The run begins.
    Begun,
    /// A step has been performed.
    Performed(Result<(), Failure>),
    /// Expectations have been evaluated: each that does not hold, by index, with what was found instead.
    Evaluated(Vec<Unmet>),
    /// Something changed, or the time waited for has come.
    Woken,
}

/// An expectation that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unmet {
    /// Its index in the block.
    pub index: usize,
    /// Its line in the file.
    pub line: u64,
    /// What the file demands.
    pub expected: String,
    /// What is so.
    pub actual: String,
}

/// Why a step could not be performed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Line of the step.
    pub line: u64,
    /// What went wrong.
    pub message: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every step was performed and every expectation held.
    Passed,
    /// A step failed.
    StepFailed(Failure),
    /// Expectations did not hold in time (or ceased to hold).
    Unmet {
        /// How long was waited, or how long they had held.
        after: Duration,
        /// Whether they had to hold all the time.
        throughout: bool,
        /// Those that did not hold at the end.
        unmet: Vec<Unmet>,
    },
}

/// The state of a run.
#[derive(Debug)]
pub struct Dispatcher<'a> {
    steps: &'a [Located<Step>],
    /// Stretches or shortens the spans of the file to the stage's own time.
    scale: fn(Duration) -> Duration,
    /// The least patience with *eventually*, for stages where real work takes real time.
    floor: Duration,
    next: usize,
    waiting: Option<Waiting>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    step: usize,
    since: Duration,
    until: Duration,
    throughout: bool,
}

impl<'a> Dispatcher<'a> {
    /// A run of `steps` on a stage whose time is `scale`d and whose patience is at least `floor`.
    pub const fn new(steps: &'a [Located<Step>], scale: fn(Duration) -> Duration, floor: Duration) -> Self {
        Self {
            steps,
            scale,
            floor,
            next: 0,
            waiting: None,
        }
    }

    /// Takes in what has happened at `now` and says what is to be done.
    pub fn step(&mut self, now: Duration, event: Event) -> Action {
        match event {
            Event::Begun | Event::Performed(Ok(())) => self.advance(now),
            Event::Performed(Err(failure)) => Action::Finish(Verdict::StepFailed(failure)),
            Event::Woken => match self.waiting {
                Some(waiting) => Action::Evaluate(waiting.step),
                None => self.advance(now),
            },
            Event::Evaluated(unmet) => self.evaluated(now, unmet),
        }
    }

    fn advance(&mut self, now: Duration) -> Action {
        self.waiting = None;
        let Some(step) = self.steps.get(self.next) else {
            return Action::Finish(Verdict::Passed);
        };
        let index = self.next;
        self.next += 1;
        let Step::Expect(expected) = &step.value else {
            return Action::Perform(index);
        };
        let throughout = expected.throughout.is_some();
        let span = match (&expected.throughout, &expected.within) {
            (Some(span), _) => (self.scale)(span.value.0),
            (None, Some(span)) => (self.scale)(span.value.0).max(self.floor),
            (None, None) => (self.scale)(DEFAULT_PATIENCE).max(self.floor),
        };
        self.waiting = Some(Waiting {
            step: index,
            since: now,
            until: now + span,
            throughout,
        });
        Action::Evaluate(index)
    }

    fn evaluated(&mut self, now: Duration, unmet: Vec<Unmet>) -> Action {
        let Some(waiting) = self.waiting else {
            return self.advance(now);
        };
        let over = now >= waiting.until;
        match (waiting.throughout, unmet.is_empty()) {
            (false, true) => self.advance(now),
            (true, true) if over => self.advance(now),
            (true, false) => self.unmet(now, waiting, unmet),
            (false, false) if over => self.unmet(now, waiting, unmet),
            (_, _) => Action::WaitUntil(waiting.until),
        }
    }

    fn unmet(&mut self, now: Duration, waiting: Waiting, unmet: Vec<Unmet>) -> Action {
        Action::Finish(Verdict::Unmet {
            after: now - waiting.since,
            throughout: waiting.throughout,
            unmet,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::scenario::{Expected, Span};

    fn at(step: Step) -> Located<Step> {
        Located {
            value: step,
            line: 7,
            column: 5,
        }
    }

    fn advance() -> Located<Step> {
        at(Step::Advance(Located::unplaced(Span(Duration::from_secs(1)))))
    }

    fn expect(within: Option<u64>, throughout: Option<u64>) -> Located<Step> {
        let span = |s: Option<u64>| s.map(|s| Located::unplaced(Span(Duration::from_secs(s))));
        at(Step::Expect(Box::new(Expected {
            within: span(within),
            throughout: span(throughout),
            that: vec![],
        })))
    }

    fn unmet() -> Vec<Unmet> {
        vec![Unmet {
            index: 0,
            line: 9,
            expected: "1".into(),
            actual: "0".into(),
        }]
    }

    fn secs(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn steps_follow_each_other_and_a_failed_one_ends_the_run() {
        let steps = [advance(), advance()];
        let mut run = Dispatcher::new(&steps, |span| span, Duration::ZERO);
        assert_eq!(run.step(secs(0), Event::Begun), Action::Perform(0));
        assert_eq!(run.step(secs(1), Event::Performed(Ok(()))), Action::Perform(1));
        let failure = Failure {
            line: 7,
            message: "no".into(),
        };
        assert_eq!(
            run.step(secs(1), Event::Performed(Err(failure.clone()))),
            Action::Finish(Verdict::StepFailed(failure))
        );
    }

    #[test]
    fn eventually_waits_for_a_change_until_patience_ends() {
        let steps = [expect(Some(10), None), advance()];
        let mut run = Dispatcher::new(&steps, |span| span, Duration::ZERO);
        assert_eq!(run.step(secs(5), Event::Begun), Action::Evaluate(0));
        assert_eq!(
            run.step(secs(5), Event::Evaluated(unmet())),
            Action::WaitUntil(secs(15))
        );
        assert_eq!(run.step(secs(6), Event::Woken), Action::Evaluate(0));
        assert_eq!(run.step(secs(6), Event::Evaluated(vec![])), Action::Perform(1));

        let mut run = Dispatcher::new(&steps, |span| span, Duration::ZERO);
        run.step(secs(5), Event::Begun);
        assert_eq!(
            run.step(secs(15), Event::Evaluated(unmet())),
            Action::Finish(Verdict::Unmet {
                after: secs(10),
                throughout: false,
                unmet: unmet()
            })
        );
    }

    #[test]
    fn throughout_fails_at_once_and_passes_only_at_the_end() {
        let steps = [expect(None, Some(10))];
        let mut run = Dispatcher::new(&steps, |span| span, secs(60));
        assert_eq!(run.step(secs(0), Event::Begun), Action::Evaluate(0));
        assert_eq!(
            run.step(secs(0), Event::Evaluated(vec![])),
            Action::WaitUntil(secs(10))
        );
        assert_eq!(run.step(secs(4), Event::Woken), Action::Evaluate(0));
        assert_eq!(
            run.step(secs(10), Event::Evaluated(vec![])),
            Action::Finish(Verdict::Passed)
        );

        let mut run = Dispatcher::new(&steps, |span| span, secs(60));
        run.step(secs(0), Event::Begun);
        assert_eq!(
            run.step(secs(4), Event::Evaluated(unmet())),
            Action::Finish(Verdict::Unmet {
                after: secs(4),
                throughout: true,
                unmet: unmet()
            })
        );
    }

    #[test]
    fn real_stages_shorten_spans_but_not_patience() {
        let steps = [expect(Some(300), None)];
        let mut run = Dispatcher::new(&steps, |span| span / 300, secs(60));
        run.step(secs(0), Event::Begun);
        assert_eq!(
            run.step(secs(0), Event::Evaluated(unmet())),
            Action::WaitUntil(secs(60))
        );
    }
}
