//! Passwords that cross between cloud and directory.

pub mod writeback;
