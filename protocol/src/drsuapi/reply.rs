//! `IDL_DRSGetNCChanges`, out: objects with what changed of them (PR 13.7, reply version 6).

use super::changes::{UpToDateCursor, UsnVector, read_vector, write_vector};
use super::{AttrTyp, DrsError, DsName, PrefixTable, version, write_version};
use crate::guid::Guid;
use crate::ndr::{NdrError, NdrReader, NdrWriter};

/// Most objects in a reply.
pub const MAX_OBJECTS: usize = 10_000;
/// Most attributes of an object.
pub const MAX_ATTRIBUTES: usize = 10_000;
/// Most values of an attribute.
pub const MAX_VALUES: usize = 100_000;
/// Most values of links in a reply.
pub const MAX_LINK_VALUES: usize = 100_000;
/// Longest value.
const MAX_VALUE_BYTES: usize = 16 << 20;

const VERSION: u32 = 6;
const REPLY: &str = "the reply";
const OBJECT: &str = "an object";
const ATTRIBUTES: &str = "the attributes of an object";
const VALUES: &str = "the values of an attribute";
const META_DATA: &str = "the metadata of an object";
const LINKS: &str = "the link values";

/// `ulExtendedRet`: how an extended operation went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtendedResult(pub u32);

impl ExtendedResult {
    /// There was none.
    pub const NONE: Self = Self(0);
    /// EXOP_ERR_SUCCESS.
    pub const SUCCESS: Self = Self(1);
    /// EXOP_ERR_ACCESS_DENIED.
    pub const ACCESS_DENIED: Self = Self(0xF);
}

/// One attribute. A list without values: it has none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Which, under the reply's prefix table.
    pub number: AttrTyp,
    /// Values as their syntax has them in replication; secrets encrypted.
    pub values: Vec<Vec<u8>>,
}

/// When an attribute was last written (PROPERTY_META_DATA_EXT).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PropertyMetaData {
    /// Number of writes.
    pub version: u32,
    /// When, in seconds since 1601.
    pub changed: u64,
    /// In which database.
    pub originating: Guid,
    /// Under which USN of that database.
    pub usn: u64,
}

impl PropertyMetaData {
    fn write(&self, writer: &mut NdrWriter) {
        writer.align(8);
        writer.u32(self.version);
        writer.u64(self.changed);
        writer.guid(self.originating);
        writer.u64(self.usn);
    }

    fn read(reader: &mut NdrReader<'_>) -> Result<Self, NdrError> {
        reader.align(8, META_DATA)?;
        Ok(Self {
            version: reader.u32(META_DATA)?,
            changed: reader.u64(META_DATA)?,
            originating: reader.guid(META_DATA)?,
            usn: reader.u64(META_DATA)?,
        })
    }
}

/// One object (ENTINF with what REPLENTINFLIST adds).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicatedObject {
    /// Which.
    pub name: DsName,
    /// `ulFlags` of ENTINF.
    pub flags: u32,
    /// What is told of it.
    pub attributes: Vec<Attribute>,
    /// Whether it is the head of the naming context.
    pub is_nc_prefix: bool,
    /// objectGUID of its parent.
    pub parent: Option<Guid>,
    /// For each attribute in the same order, when it was written.
    pub meta_data: Option<Vec<PropertyMetaData>>,
}

/// A value of a link (REPLVALINF_V1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkValue {
    /// Whose.
    pub object: DsName,
    /// Which attribute.
    pub number: AttrTyp,
    /// The value.
    pub value: Vec<u8>,
    /// Whether it is there or was removed.
    pub is_present: bool,
    /// When it was made, in seconds since 1601.
    pub created: u64,
    /// When it was last written.
    pub meta_data: PropertyMetaData,
}

