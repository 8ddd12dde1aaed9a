//! Attribute syntaxes: which values are well formed, and when two of them are equal or ordered (MS-ADTS 3.1.1.2.2).

use provlab_protocol::filetime::FileTime;
use provlab_protocol::security::SecurityDescriptor;
use provlab_protocol::sid::Sid;

/// The syntax of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// The name of another object.
    Dn,
    /// Bytes with the name of another object, `B:<hex digits>:<hex>:<dn>`.
    DnBinary,
    /// Text with the name of another object, `S:<length>:<text>:<dn>`.
    DnString,
    /// The name or number of an attribute or class.
    Oid,
    /// Text whose case matters.
    CaseExact,
    /// ASCII text whose case does not matter.
    CaseIgnore,
    /// ASCII text.
    Ia5,
    /// Printable ASCII text.
    Printable,
    /// Digits and spaces.
    Numeric,
    /// Unicode text whose case does not matter.
    Unicode,
    /// `TRUE` or `FALSE`.
    Boolean,
    /// A signed 32-bit number.
    Integer,
    /// A signed 32-bit number out of a list.
    Enumeration,
    /// A signed 64-bit number.
    LargeInteger,
    /// Bytes.
    Octet,
    /// A time with a two-digit year.
    UtcTime,
    /// A time.
    GeneralizedTime,
    /// A self-relative security descriptor.
    SecurityDescriptor,
    /// A security identifier.
    Sid,
}

/// A value in a form that orders as its syntax orders.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comparable {
    /// Numbers, times and booleans.
    Number(i64),
    /// Text in its comparison form, and bytes.
    Bytes(Vec<u8>),
}

impl Syntax {
    /// The syntax of this name in the attribute table.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "dn" => Self::Dn,
            "dn-binary" => Self::DnBinary,
            "dn-string" => Self::DnString,
            "oid" => Self::Oid,
            "case-exact" => Self::CaseExact,
            "case-ignore" => Self::CaseIgnore,
            "ia5" => Self::Ia5,
            "printable" => Self::Printable,
            "numeric" => Self::Numeric,
            "unicode" => Self::Unicode,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "enumeration" => Self::Enumeration,
            "large-integer" => Self::LargeInteger,
            "octet" => Self::Octet,
            "utc-time" => Self::UtcTime,
            "generalized-time" => Self::GeneralizedTime,
            "security-descriptor" => Self::SecurityDescriptor,
            "sid" => Self::Sid,
            _ => return None,
        })
    }

    /// `attributeSyntax` and `oMSyntax` of the attribute's schema object.
    #[must_use]
    pub fn numbers(self) -> (&'static str, i64) {
        match self {
            Self::Dn => ("2.5.5.1", 127),
            Self::Oid => ("2.5.5.2", 6),
            Self::CaseExact => ("2.5.5.3", 27),
            Self::CaseIgnore => ("2.5.5.4", 20),
            Self::Ia5 => ("2.5.5.5", 22),
            Self::Printable => ("2.5.5.5", 19),
            Self::Numeric => ("2.5.5.6", 18),
            Self::DnBinary => ("2.5.5.7", 127),
            Self::Boolean => ("2.5.5.8", 1),
            Self::Integer => ("2.5.5.9", 2),
            Self::Enumeration => ("2.5.5.9", 10),
            Self::Octet => ("2.5.5.10", 4),
            Self::UtcTime => ("2.5.5.11", 23),
            Self::GeneralizedTime => ("2.5.5.11", 24),
            Self::Unicode => ("2.5.5.12", 64),
            Self::DnString => ("2.5.5.14", 127),
            Self::SecurityDescriptor => ("2.5.5.15", 66),
            Self::LargeInteger => ("2.5.5.16", 65),
            Self::Sid => ("2.5.5.17", 4),
        }
    }

    /// Whether values name other objects, so that the database keeps them as tags.
    #[must_use]
    pub fn is_reference(self) -> bool {
        matches!(self, Self::Dn | Self::DnBinary)
    }

    /// Whether values are bytes rather than text.
    #[must_use]
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Octet | Self::SecurityDescriptor | Self::Sid)
    }

    /// The value as it is stored, or `None` if it is malformed. References are the database's business.
    #[must_use]
    pub fn store(self, value: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Sid => sid_bytes(value),
            Self::SecurityDescriptor => SecurityDescriptor::from_bytes(value)
                .is_ok()
                .then(|| value.to_vec()),
            Self::Boolean => match value {
                b"TRUE" | b"FALSE" => Some(value.to_vec()),
                _ => None,
            },
            Self::Integer | Self::Enumeration => {
                number(value).and_then(|n| i32::try_from(n).ok().map(|n| n.to_string().into()))
            }
            Self::LargeInteger => number(value).map(|n| n.to_string().into()),
            Self::GeneralizedTime | Self::UtcTime => {
                time(value).and_then(|time| time.to_generalized_time().ok().map(String::into_bytes))
            }
            Self::Octet => Some(value.to_vec()),
            Self::Numeric => value
                .iter()
                .all(|byte| byte.is_ascii_digit() || *byte == b' ')
                .then(|| value.to_vec()),
            Self::CaseIgnore | Self::Ia5 | Self::Printable => value.is_ascii().then(|| value.to_vec()),
            Self::Unicode | Self::CaseExact | Self::Oid | Self::DnString | Self::Dn | Self::DnBinary => {
                std::str::from_utf8(value).ok().map(|_| value.to_vec())
            }
        }
    }

    /// The form of a value under which equal values are identical, or `None` if the value is malformed.
    #[must_use]
    pub fn key(self, value: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Unicode | Self::CaseIgnore | Self::Oid => Some(fold(value)),
            Self::Sid | Self::Integer | Self::Enumeration | Self::LargeInteger => self.store(value),
            Self::GeneralizedTime | Self::UtcTime => self.store(value),
            Self::Boolean => Some(value.to_ascii_uppercase())
                .filter(|value| matches!(value.as_slice(), b"TRUE" | b"FALSE")),
            _ => Some(value.to_vec()),
        }
    }

    /// The value in a form that orders, or `None` if it is malformed.
    #[must_use]
    pub fn comparable(self, value: &[u8]) -> Option<Comparable> {
        match self {
            Self::Integer | Self::Enumeration | Self::LargeInteger => number(value).map(Comparable::Number),
            Self::GeneralizedTime | Self::UtcTime => time(value)
                .and_then(|time| i64::try_from(time.0).ok())
                .map(Comparable::Number),
            _ => self.key(value).map(Comparable::Bytes),
        }
    }

    /// The number that a value stands for, where its syntax is a number: for the bitwise matching rules.
    #[must_use]
    pub fn number(self, value: &[u8]) -> Option<i64> {
        matches!(self, Self::Integer | Self::Enumeration | Self::LargeInteger)
            .then(|| number(value))
            .flatten()
    }
}

