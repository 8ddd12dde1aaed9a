//! Who may do what is stored as a security descriptor, in bytes in the directory and as SDDL in texts (PR 14.1, 14.5, 19).

mod ace;
mod binary;
pub mod sddl;

pub use ace::{AccessMask, Ace, AceFlags, AceKind};
pub use binary::{Layout, MAX_ACES, MAX_ACL_BYTES, MAX_DESCRIPTOR_BYTES, SecurityError};

use crate::guid::Guid;
use crate::sid::Sid;

bit_flags! {
    /// The control bits of a descriptor (MS-DTYP 2.4.6). Whether a list is present follows from the list itself.
    DescriptorControl: u16 {
        /// The owner was filled in by default.
        OWNER_DEFAULTED = 0x0001;
        /// The group was filled in by default.
        GROUP_DEFAULTED = 0x0002;
        /// There is a DACL.
        DACL_PRESENT = 0x0004;
        /// The DACL was filled in by default.
        DACL_DEFAULTED = 0x0008;
        /// There is a SACL.
        SACL_PRESENT = 0x0010;
        /// The SACL was filled in by default.
        SACL_DEFAULTED = 0x0020;
        /// SDDL `AR`: inheritance to children was asked for.
        DACL_AUTO_INHERIT_REQUIRED = 0x0100;
        /// The same for the SACL.
        SACL_AUTO_INHERIT_REQUIRED = 0x0200;
        /// SDDL `AI`: inherited entries are kept up to date.
        DACL_AUTO_INHERITED = 0x0400;
        /// The same for the SACL.
        SACL_AUTO_INHERITED = 0x0800;
        /// SDDL `P`: no entries are inherited.
        DACL_PROTECTED = 0x1000;
        /// The same for the SACL.
        SACL_PROTECTED = 0x2000;
        /// Offsets, not pointers: always so in bytes.
        SELF_RELATIVE = 0x8000;
    }
}

/// Owner, group and the two access control lists of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityDescriptor {
    /// Protection and inheritance bits; presence bits are computed when written.
    pub control: DescriptorControl,
    /// The owner.
    pub owner: Option<Sid>,
    /// The primary group.
    pub group: Option<Sid>,
    /// What is audited.
    pub sacl: Option<Acl>,
    /// What is allowed and denied.
    pub dacl: Option<Acl>,
}

/// An access control list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    /// The entries in the order in which they are evaluated.
    pub aces: Vec<Ace>,
}

impl SecurityDescriptor {
    /// A descriptor with an owner and a DACL, as PowerShell writes `msDS-GroupMSAMembership` (PR 14.1).
    pub fn with_dacl(owner: Sid, aces: Vec<Ace>) -> Self {
        SecurityDescriptor {
            owner: Some(owner),
            dacl: Some(Acl { aces }),
            ..Self::default()
        }
    }

    /// The entries of the DACL; none if there is no DACL.
    pub fn dacl_aces(&self) -> &[Ace] {
        self.dacl.as_ref().map_or(&[], |acl| &acl.aces)
    }

    /// Takes the entries about one attribute, extended right or class out of the DACL; says how many there were.
    pub fn remove_entries_about(&mut self, object_type: Guid) -> usize {
        let Some(dacl) = &mut self.dacl else { return 0 };
        let before = dacl.aces.len();
        dacl.aces.retain(|ace| ace.object_type != Some(object_type));
        before - dacl.aces.len()
    }

    /// Adds an entry to the DACL at the place where Windows keeps it: explicit before inherited and denials first.
    /// Returns whether it was added; an equal entry is not repeated.
    pub fn add_ace(&mut self, ace: Ace) -> bool {
        let aces = &mut self.dacl.get_or_insert_default().aces;
        if aces.contains(&ace) {
            return false;
        }
        let at = aces.partition_point(|present| present.canonical_rank() <= ace.canonical_rank());
        aces.insert(at, ace);
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
