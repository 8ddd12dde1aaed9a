//! The rights that the agent's account receives in a domain: the documented "All" set as a table (CS 2.4, PR 19).

use provlab_protocol::dn::Dn;
use provlab_protocol::guid::Guid;
use provlab_protocol::ldap_controls::{Control, SdFlags};
use provlab_protocol::security::{AccessMask, Ace, AceFlags, SecurityDescriptor};
use provlab_protocol::sid::Sid;
use provlab_protocol::{oid, rights};
use thiserror::Error;

use crate::directory::ldap::{Change, ChangeKind, Filter, LdapConnection, LdapError, Scope, Search};

const DESCRIPTOR: &str = "nTSecurityDescriptor";

/// Where an entry takes effect.
#[derive(Debug, Clone, Copy)]
pub enum Applies {
    /// This object only: the domain root.
    Root,
    /// Descendant objects of a class.
    Descendants(Guid),
    /// This object and all descendants.
    Everywhere,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    /// The feature that needs it.
    pub feature: &'static str,
    /// Rights.
    pub mask: AccessMask,
    /// Attribute, extended right or child class that the rights are limited to.
    pub limited_to: Option<Guid>,
    /// Where.
    pub applies: Applies,
}

const fn row(feature: &'static str, mask: AccessMask, limited_to: Option<Guid>, applies: Applies) -> Grant {
    Grant {
        feature,
        mask,
        limited_to,
        applies,
    }
}

const READ_WRITE: AccessMask = AccessMask::READ_PROPERTY.with(AccessMask::WRITE_PROPERTY);
const CHILDREN: AccessMask = AccessMask::CREATE_CHILD.with(AccessMask::DELETE_CHILD);
/// Generic write as a directory maps it.
const WRITE: AccessMask = AccessMask(0x0002_0028);
/// Generic read and write, children, delete, delete tree.
const GROUP_WRITEBACK: AccessMask = AccessMask(0x0002_0094)
    .with(WRITE)
    .with(CHILDREN)
    .with(AccessMask::DELETE)
    .with(AccessMask::DELETE_TREE);
const EXTENDED: AccessMask = AccessMask::CONTROL_ACCESS;
const WRITE_ONE: AccessMask = AccessMask::WRITE_PROPERTY;
const READ: AccessMask = AccessMask::READ_PROPERTY;

/// The "All" set. The row for mail public folders is left out: its class exists in Exchange schemas only.
pub static GRANTS: &[Grant] = &[
    row(
        "BasicRead",
        READ,
        None,
        Applies::Descendants(rights::CLASS_DEVICE),
    ),
    row(
        "BasicRead",
        READ,
        None,
        Applies::Descendants(rights::CLASS_INET_ORG_PERSON),
    ),
    row(
        "BasicRead",
        READ,
        None,
        Applies::Descendants(rights::CLASS_COMPUTER),
    ),
    row(
        "BasicRead",
        READ,
        None,
        Applies::Descendants(rights::CLASS_FOREIGN_SECURITY_PRINCIPAL),
    ),
    row("BasicRead", READ, None, Applies::Descendants(rights::CLASS_GROUP)),
    row("BasicRead", READ, None, Applies::Descendants(rights::CLASS_USER)),
    row(
        "BasicRead",
        READ,
        None,
        Applies::Descendants(rights::CLASS_CONTACT),
    ),
    row(
        "PasswordHashSync",
        EXTENDED,
        Some(rights::DS_REPLICATION_GET_CHANGES),
        Applies::Root,
    ),
    row(
        "PasswordHashSync",
        EXTENDED,
        Some(rights::DS_REPLICATION_GET_CHANGES_ALL),
        Applies::Root,
    ),
    row(
        "PasswordWriteBack",
        EXTENDED,
        Some(rights::USER_FORCE_CHANGE_PASSWORD),
        Applies::Descendants(rights::CLASS_USER),
    ),
    row(
        "PasswordWriteBack",
        WRITE_ONE,
        Some(rights::ATTRIBUTE_LOCKOUT_TIME),
        Applies::Descendants(rights::CLASS_USER),
    ),
    row(
        "PasswordWriteBack",
        WRITE_ONE,
        Some(rights::ATTRIBUTE_PWD_LAST_SET),
        Applies::Descendants(rights::CLASS_USER),
    ),
    row(
        "PasswordWriteBack",
        EXTENDED,
        Some(rights::UNEXPIRE_PASSWORD),
        Applies::Root,
    ),
    row(
        "ConsistencyGuid",
        WRITE_ONE,
        Some(rights::ATTRIBUTE_CONSISTENCY_GUID),
        Applies::Descendants(rights::CLASS_USER),
    ),
    row(
        "ConsistencyGuid",
        WRITE_ONE,
        Some(rights::ATTRIBUTE_CONSISTENCY_GUID),
        Applies::Descendants(rights::CLASS_GROUP),
    ),
    row(
        "KeyCredentialLink",
        WRITE_ONE,
        Some(rights::ATTRIBUTE_KEY_CREDENTIAL_LINK),
        Applies::Descendants(rights::CLASS_USER),
    ),
    row(
        "KeyCredentialLink",
        WRITE_ONE,
        Some(rights::ATTRIBUTE_KEY_CREDENTIAL_LINK),
        Applies::Descendants(rights::CLASS_DEVICE),
    ),
    row(
        "GroupWriteback",
        GROUP_WRITEBACK,
        None,
        Applies::Descendants(rights::CLASS_GROUP),
    ),
    row(
        "HybridExchange",
        READ_WRITE,
        None,
        Applies::Descendants(rights::CLASS_USER),
    ),
    row(
        "HybridExchange",
        READ_WRITE,
        None,
        Applies::Descendants(rights::CLASS_INET_ORG_PERSON),
    ),
    row(
        "HybridExchange",
        READ_WRITE,
        None,
        Applies::Descendants(rights::CLASS_GROUP),
    ),
    row(
        "HybridExchange",
        READ_WRITE,
        None,
        Applies::Descendants(rights::CLASS_CONTACT),
    ),
    row(
        "UserGroupCreateDelete",
        CHILDREN,
        Some(rights::CLASS_USER),
        Applies::Everywhere,
    ),
    row(
        "UserGroupCreateDelete",
        CHILDREN,
        Some(rights::CLASS_GROUP),
        Applies::Everywhere,
    ),
    row(
        "UserGroupCreateDelete",
        WRITE,
        None,
        Applies::Descendants(rights::CLASS_USER),
    ),
    row(
        "UserGroupCreateDelete",
        WRITE,
        None,
        Applies::Descendants(rights::CLASS_GROUP),
    ),
];

