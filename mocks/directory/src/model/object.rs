//! One object of the directory: identity, place in the tree, attribute values and their change metadata.

use std::fmt;
use std::sync::Arc;

use provlab_protocol::filetime::FileTime;
use provlab_protocol::guid::Guid;

use super::secret::SecretValues;
use super::value::Value;
use crate::schema::AttributeId;

/// The distinguished name tag: the number by which this database knows an object. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dnt(pub u32);

impl fmt::Debug for Dnt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dnt {}", self.0)
    }
}

/// When an attribute or link value was last written: the USN of the write and how often it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// USN of the last originating write.
    pub usn: u64,
    /// Number of originating writes.
    pub version: u32,
}

/// The values of one attribute. Most attributes hold one value, which then needs no list of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Values {
    /// No value: the attribute was cleared, and its stamp remembers when.
    #[default]
    None,
    /// One value.
    One(Value),
    /// Two or more values, in the order in which they were added.
    Many(Box<[Value]>),
}

impl Values {
    /// The values as a slice.
    #[must_use]
    pub fn as_slice(&self) -> &[Value] {
        match self {
            Self::None => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

impl From<Vec<Value>> for Values {
    fn from(mut values: Vec<Value>) -> Self {
        match values.len() {
            0 => Self::None,
            1 => values.pop().map_or(Self::None, Self::One),
            _ => Self::Many(values.into_boxed_slice()),
        }
    }
}

/// An attribute with its values and change metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Which attribute.
    pub attribute: AttributeId,
    /// When it was last written.
    pub stamp: Stamp,
    /// Its values; empty for a cleared and for a secret attribute.
    pub values: Values,
}

/// Where an object stands in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// The head of a naming context, with its whole name, such as `DC=contoso,DC=com`.
    Head(Arc<str>),
    /// A child of another object.
    Child {
        /// The object above.
        parent: Dnt,
        /// The naming attribute, such as `cn`.
        attribute: AttributeId,
        /// Its value, unescaped.
        value: Arc<str>,
    },
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Tag in this database.
    pub dnt: Dnt,
    /// `objectGUID`.
    pub guid: Guid,
    /// Place in the tree.
    pub name: Name,
    /// Change metadata of the name.
    pub name_stamp: Stamp,
    /// `uSNCreated`.
    pub usn_created: u64,
    /// `uSNChanged`.
    pub usn_changed: u64,
    /// `whenCreated`.
    pub when_created: FileTime,
    /// `whenChanged`.
    pub when_changed: FileTime,
    /// Whether it is a tombstone (`isDeleted`).
    pub deleted: bool,
    slots: Vec<Slot>,
    secrets: Vec<(AttributeId, SecretValues)>,
}

impl Object {
    /// An object without attributes, created at `now` with `usn`.
    #[must_use]
    pub fn new(dnt: Dnt, guid: Guid, name: Name, usn: u64, now: FileTime) -> Self {
        Self {
            dnt,
            guid,
            name,
            name_stamp: Stamp { usn, version: 1 },
            usn_created: usn,
            usn_changed: usn,
            when_created: now,
            when_changed: now,
            deleted: false,
            slots: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// The object above, or `None` for the head of a naming context.
    #[must_use]
    pub fn parent(&self) -> Option<Dnt> {
        match &self.name {
            Name::Head(_) => None,
            Name::Child { parent, .. } => Some(*parent),
        }
    }

    /// Every attribute ever written, in the schema's order.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The slot of one attribute.
    #[must_use]
    pub fn slot(&self, attribute: AttributeId) -> Option<&Slot> {
        self.slots
            .binary_search_by_key(&attribute, |slot| slot.attribute)
            .ok()
            .map(|at| &self.slots[at])
    }

    /// The stored values of one attribute. Links, secrets and constructed attributes are not stored here.
    #[must_use]
    pub fn stored(&self, attribute: AttributeId) -> &[Value] {
        self.slot(attribute).map_or(&[], |slot| slot.values.as_slice())
    }

    /// The first stored value.
    #[must_use]
    pub fn first(&self, attribute: AttributeId) -> Option<&Value> {
        self.stored(attribute).first()
    }

    /// Sets an attribute's values and stamps them with `usn`.
    pub fn set(&mut self, attribute: AttributeId, values: impl Into<Values>, usn: u64) {
        let values = values.into();
        match self.slots.binary_search_by_key(&attribute, |slot| slot.attribute) {
            Ok(at) => {
                let slot = &mut self.slots[at];
                slot.stamp = Stamp {
                    usn,
                    version: slot.stamp.version.saturating_add(1),
                };
                slot.values = values;
            }
            Err(at) => self.slots.insert(
                at,
                Slot {
                    attribute,
                    stamp: Stamp { usn, version: 1 },
                    values,
                },
            ),
        }
    }

    /// Sets the values that an attribute begins with: its first version, however often they are set.
    pub fn set_initially(&mut self, attribute: AttributeId, values: impl Into<Values>, usn: u64) {
        self.restore(Slot {
            attribute,
            stamp: Stamp { usn, version: 1 },
            values: values.into(),
        });
    }

    /// Sets an attribute's values without touching its change metadata: for what is not replicated.
    pub fn set_local(&mut self, attribute: AttributeId, values: impl Into<Values>) {
        let stamp = self.slot(attribute).map_or(Stamp::default(), |slot| slot.stamp);
        self.restore(Slot {
            attribute,
            stamp,
            values: values.into(),
        });
    }

    /// Puts a slot back as it was, stamp included.
    pub fn restore(&mut self, slot: Slot) {
        match self
            .slots
            .binary_search_by_key(&slot.attribute, |known| known.attribute)
        {
            Ok(at) => self.slots[at] = slot,
            Err(at) => self.slots.insert(at, slot),
        }
    }

    /// Removes attributes together with their change metadata, and every secret: what deletion does.
    pub fn remove(&mut self, attributes: &[AttributeId]) {
        self.slots.retain(|slot| !attributes.contains(&slot.attribute));
        self.secrets.clear();
    }

    /// The values of a secret attribute.
    #[must_use]
    pub fn secret(&self, attribute: AttributeId) -> Option<&SecretValues> {
        self.secrets
            .iter()
            .find(|(known, _)| *known == attribute)
            .map(|(_, values)| values)
    }

    /// Every secret attribute that has values.
    pub fn secrets(&self) -> impl ExactSizeIterator<Item = &(AttributeId, SecretValues)> {
        self.secrets.iter()
    }

    /// Sets a secret attribute; an empty set of values removes it.
    pub fn set_secret(&mut self, attribute: AttributeId, values: SecretValues) {
        self.secrets.retain(|(known, _)| *known != attribute);
        if !values.is_empty() {
            self.secrets.push((attribute, values));
        }
    }
}
