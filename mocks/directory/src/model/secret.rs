//! Values that no client ever reads: password hashes and other credentials.

use std::fmt;

use zeroize::Zeroizing;

/// The values of one secret attribute; wiped when dropped and unreadable in debug output.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretValues(Vec<Zeroizing<Vec<u8>>>);

impl SecretValues {
    /// Takes the values over.
    #[must_use]
    pub fn new(values: Vec<Vec<u8>>) -> Self {
        Self(values.into_iter().map(Zeroizing::new).collect())
    }

    /// The values, for the code that verifies or derives from them.
    pub fn expose(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.iter().map(|value| value.as_slice())
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[REDACTED; {}]", self.0.len())
    }
}
