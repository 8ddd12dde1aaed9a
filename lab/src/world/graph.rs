//! The administrator's hands in the cloud: a small Graph client over the world's network.

use http::{Method, StatusCode, header};
use provlab_agent::cloud::http::{CloudError, CloudRequest, FORM, JSON, send};
use provlab_platform::Platform;
use provlab_protocol::environment::Environment;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{Credential, initial_domain};
use crate::scenario::Tenant;

/// The public client that the lab signs in as: "Azure Active Directory PowerShell" (PR 2).
const CLIENT_ID: &str = "1b730954-1685-4b74-9bfd-dac224a7b894";
/// Application template of AD to Microsoft Entra ID provisioning (CS 6.1).
const PROVISIONING_TEMPLATE: &str = "1a4721b3-e57f-4451-ae87-ef078703ec94";
/// Job template of users and groups (CS 5.2).
const JOB_TEMPLATE: &str = "AD2AADProvisioning";

/// Why a call to the cloud failed.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The cloud was not reached, or the exchange broke.
    #[error("{method} {url}: {source}")]
    Unreachable {
        /// HTTP method.
        method: Method,
        /// Address.
        url: String,
        /// What happened.
        source: CloudError,
    },
    /// The cloud refused.
    #[error("{method} {url}: {status} {code}: {message}")]
    Refused {
        /// HTTP method.
        method: Method,
        /// Address.
        url: String,
        /// HTTP status.
        status: StatusCode,
        /// Error code of the body.
        code: String,
        /// Message of the body.
        message: String,
    },
    /// The configuration that a step names has not been created.
    #[error("tenant `{tenant}` has no configuration for `{domain}`; a `create-configuration` step makes one")]
    NoConfiguration {
        /// The tenant.
        tenant: String,
        /// The domain.
        domain: String,
    },
}

/// A signed-in administrator.
pub struct Graph {
    platform: Platform,
    environment: &'static Environment,
    token: String,
    tenant: String,
    tenant_domain: String,
}

impl Graph {
    /// Signs in with user name and password (ROPC), as a headless administrator does.
    ///
    /// # Errors
    /// The cloud's own answer, for example AADSTS50126.
    pub async fn sign_in(
        platform: &Platform,
        environment: &'static Environment,
        tenant: &Tenant,
        credential: &Credential,
    ) -> Result<Self, GraphError> {
        let tenant_domain = initial_domain(tenant);
        let form = [
            ("grant_type", "password"),
            ("client_id", CLIENT_ID),
            ("scope", &format!("https://{}/.default", environment.graph_host)),
            ("username", &credential.name),
            ("password", credential.password.expose_secret()),
        ]
        .map(|(name, value)| format!("{name}={}", form_encoded(value)))
        .join("&");
        let url = format!(
            "https://{}/{tenant_domain}/oauth2/v2.0/token",
            environment.login_host
        );
        let request = CloudRequest::post(&url, FORM, form.into_bytes());
        let answer = exchange(platform, Method::POST, url, &request).await?;
        Ok(Self {
            platform: platform.clone(),
            environment,
            token: answer["access_token"].as_str().unwrap_or_default().to_owned(),
            tenant: tenant.name.value.clone(),
            tenant_domain,
        })
    }

    /// One call; `null` for an answer without a body.
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, GraphError> {
        let url = format!("https://{}{path}", self.environment.graph_host);
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = CloudRequest::new(method.clone(), &url)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(JSON, body.into_bytes());
        exchange(&self.platform, method, url, &request).await
    }

    /// Creates a configuration in the documented order of calls (CS 6.1, steps 1 to 4).
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn create_configuration(&self, domain: &str) -> Result<(), GraphError> {
        let organization = format!("/beta/organization/{}", self.organization().await?);
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
            .unwrap_or_default()
            .to_owned();
        let base = format!("/beta/servicePrincipals/{principal}/synchronization");
        self.call(
            Method::POST,
            &format!("{base}/jobs"),
            Some(json!({ "templateId": JOB_TEMPLATE })),
        )
        .await?;
        let secrets = json!({ "value": [
            { "key": "Domain", "value": json!({ "domain": domain }).to_string() },
            { "key": "AppKey", "value": json!({ "appKeyScenario": JOB_TEMPLATE }).to_string() },
        ]});
        self.call(Method::PUT, &format!("{base}/secrets"), Some(secrets))
            .await?;
        Ok(())
    }

    /// `start`, `pause` or `restart` of the configuration's job.
    ///
    /// # Errors
    /// The cloud's own answer, or that there is no such configuration.
    pub async fn job(&self, domain: &str, verb: &str) -> Result<(), GraphError> {
        let filter = form_encoded(&format!("displayName eq '{domain}'"));
        let principals = self
            .call(
                Method::GET,
                &format!("/beta/servicePrincipals?$filter={filter}"),
                None,
            )
            .await?;
        let missing = || GraphError::NoConfiguration {
            tenant: self.tenant.clone(),
            domain: domain.to_owned(),
        };
        let principal = principals["value"][0]["id"].as_str().ok_or_else(missing)?;
        let jobs = format!("/beta/servicePrincipals/{principal}/synchronization/jobs");
        let listed = self.call(Method::GET, &jobs, None).await?;
        let job = listed["value"][0]["id"].as_str().ok_or_else(missing)?;
        self.call(Method::POST, &format!("{jobs}/{job}/{verb}"), None)
            .await?;
        Ok(())
    }

    async fn organization(&self) -> Result<String, GraphError> {
        let organizations = self.call(Method::GET, "/beta/organization", None).await?;
        Ok(organizations["value"][0]["id"]
            .as_str()
            .unwrap_or(&self.tenant_domain)
            .to_owned())
    }
}

/// One request; a status beyond 2xx is an error with the body's own code and message.
async fn exchange(
    platform: &Platform,
    method: Method,
    url: String,
    request: &CloudRequest,
) -> Result<Value, GraphError> {
    let answer = match send(platform, request).await {
        Ok(answer) => answer,
        Err(source) => return Err(GraphError::Unreachable { method, url, source }),
    };
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    if answer.status.is_success() {
        return Ok(value);
    }
    let part = |name: &str| value["error"][name].as_str().unwrap_or_default().to_owned();
    let (code, message) = match &value["error"] {
        // OAuth puts the code there itself (PR 3.3), Graph an object (CS 6.8).
        Value::String(code) => (
            code.clone(),
            value["error_description"].as_str().unwrap_or_default().to_owned(),
        ),
        _ => (part("code"), part("message")),
    };
    Err(GraphError::Refused {
        method,
        url,
        status: answer.status,
        code,
        message,
    })
}

/// `application/x-www-form-urlencoded` of one value.
fn form_encoded(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_values_survive_every_character() {
        assert_eq!(form_encoded("Lab-a1!"), "Lab-a1%21");
        assert_eq!(form_encoded("ü &="), "%C3%BC%20%26%3D");
    }
}
