//! Settings of a configuration that are kept as synchronization secrets (CS 6.2).

use http::Method;
use serde_json::{Map, Value, json};

use super::{Graph, GraphError};
use crate::scenario::JobTemplate;

/// What the cloud shows in place of a value that cannot be read back.
const HIDDEN: &str = "*";
/// The secret of notifications and the accidental delete prevention.
const NOTIFICATIONS: &str = "SyncNotificationSettings";

impl Graph {
    /// Sets one secret and keeps the others: the cloud takes the whole list only.
    ///
    /// # Errors
    /// The cloud's own answer, or that another secret cannot be read back and would be lost.
    pub async fn set_secret(&self, domain: &str, key: &str, value: &str) -> Result<(), GraphError> {
        let place = self.job(domain, JobTemplate::Ad2AadProvisioning).await?.secrets();
        let mut secrets = self.all(&place).await?;
        secrets.retain(|secret| secret["key"] != key);
        if let Some(hidden) = secrets.iter().find(|secret| secret["value"] == HIDDEN) {
            return Err(GraphError::Impossible(format!(
                "the secret {} of {domain} cannot be read back and would be lost by setting {key}",
                hidden["key"]
            )));
        }
        secrets.push(json!({ "key": key, "value": value }));
        self.call(Method::PUT, &place, Some(json!({ "value": secrets })))
            .await
            .map(drop)
    }

    /// Sets members of `SyncNotificationSettings` and keeps the others.
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn set_notification_settings(
        &self,
        domain: &str,
        change: Map<String, Value>,
    ) -> Result<(), GraphError> {
        let place = self.job(domain, JobTemplate::Ad2AadProvisioning).await?.secrets();
        let secrets = self.all(&place).await?;
        let before = secrets
            .iter()
            .find(|secret| secret["key"] == NOTIFICATIONS)
            .and_then(|secret| serde_json::from_str(secret["value"].as_str()?).ok());
        let mut settings: Map<String, Value> = before.unwrap_or_default();
        settings.extend(change);
        self.set_secret(domain, NOTIFICATIONS, &Value::Object(settings).to_string())
            .await
    }
}
