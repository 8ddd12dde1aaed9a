//! One running lab: directories, the cloud, agent hosts, network and clock — whatever stage they stand on.

mod book;
mod graph;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use provlab_agent::host::{ServiceControl, ServiceError};
use provlab_platform::{Platform, files::Files, trace::TraceLog};

pub use book::{
    Book, Credential, UnknownName, cloud_password_of, cloud_user_name, default_password, environment_of,
    initial_domain, password_of,
};
pub use graph::{Graph, GraphError, OnDemandAnswer, PasswordAnswer, SchemaEdit, Subject, as_user};

use crate::scenario::{Fault, Part, ServiceName, StageName, WizardPage};

/// Why the world could not do something.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A name that the world does not declare.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The cloud refused, or was not reached.
    #[error(transparent)]
    Graph(Box<GraphError>),
    /// A mock refused a control command.
    #[error("{by} refused: {message}")]
    Refused {
        /// Who.
        by: String,
        /// Why.
        message: String,
    },
    /// A process could not be started, or ended.
    #[error("process {name}: {detail}")]
    Process {
        /// Which process.
        name: String,
        /// What happened.
        detail: String,
    },
    /// The stage cannot do this.
    #[error("the stage `{stage}` cannot do this: {what}")]
    NotOnStage {
        /// The stage.
        stage: StageName,
        /// What was asked.
        what: String,
    },
    /// Something that the stage needs is missing on this machine.
    #[error("missing: {0}")]
    Missing(String),
    /// The lab's own failure.
    #[error("{0}")]
    Lab(String),
}

impl From<GraphError> for WorldError {
    fn from(error: GraphError) -> Self {
        Self::Graph(Box::new(error))
    }
}

/// What a person does at an installation.
#[derive(Debug, Clone)]
pub struct InstallRequest {
    /// Short name of the server.
    pub host: String,
    /// The installer switch `ENVIRONMENTNAME=…`.
    pub environmentname: Option<String>,
    /// The answers to the wizard's pages.
    pub answers: provlab_agent::Answers,
}

/// How an installation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallOutcome {
    /// Whether the wizard came to its success text.
    pub completed: bool,
    /// Title of the last page; empty where the package refused before the wizard.
    pub page: String,
    /// What the person saw last: the success text or the error.
    pub says: String,
    /// `data` of AD's bind failure, where there was one.
    pub data: Option<String>,
}

/// State of one service of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceState {
    /// Whether it runs.
    pub running: bool,
    /// The account it runs as.
    pub account: String,
}

impl ServiceState {
    /// Reads a service out of a host's service database; a service that is not installed does not run.
    ///
    /// # Errors
    /// If the database is damaged.
    pub fn of(services: &ServiceControl, name: &str) -> Result<Self, WorldError> {
        match services.get(name) {
            Ok(entry) => Ok(Self {
                running: entry.state == provlab_agent::host::ServiceState::Running,
                account: entry.account,
            }),
            Err(ServiceError::NotInstalled(_)) => Ok(Self {
                running: false,
                account: String::new(),
            }),
            Err(error) => Err(WorldError::Lab(error.to_string())),
        }
    }
}

/// The page with this title on the screen.
pub fn page_titled(title: &str) -> Option<WizardPage> {
    WizardPage::ALL.into_iter().find(|page| page.title() == title)
}

/// What is done to the servers of a directory, as to virtual machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// They stand still: connections stay open, nothing is answered.
    Pause,
    /// They go on where they stood still.
    Resume,
    /// They are switched off: connections break, new ones are refused.
    Stop,
    /// They start on what they had stored.
    Start,
}

/// Called when the wizard is about to enter a page; the world stands still until it returns.
#[async_trait(?Send)]
pub trait BetweenPages {
    /// The page that will be entered.
    ///
    /// # Errors
    /// Ends the installation as a failure of the step.
    async fn before(&mut self, page: WizardPage) -> Result<(), WorldError>;
}

