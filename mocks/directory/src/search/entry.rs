//! Writing an object as an entry: only what is asked for and may be read.

use provlab_protocol::security::SecurityDescriptor;

use super::constructed;
use super::selection::{Range, Selected, Selection};
use super::{MAX_VALUE_RANGE, View};
use crate::access::Right;
use crate::database::is_hidden;
use crate::model::{Entry, ExtendedDn, LdapError, Object, SearchRequest, Value, text};
use crate::schema::{AttributeId, Syntax};

/// Parts of a descriptor in the SD flags control (PR 15.3).
mod parts {
    pub(super) const OWNER: u32 = 1;
    pub(super) const GROUP: u32 = 2;
    pub(super) const DACL: u32 = 4;
}

/// Writes objects as entries of one answer.
pub(crate) struct EntryWriter<'a> {
    view: View<'a>,
    selection: Selection,
    types_only: bool,
    sd_flags: Option<u32>,
    extended_dn: Option<ExtendedDn>,
}

impl<'a> EntryWriter<'a> {
    pub(crate) fn new(view: View<'a>, selection: Selection, request: &SearchRequest) -> Self {
        Self {
            view,
            selection,
            types_only: request.types_only,
            sd_flags: request.sd_flags,
            extended_dn: request.extended_dn,
        }
    }

    pub(crate) fn view(&self) -> &View<'a> {
        &self.view
    }

    pub(crate) fn selection(&self) -> &Selection {
        &self.selection
    }

    pub(crate) fn extended_dn(&self) -> Option<ExtendedDn> {
        self.extended_dn
    }

    /// The object's name in the form asked for.
    pub(crate) fn name(&self, object: &Object) -> String {
        self.view
            .directory
            .database()
            .name_text(object.dnt, self.extended_dn)
    }

    /// The object as an entry.
    pub(crate) fn write(&self, object: &Object) -> Result<Entry, LdapError> {
        let mut entry = Entry {
            dn: self.name(object),
            attributes: Vec::new(),
        };
        if self.selection.all {
            self.write_all(object, &mut entry);
        }
        if self.selection.operational {
            for name in constructed::OPERATIONAL {
                if let Some(id) = self.view.directory.schema().attribute(name) {
                    self.write_constructed(object, id, &mut entry)?;
                }
            }
        }
        for selected in &self.selection.named {
            self.write_named(object, *selected, &mut entry)?;
        }
        if self.types_only {
            for (_, values) in &mut entry.attributes {
                values.clear();
            }
        }
        Ok(entry)
    }

    fn write_all(&self, object: &Object, entry: &mut Entry) {
        let schema = self.view.directory.schema();
        let known = &schema.known;
        let database = self.view.directory.database();
        let mut ids = database.attributes_of(object);
        ids.retain(|id| {
            !is_hidden(schema.def(*id)) && (*id != known.security_descriptor || self.sd_flags.is_some())
        });
        for attribute in ids {
            let named = self
                .selection
                .named
                .iter()
                .any(|selected| selected.attribute == attribute);
            if !named {
                self.write_stored(
                    object,
                    Selected {
                        attribute,
                        range: None,
                    },
                    entry,
                );
            }
        }
    }

    fn write_named(&self, object: &Object, selected: Selected, entry: &mut Entry) -> Result<(), LdapError> {
        let def = self.view.directory.schema().def(selected.attribute);
        if def.secret {
            return Ok(());
        }
        if def.is_constructed() {
            return self.write_constructed(object, selected.attribute, entry);
        }
        self.write_stored(object, selected, entry);
        Ok(())
    }

    fn write_constructed(
        &self,
        object: &Object,
        attribute: AttributeId,
        entry: &mut Entry,
    ) -> Result<(), LdapError> {
        if !self.view.reads(object, attribute) {
            return Ok(());
        }
        let values = constructed::values(&self.view, object, attribute)?;
        if !values.is_empty() {
            let name = self.view.directory.schema().def(attribute).name;
            entry.attributes.push((name.to_owned(), values));
        }
        Ok(())
    }

    fn write_stored(&self, object: &Object, selected: Selected, entry: &mut Entry) {
        let directory = self.view.directory;
        let def = directory.schema().def(selected.attribute);
        if selected.attribute == directory.schema().known.security_descriptor {
            entry.attributes.extend(
                self.descriptor(object)
                    .map(|value| (def.name.to_owned(), vec![value])),
            );
            return;
        }
        if !self.view.reads(object, selected.attribute) {
            return;
        }
        let database = directory.database();
        if def.link_id != 0 && def.syntax == Syntax::Dn {
            let targets = database.references(object, selected.attribute);
            let (description, slice) = ranged(def.name, &targets, selected.range);
            if targets.is_empty() {
                return;
            }
            let values = slice
                .iter()
                .map(|target| text(&database.name_text(*target, self.extended_dn)))
                .collect();
            if selected.range.is_none() && description != def.name {
                // Active Directory lists the bare attribute without values beside its first range.
                entry.attributes.push((def.name.to_owned(), Vec::new()));
            }
            entry.attributes.push((description, values));
            return;
        }
        let values = database.values(object, selected.attribute, self.extended_dn);
        if values.is_empty() {
            return;
        }
        let (description, slice) = ranged(def.name, &values, selected.range);
        entry.attributes.push((description, slice.to_vec()));
    }

    /// The effective descriptor, cut down to the parts asked for. The SACL takes a privilege that no account here has.
    pub(crate) fn descriptor(&self, object: &Object) -> Option<Value> {
        if !self.view.allowed(object, Right::ReadControl) {
            return None;
        }
        let flags = self.sd_flags.unwrap_or(parts::OWNER | parts::GROUP | parts::DACL);
        self.view.descriptor(object, |full| {
            let cut = SecurityDescriptor {
                owner: full.owner.filter(|_| flags & parts::OWNER != 0),
                group: full.group.filter(|_| flags & parts::GROUP != 0),
                dacl: full.dacl.filter(|_| flags & parts::DACL != 0),
                sacl: None,
                control: full.control,
            };
            cut.to_bytes().ok().map(Value::from)
        })
    }
}

