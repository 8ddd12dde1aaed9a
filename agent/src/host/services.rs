//! The service control manager of the host: which services are installed, under which account, in which state.
//!
//! One JSON file stands for the SCM's database; every change is one atomic write. A service process follows its own
//! entry: a *restart* or *stop* is a new serial number there, and a process-wide signal wakes who waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use provlab_platform::{Clock, FileLock, Files};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::watch;

/// Stands for the services part of the SYSTEM hive.
const DATABASE: &str = r"C:\Windows\System32\config\SERVICES.json";
/// Largest database that is read.
pub(crate) const MAX_DATABASE_BYTES: usize = 256 * 1024;

/// State of a service as the Services console shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceState {
    /// Not running.
    Stopped,
    /// Logging on and starting.
    StartPending,
    /// Running.
    Running,
}

/// One installed service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceEntry {
    /// Name in the Services console.
    pub display_name: String,
    /// Account that it logs on as.
    pub account: String,
    /// Whether the account's password is managed by the directory (`sc.exe qmanagedaccount`).
    pub managed_account: bool,
    /// Path of its binary.
    pub binary: String,
    /// Product version of the binary.
    pub version: String,
    /// What it does now.
    pub state: ServiceState,
    /// Why it is stopped, in the words of the System log; empty when it is not.
    pub last_error: String,
    /// Counts the requests to start it anew.
    pub restarts: u64,
}

/// The service database cannot do what was asked.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// No service of that name.
    #[error("the specified service does not exist as an installed service: {0}")]
    NotInstalled(String),
    /// The file behind the database failed.
    #[error("the service database of the host cannot be used: {0}")]
    Files(String),
    /// The file holds something else.
    #[error("{DATABASE} is damaged ({0}); remove it and run the package again")]
    Damaged(String),
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Database {
    services: BTreeMap<String, ServiceEntry>,
}

/// The services of one host. Clones share the signal, so that a wizard and a service in one process see each other at once.
#[derive(Clone)]
pub struct ServiceControl {
    files: Arc<dyn Files>,
    clock: Clock,
    changed: Arc<watch::Sender<u64>>,
    poll: Option<Duration>,
}

impl ServiceControl {
    /// The services of the host that owns these files.
    ///
    /// `poll` makes waiters look again by themselves: needed where wizard and service are processes of their own.
    pub fn new(files: Arc<dyn Files>, clock: Clock, poll: Option<Duration>) -> Self {
        Self {
            files,
            clock,
            changed: Arc::new(watch::Sender::new(0)),
            poll,
        }
    }

    fn load(&self) -> Result<Database, ServiceError> {
        let there = self
            .files
            .exists(DATABASE)
            .map_err(|error| ServiceError::Files(error.to_string()))?;
        if !there {
            return Ok(Database::default());
        }
        let bytes = self
            .files
            .read(DATABASE)
            .map_err(|error| ServiceError::Files(error.to_string()))?;
        if bytes.len() > MAX_DATABASE_BYTES {
            return Err(ServiceError::Damaged(format!("{} bytes", bytes.len())));
        }
        serde_json::from_slice(&bytes).map_err(|error| ServiceError::Damaged(error.to_string()))
    }

    /// The wizard and the services are processes of their own: none may overwrite what another has just written.
    fn lock(&self) -> Result<FileLock, ServiceError> {
        self.files
            .lock(DATABASE)
            .map_err(|error| ServiceError::Files(error.to_string()))
    }

    fn store(&self, database: &Database) -> Result<(), ServiceError> {
        let bytes =
            serde_json::to_vec_pretty(database).map_err(|error| ServiceError::Files(error.to_string()))?;
        self.files
            .write_atomic(DATABASE, &bytes)
            .map_err(|error| ServiceError::Files(error.to_string()))?;
        self.changed.send_modify(|serial| *serial += 1);
        Ok(())
    }

