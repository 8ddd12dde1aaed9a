//! MS-DRSR, the protocol by which domain controllers replicate, as far as a reader of passwords needs it (PR 13).
//!
//! Requests and replies are written and read by both ends: the agent is the client, the embedded directory the server. A call's
//! stub is the content of a request or response PDU of [`dcerpc`](crate::dcerpc).
//!
//! | Part | What it holds |
//! |---|---|
//! | `bind` | `IDL_DRSBind`, `IDL_DRSUnbind`, the extensions |
//! | `controller_info`, `crack_names` | `IDL_DRSDomainControllerInfo`, `IDL_DRSCrackNames` |
//! | `changes`, `reply` | `IDL_DRSGetNCChanges`, request version 8 and reply version 6 |
//! | `ds_name`, `prefix` | names of objects, names of attributes |
//! | `secret` | the two layers of encryption around a password |

mod bind;
mod changes;
mod controller_info;
mod crack_names;
mod ds_name;
mod prefix;
mod reply;
pub mod secret;

pub use bind::{
    BindReply, BindRequest, ContextHandle, DrsExtensions, DrsFlags, MAX_EXTENSIONS_BYTES, NTDSAPI_CLIENT,
    UnbindReply, UnbindRequest,
};
pub use changes::{
    ChangesRequest, ExtendedOperation, MAX_CURSORS, MAX_PARTIAL_ATTRIBUTES, ReplicationFlags, UpToDateCursor,
    UsnVector,
};
pub use controller_info::{
    ControllerInfo, ControllerInfoReply, ControllerInfoRequest, INFO_LEVEL, MAX_CONTROLLERS,
};
pub use crack_names::{CrackNamesReply, CrackNamesRequest, CrackedName, MAX_NAMES, NameFormat, NameStatus};
pub use ds_name::{DsName, MAX_DS_NAME_CHARS};
pub use prefix::{AttrTyp, MAX_PREFIX_BYTES, MAX_PREFIXES, Prefix, PrefixTable};
pub use reply::{
    Attribute, ChangesReply, ExtendedResult, LinkValue, MAX_ATTRIBUTES, MAX_LINK_VALUES, MAX_OBJECTS,
    MAX_VALUES, PropertyMetaData, ReplicatedObject,
};

use crate::ndr::NdrError;

/// Longest name that is read, in characters.
pub const MAX_NAME_CHARS: usize = 1_024;

/// The calls of the interface that are spoken (PR 13.2).
pub mod opnum {
    /// `IDL_DRSBind`.
    pub const BIND: u16 = 0;
    /// `IDL_DRSUnbind`.
    pub const UNBIND: u16 = 1;
    /// `IDL_DRSGetNCChanges`.
    pub const GET_NC_CHANGES: u16 = 3;
    /// `IDL_DRSCrackNames`.
    pub const CRACK_NAMES: u16 = 12;
    /// `IDL_DRSDomainControllerInfo`.
    pub const DOMAIN_CONTROLLER_INFO: u16 = 16;
}

/// What a call returns: zero, or a Win32 error (PR 13.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DrsError(pub u32);

impl DrsError {
    /// Done.
    pub const SUCCESS: Self = Self(0);
    /// `ERROR_INVALID_PARAMETER`.
    pub const INVALID_PARAMETER: Self = Self(87);
    /// `ERROR_INVALID_HANDLE`: the context handle is not one of this connection.
    pub const INVALID_HANDLE: Self = Self(6);
    /// `ERROR_DS_DRA_INVALID_PARAMETER`, 8437.
    pub const DRA_INVALID_PARAMETER: Self = Self(0x20F5);
    /// `ERROR_DS_DRA_BAD_DN`, 8439: no such object.
    pub const DRA_BAD_DN: Self = Self(0x20F7);
    /// `ERROR_DS_DRA_BAD_NC`, 8440: not the head of a naming context.
    pub const DRA_BAD_NC: Self = Self(0x20F8);
    /// `ERROR_DS_DRA_ACCESS_DENIED`, 8453.
    pub const DRA_ACCESS_DENIED: Self = Self(0x2105);
    /// `ERROR_DS_DRA_SOURCE_DISABLED`, 8456.
    pub const DRA_SOURCE_DISABLED: Self = Self(0x2108);
    /// `ERROR_DS_DRA_SINK_DISABLED`, 8457.
    pub const DRA_SINK_DISABLED: Self = Self(0x2109);
    /// `ERROR_DS_DIFFERENT_REPL_EPOCHS`, 8593 (CS 7.3).
    pub const DIFFERENT_REPLICATION_EPOCHS: Self = Self(0x2191);

    /// Nothing for success.
    ///
    /// # Errors
    /// The error itself.
    pub fn into_result(self) -> Result<(), Self> {
        if self == Self::SUCCESS { Ok(()) } else { Err(self) }
    }

    /// Name in the Win32 error list; empty for one that is not listed here.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SUCCESS => "ERROR_SUCCESS",
            Self::INVALID_PARAMETER => "ERROR_INVALID_PARAMETER",
            Self::INVALID_HANDLE => "ERROR_INVALID_HANDLE",
            Self::DRA_INVALID_PARAMETER => "ERROR_DS_DRA_INVALID_PARAMETER",
            Self::DRA_BAD_DN => "ERROR_DS_DRA_BAD_DN",
            Self::DRA_BAD_NC => "ERROR_DS_DRA_BAD_NC",
            Self::DRA_ACCESS_DENIED => "ERROR_DS_DRA_ACCESS_DENIED",
            Self::DRA_SOURCE_DISABLED => "ERROR_DS_DRA_SOURCE_DISABLED",
            Self::DRA_SINK_DISABLED => "ERROR_DS_DRA_SINK_DISABLED",
            Self::DIFFERENT_REPLICATION_EPOCHS => "ERROR_DS_DIFFERENT_REPL_EPOCHS",
            _ => "",
        }
    }
}

impl std::fmt::Display for DrsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            "" => write!(f, "error {}", self.0),
            name => write!(f, "{name} ({})", self.0),
        }
    }
}

/// `dwInVersion` or `pdwOutVersion` and the tag of the union behind it, which say the same.
fn version(reader: &mut crate::ndr::NdrReader<'_>, what: &'static str) -> Result<u32, NdrError> {
    let (version, tag) = (reader.u32(what)?, reader.u32(what)?);
    if version == tag {
        Ok(version)
    } else {
        Err(NdrError::Contradiction(what))
    }
}

fn write_version(writer: &mut crate::ndr::NdrWriter, version: u32) {
    writer.u32(version);
    writer.u32(version);
}
