//! The attributes that a search asks for (RFC 4511 4.5.1.8), with Active Directory's range option (PR 15.3).

use crate::model::LdapError;
use crate::schema::{AttributeId, Schema};

/// Most attribute descriptions in one request.
pub(crate) const MAX_SELECTED: usize = 2_000;

/// A slice of an attribute's values: from one position to another, or to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: usize,
    pub(crate) to: Option<usize>,
}

/// One attribute asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) attribute: AttributeId,
    pub(crate) range: Option<Range>,
}

/// What a search asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Every attribute that is stored.
    pub(crate) all: bool,
    /// Operational attributes that are made on request.
    pub(crate) operational: bool,
    /// Attributes by name.
    pub(crate) named: Vec<Selected>,
}

impl Selection {
    /// Reads attribute descriptions. Names that the schema does not have are ignored, as the RFC demands.
    pub(crate) fn read(names: &[String]) -> Result<Self, LdapError> {
        if names.len() > MAX_SELECTED {
            return Err(LdapError::new(
                crate::model::ResultCode::AdminLimitExceeded,
                format!("a search may name {MAX_SELECTED} attributes, not {}", names.len()),
            ));
        }
        let mut selection = Self {
            all: names.is_empty(),
            operational: false,
            named: Vec::new(),
        };
        for name in names {
            match name.as_str() {
                "*" => selection.all = true,
                "+" => selection.operational = true,
                "1.1" => {}
                description => {
                    if let Some(selected) = read_description(description)
                        && !selection.named.contains(&selected)
                    {
                        selection.named.push(selected);
                    }
                }
            }
        }
        Ok(selection)
    }

    /// Whether an attribute is asked for, by name or with all the others.
    pub(crate) fn wants(&self, attribute: AttributeId) -> bool {
        self.all || self.named.iter().any(|selected| selected.attribute == attribute)
    }
}

fn read_description(description: &str) -> Option<Selected> {
    let mut parts = description.split(';');
    let attribute = Schema::get().attribute(parts.next()?)?;
    let mut range = None;
    for option in parts {
        let lower = option.to_ascii_lowercase();
        if let Some(bounds) = lower.strip_prefix("range=") {
            let (from, to) = bounds.split_once('-')?;
            range = Some(Range {
                from: from.parse().ok()?,
                to: if to == "*" { None } else { Some(to.parse().ok()?) },
            });
        }
    }
    Some(Selected { attribute, range })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed read fails the test")]
mod tests {
    use super::*;

    fn read(names: &[&str]) -> Selection {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        Selection::read(&names).unwrap()
    }

    #[test]
    fn nothing_means_everything_and_one_dot_one_means_nothing() {
        assert!(read(&[]).all);
        assert!(read(&["*", "cn"]).all);
        let none = read(&["1.1"]);
        assert!(!none.all && none.named.is_empty());
    }

    #[test]
    fn ranges_are_read_and_nonsense_is_ignored() {
        let selection = read(&[
            "member;range=1500-*",
            "member;Range=0-9",
            "member;range=x-1",
            "nope",
        ]);
        let ranges: Vec<_> = selection.named.iter().map(|s| s.range.unwrap()).collect();
        assert_eq!(
            ranges,
            [Range { from: 1500, to: None }, Range { from: 0, to: Some(9) }]
        );
    }

    #[test]
    fn the_number_of_attributes_is_bounded() {
        let names = |count| vec!["cn".to_owned(); count];
        assert!(Selection::read(&names(MAX_SELECTED)).is_ok());
        assert!(Selection::read(&names(MAX_SELECTED + 1)).is_err());
    }
}
