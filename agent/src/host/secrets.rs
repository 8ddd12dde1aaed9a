//! The host's LSA secrets, of which one matters: the password that the service control manager logs a service on with.
//!
//! A managed account has none, so the product never leaves one behind. An account that an administrator prepared has: Windows keeps
//! such a password as the secret `_SC_<service>`.

use std::collections::BTreeMap;
use std::sync::Arc;

use provlab_platform::Files;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

/// Stands for the SECURITY hive.
const HIVE: &str = r"C:\Windows\System32\config\SECURITY.json";
/// Largest hive that is read.
pub(crate) const MAX_SECRETS_BYTES: usize = 64 * 1024;

/// The secrets cannot be read or written. What they are is never told.
#[derive(Debug, Error)]
pub enum SecretsError {
    /// The file behind them failed.
    #[error("the secrets of the host cannot be used: {0}")]
    Files(String),
    /// The file holds something else.
    #[error("{HIVE} is damaged; remove it and run the configuration wizard again")]
    Damaged,
}

/// The LSA secrets of one host.
#[derive(Clone)]
pub struct LsaSecrets {
    files: Arc<dyn Files>,
}

type Hive = BTreeMap<String, Zeroizing<String>>;

fn name_of(service: &str) -> String {
    format!("_SC_{service}")
}

impl LsaSecrets {
    /// The secrets of the host that owns these files.
    pub fn new(files: Arc<dyn Files>) -> Self {
        Self { files }
    }

    fn load(&self) -> Result<Hive, SecretsError> {
        let files = |error: provlab_platform::files::FilesError| SecretsError::Files(error.to_string());
        if !self.files.exists(HIVE).map_err(files)? {
            return Ok(Hive::new());
        }
        let bytes = Zeroizing::new(self.files.read(HIVE).map_err(files)?);
        if bytes.len() > MAX_SECRETS_BYTES {
            return Err(SecretsError::Damaged);
        }
        // The parser's own words could quote what stands near the damage.
        let hive: BTreeMap<String, String> =
            serde_json::from_slice(&bytes).map_err(|_| SecretsError::Damaged)?;
        Ok(hive
            .into_iter()
            .map(|(name, secret)| (name, Zeroizing::new(secret)))
            .collect())
    }

    /// The password that a service logs on with; none for one that needs none.
    ///
    /// # Errors
    /// When the secrets cannot be read.
    pub fn service_password(&self, service: &str) -> Result<Option<SecretString>, SecretsError> {
        let mut hive = self.load()?;
        let secret = hive.remove(&name_of(service));
        Ok(secret.map(|secret| SecretString::from(secret.as_str())))
    }

    /// Keeps the password that a service logs on with; none forgets it.
    ///
    /// # Errors
    /// When the secrets cannot be read or written.
    pub fn set_service_password(
        &self,
        service: &str,
        password: Option<&SecretString>,
    ) -> Result<(), SecretsError> {
        let files = |error: provlab_platform::files::FilesError| SecretsError::Files(error.to_string());
        let _held = self.files.lock(HIVE).map_err(files)?;
        let mut hive = self.load()?;
        let name = name_of(service);
        match password {
            Some(password) => {
                hive.insert(name, Zeroizing::new(password.expose_secret().to_owned()));
            }
            // A host that never had a secret gets no file.
            None if hive.remove(&name).is_none() => return Ok(()),
            None => {}
        }
        let shown: BTreeMap<&str, &str> = hive
            .iter()
            .map(|(name, secret)| (name.as_str(), secret.as_str()))
            .collect();
        let bytes = serde_json::to_vec(&shown)
            .map(Zeroizing::new)
            .map_err(|_| SecretsError::Damaged)?;
        self.files.write_atomic(HIVE, &bytes).map_err(files)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{World, simulate};

    fn secrets(world: &World) -> LsaSecrets {
        LsaSecrets::new(world.host.platform.files.clone())
    }

    #[test]
    fn a_password_is_kept_and_forgotten() {
        simulate(async {
            let world = World::new();
            let secrets = secrets(&world);
            assert!(secrets.service_password("agent").unwrap().is_none());
            secrets.set_service_password("agent", None).unwrap();
            assert!(
                world.files.snapshot().is_empty(),
                "nothing to forget, nothing written"
            );
            let password = SecretString::from("Svc-Passw0rd.1");
            secrets.set_service_password("agent", Some(&password)).unwrap();
            let kept = secrets.service_password("agent").unwrap().unwrap();
            assert_eq!(kept.expose_secret(), "Svc-Passw0rd.1");
            secrets.set_service_password("agent", None).unwrap();
            assert!(secrets.service_password("agent").unwrap().is_none());
        });
    }

    #[test]
    fn damage_is_told_without_the_secrets() {
        simulate(async {
            let world = World::new();
            let files = &world.host.platform.files;
            files.write_atomic(HIVE, br#"{"_SC_agent": "C4nary"#).unwrap();
            let error = secrets(&world).service_password("agent").unwrap_err().to_string();
            assert!(
                error.contains("SECURITY.json") && !error.contains("C4nary"),
                "{error}"
            );
            files
                .write_atomic(HIVE, &vec![b' '; MAX_SECRETS_BYTES + 1])
                .unwrap();
            assert!(secrets(&world).service_password("agent").is_err());
        });
    }
}
