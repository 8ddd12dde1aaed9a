//! The administrator's hands in the cloud: a small Graph client over the world's network.

mod agents;
mod configuration;
mod error;
mod objects;
mod on_demand;
mod password;
mod schema;
mod secrets;
mod tenant;

use std::time::Duration;

use http::{Method, StatusCode, header};
use provlab_agent::cloud::http::{CloudRequest, FORM, JSON, send};
use provlab_platform::Platform;
use provlab_protocol::environment::Environment;
use secrecy::ExposeSecret;
use serde_json::Value;

pub use error::GraphError;
pub use on_demand::{OnDemandAnswer, Subject};
pub use password::{PasswordAnswer, as_user};
pub use schema::SchemaEdit;

use super::{Credential, initial_domain};
use crate::scenario::Tenant;

/// The public client that the lab signs in as: "Azure Active Directory PowerShell" (PR 2).
const CLIENT_ID: &str = "1b730954-1685-4b74-9bfd-dac224a7b894";
/// How often a request that is throttled is sent again.
const MAX_REPEATS: u32 = 50;
/// The wait where a throttled answer names none.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

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

    async fn get(&self, path: &str) -> Result<Value, GraphError> {
        self.call(Method::GET, path, None).await
    }

    /// Everything that a collection holds, page after page.
    async fn all(&self, path: &str) -> Result<Vec<Value>, GraphError> {
        let root = format!("https://{}", self.environment.graph_host);
        let mut found = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let mut page = self.get(&path).await?;
            if let Value::Array(values) = page["value"].take() {
                found.extend(values);
            }
            let link = page["@odata.nextLink"].as_str();
            next = link.and_then(|link| link.strip_prefix(&root)).map(str::to_owned);
        }
        Ok(found)
    }

    /// The one object of a collection that a filter finds.
    async fn one(
        &self,
        collection: &str,
        property: &str,
        value: &str,
        what: &'static str,
    ) -> Result<Value, GraphError> {
        let filter = equals(property, value);
        let mut found = self.all(&format!("{collection}?$filter={filter}")).await?;
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(self.missing(what, value)),
            several => Err(GraphError::Ambiguous {
                tenant: self.tenant.clone(),
                what,
                name: value.to_owned(),
                several,
            }),
        }
    }

    fn missing(&self, what: &'static str, name: &str) -> GraphError {
        GraphError::Missing {
            tenant: self.tenant.clone(),
            what,
            name: name.to_owned(),
        }
    }
}

/// `property eq 'value'`, encoded for a query.
fn equals(property: &str, value: &str) -> String {
    form_encoded(&format!("{property} eq '{}'", value.replace('\'', "''")))
}

/// Sends a request, and sends it again when the cloud asks for a pause; a status beyond 2xx is an error with the body's own code
/// and message.
async fn exchange(
    platform: &Platform,
    method: Method,
    url: String,
    request: &CloudRequest,
) -> Result<Value, GraphError> {
    let mut repeats = 0;
    let answer = loop {
        let answer = match send(platform, request).await {
            Ok(answer) => answer,
            Err(source) => return Err(GraphError::Unreachable { method, url, source }),
        };
        if answer.status != StatusCode::TOO_MANY_REQUESTS || repeats == MAX_REPEATS {
            break answer;
        }
        repeats += 1;
        platform
            .clock
            .sleep(answer.retry_after.unwrap_or(DEFAULT_WAIT))
            .await;
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

    #[test]
    fn quotes_in_a_filter_are_doubled() {
        assert_eq!(
            equals("displayName", "O'Hara"),
            "displayName%20eq%20%27O%27%27Hara%27"
        );
    }
}
