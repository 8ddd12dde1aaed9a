//! The words that histories are told in. Few, so that they meet again.

/// Account names of users that come later.
pub const ACCOUNTS: &[&str] = &["ada", "bob", "cyd"];

/// Common names.
pub const NAMES: &[&str] = &["Ada Lovelace", "Bob", "Cyd, Dr", "Eve", "Fay Öz", "Gus"];

/// Prefixes of user principal names; the last but one has signs that a cloud name may not have.
pub const PREFIXES: &[&str] = &["ada", "bob", "cyd", "e ve", "visitor"];

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

/// Spans that pass between deeds, with weights: a minute costs nothing, a day half a second.
pub const SPANS: &[(u32, &str)] = &[(30, "20s"), (30, "2m"), (20, "5m"), (10, "15m"), (4, "1h"), (1, "7h")];

/// What the network does, and between whom.
pub const FAULTS: &[&str] = &["partition", "refuse", "reset", "half-open", "{ latency: 900ms }"];

/// Ends of disturbed lines: the agent's way to the directory, to the relay and to the cloud's other doors.
pub const LINES: &[&str] = &["dc1.contoso.com", "'*.servicebus.windows.net'", "'*.msappproxy.net'"];
