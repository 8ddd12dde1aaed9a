//! Password writeback: a password that was set in the cloud is set in the directory, once, and the cloud is told how it went (CS 8, PR 17).
//!
//! | Module | What it does |
//! |---|---|
//! | `keys` | the key pair of the onboarding, and its rollover |
//! | `journal` | what has been begun and how it ended, so that nothing is done twice |
//! | `account` | finds the user, judges the account, writes |
//! | `perform` | a request from the logon to its end, also when answers get lost |
//! | `outcome` | what an answer of the directory means |
//! | `events` | what an administrator reads |

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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{World, simulate};
    use provlab_protocol::guid::Guid;
    use provlab_protocol::writeback::{Action, Binding, KeyId, PackageEntropy};
    use uuid::Uuid;

    const TENANT: Uuid = Uuid::from_u128(1);
    const SECRET: &str = "C4nary-Passw0rd!";

    async fn enabled(world: &World) -> Writeback {
        let writeback = Writeback::new(&world.host, TENANT);
        writeback.set_enabled(true).unwrap();
        let now = world.host.platform.clock.wall();
        let crypto = &world.host.platform.crypto;
        writeback.keys().current(crypto, now, false).await.unwrap();
        writeback
    }

    fn sealed(
        world: &World,
        writeback: &Writeback,
        change: impl FnOnce(&mut Binding),
    ) -> (SealedRequest, ContentKey) {
        let spki = writeback.keys().load().unwrap().unwrap().pair.spki_der();
        let mut binding = Binding {
            domain: "contoso.com".to_owned(),
            tenant_id: TENANT,
            message_id: Uuid::from_u128(2),
            key_id: KeyId::of(&spki),
            expires: world.host.platform.clock.wall().unix_timestamp() + 180,
        };
        change(&mut binding);
        let request = WritebackRequest {
            anchor: Guid::from_u128(3).into(),
            action: Action::SelfServiceReset { new: SECRET.into() },
        };
        let drawn = PackageEntropy {
            key: [1; 32],
            seed: [2; 32],
            nonce: [3; 12],
        };
        SealedRequest::seal(binding, &request, &spki, &drawn).unwrap()
    }

    /// What the cloud reads of the answer to a package.
    async fn code(writeback: &Writeback, (sealed, key): &(SealedRequest, ContentKey)) -> Option<u32> {
        let answer = writeback.handle(&ServiceLogon::Computer, sealed).await.unwrap();
        answer.open(&sealed.binding, key).unwrap().number()
    }

    fn logged(world: &World, id: u32) -> bool {
        let events = world.log.events();
        events
            .iter()
            .any(|event| event.name == "event-log" && event.fields["id"] == id)
    }

    #[test]
    fn a_package_for_another_key_is_not_read() {
        simulate(async {
            let world = World::new();
            let writeback = enabled(&world).await;
            let package = sealed(&world, &writeback, |_| ());
            let now = world.host.platform.clock.wall();
            let crypto = &world.host.platform.crypto;
            writeback.keys().current(crypto, now, true).await.unwrap();
            assert_eq!(code(&writeback, &package).await, Some(32_004));
            assert!(logged(&world, 32_004));
            // Off, there is no key at all.
            let package = sealed(&world, &writeback, |_| ());
            writeback.set_enabled(false).unwrap();
            assert_eq!(code(&writeback, &package).await, Some(32_004));
            assert!(writeback.keys().load().unwrap().is_none());
        });
    }

    #[test]
    fn what_is_late_or_for_others_never_comes_to_a_directory() {
        simulate(async {
            let world = World::new();
            let writeback = enabled(&world).await;
            let late = sealed(&world, &writeback, |binding| binding.expires -= 180);
            assert_eq!(code(&writeback, &late).await, Some(32_008));
            let others = sealed(&world, &writeback, |binding| {
                binding.tenant_id = Uuid::from_u128(9);
                binding.message_id = Uuid::from_u128(8);
            });
            assert_eq!(code(&writeback, &others).await, Some(32_008));
            assert!(world.log.events().iter().all(|event| event.name != "ldap.logon"));
        });
    }

    #[test]
    fn a_message_that_comes_again_is_answered_from_the_journal_also_by_another_process() {
        simulate(async {
            let world = World::new();
            let writeback = enabled(&world).await;
            let package = sealed(&world, &writeback, |_| ());
            // No domain controller is there.
            assert_eq!(code(&writeback, &package).await, Some(33_009));
            let tries = world.log.len();
            let again = Writeback::new(&world.host, TENANT);
            assert_eq!(code(&again, &package).await, Some(33_009));
            assert_eq!(world.log.len(), tries, "nothing was tried again");
            for (path, content) in world.files.snapshot() {
                let text = String::from_utf8_lossy(&content).into_owned();
                assert!(!text.contains(SECRET), "{path}");
            }
        });
    }

    #[test]
    fn a_message_that_was_begun_is_not_done_again_and_stays_open_while_nobody_can_tell() {
        simulate(async {
            let world = World::new();
            let writeback = enabled(&world).await;
            let package = sealed(&world, &writeback, |_| ());
            let now = world.host.platform.clock.wall();
            let begun = Entry::of(&package.0.binding, State::Begun);
            writeback.journal.note(begun.clone(), now).unwrap();
            assert_eq!(code(&writeback, &package).await, Some(33_001));
            let known = writeback.journal.find(package.0.binding.message_id).unwrap();
            assert_eq!(known, Some(begun), "the next delivery looks again");
        });
    }

    #[test]
    fn without_a_journal_nothing_is_written() {
        simulate(async {
            let world = World::new();
            let writeback = enabled(&world).await;
            let package = sealed(&world, &writeback, |_| ());
            let path = format!(
                r"{}\PasswordWriteback.journal.json",
                crate::product::CONFIG_FOLDER
            );
            world.host.platform.files.write_atomic(&path, b"[{").unwrap();
            assert_eq!(code(&writeback, &package).await, Some(33_009));
            assert!(world.log.events().iter().all(|event| event.name != "ldap.logon"));
            assert!(logged(&world, 32_005));
        });
    }

    #[test]
    fn enabling_again_makes_another_key() {
        simulate(async {
            let world = World::new();
            let writeback = enabled(&world).await;
            let first = writeback.keys().load().unwrap().unwrap().id();
            assert!(
                writeback
                    .configure(&ConfigureWriteback { enabled: false })
                    .is_ok()
            );
            assert!(!*Writeback::new(&world.host, TENANT).enabled().borrow());
            assert!(writeback.configure(&ConfigureWriteback { enabled: true }).is_ok());
            assert!(
                *Writeback::new(&world.host, TENANT).enabled().borrow(),
                "a restart keeps it"
            );
            let now = world.host.platform.clock.wall();
            let crypto = &world.host.platform.crypto;
            let (second, new) = writeback.keys().current(crypto, now, false).await.unwrap();
            assert!(new && second.id() != first);
        });
    }
}
