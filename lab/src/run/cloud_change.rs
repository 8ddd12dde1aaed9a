//! Steps that an administrator does in the cloud, through Graph, and what befalls cloud accounts.

use std::time::Duration;

use provlab_entra::{control::Command, graph::ThrottleSettings};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::{execute::State, state::directory_tree};
use crate::{
    scenario::{
        CloudAccountRef, CloudGroupChange, CloudStep, CloudUserChange, GraphThrottle, JobTemplate,
        MappedObject, OnDemand, Restart, Step,
    },
    world::{
        Graph, SchemaEdit, Subject, World, WorldError, cloud_user_name, default_password, environment_of,
        initial_domain,
    },
};

/// Roles that may verify a domain name.
const DOMAIN_ADMINISTRATORS: [&str; 2] = ["Global Administrator", "Domain Name Administrator"];
/// What the portal's *Clear quarantine* resets (CS 5.5).
const CLEAR_QUARANTINE: &str = "QuarantineState,Watermark";

/// Signs in as whom a step names.
async fn sign_in(world: &dyn World, step: &dyn CloudStep) -> Result<Graph, WorldError> {
    let tenant = step.tenant();
    let account = match step.account() {
        Some(account) => account.value.as_str(),
        None => world.book().cloud_administrator(tenant, &DOMAIN_ADMINISTRATORS)?,
    };
    signed_in(world, tenant, account).await
}

/// Signs in as an account of a tenant.
///
/// # Errors
/// If the world has no such account, or the cloud refuses.
pub(super) async fn signed_in(world: &dyn World, tenant: &str, account: &str) -> Result<Graph, WorldError> {
    let credential = world.book().cloud_credential(tenant, account)?;
    let tenant = world.book().tenant(tenant)?;
    let environment = environment_of(tenant.environment());
    Ok(Graph::sign_in(world.door(), environment, tenant, &credential).await?)
}

