//! The simulated stage: one process, one thread, in-memory streams, a clock that jumps, one seed.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use provlab_agent::{
    AgentVersion, HostMachine, PackageError, PackageOptions, PageGate, install_package,
    product::{SERVICE_NAME, UPDATER_NAME},
    run_service, run_updater, run_wizard,
};
use provlab_directory::control as directory;
use provlab_entra::control as cloud;
use provlab_platform::{
    Clock, Crypto, CryptoPolicy, Entropy, Event, MemoryStore, Platform, Trace,
    files::{Files, SimFiles},
    net::sim::{Latency, LinkPattern, Loss, Partition, RuleGuard, SimNetwork},
    trace::{Sink, TraceLog},
};
use time::{OffsetDateTime, macros::datetime};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

use super::{declare, fault::rule_of};
use crate::{
    report::event_line,
    run::{RunOptions, Weather},
    scenario::{Fault, Host, Part, Scenario, ServiceName, StageName, WizardPage},
    world::{
        BetweenPages, Book, InstallOutcome, InstallRequest, Power, ServiceState, World, WorldError,
        page_titled,
    },
};

/// Wall time at the start of every simulated world.
const EPOCH: OffsetDateTime = datetime!(2026-01-05 08:00:00 UTC);

/// Name of the lab's own host, and of the cloud's.
const LAB: &str = "lab";
const CLOUD: &str = "cloud";

/// A simulated world.
pub struct SimWorld {
    book: Book,
    door: Platform,
    log: TraceLog,
    network: SimNetwork,
    entropy: Entropy,
    directories: BTreeMap<String, Mock<provlab_directory::Running>>,
    cloud: Mock<provlab_entra::Running>,
    hosts: BTreeMap<String, SimHost>,
    faults: RefCell<BTreeMap<String, RuleGuard>>,
    /// What holds the domain controllers of paused domains back.
    paused: RefCell<BTreeMap<String, Vec<RuleGuard>>>,
    _weather: Vec<RuleGuard>,
}

/// A mock with what it needs to start again.
struct Mock<R> {
    platform: Platform,
    store: Arc<MemoryStore>,
    running: RefCell<Option<Rc<R>>>,
}

impl<R> Mock<R> {
    fn running(&self, name: &str) -> Result<Rc<R>, WorldError> {
        let running = self.running.borrow();
        running
            .clone()
            .ok_or_else(|| WorldError::Lab(format!("{name} does not run")))
    }
}

/// A server: its machine, and the tasks that stand for its service processes.
struct SimHost {
    machine: HostMachine,
    files: SimFiles,
    services: RefCell<BTreeMap<&'static str, Task>>,
}

struct Task {
    shutdown: watch::Sender<bool>,
    handle: JoinHandle<()>,
}

/// Prints events as they happen.
pub(super) struct Printer;

impl Sink for Printer {
    fn record(&self, event: &Event) {
        eprintln!("{}", event_line(event));
    }
}

impl SimWorld {
    /// Builds the world of a scenario inside a runtime of [`provlab_platform::sim::runtime`].
    ///
    /// # Errors
    /// If a mock does not start.
    pub async fn build(scenario: &Scenario, options: &RunOptions, seed: u64) -> Result<Self, WorldError> {
        let book = Book::new(scenario.world.clone());
        let clock = Clock::simulated(EPOCH);
        let entropy = Entropy::seeded(seed);
        let (memory, log) = Trace::memory();
        let trace = if options.verbose {
            memory.tee(Arc::new(Printer))
        } else {
            memory
        }
        .with_clock(&clock);
        let network = SimNetwork::new(&clock, &trace);
        let weather = options
            .weather
            .map(|weather| storm(&network, &entropy, weather))
            .unwrap_or_default();
        let platform = |host: &str| Platform {
            host: host.to_owned(),
            net: network.door(host),
            clock: clock.for_host(),
            entropy: entropy.fork(host),
            crypto: Crypto::simulated(CryptoPolicy::default(), host),
            files: Arc::new(SimFiles::new()),
            trace: trace.for_host(host),
        };
        let mut directories = BTreeMap::new();
        for domain in &book.world().domains {
            let controller = domain
                .domain_controller_names()
                .into_iter()
                .next()
                .unwrap_or_default();
            let mock = Mock {
                platform: platform(&controller),
                store: Arc::new(MemoryStore::new()),
                running: RefCell::new(None),
            };
            start_directory(&book, &domain.name, &mock).await?;
            directories.insert(domain.name.value.to_lowercase(), mock);
        }
        let cloud = Mock {
            platform: platform(CLOUD),
            store: Arc::new(MemoryStore::new()),
            running: RefCell::new(None),
        };
        start_cloud(&book, &cloud).await?;
        let hosts = book
            .world()
            .hosts
            .iter()
            .map(|host| {
                (
                    host.name.value.to_lowercase(),
                    sim_host(&book, host, platform(&host.fqdn())),
                )
            })
            .collect();
        Ok(Self {
            door: platform(LAB),
            log,
            entropy,
            directories,
            cloud,
            hosts,
            faults: RefCell::default(),
            paused: RefCell::default(),
            _weather: weather,
            network,
            book,
        })
    }

