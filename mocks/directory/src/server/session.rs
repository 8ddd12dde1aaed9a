//! One LDAP connection as a state machine: a request comes in, effects come out.
//!
//! Nothing here touches a stream, a clock or the store. The edge (`connection`) performs the
//! effects in their order, so an answer never leaves before what it promises is durable.

use std::sync::Arc;

use provlab_platform::Entropy;
use provlab_platform::trace::{Fields, field};
use provlab_protocol::filetime::FileTime;
use provlab_protocol::ldap::answer;
use provlab_protocol::ldap_controls::Control;
use provlab_protocol::oid::extension;

use super::controls::Controls;
use super::encode::{Encoder, Outcome};
use super::message::{Credentials, Message, Operation};
use super::pages::Pages;
use super::{search, writes};
use crate::access::{Token, TokenKind};
use crate::bind;
use crate::directory::Directory;
use crate::model::{Change, Context, LdapError, ResultCode};
use crate::rootdse;

/// What the edge has to do, in order.
#[derive(Debug)]
pub enum Effect {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Make the change durable and send `done`; where that fails take it back and send `lost`.
    Commit {
        /// What was changed.
        change: Change,
        /// The answer if it is durable.
        done: Vec<u8>,
        /// The answer if it is not.
        lost: Vec<u8>,
    },
    /// Begin TLS, acting as the server.
    StartTls,
    /// Close the connection.
    Close,
    /// Tell the trace what happened.
    Report {
        /// Name of the event.
        name: &'static str,
        /// Its fields.
        fields: Fields,
    },
}

/// What a port serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The domain controller itself.
    Directory,
    /// The global catalog: every naming context, for reading only.
    GlobalCatalog,
}

/// One connection.
pub struct Session {
    pub(super) host: String,
    pub(super) client: String,
    pub(super) service: Service,
    pub(super) sealed: bool,
    pub(super) token: Arc<Token>,
    /// `DOMAIN\name` of who is bound.
    pub(super) name: Option<String>,
    pub(super) pages: Pages,
    pub(super) encoder: Encoder,
}

/// The world as it is when a message arrives.
pub struct Moment<'a> {
    /// The directory.
    pub directory: &'a mut Directory,
    /// The domain controller's time.
    pub now: FileTime,
    /// Where new GUIDs come from.
    pub entropy: &'a Entropy,
}

