//! Answers the cloud's requests from the directory, as the service's own account.

use std::collections::BTreeMap;
use std::sync::Arc;

use provlab_platform::{Part, event};
use provlab_protocol::scim::{CredentialQuery, ErrorCode, Operation, OperationResult, Pong, ScimError};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::ServiceLogon;
use crate::config::AppConfig;
use crate::directory::ad::{GmsaError, LogonError};
use crate::directory::{Directory, DirectoryError, Schema, open_session};
use crate::host::{EventLevel, HostMachine};
use crate::password::writeback::Writeback;
use crate::password::{PasswordError, PasswordReader};
use crate::product::EVENT_SOURCE;
use crate::setup::preferred_controllers;

/// Event: the password synchronization of a domain failed (CS 7.3).
const DOMAIN_FAILED: u32 = 611;
/// Event: the key that decrypts a password could not be made, because MD5 failed (CS 7.3).
const NO_DECRYPTION_KEY: u32 = 667;

/// Most domains with an open session.
const MAX_SESSIONS: usize = 100;

/// Why there is no session.
enum NoSession {
    Logon(GmsaError),
    Directory(DirectoryError),
    Passwords(PasswordError),
    Full,
}

impl NoSession {
    fn to_scim(&self) -> ScimError {
        let internal = |text: &str| {
            ScimError::new(
                ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
                text,
            )
        };
        match self {
            Self::Directory(error) => error.to_scim(),
            Self::Passwords(error) => error.to_scim(),
            Self::Logon(
                GmsaError::Logon(LogonError::Failed { error, .. }) | GmsaError::Ldap { error, .. },
            ) => error.refusal().map_or_else(
                || internal(&error.to_string()),
                |refusal| ScimError::from_ldap(refusal.code.0, &refusal.words()),
            ),
            Self::Logon(error) => internal(&error.to_string()),
            Self::Full => internal("the agent serves too many domains at once"),
        }
    }
}

type Session = Arc<Mutex<Option<Box<dyn Directory>>>>;

/// The request handler of one start of the service.
pub(super) struct Handler {
    host: HostMachine,
    logon: ServiceLogon,
    sessions: Mutex<BTreeMap<String, Session>>,
    passwords: PasswordReader,
    /// By domain, as read at the first discovery: new attributes are seen after a restart (CS 5.1).
    schemas: Mutex<BTreeMap<String, Arc<Schema>>>,
    writeback: Writeback,
}

impl Handler {
    pub(super) fn new(host: HostMachine, logon: ServiceLogon, tenant: Uuid, config: &AppConfig) -> Self {
        Self {
            passwords: PasswordReader::new(host.clone(), config.enforces_fips_policy()),
            writeback: Writeback::new(&host, tenant),
            host,
            logon,
            sessions: Mutex::default(),
            schemas: Mutex::default(),
        }
    }

    /// The writeback of passwords.
    pub(super) fn writeback(&self) -> &Writeback {
        &self.writeback
    }

    /// Does what the cloud asks. A session that turns out dead is opened once more.
    pub(super) async fn handle(&self, operation: &Operation) -> Result<OperationResult, ScimError> {
        match operation {
            Operation::Unknown(kind) => {
                return Err(ScimError::new(
                    ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
                    &format!("this agent does not know the operation '{kind}'; update it"),
                ));
            }
            Operation::ConfigureWriteback(wanted) => {
                return self
                    .writeback
                    .configure(wanted)
                    .map(OperationResult::WritebackConfigured);
            }
            Operation::Writeback(sealed) => {
                let answer = Box::pin(self.writeback.handle(&self.logon, sealed)).await;
                return answer.map(OperationResult::WrittenBack);
            }
            _ => {}
        }
        let domain = operation.domain().to_ascii_lowercase();
        let session = self.session(&domain).await.map_err(|error| error.to_scim())?;
        let result = match operation {
            Operation::QueryCredentials(query) => self.credentials(&session, &domain, query).await,
            operation => self.ask(&session, &domain, operation).await,
        };
        let failure = result.as_ref().err().map(NoSession::to_scim);
        event!(
            self.host.platform.trace,
            Part::Agent,
            "request.done",
            operation = operation.kind(),
            domain = domain,
            resources = result.as_ref().map_or(0, count_of),
            error = failure.as_ref().map(|error| error.code.as_str().to_owned())
        );
        match (result, failure) {
            (Ok(result), _) => Ok(result),
            (Err(error), failure) => Err(failure.unwrap_or_else(|| error.to_scim())),
        }
    }

    async fn ask(
        &self,
        session: &Session,
        domain: &str,
        operation: &Operation,
    ) -> Result<OperationResult, NoSession> {
        let mut session = session.lock().await;
        let fresh = session.is_none();
        match self.perform(&mut session, domain, operation).await {
            Err(NoSession::Directory(error)) if error.is_fatal() && !fresh => {
                self.perform(&mut session, domain, operation).await
            }
            result => result,
        }
    }

