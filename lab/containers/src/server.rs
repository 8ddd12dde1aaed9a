//! A running directory server, whichever it is: where it listens, and what can be done to it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use ldap3::Ldap;
use provlab_platform::Endpoint;
use provlab_platform::event;
use provlab_platform::net::real::NameTable;
use provlab_platform::trace::{Part, Trace};
use secrecy::SecretString;
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::bollard::models::HostConfig;
use testcontainers::bollard::query_parameters::{
    KillContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
    StopContainerOptionsBuilder, WaitContainerOptions,
};
use testcontainers::core::IntoContainerPort;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, CopyTargetOptions, GenericImage, ImageExt};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::error::{Tail, library_text};
use crate::exec::{Output, exec};
use crate::owner::{Boot, label};
use crate::ports::{Port, Published};
use crate::ready::{ATTEMPT_EVERY, Administrator, Attempt, is_open};
use crate::{ContainerError, Engine, Owner};

/// How long a server may take from the start of its container to the administrator's first bind.
pub const READY_LIMIT: Duration = Duration::from_secs(60);

/// How long a server may take to end by itself before it is killed, in seconds.
const STOP_LIMIT_SECONDS: i32 = 10;

/// Memory that a container may take; both servers need less than a quarter of it.
pub const MEMORY_LIMIT_BYTES: i64 = 1 << 30;

/// Processes that a container may have; Samba has about 40.
pub const PROCESS_LIMIT: i64 = 512;

/// Lines of a container's log that [`Server::logs`] gives, the last ones.
pub const MAX_LOG_LINES: usize = 1000;

/// Bytes that those lines may have together.
const MAX_LOG_BYTES: usize = 1 << 20;

/// How often other ports are chosen when somebody took one between the choice and the start.
const PORT_ATTEMPTS: u32 = 3;

/// The kinds of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A Samba Active Directory domain controller.
    Samba,
    /// OpenLDAP's slapd.
    OpenLdap,
}

impl Kind {
    /// The word for it in labels, image names, and `PROVLAB_REQUIRE`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Samba => "samba",
            Self::OpenLdap => "openldap",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A file that the container has from its start.
pub(crate) struct File {
    pub(crate) path: &'static str,
    pub(crate) mode: u32,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

impl File {
    pub(crate) fn new(path: &'static str, mode: u32, text: &str) -> Self {
        Self {
            path,
            mode,
            bytes: Zeroizing::new(text.as_bytes().to_vec()),
        }
    }
}

/// What distinguishes one server from another at its start.
pub(crate) struct Launch<'a> {
    pub(crate) kind: Kind,
    pub(crate) image: String,
    pub(crate) digest: String,
    /// The fully qualified name first, then other names by which it is known.
    pub(crate) hosts: Vec<String>,
    pub(crate) ports: &'a [Port],
    pub(crate) files: Vec<File>,
    pub(crate) owner: &'a Owner,
}

/// Whether the container is meant to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    Running,
    Stopped,
}

