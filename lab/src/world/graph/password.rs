//! Passwords: the portal's options, an administrator's reset, and what users do themselves (CS 8).

use std::time::Duration;

use http::{Method, header};
use provlab_agent::cloud::http::{CloudRequest, JSON, send, send_within};
use provlab_platform::Platform;
use provlab_protocol::environment::Environment;
use serde_json::{Value, json};

use super::{Graph, GraphError};

/// Id of the password among a user's authentication methods.
const PASSWORD_METHOD: &str = "28c10230-6103-485e-b985-444c60001490";
/// How often an operation is asked after.
const MAX_LOOKS: u32 = 1_000;
/// The wait between two looks where an answer names none.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

/// How long a user waits before the page.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// What somebody was told who wanted a password set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordAnswer {
    /// It is set.
    Success,
    /// It is not.
    Failure {
        /// The code that the person sees.
        code: String,
        /// The text.
        text: String,
        /// Id of the agent's event, where an agent said why.
        event: Option<u64>,
    },
}

impl Graph {
    /// Sets the options of *Password reset > On-premises integration*.
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn set_password_writeback(&self, options: &Value) -> Result<(), GraphError> {
        let url = format!(
            "https://{}/onPremisesIntegration",
            self.environment.password_reset_host
        );
        let request = CloudRequest::new(Method::PATCH, &url)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(JSON, options.to_string().into_bytes());
        super::exchange(&self.platform, Method::PATCH, url, &request)
            .await
            .map(drop)
    }

    /// What the portal says of the writeback client (CS 8.4).
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn password_writeback(&self) -> Result<Value, GraphError> {
        let url = format!(
            "https://{}/onPremisesIntegration",
            self.environment.password_reset_host
        );
        let request = CloudRequest::get(&url).header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        super::exchange(&self.platform, Method::GET, url, &request).await
    }

    /// Resets a user's password, and waits until the operation is over.
    ///
    /// # Errors
    /// The cloud was not reached, or did not begin the operation.
    pub async fn reset_password(&self, user: &str, password: &str) -> Result<PasswordAnswer, GraphError> {
        let path = format!("/v1.0/users/{user}/authentication/methods/{PASSWORD_METHOD}/resetPassword");
        let url = format!("https://{}{path}", self.environment.graph_host);
        let unreachable = |url: &str, source| GraphError::Unreachable {
            method: Method::POST,
            url: url.to_owned(),
            source,
        };
        let body = json!({ "newPassword": password }).to_string();
        let request = CloudRequest::post(&url, JSON, body.into_bytes())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        let begun = send(&self.platform, &request)
            .await
            .map_err(|source| unreachable(&url, source))?;
        let place = begun.location.clone().filter(|_| begun.status.is_success());
        let Some(place) = place else {
            let answer: Value = serde_json::from_slice(&begun.body).unwrap_or_default();
            return Ok(failure(&answer["error"]));
        };
        let wait = begun.retry_after.unwrap_or(DEFAULT_WAIT);
        for _ in 0..MAX_LOOKS {
            self.platform.clock.sleep(wait).await;
            let look =
                CloudRequest::get(&place).header(header::AUTHORIZATION, format!("Bearer {}", self.token));
            let answer = super::exchange(&self.platform, Method::GET, place.clone(), &look).await?;
            match answer["status"].as_str() {
                Some("succeeded") => return Ok(PasswordAnswer::Success),
                Some("failed") => {
                    let detail = answer["statusDetail"].as_str().unwrap_or_default();
                    let (code, text) = detail.split_once(": ").unwrap_or((detail, ""));
                    return Ok(PasswordAnswer::Failure {
                        code: code.to_owned(),
                        text: text.to_owned(),
                        event: None,
                    });
                }
                _ => {}
            }
        }
        Err(self.missing("end of the operation", &place))
    }
}

/// What a user does on the pages of password reset.
///
/// # Errors
/// The pages were not reached.
pub async fn as_user(
    platform: &Platform,
    environment: &Environment,
    page: &str,
    body: &Value,
) -> Result<PasswordAnswer, GraphError> {
    let url = format!("https://{}/{page}", environment.password_reset_host);
    let request = CloudRequest::post(&url, JSON, body.to_string().into_bytes());
    let answer = send_within(platform, &request, PATIENCE)
        .await
        .map_err(|source| GraphError::Unreachable {
            method: Method::POST,
            url,
            source,
        })?;
    if answer.status.is_success() {
        return Ok(PasswordAnswer::Success);
    }
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    Ok(failure(&value["error"]))
}

fn failure(error: &Value) -> PasswordAnswer {
    let part = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    PasswordAnswer::Failure {
        code: part("code"),
        text: part("message"),
        event: error["event"]["id"].as_u64(),
    }
}