/// Collects the fields of an event.
pub(crate) fn fields<const N: usize>(pairs: [(&str, serde_json::Value); N]) -> Fields {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

impl Session {
    /// A connection from `client` that `host` has just accepted.
    #[must_use]
    pub fn new(host: &str, client: &str, service: Service, sealed: bool) -> Self {
        Self {
            host: host.to_owned(),
            client: client.to_owned(),
            service,
            sealed,
            token: Arc::new(Token::anonymous()),
            name: None,
            pages: Pages::default(),
            encoder: Encoder::new(),
        }
    }

    /// The connection is encrypted from now on. Who was bound is forgotten (RFC 4513 section 3.1.5).
    pub fn on_sealed(&mut self) {
        self.sealed = true;
        self.unbind();
    }

    /// A request has arrived.
    pub fn on_message(&mut self, moment: &mut Moment<'_>, message: Message) -> Vec<Effect> {
        let Message {
            id,
            operation,
            controls,
        } = message;
        match operation {
            Operation::Unbind => vec![Effect::Close],
            // Requests are answered one after the other, so nothing is ever left to abandon.
            Operation::Abandon { .. } => Vec::new(),
            Operation::Bind {
                version,
                name,
                credentials,
            } => self.bind(moment, id, version, &name, &credentials),
            Operation::Extended { oid, .. } => self.extended(id, &oid),
            other => {
                let answer_tag = answer_tag(&other);
                let done = self.served(moment, id, other, &controls);
                done.unwrap_or_else(|error| vec![self.failed(id, answer_tag, &error)])
            }
        }
    }

    /// Something has arrived that is no request: says so and closes (RFC 4511 section 4.1.1).
    pub fn on_garbage(&mut self, reason: &str) -> Vec<Effect> {
        self.disconnect(ResultCode::ProtocolError, reason)
    }

    /// Ends the connection with a notice of disconnection.
    pub fn disconnect(&mut self, code: ResultCode, reason: &str) -> Vec<Effect> {
        let outcome = Outcome::failure(u32::from(code as u8), reason);
        let mut bytes = Vec::new();
        let notice = Some(extension::NOTICE_OF_DISCONNECTION);
        self.encoder.extended(&mut bytes, 0, &outcome, notice, None);
        let report = Effect::Report {
            name: "ldap.disconnect",
            fields: fields([
                ("client", field(&self.client)),
                ("code", field(code as u8)),
                ("reason", field(reason)),
            ]),
        };
        vec![report, Effect::Send(bytes), Effect::Close]
    }

    /// The circumstances of an operation by whoever is bound.
    pub(super) fn context(&self, moment: &Moment<'_>) -> Context {
        Context {
            token: Arc::clone(&self.token),
            now: moment.now,
            sealed: self.sealed,
            entropy: moment.entropy.clone(),
        }
    }

    /// An answer without entries.
    pub(super) fn answer(&mut self, id: i32, tag: u8, outcome: &Outcome) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encoder.outcome(&mut bytes, id, tag, outcome, &[]);
        bytes
    }

    /// The effect that makes a change durable before it is answered with success.
    pub(super) fn commit(&mut self, id: i32, tag: u8, change: Change) -> Effect {
        let lost = LdapError::service(ResultCode::Unavailable, 0x200f, "5002 (UNAVAILABLE)");
        Effect::Commit {
            change,
            done: self.answer(id, tag, &Outcome::success()),
            lost: self.answer(id, tag, &Outcome::from(&lost)),
        }
    }

    fn failed(&mut self, id: i32, tag: u8, error: &LdapError) -> Effect {
        Effect::Send(self.answer(id, tag, &Outcome::from(error)))
    }

    fn served(
        &mut self,
        moment: &mut Moment<'_>,
        id: i32,
        operation: Operation,
        controls: &[Control],
    ) -> Result<Vec<Effect>, LdapError> {
        let controls = Controls::read(controls)?;
        if self.token.kind == TokenKind::Anonymous && !search::is_root_dse(&operation) {
            return Err(must_bind_first());
        }
        match operation {
            operation @ Operation::Search { .. } => search::serve(self, moment, id, operation, controls),
            operation => writes::serve(self, moment, id, operation, &controls),
        }
    }

    fn bind(
        &mut self,
        moment: &mut Moment<'_>,
        id: i32,
        version: i64,
        name: &str,
        credentials: &Credentials,
    ) -> Vec<Effect> {
        self.unbind();
        let result = match credentials {
            _ if version != 3 => Err(LdapError::new(
                ResultCode::ProtocolError,
                "00000057: LdapErr: DSID-0C0903D0, comment: Error decoding ldap message, data 0, v1db1",
            )),
            Credentials::Simple(password) if password.is_empty() => Ok(None),
            Credentials::Simple(password) => {
                bind::simple(moment.directory, moment.now, self.sealed, name, password).map(Some)
            }
            Credentials::Sasl(_) | Credentials::Unknown(_) => Err(LdapError::new(
                ResultCode::AuthMethodNotSupported,
                "00002027: LdapErr: DSID-0C0905AD, comment: The authentication method is not supported, data 0, v1db1",
            )),
        };
        let (outcome, updates) = match result {
            Ok(None) => (Outcome::success(), None),
            Err(error) => (Outcome::from(&error), None),
            Ok(Some(attempt)) => {
                let outcome = match attempt.result {
                    Ok(login) => {
                        self.token = Arc::new(login.token);
                        self.name = Some(login.name);
                        Outcome::success()
                    }
                    Err(error) => Outcome::from(&error),
                };
                (outcome, Some((attempt.account, attempt.updates)))
            }
        };
        let report = self.bind_report(name, &outcome);
        let sent = self.answer(id, answer::BIND, &outcome);
        let change = updates.and_then(|(account, updates)| {
            let account = account?;
            moment.directory.update(moment.now, account, &updates).ok()
        });
        let last = match change.filter(|change| !change.is_empty()) {
            // A logon counts even where its time cannot be written down.
            Some(change) => Effect::Commit {
                change,
                done: sent.clone(),
                lost: sent,
            },
            None => Effect::Send(sent),
        };
        vec![report, last]
    }

    fn bind_report(&self, name: &str, outcome: &Outcome) -> Effect {
        let data = bind::data_of(&outcome.diagnostic);
        let mut fields = fields([
            ("client", field(&self.client)),
            ("name", field(name)),
            ("sealed", field(self.sealed)),
            ("code", field(outcome.code)),
        ]);
        if let Some(data) = data {
            fields.insert("data".to_owned(), field(data));
        }
        Effect::Report {
            name: "ldap.bind",
            fields,
        }
    }

    fn extended(&mut self, id: i32, oid: &str) -> Vec<Effect> {
        let mut bytes = Vec::new();
        match oid {
            extension::WHO_AM_I => {
                let name = self.name.as_ref().map(|name| format!("u:{name}"));
                let value = name.unwrap_or_default();
                let outcome = Outcome::success();
                self.encoder
                    .extended(&mut bytes, id, &outcome, None, Some(value.as_bytes()));
                vec![Effect::Send(bytes)]
            }
            extension::START_TLS if self.sealed => {
                let outcome = Outcome::failure(
                    u32::from(ResultCode::OperationsError as u8),
                    "00000000: LdapErr: DSID-0C090EBC, comment: TLS or SSL already in effect, data 0, v1db1",
                );
                self.encoder.extended(&mut bytes, id, &outcome, Some(oid), None);
                vec![Effect::Send(bytes)]
            }
            extension::START_TLS => {
                let outcome = Outcome::success();
                self.encoder.extended(&mut bytes, id, &outcome, Some(oid), None);
                vec![Effect::Send(bytes), Effect::StartTls]
            }
            _ => {
                let outcome = Outcome::failure(
                    u32::from(ResultCode::ProtocolError as u8),
                    "0000203D: LdapErr: DSID-0C090B9F, comment: Unknown extended request OID, data 0, v1db1",
                );
                self.encoder.extended(&mut bytes, id, &outcome, None, None);
                vec![Effect::Send(bytes)]
            }
        }
    }

    fn unbind(&mut self) {
        self.token = Arc::new(Token::anonymous());
        self.name = None;
        self.pages = Pages::default();
    }
}

