//! The kinds of servers.

use std::fmt;

/// The kinds of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A Samba Active Directory domain controller.
    Samba,
    /// OpenLDAP's slapd.
    OpenLdap,
}

impl Kind {
    /// The word for it in labels, image names, and `PROVLAB_REQUIRE`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Samba => "samba",
            Self::OpenLdap => "openldap",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
