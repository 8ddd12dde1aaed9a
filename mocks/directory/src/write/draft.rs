//! An object while it is being changed.

use provlab_protocol::filetime::FileTime;

use super::values::Stored;
use crate::directory::Directory;
use crate::model::{Dnt, LinkKey, LinkValue, Name, Object, SecretValues, Stamp, Value, Values};
use crate::schema::AttributeId;

/// A copy of an object that collects changes, all stamped with one USN, and is put back at the end.
pub(crate) struct Draft {
    pub(crate) object: Object,
    usn: u64,
    /// Something that replicates was changed.
    changed: bool,
    /// Something that stays on this domain controller was changed.
    changed_locally: bool,
}

impl Draft {
    /// A draft of an existing object.
    pub(crate) fn of(directory: &Directory, object: &Object) -> Self {
        Self {
            object: object.clone(),
            usn: directory.database.counters().usn + 1,
            changed: false,
            changed_locally: false,
        }
    }

    /// A draft of a new object.
    pub(crate) fn new(object: Object) -> Self {
        Self {
            usn: object.usn_created,
            object,
            changed: true,
            changed_locally: false,
        }
    }

    /// Sets the values of an attribute that is stored in the row; the same values again are no change.
    pub(crate) fn set(&mut self, directory: &Directory, id: AttributeId, values: Vec<Value>) {
        if self.object.stored(id) == values {
            return;
        }
        if directory.schema().def(id).is_local() {
            self.object.set_local(id, values);
            self.changed_locally = true;
        } else {
            self.object.set(id, values, self.usn);
            self.changed = true;
        }
    }

    /// Sets a secret attribute. Its change metadata is kept like that of any other.
    pub(crate) fn set_secret(&mut self, id: AttributeId, values: SecretValues) {
        self.object.set_secret(id, values);
        self.object.set(id, Values::None, self.usn);
        self.changed = true;
    }

    /// Gives the object another name or place.
    pub(crate) fn set_name(&mut self, name: Name) {
        self.object.name = name;
        self.object.name_stamp = Stamp {
            usn: self.usn,
            version: self.object.name_stamp.version.saturating_add(1),
        };
        self.changed = true;
    }

    /// Sets an attribute of either kind to these values.
    pub(crate) fn replace(
        &mut self,
        directory: &mut Directory,
        now: FileTime,
        id: AttributeId,
        values: Vec<Stored>,
    ) {
        let mut row = Vec::new();
        let mut targets = Vec::new();
        for value in values {
            match value {
                Stored::Value(value) => row.push(value),
                Stored::Link(target) => targets.push(target),
            }
        }
        if !targets.is_empty() || directory.schema().def(id).is_forward_link() {
            let present = directory.database.references(&self.object, id);
            for target in present {
                if !targets.contains(&target) {
                    self.unlink(directory, id, target);
                }
            }
            for target in targets {
                self.link(directory, now, id, target);
            }
        }
        if row != self.object.stored(id) {
            self.set(directory, id, row);
        }
    }

    /// Adds a link value; whether it was new.
    pub(crate) fn link(
        &mut self,
        directory: &mut Directory,
        now: FileTime,
        attribute: AttributeId,
        target: Dnt,
    ) -> bool {
        let key = self.key(attribute, target);
        let before = directory.database.link(key).copied();
        if before.is_some_and(|value| value.present) {
            return false;
        }
        let value = LinkValue {
            stamp: Stamp {
                usn: self.usn,
                version: before.map_or(1, |value| value.stamp.version.saturating_add(1)),
            },
            created: before.map_or(now, |value| value.created),
            present: true,
        };
        directory.database.set_link(key, Some(value));
        self.changed = true;
        true
    }

    /// Removes a link value and remembers the removal; whether it was there.
    pub(crate) fn unlink(&mut self, directory: &mut Directory, attribute: AttributeId, target: Dnt) -> bool {
        let key = self.key(attribute, target);
        let Some(before) = directory.database.link(key).copied() else {
            return false;
        };
        if !before.present {
            return false;
        }
        let value = LinkValue {
            stamp: Stamp {
                usn: self.usn,
                version: before.stamp.version.saturating_add(1),
            },
            present: false,
            ..before
        };
        directory.database.set_link(key, Some(value));
        self.changed = true;
        true
    }

    fn key(&self, attribute: AttributeId, target: Dnt) -> LinkKey {
        LinkKey {
            source: self.object.dnt,
            attribute,
            target,
        }
    }

    /// Puts the object into the database; takes a USN only if something that replicates was changed.
    pub(crate) fn finish(mut self, directory: &mut Directory, now: FileTime) {
        if self.changed {
            // A new object's USN was taken when it was made.
            if self.usn > directory.database.counters().usn {
                directory.database.next_usn();
            }
            self.object.usn_changed = self.usn;
            self.object.when_changed = now;
        }
        if self.changed || self.changed_locally {
            directory.database.put(self.object);
        }
    }
}