impl Grant {
    /// The entry that gives the right to `trustee`.
    pub fn ace(&self, trustee: &Sid) -> Ace {
        let mut ace = Ace::allow(*trustee, self.mask);
        if let Some(limit) = self.limited_to {
            ace = ace.limited_to(limit);
        }
        match self.applies {
            Applies::Root => ace,
            Applies::Descendants(class) => ace.for_descendants(class),
            Applies::Everywhere => {
                ace.flags = ace.flags.with(AceFlags::CONTAINER_INHERIT);
                ace
            }
        }
    }
}

/// The rights could not be granted.
#[derive(Debug, Error)]
pub enum RightsError {
    /// The directory refused or broke.
    #[error(transparent)]
    Ldap(#[from] LdapError),
    /// The domain root's descriptor cannot be used.
    #[error("the security descriptor of {domain} cannot be used: {detail}")]
    Descriptor {
        /// The domain root.
        domain: String,
        /// Why.
        detail: String,
    },
}

/// Grants the table's rights on the domain root and keeps every entry that is there. Returns how many were missing.
///
/// # Errors
/// When the descriptor cannot be read or written.
pub async fn grant_all(
    connection: &mut LdapConnection,
    domain: &Dn,
    trustee: &Sid,
) -> Result<usize, RightsError> {
    let unusable = |detail: String| RightsError::Descriptor {
        domain: domain.to_string(),
        detail,
    };
    let dacl_only = || Control::new(oid::control::SD_FLAGS, true).with_value(SdFlags::DACL.to_value());
    let search = Search {
        base: domain.to_string(),
        scope: Scope::Base,
        filter: Filter::present("objectClass"),
        attributes: vec![DESCRIPTOR.to_owned()],
    };
    let (entries, _) = connection.search_with(&search, &[dacl_only()]).await?;
    let bytes = entries
        .first()
        .and_then(|entry| entry.first(DESCRIPTOR))
        .ok_or_else(|| unusable("it is not returned; the account may not read it".to_owned()))?;
    let mut descriptor =
        SecurityDescriptor::from_bytes(bytes).map_err(|error| unusable(error.to_string()))?;
    let added = GRANTS
        .iter()
        .filter(|grant| descriptor.add_ace(grant.ace(trustee)))
        .count();
    if added == 0 {
        return Ok(0);
    }
    // Only the DACL was read, so only the DACL is written back.
    let bytes = descriptor
        .to_bytes()
        .map_err(|error| unusable(error.to_string()))?;
    let change = Change {
        kind: ChangeKind::Replace,
        attribute: DESCRIPTOR.to_owned(),
        values: vec![bytes],
    };
    connection
        .modify(&domain.to_string(), &[change], &[dacl_only()])
        .await?;
    Ok(added)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn granting_twice_adds_nothing() {
        let trustee: Sid = "S-1-5-21-1-2-3-1110".parse().unwrap();
        let mut descriptor = SecurityDescriptor::default();
        for grant in GRANTS {
            assert!(
                descriptor.add_ace(grant.ace(&trustee)),
                "{grant:?} is there twice"
            );
        }
        let read_back = SecurityDescriptor::from_bytes(&descriptor.to_bytes().unwrap()).unwrap();
        let mut again = read_back;
        assert!(GRANTS.iter().all(|grant| !again.add_ace(grant.ace(&trustee))));
    }

    #[test]
    fn replication_rights_are_on_the_root_alone() {
        let trustee: Sid = "S-1-5-21-1-2-3-1110".parse().unwrap();
        for grant in GRANTS.iter().filter(|grant| grant.feature == "PasswordHashSync") {
            let ace = grant.ace(&trustee);
            assert!(ace.is_effective() && ace.inherited_object_type.is_none());
            assert_eq!(ace.mask, AccessMask::CONTROL_ACCESS);
        }
    }
}
