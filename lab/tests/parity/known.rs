//! Where Samba is known to differ from Windows, by the name of the case. `docs/differences.md` shows this table.

/// A difference.
pub struct Known {
    /// The case, which also says what Samba answers exactly.
    pub case: &'static str,
    /// What Samba does.
    pub samba: &'static str,
    /// What Windows does, and so the embedded directory.
    pub windows: &'static str,
    /// Where that is written, or why.
    pub reason: &'static str,
}

/// A difference in short.
const fn row(case: &'static str, samba: &'static str, windows: &'static str, reason: &'static str) -> Known {
    Known {
        case,
        samba,
        windows,
        reason,
    }
}

/// Every difference, in the order of cases.
pub const KNOWN: &[Known] = &[
    row(
        "add: the same value twice",
        "keeps values that differ in case alone",
        "attributeOrValueExists (20)",
        "values are compared by their syntax (MS-ADTS 3.1.1.2.2.4)",
    ),
    row(
        "add: the wrong naming attribute",
        "objectClassViolation (65) for a unit named by `CN`: it misses `ou` first",
        "namingViolation (64)",
        "the name is judged before the attributes",
    ),
    row(
        "add: too long a value",
        "invalidAttributeSyntax (21)",
        "constraintViolation (19), `00002082`",
        "the schema's `rangeUpper`",
    ),
    row(
        "add: what only the system writes",
        "takes no notice of `whenCreated` and `uSNChanged`",
        "constraintViolation (19)",
        "system-only attributes",
    ),
    row(
        "add: a primary group that the account is not in",
        "refuses the usual one too",
        "takes the usual one; else unwillingToPerform (53), `00000561`",
        "MS-SAMR 3.1.1.8.3 (the usual one is inferred)",
    ),
    row(
        "add: a reference to itself",
        "noSuchObject (32)",
        "constraintViolation (19), `000020B5`",
        "an object is not there before it is made; which of the two is inferred",
    ),
    row(
        "add: two times of the password",
        "takes one of them",
        "constraintViolation (19)",
        "the attribute has one value",
    ),
    row(
        "add: an object that says it is deleted",
        "allows it",
        "constraintViolation (19), `000020B1`",
        "system-only attributes",
    ),
    row(
        "add: an account name that is too long",
        "allows more than 20 characters",
        "other (80), `00000523: SysErr`",
        "MS-SAMR 3.1.1.6",
    ),
    row(
        "add: an account name with a forbidden character",
        "constraintViolation (19)",
        "other (80), `00000523: SysErr`",
        "the account database refuses the name, not the schema",
    ),
    row(
        "add: an enabled user without a password",
        "allows it",
        "unwillingToPerform (53), `0000052D`",
        "an enabled account has a password that the policy allows",
    ),
    row("bind: unknown user", "`data 52e`", "`data 525`", "PR 16.3"),
    row(
        "bind: names that are none",
        "`data 52e`, and `data 1f` for an object that is no account",
        "`data 525`",
        "PR 16.3",
    ),
    row(
        "bind: an empty password is an anonymous bind",
        "`data 52e`",
        "success, as nobody",
        "PR 16.3 (RFC 4513 5.1.2)",
    ),
    row(
        "bind: what an account remembers of it",
        "counts wrong passwords only where the policy locks, and no simple bind",
        "`badPwdCount`, `badPasswordTime`, `lastLogon` and `logonCount` say what has happened",
        "a simple bind is a logon (inferred)",
    ),
    row(
        "control: unknown and critical",
        "answers a search with an extended response, at which stock clients close the connection",
        "unavailableCriticalExtension (12) in the search's own response",
        "RFC 4511 4.1.11",
    ),
    row(
        "control: malformed values",
        "as above",
        "unavailableCriticalExtension (12) in the search's own response",
        "RFC 4511 4.1.11",
    ),
    row(
        "control: show deactivated links",
        "unavailableCriticalExtension (12)",
        "accepts it",
        "PR 15.3",
    ),
    row(
        "delete: tombstones are hidden without the control",
        "searches below Deleted Objects and finds nothing",
        "noSuchObject (32): the container counts as deleted itself",
        "PR 15.2",
    ),
    row(
        "delete: a name in other letters",
        "names what is left as the request spells it",
        "names it as it was called",
        "names are compared without regard to case, and kept with it",
    ),
    row(
        "dirsync: another scope than the subtree",
        "takes no notice of the scope",
        "insufficientAccessRights (50)",
        "PR 15.1",
    ),
    row(
        "dirsync: a cookie that no server gave",
        "unavailableCriticalExtension (12)",
        "unwillingToPerform (53), `000020F5` (inferred)",
        "PR 20",
    ),
    row(
        "dirsync: not critical",
        "operationsError (1)",
        "as if it were critical",
        "PR 20",
    ),
    row(
        "dirsync: references that are no links",
        "names with GUID and SID, as if by the control for extended names",
        "names",
        "PR 15.2",
    ),
    row(
        "dirsync: the naming attribute",
        "leaves `cn` out, which it does not keep in the change metadata",
        "`cn` comes like `name`",
        "PR 15.1",
    ),
    row(
        "filter: approximately is equality",
        "operationsError (1)",
        "`~=` is `=`",
        "MS-ADTS 3.1.1.3.1.3.1",
    ),
    row(
        "filter: an attribute that the schema does not have",
        "the term is false, so its negation finds everything",
        "the term is undefined, and so is its negation",
        "RFC 4511 4.5.1.7, MS-ADTS 3.1.1.3.1.3.1",
    ),
    row(
        "filter: an identifier as text",
        "`objectGUID` can be given as text",
        "octet strings are given byte by byte",
        "RFC 4515 3 (inferred)",
    ),
    row(
        "filter: spaces are folded",
        "several spaces are one",
        "spaces count",
        "values are compared as their syntax says (MS-ADTS 3.1.1.2.2.4; inferred)",
    ),
    row(
        "filter: attributes by number",
        "finds nothing",
        "an attribute's number is its name",
        "RFC 4512 1.4",
    ),
    row(
        "filter: computed attributes cannot be found by",
        "finds nothing",
        "inappropriateMatching (18)",
        "MS-ADTS 3.1.1.3.1.3.1",
    ),
    row(
        "gmsa: without an interval",
        "objectClassViolation (65)",
        "30 days",
        "PR 14.1",
    ),
    row(
        "gmsa: without a descriptor nobody reads",
        "operationsError (1) for the whole search",
        "the attribute is absent",
        "PR 14.1",
    ),
    row(
        "group: a member of a group without any",
        "noSuchAttribute (16)",
        "unwillingToPerform (53), `00000561`",
        "the account database answers whether or not others are members",
    ),
    row(
        "modify: add a value that is there",
        "adds a value that differs in case alone",
        "attributeOrValueExists (20)",
        "values are compared by their syntax (MS-ADTS 3.1.1.2.2.4)",
    ),
    row(
        "modify: the class",
        "objectClassViolation (65)",
        "objectClassModsProhibited (69)",
        "an object's structural class stays",
    ),
    row(
        "modify: permissive with members",
        "takes no notice of the control for `member`",
        "adding what is there and deleting what is not is no error",
        "PR 15.3",
    ),
    row(
        "modify: delete a reference to nothing",
        "noSuchAttribute (16) of what has none, else noSuchObject (32)",
        "constraintViolation (19), `000020B5`",
        "a name that leads nowhere is no value (inferred)",
    ),
    row(
        "modify: account attributes of what is no account",
        "operationsError (1)",
        "objectClassViolation (65)",
        "the class does not have the attribute",
    ),
    row(
        "modify: account flags that are no number",
        "allows it",
        "invalidAttributeSyntax (21)",
        "the attribute's syntax",
    ),
    row(
        "modify: the same member twice",
        "takes it once",
        "entryAlreadyExists (68), `00000562`",
        "a set of values has each once (RFC 4511 4.1.7; the code is inferred)",
    ),
    row(
        "modify: enable without a password",
        "allows it",
        "unwillingToPerform (53), `0000052D`",
        "an enabled account has a password that the policy allows",
    ),
    row(
        "modify: a time of the password added and taken away",
        "adds what is there, and refuses to take it away",
        "attributeOrValueExists (20); then success",
        "as of any attribute with one value (inferred)",
    ),
    row(
        "modify: account flags without a kind of account",
        "sees that they come to what was there",
        "a change to a user's flags",
        "the flags were written (inferred)",
    ),
    row(
        "modify: the password is said to be set now",
        "leaves a time that is there",
        "the time of the modification",
        "PR 16.1; that a time which is there changes too is inferred",
    ),
    row(
        "modify: times of the password that cannot be",
        "lets `lockoutTime` be any time",
        "unwillingToPerform (53) for all but 0",
        "PR 16.1",
    ),
    row(
        "order: references to nothing are judged first",
        "constraintViolation (19) or noSuchObject (32), whatever else is wrong",
        "the object, then its class, then its values",
        "Windows finds the object first (MS-ADTS 3.1.1.5.3.2; inferred)",
    ),
    row(
        "order: several things are wrong at once",
        "counts values before it looks for the object",
        "the object, then its class, then its values",
        "as above",
    ),
    row(
        "paging: a page as large as the answer",
        "a cookie, and then an empty page",
        "no cookie: this was the last page",
        "RFC 2696 3",
    ),
    row(
        "paging: size zero ends it",
        "leaves the response control out",
        "the control, with an empty cookie",
        "RFC 2696 3",
    ),
    row(
        "paging: a cookie that no server gave",
        "unwillingToPerform (53)",
        "unavailableCriticalExtension (12), `00000057`",
        "(inferred)",
    ),
    row(
        "paging: an old cookie",
        "goes on with the page that comes next",
        "refuses it",
        "RFC 2696 3 leaves it open (inferred)",
    ),
    row(
        "sort: by name, and backwards",
        "sorts",
        "sorts; the embedded directory offers no sorting",
        "not used by cloud sync",
    ),
    row(
        "password: a reset to one with the account's name in it",
        "allows it",
        "unwillingToPerform (53), `0000052D`",
        "a complex password does not hold the account's name",
    ),
    row(
        "password: two values",
        "takes one of them",
        "unwillingToPerform (53)",
        "PR 16.1",
    ),
    row(
        "password: of an object that is no account",
        "insufficientAccessRights (50)",
        "objectClassViolation (65)",
        "the class does not have the attribute",
    ),
    row(
        "password: a reset that breaks the policy",
        "constraintViolation (19)",
        "unwillingToPerform (53); 19 on a change",
        "PR 16.2",
    ),
    row(
        "password: policy hints",
        "not offered: a critical one is refused, another ignored",
        "history on a reset",
        "PR 16.1",
    ),
    row(
        "rename: a unit to another naming attribute",
        "allows it",
        "unwillingToPerform (53)",
        "a class has one naming attribute (MS-ADTS 3.1.1.5.4.1)",
    ),
    row(
        "rename: to the very same name",
        "counts as a change",
        "changes nothing",
        "nothing replicates that is as it was (inferred)",
    ),
    row(
        "rename: below itself, which can have no children",
        "namingViolation (64)",
        "unwillingToPerform (53), `00002077`",
        "two things are wrong (inferred)",
    ),
    row(
        "rename: what is not there, below what is not there",
        "other (80)",
        "noSuchObject (32)",
        "RFC 4511 4.9",
    ),
    row(
        "rename: a malformed name",
        "other (80)",
        "invalidDNSyntax (34)",
        "RFC 4511 4.9",
    ),
    row(
        "rename: into another naming context",
        "namingViolation (64)",
        "affectsMultipleDSAs (71)",
        "an object stays in its naming context",
    ),
    row(
        "search: a base of another domain",
        "noSuchObject (32)",
        "a referral (10), `0000202B`",
        "it is no naming context of this server",
    ),
    row(
        "search: the canonical name of special characters",
        "escapes what a distinguished name escapes, and not `/`",
        "escapes `/` and `\\` alone",
        "documented for canonicalName; MS-ADTS 3.1.1.4.5.17",
    ),
    row(
        "search: names with characters that need an escape",
        "escapes `#` everywhere, and `=` and `;` by their numbers",
        "a backslash before each, and before `#` at the beginning alone",
        "RFC 4514 2.4",
    ),
    row(
        "search: names of attributes only",
        "sends the values all the same",
        "names alone",
        "RFC 4511 4.5.1.6",
    ),
    row(
        "search: a size limit",
        "takes no notice of it",
        "sizeLimitExceeded (4); with paging it bounds every page",
        "RFC 4511 4.5.1.4",
    ),
    row(
        "search: compare what is not there",
        "compareFalse (5)",
        "noSuchAttribute (16)",
        "RFC 4511 4.10",
    ),
    row(
        "search: the principal's name",
        "has no `msDS-PrincipalName`",
        "`CONTOSO\\alice`",
        "a constructed attribute of every account",
    ),
];
