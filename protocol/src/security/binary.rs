//! The self-relative byte form is what `nTSecurityDescriptor` and `msDS-GroupMSAMembership` hold (MS-DTYP 2.4.4-2.4.6).

use super::{AccessMask, Ace, AceFlags, AceKind, Acl, DescriptorControl, SecurityDescriptor};
use crate::guid::Guid;
use crate::sid::{Sid, SidError};

/// Longest descriptor that is read, the upper range of `nTSecurityDescriptor`.
pub const MAX_DESCRIPTOR_BYTES: usize = 132_096;
/// Longest list, whose size field has 16 bits.
pub const MAX_ACL_BYTES: usize = u16::MAX as usize;
/// Most entries of a list: what fits, with the shortest of entries.
pub const MAX_ACES: usize = (MAX_ACL_BYTES - ACL_HEADER) / SHORTEST_ACE;

const HEADER: usize = 20;
const ACL_HEADER: usize = 8;
const ACE_HEADER: usize = 8;
const SHORTEST_ACE: usize = ACE_HEADER + 12;
const ACL_REVISION: u8 = 2;
const ACL_REVISION_DS: u8 = 4;
const OBJECT_TYPE_PRESENT: u32 = 1;
const INHERITED_OBJECT_TYPE_PRESENT: u32 = 2;

/// Plain and object form of every kind of entry.
const ACE_TYPES: [(AceKind, u8, u8); 3] = [
    (AceKind::Allow, 0, 5),
    (AceKind::Deny, 1, 6),
    (AceKind::Audit, 2, 7),
];

/// The order of the parts behind the header. Readers must follow the offsets; writers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Owner, group, SACL, DACL: as .NET and PowerShell write.
    OwnerFirst,
    /// SACL, DACL, owner, group: as Windows itself writes what it made from SDDL.
    ListsFirst,
}

