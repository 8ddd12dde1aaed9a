//! The texts have six shapes, told apart by the part of AD that raised the error.

use super::Win32Error;

/// Longest text that is taken apart; the rest is not looked at.
pub const MAX_DIAGNOSTIC_BYTES: usize = 4096;

/// The build that AD prints at the end of its LDAP errors, here that of Windows Server 2008 R2 and of Samba.
const BUILD: &str = "v1db1";

/// Source positions that AD prints. They vary by build: never match on them (PR 16).
pub mod dsid {
    /// A refused simple bind.
    pub const BIND: &str = "0C0903A9";
    /// An operation before a successful bind.
    pub const NOT_BOUND: &str = "0C090A5C";
    /// A refused change or search.
    pub const SERVICE: &str = "031A12D2";
    /// A refused value.
    pub const ATTRIBUTE: &str = "03191083";
    /// Missing rights.
    pub const SECURITY: &str = "031A1190";
    /// No such object.
    pub const NAME: &str = "03100245";
    /// A refused addition or removal.
    pub const UPDATE: &str = "031A11E2";
}

/// The X.500 problem that AD prints with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The number, whose thousands tell the family.
    pub number: u16,
    /// The name.
    pub name: &'static str,
}

macro_rules! problems {
    ($( $(#[$meta:meta])* $name:ident = $number:expr; )*) => {
        impl Problem {
            $( $(#[$meta])* pub const $name: Problem = Problem { number: $number, name: stringify!($name) }; )*
        }
    };
}

problems! {
    /// The attribute or value is not there.
    NO_ATTRIBUTE_OR_VAL = 1001;
    /// The value is not of the attribute's syntax.
    INVALID_ATT_SYNTAX = 1002;
    /// The attribute is not in the schema.
    UNDEFINED_ATT_TYPE = 1003;
    /// The value breaks a constraint.
    CONSTRAINT_ATT_TYPE = 1005;
    /// The value exists already.
    ATT_OR_VALUE_EXISTS = 1006;
    /// No such object.
    NO_OBJECT = 2001;
    /// The name is malformed.
    BAD_NAME = 2006;
    /// Missing rights.
    INSUFF_ACCESS_RIGHTS = 4003;
    /// The server is busy.
    BUSY = 5001;
    /// The server cannot do it now.
    UNAVAILABLE = 5002;
    /// The server refuses.
    WILL_NOT_PERFORM = 5003;
    /// A critical control is not known.
    UNAVAIL_EXTENSION = 5010;
    /// The server failed.
    DIR_ERROR = 5012;
    /// The name does not fit where it is put.
    NAMING_VIOLATION = 6001;
    /// The object breaks the rules of its class.
    OBJ_CLASS_VIOLATION = 6002;
    /// Only an object without children can be deleted.
    CANT_ON_NON_LEAF = 6003;
    /// Not on the naming attribute.
    CANT_ON_RDN = 6004;
    /// The object exists already.
    ENTRY_EXISTS = 6005;
    /// The class of an object cannot be changed.
    CANT_MOD_OBJ_CLASS = 6007;
}

/// A diagnostic text taken apart as far as clients may rely on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The leading code: what to classify by.
    pub code: Win32Error,
    /// `LdapErr`, `SvcErr`, `AtrErr`, `SecErr`, `NameErr` or `UpdErr`; other servers print other words here.
    pub family: String,
    /// What follows `comment:`; empty in texts without.
    pub comment: String,
    /// The sub-code after `data`.
    pub data: Option<u32>,
}

impl Diagnostic {
    /// `<code>: LdapErr: DSID-…, comment: <comment>, data <hex>, v<build>`: errors of the protocol layer.
    pub fn ldap(code: Win32Error, dsid: &str, comment: &str, data: u32) -> String {
        format!("{code}: LdapErr: DSID-{dsid}, comment: {comment}, data {data:x}, {BUILD}")
    }

    /// `<code>: SvcErr: …`: the server refuses or fails.
    pub fn service(code: Win32Error, dsid: &str, problem: Problem) -> String {
        Self::plain(code, "SvcErr", dsid, problem)
    }

    /// `<code>: SecErr: …`: missing rights.
    pub fn security(code: Win32Error, dsid: &str) -> String {
        Self::plain(code, "SecErr", dsid, Problem::INSUFF_ACCESS_RIGHTS)
    }

    /// `<code>: UpdErr: …`: the change does not fit the tree or the class.
    pub fn update(code: Win32Error, dsid: &str, problem: Problem) -> String {
        Self::plain(code, "UpdErr", dsid, problem)
    }

    /// `<code>: NameErr: …`, with the nearest existing ancestor on a line of its own.
    pub fn name(code: Win32Error, dsid: &str, problem: Problem, best_match: &str) -> String {
        format!(
            "{}, best match of:\n\t'{best_match}'\n",
            Self::plain(code, "NameErr", dsid, problem)
        )
    }

    /// `<code>: AtrErr: …`, with the attribute that is at fault, by its internal id and its name.
    pub fn attribute(
        code: Win32Error,
        dsid: &str,
        problem: Problem,
        attribute_id: u32,
        attribute: &str,
    ) -> String {
        let Problem { number, name } = problem;
        format!(
            "{code}: AtrErr: DSID-{dsid}, #1:\n\t0: {code}: DSID-{dsid}, problem {number} ({name}), data 0, Att {attribute_id:x} ({attribute})\n"
        )
    }

    fn plain(code: Win32Error, family: &str, dsid: &str, problem: Problem) -> String {
        let Problem { number, name } = problem;
        format!("{code}: {family}: DSID-{dsid}, problem {number} ({name}), data 0")
    }

    /// Takes a text apart that begins with eight hexadecimal digits and a colon, as those of AD and Samba do.
    pub fn parse(text: &str) -> Option<Self> {
        let mut end = text.len().min(MAX_DIAGNOSTIC_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let (code, rest) = text[..end].split_once(':')?;
        let digits = code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = digits.then(|| u32::from_str_radix(code, 16).ok()).flatten()?;
        let rest = rest.trim_start();
        let (family, body) = rest.split_once(':').unwrap_or((rest, ""));
        Some(Diagnostic {
            code: Win32Error(code),
            family: family.to_owned(),
            comment: comment(body).to_owned(),
            data: data(body),
        })
    }
}

/// What stands between `comment: ` and the `, data` after it.
fn comment(body: &str) -> &str {
    let Some((_, after)) = body.split_once("comment: ") else {
        return "";
    };
    after.rsplit_once(", data ").map_or(after, |(comment, _)| comment)
}

/// The hexadecimal number after the last `, data `.
fn data(body: &str) -> Option<u32> {
    let (_, after) = body.rsplit_once(", data ")?;
    let end = after
        .find(|c: char| !c.is_ascii_hexdigit())
        .unwrap_or(after.len());
    u32::from_str_radix(&after[..end], 16).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_begin_as_the_reference_has_them() {
        let policy = Win32Error::ERROR_PASSWORD_RESTRICTION;
        assert_eq!(
            Diagnostic::service(policy, dsid::SERVICE, Problem::WILL_NOT_PERFORM),
            "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0"
        );
        assert_eq!(
            Diagnostic::attribute(
                policy,
                dsid::ATTRIBUTE,
                Problem::CONSTRAINT_ATT_TYPE,
                0x9005a,
                "unicodePwd"
            ),
            "0000052D: AtrErr: DSID-03191083, #1:\n\t0: 0000052D: DSID-03191083, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 9005a (unicodePwd)\n"
        );
        assert_eq!(
            Diagnostic::security(Win32Error::ERROR_ACCESS_DENIED, dsid::SECURITY),
            "00000005: SecErr: DSID-031A1190, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0"
        );
        assert_eq!(
            Diagnostic::name(
                Win32Error::ERROR_DS_OBJ_NOT_FOUND,
                dsid::NAME,
                Problem::NO_OBJECT,
                "DC=lab,DC=example"
            ),
            "0000208D: NameErr: DSID-03100245, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'DC=lab,DC=example'\n"
        );
        assert_eq!(
            Diagnostic::update(Win32Error::ERROR_USER_EXISTS, dsid::UPDATE, Problem::ENTRY_EXISTS),
            "00000524: UpdErr: DSID-031A11E2, problem 6005 (ENTRY_EXISTS), data 0"
        );
    }

    #[test]
    fn built_texts_are_taken_apart() {
        let text = Diagnostic::ldap(
            Win32Error::ERROR_NOT_AUTHENTICATED,
            dsid::NOT_BOUND,
            "In order to perform this operation a successful bind must be completed on the connection.",
            0,
        );
        assert!(text.starts_with("000004DC: LdapErr: DSID-0C090A5C, comment: In order to"));
        assert!(text.ends_with("on the connection., data 0, v1db1"));
        let parsed = Diagnostic::parse(&text).unwrap();
        assert_eq!(
            (parsed.code, parsed.family.as_str()),
            (Win32Error::ERROR_NOT_AUTHENTICATED, "LdapErr")
        );
        assert!(parsed.comment.ends_with("on the connection."));
        assert_eq!(parsed.data, Some(0));
    }

    #[test]
    fn samba_texts_are_classified_by_their_code() {
        let parsed = Diagnostic::parse(
            "0000052D: Constraint violation - check_password_restrictions: the password is too short.",
        )
        .unwrap();
        assert_eq!(parsed.code, Win32Error::ERROR_PASSWORD_RESTRICTION);
        assert_eq!(parsed.code.name(), Some("ERROR_PASSWORD_RESTRICTION"));
        assert_eq!(
            Diagnostic::parse("BindSimple: Transport encryption required."),
            None
        );
        assert_eq!(Diagnostic::parse("0000052: x"), None);
        assert_eq!(Diagnostic::parse("+000052D: x"), None);
    }

    #[test]
    fn only_the_beginning_of_a_long_text_is_read() {
        let long = format!("0000052D: SvcErr: {}, data 5", "é".repeat(MAX_DIAGNOSTIC_BYTES));
        assert_eq!(Diagnostic::parse(&long).unwrap().data, None);
        let fitting = format!("0000052D: SvcErr: {:>1$}", ", data 5", MAX_DIAGNOSTIC_BYTES - 18);
        assert_eq!(Diagnostic::parse(&fitting).unwrap().data, Some(5));
        let over = format!("0000052D: SvcErr: {:>1$}", ", data 55", MAX_DIAGNOSTIC_BYTES - 17);
        assert_eq!(Diagnostic::parse(&over).unwrap().data, Some(5));
    }

    proptest! {
        #[test]
        fn any_text_survives(text in "([0-9A-F]{8}: )?[a-zé:, ]{0,20}(, data )?[0-9a-z]{0,12}") {
            let _ = Diagnostic::parse(&text);
        }
    }
}
