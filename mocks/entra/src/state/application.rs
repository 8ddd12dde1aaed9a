//! Applications, service principals and the synchronization secrets on them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{PasswordVerifier, Row, SecretText};

/// An application object: a client that may ask for tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Application {
    /// Owning tenant.
    pub tenant: Uuid,
    /// Object id.
    pub id: Uuid,
    /// Client id.
    pub app_id: Uuid,
    /// Display name.
    pub display_name: String,
    /// The template it was instantiated from.
    pub application_template_id: Option<Uuid>,
    /// Client secrets.
    pub secrets: Vec<ClientSecret>,
    /// Application permissions that an admin consented to (`roles` of an app-only token).
    pub application_permissions: Vec<String>,
    /// Delegated permissions that an admin consented to (`scp` of a user's token).
    pub delegated_permissions: Vec<String>,
    /// Addresses that an authorization code may be sent to; empty allows any loopback address.
    pub redirect_uris: Vec<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
}

impl Application {
    /// Index by client id.
    pub const BY_APP_ID: &'static str = "app-id";
}

impl Row for Application {
    const TABLE: &'static str = "applications";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn keys(&self) -> Vec<(&'static str, String)> {
        vec![(Self::BY_APP_ID, self.app_id.to_string())]
    }
}

/// A client secret of an application.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClientSecret {
    /// Checks the secret; the secret itself is not kept.
    pub verifier: PasswordVerifier,
    /// When it stops to work (AADSTS7000222).
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires: Option<OffsetDateTime>,
}

/// A service principal; a cloud sync configuration is one of these (CS 1.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServicePrincipal {
    /// Owning tenant.
    pub tenant: Uuid,
    /// Object id.
    pub id: Uuid,
    /// Client id of its application.
    pub app_id: Uuid,
    /// Display name; for a configuration, the name of the domain.
    pub display_name: String,
    /// The template it was instantiated from.
    pub application_template_id: Option<Uuid>,
    /// `servicePrincipalNames`.
    pub service_principal_names: Vec<String>,
    /// Whether it may be used.
    pub account_enabled: bool,
    /// Synchronization secrets in the order they were written (CS 6.2).
    pub secrets: Vec<SynchronizationSecret>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
}

impl ServicePrincipal {
    /// Index by client id.
    pub const BY_APP_ID: &'static str = "app-id";

    /// The value of a synchronization secret.
    #[must_use]
    pub fn secret(&self, key: &str) -> Option<&str> {
        self.secrets
            .iter()
            .find(|secret| secret.key == key)
            .map(|secret| secret.value.expose())
    }

    /// The domain named by the `Domain` secret, `{"domain":"CONTOSO.COM"}`, in lower case.
    #[must_use]
    pub fn domain(&self) -> Option<String> {
        let value: serde_json::Value = serde_json::from_str(self.secret("Domain")?).ok()?;
        Some(value.get("domain")?.as_str()?.to_lowercase())
    }
}

impl Row for ServicePrincipal {
    const TABLE: &'static str = "service-principals";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn keys(&self) -> Vec<(&'static str, String)> {
        vec![(Self::BY_APP_ID, self.app_id.to_string())]
    }
}

/// One key and value of `synchronization/secrets`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SynchronizationSecret {
    /// Name out of the key enumeration of CS 6.2.
    pub key: String,
    /// Its value, often JSON as text.
    pub value: SecretText,
}
