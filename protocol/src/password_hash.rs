//! What leaves the domain for a password: a salted, slow hash of its NT hash (PR 12.1, CS 7.1).

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::nt_hash::{NtHash, nt_hash};

/// Length of the salt, which is drawn for each user and each upload.
pub const SALT_BYTES: usize = 10;
/// Rounds of PBKDF2-HMAC-SHA256 that the agent does.
pub const ITERATIONS: u32 = 1_000;
/// Most rounds that are read: a stored hash decides how long a sign-in takes. Early clients wrote 100.
pub const MAX_ITERATIONS: u32 = 100_000;
/// Length of the hash.
pub const HASH_BYTES: usize = 32;
/// Longest text that is read.
pub const MAX_TEXT_BYTES: usize = 128;

const PREFIX: &str = "v1;PPH1_MD4,";
/// Bytes of an NT hash as hexadecimal digits in UTF-16.
const INPUT_BYTES: usize = 64;

/// The `CredentialData` of PR 12.3. It verifies a password and is as good as one for guessing at leisure, so it is wiped on drop
/// and never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PasswordHash {
    salt: [u8; SALT_BYTES],
    iterations: u32,
    hash: [u8; HASH_BYTES],
}

/// Why a text is not a [`PasswordHash`]. Never tells any part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordHashError {
    /// Over [`MAX_TEXT_BYTES`].
    #[error("the password hash is {0} bytes long; at most {MAX_TEXT_BYTES} are read")]
    TooLong(usize),
    /// Not of the form.
    #[error(
        "the password hash is not `{PREFIX}<20 digits>,<iterations>,<64 digits>;` with lower-case hexadecimal digits"
    )]
    Form,
    /// None, or more than [`MAX_ITERATIONS`].
    #[error("the password hash has {0} iterations; 1 to {MAX_ITERATIONS} are taken")]
    Iterations(u64),
}

impl PasswordHash {
    /// Steps 2 to 5 of PR 12.1 with the agent's own number of rounds.
    #[must_use]
    pub fn derive(nt_hash: &NtHash, salt: [u8; SALT_BYTES]) -> Self {
        Self {
            hash: stretch(nt_hash, &salt, ITERATIONS),
            salt,
            iterations: ITERATIONS,
        }
    }

    /// The text that is sent.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let mut hash = Zeroizing::new([0; 2 * HASH_BYTES]);
        // Both lengths are constants that fit.
        let _ = hex::encode_to_slice(self.hash, &mut *hash);
        let hash = std::str::from_utf8(&*hash).unwrap_or_default();
        let mut text = Zeroizing::new(String::with_capacity(MAX_TEXT_BYTES));
        let (salt, iterations) = (hex::encode(self.salt), self.iterations.to_string());
        for part in [PREFIX, &salt, ",", &iterations, ",", hash, ";"] {
            text.push_str(part);
        }
        SecretString::from(text.as_str())
    }

    /// Reads `^v1;PPH1_MD4,([0-9a-f]{20}),([0-9]+),([0-9a-f]{64});$`.
    ///
    /// # Errors
    /// Another form, or a number of rounds out of range.
    pub fn from_text(text: &str) -> Result<Self, PasswordHashError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(PasswordHashError::TooLong(text.len()));
        }
        let inner = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_suffix(';'))
            .ok_or(PasswordHashError::Form)?;
        let mut parts = inner.split(',');
        let (Some(salt), Some(iterations), Some(hash), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(PasswordHashError::Form);
        };
        let digits = !iterations.is_empty() && iterations.bytes().all(|byte| byte.is_ascii_digit());
        if !digits {
            return Err(PasswordHashError::Form);
        }
        let count: u64 = iterations.parse().unwrap_or(u64::MAX);
        let iterations = u32::try_from(count)
            .ok()
            .filter(|count| (1..=MAX_ITERATIONS).contains(count))
            .ok_or(PasswordHashError::Iterations(count))?;
        Ok(Self {
            salt: lower_hex(salt)?,
            iterations,
            hash: lower_hex(hash)?,
        })
    }

    /// Whether this is the hash of a password, in a time that does not tell where the two differ.
    #[must_use]
    pub fn verify(&self, password: &str) -> bool {
        self.verify_nt_hash(&nt_hash(password))
    }

    /// Whether this is the hash of the password with this NT hash.
    #[must_use]
    pub fn verify_nt_hash(&self, nt_hash: &NtHash) -> bool {
        let candidate = Zeroizing::new(stretch(nt_hash, &self.salt, self.iterations));
        candidate.ct_eq(&self.hash).into()
    }
}

