//! From the NT hash to the keys of a session (MS-NLMP 3.3.2, 3.4.5).

use std::fmt;

use hmac::{Hmac, Mac as _};
use md5::{Digest as _, Md5};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::context::Direction;
use super::target_info::utf16;
use crate::arcfour::Arcfour;
use crate::nt_hash::NtHash;

/// The exported session key: what both ends share, and what secrets of replication are encrypted under (PR 13.1).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionKey(pub(super) [u8; 16]);

impl SessionKey {
    /// The bytes. Keep them out of every log.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey([REDACTED])")
    }
}

/// HMAC-MD5 of the parts as one message.
pub(super) fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// What the response is keyed with: the NT hash tied to one name in one domain (NTOWFv2).
pub(super) struct ResponseKey(Zeroizing<[u8; 16]>);

impl ResponseKey {
    /// The user's name counts without case, the domain's as it is written.
    pub(super) fn new(nt_hash: &NtHash, user: &str, domain: &str) -> Self {
        let name = utf16(&(user.to_uppercase() + domain));
        Self(Zeroizing::new(hmac_md5(nt_hash.as_bytes(), &[&name])))
    }

    /// The proof that stands in front of an NTLMv2 response with this rest.
    pub(super) fn proof(&self, server_challenge: &[u8; 8], rest: &[u8]) -> [u8; 16] {
        hmac_md5(&*self.0, &[server_challenge, rest])
    }

    /// What the session key is exchanged under.
    pub(super) fn key_exchange_key(&self, proof: &[u8; 16]) -> Zeroizing<[u8; 16]> {
        Zeroizing::new(hmac_md5(&*self.0, &[proof]))
    }
}

/// Encrypts the session key for the way, or decrypts it.
pub(super) fn exchange(key_exchange_key: &[u8; 16], session_key: &[u8; 16]) -> [u8; 16] {
    let mut exchanged = *session_key;
    Arcfour::new(key_exchange_key).apply(&mut exchanged);
    exchanged
}

/// The key that one direction is signed with.
pub(super) fn signing_key(key: &SessionKey, direction: Direction) -> Zeroizing<[u8; 16]> {
    derived(
        key,
        match direction {
            Direction::ToServer => b"session key to client-to-server signing key magic constant\0",
            Direction::ToClient => b"session key to server-to-client signing key magic constant\0",
        },
    )
}

/// The key that one direction is sealed with.
pub(super) fn sealing_key(key: &SessionKey, direction: Direction) -> Zeroizing<[u8; 16]> {
    derived(
        key,
        match direction {
            Direction::ToServer => b"session key to client-to-server sealing key magic constant\0",
            Direction::ToClient => b"session key to server-to-client sealing key magic constant\0",
        },
    )
}

fn derived(key: &SessionKey, magic: &[u8]) -> Zeroizing<[u8; 16]> {
    Zeroizing::new(
        Md5::new()
            .chain_update(key.0)
            .chain_update(magic)
            .finalize()
            .into(),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::nt_hash::nt_hash;

    /// MS-NLMP 4.2.1 and 4.2.4.
    #[test]
    fn reference_vectors() {
        let key = ResponseKey::new(&nt_hash("Password"), "User", "Domain");
        assert_eq!(hex::encode(*key.0), "0c868a403bfd7a93a3001ef22ef02e3f");
        let challenge = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        let names = "02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000";
        let rest = hex::decode(format!(
            "01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000{names}"
        ))
        .unwrap();
        let proof = key.proof(&challenge, &rest);
        assert_eq!(hex::encode(proof), "68cd0ab851e51c96aabc927bebef6a1c");
        let exchange_key = key.key_exchange_key(&proof);
        assert_eq!(hex::encode(*exchange_key), "8de40ccadbc14a82f15cb0ad0de95ca3");
        let session_key = SessionKey([0x55; 16]);
        assert_eq!(
            hex::encode(exchange(&exchange_key, &session_key.0)),
            "c5dad2544fc9799094ce1ce90bc9d03e"
        );
        assert_eq!(
            hex::encode(*signing_key(&session_key, Direction::ToServer)),
            "4788dc861b4782f35d43fd98fe1a2d39"
        );
        assert_eq!(
            hex::encode(*sealing_key(&session_key, Direction::ToServer)),
            "59f600973cc4960a25480a7c196e4c58"
        );
        // LMv2 of the same logon, which is not sent where times are.
        assert_eq!(
            hex::encode(hmac_md5(&*key.0, &[&challenge, &[0xaa; 8]])),
            "86c35097ac9cec102554764a57cccc19"
        );
    }

    #[test]
    fn the_users_case_does_not_count_and_the_domains_does() {
        let key = |user, domain| ResponseKey::new(&nt_hash("Password"), user, domain).0;
        assert_eq!(key("USER", "Domain"), key("user", "Domain"));
        assert_ne!(key("user", "DOMAIN"), key("user", "Domain"));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", SessionKey([7; 16])), "SessionKey([REDACTED])");
    }
}