    /// All services by short name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn all(&self) -> Result<BTreeMap<String, ServiceEntry>, ServiceError> {
        Ok(self.load()?.services)
    }

    /// One service.
    ///
    /// # Errors
    /// When it is not installed, or the database cannot be read.
    pub fn get(&self, name: &str) -> Result<ServiceEntry, ServiceError> {
        self.load()?
            .services
            .remove(name)
            .ok_or_else(|| ServiceError::NotInstalled(name.to_owned()))
    }

    /// Installs a service; one that is there keeps its account and is asked to start anew, as the package's repair does.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn install(&self, name: &str, entry: ServiceEntry) -> Result<(), ServiceError> {
        let _held = self.lock()?;
        let mut database = self.load()?;
        let merged = match database.services.remove(name) {
            Some(old) => ServiceEntry {
                account: old.account,
                managed_account: old.managed_account,
                state: old.state,
                restarts: old.restarts + 1,
                ..entry
            },
            None => entry,
        };
        database.services.insert(name.to_owned(), merged);
        self.store(&database)
    }

    /// Changes a service's entry.
    ///
    /// # Errors
    /// When it is not installed, or the database cannot be read or written.
    pub fn update(&self, name: &str, change: impl FnOnce(&mut ServiceEntry)) -> Result<(), ServiceError> {
        let _held = self.lock()?;
        let mut database = self.load()?;
        let entry = database
            .services
            .get_mut(name)
            .ok_or_else(|| ServiceError::NotInstalled(name.to_owned()))?;
        let before = entry.clone();
        change(entry);
        if *entry == before {
            return Ok(());
        }
        self.store(&database)
    }

    /// Asks the service to start anew, as `Restart-Service` does.
    ///
    /// # Errors
    /// When it is not installed, or the database cannot be read or written.
    pub fn restart(&self, name: &str) -> Result<(), ServiceError> {
        self.update(name, |entry| {
            entry.restarts += 1;
            entry.state = ServiceState::StartPending;
            entry.last_error.clear();
        })
    }

    /// Notes that the process of a service ended without a word.
    ///
    /// # Errors
    /// When it is not installed, or the database cannot be read or written.
    pub fn terminated(&self, name: &str) -> Result<(), ServiceError> {
        self.update(name, |entry| {
            entry.state = ServiceState::Stopped;
            "The service terminated unexpectedly.".clone_into(&mut entry.last_error);
        })
    }

    /// Waits until the entry fulfils a condition, at most for `limit`; gives the last entry seen either way.
    ///
    /// # Errors
    /// When it is not installed, or the database cannot be read.
    pub async fn wait_for(
        &self,
        name: &str,
        limit: Duration,
        condition: impl Fn(&ServiceEntry) -> bool,
    ) -> Result<ServiceEntry, ServiceError> {
        let deadline = self.clock.now() + limit;
        let mut changes = self.changed.subscribe();
        loop {
            changes.mark_unchanged();
            let entry = self.get(name)?;
            let now = self.clock.now();
            if condition(&entry) || now >= deadline {
                return Ok(entry);
            }
            let pause = self.poll.unwrap_or(deadline - now).min(deadline - now);
            let _ = self.clock.timeout(pause, changes.changed()).await;
        }
    }

    /// Waits until the service is asked to start anew after request number `seen`.
    ///
    /// # Errors
    /// When it is not installed, or the database cannot be read.
    pub async fn restart_after(&self, name: &str, seen: u64) -> Result<u64, ServiceError> {
        let mut changes = self.changed.subscribe();
        loop {
            changes.mark_unchanged();
            let restarts = self.get(name)?.restarts;
            if restarts > seen {
                return Ok(restarts);
            }
            match self.poll {
                Some(pause) => drop(self.clock.timeout(pause, changes.changed()).await),
                None => drop(changes.changed().await),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{World, simulate};

    fn entry() -> ServiceEntry {
        ServiceEntry {
            display_name: "Service".to_owned(),
            account: "LocalSystem".to_owned(),
            managed_account: false,
            binary: "service.exe".to_owned(),
            version: "1".to_owned(),
            state: ServiceState::StartPending,
            last_error: String::new(),
            restarts: 0,
        }
    }

    #[test]
    fn a_repair_keeps_the_account_and_asks_for_a_restart() {
        simulate(async {
            let services = World::new().host.services;
            services.install("s", entry()).unwrap();
            services
                .update("s", |entry| entry.account = "CONTOSO\\gmsa$".to_owned())
                .unwrap();
            services.install("s", entry()).unwrap();
            let now = services.get("s").unwrap();
            assert_eq!((now.account.as_str(), now.restarts), ("CONTOSO\\gmsa$", 1));
        });
    }

    #[test]
    fn processes_do_not_overwrite_each_other() {
        const CHANGES: u64 = 20;
        let folder = tempfile::tempdir().unwrap();
        let control = || {
            let files = Arc::new(provlab_platform::files::RealFiles::new(folder.path()));
            ServiceControl::new(files, Clock::system(), None)
        };
        for name in ["service", "updater"] {
            control().install(name, entry()).unwrap();
        }
        std::thread::scope(|scope| {
            for name in ["service", "updater", "service"] {
                let services = control();
                scope.spawn(move || {
                    for _ in 0..CHANGES {
                        services.restart(name).unwrap();
                    }
                });
            }
        });
        assert_eq!(control().get("service").unwrap().restarts, 2 * CHANGES);
        assert_eq!(control().get("updater").unwrap().restarts, CHANGES);
    }

    #[test]
    fn a_restart_wakes_who_waits_for_it() {
        simulate(async {
            let world = World::new();
            let services = world.host.services.clone();
            services.install("s", entry()).unwrap();
            let waiter = services.clone();
            let waiting = tokio::spawn(async move { waiter.restart_after("s", 0).await.unwrap() });
            world.host.platform.clock.sleep(Duration::from_secs(1)).await;
            services.restart("s").unwrap();
            assert_eq!(waiting.await.unwrap(), 1);
        });
    }

    #[test]
    fn waiting_ends_at_its_limit() {
        simulate(async {
            let world = World::new();
            world.host.services.install("s", entry()).unwrap();
            let running = |entry: &ServiceEntry| entry.state == ServiceState::Running;
            let seen = world
                .host
                .services
                .wait_for("s", Duration::from_secs(90), running)
                .await
                .unwrap();
            assert_eq!(seen.state, ServiceState::StartPending);
            assert_eq!(world.host.platform.clock.now(), Duration::from_secs(90));
        });
    }

    #[test]
    fn the_database_is_bounded() {
        simulate(async {
            let world = World::new();
            let files = &world.host.platform.files;
            let sized = |size: usize| format!("{{\"services\":{{}}{}}}", " ".repeat(size - 15));
            files
                .write_atomic(DATABASE, sized(MAX_DATABASE_BYTES).as_bytes())
                .unwrap();
            assert!(world.host.services.all().is_ok());
            files
                .write_atomic(DATABASE, sized(MAX_DATABASE_BYTES + 1).as_bytes())
                .unwrap();
            assert!(matches!(world.host.services.all(), Err(ServiceError::Damaged(_))));
        });
    }
}
