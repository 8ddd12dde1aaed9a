//! What a schema takes in (CS 2.6, 5.8).

use serde_json::{Value, json};

use super::*;
use crate::state::JobSchema;

/// Puts a changed schema and restarts, as Graph does.
pub(super) fn put_schema(lab: &mut Lab, change: impl FnOnce(&mut Value)) {
    let mut schema = default_schema(Uuid::from_u128(9), &Assumptions::default());
    change(&mut schema["synchronizationRules"][0]);
    Plan::compile(&schema).unwrap();
    lab.write(|txn, job, now| {
        let version = txn
            .cloud()
            .job_schemas
            .get(TENANT, job)
            .map_or(1, |row| row.version + 1);
        txn.put(JobSchema {
            tenant: TENANT,
            job: job.to_owned(),
            version,
            schema,
        });
        jobs::restart(txn, TENANT, job, ResetScope::DEFAULT, now).unwrap();
    });
}

fn users(lab: &Lab) -> Vec<String> {
    lab.db.read(|cloud| {
        let synchronized = |u: &&User| u.deleted.is_none() && u.on_premises.is_some();
        let users = cloud.users.of(TENANT).filter(synchronized);
        let mut names: Vec<String> = users
            .map(|u| u.user_principal_name.replace("@contoso.com", ""))
            .collect();
        names.sort();
        names
    })
}

#[test]
fn organizational_units_with_what_is_below_them() {
    let mut lab = Lab::started();
    put_schema(&mut lab, |rule| {
        rule["containerFilter"] = json!({"includedContainers": ["ou=staff, dc=contoso, dc=com"]});
    });
    let mut deep = person(2, "deep");
    deep.attributes["distinguishedName"] = vec!["CN=deep,OU=North,OU=Staff,DC=contoso,DC=com".to_owned()];
    let mut other = person(3, "other");
    other.attributes["distinguishedName"] = vec!["CN=other,OU=Staffing,DC=contoso,DC=com".to_owned()];
    lab.cycle(vec![person(1, "ann"), deep, other, team(5, "Sales", &[1])]);
    assert_eq!(users(&lab), ["ann", "deep"]);
    // Moved out: deleted; moved in: created.
    lab.cycle(vec![
        resource(
            ResourceType::User,
            1,
            &[("distinguishedName", "CN=ann,OU=Gone,DC=contoso,DC=com")],
        ),
        resource(
            ResourceType::User,
            3,
            &[("distinguishedName", "CN=other,OU=Staff,DC=contoso,DC=com")],
        ),
    ]);
    assert_eq!(users(&lab), ["deep", "other"]);
}

