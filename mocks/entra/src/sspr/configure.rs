//! Tells agents that passwords are written back, or not any more: two messages each time it is switched (CS 8.2).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use provlab_protocol::scim::{Operation, OperationResult};
use provlab_protocol::writeback::ConfigureWriteback;
use uuid::Uuid;

use super::message_life;
use super::state::{capable, change, is_on, of};
use crate::his::registry_of;
use crate::relay::{Purpose, ask_agent};
use crate::shared::Shared;
use crate::state::DbError;

/// Pause before an agent that did not answer is told again.
const AGAIN: Duration = Duration::from_secs(60);

/// Follows the options and the listeners until it is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut changes = shared.relay.changes();
    loop {
        let pending = tell(&shared).await;
        let again = async {
            if pending {
                shared.platform.clock.sleep(shared.period(AGAIN)).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = shared.sspr.news.notified() => {}
            changed = changes.changed() => if changed.is_err() {
                return;
            },
            () = again => {}
        }
    }
}

/// An agent and what it is to be told.
struct News {
    tenant: Uuid,
    agent: Uuid,
    enabled: bool,
}

/// Tells every agent that does not know yet; whether one of them gave no answer.
async fn tell(shared: &Shared) -> bool {
    let mut pending = false;
    for News {
        tenant,
        agent,
        enabled,
    } in news(shared)
    {
        let operation = Operation::ConfigureWriteback(ConfigureWriteback { enabled });
        let to = (agent, Purpose::Provisioning);
        let limit = message_life(shared);
        let told = ask_agent(shared, tenant, to, shared.uuid(), limit, operation).await;
        match told {
            Ok(OperationResult::WritebackConfigured(configured)) if configured.enabled == enabled => {
                if !enabled {
                    let forgotten = shared.db.write::<_, DbError>(|txn| {
                        change(txn, tenant, |row| row.agents.remove(&agent));
                        Ok(())
                    });
                    pending |= forgotten.is_err();
                }
            }
            _ => pending = true,
        }
    }
    pending
}

fn news(shared: &Shared) -> Vec<News> {
    shared.db.read(|cloud| {
        let mut news = Vec::new();
        for row in cloud.password_resets.all() {
            let tenant = row.tenant;
            let listening = shared.relay.listening(tenant, Purpose::Provisioning);
            let able: BTreeSet<Uuid> =
                registry_of(cloud, tenant).map_or_else(BTreeSet::new, |registry| capable(registry).collect());
            let knows = |agent: &Uuid| of(cloud, tenant).is_some_and(|row| row.agents.contains_key(agent));
            let enabled = is_on(cloud, tenant);
            let agents = listening
                .into_iter()
                .filter(|agent| able.contains(agent) && knows(agent) != enabled);
            news.extend(agents.map(|agent| News {
                tenant,
                agent,
                enabled,
            }));
        }
        news
    })
}
