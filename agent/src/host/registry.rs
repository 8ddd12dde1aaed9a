//! The agent's registry values, kept in one file so that a kill leaves the old or the new hive, never half of one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use provlab_platform::Files;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::directory::ldap::DEFAULT_TIMEOUT;
use crate::product::REGISTRY_KEY;

/// Stands for the SOFTWARE hive: keys to values, as JSON.
const HIVE: &str = r"C:\Windows\System32\config\SOFTWARE.json";
/// Largest hive that is read.
pub(crate) const MAX_HIVE_BYTES: usize = 1024 * 1024;

/// LDAP client time-out in milliseconds, a string (CS 9.3).
const LDAP_TIMEOUT: &str = "LdapConnectionTimeoutInMilliseconds";
/// Shortest and longest LDAP time-out that is honoured.
const LDAP_TIMEOUT_RANGE: std::ops::RangeInclusive<u64> = 1..=3_600_000;

/// The hive cannot be read or written.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// The file behind it failed.
    #[error("the registry of the host cannot be used: {0}")]
    Files(String),
    /// The file holds something else.
    #[error("{HIVE} is damaged ({0}); remove it and run the package again")]
    Damaged(String),
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Hive {
    keys: BTreeMap<String, BTreeMap<String, String>>,
}

/// The values under the agent's key.
#[derive(Clone)]
pub struct Registry {
    files: Arc<dyn Files>,
}

impl Registry {
    /// The registry of the host that owns these files.
    pub fn new(files: Arc<dyn Files>) -> Self {
        Self { files }
    }

    fn load(&self) -> Result<Hive, RegistryError> {
        let there = self
            .files
            .exists(HIVE)
            .map_err(|error| RegistryError::Files(error.to_string()))?;
        if !there {
            return Ok(Hive::default());
        }
        let bytes = self
            .files
            .read(HIVE)
            .map_err(|error| RegistryError::Files(error.to_string()))?;
        if bytes.len() > MAX_HIVE_BYTES {
            return Err(RegistryError::Damaged(format!("{} bytes", bytes.len())));
        }
        serde_json::from_slice(&bytes).map_err(|error| RegistryError::Damaged(error.to_string()))
    }

    /// A value of the agent's key.
    ///
    /// # Errors
    /// When the hive cannot be read.
    pub fn get(&self, name: &str) -> Result<Option<String>, RegistryError> {
        Ok(self
            .load()?
            .keys
            .get(REGISTRY_KEY)
            .and_then(|values| values.get(name))
            .cloned())
    }

    /// Sets values of the agent's key, all in one write.
    ///
    /// # Errors
    /// When the hive cannot be read or written.
    pub fn set(&self, values: &[(&str, &str)]) -> Result<(), RegistryError> {
        let _held = self
            .files
            .lock(HIVE)
            .map_err(|error| RegistryError::Files(error.to_string()))?;
        let mut hive = self.load()?;
        let key = hive.keys.entry(REGISTRY_KEY.to_owned()).or_default();
        for (name, value) in values {
            key.insert((*name).to_owned(), (*value).to_owned());
        }
        let bytes =
            serde_json::to_vec_pretty(&hive).map_err(|error| RegistryError::Files(error.to_string()))?;
        self.files
            .write_atomic(HIVE, &bytes)
            .map_err(|error| RegistryError::Files(error.to_string()))
    }

    /// `LdapConnectionTimeoutInMilliseconds`, 30 seconds when it is absent or no sensible number.
    pub fn ldap_timeout(&self) -> Duration {
        self.get(LDAP_TIMEOUT)
            .ok()
            .flatten()
            .and_then(|text| text.trim().parse::<u64>().ok())
            .filter(|millis| LDAP_TIMEOUT_RANGE.contains(millis))
            .map_or(DEFAULT_TIMEOUT, Duration::from_millis)
    }
}