/// Why bytes are not a security descriptor, or a descriptor cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecurityError {
    /// Over [`MAX_DESCRIPTOR_BYTES`].
    #[error("the security descriptor is {0} bytes long; at most {MAX_DESCRIPTOR_BYTES} are read")]
    TooLong(usize),
    /// A part lies outside the bytes.
    #[error("the security descriptor ends inside its {0}")]
    Truncated(&'static str),
    /// Revision other than 1, or pointers instead of offsets.
    #[error("the bytes are no self-relative security descriptor of revision 1")]
    Header,
    /// Present, but empty: everyone may do everything.
    #[error("the security descriptor has a null {0}, which allows everything to everyone; it is refused")]
    NullList(&'static str),
    /// Unknown revision, or sizes that do not fit.
    #[error("the access control list is malformed: {0}")]
    Acl(&'static str),
    /// A kind of entry that directories do not use.
    #[error("access control entries of type {0} are not supported")]
    AceType(u8),
    /// A malformed SID.
    #[error("the {part} is no SID: {source}")]
    Sid {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        #[source]
        source: SidError,
    },
    /// Over [`MAX_ACL_BYTES`].
    #[error("the access control list would be {0} bytes long; at most {MAX_ACL_BYTES} fit")]
    AclTooLong(usize),
}

impl SecurityDescriptor {
    /// The self-relative bytes, owner first.
    ///
    /// # Errors
    /// A list is longer than [`MAX_ACL_BYTES`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, SecurityError> {
        self.to_bytes_as(Layout::OwnerFirst)
    }

    /// The self-relative bytes in a given order of the parts.
    ///
    /// # Errors
    /// A list is longer than [`MAX_ACL_BYTES`].
    pub fn to_bytes_as(&self, layout: Layout) -> Result<Vec<u8>, SecurityError> {
        let sid = |sid: &Option<Sid>| sid.as_ref().map(Sid::to_bytes);
        let acl = |acl: &Option<Acl>| acl.as_ref().map(write_acl).transpose();
        // In the order of the header's offsets.
        let parts = [
            sid(&self.owner),
            sid(&self.group),
            acl(&self.sacl)?,
            acl(&self.dacl)?,
        ];
        let order = match layout {
            Layout::OwnerFirst => [0, 1, 2, 3],
            Layout::ListsFirst => [2, 3, 0, 1],
        };
        let mut offsets = [0u32; 4];
        let mut body = Vec::new();
        for at in order {
            if let Some(part) = &parts[at] {
                offsets[at] = (HEADER + body.len()) as u32;
                body.extend_from_slice(part);
            }
        }
        let mut out = Vec::with_capacity(HEADER + body.len());
        out.extend_from_slice(&[1, 0]);
        out.extend_from_slice(&self.wire_control().bits().to_le_bytes());
        for offset in offsets {
            out.extend_from_slice(&offset.to_le_bytes());
        }
        out.extend_from_slice(&body);
        Ok(out)
    }

    /// Reads self-relative bytes in any order of the parts.
    ///
    /// # Errors
    /// Malformed, too long, a null list, or a kind of entry that directories do not use.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecurityError> {
        if bytes.len() > MAX_DESCRIPTOR_BYTES {
            return Err(SecurityError::TooLong(bytes.len()));
        }
        let header = bytes.get(..HEADER).ok_or(SecurityError::Truncated("header"))?;
        let control = DescriptorControl(u16::from_le_bytes([header[2], header[3]]));
        if header[0] != 1 || !control.contains(DescriptorControl::SELF_RELATIVE) {
            return Err(SecurityError::Header);
        }
        let part = |at: usize, name| part_at(bytes, read_u32(header, 4 + 4 * at), name);
        let sid = |at, name| {
            part(at, name)?
                .map(|bytes| {
                    Sid::from_prefix(bytes).map_err(|source| SecurityError::Sid { part: name, source })
                })
                .transpose()
        };
        let acl = |at, name, present| match (control.contains(present), part(at, name)?) {
            (false, _) => Ok(None),
            (true, None) => Err(SecurityError::NullList(name)),
            (true, Some(bytes)) => read_acl(bytes).map(Some),
        };
        Ok(SecurityDescriptor {
            control: control.without(COMPUTED_BITS),
            owner: sid(0, "owner")?,
            group: sid(1, "group")?,
            sacl: acl(2, "SACL", DescriptorControl::SACL_PRESENT)?,
            dacl: acl(3, "DACL", DescriptorControl::DACL_PRESENT)?,
        })
    }

    fn wire_control(&self) -> DescriptorControl {
        let present = |list: &Option<Acl>, bit| {
            if list.is_some() {
                bit
            } else {
                DescriptorControl::default()
            }
        };
        self.control.without(COMPUTED_BITS)
            | DescriptorControl::SELF_RELATIVE
            | present(&self.sacl, DescriptorControl::SACL_PRESENT)
            | present(&self.dacl, DescriptorControl::DACL_PRESENT)
    }
}

/// Bits that follow from the rest of the descriptor.
const COMPUTED_BITS: DescriptorControl = DescriptorControl(
    DescriptorControl::SELF_RELATIVE.0
        | DescriptorControl::SACL_PRESENT.0
        | DescriptorControl::DACL_PRESENT.0,
);

/// The bytes from an offset on; offset zero stands for an absent part.
fn part_at<'a>(bytes: &'a [u8], offset: u32, name: &'static str) -> Result<Option<&'a [u8]>, SecurityError> {
    if offset == 0 {
        return Ok(None);
    }
    usize::try_from(offset)
        .ok()
        .filter(|&offset| offset >= HEADER)
        .and_then(|offset| bytes.get(offset..))
        .map(Some)
        .ok_or(SecurityError::Truncated(name))
}

fn write_acl(acl: &Acl) -> Result<Vec<u8>, SecurityError> {
    let mut out = vec![0; ACL_HEADER];
    let mut revision = ACL_REVISION;
    for ace in &acl.aces {
        if write_ace(&mut out, ace) {
            revision = ACL_REVISION_DS;
        }
    }
    let size = u16::try_from(out.len()).map_err(|_| SecurityError::AclTooLong(out.len()))?;
    out[0] = revision;
    out[2..4].copy_from_slice(&size.to_le_bytes());
    out[4..6].copy_from_slice(&(acl.aces.len() as u16).to_le_bytes());
    Ok(out)
}

