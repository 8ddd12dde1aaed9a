//! Scoping filters, compiled: clauses of a group must all hold, any group suffices (CS 5.8).

use time::OffsetDateTime;

use super::super::schema::{FilterClause, FilterGroup, ScopeFilter};
use super::compile::{At, SchemaError};
use super::operator::{Operand, Operator};

/// Most groups of a filter, most clauses of a group, most values of a clause (our own bounds; the product's are not public).
pub(super) const MAX_GROUPS: usize = 64;
pub(super) const MAX_CLAUSES: usize = 64;
pub(super) const MAX_VALUES: usize = 1_000;

/// What a filter looks at.
pub(in crate::engine) trait Subject {
    /// Values of an attribute by lower-case name; empty if it has none.
    fn values(&self, attribute: &str) -> Vec<String>;
    /// Whether it is a direct member of the group with this distinguished name.
    fn is_member_of(&self, group: &str) -> bool;
    /// Wall time.
    fn now(&self) -> OffsetDateTime;
}

struct Clause {
    operator: &'static Operator,
    attribute: String,
    operand: Operand,
}

impl Clause {
    fn holds(&self, subject: &dyn Subject) -> bool {
        let values = subject.values(&self.attribute);
        let direct = self.operator.holds(&values, &self.operand, subject.now());
        direct.unwrap_or_else(|| match &self.operand {
            Operand::Texts(groups) => groups.iter().any(|group| subject.is_member_of(group)),
            _ => false,
        })
    }
}

/// Groups of clauses; without any, everything passes.
#[derive(Default)]
pub(in crate::engine) struct AnyOf(Vec<Vec<Clause>>);

impl AnyOf {
    fn compile(groups: &[FilterGroup], at: &At) -> Result<Self, SchemaError> {
        at.bounded("groups", groups.len(), MAX_GROUPS)?;
        let compile = |(number, group): (usize, &FilterGroup)| {
            let at = at.item(number);
            at.bounded("clauses", group.clauses.len(), MAX_CLAUSES)?;
            let clauses = group.clauses.iter().enumerate();
            clauses
                .map(|(number, clause)| compile_clause(clause, &at.member("clauses").item(number)))
                .collect()
        };
        groups
            .iter()
            .enumerate()
            .map(compile)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn holds(&self, subject: &dyn Subject) -> bool {
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|clauses| clauses.iter().all(|clause| clause.holds(subject)))
    }

    fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.0.iter().flatten()
    }
}

fn compile_clause(clause: &FilterClause, at: &At) -> Result<Clause, SchemaError> {
    let operator = Operator::find(&clause.operator_name).ok_or_else(|| {
        at.member("operatorName").wrong(format!(
            "'{}' is not an operator; use one of {}",
            short(&clause.operator_name),
            super::operator::OPERATORS.map(|known| known.name).join(", ")
        ))
    })?;
    let values = clause
        .target_operand
        .as_ref()
        .map_or(&[][..], |operand| operand.values.as_slice());
    let values_at = at.member("targetOperand.values");
    values_at.bounded("values", values.len(), MAX_VALUES)?;
    let attribute = clause.source_operand_name.trim();
    if attribute.is_empty() && operator.name != "IS_MEMBER_OF" {
        return Err(at
            .member("sourceOperandName")
            .wrong("an attribute of the source is needed".to_owned()));
    }
    Ok(Clause {
        operator,
        attribute: attribute.to_lowercase(),
        operand: operator.read(values).map_err(|what| values_at.wrong(what))?,
    })
}

/// The start of a text that is shown back to who sent it.
pub(in crate::engine) fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

/// A whole `scope`.
#[derive(Default)]
pub(in crate::engine) struct Filter {
    groups: AnyOf,
    categories: AnyOf,
    input: AnyOf,
}

/// What a filter says of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Verdict {
    In,
    Out,
    /// Outside of the input filter: it is not looked at, and what was provisioned stays.
    Ignored,
}

impl Filter {
    pub(in crate::engine) fn compile(scope: &ScopeFilter, at: &At) -> Result<Self, SchemaError> {
        Ok(Self {
            groups: AnyOf::compile(&scope.groups, &at.member("groups"))?,
            categories: AnyOf::compile(&scope.category_filter_groups, &at.member("categoryFilterGroups"))?,
            input: AnyOf::compile(&scope.input_filter_groups, &at.member("inputFilterGroups"))?,
        })
    }

    pub(in crate::engine) fn judge(&self, subject: &dyn Subject) -> Verdict {
        if !self.input.holds(subject) {
            Verdict::Ignored
        } else if self.groups.holds(subject) && self.categories.holds(subject) {
            Verdict::In
        } else {
            Verdict::Out
        }
    }

    fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.groups
            .clauses()
            .chain(self.categories.clauses())
            .chain(self.input.clauses())
    }

    /// Attributes that it looks at, lower case.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.clauses()
            .map(|clause| clause.attribute.as_str())
            .filter(|name| !name.is_empty())
    }

    /// Groups whose membership it looks at.
    pub(super) fn member_groups(&self) -> impl Iterator<Item = &str> {
        self.clauses()
            .filter(|clause| clause.operator.name == "IS_MEMBER_OF")
            .flat_map(|clause| match &clause.operand {
                Operand::Texts(groups) => groups.iter().map(String::as_str).collect::<Vec<_>>(),
                _ => Vec::new(),
            })
    }
}