/// A directory server in a container. Dropping it removes the container; so do SIGTERM and SIGINT.
///
/// Drop it, or call [`Server::remove`], inside a tokio runtime.
pub struct Server {
    kind: Kind,
    engine: Engine,
    container: ContainerAsync<GenericImage>,
    published: Published,
    names: NameTable,
    administrator: Administrator,
    meant: watch::Sender<Meant>,
    trace: Trace,
    ready_in: Duration,
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
        let mut server = Self {
            kind: launch.kind,
            engine: engine.clone(),
            administrator: of(published.address(LDAPS).unwrap_or(([127, 0, 0, 1], LDAPS).into()))?,
            container,
            published,
            names,
            meant: watch::Sender::new(Meant::Running),
            trace: trace.for_host(host),
            ready_in: Duration::ZERO,
        };
        let ldap = match server.wait_answer().await? {
            Attempt::Bound(ldap) => ldap,
            Attempt::Refused(detail) | Attempt::Unreached(detail) => {
                return Err(server.refused("let its administrator bind", detail));
            }
        };
        server.ready_in = started.elapsed();
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
        self.ready_in = since.elapsed();
        Ok(self)
    }

    /// Tells the trace that the server is ready.
    pub(crate) fn announce(&self) {
        let millis = u64::try_from(self.ready_in.as_millis()).unwrap_or(u64::MAX);
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
        self.ready_in
    }

    /// The name that the administrator binds with.
    #[must_use]
    pub fn administrator(&self) -> &str {
        &self.administrator.name
    }

    /// Freezes every process of the server: connections stay open and nothing answers.
    ///
    /// # Errors
    /// [`ContainerError::Refused`] by the engine, as for all that follow.
    pub async fn pause(&self) -> Result<(), ContainerError> {
        let done = self.engine.docker.pause_container(self.container.id()).await;
        done.map_err(|e| self.engine_error("pause", &e))
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// [`ContainerError::Refused`].
    pub async fn unpause(&self) -> Result<(), ContainerError> {
        let done = self.engine.docker.unpause_container(self.container.id()).await;
        done.map_err(|e| self.engine_error("unpause", &e))
    }

    /// Shuts the server down in order.
    ///
    /// # Errors
    /// [`ContainerError::Refused`].
    pub async fn stop(&self) -> Result<(), ContainerError> {
        self.meant.send_replace(Meant::Stopped);
        let options = StopContainerOptionsBuilder::new().t(STOP_LIMIT_SECONDS).build();
        let done = self
            .engine
            .docker
            .stop_container(self.container.id(), Some(options))
            .await;
        done.map_err(|e| self.engine_error("stop", &e))
    }

    /// Ends every process of the server at once, as a power failure does.
    ///
    /// # Errors
    /// [`ContainerError::Refused`].
    pub async fn kill(&self) -> Result<(), ContainerError> {
        self.meant.send_replace(Meant::Stopped);
        let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        let done = self
            .engine
            .docker
            .kill_container(self.container.id(), Some(options))
            .await;
        done.map_err(|e| self.engine_error("kill", &e))
    }

    /// Starts a server that was stopped or killed, with its data and at its old addresses, and waits until it answers.
    ///
    /// # Errors
    /// [`ContainerError::PortTaken`] if somebody has one of its ports now; [`ContainerError::NotReady`] and
    /// [`ContainerError::Died`] with the last lines of its log.
    pub async fn start(&mut self) -> Result<(), ContainerError> {
        let started = Instant::now();
        let done = self
            .engine
            .docker
            .start_container(self.container.id(), None::<StartContainerOptions>)
            .await;
        done.map_err(|e| ContainerError::starting(self.kind, crate::error::engine_text(&e)))?;
        self.meant.send_replace(Meant::Running);
        // The administrator's password may be another by now: an answer is enough.
        self.wait_answer().await?;
        self.ready_in = started.elapsed();
        self.announce();
        Ok(())
    }

    /// [`Server::stop`] and [`Server::start`].
    ///
    /// # Errors
    /// Theirs.
    pub async fn restart(&mut self) -> Result<(), ContainerError> {
        self.stop().await?;
        self.start().await
    }

    /// Runs a command as root in the container and waits for its end, with `input` on its standard input. Secrets belong
    /// there: command lines are visible.
    ///
    /// # Errors
    /// [`ContainerError::Refused`] if it cannot be run; a command that fails is no error, see [`Output::status`].
    pub async fn exec(&self, command: &[&str], input: &[u8]) -> Result<Output, ContainerError> {
        exec(&self.engine.docker, self.container.id(), command, input).await
    }

    /// The last [`MAX_LOG_LINES`] lines that the server has written; empty if the engine does not give them.
    pub async fn logs(&self) -> String {
        logs(&self.engine, self.container.id(), MAX_LOG_LINES).await
    }

    /// Waits until the server ends without having been told to, and says how. Being stopped or killed through this value
    /// is no such end.
    pub async fn died(&self) -> ContainerError {
        let mut meant = self.meant.subscribe();
        loop {
            if meant.wait_for(|meant| *meant == Meant::Running).await.is_err() {
                return std::future::pending().await;
            }
            tokio::select! {
                biased;
                _ = meant.wait_for(|meant| *meant == Meant::Stopped) => {}
                ended = self.ended() => {
                    // It may have ended because it was stopped just now.
                    if *self.meant.borrow() == Meant::Running {
                        return match ended {
                            Ok(status) => self.died_with(status).await,
                            Err(error) => error,
                        };
                    }
                }
            }
        }
    }

    async fn ended(&self) -> Result<i64, ContainerError> {
        let mut waiting = self
            .engine
            .docker
            .wait_container(self.container.id(), None::<WaitContainerOptions>);
        match waiting.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            Some(Err(EngineError::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(e)) => Err(self.engine_error("wait for", &e)),
            None => Err(ContainerError::Refused {
                doing: format!("wait for the {} container", self.kind),
                detail: "it closed the connection".to_owned(),
            }),
        }
    }

    async fn died_with(&self, status: i64) -> ContainerError {
        let log = Tail::of(&self.logs().await);
        self.tell_log("container.died", &log);
        ContainerError::Died {
            kind: self.kind,
            status,
            log,
        }
    }

    fn tell_log(&self, name: &str, log: &Tail) {
        event!(
            self.trace,
            Part::Directory,
            name,
            kind = self.kind.as_str(),
            log = log.as_str()
        );
    }

    /// Removes the container now, and says if that failed.
    ///
    /// # Errors
    /// [`ContainerError::Refused`].
    pub async fn remove(self) -> Result<(), ContainerError> {
        self.meant.send_replace(Meant::Stopped);
        let kind = self.kind;
        self.container.rm().await.map_err(|e| ContainerError::Refused {
            doing: format!("remove the {kind} container"),
            detail: library_text(&e),
        })
    }

    /// Tries to bind until the server answers in any way, and on all its ports.
    async fn wait_answer(&self) -> Result<Attempt, ContainerError> {
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            let detail = match self.administrator.bind().await {
                Attempt::Unreached(detail) => detail,
                answer => match self.closed_port().await {
                    None => return Ok(answer),
                    Some(port) => format!("nothing listens on port {port}"),
                },
            };
            if let Some(status) = self.exit_status().await? {
                return Err(self.died_with(status).await);
            }
            if Instant::now() >= deadline {
                let log = Tail::of(&self.logs().await);
                self.tell_log("container.not-ready", &log);
                return Err(ContainerError::NotReady {
                    kind: self.kind,
                    limit: READY_LIMIT,
                    detail,
                    log,
                });
            }
            tokio::time::sleep(ATTEMPT_EVERY).await;
        }
    }

    /// The first port behind which nothing listens: Samba's services begin side by side, LDAP is not always the last.
    async fn closed_port(&self) -> Option<u16> {
        let open = self
            .published
            .iter()
            .map(|(known, at)| async move { (known, is_open(at).await) });
        let found = futures_util::future::join_all(open).await;
        found.into_iter().find(|(_, open)| !open).map(|(known, _)| known)
    }

    async fn exit_status(&self) -> Result<Option<i64>, ContainerError> {
        let found = self
            .engine
            .docker
            .inspect_container(self.container.id(), None)
            .await;
        let state = found
            .map_err(|e| self.engine_error("look at", &e))?
            .state
            .unwrap_or_default();
        Ok((state.running == Some(false)).then_some(state.exit_code.unwrap_or(0)))
    }

    fn engine_error(&self, verb: &str, error: &EngineError) -> ContainerError {
        ContainerError::engine(format!("{verb} the {} container", self.kind), error)
    }
}