/// What a stage gives to the runner.
///
/// Everything else in a run — order, patience, verdicts — is the same on every stage.
#[async_trait(?Send)]
pub trait World {
    /// Which stage this is.
    fn stage(&self) -> StageName;

    /// The names of this world.
    fn book(&self) -> &Book;

    /// What a person types for a domain account that the file calls `NETBIOS\name`.
    ///
    /// # Errors
    /// If the world declares no such domain.
    fn logon_name(&self, account: &str) -> Result<String, UnknownName> {
        Ok(account.to_owned())
    }

    /// The lab's own doors: it is a host of the world like any other.
    fn door(&self) -> &Platform;

    /// Everything that happened so far.
    fn log(&self) -> &TraceLog;

    /// Turns a span of the file into one of this stage's clock.
    fn scaled(&self) -> fn(Duration) -> Duration;

    /// The least patience with an expectation.
    fn least_patience(&self) -> Duration;

    /// Makes something happen in a directory that has no protocol of its own, or asks for its state.
    ///
    /// # Errors
    /// If the directory refuses or is gone.
    async fn directory(
        &self,
        domain: &str,
        command: provlab_directory::control::Command,
    ) -> Result<provlab_directory::control::Reply, WorldError>;

    /// The same for the cloud.
    ///
    /// # Errors
    /// If the cloud refuses or is gone.
    async fn cloud(
        &self,
        command: provlab_entra::control::Command,
    ) -> Result<provlab_entra::control::Reply, WorldError>;

    /// Runs package and wizard on a host.
    ///
    /// # Errors
    /// If the host could not be used; a wizard that stops with an error is an outcome, not an error.
    async fn install(
        &self,
        request: &InstallRequest,
        between: &mut dyn BetweenPages,
    ) -> Result<InstallOutcome, WorldError>;

    /// Runs the package of another release on a host whose service is stopped.
    ///
    /// # Errors
    /// If the package refuses, or the host could not be used.
    async fn upgrade(&self, host: &str, version: &str) -> Result<(), WorldError>;

    /// The files of a host.
    ///
    /// # Errors
    /// If the world declares no such host.
    fn host_files(&self, host: &str) -> Result<Arc<dyn Files>, WorldError>;

    /// Starts a service.
    ///
    /// # Errors
    /// If the host could not be used.
    async fn start_service(&self, host: &str, service: ServiceName) -> Result<(), WorldError>;

    /// Stops a service.
    ///
    /// # Errors
    /// If the host could not be used.
    async fn stop_service(&self, host: &str, service: ServiceName) -> Result<(), WorldError>;

    /// A service as the service control manager shows it.
    ///
    /// # Errors
    /// If the host could not be used.
    async fn service_state(&self, host: &str, service: ServiceName) -> Result<ServiceState, WorldError>;

    /// Ends a part without warning and starts it again on what it had stored.
    ///
    /// # Errors
    /// If it does not start again.
    async fn crash(&self, part: &Part) -> Result<(), WorldError>;

    /// Pauses, resumes, stops or starts the domain controllers of a domain.
    ///
    /// # Errors
    /// If the stage cannot do it, or they do not start again.
    async fn power(&self, domain: &str, power: Power) -> Result<(), WorldError>;

    /// Puts a network fault in force.
    ///
    /// # Errors
    /// If the stage's network cannot do it.
    fn disturb(&self, fault: &Fault) -> Result<(), WorldError>;

    /// Ends the fault of that name.
    ///
    /// # Errors
    /// If there is none.
    fn heal(&self, name: &str) -> Result<(), WorldError>;

    /// Returns when a part of the world has ended without having been told to: nothing can become of the story then. Parts
    /// whose end shows in their answers are not watched.
    async fn broken(&self) -> WorldError {
        std::future::pending().await
    }

    /// Puts what parts have logged for themselves into the trace, for the report of a failure.
    async fn trace_logs(&self) {}

    /// Ends everything that the world started; its files stay if `keep` says so.
    async fn shut_down(&self, keep: bool);
}
