//! What an administrator sets on a job: the secrets that configure it (CS 6.2) and what a restart forgets (CS 6.3).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `QuarantineTooManyDeletesThreshold` of a job whose secrets name none (CS 5.6).
pub const DEFAULT_DELETE_THRESHOLD: u32 = 500;

/// What the secrets of the service principal configure (CS 6.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// `Domain`: DNS name of the directory domain, lower case.
    pub domain: Option<String>,
    /// `AppKey`: `appKeyScenario`.
    pub scenario: Option<String>,
    /// `SyncNotificationSettings`: `DeleteThresholdValue`; none where the administrator switched it off (CS 5.6).
    pub delete_threshold: Option<u32>,
    /// `SyncNotificationSettings`: `Recipients`, where notification is enabled.
    #[serde(default)]
    pub notify: Option<String>,
    /// `SkipOutOfScopeDeletions`: what leaves the scope stays in the cloud.
    #[serde(default)]
    pub skip_out_of_scope_deletions: bool,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            domain: None,
            scenario: None,
            delete_threshold: Some(DEFAULT_DELETE_THRESHOLD),
            notify: None,
            skip_out_of_scope_deletions: false,
        }
    }
}

/// What [`super::jobs::restart`] forgets: `resetScope` (CS 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResetScope {
    /// `Watermark`: the next cycle is an initial one.
    pub watermark: bool,
    /// `Escrows`: failed objects are tried again at once.
    pub escrows: bool,
    /// `QuarantineState`: leaves quarantine.
    pub quarantine: bool,
    /// `ConnectorDataStore`: forgets what is known of source objects and their links.
    pub connector_data_store: bool,
    /// `ForceDeletes`: the next cycle deletes what the job's delete threshold holds back.
    pub force_deletes: bool,
}

/// A `resetScope` that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "resetScope '{0}' is not one of None, ConnectorDataStore, Escrows, Watermark, QuarantineState, Full, ForceDeletes (several are separated by commas; ForceDeletes stands alone)"
)]
pub struct BadResetScope(pub String);

impl ResetScope {
    /// What `restart` without criteria resets: QuarantineState, Watermark and Escrows (CS 6.3).
    pub const DEFAULT: Self = Self {
        watermark: true,
        escrows: true,
        quarantine: true,
        connector_data_store: false,
        force_deletes: false,
    };

    /// Reads a `resetScope` such as `Full` or `Watermark,Escrows`; an empty text is the default.
    pub fn parse(text: &str) -> Result<Self, BadResetScope> {
        if text.trim().is_empty() {
            return Ok(Self::DEFAULT);
        }
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        let mut scope = Self::default();
        for word in &words {
            match word.to_ascii_lowercase().as_str() {
                "none" => {}
                "watermark" => scope.watermark = true,
                "escrows" => scope.escrows = true,
                "quarantinestate" => scope.quarantine = true,
                "connectordatastore" => scope.connector_data_store = true,
                "full" => {
                    scope = Self {
                        connector_data_store: true,
                        ..Self::DEFAULT
                    }
                }
                "forcedeletes" if words.len() == 1 => scope.force_deletes = true,
                _ => return Err(BadResetScope(text.to_owned())),
            }
        }
        Ok(scope)
    }
}

/// A secret that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value of secret '{key}' must be a JSON object as text with {expected}")]
pub struct BadSecret {
    /// Key of the secret.
    pub key: &'static str,
    /// What its value should hold.
    pub expected: &'static str,
}

impl Configuration {
    /// Reads the secrets the engine understands out of the whole list; others are kept by the caller and ignored here.
    pub fn from_secrets<'a>(
        secrets: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, BadSecret> {
        let mut configuration = Self::default();
        for (key, value) in secrets {
            let parsed = || serde_json::from_str::<Value>(value).unwrap_or(Value::Null);
            match key {
                "Domain" => {
                    let bad = BadSecret {
                        key: "Domain",
                        expected: "a string \"domain\"",
                    };
                    let domain = parsed()["domain"]
                        .as_str()
                        .map(str::to_ascii_lowercase)
                        .filter(|d| !d.is_empty());
                    configuration.domain = Some(domain.ok_or(bad)?);
                }
                "AppKey" => {
                    let bad = BadSecret {
                        key: "AppKey",
                        expected: "a string \"appKeyScenario\"",
                    };
                    configuration.scenario = Some(parsed()["appKeyScenario"].as_str().ok_or(bad)?.to_owned());
                }
                "SyncNotificationSettings" => {
                    let settings = parsed();
                    configuration.read_notification(&settings)?;
                }
                "SkipOutOfScopeDeletions" => {
                    configuration.skip_out_of_scope_deletions = value.trim().eq_ignore_ascii_case("true");
                }
                _ => {}
            }
        }
        Ok(configuration)
    }

    fn read_notification(&mut self, settings: &Value) -> Result<(), BadSecret> {
        let bad = BadSecret {
            key: "SyncNotificationSettings",
            expected: "a whole number \"DeleteThresholdValue\" where \"DeleteThresholdEnabled\" is true",
        };
        let recipients = settings["Recipients"].as_str().filter(|to| !to.is_empty());
        self.notify = recipients
            .filter(|_| settings["Enabled"] == Value::Bool(true))
            .map(str::to_owned);
        match &settings["DeleteThresholdEnabled"] {
            Value::Bool(true) => {
                let value = settings["DeleteThresholdValue"]
                    .as_u64()
                    .and_then(|n| u32::try_from(n).ok());
                self.delete_threshold = Some(value.ok_or(bad)?);
            }
            Value::Bool(false) => self.delete_threshold = None,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn secrets_configure_the_job() {
        let configuration = Configuration::from_secrets([
            ("Domain", r#"{"domain":"CONTOSO.COM"}"#),
            ("AppKey", r#"{"appKeyScenario":"AD2AADProvisioning"}"#),
            (
                "SyncNotificationSettings",
                r#"{"Enabled":true,"DeleteThresholdEnabled":true,"DeleteThresholdValue":50}"#,
            ),
            ("SyncAll", "anything"),
        ])
        .unwrap();
        assert_eq!(configuration.domain.as_deref(), Some("contoso.com"));
        assert_eq!(configuration.delete_threshold, Some(50));
        assert_eq!(
            Configuration::from_secrets([("Domain", "contoso.com")])
                .unwrap_err()
                .key,
            "Domain"
        );
    }

    #[test]
    fn reset_scopes() {
        assert_eq!(ResetScope::parse("").unwrap(), ResetScope::DEFAULT);
        assert!(ResetScope::parse("Full").unwrap().connector_data_store);
        let two = ResetScope::parse("Watermark, Escrows").unwrap();
        assert!(two.watermark && two.escrows && !two.quarantine);
        assert!(ResetScope::parse("ForceDeletes").unwrap().force_deletes);
        assert!(ResetScope::parse("ForceDeletes,Full").is_err());
        assert!(
            ResetScope::parse("Everything")
                .unwrap_err()
                .to_string()
                .contains("QuarantineState")
        );
    }
}
