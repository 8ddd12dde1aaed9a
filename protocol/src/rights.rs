//! Extended rights, attributes and classes appear in access control as GUIDs (PR 19, CS 14).

use crate::guid::Guid;

/// DS-Replication-Get-Changes, "Replicating Directory Changes".
pub const DS_REPLICATION_GET_CHANGES: Guid = Guid::from_u128(0x1131f6aa_9c07_11d1_f79f_00c04fc2dcd2);
/// DS-Replication-Get-Changes-All: secrets too.
pub const DS_REPLICATION_GET_CHANGES_ALL: Guid = Guid::from_u128(0x1131f6ad_9c07_11d1_f79f_00c04fc2dcd2);
/// DS-Replication-Get-Changes-In-Filtered-Set.
pub const DS_REPLICATION_GET_CHANGES_IN_FILTERED_SET: Guid =
    Guid::from_u128(0x89e95b76_444d_4c62_991a_0facbeda640c);
/// User-Change-Password: knowing the old password.
pub const USER_CHANGE_PASSWORD: Guid = Guid::from_u128(0xab721a53_1e2f_11d0_9819_00aa0040529b);
/// User-Force-Change-Password, "Reset Password".
pub const USER_FORCE_CHANGE_PASSWORD: Guid = Guid::from_u128(0x00299570_246d_11d0_a768_00aa006e0529);
/// Unexpire-Password.
pub const UNEXPIRE_PASSWORD: Guid = Guid::from_u128(0xccc2dc7d_a6ad_4a7a_8846_c04e3cc53501);

/// Attribute `lockoutTime`.
pub const ATTRIBUTE_LOCKOUT_TIME: Guid = Guid::from_u128(0x28630ebf_41d5_11d1_a9c1_0000f80367c1);
/// Attribute `pwdLastSet`.
pub const ATTRIBUTE_PWD_LAST_SET: Guid = Guid::from_u128(0xbf967a0a_0de6_11d0_a285_00aa003049e2);
/// Attribute `mS-DS-ConsistencyGuid`.
pub const ATTRIBUTE_CONSISTENCY_GUID: Guid = Guid::from_u128(0x23773dc2_b63a_11d2_90e1_00c04fd91ab1);
/// Attribute `msDS-KeyCredentialLink`.
pub const ATTRIBUTE_KEY_CREDENTIAL_LINK: Guid = Guid::from_u128(0x5b47d60f_6090_40b2_9f37_2a4de88f3063);
/// Attribute `msDS-ManagedPassword`.
pub const ATTRIBUTE_MANAGED_PASSWORD: Guid = Guid::from_u128(0xe362ed86_b728_0842_b27d_2dea7a9df218);
/// Attribute `msDS-ManagedPasswordInterval`.
pub const ATTRIBUTE_MANAGED_PASSWORD_INTERVAL: Guid = Guid::from_u128(0xf8758ef7_ac76_8843_a2ee_a26b4dcaf409);

/// Class `user`.
pub const CLASS_USER: Guid = Guid::from_u128(0xbf967aba_0de6_11d0_a285_00aa003049e2);
/// Class `group`.
pub const CLASS_GROUP: Guid = Guid::from_u128(0xbf967a9c_0de6_11d0_a285_00aa003049e2);
/// Class `computer`.
pub const CLASS_COMPUTER: Guid = Guid::from_u128(0xbf967a86_0de6_11d0_a285_00aa003049e2);
/// Class `device` (RFC 4519), as CS 14 lists it.
pub const CLASS_DEVICE: Guid = Guid::from_u128(0xbf967a8e_0de6_11d0_a285_00aa003049e2);
/// Class `inetOrgPerson`.
pub const CLASS_INET_ORG_PERSON: Guid = Guid::from_u128(0x4828cc14_1437_45bc_9b07_ad6f015e5f28);
/// Class `contact`.
pub const CLASS_CONTACT: Guid = Guid::from_u128(0x5cb41ed0_0e4c_11d0_a286_00aa003049e2);
/// Class `foreignSecurityPrincipal`.
pub const CLASS_FOREIGN_SECURITY_PRINCIPAL: Guid = Guid::from_u128(0x89e31c12_8530_11d0_afda_00c04fd930c9);
/// Class `organizationalUnit`.
pub const CLASS_ORGANIZATIONAL_UNIT: Guid = Guid::from_u128(0xbf967aa5_0de6_11d0_a285_00aa003049e2);
/// Class `msDS-GroupManagedServiceAccount`.
pub const CLASS_GROUP_MANAGED_SERVICE_ACCOUNT: Guid = Guid::from_u128(0x7b8b558a_93a5_4af7_adca_c017e67f1057);

/// The `otherWellKnownObjects` entry of the Managed Service Accounts container (CS 3.1), written there as
/// `B:32:1EB93889E40C45DF9F0C64D23BBB6237:<DN>`.
pub const MANAGED_SERVICE_ACCOUNTS_CONTAINER: &str = "1EB93889E40C45DF9F0C64D23BBB6237";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_print_as_the_reference_lists_them() {
        let table = [
            (DS_REPLICATION_GET_CHANGES, "1131f6aa-9c07-11d1-f79f-00c04fc2dcd2"),
            (
                DS_REPLICATION_GET_CHANGES_ALL,
                "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2",
            ),
            (
                DS_REPLICATION_GET_CHANGES_IN_FILTERED_SET,
                "89e95b76-444d-4c62-991a-0facbeda640c",
            ),
            (USER_CHANGE_PASSWORD, "ab721a53-1e2f-11d0-9819-00aa0040529b"),
            (USER_FORCE_CHANGE_PASSWORD, "00299570-246d-11d0-a768-00aa006e0529"),
            (UNEXPIRE_PASSWORD, "ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501"),
            (ATTRIBUTE_LOCKOUT_TIME, "28630ebf-41d5-11d1-a9c1-0000f80367c1"),
            (ATTRIBUTE_PWD_LAST_SET, "bf967a0a-0de6-11d0-a285-00aa003049e2"),
            (ATTRIBUTE_CONSISTENCY_GUID, "23773dc2-b63a-11d2-90e1-00c04fd91ab1"),
            (CLASS_USER, "bf967aba-0de6-11d0-a285-00aa003049e2"),
            (CLASS_GROUP, "bf967a9c-0de6-11d0-a285-00aa003049e2"),
        ];
        for (guid, text) in table {
            assert_eq!(guid.to_string(), text);
        }
    }
}
