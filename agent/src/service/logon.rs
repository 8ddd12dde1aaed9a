//! Who the service is on the network.

use provlab_platform::Part;
use thiserror::Error;

use crate::directory::ad::{Credential, GmsaError, logon_as, ntlm_account, open};
use crate::directory::drsuapi::NtlmAccount;
use crate::directory::ldap::LdapConnection;
use crate::host::{HostMachine, SecretsError, ServiceEntry};
use crate::password::PasswordError;
use crate::product::{SERVICE_NAME, VIRTUAL_ACCOUNT};

/// The account of the service, and what it logs on with.
pub(crate) enum ServiceLogon {
    /// A virtual account: on the network it is the host's computer account.
    Computer,
    /// A group managed service account, whose password the directory keeps.
    Managed(String),
    /// An account that an administrator prepared, whose password the host keeps.
    Stored(Credential),
}

/// The service's account cannot be used.
#[derive(Debug, Error)]
pub(crate) enum NoLogon {
    /// The secrets of the host failed.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// There is no secret for the account.
    #[error("the host keeps no password of {0}; run the configuration wizard again")]
    NoPassword(String),
}

impl ServiceLogon {
    /// How the service with this entry logs on.
    ///
    /// # Errors
    /// When the account's password is not on the host.
    pub(crate) fn of(host: &HostMachine, entry: &ServiceEntry) -> Result<Self, NoLogon> {
        if entry.managed_account {
            return Ok(Self::Managed(entry.account.clone()));
        }
        if entry.account.eq_ignore_ascii_case(VIRTUAL_ACCOUNT) {
            return Ok(Self::Computer);
        }
        let password = host.secrets.service_password(SERVICE_NAME)?;
        let password = password.ok_or_else(|| NoLogon::NoPassword(entry.account.clone()))?;
        Ok(Self::Stored(Credential {
            user: entry.account.clone(),
            password,
        }))
    }

    /// Logs on to a domain.
    ///
    /// # Errors
    /// When no server can be reached, or the logon is refused.
    pub(crate) async fn open(
        &self,
        host: &HostMachine,
        part: Part,
        domain: &str,
        preferred: &[String],
    ) -> Result<LdapConnection, GmsaError> {
        match self {
            Self::Managed(account) => logon_as(host, part, domain, preferred, account).await,
            Self::Computer => {
                let computer = Credential::of_computer(host);
                Ok(open(host, part, domain, preferred, &computer).await?)
            }
            Self::Stored(credential) => Ok(open(host, part, domain, preferred, credential).await?),
        }
    }
}

impl ServiceLogon {
    /// The account as NTLM knows it.
    ///
    /// # Errors
    /// When a managed password cannot be read, or the account's name is one that NTLM has no place for.
    pub(crate) async fn ntlm_account(
        &self,
        host: &HostMachine,
        part: Part,
    ) -> Result<NtlmAccount, PasswordError> {
        match self {
            Self::Managed(account) => Ok(ntlm_account(host, part, account).await?),
            Self::Computer => Ok(NtlmAccount::of(&Credential::of_computer(host))?),
            Self::Stored(credential) => Ok(NtlmAccount::of(credential)?),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::setup::package::{PackageOptions, install_package};
    use crate::testing::{World, simulate};

    fn logon(world: &World, account: &str, managed: bool) -> Result<ServiceLogon, NoLogon> {
        let mut entry = world.host.services.get(SERVICE_NAME).unwrap();
        account.clone_into(&mut entry.account);
        entry.managed_account = managed;
        ServiceLogon::of(&world.host, &entry)
    }

    #[test]
    fn the_entry_and_the_secret_say_how_the_service_logs_on() {
        const ACCOUNT: &str = "cn=provagent,ou=services,dc=contoso,dc=com";
        simulate(async {
            let world = World::new();
            install_package(&world.host, &PackageOptions::default()).unwrap();
            assert!(matches!(
                logon(&world, VIRTUAL_ACCOUNT, false),
                Ok(ServiceLogon::Computer)
            ));
            assert!(matches!(
                logon(&world, r"CONTOSO\provAgentgMSA$", true),
                Ok(ServiceLogon::Managed(_))
            ));
            assert!(matches!(
                logon(&world, ACCOUNT, false),
                Err(NoLogon::NoPassword(account)) if account == ACCOUNT
            ));
            let password = "Svc-Passw0rd.1".to_owned().into();
            let secrets = &world.host.secrets;
            secrets
                .set_service_password(SERVICE_NAME, Some(&password))
                .unwrap();
            assert!(matches!(
                logon(&world, ACCOUNT, false),
                Ok(ServiceLogon::Stored(credential)) if credential.user == ACCOUNT
            ));
        });
    }
}
