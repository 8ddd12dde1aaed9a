//! Sign-in of the cloud administrator: a token for the registration audience, and the roles that it shows (PR 3).

use provlab_platform::Platform;
use provlab_protocol::environment::{ENVIRONMENTS, Environment};
use provlab_protocol::oauth::{AccessTokenClaims, OAuthError, TokenResponse};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;

use super::http::{self, CloudError, CloudRequest, FORM, form_encode};
use crate::product::SIGN_IN_CLIENT;
use crate::setup::answers::{CloudPassword, CloudSignIn};
use crate::setup::failure::{Failure, FailureKind};
use crate::setup::generation::Generation;

/// A signed-in administrator.
#[derive(Clone)]
pub struct Session {
    /// Bearer token for registration and admin service.
    pub token: SecretString,
    /// The administrator's tenant.
    pub tenant: Uuid,
    /// Who signed in.
    pub user: String,
    /// Template ids of the user's directory roles.
    pub roles: Vec<Uuid>,
}

impl Session {
    /// Reads tenant, user and roles from the token.
    ///
    /// # Errors
    /// When the text is no token, or names no tenant.
    pub fn from_token(token: SecretString) -> Result<Self, Failure> {
        let unusable = |cause: String| {
            Failure::new(
                FailureKind::SignIn,
                "The sign-in gave no usable token. Sign in again.",
                cause,
            )
        };
        let claims =
            AccessTokenClaims::peek(token.expose_secret()).map_err(|error| unusable(error.to_string()))?;
        let tenant = claims
            .tid
            .ok_or_else(|| unusable("the token names no tenant".to_owned()))?;
        let user = [claims.upn, claims.preferred_username, claims.unique_name]
            .into_iter()
            .flatten()
            .next()
            .unwrap_or_default();
        Ok(Self {
            token,
            tenant,
            user,
            roles: claims.wids,
        })
    }

    /// Checks that the user holds a role which may set up the agent in this generation (CS 1.3).
    ///
    /// # Errors
    /// When no such role is there.
    pub fn require_role(&self, generation: &Generation) -> Result<(), Failure> {
        let holds = generation
            .roles
            .iter()
            .any(|role| self.roles.contains(&role.template_id()));
        if holds {
            return Ok(());
        }
        let wanted = generation.role_names();
        Err(Failure::new(
            FailureKind::Role,
            format!(
                "The account '{}' cannot set up the agent: it is not a {wanted}. Sign in with an account that has this role.",
                self.user
            ),
            "no accepted role template id among the wids of the token",
        ))
    }
}

/// Signs in as the answers say.
///
/// # Errors
/// The cloud's refusal in its own words with a remedy, or that it cannot be reached.
pub async fn sign_in(
    platform: &Platform,
    environment: &Environment,
    answer: &CloudSignIn,
) -> Result<Session, Failure> {
    match answer {
        CloudSignIn::AccessToken(ready) => Session::from_token(ready.access_token.clone()),
        CloudSignIn::Password(credential) => with_password(platform, environment, credential).await,
    }
}

#[derive(Deserialize)]
struct Metadata {
    token_endpoint: String,
}

