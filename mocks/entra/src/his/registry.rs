//! What the hybrid identity service knows of a tenant's agents: the rows behind registration, bootstrap and the admin service.
//!
//! Pure data and pure rules (CS 6.6, 9.1; PR 5, 6, 9). Nothing here reads a clock or a socket: the time comes in as an argument.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::state::SecretText;

/// `publishingType` of cloud sync (PR 9).
pub const PROVISIONING: &str = "provisioning";
/// `publishingType` an agent that may write to a directory lists beside [`PROVISIONING`] (PR 9).
pub const AD_ADMINISTRATION: &str = "adAdministration";
/// Every value of the `publishingType` enumeration that can appear in a path (PR 9, CS 6.6).
pub const PUBLISHING_TYPES: [&str; 5] = [
    "applicationProxy",
    "exchangeOnline",
    "authentication",
    PROVISIONING,
    AD_ADMINISTRATION,
];

/// Most agents, agent groups or published resources one tenant may hold (our own bound; the product's is not public).
pub const MAX_REGISTRY_ROWS: usize = 1_000;
/// Longest display, machine or resource name that is accepted, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// Agents, groups and published resources of one tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Registry {
    /// Registered agents by agent (connector) id.
    pub agents: BTreeMap<Uuid, Agent>,
    /// Agent groups by id.
    pub agent_groups: BTreeMap<Uuid, AgentGroup>,
    /// Published resources (directory domains) by id.
    pub published_resources: BTreeMap<Uuid, PublishedResource>,
    /// Where the tenant's agents listen; made at the first bootstrap.
    pub signaling: Option<Signaling>,
}

/// Path and keys of the tenant's listeners (PR 5.3).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Signaling {
    /// Second GUID of the service path, the same in every namespace.
    pub routing: Uuid,
    /// `SharedAccessKey` by Service Bus namespace.
    pub keys: BTreeMap<String, SecretText>,
}

/// One registered agent (`onPremisesAgent`, PR 9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Agent (connector) id: the GUID of certificate extension 1.3.6.1.4.1.311.82.1.
    pub id: Uuid,
    /// Fully qualified name of the agent's host.
    pub machine_name: String,
    /// Address the cloud saw the agent come from.
    pub external_ip: String,
    /// `AgentVersion` of the last bootstrap; `None` before the first.
    pub version: Option<String>,
    /// `AgentServiceAccountName` of the last bootstrap that carried one.
    pub service_account_name: Option<String>,
    /// `IsAgentServiceAccountGmsa` of the last bootstrap that carried it.
    pub is_gmsa: Option<bool>,
    /// `UpdaterStatus` of the last bootstrap (`Running` or `Stopped`).
    pub updater_status: Option<String>,
    /// Certificates issued to this agent, oldest first.
    pub certificates: Vec<IssuedCertificate>,
    /// When the agent registered.
    #[serde(with = "time::serde::rfc3339")]
    pub registered: OffsetDateTime,
    /// When it bootstrapped last: the base of its status.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_bootstrap: Option<OffsetDateTime>,
    /// `supportedPublishingTypes`.
    pub supported_publishing_types: Vec<String>,
    /// Groups the agent is assigned to.
    pub agent_groups: BTreeSet<Uuid>,
}

/// A certificate the registration authority issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCertificate {
    /// SHA-1 thumbprint, upper-case hex, as Windows shows it.
    pub thumbprint: String,
    /// SHA-256 over the public key (SubjectPublicKeyInfo) in hex: tells a repeated request from a new one.
    pub key_digest: String,
    /// Start of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// End of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// Set when an administrator withdrew it.
    pub revoked: bool,
}

/// A group of interchangeable agents (`onPremisesAgentGroup`, PR 9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentGroup {
    /// Group id.
    pub id: Uuid,
    /// `displayName`, e.g. `Group-contoso.com-{guid}`.
    pub display_name: String,
    /// `isDefault`.
    pub is_default: bool,
    /// `publishingType`.
    pub publishing_type: String,
}

/// A directory domain that a group of agents serves (`publishedResource`, PR 9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedResource {
    /// Resource id.
    pub id: Uuid,
    /// `displayName`.
    pub display_name: String,
    /// `resourceName`: the domain's DNS name.
    pub resource_name: String,
    /// `publishingType`.
    pub publishing_type: String,
    /// Groups that serve it.
    pub agent_groups: BTreeSet<Uuid>,
}

/// Whether the cloud has seen an agent lately (`status`, CS 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AgentStatus {
    /// Bootstrapped within the grace time.
    Active,
    /// Never bootstrapped, or too long ago.
    Inactive,
}

