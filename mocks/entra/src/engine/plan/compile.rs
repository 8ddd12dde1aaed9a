//! From a schema as it was put to a [`Plan`]; what cannot be followed is refused with its place (CS 6.4).

use std::collections::BTreeSet;
use std::fmt;

use provlab_protocol::dn::Dn;
use provlab_protocol::scim::MAX_ATTRIBUTES;
use serde_json::Value;

use super::super::records::{LinkAttribute, ObjectKind};
use super::super::schema::{AttributeMapping, MappingSource, ObjectMapping, Schema, SynchronizationRule};
use super::super::target::{PROPERTIES, property};
use super::filter::{Filter, short};
use super::{AttributePlan, Flow, ObjectPlan, Plan, Source, SourceClass, lower};
use crate::expression::Expression;

/// Most organizational units or groups in a scope (CS 2.6).
pub const MAX_SCOPE_ENTRIES: usize = 59;
/// Largest schema, in bytes of JSON: the configuration string of CS 2.6.
pub const MAX_SCHEMA_BYTES: usize = 4 * 1024 * 1024;
/// Most mappings of one class (our own bound).
const MAX_MAPPINGS: usize = 500;
/// Longest constant or default value, in characters (our own bound).
const MAX_CONSTANT_CHARS: usize = 10_000;

/// What is wrong with a schema, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct SchemaError {
    /// Path of members, such as `synchronizationRules[0].objectMappings[1].attributeMappings[3].source.expression`.
    pub place: String,
    /// What is wrong there and how to mend it.
    pub what: String,
}

/// A place in a schema.
#[derive(Clone)]
pub(in crate::engine) struct At(String);

impl At {
    /// The schema as a whole.
    pub(in crate::engine) fn root() -> Self {
        Self(String::new())
    }

    pub(in crate::engine) fn member(&self, name: &str) -> Self {
        Self(if self.0.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.0)
        })
    }

    pub(in crate::engine) fn item(&self, number: usize) -> Self {
        Self(format!("{}[{number}]", self.0))
    }

    pub(in crate::engine) fn wrong(&self, what: impl Into<String>) -> SchemaError {
        SchemaError {
            place: self.0.clone(),
            what: what.into(),
        }
    }

    pub(in crate::engine) fn bounded(
        &self,
        what: &str,
        found: usize,
        limit: usize,
    ) -> Result<(), SchemaError> {
        if found > limit {
            return Err(self.wrong(format!("{found} {what} are too many; the limit is {limit}")));
        }
        Ok(())
    }
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Attributes that decide scope, references and names rather than one property (CS 5.8, 5.10, 5.11).
const BESIDES: [&str; 15] = [
    "adminDescription",
    "cn",
    "displayName",
    "distinguishedName",
    "isCriticalSystemObject",
    "mail",
    "mailNickname",
    "manager",
    "member",
    "mS-DS-ConsistencyGuid",
    "objectClass",
    "objectGUID",
    "proxyAddresses",
    "sAMAccountName",
    "userPrincipalName",
];

/// Attributes that Entra Connect's default exclusions look at (CS 5.8).
const EXCLUSIONS: [&str; 2] = ["msExchHideFromAddressLists", "msExchRecipientTypeDetails"];

/// Source attributes that the engine makes itself, and what they are made from (PR 10.1).
const SYNTHETIC: [(&str, &str); 1] = [("accountDisabled", "userAccountControl")];

impl Plan {
    /// Compiles a schema.
    ///
    /// # Errors
    /// The first thing that cannot be followed, with its place.
    pub fn compile(schema: &Value) -> Result<Self, SchemaError> {
        let typed: Schema = serde_path_to_error::deserialize(schema).map_err(|error| SchemaError {
            place: error.path().to_string(),
            what: error.inner().to_string(),
        })?;
        let at = At::root().member("synchronizationRules");
        let [rule] = typed.synchronization_rules.as_slice() else {
            return Err(at.wrong(format!(
                "a job of cloud sync has exactly one rule, and here are {}",
                typed.synchronization_rules.len()
            )));
        };
        compile_rule(rule, &at.item(0))
    }
}

