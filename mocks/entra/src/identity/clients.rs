//! Who may ask for tokens: the product's own clients and the tenants' applications.

use provlab_protocol::oauth::{AD_CONNECT_CLIENT_ID, APP_PROXY_CONNECTOR_CLIENT_ID, POWERSHELL_CLIENT_ID};
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::{Uuid, uuid};

use super::error::Failure;
use crate::state::{Application, Cloud, Tenant};

/// A public client that exists in every tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstPartyClient {
    /// Client id.
    pub id: Uuid,
    /// Display name.
    pub name: &'static str,
}

/// The clients of PR 2, and the two command lines of Microsoft that people sign in with.
pub const FIRST_PARTY_CLIENTS: [FirstPartyClient; 5] = [
    FirstPartyClient {
        id: AD_CONNECT_CLIENT_ID,
        name: "Microsoft Azure Active Directory Connect",
    },
    FirstPartyClient {
        id: APP_PROXY_CONNECTOR_CLIENT_ID,
        name: "Microsoft Entra Application Proxy Connector",
    },
    FirstPartyClient {
        id: POWERSHELL_CLIENT_ID,
        name: "Azure Active Directory PowerShell",
    },
    FirstPartyClient {
        id: uuid!("04b07795-8ddb-461a-bbee-02f9e1bf7b46"),
        name: "Microsoft Azure CLI",
    },
    FirstPartyClient {
        id: uuid!("14d82eec-204b-4c2f-b7e8-296a70dab67e"),
        name: "Microsoft Graph Command Line Tools",
    },
];

/// Graph permissions that a first-party client holds for whoever signs in; what the user may do is decided by
/// directory roles besides.
pub const DELEGATED_PERMISSIONS: [&str; 12] = [
    "Application.ReadWrite.All",
    "AuditLog.Read.All",
    "Directory.ReadWrite.All",
    "Domain.ReadWrite.All",
    "Group.ReadWrite.All",
    "OnPremDirectorySynchronization.ReadWrite.All",
    "OnPremisesPublishingProfiles.ReadWrite.All",
    "Organization.ReadWrite.All",
    "Synchronization.ReadWrite.All",
    "User.Read",
    "User.ReadWrite.All",
    "UserAuthenticationMethod.ReadWrite.All",
];

/// The one permission of the registration audience.
pub(super) const USER_IMPERSONATION: &str = "user_impersonation";

/// A client that was found in a tenant.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) id: Uuid,
    pub(super) name: String,
    application: Option<Application>,
}

/// How a client proved who it is: `appidacr` of its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    None,
    Secret,
}

impl Client {
    pub(super) fn find(cloud: &Cloud, tenant: &Tenant, client_id: &str) -> Result<Self, Failure> {
        let unknown = || {
            Failure::new(700_016)
                .with("appId", super::tenants::shortened(client_id))
                .with("tenant", &*tenant.display_name)
        };
        let id: Uuid = client_id.parse().map_err(|_| unknown())?;
        if let Some(application) = cloud
            .applications
            .find(tenant.id, Application::BY_APP_ID, &id.to_string())
            .next()
        {
            return Ok(Self {
                id,
                name: application.display_name.clone(),
                application: Some(application.clone()),
            });
        }
        FIRST_PARTY_CLIENTS
            .iter()
            .find(|client| client.id == id)
            .map(|client| Self {
                id,
                name: client.name.to_owned(),
                application: None,
            })
            .ok_or_else(unknown)
    }

    /// Checks the client secret; a client that has none must not need one.
    pub(super) fn prove(&self, secret: Option<&SecretString>, now: OffsetDateTime) -> Result<Proof, Failure> {
        let secrets = self
            .application
            .as_ref()
            .map_or(&[][..], |application| &application.secrets[..]);
        let Some(secret) = secret else {
            return if secrets.is_empty() {
                Ok(Proof::None)
            } else {
                Err(Failure::new(7_000_218))
            };
        };
        let Some(known) = secrets.iter().find(|known| known.verifier.accepts(secret)) else {
            return Err(Failure::new(7_000_215).with("appId", self.id.to_string()));
        };
        if known.expires.is_some_and(|expires| expires <= now) {
            return Err(Failure::new(7_000_222).with("appId", self.id.to_string()));
        }
        Ok(Proof::Secret)
    }

    /// Delegated permissions with consent.
    pub(super) fn delegated(&self) -> Vec<String> {
        match &self.application {
            Some(application) => application.delegated_permissions.clone(),
            None => DELEGATED_PERMISSIONS
                .iter()
                .chain(std::iter::once(&USER_IMPERSONATION))
                .map(|name| (*name).to_owned())
                .collect(),
        }
    }

    /// Application permissions with consent.
    pub(super) fn application_permissions(&self) -> Vec<String> {
        self.application
            .as_ref()
            .map(|application| application.application_permissions.clone())
            .unwrap_or_default()
    }

    /// Whether an authorization code may be sent to `uri`: a registered address, or else a loopback one.
    pub(super) fn may_redirect_to(&self, uri: &str) -> bool {
        let registered = self
            .application
            .as_ref()
            .map_or(&[][..], |application| &application.redirect_uris[..]);
        if registered.is_empty() {
            return is_loopback(uri) || uri.starts_with("urn:ietf:wg:oauth:2.0:oob");
        }
        registered.iter().any(|known| known == uri)
    }
}

fn is_loopback(uri: &str) -> bool {
    let Some(rest) = uri
        .strip_prefix("http://")
        .or_else(|| uri.strip_prefix("https://"))
    else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority
        .strip_prefix("[::1]")
        .map_or_else(|| authority.split(':').next().unwrap_or_default(), |_| "::1");
    !authority.contains('@') && ["localhost", "127.0.0.1", "::1"].contains(&host)
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_loopback_is_loopback() {
        for (uri, expected) in [
            ("http://localhost:8400/cb", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:9/", true),
            ("http://localhost.evil.example/", false),
            ("http://localhost@evil.example/", false),
            ("ftp://localhost/", false),
        ] {
            assert_eq!(is_loopback(uri), expected, "{uri}");
        }
    }
}
