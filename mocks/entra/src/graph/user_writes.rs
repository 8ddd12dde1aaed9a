//! Users that live in the cloud: made, changed and deleted by an administrator (PR 10, Graph reference of user).

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::GraphError;
use super::properties::{Settings, USER};
use super::request::{JsonBody, Request};
use super::users::{entity, find};
use crate::state::{Cloud, CredentialState, Group, PasswordVerifier, Tenant, User};

/// Fewest and most characters of a password.
const PASSWORD_LENGTHS: std::ops::RangeInclusive<usize> = 8..=256;
/// Of how many of the four classes of characters a password must have some.
const PASSWORD_CLASSES: usize = 3;
/// Characters of the part before the `@` beside letters and digits.
const NAME_MARKS: &str = "'.-_!#^~";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PasswordProfile {
    password: SecretString,
    #[serde(default)]
    force_change_password_next_sign_in: bool,
    #[serde(default)]
    #[expect(dead_code, reason = "a second factor is asked for by another switch")]
    force_change_password_next_sign_in_with_mfa: bool,
}

pub(super) async fn create(
    request: Request,
    JsonBody(mut body): JsonBody<Map<String, Value>>,
) -> Result<(StatusCode, Json<Value>), GraphError> {
    let profile = body.remove("passwordProfile");
    let settings = USER.new_object(&body)?;
    let profile = profile.ok_or_else(|| USER.required("passwordProfile"))?;
    let credential = credential(&request, profile)?;
    let mut user = User::new(request.tenant, request.shared.uuid(), "", request.shared.now());
    user.credential = Some(credential);
    request.shared.db.write(|txn| {
        apply(txn.cloud(), &mut user, settings)?;
        let answer = entity(&request, &user)?;
        txn.put(user);
        Ok((StatusCode::CREATED, answer))
    })
}

pub(super) async fn change(
    request: Request,
    Path(id): Path<String>,
    JsonBody(mut body): JsonBody<Map<String, Value>>,
) -> Result<StatusCode, GraphError> {
    let profile = body.remove("passwordProfile");
    request.shared.db.write(|txn| {
        let mut user = find(txn.cloud(), request.tenant, &id)?.clone();
        let synchronized = is_synchronized(&user);
        let settings = USER.change(&body, synchronized)?;
        if let Some(profile) = profile {
            if synchronized {
                return Err(GraphError::on_premises_mastered());
            }
            user.credential = Some(credential(&request, profile)?);
        }
        apply(txn.cloud(), &mut user, settings)?;
        txn.put(user);
        Ok(StatusCode::NO_CONTENT)
    })
}

/// Soft-deletes a user; a synchronized one too, which is how leftovers of synchronization are removed by hand.
pub(super) async fn delete(request: Request, Path(id): Path<String>) -> Result<StatusCode, GraphError> {
    let now = request.shared.now();
    request.shared.db.write(|txn| {
        let mut user = find(txn.cloud(), request.tenant, &id)?.clone();
        user.deleted = Some(now);
        txn.put(user);
        Ok(StatusCode::NO_CONTENT)
    })
}

/// Whether the directory is the source of authority for the user.
pub(super) fn is_synchronized(user: &User) -> bool {
    user.on_premises
        .as_ref()
        .is_some_and(|origin| origin.sync_enabled)
}

fn apply(cloud: &Cloud, user: &mut User, settings: Settings) -> Result<(), GraphError> {
    let tenant = cloud
        .tenants
        .get(user.tenant, &user.tenant.to_string())
        .ok_or_else(|| GraphError::not_found(&user.tenant.to_string()))?;
    for (name, value) in settings {
        let text = value.as_str().map(str::to_owned);
        match name {
            "accountEnabled" => user.account_enabled = value.as_bool().unwrap_or(user.account_enabled),
            "displayName" => user.display_name = text,
            "mailNickname" => user.mail_nickname = text,
            "userPrincipalName" => {
                let upn = text.unwrap_or_default();
                check_upn(cloud, tenant, &upn, user.id)?;
                user.user_principal_name = upn;
            }
            "mail" => set_mail(cloud, user, text)?,
            _ if value.is_null() => {
                user.properties.remove(name);
            }
            _ => {
                user.properties.insert(name.to_owned(), value);
            }
        }
    }
    Ok(())
}

