//! What an administrator has told a job to do, as far as the steps of a story say it.

use std::collections::BTreeMap;

use super::Kind;

/// Deletions from which on a cycle deletes nothing, in a new job (CS 5.6).
pub const DELETE_THRESHOLD: u32 = 500;

/// The configuration of one job; by default that of a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What is selected.
    pub scope: Scope,
    /// Filters of each kind: clauses of a group are all fulfilled, of one group at least.
    pub filters: BTreeMap<Kind, Vec<Vec<Clause>>>,
    /// Mappings that differ from the default ones, by kind and target attribute in lower case; `None` for one that was
    /// taken away.
    pub mappings: BTreeMap<(Kind, String), Option<Mapping>>,
    /// Whether objects that leave the scope stay in the tenant (`SkipOutOfScopeDeletions`).
    pub keeps_out_of_scope: bool,
    /// Deletions from which on a cycle deletes nothing (CS 5.6).
    pub delete_threshold: Option<u32>,
    /// What is assumed where the documents are silent, as far as it is other than by default.
    pub assumptions: BTreeMap<String, bool>,
}

impl Settings {
    /// Whether something is assumed, by the name of the switch in the world.
    pub fn assumes(&self, name: &str) -> bool {
        self.assumptions.get(name).copied().unwrap_or(true)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            scope: Scope::All,
            filters: BTreeMap::new(),
            mappings: BTreeMap::new(),
            keeps_out_of_scope: false,
            delete_threshold: Some(DELETE_THRESHOLD),
            assumptions: BTreeMap::new(),
        }
    }
}

/// What is selected (CS 5.8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    #[default]
    All,
    /// Organizational units with what is below them, by distinguished name.
    Units(Vec<String>),
    /// Groups with their direct members, by distinguished name.
    Groups(Vec<String>),
}

/// One clause of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Attribute of the directory.
    pub attribute: String,
    /// Operator as Graph calls it.
    pub operator: String,
    /// What it compares with.
    pub values: Vec<String>,
}

/// One mapping (CS 5.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Where the value comes from.
    pub from: From,
    /// Value of a new object whose source is empty.
    pub default: Option<String>,
    /// Whether it is applied to new objects only.
    pub only_at_creation: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// An attribute.
    Attribute(String),
    /// A fixed text.
    Constant(String),
    /// An expression of those that the module `expression` knows.
    Expression(String),
}
