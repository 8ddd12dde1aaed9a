//! Keeps the oracle's memory of a run up to date, step by step.
//!
//! Only on `sim`: there a directory is read between two events of the world, without disturbing it. On the real stages
//! the oracle judges without a memory.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use provlab_directory::control::{Command, Reply};
use provlab_platform::Event;

use super::state::cloud_state;
use crate::{
    oracle::{self, Job, Memory, Settings, Source, Tenant},
    scenario::{ConfigurationRef, StageName, Step},
    world::{World, WorldError, initial_domain},
};

/// What is remembered of each job, by tenant and domain in lower case; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Memories(Rc<RefCell<BTreeMap<(String, String), Memory>>>);

impl Memories {
    /// Takes in what a step has changed; `position` is the length of the trace when it began.
    pub(super) async fn step(&self, world: &dyn World, step: &Step, position: usize) {
        if world.stage() != StageName::Sim {
            return;
        }
        if let Step::CreateConfiguration(ConfigurationRef { tenant, domain, .. }) = step {
            self.0.borrow_mut().entry(key(tenant, domain)).or_default();
        }
        let jobs: Vec<(String, String)> = self.0.borrow().keys().cloned().collect();
        for (tenant, domain) in jobs {
            // A directory or a cloud that does not run has not been changed either.
            let (Ok(sources), Ok(cloud)) = (sources(world, &domain).await, read_tenant(world, &tenant).await)
            else {
                continue;
            };
            if let Some(memory) = self.0.borrow_mut().get_mut(&(tenant, domain.clone())) {
                memory.note(&domain, &sources, &cloud, position, false);
            }
        }
    }

    /// How a tenant differs from what the oracle says.
    pub(super) fn differences(
        &self,
        world: &dyn World,
        tenant: &str,
        domain: &str,
        sources: &[Source],
        cloud: &Tenant,
    ) -> Vec<String> {
        let mut memories = self.0.borrow_mut();
        let memory = memories.get_mut(&key(tenant, domain));
        let usual = Settings::default();
        let settings = memory.as_ref().map_or(usual, |memory| memory.settings.clone());
        let job = Job {
            domain,
            settings: &settings,
            tenant: cloud,
        };
        let judgement = oracle::judge(&job, sources, memory.as_deref());
        if let Some(memory) = memory.filter(|_| judgement.differences.is_empty())
            && oracle::has_read(&world.log().since(memory.changed_at()), &cloud.initial_domain)
        {
            memory.settle(&judgement);
        }
        judgement.differences
    }

    /// Writes that should not have been.
    pub(super) fn needless(&self, events: &[Event], tenant: &str, initial_domain: &str) -> Vec<String> {
        let memories = self.0.borrow();
        let mut ours = memories
            .iter()
            .filter(|((of, _), _)| of.eq_ignore_ascii_case(tenant));
        // The trace does not tell the jobs of one tenant apart.
        let only = ours.next().filter(|_| ours.next().is_none());
        oracle::needless(events, initial_domain, only.map(|(_, memory)| memory))
    }
}

fn key(tenant: &str, domain: &str) -> (String, String) {
    (tenant.to_lowercase(), domain.to_lowercase())
}

/// Users and groups of a simulated directory with all their attributes.
pub(super) async fn sources(world: &dyn World, domain: &str) -> Result<Vec<Source>, WorldError> {
    let dump = Command::Dump {
        base: None,
        attributes: vec!["*".to_owned()],
        system: false,
        deleted: false,
    };
    match world.directory(domain, dump).await? {
        Reply::Tree(entries) => Ok(oracle::sources(&entries)),
        other => Err(WorldError::Lab(format!("a dump was answered with {other:?}"))),
    }
}

async fn read_tenant(world: &dyn World, tenant: &str) -> Result<Tenant, WorldError> {
    let initial = initial_domain(world.book().tenant(tenant)?);
    let mut state = cloud_state(world, Some(initial.clone())).await?;
    Ok(Tenant::read(&state["tenants"][0].take(), &initial))
}
