//! Provisioning on demand: one group now, with at most five of its members (CS 5.7).

use std::collections::BTreeSet;
use std::sync::Arc;

use provlab_protocol::scim::{GroupAction, Operation, OperationResult};
use uuid::Uuid;

use super::super::driver::tell;
use super::super::event::World;
use super::super::turns::in_world;
use super::machine::{Answer, Effect, Machine, Open};
use super::records::OutboundGroup;
use super::scope::Fate;
use super::write::GroupAsk;
use crate::relay;
use crate::shared::Shared;
use crate::state::{DbError, Txn};

/// Most members that are provisioned on demand (CS 5.7).
pub const MAX_ON_DEMAND_MEMBERS: usize = 5;
/// Questions after which a group that does not settle is given up: it takes two, and one more for each that another step interferes with.
const MAX_QUESTIONS: usize = 16;

/// Why nothing was tried.
#[derive(Debug, thiserror::Error)]
pub enum OnDemandError {
    /// No such job, none of this template, or one without a domain.
    #[error("there is no configured job '{0}' of group provisioning to Active Directory")]
    NoJob(String),
    /// More members than [`MAX_ON_DEMAND_MEMBERS`].
    #[error("{0} members are named; provisioning on demand takes at most {MAX_ON_DEMAND_MEMBERS}")]
    TooManyMembers(usize),
    /// The cloud has no such group, or it is deleted.
    #[error("there is no group '{0}'; groups that are deleted cannot be provisioned on demand")]
    NoGroup(Uuid),
    /// The state could not be stored.
    #[error(transparent)]
    Store(#[from] DbError),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDemand {
    /// How it ended.
    pub outcome: Provisioned,
    /// The row of the group as it is now, with its objectGUID and what was written; none if it is not in scope and never was.
    pub row: Option<OutboundGroup>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provisioned {
    /// The group is as it shall be, with the named members. `changed`: something was written for it.
    Done {
        /// Whether the group was made.
        created: bool,
        /// Whether anything was written.
        changed: bool,
    },
    /// It is not in scope, for this reason.
    OutOfScope(&'static str),
    /// It could not be written.
    Failed {
        /// Code of CS 9.5 or CS 6.8.
        code: String,
        /// What to mend.
        message: String,
    },
}

/// Provisions one group with some of its members. What else there is to do for it is left to the job's next cycle.
///
/// # Errors
/// When nothing can be tried.
pub async fn provision(
    shared: &Arc<Shared>,
    tenant: Uuid,
    job: &str,
    group: Uuid,
    chosen: &BTreeSet<Uuid>,
) -> Result<OnDemand, OnDemandError> {
    if chosen.len() > MAX_ON_DEMAND_MEMBERS {
        return Err(OnDemandError::TooManyMembers(chosen.len()));
    }
    let entropy = shared
        .platform
        .entropy
        .fork(&format!("on demand/{}", shared.uuid()));
    let mut round = Round::default();
    for _ in 0..MAX_QUESTIONS {
        let mut looked = Err(OnDemandError::NoJob(job.to_owned()));
        let effect = in_world(shared, tenant, &entropy, |txn, world| {
            let effect;
            (effect, looked) = round.take(txn, world, tenant, job, group, chosen);
            effect
        })?;
        tell(shared, job, effect.reports);
        match looked? {
            Look::Ask(ask, operation) => {
                round.answer = Some((ask, relay::request(shared, tenant, *operation).await));
            }
            Look::Ended(outcome) => return Ok(ended(shared, tenant, job, group, outcome)),
        }
    }
    let outcome = Provisioned::Failed {
        code: "Conflict".to_owned(),
        message: "the group is being written by a cycle; try again".to_owned(),
    };
    Ok(ended(shared, tenant, job, group, outcome))
}

fn ended(shared: &Shared, tenant: Uuid, job: &str, group: Uuid, outcome: Provisioned) -> OnDemand {
    let id = format!("{job}/{group}");
    let row = shared
        .db
        .read(|cloud| cloud.outbound_groups.get(tenant, &id).cloned());
    OnDemand { outcome, row }
}

/// What is known between two looks.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The answer to the last question.
    pub(super) answer: Option<(GroupAsk, Answer)>,
    /// What the answers said was done.
    created: bool,
    changed: bool,
}

impl Round {
    /// Looks at the group in one transaction.
    pub(super) fn take(
        &mut self,
        txn: &mut Txn<'_>,
        world: &mut World<'_>,
        tenant: Uuid,
        job: &str,
        group: Uuid,
        chosen: &BTreeSet<Uuid>,
    ) -> (Effect, Result<Look, OnDemandError>) {
        let mut looked = Err(OnDemandError::NoJob(job.to_owned()));
        let Some(open) = Open::new(txn.cloud(), tenant, job) else {
            return (Effect::default(), looked);
        };
        let effect = open.run(txn, world, |machine| looked = self.look(machine, group, chosen));
        (effect, looked)
    }

    fn look(
        &mut self,
        machine: &mut Machine<'_, '_, '_, '_>,
        group: Uuid,
        chosen: &BTreeSet<Uuid>,
    ) -> Result<Look, OnDemandError> {
        if let Some((ask, answer)) = self.answer.take() {
            if let Ok(OperationResult::Group(written)) = &answer {
                self.created |= written.action == GroupAction::Created;
                self.changed |= written.action != GroupAction::Unchanged;
            }
            if let Err(failure) = machine.with_writer(|writer| writer.took(ask, answer)) {
                return Ok(failed(&failure.code, &failure.message));
            }
            // An error of the group's own.
            if let Some(escrow) = machine.store.get(group).and_then(|row| row.escrow.as_ref()) {
                return Ok(failed(&escrow.code, &escrow.message));
            }
        }
        let found = machine.store.cloud_group(group);
        let found = found.filter(|found| found.deleted.is_none()).cloned();
        let found = found.ok_or(OnDemandError::NoGroup(group))?;
        let fate = machine.with_writer(|writer| writer.fate(Some(&found)));
        if let Fate::Withdraw(reason) | Fate::Leave(reason) = fate {
            machine.store.mark(group);
            return Ok(Look::Ended(Provisioned::OutOfScope(reason)));
        }
        let known = machine.store.get(group).cloned();
        let row = known.unwrap_or_else(|| machine.store.fresh(group));
        // What failed before is no reason to fail now.
        let row = OutboundGroup { escrow: None, ..row };
        let asked = machine.with_writer(|writer| writer.look(row, Some(chosen)));
        if let Some((ask, operation)) = asked {
            return Ok(Look::Ask(ask, Box::new(operation)));
        }
        let escrow = machine.store.get(group).and_then(|row| row.escrow.as_ref());
        Ok(match escrow {
            Some(escrow) => failed(&escrow.code, &escrow.message),
            None => Look::Ended(Provisioned::Done {
                created: self.created,
                changed: self.changed,
            }),
        })
    }
}

/// How one look at the group ended.
#[derive(Debug)]
pub(super) enum Look {
    Ask(GroupAsk, Box<Operation>),
    Ended(Provisioned),
}

fn failed(code: &str, message: &str) -> Look {
    Look::Ended(Provisioned::Failed {
        code: code.to_owned(),
        message: message.to_owned(),
    })
}
