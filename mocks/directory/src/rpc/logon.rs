//! Who is at the other end: an NTLM logon in the PDUs of a bind.

use std::sync::Arc;

use provlab_platform::trace::field;
use provlab_protocol::dcerpc::{AuthLevel, AuthTrailer, AuthType};
use provlab_protocol::ntlm::{self, NtlmError, ServerNames};

use crate::access::Token;
use crate::bind;
use crate::directory::Directory;
use crate::model::Change;
use crate::server::session::{Effect, Moment, fields};

/// How far the logon of a connection has come.
#[derive(Debug, Default)]
pub(super) enum Logon {
    /// Nobody has said anything.
    #[default]
    Anonymous,
    /// The challenge was sent.
    Challenged {
        server: Box<ntlm::Server>,
        level: AuthLevel,
        context_id: u32,
    },
    /// An account has proved who it is.
    Done(Box<Caller>),
    /// It went wrong: every call is refused.
    Refused,
}

/// An account that has proved who it is.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) token: Arc<Token>,
    /// `DOMAIN\name`.
    pub(super) name: String,
    pub(super) session: ntlm::Context,
    pub(super) level: AuthLevel,
    pub(super) context_id: u32,
}

impl Caller {
    /// Whether what it says and hears is sealed.
    pub(super) fn has_privacy(&self) -> bool {
        self.level == AuthLevel::PRIVACY
    }
}

/// The first token: a challenge to send back.
pub(super) fn begin(
    moment: &Moment<'_>,
    host: &str,
    trailer: &AuthTrailer,
) -> Result<(Logon, AuthTrailer), NtlmError> {
    let mut challenge = [0; 8];
    moment.entropy.fill(&mut challenge);
    let names = names_of(moment.directory, host);
    let (server, answer) = ntlm::Server::challenge(&names, &trailer.value, challenge, moment.now)?;
    let logon = Logon::Challenged {
        server: Box::new(server),
        level: trailer.level,
        context_id: trailer.context_id,
    };
    let answer = AuthTrailer {
        kind: AuthType::NTLM,
        level: trailer.level,
        context_id: trailer.context_id,
        value: answer,
    };
    Ok((logon, answer))
}

fn names_of(directory: &Directory, host: &str) -> ServerNames {
    let identity = directory.identity();
    ServerNames {
        netbios_computer: host.split('.').next().unwrap_or(host).to_uppercase(),
        netbios_domain: identity.netbios_name.clone(),
        dns_computer: host.to_owned(),
        dns_domain: identity.domain.clone(),
        dns_forest: identity.domain.clone(),
    }
}

/// The third token: a caller, or none; and what the directory remembers of it.
pub(super) fn finish(
    moment: &mut Moment<'_>,
    client: &str,
    (server, level, context_id): (ntlm::Server, AuthLevel, u32),
    token: &[u8],
) -> (Logon, Vec<Effect>) {
    let claim = match server.claim(token) {
        Ok(claim) => claim,
        Err(error) => {
            let reason = field(error.to_string());
            return (Logon::Refused, vec![report(client, "", [("reason", reason)])]);
        }
    };
    let attempt = bind::by_ntlm(moment.directory, moment.now, &claim);
    let change = attempt
        .account
        .filter(|_| !attempt.updates.is_empty())
        .and_then(|account| {
            moment
                .directory
                .update(moment.now, account, &attempt.updates)
                .ok()
        });
    let (logon, outcome) = match attempt.result {
        Ok((login, session)) => {
            let outcome = report(client, &login.name, [("outcome", field("success"))]);
            let caller = Caller {
                token: Arc::new(login.token),
                name: login.name,
                session,
                level,
                context_id,
            };
            (Logon::Done(Box::new(caller)), outcome)
        }
        Err(failure) => {
            let data = field(format!("{:x}", failure.data()));
            let name = format!("{}\\{}", claim.domain(), claim.user());
            (Logon::Refused, report(client, &name, [("data", data)]))
        }
    };
    let commit = change.filter(|change| !change.is_empty()).map(remember);
    (logon, commit.into_iter().chain([outcome]).collect())
}

/// A logon counts even where its time cannot be written down.
fn remember(change: Change) -> Effect {
    Effect::Commit {
        change,
        done: Vec::new(),
        lost: Vec::new(),
    }
}

fn report(client: &str, name: &str, outcome: [(&str, serde_json::Value); 1]) -> Effect {
    let mut all = fields([("client", field(client)), ("name", field(name))]);
    all.extend(fields(outcome));
    Effect::Report {
        name: "rpc.logon",
        fields: all,
    }
}
