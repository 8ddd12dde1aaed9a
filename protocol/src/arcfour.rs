//! RC4 under a key of 128 bits, the only length that is spoken here.

use rc4::{KeyInit as _, Rc4, StreamCipher as _};

/// A keystream, which goes on from where it stopped. Wiped on drop.
pub(crate) struct Arcfour(Rc4);

impl Arcfour {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self(Rc4::new_from_slice(key).expect("RC4 takes keys of 1 to 256 bytes"))
    }

    /// Encrypts or decrypts, which is the same.
    pub(crate) fn apply(&mut self, bytes: &mut [u8]) {
        self.0.apply_keystream(bytes);
    }
}
