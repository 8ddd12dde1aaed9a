//! Scope and mappings as a schema says them, and schemas that say nothing that can be followed.

use serde_json::json;

use super::*;

fn mapping<'s>(schema: &'s mut Value, target: &str) -> &'s mut Value {
    let mappings = schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"].as_array_mut();
    let mut mappings = mappings.unwrap().iter_mut();
    mappings
        .find(|mapping| mapping["targetAttributeName"] == target)
        .unwrap()
}

fn function(expression: &str) -> Value {
    json!({"expression": expression, "name": "", "type": "Function", "parameters": []})
}

#[test]
fn the_default_schema_shows_the_documented_mappings_and_compiles() {
    let schema = default_schema(Uuid::from_u128(9), Some("corp.contoso.com"));
    check_schema(&schema).unwrap();
    let object = &schema["synchronizationRules"][0]["objectMappings"][0];
    assert_eq!(
        (&object["sourceObjectName"], &object["targetObjectName"]),
        (&json!("Group"), &json!("group"))
    );
    let shown: Vec<(String, String, String)> = object["attributeMappings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mapping| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (
                text(&mapping["targetAttributeName"]),
                text(&mapping["source"]["type"]),
                text(&mapping["source"]["expression"]),
            )
        })
        .collect();
    let expected = [
        ("adminDescription", "Function", r#"Append("Group_",[objectId])"#),
        (
            "cn",
            "Function",
            r#"Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))"#,
        ),
        ("description", "Function", "Left(Trim([description]),448)"),
        ("displayName", "Attribute", "[displayName]"),
        ("isSecurityGroup", "Constant", "\"True\""),
        ("UniversalScope", "Constant", "\"True\""),
        ("member", "Attribute", "[members]"),
        (
            "msDS-ExternalDirectoryObjectId",
            "Function",
            r#"Append("Group_",[objectId])"#,
        ),
        (
            "parentDistinguishedName",
            "Constant",
            "\"OU=Users,DC=corp,DC=contoso,DC=com\"",
        ),
    ];
    let expected = expected
        .map(|(target, kind, expression)| (target.to_owned(), kind.to_owned(), expression.to_owned()));
    assert_eq!(shown, expected);
}

#[test]
fn the_container_may_depend_on_the_group() {
    let mut lab = Lab::started();
    let switch = r#"Switch([displayName],"OU=Groups,DC=contoso,DC=com","Marketing","OU=Marketing,DC=contoso,DC=com","Sales","OU=Sales,DC=contoso,DC=com")"#;
    lab.put_schema(|schema| mapping(schema, "parentDistinguishedName")["source"] = function(switch));
    for (number, name) in [(1, "Marketing"), (2, "Sales"), (3, "Others")] {
        lab.put_group(number, name, &[]);
    }
    lab.cycle();
    let parent = |lab: &Lab, number| lab.directory.group(group(number)).unwrap().parent.clone();
    assert_eq!(parent(&lab, 1), "OU=Marketing,DC=contoso,DC=com");
    assert_eq!(parent(&lab, 2), "OU=Sales,DC=contoso,DC=com");
    assert_eq!(parent(&lab, 3), "OU=Groups,DC=contoso,DC=com");
    lab.put_group(3, "Sales", &[]);
    lab.cycle();
    assert_eq!(parent(&lab, 3), "OU=Sales,DC=contoso,DC=com");
}

#[test]
fn what_flows_at_creation_only_is_not_kept_up_to_date() {
    let mut lab = Lab::started();
    lab.put_schema(|schema| {
        for target in ["cn", "parentDistinguishedName", "description"] {
            mapping(schema, target)["flowType"] = json!("ObjectAddOnly");
        }
    });
    lab.put_group(1, "Sales", &[]);
    lab.cycle();
    let name = lab.directory.group(group(1)).unwrap().name.clone();
    lab.change_group(1, |group| {
        group.display_name = "Sales EMEA".to_owned();
        group.description = Some("Later".to_owned());
    });
    lab.cycle();
    let found = lab.directory.group(group(1)).unwrap();
    assert_eq!(found.name, name);
    assert_eq!(found.attributes["displayName"], ["Sales EMEA"]);
    assert_eq!(found.attributes.get("description"), None);
    lab.change_group(1, |group| group.description = Some("Later still".to_owned()));
    lab.cycle();
    assert!(lab.asked.is_empty(), "{:?}", lab.asked);
}

