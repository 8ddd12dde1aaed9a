//! The two layers around a password on its way between domain controllers (PR 13.8).
//!
//! The outer one is an envelope under the session key, and its key is an MD5. The caller brings MD5 along: whether there is one is
//! a matter of the host's FIPS policy (CS 7.4). RC4, DES and CRC-32 are not under that lock.

use des::Des;
use des::cipher::{Block, BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use zeroize::Zeroizing;

use crate::arcfour::Arcfour;
use crate::nt_hash::NtHash;

/// Length of the salt in front of an encrypted value.
pub const SALT_BYTES: usize = 16;
/// Bytes that the envelope adds to a value: the salt and the checksum.
pub const ENVELOPE_BYTES: usize = SALT_BYTES + CHECKSUM_BYTES;

const CHECKSUM_BYTES: usize = 4;

/// Why a value cannot be opened. `E` is why there is no MD5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError<E> {
    /// Shorter than an envelope.
    #[error("the encrypted value has {0} bytes; an envelope has {ENVELOPE_BYTES} or more")]
    Short(usize),
    /// The checksum is not that of the content: another session key, or damage.
    #[error(
        "the checksum of the encrypted value is wrong; it was encrypted under another session key, or damaged"
    )]
    Checksum,
    /// The content has another length than a hash.
    #[error("the encrypted hash has {0} bytes, not 16")]
    NotAHash(usize),
    /// There is no MD5.
    #[error("{0}")]
    Md5(E),
}

/// Opens the envelope of a secret attribute's value. `md5` digests its arguments as one message.
///
/// # Errors
/// Malformed, under another key, or no MD5.
pub fn open<E>(
    session_key: &[u8],
    value: &[u8],
    md5: impl FnOnce(&[&[u8]]) -> Result<[u8; 16], E>,
) -> Result<Zeroizing<Vec<u8>>, SecretError<E>> {
    let (salt, sealed) = value
        .split_first_chunk::<SALT_BYTES>()
        .filter(|(_, sealed)| sealed.len() >= CHECKSUM_BYTES)
        .ok_or(SecretError::Short(value.len()))?;
    let key = Zeroizing::new(md5(&[session_key, salt]).map_err(SecretError::Md5)?);
    let mut plain = Zeroizing::new(sealed.to_vec());
    Arcfour::new(&key).apply(&mut plain);
    let (checksum, data) = plain.split_at(CHECKSUM_BYTES);
    if checksum != crc32fast::hash(data).to_le_bytes() {
        return Err(SecretError::Checksum);
    }
    Ok(Zeroizing::new(data.to_vec()))
}

/// Puts a secret attribute's value into an envelope.
///
/// # Errors
/// No MD5.
pub fn seal<E>(
    session_key: &[u8],
    salt: [u8; SALT_BYTES],
    data: &[u8],
    md5: impl FnOnce(&[&[u8]]) -> Result<[u8; 16], E>,
) -> Result<Vec<u8>, E> {
    let key = Zeroizing::new(md5(&[session_key, &salt])?);
    let mut value = Vec::with_capacity(ENVELOPE_BYTES + data.len());
    value.extend_from_slice(&salt);
    value.extend_from_slice(&crc32fast::hash(data).to_le_bytes());
    value.extend_from_slice(data);
    Arcfour::new(&key).apply(&mut value[SALT_BYTES..]);
    Ok(value)
}

/// Opens both layers of `unicodePwd`; `rid` is that of the account.
///
/// # Errors
/// Malformed, under another key, or no MD5.
pub fn open_hash<E>(
    session_key: &[u8],
    rid: u32,
    value: &[u8],
    md5: impl FnOnce(&[&[u8]]) -> Result<[u8; 16], E>,
) -> Result<NtHash, SecretError<E>> {
    let inner = open(session_key, value, md5)?;
    let hash: &[u8; 16] = inner
        .as_slice()
        .try_into()
        .map_err(|_| SecretError::NotAHash(inner.len()))?;
    Ok(decrypt_by_rid(rid, hash))
}

/// Takes the inner layer off a hash: two blocks of DES under keys made of the RID.
#[must_use]
pub fn decrypt_by_rid(rid: u32, encrypted: &[u8; 16]) -> NtHash {
    let mut hash = Zeroizing::new(*encrypted);
    for (block, key) in hash.chunks_exact_mut(8).zip(keys_of(rid)) {
        let mut place = Block::<Des>::default();
        place.copy_from_slice(block);
        Des::new(&key.into()).decrypt_block(&mut place);
        block.copy_from_slice(&place);
    }
    NtHash::from_bytes(*hash)
}

/// Puts the inner layer around a hash.
#[must_use]
pub fn encrypt_by_rid(rid: u32, hash: &NtHash) -> [u8; 16] {
    let mut encrypted = *hash.as_bytes();
    for (block, key) in encrypted.chunks_exact_mut(8).zip(keys_of(rid)) {
        let mut place = Block::<Des>::default();
        place.copy_from_slice(block);
        Des::new(&key.into()).encrypt_block(&mut place);
        block.copy_from_slice(&place);
    }
    encrypted
}

