use proptest::prelude::*;

use super::sddl::{MAX_SDDL_BYTES, SddlError};
use super::*;
use crate::guid::Guid;
use crate::rights;
use crate::sid::well_known;

/// PR 14.1: who may read a managed password, as PowerShell writes it.
const GROUP_MSA: &str = "01000480140000000000000000000000240000000102000000000005200000002002000002002c000100000000002400ff010f00010500000000000515000000c7353a428e6b748455a1aec656040000";
/// PR 14.5: the descriptor in every group key.
const GKDI: &str = "010004803000000000000000000000001400000002001c0001000000000014009f011200010100000000000509000000010100000000000512000000";

fn group() -> Sid {
    Sid::domain_of(1111111111, 2222222222, 3333333333).with_rid(1110)
}

fn sddl(text: &str) -> SecurityDescriptor {
    text.parse().unwrap()
}

#[test]
fn group_msa_membership_vector() {
    let descriptor = SecurityDescriptor::with_dacl(
        well_known::BUILTIN_ADMINISTRATORS,
        vec![Ace::allow(group(), AccessMask::FULL_CONTROL)],
    );
    let bytes = descriptor.to_bytes().unwrap();
    assert_eq!(bytes.len(), 80);
    assert_eq!(hex::encode(&bytes), GROUP_MSA);
    assert_eq!(SecurityDescriptor::from_bytes(&bytes), Ok(descriptor.clone()));
    assert_eq!(
        descriptor.to_string(),
        "O:BAD:(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;S-1-5-21-1111111111-2222222222-3333333333-1110)"
    );
}

#[test]
fn group_key_vector() {
    let descriptor = sddl("O:SYD:(A;;FRFW;;;S-1-5-9)");
    let bytes = descriptor.to_bytes_as(Layout::ListsFirst).unwrap();
    assert_eq!(bytes.len(), 60);
    assert_eq!(hex::encode(&bytes), GKDI);
    assert_eq!(SecurityDescriptor::from_bytes(&bytes), Ok(descriptor.clone()));
    assert_eq!(descriptor.to_string(), "O:SYD:(A;;0x12019f;;;ED)");
}

#[test]
fn object_entries_carry_their_guids() {
    let ace =
        Ace::allow_right(group(), rights::USER_FORCE_CHANGE_PASSWORD).for_descendants(rights::CLASS_USER);
    let text = format!(
        "OA;CIIO;CR;{};{};{}",
        rights::USER_FORCE_CHANGE_PASSWORD,
        rights::CLASS_USER,
        group()
    );
    assert_eq!(ace.to_string(), text);
    let descriptor = SecurityDescriptor::with_dacl(well_known::LOCAL_SYSTEM, vec![ace]);
    let bytes = descriptor.to_bytes().unwrap();
    // Revision 4 for lists with object entries, type 5 for the entry.
    assert_eq!((bytes[32], bytes[40]), (4, 5));
    assert_eq!(SecurityDescriptor::from_bytes(&bytes), Ok(descriptor.clone()));
    assert_eq!(sddl(&descriptor.to_string()), descriptor);
}

#[test]
fn sddl_with_everything() {
    let text = "O:BAG:SYD:PAI(D;;WD;;;AN)(A;CIID;GR;;;AU)(OA;;WP;28630ebf-41d5-11d1-a9c1-0000f80367c1;;PS)S:AI(AU;SAFA;WDWO;;;WD)";
    let descriptor = sddl(text);
    assert_eq!(descriptor.to_string(), text);
    assert_eq!(
        descriptor.control,
        DescriptorControl::DACL_PROTECTED
            | DescriptorControl::DACL_AUTO_INHERITED
            | DescriptorControl::SACL_AUTO_INHERITED
    );
    let bytes = descriptor.to_bytes().unwrap();
    assert_eq!(SecurityDescriptor::from_bytes(&bytes), Ok(descriptor));
}