    /// The files of a host, in which a test can place a kill between two writes.
    ///
    /// # Errors
    /// If the world declares no such host.
    pub fn files(&self, host: &str) -> Result<&SimFiles, WorldError> {
        self.host(host).map(|host| &host.files)
    }

    /// What the cloud has stored, in which a test can place a kill between two commits.
    pub fn cloud_store(&self) -> &MemoryStore {
        &self.cloud.store
    }

    fn host(&self, name: &str) -> Result<&SimHost, WorldError> {
        let host = self.hosts.get(&name.to_lowercase());
        host.ok_or_else(|| WorldError::Lab(format!("there is no host `{name}`")))
    }

    fn mock(&self, domain: &str) -> Result<&Mock<provlab_directory::Running>, WorldError> {
        let mock = self.directories.get(&domain.to_lowercase());
        mock.ok_or_else(|| WorldError::Lab(format!("there is no directory of `{domain}`")))
    }
}

fn sim_host(book: &Book, host: &Host, platform: Platform) -> SimHost {
    if let Some(ahead) = host.clock_ahead {
        platform
            .clock
            .set_skew(time::Duration::try_from(ahead.0).unwrap_or(time::Duration::ZERO));
    }
    let computer = declare::computer_account(book, host);
    let files = SimFiles::new();
    let platform = Platform {
        files: Arc::new(files.clone()),
        crypto: Crypto::simulated(CryptoPolicy { fips: host.fips }, &platform.host),
        ..platform
    };
    SimHost {
        files,
        machine: HostMachine::new(platform, computer, declare::domain_controllers(book), None),
        services: RefCell::default(),
    }
}

async fn start_directory(
    book: &Book,
    domain: &str,
    mock: &Mock<provlab_directory::Running>,
) -> Result<(), WorldError> {
    let config = declare::directory_config(book, book.domain(domain)?);
    let running = provlab_directory::start(mock.platform.clone(), config, Arc::clone(&mock.store) as _)
        .await
        .map_err(|error| WorldError::Lab(format!("the directory of {domain} does not start: {error}")))?;
    *mock.running.borrow_mut() = Some(Rc::new(running));
    Ok(())
}

async fn start_cloud(book: &Book, mock: &Mock<provlab_entra::Running>) -> Result<(), WorldError> {
    let config = declare::cloud_config(book, 1.0);
    let running = provlab_entra::start(mock.platform.clone(), config, Arc::clone(&mock.store) as _)
        .await
        .map_err(|error| WorldError::Lab(format!("the cloud does not start: {error}")))?;
    *mock.running.borrow_mut() = Some(Rc::new(running));
    Ok(())
}

fn storm(network: &SimNetwork, entropy: &Entropy, weather: Weather) -> Vec<RuleGuard> {
    let latency = Latency::new(
        LinkPattern::any(),
        Duration::ZERO,
        Duration::from_millis(weather.latency_ms),
        entropy.fork("weather: latency"),
    );
    let loss = Loss::new(LinkPattern::any(), weather.loss, entropy.fork("weather: loss"));
    vec![network.add_rule(latency), network.add_rule(loss)]
}

