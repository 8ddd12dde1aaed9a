//! Configurations: made, started, paused, restarted and deleted (CS 6.1, 6.3).

use http::Method;
use serde_json::{Value, json};

use super::{Graph, GraphError, equals};
use crate::scenario::JobTemplate;

/// Application template of provisioning between AD and Microsoft Entra ID (CS 6.1).
const PROVISIONING_TEMPLATE: &str = "1a4721b3-e57f-4451-ae87-ef078703ec94";

/// A configuration's job, and where it is.
#[derive(Debug, Clone)]
pub(crate) struct JobPlace {
    /// Address of the service principal.
    pub(super) principal: String,
    /// Address of the job.
    pub(super) job: String,
}

impl JobPlace {
    /// Address of the service principal's secrets.
    pub(super) fn secrets(&self) -> String {
        format!("{}/synchronization/secrets", self.principal)
    }

    /// Address of the job's schema.
    pub(super) fn schema(&self) -> String {
        format!("{}/schema", self.job)
    }
}

impl Graph {
    /// Creates a configuration in the documented order of calls (CS 6.1, steps 1 to 4). Password hash synchronization is a second
    /// job of the configuration that is there (step 3p).
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn create_configuration(&self, domain: &str, template: JobTemplate) -> Result<(), GraphError> {
        if template == JobTemplate::Ad2AadPasswordHash {
            let known = self.job(domain, JobTemplate::Ad2AadProvisioning).await?.principal;
            let body = json!({ "templateId": template.as_str() });
            let jobs = format!("{known}/synchronization/jobs");
            return self.call(Method::POST, &jobs, Some(body)).await.map(drop);
        }
        let organization = format!("/beta/organization/{}", self.tenant_id().await?);
        self.call(
            Method::PATCH,
            &organization,
            Some(json!({ "onPremisesSyncEnabled": true })),
        )
        .await?;
        let instantiate = format!("/beta/applicationTemplates/{PROVISIONING_TEMPLATE}/instantiate");
        let made = self
            .call(Method::POST, &instantiate, Some(json!({ "displayName": domain })))
            .await?;
        let principal = made["servicePrincipal"]["objectId"]
            .as_str()
            .or_else(|| made["servicePrincipal"]["id"].as_str())
            .unwrap_or_default();
        let base = format!("/beta/servicePrincipals/{principal}/synchronization");
        let template = template.as_str();
        self.call(
            Method::POST,
            &format!("{base}/jobs"),
            Some(json!({ "templateId": template })),
        )
        .await?;
        let secrets = json!({ "value": [
            { "key": "Domain", "value": json!({ "domain": domain }).to_string() },
            { "key": "AppKey", "value": json!({ "appKeyScenario": template }).to_string() },
        ]});
        self.call(Method::PUT, &format!("{base}/secrets"), Some(secrets))
            .await
            .map(drop)
    }

    /// The configuration's job of a template.
    ///
    /// # Errors
    /// The cloud's own answer, or that there is no such configuration.
    pub(crate) async fn job(&self, domain: &str, template: JobTemplate) -> Result<JobPlace, GraphError> {
        let filter = equals("displayName", domain);
        let principals = self
            .all(&format!("/beta/servicePrincipals?$filter={filter}"))
            .await?;
        for principal in principals.iter().filter_map(|principal| principal["id"].as_str()) {
            let principal = format!("/beta/servicePrincipals/{principal}");
            let jobs = format!("{principal}/synchronization/jobs");
            let listed = self.all(&jobs).await?;
            let wanted = |job: &&Value| job["templateId"] == template.as_str();
            if let Some(id) = listed.iter().find(wanted).and_then(|job| job["id"].as_str()) {
                return Ok(JobPlace {
                    job: format!("{jobs}/{id}"),
                    principal,
                });
            }
        }
        Err(GraphError::NoConfiguration {
            tenant: self.tenant.clone(),
            domain: domain.to_owned(),
            template: template.as_str(),
        })
    }

    /// `start` or `pause` of a job.
    ///
    /// # Errors
    /// The cloud's own answer, or that there is no such configuration.
    pub async fn job_verb(&self, domain: &str, template: JobTemplate, verb: &str) -> Result<(), GraphError> {
        let job = self.job(domain, template).await?.job;
        self.call(Method::POST, &format!("{job}/{verb}"), None)
            .await
            .map(drop)
    }

    /// Restarts a job; without a scope of what is reset it is the default one.
    ///
    /// # Errors
    /// The cloud's own answer, or that there is no such configuration.
    pub async fn restart(
        &self,
        domain: &str,
        template: JobTemplate,
        reset_scope: Option<&str>,
    ) -> Result<(), GraphError> {
        let job = self.job(domain, template).await?.job;
        let body = reset_scope.map(|scope| json!({ "criteria": { "resetScope": scope } }));
        self.call(Method::POST, &format!("{job}/restart"), body)
            .await
            .map(drop)
    }

    /// Deletes a configuration: its service principal with all jobs.
    ///
    /// # Errors
    /// The cloud's own answer, or that there is no such configuration.
    pub async fn delete_configuration(&self, domain: &str, template: JobTemplate) -> Result<(), GraphError> {
        let principal = self.job(domain, template).await?.principal;
        self.call(Method::DELETE, &principal, None).await.map(drop)
    }
}
