//! One look at the world: every part is asked for once, and all expectations of a block are judged by the same answer.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use provlab_directory::control::DumpedEntry;
use serde_json::Value;

use super::{
    cloud_change::signed_in,
    recollect,
    state::{cloud_state, directory_tree},
};
use crate::{
    oracle::{Source, Tenant},
    scenario::StageName,
    world::{World, WorldError, initial_domain},
};

/// Roles whose holders may read the provisioning log.
const LOG_READERS: [&str; 6] = [
    "Hybrid Identity Administrator",
    "Global Administrator",
    "Global Reader",
    "Security Reader",
    "Security Administrator",
    "Cloud Application Administrator",
];

/// Roles whose holders may see the options of password reset.
const PASSWORD_ADMINISTRATORS: [&str; 3] = [
    "Hybrid Identity Administrator",
    "Authentication Policy Administrator",
    "Global Administrator",
];

/// What was seen so far.
pub(super) struct Look<'a> {
    world: &'a dyn World,
    trees: RefCell<BTreeMap<String, Rc<Vec<DumpedEntry>>>>,
    tenants: RefCell<BTreeMap<String, Rc<Value>>>,
    /// Entries of provisioning logs by tenant and action.
    logs: RefCell<BTreeMap<String, Rc<Vec<Value>>>>,
}

impl<'a> Look<'a> {
    pub(super) fn at(world: &'a dyn World) -> Self {
        Self {
            world,
            trees: RefCell::default(),
            tenants: RefCell::default(),
            logs: RefCell::default(),
        }
    }

    /// A domain's objects, without those that every domain has.
    pub(super) async fn tree(&self, domain: &str) -> Result<Rc<Vec<DumpedEntry>>, WorldError> {
        let key = domain.to_lowercase();
        if let Some(seen) = self.trees.borrow().get(&key) {
            return Ok(Rc::clone(seen));
        }
        let tree = Rc::new(directory_tree(self.world, domain).await?);
        self.trees.borrow_mut().insert(key, Rc::clone(&tree));
        Ok(tree)
    }

    /// A domain's users and groups, with everything that the stage can tell of them.
    pub(super) async fn sources(&self, domain: &str) -> Result<Vec<Source>, WorldError> {
        if self.world.stage() == StageName::Sim {
            return recollect::sources(self.world, domain).await;
        }
        Ok(crate::oracle::sources(&self.tree(domain).await?))
    }

    /// A tenant as the oracle reads it.
    pub(super) async fn read_tenant(&self, tenant: &str) -> Result<Tenant, WorldError> {
        let initial = initial_domain(self.world.book().tenant(tenant)?);
        Ok(Tenant::read(&*self.tenant(tenant).await?, &initial))
    }

    /// A tenant's state.
    pub(super) async fn tenant(&self, tenant: &str) -> Result<Rc<Value>, WorldError> {
        let domain = initial_domain(self.world.book().tenant(tenant)?);
        if let Some(seen) = self.tenants.borrow().get(&domain) {
            return Ok(Rc::clone(seen));
        }
        let mut state = cloud_state(self.world, Some(domain.clone())).await?;
        let state = Rc::new(state["tenants"][0].take());
        self.tenants.borrow_mut().insert(domain, Rc::clone(&state));
        Ok(state)
    }

    /// What the portal says of a tenant's writeback client.
    pub(super) async fn writeback_client(&self, tenant: &str) -> Result<String, WorldError> {
        let account = self
            .world
            .book()
            .cloud_administrator(tenant, &PASSWORD_ADMINISTRATORS)?;
        let graph = signed_in(self.world, tenant, account).await?;
        let shown = graph.password_writeback().await?;
        Ok(shown["status"].as_str().unwrap_or_default().to_owned())
    }

    /// Entries of a tenant's provisioning log with one action, as an administrator reads them in Graph.
    pub(super) async fn provisioning_log(
        &self,
        tenant: &str,
        action: &str,
    ) -> Result<Rc<Vec<Value>>, WorldError> {
        let key = format!("{} {action}", tenant.to_lowercase());
        if let Some(seen) = self.logs.borrow().get(&key) {
            return Ok(Rc::clone(seen));
        }
        let account = self.world.book().cloud_administrator(tenant, &LOG_READERS)?;
        let graph = signed_in(self.world, tenant, account).await?;
        let log = Rc::new(graph.provisioning_log(action).await?);
        self.logs.borrow_mut().insert(key, Rc::clone(&log));
        Ok(log)
    }
}
