//! Who logs on by NTLM. A hash is enough, so a managed account can, whose password is no text.

use provlab_protocol::nt_hash::{NtHash, nt_hash};
use secrecy::ExposeSecret;
use thiserror::Error;

use crate::directory::ad::Credential;

/// An account with the hashes of its passwords.
#[derive(Clone, Debug)]
pub struct NtlmAccount {
    /// sAMAccountName, or a user principal name where `domain` is empty.
    pub user: String,
    /// NetBIOS name of the domain.
    pub domain: String,
    /// In the order in which they are tried: the password in force, and around a rollover the one before it (PR 14.2).
    pub hashes: Vec<NtHash>,
}

/// A name that NTLM cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0} is a distinguished name; name the account as DOMAIN\\name or name@domain to read passwords with it"
)]
pub struct NotByNtlm(String);

impl NtlmAccount {
    /// The account of a credential with a password.
    ///
    /// # Errors
    /// The credential names its account by DN.
    pub fn of(credential: &Credential) -> Result<Self, NotByNtlm> {
        let (domain, user) = match credential.user.split_once('\\') {
            Some((domain, user)) => (domain, user),
            None if credential.user.contains('=') => return Err(NotByNtlm(credential.user.clone())),
            None => ("", credential.user.as_str()),
        };
        Ok(Self {
            user: user.to_owned(),
            domain: domain.to_owned(),
            hashes: vec![nt_hash(credential.password.expose_secret())],
        })
    }

    /// `DOMAIN\name` or `name@domain`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.domain.as_str() {
            "" => self.user.clone(),
            domain => format!(r"{domain}\{}", self.user),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_name_but_a_distinguished_one_will_do() {
        let of = |user: &str| {
            NtlmAccount::of(&Credential {
                user: user.to_owned(),
                password: "Wonder-2026".into(),
            })
        };
        for (user, parts) in [
            (r"CONTOSO\svc", ("CONTOSO", "svc")),
            ("svc@contoso.com", ("", "svc@contoso.com")),
        ] {
            let account = of(user).unwrap();
            assert_eq!((account.domain.as_str(), account.user.as_str()), parts);
            assert_eq!(account.name(), user);
            assert_eq!(account.hashes, [nt_hash("Wonder-2026")]);
            assert!(!format!("{account:?}").contains("Wonder"));
        }
        let dn = of("cn=svc,dc=contoso,dc=com").unwrap_err();
        assert!(dn.to_string().contains("DOMAIN\\name"));
    }
}
