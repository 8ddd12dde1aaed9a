#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::schema::default_schema;
use super::*;
use crate::assumptions::Assumptions;

fn schema() -> Value {
    default_schema(Uuid::nil(), &Assumptions::default())
}

fn refused(change: impl FnOnce(&mut Value)) -> SchemaError {
    let mut schema = schema();
    change(&mut schema["synchronizationRules"][0]);
    Plan::compile(&schema).err().unwrap()
}

#[test]
fn the_default_schema_compiles_and_asks_for_every_attribute_once() {
    let plan = Plan::compile(&schema()).unwrap();
    assert_eq!(plan.objects.len(), 4);
    let names = plan.requested_attributes();
    let mut unique = names.to_vec();
    unique.dedup_by_key(|n| n.to_lowercase());
    assert_eq!(names, unique);
    for needed in [
        "objectGUID",
        "mS-DS-ConsistencyGuid",
        "member",
        "manager",
        "userAccountControl",
        "extensionAttribute15",
    ] {
        assert!(names.iter().any(|n| n == needed), "{needed}");
    }
    assert!(!names.iter().any(|n| n == "accountDisabled"));
    assert!(!plan.depends_on_groups());
}

#[test]
fn what_cannot_be_followed_is_refused_with_its_place() {
    let error = Plan::compile(&json!({"synchronizationRules": []})).err().unwrap();
    assert_eq!(error.place, "synchronizationRules");
    assert!(
        Plan::compile(&json!({"synchronizationRules": [{"objectMappings": [{"enabled": 1}]}]}))
            .err()
            .unwrap()
            .place
            .starts_with("synchronizationRules[0].objectMappings[0].enabled")
    );
    let users = "synchronizationRules[0].objectMappings[0].attributeMappings[6]";
    let mapping = |rule: &mut Value, name: &str, value: Value| {
        rule["objectMappings"][0]["attributeMappings"][6][name] = value;
    };
    let error = refused(|rule| mapping(rule, "targetAttributeName", json!("DisplaName")));
    assert_eq!(error.place, format!("{users}.targetAttributeName"));
    assert!(error.what.contains("did you mean 'DisplayName'?"), "{error}");
    let error = refused(|rule| {
        mapping(
            rule,
            "source",
            json!({"type": "Function", "expression": "Trim([cn]"}),
        );
    });
    assert_eq!(error.place, format!("{users}.source.expression"));
    let error = refused(|rule| mapping(rule, "source", json!({"type": "Magic"})));
    assert_eq!(error.place, format!("{users}.source.type"));
    let error = refused(|rule| mapping(rule, "flowType", json!("Sometimes")));
    assert_eq!(error.place, format!("{users}.flowType"));
    let error = refused(|rule| mapping(rule, "targetAttributeName", json!("SourceAnchor")));
    assert!(error.what.contains("twice"));
    let error = refused(|rule| rule["containerFilter"] = json!({"includedContainers": ["Sales"]}));
    assert_eq!(
        error.place,
        "synchronizationRules[0].containerFilter.includedContainers[0]"
    );
    let error = refused(|rule| {
        rule["objectMappings"][0]["scope"] = json!({"groups": [{"clauses": [
            {"operatorName": "LIKE", "sourceOperandName": "department", "targetOperand": {"values": ["x"]}}
        ]}]});
    });
    assert_eq!(
        error.place,
        "synchronizationRules[0].objectMappings[0].scope.groups[0].clauses[0].operatorName"
    );
    let error = refused(|rule| {
        rule["containerFilter"] = json!({"includedContainers": ["OU=a,DC=x"]});
        rule["groupFilter"] = json!({"includedGroups": ["CN=a,DC=x"]});
    });
    assert!(error.what.contains("not by both"));
}

/// CS 2.6: 59 organizational units or groups.
#[test]
fn a_scope_is_bounded() {
    let with = |count: usize| {
        let mut schema = schema();
        let names: Vec<String> = (0..count).map(|n| format!("OU=o{n},DC=contoso,DC=com")).collect();
        schema["synchronizationRules"][0]["containerFilter"]["includedContainers"] = json!(names);
        Plan::compile(&schema)
    };
    assert_eq!(with(MAX_SCOPE_ENTRIES).unwrap().containers.len(), 59);
    assert!(
        with(MAX_SCOPE_ENTRIES + 1)
            .err()
            .unwrap()
            .what
            .contains("the limit is 59")
    );
}

#[test]
fn attributes_of_filters_and_expressions_are_asked_for() {
    let mut schema = schema();
    let users = &mut schema["synchronizationRules"][0]["objectMappings"][0];
    users["scope"] = json!({"groups": [{"clauses": [
        {"operatorName": "EQUALS", "sourceOperandName": "employeeType", "targetOperand": {"values": ["staff"]}},
        {"operatorName": "IS_MEMBER_OF", "sourceOperandName": "", "targetOperand": {"values": ["CN=All,DC=contoso,DC=com"]}}
    ]}]});
    users["attributeMappings"][6]["source"] =
        json!({"type": "Function", "expression": "Join(\" \",[personalTitle],[sn])"});
    let plan = Plan::compile(&schema).unwrap();
    let names: Vec<String> = plan
        .requested_attributes()
        .iter()
        .map(|n| n.to_lowercase())
        .collect();
    assert!(names.contains(&"employeetype".to_owned()) && names.contains(&"personaltitle".to_owned()));
    assert!(plan.depends_on_groups());
}
