//! The administrator's hands in the cloud: a small Graph client over the world's network.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use provlab_platform::{Endpoint, NetError, Platform, net::ClientTls};
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
/// The longest answer that is read.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// How long one call may take.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// Why a call to the cloud failed.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The host was not reached.
    #[error("{method} https://{host}{path}: {source}")]
    Unreachable {
        /// HTTP method.
        method: Method,
        /// Host.
        host: String,
        /// Path.
        path: String,
        /// What the network said.
        source: NetError,
    },
    /// The connection broke or the answer was not HTTP.
    #[error("{method} https://{host}{path}: {detail}")]
    Broken {
        /// HTTP method.
        method: Method,
        /// Host.
        host: String,
        /// Path.
        path: String,
        /// What happened.
        detail: String,
    },
    /// The cloud refused.
    #[error("{method} https://{host}{path}: {status} {code}: {message}")]
    Refused {
        /// HTTP method.
        method: Method,
        /// Host.
        host: String,
        /// Path.
        path: String,
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
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/{tenant_domain}/oauth2/v2.0/token"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = send(platform, environment.login_host, request, form.into()).await?;
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
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json");
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        send(&self.platform, self.environment.graph_host, request, body.into()).await
    }

    /// Creates a configuration in the documented order of calls (CS 6.1, steps 1 to 4).
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn create_configuration(&self, domain: &str) -> Result<(), GraphError> {
        let organization = format!("/beta/organization/{}", self.organization().await?);
        self.call(Method::PATCH, &organization, Some(json!({ "onPremisesSyncEnabled": true }))).await?;
        let instantiate = format!("/beta/applicationTemplates/{PROVISIONING_TEMPLATE}/instantiate");
        let made = self.call(Method::POST, &instantiate, Some(json!({ "displayName": domain }))).await?;
        let principal = made["servicePrincipal"]["objectId"]
            .as_str()
            .or_else(|| made["servicePrincipal"]["id"].as_str())
            .unwrap_or_default()
            .to_owned();
        let base = format!("/beta/servicePrincipals/{principal}/synchronization");
        self.call(Method::POST, &format!("{base}/jobs"), Some(json!({ "templateId": JOB_TEMPLATE }))).await?;
        let secrets = json!({ "value": [
            { "key": "Domain", "value": json!({ "domain": domain }).to_string() },
            { "key": "AppKey", "value": json!({ "appKeyScenario": JOB_TEMPLATE }).to_string() },
        ]});
        self.call(Method::PUT, &format!("{base}/secrets"), Some(secrets)).await?;
        Ok(())
    }

    /// `start`, `pause` or `restart` of the configuration's job.
    ///
    /// # Errors
    /// The cloud's own answer, or that there is no such configuration.
    pub async fn job(&self, domain: &str, verb: &str) -> Result<(), GraphError> {
        let filter = form_encoded(&format!("displayName eq '{domain}'"));
        let principals =
            self.call(Method::GET, &format!("/beta/servicePrincipals?$filter={filter}"), None).await?;
        let missing =
            || GraphError::NoConfiguration { tenant: self.tenant.clone(), domain: domain.to_owned() };
        let principal = principals["value"][0]["id"].as_str().ok_or_else(missing)?;
        let jobs = format!("/beta/servicePrincipals/{principal}/synchronization/jobs");
        let listed = self.call(Method::GET, &jobs, None).await?;
        let job = listed["value"][0]["id"].as_str().ok_or_else(missing)?;
        self.call(Method::POST, &format!("{jobs}/{job}/{verb}"), None).await?;
        Ok(())
    }

    async fn organization(&self) -> Result<String, GraphError> {
        let organizations = self.call(Method::GET, "/beta/organization", None).await?;
        Ok(organizations["value"][0]["id"].as_str().unwrap_or(&self.tenant_domain).to_owned())
    }
}

/// One HTTPS request on a connection of its own.
async fn send(
    platform: &Platform,
    host: &str,
    request: http::request::Builder,
    body: Bytes,
) -> Result<Value, GraphError> {
    let method = request.method_ref().cloned().unwrap_or_default();
    let path = request.uri_ref().map(ToString::to_string).unwrap_or_default();
    let broken = |detail: String| GraphError::Broken {
        method: method.clone(),
        host: host.to_owned(),
        path: path.clone(),
        detail,
    };
    let unreachable = |source: NetError| GraphError::Unreachable {
        method: method.clone(),
        host: host.to_owned(),
        path: path.clone(),
        source,
    };
    let work = async {
        let stream = platform.net.connect(&Endpoint::new(host, 443)).await.map_err(unreachable)?;
        let tls = ClientTls { server_name: host.to_owned(), identity: None };
        let stream = platform.net.secure_client(stream, &tls).await.map_err(unreachable)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(error.to_string()))?;
        let request = request
            .header(header::HOST, host)
            .body(Full::new(body))
            .map_err(|error| broken(error.to_string()))?;
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(|error| broken(error.to_string()))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER)
                .collect()
                .await
                .map_err(|error| broken(error.to_string()))?
                .to_bytes();
            drop(sender);
            Ok::<_, GraphError>((status, body))
        };
        let (exchanged, _) = futures_util::join!(exchange, connection);
        exchanged
    };
    let (status, body) =
        platform.clock.timeout(CALL_LIMIT, work).await.map_err(|elapsed| broken(elapsed.to_string()))??;
    let value: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(value);
    }
    let (code, message) = match &value["error"] {
        Value::String(code) => (code.clone(), value["error_description"].as_str().unwrap_or_default().to_owned()),
        error => (
            error["code"].as_str().unwrap_or_default().to_owned(),
            error["message"].as_str().unwrap_or_default().to_owned(),
        ),
    };
    Err(GraphError::Refused { method, host: host.to_owned(), path, status, code, message })
}

/// `application/x-www-form-urlencoded` of one value.
fn form_encoded(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
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
