//! Access control: who may do what to which object, decided from tokens and security descriptors (MS-ADTS 5.1.3).
//!
//! Only the entries that were set on an object are stored with it. What it inherits is worked out from its
//! ancestors whenever it matters, so an entry written to the domain root holds for every user below it at
//! once, as it does on a real domain controller when its descriptor propagator has come round.

mod checker;
mod descriptor;
mod right;
mod token;

pub use checker::{Checker, allowed};
pub use descriptor::{
    default_for as default_descriptor, effective as effective_descriptor, explicit_part, merged,
};
pub use right::Right;
pub use token::{Token, TokenKind};