/// The port of LDAP over TLS, which every server here has.
const LDAPS: u16 = 636;

async fn start_container(
    engine: &Engine,
    launch: &Launch<'_>,
) -> Result<(ContainerAsync<GenericImage>, Published), ContainerError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let published = Published::choose(launch.ports)
            .map_err(ContainerError::machine("find free ports on 127.0.0.1"))?;
        let name = fresh_name(launch);
        match request(launch, &name, &published).start().await {
            Ok(container) => return Ok((container, published)),
            Err(e) => {
                // It exists already if it could be made but not started, and nobody else knows of it.
                let force = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
                let _ = engine.docker.remove_container(&name, Some(force)).await;
                let error = ContainerError::starting(launch.kind, library_text(&e));
                if attempts < PORT_ATTEMPTS && matches!(error, ContainerError::PortTaken { .. }) {
                    continue;
                }
                return Err(error);
            }
        }
    }
}

/// A name that no container has had: the owner, who is unique, and a number.
fn fresh_name(launch: &Launch<'_>) -> String {
    static STARTED: AtomicU64 = AtomicU64::new(0);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    format!(
        "provlab-{}-{}-{}-{number}",
        launch.kind, launch.owner.pid, launch.owner.started
    )
}

fn request(launch: &Launch<'_>, name: &str, published: &Published) -> ContainerRequest<GenericImage> {
    let (repository, tag) = launch.image.rsplit_once(':').unwrap_or((&launch.image, "latest"));
    let labels = [
        (label::OWNER, launch.owner.to_string()),
        (label::BOOT, Boot::current().to_string()),
        (label::KIND, launch.kind.to_string()),
        (label::DIGEST, launch.digest.clone()),
    ];
    let bindings = published.bindings();
    let confine = move |host: &mut HostConfig| {
        host.publish_all_ports = Some(false);
        host.port_bindings = Some(bindings.clone());
        host.memory = Some(MEMORY_LIMIT_BYTES);
        host.pids_limit = Some(PROCESS_LIMIT);
    };
    let hostname = launch.hosts.first().map_or("", String::as_str);
    let image = GenericImage::new(repository, tag);
    let request = launch
        .ports
        .iter()
        .fold(image, |image, port| image.with_exposed_port(port.inner.tcp()))
        .with_container_name(name)
        .with_hostname(hostname)
        .with_labels(labels)
        .with_security_opt("no-new-privileges")
        .with_startup_timeout(READY_LIMIT)
        .with_host_config_modifier(confine);
    launch.files.iter().fold(request, |request, file| {
        request.with_copy_to(
            CopyTargetOptions::new(file.path).with_mode(file.mode),
            file.bytes.to_vec(),
        )
    })
}

async fn logs(engine: &Engine, container: &str, lines: usize) -> String {
    let options = LogsOptionsBuilder::new()
        .stdout(true)
        .stderr(true)
        .tail(&lines.to_string())
        .build();
    let mut frames = engine.docker.logs(container, Some(options));
    let mut text = String::new();
    while let Some(Ok(frame)) = frames.next().await {
        text.push_str(&String::from_utf8_lossy(&frame.into_bytes()));
        let surplus = text.len().saturating_sub(MAX_LOG_BYTES);
        text.drain(..text.ceil_char_boundary(surplus));
    }
    text
}
