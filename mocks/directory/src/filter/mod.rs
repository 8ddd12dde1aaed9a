//! Search filters (RFC 4511 4.5.1.7) with the matching rules of Active Directory.

mod evaluate;
mod plan;
mod text;

use std::fmt;

use crate::schema::Schema;

pub use evaluate::Evaluator;
pub(crate) use plan::candidates;
pub use text::{FilterError, MAX_FILTER_TEXT_BYTES};

/// Deepest nesting of a filter.
pub const MAX_FILTER_DEPTH: usize = 100;
/// Most terms of a filter.
pub const MAX_FILTER_TERMS: usize = 10_000;

/// Object identifiers of the matching rules (MS-ADTS 3.1.1.3.4.4).
pub mod rule {
    /// All bits of the value are set.
    pub const BIT_AND: &str = "1.2.840.113556.1.4.803";
    /// Any bit of the value is set.
    pub const BIT_OR: &str = "1.2.840.113556.1.4.804";
    /// The link leads to the value, directly or through other objects.
    pub const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";
}

/// A search filter. Values are bytes: text in UTF-8, and anything else as it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of these.
    And(Vec<Filter>),
    /// Any of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// `(attribute=value)`
    Equality {
        /// Attribute.
        attribute: String,
        /// Value.
        value: Vec<u8>,
    },
    /// `(attribute=initial*any*last)`
    Substrings {
        /// Attribute.
        attribute: String,
        /// What the value begins with.
        initial: Option<Vec<u8>>,
        /// What it contains, in this order.
        any: Vec<Vec<u8>>,
        /// What it ends with.
        last: Option<Vec<u8>>,
    },
    /// `(attribute>=value)`
    GreaterOrEqual {
        /// Attribute.
        attribute: String,
        /// Value.
        value: Vec<u8>,
    },
    /// `(attribute<=value)`
    LessOrEqual {
        /// Attribute.
        attribute: String,
        /// Value.
        value: Vec<u8>,
    },
    /// `(attribute=*)`
    Present(String),
    /// `(attribute~=value)`, which Active Directory treats as equality.
    Approx {
        /// Attribute.
        attribute: String,
        /// Value.
        value: Vec<u8>,
    },
    /// `(attribute:dn:rule:=value)`
    Extensible {
        /// Matching rule.
        rule: Option<String>,
        /// Attribute.
        attribute: Option<String>,
        /// Value.
        value: Vec<u8>,
        /// Whether the components of the object's name count as attributes.
        dn_attributes: bool,
    },
}

impl Filter {
    /// `(attribute=value)` with a text value.
    #[must_use]
    pub fn equals(attribute: &str, value: &str) -> Self {
        Self::Equality {
            attribute: attribute.to_owned(),
            value: value.as_bytes().to_vec(),
        }
    }

    /// `(objectClass=*)`: every object.
    #[must_use]
    pub fn everything() -> Self {
        Self::Present("objectClass".to_owned())
    }

    /// The first constructed attribute that it asks about: Active Directory refuses such a filter as inappropriate
    /// matching (MS-ADTS 3.1.1.3.1.3.1).
    #[must_use]
    pub fn constructed_attribute(&self) -> Option<&str> {
        let schema = Schema::get();
        let is_constructed = |name: &str| {
            // Ambiguous name resolution is constructed, and there to be asked about.
            let id = schema
                .attribute(name)
                .filter(|_| !name.eq_ignore_ascii_case("anr"));
            id.is_some_and(|id| schema.def(id).is_constructed())
        };
        let mut open = vec![self];
        while let Some(filter) = open.pop() {
            let name = match filter {
                Self::And(inner) | Self::Or(inner) => {
                    open.extend(inner);
                    continue;
                }
                Self::Not(inner) => {
                    open.push(inner);
                    continue;
                }
                Self::Present(attribute)
                | Self::Equality { attribute, .. }
                | Self::Substrings { attribute, .. }
                | Self::GreaterOrEqual { attribute, .. }
                | Self::LessOrEqual { attribute, .. }
                | Self::Approx { attribute, .. }
                | Self::Extensible {
                    attribute: Some(attribute),
                    ..
                } => attribute,
                Self::Extensible { attribute: None, .. } => continue,
            };
            if is_constructed(name) {
                return Some(name);
            }
        }
        None
    }

    /// Whether it is within [`MAX_FILTER_DEPTH`] and [`MAX_FILTER_TERMS`].
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        let mut open = vec![(self, 1)];
        let mut terms = 0;
        while let Some((filter, depth)) = open.pop() {
            terms += 1;
            if depth > MAX_FILTER_DEPTH || terms > MAX_FILTER_TERMS {
                return false;
            }
            match filter {
                Self::And(inner) | Self::Or(inner) => {
                    open.extend(inner.iter().map(|filter| (filter, depth + 1)));
                }
                Self::Not(inner) => open.push((inner, depth + 1)),
                _ => {}
            }
        }
        true
    }
}

/// Debug output is the filter's text.
impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
