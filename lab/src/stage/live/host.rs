//! A server of the live stage: a folder with its files, and an agent process for each of its services.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use provlab_agent::{
    ComputerAccount,
    host::ServiceControl,
    product::{SERVICE_NAME, UPDATER_NAME},
};
use provlab_platform::{Clock, Event, Trace, files::RealFiles, net::real::NameTable};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{
    answers::AnswerFile,
    binary::agent_command,
    child::Child,
    folder::{write_private, write_private_json},
    line::Said,
};
use crate::world::{BetweenPages, InstallOutcome, InstallRequest, WorldError, page_titled};

/// What the agent's program reads first; see `provagent --host-root`.
const HOST_FILE: &str = "host.json";
/// The wizard's answers, there while it runs.
const ANSWERS_FILE: &str = "answers.json";
/// How often the lab looks whether a service has changed its state.
const POLL: Duration = Duration::from_millis(100);
/// The exit status of a step that went wrong with a message for a person.
const STEP_FAILED: i32 = 1;

/// Subcommands of the agent's program that run the two services.
const SERVICES: [(&str, &str); 2] = [(UPDATER_NAME, "updater"), (SERVICE_NAME, "service")];

/// A server.
pub(super) struct LiveHost {
    name: String,
    root: PathBuf,
    binary: PathBuf,
    trace: Trace,
    services: ServiceControl,
    running: Mutex<BTreeMap<&'static str, Child>>,
}

/// `host.json`.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct HostFile<'a> {
    host: &'a str,
    computer: Computer<'a>,
    domain_controllers: &'a BTreeMap<String, Vec<String>>,
    network: &'a NameTable,
    ca_file: &'a Path,
    speed: u32,
    fips: bool,
}

#[derive(Serialize)]
struct Computer<'a> {
    name: &'a str,
    domain: &'a str,
    netbios: &'a str,
    password: &'a str,
}

/// What every server of a world has in common.
pub(super) struct Surroundings<'a> {
    /// The lab's binary.
    pub(super) binary: &'a Path,
    /// Domain controllers by domain.
    pub(super) domain_controllers: &'a BTreeMap<String, Vec<String>>,
    /// The certificate of the run's authority.
    pub(super) ca_file: &'a Path,
    /// How many times shorter than the product's the agents' pauses are.
    pub(super) speed: u32,
    /// The lab's trace.
    pub(super) trace: &'a Trace,
    /// The lab's clock.
    pub(super) clock: &'a Clock,
}

impl LiveHost {
    /// Makes the server's folder; nothing runs on it yet.
    pub(super) fn make(
        fqdn: &str,
        root: PathBuf,
        computer: &ComputerAccount,
        fips: bool,
        network: &NameTable,
        around: &Surroundings<'_>,
    ) -> std::io::Result<Self> {
        std::fs::create_dir_all(&root)?;
        let described = HostFile {
            host: fqdn,
            computer: Computer {
                name: &computer.name,
                domain: &computer.domain,
                netbios: &computer.netbios,
                password: computer.password.expose_secret(),
            },
            domain_controllers: around.domain_controllers,
            network,
            ca_file: around.ca_file,
            speed: around.speed,
            fips,
        };
        write_private_json(&root.join(HOST_FILE), &described)?;
        let files = Arc::new(RealFiles::new(&root));
        Ok(Self {
            name: fqdn.to_owned(),
            binary: around.binary.to_owned(),
            trace: around.trace.clone(),
            services: ServiceControl::new(files, around.clock.clone(), Some(POLL)),
            running: Mutex::default(),
            root,
        })
    }

    /// The service control manager's view.
    pub(super) const fn services(&self) -> &ServiceControl {
        &self.services
    }

    /// Package, services, wizard.
    pub(super) async fn install(
        &self,
        request: &InstallRequest,
        between: &mut dyn BetweenPages,
    ) -> Result<InstallOutcome, WorldError> {
        let mut switches = vec![format!("--generation={:?}", request.answers.generation)];
        let environment = request.environmentname.iter();
        switches.extend(environment.map(|name| format!("ENVIRONMENTNAME={name}")));
        if let Some(refused) = self.package(&switches).await? {
            return Ok(InstallOutcome {
                completed: false,
                page: String::new(),
                says: refused,
                data: None,
            });
        }
        for (service, _) in SERVICES {
            self.start(service).await?;
        }
        let file = AnswersOnDisk::write(self.root.join(ANSWERS_FILE), request)?;
        self.wizard(&file.path, between).await
    }

    /// The package of another release.
    pub(super) async fn upgrade(&self, version: &str) -> Result<(), WorldError> {
        match self.package(&[format!("--release={version}")]).await? {
            None => Ok(()),
            Some(refused) => Err(WorldError::Lab(format!("{}: {refused}", self.name))),
        }
    }

    /// The server's files.
    pub(super) fn files(&self) -> RealFiles {
        RealFiles::new(&self.root)
    }

    /// The package; what it says where it refuses.
    async fn package(&self, switches: &[String]) -> Result<Option<String>, WorldError> {
        let arguments: Vec<String> = std::iter::once("package".to_owned())
            .chain(switches.iter().cloned())
            .collect();
        let mut child = self.launch("package", &arguments, |_| false)?;
        let ended = child.ended().await?;
        match ended.status.code() {
            Some(0) => Ok(None),
            Some(STEP_FAILED) => Ok(Some(ended.complaint)),
            _ => Err(child.broken(format!("{}: {}", ended.status, ended.complaint))),
        }
    }

