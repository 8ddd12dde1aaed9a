//! Why: `unicodePwd` takes a password only in double quotes and in UTF-16LE (PR 16.1).

use secrecy::SecretString;
use zeroize::Zeroizing;

/// Longest password that Windows takes, in UTF-16 code units.
pub const MAX_PASSWORD_CODE_UNITS: usize = 256;

const QUOTE: u16 = b'"' as u16;

/// Why a value is not one that `unicodePwd` takes. Never tells any part of the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnicodePwdError {
    /// An odd number of bytes.
    #[error("the unicodePwd value has an odd number of bytes; encode the quoted password as UTF-16LE")]
    OddLength,
    /// More than [`MAX_PASSWORD_CODE_UNITS`] between the quotes.
    #[error("the password is longer than {MAX_PASSWORD_CODE_UNITS} UTF-16 code units")]
    TooLong,
    /// No quotes around the password.
    #[error("the unicodePwd value is not enclosed in double quotes")]
    NotQuoted,
    /// Lone surrogates.
    #[error("the unicodePwd value is not valid UTF-16LE")]
    NotUtf16,
}

/// The value to write for `password`: quoted, UTF-16LE, no terminator.
pub fn encode(password: &str) -> Zeroizing<Vec<u8>> {
    let units = std::iter::once(QUOTE)
        .chain(password.encode_utf16())
        .chain(std::iter::once(QUOTE));
    let mut value = Zeroizing::new(Vec::with_capacity(2 * password.len() + 4));
    for unit in units {
        value.extend_from_slice(&unit.to_le_bytes());
    }
    value
}

/// The password in a written value.
///
/// # Errors
/// The value is not a quoted UTF-16LE text of at most [`MAX_PASSWORD_CODE_UNITS`].
pub fn decode(value: &[u8]) -> Result<SecretString, UnicodePwdError> {
    if value.len() > 2 * (MAX_PASSWORD_CODE_UNITS + 2) {
        return Err(UnicodePwdError::TooLong);
    }
    if !value.len().is_multiple_of(2) {
        return Err(UnicodePwdError::OddLength);
    }
    let units: Zeroizing<Vec<u16>> = Zeroizing::new(
        value
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect(),
    );
    let [QUOTE, inner @ .., QUOTE] = units.as_slice() else {
        return Err(UnicodePwdError::NotQuoted);
    };
    // A code unit becomes at most three bytes: reserving them keeps copies from being left behind.
    let mut password = Zeroizing::new(String::with_capacity(3 * inner.len()));
    for unit in char::decode_utf16(inner.iter().copied()) {
        password.push(unit.map_err(|_| UnicodePwdError::NotUtf16)?);
    }
    Ok(SecretString::from(password.as_str()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::ber::{self, Writer};
    use crate::ldap_controls::{Control, PolicyHints};
    use crate::{ldap, oid};

    #[test]
    fn reference_vectors() {
        for (password, expected) in [
            ("N3w-P@ss!", "22004e00330077002d00500040007300730021002200"),
            ("Old-P@ss1", "22004f006c0064002d00500040007300730031002200"),
            ("", "22002200"),
        ] {
            let value = encode(password);
            assert_eq!(hex::encode(&*value), expected);
            assert_eq!(decode(&value).unwrap().expose_secret(), password);
        }
    }

    /// `(operation, value)` pairs as a ModifyRequest on CN=Alice,DC=lab,DC=example, with these controls.
    fn modify(message_id: i32, changes: &[(i64, &str)], controls: &[Control]) -> Vec<u8> {
        let mut writer = Writer::new();
        ldap::write_message(&mut writer, message_id, controls, |out| {
            out.constructed(ldap::request::MODIFY, |out| {
                out.constructed(ber::SEQUENCE, |out| {
                    for (operation, password) in changes.iter().rev() {
                        out.constructed(ber::SEQUENCE, |out| {
                            out.constructed(ber::SEQUENCE, |out| {
                                out.constructed(ber::SET, |out| out.octets(&encode(password)));
                                out.octets(b"unicodePwd");
                            });
                            out.enumerated(*operation);
                        });
                    }
                });
                out.octets(b"CN=Alice,DC=lab,DC=example");
            });
        });
        writer.as_slice().to_vec()
    }

    #[test]
    fn reference_messages() {
        const ADD: i64 = 0;
        const DELETE: i64 = 1;
        const REPLACE: i64 = 2;
        let hints = Control::new(oid::control::POLICY_HINTS, false)
            .with_value(PolicyHints::ENFORCE_HISTORY.to_value());
        assert_eq!(
            hex::encode(modify(5, &[(REPLACE, "N3w-P@ss!")], &[hints])),
            concat!(
                "3074020105664b041a434e3d416c6963652c44433d6c61622c44433d6578616d706c65302d302b0a01023026",
                "040a756e69636f64655077643118041622004e00330077002d00500040007300730021002200a02230200417",
                "312e322e3834302e3131333535362e312e342e3232333904053003020101",
            )
        );
        assert_eq!(
            hex::encode(modify(6, &[(DELETE, "Old-P@ss1"), (ADD, "N3w-P@ss!")], &[])),
            concat!(
                "307d0201066678041a434e3d416c6963652c44433d6c61622c44433d6578616d706c65305a302b0a01013026",
                "040a756e69636f64655077643118041622004f006c0064002d00500040007300730031002200302b0a010030",
                "26040a756e69636f64655077643118041622004e00330077002d00500040007300730021002200",
            )
        );
    }

    #[test]
    fn quotes_inside_stay() {
        assert_eq!(decode(&encode("a\"b")).unwrap().expose_secret(), "a\"b");
    }

    #[test]
    fn wrong_values_are_refused() {
        let error = |value: &[u8]| decode(value).unwrap_err();
        assert_eq!(error(b""), UnicodePwdError::NotQuoted);
        assert_eq!(error(b"\"\0"), UnicodePwdError::NotQuoted);
        assert_eq!(error(b"\"\0a"), UnicodePwdError::OddLength);
        assert_eq!(error(b"P\0w\0"), UnicodePwdError::NotQuoted);
        assert_eq!(error(b"\"\0\x00\xd8\"\0"), UnicodePwdError::NotUtf16);
    }

    #[test]
    fn length_at_the_limit() {
        let longest = "x".repeat(MAX_PASSWORD_CODE_UNITS);
        assert!(decode(&encode(&longest)).is_ok());
        let longer = "x".repeat(MAX_PASSWORD_CODE_UNITS + 1);
        assert_eq!(decode(&encode(&longer)).unwrap_err(), UnicodePwdError::TooLong);
    }

    proptest! {
        #[test]
        fn round_trips(password in "\\PC{0,100}") {
            let read = decode(&encode(&password)).unwrap();
            prop_assert_eq!(read.expose_secret(), password);
        }

        #[test]
        fn any_bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode(&bytes);
        }
    }
}