/// PBKDF2 over the NT hash as upper-case hexadecimal digits in UTF-16LE.
fn stretch(nt_hash: &NtHash, salt: &[u8], iterations: u32) -> [u8; HASH_BYTES] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut input = Zeroizing::new([0; INPUT_BYTES]);
    for (place, byte) in input.chunks_exact_mut(4).zip(nt_hash.as_bytes()) {
        place[0] = DIGITS[usize::from(byte >> 4)];
        place[2] = DIGITS[usize::from(byte & 15)];
    }
    let mut hash = [0; HASH_BYTES];
    pbkdf2::pbkdf2_hmac::<Sha256>(&*input, salt, iterations, &mut hash);
    hash
}

fn lower_hex<const N: usize>(text: &str) -> Result<[u8; N], PasswordHashError> {
    let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; N];
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) if lower => Ok(bytes),
        _ => Err(PasswordHashError::Form),
    }
}

impl PartialEq for PasswordHash {
    fn eq(&self, other: &Self) -> bool {
        self.salt == other.salt
            && self.iterations == other.iterations
            && bool::from(self.hash.ct_eq(&other.hash))
    }
}

impl Eq for PasswordHash {}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash([REDACTED])")
    }
}

/// The text: it is handed to the cloud, which is whom it is for.
impl Serialize for PasswordHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::secret_text::expose(&self.to_text(), serializer)
    }
}