impl AgentStatus {
    /// The word in `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}

/// Why a client certificate does not authenticate an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    /// The agent id in it is not registered in this tenant.
    #[error("the agent is not registered in this tenant; register it again")]
    UnknownAgent,
    /// The registry never issued it, or a bootstrap with its successor retired it.
    #[error("the certificate is not one that is on record for the agent; register the agent again")]
    UnknownCertificate,
    /// An administrator withdrew it.
    #[error("the certificate was revoked; register the agent again")]
    Revoked,
    /// It is not valid yet, by the cloud's clock.
    #[error("the certificate is not valid yet; check the clock of the host")]
    NotYetValid,
    /// It has expired, by the cloud's clock.
    #[error("the certificate has expired; register the agent again")]
    Expired,
}

/// Why the registry refuses a change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The object does not exist.
    #[error("{kind} '{id}' does not exist in this tenant")]
    NotFound {
        /// `agent`, `agentGroup` or `publishedResource`.
        kind: &'static str,
        /// The id that was asked for.
        id: Uuid,
    },
    /// A name is empty or too long.
    #[error("'{property}' must have between 1 and {MAX_NAME_BYTES} bytes")]
    BadName {
        /// The property at fault.
        property: &'static str,
    },
    /// Another published resource has this name.
    #[error("a published resource named '{0}' exists already")]
    ResourceExists(String),
    /// The tenant holds [`MAX_REGISTRY_ROWS`] already.
    #[error("the tenant holds {MAX_REGISTRY_ROWS} objects of this kind already; delete some first")]
    Full,
}

impl Agent {
    /// Whether the agent counts as active `now`, given the `grace` since its last bootstrap.
    pub fn status(&self, now: OffsetDateTime, grace: Duration) -> AgentStatus {
        match self.last_bootstrap {
            Some(last) if now - last <= grace => AgentStatus::Active,
            _ => AgentStatus::Inactive,
        }
    }
}

impl Registry {
    /// Takes up an agent that the registration service has issued its first certificate for.
    pub fn register(&mut self, agent: Agent) -> Result<(), RegistryError> {
        check_name("MachineName", &agent.machine_name)?;
        check_room(self.agents.len())?;
        self.agents.insert(agent.id, agent);
        Ok(())
    }

    /// Whether `thumbprint` authenticates agent `id` at `now`.
    pub fn authenticate(
        &self,
        id: Uuid,
        thumbprint: &str,
        now: OffsetDateTime,
    ) -> Result<&Agent, CertificateRefusal> {
        let agent = self.agents.get(&id).ok_or(CertificateRefusal::UnknownAgent)?;
        let certificate = agent
            .certificates
            .iter()
            .find(|c| c.thumbprint.eq_ignore_ascii_case(thumbprint))
            .ok_or(CertificateRefusal::UnknownCertificate)?;
        match certificate {
            c if c.revoked => Err(CertificateRefusal::Revoked),
            c if now < c.not_before => Err(CertificateRefusal::NotYetValid),
            c if now > c.not_after => Err(CertificateRefusal::Expired),
            _ => Ok(agent),
        }
    }

    /// The agent of this machine that holds a certificate for this key: a registration that is repeated because its answer got lost.
    #[must_use]
    pub fn with_key(&self, machine_name: &str, key_digest: &str) -> Option<&Agent> {
        let holds = |a: &&Agent| {
            a.certificates
                .iter()
                .any(|c| c.key_digest == key_digest && !c.revoked)
        };
        self.agents
            .values()
            .filter(|a| a.machine_name.eq_ignore_ascii_case(machine_name))
            .find(holds)
    }

    /// Notes a renewed certificate; the older ones stay valid until a bootstrap with the new one (PR 6).
    pub fn add_certificate(&mut self, id: Uuid, certificate: IssuedCertificate) -> Result<(), RegistryError> {
        let agent = self
            .agents
            .get_mut(&id)
            .ok_or(RegistryError::NotFound { kind: "agent", id })?;
        agent.certificates.push(certificate);
        // A client that keeps renewing without ever bootstrapping may hold the latest few, not an endless list.
        let surplus = agent.certificates.len().saturating_sub(MAX_CERTIFICATES);
        agent.certificates.drain(..surplus);
        Ok(())
    }

