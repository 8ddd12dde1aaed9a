//! The words that histories are told in. Few, so that they meet again.

/// Account names of users that come later.
pub const ACCOUNTS: &[&str] = &["ada", "bob", "cyd"];

/// Common names.
pub const NAMES: &[&str] = &["Ada Lovelace", "Bob", "Cyd, Dr", "Eve", "Fay Öz", "Gus"];

/// Prefixes of user principal names; the last but one has signs that a cloud name may not have.
pub const PREFIXES: &[&str] = &["ada", "bob", "cyd", "gus", "e ve", "visitor", "global-admin"];

/// Prefixes of users that are made in the cloud. Sources may claim their names later, but not before.
pub const CLOUD_PREFIXES: &[&str] = &["gus", "hal"];

/// Their suffixes: verified, not verified, and the tenant's own.
pub const SUFFIXES: &[&str] = &["contoso.com", "corp.local", "contoso.onmicrosoft.com"];

/// Attributes of users with values that they are given; an empty list clears one.
pub const OF_USERS: &[(&str, &[&[&str]])] = &[
    ("displayName", &[&["Ada"], &["Bob"], &[]]),
    ("givenName", &[&[" Ada "], &["Bob"], &[]]),
    ("sn", &[&["Lovelace"], &[]]),
    ("l", &[&["Ulm"], &["Bern"], &[]]),
    ("co", &[&["Austria"], &[]]),
    ("st", &[&["Tirol"], &[]]),
    ("streetAddress", &[&["Gasse 1"], &[]]),
    ("postalCode", &[&["6020"], &[]]),
    ("mailNickname", &[&["ada"], &["bob"], &["queen"], &[]]),
    ("mail", &[&["ada@contoso.com"], &["bob@corp.local"], &[]]),
    (
        "proxyAddresses",
        &[
            &["SMTP:ada@contoso.com"],
            &["SMTP:bob@contoso.com", "smtp:bobby@contoso.com"],
            &["smtp:cyd@corp.local"],
            &[],
        ],
    ),
    ("extensionAttribute1", &[&["x"], &[" x "], &["y"], &[]]),
    ("adminDescription", &[&["User_1"], &["a user"], &[]]),
    ("department", &[&["Sales"], &["sales"], &["Research"], &[]]),
];

/// The same of groups.
pub const OF_GROUPS: &[(&str, &[&[&str]])] = &[
    ("displayName", &[&["Team"], &["Crew"], &[]]),
    ("description", &[&["People"], &[]]),
    ("mail", &[&["team@contoso.com"], &[]]),
    ("extensionAttribute15", &[&["x"], &[]]),
    ("adminDescription", &[&["Group_1"], &[]]),
];

/// Account names of groups that come later.
pub const GROUPS: &[&str] = &["team", "crew"];

/// Names that organizational units are given.
pub const UNITS: &[&str] = &["Sales", "East", "North"];

/// Clauses of filters: attribute, operator, value.
pub const CLAUSES: &[(&str, &str, &str)] = &[
    ("department", "EQUALS", "Sales"),
    ("department", "NOT EQUALS", "Sales"),
    ("department", "IS NOT NULL", ""),
    ("extensionAttribute1", "IS NULL", ""),
    ("displayName", "INCLUDES", "a"),
    ("l", "ENDS_WITH", "m"),
    ("userAccountControl", "!&L", "2"),
    ("sAMAccountName", "PRESENT", ""),
];

/// Mappings: kind, target, and what of it.
pub const MAPPINGS: &[(&str, &str, &str)] = &[
    ("user", "City", "expression: 'ToUpper(Trim([l]))'"),
    ("user", "City", "attribute: st, default: nowhere"),
    ("user", "State", "constant: everywhere"),
    (
        "user",
        "DisplayName",
        "expression: 'IIF(IsPresent([sn]),Append([sn],\", x\"),[sAMAccountName])'",
    ),
    (
        "user",
        "JobTitle",
        "attribute: department, apply: only-during-creation",
    ),
    (
        "user",
        "ExtensionAttribute5",
        "expression: 'Left([displayName],2)'",
    ),
    (
        "user",
        "Department",
        "expression: 'Switch([department],\"none\",\"Sales\",\"S\",\"Research\",\"R\")'",
    ),
    ("group", "Description", "attribute: displayName"),
    ("group", "ExtensionAttribute5", "constant: group"),
];

/// What a restart resets.
pub const RESETS: &[&str] = &["", "Watermark", "Escrows", "QuarantineState"];

/// Features of the tenant that decide about matches and conflicts.
pub const FEATURES: &[&str] = &[
    "blockSoftMatchEnabled",
    "softMatchOnUpnEnabled",
    "quarantineUponUpnConflictEnabled",
    "quarantineUponProxyAddressesConflictEnabled",
];

/// Spans that pass between deeds, with weights: a minute costs nothing, a day half a second.
pub const SPANS: &[(u32, &str)] = &[
    (30, "20s"),
    (30, "2m"),
    (20, "5m"),
    (10, "15m"),
    (4, "1h"),
    (1, "7h"),
];

/// What the network does, and between whom.
pub const FAULTS: &[&str] = &["partition", "refuse", "reset", "half-open", "{ latency: 900ms }"];

/// Ends of disturbed lines: the agent's way to the directory, to the relay and to the cloud's other doors.
pub const LINES: &[&str] = &[
    "dc1.contoso.com",
    "'*.servicebus.windows.net'",
    "'*.msappproxy.net'",
];