impl<'de> Deserialize<'de> for PasswordHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::from_text(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;

    use super::*;

    /// PR 12.2 and CS 7.1: password, text.
    const VECTORS: [(&str, &str); 9] = [
        (
            "Pa$$w0rd",
            "v1;PPH1_MD4,317ee9d1dec6508fa510,1000,7eaea8e1628dffee62cf319f4e1fc05254da30a1d42ff755ff352f5b13497531;",
        ),
        (
            "Pa$$w0rd",
            "v1;PPH1_MD4,181a3024085fcee2f70e,1000,b39525c3bc72a1136fcf7c8a338e0c14313d0450d1a4c98ef0a6ddada3bc5b0a;",
        ),
        (
            "",
            "v1;PPH1_MD4,01cda06eceb9d9bc2621,1000,9d4fc778add44776555d3fa6ccb4f9637f25e34a62dbc5fa0f782ef8c762c902;",
        ),
        (
            "P@ssw0rd-Lab1",
            "v1;PPH1_MD4,00112233445566778899,1000,94a68fa1cbc5cffd6cdc2d53791f3ff82bd5f7f1f380c8ab0be09162509a3994;",
        ),
        (
            "Ünïcødé-Pässwörd€",
            "v1;PPH1_MD4,a1b2c3d4e5f60718293a,1000,eb5f473275d43860efbab05dbb5533263138265ecf894a8e6a722df7799a9682;",
        ),
        (
            "Pa$$w0rd",
            "v1;PPH1_MD4,317ee9d1dec6508fa510,100,f4a257ffec53809081a605ce8ddedfbc9df9777b80256763bc0a6dd895ef404f;",
        ),
        (
            "Pa$$w0rd",
            "v1;PPH1_MD4,60eaffd2c886b419df7a,1000,ab9c532104713157395a70da85cc8a1b418508753c6997f02341d541328ef16b;",
        ),
        (
            "Pa$$w0rd",
            "v1;PPH1_MD4,46c0c5d9095185ce5cf8,1000,6bb7b360d9105ed5157460b343d5d143e465a59195bc9b568718268c334ea4a9;",
        ),
        (
            "password",
            "v1;PPH1_MD4,31414275383876386e32,100,102ce242cde4339e934d7c6b539d49ae340b02dd380815666b98bd036cd4dc4f;",
        ),
    ];

    #[test]
    fn reference_vectors() {
        for (password, text) in VECTORS {
            let read = PasswordHash::from_text(text).unwrap();
            assert!(read.verify(password), "{text}");
            assert!(!read.verify(&format!("{password} ")), "{text}");
            assert_eq!(read.to_text().expose_secret(), text);
            if read.iterations == ITERATIONS {
                assert_eq!(PasswordHash::derive(&nt_hash(password), read.salt), read);
            }
        }
    }

    #[test]
    fn the_input_is_upper_case_in_utf_16() {
        // PR 12.2's intermediate, by way of an independent PBKDF2 of those very bytes.
        let input = hex::decode(
            "31004600330044003900420032004400370041003700320039004400330045003500390036003100390044003500450044003900440039004400350034003300",
        )
        .unwrap();
        let mut expected = [0; HASH_BYTES];
        pbkdf2::pbkdf2_hmac::<Sha256>(&input, b"0123456789", 3, &mut expected);
        assert_eq!(stretch(&nt_hash("P@ssw0rd-Lab1"), b"0123456789", 3), expected);
    }

    #[test]
    fn other_forms_are_refused() {
        let good = VECTORS[0].1;
        let form = Err(PasswordHashError::Form);
        for bad in [
            String::new(),
            good.to_uppercase(),
            good.replace("v1;", "v2;"),
            good.replace(';', ""),
            format!("{good} "),
            good.replace("317e", "317E"),
            good.replace("317e", "317"),
            good.replace("7531;", "753;"),
            good.replace(",1000,", ",,"),
            good.replace(",1000,", ",+1000,"),
            good.replace(",1000,", ",1000,1,"),
            good.replace(",1000,", ","),
        ] {
            assert_eq!(PasswordHash::from_text(&bad), form, "{bad}");
        }
        let with = |count: &str| PasswordHash::from_text(&good.replace(",1000,", &format!(",{count},")));
        assert!(with("1").is_ok());
        assert!(with(&MAX_ITERATIONS.to_string()).is_ok());
        assert_eq!(with("0"), Err(PasswordHashError::Iterations(0)));
        assert_eq!(with("100001"), Err(PasswordHashError::Iterations(100_001)));
        assert_eq!(
            with("99999999999999999999"),
            Err(PasswordHashError::Iterations(u64::MAX))
        );
        assert_eq!(
            PasswordHash::from_text(&"v".repeat(MAX_TEXT_BYTES)),
            Err(PasswordHashError::Form)
        );
        assert_eq!(
            PasswordHash::from_text(&"v".repeat(MAX_TEXT_BYTES + 1)),
            Err(PasswordHashError::TooLong(MAX_TEXT_BYTES + 1))
        );
    }

    #[test]
    fn nothing_is_shown_of_a_hash_or_a_bad_text() {
        let hash = PasswordHash::from_text(VECTORS[0].1).unwrap();
        assert_eq!(format!("{hash:?}"), "PasswordHash([REDACTED])");
        let bad = format!("\"{}\"", VECTORS[0].1.replace("v1", "v0"));
        let error = serde_json::from_str::<PasswordHash>(&bad)
            .unwrap_err()
            .to_string();
        assert!(!error.contains("317ee9"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_survives(text in "(v1;PPH1_MD4,)?[0-9a-f,;]{0,110}") {
            if let Ok(hash) = PasswordHash::from_text(&text) {
                prop_assert_eq!(PasswordHash::from_text(hash.to_text().expose_secret()), Ok(hash));
            }
        }
    }
}
