//! A request from the logon to its end, also when answers get lost on the way.

use provlab_platform::Part;
use provlab_protocol::dn::Dn;
use provlab_protocol::writeback::{Binding, Failure, FailureCode, Outcome, WritebackRequest};

use super::account::{self, Account};
use super::journal::{Entry, State};
use super::outcome::{self, Tried};
use super::{EXPIRED, Ending, Source, Writeback};
use crate::directory::ad::{self, Credential};
use crate::directory::ldap::{LdapConnection, LdapError};
use crate::directory::{Dialect, root_dse};
use crate::service::ServiceLogon;
use crate::setup::preferred_controllers;

/// Explanation of a request that was begun and did not reach the directory.
const NOT_APPLIED: &str = "the request did not reach the directory; nothing was changed";
/// Explanation of a server that does not know the control; the product's own words (CS 8.5).
const NO_HINTS: &str = "The server doesn't contain the LDAP password policy control.";

/// A domain controller that has let the service in.
struct Opened {
    connection: LdapConnection,
    hints: Option<&'static str>,
}

impl From<Failure> for Ending {
    fn from(failure: Failure) -> Self {
        Self::Known(failure.into())
    }
}

impl Writeback {
    /// Does a request that nothing is known of.
    pub(super) async fn once(
        &self,
        logon: &ServiceLogon,
        binding: &Binding,
        request: &WritebackRequest,
    ) -> Ending {
        let (mut opened, account) = match self.find(logon, binding, request).await {
            Ok(found) => found,
            Err(failure) => return failure.into(),
        };
        if let Err(failure) = account.check(&request.action) {
            return failure.into();
        }
        // The logon may have taken its time.
        let now = self.host.platform.clock.wall();
        if binding.is_expired_at(now) {
            return Failure::new(FailureCode::Validation, EXPIRED).into();
        }
        // From here on the directory may have been asked, whatever becomes of this process.
        if let Err(error) = self.journal.note(Entry::of(binding, State::Begun), now) {
            self.events.failure(Source::Configuration, &error.to_string());
            return Failure::new(FailureCode::AdConfiguration, error.to_string()).into();
        }
        let written = account
            .write(&mut opened.connection, &request.action, opened.hints)
            .await;
        let server = opened.connection.endpoint().host.clone();
        let ending = match written {
            Ok(()) => Ending::Known(Outcome::Success),
            Err(error) => match outcome::of_write(&error) {
                Some(failure) => failure.into(),
                None => self.prove(logon, binding, request, &account, &server).await,
            },
        };
        opened.connection.unbind().await;
        ending
    }

    /// Finds out what became of a request that was begun by a process that is gone, and does not do it again: the password may have
    /// been changed since.
    pub(super) async fn look_again(
        &self,
        logon: &ServiceLogon,
        binding: &Binding,
        request: &WritebackRequest,
    ) -> Ending {
        match self.find(logon, binding, request).await {
            Ok((opened, account)) => {
                let server = opened.connection.endpoint().host.clone();
                opened.connection.unbind().await;
                self.prove(logon, binding, request, &account, &server).await
            }
            Err(_) => Ending::Perhaps,
        }
    }

    /// Whether the directory holds what was asked for: the new password is tried by a bind, and an unlocked account is looked at. A
    /// success is told for nothing less.
    async fn prove(
        &self,
        logon: &ServiceLogon,
        binding: &Binding,
        request: &WritebackRequest,
        account: &Account,
        server: &str,
    ) -> Ending {
        let Some(new) = request.action.new_password() else {
            return match self.find(logon, binding, request).await {
                Ok((_, account)) if account.was_locked => {
                    Failure::new(FailureCode::AdUnknown, NOT_APPLIED).into()
                }
                Ok(_) => Ending::Known(Outcome::Success),
                Err(_) => Ending::Perhaps,
            };
        };
        let user = Credential {
            user: account.dn.clone(),
            password: new.clone(),
        };
        // The same server first: another one may not have heard of it yet.
        let servers = [server.to_owned()];
        let bound = ad::open(&self.host, Part::Agent, &binding.domain, &servers, &user).await;
        let bound = match bound {
            Ok(connection) => {
                connection.unbind().await;
                Ok(())
            }
            Err(error) => Err(error),
        };
        match outcome::of_bind(&bound) {
            Tried::Right => Ending::Known(Outcome::Success),
            Tried::Wrong => Failure::new(FailureCode::AdUnknown, NOT_APPLIED).into(),
            Tried::Unknown => Ending::Perhaps,
        }
    }

    /// Logs on to the user's domain and finds the user. Nothing is changed by it.
    async fn find(
        &self,
        logon: &ServiceLogon,
        binding: &Binding,
        request: &WritebackRequest,
    ) -> Result<(Opened, Account), Failure> {
        let unusable = |detail: String| Failure::new(FailureCode::AdConfiguration, detail);
        let lost = |error: LdapError| unusable(error.to_string());
        let domain = &binding.domain;
        let root = Dn::from_dns(domain).map_err(|error| unusable(error.to_string()))?;
        let preferred = preferred_controllers(&self.host, domain);
        let mut connection = logon
            .open(&self.host, Part::Agent, domain, &preferred)
            .await
            .map_err(|error| outcome::of_logon(&error))?;
        let root_dse = root_dse(&mut connection).await.map_err(lost)?;
        if Dialect::of(&root_dse) != Some(Dialect::ActiveDirectory) {
            return Err(unusable(
                "passwords are written back to Active Directory only".to_owned(),
            ));
        }
        let hints = account::policy_hints(&root_dse);
        if hints.is_none() {
            self.host.trace_file(1).info(NO_HINTS);
        }
        let found = account::find(&mut connection, &root, request.anchor).await;
        let account = found.map_err(lost)??;
        Ok((Opened { connection, hints }, account))
    }
}
