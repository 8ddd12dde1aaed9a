//! Keeps the oracle's memory of a run up to date, step by step.
//!
//! Only on `sim`: there a directory is read between two events of the world, without disturbing it. On the real stages
//! the oracle judges without a memory.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use provlab_directory::control::{Command, Reply};
use provlab_platform::Event;

use super::{learn, state::cloud_state};
use crate::{
    oracle::{self, Case, Memory, Rereading, Settings, Source, Tenant},
    scenario::{JobTemplate, StageName, Step},
    world::{World, WorldError, initial_domain},
};

/// What is remembered of a run; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Memories {
    /// Jobs by tenant and domain in lower case.
    jobs: Rc<RefCell<BTreeMap<Key, Memory>>>,
    /// Features that were switched, by tenant in lower case.
    features: Rc<RefCell<BTreeMap<String, BTreeMap<String, bool>>>>,
    /// What could not be taken in yet, because directory or tenant could not be read: by job, the place of the trace at
    /// which the first change was made, and what is read again because of all of them.
    missed: Rc<RefCell<BTreeMap<Key, (usize, Rereading)>>>,
}

type Key = (String, String);

impl Memories {
    /// Takes in what a step has changed; `position` is the length of the trace when it began.
    pub(super) async fn step(&self, world: &dyn World, step: &Step, position: usize) {
        if world.stage() != StageName::Sim || matches!(step, Step::Advance(_)) {
            return;
        }
        if let Step::CreateConfiguration(what) = step
            && what.template == JobTemplate::Ad2AadProvisioning
        {
            let memory = Memory::of(usual(world));
            self.jobs
                .borrow_mut()
                .entry(key(&what.tenant, &what.domain))
                .or_insert(memory);
        }
        if let Step::SetTenantFeatures(what) = step {
            let mut features = self.features.borrow_mut();
            let switched = what.set.value.iter().map(|(name, on)| (name.clone(), *on));
            features
                .entry(what.tenant.to_lowercase())
                .or_default()
                .extend(switched);
        }
        let keys: Vec<Key> = self.jobs.borrow().keys().cloned().collect();
        for (tenant, domain) in keys {
            let read = (
                sources(world, &domain).await,
                self.read_tenant(world, &tenant).await,
            );
            let mut jobs = self.jobs.borrow_mut();
            let Some(memory) = jobs.get_mut(&(tenant.clone(), domain.clone())) else {
                continue;
            };
            let again = learn::from_step(memory, step, &tenant, &domain, position);
            let mut missed = self.missed.borrow_mut();
            let key = (tenant, domain);
            let (position, before) = missed.remove(&key).unwrap_or((position, Rereading::Nothing));
            let again = again.max(before);
            if let (Ok(sources), Ok(cloud)) = read {
                memory.note(&key.1, &sources, &cloud, position, again);
            } else {
                missed.insert(key, (position, again));
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
        let mut jobs = self.jobs.borrow_mut();
        let memory = jobs.get_mut(&key(tenant, domain));
        let settings = memory
            .as_ref()
            .map_or_else(|| usual(world), |memory| memory.settings.clone());
        let cloud = self.with_features(tenant, cloud.clone());
        let case = Case {
            domain,
            settings: &settings,
            tenant: &cloud,
            sources,
        };
        let judgement = oracle::judge(&case, memory.as_deref());
        if let Some(memory) = memory.filter(|_| judgement.differences.is_empty())
            && oracle::has_read(&world.log().since(memory.changed_at()), &cloud.initial_domain)
        {
            memory.settle(&judgement, world.log().len());
        }
        judgement.differences
    }

    /// Writes that should not have been.
    pub(super) fn needless(&self, events: &[Event], tenant: &str, initial_domain: &str) -> Vec<String> {
        let jobs = self.jobs.borrow();
        let mut ours = jobs.iter().filter(|((of, _), _)| of.eq_ignore_ascii_case(tenant));
        // The trace does not tell the jobs of one tenant apart.
        let only = ours.next().filter(|_| ours.next().is_none());
        oracle::needless(events, initial_domain, only.map(|(_, memory)| memory))
    }

    fn with_features(&self, tenant: &str, mut cloud: Tenant) -> Tenant {
        if let Some(features) = self.features.borrow().get(&tenant.to_lowercase()) {
            cloud.features.clone_from(features);
        }
        cloud
    }

    async fn read_tenant(&self, world: &dyn World, tenant: &str) -> Result<Tenant, WorldError> {
        let initial = initial_domain(world.book().tenant(tenant)?);
        let mut state = cloud_state(world, Some(initial.clone())).await?;
        let read = Tenant::read(&state["tenants"][0].take(), &initial);
        Ok(self.with_features(tenant, read))
    }
}

/// The settings of a new job in this world.
fn usual(world: &dyn World) -> Settings {
    let assumptions = world.book().world().cloud.assumptions.iter();
    Settings {
        assumptions: assumptions.flat_map(|set| set.value.clone()).collect(),
        ..Settings::default()
    }
}

fn key(tenant: &str, domain: &str) -> Key {
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
