//! From a password to its outcome: an agent is chosen, the password is sealed for it, and whoever asked waits (CS 8.2).

use std::collections::BTreeSet;

use provlab_platform::{Part, event};
use provlab_protocol::immutable_id::ImmutableId;
use provlab_protocol::scim::{ErrorCode, Operation, OperationResult};
use provlab_protocol::writeback::{
    Action, Binding, Outcome, PackageEntropy, PackageError, SealedRequest, WritebackRequest,
};
use uuid::Uuid;

use super::state::{is_on, of};
use super::{Onboarded, Refusal, heartbeat_grace, message_life};
use crate::his::registry::PROVISIONING;
use crate::his::registry_of;
use crate::relay::{Purpose, ask_agent};
use crate::shared::Shared;
use crate::state::User;

/// An agent that can write back now.
struct Ready {
    agent: Uuid,
    key: Onboarded,
}

/// Whether any agent of a tenant listens for passwords.
pub(super) fn is_connected(shared: &Shared, tenant: Uuid) -> bool {
    !shared.relay.listening(tenant, Purpose::PasswordReset).is_empty()
}

/// The check before a password is asked for (CS 8.2): an agent of the user's domain that had a heartbeat lately and listens.
fn ready(shared: &Shared, tenant: Uuid, domain: &str) -> Result<Ready, Refusal> {
    let (now, grace) = (shared.now(), heartbeat_grace(shared));
    let listening = shared.relay.listening(tenant, Purpose::PasswordReset);
    shared.db.read(|cloud| {
        if !is_on(cloud, tenant) {
            return Err(Refusal::NotConfigured);
        }
        let row = of(cloud, tenant).ok_or(Refusal::NotConfigured)?;
        let registry = registry_of(cloud, tenant).ok_or(Refusal::NotConnected)?;
        let resource = registry.resource_named(PROVISIONING, domain);
        let serving: BTreeSet<Uuid> = resource
            .map(|resource| registry.agents_of(resource).map(|agent| agent.id).collect())
            .unwrap_or_default();
        row.agents
            .iter()
            .find(|(agent, key)| {
                serving.contains(agent) && listening.contains(agent) && now - key.last_heartbeat <= grace
            })
            .map(|(agent, key)| Ready {
                agent: *agent,
                key: key.clone(),
            })
            .ok_or(Refusal::NotConnected)
    })
}

/// Writes back for a synchronized user and waits for the outcome.
///
/// The request goes to one agent and no other: a second one could not know whether the first has done it. It is sealed for that agent's
/// key, so no other could read it either.
///
/// # Errors
/// Everything but success, in the words of [`Refusal`].
pub(super) async fn write_back(shared: &Shared, user: &User, action: Action) -> Result<(), Refusal> {
    let name = action.name();
    let result = attempt(shared, user, action).await;
    event!(
        shared.platform.trace,
        Part::Cloud,
        "sspr.done",
        user = user.user_principal_name,
        action = name,
        code = result.as_ref().err().map(|refusal| refusal.told(false).0),
        event = result.as_ref().err().and_then(Refusal::event)
    );
    result
}

async fn attempt(shared: &Shared, user: &User, action: Action) -> Result<(), Refusal> {
    let tenant = user.tenant;
    let origin = user.on_premises.as_ref().ok_or(Refusal::NotVerified)?;
    let domain = origin.domain_name.clone().ok_or(Refusal::NotVerified)?;
    let anchor: ImmutableId = origin
        .immutable_id
        .as_deref()
        .and_then(|id| id.parse().ok())
        .ok_or(Refusal::NotVerified)?;
    let Ready { agent, key } = ready(shared, tenant, &domain)?;
    let life = message_life(shared);
    let expires = shared.now() + time::Duration::try_from(life).unwrap_or(time::Duration::MINUTE);
    let binding = Binding {
        domain,
        tenant_id: tenant,
        message_id: shared.uuid(),
        key_id: key.key_id(),
        expires: expires.unix_timestamp(),
    };
    let request = WritebackRequest { anchor, action };
    let entropy = drawn(shared);
    let (sealed, content_key) =
        SealedRequest::seal(binding, &request, &key.spki(), &entropy).map_err(|error| match error {
            PackageError::Request(_) | PackageError::TooLong => Refusal::BadPassword,
            _ => Refusal::NotConfigured,
        })?;
    let binding = sealed.binding.clone();
    let operation = Operation::Writeback(Box::new(sealed));
    let to = (agent, Purpose::PasswordReset);
    let answered = ask_agent(shared, tenant, to, binding.message_id, life, operation).await;
    let answer = match answered {
        Ok(OperationResult::WrittenBack(answer)) => answer,
        Ok(_) => return Err(Refusal::Unanswered),
        Err(error) => {
            return Err(match error.code {
                ErrorCode::HybridIdentityServiceNoActiveAgents => Refusal::NotConnected,
                ErrorCode::TimeOut => Refusal::Expired,
                _ => Refusal::Unanswered,
            });
        }
    };
    match answer.open(&binding, &content_key) {
        Ok(Outcome::Success) => Ok(()),
        Ok(Outcome::Failed(failure)) => Err(Refusal::Failed(failure)),
        Err(_) => Err(Refusal::Unanswered),
    }
}

fn drawn(shared: &Shared) -> PackageEntropy {
    let mut entropy = PackageEntropy {
        key: [0; 32],
        seed: [0; 32],
        nonce: [0; 12],
    };
    let source = &shared.platform.entropy;
    source.fill(&mut entropy.key);
    source.fill(&mut entropy.seed);
    source.fill(&mut entropy.nonce);
    entropy
}
