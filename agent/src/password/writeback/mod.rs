//! Password writeback: a password that was set in the cloud is set in the directory, once, and the cloud is told how it went (CS 8, PR 17).
//!
//! | Module | What it does |
//! |---|---|
//! | [`keys`] | the key pair of the onboarding, and its rollover |
//! | [`journal`] | what has been begun and how it ended, so that nothing is done twice |
//! | [`account`] | finds the user, judges the account, writes |
//! | [`perform`] | a request from the logon to its end, also when answers get lost |
//! | [`outcome`] | what an answer of the directory means |
//! | [`events`] | what an administrator reads |

mod account;
mod events;
mod journal;
mod keys;
mod outcome;
mod perform;

pub(crate) use events::{Source, Writer};
pub(crate) use keys::{KeyError, KeyStore};

use provlab_platform::{Part, event};
use provlab_protocol::scim::{ErrorCode, ScimError};
use provlab_protocol::writeback::{
    ConfigureWriteback, ContentKey, Failure, FailureCode, Outcome, SealedOutcome, SealedRequest,
    WritebackConfigured, WritebackRequest,
};
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use self::journal::{Entry, Journal, State};
use crate::host::{HostMachine, RegistryError};
use crate::service::ServiceLogon;

/// Registry value that says whether passwords are written back (own name).
const ENABLED_VALUE: &str = "PasswordWriteback";

/// Explanation of a message that came too late.
const EXPIRED: &str = "the message has expired";
/// Explanation of a request of which nobody knows what became.
const PERHAPS: &str = "the answer of the directory was lost, and the new password could not be tried";

/// How a request ended, as far as the agent can tell.
enum Ending {
    /// For certain.
    Known(Outcome),
    /// The directory was asked, and its answer was lost.
    Perhaps,
}

/// The writeback of one start of the service.
pub(crate) struct Writeback {
    host: HostMachine,
    tenant: Uuid,
    keys: KeyStore,
    journal: Journal,
    events: Writer,
    enabled: watch::Sender<bool>,
    /// One request at a time: the journal has one writer, and a message that came twice waits for itself.
    turn: Mutex<()>,
}

impl Writeback {
    pub(crate) fn new(host: &HostMachine, tenant: Uuid) -> Self {
        let files = &host.platform.files;
        let stored = host.registry.get(ENABLED_VALUE).ok().flatten();
        Self {
            keys: KeyStore::new(files.clone()),
            journal: Journal::new(files.clone()),
            events: Writer::new(host),
            enabled: watch::Sender::new(stored.as_deref() == Some("1")),
            turn: Mutex::default(),
            tenant,
            host: host.clone(),
        }
    }

    /// Follows whether passwords are written back.
    pub(crate) fn enabled(&self) -> watch::Receiver<bool> {
        self.enabled.subscribe()
    }

    /// The keys of the onboarding.
    pub(crate) fn keys(&self) -> &KeyStore {
        &self.keys
    }

    /// Where an administrator reads.
    pub(crate) fn events(&self) -> &Writer {
        &self.events
    }

    /// Notes whether passwords are written back. Off, the key is forgotten: enabling again makes a new one (PR 17.2).
    ///
    /// # Errors
    /// The host does not keep it.
    pub(crate) fn set_enabled(&self, enabled: bool) -> Result<(), NotKept> {
        if !enabled {
            self.keys.forget()?;
        }
        self.host
            .registry
            .set(&[(ENABLED_VALUE, if enabled { "1" } else { "0" })])?;
        self.enabled.send_if_modified(|known| {
            let news = *known != enabled;
            *known = enabled;
            news
        });
        Ok(())
    }

    /// Does what the cloud says about the feature.
    ///
    /// # Errors
    /// The host does not keep it.
    pub(crate) fn configure(&self, wanted: &ConfigureWriteback) -> Result<WritebackConfigured, ScimError> {
        let enabled = wanted.enabled;
        if !enabled {
            self.events.note(Source::OffboardingStart);
        }
        self.set_enabled(enabled)
            .map(|()| WritebackConfigured { enabled })
            .map_err(|error| {
                self.events.failure(Source::Configuration, &error.to_string());
                internal(&error.to_string())
            })
    }

