//! Making the directory durable: one row per object, one per link value, and two for the rest.
//!
//! A change is stored before it is answered, so a domain controller that is killed at any instant comes back with
//! everything that it has ever confirmed.

use std::sync::Arc;

use provlab_platform::{Batch, Store, StoreError};
use provlab_protocol::filetime::FileTime;
use provlab_protocol::guid::Guid;
use thiserror::Error;

use crate::database::{Counters, Database};
use crate::directory::{Directory, Identity};
use crate::model::{Change, Dnt, LinkKey, LinkValue, Name, Object, SecretValues, Slot, Stamp, Value, Values};
use crate::schema::{AttributeId, Schema};

const OBJECTS: &str = "directory.objects";
const LINKS: &str = "directory.links";
const META: &str = "directory.meta";
const IDENTITY: &[u8] = b"identity";
const COUNTERS: &[u8] = b"counters";
/// First byte of an object's row; another one means another layout.
const LAYOUT: u8 = 1;

/// A store that does not hold a directory that this version can read.
#[derive(Debug, Error)]
pub enum PersistError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row is damaged or of another version.
    #[error("table {table} is damaged: {detail}; delete the store to begin with a new directory")]
    Damaged {
        /// The table.
        table: &'static str,
        /// What is wrong.
        detail: String,
    },
}

/// The rows that a change leaves.
#[must_use]
pub fn batch(directory: &Directory, change: &Change) -> Batch {
    let mut batch = Batch::new();
    let database = directory.database();
    for dnt in change.objects.keys() {
        put_object(&mut batch, database, *dnt);
    }
    for key in change.links.keys() {
        put_link(&mut batch, *key, database.link(*key));
    }
    if change.counters.is_some() {
        batch.put(META, COUNTERS, write_counters(database.counters()));
    }
    if change.identity.is_some() {
        batch.put(META, IDENTITY, write_identity(directory.identity()));
    }
    batch
}

/// Every row, for the first commit of a new directory.
#[must_use]
pub fn whole(directory: &Directory) -> Batch {
    let mut batch = Batch::new();
    let database = directory.database();
    batch.put(META, IDENTITY, write_identity(directory.identity()));
    batch.put(META, COUNTERS, write_counters(database.counters()));
    for object in database.iter() {
        put_object(&mut batch, database, object.dnt);
    }
    for (key, value) in database.all_links() {
        put_link(&mut batch, key, Some(value));
    }
    batch
}

/// The directory in a store, or `None` if the store is empty.
///
/// # Errors
/// The store cannot be read, or a row is damaged or of another layout.
pub fn load(store: &dyn Store) -> Result<Option<Directory>, PersistError> {
    let meta = store.load(META)?;
    let find = |wanted: &[u8]| {
        meta.iter()
            .find(|(key, _)| key == wanted)
            .map(|(_, value)| value.as_slice())
    };
    let Some(identity) = find(IDENTITY) else {
        return Ok(None);
    };
    let identity: Identity =
        serde_json::from_slice(identity).map_err(|error| damaged(META, &error.to_string()))?;
    let counters = find(COUNTERS)
        .and_then(|bytes| read_counters(&mut Reader(bytes)))
        .ok_or_else(|| damaged(META, "the counters are missing or malformed"))?;
    let mut database = Database::default();
    for (_, row) in store.load(OBJECTS)? {
        let object = read_object(&mut Reader(&row))
            .ok_or_else(|| damaged(OBJECTS, "a row is malformed or of another version"))?;
        database.put(object);
    }
    for (key, row) in store.load(LINKS)? {
        let link = read_link_key(&mut Reader(&key)).zip(read_link(&mut Reader(&row)));
        let (key, value) = link.ok_or_else(|| damaged(LINKS, "a row is malformed"))?;
        database.set_link(key, Some(value));
    }
    database.restore_counters(counters);
    Ok(Some(Directory::new(identity, database)))
}

fn damaged(table: &'static str, detail: &str) -> PersistError {
    PersistError::Damaged {
        table,
        detail: detail.to_owned(),
    }
}

fn put_object(batch: &mut Batch, database: &Database, dnt: Dnt) {
    let key = dnt.0.to_be_bytes();
    match database.get(dnt) {
        Some(object) => batch.put(OBJECTS, key, write_object(object)),
        None => batch.remove(OBJECTS, key),
    };
}

fn put_link(batch: &mut Batch, key: LinkKey, value: Option<&LinkValue>) {
    let mut row_key = Vec::new();
    row_key.extend(key.source.0.to_be_bytes());
    row_key.extend(key.target.0.to_be_bytes());
    row_key.extend(Schema::get().def(key.attribute).name.as_bytes());
    match value {
        Some(value) => {
            let mut row = Vec::new();
            write_stamp(&mut row, value.stamp);
            row.extend(value.created.0.to_be_bytes());
            row.push(u8::from(value.present));
            batch.put(LINKS, row_key, row);
        }
        None => {
            batch.remove(LINKS, row_key);
        }
    }
}

fn write_identity(identity: &Identity) -> Vec<u8> {
    // It is plain data, which always has a JSON form.
    serde_json::to_vec(identity).unwrap_or_default()
}

