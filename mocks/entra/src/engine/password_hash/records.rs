//! Users whose password is still to come.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::state::{Cloud, Row, Txn};

/// A user of the directory whose password changed while the cloud had no user for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordWaiting {
    /// Tenant of the job.
    pub tenant: Uuid,
    /// Id of the job that read it.
    pub job: String,
    /// objectGUID.
    pub guid: Uuid,
    /// Whether the user has come: the password is asked for in this cycle.
    pub due: bool,
}

impl PasswordWaiting {
    /// Index of those that are due, by the job.
    const BY_DUE: &'static str = "due";

    /// The row of one user.
    pub(super) fn get<'c>(cloud: &'c Cloud, tenant: Uuid, job: &str, guid: Uuid) -> Option<&'c Self> {
        cloud.password_waiting.get(tenant, &format!("{job}/{guid}"))
    }

    /// At most `count` users that are due.
    pub(super) fn due(cloud: &Cloud, tenant: Uuid, job: &str, count: usize) -> Vec<Uuid> {
        let due = cloud.password_waiting.find(tenant, Self::BY_DUE, job);
        due.take(count).map(|row| row.guid).collect()
    }
}

impl Row for PasswordWaiting {
    const TABLE: &'static str = "password-waiting";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        format!("{}/{}", self.job, self.guid)
    }
    fn keys(&self) -> Vec<(&'static str, String)> {
        let due = self.due.then(|| (Self::BY_DUE, self.job.clone()));
        due.into_iter().collect()
    }
}

/// Forgets every user that waits for a job; what was written stays.
pub(in crate::engine) fn forget(txn: &mut Txn<'_>, tenant: Uuid, job: &str) {
    let prefix = format!("{job}/");
    let rows = txn.cloud().password_waiting.starting_with(tenant, &prefix);
    let ids: Vec<String> = rows.map(Row::id).collect();
    for id in ids {
        txn.remove::<PasswordWaiting>(tenant, &id);
    }
}
