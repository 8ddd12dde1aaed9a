//! RSA keys that everybody knows, so that a simulated run is fast and repeats itself.
//!
//! They are part of the source, protect nothing, and must never be used for anything but a simulated world.

use std::sync::OnceLock;

use super::{CryptoError, RsaKeyPair};

/// Size of the pool.
pub const LAB_KEYS: usize = 24;

/// PKCS#8 files of 2048-bit keys, made by `openssl genpkey -algorithm RSA` and `openssl pkcs8 -topk8 -nocrypt`.
const FILES: [&[u8]; LAB_KEYS] = [
    include_bytes!("lab_keys/key01.der"),
    include_bytes!("lab_keys/key02.der"),
    include_bytes!("lab_keys/key03.der"),
    include_bytes!("lab_keys/key04.der"),
    include_bytes!("lab_keys/key05.der"),
    include_bytes!("lab_keys/key06.der"),
    include_bytes!("lab_keys/key07.der"),
    include_bytes!("lab_keys/key08.der"),
    include_bytes!("lab_keys/key09.der"),
    include_bytes!("lab_keys/key10.der"),
    include_bytes!("lab_keys/key11.der"),
    include_bytes!("lab_keys/key12.der"),
    include_bytes!("lab_keys/key13.der"),
    include_bytes!("lab_keys/key14.der"),
    include_bytes!("lab_keys/key15.der"),
    include_bytes!("lab_keys/key16.der"),
    include_bytes!("lab_keys/key17.der"),
    include_bytes!("lab_keys/key18.der"),
    include_bytes!("lab_keys/key19.der"),
    include_bytes!("lab_keys/key20.der"),
    include_bytes!("lab_keys/key21.der"),
    include_bytes!("lab_keys/key22.der"),
    include_bytes!("lab_keys/key23.der"),
    include_bytes!("lab_keys/key24.der"),
];

/// Key `number` of the pool, counted round.
///
/// # Errors
/// [`CryptoError`] if the file in the source is damaged.
pub fn lab_key(number: usize) -> Result<RsaKeyPair, CryptoError> {
    static PARSED: [OnceLock<RsaKeyPair>; LAB_KEYS] = [const { OnceLock::new() }; LAB_KEYS];
    let place = number % LAB_KEYS;
    if let Some(key) = PARSED[place].get() {
        return Ok(key.clone());
    }
    let key = RsaKeyPair::from_pkcs8(FILES[place])?;
    Ok(PARSED[place].get_or_init(|| key).clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_is_sound_and_different() {
        let keys: BTreeSet<Vec<u8>> = (0..LAB_KEYS).map(|n| lab_key(n).unwrap().spki_der()).collect();
        assert_eq!(keys.len(), LAB_KEYS);
        assert_eq!(
            lab_key(LAB_KEYS).unwrap().spki_der(),
            lab_key(0).unwrap().spki_der()
        );
    }
}