/// The answer's tag for an operation that has one.
fn answer_tag(operation: &Operation) -> u8 {
    match operation {
        Operation::Search { .. } => answer::SEARCH_DONE,
        Operation::Modify { .. } => answer::MODIFY,
        Operation::Add { .. } => answer::ADD,
        Operation::Delete { .. } => answer::DELETE,
        Operation::ModifyDn { .. } => answer::MODIFY_DN,
        Operation::Compare { .. } => answer::COMPARE,
        Operation::Bind { .. } => answer::BIND,
        Operation::Extended { .. } | Operation::Unbind | Operation::Abandon { .. } => answer::EXTENDED,
    }
}

/// AD's answer to whoever asks for more than the rootDSE without having bound.
fn must_bind_first() -> LdapError {
    LdapError::new(
        ResultCode::OperationsError,
        "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind \
         must be completed on the connection., data 0, v1db1",
    )
}

/// The rootDSE for a search of it.
pub(super) fn root_dse(
    session: &mut Session,
    moment: &Moment<'_>,
    id: i32,
    asked: &[String],
    types_only: bool,
) -> Vec<u8> {
    let mut entry = rootdse::read(moment.directory, &session.host, moment.now, asked);
    if types_only {
        entry.attributes.iter_mut().for_each(|(_, values)| values.clear());
    }
    let mut bytes = Vec::new();
    session.encoder.entry(&mut bytes, id, &entry);
    let outcome = Outcome::success();
    session
        .encoder
        .outcome(&mut bytes, id, answer::SEARCH_DONE, &outcome, &[]);
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use provlab_protocol::ber::{self, Reader, Writer};
    use provlab_protocol::ldap;
    use provlab_protocol::ldap::request;

    use super::super::message;
    use super::*;
    use crate::testing::{NOW, PASSWORD, forest, ldap_request};

    /// Requests of every kind, as a stock client sends them.
    fn requests() -> Vec<Vec<u8>> {
        let dn = |writer: &mut Writer| {
            writer.octets(b"CN=alice,CN=Users,DC=contoso,DC=com");
        };
        vec![
            ldap_request(request::BIND, |writer| {
                writer.element(ldap::SIMPLE, PASSWORD.as_bytes());
                writer.octets(b"CONTOSO\\alice");
                writer.integer(3);
            }),
            ldap_request(request::SEARCH, |writer| {
                let names = writer.mark();
                writer.octets(b"cn");
                writer.wrap(ber::SEQUENCE, names);
                let filter = writer.mark();
                writer.octets(b"alice");
                writer.octets(b"sAMAccountName");
                writer.wrap(ldap::filter::EQUALITY, filter);
                writer.boolean(false);
                writer.integer(0);
                writer.integer(0);
                writer.enumerated(0);
                writer.enumerated(2);
                writer.octets(b"DC=contoso,DC=com");
            }),
            ldap_request(request::MODIFY, |writer| {
                let list = writer.mark();
                writer.octets(b"Tea");
                writer.wrap(ber::SET, list);
                writer.octets(b"department");
                writer.wrap(ber::SEQUENCE, list);
                writer.enumerated(2);
                writer.wrap(ber::SEQUENCE, list);
                writer.wrap(ber::SEQUENCE, list);
                dn(writer);
            }),
            ldap_request(request::MODIFY_DN, |writer| {
                writer.boolean(true);
                writer.octets(b"CN=alicia");
                dn(writer);
            }),
            ldap_request(request::COMPARE, |writer| {
                let assertion = writer.mark();
                writer.octets(b"alice");
                writer.octets(b"cn");
                writer.wrap(ber::SEQUENCE, assertion);
                dn(writer);
            }),
            ldap_request(request::EXTENDED, |writer| {
                writer.element(0x80, extension::WHO_AM_I.as_bytes());
            }),
        ]
    }

    fn session(sealed: bool) -> Session {
        Session::new("dc1.contoso.com", "host1.contoso.com", Service::Directory, sealed)
    }

    fn run(session: &mut Session, directory: &mut Directory, bytes: &[u8]) -> Vec<Effect> {
        let entropy = Entropy::seeded(3);
        let mut moment = Moment {
            directory,
            now: NOW,
            entropy: &entropy,
        };
        match message::decode(bytes) {
            Ok(message) => session.on_message(&mut moment, message),
            Err(error) => session.on_garbage(&error.to_string()),
        }
    }

    /// Tag and result code of the last answer among the effects.
    fn outcome(effects: &[Effect]) -> (u8, i64) {
        let bytes = effects.iter().rev().find_map(|effect| match effect {
            Effect::Send(bytes) | Effect::Commit { done: bytes, .. } => Some(bytes),
            _ => None,
        });
        let mut messages = Reader::new(bytes.unwrap());
        let mut last = None;
        while !messages.is_empty() {
            let mut message = messages.sequence().unwrap();
            message.integer().unwrap();
            last = Some(message.element().unwrap());
        }
        let (tag, body) = last.unwrap();
        (tag, Reader::new(body).enumerated().unwrap())
    }

    #[test]
    fn who_has_not_bound_gets_the_root_alone() {
        let mut directory = forest();
        for bytes in &requests()[1..5] {
            let effects = run(&mut session(true), &mut directory, bytes);
            assert_eq!(outcome(&effects).1, 1);
        }
    }

    #[test]
    fn a_bound_session_works_and_forgets_by_binding_again() {
        let mut directory = forest();
        let mut session = session(true);
        let all = requests();
        let effects = run(&mut session, &mut directory, &all[0]);
        assert_eq!(outcome(&effects), (answer::BIND, 0));
        assert_eq!(session.name.as_deref(), Some("CONTOSO\\alice"));
        let effects = run(&mut session, &mut directory, &all[1]);
        assert_eq!(outcome(&effects), (answer::SEARCH_DONE, 0));
        assert_eq!(
            outcome(&run(&mut session, &mut directory, &all[2])),
            (answer::MODIFY, 50)
        );
        assert_eq!(
            outcome(&run(&mut session, &mut directory, &all[4])),
            (answer::COMPARE, 6)
        );
        session.on_sealed();
        assert_eq!(outcome(&run(&mut session, &mut directory, &all[1])).1, 1);
    }

    #[test]
    fn in_clear_no_password_is_taken() {
        let mut directory = forest();
        let effects = run(&mut session(false), &mut directory, &requests()[0]);
        assert_eq!(outcome(&effects), (answer::BIND, 8));
    }

    #[test]
    fn the_global_catalog_is_read_only() {
        let mut directory = forest();
        let mut session = Session {
            service: Service::GlobalCatalog,
            token: Arc::new(Token::system()),
            ..session(true)
        };
        let all = requests();
        assert_eq!(
            outcome(&run(&mut session, &mut directory, &all[2])),
            (answer::MODIFY, 53)
        );
        assert_eq!(
            outcome(&run(&mut session, &mut directory, &all[1])),
            (answer::SEARCH_DONE, 0)
        );
    }

    #[test]
    fn no_report_shows_a_value_or_a_password() {
        let mut directory = forest();
        let mut session = session(true);
        session.token = Arc::new(Token::system());
        for bytes in requests() {
            for effect in run(&mut session, &mut directory, &bytes) {
                if let Effect::Report { fields, .. } = effect {
                    let text = serde_json::to_string(&fields).unwrap();
                    assert!(!text.contains(PASSWORD) && !text.contains("Tea"), "{text}");
                }
            }
        }
    }

    /// Damaged requests that are fed to a session in all.
    const DAMAGED: u64 = 100_000;

    #[test]
    fn damaged_requests_never_do_harm() {
        let mut directory = forest();
        let entropy = Entropy::seeded(11);
        let all = requests();
        let pick = |bound: usize| usize::try_from(entropy.below(bound as u64)).unwrap();
        for round in 0..DAMAGED {
            let mut bytes = all[pick(all.len())].clone();
            for _ in 0..=pick(3) {
                let at = pick(bytes.len());
                match pick(4) {
                    0 => bytes[at] ^= 1 << pick(8),
                    1 => bytes[at] = [0x00, 0x7f, 0x80, 0xff][pick(4)],
                    2 => bytes.insert(at, bytes[pick(bytes.len())]),
                    _ => {
                        bytes.remove(at);
                    }
                }
            }
            let mut session = session(true);
            if round % 50 == 0 {
                session.token = Arc::new(Token::system());
            }
            let _ = run(&mut session, &mut directory, &bytes);
        }
    }
}
