//! What an outbound job does with the groups of the cloud: its schema, checked and compiled (CS 5.9, 5.10, 6.4).

use std::collections::{BTreeMap, BTreeSet};

use provlab_protocol::scim::{EXTERNAL_ID_ATTRIBUTE, MAX_GROUP_ATTRIBUTES, NAME_ATTRIBUTE, PARENT_ATTRIBUTE};
use serde_json::Value;
use uuid::Uuid;

use super::super::plan::{At, Filter, SchemaError, Source, compile_source, short};
use super::super::records::Rejected;
use super::super::schema::{AttributeMapping, ObjectMapping, Schema, SynchronizationRule};
use super::mapping::{ANCHOR, FIXED, JOIN_KEY, MEMBER, MEMBERS, SOURCE_OBJECT, TARGET_OBJECT};
use super::records::Written;
use super::view::View;
use crate::expression::Expression;

/// Most groups that are selected one by one (our own bound; the product assigns them to the application).
pub(super) const MAX_SELECTED_GROUPS: usize = 10_000;

/// A compiled schema.
pub(super) struct Plan {
    pub(super) enabled: bool,
    pub(super) deletes: bool,
    /// Groups in scope by object id; empty: all.
    pub(super) selected: BTreeSet<Uuid>,
    pub(super) filter: Filter,
    /// Whether members flow.
    pub(super) members: bool,
    /// Whether the join key is mapped.
    joined: bool,
    mappings: Vec<Mapping>,
}

struct Mapping {
    target: String,
    source: Source,
    default: Option<String>,
    only_at_creation: bool,
}

/// How a group shall be in the directory, members aside.
#[derive(Debug, PartialEq)]
pub(super) struct Desired {
    /// Everything, for a group that is made.
    pub(super) all: Written,
    /// Attributes that count only then.
    pub(super) only_at_creation: Vec<String>,
}

impl Desired {
    /// What is kept up to date: everything that does not count at creation only.
    pub(super) fn kept(&self) -> Written {
        let mut kept = self.all.clone();
        for name in &self.only_at_creation {
            match name.as_str() {
                NAME_ATTRIBUTE => kept.name.clear(),
                PARENT_ATTRIBUTE => kept.parent.clear(),
                other => {
                    kept.attributes.remove(other);
                }
            }
        }
        kept
    }
}

impl Plan {
    /// Compiles a schema.
    ///
    /// # Errors
    /// The first thing that cannot be followed, with its place.
    pub(super) fn compile(schema: &Value) -> Result<Self, SchemaError> {
        let typed: Schema = serde_path_to_error::deserialize(schema).map_err(|error| SchemaError {
            place: error.path().to_string(),
            what: error.inner().to_string(),
        })?;
        let at = At::root().member("synchronizationRules");
        match typed.synchronization_rules.as_slice() {
            [rule] => compile_rule(rule, &at.item(0)),
            rules => Err(at.wrong(format!(
                "a job of cloud sync has exactly one rule, and here are {}",
                rules.len()
            ))),
        }
    }

    /// How a group shall be.
    ///
    /// # Errors
    /// A mapping that cannot be evaluated, or that gives no name or container.
    pub(super) fn desired(&self, view: &View<'_>) -> Result<Desired, Rejected> {
        let mut values = BTreeMap::new();
        let mut only_at_creation = Vec::new();
        for mapping in &self.mappings {
            let mut found = view.evaluate(&mapping.target, &mapping.source)?;
            found.retain(|value| !value.is_empty());
            if found.is_empty() {
                found.extend(mapping.default.clone());
            }
            if mapping.only_at_creation {
                only_at_creation.push(mapping.target.clone());
            }
            values.insert(mapping.target.clone(), found);
        }
        let mut one = |name: &str| {
            let value = values.remove(name).and_then(|values| values.into_iter().next());
            let nothing = || {
                Rejected::new(
                    "MissingValues",
                    format!("the mapping of '{name}' gives nothing; give the group what it is made of"),
                )
            };
            value.ok_or_else(nothing)
        };
        let (name, parent) = (one(NAME_ATTRIBUTE)?, one(PARENT_ATTRIBUTE)?);
        Ok(Desired {
            all: Written {
                name,
                parent,
                attributes: values,
            },
            only_at_creation,
        })
    }
}

fn compile_rule(rule: &SynchronizationRule, at: &At) -> Result<Plan, SchemaError> {
    let groups = rule
        .group_filter
        .as_ref()
        .map_or(&[][..], |f| f.included_groups.as_slice());
    let groups_at = at.member("groupFilter.includedGroups");
    groups_at.bounded("entries", groups.len(), MAX_SELECTED_GROUPS)?;
    let mut selected = BTreeSet::new();
    for (number, text) in groups.iter().enumerate() {
        let id = text.trim().parse().map_err(|_| {
            let what = "is not the object id of a group of the cloud";
            groups_at.item(number).wrong(format!("'{}' {what}", short(text)))
        })?;
        selected.insert(id);
    }
    let at = at.member("objectMappings");
    let [mapping] = rule.object_mappings.as_slice() else {
        return Err(at.wrong(format!(
            "groups have exactly one mapping, and here are {}",
            rule.object_mappings.len()
        )));
    };
    compile_object(mapping, selected, &at.item(0))
}