fn compile_rule(rule: &SynchronizationRule, at: &At) -> Result<Plan, SchemaError> {
    let containers = rule
        .container_filter
        .as_ref()
        .map_or(&[][..], |f| f.included_containers.as_slice());
    let groups = rule
        .group_filter
        .as_ref()
        .map_or(&[][..], |f| f.included_groups.as_slice());
    let containers = names(containers, &at.member("containerFilter.includedContainers"))?;
    let groups = names(groups, &at.member("groupFilter.includedGroups"))?;
    if !containers.is_empty() && !groups.is_empty() {
        let what = "a scope is chosen by organizational units or by groups, not by both; empty one of the two filters";
        return Err(at.member("groupFilter.includedGroups").wrong(what));
    }
    let mut objects: Vec<ObjectPlan> = Vec::new();
    for (number, mapping) in rule.object_mappings.iter().enumerate() {
        let at = at.member("objectMappings").item(number);
        let plan = compile_object(mapping, &at)?;
        if objects.iter().any(|known| known.class == plan.class) {
            return Err(at
                .member("sourceObjectName")
                .wrong(format!("'{}' is mapped twice", mapping.source_object_name)));
        }
        objects.push(plan);
    }
    let requested = requested(&objects);
    at.bounded("attributes of the source", requested.len(), MAX_ATTRIBUTES)?;
    let member_groups: BTreeSet<String> = objects
        .iter()
        .flat_map(|object| object.filter.member_groups())
        .map(dn_key)
        .collect();
    Ok(Plan {
        rule_id: rule.id.clone().unwrap_or_default(),
        containers,
        groups: groups.iter().map(Dn::normalized).collect(),
        member_groups,
        objects,
        requested,
    })
}

/// Distinguished names of a scope.
fn names(texts: &[String], at: &At) -> Result<Vec<Dn>, SchemaError> {
    at.bounded("entries", texts.len(), MAX_SCOPE_ENTRIES)?;
    let parse = |(number, text): (usize, &String)| {
        let dn = text.trim().parse::<Dn>().ok().filter(|dn| !dn.is_root());
        dn.ok_or_else(|| {
            at.item(number).wrong(format!(
                "'{}' is not a distinguished name; write it as 'OU=Sales,DC=contoso,DC=com'",
                short(text)
            ))
        })
    };
    texts.iter().enumerate().map(parse).collect()
}

/// A distinguished name in the form in which names are compared; a text that is none, as it is in lower case.
pub(in crate::engine) fn dn_key(text: &str) -> String {
    text.parse::<Dn>()
        .map_or_else(|_| lower(text), |dn| dn.normalized())
}

fn compile_object(mapping: &ObjectMapping, at: &At) -> Result<ObjectPlan, SchemaError> {
    let class = SourceClass::find(&mapping.source_object_name).ok_or_else(|| {
        at.member("sourceObjectName").wrong(format!(
            "'{}' is not a class that is synchronized; use one of {}",
            short(&mapping.source_object_name),
            SourceClass::ALL.map(SourceClass::name).join(", ")
        ))
    })?;
    let kind = class.kind();
    if !mapping
        .target_object_name
        .eq_ignore_ascii_case(kind.target_name())
    {
        return Err(at.member("targetObjectName").wrong(format!(
            "'{}' becomes '{}', not '{}'",
            class.name(),
            kind.target_name(),
            short(&mapping.target_object_name)
        )));
    }
    let mut plan = ObjectPlan {
        class,
        enabled: mapping.enabled,
        adds: true,
        updates: true,
        deletes: true,
        filter: Filter::default(),
        mappings: Vec::new(),
        reference: None,
    };
    flow_types(mapping.flow_types.as_deref(), &mut plan, &at.member("flowTypes"))?;
    if let Some(scope) = &mapping.scope {
        plan.filter = Filter::compile(scope, &at.member("scope"))?;
    }
    let at = at.member("attributeMappings");
    at.bounded("mappings", mapping.attribute_mappings.len(), MAX_MAPPINGS)?;
    for (number, row) in mapping.attribute_mappings.iter().enumerate() {
        compile_mapping(row, &mut plan, &at.item(number))?;
    }
    if plan.mapping("SourceAnchor").is_none() {
        return Err(at.wrong("the matching attribute 'SourceAnchor' has to be mapped"));
    }
    Ok(plan)
}

fn flow_types(text: Option<&str>, plan: &mut ObjectPlan, at: &At) -> Result<(), SchemaError> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Ok(());
    };
    (plan.adds, plan.updates, plan.deletes) = (false, false, false);
    for word in text.split(',').map(str::trim) {
        match word.to_ascii_lowercase().as_str() {
            "add" => plan.adds = true,
            "update" => plan.updates = true,
            "delete" => plan.deletes = true,
            "none" => {}
            _ => return Err(at.wrong(format!("'{}' is none of Add, Update, Delete", short(word)))),
        }
    }
    Ok(())
}

