//! The words that random operations are made of.
//!
//! What Samba is known to do differently is left out where the two servers would go separate ways afterwards, each
//! time with the name of its row in `known.rs`; what differs in the answer alone is in `excuse.rs`.

/// Names, without the attribute: `{id}` begins them all, so that DirSync finds them by it.
/// A name that is too long is known: `add: too long a value`; so are `#`, `=` and `;`: `search: names with characters
/// that need an escape`.
pub const NAMES: &[&str] = &[
    "{id}a",
    "{id}b",
    "{id}c",
    "{id}two words",
    "{id}Smith\\, John",
    "{id}1\\+1\\<3",
    "{id}\\\"quoted\\\"",
    "{id}back\\\\slash",
    "{id}\\C3\\BCber",
    "{id}-and-more-characters-make-it-the-longest-name-that-canx",
    "{id}a/b",
];

/// The ends of account names. Long and forbidden ones are known: `add: an account name that is too long` and
/// `add: an account name with a forbidden character`.
pub const ACCOUNTS: &[&str] = &["a", "b", "c", "d", "e-f", "g.h", "i j"];

/// Passwords within the policy; none has an account's name in it (known: `password: a reset to one with the account's
/// name in it`).
pub const PASSWORDS: &[&str] = &["Passw0rd.Lab", "Secret.W0rd1", "An0ther-Word", "Fünf.W0rd"];

/// Passwords that no account ever has.
pub const WRONG_PASSWORDS: &[&str] = &["Wr0ng.Word", "short", "allsmallletters"];

/// Names that nothing has.
pub const NOWHERE: &[&str] = &["CN={id}nobody", "OU={id}nowhere", "CN={id}x,OU={id}nowhere"];

/// An attribute and values for it.
pub struct Field {
    pub name: &'static str,
    /// What it may hold. No two values differ in case alone (known: `add: the same value twice`, `modify: add a value
    /// that is there`).
    pub values: &'static [&'static str],
}

const fn field(name: &'static str, values: &'static [&'static str]) -> Field {
    Field { name, values }
}

/// What people write. Values that are `hex:` begin with a space, hold a bar, or are no text at all.
pub const FIELDS: &[Field] = &[
    field(
        "description",
        &["one", "two", "drei äöü", "hex:2020666f7572", "hex:61207c2062"],
    ),
    field("displayName", &["A", "B b", "hex:20"]),
    field("telephoneNumber", &["+1 555 0100", "0"]),
    field("otherTelephone", &["1", "2", "3"]),
    field("url", &["http://a", "http://b", "http://c"]),
    field("proxyAddresses", &["SMTP:a@contoso.lab", "smtp:b@contoso.lab"]),
    field("mail", &["a@contoso.lab", "b@contoso.lab"]),
    field("countryCode", &["276", "0"]),
    field("flags", &["1", "-1"]),
    field("thumbnailPhoto", &["hex:ffd8ff00", "hex:00"]),
    field("userCertificate", &["hex:3003020101", "hex:3003020102"]),
    field("msDS-ExternalDirectoryObjectId", &["User_1", "User_2"]),
    field("info", &["much", "hex:6c696e650d0a6c696e65"]),
    field("st", &["Bayern"]),
    field("title", &["Dr"]),
];

/// What refers to other objects.
pub const REFERENCES: &[&str] = &["manager", "seeAlso", "secretary", "managedBy", "member"];

/// What nobody writes, or not like that. Too long values are known: `add: too long a value`; the class too: `modify:
/// the class`; times of passwords too: `modify: times of the password that cannot be`, and `isDeleted`:
/// `add: an object that says it is deleted`.
pub const ODD_FIELDS: &[Field] = &[
    field("noSuchAttribute", &["x"]),
    field("objectGUID", &["hex:00112233445566778899aabbccddeeff"]),
    field("objectSid", &["hex:010100000000000512000000"]),
    field("memberOf", &["dn:CN={id}b"]),
    field("sAMAccountType", &["805306368"]),
    field("primaryGroupID", &["512", "4000000"]),
    field("countryCode", &["many", "99999999999", "hex:"]),
    field("displayName", &["hex:", "hex:ff"]),
    field("description", &["hex:", "hex:c328"]),
    field("manager", &["nobody", "hex:"]),
    field("showInAdvancedViewOnly", &["maybe", "TRUE"]),
    field("cn", &["{id}z"]),
    field("name", &["{id}z"]),
    field("sAMAccountName", &["{id}a", "hex:"]),
    field("userPrincipalName", &["{id}a@contoso.lab", "{id}b"]),
    field("groupType", &["2", "-2147483640", "5"]),
    // Not `pwdLastSet`: at that of anything but an account Samba's process ends, and with it the connections of other
    // sequences. It has cases of its own.
    field("comment", &["0"]),
    field("info", &["-1"]),
];

/// `userAccountControl` that enables, and others. Known: `modify: account flags that are no number`.
pub const ENABLED: &[&str] = &["512", "66048", "0", "16"];
pub const OTHER_CONTROL: &[&str] = &["514", "66050", "546"];

/// Assertions of filters, complete in themselves. Undefined, computed and numbered attributes, approximate matches,
/// identifiers as text and repeated spaces are known (the rows that begin with `filter:`).
pub const ASSERTIONS: &[&str] = &[
    "(objectClass=user)",
    "(objectClass=contact)",
    "(objectClass=*)",
    "(objectCategory=person)",
    "(objectCategory=group)",
    "(description=*)",
    "(description=ONE)",
    "(description=t*)",
    "(description=*r*)",
    "(displayName=*)",
    "(displayName>=B)",
    "(displayName<=b)",
    "(cn={id}a)",
    "(name=*B)",
    "(cn={id}smith, john)",
    "(cn=*\\5c)",
    "(sAMAccountName={id}a)",
    "(sAMAccountName={id}*)",
    "(countryCode=276)",
    "(countryCode>=1)",
    "(flags<=0)",
    "(userAccountControl:1.2.840.113556.1.4.803:=2)",
    "(userAccountControl:1.2.840.113556.1.4.804:=514)",
    "(groupType:1.2.840.113556.1.4.803:=2147483648)",
    "(thumbnailPhoto=\\ff\\d8\\ff\\00)",
    "(userCertificate=*)",
    "(otherTelephone=2)",
    "(proxyAddresses=smtp:*)",
    "(member=*)",
    "(memberOf=*)",
    "(manager=*)",
    "(member=CN={id}a,{unit})",
    "(member:1.2.840.113556.1.4.1941:=CN={id}a,{unit})",
    "(memberOf:1.2.840.113556.1.4.1941:=CN={id}b,{unit})",
    "(manager=CN={id}a,{unit})",
    "(isDeleted=TRUE)",
    "(adminCount=1)",
    "(&)",
    "(|)",
];

/// What a search asks for.
pub const SELECTIONS: &[&str] = &[
    "cn",
    "description displayName",
    "name member memberOf",
    "DISTINGUISHEDNAME SamAccountName",
    "1.1",
    "objectClass userAccountControl",
];

/// What the last look at the tree compares: everything, and what has to be asked for by name.
/// `canonicalName` is known: `search: the canonical name of special characters`.
pub const LAST_LOOK: &str = "* memberOf";

/// What DirSync is asked for: without names Samba leaves deletions out, and `cn` always (known: `dirsync: the naming
/// attribute`); what refers without a link is known too: `dirsync: references that are no links`.
pub const TRACKED: &str = "name objectClass description displayName sAMAccountName userPrincipalName \
    userAccountControl pwdLastSet member manager otherTelephone thumbnailPhoto isDeleted";
