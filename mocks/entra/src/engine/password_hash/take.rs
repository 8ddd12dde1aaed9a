//! What becomes of one password.

use provlab_protocol::scim::Credential;
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::super::records::{ObjectKind, SourceRecord};
use super::records::PasswordWaiting;
use crate::state::{CredentialState, PasswordVerifier, Tenant, Txn};

/// Tenant feature that lets temporary passwords through (CS 7.2).
const FORCE_CHANGE: &str = "userForcePasswordChangeOnLogonEnabled";
/// Tenant feature that leaves the expiry of synchronized passwords to the cloud's policy (CS 7.2).
const CLOUD_POLICY: &str = "cloudPasswordPolicyForPasswordSyncedUsersEnabled";
/// Value of `passwordPolicies` that every password brings otherwise (CS 7.2).
const NO_EXPIRY: &str = "DisablePasswordExpiration";

/// How it ended, in the words of the engine's event 657 (CS 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordResult {
    /// The cloud has it.
    Success,
    /// The user is out of scope, or the password is a temporary one that the tenant does not take (CS 7.2).
    FilteredByTarget,
    /// The user is not in the cloud yet; it is tried again once it is.
    NoTargetConnection,
    /// The provisioning job does not know the object: it is out of every scope, no user, or was not read yet.
    SourceConnectorNotPresent,
}

/// A password and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// How it ended.
    pub(super) result: PasswordResult,
    /// UPN of the user in the cloud, or the objectGUID.
    pub(super) name: String,
}

/// Writes a password to the user that `provisioning` has linked to its object.
pub(super) fn take(
    txn: &mut Txn<'_>,
    tenant: &Tenant,
    job: &str,
    provisioning: Option<&str>,
    credential: Credential,
) -> Taken {
    let guid = credential.id;
    let record = provisioning.and_then(|id| {
        let id = format!("{id}/{guid}");
        txn.cloud().source_objects.get(tenant.id, &id).cloned()
    });
    // inetOrgPerson is not supported (PR 12.3).
    let is_user = |record: &SourceRecord| record.kind == ObjectKind::User && !record.inet_org_person;
    let (result, name, waits) = match record {
        None => (PasswordResult::SourceConnectorNotPresent, None, true),
        Some(record) if !is_user(&record) => (PasswordResult::SourceConnectorNotPresent, None, false),
        Some(record) if !record.wanted() => (PasswordResult::FilteredByTarget, None, true),
        Some(record) => {
            let (result, name) = write(txn, tenant, &record, credential);
            // A temporary password is no reason to ask again: the user's own comes with a change of its own.
            let waits = name.is_none();
            (result, name, waits)
        }
    };
    remember(txn, tenant.id, job, guid, waits);
    Taken {
        result,
        name: name.unwrap_or_else(|| guid.to_string()),
    }
}

/// The result, and the name of the user if there is one.
fn write(
    txn: &mut Txn<'_>,
    tenant: &Tenant,
    record: &SourceRecord,
    credential: Credential,
) -> (PasswordResult, Option<String>) {
    let user = record.resolved().and_then(|id| {
        let user = txn.cloud().users.get(tenant.id, &id.to_string());
        user.filter(|user| user.deleted.is_none()).cloned()
    });
    let Some(mut user) = user else {
        return (PasswordResult::NoTargetConnection, None);
    };
    let name = user.user_principal_name.clone();
    if credential.must_change_at_logon && !tenant.features.is_on(FORCE_CHANGE) {
        return (PasswordResult::FilteredByTarget, Some(name));
    }
    let before = user.credential.take();
    user.credential = Some(CredentialState {
        verifier: PasswordVerifier::synchronized(credential.credential_data),
        expired: credential.must_change_at_logon,
        multi_factor: before.as_ref().is_some_and(|before| before.multi_factor),
        blocked: before.is_some_and(|before| before.blocked),
    });
    let policies = (!tenant.features.is_on(CLOUD_POLICY)).then(|| Value::from(NO_EXPIRY));
    user.properties
        .insert("passwordPolicies".to_owned(), policies.unwrap_or_default());
    if let Some(changed) = credential.change_date.and_then(|at| at.format(&Rfc3339).ok()) {
        user.properties
            .insert("lastPasswordChangeDateTime".to_owned(), changed.into());
    }
    txn.put(user);
    (PasswordResult::Success, Some(name))
}

fn remember(txn: &mut Txn<'_>, tenant: Uuid, job: &str, guid: Uuid, waits: bool) {
    let row = PasswordWaiting {
        tenant,
        job: job.to_owned(),
        guid,
        due: false,
    };
    match (waits, PasswordWaiting::get(txn.cloud(), tenant, job, guid)) {
        (true, known) if known != Some(&row) => txn.put(row),
        (false, Some(_)) => drop(txn.remove::<PasswordWaiting>(tenant, &format!("{job}/{guid}"))),
        _ => {}
    }
}
