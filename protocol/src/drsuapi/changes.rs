//! `IDL_DRSGetNCChanges`, in: what changed of an object or a naming context since a watermark (PR 13.6, request version 8).

use super::{AttrTyp, ContextHandle, DsName, PrefixTable, version, write_version};
use crate::guid::Guid;
use crate::ndr::{NdrError, NdrReader, NdrWriter};

/// The version of the request that is spoken.
pub(super) const VERSION: u32 = 8;
/// Most entries of an up-to-date vector: one for every database that ever wrote into the naming context.
pub const MAX_CURSORS: usize = 2_000;
/// Most attributes that are asked for by name.
pub const MAX_PARTIAL_ATTRIBUTES: usize = 10_000;

const VECTOR: &str = "the up-to-date vector";
const SET: &str = "the partial attribute set";
const SET_VERSION: u32 = 1;

bit_flags! {
    /// `ulFlags`.
    ReplicationFlags: u32 {
        /// The source is writable.
        WRIT_REP = 0x10;
        /// The first synchronization.
        INIT_SYNC = 0x20;
        /// Parents come before children.
        GET_ANC = 0x800;
    }
}

impl ReplicationFlags {
    /// What a reader of secrets says (PR 13.6).
    pub const READER: Self = Self(Self::INIT_SYNC.0 | Self::WRIT_REP.0);
}

/// `ulExtendedOp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtendedOperation(pub u32);

impl ExtendedOperation {
    /// None: the naming context.
    pub const NONE: Self = Self(0);
    /// EXOP_REPL_OBJ: one object, whole.
    pub const REPLICATE_OBJECT: Self = Self(6);
    /// EXOP_REPL_SECRETS: for read-only domain controllers.
    pub const REPLICATE_SECRETS: Self = Self(7);
}

/// USN_VECTOR: how far one source's changes are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsnVector {
    /// Objects changed up to here were sent.
    pub object_update: u64,
    /// Reserved; goes back as it came.
    pub reserved: u64,
    /// Attributes changed up to here are known. Stays behind while an enumeration is going on.
    pub property_update: u64,
}

impl UsnVector {
    pub(super) fn write(self, writer: &mut NdrWriter) {
        for usn in [self.object_update, self.reserved, self.property_update] {
            writer.u64(usn);
        }
    }

    pub(super) fn read(reader: &mut NdrReader<'_>) -> Result<Self, NdrError> {
        const WHAT: &str = "a USN vector";
        Ok(Self {
            object_update: reader.u64(WHAT)?,
            reserved: reader.u64(WHAT)?,
            property_update: reader.u64(WHAT)?,
        })
    }
}

/// What is known of one database's originating writes, wherever it was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpToDateCursor {
    /// The database.
    pub invocation_id: Guid,
    /// Its USN.
    pub usn: u64,
}

/// UPTODATE_VECTOR_V1_EXT in requests, V2_EXT in replies: there each entry has a time more.
pub(super) fn write_vector(writer: &mut NdrWriter, cursors: &[UpToDateCursor], times: Option<u64>) {
    writer.count(cursors.len());
    writer.align(8);
    writer.u32(if times.is_some() { 2 } else { 1 });
    writer.u32(0);
    writer.count(cursors.len());
    writer.u32(0);
    for cursor in cursors {
        writer.align(8);
        writer.guid(cursor.invocation_id);
        writer.u64(cursor.usn);
        if let Some(time) = times {
            writer.u64(time);
        }
    }
}

pub(super) fn read_vector(reader: &mut NdrReader<'_>) -> Result<Vec<UpToDateCursor>, NdrError> {
    let max = reader.count(VECTOR, MAX_CURSORS)?;
    reader.align(8, VECTOR)?;
    let found = reader.u32(VECTOR)?;
    let timed = match found {
        1 => false,
        2 => true,
        _ => return Err(NdrError::Version { what: VECTOR, found }),
    };
    reader.u32(VECTOR)?;
    reader.conformance(max, VECTOR)?;
    reader.u32(VECTOR)?;
    let mut cursors = Vec::new();
    for _ in 0..max {
        reader.align(8, VECTOR)?;
        cursors.push(UpToDateCursor {
            invocation_id: reader.guid(VECTOR)?,
            usn: reader.u64(VECTOR)?,
        });
        if timed {
            reader.u64(VECTOR)?;
        }
    }
    Ok(cursors)
}

fn write_set(writer: &mut NdrWriter, attributes: &[AttrTyp]) {
    writer.count(attributes.len());
    writer.u32(SET_VERSION);
    writer.u32(0);
    writer.count(attributes.len());
    for attribute in attributes {
        writer.u32(attribute.0);
    }
}

