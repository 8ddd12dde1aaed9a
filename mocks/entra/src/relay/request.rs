//! Asks an agent of a domain, and another one when the first is lost (CS 1.5, 9.5).

use std::collections::BTreeSet;
use std::time::Duration;

use provlab_platform::{Part, event};
use provlab_protocol::relay::RelayRequest;
use provlab_protocol::scim::{ErrorCode, Operation, OperationResult, ScimError};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::hub::{Order, Purpose};
use super::{LISTENER_GRACE, REQUEST_DEADLINE, SHORTEST_DEADLINE};
use crate::his;
use crate::his::registry::{AgentStatus, PROVISIONING};
use crate::shared::Shared;

/// Who may answer for a domain.
struct Candidates {
    agents: BTreeSet<Uuid>,
    /// Whether one of them bootstrapped lately, so that its connection can be expected.
    active: bool,
}

/// Asks any agent that is assigned to the operation's domain. Over one connection the request is delivered at most once; when the
/// connection is lost before the answer, it goes to another one under the same id.
///
/// # Errors
/// The codes of CS 9.5: `…InvalidResource`, `…NoAgentsAssigned`, `…NoActiveAgents`, `…AgentSignalingError`, `TimeOut`; or what the agent
/// answered.
pub async fn request(
    shared: &Shared,
    tenant: Uuid,
    operation: Operation,
) -> Result<OperationResult, ScimError> {
    let id = shared.uuid();
    let limit = shared.period(REQUEST_DEADLINE).max(SHORTEST_DEADLINE);
    let kind = operation.kind();
    let asked = shared
        .platform
        .clock
        .timeout(limit, deliver(shared, tenant, id, limit, &operation))
        .await;
    let result = asked.unwrap_or_else(|_| Err(ScimError::new(ErrorCode::TimeOut, "")));
    let error = result.as_ref().err().map(|e| e.code.as_str().to_owned());
    event!(
        shared.platform.trace,
        Part::Cloud,
        "relay.request",
        operation = kind,
        domain = operation.domain(),
        error = error
    );
    result
}

async fn deliver(
    shared: &Shared,
    tenant: Uuid,
    id: Uuid,
    limit: Duration,
    operation: &Operation,
) -> Result<OperationResult, ScimError> {
    let started = shared.platform.clock.now();
    let mut tried = BTreeSet::new();
    loop {
        let (reply, answer) = oneshot::channel();
        let left = limit.saturating_sub(shared.platform.clock.now().saturating_sub(started));
        let deadline_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1);
        let order = Order {
            request: RelayRequest {
                id,
                deadline_ms,
                operation: operation.clone(),
            },
            reply,
        };
        hand_over(shared, tenant, operation.domain(), &mut tried, order).await?;
        // An error here is the loss of the connection: the next one gets the request.
        if let Ok(outcome) = answer.await {
            return outcome;
        }
    }
}

/// Asks one agent and no other. While somebody waits, a request whose connection was lost goes to the agent's next one, under the same
/// id.
///
/// # Errors
/// `…NoActiveAgents` where the agent does not listen at all, `…AgentSignalingError` where it was lost, `TimeOut`, or what the agent answered.
pub(crate) async fn ask_agent(
    shared: &Shared,
    tenant: Uuid,
    (agent, purpose): (Uuid, Purpose),
    id: Uuid,
    limit: Duration,
    operation: Operation,
) -> Result<OperationResult, ScimError> {
    let kind = operation.kind();
    let domain = operation.domain().to_owned();
    let agents = BTreeSet::from([agent]);
    let deliver = async {
        let started = shared.platform.clock.now();
        let mut changes = shared.relay.changes();
        let mut tried = BTreeSet::new();
        loop {
            changes.borrow_and_update();
            let (reply, answer) = oneshot::channel();
            let left = limit.saturating_sub(shared.platform.clock.now().saturating_sub(started));
            let order = Order {
                request: RelayRequest {
                    id,
                    deadline_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1),
                    operation: operation.clone(),
                },
                reply,
            };
            let sent = shared.relay.send(tenant, &agents, purpose, &mut tried, order);
            if sent.is_none() {
                if let Ok(outcome) = answer.await {
                    return outcome;
                }
            } else if tried.is_empty() {
                return Err(ScimError::new(
                    ErrorCode::HybridIdentityServiceNoActiveAgents,
                    operation.domain(),
                ));
            } else if changes.changed().await.is_err() {
                return Err(ScimError::new(
                    ErrorCode::HybridIdentityServiceAgentSignalingError,
                    operation.domain(),
                ));
            }
        }
    };
    let asked = shared.platform.clock.timeout(limit, deliver).await;
    let result = asked.unwrap_or_else(|_| Err(ScimError::new(ErrorCode::TimeOut, "")));
    let error = result.as_ref().err().map(|e| e.code.as_str().to_owned());
    event!(
        shared.platform.trace,
        Part::Cloud,
        "relay.request",
        operation = kind,
        domain = domain,
        error = error
    );
    result
}

/// Gives the order to a connection, waiting a little for one if an agent can be expected to come back.
async fn hand_over(
    shared: &Shared,
    tenant: Uuid,
    domain: &str,
    tried: &mut BTreeSet<u64>,
    order: Order,
) -> Result<(), ScimError> {
    let mut changes = shared.relay.changes();
    let mut order = order;
    let waited_from = shared.platform.clock.now();
    loop {
        changes.borrow_and_update();
        let candidates = candidates(shared, tenant, domain)?;
        let purpose = Purpose::Provisioning;
        match shared
            .relay
            .send(tenant, &candidates.agents, purpose, tried, order)
        {
            None => return Ok(()),
            Some(back) => order = back,
        }
        let waited = shared.platform.clock.now().saturating_sub(waited_from);
        let left = LISTENER_GRACE.saturating_sub(waited);
        if !candidates.active
            || left.is_zero()
            || shared
                .platform
                .clock
                .timeout(left, changes.changed())
                .await
                .is_err()
        {
            let code = if tried.is_empty() {
                ErrorCode::HybridIdentityServiceNoActiveAgents
            } else {
                ErrorCode::HybridIdentityServiceAgentSignalingError
            };
            return Err(ScimError::new(code, domain));
        }
    }
}

fn candidates(shared: &Shared, tenant: Uuid, domain: &str) -> Result<Candidates, ScimError> {
    let (now, grace) = (shared.now(), his::status_grace(shared));
    shared.db.read(|cloud| {
        let registry = cloud
            .registries
            .get(tenant, &tenant.to_string())
            .map(|row| &row.registry);
        let resource = registry.and_then(|r| r.resource_named(PROVISIONING, domain));
        let (Some(registry), Some(resource)) = (registry, resource) else {
            return Err(ScimError::new(
                ErrorCode::HybridIdentityServiceInvalidResource,
                domain,
            ));
        };
        let assigned = || registry.agents_of(resource);
        if assigned().next().is_none() {
            return Err(ScimError::new(
                ErrorCode::HybridIdentityServiceNoAgentsAssigned,
                domain,
            ));
        }
        Ok(Candidates {
            active: assigned().any(|a| a.status(now, grace) == AgentStatus::Active),
            agents: assigned()
                .filter(|a| a.certificates.iter().any(|c| !c.revoked))
                .map(|a| a.id)
                .collect(),
        })
    })
}
