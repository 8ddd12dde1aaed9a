//! The stages of processes: directory and cloud behind real TLS sockets, an agent process for each service of each
//! host. On `live` the directory is the embedded one, on `samba` and `openldap` it is a container.
//!
//! Everything is on loopback and in one folder, the clock is the machine's, and the product's cadences are
//! [`LIVE_SPEED`] times shorter. The children end when the lab does.

mod answers;
mod binary;
mod child;
#[cfg(feature = "containers")]
mod container;
mod directories;
mod folder;
mod host;
mod line;
mod mock;
#[cfg(feature = "containers")]
mod openldap;
mod reader;
#[cfg(feature = "containers")]
mod samba;
mod serve;
mod server;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use provlab_agent::product::SERVICE_NAME;
use provlab_directory::control as directory;
use provlab_entra::control as cloud;
use provlab_platform::{
    Clock, Crypto, CryptoPolicy, Entropy, Platform, Trace,
    files::{Files, RealFiles},
    net::real::{LabAuthority, NameTable, RealNet, Trust},
    net::{Proxy, sim::RuleGuard},
    trace::TraceLog,
};
use rustls::RootCertStore;
use tokio::sync::Mutex;

use self::{
    directories::{Directories, Ground},
    folder::WorldFolder,
    host::{LiveHost, Surroundings},
    mock::MockProcess,
    server::DirectoryServer,
};
use super::{
    declare,
    fault::{disturbs_network, rule_of},
    sim::{Printer, short_name},
};
use crate::{
    cli::Mock,
    run::RunOptions,
    scenario::{Fault, Part, Scenario, ServiceName, StageName},
    world::{
        BetweenPages, Book, InstallOutcome, InstallRequest, Power, ServiceState, UnknownName, World,
        WorldError,
    },
};

pub use binary::started_as_agent;
pub use folder::left_behind;
pub use serve::serve;

pub(in crate::stage) use binary::lab_binary;

/// How many times shorter than the product's the cadences are: a cycle of two minutes takes 400 ms.
const LIVE_SPEED: u32 = 300;
/// The least patience: real handshakes and real processes take their time on a busy machine.
const LEAST_PATIENCE: Duration = Duration::from_secs(60);
/// How long a child may take to end in order.
const END_LIMIT: Duration = Duration::from_secs(5);
/// The certificate of the run's authority, for agents and for a person's own tools.
const CA_FILE: &str = "ca.pem";
/// LDAP over TLS.
const LDAPS: u16 = 636;
/// Name of the lab's own host.
const LAB: &str = "lab";

/// A world of processes.
pub struct LiveWorld {
    stage: StageName,
    book: Book,
    door: Platform,
    log: TraceLog,
    folder: std::sync::Mutex<Option<WorldFolder>>,
    ca_file: PathBuf,
    names: NameTable,
    directories: Directories,
    cloud: Mutex<MockProcess>,
    hosts: BTreeMap<String, LiveHost>,
    /// Stands between the hosts and everything else in a world whose network is disturbed.
    proxy: Option<Proxy>,
    faults: RefCell<BTreeMap<String, RuleGuard>>,
}

impl LiveWorld {
    /// Starts the processes of a scenario's world; the hosts have nothing installed yet.
    ///
    /// # Errors
    /// [`WorldError::Missing`] without a `lab` binary, others where a process does not start.
    pub async fn build(scenario: &Scenario, options: &RunOptions) -> Result<Self, WorldError> {
        let binary = lab_binary().map_err(WorldError::Missing)?;
        let book = Book::new(scenario.world.clone());
        refuse_skewed_clocks(options.stage, &book)?;
        let clock = Clock::system();
        let (memory, log) = Trace::memory();
        let trace = if options.verbose {
            memory.tee(Arc::new(Printer))
        } else {
            memory
        }
        .with_clock(&clock);
        let folder = WorldFolder::make().map_err(lab_failed)?;
        let authority = LabAuthority::generate().map_err(lab_failed)?;
        let ca_file = folder.path().join(CA_FILE);
        std::fs::write(&ca_file, authority.certificate_pem()).map_err(lab_failed)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate().clone()).map_err(lab_failed)?;

