//! RFC 4514 with its escapes, the quotes of older texts, and a clear word about everything else.

use super::escape::SPECIAL;
use super::{MAX_DN_BYTES, MAX_RDNS, Rdn};

/// Why a text is not a distinguished name. Offsets count bytes from the start of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnError {
    /// Longer than [`MAX_DN_BYTES`].
    #[error("the name is {actual} bytes long; at most {MAX_DN_BYTES} are read")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
    },
    /// More than [`MAX_RDNS`] components.
    #[error("the name has more than {MAX_RDNS} components")]
    TooManyComponents,
    /// No `=` where a component needs one.
    #[error("the component at byte {offset} has no `=`; write attribute=value, for example CN=Alice")]
    NoEquals {
        /// Where the component begins.
        offset: usize,
    },
    /// Not an attribute name.
    #[error("`{attribute}` is not an attribute name; use letters, digits and hyphens, or an OID")]
    Attribute {
        /// What was read, shortened.
        attribute: String,
    },
    /// Nothing after the `=`.
    #[error("the component {attribute} has no value")]
    EmptyValue {
        /// Its attribute.
        attribute: String,
    },
    /// Two attributes in one component.
    #[error(
        "the `+` at byte {offset} makes a component of several attributes, which AD does not have; if it belongs to the value write `\\+`"
    )]
    MultiValued {
        /// Where the plus sign stands.
        offset: usize,
    },
    /// A character that must be escaped.
    #[error("the character `{character}` at byte {offset} must be escaped; write `\\{character}`")]
    Unescaped {
        /// The character.
        character: char,
        /// Where it stands.
        offset: usize,
    },
    /// A backslash with something after it that it cannot escape.
    #[error(
        "the backslash at byte {offset} escapes nothing; follow it by a special character or two hexadecimal digits"
    )]
    Escape {
        /// Where the backslash stands.
        offset: usize,
    },
    /// A quote without its partner.
    #[error("the quote at byte {offset} is not closed, or something follows the closing quote")]
    Quote {
        /// Where the opening quote stands.
        offset: usize,
    },
    /// `#` and BER.
    #[error(
        "the value at byte {offset} is written as `#` and hexadecimal BER, which is not supported; write it as text"
    )]
    HexValue {
        /// Where the value begins.
        offset: usize,
    },
    /// Escaped bytes that are not UTF-8, or a NUL.
    #[error("the value of {attribute} is not UTF-8 text or holds a NUL character")]
    NotText {
        /// Its attribute.
        attribute: String,
    },
    /// A relative name was wanted.
    #[error("a relative name has exactly one component, for example CN=Alice")]
    NotOneComponent,
    /// Not a DNS name.
    #[error(
        "`{name}` is not a DNS name; write labels of letters, digits and hyphens with dots between, for example contoso.com"
    )]
    DnsName {
        /// What was read, shortened.
        name: String,
    },
}

/// The components of `text`, nearest first.
pub(super) fn parse(text: &str) -> Result<Vec<Rdn>, DnError> {
    if text.len() > MAX_DN_BYTES {
        return Err(DnError::TooLong { actual: text.len() });
    }
    let mut rdns = Vec::new();
    if text.trim_matches(' ').is_empty() {
        return Ok(rdns);
    }
    let mut cursor = Cursor { text, at: 0 };
    loop {
        if rdns.len() == MAX_RDNS {
            return Err(DnError::TooManyComponents);
        }
        rdns.push(cursor.component()?);
        if !cursor.take(b',') {
            return Ok(rdns);
        }
    }
}

pub(super) fn check_attribute(attribute: &str) -> Result<(), DnError> {
    let mut bytes = attribute.bytes();
    let named = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let numbered = attribute.contains('.')
        && attribute
            .split('.')
            .all(|arc| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()));
    if named || numbered {
        Ok(())
    } else {
        Err(DnError::Attribute {
            attribute: attribute.chars().take(64).collect(),
        })
    }
}

pub(super) fn check_value(attribute: &str, value: &str) -> Result<(), DnError> {
    if value.is_empty() {
        Err(DnError::EmptyValue {
            attribute: attribute.to_owned(),
        })
    } else if value.contains('\0') {
        Err(DnError::NotText {
            attribute: attribute.to_owned(),
        })
    } else {
        Ok(())
    }
}

/// Everything with a meaning in a name is ASCII, so the cursor walks bytes and never splits a character.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn skip_spaces(&mut self) {
        while self.take(b' ') {}
    }

    fn component(&mut self) -> Result<Rdn, DnError> {
        self.skip_spaces();
        let start = self.at;
        while self.peek().is_some_and(|byte| byte != b'=' && byte != b',') {
            self.at += 1;
        }
        let attribute = self.text[start..self.at].trim_end_matches(' ').to_owned();
        if !self.take(b'=') {
            return Err(DnError::NoEquals { offset: start });
        }
        check_attribute(&attribute)?;
        self.skip_spaces();
        let bytes = match self.peek() {
            Some(b'"') => self.quoted()?,
            Some(b'#') => return Err(DnError::HexValue { offset: self.at }),
            _ => self.bare()?,
        };
        let value = String::from_utf8(bytes).map_err(|_| DnError::NotText {
            attribute: attribute.clone(),
        })?;
        check_value(&attribute, &value)?;
        Ok(Rdn { attribute, value })
    }

    /// A value up to the next comma, its unescaped trailing spaces dropped.
    fn bare(&mut self) -> Result<Vec<u8>, DnError> {
        let mut value = Vec::new();
        let mut significant = 0;
        while let Some(byte) = self.peek() {
            match byte {
                b',' => break,
                b'+' => return Err(DnError::MultiValued { offset: self.at }),
                b'"' | b'<' | b'>' | b';' => {
                    return Err(DnError::Unescaped {
                        character: byte.into(),
                        offset: self.at,
                    });
                }
                b'\\' => {
                    value.push(self.escaped()?);
                    significant = value.len();
                }
                _ => {
                    self.at += 1;
                    value.push(byte);
                    if byte != b' ' {
                        significant = value.len();
                    }
                }
            }
        }
        value.truncate(significant);
        Ok(value)
    }

    /// A value in double quotes (RFC 2253, 4), which AD still reads.
    fn quoted(&mut self) -> Result<Vec<u8>, DnError> {
        let offset = self.at;
        self.at += 1;
        let mut value = Vec::new();
        loop {
            match self.peek() {
                None => return Err(DnError::Quote { offset }),
                Some(b'"') => break,
                Some(b'\\') => value.push(self.escaped()?),
                Some(byte) => {
                    self.at += 1;
                    value.push(byte);
                }
            }
        }
        self.at += 1;
        self.skip_spaces();
        match self.peek() {
            None | Some(b',') => Ok(value),
            Some(b'+') => Err(DnError::MultiValued { offset: self.at }),
            Some(_) => Err(DnError::Quote { offset }),
        }
    }

    /// The byte that a backslash and what follows it stand for.
    fn escaped(&mut self) -> Result<u8, DnError> {
        let offset = self.at;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let following = &self.text.as_bytes()[offset + 1..];
        if let &[high, low, ..] = following
            && let (Some(high), Some(low)) = (digit(high), digit(low))
        {
            self.at += 3;
            return Ok((high << 4 | low) as u8);
        }
        match following.first() {
            Some(&byte) if matches!(byte, b' ' | b'#') || SPECIAL.contains(&byte.into()) => {
                self.at += 2;
                Ok(byte)
            }
            _ => Err(DnError::Escape { offset }),
        }
    }
}