fn read_set(reader: &mut NdrReader<'_>) -> Result<Vec<AttrTyp>, NdrError> {
    let max = reader.count(SET, MAX_PARTIAL_ATTRIBUTES)?;
    let found = reader.u32(SET)?;
    if found != SET_VERSION {
        return Err(NdrError::Version { what: SET, found });
    }
    reader.u32(SET)?;
    reader.conformance(max, SET)?;
    (0..max).map(|_| reader.u32(SET).map(AttrTyp)).collect()
}

/// In, version 8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangesRequest {
    /// From `IDL_DRSBind`.
    pub handle: ContextHandle,
    /// objectGUID of the nTDSDSA object of who asks; a reader that is none names the server's own.
    pub destination: Guid,
    /// The database that `from` counts; another one's numbers are not believed.
    pub invocation_id: Guid,
    /// The naming context, or the object of an extended operation.
    pub naming_context: DsName,
    /// How far the source's changes are known.
    pub from: UsnVector,
    /// What is known of all databases' writes.
    pub up_to_date: Option<Vec<UpToDateCursor>>,
    /// How to answer.
    pub flags: ReplicationFlags,
    /// Most objects wanted; 0 leaves it to the server.
    pub max_objects: u32,
    /// Most bytes wanted; 0 leaves it to the server.
    pub max_bytes: u32,
    /// What to do instead of enumerating.
    pub extended_operation: ExtendedOperation,
    /// Which attributes; none: all.
    pub attributes: Option<Vec<AttrTyp>>,
    /// What the numbers of `attributes` mean.
    pub prefixes: PrefixTable,
}