        let mut names = NameTable::new();
        let roots = Arc::new(roots);
        let ground = Ground {
            book: &book,
            folder: folder.path(),
            authority: &authority,
            roots: &roots,
            binary: &binary,
            trace: &trace,
        };
        let directories = Box::pin(directories::start(options.stage, &ground)).await?;
        for server in directories.values() {
            names.merge(server.names());
        }
        let config = declare::cloud_config(&book, f64::from(LIVE_SPEED));
        let place = folder.path().join("cloud");
        let (cloud, found) = MockProcess::start(
            Mock::Cloud,
            "the cloud",
            place,
            &config,
            &authority,
            &binary,
            &trace,
        )
        .await?;
        names.merge(&found);

        let around = Surroundings {
            binary: &binary,
            domain_controllers: &declare::domain_controllers(&book),
            ca_file: &ca_file,
            speed: LIVE_SPEED,
            trace: &trace,
            clock: &clock,
        };
        let steps = scenario.steps.iter().map(|step| &step.value);
        let mut proxy = disturbs_network(steps).then(|| Proxy::new(&clock));
        let mut hosts = BTreeMap::new();
        for host in &book.world().hosts {
            let name = host.name.value.to_lowercase();
            let place = folder.path().join("hosts").join(&name);
            let computer = declare::computer_account(&book, host);
            let fqdn = host.fqdn();
            let network = match &mut proxy {
                Some(proxy) => proxy.stand_before(&fqdn, &names).await.map_err(lab_failed)?,
                None => names.clone(),
            };
            let made =
                LiveHost::make(&fqdn, place, &computer, host.fips, &network, &around).map_err(lab_failed)?;
            hosts.insert(name, made);
        }
        let trust = Trust::of_roots([authority.certificate()]).map_err(lab_failed)?;
        let door = Platform {
            host: LAB.to_owned(),
            net: Arc::new(RealNet::new(LAB, names.clone(), trust, &clock, &trace)),
            clock,
            entropy: Entropy::system(),
            crypto: Crypto::real(CryptoPolicy::default()),
            files: Arc::new(RealFiles::new(folder.path().join(LAB))),
            trace: trace.for_host(LAB),
        };
        let (folder, cloud) = (std::sync::Mutex::new(Some(folder)), Mutex::new(cloud));
        Ok(Self {
            stage: options.stage,
            book,
            door,
            log,
            folder,
            ca_file,
            names,
            directories,
            cloud,
            hosts,
            proxy,
            faults: RefCell::default(),
        })
    }

    /// Every name of the world with the address where it really is.
    pub const fn names(&self) -> &NameTable {
        &self.names
    }

    /// The certificate of the run's authority, in PEM.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    fn host(&self, name: &str) -> Result<&LiveHost, WorldError> {
        let host = self.hosts.get(&name.to_lowercase());
        host.ok_or_else(|| WorldError::Lab(format!("there is no host `{name}`")))
    }

    fn server(&self, domain: &str) -> Result<&dyn DirectoryServer, WorldError> {
        let server = self.directories.get(&domain.to_lowercase());
        server
            .map(AsRef::as_ref)
            .ok_or_else(|| WorldError::Lab(format!("there is no directory of `{domain}`")))
    }
}

/// Processes share the machine's clock.
fn refuse_skewed_clocks(stage: StageName, book: &Book) -> Result<(), WorldError> {
    let skewed = book
        .world()
        .hosts
        .iter()
        .find(|host| host.clock_ahead.is_some_and(|ahead| !ahead.0.is_zero()));
    skewed.map_or(Ok(()), |host| {
        Err(not_on(stage, format!("give {} a clock of its own", host.fqdn())))
    })
}

const fn not_on(stage: StageName, what: String) -> WorldError {
    WorldError::NotOnStage { stage, what }
}

/// What a machine lacks ends a run before it begins; everything else is the container's own trouble.
#[cfg(feature = "containers")]
fn container_failed(domain: &str, error: &provlab_containers::ContainerError) -> WorldError {
    use provlab_containers::ContainerError as E;
    match error {
        E::Unavailable(_)
        | E::Refused { .. }
        | E::DiskFull { .. }
        | E::PortTaken { .. }
        | E::NoBaseImage(_)
        | E::Build { .. } => WorldError::Missing(error.to_string()),
        _ => WorldError::Process {
            name: format!("the directory of {domain}"),
            detail: error.to_string(),
        },
    }
}

fn lab_failed(error: impl std::fmt::Display) -> WorldError {
    WorldError::Lab(error.to_string())
}

#[async_trait(?Send)]
impl World for LiveWorld {
    fn stage(&self) -> StageName {
        self.stage
    }

