//! One cycle of any kind of job: step, ask an agent, step with its answer, until there is nothing more to ask or somebody started, paused or
//! restarted the job.

use std::sync::Arc;

use provlab_platform::Entropy;
use provlab_protocol::scim::{Operation, OperationResult, ScimError};
use uuid::Uuid;

use super::driver::{superseded, tell};
use super::event::{Effect, Report, World};
use crate::relay;
use crate::shared::Shared;
use crate::state::{DbError, Txn};

/// What came of a question.
pub(super) type Answer = Result<OperationResult, ScimError>;

/// A cycle that is about to run.
pub(super) struct Cycle<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) tenant: Uuid,
    pub(super) id: &'a str,
    pub(super) epoch: u64,
    pub(super) entropy: &'a Entropy,
}

/// What one step asks for, after its changes are stored.
pub(super) struct Turn<Q> {
    /// A question to an agent, and what it is about.
    pub(super) ask: Option<(Q, Operation)>,
    /// There is more to do.
    pub(super) again: bool,
    /// For the trace.
    pub(super) reports: Vec<Report>,
}

/// Of a job whose questions are a check and a reading: `true` is the check.
impl From<Effect> for Turn<bool> {
    fn from(effect: Effect) -> Self {
        let about = |operation| (matches!(operation, Operation::Ping(_)), operation);
        Self {
            ask: effect.ask.map(about),
            again: effect.again,
            reports: effect.reports,
        }
    }
}

impl Cycle<'_> {
    /// Runs it. `tick` begins, `go_on` goes on after a step that was full, `understand` makes an event of an answer.
    pub(super) async fn run<E, Q>(
        &self,
        tick: E,
        go_on: impl Fn() -> E,
        mut step: impl FnMut(&mut Txn<'_>, &mut World<'_>, E) -> Turn<Q>,
        understand: impl Fn(Q, Answer) -> E,
    ) -> Result<(), DbError> {
        let shared = self.shared;
        let mut event = tick;
        loop {
            let turn = in_world(shared, self.tenant, self.entropy, |txn, world| {
                step(txn, world, event)
            })?;
            tell(shared, self.id, turn.reports);
            let Some((question, operation)) = turn.ask else {
                if !turn.again {
                    return Ok(());
                }
                // Others get their turn between two steps.
                tokio::task::yield_now().await;
                event = go_on();
                continue;
            };
            let answer = tokio::select! {
                biased;
                () = superseded(shared, shared.db.commits(), self.tenant, self.id, self.epoch) => return Ok(()),
                answer = relay::request(shared, self.tenant, operation) => answer,
            };
            event = understand(question, answer);
        }
    }
}

/// Does `work` in one transaction with the doors of a step.
pub(super) fn in_world<T>(
    shared: &Arc<Shared>,
    tenant: Uuid,
    entropy: &Entropy,
    work: impl FnOnce(&mut Txn<'_>, &mut World<'_>) -> T,
) -> Result<T, DbError> {
    shared.db.write(|txn| {
        let mut world = World {
            now: shared.now(),
            period: &|span| shared.period(span),
            new_id: &mut || entropy.uuid(),
            plans: &shared.plans,
            assumptions: &shared.config.assumptions,
            busy: shared.busy.wait(tenant, shared.platform.clock.now()),
        };
        Ok(work(txn, &mut world))
    })
}
