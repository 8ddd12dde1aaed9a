//! What a scenario does to the cloud that no client could: break accounts, refuse requests, read the whole state.

mod dump;

use std::time::Duration;

use provlab_platform::{Part, event};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::config::Cadence;
use crate::graph::ThrottleSettings;
use crate::his::{self, registry::RegistryError};
use crate::running::Entra;
use crate::state::{Cloud, CredentialState, DbError, PasswordVerifier, SignInState, User};

/// One thing to do. Accounts are named by their sign-in name, tenants by id or domain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Command {
    /// The right password answers AADSTS50055 from now on.
    ExpireAccountPassword {
        /// Sign-in name.
        account: String,
    },
    /// Sets a password that is not expired.
    SetAccountPassword {
        /// Sign-in name.
        account: String,
        /// The new password.
        #[serde(serialize_with = "provlab_protocol::secret_text::expose")]
        password: SecretString,
    },
    /// Sign-in answers AADSTS50057 from now on.
    DisableAccount {
        /// Sign-in name.
        account: String,
    },
    /// Undoes [`Command::DisableAccount`].
    EnableAccount {
        /// Sign-in name.
        account: String,
    },
    /// The account is deleted: sign-in answers AADSTS50034 from now on.
    DeleteAccount {
        /// Sign-in name.
        account: String,
    },
    /// Ends a smart lockout.
    UnlockAccount {
        /// Sign-in name.
        account: String,
    },
    /// Conditional Access blocks the account (AADSTS53003), or no longer does.
    BlockSignIn {
        /// Sign-in name.
        account: String,
        /// Whether it is blocked.
        blocked: bool,
    },
    /// Sign-in needs a second factor (AADSTS50076), or no longer does.
    RequireMultiFactor {
        /// Sign-in name.
        account: String,
        /// Whether it is needed.
        required: bool,
    },
    /// Changes how quick the cloud's clocks run.
    SetCadence(Cadence),
    /// Answers the next Graph requests with 429.
    Throttle(ThrottleSettings),
    /// The directory of a tenant takes no writes of jobs (81, `AzureDirectoryServiceServerBusy`) and Graph answers 429.
    MakeDirectoryBusy {
        /// Tenant id or domain.
        tenant: String,
        /// How long, in seconds.
        seconds: u64,
        /// `Retry-After` in seconds.
        retry_after_seconds: u64,
    },
    /// Withdraws every certificate of an agent.
    RevokeAgentCertificate {
        /// Tenant id or domain.
        tenant: String,
        /// Agent id, or the name of its machine.
        agent: String,
    },
    /// The state of one tenant or all, in an order and form that does not change from run to run.
    Dump {
        /// Tenant id or domain; all if not given.
        #[serde(default)]
        tenant: Option<String>,
    },
}

/// The answer to a [`Command`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// Done.
    Done,
    /// The state asked for.
    Dump(Value),
}

/// Why a command was not performed; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No tenant has this id or domain.
    #[error("there is no tenant '{0}'; name it by its id or one of its domains")]
    UnknownTenant(String),
    /// No tenant has this account.
    #[error("there is no account '{0}'; name it by its full sign-in name")]
    UnknownAccount(String),
    /// The account has no password that could expire or be blocked.
    #[error("the account '{0}' has no password; set one first")]
    NoPassword(String),
    /// The tenant has no such agent.
    #[error("there is no agent '{0}'; name it by its id or its machine")]
    UnknownAgent(String),
    /// The speed is out of range.
    #[error("the speed {0} is not possible; use a number from 0.001 to 1000000")]
    Speed(f64),
    /// The registry refused.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The state was not stored.
    #[error(transparent)]
    State(#[from] DbError),
}