fn compile_object(mapping: &ObjectMapping, selected: BTreeSet<Uuid>, at: &At) -> Result<Plan, SchemaError> {
    for (member, found, expected) in [
        ("sourceObjectName", &mapping.source_object_name, SOURCE_OBJECT),
        ("targetObjectName", &mapping.target_object_name, TARGET_OBJECT),
    ] {
        if !found.eq_ignore_ascii_case(expected) {
            let what = format!("'{}' is not provisioned here, '{expected}' is", short(found));
            return Err(at.member(member).wrong(what));
        }
    }
    let deletes = mapping.flow_types.as_deref().is_none_or(|words| {
        let mut words = words.split(',');
        words.any(|word| word.trim().eq_ignore_ascii_case("delete"))
    });
    let mut plan = Plan {
        enabled: mapping.enabled,
        deletes,
        selected,
        filter: match &mapping.scope {
            Some(scope) => Filter::compile(scope, &at.member("scope"))?,
            None => Filter::default(),
        },
        members: false,
        joined: false,
        mappings: Vec::new(),
    };
    let at = at.member("attributeMappings");
    at.bounded("mappings", mapping.attribute_mappings.len(), MAX_GROUP_ATTRIBUTES)?;
    for (number, row) in mapping.attribute_mappings.iter().enumerate() {
        compile_mapping(row, &mut plan, &at.item(number))?;
    }
    let mapped = |name: &str| plan.mappings.iter().any(|mapping| mapping.target == name);
    for (needed, there) in [
        (EXTERNAL_ID_ATTRIBUTE, plan.joined),
        (NAME_ATTRIBUTE, mapped(NAME_ATTRIBUTE)),
        (PARENT_ATTRIBUTE, mapped(PARENT_ATTRIBUTE)),
    ] {
        if !there {
            return Err(at.wrong(format!("'{needed}' has to be mapped")));
        }
    }
    Ok(plan)
}

fn compile_mapping(row: &AttributeMapping, plan: &mut Plan, at: &At) -> Result<(), SchemaError> {
    let target = row.target_attribute_name.trim();
    let target_at = at.member("targetAttributeName");
    if target.is_empty() {
        return Err(target_at.wrong("the name of an attribute is needed"));
    }
    // Names that the engine itself speaks of are kept in its spelling.
    let own = [NAME_ATTRIBUTE, PARENT_ATTRIBUTE];
    let own = own.into_iter().find(|known| known.eq_ignore_ascii_case(target));
    let name = own.unwrap_or(target);
    if plan
        .mappings
        .iter()
        .any(|known| known.target.eq_ignore_ascii_case(name))
    {
        return Err(target_at.wrong(format!("'{}' is mapped twice", short(name))));
    }
    let Some(source) = &row.source else {
        return Ok(());
    };
    if target.eq_ignore_ascii_case(ANCHOR) {
        return Err(target_at.wrong("the directory gives objectGUID itself; leave it without a source"));
    }
    let source = compile_source(source, &at.member("source"))?;
    let Some(source) = source else {
        return Ok(());
    };
    if target.eq_ignore_ascii_case(EXTERNAL_ID_ATTRIBUTE) {
        // Groups are found and deleted by it, also those that are gone in the cloud.
        plan.joined =
            Expression::parse(JOIN_KEY).is_ok_and(|key| matches!(&source, Source::Function(f) if *f == key));
        let what = format!("the join key cannot be changed; leave {JOIN_KEY}");
        return if plan.joined {
            Ok(())
        } else {
            Err(at.member("source").wrong(what))
        };
    }
    if FIXED.iter().any(|fixed| fixed.eq_ignore_ascii_case(target)) {
        let is_true = matches!(&source, Source::Constant(text) if text.eq_ignore_ascii_case("true"));
        let what = "groups are provisioned as universal security groups only; leave the constant True";
        return if is_true {
            Ok(())
        } else {
            Err(at.member("source").wrong(what))
        };
    }
    if target.eq_ignore_ascii_case(MEMBER) {
        plan.members = matches!(&source, Source::Attribute(name, _) if name == MEMBERS);
        let what = "'member' is a reference and takes the attribute 'members' as it is";
        return if plan.members {
            Ok(())
        } else {
            Err(at.member("source").wrong(what))
        };
    }
    let only_at_creation = match row.flow_type.as_deref().unwrap_or("Always") {
        "Always" => false,
        "ObjectAddOnly" => true,
        other => {
            let what = format!(
                "'{}' is none of Always, ObjectAddOnly, which groups can have",
                short(other)
            );
            return Err(at.member("flowType").wrong(what));
        }
    };
    plan.mappings.push(Mapping {
        target: name.to_owned(),
        source,
        default: row.default_value.clone().filter(|text| !text.is_empty()),
        only_at_creation,
    });
    Ok(())
}
