//! The cloud asks for attributes by the names that Active Directory gives them; this table says what stands for them here.
//!
//! An attribute that is not in the table has the same name in both: most of them are those of X.520 and of `inetOrgPerson`,
//! and the schema `msuser` adds Active Directory's own.

/// How a value is made of those that were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// All values of the first attribute that is there.
    Same,
    /// A UUID in text form, as the 16 bytes that objectGUID has.
    Guid,
    /// Names of other objects.
    Link,
    /// Flags, with the account's administrative lock as *disabled*.
    AccountControl,
    /// A generalized time as FILETIME; 0 where the password has to be changed.
    PasswordTime,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The name that the cloud asks for.
    pub(super) asked: &'static str,
    /// The attributes that it is made of, the best first.
    pub(super) made_of: &'static [&'static str],
    /// How.
    pub(super) rule: Rule,
}

const fn row(asked: &'static str, made_of: &'static [&'static str], rule: Rule) -> Row {
    Row { asked, made_of, rule }
}

/// Time since when an account is locked; [`LOCKED_FOR_GOOD`] by an administrator (draft-behera-ldap-password-policy).
pub(super) const LOCKED_SINCE: &str = "pwdAccountLockedTime";
/// The account can be unlocked by an administrator only.
pub(super) const LOCKED_FOR_GOOD: &str = "000001010000Z";
/// Whether the password was reset and has to be changed.
pub(super) const MUST_CHANGE: &str = "pwdReset";
pub(super) const CONTROL: &str = "userAccountControl";
pub(super) const ID: &str = "entryUUID";
pub(super) const CHANGE_NUMBER: &str = "entryCSN";

/// Attributes whose names differ, or whose values are made.
const ROWS: &[Row] = &[
    row("objectGUID", &[ID], Rule::Guid),
    row("userPrincipalName", &["userPrincipalName", "mail"], Rule::Same),
    row("sAMAccountName", &["sAMAccountName", "uid", "cn"], Rule::Same),
    row("displayName", &["displayName", "cn"], Rule::Same),
    row("whenCreated", &["createTimestamp"], Rule::Same),
    row("whenChanged", &["modifyTimestamp"], Rule::Same),
    row("streetAddress", &["street"], Rule::Same),
    row("department", &["department", "departmentNumber"], Rule::Same),
    row("company", &["company", "o"], Rule::Same),
    row("employeeID", &["employeeID", "employeeNumber"], Rule::Same),
    row(CONTROL, &[CONTROL, LOCKED_SINCE], Rule::AccountControl),
    row("pwdLastSet", &["pwdChangedTime", MUST_CHANGE], Rule::PasswordTime),
    row("member", &["member", "uniqueMember"], Rule::Link),
    row("manager", &["manager"], Rule::Link),
    row("managedBy", &["managedBy", "owner"], Rule::Link),
];

/// Never read, whoever asks: hashes of passwords, old and new.
const SECRET: [&str; 2] = ["userPassword", "pwdHistory"];
/// What every resource needs besides what the cloud asked for.
const NEEDED: [&str; 4] = ["objectClass", ID, CHANGE_NUMBER, LOCKED_SINCE];

/// How to make an attribute that the cloud asks for; none for a secret one.
pub(super) fn rule_of(asked: &str) -> Option<(Rule, Vec<&str>)> {
    if SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(asked)) {
        return None;
    }
    let row = ROWS.iter().find(|row| row.asked.eq_ignore_ascii_case(asked));
    Some(row.map_or_else(
        || (Rule::Same, vec![asked]),
        |row| (row.rule, row.made_of.to_vec()),
    ))
}

/// What is told where nothing particular was asked for.
pub(super) fn usual() -> Vec<String> {
    ROWS.iter().map(|row| row.asked.to_owned()).collect()
}

/// What to ask the server for, each name once.
pub(super) fn to_read(asked: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let made_of = asked
        .iter()
        .filter_map(|name| rule_of(name))
        .flat_map(|(_, from)| from);
    for name in made_of.chain(NEEDED) {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_are_translated_and_read_once() {
        assert_eq!(
            to_read(&names(&[
                "sn",
                "objectGUID",
                "userPrincipalName",
                "mail",
                "displayName",
                "CN"
            ])),
            [
                "sn",
                "entryUUID",
                "userPrincipalName",
                "mail",
                "displayName",
                "cn",
                "objectClass",
                "entryCSN",
                "pwdAccountLockedTime"
            ]
        );
        assert_eq!(rule_of("l").unwrap(), (Rule::Same, vec!["l"]));
        assert_eq!(rule_of("MEMBER").unwrap().0, Rule::Link);
    }

    #[test]
    fn hashes_of_passwords_are_never_asked_for() {
        assert_eq!(rule_of("USERPASSWORD"), None);
        assert_eq!(
            to_read(&names(&["userPassword", "pwdHistory"])),
            NEEDED.map(str::to_owned)
        );
    }
}