impl SimHost {
    fn start(&self, service: &'static str) {
        let mut services = self.services.borrow_mut();
        if services
            .get(service)
            .is_some_and(|task| !task.handle.is_finished())
        {
            return;
        }
        let (shutdown, stop) = watch::channel(false);
        let machine = self.machine.clone();
        let handle = tokio::spawn(async move {
            // An error means that the package was removed; there is then no service to run.
            if service == SERVICE_NAME {
                let _ = Box::pin(run_service(&machine, stop)).await;
            } else {
                let _ = Box::pin(run_updater(&machine, stop)).await;
            }
        });
        services.insert(service, Task { shutdown, handle });
    }

    async fn stop(&self, service: &'static str) {
        let task = self.services.borrow_mut().remove(service);
        if let Some(task) = task {
            let _ = task.shutdown.send(true);
            let _ = task.handle.await;
        }
    }

    fn kill(&self, service: &'static str) {
        if let Some(task) = self.services.borrow_mut().remove(service) {
            task.handle.abort();
            let _ = self.machine.services.terminated(service);
        }
    }
}

/// Name of a service in the service control manager.
pub(super) const fn short_name(service: ServiceName) -> &'static str {
    match service {
        ServiceName::Agent => SERVICE_NAME,
        ServiceName::Updater => UPDATER_NAME,
    }
}

#[async_trait(?Send)]
impl World for SimWorld {
    fn stage(&self) -> StageName {
        StageName::Sim
    }

    fn book(&self) -> &Book {
        &self.book
    }

    fn door(&self) -> &Platform {
        &self.door
    }

    fn log(&self) -> &TraceLog {
        &self.log
    }

    fn scaled(&self) -> fn(Duration) -> Duration {
        |span| span
    }

    fn least_patience(&self) -> Duration {
        Duration::ZERO
    }

    async fn directory(
        &self,
        domain: &str,
        command: directory::Command,
    ) -> Result<directory::Reply, WorldError> {
        let running = self.mock(domain)?.running(domain)?;
        running
            .control(command)
            .await
            .map_err(|error| WorldError::Refused {
                by: format!("the directory of {domain}"),
                message: error.to_string(),
            })
    }

    async fn cloud(&self, command: cloud::Command) -> Result<cloud::Reply, WorldError> {
        let running = self.cloud.running(CLOUD)?;
        running
            .control(command)
            .await
            .map_err(|error| WorldError::Refused {
                by: "the cloud".into(),
                message: error.to_string(),
            })
    }

    async fn install(
        &self,
        request: &InstallRequest,
        between: &mut dyn BetweenPages,
    ) -> Result<InstallOutcome, WorldError> {
        let host = self.host(&request.host)?;
        let options = PackageOptions {
            environment_name: request.environmentname.clone(),
            generation: request.answers.generation,
            ..PackageOptions::default()
        };
        if let Err(error) = install_package(&host.machine, &options) {
            return Ok(InstallOutcome {
                completed: false,
                page: String::new(),
                says: error.to_string(),
                data: None,
            });
        }
        host.start(SERVICE_NAME);
        host.start(UPDATER_NAME);
        let (gate, mut waiting) = Gate::new();
        let wizard = run_wizard(&host.machine, &request.answers, &gate);
        tokio::pin!(wizard);
        loop {
            let (page, go_on) = tokio::select! {
                biased;
                Some(page) = waiting.recv() => page,
                ended = &mut wizard => {
                    return Ok(match ended {
                        Ok(report) => InstallOutcome {
                            completed: true,
                            page: WizardPage::ConfigurationComplete.title().into(),
                            says: report.message.into(),
                            data: None,
                        },
                        Err(failed) => InstallOutcome {
                            completed: false,
                            page: failed.title.into(),
                            says: failed.failure.message,
                            data: failed.failure.sub_code,
                        },
                    });
                }
            };
            if let Some(page) = page_titled(page) {
                between.before(page).await?;
            }
            let _ = go_on.send(());
        }
    }

