//! The admin service: which agents serve which domain, the "AgentResourceGrouping" of the installation (PR 9).
//!
//! Every step looks before it writes, so that a rerun after any interruption ends with one group and one resource.

use ::http::header::{AUTHORIZATION, HeaderName};
use provlab_platform::{Part, event};
use provlab_protocol::environment::Environment;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::http::{self, CloudRequest, JSON};
use super::sign_in::Session;
use crate::host::HostMachine;
use crate::product::PUBLISHING_TYPE;
use crate::setup::failure::{Failure, FailureKind};

const SERVICE_ROOT: HeaderName = HeaderName::from_static("x-ms-gateway-serviceroot");

#[derive(Deserialize)]
struct List<T> {
    value: Vec<T>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    id: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    agents: Vec<Named>,
    #[serde(default)]
    published_resources: Vec<Resource>,
}

impl Group {
    fn publishes(&self, domain: &str) -> bool {
        self.published_resources
            .iter()
            .any(|resource| resource.resource_name.eq_ignore_ascii_case(domain))
    }
}

struct AdminService<'a> {
    host: &'a HostMachine,
    session: &'a Session,
    base: String,
    domain: &'a str,
}

impl AdminService<'_> {
    async fn call(&self, request: CloudRequest) -> Result<Vec<u8>, Failure> {
        let domain = self.domain;
        let request = request
            .header(
                AUTHORIZATION,
                format!("Bearer {}", self.session.token.expose_secret()),
            )
            .header(SERVICE_ROOT, "");
        let answer = http::send(&self.host.platform, &request).await.map_err(|error| {
            Failure::new(
                FailureKind::CloudUnreachable,
                format!("The agent cannot be assigned to '{domain}': {error}."),
                &error,
            )
            .transient()
        })?;
        if answer.status.is_success() {
            return Ok(answer.body.to_vec());
        }
        Err(Failure::new(
            FailureKind::Grouping,
            format!(
                "The agent cannot be assigned to '{domain}': the admin service answered HTTP {}.",
                answer.status
            ),
            answer.text().chars().take(500).collect::<String>(),
        ))
    }

    async fn post<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, Failure> {
        let url = format!("{}/{path}", self.base);
        let answer = self
            .call(CloudRequest::post(url, JSON, body.to_string().into_bytes()))
            .await?;
        self.read(&answer)
    }

    fn read<T: serde::de::DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(body).map_err(|error| {
            Failure::new(
                FailureKind::Grouping,
                format!(
                    "The agent cannot be assigned to '{}': the admin service gave an answer that cannot be read.",
                    self.domain
                ),
                error,
            )
        })
    }
}

/// Makes the agent a member of the group that publishes the domain; makes group and resource where they are missing.
///
/// # Errors
/// When the admin service cannot be reached or refuses.
pub async fn assign(
    host: &HostMachine,
    environment: &Environment,
    session: &Session,
    agent: Uuid,
    domain: &str,
) -> Result<(), Failure> {
    let admin = environment.admin_host(&session.tenant);
    let service = AdminService {
        host,
        session,
        base: format!("https://{admin}/onPremisesPublishingProfiles('{PUBLISHING_TYPE}')"),
        domain,
    };
    let url = format!("{}/agentGroups?$expand=agents,publishedResources", service.base);
    let groups: List<Group> = service.read(&service.call(CloudRequest::get(url)).await?)?;
    let prefix = format!("Group-{domain}-").to_ascii_lowercase();
    let published = groups.value.iter().find(|group| group.publishes(domain));
    // A group without its resource is what an interrupted run left.
    let begun = || {
        groups.value.iter().find(|group| {
            group.display_name.to_ascii_lowercase().starts_with(&prefix)
                && group.published_resources.is_empty()
        })
    };
    let found = published.or_else(begun);
    let group = match found {
        Some(group) => group.id.clone(),
        None => {
            let name = format!("Group-{domain}-{}", host.platform.entropy.uuid());
            let made: Named = service
                .post("agentGroups", &json!({ "displayName": name }))
                .await?;
            made.id
        }
    };
    if published.is_none() {
        let body = json!({
            "displayName": domain,
            "resourceName": domain,
            "agentGroups": [{ "id": group }],
        });
        let _: Named = service.post("publishedResources", &body).await?;
    }
    let own = agent.to_string();
    let member = found.is_some_and(|group| {
        group
            .agents
            .iter()
            .any(|agent| agent.id.eq_ignore_ascii_case(&own))
    });
    if !member {
        let reference = format!(
            "https://{admin}:443/onPremisesPublishingProfiles('{PUBLISHING_TYPE}')/agentGroups('{group}')"
        );
        let url = format!("{}/agents('{own}')/agentGroups/$ref", service.base);
        let body = json!({ "@odata.id": reference }).to_string();
        service
            .call(CloudRequest::post(url, JSON, body.into_bytes()))
            .await?;
    }
    event!(
        host.platform.trace,
        Part::Wizard,
        "grouping.done",
        domain = domain,
        resource = if published.is_some() { "reused" } else { "created" },
        member = if member { "already" } else { "added" }
    );
    Ok(())
}
