//! The `synchronizationSchema` as Graph carries it, typed (CS 6.4). Members that the engine does not follow are ignored here and kept by
//! whoever stores the JSON.

use serde::Deserialize;

/// A schema.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Schema {
    /// The rules; cloud sync has one.
    pub(crate) synchronization_rules: Vec<SynchronizationRule>,
}

/// What is synchronized from one directory to the other.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SynchronizationRule {
    /// `id`, which provisioning on demand names.
    #[serde(default)]
    pub(crate) id: Option<String>,
    /// Organizational units in scope.
    #[serde(default)]
    pub(crate) container_filter: Option<ContainerFilter>,
    /// Groups in scope.
    #[serde(default)]
    pub(crate) group_filter: Option<GroupFilter>,
    /// Classes and what becomes of them.
    pub(crate) object_mappings: Vec<ObjectMapping>,
}

/// `containerFilter`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContainerFilter {
    /// Distinguished names; empty: no filter.
    #[serde(default)]
    pub(crate) included_containers: Vec<String>,
}

/// `groupFilter`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupFilter {
    /// Distinguished names; empty: no filter.
    #[serde(default)]
    pub(crate) included_groups: Vec<String>,
}

/// One class of source objects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ObjectMapping {
    /// Whether the class is synchronized at all.
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    /// `Add,Update,Delete` in any choice.
    #[serde(default)]
    pub(crate) flow_types: Option<String>,
    /// Class of the source.
    pub(crate) source_object_name: String,
    /// Type of the target.
    pub(crate) target_object_name: String,
    /// Scoping filter.
    #[serde(default)]
    pub(crate) scope: Option<ScopeFilter>,
    /// Attribute mappings.
    #[serde(default)]
    pub(crate) attribute_mappings: Vec<AttributeMapping>,
}

fn yes() -> bool {
    true
}

/// `filter`: which objects of a class are in scope (CS 5.8).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScopeFilter {
    /// Any of these groups of clauses must hold.
    #[serde(default)]
    pub(crate) groups: Vec<FilterGroup>,
    /// Objects outside are not looked at; what was provisioned is not deprovisioned.
    #[serde(default)]
    pub(crate) input_filter_groups: Vec<FilterGroup>,
    /// As `groups`, beside them.
    #[serde(default)]
    pub(crate) category_filter_groups: Vec<FilterGroup>,
}

/// Clauses that must all hold.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FilterGroup {
    /// The clauses.
    #[serde(default)]
    pub(crate) clauses: Vec<FilterClause>,
}

/// One condition on one attribute.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FilterClause {
    /// Name of the operator, as `filterOperators` lists it.
    pub(crate) operator_name: String,
    /// Attribute of the source.
    pub(crate) source_operand_name: String,
    /// What it is compared with.
    #[serde(default)]
    pub(crate) target_operand: Option<FilterOperand>,
}

/// The right side of a clause.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct FilterOperand {
    /// Values; any of them.
    #[serde(default)]
    pub(crate) values: Vec<String>,
}

/// What becomes of one target attribute (CS 5.9, 6.4).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttributeMapping {
    /// Target attribute.
    pub(crate) target_attribute_name: String,
    /// Used at creation when the source gives nothing.
    #[serde(default)]
    pub(crate) default_value: Option<String>,
    /// `Always`, `ObjectAddOnly`, `MultiValueAddOnly`.
    #[serde(default)]
    pub(crate) flow_type: Option<String>,
    /// Where the value comes from; none leaves the target unmapped.
    #[serde(default)]
    pub(crate) source: Option<MappingSource>,
}

/// `attributeMappingSource`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct MappingSource {
    /// `Attribute`, `Constant`, `Function`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Attribute, constant or outermost function.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// The whole as an expression.
    #[serde(default)]
    pub(crate) expression: Option<String>,
}
