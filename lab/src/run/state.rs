//! What a run remembers, and the state of a world in a form that is the same in every run.

use std::collections::BTreeMap;

use provlab_directory::control::{Command as DirectoryCommand, DumpedEntry, Reply as DirectoryReply};
use provlab_entra::control::{Command as CloudCommand, Reply as CloudReply};
use serde_json::{Value, json};

use super::recollect::Memories;
use crate::world::{InstallOutcome, OnDemandAnswer, PasswordAnswer, World, WorldError};

/// What a run remembers beside the world.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunState {
    /// The last installation of each host.
    installs: BTreeMap<String, Installation>,
    /// The step whose expectations are being waited for.
    pub(crate) evaluating: Option<usize>,
    /// The last answer to provisioning on demand, by tenant and object.
    on_demand: BTreeMap<(String, String), OnDemandAnswer>,
    /// The last answer to a wish for another password, by tenant and user.
    passwords: BTreeMap<(String, String), PasswordAnswer>,
    /// What the oracle remembers of jobs.
    pub(super) memories: Memories,
}

/// One run of package and wizard.
#[derive(Debug, Clone)]
pub(crate) struct Installation {
    /// How many events there were when it began.
    pub(crate) began_at_event: usize,
    /// How it ended, once it has.
    pub(crate) outcome: Option<InstallOutcome>,
}

impl RunState {
    pub(crate) fn install_begins(&mut self, host: &str, events: usize) {
        self.installs.insert(
            host.to_lowercase(),
            Installation {
                began_at_event: events,
                outcome: None,
            },
        );
    }

    pub(crate) fn installed(&mut self, host: &str, outcome: InstallOutcome) {
        if let Some(install) = self.installs.get_mut(&host.to_lowercase()) {
            install.outcome = Some(outcome);
        }
    }

    pub(crate) fn provisioned_on_demand(&mut self, tenant: &str, object: &str, answer: OnDemandAnswer) {
        let key = (tenant.to_lowercase(), object.to_lowercase());
        self.on_demand.insert(key, answer);
    }

    pub(crate) fn on_demand(&self, tenant: &str, object: &str) -> Option<&OnDemandAnswer> {
        self.on_demand
            .get(&(tenant.to_lowercase(), object.to_lowercase()))
    }

    pub(crate) fn password_answered(&mut self, tenant: &str, user: &str, answer: PasswordAnswer) {
        let key = (tenant.to_lowercase(), user.to_lowercase());
        self.passwords.insert(key, answer);
    }

    pub(crate) fn password_answer(&self, tenant: &str, user: &str) -> Option<&PasswordAnswer> {
        self.passwords.get(&(tenant.to_lowercase(), user.to_lowercase()))
    }

    pub(crate) fn installation(&self, host: &str) -> Option<&Installation> {
        self.installs.get(&host.to_lowercase())
    }
}

/// A domain's objects, without those that every domain has.
pub(crate) async fn directory_tree(world: &dyn World, domain: &str) -> Result<Vec<DumpedEntry>, WorldError> {
    let dump = DirectoryCommand::Dump {
        base: None,
        attributes: Vec::new(),
        system: false,
        deleted: false,
    };
    match world.directory(domain, dump).await? {
        DirectoryReply::Tree(entries) => Ok(entries),
        other => Err(WorldError::Lab(format!("a dump was answered with {other:?}"))),
    }
}

/// A tenant's state; the whole cloud's where none is named.
pub(crate) async fn cloud_state(world: &dyn World, tenant: Option<String>) -> Result<Value, WorldError> {
    match world.cloud(CloudCommand::Dump { tenant }).await? {
        CloudReply::Dump(state) => Ok(state),
        other => Err(WorldError::Lab(format!("a dump was answered with {other:?}"))),
    }
}

/// Directories and cloud at the end of a run. What cannot be read says so in its place.
pub(crate) async fn final_state(world: &dyn World) -> Value {
    let mut directories = serde_json::Map::new();
    for domain in &world.book().world().domains {
        let tree = directory_tree(world, &domain.name).await;
        directories.insert(
            domain.name.value.clone(),
            or_reason(tree.map(|entries| json!(entries))),
        );
    }
    json!({ "directories": directories, "cloud": or_reason(cloud_state(world, None).await) })
}

fn or_reason(state: Result<Value, WorldError>) -> Value {
    state.unwrap_or_else(|error| json!({ "unreadable": error.to_string() }))
}
