//! Indexes: from the values that clients look for to the objects that have them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use provlab_protocol::guid::Guid;

use crate::model::{Dnt, Name, Object};
use crate::schema::{AttributeId, Schema};

/// Attributes whose values are indexed for equality, prefixes and ranges.
///
/// Active Directory indexes more; these are the ones that clients of a provisioning lab search by. An index on
/// every attribute would double the memory of a large population.
pub const INDEXED: &[&str] = &[
    "dNSHostName",
    "mail",
    "mS-DS-ConsistencyGuid",
    "objectCategory",
    "objectSid",
    "proxyAddresses",
    "sAMAccountName",
    "servicePrincipalName",
    "userPrincipalName",
];

static INDEXED_IDS: LazyLock<Vec<AttributeId>> = LazyLock::new(|| {
    let mut ids: Vec<_> = INDEXED
        .iter()
        .filter_map(|name| Schema::get().attribute(name))
        .collect();
    ids.sort_unstable();
    ids
});

/// Whether values of the attribute are indexed.
pub(super) fn is_indexed(attribute: AttributeId) -> bool {
    INDEXED_IDS.binary_search(&attribute).is_ok()
}

/// One entry of the value index, in the order: attribute, value, object.
pub(super) type ValueKey = (AttributeId, Box<[u8]>, Dnt);

/// Everything that is derived from the objects.
#[derive(Clone, Debug, Default)]
pub(super) struct Indexes {
    pub(super) guids: BTreeMap<Guid, Dnt>,
    pub(super) usns: BTreeMap<u64, Dnt>,
    pub(super) values: BTreeSet<ValueKey>,
    /// Children by parent and folded relative name, such as `cn=alice`.
    pub(super) children: BTreeMap<(Dnt, Box<str>), Dnt>,
    /// Heads of naming contexts by folded name.
    pub(super) heads: BTreeMap<Box<str>, Dnt>,
}

impl Indexes {
    pub(super) fn learn(&mut self, schema: &Schema, object: &Object) {
        self.guids.insert(object.guid, object.dnt);
        self.usns.insert(object.usn_changed, object.dnt);
        match &object.name {
            Name::Head(name) => {
                self.heads.insert(name.to_lowercase().into(), object.dnt);
            }
            Name::Child {
                parent,
                attribute,
                value,
            } => {
                let key = (*parent, relative_key(schema, *attribute, value));
                self.children.insert(key, object.dnt);
            }
        }
        for key in value_keys(schema, object) {
            self.values.insert(key);
        }
    }

    pub(super) fn forget(&mut self, schema: &Schema, object: &Object) {
        self.guids.remove(&object.guid);
        if self.usns.get(&object.usn_changed) == Some(&object.dnt) {
            self.usns.remove(&object.usn_changed);
        }
        match &object.name {
            Name::Head(name) => {
                self.heads.remove(name.to_lowercase().as_str());
            }
            Name::Child {
                parent,
                attribute,
                value,
            } => {
                let key = (*parent, relative_key(schema, *attribute, value));
                // A rename of another object may have taken the name over within the same operation.
                if self.children.get(&key) == Some(&object.dnt) {
                    self.children.remove(&key);
                }
            }
        }
        for key in value_keys(schema, object) {
            self.values.remove(&key);
        }
    }
}

/// A relative name in the form in which equal names are identical.
pub(super) fn relative_key(schema: &Schema, attribute: AttributeId, value: &str) -> Box<str> {
    let mut key = schema.def(attribute).name.to_ascii_lowercase();
    key.push('=');
    key.push_str(&value.to_lowercase());
    key.into()
}

fn value_keys<'a>(schema: &'a Schema, object: &'a Object) -> impl Iterator<Item = ValueKey> + 'a {
    object
        .slots()
        .iter()
        .filter(|slot| is_indexed(slot.attribute))
        .flat_map(move |slot| {
            let def = schema.def(slot.attribute);
            slot.values.as_slice().iter().filter_map(move |value| {
                // References are stored as tags, which are their own keys.
                let key = if def.syntax.is_reference() {
                    Some(value.to_vec())
                } else {
                    def.syntax.key(value)
                };
                key.map(|key| (slot.attribute, key.into_boxed_slice(), object.dnt))
            })
        })
}

impl super::Database {
    /// The objects whose attribute equals `value`, by index; `None` if the attribute has none or the value is malformed.
    ///
    /// For reference attributes, `value` is the stored reference.
    #[must_use]
    pub fn equal(&self, attribute: AttributeId, value: &[u8]) -> Option<Vec<Dnt>> {
        let key = index_key(attribute, value)?;
        self.value_range(attribute, &key, |found| found == key.as_slice(), usize::MAX)
    }

    /// As [`equal`](Self::equal) for a value in its comparison form, giving up (`None`) beyond `limit` objects.
    pub(crate) fn equal_key(&self, attribute: AttributeId, key: &[u8], limit: usize) -> Option<Vec<Dnt>> {
        is_indexed(attribute).then_some(())?;
        self.value_range(attribute, key, |found| found == key, limit)
    }

    /// The objects whose attribute begins with `key`, giving up (`None`) beyond `limit` objects.
    pub(crate) fn starting_with_key(
        &self,
        attribute: AttributeId,
        key: &[u8],
        limit: usize,
    ) -> Option<Vec<Dnt>> {
        is_indexed(attribute).then_some(())?;
        self.value_range(attribute, key, |found| found.starts_with(key), limit)
    }

    fn value_range(
        &self,
        attribute: AttributeId,
        from: &[u8],
        wanted: impl Fn(&[u8]) -> bool,
        limit: usize,
    ) -> Option<Vec<Dnt>> {
        let mut found = Vec::new();
        let range = self.indexes.values.range((attribute, Box::from(from), Dnt(0))..);
        for (_, _, dnt) in range.take_while(|(known, value, _)| *known == attribute && wanted(value)) {
            if found.len() >= limit {
                return None;
            }
            found.push(*dnt);
        }
        found.sort_unstable();
        found.dedup();
        Some(found)
    }
}

fn index_key(attribute: AttributeId, value: &[u8]) -> Option<Vec<u8>> {
    if !is_indexed(attribute) {
        return None;
    }
    let syntax = Schema::get().def(attribute).syntax;
    if syntax.is_reference() {
        Some(value.to_vec())
    } else {
        syntax.key(value)
    }
}
