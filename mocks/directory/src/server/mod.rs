//! The LDAP server: from bytes to requests, from requests to effects, from effects to bytes.
//!
//! `frame` cuts the stream, [`message`] decodes, [`session`] decides, `connection` is the only
//! part that touches a stream. Everything that a client sends is bounded before it is taken in; the
//! bounds are in [`limits`] and beside the parsers.

pub(crate) mod connection;
pub mod controls;
mod encode;
mod filter_codec;
mod frame;
pub mod limits;
pub mod message;
mod pages;
mod search;
pub mod session;
pub(crate) mod shared;
mod writes;

pub use frame::FrameError;
pub use session::Service;