impl Entra {
    /// Performs a command; what it changed is stored when this returns.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub async fn control(&self, command: Command) -> Result<Reply, ControlError> {
        let shared = self.shared();
        match command {
            Command::ExpireAccountPassword { account } => {
                self.credential(&account, |state| state.expired = true)
            }
            Command::SetAccountPassword { account, password } => {
                let verifier = PasswordVerifier::new(&password, &shared.platform.entropy);
                self.account(&account, |user| {
                    user.sign_in = SignInState::default();
                    let before = user.credential.take();
                    user.credential = Some(CredentialState {
                        verifier,
                        expired: false,
                        multi_factor: before.as_ref().is_some_and(|state| state.multi_factor),
                        blocked: before.as_ref().is_some_and(|state| state.blocked),
                    });
                    Ok(())
                })
            }
            Command::DisableAccount { account } => self.enabled(&account, false),
            Command::EnableAccount { account } => self.enabled(&account, true),
            Command::DeleteAccount { account } => {
                let now = shared.now();
                self.account(&account, |user| {
                    user.deleted = Some(now);
                    Ok(())
                })
            }
            Command::UnlockAccount { account } => self.account(&account, |user| {
                user.sign_in = SignInState::default();
                Ok(())
            }),
            Command::BlockSignIn { account, blocked } => {
                self.credential(&account, |state| state.blocked = blocked)
            }
            Command::RequireMultiFactor { account, required } => {
                self.credential(&account, |state| state.multi_factor = required)
            }
            Command::SetCadence(cadence) => {
                if !Cadence::SPEEDS.contains(&cadence.speed) {
                    return Err(ControlError::Speed(cadence.speed));
                }
                shared.set_cadence(cadence);
                Ok(Reply::Done)
            }
            Command::Throttle(settings) => {
                shared.throttle.force(settings);
                Ok(Reply::Done)
            }
            Command::MakeDirectoryBusy {
                tenant,
                seconds,
                retry_after_seconds,
            } => {
                let tenant = shared.db.read(|cloud| find_tenant(cloud, &tenant))?;
                let until = shared.platform.clock.now() + Duration::from_secs(seconds);
                shared
                    .busy
                    .set(tenant, until, Duration::from_secs(retry_after_seconds));
                Ok(Reply::Done)
            }
            Command::RevokeAgentCertificate { tenant, agent } => self.revoke(&tenant, &agent),
            Command::Dump { tenant } => shared.db.read(|cloud| {
                let wanted = tenant.map(|name| find_tenant(cloud, &name)).transpose()?;
                Ok(Reply::Dump(dump::dump(
                    cloud,
                    wanted,
                    shared.now(),
                    his::status_grace(shared),
                )))
            }),
        }
    }

    fn enabled(&self, account: &str, enabled: bool) -> Result<Reply, ControlError> {
        self.account(account, |user| {
            user.account_enabled = enabled;
            Ok(())
        })
    }

    fn credential(
        &self,
        account: &str,
        change: impl FnOnce(&mut CredentialState),
    ) -> Result<Reply, ControlError> {
        self.account(account, |user| {
            user.credential
                .as_mut()
                .map(change)
                .ok_or_else(|| ControlError::NoPassword(account.to_owned()))
        })
    }

    fn account(
        &self,
        account: &str,
        change: impl FnOnce(&mut User) -> Result<(), ControlError>,
    ) -> Result<Reply, ControlError> {
        self.shared().db.write(|txn| {
            let cloud = txn.cloud();
            let mut user = cloud
                .tenants
                .all()
                .find_map(|tenant| cloud.user_named(tenant.id, account))
                .cloned()
                .ok_or_else(|| ControlError::UnknownAccount(account.to_owned()))?;
            change(&mut user)?;
            txn.put(user);
            Ok(Reply::Done)
        })
    }

    fn revoke(&self, tenant: &str, agent: &str) -> Result<Reply, ControlError> {
        let shared = self.shared();
        shared.db.write(|txn| {
            let tenant = find_tenant(txn.cloud(), tenant)?;
            let unknown = || ControlError::UnknownAgent(agent.to_owned());
            let registry = his::registry_of(txn.cloud(), tenant).ok_or_else(unknown)?;
            let id = registry
                .agents
                .values()
                .find(|row| {
                    row.id.to_string() == agent.to_lowercase() || row.machine_name.eq_ignore_ascii_case(agent)
                })
                .map(|row| row.id)
                .ok_or_else(unknown)?;
            his::change_registry(txn, tenant, |registry| registry.revoke(id))?;
            Ok::<_, ControlError>(())
        })?;
        event!(shared.platform.trace, Part::Cloud, "his.revoke", agent = agent);
        Ok(Reply::Done)
    }
}

fn find_tenant(cloud: &Cloud, name: &str) -> Result<Uuid, ControlError> {
    let id = name.parse::<Uuid>().ok();
    cloud
        .tenants
        .all()
        .find(|tenant| id == Some(tenant.id) || tenant.owns_domain(name))
        .map(|tenant| tenant.id)
        .ok_or_else(|| ControlError::UnknownTenant(name.to_owned()))
}
