//! NTLMv2 as far as a sealed remote procedure call needs it (MS-NLMP): a logon by NT hash, and what it is good for afterwards.
//!
//! A managed account's password is no text, so everything starts from an NT hash. Both ends are pure: time and random numbers are
//! handed in, and what is sent is handed back. Only what every server since Windows Vista speaks is spoken: NTLMv2, Unicode,
//! extended session security, keys of 128 bits, exchanged keys, and the integrity code over the three messages.
//!
//! MD4, MD5 and RC4 here stand for the operating system's security package, which goes on under Windows' FIPS policy; the policy
//! locks what .NET code asks for by itself (CS 7.4), and that is [`drsuapi::secret`](crate::drsuapi::secret).
//!
//! | Part | What it holds |
//! |---|---|
//! | `message`, `target_info` | NEGOTIATE, CHALLENGE, AUTHENTICATE |
//! | `keys` | from the NT hash to the keys of a session |
//! | `client`, `server` | the two ends of a logon |
//! | `context` | signing and sealing |

mod client;
mod context;
mod keys;
mod message;
mod server;
mod target_info;

pub use client::{Client, Random};
pub use context::{Context, Direction, SIGNATURE_BYTES};
pub use keys::SessionKey;
pub use message::{Flags, MAX_MESSAGE_BYTES};
pub use server::{Claim, Server, ServerNames};

/// Why a logon goes no further. Never tells anything of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NtlmError {
    /// Not a message of NTLM, or not the one whose turn it is.
    #[error("the NTLM message is malformed: {0}")]
    Malformed(&'static str),
    /// Over [`MAX_MESSAGE_BYTES`].
    #[error("the NTLM message has {0} bytes; at most {MAX_MESSAGE_BYTES} are read")]
    TooLong(usize),
    /// The other end does not do what a sealed session needs.
    #[error("the other end does not offer {0}")]
    NotOffered(&'static str),
    /// The response is not that of the account's password.
    #[error("the password is wrong")]
    WrongPassword,
    /// The integrity code over the messages is wrong: somebody changed one on the way.
    #[error("the integrity code of the NTLM messages is wrong")]
    Integrity,
    /// A signature is wrong: another key, another order, or damage.
    #[error("the signature is wrong")]
    Signature,
}