fn check_upn(cloud: &Cloud, tenant: &Tenant, upn: &str, own: Uuid) -> Result<(), GraphError> {
    let (alias, domain) = upn.rsplit_once('@').unwrap_or_default();
    let allowed = |sign: char| sign.is_ascii_alphanumeric() || NAME_MARKS.contains(sign);
    if alias.is_empty() || !alias.chars().all(allowed) || alias.ends_with('.') {
        return Err(GraphError::bad_request("Property userPrincipalName is invalid."));
    }
    if !tenant.owns_domain(domain) {
        return Err(GraphError::bad_request(
            "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain \
             names in your organization.",
        ));
    }
    match cloud.user_named(tenant.id, upn) {
        Some(other) if other.id != own => Err(GraphError::conflict("userPrincipalName")),
        _ => Ok(()),
    }
}

/// The primary address follows `mail`; the one before stays as a further address.
fn set_mail(cloud: &Cloud, user: &mut User, mail: Option<String>) -> Result<(), GraphError> {
    let Some(mail) = mail else {
        user.mail = None;
        return Ok(());
    };
    if !mail
        .split_once('@')
        .is_some_and(|(alias, domain)| !alias.is_empty() && domain.contains('.'))
    {
        return Err(USER.invalid("mail"));
    }
    check_address(cloud, user.tenant, &mail, user.id)?;
    let is_it = |address: &String| {
        address
            .get(5..)
            .is_some_and(|bare| bare.eq_ignore_ascii_case(&mail))
    };
    user.proxy_addresses.retain(|address| !is_it(address));
    for address in &mut user.proxy_addresses {
        if let Some(bare) = address.strip_prefix("SMTP:") {
            *address = format!("smtp:{bare}");
        }
    }
    user.proxy_addresses.insert(0, format!("SMTP:{mail}"));
    user.mail = Some(mail);
    Ok(())
}

/// Refuses an address that another live object of the tenant has.
pub(super) fn check_address(cloud: &Cloud, tenant: Uuid, address: &str, own: Uuid) -> Result<(), GraphError> {
    let key = address.to_lowercase();
    let users = cloud.users.find(tenant, User::BY_ADDRESS, &key);
    let groups = cloud.groups.find(tenant, Group::BY_ADDRESS, &key);
    let mut holders = users
        .filter(|user| user.deleted.is_none())
        .map(|user| user.id)
        .chain(
            groups
                .filter(|group| group.deleted.is_none())
                .map(|group| group.id),
        );
    if holders.any(|id| id != own) {
        return Err(GraphError::conflict("proxyAddresses"));
    }
    Ok(())
}

fn credential(request: &Request, profile: Value) -> Result<CredentialState, GraphError> {
    let profile: PasswordProfile =
        serde_json::from_value(profile).map_err(|_| USER.invalid("passwordProfile"))?;
    if !is_strong(&profile.password) {
        return Err(GraphError::bad_request(
            "The specified password does not comply with password complexity requirements. Please provide a different \
             password.",
        ));
    }
    Ok(CredentialState {
        verifier: PasswordVerifier::new(&profile.password, &request.shared.platform.entropy),
        // A password that must be changed first cannot be used by a headless client any more than an expired one.
        expired: profile.force_change_password_next_sign_in,
        multi_factor: false,
        blocked: false,
    })
}

fn is_strong(password: &SecretString) -> bool {
    use secrecy::ExposeSecret as _;

    let password = password.expose_secret();
    let classes: [fn(char) -> bool; 4] = [
        |sign| sign.is_lowercase(),
        |sign| sign.is_uppercase(),
        |sign| sign.is_numeric(),
        |sign| !sign.is_alphanumeric(),
    ];
    let used = classes
        .iter()
        .filter(|class| password.chars().any(**class))
        .count();
    PASSWORD_LENGTHS.contains(&password.chars().count()) && used >= PASSWORD_CLASSES
}
