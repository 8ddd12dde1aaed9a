//! `IDL_DRSBind` and `IDL_DRSUnbind`: a handle, and what both ends can do (PR 13.4).

use super::DrsError;
use crate::guid::Guid;
use crate::ndr::{NdrError, NdrReader, NdrWriter};

/// The client DSA GUID of clients that are no domain controllers.
pub const NTDSAPI_CLIENT: Guid = Guid::from_u128(0xe24d201a_4fd6_11d1_a3da_0000f875ae0d);
/// Longest extensions that are read, as MS-DRSR bounds them.
pub const MAX_EXTENSIONS_BYTES: usize = 10_000;

/// Bytes of the extensions that are known: `DRS_EXTENSIONS_INT` without its length.
const KNOWN_BYTES: usize = 52;

bit_flags! {
    /// What one end can do (`dwFlags` of DRS_EXTENSIONS_INT).
    DrsFlags: u32 {
        /// Always set.
        BASE = 0x1;
        /// Linked values travel one by one.
        LINKED_VALUE_REPLICATION = 0x400;
        /// Level 2 of the domain controller information.
        DCINFO_V2 = 0x800;
        /// Secrets are encrypted under the session key.
        STRONG_ENCRYPTION = 0x8000;
        /// Reply version 6 of GetNCChanges can be compressed; whoever sets it has to expand.
        W2K3_DEFLATE = 0x1000_0000;
        /// Request version 6.
        GETCHGREQ_V6 = 0x40_0000;
        /// Application naming contexts.
        NONDOMAIN_NCS = 0x80_0000;
        /// Request version 8.
        GETCHGREQ_V8 = 0x100_0000;
        /// Reply version 6.
        GETCHGREPLY_V6 = 0x400_0000;
        /// Request version 10.
        GETCHGREQ_V10 = 0x2000_0000;
    }
}

impl DrsFlags {
    /// What a client of secrets says (PR 13.4).
    pub const CLIENT: Self = Self(
        Self::GETCHGREQ_V6.0
            | Self::NONDOMAIN_NCS.0
            | Self::GETCHGREQ_V8.0
            | Self::GETCHGREPLY_V6.0
            | Self::STRONG_ENCRYPTION.0,
    );
}

/// The server's name for what a client has open: 20 bytes that only the server understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContextHandle(pub [u8; 20]);

impl ContextHandle {
    /// A handle with attributes 0 and this identifier.
    #[must_use]
    pub fn new(id: Guid) -> Self {
        let mut bytes = [0; 20];
        bytes[4..].copy_from_slice(&id.to_le_bytes());
        Self(bytes)
    }

    pub(crate) fn read(reader: &mut NdrReader<'_>) -> Result<Self, NdrError> {
        const WHAT: &str = "the context handle";
        reader.align(4, WHAT)?;
        let bytes = reader.bytes(20, WHAT)?;
        bytes.try_into().map(Self).map_err(|_| NdrError::Truncated(WHAT))
    }

    pub(crate) fn write(self, writer: &mut NdrWriter) {
        writer.align(4);
        writer.bytes(&self.0);
    }
}

/// DRS_EXTENSIONS_INT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrsExtensions {
    /// What this end can do.
    pub flags: DrsFlags,
    /// The site of the server.
    pub site: Guid,
    /// Process id.
    pub pid: u32,
    /// The replication epoch; both ends have to name the same.
    pub replication_epoch: u32,
    /// More flags.
    pub flags_ext: u32,
    /// The configuration naming context.
    pub configuration: Guid,
    /// Even more flags.
    pub ext_caps: u32,
}

impl DrsExtensions {
    /// What a client says.
    #[must_use]
    pub fn client(replication_epoch: u32) -> Self {
        Self {
            flags: DrsFlags::CLIENT,
            replication_epoch,
            ext_caps: u32::MAX,
            ..Self::default()
        }
    }