/// Text in the form in which case does not matter. Bytes that are not UTF-8 stay as they are.
pub(crate) fn fold(value: &[u8]) -> Vec<u8> {
    if value.is_ascii() {
        return value.to_ascii_lowercase();
    }
    std::str::from_utf8(value).map_or_else(|_| value.to_vec(), |text| text.to_lowercase().into_bytes())
}

fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn time(value: &[u8]) -> Option<FileTime> {
    FileTime::from_generalized_time(std::str::from_utf8(value).ok()?).ok()
}

fn sid_bytes(value: &[u8]) -> Option<Vec<u8>> {
    if let Some(sid) = std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse::<Sid>().ok())
    {
        return Some(sid.to_bytes());
    }
    Sid::from_bytes(value).ok().map(|_| value.to_vec())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed conversion fails the test")]
mod tests {
    use super::*;

    #[test]
    fn text_compares_without_case_in_any_script() {
        assert_eq!(
            Syntax::Unicode.key("ÄRGER".as_bytes()),
            Syntax::Unicode.key("ärger".as_bytes())
        );
        assert_ne!(Syntax::CaseExact.key(b"A"), Syntax::CaseExact.key(b"a"));
    }

    #[test]
    fn numbers_order_as_numbers_and_stay_in_range() {
        let order = |text: &str| Syntax::LargeInteger.comparable(text.as_bytes()).unwrap();
        assert!(order("9") < order("10"));
        assert!(order("-1") < order("0"));
        assert_eq!(Syntax::Integer.store(b"2147483647").unwrap(), b"2147483647");
        assert_eq!(Syntax::Integer.store(b"2147483648"), None);
        assert_eq!(Syntax::Integer.store(b"007").unwrap(), b"7");
        assert_eq!(Syntax::LargeInteger.store(b"9223372036854775808"), None);
    }

    #[test]
    fn a_sid_may_be_given_as_text_or_bytes() {
        let sid: Sid = "S-1-5-21-1-2-3-500".parse().unwrap();
        assert_eq!(Syntax::Sid.key(b"S-1-5-21-1-2-3-500").unwrap(), sid.to_bytes());
        assert_eq!(Syntax::Sid.key(&sid.to_bytes()).unwrap(), sid.to_bytes());
        assert_eq!(Syntax::Sid.key(b"S-1"), None);
    }

    #[test]
    fn booleans_are_stored_in_upper_case_only() {
        assert!(Syntax::Boolean.store(b"TRUE").is_some());
        assert!(Syntax::Boolean.store(b"true").is_none());
        assert!(Syntax::Boolean.key(b"true").is_some());
    }
}
