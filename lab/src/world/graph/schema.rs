//! The schema of a job: fetched, changed and put back, as the portal does it (CS 6.4).

use http::Method;
use serde_json::{Value, json};

use super::{Graph, GraphError};
use crate::scenario::{
    AttributeMapping, FilterClause, JobTemplate, Located, MappedObject, ScopeChoice, WhenMapped,
};

/// One change of a schema.
pub enum SchemaEdit<'a> {
    /// What is synchronized.
    Scope(&'a ScopeChoice),
    /// Which objects of a kind; groups of clauses.
    Filter(MappedObject, &'a [Located<Vec<FilterClause>>]),
    /// A mapping.
    Map(&'a AttributeMapping),
    /// No mapping of a target attribute any more.
    Unmap(MappedObject, &'a str),
    /// The container that groups are created in.
    Container(&'a str),
}

impl Graph {
    /// Changes a job's schema; the cloud begins a new initial cycle by itself.
    ///
    /// # Errors
    /// The cloud's own answer, or that the schema has no place for the change.
    pub async fn edit_schema(
        &self,
        domain: &str,
        template: JobTemplate,
        edit: &SchemaEdit<'_>,
    ) -> Result<(), GraphError> {
        let place = self.job(domain, template).await?.schema();
        let mut schema = self.get(&place).await?;
        edit.apply(&mut schema).map_err(GraphError::Impossible)?;
        self.call(Method::PUT, &place, Some(schema)).await.map(drop)
    }
}

impl SchemaEdit<'_> {
    fn apply(&self, schema: &mut Value) -> Result<(), String> {
        match self {
            Self::Scope(choice) => {
                let rule = rule(schema)?;
                rule["containerFilter"] =
                    json!({ "includedContainers": texts(choice.organizational_units.as_deref()) });
                rule["groupFilter"] = json!({ "includedGroups": texts(choice.groups.as_deref()) });
                Ok(())
            }
            Self::Filter(object, any_of) => {
                let scope = scope(any_of);
                each_mapping(schema, *object, |mapping| {
                    mapping["scope"] = scope.clone();
                    Ok(())
                })
            }
            Self::Map(mapping) => {
                let made = attribute_mapping(mapping);
                each_mapping(schema, mapping.object, |object| {
                    let all = attributes(object)?;
                    match all.iter_mut().find(|known| targets(known, &mapping.target)) {
                        Some(known) => {
                            let mut made = made.clone();
                            // Whether objects are matched by it is no part of the mapping that an administrator writes.
                            made["matchingPriority"] = known["matchingPriority"].clone();
                            *known = made;
                        }
                        None => all.push(made.clone()),
                    }
                    Ok(())
                })
            }
            Self::Unmap(object, target) => each_mapping(schema, *object, |object| {
                let all = attributes(object)?;
                let before = all.len();
                all.retain(|known| !targets(known, target));
                if all.len() == before {
                    return Err(format!("the schema does not map `{target}`"));
                }
                Ok(())
            }),
            Self::Container(dn) => {
                let source = json!({ "type": "Constant", "name": dn, "expression": format!("\"{dn}\""), "parameters": [] });
                each_mapping(schema, MappedObject::Group, |object| {
                    let all = attributes(object)?;
                    let known = all
                        .iter_mut()
                        .find(|known| targets(known, "parentDistinguishedName"))
                        .ok_or("the schema does not map `parentDistinguishedName`")?;
                    known["source"] = source.clone();
                    Ok(())
                })
            }
        }
    }
}

fn rule(schema: &mut Value) -> Result<&mut Value, String> {
    schema["synchronizationRules"]
        .get_mut(0)
        .ok_or_else(|| "the schema has no synchronization rule".to_owned())
}

/// Changes every object mapping whose source or target is of the kind: inetOrgPersons are mapped as users are.
fn each_mapping(
    schema: &mut Value,
    object: MappedObject,
    mut change: impl FnMut(&mut Value) -> Result<(), String>,
) -> Result<(), String> {
    let kind = match object {
        MappedObject::User => "user",
        MappedObject::Group => "group",
        MappedObject::Contact => "contact",
    };
    let is_it = |mapping: &Value, end: &str| {
        mapping[end]
            .as_str()
            .is_some_and(|name| name.eq_ignore_ascii_case(kind))
    };
    let mappings = rule(schema)?["objectMappings"].as_array_mut();
    let mut found = false;
    for mapping in mappings.into_iter().flatten() {
        if is_it(mapping, "targetObjectName") || is_it(mapping, "sourceObjectName") {
            found = true;
            change(mapping)?;
        }
    }
    if found {
        Ok(())
    } else {
        Err(format!("the schema has no mapping of {kind}s"))
    }
}

fn attributes(mapping: &mut Value) -> Result<&mut Vec<Value>, String> {
    mapping["attributeMappings"]
        .as_array_mut()
        .ok_or_else(|| "the schema has no attribute mappings".to_owned())
}

fn targets(mapping: &Value, target: &str) -> bool {
    mapping["targetAttributeName"]
        .as_str()
        .is_some_and(|name| name.eq_ignore_ascii_case(target))
}

fn texts(list: Option<&[Located<String>]>) -> Vec<&str> {
    list.unwrap_or_default()
        .iter()
        .map(|text| text.value.as_str())
        .collect()
}

/// `scope` of an object mapping; none without a group of clauses.
fn scope(any_of: &[Located<Vec<FilterClause>>]) -> Value {
    if any_of.is_empty() {
        return Value::Null;
    }
    let groups: Vec<Value> = any_of
        .iter()
        .enumerate()
        .map(|(number, clauses)| {
            let clauses: Vec<Value> = clauses.value.iter().map(clause).collect();
            json!({ "name": format!("group {}", number + 1), "clauses": clauses })
        })
        .collect();
    json!({ "groups": groups, "inputFilterGroups": [], "categoryFilterGroups": [] })
}

fn clause(clause: &FilterClause) -> Value {
    json!({
        "operatorName": clause.operator.value.as_str(),
        "sourceOperandName": clause.attribute.value,
        "targetOperand": { "values": clause.values },
    })
}

fn attribute_mapping(mapping: &AttributeMapping) -> Value {
    let (kind, name, expression) = match (&mapping.expression, &mapping.attribute, &mapping.constant) {
        (Some(expression), ..) => {
            let name = expression.split('(').next().unwrap_or_default().trim();
            ("Function", name.to_owned(), expression.clone())
        }
        (_, Some(attribute), _) => ("Attribute", attribute.clone(), format!("[{attribute}]")),
        (.., constant) => {
            let constant = constant.clone().unwrap_or_default();
            (
                "Constant",
                constant.clone(),
                format!("\"{}\"", constant.replace('"', "\\\"")),
            )
        }
    };
    json!({
        "defaultValue": mapping.default,
        "exportMissingReferences": false,
        "flowBehavior": "FlowWhenChanged",
        "flowType": match mapping.apply {
            WhenMapped::Always => "Always",
            WhenMapped::OnlyDuringCreation => "ObjectAddOnly",
        },
        "matchingPriority": 0,
        "targetAttributeName": mapping.target.value,
        "source": { "expression": expression, "name": name, "type": kind, "parameters": [] },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::scenario::FilterOperator;

    use super::*;

    fn schema() -> Value {
        let mapping = |source: &str, target: &str| {
            json!({ "sourceObjectName": source, "targetObjectName": target, "scope": null, "attributeMappings": [
                { "targetAttributeName": "SourceAnchor", "matchingPriority": 1, "source": {} },
            ]})
        };
        json!({ "synchronizationRules": [{ "objectMappings": [
            mapping("user", "User"), mapping("inetOrgPerson", "User"), mapping("group", "Group"),
        ]}]})
    }

    fn edited(edit: &SchemaEdit<'_>) -> Value {
        let mut schema = schema();
        edit.apply(&mut schema).unwrap();
        schema["synchronizationRules"][0].take()
    }

    fn name(text: &str) -> Located<String> {
        Located::unplaced(text.to_owned())
    }

    #[test]
    fn a_scope_replaces_the_one_before() {
        let mut choice = ScopeChoice {
            tenant: name("contoso"),
            domain: name("contoso.com"),
            account: name("admin"),
            organizational_units: Some(vec![name("OU=Sales,DC=contoso,DC=com")]),
            groups: None,
            all: None,
        };
        let rule = edited(&SchemaEdit::Scope(&choice));
        assert_eq!(
            rule["containerFilter"]["includedContainers"],
            json!(["OU=Sales,DC=contoso,DC=com"])
        );
        assert_eq!(rule["groupFilter"]["includedGroups"], json!([]));
        choice.organizational_units = None;
        choice.all = Some(Located::unplaced(true));
        let rule = edited(&SchemaEdit::Scope(&choice));
        assert_eq!(rule["containerFilter"]["includedContainers"], json!([]));
    }

    #[test]
    fn a_filter_is_one_of_every_mapping_of_the_kind() {
        let clause = FilterClause {
            attribute: name("department"),
            operator: Located::unplaced(FilterOperator::Equals),
            values: vec!["Sales".to_owned()],
        };
        let groups = [Located::unplaced(vec![clause])];
        let rule = edited(&SchemaEdit::Filter(MappedObject::User, &groups));
        for index in [0, 1] {
            assert_eq!(
                rule["objectMappings"][index]["scope"]["groups"][0]["clauses"],
                json!([{ "operatorName": "EQUALS", "sourceOperandName": "department",
                    "targetOperand": { "values": ["Sales"] } }])
            );
        }
        assert_eq!(rule["objectMappings"][2]["scope"], Value::Null);
        let rule = edited(&SchemaEdit::Filter(MappedObject::User, &[]));
        assert_eq!(rule["objectMappings"][0]["scope"], Value::Null);
    }

    #[test]
    fn a_mapping_is_replaced_or_added_and_matching_stays() {
        let mut mapping = AttributeMapping {
            tenant: name("contoso"),
            domain: name("contoso.com"),
            account: name("admin"),
            template: JobTemplate::default(),
            object: MappedObject::Group,
            target: name("sourceanchor"),
            expression: Some("Trim([cn])".to_owned()),
            attribute: None,
            constant: None,
            default: None,
            apply: WhenMapped::OnlyDuringCreation,
        };
        let rule = edited(&SchemaEdit::Map(&mapping));
        let all = rule["objectMappings"][2]["attributeMappings"].as_array().unwrap();
        assert_eq!((all.len(), &all[0]["matchingPriority"]), (1, &json!(1)));
        assert_eq!(all[0]["flowType"], "ObjectAddOnly");
        assert_eq!(
            all[0]["source"],
            json!({ "expression": "Trim([cn])", "name": "Trim", "type": "Function", "parameters": [] })
        );
        (mapping.target, mapping.expression) = (name("Info"), None);
        mapping.constant = Some("a \"b\"".to_owned());
        let rule = edited(&SchemaEdit::Map(&mapping));
        let all = rule["objectMappings"][2]["attributeMappings"].as_array().unwrap();
        assert_eq!(all[1]["source"]["expression"], "\"a \\\"b\\\"\"");

        let mut schema = schema();
        let unmap = SchemaEdit::Unmap(MappedObject::User, "Info").apply(&mut schema);
        assert!(unmap.unwrap_err().contains("does not map `Info`"));
        let contact = SchemaEdit::Unmap(MappedObject::Contact, "Info").apply(&mut schema);
        assert!(contact.unwrap_err().contains("no mapping of contacts"));
    }
}
