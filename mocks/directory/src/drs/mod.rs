//! Replication by DRSUAPI: what the directory answers to those who may see its secrets (PR 13).
//!
//! Pure, as the rest of the directory is: a stub comes in, a stub goes out. Only reading is served, and that is all that a password
//! hash synchronization asks for. Linked values are not replicated (a known difference): nobody reads group members here.

mod changes;
mod names;
mod prefixes;
#[cfg(test)]
mod tests;
mod values;

use provlab_platform::Entropy;
use provlab_platform::trace::Fields;
use provlab_protocol::drsuapi::{
    BindReply, BindRequest, ContextHandle, DrsError, DrsExtensions, DrsFlags, UnbindReply, UnbindRequest,
};
use provlab_protocol::filetime::FileTime;
use provlab_protocol::guid::Guid;
use provlab_protocol::ndr::NdrError;

pub use changes::{MAX_ANSWER_BYTES, MAX_OBJECTS};

use crate::access::Token;
use crate::directory::Directory;

/// `ERROR_NOT_ENOUGH_MEMORY`: what a client gets that opens handles without end.
const NOT_ENOUGH_MEMORY: DrsError = DrsError(8);

/// The interface as one call finds it.
pub struct Server<'a> {
    /// The directory.
    pub directory: &'a Directory,
    /// The domain controller's time.
    pub now: FileTime,
    /// Where salts come from.
    pub entropy: &'a Entropy,
    /// The domain controller that answers.
    pub host: &'a str,
}

/// The handle that every call but the first begins with.
///
/// # Errors
/// The stub is shorter.
pub fn handle_of(stub: &[u8]) -> Result<ContextHandle, NdrError> {
    UnbindRequest::from_stub(stub).map(|request| request.handle)
}

/// The answer to `IDL_DRSUnbind`.
#[must_use]
pub fn unbound() -> Vec<u8> {
    let reply = UnbindReply {
        handle: ContextHandle::default(),
        result: DrsError::SUCCESS,
    };
    reply.to_stub()
}

impl Server<'_> {
    /// `IDL_DRSBind`, with the handle that it gives out where there is room for one.
    ///
    /// # Errors
    /// The stub is malformed.
    pub fn bind(&self, stub: &[u8], handle: ContextHandle, room: bool) -> Result<Vec<u8>, NdrError> {
        BindRequest::from_stub(stub)?;
        let flags = [
            DrsFlags::BASE,
            DrsFlags::DCINFO_V2,
            DrsFlags::STRONG_ENCRYPTION,
            DrsFlags::GETCHGREQ_V8,
            DrsFlags::GETCHGREPLY_V6,
        ];
        let extensions = DrsExtensions {
            flags: flags
                .into_iter()
                .fold(DrsFlags::default(), |all, flag| all | flag),
            site: self.guid_of(&self.site_dn()),
            ..DrsExtensions::default()
        };
        let reply = BindReply {
            extensions: Some(extensions),
            handle: if room { handle } else { ContextHandle::default() },
            result: if room {
                DrsError::SUCCESS
            } else {
                NOT_ENOUGH_MEMORY
            },
        };
        Ok(reply.to_stub())
    }

    /// `IDL_DRSDomainControllerInfo`.
    ///
    /// # Errors
    /// The stub is malformed.
    pub fn controller_info(&self, stub: &[u8]) -> Result<Vec<u8>, NdrError> {
        names::controller_info(self, stub)
    }

    /// `IDL_DRSCrackNames`.
    ///
    /// # Errors
    /// The stub is malformed.
    pub fn crack_names(&self, stub: &[u8]) -> Result<Vec<u8>, NdrError> {
        names::crack_names(self, stub)
    }

    /// `IDL_DRSGetNCChanges` for who has this token and shares this session key; with what a trace tells of it.
    ///
    /// # Errors
    /// The stub is malformed.
    pub fn changes(
        &self,
        stub: &[u8],
        token: &Token,
        session_key: &[u8],
    ) -> Result<(Vec<u8>, Fields), NdrError> {
        changes::serve(self, stub, token, session_key)
    }

    fn site_dn(&self) -> String {
        let identity = self.directory.identity();
        let configuration = identity.configuration_dn();
        format!("CN={},CN=Sites,{configuration}", identity.site)
    }

    /// objectGUID of the object of this name; nil if there is none.
    fn guid_of(&self, dn: &str) -> Guid {
        let object = dn.parse().ok().and_then(|dn| self.directory.by_dn(&dn));
        object.map_or(Guid::NIL, |object| object.guid)
    }
}