    /// Notes a bootstrap: refreshes the status and retires every certificate older than the one that was used (PR 6).
    pub fn bootstrapped(
        &mut self,
        id: Uuid,
        thumbprint: &str,
        seen: Bootstrapped,
    ) -> Result<(), RegistryError> {
        let agent = self
            .agents
            .get_mut(&id)
            .ok_or(RegistryError::NotFound { kind: "agent", id })?;
        if let Some(used) = agent
            .certificates
            .iter()
            .position(|c| c.thumbprint.eq_ignore_ascii_case(thumbprint))
        {
            agent.certificates.drain(..used);
        }
        agent.last_bootstrap = Some(seen.at);
        if let Some(machine_name) = seen.machine_name {
            agent.machine_name = machine_name;
        }
        agent.external_ip = seen.external_ip;
        agent.version = Some(seen.version);
        agent.service_account_name = seen
            .service_account_name
            .or_else(|| agent.service_account_name.take());
        agent.is_gmsa = seen.is_gmsa.or(agent.is_gmsa);
        agent.updater_status = seen.updater_status.or_else(|| agent.updater_status.take());
        Ok(())
    }

    /// Withdraws every certificate of an agent.
    pub fn revoke(&mut self, id: Uuid) -> Result<(), RegistryError> {
        let agent = self
            .agents
            .get_mut(&id)
            .ok_or(RegistryError::NotFound { kind: "agent", id })?;
        agent.certificates.iter_mut().for_each(|c| c.revoked = true);
        Ok(())
    }

    /// Creates a group. One of the same name and type is taken for it: names carry a GUID that the client chose.
    pub fn create_group(&mut self, group: AgentGroup) -> Result<&AgentGroup, RegistryError> {
        check_name("displayName", &group.display_name)?;
        let alike = |g: &&AgentGroup| {
            g.display_name == group.display_name && g.publishing_type == group.publishing_type
        };
        if let Some(id) = self.agent_groups.values().find(alike).map(|g| g.id) {
            return self.group(id);
        }
        check_room(self.agent_groups.len())?;
        Ok(self.agent_groups.entry(group.id).or_insert(group))
    }

    /// Deletes a group and every reference to it.
    pub fn delete_group(&mut self, id: Uuid) -> Result<(), RegistryError> {
        self.agent_groups.remove(&id).ok_or(RegistryError::NotFound {
            kind: "agentGroup",
            id,
        })?;
        self.agents.values_mut().for_each(|a| {
            a.agent_groups.remove(&id);
        });
        self.published_resources.values_mut().for_each(|r| {
            r.agent_groups.remove(&id);
        });
        Ok(())
    }

    /// Publishes a domain. The same resource again is taken for a repeated request; another one of the same name is refused.
    pub fn publish(&mut self, resource: PublishedResource) -> Result<&PublishedResource, RegistryError> {
        check_name("displayName", &resource.display_name)?;
        check_name("resourceName", &resource.resource_name)?;
        check_room(self.published_resources.len())?;
        if let Some(unknown) = resource
            .agent_groups
            .iter()
            .find(|g| !self.agent_groups.contains_key(g))
        {
            return Err(RegistryError::NotFound {
                kind: "agentGroup",
                id: *unknown,
            });
        }
        if let Some(known) = self
            .resource_named(&resource.publishing_type, &resource.resource_name)
            .map(|r| r.id)
        {
            let known = self.resource(known)?;
            let same = known.display_name == resource.display_name
                && known.agent_groups.is_superset(&resource.agent_groups);
            return if same {
                Ok(known)
            } else {
                Err(RegistryError::ResourceExists(resource.resource_name))
            };
        }
        Ok(self.published_resources.entry(resource.id).or_insert(resource))
    }

    /// Assigns an agent to a group; doing it again changes nothing.
    pub fn assign_agent(&mut self, agent: Uuid, group: Uuid) -> Result<(), RegistryError> {
        self.group(group)?;
        let agent = self.agents.get_mut(&agent).ok_or(RegistryError::NotFound {
            kind: "agent",
            id: agent,
        })?;
        agent.agent_groups.insert(group);
        Ok(())
    }

    /// Lets a group serve a resource; doing it again changes nothing.
    pub fn assign_resource(&mut self, resource: Uuid, group: Uuid) -> Result<(), RegistryError> {
        self.group(group)?;
        let row = self.published_resources.get_mut(&resource);
        let row = row.ok_or(RegistryError::NotFound {
            kind: "publishedResource",
            id: resource,
        })?;
        row.agent_groups.insert(group);
        Ok(())
    }

    /// Renames a group.
    pub fn rename_group(&mut self, id: Uuid, display_name: &str) -> Result<(), RegistryError> {
        check_name("displayName", display_name)?;
        let group = self.agent_groups.get_mut(&id).ok_or(RegistryError::NotFound {
            kind: "agentGroup",
            id,
        })?;
        display_name.clone_into(&mut group.display_name);
        Ok(())
    }

