//! What an object is to look like in the cloud: its mappings, evaluated (CS 5.9, 5.10).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;

use super::connector::Connector;
use super::import::ScopeGroups;
use super::plan::{AttributePlan, Flow, ObjectPlan, Source, Subject, dn_key};
use super::records::{LinkAttribute, Rejected, SourceRecord};
use super::target::Values;
use crate::expression::{self, Value};

/// Bit of `userAccountControl` that disables an account.
const ACCOUNT_DISABLED: i64 = 2;

/// A source object as mappings and filters see it.
pub(super) struct View<'v, 't, 'c> {
    pub(super) record: &'v SourceRecord,
    pub(super) store: &'v Connector<'t, 'c>,
    pub(super) scope: &'v ScopeGroups,
    pub(super) now: OffsetDateTime,
    /// Drawn for this object, for `Guid()`.
    pub(super) guid: uuid::Uuid,
}

impl View<'_, '_, '_> {
    /// Values of an attribute by lower-case name, those included that the engine makes itself.
    pub(super) fn attribute(&self, name: &str) -> Values {
        match name {
            // PR 10.1: synthetic.
            "accountdisabled" => {
                let flags = self
                    .record
                    .first("useraccountcontrol")
                    .and_then(|v| v.trim().parse::<i64>().ok());
                let disabled = flags.is_some_and(|flags| flags & ACCOUNT_DISABLED != 0);
                vec![if disabled { "True" } else { "False" }.to_owned()]
            }
            "objectguid" => vec![STANDARD.encode(self.record.guid.to_bytes_le())],
            // An anchor has 16 bytes (PR 15.4).
            "ms-ds-consistencyguid" => {
                let bytes = self
                    .record
                    .first(name)
                    .and_then(|text| STANDARD.decode(text).ok());
                bytes
                    .filter(|bytes| bytes.len() == 16)
                    .map(|bytes| STANDARD.encode(bytes))
                    .into_iter()
                    .collect()
            }
            _ => self
                .record
                .all(name)
                .iter()
                .filter(|value| !value.is_empty())
                .cloned()
                .collect(),
        }
    }
}

impl Subject for View<'_, '_, '_> {
    fn values(&self, attribute: &str) -> Values {
        self.attribute(attribute)
    }
    fn is_member_of(&self, group: &str) -> bool {
        let group = self.scope.get(&dn_key(group));
        group.is_some_and(|group| {
            self.store
                .has_link(*group, LinkAttribute::Member, self.record.guid)
        })
    }
    fn now(&self) -> OffsetDateTime {
        self.now
    }
}

impl expression::Source for View<'_, '_, '_> {
    fn values(&self, attribute: &str) -> Vec<Value> {
        let name = attribute.to_lowercase();
        let values = self.attribute(&name).into_iter();
        if name == "accountdisabled" {
            return values.map(|value| Value::Flag(value == "True")).collect();
        }
        values.map(Value::Text).collect()
    }
    fn is_taken(&self, value: &str) -> bool {
        let cloud = self.store.cloud();
        let own = self.record.target.as_ref().map(|target| target.id);
        cloud
            .user_named(self.store.tenant(), value)
            .is_some_and(|user| Some(user.id) != own)
    }
    fn new_guid(&self) -> uuid::Uuid {
        self.guid
    }
}

/// One target attribute and the values that it is to have.
pub(super) type Flowing<'p> = (&'p AttributePlan, Values);

/// Evaluates the mappings of an object. `creating` lets default values and what flows only at creation flow.
pub(super) fn evaluate<'p>(
    view: &View<'_, '_, '_>,
    plan: &'p ObjectPlan,
    creating: bool,
) -> Result<Vec<Flowing<'p>>, Rejected> {
    let mut all = Vec::with_capacity(plan.mappings.len());
    for mapping in &plan.mappings {
        if !creating && (mapping.flow == Flow::ObjectAddOnly || mapping.source.is_none()) {
            continue;
        }
        let values = mapping.property.normalized(source(view, mapping)?);
        let values = match &mapping.default {
            Some(default) if creating && is_empty(view, mapping) => {
                mapping.property.normalized(vec![default.clone()])
            }
            _ => values,
        };
        all.push((mapping, values));
    }
    Ok(all)
}

/// Whether the source gives nothing; a flag that would read as true by itself counts as nothing too.
fn is_empty(view: &View<'_, '_, '_>, mapping: &AttributePlan) -> bool {
    source(view, mapping).is_ok_and(|values| values.iter().all(String::is_empty))
}

/// The values of one target attribute; empty if it is not mapped.
pub(super) fn value_of(view: &View<'_, '_, '_>, plan: &ObjectPlan, target: &str) -> Result<Values, Rejected> {
    let mapping = plan.mapping(target);
    mapping.map_or_else(
        || Ok(Values::new()),
        |mapping| source(view, mapping).map(|v| mapping.property.normalized(v)),
    )
}

fn source(view: &View<'_, '_, '_>, mapping: &AttributePlan) -> Result<Values, Rejected> {
    match &mapping.source {
        None => Ok(Values::new()),
        Some(Source::Attribute(name, _)) => Ok(view.attribute(name)),
        Some(Source::Constant(text)) => Ok(vec![text.clone()]),
        Some(Source::Function(function)) => match function.evaluate(view) {
            Ok(Value::Null) => Ok(Values::new()),
            Ok(Value::List(values)) => Ok(values.iter().map(Value::to_text).collect()),
            Ok(value) => Ok(vec![value.to_text()]),
            // The code for a mapping that cannot be evaluated is not public; this is the general one of CS 6.8.
            Err(error) => Err(Rejected::new(
                "InternalError",
                format!("the mapping of '{}' failed: {error}", mapping.target),
            )),
        },
    }
}
