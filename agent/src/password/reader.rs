//! Answers the cloud's queries, with one session for each domain that stays open between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use provlab_platform::crypto::{Md5, Md5Error};
use provlab_platform::{Entropy, Part, event};
use provlab_protocol::drsuapi::secret::SecretError;
use provlab_protocol::drsuapi::{DrsError, PrefixTable, ReplicatedObject};
use provlab_protocol::guid::Guid;
use provlab_protocol::nt_hash::NtHash;
use provlab_protocol::password_hash::{PasswordHash, SALT_BYTES};
use provlab_protocol::scim::{Credential, CredentialPage, CredentialQuery, ReplicaToken, Watermark};
use tokio::sync::Mutex;

use super::account::{ATTRIBUTES, Account};
use super::error::PasswordError;
use crate::directory::drsuapi::{DrsuapiError, NtlmAccount, Page, Position, Replica};
use crate::host::HostMachine;
use crate::service::ServiceLogon;

/// Pages of a domain controller in one answer: where many objects are no users, an answer would be nearly empty otherwise.
const MAX_ROUNDS: usize = 16;

type Session = Arc<Mutex<Option<Replica>>>;

/// Reads password hashes as the service's account.
pub(crate) struct PasswordReader {
    host: HostMachine,
    /// Whether the process keeps to the host's FIPS policy, as its configuration said when it started (CS 7.4).
    enforces_fips: bool,
    salts: Entropy,
    sessions: Mutex<BTreeMap<String, Session>>,
}

impl PasswordReader {
    pub(crate) fn new(host: HostMachine, enforces_fips: bool) -> Self {
        Self {
            salts: host.platform.entropy.fork("password-salts"),
            host,
            enforces_fips,
            sessions: Mutex::default(),
        }
    }

    /// One page of the domain's password hashes. A session that turns out dead is opened once more.
    pub(crate) async fn page(
        &self,
        query: &CredentialQuery,
        logon: &ServiceLogon,
        preferred: &[String],
    ) -> Result<CredentialPage, PasswordError> {
        // Without MD5 nothing that a domain controller says can be opened, so it is not asked.
        let md5 = self.md5()?;
        let position = query
            .cookie
            .as_ref()
            .map(|cookie| Position::from_bytes(&cookie.0))
            .transpose()?;
        let domain = query.domain.to_ascii_lowercase();
        let session = self.sessions.lock().await.entry(domain).or_default().clone();
        let mut session = session.lock().await;
        let fresh = session.is_none();
        let work = Work {
            query,
            logon,
            preferred,
            md5: &md5,
        };
        match self.attempt(&mut session, &work, position.as_ref()).await {
            Err(error) if error.is_fatal() && !fresh => {
                self.attempt(&mut session, &work, position.as_ref()).await
            }
            result => result,
        }
    }

    fn md5(&self) -> Result<Md5, Md5Error> {
        self.host.platform.crypto.md5(self.enforces_fips)
    }

    async fn attempt(
        &self,
        session: &mut Option<Replica>,
        work: &Work<'_>,
        position: Option<&Position>,
    ) -> Result<CredentialPage, PasswordError> {
        let mut replica = match session.take() {
            Some(replica) => replica,
            None => self.open(work).await?,
        };
        // The session is put back only when it is still good: also a request that is given up half-way closes it.
        let result = self.read(&mut replica, work, position).await;
        if result.as_ref().err().is_none_or(|error| !error.is_fatal()) {
            *session = Some(replica);
        }
        result
    }

    async fn open(&self, work: &Work<'_>) -> Result<Replica, PasswordError> {
        let host = &self.host;
        let domain = &work.query.domain;
        let account = work.logon.ntlm_account(host, Part::Agent).await?;
        let mut last = DrsuapiError::NoController(domain.clone());
        for server in host.controllers_of(domain, work.preferred) {
            let opened = Replica::open(
                &host.platform,
                &server,
                domain,
                &account,
                host.registry.ldap_timeout(),
            )
            .await;
            event!(
                host.platform.trace,
                Part::Agent,
                "drsuapi.logon",
                domain = domain,
                server = server,
                user = account.name(),
                outcome = match &opened {
                    Ok(_) => "success".to_owned(),
                    Err(error) if error.is_transient() => "unreachable".to_owned(),
                    Err(error) => error.to_string(),
                }
            );
            match opened {
                Ok(replica) => return Ok(replica),
                Err(error) if error.is_transient() => last = error,
                Err(error) => return Err(error.into()),
            }
        }
        Err(last.into())
    }