    /// Takes an agent out of a group.
    pub fn remove_agent_from_group(&mut self, agent: Uuid, group: Uuid) -> Result<(), RegistryError> {
        let row = self.agents.get_mut(&agent).ok_or(RegistryError::NotFound {
            kind: "agent",
            id: agent,
        })?;
        let removed = row.agent_groups.remove(&group);
        removed.then_some(()).ok_or(RegistryError::NotFound {
            kind: "agentGroup",
            id: group,
        })
    }

    /// Unpublishes a resource.
    pub fn unpublish(&mut self, id: Uuid) -> Result<(), RegistryError> {
        self.published_resources
            .remove(&id)
            .map(|_| ())
            .ok_or(RegistryError::NotFound {
                kind: "publishedResource",
                id,
            })
    }

    /// The agent `id`.
    pub fn agent(&self, id: Uuid) -> Result<&Agent, RegistryError> {
        self.agents
            .get(&id)
            .ok_or(RegistryError::NotFound { kind: "agent", id })
    }

    /// The published resource `id`.
    pub fn resource(&self, id: Uuid) -> Result<&PublishedResource, RegistryError> {
        self.published_resources.get(&id).ok_or(RegistryError::NotFound {
            kind: "publishedResource",
            id,
        })
    }

    /// The group `id`.
    pub fn group(&self, id: Uuid) -> Result<&AgentGroup, RegistryError> {
        self.agent_groups.get(&id).ok_or(RegistryError::NotFound {
            kind: "agentGroup",
            id,
        })
    }

    /// The published resource of this type whose name is `name`, compared without case as DNS names are.
    pub fn resource_named(&self, publishing_type: &str, name: &str) -> Option<&PublishedResource> {
        let mut resources = self.published_resources.values();
        resources.find(|r| r.publishing_type == publishing_type && r.resource_name.eq_ignore_ascii_case(name))
    }

    /// Agents that may serve a published resource: every member of every group assigned to it.
    pub fn agents_of<'a>(&'a self, resource: &'a PublishedResource) -> impl Iterator<Item = &'a Agent> {
        self.agents
            .values()
            .filter(|a| !a.agent_groups.is_disjoint(&resource.agent_groups))
    }
}

/// Certificates kept per agent: the one in use and a few renewals that were not used yet.
pub const MAX_CERTIFICATES: usize = 4;

/// What a bootstrap tells about an agent.
#[derive(Clone, Debug)]
pub struct Bootstrapped {
    /// When, by the cloud's clock.
    pub at: OffsetDateTime,
    /// `MachineName`.
    pub machine_name: Option<String>,
    /// Address the call came from.
    pub external_ip: String,
    /// `AgentVersion`.
    pub version: String,
    /// `AgentServiceAccountName`.
    pub service_account_name: Option<String>,
    /// `IsAgentServiceAccountGmsa`.
    pub is_gmsa: Option<bool>,
    /// `UpdaterStatus`.
    pub updater_status: Option<String>,
}

fn check_name(property: &'static str, name: &str) -> Result<(), RegistryError> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(RegistryError::BadName { property });
    }
    Ok(())
}

