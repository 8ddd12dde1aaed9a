//! Rows of the registry as OData resources (CS 6.6).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::his::registry::{Agent, AgentGroup, PublishedResource, Registry};

/// What a listing needs to know.
pub(super) struct Show<'r> {
    pub(super) registry: &'r Registry,
    pub(super) profile: &'r str,
    /// Names in `$expand`.
    pub(super) expand: BTreeSet<String>,
    pub(super) now: OffsetDateTime,
    pub(super) grace: Duration,
}

impl Show<'_> {
    fn plain_agent(&self, agent: &Agent) -> Value {
        json!({
            "id": agent.id.to_string(),
            "machineName": agent.machine_name,
            "externalIp": agent.external_ip,
            "status": agent.status(self.now, self.grace).as_str(),
            "supportedPublishingTypes": agent.supported_publishing_types,
        })
    }

    fn plain_group(group: &AgentGroup) -> Value {
        json!({
            "id": group.id.to_string(),
            "displayName": group.display_name,
            "isDefault": group.is_default,
            "publishingType": group.publishing_type,
        })
    }

    fn plain_resource(resource: &PublishedResource) -> Value {
        json!({
            "id": resource.id.to_string(),
            "displayName": resource.display_name,
            "resourceName": resource.resource_name,
            "publishingType": resource.publishing_type,
        })
    }

    fn expanded(&self, mut row: Value, navigation: &str, rows: impl FnOnce() -> Vec<Value>) -> Value {
        if self.expand.contains(navigation) {
            row[navigation] = Value::Array(rows());
        }
        row
    }

    pub(super) fn agent(&self, agent: &Agent) -> Value {
        self.expanded(self.plain_agent(agent), "agentGroups", || {
            self.groups_of(&agent.agent_groups)
        })
    }

    pub(super) fn group(&self, group: &AgentGroup) -> Value {
        let row = self.expanded(Self::plain_group(group), "agents", || self.members(group.id));
        self.expanded(row, "publishedResources", || self.served_by(group.id))
    }

    pub(super) fn resource(&self, resource: &PublishedResource) -> Value {
        self.expanded(Self::plain_resource(resource), "agentGroups", || {
            self.groups_of(&resource.agent_groups)
        })
    }

    pub(super) fn agents(&self) -> Vec<Value> {
        let fits = |a: &&Agent| a.supported_publishing_types.iter().any(|t| t == self.profile);
        self.registry
            .agents
            .values()
            .filter(fits)
            .map(|a| self.agent(a))
            .collect()
    }

    pub(super) fn groups(&self) -> Vec<Value> {
        self.registry
            .agent_groups
            .values()
            .filter(|g| g.publishing_type == self.profile)
            .map(|g| self.group(g))
            .collect()
    }

    pub(super) fn resources(&self) -> Vec<Value> {
        self.registry
            .published_resources
            .values()
            .filter(|r| r.publishing_type == self.profile)
            .map(|r| self.resource(r))
            .collect()
    }

    pub(super) fn groups_of(&self, ids: &BTreeSet<Uuid>) -> Vec<Value> {
        ids.iter()
            .filter_map(|id| self.registry.agent_groups.get(id))
            .map(Self::plain_group)
            .collect()
    }

    pub(super) fn members(&self, group: Uuid) -> Vec<Value> {
        self.registry
            .agents
            .values()
            .filter(|a| a.agent_groups.contains(&group))
            .map(|a| self.plain_agent(a))
            .collect()
    }

    pub(super) fn served_by(&self, group: Uuid) -> Vec<Value> {
        self.registry
            .published_resources
            .values()
            .filter(|r| r.agent_groups.contains(&group))
            .map(Self::plain_resource)
            .collect()
    }
}
