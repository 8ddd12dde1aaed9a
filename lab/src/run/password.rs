//! Steps about passwords that are set in the cloud, and the logon that shows whether one works.

use provlab_agent::directory::ldap::{DEFAULT_TIMEOUT, LdapConnection, LdapError, Protection};
use provlab_directory::control::{Command, Policy};
use provlab_protocol::{ad_error::BindFailure, rights};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::execute::State;
use crate::{
    scenario::{ExtendedRight, Located, PasswordPolicy, Step},
    world::{Credential, Graph, GraphError, World, WorldError, as_user, environment_of},
};

/// What a user does.
pub(super) async fn perform(world: &dyn World, state: &State, step: &Step) -> Result<(), WorldError> {
    let shown = |password: &SecretString| password.expose_secret().to_owned();
    let (tenant, user, page, body): (&Located<String>, &str, &str, Value) = match step {
        Step::ResetOwnPassword(what) => (
            &what.tenant,
            &what.user,
            "reset",
            json!({ "user": what.user, "newPassword": shown(&what.password) }),
        ),
        Step::ChangeOwnPassword(what) => (
            &what.tenant,
            &what.user,
            "change",
            json!({
                "user": what.user,
                "oldPassword": shown(&what.present.password),
                "newPassword": shown(&what.password),
                "forced": what.forced,
            }),
        ),
        Step::UnlockOwnAccount(what) => (&what.tenant, &what.user, "unlock", json!({ "user": what.user })),
        Step::SetPasswordPolicy(what) => return set_policy(world, what).await,
        Step::RevokeRight(what) => {
            let right = match what.right {
                ExtendedRight::UnexpirePassword => rights::UNEXPIRE_PASSWORD,
                ExtendedRight::ResetPassword => rights::USER_FORCE_CHANGE_PASSWORD,
            };
            let revoked = world.directory(&what.domain, Command::RevokeRight { right });
            return revoked.await.map(drop);
        }
        other => {
            return Err(WorldError::Lab(format!(
                "`{}` is no step about passwords",
                other.word()
            )));
        }
    };
    let environment = environment_of(world.book().tenant(tenant)?.environment());
    let answer = as_user(world.door(), environment, page, &body).await?;
    state.borrow_mut().password_answered(tenant, user, answer);
    Ok(())
}

async fn set_policy(world: &dyn World, what: &PasswordPolicy) -> Result<(), WorldError> {
    let policy = Policy {
        min_length: what.minimum_length,
        complexity: what.complexity,
        history: what.history,
        // The age is counted by the directory's own clock, which no stage shortens.
        min_age: what.minimum_age.as_ref().map(|age| age.value.0.as_secs()),
        lockout_threshold: what.lockout_threshold,
        ..Policy::default()
    };
    world
        .directory(&what.domain, Command::SetPolicy(policy))
        .await
        .map(drop)
}

/// Signs a user in at the cloud; `accepted`, or the code of the refusal (`AADSTS…`, CS 9.4).
///
/// # Errors
/// The cloud was not reached, or refused in other words.
pub(super) async fn sign_in(
    world: &dyn World,
    tenant: &str,
    user: &str,
    password: &SecretString,
) -> Result<String, WorldError> {
    let tenant = world.book().tenant(tenant)?;
    let credential = Credential {
        name: user.to_owned(),
        password: password.clone(),
    };
    let environment = environment_of(tenant.environment());
    match Graph::sign_in(world.door(), environment, tenant, &credential).await {
        Ok(_) => Ok("accepted".to_owned()),
        Err(GraphError::Refused { message, .. }) if message.starts_with("AADSTS") => {
            let code = message.split(':').next().unwrap_or_default();
            Ok(code.to_owned())
        }
        Err(error) => Err(error.into()),
    }
}

/// Logs an account on; `accepted`, or the `data` of AD's refusal (PR 16.3).
///
/// # Errors
/// The directory was not reached, or refused in other words.
pub(super) async fn log_on(
    world: &dyn World,
    account: &str,
    password: &SecretString,
) -> Result<String, WorldError> {
    let (domain, _) = world.book().split(account)?;
    let server = domain
        .domain_controller_names()
        .into_iter()
        .next()
        .unwrap_or_default();
    let name = world.logon_name(account)?;
    let bound = async {
        let mut connection =
            LdapConnection::open(world.door(), &server, Protection::Ldaps, DEFAULT_TIMEOUT).await?;
        let bound = connection.bind(&name, password).await;
        connection.unbind().await;
        bound
    };
    let error: LdapError = match bound.await {
        Ok(()) => return Ok("accepted".to_owned()),
        Err(error) => error,
    };
    let failure = error
        .refusal()
        .and_then(|refusal| BindFailure::from_diagnostic(&refusal.diagnostic));
    failure
        .map(|failure| format!("{:x}", failure.data()))
        .ok_or_else(|| WorldError::Lab(format!("the logon of {account} came to no answer: {error}")))
}