impl ChangesRequest {
    /// The stub.
    #[must_use]
    pub fn to_stub(&self) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        self.handle.write(&mut writer);
        write_version(&mut writer, VERSION);
        writer.align(8);
        writer.guid(self.destination);
        writer.guid(self.invocation_id);
        writer.pointer(true);
        self.from.write(&mut writer);
        writer.pointer(self.up_to_date.is_some());
        writer.u32(self.flags.bits());
        writer.u32(self.max_objects);
        writer.u32(self.max_bytes);
        writer.u32(self.extended_operation.0);
        // liFsmoInfo: of no role.
        writer.u64(0);
        writer.pointer(self.attributes.is_some());
        writer.pointer(false);
        self.prefixes.write_head(&mut writer);
        self.naming_context.write(&mut writer);
        if let Some(cursors) = &self.up_to_date {
            write_vector(&mut writer, cursors, None);
        }
        if let Some(attributes) = &self.attributes {
            writer.align(4);
            write_set(&mut writer, attributes);
        }
        self.prefixes.write_entries(&mut writer);
        writer.into_bytes()
    }

    /// Reads the stub.
    ///
    /// # Errors
    /// Malformed, over a bound, or of another version.
    pub fn from_stub(stub: &[u8]) -> Result<Self, NdrError> {
        const WHAT: &str = "the request for changes";
        let mut reader = NdrReader::new(stub);
        let handle = ContextHandle::read(&mut reader)?;
        let found = version(&mut reader, WHAT)?;
        if found != VERSION {
            return Err(NdrError::Version { what: WHAT, found });
        }
        reader.align(8, WHAT)?;
        let (destination, invocation_id) = (reader.guid(WHAT)?, reader.guid(WHAT)?);
        reader.required_pointer("the naming context")?;
        let from = UsnVector::read(&mut reader)?;
        let has_vector = reader.pointer(VECTOR)?;
        let flags = ReplicationFlags(reader.u32(WHAT)?);
        let (max_objects, max_bytes) = (reader.u32(WHAT)?, reader.u32(WHAT)?);
        let extended_operation = ExtendedOperation(reader.u32(WHAT)?);
        reader.u64(WHAT)?;
        let (has_set, has_extra_set) = (reader.pointer(SET)?, reader.pointer(SET)?);
        let prefixes = PrefixTable::read_head(&mut reader)?;
        let naming_context = DsName::read(&mut reader)?;
        let up_to_date = has_vector.then(|| read_vector(&mut reader)).transpose()?;
        let mut attributes = has_set.then(|| read_set(&mut reader)).transpose()?;
        // Attributes that are new to a partial replica; for a reader they are attributes like the others.
        if has_extra_set {
            let more = read_set(&mut reader)?;
            attributes.get_or_insert_default().extend(more);
        }
        Ok(Self {
            handle,
            destination,
            invocation_id,
            naming_context,
            from,
            up_to_date,
            flags,
            max_objects,
            max_bytes,
            extended_operation,
            attributes,
            prefixes: PrefixTable::read_entries(&mut reader, prefixes)?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// PR 13.6.
    const REQUEST: &str = "000000000403020106050807090a0b0c0d0e0f10080000000800000000000000bebafeca010002000003000000000004\
        bebafeca0100020000030000000000040000020000000000000000000000000000000000000000000000000000000000\
        000000003000000001000000000000000600000000000000000000000000000004000200000000000100000008000200\
        010000003a00000000000000443322116655887799aabbccddeeff000000000000000000000000000000000000000000\
        00000000000000000000000000000000040000000100000000000000040000005a00000092000000dd00000060000000\
        0100000000000000080000000c000200080000002a864886f7140104";

    fn sample() -> ChangesRequest {
        let mut prefixes = PrefixTable::default();
        let attributes =
            [90, 146, 221, 96].map(|arc| prefixes.add(&format!("1.2.840.113556.1.4.{arc}")).unwrap());
        let dsa = "cafebabe-0001-0002-0003-000000000004".parse().unwrap();
        ChangesRequest {
            handle: ContextHandle::new("01020304-0506-0708-090a-0b0c0d0e0f10".parse().unwrap()),
            destination: dsa,
            invocation_id: dsa,
            naming_context: DsName::of_guid("11223344-5566-7788-99aa-bbccddeeff00".parse().unwrap()),
            from: UsnVector::default(),
            up_to_date: None,
            flags: ReplicationFlags::READER,
            max_objects: 1,
            max_bytes: 0,
            extended_operation: ExtendedOperation::REPLICATE_OBJECT,
            attributes: Some(attributes.to_vec()),
            prefixes,
        }
    }

    #[test]
    fn reference_vector() {
        assert_eq!(hex::encode(sample().to_stub()), REQUEST);
        let stub = hex::decode(REQUEST).unwrap();
        assert_eq!(ChangesRequest::from_stub(&stub), Ok(sample()));
        for length in 0..stub.len() {
            assert!(ChangesRequest::from_stub(&stub[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn other_versions_are_told_apart() {
        let mut stub = hex::decode(REQUEST).unwrap();
        (stub[20], stub[24]) = (10, 10);
        let found = ChangesRequest::from_stub(&stub);
        assert!(matches!(found, Err(NdrError::Version { found: 10, .. })));
        stub[24] = 8;
        assert!(matches!(
            ChangesRequest::from_stub(&stub),
            Err(NdrError::Contradiction(_))
        ));
    }

    #[test]
    fn vectors_and_sets_at_the_limit() {
        let with = |cursors: usize, attributes: usize| {
            let cursor = UpToDateCursor {
                invocation_id: Guid::NIL,
                usn: 7,
            };
            let request = ChangesRequest {
                up_to_date: Some(vec![cursor; cursors]),
                attributes: Some(vec![AttrTyp(1); attributes]),
                ..sample()
            };
            ChangesRequest::from_stub(&request.to_stub()).map(|read| assert_eq!(read, request))
        };
        assert_eq!(with(MAX_CURSORS, MAX_PARTIAL_ATTRIBUTES), Ok(()));
        for (cursors, attributes) in [(MAX_CURSORS + 1, 0), (0, MAX_PARTIAL_ATTRIBUTES + 1)] {
            assert!(matches!(with(cursors, attributes), Err(NdrError::TooMany { .. })));
        }
    }

    proptest! {
        #[test]
        fn round_trips(dn in "[^\0]{0,9}", usns: [u64; 3], cursors in prop::option::of(prop::collection::vec(any::<(u128, u64)>(), 0..4)), set in prop::option::of(prop::collection::vec(any::<u32>(), 0..4))) {
            let request = ChangesRequest {
                naming_context: DsName::of_dn(dn),
                from: UsnVector { object_update: usns[0], reserved: usns[1], property_update: usns[2] },
                up_to_date: cursors.map(|list| list.into_iter().map(|(id, usn)| UpToDateCursor { invocation_id: Guid::from_u128(id), usn }).collect()),
                attributes: set.map(|set| set.into_iter().map(AttrTyp).collect()),
                ..sample()
            };
            prop_assert_eq!(ChangesRequest::from_stub(&request.to_stub()), Ok(request));
        }

        #[test]
        fn damaged_stubs_survive(at in 0..268usize, byte: u8) {
            let mut stub = hex::decode(REQUEST).unwrap();
            stub[at] = byte;
            let _ = ChangesRequest::from_stub(&stub);
        }
    }
}
