//! SDDL is mostly letters, and a table of them can be checked against MS-DTYP 2.5.1 line by line.

use super::super::{AccessMask, AceFlags, AceKind, DescriptorControl};
use crate::sid::{Sid, rid, well_known};

/// A flag of a list, with its bit for either list.
pub(super) struct AclFlag {
    pub(super) letters: &'static str,
    pub(super) dacl: DescriptorControl,
    pub(super) sacl: DescriptorControl,
}

pub(super) const ACL_FLAGS: &[AclFlag] = &[
    AclFlag {
        letters: "P",
        dacl: DescriptorControl::DACL_PROTECTED,
        sacl: DescriptorControl::SACL_PROTECTED,
    },
    AclFlag {
        letters: "AR",
        dacl: DescriptorControl::DACL_AUTO_INHERIT_REQUIRED,
        sacl: DescriptorControl::SACL_AUTO_INHERIT_REQUIRED,
    },
    AclFlag {
        letters: "AI",
        dacl: DescriptorControl::DACL_AUTO_INHERITED,
        sacl: DescriptorControl::SACL_AUTO_INHERITED,
    },
];

/// Kind of entry, letters of its plain and of its object form.
pub(super) const ACE_KINDS: &[(AceKind, &str, &str)] = &[
    (AceKind::Allow, "A", "OA"),
    (AceKind::Deny, "D", "OD"),
    (AceKind::Audit, "AU", "OU"),
];

pub(super) const ACE_FLAGS: &[(&str, AceFlags)] = &[
    ("OI", AceFlags::OBJECT_INHERIT),
    ("CI", AceFlags::CONTAINER_INHERIT),
    ("NP", AceFlags::NO_PROPAGATE_INHERIT),
    ("IO", AceFlags::INHERIT_ONLY),
    ("ID", AceFlags::INHERITED),
    ("SA", AceFlags::SUCCESSFUL_ACCESS),
    ("FA", AceFlags::FAILED_ACCESS),
];

/// Rights of one bit each, in the order in which Windows prints them.
pub(super) const RIGHTS: &[(&str, AccessMask)] = &[
    ("GA", AccessMask::GENERIC_ALL),
    ("GX", AccessMask::GENERIC_EXECUTE),
    ("GW", AccessMask::GENERIC_WRITE),
    ("GR", AccessMask::GENERIC_READ),
    ("CC", AccessMask::CREATE_CHILD),
    ("DC", AccessMask::DELETE_CHILD),
    ("LC", AccessMask::LIST_CHILDREN),
    ("SW", AccessMask::SELF_WRITE),
    ("RP", AccessMask::READ_PROPERTY),
    ("WP", AccessMask::WRITE_PROPERTY),
    ("DT", AccessMask::DELETE_TREE),
    ("LO", AccessMask::LIST_OBJECT),
    ("CR", AccessMask::CONTROL_ACCESS),
    ("SD", AccessMask::DELETE),
    ("RC", AccessMask::READ_CONTROL),
    ("WD", AccessMask::WRITE_DAC),
    ("WO", AccessMask::WRITE_OWNER),
];

/// Rights on files, which some directory descriptors are written with (PR 14.5); read, not printed.
pub(super) const FILE_RIGHTS: &[(&str, AccessMask)] = &[
    ("FA", AccessMask(0x1F_01FF)),
    ("FR", AccessMask(0x12_0089)),
    ("FW", AccessMask(0x12_0116)),
    ("FX", AccessMask(0x12_00A0)),
];

/// Letters for SIDs that are the same everywhere.
pub(super) const SIDS: &[(&str, Sid)] = &[
    ("WD", well_known::EVERYONE),
    ("CO", well_known::CREATOR_OWNER),
    ("CG", well_known::CREATOR_GROUP),
    ("NU", well_known::NETWORK),
    ("IU", well_known::INTERACTIVE),
    ("SU", well_known::SERVICE),
    ("AN", well_known::ANONYMOUS),
    ("ED", well_known::ENTERPRISE_DOMAIN_CONTROLLERS),
    ("PS", well_known::PRINCIPAL_SELF),
    ("AU", well_known::AUTHENTICATED_USERS),
    ("SY", well_known::LOCAL_SYSTEM),
    ("LS", well_known::LOCAL_SERVICE),
    ("NS", well_known::NETWORK_SERVICE),
    ("BA", well_known::BUILTIN_ADMINISTRATORS),
    ("BU", well_known::BUILTIN_USERS),
    ("BG", well_known::BUILTIN_GUESTS),
    ("AO", well_known::BUILTIN_ACCOUNT_OPERATORS),
    ("SO", well_known::BUILTIN_SERVER_OPERATORS),
    ("PO", well_known::BUILTIN_PRINT_OPERATORS),
    ("BO", well_known::BUILTIN_BACKUP_OPERATORS),
    ("RE", well_known::BUILTIN_REPLICATOR),
    ("RU", well_known::BUILTIN_PRE_WINDOWS_2000),
    ("RD", well_known::BUILTIN_REMOTE_DESKTOP_USERS),
];

/// Letters for accounts of the domain; `SA`, `EA` and `RO` belong to the forest's root domain.
pub(super) const DOMAIN_SIDS: &[(&str, u32)] = &[
    ("RO", rid::ENTERPRISE_READ_ONLY_DOMAIN_CONTROLLERS),
    ("LA", rid::ADMINISTRATOR),
    ("LG", rid::GUEST),
    ("DA", rid::DOMAIN_ADMINS),
    ("DU", rid::DOMAIN_USERS),
    ("DG", rid::DOMAIN_GUESTS),
    ("DC", rid::DOMAIN_COMPUTERS),
    ("DD", rid::DOMAIN_CONTROLLERS),
    ("CA", rid::CERT_PUBLISHERS),
    ("SA", rid::SCHEMA_ADMINS),
    ("EA", rid::ENTERPRISE_ADMINS),
    ("PA", rid::GROUP_POLICY_CREATOR_OWNERS),
    ("KA", rid::KEY_ADMINS),
    ("EK", rid::ENTERPRISE_KEY_ADMINS),
    ("RS", rid::RAS_AND_IAS_SERVERS),
];
