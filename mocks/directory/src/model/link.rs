//! Link values: a forward attribute of one object naming another, kept apart from both so that a group of
//! fifty thousand members costs no more to change than a group of two.

use provlab_protocol::filetime::FileTime;

use super::object::{Dnt, Stamp};
use crate::schema::AttributeId;

/// Which link value: source, forward attribute, target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkKey {
    /// The object that has the forward attribute, such as the group.
    pub source: Dnt,
    /// The forward attribute, such as `member`.
    pub attribute: AttributeId,
    /// The object named, such as the member.
    pub target: Dnt,
}

/// State of a link value. A removed value is kept as absent, so that DirSync can report the removal (PR 15.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkValue {
    /// When it was last added or removed.
    pub stamp: Stamp,
    /// When it was first added.
    pub created: FileTime,
    /// Whether the value is there now.
    pub present: bool,
}
