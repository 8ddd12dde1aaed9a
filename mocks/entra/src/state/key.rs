//! Private keys of the cloud itself: they outlive a restart, or every token and certificate would die with it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{GLOBAL, Row, SecretText};

/// A private key by name, such as `token-signing`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SigningKey {
    /// What it signs.
    pub name: String,
    /// PKCS#8 in base64.
    pub pkcs8: SecretText,
}

impl Row for SigningKey {
    const TABLE: &'static str = "keys";
    fn tenant(&self) -> Uuid {
        GLOBAL
    }
    fn id(&self) -> String {
        self.name.clone()
    }
}