#[test]
fn domain_letters_need_a_domain() {
    let domain = Sid::domain_of(1, 2, 3);
    let descriptor = super::sddl::parse("O:DAD:(A;;GA;;;EA)", Some(&domain)).unwrap();
    assert_eq!(descriptor.owner, Some(domain.with_rid(512)));
    assert_eq!(descriptor.dacl_aces()[0].trustee, domain.with_rid(519));
    assert!(matches!(
        "O:DA".parse::<SecurityDescriptor>(),
        Err(SddlError::NeedsDomain { offset: 2, .. })
    ));
}

#[test]
fn sddl_errors_say_where() {
    let error = |text: &str| text.parse::<SecurityDescriptor>().unwrap_err();
    let offset = |text: &str| match error(text) {
        SddlError::Part { offset }
        | SddlError::Unknown { offset, .. }
        | SddlError::NeedsDomain { offset, .. }
        | SddlError::Entry { offset }
        | SddlError::TooManyEntries { offset } => Some(offset),
        SddlError::TooLong(_) => None,
    };
    assert_eq!(offset("X:SY"), Some(0));
    assert_eq!(offset("O:SYO:SY"), Some(4));
    assert_eq!(offset("O:XX"), Some(2));
    assert_eq!(offset("D:(A;;GA;;;SY"), Some(2));
    assert_eq!(offset("D:(A;;GA;;SY)"), Some(3));
    assert_eq!(offset("D:(Z;;GA;;;SY)"), Some(3));
    assert_eq!(offset("D:(A;CIXX;GA;;;SY)"), Some(7));
    assert_eq!(offset("D:(A;;GAX;;;SY)"), Some(8));
    assert_eq!(offset("D:(A;;0x1ffffffff;;;SY)"), Some(6));
    assert_eq!(offset("D:(OA;;GA;zz;;SY)"), Some(10));
    assert_eq!(offset("D:(A;;GA;;;SY)é"), Some(14));
    assert_eq!(
        error("D:(A;;é;;;SY)").to_string(),
        "at byte 6: `é` is not an access right"
    );
    let long = " ".repeat(MAX_SDDL_BYTES + 1);
    assert_eq!(error(&long), SddlError::TooLong(MAX_SDDL_BYTES + 1));
}

#[test]
fn lists_at_the_limit() {
    let ace = Ace::allow(well_known::EVERYONE, AccessMask::READ_PROPERTY);
    let full = SecurityDescriptor::with_dacl(well_known::EVERYONE, vec![ace.clone(); MAX_ACES]);
    let bytes = full.to_bytes().unwrap();
    assert_eq!(SecurityDescriptor::from_bytes(&bytes), Ok(full.clone()));
    assert_eq!(sddl(&full.to_string()), full);
    let over = SecurityDescriptor::with_dacl(well_known::EVERYONE, vec![ace; MAX_ACES + 1]);
    assert!(matches!(over.to_bytes(), Err(SecurityError::AclTooLong(_))));
    assert!(matches!(
        over.to_string().parse::<SecurityDescriptor>(),
        Err(SddlError::TooManyEntries { .. })
    ));
    let long = vec![0; MAX_DESCRIPTOR_BYTES + 1];
    assert!(matches!(
        SecurityDescriptor::from_bytes(&long),
        Err(SecurityError::TooLong(_))
    ));
}

#[test]
fn damaged_bytes_are_refused() {
    let good = hex::decode(GROUP_MSA).unwrap();
    for length in 0..good.len() {
        assert!(
            SecurityDescriptor::from_bytes(&good[..length]).is_err(),
            "{length}"
        );
    }
    let with = |at: usize, byte: u8| {
        let mut bad = good.clone();
        bad[at] = byte;
        SecurityDescriptor::from_bytes(&bad).unwrap_err()
    };
    assert_eq!(with(0, 2), SecurityError::Header);
    assert_eq!(with(3, 0), SecurityError::Header);
    assert_eq!(with(16, 0), SecurityError::NullList("DACL"));
    assert_eq!(with(16, 1), SecurityError::Truncated("DACL"));
    assert_eq!(with(44, 9), SecurityError::AceType(9));
    assert_eq!(with(40, 2), SecurityError::Truncated("access control entry"));
    assert!(matches!(with(36, 3), SecurityError::Acl(_)));
    assert!(matches!(with(41, 0xff), SecurityError::Acl(_)));
    assert!(matches!(with(20, 2), SecurityError::Sid { part: "owner", .. }));
}

