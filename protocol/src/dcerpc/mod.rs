//! Connection-oriented DCE/RPC version 5 (C706 chapter 12, MS-RPCE): what a remote procedure call travels in (PR 13.1).
//!
//! Little-endian and over TCP, as Windows and Samba speak it. Stubs are [`ndr`](crate::ndr); what they mean is the interface's
//! affair, as in [`drsuapi`](crate::drsuapi). Everything here is pure; both ends share it.
//!
//! | Part | What it holds |
//! |---|---|
//! | `header`, `frames` | the head of every PDU, and the stream cut into PDUs |
//! | `bind` | bind, alter_context, their answers, auth3 |
//! | `call` | request, response, fault: split into fragments and put together again |
//! | `privacy` | the authentication trailer, and stubs sealed under it |
//! | [`endpoint_mapper`] | on which port an interface is |

mod bind;
mod call;
pub mod endpoint_mapper;
mod frames;
mod header;
mod privacy;

pub use bind::{
    Auth3, Bind, BindAck, BindNak, ContextElement, ContextResult, MAX_CONTEXTS, MAX_TRANSFER_SYNTAXES,
    RejectReason,
};
pub use call::{Assembly, Call, CallKind, FaultStatus, MAX_FRAGMENTS};
pub use frames::Frames;
pub use header::{HEADER_BYTES, Header, PacketFlags, PacketType};
pub use privacy::{AuthLevel, AuthTrailer, AuthType, MAX_AUTH_BYTES, PacketPrivacy};

use crate::guid::Guid;

/// Largest fragment that is offered and sent: what Windows offers over TCP.
pub const FRAGMENT_BYTES: u16 = 5_840;
/// Least fragment that every implementation takes (C706 12.6.3.1).
pub const MIN_FRAGMENT_BYTES: u16 = 1_432;

/// An interface or transfer syntax with its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyntaxId {
    /// Which.
    pub uuid: Guid,
    /// Major version.
    pub major: u16,
    /// Minor version.
    pub minor: u16,
}

impl SyntaxId {
    const fn new(uuid: u128, major: u16) -> Self {
        Self {
            uuid: Guid::from_u128(uuid),
            major,
            minor: 0,
        }
    }

    /// The transfer syntax NDR20.
    pub const NDR20: Self = Self::new(0x8a885d04_1ceb_11c9_9fe8_08002b104860, 2);
    /// The interface of replication (MS-DRSR).
    pub const DRSUAPI: Self = Self::new(0xe3514235_4b06_11d1_ab04_00c04fc2dcd2, 4);
    /// The interface of the endpoint mapper.
    pub const ENDPOINT_MAPPER: Self = Self::new(0xe1af8308_5d1f_11c9_91a4_08002b14a0fa, 3);
}

/// Why bytes are no PDU, or none that belongs here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DceError {
    /// It ends too early.
    #[error("the PDU ends inside {0}")]
    Truncated(&'static str),
    /// Not version 5, or not little-endian.
    #[error("not a PDU of DCE/RPC version 5 in little-endian order")]
    Version,
    /// A kind that has no place here.
    #[error("a PDU of kind {0} has no place here")]
    Kind(u8),
    /// Over a limit.
    #[error("{what} has {found}, the limit is {limit}")]
    TooMany {
        /// What.
        what: &'static str,
        /// Its size.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// Fields that contradict each other or the course of the call.
    #[error("{0} contradicts what came before")]
    Contradiction(&'static str),
    /// Nothing sealed it, or the seal is broken.
    #[error("the PDU is not sealed as was agreed")]
    Unsealed,
}