fn check_room(rows: usize) -> Result<(), RegistryError> {
    if rows >= MAX_REGISTRY_ROWS {
        return Err(RegistryError::Full);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-01 08:00 UTC);

    fn certificate(thumbprint: &str) -> IssuedCertificate {
        IssuedCertificate {
            thumbprint: thumbprint.to_owned(),
            key_digest: format!("key of {thumbprint}"),
            not_before: NOW,
            not_after: NOW + Duration::days(180),
            revoked: false,
        }
    }

    fn agent(id: u128) -> Agent {
        Agent {
            id: Uuid::from_u128(id),
            machine_name: format!("srv{id}.contoso.com"),
            external_ip: String::new(),
            version: None,
            service_account_name: None,
            is_gmsa: None,
            updater_status: None,
            certificates: vec![certificate("AA")],
            registered: NOW,
            last_bootstrap: None,
            supported_publishing_types: vec![PROVISIONING.to_owned()],
            agent_groups: BTreeSet::new(),
        }
    }

    fn seen() -> Bootstrapped {
        Bootstrapped {
            at: NOW,
            machine_name: None,
            external_ip: "10.0.0.1".to_owned(),
            version: "1.1.1586.0".to_owned(),
            service_account_name: None,
            is_gmsa: None,
            updater_status: None,
        }
    }

    #[test]
    fn each_reason_to_refuse_a_certificate() {
        let mut registry = Registry::default();
        let id = Uuid::from_u128(1);
        registry.register(agent(1)).unwrap();
        let refusal =
            |registry: &Registry, thumbprint: &str, now| registry.authenticate(id, thumbprint, now).err();
        assert_eq!(refusal(&registry, "aa", NOW), None);
        assert_eq!(
            refusal(&registry, "BB", NOW),
            Some(CertificateRefusal::UnknownCertificate)
        );
        assert_eq!(
            refusal(&registry, "AA", NOW - Duration::SECOND),
            Some(CertificateRefusal::NotYetValid)
        );
        assert_eq!(refusal(&registry, "AA", NOW + Duration::days(180)), None);
        assert_eq!(
            refusal(&registry, "AA", NOW + Duration::days(181)),
            Some(CertificateRefusal::Expired)
        );
        registry.revoke(id).unwrap();
        assert_eq!(refusal(&registry, "AA", NOW), Some(CertificateRefusal::Revoked));
        assert_eq!(
            registry.authenticate(Uuid::nil(), "AA", NOW).err(),
            Some(CertificateRefusal::UnknownAgent)
        );
    }

    #[test]
    fn renewals_pile_up_to_a_limit_and_the_one_in_use_retires_its_elders() {
        let mut registry = Registry::default();
        let id = Uuid::from_u128(1);
        registry.register(agent(1)).unwrap();
        for n in 0..MAX_CERTIFICATES + 2 {
            registry
                .add_certificate(id, certificate(&format!("C{n}")))
                .unwrap();
        }
        assert_eq!(registry.agents[&id].certificates.len(), MAX_CERTIFICATES);
        registry.bootstrapped(id, "c4", seen()).unwrap();
        let kept: Vec<&str> = registry.agents[&id]
            .certificates
            .iter()
            .map(|c| c.thumbprint.as_str())
            .collect();
        assert_eq!(kept, ["C4", "C5"]);
        assert!(registry.with_key("SRV1.contoso.com", "key of C5").is_some());
        assert!(registry.with_key("srv2.contoso.com", "key of C5").is_none());
    }

    #[test]
    fn names_and_counts_are_bounded() {
        let mut registry = Registry::default();
        let group = |n: u128, name: &str| AgentGroup {
            id: Uuid::from_u128(n),
            display_name: name.to_owned(),
            is_default: false,
            publishing_type: PROVISIONING.to_owned(),
        };
        let bad = RegistryError::BadName {
            property: "displayName",
        };
        assert_eq!(registry.create_group(group(1, "")).unwrap_err(), bad);
        assert_eq!(
            registry
                .create_group(group(1, &"n".repeat(MAX_NAME_BYTES + 1)))
                .unwrap_err(),
            bad
        );
        registry
            .create_group(group(1, &"n".repeat(MAX_NAME_BYTES)))
            .unwrap();
        for n in 2..=MAX_REGISTRY_ROWS as u128 {
            registry.create_group(group(n, &n.to_string())).unwrap();
        }
        assert_eq!(
            registry.create_group(group(0, "one more")).unwrap_err(),
            RegistryError::Full
        );
        // One that exists already still finds itself.
        assert_eq!(
            registry.create_group(group(0, "7")).unwrap().id,
            Uuid::from_u128(7)
        );
    }

    #[test]
    fn a_deleted_group_leaves_no_reference() {
        let mut registry = Registry::default();
        let (id, group) = (Uuid::from_u128(1), Uuid::from_u128(2));
        registry.register(agent(1)).unwrap();
        let row = AgentGroup {
            id: group,
            display_name: "g".to_owned(),
            is_default: false,
            publishing_type: PROVISIONING.to_owned(),
        };
        registry.create_group(row).unwrap();
        registry.assign_agent(id, group).unwrap();
        let resource = PublishedResource {
            id: Uuid::from_u128(3),
            display_name: "contoso.com".to_owned(),
            resource_name: "contoso.com".to_owned(),
            publishing_type: PROVISIONING.to_owned(),
            agent_groups: BTreeSet::from([group]),
        };
        registry.publish(resource).unwrap();
        let resource = registry.resource_named(PROVISIONING, "CONTOSO.COM").unwrap();
        assert_eq!(registry.agents_of(resource).count(), 1);
        registry.delete_group(group).unwrap();
        assert!(registry.agents[&id].agent_groups.is_empty());
        assert!(
            registry
                .resource_named(PROVISIONING, "contoso.com")
                .unwrap()
                .agent_groups
                .is_empty()
        );
    }
}
