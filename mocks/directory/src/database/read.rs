//! Reading an attribute wherever it lives: in the object's row, in its place in the tree, or in the link table.

use std::borrow::Cow;
use std::sync::Arc;

use super::Database;
use crate::model::{Dnt, ExtendedDn, Name, Object, Value, boolean, generalized_time, text};
use crate::schema::{AttributeDef, AttributeId, Schema, Syntax};

impl Database {
    /// The objects that a link, back-link or other reference attribute names.
    #[must_use]
    pub fn references(&self, object: &Object, attribute: AttributeId) -> Vec<Dnt> {
        let schema = Schema::get();
        let def = schema.def(attribute);
        if def.is_back_link() {
            return schema
                .link_partner(attribute)
                .map(|forward| self.linked_from(object.dnt, forward).collect())
                .unwrap_or_default();
        }
        if def.is_forward_link() && def.syntax == Syntax::Dn {
            return self
                .links(object.dnt, attribute)
                .filter(|(_, value)| value.present)
                .map(|(target, _)| target)
                .collect();
        }
        if attribute == schema.known.distinguished_name {
            return vec![object.dnt];
        }
        object
            .stored(attribute)
            .iter()
            .filter_map(|value| reference_of(value))
            .collect()
    }

    /// The values of an attribute as clients read them; names in the form asked for.
    ///
    /// Secret and constructed attributes read as absent.
    #[must_use]
    pub fn values<'a>(
        &'a self,
        object: &'a Object,
        attribute: AttributeId,
        form: Option<ExtendedDn>,
    ) -> Cow<'a, [Value]> {
        let schema = Schema::get();
        let def = schema.def(attribute);
        if let Some(values) = structural(object, attribute) {
            return Cow::Owned(values);
        }
        if def.syntax == Syntax::Dn {
            return self
                .references(object, attribute)
                .into_iter()
                .filter(|target| self.get(*target).is_some())
                .map(|target| text(&self.name_text(target, form)))
                .collect();
        }
        if def.syntax == Syntax::DnBinary {
            return object
                .stored(attribute)
                .iter()
                .filter_map(|value| self.dn_binary_text(value, form))
                .collect();
        }
        Cow::Borrowed(object.stored(attribute))
    }

    /// The attributes that have a value and are not constructed, in the order of the schema.
    #[must_use]
    pub fn attributes_of(&self, object: &Object) -> Vec<AttributeId> {
        let known = &Schema::get().known;
        let mut ids: Vec<AttributeId> = object
            .slots()
            .iter()
            .filter(|slot| !slot.values.as_slice().is_empty())
            .map(|slot| slot.attribute)
            .chain([
                known.object_guid,
                known.usn_changed,
                known.usn_created,
                known.changed,
                known.created,
                known.name,
                known.distinguished_name,
            ])
            .chain(object.deleted.then_some(known.is_deleted))
            .chain(self.linked_attributes(object.dnt))
            .collect();
        ids.extend(match &object.name {
            Name::Child { attribute, .. } => Some(*attribute),
            Name::Head(head) => head_naming_attribute(head),
        });
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Whether an attribute has a value, without rendering any.
    #[must_use]
    pub fn has(&self, object: &Object, attribute: AttributeId) -> bool {
        let def = Schema::get().def(attribute);
        if def.link_id != 0 && def.syntax == Syntax::Dn {
            return !self.references(object, attribute).is_empty();
        }
        structural(object, attribute).is_some_and(|values| !values.is_empty())
            || attribute == Schema::get().known.distinguished_name
            || !object.stored(attribute).is_empty()
    }

    fn dn_binary_text(&self, value: &[u8], form: Option<ExtendedDn>) -> Option<Value> {
        let target = reference_of(value)?;
        let binary = value.get(4..)?;
        self.get(target)?;
        Some(text(&format!(
            "B:{}:{}:{}",
            binary.len() * 2,
            hex::encode_upper(binary),
            self.name_text(target, form)
        )))
    }
}

/// The tag at the start of a stored reference.
pub(crate) fn reference_of(value: &[u8]) -> Option<Dnt> {
    let (tag, _) = value.split_first_chunk::<4>()?;
    Some(Dnt(u32::from_be_bytes(*tag)))
}

/// A stored reference: the tag, then the bytes that accompany a name in the DN-binary syntax.
pub(crate) fn reference(target: Dnt, binary: &[u8]) -> Value {
    let mut bytes = target.0.to_be_bytes().to_vec();
    bytes.extend_from_slice(binary);
    Arc::from(bytes)
}

/// The attributes that follow from the row itself.
fn structural(object: &Object, attribute: AttributeId) -> Option<Vec<Value>> {
    let known = &Schema::get().known;
    let number = |n: u64| vec![text(&n.to_string())];
    if let Name::Child {
        attribute: naming,
        value,
        ..
    } = &object.name
        && (attribute == *naming || attribute == known.name)
    {
        return Some(vec![text(value)]);
    }
    if let Name::Head(head) = &object.name
        && (attribute == known.name || Some(attribute) == head_naming_attribute(head))
    {
        return Some(head_value(head).map(text).into_iter().collect());
    }
    if attribute == known.object_guid {
        Some(vec![Arc::from(object.guid.to_le_bytes())])
    } else if attribute == known.usn_changed {
        Some(number(object.usn_changed))
    } else if attribute == known.usn_created {
        Some(number(object.usn_created))
    } else if attribute == known.changed {
        Some(vec![generalized_time(object.when_changed)])
    } else if attribute == known.created {
        Some(vec![generalized_time(object.when_created)])
    } else if attribute == known.is_deleted {
        Some(object.deleted.then(|| boolean(true)).into_iter().collect())
    } else {
        None
    }
}

fn head_naming_attribute(head: &str) -> Option<AttributeId> {
    Schema::get().attribute(head.split('=').next()?)
}

fn head_value(head: &str) -> Option<&str> {
    head.split(',').next()?.split('=').nth(1)
}

/// Whether an attribute is shown to nobody by a plain read: it is secret, or made on request.
pub(crate) fn is_hidden(def: &AttributeDef) -> bool {
    def.secret || def.is_constructed()
}