    fn book(&self) -> &Book {
        &self.book
    }

    fn logon_name(&self, account: &str) -> Result<String, UnknownName> {
        let (domain, name) = self.book.split(account)?;
        let server = self.directories.get(&domain.name.value.to_lowercase());
        let own = server.and_then(|server| server.logon_name(name));
        Ok(own.unwrap_or_else(|| account.to_owned()))
    }

    fn door(&self) -> &Platform {
        &self.door
    }

    fn log(&self) -> &TraceLog {
        &self.log
    }

    fn scaled(&self) -> fn(Duration) -> Duration {
        |span| span / LIVE_SPEED
    }

    fn least_patience(&self) -> Duration {
        LEAST_PATIENCE
    }

    async fn directory(
        &self,
        domain: &str,
        command: directory::Command,
    ) -> Result<directory::Reply, WorldError> {
        self.server(domain)?.ask(command).await
    }

    async fn cloud(&self, command: cloud::Command) -> Result<cloud::Reply, WorldError> {
        self.cloud.lock().await.ask(command).await
    }

    async fn install(
        &self,
        request: &InstallRequest,
        between: &mut dyn BetweenPages,
    ) -> Result<InstallOutcome, WorldError> {
        self.host(&request.host)?.install(request, between).await
    }

    async fn upgrade(&self, host: &str, version: &str) -> Result<(), WorldError> {
        self.host(host)?.upgrade(version).await
    }

    fn host_files(&self, host: &str) -> Result<Arc<dyn Files>, WorldError> {
        self.host(host).map(|host| Arc::new(host.files()) as _)
    }

    async fn start_service(&self, host: &str, service: ServiceName) -> Result<(), WorldError> {
        self.host(host)?.start(short_name(service)).await
    }

    async fn stop_service(&self, host: &str, service: ServiceName) -> Result<(), WorldError> {
        self.host(host)?.stop(short_name(service), END_LIMIT).await;
        Ok(())
    }

    async fn service_state(&self, host: &str, service: ServiceName) -> Result<ServiceState, WorldError> {
        ServiceState::of(self.host(host)?.services(), short_name(service))
    }

    async fn crash(&self, part: &Part) -> Result<(), WorldError> {
        match part {
            Part::Agent(name) => {
                let host = self.host(name)?;
                host.kill(SERVICE_NAME).await;
                host.start(SERVICE_NAME).await
            }
            Part::Directory(domain) => self.server(domain)?.crash().await,
            Part::Cloud => self.cloud.lock().await.crash().await,
        }
    }

    async fn power(&self, domain: &str, power: Power) -> Result<(), WorldError> {
        self.server(domain)?.power(power).await
    }

    fn disturb(&self, fault: &Fault) -> Result<(), WorldError> {
        let Some(proxy) = &self.proxy else {
            return Err(not_on(
                self.stage,
                format!(
                    "disturb the network (`{}`) in a world that was built without faults",
                    fault.name.value
                ),
            ));
        };
        let guard = proxy.add_rule(rule_of(fault, &self.door.entropy));
        self.faults.borrow_mut().insert(fault.name.value.clone(), guard);
        Ok(())
    }

    fn heal(&self, name: &str) -> Result<(), WorldError> {
        let guard = self.faults.borrow_mut().remove(name);
        guard
            .map(drop)
            .ok_or_else(|| WorldError::Lab(format!("there is no fault `{name}`")))
    }

    async fn broken(&self) -> WorldError {
        let mut ends: Vec<_> = self.directories.values().map(|server| server.broken()).collect();
        std::future::poll_fn(|context| {
            let ended = ends.iter_mut().find_map(|end| match end.as_mut().poll(context) {
                Poll::Ready(error) => Some(error),
                Poll::Pending => None,
            });
            ended.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    async fn trace_logs(&self) {
        for server in self.directories.values() {
            server.trace_log().await;
        }
    }

    async fn shut_down(&self, keep: bool) {
        for host in self.hosts.values() {
            host.shut_down(END_LIMIT).await;
        }
        for server in self.directories.values() {
            server.close(END_LIMIT).await;
        }
        self.cloud.lock().await.close(END_LIMIT).await;
        let folder = self
            .folder
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        if let Some(folder) = folder
            && keep
        {
            eprintln!("the world's files are kept in {}", folder.keep().display());
        }
    }
}

#[cfg(test)]
mod tests;