async fn with_password(
    platform: &Platform,
    environment: &Environment,
    credential: &CloudPassword,
) -> Result<Session, Failure> {
    let user = credential.user_principal_name.trim();
    let Some((_, domain)) = user.rsplit_once('@').filter(|(name, domain)| {
        !name.is_empty()
            && !domain.is_empty()
            && domain
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    }) else {
        return Err(Failure::new(
            FailureKind::SignIn,
            format!(
                "'{user}' is not a user principal name. Sign in with an address such as admin@contoso.onmicrosoft.com."
            ),
            "the user name has no domain part",
        ));
    };
    let metadata_url = format!(
        "{}/.well-known/openid-configuration",
        environment.authority(domain)
    );
    let answer = http::send(platform, &CloudRequest::get(metadata_url))
        .await
        .map_err(|error| unreachable(environment, &error))?;
    if !answer.status.is_success() {
        return Err(refused(environment, user, answer.status, &answer.text()));
    }
    let metadata: Metadata =
        serde_json::from_slice(&answer.body).map_err(|error| garbled(environment, error.to_string()))?;
    let client = SIGN_IN_CLIENT.to_string();
    let form = form_encode(&[
        ("grant_type", "password"),
        ("client_id", &client),
        ("resource", environment.registration_audience),
        ("scope", "openid"),
        ("username", user),
        ("password", credential.password.expose_secret()),
    ]);
    // The address comes from outside: a password goes to no host but this cloud's sign-in.
    let same_cloud = http::endpoint_of(&metadata.token_endpoint).is_ok_and(|(endpoint, _)| {
        endpoint.host.eq_ignore_ascii_case(environment.login_host)
            || environment
                .login_aliases
                .iter()
                .any(|alias| endpoint.host.eq_ignore_ascii_case(alias))
    });
    if !same_cloud {
        return Err(garbled(
            environment,
            "the token endpoint is of another cloud".to_owned(),
        ));
    }
    let request = CloudRequest::post(metadata.token_endpoint, FORM, form.as_bytes().to_vec());
    let answer = http::send(platform, &request)
        .await
        .map_err(|error| unreachable(environment, &error))?;
    if !answer.status.is_success() {
        return Err(refused(environment, user, answer.status, &answer.text()));
    }
    let body = zeroize::Zeroizing::new(answer.text());
    let tokens = TokenResponse::from_json(&body).map_err(|error| garbled(environment, error.to_string()))?;
    Session::from_token(tokens.access_token)
}

fn unreachable(environment: &Environment, error: &CloudError) -> Failure {
    Failure::new(
        FailureKind::CloudUnreachable,
        format!(
            "Unable to sign in: {} cannot be reached. Check that outbound TCP 443 is open and that no proxy inspects TLS. ({error})",
            environment.login_host
        ),
        error,
    )
    .transient()
}

fn garbled(environment: &Environment, cause: String) -> Failure {
    Failure::new(
        FailureKind::SignIn,
        format!(
            "Unable to sign in: {} gave an answer that cannot be used.",
            environment.login_host
        ),
        cause,
    )
}

/// What an administrator can do about a code of the sign-in service (PR 3.3).
const REMEDIES: &[(u32, &str)] = &[
    (50126, "Check user name and password."),
    (50034, "Check the user name; the account is not in this tenant."),
    (50053, "The account is locked: wait, or reset its password."),
    (
        50055,
        "The password has expired: sign in to the portal once and choose a new one, then run the wizard again.",
    ),
    (50056, "Reset the account's password."),
    (
        50057,
        "The account is disabled: enable it or use another administrator.",
    ),
    (
        50076,
        "The account needs multifactor authentication: sign in interactively and use an access token.",
    ),
    (
        50079,
        "The account must enrol in multifactor authentication: sign in interactively and use an access token.",
    ),
    (
        53003,
        "Conditional Access blocks the sign-in: exclude the account or this server.",
    ),
];

fn refused(environment: &Environment, user: &str, status: ::http::StatusCode, body: &str) -> Failure {
    let Ok(error) = OAuthError::from_json(body) else {
        return garbled(environment, format!("HTTP {status}"));
    };
    let text = error.error_description.lines().next().unwrap_or_default();
    let code = error.error_codes.first().copied().unwrap_or_default();
    let remedy = if code == 90002 {
        wrong_cloud(environment)
    } else {
        REMEDIES
            .iter()
            .find(|(known, _)| *known == code)
            .map_or_else(String::new, |(_, remedy)| (*remedy).to_owned())
    };
    Failure::new(
        FailureKind::SignIn,
        format!(
            "Unable to sign in as '{user}' at {}: {text} {remedy}",
            environment.login_host
        )
        .trim_end()
        .to_owned(),
        format!("HTTP {status}, {} {code}", error.error),
    )
}

/// A tenant that this cloud does not know is most often a tenant of another cloud (CS 10).
fn wrong_cloud(environment: &Environment) -> String {
    let others: Vec<_> = ENVIRONMENTS
        .iter()
        .filter(|other| other.name != environment.name)
        .filter_map(|other| other.installer_switch)
        .map(|value| format!("ENVIRONMENTNAME={value}"))
        .collect();
    format!(
        "The agent is installed for {}. If the tenant is in another cloud, run the package again with {}.",
        environment.display_name,
        others.join(" or ")
    )
}