#[test]
fn entries_are_added_once_and_in_canonical_order() {
    let mut descriptor = sddl("D:(D;;GA;;;AN)(A;;GR;;;AU)(A;ID;GR;;;BA)");
    let ace = Ace::allow(group(), AccessMask::FULL_CONTROL);
    assert!(descriptor.add_ace(ace.clone()));
    assert!(!descriptor.add_ace(ace.clone()));
    assert_eq!(descriptor.dacl_aces()[2], ace);
    assert!(descriptor.dacl_aces()[3].is_inherited());
    let mut empty = SecurityDescriptor::default();
    assert!(empty.add_ace(ace));
    assert_eq!(empty.dacl_aces().len(), 1);
}

#[test]
fn generic_rights_are_mapped() {
    assert_eq!(AccessMask::GENERIC_ALL.mapped(), AccessMask::FULL_CONTROL);
    assert_eq!(AccessMask::GENERIC_READ.mapped(), AccessMask(0x2_0094));
    assert_eq!(AccessMask::DELETE.mapped(), AccessMask::DELETE);
}

fn any_sid() -> impl Strategy<Value = Sid> {
    prop::collection::vec(any::<u32>(), 1..=5).prop_map(|subs| Sid::new(5, &subs).unwrap())
}

fn any_ace() -> impl Strategy<Value = Ace> {
    let kind = prop::sample::select(vec![AceKind::Allow, AceKind::Deny, AceKind::Audit]);
    let guid = || prop::option::of(any::<u128>().prop_map(Guid::from_u128));
    // Bit 0x20 of the flags has no letters.
    let flags = any::<u8>().prop_map(|bits| AceFlags(bits & 0xdf));
    (kind, flags, any::<u32>(), guid(), guid(), any_sid()).prop_map(
        |(kind, flags, mask, object_type, inherited_object_type, trustee)| Ace {
            kind,
            flags,
            mask: AccessMask(mask),
            object_type,
            inherited_object_type,
            trustee,
        },
    )
}

fn any_descriptor() -> impl Strategy<Value = SecurityDescriptor> {
    let sid = || prop::option::of(any_sid());
    let acl = || prop::option::of(prop::collection::vec(any_ace(), 0..4).prop_map(|aces| Acl { aces }));
    (sid(), sid(), acl(), acl()).prop_map(|(owner, group, sacl, dacl)| SecurityDescriptor {
        control: DescriptorControl::default(),
        owner,
        group,
        sacl,
        dacl,
    })
}

proptest! {
    #[test]
    fn round_trips(descriptor in any_descriptor()) {
        for layout in [Layout::OwnerFirst, Layout::ListsFirst] {
            let bytes = descriptor.to_bytes_as(layout).unwrap();
            prop_assert_eq!(SecurityDescriptor::from_bytes(&bytes), Ok(descriptor.clone()));
        }
        prop_assert_eq!(descriptor.to_string().parse(), Ok(descriptor));
    }

    #[test]
    fn any_bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..120), at in 0usize..80, byte: u8) {
        let _ = SecurityDescriptor::from_bytes(&bytes);
        let mut damaged = hex::decode(GROUP_MSA).unwrap();
        damaged[at] = byte;
        let _ = SecurityDescriptor::from_bytes(&damaged);
    }

    #[test]
    fn any_text_survives(text in "[OGDSA:();0-9xé-]{0,40}") {
        let _ = text.parse::<SecurityDescriptor>();
    }
}
