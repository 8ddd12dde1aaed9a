//! Active Directory: logon, gMSA, rights, and DirSync as the source of changes.

mod gmsa;
mod groups;
mod logon;
mod managed_password;
mod members;
mod pages;
pub(super) mod resource;
mod rights;
mod schema;
mod session;
mod watermark;

pub use gmsa::{Gmsa, GmsaError, INSTALL_ATTEMPTS, Outcome, computer_sid, create_or_reuse, find};
pub use logon::{Credential, LogonError, open};
pub use managed_password::{logon_as, ntlm_account, prove};
pub use rights::{Applies, GRANTS, Grant, RightsError, grant_all};
pub use session::ActiveDirectory;