    fn write(&self, writer: &mut NdrWriter) {
        writer.count(KNOWN_BYTES);
        writer.count(KNOWN_BYTES);
        writer.u32(self.flags.bits());
        writer.bytes(&self.site.to_le_bytes());
        for word in [self.pid, self.replication_epoch, self.flags_ext] {
            writer.u32(word);
        }
        writer.bytes(&self.configuration.to_le_bytes());
        writer.u32(self.ext_caps);
    }

    /// Old servers tell less and new ones may tell more: what is absent is zero, what is unknown is skipped.
    fn read(reader: &mut NdrReader<'_>) -> Result<Self, NdrError> {
        const WHAT: &str = "the extensions";
        let max = reader.count(WHAT, MAX_EXTENSIONS_BYTES)?;
        let length = reader.count(WHAT, MAX_EXTENSIONS_BYTES)?;
        if max != length {
            return Err(NdrError::Contradiction(WHAT));
        }
        let told = reader.bytes(length, WHAT)?;
        let mut known = [0; KNOWN_BYTES];
        let shared = told.len().min(KNOWN_BYTES);
        known[..shared].copy_from_slice(&told[..shared]);
        let mut fields = NdrReader::new(&known);
        Ok(Self {
            flags: DrsFlags(fields.u32(WHAT)?),
            site: fields.guid(WHAT)?,
            pid: fields.u32(WHAT)?,
            replication_epoch: fields.u32(WHAT)?,
            flags_ext: fields.u32(WHAT)?,
            configuration: fields.guid(WHAT)?,
            ext_caps: fields.u32(WHAT)?,
        })
    }
}

/// `IDL_DRSBind`, in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BindRequest {
    /// Who the client is.
    pub client_dsa: Option<Guid>,
    /// What it can do.
    pub extensions: Option<DrsExtensions>,
}

impl BindRequest {
    /// The stub.
    #[must_use]
    pub fn to_stub(&self) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.pointer(self.client_dsa.is_some());
        if let Some(client) = self.client_dsa {
            writer.guid(client);
        }
        writer.pointer(self.extensions.is_some());
        if let Some(extensions) = &self.extensions {
            extensions.write(&mut writer);
        }
        writer.into_bytes()
    }

    /// Reads the stub.
    ///
    /// # Errors
    /// Malformed, or over a bound.
    pub fn from_stub(stub: &[u8]) -> Result<Self, NdrError> {
        let mut reader = NdrReader::new(stub);
        let client_dsa = match reader.pointer("the client's GUID")? {
            true => Some(reader.guid("the client's GUID")?),
            false => None,
        };
        let extensions = match reader.pointer("the extensions")? {
            true => Some(DrsExtensions::read(&mut reader)?),
            false => None,
        };
        Ok(Self {
            client_dsa,
            extensions,
        })
    }
}

/// `IDL_DRSBind`, out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BindReply {
    /// What the server can do.
    pub extensions: Option<DrsExtensions>,
    /// The handle for further calls.
    pub handle: ContextHandle,
    /// How it went.
    pub result: DrsError,
}

impl BindReply {
    /// The stub.
    #[must_use]
    pub fn to_stub(&self) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.pointer(self.extensions.is_some());
        if let Some(extensions) = &self.extensions {
            extensions.write(&mut writer);
        }
        self.handle.write(&mut writer);
        writer.u32(self.result.0);
        writer.into_bytes()
    }

    /// Reads the stub.
    ///
    /// # Errors
    /// Malformed, or over a bound.
    pub fn from_stub(stub: &[u8]) -> Result<Self, NdrError> {
        let mut reader = NdrReader::new(stub);
        let extensions = match reader.pointer("the extensions")? {
            true => Some(DrsExtensions::read(&mut reader)?),
            false => None,
        };
        Ok(Self {
            extensions,
            handle: ContextHandle::read(&mut reader)?,
            result: DrsError(reader.u32("the result")?),
        })
    }
}

/// `IDL_DRSUnbind`, in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnbindRequest {
    /// The handle to give back.
    pub handle: ContextHandle,
}

impl UnbindRequest {
    /// The stub.
    #[must_use]
    pub fn to_stub(&self) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        self.handle.write(&mut writer);
        writer.into_bytes()
    }

    /// Reads the stub.
    ///
    /// # Errors
    /// Malformed.
    pub fn from_stub(stub: &[u8]) -> Result<Self, NdrError> {
        let handle = ContextHandle::read(&mut NdrReader::new(stub))?;
        Ok(Self { handle })
    }
}