/// The part of a list of values that goes into one entry, and the description under which it does.
fn ranged<'v, T>(name: &str, values: &'v [T], range: Option<Range>) -> (String, &'v [T]) {
    let Some(range) = range else {
        if values.len() <= MAX_VALUE_RANGE {
            return (name.to_owned(), values);
        }
        return (
            format!("{name};range=0-{}", MAX_VALUE_RANGE - 1),
            &values[..MAX_VALUE_RANGE],
        );
    };
    let wanted = range.to.map_or(usize::MAX, |to| to.saturating_add(1));
    let end = wanted
        .min(range.from.saturating_add(MAX_VALUE_RANGE))
        .min(values.len());
    let slice = values.get(range.from..end).unwrap_or_default();
    if end >= values.len() {
        (format!("{name};range={}-*", range.from), slice)
    } else {
        (format!("{name};range={}-{}", range.from, end - 1), slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_come_in_ranges() {
        let values: Vec<usize> = (0..3200).collect();
        let (name, first) = ranged("member", &values, None);
        assert_eq!((name.as_str(), first.len()), ("member;range=0-1499", 1500));
        let next = |from| Some(Range { from, to: None });
        let (name, second) = ranged("member", &values, next(1500));
        assert_eq!((name.as_str(), second[0]), ("member;range=1500-2999", 1500));
        let (name, last) = ranged("member", &values, next(3000));
        assert_eq!((name.as_str(), last.len()), ("member;range=3000-*", 200));
        let (name, some) = ranged("member", &values, Some(Range { from: 5, to: Some(6) }));
        assert_eq!((name.as_str(), some), ("member;range=5-6", &[5, 6][..]));
        let (name, none) = ranged("member", &values, next(9999));
        assert_eq!((name.as_str(), none.len()), ("member;range=9999-*", 0));
    }

    #[test]
    fn a_list_of_exactly_the_limit_is_whole() {
        let values = vec![0; MAX_VALUE_RANGE];
        assert_eq!(ranged("member", &values, None).0, "member");
        let values = vec![0; MAX_VALUE_RANGE + 1];
        assert_eq!(ranged("member", &values, None).0, "member;range=0-1499");
    }
}
