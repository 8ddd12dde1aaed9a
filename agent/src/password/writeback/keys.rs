//! The key pair of the onboarding: RSA-2048, its private half never leaves the host, renewed every 6 months (CS 8.2).

use std::sync::Arc;

use provlab_platform::{Crypto, Files, RsaKeyPair};
use provlab_protocol::writeback::KeyId;
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use crate::product::CONFIG_FOLDER;
use crate::trust::{PRIVATE_KEY, key_in, pem};

/// Age at which a key is replaced: the documented 6 months.
pub(crate) const KEY_LIFETIME: time::Duration = time::Duration::days(182);
/// Largest key file that is read.
pub(crate) const MAX_KEY_FILE_BYTES: usize = 16 * 1024;
/// What stands before the moment in which the key was made; RFC 7468 allows text before the block.
const MADE: &str = "Made: ";

/// The key cannot be read, made or kept. What it is is never told.
#[derive(Debug, Error)]
pub(crate) enum KeyError {
    /// A file failed.
    #[error("the key of password writeback cannot be kept: {0}")]
    Files(String),
    /// No key could be made.
    #[error("no key could be made: {0}")]
    Made(String),
}

/// A key and since when.
pub(crate) struct KeptKey {
    /// The pair.
    pub(crate) pair: RsaKeyPair,
    /// When it was made.
    pub(crate) made: OffsetDateTime,
}

impl KeptKey {
    /// Its name on the wire.
    pub(crate) fn id(&self) -> KeyId {
        KeyId::of(&self.pair.spki_der())
    }

    fn is_due_at(&self, now: OffsetDateTime) -> bool {
        now - self.made >= KEY_LIFETIME
    }
}

/// The key file of one host.
#[derive(Clone)]
pub(crate) struct KeyStore {
    files: Arc<dyn Files>,
}

impl KeyStore {
    pub(crate) fn new(files: Arc<dyn Files>) -> Self {
        Self { files }
    }

    fn path() -> String {
        format!(r"{CONFIG_FOLDER}\PasswordWriteback.pem")
    }

    /// The key in use. A file that is damaged counts as none: the next onboarding replaces it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn load(&self) -> Result<Option<KeptKey>, KeyError> {
        let fail = |error: provlab_platform::files::FilesError| KeyError::Files(error.to_string());
        let path = Self::path();
        if !self.files.exists(&path).map_err(fail)? {
            return Ok(None);
        }
        let bytes = Zeroizing::new(self.files.read(&path).map_err(fail)?);
        Ok(read(&bytes))
    }

    /// The key to onboard with: the one in use, or a new one where there is none, it is too old, or the cloud wants another.
    /// Stored before anybody learns of it. Says whether it is new.
    ///
    /// # Errors
    /// No key can be made or kept.
    pub(crate) async fn current(
        &self,
        crypto: &Crypto,
        now: OffsetDateTime,
        another: bool,
    ) -> Result<(KeptKey, bool), KeyError> {
        if let Some(kept) = self.load()?
            && !another
            && !kept.is_due_at(now)
        {
            return Ok((kept, false));
        }
        let pair = crypto
            .generate_rsa_2048()
            .await
            .map_err(|error| KeyError::Made(error.to_string()))?;
        let mut text = Zeroizing::new(format!("{MADE}{}\n", now.format(&Rfc3339).unwrap_or_default()));
        text.push_str(&pem(PRIVATE_KEY, &pair.to_pkcs8()));
        self.files
            .write_atomic(&Self::path(), text.as_bytes())
            .map_err(|error| KeyError::Files(error.to_string()))?;
        Ok((KeptKey { pair, made: now }, true))
    }

    /// Forgets the key: what is sealed for it is not opened any more.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub(crate) fn forget(&self) -> Result<(), KeyError> {
        self.files
            .remove(&Self::path())
            .map_err(|error| KeyError::Files(error.to_string()))
    }
}

fn read(bytes: &[u8]) -> Option<KeptKey> {
    if bytes.len() > MAX_KEY_FILE_BYTES {
        return None;
    }
    let first = std::str::from_utf8(bytes).ok()?.lines().next()?;
    let made = OffsetDateTime::parse(first.strip_prefix(MADE)?, &Rfc3339).ok()?;
    let pair = key_in(bytes).ok()?;
    Some(KeptKey { pair, made })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{World, simulate};

    #[test]
    fn a_key_is_kept_until_it_is_six_months_old() {
        simulate(async {
            let world = World::new();
            let (files, crypto) = (world.host.platform.files.clone(), &world.host.platform.crypto);
            let store = KeyStore::new(files.clone());
            let now = world.host.platform.clock.wall();
            assert!(store.load().unwrap().is_none());
            let (first, new) = store.current(crypto, now, false).await.unwrap();
            assert!(new);
            let just_before = now + KEY_LIFETIME - time::Duration::seconds(1);
            let (same, new) = store.current(crypto, just_before, false).await.unwrap();
            assert!(!new && same.id() == first.id());
            let (second, new) = store.current(crypto, now + KEY_LIFETIME, false).await.unwrap();
            assert!(new && second.id() != first.id());
            let later = now + KEY_LIFETIME;
            let (third, new) = store.current(crypto, later, true).await.unwrap();
            assert!(new && third.id() != second.id(), "the cloud wanted another one");
            store.forget().unwrap();
            assert!(store.load().unwrap().is_none());
        });
    }

    #[test]
    fn a_damaged_file_is_no_key() {
        simulate(async {
            let world = World::new();
            let files = world.host.platform.files.clone();
            let store = KeyStore::new(files.clone());
            for damage in [
                &b""[..],
                b"Made: now\n",
                b"Made: 2026-01-05T00:00:00Z\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                &vec![b' '; MAX_KEY_FILE_BYTES + 1],
            ] {
                files.write_atomic(&KeyStore::path(), damage).unwrap();
                assert!(store.load().unwrap().is_none());
            }
            let now = world.host.platform.clock.wall();
            let made = store.current(&world.host.platform.crypto, now, false).await;
            assert!(made.unwrap().1);
        });
    }
}
