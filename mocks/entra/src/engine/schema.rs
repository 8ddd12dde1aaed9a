//! The synchronization schema of a new job, as `GET …/schema` shows it (CS 6.4): made from the mapping table, so the two cannot differ.

use serde_json::{Value, json};
use uuid::Uuid;

use super::mapping::{EXTENSIONS, GROUP, Mapping, Rule, USER};

/// `sourceDirectoryName` of every rule.
const SOURCE: &str = "Active Directory";
/// `targetDirectoryName` of every rule.
const TARGET: &str = "Azure Active Directory";

/// The default schema of a job. `id` identifies the schema and its only rule.
#[must_use]
pub fn default_schema(id: Uuid) -> Value {
    json!({
        "id": id.to_string(),
        "version": "v1",
        "provisioningTaskIdentifier": "AD2AADProvisioning",
        "directories": [directory(SOURCE, &["user", "inetOrgPerson", "group"]), directory(TARGET, &["User", "Group"])],
        "synchronizationRules": [{
            "id": id.simple().to_string(),
            "name": "AD2AADProvisioning",
            "priority": 1,
            "editable": true,
            "metadata": [],
            "sourceDirectoryName": SOURCE,
            "targetDirectoryName": TARGET,
            "objectMappings": [
                object_mapping("Provision Active Directory users", "user", "User", USER, "manager", "Manager"),
                object_mapping("Provision Active Directory inetOrgPersons", "inetOrgPerson", "User", USER, "manager", "Manager"),
                object_mapping("Provision Active Directory groups", "group", "Group", GROUP, "member", "Members"),
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

fn object_mapping(
    name: &str,
    source: &str,
    target: &str,
    rows: &[Mapping],
    reference: &str,
    to: &str,
) -> Value {
    let mut attributes: Vec<Value> = Vec::new();
    let mut seen = Vec::new();
    for row in rows.iter().chain(&EXTENSIONS) {
        // Two rows of one target are one mapping with a fallback; its first source names it.
        if !seen.contains(&row.target) {
            seen.push(row.target);
            attributes.push(attribute_mapping(row.target, row.source, row.rule));
        }
    }
    attributes.push(attribute_mapping(to, reference, Rule::All));
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

fn attribute_mapping(target: &str, source: &str, rule: Rule) -> Value {
    let function = match rule {
        Rule::Trim => Some(("Trim", format!("Trim([{source}])"))),
        Rule::Special if target == "AccountEnabled" => {
            Some(("Not", "Not(BitAnd([userAccountControl],2))".to_owned()))
        }
        Rule::Special if target == "SourceAnchor" => Some((
            "Coalesce",
            "Coalesce([mS-DS-ConsistencyGuid],[objectGUID])".to_owned(),
        )),
        _ => None,
    };
    let (kind, name, expression) = match function {
        Some((name, expression)) => ("Function", name.to_owned(), expression),
        None => ("Attribute", source.to_owned(), format!("[{source}]")),
    };
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
        let schema = default_schema(Uuid::nil());
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
    }
}