#[test]
fn groups_by_first_level_and_a_rename_or_deletion_is_not_noticed() {
    let mut lab = Lab::started();
    let scope = "CN=Pilot,OU=Teams,DC=contoso,DC=com";
    put_schema(&mut lab, |rule| {
        rule["groupFilter"] = json!({"includedGroups": [scope]});
    });
    // The group comes last, and holds a group whose members are not taken in.
    let all = vec![
        person(1, "ann"),
        person(2, "bob"),
        person(3, "cy"),
        team(6, "Nested", &[3]),
        team(5, "Pilot", &[1, 6]),
    ];
    lab.cycle(all);
    assert_eq!(users(&lab), ["ann"]);
    let groups = |lab: &Lab| {
        lab.db.read(|cloud| {
            cloud
                .groups
                .of(TENANT)
                .map(|g| g.display_name.clone())
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(
        groups(&lab).len(),
        2,
        "the scoping group and the nested one are objects of their own"
    );
    lab.cycle(vec![links(
        resource(ResourceType::Group, 5, &[]),
        "member",
        &[2],
        &[],
    )]);
    assert_eq!(users(&lab), ["ann", "bob"]);
    let renamed = resource(
        ResourceType::Group,
        5,
        &[("distinguishedName", "CN=Trial,OU=Teams,DC=contoso,DC=com")],
    );
    lab.cycle(vec![links(renamed, "member", &[], &[1])]);
    assert_eq!(
        users(&lab),
        ["bob"],
        "the members still decide under the new name"
    );
    lab.cycle(vec![gone(ResourceType::Group, 5)]);
    lab.cycle(vec![resource(ResourceType::User, 2, &[("displayName", "Bob")])]);
    assert_eq!(
        users(&lab),
        ["bob"],
        "deleting a scoping group does not remove its users"
    );
    assert_eq!(lab.job().code(), StatusCode::Active);
}

#[test]
fn attribute_filters_are_any_of_all_of() {
    let clause = |attribute: &str, value: &str| json!({"operatorName": "EQUALS", "sourceOperandName": attribute, "targetOperand": {"values": [value]}});
    let mut lab = Lab::started();
    put_schema(&mut lab, |rule| {
        rule["objectMappings"][0]["scope"] = json!({"groups": [
            {"name": "staff in Ockham", "clauses": [clause("employeeType", "staff"), clause("l", "Ockham")]},
            {"name": "board", "clauses": [clause("employeeType", "board")]},
        ]});
    });
    let with = |n: u128, name: &str, kind: &str, city: &str| {
        let mut person = person(n, name);
        person
            .attributes
            .insert("employeeType".to_owned(), vec![kind.to_owned()]);
        person.attributes.insert("l".to_owned(), vec![city.to_owned()]);
        person
    };
    lab.cycle(vec![
        with(1, "ann", "staff", "Ockham"),
        with(2, "bob", "staff", "Leeds"),
        with(3, "cy", "board", "Leeds"),
    ]);
    assert_eq!(users(&lab), ["ann", "cy"]);
    lab.cycle(vec![
        resource(ResourceType::User, 1, &[("l", "Leeds")]),
        resource(ResourceType::User, 2, &[("l", "Ockham")]),
    ]);
    assert_eq!(users(&lab), ["bob", "cy"]);
}

#[test]
fn an_input_filter_neither_provisions_nor_deprovisions() {
    let mut lab = Lab::started();
    put_schema(&mut lab, |rule| {
        rule["objectMappings"][0]["scope"] = json!({"inputFilterGroups": [{"clauses": [
            {"operatorName": "IS NULL", "sourceOperandName": "l"}
        ]}]});
    });
    let mut away = person(2, "bob");
    away.attributes.insert("l".to_owned(), vec!["Leeds".to_owned()]);
    lab.cycle(vec![person(1, "ann"), away]);
    assert_eq!(users(&lab), ["ann"]);
    lab.cycle(vec![resource(
        ResourceType::User,
        1,
        &[("l", "Leeds"), ("displayName", "Ann Away")],
    )]);
    assert_eq!(users(&lab), ["ann"]);
    assert_eq!(
        lab.user("ann@contoso.com").unwrap().display_name.as_deref(),
        Some("ann")
    );
}

#[test]
fn mappings_flow_as_the_schema_says() {
    let mut lab = Lab::started();
    let function = |text: &str| json!({"type": "Function", "name": "x", "expression": text});
    put_schema(&mut lab, |rule| {
        let mappings = rule["objectMappings"][0]["attributeMappings"]
            .as_array_mut()
            .unwrap();
        let find = |mappings: &mut Vec<Value>, name: &str| {
            mappings
                .iter()
                .position(|m| m["targetAttributeName"] == name)
                .unwrap()
        };
        let at = find(mappings, "DisplayName");
        mappings[at]["source"] = function("ToUpper([displayName])");
        let at = find(mappings, "City");
        mappings[at]["defaultValue"] = json!("Ockham");
        let at = find(mappings, "Department");
        mappings[at]["flowType"] = json!("ObjectAddOnly");
        let at = find(mappings, "Company");
        mappings[at]["source"] = json!({"type": "Constant", "name": "Contoso Ltd"});
        let at = find(mappings, "State");
        mappings.remove(at);
    });
    let mut ann = person(1, "ann");
    ann.attributes
        .insert("department".to_owned(), vec!["Sales".to_owned()]);
    ann.attributes.insert("st".to_owned(), vec!["Surrey".to_owned()]);
    lab.cycle(vec![ann]);
    let property = |lab: &Lab, name: &str| lab.user("ann@contoso.com").unwrap().properties.get(name).cloned();
    assert_eq!(
        lab.user("ann@contoso.com").unwrap().display_name.as_deref(),
        Some("ANN")
    );
    assert_eq!(property(&lab, "city"), Some(json!("Ockham")));
    assert_eq!(property(&lab, "companyName"), Some(json!("Contoso Ltd")));
    assert_eq!(property(&lab, "state"), None);
    lab.cycle(vec![resource(ResourceType::User, 1, &[("displayName", "Ann B")])]);
    assert_eq!(
        property(&lab, "city"),
        Some(json!("Ockham")),
        "the source did not change: it gives nothing still"
    );
    lab.cycle(vec![resource(
        ResourceType::User,
        1,
        &[("department", "IT"), ("l", "Leeds")],
    )]);
    assert_eq!(
        property(&lab, "department"),
        Some(json!("Sales")),
        "only during creation"
    );
    assert_eq!(property(&lab, "city"), Some(json!("Leeds")));
    lab.cycle(vec![resource(ResourceType::User, 1, &[("l", "")])]);
    assert_eq!(
        property(&lab, "city"),
        None,
        "a default value is for creation only"
    );
}

#[test]
fn a_mapping_that_fails_puts_the_object_into_escrow() {
    let mut lab = Lab::started();
    put_schema(&mut lab, |rule| {
        let mappings = rule["objectMappings"][0]["attributeMappings"]
            .as_array_mut()
            .unwrap();
        let at = mappings
            .iter()
            .position(|m| m["targetAttributeName"] == "City")
            .unwrap();
        mappings[at]["source"] = json!({"type": "Function", "expression": "Error(\"no city\")"});
    });
    let effect = lab.cycle(vec![person(1, "ann")]);
    assert!(effect.reports.iter().any(|r| matches!(
        r,
        Report::Escrow {
            code: "InternalError",
            ..
        }
    )));
    assert!(users(&lab).is_empty());
}