/// Out, version 6.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangesReply {
    /// objectGUID of the nTDSDSA object of the source.
    pub source: Guid,
    /// The source's database.
    pub invocation_id: Guid,
    /// The naming context, or the object.
    pub naming_context: Option<DsName>,
    /// Where this reply begins.
    pub from: UsnVector,
    /// Where it ends.
    pub to: UsnVector,
    /// What is known of all databases' writes to who has read up to here; comes with the last reply of an enumeration.
    pub up_to_date: Option<Vec<UpToDateCursor>>,
    /// What numbers of attributes mean here.
    pub prefixes: PrefixTable,
    /// How an extended operation went.
    pub extended_result: ExtendedResult,
    /// The objects, in the order of their changes.
    pub objects: Vec<ReplicatedObject>,
    /// Whether there is more.
    pub more_data: bool,
    /// The link values.
    pub link_values: Vec<LinkValue>,
}

impl ChangesReply {
    /// The stub of a call that went well. `last_sync` is the time of an up-to-date vector, in seconds since 1601.
    #[must_use]
    pub fn to_stub(&self, last_sync: u64) -> Vec<u8> {
        self.written(last_sync, DrsError::SUCCESS)
    }

    /// The stub of a call that failed.
    #[must_use]
    pub fn failed(error: DrsError) -> Vec<u8> {
        Self::default().written(0, error)
    }