fn write_counters(counters: Counters) -> Vec<u8> {
    let mut row = Vec::new();
    row.extend(counters.usn.to_be_bytes());
    row.extend(counters.next_dnt.to_be_bytes());
    row.extend(counters.next_rid.to_be_bytes());
    row
}

fn read_counters(reader: &mut Reader<'_>) -> Option<Counters> {
    Some(Counters {
        usn: reader.u64()?,
        next_dnt: reader.u32()?,
        next_rid: reader.u32()?,
    })
}

fn write_stamp(row: &mut Vec<u8>, stamp: Stamp) {
    row.extend(stamp.usn.to_be_bytes());
    row.extend(stamp.version.to_be_bytes());
}

fn write_bytes(row: &mut Vec<u8>, bytes: &[u8]) {
    // A value longer than 4 GiB cannot have come in over LDAP.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    row.extend(length.to_be_bytes());
    row.extend(bytes);
}

fn write_attribute(row: &mut Vec<u8>, id: AttributeId) {
    write_bytes(row, Schema::get().def(id).name.as_bytes());
}

fn write_count(row: &mut Vec<u8>, count: usize) {
    row.extend(u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

fn write_object(object: &Object) -> Vec<u8> {
    let mut row = vec![LAYOUT];
    row.extend(object.dnt.0.to_be_bytes());
    row.extend(object.guid.to_le_bytes());
    match &object.name {
        Name::Head(name) => {
            row.push(0);
            write_bytes(&mut row, name.as_bytes());
        }
        Name::Child {
            parent,
            attribute,
            value,
        } => {
            row.push(1);
            row.extend(parent.0.to_be_bytes());
            write_attribute(&mut row, *attribute);
            write_bytes(&mut row, value.as_bytes());
        }
    }
    write_stamp(&mut row, object.name_stamp);
    row.extend(object.usn_created.to_be_bytes());
    row.extend(object.usn_changed.to_be_bytes());
    row.extend(object.when_created.0.to_be_bytes());
    row.extend(object.when_changed.0.to_be_bytes());
    row.push(u8::from(object.deleted));
    write_count(&mut row, object.slots().len());
    for slot in object.slots() {
        write_attribute(&mut row, slot.attribute);
        write_stamp(&mut row, slot.stamp);
        let values = slot.values.as_slice();
        write_count(&mut row, values.len());
        for value in values {
            write_bytes(&mut row, value);
        }
    }
    write_count(&mut row, object.secrets().len());
    for (id, values) in object.secrets() {
        write_attribute(&mut row, *id);
        write_count(&mut row, values.expose().len());
        for value in values.expose() {
            write_bytes(&mut row, value);
        }
    }
    row
}

fn read_object(reader: &mut Reader<'_>) -> Option<Object> {
    if reader.u8()? != LAYOUT {
        return None;
    }
    let dnt = Dnt(reader.u32()?);
    let guid = Guid::from_le_slice(reader.take(16)?)?;
    let name = match reader.u8()? {
        0 => Name::Head(Arc::from(reader.text()?)),
        1 => Name::Child {
            parent: Dnt(reader.u32()?),
            attribute: reader.attribute()?,
            value: Arc::from(reader.text()?),
        },
        _ => return None,
    };
    let name_stamp = reader.stamp()?;
    let usn_created = reader.u64()?;
    let usn_changed = reader.u64()?;
    let when_created = FileTime(reader.u64()?);
    let when_changed = FileTime(reader.u64()?);
    let mut object = Object::new(dnt, guid, name, usn_created, when_created);
    object.name_stamp = name_stamp;
    object.usn_changed = usn_changed;
    object.when_changed = when_changed;
    object.deleted = reader.u8()? != 0;
    for _ in 0..reader.u32()? {
        let attribute = reader.attribute()?;
        let stamp = reader.stamp()?;
        let mut values: Vec<Value> = Vec::new();
        for _ in 0..reader.u32()? {
            values.push(Value::from(reader.bytes()?));
        }
        object.restore(Slot {
            attribute,
            stamp,
            values: Values::from(values),
        });
    }
    for _ in 0..reader.u32()? {
        let attribute = reader.attribute()?;
        let mut values = Vec::new();
        for _ in 0..reader.u32()? {
            values.push(reader.bytes()?.to_vec());
        }
        object.set_secret(attribute, SecretValues::new(values));
    }
    reader.0.is_empty().then_some(object)
}

fn read_link_key(reader: &mut Reader<'_>) -> Option<LinkKey> {
    let source = Dnt(reader.u32()?);
    let target = Dnt(reader.u32()?);
    let name = std::str::from_utf8(reader.0).ok()?;
    Some(LinkKey {
        source,
        attribute: Schema::get().attribute(name)?,
        target,
    })
}

fn read_link(reader: &mut Reader<'_>) -> Option<LinkValue> {
    Some(LinkValue {
        stamp: reader.stamp()?,
        created: FileTime(reader.u64()?),
        present: reader.u8()? != 0,
    })
}

/// What is left of a row.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_be_bytes)
    }

    fn stamp(&mut self) -> Option<Stamp> {
        Some(Stamp {
            usn: self.u64()?,
            version: self.u32()?,
        })
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn attribute(&mut self) -> Option<AttributeId> {
        Schema::get().attribute(self.text()?)
    }
}
