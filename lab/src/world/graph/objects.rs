//! Users and groups that live in the cloud.

use http::Method;
use serde_json::{Map, Value, json};

use super::{Graph, GraphError, form_encoded};

const USERS: &str = "/v1.0/users";
const GROUPS: &str = "/v1.0/groups";
const DELETED_USERS: &str = "/v1.0/directory/deletedItems/microsoft.graph.user";

impl Graph {
    /// Creates a user.
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn create_user(&self, properties: Map<String, Value>) -> Result<(), GraphError> {
        self.call(Method::POST, USERS, Some(Value::Object(properties)))
            .await
            .map(drop)
    }

    /// Changes a user.
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn change_user(&self, name: &str, properties: Map<String, Value>) -> Result<(), GraphError> {
        self.call(Method::PATCH, &user(name), Some(Value::Object(properties)))
            .await
            .map(drop)
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn delete_user(&self, name: &str) -> Result<(), GraphError> {
        self.call(Method::DELETE, &user(name), None).await.map(drop)
    }

    /// Restores the deleted user of that name.
    ///
    /// # Errors
    /// The cloud's own answer, or that there is none, or more than one.
    pub async fn restore_user(&self, name: &str) -> Result<(), GraphError> {
        let deleted = self
            .one(DELETED_USERS, "userPrincipalName", name, "deleted user")
            .await?;
        let path = format!("/v1.0/directory/deletedItems/{}/restore", id_of(&deleted));
        self.call(Method::POST, &path, None).await.map(drop)
    }

    /// Creates a group with members.
    ///
    /// # Errors
    /// The cloud's own answer.
    pub async fn create_group(
        &self,
        properties: Map<String, Value>,
        members: &[String],
    ) -> Result<(), GraphError> {
        let made = self
            .call(Method::POST, GROUPS, Some(Value::Object(properties)))
            .await?;
        self.add_members(id_of(&made), members).await
    }

    /// Changes a group, and adds members.
    ///
    /// # Errors
    /// The cloud's own answer, or that there is no such group, or more than one.
    pub async fn change_group(
        &self,
        name: &str,
        properties: Map<String, Value>,
        members: &[String],
    ) -> Result<(), GraphError> {
        let group = self.group(name).await?;
        if !properties.is_empty() {
            let path = format!("{GROUPS}/{group}");
            self.call(Method::PATCH, &path, Some(Value::Object(properties)))
                .await?;
        }
        self.add_members(&group, members).await
    }

    /// Deletes a group.
    ///
    /// # Errors
    /// The cloud's own answer, or that there is no such group, or more than one.
    pub async fn delete_group(&self, name: &str) -> Result<(), GraphError> {
        let path = format!("{GROUPS}/{}", self.group(name).await?);
        self.call(Method::DELETE, &path, None).await.map(drop)
    }

    /// Puts a user or group into a group.
    ///
    /// # Errors
    /// The cloud's own answer, or that one of the two is not there.
    pub async fn add_member(&self, group: &str, member: &str) -> Result<(), GraphError> {
        let group = self.group(group).await?;
        self.add_members(&group, &[member.to_owned()]).await
    }

    /// Takes a user or group out of a group.
    ///
    /// # Errors
    /// The cloud's own answer, or that one of the two is not there.
    pub async fn remove_member(&self, group: &str, member: &str) -> Result<(), GraphError> {
        let (group, member) = (self.group(group).await?, self.object(member).await?);
        let path = format!("{GROUPS}/{group}/members/{member}/$ref");
        self.call(Method::DELETE, &path, None).await.map(drop)
    }

    async fn add_members(&self, group: &str, members: &[String]) -> Result<(), GraphError> {
        let path = format!("{GROUPS}/{group}/members/$ref");
        for member in members {
            let id = self.object(member).await?;
            let address = format!(
                "https://{}/v1.0/directoryObjects/{id}",
                self.environment.graph_host
            );
            self.call(Method::POST, &path, Some(json!({ "@odata.id": address })))
                .await?;
        }
        Ok(())
    }

    /// Object id of a group by its display name.
    pub(super) async fn group(&self, name: &str) -> Result<String, GraphError> {
        let found = self.one(GROUPS, "displayName", name, "group").await?;
        Ok(id_of(&found).to_owned())
    }

    /// Object id of a user by its name, or of a group by its display name.
    pub(super) async fn object(&self, name: &str) -> Result<String, GraphError> {
        if !name.contains('@') {
            return self.group(name).await;
        }
        let found = self.get(&user(name)).await?;
        Ok(id_of(&found).to_owned())
    }
}

fn user(name: &str) -> String {
    format!("{USERS}/{}", form_encoded(name))
}

fn id_of(object: &Value) -> &str {
    object["id"].as_str().unwrap_or_default()
}