    async fn wizard(
        &self,
        answers: &Path,
        between: &mut dyn BetweenPages,
    ) -> Result<InstallOutcome, WorldError> {
        let answers = answers.to_string_lossy().into_owned();
        let arguments = [
            "wizard".to_owned(),
            "--answers".to_owned(),
            answers,
            "--pause-before-page".to_owned(),
        ];
        let mut child = self.launch("wizard", &arguments, |said| match said {
            Said::Event(event) => event.name == "wizard.failed",
            _ => true,
        })?;
        let (mut page, mut last, mut failed) = (String::new(), String::new(), None);
        while let Some(said) = child.hear().await {
            match said {
                Said::Page(title) => {
                    if let Some(page) = page_titled(&title) {
                        between.before(page).await?;
                    }
                    page = title;
                    child.say(&"go on").await?;
                }
                Said::Event(event) => failed = Some(event),
                Said::Text(text) => last = text,
                Said::Mock(_) => {}
            }
        }
        let ended = child.ended().await?;
        match (ended.status.code(), failed) {
            (Some(0), _) => Ok(InstallOutcome {
                completed: true,
                page,
                says: last,
                data: None,
            }),
            (Some(STEP_FAILED), Some(failed)) => Ok(stopped(&failed)),
            _ => Err(child.broken(format!("{}: {}", ended.status, ended.complaint))),
        }
    }

    /// Starts a service's process, unless it runs.
    pub(super) async fn start(&self, service: &'static str) -> Result<(), WorldError> {
        let mut running = self.running.lock().await;
        if running.get_mut(service).is_some_and(Child::is_running) {
            return Ok(());
        }
        let subcommand = SERVICES
            .iter()
            .find(|(name, _)| *name == service)
            .map_or(service, |(_, word)| word);
        let child = self.launch(subcommand, &[subcommand.to_owned()], |_| false)?;
        running.insert(service, child);
        Ok(())
    }

    /// Ends a service's process in order; it leaves its entry as *Stopped*.
    pub(super) async fn stop(&self, service: &'static str, limit: Duration) {
        let child = self.running.lock().await.remove(service);
        if let Some(mut child) = child {
            child.close(limit).await;
        }
    }

    /// Ends a service's process without a warning; the service control manager notes it.
    pub(super) async fn kill(&self, service: &'static str) {
        let child = self.running.lock().await.remove(service);
        if let Some(mut child) = child {
            child.kill().await;
            // A package that was removed in the meantime leaves nothing to note.
            let _ = self.services.terminated(service);
        }
    }

    /// Ends everything that runs on the server.
    pub(super) async fn shut_down(&self, limit: Duration) {
        for (service, _) in SERVICES {
            self.stop(service, limit).await;
        }
    }

    fn launch(
        &self,
        what: &str,
        arguments: &[String],
        wanted: fn(&Said) -> bool,
    ) -> Result<Child, WorldError> {
        let mut command = agent_command(&self.binary);
        command
            .arg("--host-root")
            .arg(&self.root)
            .args(["--events", "json", "--tied-to-stdin"])
            .args(arguments);
        Child::start(&format!("{what} on {}", self.name), command, &self.trace, wanted)
    }
}

/// The outcome that a `wizard.failed` event tells.
fn stopped(failed: &Event) -> InstallOutcome {
    let text = |field: &str| {
        failed
            .fields
            .get(field)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    InstallOutcome {
        completed: false,
        page: text("page").unwrap_or_default(),
        says: text("message").unwrap_or_default(),
        data: text("data"),
    }
}

/// The answer file, gone when the wizard is.
struct AnswersOnDisk {
    path: PathBuf,
}

impl AnswersOnDisk {
    fn write(path: PathBuf, request: &InstallRequest) -> Result<Self, WorldError> {
        let unwritable = |error: std::io::Error| WorldError::Lab(format!("{}: {error}", path.display()));
        let text = serde_json::to_vec(&AnswerFile::from(&request.answers)).map(zeroize::Zeroizing::new);
        let text = text.map_err(|error| unwritable(error.into()))?;
        write_private(&path, &text).map_err(unwritable)?;
        Ok(Self { path })
    }
}

impl Drop for AnswersOnDisk {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use provlab_platform::Part;

    use super::*;

    #[test]
    fn a_failed_wizard_is_read_from_its_event() {
        let fields = [
            ("page", Value::from("Connect Active Directory")),
            ("kind", Value::from("credential")),
            ("resultCode", Value::from(49)),
            ("data", Value::from("532")),
            ("message", Value::from("The password has expired.")),
        ];
        let mut event = Event {
            at_micros: 0,
            host: "srv1".into(),
            part: Part::Wizard,
            name: "wizard.failed".into(),
            fields: fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        };
        let outcome = InstallOutcome {
            completed: false,
            page: "Connect Active Directory".into(),
            says: "The password has expired.".into(),
            data: Some("532".into()),
        };
        assert_eq!(stopped(&event), outcome);
        event.fields.insert("data".into(), Value::Null);
        assert_eq!(
            stopped(&event),
            InstallOutcome {
                data: None,
                ..outcome
            }
        );
    }
}
