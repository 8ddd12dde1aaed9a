//! LDAP names its controls, extensions and matching rules by numbers that nobody should retype.

/// Request and response controls (PR 15.1, 15.3, 16.1).
pub mod control {
    /// DirSync: changes since a cookie.
    pub const DIRSYNC: &str = "1.2.840.113556.1.4.841";
    /// DirSync with extended distinguished names.
    pub const DIRSYNC_EX: &str = "1.2.840.113556.1.4.2090";
    /// Show deleted objects (tombstones).
    pub const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
    /// Show recycled objects too.
    pub const SHOW_RECYCLED: &str = "1.2.840.113556.1.4.2064";
    /// Show links to and from deleted objects.
    pub const SHOW_DEACTIVATED_LINK: &str = "1.2.840.113556.1.4.2065";
    /// Simple paged results (RFC 2696).
    pub const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
    /// Which parts of a security descriptor are read or written.
    pub const SD_FLAGS: &str = "1.2.840.113556.1.4.801";
    /// Distinguished names with GUID and SID.
    pub const EXTENDED_DN: &str = "1.2.840.113556.1.4.529";
    /// No referrals.
    pub const DOMAIN_SCOPE: &str = "1.2.840.113556.1.4.1339";
    /// Search flags: domain scope, phantom root.
    pub const SEARCH_OPTIONS: &str = "1.2.840.113556.1.4.1340";
    /// Delete an object with all below it.
    pub const TREE_DELETE: &str = "1.2.840.113556.1.4.805";
    /// Adding what is there and deleting what is not is no error.
    pub const PERMISSIVE_MODIFY: &str = "1.2.840.113556.1.4.1413";
    /// Persistent search.
    pub const NOTIFICATION: &str = "1.2.840.113556.1.4.528";
    /// Password policy hints: a reset obeys the history too.
    pub const POLICY_HINTS: &str = "1.2.840.113556.1.4.2239";
    /// The older number of [`POLICY_HINTS`].
    pub const POLICY_HINTS_DEPRECATED: &str = "1.2.840.113556.1.4.2066";
    /// Attribute scoped query.
    pub const ATTRIBUTE_SCOPED_QUERY: &str = "1.2.840.113556.1.4.1504";
    /// Answer before the change is flushed to disk.
    pub const LAZY_COMMIT: &str = "1.2.840.113556.1.4.619";
    /// The server that verifies names.
    pub const VERIFY_NAME: &str = "1.2.840.113556.1.4.1338";
    /// Server side sort, request (RFC 2891).
    pub const SERVER_SORT_REQUEST: &str = "1.2.840.113556.1.4.473";
    /// Server side sort, response (RFC 2891).
    pub const SERVER_SORT_RESPONSE: &str = "1.2.840.113556.1.4.474";
    /// Content synchronization, request (RFC 4533).
    pub const SYNC_REQUEST: &str = "1.3.6.1.4.1.4203.1.9.1.1";
    /// Content synchronization, on each entry (RFC 4533).
    pub const SYNC_STATE: &str = "1.3.6.1.4.1.4203.1.9.1.2";
    /// Content synchronization, at the end (RFC 4533).
    pub const SYNC_DONE: &str = "1.3.6.1.4.1.4203.1.9.1.3";
    /// Password policy, request and response (draft-behera-ldap-password-policy).
    pub const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
}

/// Values of rootDSE's `supportedCapabilities`.
pub mod capability {
    /// Active Directory, Windows 2000 and later.
    pub const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";
    /// Windows Server 2003 and later.
    pub const ACTIVE_DIRECTORY_V51: &str = "1.2.840.113556.1.4.1670";
    /// NTLM signing and sealing work on an LDAP connection.
    pub const LDAP_INTEGRATION: &str = "1.2.840.113556.1.4.1791";
    /// Windows Server 2008 and later.
    pub const ACTIVE_DIRECTORY_V60: &str = "1.2.840.113556.1.4.1935";
    /// Windows Server 2008 R2 and later.
    pub const ACTIVE_DIRECTORY_V61_R2: &str = "1.2.840.113556.1.4.2080";
    /// Windows Server 2012 and later.
    pub const ACTIVE_DIRECTORY_W8: &str = "1.2.840.113556.1.4.2237";
}

/// Extended operations.
pub mod extension {
    /// StartTLS (RFC 4511).
    pub const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
    /// "Who am I?" (RFC 4532).
    pub const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";
    /// Fast concurrent bind.
    pub const FAST_BIND: &str = "1.2.840.113556.1.4.1781";
    /// Notice of disconnection, sent by the server unasked (RFC 4511).
    pub const NOTICE_OF_DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";
}

/// Intermediate responses.
pub mod intermediate {
    /// Content synchronization, between the entries (RFC 4533).
    pub const SYNC_INFO: &str = "1.3.6.1.4.1.4203.1.9.1.4";
}

/// Matching rules of extensible filters.
pub mod matching_rule {
    /// Every bit of the value is set.
    pub const BIT_AND: &str = "1.2.840.113556.1.4.803";
    /// Any bit of the value is set.
    pub const BIT_OR: &str = "1.2.840.113556.1.4.804";
    /// Follows a link attribute to any depth ("in chain").
    pub const TRANSITIVE_EVAL: &str = "1.2.840.113556.1.4.1941";
}

/// Attributes of group managed service accounts (PR 14.1).
pub mod attribute {
    /// `msDS-ManagedPassword`.
    pub const MANAGED_PASSWORD: &str = "1.2.840.113556.1.4.2196";
    /// `msDS-ManagedPasswordId`.
    pub const MANAGED_PASSWORD_ID: &str = "1.2.840.113556.1.4.2197";
    /// `msDS-ManagedPasswordPreviousId`.
    pub const MANAGED_PASSWORD_PREVIOUS_ID: &str = "1.2.840.113556.1.4.2198";
    /// `msDS-ManagedPasswordInterval`.
    pub const MANAGED_PASSWORD_INTERVAL: &str = "1.2.840.113556.1.4.2199";
}
