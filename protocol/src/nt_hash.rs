//! The NT hash is what a domain controller stores for a password and what hash sync starts from (PR 12.1).

use std::fmt;

use md4::{Digest as _, Md4};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// MD4 of a password in UTF-16LE: as good as the password itself, so it is wiped on drop and never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct NtHash([u8; 16]);

/// The hash of a password.
pub fn nt_hash(password: &str) -> NtHash {
    let utf16: Zeroizing<Vec<u8>> =
        Zeroizing::new(password.encode_utf16().flat_map(u16::to_le_bytes).collect());
    nt_hash_of_utf16(&utf16)
}

/// The hash of a password that is UTF-16LE already, as a managed password is, whether or not it is valid text.
pub fn nt_hash_of_utf16(password: &[u8]) -> NtHash {
    NtHash(Md4::digest(password).into())
}

impl NtHash {
    /// From stored bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        NtHash(bytes)
    }

    /// The bytes. Keep them out of every log.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl PartialEq for NtHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for NtHash {}

impl fmt::Debug for NtHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NtHash([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_vectors() {
        let table = [
            ("password", "8846f7eaee8fb117ad06bdd830b7586c"),
            ("P@ssw0rd-Lab1", "1f3d9b2d7a729d3e59619d5ed9d9d543"),
            ("Ünïcødé-Pässwörd€", "55b39f67d236e68bcd8af757634e926b"),
            ("", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        ];
        for (password, expected) in table {
            assert_eq!(hex::encode(nt_hash(password).as_bytes()), expected, "{password}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", nt_hash("password")), "NtHash([REDACTED])");
    }

    #[test]
    fn equality_compares_bytes() {
        assert_eq!(nt_hash("a"), NtHash::from_bytes(*nt_hash("a").as_bytes()));
        assert_ne!(nt_hash("a"), nt_hash("b"));
    }
}
