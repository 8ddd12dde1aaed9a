//! Plays a story: does what the dispatcher decides, until the story ends, the world breaks, or somebody stops it.

use std::{cell::RefCell, rc::Rc, time::Duration};

use provlab_platform::{Part, event};
use serde_json::Value;

use super::{
    Action, Dispatcher, Event, Failure, RunOptions, Verdict,
    execute::{State, perform, within_limit},
    expect,
    state::{RunState, final_state},
};
use crate::{
    report::{Outcome, RunReport, StepReport},
    scenario::{Located, Scenario, StageName, Step},
    world::{World, WorldError},
};

/// How long after a failed step a part of the world may show that its end was the cause.
const CAUSE_LIMIT: Duration = Duration::from_secs(1);

/// Plays the story in a world that stands; the caller ends the world.
pub async fn play(scenario: &Scenario, options: &RunOptions, seed: u64, world: &dyn World) -> RunReport {
    let clock = world.door().clock.clone();
    let begun = clock.now();
    let mut dispatcher = Dispatcher::new(&scenario.steps, world.scaled(), world.least_patience());
    let mut story = Story {
        scenario,
        world,
        state: Rc::new(RefCell::new(RunState::default())),
        steps: Vec::new(),
    };
    let mut event = Event::Begun;
    let mut broken = world.broken();
    let outcome = loop {
        let action = dispatcher.step(clock.now(), event);
        if let Action::Finish(verdict) = action {
            break match verdict {
                Verdict::Passed => Outcome::Passed,
                failed => Outcome::Failed(failed),
            };
        }
        let followed = tokio::select! {
            biased;
            () = options.stop.asked() => break Outcome::Interrupted,
            error = &mut broken => Err(error),
            happened = story.follow(&action) => Ok(happened),
        };
        event = match followed {
            Err(error) => break Outcome::Failed(story.broken_by(&error)),
            Ok(Event::Performed(Err(failure))) => match story.cause(&mut broken).await {
                Some(error) => break Outcome::Failed(story.broken_by(&error)),
                None => Event::Performed(Err(failure)),
            },
            Ok(happened) => happened,
        };
    };
    drop(broken);
    // Ctrl-C reaches the parts of the world too, and their end may be noticed first.
    let interrupted = options.stop.is_asked() && outcome != Outcome::Passed;
    let (outcome, final_state) = if interrupted {
        (Outcome::Interrupted, Value::Null)
    } else {
        (outcome, final_state(world).await)
    };
    if matches!(outcome, Outcome::Failed(_)) {
        world.trace_logs().await;
    }
    RunReport {
        id: scenario.id.clone(),
        file: scenario.path.display().to_string(),
        stage: options.stage,
        seed,
        outcome,
        world_time: clock.now() - begun,
        wall_time: Duration::ZERO,
        steps: story.steps,
        events: world.log().events(),
        final_state,
    }
}

/// A story under way.
struct Story<'a> {
    scenario: &'a Scenario,
    world: &'a dyn World,
    state: State,
    steps: Vec<StepReport>,
}

impl Story<'_> {
    /// Does what the dispatcher has decided, and says what has happened then.
    async fn follow(&mut self, action: &Action) -> Event {
        match *action {
            Action::Perform(index) => {
                let step = &self.scenario.steps[index];
                let began_at = self.world.log().len();
                self.step_begins(step);
                let work = perform(self.world, &self.state, &step.value);
                let done = within_limit(self.world, &step.value, work).await;
                self.step_lasts();
                let memories = self.state.borrow().memories.clone();
                memories.step(self.world, &step.value, began_at).await;
                Event::Performed(done.map_err(|error| Failure {
                    line: step.line,
                    message: error.to_string(),
                }))
            }
            Action::Evaluate(index) => {
                let step = &self.scenario.steps[index];
                let Step::Expect(expected) = &step.value else {
                    return Event::Evaluated(Vec::new());
                };
                let first = self.state.borrow_mut().evaluating.replace(index) != Some(index);
                if first {
                    self.step_begins(step);
                }
                let remembered = self.state.borrow().clone();
                Event::Evaluated(expect::unmet(self.world, &remembered, &expected.that).await)
            }
            Action::WaitUntil(moment) => {
                expect::something_happens(self.world, moment).await;
                self.step_lasts();
                Event::Woken
            }
            // The end is nothing that is done.
            Action::Finish(_) => Event::Woken,
        }
    }

    fn now(&self) -> u64 {
        let now = self.world.door().clock.now();
        u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
    }

    fn step_begins(&mut self, step: &Located<Step>) {
        event!(
            self.world.door().trace,
            Part::Lab,
            "step",
            line = step.line,
            step = step.value.word()
        );
        self.steps.push(StepReport {
            line: step.line,
            step: step.value.word().to_owned(),
            at_micros: self.now(),
            took_micros: 0,
        });
    }

    /// The last step has taken until now.
    fn step_lasts(&mut self) {
        let now = self.now();
        if let Some(last) = self.steps.last_mut() {
            last.took_micros = now - last.at_micros;
        }
    }

    /// A part that ended in the moment in which a step failed is the cause, and says more.
    async fn cause(&self, broken: impl Future<Output = WorldError>) -> Option<WorldError> {
        // Simulated parts end in order or not at all, and waiting would be seen in the world's time.
        if self.world.stage() == StageName::Sim {
            return None;
        }
        self.world.door().clock.timeout(CAUSE_LIMIT, broken).await.ok()
    }

    /// The world broke in the middle of the last step.
    fn broken_by(&self, error: &WorldError) -> Verdict {
        Verdict::StepFailed(Failure {
            line: self.steps.last().map_or(0, |step| step.line),
            message: error.to_string(),
        })
    }
}
