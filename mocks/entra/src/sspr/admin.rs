//! What an administrator does: Graph's `authenticationMethod: resetPassword`, an operation that is asked after (CS 8.2).

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use provlab_protocol::writeback::Action;
use secrecy::SecretString;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use uuid::{Uuid, uuid};

use super::people::{is_synchronized, keep};
use super::{Desk, MAX_OPERATIONS, Refusal, deliver};
use crate::shared::Shared;
use crate::state::User;

/// Id of the password among a user's authentication methods: the same for every user.
pub(crate) const PASSWORD_METHOD: Uuid = uuid!("28c10230-6103-485e-b985-444c60001490");

/// `status` of a `longRunningOperation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// Nobody knows yet.
    Running,
    /// The directory has the password.
    Succeeded,
    /// It has not.
    Failed(Refusal),
}

/// A `longRunningOperation`. It holds no password.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) tenant: Uuid,
    pub(crate) user: Uuid,
    pub(crate) created: OffsetDateTime,
    pub(crate) last_action: OffsetDateTime,
    pub(crate) status: Status,
}

/// Operations by id, the oldest first; they end with the process, as a reset that nobody waits for any more.
#[derive(Default)]
pub(super) struct Operations {
    order: Vec<Uuid>,
    all: BTreeMap<Uuid, Operation>,
}

/// A reset that is to be done.
pub(super) struct Job {
    id: Uuid,
    user: User,
    password: SecretString,
}

fn operations(desk: &Desk) -> MutexGuard<'_, Operations> {
    desk.operations.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins a reset; gives the id to ask after it by.
///
/// # Errors
/// Too many are under way.
pub(crate) fn reset_password(shared: &Shared, user: &User, password: SecretString) -> Result<Uuid, Refusal> {
    let id = shared.uuid();
    let job = Job {
        id,
        user: user.clone(),
        password,
    };
    let now = shared.now();
    {
        let mut known = operations(&shared.sspr);
        if known.order.len() >= MAX_OPERATIONS {
            let oldest = known.order.remove(0);
            known.all.remove(&oldest);
        }
        known.order.push(id);
        let operation = Operation {
            tenant: user.tenant,
            user: user.id,
            created: now,
            last_action: now,
            status: Status::Running,
        };
        known.all.insert(id, operation);
    }
    shared
        .sspr
        .jobs
        .try_send(job)
        .map_err(|_| Refusal::NotConnected)?;
    Ok(id)
}

/// The operation with this id, of this user.
pub(crate) fn operation(shared: &Shared, tenant: Uuid, user: Uuid, id: Uuid) -> Option<Operation> {
    operations(&shared.sspr)
        .all
        .get(&id)
        .filter(|operation| operation.tenant == tenant && operation.user == user)
        .cloned()
}

/// Does the resets until it is dropped. Only the first call does anything.
pub(crate) async fn run(shared: Arc<Shared>) {
    let Some(mut arrivals) = shared.sspr.arrivals() else {
        return;
    };
    let mut work = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(_) = work.join_next() => {}
            job = arrivals.recv() => match job {
                Some(job) => {
                    work.spawn(perform(Arc::clone(&shared), job));
                }
                None => return,
            },
        }
    }
}

async fn perform(shared: Arc<Shared>, job: Job) {
    let Job { id, user, password } = job;
    let result = if is_synchronized(&user) {
        let action = Action::AdminReset { new: password };
        deliver::write_back(&shared, &user, action).await
    } else {
        keep(&shared, &user, &password)
    };
    let status = match result {
        Ok(()) => Status::Succeeded,
        Err(refusal) => Status::Failed(refusal),
    };
    if let Some(operation) = operations(&shared.sspr).all.get_mut(&id) {
        operation.status = status;
        operation.last_action = shared.now();
    }
}
