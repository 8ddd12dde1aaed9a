//! Provisioning on demand (CS 5.7, 6.5).

use http::Method;
use serde_json::{Value, json};

use super::{Graph, GraphError};
use crate::scenario::JobTemplate;

/// One object as a request names it.
pub struct Subject {
    /// Distinguished name of a directory object, object id of a cloud object.
    pub id: String,
    /// `user` or `group`.
    pub kind: &'static str,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct OnDemandAnswer {
    /// `key`: result and error.
    pub result: Value,
    /// `value`: action, steps, modified properties.
    pub details: Value,
}

impl Graph {
    /// Object id of a user or group of the cloud, as group provisioning names its subjects.
    ///
    /// # Errors
    /// The cloud's own answer, or that there is none.
    pub async fn cloud_subject(&self, name: &str) -> Result<Subject, GraphError> {
        Ok(Subject {
            id: self.object(name).await?,
            kind: if name.contains('@') { "User" } else { "Group" },
        })
    }

    /// Provisions one object at once, with members of a group.
    ///
    /// # Errors
    /// The cloud's own answer; a failure of the provisioning itself is an answer.
    pub async fn provision_on_demand(
        &self,
        domain: &str,
        template: JobTemplate,
        subject: &Subject,
        members: &[Subject],
    ) -> Result<OnDemandAnswer, GraphError> {
        let place = self.job(domain, template).await?;
        let schema = self.get(&place.schema()).await?;
        let named = |subject: &Subject| json!({ "objectId": subject.id, "objectTypeName": subject.kind });
        let mut subjects = named(subject);
        if !members.is_empty() {
            subjects["links"] = json!({ "members": members.iter().map(named).collect::<Vec<_>>() });
        }
        let body = json!({ "parameters": [{
            "ruleId": schema["synchronizationRules"][0]["id"],
            "subjects": [subjects],
        }]});
        let path = format!("{}/provisionOnDemand", place.job);
        let answer = self.call(Method::POST, &path, Some(body)).await?;
        let parsed = |name: &str| {
            let text = answer[name].as_str().unwrap_or_default();
            serde_json::from_str(text).unwrap_or(Value::Null)
        };
        Ok(OnDemandAnswer {
            result: parsed("key"),
            details: parsed("value"),
        })
    }
}
