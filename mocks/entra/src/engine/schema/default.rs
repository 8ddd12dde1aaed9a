//! The synchronization schema of a new job, as `GET …/schema` shows it (CS 6.4): made from the rows, so the two cannot differ.

use serde_json::{Value, json};
use uuid::Uuid;

use super::rows::{CONTACT, EXTENSIONS, From, GROUP, IDENTITY, Row, USER, USER_ASSUMED};
use crate::assumptions::{Assumptions, names};

/// `sourceDirectoryName` of every rule.
const SOURCE: &str = "Active Directory";
/// `targetDirectoryName` of every rule.
const TARGET: &str = "Azure Active Directory";

/// The default schema of a job. `id` identifies the schema and its only rule.
#[must_use]
pub fn default_schema(id: Uuid, assumptions: &Assumptions) -> Value {
    let assumed: &[Row] = if assumptions.holds(names::CONNECT_ATTRIBUTES) {
        USER_ASSUMED
    } else {
        &[]
    };
    let extensions: Vec<(String, String)> = (1..=EXTENSIONS)
        .map(|n| {
            (
                format!("ExtensionAttribute{n}"),
                format!("Trim([extensionAttribute{n}])"),
            )
        })
        .collect();
    let class = |rows: &[&[Row]], with_extensions: bool, reference: (&str, &str)| {
        let mut all: Vec<Value> = rows.iter().flat_map(|rows| rows.iter()).map(from_row).collect();
        if with_extensions {
            let trimmed = |(target, trim): &(String, String)| mapping(target, "Function", "Trim", trim);
            all.extend(extensions.iter().map(trimmed));
        }
        let (target, source) = reference;
        all.push(mapping(target, "Attribute", source, &format!("[{source}]")));
        all
    };
    let users = class(&[IDENTITY, USER, assumed], true, ("Manager", "manager"));
    let groups = class(&[IDENTITY, GROUP], true, ("Members", "member"));
    let contacts = class(&[IDENTITY, CONTACT], false, ("Manager", "manager"));
    json!({
        "id": id.to_string(),
        "version": "v1",
        "provisioningTaskIdentifier": "AD2AADProvisioning",
        "directories": [
            directory(SOURCE, &["user", "inetOrgPerson", "group", "contact"]),
            directory(TARGET, &["User", "Group", "Contact"]),
        ],
        "synchronizationRules": [{
            "id": id.simple().to_string(),
            "name": "AD2AADProvisioning",
            "priority": 1,
            "editable": true,
            "metadata": [],
            "sourceDirectoryName": SOURCE,
            "targetDirectoryName": TARGET,
            "containerFilter": { "includedContainers": [] },
            "groupFilter": { "includedGroups": [] },
            "objectMappings": [
                object("Provision Active Directory users", "user", "User", &users),
                object("Provision Active Directory inetOrgPersons", "inetOrgPerson", "User", &users),
                object("Provision Active Directory groups", "group", "Group", &groups),
                object("Provision Active Directory contacts", "contact", "Contact", &contacts),
            ],
        }],
    })
}

fn directory(name: &str, objects: &[&str]) -> Value {
    let objects: Vec<Value> = objects
        .iter()
        .map(|name| json!({ "name": name, "attributes": [] }))
        .collect();
    json!({ "id": name, "name": name, "objects": objects })
}

fn object(name: &str, source: &str, target: &str, attributes: &[Value]) -> Value {
    json!({
        "enabled": true,
        "flowTypes": "Add,Update,Delete",
        "name": name,
        "sourceObjectName": source,
        "targetObjectName": target,
        "scope": null,
        "attributeMappings": attributes,
        "metadata": [],
    })
}

fn from_row(row: &Row) -> Value {
    match row.source {
        From::Attribute(name) => mapping(row.target, "Attribute", name, &format!("[{name}]")),
        From::Function(name, expression) => mapping(row.target, "Function", name, expression),
    }
}

fn mapping(target: &str, kind: &str, name: &str, expression: &str) -> Value {
    json!({
        "defaultValue": null,
        "exportMissingReferences": false,
        "flowBehavior": "FlowWhenChanged",
        "flowType": "Always",
        "matchingPriority": u8::from(target == "SourceAnchor"),
        "targetAttributeName": target,
        "source": { "expression": expression, "name": name, "type": kind, "parameters": [] },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_have_the_published_shape() {
        let schema = default_schema(Uuid::nil(), &Assumptions::default());
        let users = &schema["synchronizationRules"][0]["objectMappings"][0];
        assert_eq!(users["name"], "Provision Active Directory users");
        let mappings = users["attributeMappings"].as_array().cloned().unwrap_or_default();
        let named = |name: &str| {
            mappings
                .iter()
                .filter(|m| m["targetAttributeName"] == name)
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(
            named("DisplayName"),
            vec![json!({
                "defaultValue": null, "exportMissingReferences": false, "flowBehavior": "FlowWhenChanged",
                "flowType": "Always", "matchingPriority": 0, "targetAttributeName": "DisplayName",
                "source": {"expression": "[displayName]", "name": "displayName", "type": "Attribute", "parameters": []}
            })]
        );
        assert_eq!(named("SourceAnchor").len(), 1);
        assert_eq!(
            named("ExtensionAttribute3")[0]["source"]["expression"],
            "Trim([extensionAttribute3])"
        );
        assert_eq!(named("Department").len(), 1);
        let without = Assumptions([(names::CONNECT_ATTRIBUTES.to_owned(), false)].into());
        let text =
            default_schema(Uuid::nil(), &without)["synchronizationRules"][0]["objectMappings"][0].to_string();
        assert!(!text.contains("Department"));
    }
}
