//! One entry says what one trustee may, may not, or is watched doing.

use crate::guid::Guid;
use crate::sid::Sid;

bit_flags! {
    /// Access rights, with the names that directory objects use (MS-ADTS 5.1.3.2).
    AccessMask: u32 {
        /// Create child objects.
        CREATE_CHILD = 0x1;
        /// Delete child objects.
        DELETE_CHILD = 0x2;
        /// List child objects.
        LIST_CHILDREN = 0x4;
        /// Validated writes.
        SELF_WRITE = 0x8;
        /// Read properties.
        READ_PROPERTY = 0x10;
        /// Write properties.
        WRITE_PROPERTY = 0x20;
        /// Delete with everything below.
        DELETE_TREE = 0x40;
        /// List this object.
        LIST_OBJECT = 0x80;
        /// An extended right.
        CONTROL_ACCESS = 0x100;
        /// Delete this object.
        DELETE = 0x1_0000;
        /// Read the descriptor.
        READ_CONTROL = 0x2_0000;
        /// Write the DACL.
        WRITE_DAC = 0x4_0000;
        /// Write the owner.
        WRITE_OWNER = 0x8_0000;
        /// Wait on the handle; has no meaning in a directory.
        SYNCHRONIZE = 0x10_0000;
        /// Read and write the SACL.
        ACCESS_SYSTEM_SECURITY = 0x100_0000;
        /// Everything, before it is mapped.
        GENERIC_ALL = 0x1000_0000;
        /// Execute, before it is mapped.
        GENERIC_EXECUTE = 0x2000_0000;
        /// Write, before it is mapped.
        GENERIC_WRITE = 0x4000_0000;
        /// Read, before it is mapped.
        GENERIC_READ = 0x8000_0000;
        /// Every right on a directory object: "Full control".
        FULL_CONTROL = 0x000F_01FF;
    }
}

impl AccessMask {
    /// What the generic rights mean on a directory object (MS-ADTS 5.1.3.2).
    const GENERIC_MAPPING: [(AccessMask, AccessMask); 4] = [
        (Self::GENERIC_ALL, Self::FULL_CONTROL),
        (Self::GENERIC_EXECUTE, AccessMask(0x2_0004)),
        (Self::GENERIC_WRITE, AccessMask(0x2_0028)),
        (Self::GENERIC_READ, AccessMask(0x2_0094)),
    ];

    /// The mask with its generic rights replaced by what they mean on a directory object.
    #[must_use]
    pub fn mapped(self) -> AccessMask {
        Self::GENERIC_MAPPING
            .iter()
            .fold(self, |mask, &(generic, meaning)| {
                if mask.contains(generic) {
                    mask.without(generic).with(meaning)
                } else {
                    mask
                }
            })
    }
}

bit_flags! {
    /// Inheritance and audit flags of an entry.
    AceFlags: u8 {
        /// Inherited by objects that hold no others.
        OBJECT_INHERIT = 0x01;
        /// Inherited by containers, which all directory objects are.
        CONTAINER_INHERIT = 0x02;
        /// Inherited by children only, not by theirs.
        NO_PROPAGATE_INHERIT = 0x04;
        /// Does not count on the object itself.
        INHERIT_ONLY = 0x08;
        /// Came from the parent.
        INHERITED = 0x10;
        /// Audit success.
        SUCCESSFUL_ACCESS = 0x40;
        /// Audit failure.
        FAILED_ACCESS = 0x80;
    }
}

/// What an entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AceKind {
    /// Allows.
    Allow,
    /// Denies.
    Deny,
    /// Makes an audit record.
    Audit,
}

/// One entry of an access control list. With an object type or an inherited object type it is written as an object ACE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ace {
    /// What it does.
    pub kind: AceKind,
    /// Inheritance and audit flags.
    pub flags: AceFlags,
    /// The rights it is about.
    pub mask: AccessMask,
    /// The extended right, attribute, attribute set or child class that it is limited to.
    pub object_type: Option<Guid>,
    /// The class of objects that inherit it.
    pub inherited_object_type: Option<Guid>,
    /// Whom it is about.
    pub trustee: Sid,
}

impl Ace {
    /// Allows `trustee` the rights of `mask` on the object itself.
    pub const fn allow(trustee: Sid, mask: AccessMask) -> Self {
        Ace {
            kind: AceKind::Allow,
            flags: AceFlags(0),
            mask,
            object_type: None,
            inherited_object_type: None,
            trustee,
        }
    }

    /// Allows an extended right on the object itself.
    pub const fn allow_right(trustee: Sid, right: Guid) -> Self {
        Ace::allow(trustee, AccessMask::CONTROL_ACCESS).limited_to(right)
    }

    /// The same entry, limited to an extended right, attribute, attribute set or child class.
    #[must_use]
    pub const fn limited_to(mut self, object_type: Guid) -> Self {
        self.object_type = Some(object_type);
        self
    }

    /// The same entry for the objects of `class` below, not for the object itself ("Descendant … objects").
    #[must_use]
    pub const fn for_descendants(mut self, class: Guid) -> Self {
        self.flags = self
            .flags
            .with(AceFlags::CONTAINER_INHERIT)
            .with(AceFlags::INHERIT_ONLY);
        self.inherited_object_type = Some(class);
        self
    }

    /// Whether the entry came from the parent.
    pub const fn is_inherited(&self) -> bool {
        self.flags.contains(AceFlags::INHERITED)
    }

    /// Whether the entry counts on the object itself.
    pub const fn is_effective(&self) -> bool {
        !self.flags.contains(AceFlags::INHERIT_ONLY)
    }

    /// Canonical order of a DACL: explicit before inherited, denials before the rest, plain before object entries.
    pub(super) fn canonical_rank(&self) -> (bool, bool, bool) {
        let object = self.object_type.is_some() || self.inherited_object_type.is_some();
        (self.is_inherited(), self.kind != AceKind::Deny, object)
    }
}
