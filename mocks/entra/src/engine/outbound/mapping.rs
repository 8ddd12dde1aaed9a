//! The default mappings of group provisioning to Active Directory as data (CS 5.10), and the schema that is made of them.

use serde_json::{Value, json};
use uuid::Uuid;

use provlab_protocol::dn::Dn;
use provlab_protocol::scim::{EXTERNAL_ID_ATTRIBUTE, NAME_ATTRIBUTE, PARENT_ATTRIBUTE};

/// `sourceDirectoryName` of the rule.
const SOURCE: &str = "Azure Active Directory";
/// `targetDirectoryName` of the rule, and the id of the directory in the schema.
pub(super) const TARGET: &str = "Active Directory";
/// Class of the source, as Graph's schemas name it.
pub(super) const SOURCE_OBJECT: &str = "Group";
/// Class of the target.
pub(super) const TARGET_OBJECT: &str = "group";

/// What groups are joined by (PR 10).
pub(super) const JOIN_KEY: &str = r#"Append("Group_",[objectId])"#;
/// `member`: takes the members as references and nothing else.
pub(super) const MEMBER: &str = "member";
/// Source attribute of [`MEMBER`].
pub(super) const MEMBERS: &str = "members";
/// Targets that say what kind of group it is; there is one kind.
pub(super) const FIXED: [&str; 2] = ["isSecurityGroup", "UniversalScope"];
/// The directory's own anchor: listed, and never written.
pub(super) const ANCHOR: &str = "objectGUID";

/// Where a value comes from.
enum From {
    Attribute(&'static str),
    Constant(&'static str),
    /// Outermost function and the whole expression.
    Function(&'static str, &'static str),
    /// `OU=Users` of the domain: what the portal proposes, although a new domain has no such unit (CS 5.10).
    Container,
}

/// Target attribute, source.
const ROWS: [(&str, From); 9] = [
    ("adminDescription", From::Function("Append", JOIN_KEY)),
    (
        NAME_ATTRIBUTE,
        From::Function(
            "Append",
            r#"Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))"#,
        ),
    ),
    (
        "description",
        From::Function("Left", "Left(Trim([description]),448)"),
    ),
    ("displayName", From::Attribute("displayName")),
    (FIXED[0], From::Constant("True")),
    (FIXED[1], From::Constant("True")),
    (MEMBER, From::Attribute(MEMBERS)),
    (EXTERNAL_ID_ATTRIBUTE, From::Function("Append", JOIN_KEY)),
    (PARENT_ATTRIBUTE, From::Container),
];

/// The default schema of a job for a domain. `id` identifies the schema and its only rule. Names of rule and mapping are (inferred).
pub(super) fn default_schema(id: Uuid, domain: Option<&str>) -> Value {
    let container = domain
        .and_then(|domain| Dn::from_dns(domain).ok())
        .map_or_else(|| "OU=Users".to_owned(), |root| format!("OU=Users,{root}"));
    let mappings: Vec<Value> = ROWS.iter().map(|row| mapping(row, &container)).collect();
    json!({
        "id": id.to_string(),
        "version": "v1",
        "provisioningTaskIdentifier": super::TEMPLATE,
        "directories": [
            { "id": SOURCE, "name": SOURCE, "objects": [{ "name": SOURCE_OBJECT, "attributes": [] }] },
            { "id": TARGET, "name": TARGET, "objects": [{ "name": TARGET_OBJECT, "attributes": [] }] },
        ],
        "synchronizationRules": [{
            "id": id.simple().to_string(),
            "name": super::TEMPLATE,
            "priority": 1,
            "editable": true,
            "metadata": [],
            "sourceDirectoryName": SOURCE,
            "targetDirectoryName": TARGET,
            "groupFilter": { "includedGroups": [] },
            "objectMappings": [{
                "enabled": true,
                "flowTypes": "Add,Update,Delete",
                "name": "Provision Azure Active Directory Groups",
                "sourceObjectName": SOURCE_OBJECT,
                "targetObjectName": TARGET_OBJECT,
                "scope": null,
                "attributeMappings": mappings,
                "metadata": [],
            }],
        }],
    })
}

fn mapping((target, source): &(&str, From), container: &str) -> Value {
    let (kind, name, expression) = match source {
        From::Attribute(name) => ("Attribute", *name, format!("[{name}]")),
        From::Constant(text) => ("Constant", *text, format!("\"{text}\"")),
        From::Function(name, expression) => ("Function", *name, (*expression).to_owned()),
        From::Container => ("Constant", container, format!("\"{container}\"")),
    };
    json!({
        "defaultValue": null,
        "exportMissingReferences": false,
        "flowBehavior": "FlowWhenChanged",
        "flowType": "Always",
        "matchingPriority": u8::from(*target == EXTERNAL_ID_ATTRIBUTE),
        "targetAttributeName": target,
        "source": { "expression": expression, "name": name, "type": kind, "parameters": [] },
    })
}
