//! What a job does with what it reads: its schema, checked and compiled once (CS 6.4).

mod cache;
mod compile;
mod filter;
mod operator;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use provlab_protocol::dn::Dn;

pub use cache::Plans;
pub(super) use compile::{At, compile_source, dn_key};
pub use compile::{MAX_SCHEMA_BYTES, MAX_SCOPE_ENTRIES, SchemaError};
pub(super) use filter::{Filter, Subject, Verdict, short};
pub use operator::{Arity, OPERATORS, Operator};

use super::records::{LinkAttribute, ObjectKind};
use super::schema::default_schema;
use super::target::Property;
use crate::assumptions::Assumptions;
use crate::expression::Expression;

/// A compiled schema.
pub struct Plan {
    rule_id: String,
    /// Organizational units in scope; empty: all.
    pub(super) containers: Vec<Dn>,
    /// Groups in scope, as compared; empty: all.
    pub(super) groups: BTreeSet<String>,
    /// Groups that attribute filters ask the membership of, as compared.
    pub(super) member_groups: BTreeSet<String>,
    /// Classes, each once.
    pub(super) objects: Vec<ObjectPlan>,
    /// Attributes to ask an agent for.
    requested: Vec<String>,
}

/// Class of a source object that a schema can map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SourceClass {
    User,
    InetOrgPerson,
    Group,
    Contact,
}

impl SourceClass {
    pub(super) const ALL: [Self; 4] = [Self::User, Self::InetOrgPerson, Self::Group, Self::Contact];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::InetOrgPerson => "inetOrgPerson",
            Self::Group => "group",
            Self::Contact => "contact",
        }
    }

    fn find(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|class| class.name().eq_ignore_ascii_case(name.trim()))
    }

    pub(super) fn kind(self) -> ObjectKind {
        match self {
            Self::User | Self::InetOrgPerson => ObjectKind::User,
            Self::Group => ObjectKind::Group,
            Self::Contact => ObjectKind::Contact,
        }
    }
}

/// What becomes of the objects of one class.
pub(super) struct ObjectPlan {
    pub(super) class: SourceClass,
    pub(super) enabled: bool,
    /// `flowTypes`.
    pub(super) adds: bool,
    pub(super) updates: bool,
    pub(super) deletes: bool,
    pub(super) filter: Filter,
    pub(super) mappings: Vec<AttributePlan>,
    /// Which references flow.
    pub(super) reference: Option<LinkAttribute>,
}

impl ObjectPlan {
    /// The mapping of a target attribute.
    pub(super) fn mapping(&self, target: &str) -> Option<&AttributePlan> {
        self.mappings
            .iter()
            .find(|mapping| mapping.target.eq_ignore_ascii_case(target))
    }
}

/// What becomes of one target attribute.
pub(super) struct AttributePlan {
    pub(super) target: String,
    pub(super) property: Property,
    /// None: unmapped, with a default at creation only.
    pub(super) source: Option<Source>,
    pub(super) default: Option<String>,
    pub(super) flow: Flow,
}

/// Where a value comes from (CS 5.9).
pub(super) enum Source {
    /// An attribute, lower case and as it was written.
    Attribute(String, String),
    Constant(String),
    Function(Expression),
}

/// When a value flows (CS 5.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Always,
    /// Only during creation.
    ObjectAddOnly,
    /// Values are added and never taken away.
    MultiValueAddOnly,
}

impl Plan {
    /// `id` of the schema's rule, which provisioning on demand names.
    #[must_use]
    pub fn rule_id(&self) -> &str {
        &self.rule_id
    }

    /// Names of every attribute that a job asks the agent for, each once, in a fixed order.
    #[must_use]
    pub fn requested_attributes(&self) -> &[String] {
        &self.requested
    }

    /// What becomes of objects of a kind; `inet_org_person` tells the two classes of users apart.
    pub(super) fn object(&self, kind: ObjectKind, inet_org_person: bool) -> Option<&ObjectPlan> {
        let class = match kind {
            ObjectKind::User if inet_org_person => SourceClass::InetOrgPerson,
            ObjectKind::User => SourceClass::User,
            ObjectKind::Group => SourceClass::Group,
            ObjectKind::Contact => SourceClass::Contact,
        };
        self.objects.iter().find(|object| object.class == class)
    }

    /// Whether membership in groups decides the scope: then it is known only after everything has been read.
    pub(super) fn depends_on_groups(&self) -> bool {
        !self.groups.is_empty() || !self.member_groups.is_empty()
    }
}

/// Names of the attributes that a job with the default schema asks an agent for.
#[must_use]
pub fn requested_attributes() -> Vec<String> {
    let schema = default_schema(uuid::Uuid::nil(), &Assumptions::default());
    Plan::compile(&schema).map_or_else(|_| Vec::new(), |plan| plan.requested)
}

/// Lower case as attribute names are compared.
fn lower(text: &str) -> String {
    text.trim().to_lowercase()
}