    fn written(&self, last_sync: u64, result: DrsError) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        let out = &mut writer;
        write_version(out, VERSION);
        out.align(8);
        out.guid(self.source);
        out.guid(self.invocation_id);
        out.pointer(self.naming_context.is_some());
        self.from.write(out);
        self.to.write(out);
        out.pointer(self.up_to_date.is_some());
        self.prefixes.write_head(out);
        out.u32(self.extended_result.0);
        out.count(self.objects.len());
        // cNumBytes: about what the objects take. It is for nobody's arithmetic.
        out.u32(0);
        out.pointer(!self.objects.is_empty());
        out.u32(self.more_data.into());
        out.u32(0);
        out.u32(0);
        out.count(self.link_values.len());
        out.pointer(!self.link_values.is_empty());
        out.u32(0);
        if let Some(name) = &self.naming_context {
            name.write(out);
        }
        if let Some(cursors) = &self.up_to_date {
            out.align(4);
            write_vector(out, cursors, Some(last_sync));
        }
        out.align(4);
        self.prefixes.write_entries(out);
        write_objects(out, &self.objects);
        write_links(out, &self.link_values);
        out.u32(result.0);
        writer.into_bytes()
    }

    /// Reads the stub. What stands before the result of a call that failed is not looked at: servers fill it differently.
    ///
    /// # Errors
    /// Malformed, over a bound, or of another version. What the server returned is in the inner result.
    pub fn from_stub(stub: &[u8]) -> Result<Result<Self, DrsError>, NdrError> {
        let result = stub
            .split_last_chunk::<4>()
            .map(|(_, result)| DrsError(u32::from_le_bytes(*result)))
            .ok_or(NdrError::Truncated(REPLY))?;
        match result.into_result() {
            Ok(()) => Self::read(stub).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    fn read(stub: &[u8]) -> Result<Self, NdrError> {
        let mut reader = NdrReader::new(stub);
        let found = version(&mut reader, REPLY)?;
        if found != VERSION {
            return Err(NdrError::Version { what: REPLY, found });
        }
        reader.align(8, REPLY)?;
        let (source, invocation_id) = (reader.guid(REPLY)?, reader.guid(REPLY)?);
        let has_name = reader.pointer(REPLY)?;
        let (from, to) = (UsnVector::read(&mut reader)?, UsnVector::read(&mut reader)?);
        let has_vector = reader.pointer(REPLY)?;
        let prefixes = PrefixTable::read_head(&mut reader)?;
        let extended_result = ExtendedResult(reader.u32(REPLY)?);
        let object_count = reader.count("the list of objects", MAX_OBJECTS)?;
        reader.u32(REPLY)?;
        let has_objects = reader.pointer(REPLY)?;
        let more_data = reader.u32(REPLY)? != 0;
        reader.u32(REPLY)?;
        reader.u32(REPLY)?;
        let link_count = reader.count(LINKS, MAX_LINK_VALUES)?;
        let has_links = reader.pointer(REPLY)?;
        let failed = DrsError(reader.u32(REPLY)?);
        let naming_context = has_name.then(|| DsName::read(&mut reader)).transpose()?;
        let up_to_date = has_vector.then(|| read_vector(&mut reader)).transpose()?;
        let prefixes = PrefixTable::read_entries(&mut reader, prefixes)?;
        let objects = read_objects(&mut reader, has_objects, object_count)?;
        let link_values = match has_links {
            true => read_links(&mut reader, link_count)?,
            false => Vec::new(),
        };
        let result = DrsError(reader.u32(REPLY)?);
        if failed != DrsError::SUCCESS || result != DrsError::SUCCESS {
            return Err(NdrError::Contradiction(REPLY));
        }
        Ok(Self {
            source,
            invocation_id,
            naming_context,
            from,
            to,
            up_to_date,
            prefixes,
            extended_result,
            objects,
            more_data,
            link_values,
        })
    }
}

/// What a list element says of its object before the deferred parts.
struct Head {
    has_next: bool,
    has_name: bool,
    flags: u32,
    attributes: usize,
    has_attributes: bool,
    is_nc_prefix: bool,
    has_parent: bool,
    has_meta_data: bool,
}

impl Head {
    fn read(reader: &mut NdrReader<'_>) -> Result<Self, NdrError> {
        Ok(Self {
            has_next: reader.pointer(OBJECT)?,
            has_name: reader.pointer(OBJECT)?,
            flags: reader.u32(OBJECT)?,
            attributes: reader.count(ATTRIBUTES, MAX_ATTRIBUTES)?,
            has_attributes: reader.pointer(OBJECT)?,
            is_nc_prefix: reader.u32(OBJECT)? != 0,
            has_parent: reader.pointer(OBJECT)?,
            has_meta_data: reader.pointer(OBJECT)?,
        })
    }
}

/// The first pointer of an element is to the next one, so all heads come first, and then the rest from the last to the first.
fn write_objects(writer: &mut NdrWriter, objects: &[ReplicatedObject]) {
    for (at, object) in objects.iter().enumerate() {
        writer.pointer(at + 1 < objects.len());
        writer.pointer(true);
        writer.u32(object.flags);
        writer.count(object.attributes.len());
        writer.pointer(!object.attributes.is_empty());
        writer.u32(object.is_nc_prefix.into());
        writer.pointer(object.parent.is_some());
        writer.pointer(object.meta_data.is_some());
    }
    for object in objects.iter().rev() {
        writer.align(4);
        object.name.write(writer);
        write_attributes(writer, &object.attributes);
        if let Some(parent) = object.parent {
            writer.guid(parent);
        }
        if let Some(meta_data) = &object.meta_data {
            writer.count(meta_data.len());
            writer.align(8);
            writer.count(meta_data.len());
            for item in meta_data {
                item.write(writer);
            }
        }
    }
}

fn read_objects(
    reader: &mut NdrReader<'_>,
    present: bool,
    count: usize,
) -> Result<Vec<ReplicatedObject>, NdrError> {
    let mut heads = Vec::new();
    let mut more = present;
    while more {
        if heads.len() == count {
            return Err(NdrError::Contradiction("the list of objects"));
        }
        let head = Head::read(reader)?;
        more = head.has_next;
        heads.push(head);
    }
    if heads.len() != count {
        return Err(NdrError::Contradiction("the list of objects"));
    }
    let mut objects = Vec::new();
    for head in heads.into_iter().rev() {
        objects.push(read_object(reader, &head)?);
    }
    objects.reverse();
    Ok(objects)
}

fn read_object(reader: &mut NdrReader<'_>, head: &Head) -> Result<ReplicatedObject, NdrError> {
    let name = match head.has_name {
        true => DsName::read(reader)?,
        false => return Err(NdrError::Null("the name of an object")),
    };
    let attributes = match head.has_attributes {
        true => read_attributes(reader, head.attributes)?,
        false => Vec::new(),
    };
    let parent = head.has_parent.then(|| reader.guid(OBJECT)).transpose()?;
    let meta_data = head.has_meta_data.then(|| read_meta_data(reader)).transpose()?;
    Ok(ReplicatedObject {
        name,
        flags: head.flags,
        attributes,
        is_nc_prefix: head.is_nc_prefix,
        parent,
        meta_data,
    })
}

fn write_attributes(writer: &mut NdrWriter, attributes: &[Attribute]) {
    if attributes.is_empty() {
        return;
    }
    writer.count(attributes.len());
    for attribute in attributes {
        writer.u32(attribute.number.0);
        writer.count(attribute.values.len());
        writer.pointer(!attribute.values.is_empty());
    }
    for attribute in attributes.iter().filter(|attribute| !attribute.values.is_empty()) {
        writer.count(attribute.values.len());
        for value in &attribute.values {
            writer.count(value.len());
            writer.pointer(true);
        }
        for value in &attribute.values {
            writer.align(4);
            writer.counted_bytes(value);
        }
    }
}

fn read_attributes(reader: &mut NdrReader<'_>, count: usize) -> Result<Vec<Attribute>, NdrError> {
    reader.conformance(count, ATTRIBUTES)?;
    let mut heads = Vec::new();
    for _ in 0..count {
        let number = AttrTyp(reader.u32(ATTRIBUTES)?);
        let values = reader.count(VALUES, MAX_VALUES)?;
        heads.push((number, values, reader.pointer(VALUES)?));
    }
    heads
        .into_iter()
        .map(|(number, count, present)| {
            let values = match present {
                true => read_values(reader, count)?,
                false => Vec::new(),
            };
            Ok(Attribute { number, values })
        })
        .collect()
}

fn read_values(reader: &mut NdrReader<'_>, count: usize) -> Result<Vec<Vec<u8>>, NdrError> {
    reader.conformance(count, VALUES)?;
    let mut lengths = Vec::new();
    for _ in 0..count {
        let length = reader.count("a value", MAX_VALUE_BYTES)?;
        lengths.push((length, reader.pointer(VALUES)?));
    }
    lengths
        .into_iter()
        .map(|(length, present)| read_value(reader, length, present))
        .collect()
}

fn read_value(reader: &mut NdrReader<'_>, length: usize, present: bool) -> Result<Vec<u8>, NdrError> {
    if !present {
        return Ok(Vec::new());
    }
    reader.conformance(length, VALUES)?;
    reader.bytes(length, VALUES).map(<[u8]>::to_vec)
}

fn read_meta_data(reader: &mut NdrReader<'_>) -> Result<Vec<PropertyMetaData>, NdrError> {
    let max = reader.count(META_DATA, MAX_ATTRIBUTES)?;
    reader.align(8, META_DATA)?;
    reader.conformance(max, META_DATA)?;
    (0..max).map(|_| PropertyMetaData::read(reader)).collect()
}

fn write_links(writer: &mut NdrWriter, links: &[LinkValue]) {
    if links.is_empty() {
        return;
    }
    writer.align(4);
    writer.count(links.len());
    for link in links {
        writer.align(8);
        writer.pointer(true);
        writer.u32(link.number.0);
        writer.count(link.value.len());
        writer.pointer(true);
        writer.u32(link.is_present.into());
        writer.u64(link.created);
        link.meta_data.write(writer);
    }
    for link in links {
        writer.align(4);
        link.object.write(writer);
        writer.align(4);
        writer.counted_bytes(&link.value);
    }
}

fn read_links(reader: &mut NdrReader<'_>, count: usize) -> Result<Vec<LinkValue>, NdrError> {
    reader.conformance(count, LINKS)?;
    let mut heads = Vec::new();
    for _ in 0..count {
        reader.align(8, LINKS)?;
        reader.required_pointer(LINKS)?;
        let number = AttrTyp(reader.u32(LINKS)?);
        let length = reader.count("a value", MAX_VALUE_BYTES)?;
        let has_value = reader.pointer(LINKS)?;
        let link = LinkValue {
            object: DsName::default(),
            number,
            value: Vec::new(),
            is_present: reader.u32(LINKS)? != 0,
            created: reader.u64(LINKS)?,
            meta_data: PropertyMetaData::read(reader)?,
        };
        heads.push((link, length, has_value));
    }
    heads
        .into_iter()
        .map(|(link, length, has_value)| {
            Ok(LinkValue {
                object: DsName::read(reader)?,
                value: read_value(reader, length, has_value)?,
                ..link
            })
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// PR 13.7.
    const REPLY_STUB: &str = "06000000060000000d0c0b0a0100020000030405060708ff0d0c0b0a1111222233334444555566660000020000000000\
        000000000000000000000000000000000000000000000000393000000000000000000000000000003930000000000000\
        000000000100000004000200010000000100000000000000080002000000000000000000000000000000000000000000\
        000000001b0000006e0000001c000000443322116655887799aabbccddeeff00010500000000000515000000c7353a42\
        8e6b748455a1aec6510400001a00000043004e003d0041006c006900630065002c00440043003d006c00610062002c00\
        440043003d006500780061006d0070006c006500000000000100000000000000080000000c000200080000002a864886\
        f714010400000000100002000000000004000000140002000000000000000000000000001b0000006e0000001c000000\
        443322116655887799aabbccddeeff00010500000000000515000000c7353a428e6b748455a1aec6510400001a000000\
        43004e003d0041006c006900630065002c00440043003d006c00610062002c00440043003d006500780061006d007000\
        6c00650000000000040000005a000000010000001800020092000000010000001c000200dd0000000100000020000200\
        60000000010000002400020001000000240000002800020024000000a0a1a2a3a4a5a6a7a8a9aaabacadaeafe7098313\
        dc9376a085523f14d61f98bff7f28fd6010000001c0000002c0002001c000000010500000000000515000000c7353a42\
        8e6b748455a1aec651040000010000000a000000300002000a00000061006c0069006300650000000100000008000000\
        34000200080000000080209bcb82d80100000000";

    fn sample() -> ChangesReply {
        let mut prefixes = PrefixTable::default();
        let mut attribute = |arc: u32, value: &str| Attribute {
            number: prefixes.add(&format!("1.2.840.113556.1.4.{arc}")).unwrap(),
            values: vec![hex::decode(value).unwrap()],
        };
        let attributes = vec![
            attribute(
                90,
                "a0a1a2a3a4a5a6a7a8a9aaabacadaeafe7098313dc9376a085523f14d61f98bff7f28fd6",
            ),
            attribute(146, "010500000000000515000000c7353a428e6b748455a1aec651040000"),
            attribute(221, "61006c00690063006500"),
            attribute(96, "0080209bcb82d801"),
        ];
        let alice = DsName {
            guid: "11223344-5566-7788-99aa-bbccddeeff00".parse().unwrap(),
            sid: Some("S-1-5-21-1111111111-2222222222-3333333333-1105".parse().unwrap()),
            dn: "CN=Alice,DC=lab,DC=example".to_owned(),
        };
        let to = UsnVector {
            object_update: 12345,
            reserved: 0,
            property_update: 12345,
        };
        ChangesReply {
            source: "0a0b0c0d-0001-0002-0304-05060708ff0d".parse().unwrap(),
            invocation_id: "0a0b0c0d-1111-2222-3333-444455556666".parse().unwrap(),
            naming_context: Some(alice.clone()),
            to,
            prefixes,
            extended_result: ExtendedResult::SUCCESS,
            objects: vec![ReplicatedObject {
                name: alice,
                attributes,
                ..ReplicatedObject::default()
            }],
            ..ChangesReply::default()
        }
    }

    #[test]
    fn reference_vector() {
        let stub = hex::decode(REPLY_STUB).unwrap();
        assert_eq!(stub.len(), 644);
        let read = ChangesReply::from_stub(&stub).unwrap().unwrap();
        let ChangesReply { source, .. } = read;
        assert_eq!(read, ChangesReply { source, ..sample() });
        assert_eq!(hex::encode(read.to_stub(0)), REPLY_STUB);
        for length in 0..stub.len() - 4 {
            // The last four bytes of a shorter stub are read as its result.
            if stub[length..][..4] == [0; 4] {
                assert!(ChangesReply::from_stub(&stub[..length + 4]).is_err(), "{length}");
            }
        }
    }

    /// More objects than the sample, with everything that an object can have.
    fn full(count: usize) -> ChangesReply {
        let mut reply = sample();
        let mut object = reply.objects[0].clone();
        object.parent = Some(Guid::from_u128(5));
        object.attributes[1].values.clear();
        object.attributes[2].values.push(vec![1, 2, 3]);
        let meta_data = PropertyMetaData {
            version: 2,
            changed: 13_350_000_000,
            originating: reply.invocation_id,
            usn: 99,
        };
        object.meta_data = Some(vec![meta_data; 4]);
        let cursor = UpToDateCursor {
            invocation_id: reply.invocation_id,
            usn: 7,
        };
        reply.up_to_date = Some(vec![cursor]);
        reply.more_data = true;
        let link = LinkValue {
            object: object.name.clone(),
            number: AttrTyp(31),
            value: vec![7; 5],
            is_present: true,
            created: 1,
            meta_data,
        };
        reply.link_values = vec![link; 3];
        reply.objects = (0..count)
            .map(|at| ReplicatedObject {
                flags: at as u32,
                ..object.clone()
            })
            .collect();
        reply
    }

    #[test]
    fn long_lists_do_not_recurse_and_keep_their_order() {
        let reply = full(MAX_OBJECTS);
        let read = ChangesReply::from_stub(&reply.to_stub(9)).unwrap().unwrap();
        assert!(read == reply);
        let more = full(MAX_OBJECTS + 1);
        assert!(matches!(
            ChangesReply::from_stub(&more.to_stub(9)),
            Err(NdrError::TooMany { .. })
        ));
    }

    #[test]
    fn the_list_is_as_long_as_it_says() {
        let stub = full(3).to_stub(0);
        // cNumObjects.
        for count in [0, 2, 4] {
            let mut bad = stub.clone();
            bad[112] = count;
            assert_eq!(
                ChangesReply::from_stub(&bad),
                Err(NdrError::Contradiction("the list of objects")),
                "{count}"
            );
        }
    }

    #[test]
    fn counts_at_the_limit() {
        let mut reply = sample();
        reply.objects[0].attributes[0].values = vec![Vec::new(); MAX_VALUES];
        assert!(ChangesReply::from_stub(&reply.to_stub(0)).is_ok());
        reply.objects[0].attributes[0].values.push(Vec::new());
        assert!(matches!(
            ChangesReply::from_stub(&reply.to_stub(0)),
            Err(NdrError::TooMany { .. })
        ));
        let mut reply = sample();
        let attribute = reply.objects[0].attributes[1].clone();
        reply.objects[0].attributes = vec![attribute; MAX_ATTRIBUTES + 1];
        assert!(matches!(
            ChangesReply::from_stub(&reply.to_stub(0)),
            Err(NdrError::TooMany { .. })
        ));
        let mut reply = full(1);
        let link = reply.link_values[0].clone();
        reply.link_values = vec![link; MAX_LINK_VALUES + 1];
        assert!(matches!(
            ChangesReply::from_stub(&reply.to_stub(0)),
            Err(NdrError::TooMany { .. })
        ));
    }

    #[test]
    fn failures_are_told_by_the_result_alone() {
        let stub = ChangesReply::failed(DrsError::DRA_ACCESS_DENIED);
        assert_eq!(
            ChangesReply::from_stub(&stub),
            Ok(Err(DrsError::DRA_ACCESS_DENIED))
        );
        assert_eq!(
            ChangesReply::from_stub(&[1, 2, 3, 0xF7, 0x20, 0, 0]),
            Ok(Err(DrsError::DRA_BAD_DN))
        );
        assert!(ChangesReply::from_stub(&[0; 3]).is_err());
        assert!(ChangesReply::from_stub(&[0; 4]).is_err());
    }

    proptest! {
        #[test]
        fn damaged_stubs_survive(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
            let mut stub = full(3).to_stub(0);
            for (at, byte) in changes {
                let at = at.index(stub.len());
                stub[at] = byte;
            }
            let _ = ChangesReply::from_stub(&stub);
        }

        #[test]
        fn any_number_of_objects_round_trips(count in 0..5usize) {
            let reply = full(count);
            prop_assert_eq!(ChangesReply::from_stub(&reply.to_stub(3)), Ok(Ok(reply)));
        }
    }
}