/// Makes a step that is done through Graph happen.
///
/// # Errors
/// If the cloud refuses, or what the step names is not there.
pub(super) async fn perform(
    world: &dyn World,
    state: &State,
    step: &Step,
    what: &dyn CloudStep,
) -> Result<(), WorldError> {
    const USERS_AND_GROUPS: JobTemplate = JobTemplate::Ad2AadProvisioning;
    let graph = sign_in(world, what).await?;
    let edit =
        async |domain: &str, template, edit: SchemaEdit<'_>| graph.edit_schema(domain, template, &edit).await;
    match step {
        Step::CreateConfiguration(what) => graph.create_configuration(&what.domain, what.template).await,
        Step::CreateGroupProvisioning(what) => {
            let template = JobTemplate::Aad2AdGroupProvisioning;
            graph.create_configuration(&what.domain, template).await?;
            match &what.container {
                Some(container) => edit(&what.domain, template, SchemaEdit::Container(container)).await,
                None => Ok(()),
            }
        }
        Step::StartConfiguration(what) => graph.job_verb(&what.domain, what.template, "start").await,
        Step::PauseConfiguration(what) => graph.job_verb(&what.domain, what.template, "pause").await,
        Step::RestartConfiguration(what) => {
            let scope = reset_scope(what);
            graph.restart(&what.domain, what.template, scope.as_deref()).await
        }
        Step::ClearQuarantine(what) => {
            graph
                .restart(&what.domain, what.template, Some(CLEAR_QUARANTINE))
                .await
        }
        Step::AllowDeletes(what) => {
            graph
                .restart(&what.domain, what.template, Some("ForceDeletes"))
                .await
        }
        Step::DeleteConfiguration(what) => graph.delete_configuration(&what.domain, what.template).await,
        Step::SetScope(what) => edit(&what.domain, USERS_AND_GROUPS, SchemaEdit::Scope(what)).await,
        Step::FilterUsers(what) => {
            let filter = SchemaEdit::Filter(MappedObject::User, &what.any_of);
            edit(&what.domain, USERS_AND_GROUPS, filter).await
        }
        Step::FilterGroups(what) => {
            let filter = SchemaEdit::Filter(MappedObject::Group, &what.any_of);
            edit(&what.domain, USERS_AND_GROUPS, filter).await
        }
        Step::MapAttribute(what) => edit(&what.domain, what.template, SchemaEdit::Map(what)).await,
        Step::UnmapAttribute(what) => {
            edit(
                &what.domain,
                what.template,
                SchemaEdit::Unmap(what.object, &what.target),
            )
            .await
        }
        Step::SetDeleteThreshold(what) => {
            let threshold = what.threshold.value.0;
            let mut settings = members(json!({ "DeleteThresholdEnabled": threshold.is_some() }));
            settings.extend(threshold.map(|number| ("DeleteThresholdValue".to_owned(), json!(number))));
            graph.set_notification_settings(&what.domain, settings).await
        }
        Step::SetNotificationEmail(what) => {
            let settings = members(json!({ "Enabled": true, "Recipients": what.email }));
            graph.set_notification_settings(&what.domain, settings).await
        }
        Step::SkipOutOfScopeDeletions(what) => {
            let value = if what.skip { "true" } else { "false" };
            graph
                .set_secret(&what.domain, "SkipOutOfScopeDeletions", value)
                .await
        }
        Step::ProvisionOnDemand(what) => return on_demand(world, state, &graph, what).await,
        Step::SetPasswordWriteback(what) => {
            let options = json!({
                "writeBack": what.enabled,
                "withCloudSync": what.enabled,
                "selfService": what.self_service,
                "unlockWithoutReset": what.unlock_without_reset,
            });
            graph.set_password_writeback(&options).await
        }
        Step::AdminResetPassword(what) => {
            let reset = graph.reset_password(&what.user, what.password.expose_secret());
            let answer = reset.await.map_err(WorldError::from)?;
            state
                .borrow_mut()
                .password_answered(&what.tenant, &what.user, answer);
            return Ok(());
        }
        Step::SetTenantFeatures(what) => graph.set_features(&what.set.value).await,
        Step::SetDeletionGuard(what) => graph.set_deletion_guard(what.kind.as_str(), what.threshold).await,
        Step::VerifyDomain(what) => graph.verify_domain(&what.name).await,
        Step::CreateCloudUser(what) => graph.create_user(new_user(what)).await,
        Step::ModifyCloudUser(what) => graph.change_user(&what.user, changed_user(what)).await,
        Step::DeleteCloudUser(what) => graph.delete_user(&what.user).await,
        Step::RestoreCloudUser(what) => graph.restore_user(&what.user).await,
        Step::CreateCloudGroup(what) => graph.create_group(new_group(what), &what.members).await,
        Step::ModifyCloudGroup(what) => {
            graph
                .change_group(&what.group, properties(&what.set), &what.members)
                .await
        }
        Step::DeleteCloudGroup(what) => graph.delete_group(&what.group).await,
        Step::AddCloudMember(what) => graph.add_member(&what.group, &what.member).await,
        Step::RemoveCloudMember(what) => graph.remove_member(&what.group, &what.member).await,
        Step::RemoveAgent(what) => graph.remove_agent(&world.book().host(&what.host)?.fqdn()).await,
        Step::AssignAgent(what) => {
            let machine = world.book().host(&what.host)?.fqdn();
            graph.assign_agent(&machine, &what.domain).await
        }
        other => {
            return Err(WorldError::Lab(format!(
                "`{}` is no step in the cloud",
                other.word()
            )));
        }
    }
    .map_err(WorldError::from)
}

/// Makes what befalls the cloud or its accounts happen, which no client could do.
///
/// # Errors
/// If the cloud refuses.
pub(super) async fn befall(world: &dyn World, step: &Step) -> Result<(), WorldError> {
    let named = |what: &CloudAccountRef| world.book().cloud_account(&what.account);
    let command = match step {
        Step::ExpireCloudPassword(what) => Command::ExpireAccountPassword {
            account: named(what)?,
        },
        Step::ResetCloudPassword(what) => Command::SetAccountPassword {
            account: named(what)?,
            password: world.book().cloud_password(&what.account),
        },
        Step::DisableCloudAccount(what) => Command::DisableAccount {
            account: named(what)?,
        },
        Step::EnableCloudAccount(what) => Command::EnableAccount {
            account: named(what)?,
        },
        Step::DeleteCloudAccount(what) => Command::DeleteAccount {
            account: named(what)?,
        },
        Step::MakeDirectoryBusy(what) => Command::MakeDirectoryBusy {
            tenant: initial_domain(world.book().tenant(&what.tenant)?),
            seconds: whole_seconds(world.scaled()(what.lasts.value.0)),
            retry_after_seconds: whole_seconds(world.scaled()(what.retry_after.value.0)),
        },
        Step::ThrottleGraph(what) => Command::Throttle(throttle(world, what)),
        other => {
            return Err(WorldError::Lab(format!(
                "`{}` does not befall the cloud",
                other.word()
            )));
        }
    };
    world.cloud(command).await.map(drop)
}