#[test]
fn a_further_attribute_and_a_default_value_flow() {
    let mut lab = Lab::started();
    lab.put_schema(|schema| {
        mapping(schema, "description")["defaultValue"] = json!("Provisioned from the cloud");
        let mappings = schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"].as_array_mut();
        mappings.unwrap().push(json!({
            "targetAttributeName": "sAMAccountName", "source": function(r#"Join("_",[displayName],"Contoso_Group")"#),
        }));
    });
    lab.put_group(1, "Marketing", &[]);
    lab.cycle();
    let found = lab.directory.group(group(1)).unwrap();
    assert_eq!(found.attributes["sAMAccountName"], ["Marketing_Contoso_Group"]);
    assert_eq!(found.attributes["description"], ["Provisioned from the cloud"]);
}

#[test]
fn selected_groups_and_filters_decide_the_scope() {
    let mut lab = Lab::started();
    for (number, name) in [(1, "Sales"), (2, "Marketing"), (3, "Finance")] {
        lab.put_group(number, name, &[]);
    }
    lab.put_schema(|schema| {
        schema["synchronizationRules"][0]["groupFilter"] = json!({"includedGroups": [group(1), group(2)]});
    });
    lab.cycle();
    assert_eq!(lab.directory.groups.len(), 2);
    lab.put_schema(|schema| {
        schema["synchronizationRules"][0]["objectMappings"][0]["scope"] = json!({"groups": [{"name": "f", "clauses": [
            {"operatorName": "REGEX MATCH", "sourceOperandName": "displayName", "targetOperand": {"values": ["^(Sales|Finance)$"]}},
            {"operatorName": "IS TRUE", "sourceOperandName": "securityEnabled"},
        ]}]});
    });
    lab.cycle();
    let there: Vec<u128> = (1..=3)
        .filter(|number| lab.directory.group(group(*number)).is_some())
        .collect();
    assert_eq!(there, [1, 3]);
}

#[test]
fn a_mapping_that_fails_for_one_group_fails_that_group() {
    let mut lab = Lab::started();
    lab.put_schema(|schema| {
        let error = r#"IIF([displayName]="Bad",Error("no such group"),[displayName])"#;
        mapping(schema, "displayName")["source"] = function(error);
    });
    lab.put_group(1, "Bad", &[]);
    lab.put_group(2, "Good", &[]);
    lab.cycle();
    assert!(lab.directory.group(group(1)).is_none() && lab.directory.group(group(2)).is_some());
    let escrow = lab.row(group(1)).unwrap().escrow.unwrap();
    assert!(escrow.message.contains("displayName"), "{}", escrow.message);
    lab.change_group(1, |group| group.display_name = "Better".to_owned());
    lab.cycle();
    assert!(lab.directory.group(group(1)).is_some());
    // Without a name there is nothing to write.
    lab.put_schema(|schema| {
        mapping(schema, "cn")["source"] = json!({"type": "Attribute", "name": "mailNickname"});
    });
    lab.cycle();
    assert_eq!(lab.row(group(1)).unwrap().escrow.unwrap().code, "MissingValues");
}

#[test]
fn a_schema_that_cannot_be_followed_is_refused_with_its_place() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut schema = default_schema(Uuid::nil(), Some(DOMAIN));
        change(&mut schema);
        check_schema(&schema).unwrap_err().to_string()
    };
    let rule = "synchronizationRules[0]";
    let attributes = format!("{rule}.objectMappings[0].attributeMappings");
    type Case = (String, &'static dyn Fn(&mut Value));
    let cases: [Case; 11] = [
        ("synchronizationRules: ".to_owned(), &|s| {
            s["synchronizationRules"] = json!([]);
        }),
        (format!("{rule}.groupFilter.includedGroups[0]: "), &|s| {
            s["synchronizationRules"][0]["groupFilter"] = json!({"includedGroups": ["CN=Sales"]});
        }),
        (format!("{rule}.objectMappings: "), &|s| {
            s["synchronizationRules"][0]["objectMappings"] = json!([]);
        }),
        (format!("{rule}.objectMappings[0].sourceObjectName: "), &|s| {
            s["synchronizationRules"][0]["objectMappings"][0]["sourceObjectName"] = json!("User");
        }),
        (format!("{attributes}[1].source.expression: "), &|s| {
            mapping(s, "cn")["source"] = function("Left([a]");
        }),
        (format!("{attributes}[4].source: "), &|s| {
            mapping(s, "isSecurityGroup")["source"]["name"] = json!("False");
        }),
        (format!("{attributes}[6].source: "), &|s| {
            mapping(s, "member")["source"]["name"] = json!("owners");
        }),
        (format!("{attributes}[7].source: "), &|s| {
            mapping(s, "msDS-ExternalDirectoryObjectId")["source"] = function("[objectId]");
        }),
        (format!("{attributes}[3].flowType: "), &|s| {
            mapping(s, "displayName")["flowType"] = json!("MultiValueAddOnly");
        }),
        (format!("{attributes}[2].targetAttributeName: "), &|s| {
            mapping(s, "description")["targetAttributeName"] = json!("ADMINDESCRIPTION");
        }),
        (format!("{attributes}: "), &|s| {
            mapping(s, "cn")["targetAttributeName"] = json!("info");
        }),
    ];
    for (place, change) in cases {
        let found = refused(change);
        assert!(found.starts_with(&place), "{found}");
    }
}
