//! One page of the cloud's: pages of the domain controller, of which those objects are kept that are users with a password.

use provlab_platform::crypto::Md5;
use provlab_platform::{Entropy, Part, Trace, event};
use provlab_protocol::drsuapi::secret::SecretError;
use provlab_protocol::drsuapi::{DrsError, PrefixTable, ReplicatedObject};
use provlab_protocol::guid::Guid;
use provlab_protocol::nt_hash::NtHash;
use provlab_protocol::password_hash::{PasswordHash, SALT_BYTES};
use provlab_protocol::scim::{Credential, CredentialPage, MAX_CREDENTIALS, ReplicaToken, Watermark};

use uuid::Uuid;

use super::account::{ATTRIBUTES, Account};
use super::error::PasswordError;
use crate::directory::drsuapi::{DrsuapiError, Page, Position, Replica};

/// Pages of a domain controller in one answer: where many objects are no users, an answer would be nearly empty otherwise.
const MAX_ROUNDS: usize = 16;

/// Reads a page over an open session.
pub struct PageReader<'a> {
    /// The domain controller.
    pub replica: &'a mut Replica,
    /// What opens the envelopes.
    pub md5: &'a Md5,
    /// Where salts come from.
    pub salts: &'a Entropy,
    /// Who hears of accounts that cannot be read.
    pub trace: &'a Trace,
}

impl PageReader<'_> {
    /// The next page after a position, or the first one, with about `count` password hashes.
    ///
    /// # Errors
    /// The server's refusal, loss of the connection, or hashes under another key than the session's.
    pub async fn page(
        mut self,
        position: Option<&Position>,
        count: u32,
    ) -> Result<CredentialPage, PasswordError> {
        let mut position = position.cloned();
        let mut credentials = Vec::new();
        let mut more = true;
        let count = count.clamp(1, MAX_CREDENTIALS);
        for _ in 0..MAX_ROUNDS {
            let told = u32::try_from(credentials.len()).unwrap_or(u32::MAX);
            let wanted = count.saturating_sub(told);
            if !more || wanted == 0 {
                break;
            }
            let page = self.changes(position.as_ref(), wanted).await?;
            for object in &page.objects {
                credentials.extend(self.credential(object, &page.prefixes).await?);
            }
            more = page.more;
            position = Some(page.position);
        }
        let position = position.unwrap_or_default();
        let replica_token = ReplicaToken {
            invocation_id: position.invocation_id.as_uuid(),
            name: self.replica.server().to_owned(),
        };
        let cookie = Watermark(position.to_bytes());
        Ok(CredentialPage::new(credentials, cookie, more, replica_token))
    }

    /// The present passwords of these users, as far as they have one. There is no position behind it.
    ///
    /// # Errors
    /// As [`Self::page`].
    pub async fn users(self, ids: &[Uuid]) -> Result<CredentialPage, PasswordError> {
        let mut credentials = Vec::new();
        for id in ids {
            if let Some((object, prefixes)) = self.replica.object(Guid::from(*id), &ATTRIBUTES).await? {
                credentials.extend(self.told(&object, &prefixes)?);
            }
        }
        let replica_token = ReplicaToken {
            invocation_id: Uuid::nil(),
            name: self.replica.server().to_owned(),
        };
        let nowhere = Watermark(Vec::new());
        Ok(CredentialPage::new(credentials, nowhere, false, replica_token))
    }

    async fn changes(&mut self, from: Option<&Position>, count: u32) -> Result<Page, PasswordError> {
        let refused = |error: &DrsuapiError| {
            from.is_some() && error.replication_error() == Some(DrsError::DRA_INVALID_PARAMETER)
        };
        match self.replica.changes(from, count, &ATTRIBUTES).await {
            Err(error) if refused(&error) => Err(PasswordError::WatermarkRefused {
                server: self.replica.server().to_owned(),
            }),
            other => Ok(other?),
        }
    }

    /// The credential of an object with news, if it is a user's and there is a password. What a page does not tell of it, as its class
    /// did not change, is read then.
    async fn credential(
        &mut self,
        object: &ReplicatedObject,
        prefixes: &PrefixTable,
    ) -> Result<Option<Credential>, PasswordError> {
        let account = Account::new(object, prefixes);
        if !account.has_news() {
            return Ok(None);
        }
        if account.is_whole() {
            return self.told(object, prefixes);
        }
        match self.replica.object(object.name.guid, &ATTRIBUTES).await? {
            Some((object, prefixes)) => self.told(&object, &prefixes),
            None => Ok(None),
        }
    }

    fn told(
        &self,
        object: &ReplicatedObject,
        prefixes: &PrefixTable,
    ) -> Result<Option<Credential>, PasswordError> {
        let account = Account::new(object, prefixes);
        if !account.is_synchronized() || object.name.guid == Guid::NIL {
            return Ok(None);
        }
        let hash = match account.nt_hash(self.replica.session_key(), self.md5) {
            Ok(hash) => hash,
            // The fault is this account's alone, and the others shall not wait for it (CS 7.1).
            Err(SecretError::Short(_) | SecretError::NotAHash(_)) => {
                event!(
                    self.trace,
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
