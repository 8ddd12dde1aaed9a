//! A domain controller that computes an answer once and plays it back ever after, so that a client's own cost shows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use provlab_agent::directory::ldap::{
    DEFAULT_TIMEOUT, Entry, Filter, LDAPS_PORT, LdapConnection, Scope, Search,
};
use provlab_agent::directory::open_session;
use provlab_directory::Directory;
use provlab_directory::server::Service;
use provlab_directory::server::message;
use provlab_directory::server::session::{Effect, Moment, Session};
use provlab_entra::engine::{PAGE_SIZE, requested_attributes};
use provlab_platform::net::sim::SimNetwork;
use provlab_platform::{Clock, Endpoint, Entropy, Listener, Net, Stream, Trace};
use provlab_protocol::scim::{ChangeQuery, ListResponse, ResourceType, Watermark};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Runtime;

use crate::SEED;
use crate::forest::{ADMINISTRATOR, DOMAIN, NOW, PASSWORD};

/// Name of the domain controller.
pub const CONTROLLER: &str = "dc1.contoso.com";
/// Bytes read from a stream at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// One request and what the server said to it: whole LDAP messages, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The request.
    pub request: Vec<u8>,
    /// The answer with all its entries.
    pub answer: Vec<u8>,
}

/// A domain controller with the agent's LDAP client in front of it, in a simulated world of their own without latency.
///
/// The client's streams count as sealed without TLS, which the simulated network only models anyway.
pub struct Controller {
    runtime: Runtime,
    clock: Clock,
    door: Arc<dyn Net>,
    state: Arc<Mutex<Recorder>>,
}

impl Controller {
    /// Starts a domain controller that serves `directory`.
    ///
    /// # Panics
    /// If the machine gives no runtime.
    #[must_use]
    pub fn new(directory: Directory) -> Self {
        let runtime = provlab_platform::sim::runtime(SEED).expect("a runtime without I/O needs no resources");
        let state = Arc::new(Mutex::new(Recorder::new(directory)));
        let shared = Arc::clone(&state);
        let (clock, door) = runtime.block_on(async move {
            let clock = Clock::simulated(OffsetDateTime::UNIX_EPOCH);
            let network = SimNetwork::with_latency(&clock, &Trace::discard(), Duration::ZERO);
            let listening = network.door(CONTROLLER).listen(&endpoint()).await;
            tokio::spawn(accept(listening.expect("nobody else listens there"), shared));
            (clock, network.door("client.contoso.com"))
        });
        Self {
            runtime,
            clock,
            door,
            state,
        }
    }

    /// Changes the directory behind the server's back; what was recorded is forgotten.
    pub fn change<T>(&self, work: impl FnOnce(&mut Directory) -> T) -> T {
        let mut recorder = lock(&self.state);
        recorder.exchanges.clear();
        recorder.known.clear();
        work(&mut recorder.directory)
    }

    /// What was said since the start or the last [`change`](Self::change), each exchange once.
    #[must_use]
    pub fn recording(&self) -> Vec<Exchange> {
        lock(&self.state).exchanges.clone()
    }

    /// Signs on and reads everybody, page by page, as the agent's client does.
    ///
    /// # Panics
    /// If the server refuses.
    #[must_use]
    pub fn read_people(&self) -> Vec<Entry> {
        self.runtime.block_on(async {
            let search = Search {
                base: "DC=contoso,DC=com".to_owned(),
                scope: Scope::Subtree,
                filter: people(),
                attributes: requested_attributes(),
            };
            let found = self.connect().await.search_paged(&search, &[]).await;
            found.expect("an administrator may read")
        })
    }

    /// Signs on and asks for one page of changes, as the agent does for the cloud.
    ///
    /// # Panics
    /// If the server refuses.
    #[must_use]
    pub fn changes(&self, watermark: Option<Watermark>) -> ListResponse {
        let types = vec![ResourceType::User, ResourceType::Group];
        let query = ChangeQuery::new(DOMAIN, types, requested_attributes(), watermark, PAGE_SIZE);
        self.runtime.block_on(async {
            let session = open_session(self.connect().await, DOMAIN).await;
            let mut session = session.expect("the root DSE can be read");
            session
                .changes(&query)
                .await
                .expect("an administrator may replicate")
        })
    }

    /// Every page of changes since a watermark.
    #[must_use]
    pub fn all_changes(&self, since: Option<Watermark>) -> Vec<ListResponse> {
        let mut pages = vec![self.changes(since)];
        while let Some(last) = pages.last().filter(|page| page.more_results) {
            let watermark = last.cookie.clone();
            pages.push(self.changes(Some(watermark)));
        }
        pages
    }

    async fn connect(&self) -> LdapConnection {
        let stream = self.door.connect(&endpoint()).await.expect("the server listens");
        let mut connection = LdapConnection::over(stream, endpoint(), self.clock.clone(), DEFAULT_TIMEOUT);
        let bound = connection.bind(ADMINISTRATOR, &PASSWORD.into()).await;
        bound.expect("the password is right");
        connection
    }
}

fn endpoint() -> Endpoint {
    Endpoint::new(CONTROLLER, LDAPS_PORT)
}

/// [`PEOPLE`](crate::forest::PEOPLE) in the client's own form.
fn people() -> Filter {
    let class = |name| Filter::equal("objectClass", name);
    Filter::And(vec![class("user"), Filter::Not(Box::new(class("computer")))])
}