    async fn read(
        &self,
        replica: &mut Replica,
        work: &Work<'_>,
        position: Option<&Position>,
    ) -> Result<CredentialPage, PasswordError> {
        if !work.query.ids.is_empty() {
            return self.read_users(replica, work).await;
        }
        let mut position = position.cloned();
        let mut credentials = Vec::new();
        let mut more = true;
        for _ in 0..MAX_ROUNDS {
            let told = u32::try_from(credentials.len()).unwrap_or(u32::MAX);
            let wanted = work.query.count.max(1).saturating_sub(told);
            if !more || wanted == 0 {
                break;
            }
            let page = self.changes(replica, position.as_ref(), wanted).await?;
            for object in &page.objects {
                credentials.extend(self.credential(replica, work.md5, object, &page.prefixes).await?);
            }
            more = page.more;
            position = Some(page.position);
        }
        let position = position.unwrap_or_default();
        let replica_token = ReplicaToken {
            invocation_id: position.invocation_id.as_uuid(),
            name: replica.server().to_owned(),
        };
        let cookie = Watermark(position.to_bytes());
        Ok(CredentialPage::new(credentials, cookie, more, replica_token))
    }

    /// The present passwords of the users that the query names.
    async fn read_users(
        &self,
        replica: &mut Replica,
        work: &Work<'_>,
    ) -> Result<CredentialPage, PasswordError> {
        let mut credentials = Vec::new();
        for id in &work.query.ids {
            if let Some((object, prefixes)) = replica.object(Guid::from(*id), &ATTRIBUTES).await? {
                credentials.extend(self.told(replica, work.md5, &object, &prefixes)?);
            }
        }
        let replica_token = ReplicaToken {
            invocation_id: Position::default().invocation_id.as_uuid(),
            name: replica.server().to_owned(),
        };
        let nowhere = Watermark(Vec::new());
        Ok(CredentialPage::new(credentials, nowhere, false, replica_token))
    }

    async fn changes(
        &self,
        replica: &mut Replica,
        from: Option<&Position>,
        count: u32,
    ) -> Result<Page, PasswordError> {
        let refused = |error: &DrsuapiError| {
            from.is_some() && error.replication_error() == Some(DrsError::DRA_INVALID_PARAMETER)
        };
        match replica.changes(from, count, &ATTRIBUTES).await {
            Err(error) if refused(&error) => Err(PasswordError::WatermarkRefused {
                server: replica.server().to_owned(),
            }),
            other => Ok(other?),
        }
    }

    /// The credential of an object with news, if it is a user's and there is a password. What a page does not tell of it, as its class
    /// did not change, is read then.
    async fn credential(
        &self,
        replica: &mut Replica,
        md5: &Md5,
        object: &ReplicatedObject,
        prefixes: &PrefixTable,
    ) -> Result<Option<Credential>, PasswordError> {
        let account = Account::new(object, prefixes);
        if !account.has_news() {
            return Ok(None);
        }
        if account.is_whole() {
            return self.told(replica, md5, object, prefixes);
        }
        match replica.object(object.name.guid, &ATTRIBUTES).await? {
            Some((object, prefixes)) => self.told(replica, md5, &object, &prefixes),
            None => Ok(None),
        }
    }

    fn told(
        &self,
        replica: &Replica,
        md5: &Md5,
        object: &ReplicatedObject,
        prefixes: &PrefixTable,
    ) -> Result<Option<Credential>, PasswordError> {
        let account = Account::new(object, prefixes);
        if !account.is_synchronized() || object.name.guid == Guid::NIL {
            return Ok(None);
        }
        let hash = match account.nt_hash(replica.session_key(), md5) {
            Ok(hash) => hash,
            // The fault is this account's alone, and the others shall not wait for it (CS 7.1).
            Err(SecretError::Short(_) | SecretError::NotAHash(_)) => {
                event!(
                    self.host.platform.trace,
                    Part::Agent,
                    "password.unreadable",
                    id = object.name.guid
                );
                None
            }
            Err(error) => {
                return Err(PasswordError::Secret {
                    account: object.name.dn.clone(),
                    error,
                });
            }
        };
        Ok(hash.map(|hash| Credential {
            id: object.name.guid.as_uuid(),
            credential_data: self.derive(&hash),
            change_date: account.changed().and_then(|time| time.to_datetime().ok()),
            must_change_at_logon: account.must_change(),
        }))
    }

    /// The hash of a hash that leaves the domain, under a salt of its own for each upload.
    fn derive(&self, hash: &NtHash) -> PasswordHash {
        let mut salt = [0; SALT_BYTES];
        self.salts.fill(&mut salt);
        PasswordHash::derive(hash, salt)
    }
}

/// What a query is answered with.
struct Work<'a> {
    query: &'a CredentialQuery,
    logon: &'a ServiceLogon,
    preferred: &'a [String],
    md5: &'a Md5,
}
