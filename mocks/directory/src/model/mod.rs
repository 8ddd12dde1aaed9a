//! What a directory holds and what clients ask of it: objects, link values, requests, answers and errors.

mod change;
mod context;
mod error;
mod link;
mod object;
mod request;
mod secret;
mod value;

pub use change::Change;
pub use context::Context;
pub use error::{LdapError, ResultCode};
pub use link::{LinkKey, LinkValue};
pub use object::{Dnt, Name, Object, Slot, Stamp, Values};
pub use request::{
    AddRequest, Attribute, Cursor, DeleteRequest, DirSyncAnswer, DirSyncQuery, Entry, ExtendedDn,
    Modification, ModifyOperation, ModifyRequest, PageQuery, RenameRequest, Scope, SearchOutcome,
    SearchRequest,
};
pub use secret::SecretValues;
pub use value::{Value, boolean, generalized_time, integer, text};