fn compile_mapping(row: &AttributeMapping, plan: &mut ObjectPlan, at: &At) -> Result<(), SchemaError> {
    let target = row.target_attribute_name.trim();
    if let Some(attribute) = LinkAttribute::of_target(plan.class.kind(), target) {
        return compile_reference(row, attribute, plan, &at.member("source"));
    }
    let target_at = at.member("targetAttributeName");
    let kind = plan.class.kind();
    let property = property(kind, target).ok_or_else(|| target_at.wrong(unknown_target(kind, target)))?;
    let name = if property.name.is_empty() {
        target
    } else {
        property.name
    };
    if plan.mapping(name).is_some() {
        return Err(target_at.wrong(format!("'{name}' is mapped twice")));
    }
    let source = row
        .source
        .as_ref()
        .map(|source| compile_source(source, &at.member("source")))
        .transpose()?;
    let flow = match row.flow_type.as_deref().unwrap_or("Always") {
        "Always" => Flow::Always,
        "ObjectAddOnly" => Flow::ObjectAddOnly,
        "MultiValueAddOnly" => Flow::MultiValueAddOnly,
        other => {
            let what = format!(
                "'{}' is none of Always, ObjectAddOnly, MultiValueAddOnly",
                short(other)
            );
            return Err(at.member("flowType").wrong(what));
        }
    };
    let default = row.default_value.clone().filter(|text| !text.is_empty());
    let length = default.as_deref().map_or(0, |text| text.chars().count());
    at.member("defaultValue")
        .bounded("characters", length, MAX_CONSTANT_CHARS)?;
    plan.mappings.push(AttributePlan {
        target: name.to_owned(),
        property,
        source: source.flatten(),
        default,
        flow,
    });
    Ok(())
}

/// `Manager` and `Members` take the references of the directory as they are: there is nothing else that they could be made from.
fn compile_reference(
    row: &AttributeMapping,
    attribute: LinkAttribute,
    plan: &mut ObjectPlan,
    at: &At,
) -> Result<(), SchemaError> {
    let name = row
        .source
        .as_ref()
        .and_then(|source| source.name.as_deref())
        .unwrap_or_default();
    let fits = row
        .source
        .as_ref()
        .is_some_and(|source| source.kind.eq_ignore_ascii_case("Attribute"))
        && name.eq_ignore_ascii_case(attribute.name());
    if row.source.is_some() && !fits {
        return Err(at.wrong(format!(
            "'{}' is a reference and takes the attribute '{}' as it is",
            row.target_attribute_name,
            attribute.name()
        )));
    }
    plan.reference = fits.then_some(attribute);
    Ok(())
}

pub(in crate::engine) fn compile_source(
    source: &MappingSource,
    at: &At,
) -> Result<Option<Source>, SchemaError> {
    let name = source.name.as_deref().map(str::trim).unwrap_or_default();
    let expression = source.expression.as_deref().map(str::trim).unwrap_or_default();
    match source.kind.to_ascii_lowercase().as_str() {
        "attribute" => {
            let name = if name.is_empty() {
                expression.trim_matches(['[', ']'])
            } else {
                name
            };
            if name.is_empty() {
                return Err(at.member("name").wrong("the name of an attribute is needed"));
            }
            Ok(Some(Source::Attribute(lower(name), name.to_owned())))
        }
        "constant" => {
            let text = if name.is_empty() {
                expression.trim_matches('"')
            } else {
                name
            };
            at.member("name")
                .bounded("characters", text.chars().count(), MAX_CONSTANT_CHARS)?;
            Ok(Some(Source::Constant(text.to_owned())))
        }
        "function" => Expression::parse(expression)
            .map(|parsed| Some(Source::Function(parsed)))
            .map_err(|error| at.member("expression").wrong(error.to_string())),
        other => Err(at.member("type").wrong(format!(
            "'{}' is none of Attribute, Constant, Function",
            short(other)
        ))),
    }
}

fn unknown_target(kind: ObjectKind, name: &str) -> String {
    let known: Vec<&str> = PROPERTIES
        .iter()
        .filter(|p| property(kind, p.name).is_some())
        .map(|p| p.name)
        .collect();
    let near = known
        .iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&candidate.to_lowercase(), &name.to_lowercase()),
                candidate,
            )
        })
        .min()
        .filter(|(distance, _)| *distance <= 3);
    let hint = near.map_or_else(
        || "name one of the attributes that the schema maps, or a directory extension".to_owned(),
        |(_, candidate)| format!("did you mean '{candidate}'?"),
    );
    format!(
        "'{}' is no attribute of '{}'; {hint}",
        short(name),
        kind.target_name()
    )
}

/// Names of every attribute that a job asks the agent for, each once, in a fixed order.
fn requested(objects: &[ObjectPlan]) -> Vec<String> {
    let mut names: Vec<String> = BESIDES
        .iter()
        .chain(&EXCLUSIONS)
        .map(|name| (*name).to_owned())
        .collect();
    for object in objects {
        for mapping in &object.mappings {
            match &mapping.source {
                Some(Source::Attribute(_, name)) => names.push(name.clone()),
                Some(Source::Function(expression)) => names.extend(expression.attributes()),
                Some(Source::Constant(_)) | None => {}
            }
        }
        names.extend(object.filter.attributes().map(str::to_owned));
    }
    for name in &mut names {
        if let Some((_, real)) = SYNTHETIC.iter().find(|(made, _)| made.eq_ignore_ascii_case(name)) {
            (*real).clone_into(name);
        }
    }
    names.sort_by_key(|name| name.to_lowercase());
    names.dedup_by_key(|name| name.to_lowercase());
    names
}