    async fn upgrade(&self, host: &str, version: &str) -> Result<(), WorldError> {
        let refused = |error: PackageError| WorldError::Lab(format!("`{host}`: {error}"));
        let options = PackageOptions {
            version: Some(AgentVersion::parse(version).map_err(refused)?),
            ..PackageOptions::default()
        };
        install_package(&self.host(host)?.machine, &options).map_err(refused)?;
        Ok(())
    }

    fn host_files(&self, host: &str) -> Result<Arc<dyn Files>, WorldError> {
        self.host(host).map(|host| Arc::new(host.files.clone()) as _)
    }

    async fn start_service(&self, host: &str, service: ServiceName) -> Result<(), WorldError> {
        self.host(host)?.start(short_name(service));
        Ok(())
    }

    async fn stop_service(&self, host: &str, service: ServiceName) -> Result<(), WorldError> {
        self.host(host)?.stop(short_name(service)).await;
        Ok(())
    }

    async fn service_state(&self, host: &str, service: ServiceName) -> Result<ServiceState, WorldError> {
        ServiceState::of(&self.host(host)?.machine.services, short_name(service))
    }

    async fn crash(&self, part: &Part) -> Result<(), WorldError> {
        match part {
            Part::Agent(name) => {
                let host = self.host(name)?;
                host.kill(SERVICE_NAME);
                self.network.kill_host(&host.machine.platform.host);
                host.start(SERVICE_NAME);
                Ok(())
            }
            Part::Directory(domain) => {
                let mock = self.mock(domain)?;
                mock.running.borrow_mut().take();
                self.network.kill_host(&mock.platform.host);
                start_directory(&self.book, domain, mock).await
            }
            Part::Cloud => {
                self.cloud.running.borrow_mut().take();
                self.network.kill_host(CLOUD);
                start_cloud(&self.book, &self.cloud).await
            }
        }
    }

    async fn power(&self, domain: &str, power: Power) -> Result<(), WorldError> {
        let mock = self.mock(domain)?;
        match power {
            Power::Pause => {
                let controllers = self.book.domain(domain)?.domain_controller_names();
                let held = controllers
                    .iter()
                    .map(|name| self.network.add_rule(Partition(LinkPattern::to(name))));
                self.paused
                    .borrow_mut()
                    .insert(domain.to_lowercase(), held.collect());
            }
            Power::Resume => drop(self.paused.borrow_mut().remove(&domain.to_lowercase())),
            Power::Stop => {
                mock.running.borrow_mut().take();
                self.network.kill_host(&mock.platform.host);
            }
            Power::Start => start_directory(&self.book, domain, mock).await?,
        }
        Ok(())
    }

    fn disturb(&self, fault: &Fault) -> Result<(), WorldError> {
        let guard = self.network.add_rule(rule_of(fault, &self.entropy));
        self.faults.borrow_mut().insert(fault.name.value.clone(), guard);
        Ok(())
    }

    fn heal(&self, name: &str) -> Result<(), WorldError> {
        let guard = self.faults.borrow_mut().remove(name);
        guard
            .map(drop)
            .ok_or_else(|| WorldError::Lab(format!("there is no fault `{name}`")))
    }

    async fn shut_down(&self, _keep: bool) {
        for host in self.hosts.values() {
            let services: Vec<&'static str> = host.services.borrow().keys().copied().collect();
            for service in services {
                host.stop(service).await;
            }
        }
        for mock in self.directories.values() {
            mock.running.borrow_mut().take();
        }
        self.cloud.running.borrow_mut().take();
    }
}

type Waiting = (&'static str, oneshot::Sender<()>);

/// Tells the lab of each page and waits until the lab says go on.
struct Gate {
    pages: Mutex<mpsc::UnboundedSender<Waiting>>,
}

impl Gate {
    fn new() -> (Self, mpsc::UnboundedReceiver<Waiting>) {
        let (pages, waiting) = mpsc::unbounded_channel();
        (
            Self {
                pages: Mutex::new(pages),
            },
            waiting,
        )
    }
}

#[async_trait]
impl PageGate for Gate {
    async fn before_page(&self, page: &'static provlab_agent::setup::generation::PageSpec) {
        let (go_on, went_on) = oneshot::channel();
        let sent = self
            .pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .send((page.title, go_on));
        if sent.is_ok() {
            let _ = went_on.await;
        }
    }
}
