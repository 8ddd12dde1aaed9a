//! The gMSA's password on its host: read, proved, and used to log on (CS 3, PR 14.2).

use std::time::Duration;

use provlab_platform::{Part, event};
use provlab_protocol::managed_password::{ManagedPassword, ManagedPasswordBlob};

use super::gmsa::{GmsaError, INSTALL_ATTEMPTS, account_name, ldap, named, root_of};
use super::logon::{Credential, Mechanism, open, open_by};
use crate::directory::drsuapi::NtlmAccount;
use crate::directory::kerberos::{self, Principal};
use crate::directory::ldap::{Filter, LdapConnection, Scope, Search};
use crate::host::HostMachine;

/// Pause between two tries; not published.
const ATTEMPT_PAUSE: Duration = Duration::from_secs(5);
const MANAGED_PASSWORD: &str = "msDS-ManagedPassword";
const SASL_MECHANISMS: &str = "supportedSASLMechanisms";

/// What the host learns about its account.
struct Secret {
    /// Its passwords.
    blob: ManagedPasswordBlob,
    /// Whether the domain controllers take a logon by Kerberos.
    negotiates: bool,
}

/// Reads the managed password as the host's computer account; the attribute is silently absent for who is not allowed (PR 14.1).
///
/// The root DSE is read along with it: over TLS nobody on the way can take Kerberos off its list.
async fn managed_password(host: &HostMachine, part: Part, name: &str) -> Result<Secret, GmsaError> {
    let domain = &host.computer.domain;
    let mut connection = open(host, part, domain, &[], &Credential::of_computer(host)).await?;
    let root_dse = Search {
        base: String::new(),
        scope: Scope::Base,
        filter: Filter::present("objectClass"),
        attributes: vec![SASL_MECHANISMS.to_owned()],
    };
    let account = named(
        &root_of(domain)?,
        name,
        "msDS-GroupManagedServiceAccount",
        &["sAMAccountName", MANAGED_PASSWORD],
    );
    let fail = ldap(&connection);
    let found = connection.search_together(&[account, root_dse]).await;
    connection.unbind().await;
    let mut found = found
        .map_err(fail)?
        .into_iter()
        .map(|entries| entries.into_iter().next());
    let (entry, root_dse) = (found.next().flatten(), found.next().flatten());
    let entry = entry.ok_or_else(|| GmsaError::NotFound(name.to_owned()))?;
    let not_allowed = || GmsaError::NotInstallable {
        name: name.to_owned(),
        detail: format!(
            "{} may not read {MANAGED_PASSWORD}; add it to PrincipalsAllowedToRetrieveManagedPassword",
            host.computer.name
        ),
    };
    let blob = entry.first(MANAGED_PASSWORD).ok_or_else(not_allowed)?;
    Ok(Secret {
        blob: ManagedPasswordBlob::from_bytes(blob)
            .map_err(|error| GmsaError::Unusable(error.to_string()))?,
        negotiates: root_dse.is_some_and(|entry| {
            entry
                .values(SASL_MECHANISMS)
                .iter()
                .any(|offered| offered.eq_ignore_ascii_case(kerberos::MECHANISM.as_bytes()))
        }),
    })
}

/// Installs the account on this host: proves, several times if need be, that the host can read its password.
///
/// # Errors
/// [`GmsaError::NotInstallable`] with the reason of the last try.
pub async fn prove(host: &HostMachine, part: Part, name: &str) -> Result<(), GmsaError> {
    let name = account_name(name);
    let mut tries = 0;
    loop {
        let detail = match managed_password(host, part, &name).await {
            Ok(_) => return Ok(()),
            Err(error @ (GmsaError::NotFound(_) | GmsaError::Unusable(_))) => return Err(error),
            Err(GmsaError::NotInstallable { detail, .. }) => detail,
            Err(error) => error.to_string(),
        };
        tries += 1;
        event!(
            host.platform.trace,
            part,
            "gmsa.install-retry",
            account = name,
            attempt = tries,
            detail = detail
        );
        if tries == INSTALL_ATTEMPTS {
            return Err(GmsaError::NotInstallable { name, detail });
        }
        host.pause(ATTEMPT_PAUSE).await;
    }
}

/// The gMSA as NTLM knows it: with the hashes of its current and its previous password (PR 14.2).
///
/// # Errors
/// When the password cannot be read.
pub async fn ntlm_account(host: &HostMachine, part: Part, name: &str) -> Result<NtlmAccount, GmsaError> {
    let name = account_name(name);
    let Secret { blob, .. } = managed_password(host, part, &name).await?;
    let hashes = [Some(&blob.current), blob.previous.as_ref()];
    Ok(NtlmAccount {
        user: name,
        domain: host.computer.netbios.clone(),
        hashes: hashes
            .into_iter()
            .flatten()
            .map(ManagedPassword::nt_hash)
            .collect(),
    })
}

/// Logs on to a domain as the gMSA: by its current password, or by the previous one around a rollover (PR 14.2).
///
/// By Kerberos, as the service of the product does; where the domain controller offers no Negotiate, by a simple bind over
/// TLS with the very text that Kerberos would derive its key from.
///
/// # Errors
/// When the password cannot be read or the logon is refused.
pub async fn logon_as(
    host: &HostMachine,
    part: Part,
    domain: &str,
    preferred: &[String],
    name: &str,
) -> Result<LdapConnection, GmsaError> {
    let name = account_name(name);
    let Secret { blob, negotiates } = managed_password(host, part, &name).await?;
    let mechanism = if negotiates {
        Mechanism::Negotiate(Principal::of_domain(&name, &host.computer.domain))
    } else {
        Mechanism::Simple
    };
    let mut credential = Credential {
        user: format!(r"{}\{name}", host.computer.netbios),
        password: blob.current.to_utf8_lossy(),
    };
    let first = open_by(host, part, domain, preferred, &credential, &mechanism).await;
    match (first, &blob.previous) {
        (Err(error), Some(previous)) if error.is_wrong_password() => {
            credential.password = previous.to_utf8_lossy();
            Ok(open_by(host, part, domain, preferred, &credential, &mechanism).await?)
        }
        (first, _) => Ok(first?),
    }
}