fn throttle(world: &dyn World, what: &GraphThrottle) -> ThrottleSettings {
    ThrottleSettings {
        requests: what.requests.value,
        retry_after_seconds: whole_seconds(world.scaled()(what.retry_after.value.0)),
    }
}

/// `Retry-After` has whole seconds, and none is no pause.
fn whole_seconds(span: Duration) -> u64 {
    let rest = u64::from(span.subsec_nanos() > 0);
    span.as_secs().saturating_add(rest).max(1)
}

fn reset_scope(what: &Restart) -> Option<String> {
    let words = what.reset.as_ref()?;
    let words: Vec<String> = words.iter().map(|word| format!("{:?}", word.value)).collect();
    Some(words.join(","))
}

fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn properties(set: &indexmap::IndexMap<String, Value>) -> Map<String, Value> {
    set.iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn password_profile(password: &str) -> Value {
    json!({ "password": password, "forceChangePasswordNextSignIn": false })
}

/// What Graph demands of a new user, and what the step sets.
fn new_user(what: &CloudUserChange) -> Map<String, Value> {
    let alias = what.user.split('@').next().unwrap_or_default();
    let password = what.password.clone().unwrap_or_else(|| default_password(alias));
    let mut user = members(json!({
        "accountEnabled": true,
        "displayName": alias,
        "mailNickname": alias,
        "userPrincipalName": what.user,
        "passwordProfile": password_profile(password.expose_secret()),
    }));
    user.extend(properties(&what.set));
    user
}

fn changed_user(what: &CloudUserChange) -> Map<String, Value> {
    let mut user = properties(&what.set);
    if let Some(password) = &what.password {
        let profile = password_profile(password.expose_secret());
        user.insert("passwordProfile".to_owned(), profile);
    }
    user
}

/// What Graph demands of a new group, and what the step sets.
fn new_group(what: &CloudGroupChange) -> Map<String, Value> {
    let nickname: String = what.group.chars().filter(char::is_ascii_alphanumeric).collect();
    let mut group = members(json!({
        "displayName": what.group,
        "mailEnabled": false,
        "mailNickname": if nickname.is_empty() { "group" } else { nickname.as_str() },
        "securityEnabled": true,
    }));
    group.extend(properties(&what.set));
    group
}

async fn on_demand(
    world: &dyn World,
    state: &State,
    graph: &Graph,
    what: &OnDemand,
) -> Result<(), WorldError> {
    let subject = subject(world, graph, what, &what.object, what.kind).await?;
    let mut with = Vec::new();
    for member in &what.members {
        with.push(self::subject(world, graph, what, member, None).await?);
    }
    let answer = graph
        .provision_on_demand(&what.domain, what.template, &subject, &with)
        .await?;
    state
        .borrow_mut()
        .provisioned_on_demand(&what.tenant, &what.object, answer);
    Ok(())
}

/// What Graph calls an object: a directory object by its distinguished name, a cloud object by its id.
async fn subject(
    world: &dyn World,
    graph: &Graph,
    what: &OnDemand,
    object: &str,
    kind: Option<MappedObject>,
) -> Result<Subject, WorldError> {
    if what.template == JobTemplate::Aad2AdGroupProvisioning {
        let name = if kind == Some(MappedObject::User) {
            cloud_user_name(world.book().tenant(&what.tenant)?, object)
        } else {
            object.to_owned()
        };
        return Ok(graph.cloud_subject(&name).await?);
    }
    let kind = match kind {
        None | Some(MappedObject::User) => "user",
        Some(MappedObject::Group) => "group",
        Some(MappedObject::Contact) => "contact",
    };
    let (domain, name) = world.book().split(object)?;
    let id = if name.contains('=') {
        name.to_owned()
    } else {
        let tree = directory_tree(world, &domain.name).await?;
        let entry = tree.iter().find(|entry| {
            let names = entry.attributes.get("sAMAccountName").into_iter().flatten();
            names.into_iter().any(|known| known.eq_ignore_ascii_case(name))
        });
        let missing = || WorldError::Lab(format!("{} has no object `{name}`", domain.name.value));
        entry.ok_or_else(missing)?.dn.clone()
    };
    Ok(Subject { id, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_whole_seconds_and_at_least_one() {
        assert_eq!(whole_seconds(Duration::from_millis(20)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(10)), 10);
        assert_eq!(whole_seconds(Duration::from_millis(10_001)), 11);
    }
}
