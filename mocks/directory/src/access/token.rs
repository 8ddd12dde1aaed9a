//! Tokens: who is asking, with every group that speaks for them (MS-ADTS 5.1.1.2).

use std::collections::BTreeSet;

use provlab_protocol::sid::{Sid, rid, well_known};

use crate::directory::Directory;
use crate::model::Object;

/// Where a token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A connection that has not bound.
    Anonymous,
    /// An authenticated account.
    Account,
    /// The domain controller itself: every right, and it may write what only the system writes.
    System,
}

/// What every account is in by having logged on over the network.
const EVERY_ACCOUNT: [Sid; 3] = [
    well_known::EVERYONE,
    well_known::AUTHENTICATED_USERS,
    well_known::NETWORK,
];

/// The identity that an operation is decided for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// SID of the account (S-1-5-7 for anonymous, S-1-5-18 for the system).
    pub user: Sid,
    /// SIDs of every group the account is in, directly or through others, with the well-known ones.
    pub groups: BTreeSet<Sid>,
    /// Where the token comes from.
    pub kind: TokenKind,
}

impl Token {
    /// The token of a connection that has not bound.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            user: well_known::ANONYMOUS,
            groups: BTreeSet::new(),
            kind: TokenKind::Anonymous,
        }
    }

    /// The token of the domain controller itself.
    #[must_use]
    pub fn system() -> Self {
        Self {
            user: well_known::LOCAL_SYSTEM,
            groups: BTreeSet::new(),
            kind: TokenKind::System,
        }
    }

    /// The token of an account that has proved who it is.
    #[must_use]
    pub fn of_account(directory: &Directory, account: &Object) -> Self {
        let mut groups: BTreeSet<Sid> = EVERY_ACCOUNT.into_iter().collect();
        // A well-known SID is in a group by a foreign security principal of its own.
        let foreign = EVERY_ACCOUNT.iter().filter_map(|sid| directory.by_sid(sid));
        for member in foreign.chain([account]) {
            let found = directory.groups_of(member).into_iter();
            groups.extend(found.filter_map(|group| directory.sid(directory.get(group)?)));
        }
        let is_domain_controller = directory.identity().domain_sid.with_rid(rid::DOMAIN_CONTROLLERS);
        if groups.contains(&is_domain_controller) {
            groups.insert(well_known::ENTERPRISE_DOMAIN_CONTROLLERS);
        }
        Self {
            user: directory.sid(account).unwrap_or(well_known::ANONYMOUS),
            groups,
            kind: TokenKind::Account,
        }
    }

    /// Whether an entry about `trustee` is about this token.
    ///
    /// SELF is not decided here: it depends on the object.
    #[must_use]
    pub fn is(&self, trustee: &Sid) -> bool {
        self.user == *trustee || self.groups.contains(trustee)
    }
}