fn keys_of(rid: u32) -> [[u8; 8]; 2] {
    let [a, b, c, d] = rid.to_le_bytes();
    [[a, b, c, d, a, b, c], [d, a, b, c, d, a, b]].map(expand)
}

/// 56 bits in groups of seven, each with a parity bit behind it that nobody looks at.
fn expand(key: [u8; 7]) -> [u8; 8] {
    let bits = key.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    std::array::from_fn(|group| ((bits >> (49 - 7 * group) & 0x7F) << 1) as u8)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::convert::Infallible;

    use md5::{Digest as _, Md5};
    use proptest::prelude::*;

    use super::*;
    use crate::nt_hash::nt_hash;

    fn md5(parts: &[&[u8]]) -> Result<[u8; 16], Infallible> {
        let digest = parts.iter().fold(Md5::new(), |md5, part| md5.chain_update(part));
        Ok(digest.finalize().into())
    }

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn reference_vectors_of_the_inner_layer() {
        assert_eq!(expand(bytes("51040000510400")), bytes("5082000004881000"));
        assert_eq!(expand(bytes("00510400005104")), bytes("0028408000024408"));
        let hash = nt_hash("P@ssw0rd-Lab1");
        for (rid, k1, k2, encrypted) in [
            (
                1105,
                "5082000004881000",
                "0028408000024408",
                "3af19816905a2a67aa50a32685095d7b",
            ),
            (
                500,
                "f40040000ea00400",
                "007a00200006d002",
                "95e1c4a92c555e1348a5f6a91006b11a",
            ),
            (
                0x1234_5678,
                "782a8c8226c25868",
                "123c14c64092e0ac",
                "c98a66ed71d44314149ac9b24f12d3c7",
            ),
        ] {
            assert_eq!(keys_of(rid), [bytes(k1), bytes(k2)], "{rid}");
            assert_eq!(encrypt_by_rid(rid, &hash), bytes(encrypted), "{rid}");
            assert_eq!(decrypt_by_rid(rid, &bytes(encrypted)), hash, "{rid}");
        }
    }

    /// Session key, MD5 key, value: all of the hash of `P@ssw0rd-Lab1` for RID 1105 and one salt.
    const ENVELOPES: [(&str, &str, &str); 2] = [
        (
            "101112131415161718191a1b1c1d1e1f",
            "4393b91517ce69f2d23fbe67e5529f49",
            "a0a1a2a3a4a5a6a7a8a9aaabacadaeafe7098313dc9376a085523f14d61f98bff7f28fd6",
        ),
        (
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "6c289db63db6be3e786d93b111964b52",
            "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb960a48a20351178ef22c3b550a1860c7f2e0ded",
        ),
    ];

    #[test]
    fn reference_vectors_of_the_envelope() {
        let salt = bytes("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
        let inner: [u8; 16] = bytes("3af19816905a2a67aa50a32685095d7b");
        assert_eq!(crc32fast::hash(&inner).to_le_bytes(), bytes::<4>("2ed43c98"));
        for (session_key, md5_key, value) in ENVELOPES {
            let (session_key, value) = (hex::decode(session_key).unwrap(), hex::decode(value).unwrap());
            assert_eq!(md5(&[&session_key, &salt]), Ok(bytes(md5_key)));
            assert_eq!(seal(&session_key, salt, &inner, md5).as_ref(), Ok(&value));
            assert_eq!(open(&session_key, &value, md5).unwrap().as_slice(), inner);
            assert_eq!(
                open_hash(&session_key, 1105, &value, md5),
                Ok(nt_hash("P@ssw0rd-Lab1"))
            );
        }
    }

    #[test]
    fn another_key_is_noticed_and_short_values_are_refused() {
        let value = hex::decode(ENVELOPES[0].2).unwrap();
        assert_eq!(open(b"another", &value, md5), Err(SecretError::Checksum));
        for length in 0..ENVELOPE_BYTES {
            assert_eq!(open(b"k", &value[..length], md5), Err(SecretError::Short(length)));
        }
        let key = hex::decode(ENVELOPES[0].0).unwrap();
        let long = seal(&key, [1; 16], &[0; 17], md5).unwrap();
        assert_eq!(open_hash(&key, 1, &long, md5), Err(SecretError::NotAHash(17)));
    }

    #[test]
    fn without_md5_nothing_is_opened() {
        let value = hex::decode(ENVELOPES[0].2).unwrap();
        let refused = |_: &[&[u8]]| Err("fips");
        assert_eq!(open(b"k", &value, refused), Err(SecretError::Md5("fips")));
        assert_eq!(seal(b"k", [0; 16], b"x", refused), Err("fips"));
    }

    proptest! {
        #[test]
        fn round_trips(key: Vec<u8>, salt: [u8; 16], rid: u32, hash: [u8; 16], flip in 0..20usize) {
            let hash = NtHash::from_bytes(hash);
            let mut value = seal(&key, salt, &encrypt_by_rid(rid, &hash), md5).unwrap();
            prop_assert_eq!(open_hash(&key, rid, &value, md5), Ok(hash));
            value[SALT_BYTES + flip] ^= 1;
            prop_assert_eq!(open(&key, &value, md5), Err(SecretError::Checksum));
        }
    }
}
