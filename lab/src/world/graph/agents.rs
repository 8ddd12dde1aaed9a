//! Agents, and the groups by which they serve a domain (CS 6.6).

use http::Method;
use serde_json::{Value, json};

use super::{Graph, GraphError};

const PROFILE: &str = "/beta/onPremisesPublishingProfiles/provisioning";

impl Graph {
    /// Takes the agent of a machine out of every agent group.
    ///
    /// # Errors
    /// The cloud's own answer, or that there is no such agent.
    pub async fn remove_agent(&self, machine: &str) -> Result<(), GraphError> {
        let agent = self.agent(machine).await?;
        for group in ids(&agent["agentGroups"]) {
            let path = format!("{PROFILE}/agents/{}/agentGroups/{group}/$ref", text(&agent, "id"));
            self.call(Method::DELETE, &path, None).await?;
        }
        Ok(())
    }

    /// Puts the agent of a machine into the groups that serve a domain.
    ///
    /// # Errors
    /// The cloud's own answer, or that there is no such agent, or no agent has ever served the domain.
    pub async fn assign_agent(&self, machine: &str, domain: &str) -> Result<(), GraphError> {
        let agent = self.agent(machine).await?;
        let resources = self
            .all(&format!("{PROFILE}/publishedResources?$expand=agentGroups"))
            .await?;
        let resource = resources
            .iter()
            .find(|resource| text(resource, "resourceName").eq_ignore_ascii_case(domain))
            .ok_or_else(|| self.missing("published resource", domain))?;
        let already = ids(&agent["agentGroups"]);
        for group in ids(&resource["agentGroups"]) {
            if already.contains(&group) {
                continue;
            }
            let path = format!("{PROFILE}/agents/{}/agentGroups/$ref", text(&agent, "id"));
            let host = self.environment.graph_host;
            let address = format!("https://{host}{PROFILE}/agentGroups/{group}");
            self.call(Method::POST, &path, Some(json!({ "@odata.id": address })))
                .await?;
        }
        Ok(())
    }

    /// The newest agent of a machine.
    async fn agent(&self, machine: &str) -> Result<Value, GraphError> {
        let agents = self.all(&format!("{PROFILE}/agents?$expand=agentGroups")).await?;
        let mut found = agents
            .into_iter()
            .filter(|agent| text(agent, "machineName").eq_ignore_ascii_case(machine));
        let first = found.next();
        // A machine that was set up again is listed twice; the one that answers is the active one.
        let active = found.find(|agent| text(agent, "status").eq_ignore_ascii_case("active"));
        active.or(first).ok_or_else(|| self.missing("agent", machine))
    }
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_default()
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|object| text(object, "id"))
        .collect()
}