/// `IDL_DRSUnbind`, out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnbindReply {
    /// All zero: the handle is gone.
    pub handle: ContextHandle,
    /// How it went.
    pub result: DrsError,
}

impl UnbindReply {
    /// The stub.
    #[must_use]
    pub fn to_stub(&self) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        self.handle.write(&mut writer);
        writer.u32(self.result.0);
        writer.into_bytes()
    }

    /// Reads the stub.
    ///
    /// # Errors
    /// Malformed.
    pub fn from_stub(stub: &[u8]) -> Result<Self, NdrError> {
        let mut reader = NdrReader::new(stub);
        Ok(Self {
            handle: ContextHandle::read(&mut reader)?,
            result: DrsError(reader.u32("the result")?),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// PR 13.4.
    const REQUEST: &str = "000002001a204de2d64fd111a3da0000f875ae0d0400020034000000340000000080c005000000000000000000000000\
        0000000000000000000000000000000000000000000000000000000000000000ffffffff";

    #[test]
    fn reference_vector() {
        let request = BindRequest {
            client_dsa: Some(NTDSAPI_CLIENT),
            extensions: Some(DrsExtensions::client(0)),
        };
        assert_eq!(hex::encode(request.to_stub()), REQUEST);
        assert_eq!(
            BindRequest::from_stub(&hex::decode(REQUEST).unwrap()),
            Ok(request)
        );
    }

    fn reply(extensions: &[u8]) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.pointer(true);
        writer.count(extensions.len());
        writer.counted_bytes(extensions);
        ContextHandle::new(NTDSAPI_CLIENT).write(&mut writer);
        writer.u32(0);
        writer.into_bytes()
    }

    #[test]
    fn shorter_and_longer_extensions_are_read() {
        let whole = DrsExtensions {
            flags: DrsFlags::BASE,
            pid: 7,
            replication_epoch: 9,
            ..DrsExtensions::default()
        };
        let mut writer = NdrWriter::new();
        whole.write(&mut writer);
        let told = writer.into_bytes().split_off(8);
        for length in [24, 28, 48, 52] {
            let read = BindReply::from_stub(&reply(&told[..length])).unwrap();
            let epoch = read.extensions.unwrap().replication_epoch;
            assert_eq!(epoch, if length < 28 { 0 } else { 9 }, "{length}");
            assert_eq!(read.handle, ContextHandle::new(NTDSAPI_CLIENT));
        }
        let longer = [&told[..], &[1; 40]].concat();
        assert_eq!(
            BindReply::from_stub(&reply(&longer)).unwrap().extensions,
            Some(whole)
        );
        assert!(BindReply::from_stub(&reply(&vec![0; MAX_EXTENSIONS_BYTES])).is_ok());
        assert!(matches!(
            BindReply::from_stub(&reply(&vec![0; MAX_EXTENSIONS_BYTES + 1])),
            Err(NdrError::TooMany { .. })
        ));
    }

    #[test]
    fn replies_round_trip_and_damage_is_refused() {
        let good = BindReply {
            extensions: Some(DrsExtensions::client(3)),
            handle: ContextHandle([5; 20]),
            result: DrsError::DRA_ACCESS_DENIED,
        };
        let stub = good.to_stub();
        assert_eq!(BindReply::from_stub(&stub), Ok(good));
        for length in 0..stub.len() {
            assert!(BindReply::from_stub(&stub[..length]).is_err(), "{length}");
        }
        let unbound = UnbindReply {
            handle: ContextHandle::default(),
            result: DrsError::SUCCESS,
        };
        assert_eq!(UnbindReply::from_stub(&unbound.to_stub()), Ok(unbound));
        let unbind = UnbindRequest { handle: good.handle };
        assert_eq!(UnbindRequest::from_stub(&unbind.to_stub()), Ok(unbind));
        assert!(UnbindRequest::from_stub(&[0; 19]).is_err());
    }
}
