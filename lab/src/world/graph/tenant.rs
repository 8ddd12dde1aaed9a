//! The tenant itself: its id, its synchronization features, its domain names and its provisioning log (CS 6.7, 6.8).

use http::{Method, StatusCode};
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{Graph, GraphError, equals, form_encoded};

impl Graph {
    pub(super) async fn tenant_id(&self) -> Result<String, GraphError> {
        let organizations = self.get("/beta/organization").await?;
        Ok(organizations["value"][0]["id"]
            .as_str()
            .unwrap_or(&self.tenant_domain)
            .to_owned())
    }

    /// Switches synchronization features.
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn set_features(&self, set: &IndexMap<String, bool>) -> Result<(), GraphError> {
        self.change_synchronization(json!({ "features": set })).await
    }

    /// Sets the guard against accidental deletions; without a threshold it stays what it was.
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn set_deletion_guard(&self, kind: &str, threshold: Option<u32>) -> Result<(), GraphError> {
        let mut prevention = json!({ "synchronizationPreventionType": kind });
        if let Some(threshold) = threshold {
            prevention["alertThreshold"] = json!(threshold);
        }
        let configuration = json!({ "accidentalDeletionPrevention": prevention });
        self.change_synchronization(json!({ "configuration": configuration }))
            .await
    }

    async fn change_synchronization(&self, change: Value) -> Result<(), GraphError> {
        let path = format!(
            "/v1.0/directory/onPremisesSynchronization/{}",
            self.tenant_id().await?
        );
        self.call(Method::PATCH, &path, Some(change)).await.map(drop)
    }

    /// Adds a domain name, unless it is there, and verifies it.
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn verify_domain(&self, name: &str) -> Result<(), GraphError> {
        let path = format!("/v1.0/domains/{}", form_encoded(name));
        let known = match self.get(&path).await {
            Ok(domain) => domain,
            Err(GraphError::Refused {
                status: StatusCode::NOT_FOUND,
                ..
            }) => {
                self.call(Method::POST, "/v1.0/domains", Some(json!({ "id": name })))
                    .await?
            }
            Err(error) => return Err(error),
        };
        // The part of a verified domain is verified with it.
        if known["isVerified"] == true {
            return Ok(());
        }
        self.call(Method::POST, &format!("{path}/verify"), None)
            .await
            .map(drop)
    }

    /// Entries of the provisioning log with this action.
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn provisioning_log(&self, action: &str) -> Result<Vec<Value>, GraphError> {
        let filter = equals("provisioningAction", action);
        self.all(&format!("/beta/auditLogs/provisioning?$filter={filter}"))
            .await
    }
}
