//! The rights that operations ask for (MS-ADTS 5.1.3.2).

use provlab_protocol::guid::Guid;

use crate::schema::AttributeId;

/// A right that an operation asks for on one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// See the children of a container.
    ListContents,
    /// Read one attribute.
    ReadProperty(AttributeId),
    /// Write one attribute.
    WriteProperty(AttributeId),
    /// Create a child of the class with this `schemaIDGUID` below the object.
    CreateChild(Guid),
    /// Delete a child of the class with this `schemaIDGUID` below the object.
    DeleteChild(Guid),
    /// Delete the object itself.
    Delete,
    /// Delete the object with everything below it.
    DeleteTree,
    /// Exercise an extended right, such as Reset Password (PR 19).
    ControlAccess(Guid),
    /// Read owner, group and DACL.
    ReadControl,
    /// Change the DACL.
    WriteDac,
    /// Change the owner.
    WriteOwner,
}