    /// Password hashes have a session of their own, so that they keep nobody waiting. The directory's says whether there are any.
    async fn credentials(
        &self,
        session: &Session,
        domain: &str,
        query: &CredentialQuery,
    ) -> Result<OperationResult, NoSession> {
        let replicates = {
            let mut session = session.lock().await;
            let directory = match session.take() {
                Some(directory) => directory,
                None => self.open(domain).await?,
            };
            session.insert(directory).replicates_passwords()
        };
        if !replicates {
            return Err(NoSession::Directory(DirectoryError::NoCredentials));
        }
        let preferred = preferred_controllers(&self.host, domain);
        let page = self.passwords.page(query, &self.logon, &preferred).await;
        if let Err(error) = &page {
            self.tell_failure(domain, error);
        }
        page.map(OperationResult::Credentials)
            .map_err(NoSession::Passwords)
    }

    /// The entries of the full client's password channel, as a model (CS 7.3); the exception is the documented one (CS 7.4).
    fn tell_failure(&self, domain: &str, error: &PasswordError) {
        let (log, trace_file) = (self.host.event_log(Part::Agent), self.host.trace_file(1));
        let mut detail = error.to_string();
        if matches!(error, PasswordError::Md5(_)) {
            detail = format!("System.InvalidOperationException: {detail}");
            log.write(NO_DECRYPTION_KEY, EVENT_SOURCE, EventLevel::Error, &detail);
            trace_file.error(&format!("Recovery task failed. {detail}"));
        }
        let message = format!("Password hash synchronization failed for domain: {domain}. Details: {detail}");
        log.write(DOMAIN_FAILED, EVENT_SOURCE, EventLevel::Error, &message);
        trace_file.error(&message);
    }

    async fn session(&self, domain: &str) -> Result<Session, NoSession> {
        let mut sessions = self.sessions.lock().await;
        if sessions.len() >= MAX_SESSIONS && !sessions.contains_key(domain) {
            return Err(NoSession::Full);
        }
        Ok(sessions.entry(domain.to_owned()).or_default().clone())
    }

    async fn perform(
        &self,
        session: &mut Option<Box<dyn Directory>>,
        domain: &str,
        operation: &Operation,
    ) -> Result<OperationResult, NoSession> {
        let mut directory = match session.take() {
            Some(directory) => directory,
            None => self.open(domain).await?,
        };
        // The session is put back only when it is still good: also a request that is given up half-way closes it.
        let result = match operation {
            Operation::Discover(discover) => self
                .schema(directory.as_mut(), domain)
                .await
                .map(|schema| OperationResult::Schema(schema.define(&discover.object_classes))),
            operation => answer(directory.as_mut(), operation).await,
        };
        if result.as_ref().err().is_none_or(|error| !error.is_fatal()) {
            *session = Some(directory);
        }
        result.map_err(NoSession::Directory)
    }

    async fn schema(
        &self,
        directory: &mut dyn Directory,
        domain: &str,
    ) -> Result<Arc<Schema>, DirectoryError> {
        let known = self.schemas.lock().await.get(domain).cloned();
        if let Some(schema) = known {
            return Ok(schema);
        }
        let schema = Arc::new(directory.schema().await?);
        self.schemas
            .lock()
            .await
            .insert(domain.to_owned(), Arc::clone(&schema));
        Ok(schema)
    }

    async fn open(&self, domain: &str) -> Result<Box<dyn Directory>, NoSession> {
        let host = &self.host;
        let preferred = preferred_controllers(host, domain);
        let connection = self
            .logon
            .open(host, Part::Agent, domain, &preferred)
            .await
            .map_err(NoSession::Logon)?;
        open_session(connection, domain)
            .await
            .map_err(NoSession::Directory)
    }
}

async fn answer(
    directory: &mut dyn Directory,
    operation: &Operation,
) -> Result<OperationResult, DirectoryError> {
    match operation {
        Operation::Query(query) => directory.changes(query).await.map(OperationResult::List),
        Operation::Get(get) => directory.object(get).await.map(OperationResult::Resource),
        Operation::Ping(ping) => {
            let domain_controller = directory.ping().await?;
            Ok(OperationResult::Pong(Pong {
                domain: ping.domain.clone(),
                domain_controller,
            }))
        }
        Operation::PutGroup(put) => directory.put_group(put).await.map(OperationResult::Group),
        Operation::DeleteGroup(delete) => directory.delete_group(delete).await.map(OperationResult::Deleted),
        Operation::ListMembers(list) => directory.list_members(list).await.map(OperationResult::Members),
        // Answered elsewhere.
        Operation::QueryCredentials(_) => Err(DirectoryError::NoCredentials),
        // Answered before a directory is asked.
        Operation::Discover(_)
        | Operation::ConfigureWriteback(_)
        | Operation::Writeback(_)
        | Operation::Unknown(_) => Err(DirectoryError::NoDiscovery),
    }
}

fn count_of(result: &OperationResult) -> usize {
    match result {
        OperationResult::List(list) => list.resources.len(),
        OperationResult::Resource(resource) => usize::from(resource.is_some()),
        OperationResult::Group(_) => 1,
        OperationResult::Deleted(deleted) => usize::from(deleted.id.is_some()),
        OperationResult::Members(page) => page.as_ref().map_or(0, |page| page.members.len()),
        OperationResult::Schema(schema) => schema.objects.len(),
        OperationResult::Credentials(page) => page.resources.len(),
        OperationResult::Pong(_)
        | OperationResult::WritebackConfigured(_)
        | OperationResult::WrittenBack(_) => 0,
    }
}