    /// Does one request, or answers it from what is known of it.
    ///
    /// # Errors
    /// Only when no answer can be made at all.
    pub(crate) async fn handle(
        &self,
        logon: &ServiceLogon,
        sealed: &SealedRequest,
    ) -> Result<SealedOutcome, ScimError> {
        let _turn = self.turn.lock().await;
        let id = sealed.binding.message_id;
        let Some(key) = self.content_key(sealed) else {
            let code = FailureCode::Decryption;
            self.events
                .failure(Source::Decryption, "the package is not for this agent's key");
            self.trace("unread", &Failure::new(code, "").into());
            return Ok(SealedOutcome::refusal(id, code));
        };
        let outcome = match sealed.open(&key) {
            Ok(request) => self.at_most_once(logon, sealed, &request).await,
            Err(provlab_protocol::writeback::PackageError::Request(error)) => {
                self.events.failure(Source::Input, &error.to_string());
                Failure::new(FailureCode::InputValidation, error.to_string()).into()
            }
            Err(error) => {
                self.events.failure(Source::Decryption, &error.to_string());
                return Ok(SealedOutcome::refusal(id, FailureCode::Decryption));
            }
        };
        let mut nonce = [0; 12];
        self.host.platform.entropy.fill(&mut nonce);
        SealedOutcome::seal(&sealed.binding, &outcome, &key, &nonce)
            .map_err(|error| internal(&error.to_string()))
    }

    fn content_key(&self, sealed: &SealedRequest) -> Option<ContentKey> {
        let kept = self.keys.load().ok().flatten()?;
        if kept.id() != sealed.binding.key_id || !*self.enabled.borrow() {
            return None;
        }
        let unwrapped = kept.pair.decrypt_oaep_sha256(sealed.wrapped_key().ok()?).ok()?;
        ContentKey::unwrapped(&unwrapped).ok()
    }

    /// A message that is known is answered and not done again.
    async fn at_most_once(
        &self,
        logon: &ServiceLogon,
        sealed: &SealedRequest,
        request: &WritebackRequest,
    ) -> Outcome {
        let binding = &sealed.binding;
        let name = request.action.name();
        let now = self.host.platform.clock.wall();
        let known = match self.journal.find(binding.message_id) {
            Ok(known) => known,
            Err(error) => {
                self.events.failure(Source::Configuration, &error.to_string());
                return Failure::new(FailureCode::AdConfiguration, error.to_string()).into();
            }
        };
        let refused = |text: &str| Ending::Known(Failure::new(FailureCode::Validation, text).into());
        let ending = match known.map(|entry| entry.state) {
            Some(State::Done(outcome)) => return outcome,
            Some(State::Begun) => self.look_again(logon, binding, request).await,
            None if binding.tenant_id != self.tenant => refused("the message is for another tenant"),
            None if binding.is_expired_at(now) => refused(EXPIRED),
            None => {
                self.events.start(&request.action);
                self.once(logon, binding, request).await
            }
        };
        let outcome = match ending {
            Ending::Known(outcome) => {
                let done = Entry::of(binding, State::Done(outcome.clone()));
                if let Err(error) = self.journal.note(done, now) {
                    self.events.failure(Source::Configuration, &error.to_string());
                }
                outcome
            }
            // It stays begun: whoever asks again gets another look.
            Ending::Perhaps => Failure::new(FailureCode::AdUnknown, PERHAPS).into(),
        };
        self.events.end(&request.action, &outcome);
        self.trace(name, &outcome);
        outcome
    }

    fn trace(&self, action: &str, outcome: &Outcome) {
        event!(
            self.host.platform.trace,
            Part::Agent,
            "writeback.done",
            action = action,
            failure = outcome.number()
        );
    }
}

/// The host does not keep what the writeback needs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The key failed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn internal(text: &str) -> ScimError {
    ScimError::new(
        ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
        text,
    )
}