/// A connection's session in the pure server, for measuring the server without any stream.
pub struct Bound {
    session: Session,
    directory: Directory,
    entropy: Entropy,
}

impl Bound {
    /// A session on which the bind that opens `recording` was done.
    ///
    /// # Panics
    /// If the recording is empty.
    #[must_use]
    pub fn new(directory: Directory, recording: &[Exchange]) -> Self {
        let mut bound = Self {
            session: session(),
            directory,
            entropy: Entropy::seeded(SEED),
        };
        let bind = recording.first().expect("every recording opens with a bind");
        bound.answer(&bind.request);
        bound
    }

    /// Decodes a request, performs it and gives the encoded answer.
    ///
    /// # Panics
    /// If the request is no LDAP message.
    pub fn answer(&mut self, request: &[u8]) -> Vec<u8> {
        answer(&mut self.session, &mut self.directory, &self.entropy, request)
    }
}

fn session() -> Session {
    Session::new(CONTROLLER, "client.contoso.com", Service::Directory, true)
}

fn answer(session: &mut Session, directory: &mut Directory, entropy: &Entropy, request: &[u8]) -> Vec<u8> {
    let message = message::decode(request).expect("the agent's client speaks LDAP");
    let mut moment = Moment {
        directory,
        now: NOW,
        entropy,
    };
    let mut bytes = Vec::new();
    for effect in session.on_message(&mut moment, message) {
        match effect {
            Effect::Send(part) | Effect::Commit { done: part, .. } => {
                if bytes.is_empty() {
                    bytes = part;
                } else {
                    bytes.extend_from_slice(&part);
                }
            }
            Effect::StartTls | Effect::Close | Effect::Report { .. } => {}
        }
    }
    bytes
}

/// What the server remembers over all connections.
struct Recorder {
    directory: Directory,
    entropy: Entropy,
    exchanges: Vec<Exchange>,
    known: BTreeMap<Vec<u8>, usize>,
}

impl Recorder {
    fn new(directory: Directory) -> Self {
        Self {
            directory,
            entropy: Entropy::seeded(SEED),
            exchanges: Vec::new(),
            known: BTreeMap::new(),
        }
    }
}

fn lock(state: &Mutex<Recorder>) -> MutexGuard<'_, Recorder> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: Listener, state: Arc<Mutex<Recorder>>) {
    while let Ok(stream) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&state)));
    }
}

async fn serve(mut stream: Stream, state: Arc<Mutex<Recorder>>) {
    let mut connection = Connection {
        session: session(),
        unseen: Vec::new(),
    };
    let mut waiting = Vec::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        waiting.extend_from_slice(&chunk[..count]);
        while let Some(length) = message_length(&waiting) {
            let request: Vec<u8> = waiting.drain(..length).collect();
            let answer = connection.answer(&mut lock(&state), request);
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

/// One client as the server sees it.
struct Connection {
    session: Session,
    /// Requests that were answered out of the recording and that the session has not heard of.
    unseen: Vec<Vec<u8>>,
}

impl Connection {
    fn answer(&mut self, recorder: &mut Recorder, request: Vec<u8>) -> Vec<u8> {
        if let Some(exchange) = recorder
            .known
            .get(&request)
            .and_then(|at| recorder.exchanges.get(*at))
        {
            self.unseen.push(request);
            return exchange.answer.clone();
        }
        let Recorder {
            directory, entropy, ..
        } = recorder;
        for missed in self.unseen.drain(..) {
            answer(&mut self.session, directory, entropy, &missed);
        }
        let answer = answer(&mut self.session, directory, entropy, &request);
        recorder.known.insert(request.clone(), recorder.exchanges.len());
        recorder.exchanges.push(Exchange {
            request,
            answer: answer.clone(),
        });
        answer
    }
}

/// Length of the LDAP message at the front, once all of it is there.
fn message_length(bytes: &[u8]) -> Option<usize> {
    let (&first, rest) = bytes.get(1..)?.split_first()?;
    let (header, contents) = match first {
        short @ 0..=0x7f => (2, usize::from(short)),
        long => {
            let digits = rest.get(..usize::from(long & 0x7f))?;
            let contents = digits
                .iter()
                .fold(0, |sum, digit| (sum << 8) | usize::from(*digit));
            (2 + digits.len(), contents)
        }
    };
    let length = header + contents;
    (bytes.len() >= length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::{forest, relocate};

    #[test]
    fn what_is_played_back_is_what_was_computed() {
        let controller = Controller::new(forest(40));
        let computed = controller.read_people();
        let exchanges = controller.recording().len();
        // Administrator, Guest and krbtgt are people by class, too.
        assert!(computed.len() > 40);
        assert_eq!(controller.read_people(), computed);
        assert_eq!(controller.recording().len(), exchanges);
    }

    #[test]
    fn a_delta_follows_a_recorded_start() {
        let controller = Controller::new(forest(40));
        let first = controller.all_changes(None);
        assert_eq!(controller.all_changes(None), first);
        let known = first.last().map(|page| page.cookie.clone());
        controller.change(|directory| relocate(directory, 5, "Ockham"));
        let delta = controller.all_changes(known);
        let changed: usize = delta.iter().map(|page| page.resources.len()).sum();
        assert_eq!(changed, 5);
    }
}
