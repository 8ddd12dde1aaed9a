//! A running directory server, whichever it is: where it listens, and what can be done to it.

mod faults;
mod kind;
mod launch;
mod watch;

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ldap3::Ldap;
use provlab_platform::Endpoint;
use provlab_platform::event;
use provlab_platform::net::real::NameTable;
use provlab_platform::trace::{Part, Trace};
use secrecy::SecretString;
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::{ContainerAsync, GenericImage};
use tokio::sync::watch::Sender;

pub use kind::Kind;
use launch::start_container;
pub(crate) use launch::{File, Launch};
pub use launch::{MEMORY_LIMIT_BYTES, PROCESS_LIMIT};
pub use watch::MAX_LOG_LINES;

use crate::exec::{Output, exec};
use crate::ports::Published;
use crate::ready::{Administrator, Attempt};
use crate::{ContainerError, Engine};

/// How long a server may take from the start of its container to the administrator's first bind.
pub const READY_LIMIT: Duration = Duration::from_secs(60);

/// The port of LDAP over TLS, which every server here has.
const LDAPS: u16 = 636;

/// Whether the container is meant to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    Running,
    Stopped,
}

/// A directory server in a container. Dropping it removes the container.
///
/// Drop it, or call [`Server::remove`], inside a tokio runtime. Signals are the program's own affair: one that ends without
/// dropping its servers leaves them to [`sweep_own`](crate::sweep::sweep_own) or to the next [`sweep`](crate::sweep::sweep).
pub struct Server {
    kind: Kind,
    engine: Engine,
    container: ContainerAsync<GenericImage>,
    published: Published,
    names: NameTable,
    administrator: Administrator,
    meant: Sender<Meant>,
    trace: Trace,
    /// Microseconds.
    ready_in: AtomicU64,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("kind", &self.kind)
            .field("container", &self.container.id())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Starts the container and waits until the administrator that `of` makes for the LDAPS address is bound.
    pub(crate) async fn launch(
        engine: &Engine,
        launch: &Launch<'_>,
        of: impl Fn(SocketAddr) -> Result<Administrator, ContainerError>,
        trace: &Trace,
    ) -> Result<(Self, Ldap, Instant), ContainerError> {
        let started = Instant::now();
        let (container, published) = start_container(engine, launch).await?;
        let mut names = NameTable::new();
        for (port, address) in published.iter() {
            for host in &launch.hosts {
                names.insert(&Endpoint::new(host, port), address);
            }
        }
        let host = launch.hosts.first().map_or("", String::as_str);
        let server = Self {
            kind: launch.kind,
            engine: engine.clone(),
            administrator: of(published.address(LDAPS).unwrap_or(([127, 0, 0, 1], LDAPS).into()))?,
            container,
            published,
            names,
            meant: Sender::new(Meant::Running),
            trace: trace.for_host(host),
            ready_in: AtomicU64::new(0),
        };
        let ldap = match server.wait_answer().await? {
            Attempt::Bound(ldap) => ldap,
            Attempt::Refused(detail) | Attempt::Unreached(detail) => {
                return Err(server.refused("let its administrator bind", detail));
            }
        };
        server.ready_since(started);
        Ok((server, ldap, started))
    }

    /// From here on the administrator has this password; the server is ready once it has bound with it.
    pub(crate) async fn ready(
        mut self,
        password: &SecretString,
        since: Instant,
    ) -> Result<Self, ContainerError> {
        self.administrator = self.administrator.with_password(password);
        match self.wait_answer().await? {
            Attempt::Bound(_) => {}
            Attempt::Refused(detail) | Attempt::Unreached(detail) => {
                return Err(self.refused("let its administrator bind", detail));
            }
        }
        self.ready_since(since);
        Ok(self)
    }

    fn ready_since(&self, started: Instant) {
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.ready_in.store(micros, Ordering::Relaxed);
    }

    /// Tells the trace that the server is ready.
    pub(crate) fn announce(&self) {
        let millis = u64::try_from(self.ready_in().as_millis()).unwrap_or(u64::MAX);
        event!(
            self.trace,
            Part::Directory,
            "container.ready",
            kind = self.kind.as_str(),
            ms = millis
        );
    }

    pub(crate) fn refused(&self, doing: &'static str, detail: String) -> ContainerError {
        ContainerError::Server {
            kind: self.kind,
            doing,
            detail,
        }
    }

    /// The kind of server.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The engine's identifier of the container.
    #[must_use]
    pub fn container_id(&self) -> &str {
        self.container.id()
    }

    /// Every name and port by which the world knows the server, with the address on this machine. Addresses last as long
    /// as the server: restarts keep them.
    #[must_use]
    pub fn names(&self) -> &NameTable {
        &self.names
    }

    /// The address on this machine of a port that the world knows, such as 636.
    #[must_use]
    pub fn address(&self, port: u16) -> Option<SocketAddr> {
        self.published.address(port)
    }

    /// From the start of the container to the first bind of the administrator, or the same after the last
    /// [`Server::start`] or [`Server::restart`].
    #[must_use]
    pub fn ready_in(&self) -> Duration {
        Duration::from_micros(self.ready_in.load(Ordering::Relaxed))
    }

    /// The name that the administrator binds with.
    #[must_use]
    pub fn administrator(&self) -> &str {
        &self.administrator.name
    }

    /// Runs a command as root in the container and waits for its end, with `input` on its standard input. Secrets belong
    /// there: command lines are visible.
    ///
    /// # Errors
    /// [`ContainerError::Refused`] if it cannot be run; a command that fails is no error, see [`Output::status`].
    pub async fn exec(&self, command: &[&str], input: &[u8]) -> Result<Output, ContainerError> {
        exec(&self.engine.docker, self.container.id(), command, input).await
    }

    fn engine_error(&self, verb: &str, error: &EngineError) -> ContainerError {
        ContainerError::engine(format!("{verb} the {} container", self.kind), error)
    }
}