/// Appends one entry; returns whether it took the object form.
fn write_ace(out: &mut Vec<u8>, ace: &Ace) -> bool {
    let start = out.len();
    let types = [ace.object_type, ace.inherited_object_type];
    let object = types.iter().any(Option::is_some);
    let code = ACE_TYPES
        .iter()
        .find(|(kind, ..)| *kind == ace.kind)
        .map_or(
            0,
            |&(_, plain, with_types)| if object { with_types } else { plain },
        );
    out.extend_from_slice(&[code, ace.flags.bits(), 0, 0]);
    out.extend_from_slice(&ace.mask.bits().to_le_bytes());
    if object {
        let bits = [OBJECT_TYPE_PRESENT, INHERITED_OBJECT_TYPE_PRESENT];
        let present: u32 = types
            .iter()
            .zip(bits)
            .filter(|(t, _)| t.is_some())
            .map(|(_, b)| b)
            .sum();
        out.extend_from_slice(&present.to_le_bytes());
        for guid in types.into_iter().flatten() {
            out.extend_from_slice(&guid.to_le_bytes());
        }
    }
    out.extend_from_slice(&ace.trustee.to_bytes());
    // At most 8 + 4 + 32 + 68 bytes.
    let size = (out.len() - start) as u16;
    out[start + 2..start + 4].copy_from_slice(&size.to_le_bytes());
    object
}

fn read_acl(bytes: &[u8]) -> Result<Acl, SecurityError> {
    let truncated = SecurityError::Truncated("access control list");
    let header = bytes.get(..ACL_HEADER).ok_or(truncated.clone())?;
    if !matches!(header[0], ACL_REVISION | ACL_REVISION_DS) {
        return Err(SecurityError::Acl("its revision is neither 2 nor 4"));
    }
    let size = usize::from(u16::from_le_bytes([header[2], header[3]]));
    let count = usize::from(u16::from_le_bytes([header[4], header[5]]));
    if count > MAX_ACES {
        return Err(SecurityError::Acl("it counts more entries than fit"));
    }
    let mut rest = bytes.get(ACL_HEADER..size).ok_or(truncated)?;
    let mut aces = Vec::new();
    for _ in 0..count {
        aces.push(read_ace(&mut rest)?);
    }
    Ok(Acl { aces })
}

/// Reads the entry that `rest` begins with and moves past it.
fn read_ace(rest: &mut &[u8]) -> Result<Ace, SecurityError> {
    const TRUNCATED: SecurityError = SecurityError::Truncated("access control entry");
    let header = rest.get(..ACE_HEADER).ok_or(TRUNCATED)?;
    let size = usize::from(u16::from_le_bytes([header[2], header[3]]));
    let body = rest.get(ACE_HEADER..size).ok_or(TRUNCATED)?;
    let &(kind, plain, _) = ACE_TYPES
        .iter()
        .find(|(_, plain, object)| header[0] == *plain || header[0] == *object)
        .ok_or(SecurityError::AceType(header[0]))?;
    let flags = AceFlags(header[1]);
    let mask = AccessMask(read_u32(header, 4));
    *rest = &rest[size..];

    let mut body = body;
    let mut types = [None, None];
    if header[0] != plain {
        let (present, after) = body.split_first_chunk::<4>().ok_or(TRUNCATED)?;
        let present = u32::from_le_bytes(*present);
        body = after;
        let bits = [OBJECT_TYPE_PRESENT, INHERITED_OBJECT_TYPE_PRESENT];
        for (place, bit) in types.iter_mut().zip(bits) {
            if present & bit != 0 {
                let (guid, after) = body.split_first_chunk::<16>().ok_or(TRUNCATED)?;
                *place = Some(Guid::from_le_bytes(*guid));
                body = after;
            }
        }
    }
    // Entries may be padded behind the SID.
    let trustee = Sid::from_prefix(body).map_err(|source| SecurityError::Sid {
        part: "trustee",
        source,
    })?;
    let [object_type, inherited_object_type] = types;
    Ok(Ace {
        kind,
        flags,
        mask,
        object_type,
        inherited_object_type,
        trustee,
    })
}

/// Callers have checked the length.
fn read_u32(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4]
        .iter()
        .rev()
        .fold(0, |sum, &byte| sum << 8 | u32::from(byte))
}
