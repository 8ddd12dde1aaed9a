//! Performs the wizard's effects on a host.

use async_trait::async_trait;
use provlab_platform::{Part, event};
use provlab_protocol::environment::Environment;
use time::OffsetDateTime;
use uuid::Uuid;

use super::machine::{Effect, Event, Task, Wizard};
use crate::cloud::sign_in::{Session, sign_in};
use crate::cloud::{admin, registration};
use crate::host::{HostMachine, TraceFile};
use crate::setup::account::{Access, ServiceAccount, change_service_credentials};
use crate::setup::answers::{Answers, Extension};
use crate::setup::failure::{Failure, FailureKind, WizardFailure};
use crate::setup::generation::{Generation, PageSpec, Work};
use crate::setup::package::chosen_environment;
use crate::setup::steps;

/// Stands between two pages: whoever runs the wizard may let things happen there.
#[async_trait]
pub trait PageGate: Send + Sync {
    /// Called before a page is shown; the wizard goes on when it returns.
    async fn before_page(&self, page: &'static PageSpec);
}

/// Lets every page pass.
pub struct OpenGates;

#[async_trait]
impl PageGate for OpenGates {
    async fn before_page(&self, _page: &'static PageSpec) {}
}

/// What a finished wizard says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WizardReport {
    /// The success text of the last page.
    pub message: &'static str,
    /// The agent's tenant.
    pub tenant: Uuid,
    /// The agent's id.
    pub agent: Uuid,
    /// The account that runs the service.
    pub service_account: String,
}

/// Facts that one task leaves for the next.
#[derive(Default)]
struct Facts {
    environment: Option<&'static Environment>,
    session: Option<Session>,
    account: Option<ServiceAccount>,
    access: Option<Access>,
    agent: Option<Uuid>,
    restarted: Option<OffsetDateTime>,
}

/// Runs the wizard with the given answers.
///
/// # Errors
/// The page on which it stopped, with a message for a person.
pub async fn run_wizard(
    host: &HostMachine,
    answers: &Answers,
    gate: &dyn PageGate,
) -> Result<WizardReport, WizardFailure> {
    let generation = Generation::find(answers.generation);
    let log = host.trace_file(16);
    let mut wizard = Wizard::new(generation, answers.domains.len());
    let mut facts = Facts::default();
    let mut next = wizard.step(Event::Started);
    loop {
        let event = match next {
            Some(Effect::OpenPage(spec)) => {
                gate.before_page(spec).await;
                log.info(&format!("Page loaded: {}", spec.title));
                event!(
                    host.platform.trace,
                    Part::Wizard,
                    "wizard.page",
                    page = spec.title
                );
                Event::PageOpened
            }
            Some(Effect::Perform(task)) => {
                let done = steps::retried(host, || {
                    // Facts are small; a failed try must not leave half of them behind.
                    let facts = &facts;
                    async move { Box::pin(perform(host, generation, answers, facts, task)).await }
                })
                .await;
                match done {
                    Ok(update) => {
                        update(&mut facts);
                        Event::TaskDone
                    }
                    Err(failure) => Event::TaskFailed(failure),
                }
            }
            Some(Effect::Succeed(message)) => return Ok(succeed(host, &log, message, facts)),
            Some(Effect::Fail(failed)) => return Err(fail(host, &log, failed)),
            None => {
                // The machine answers every event that this loop makes.
                let failure = Failure::host("the wizard lost its way");
                let spec = &generation.pages[0];
                return Err(WizardFailure {
                    page: spec.page,
                    title: spec.title,
                    failure,
                });
            }
        };
        next = wizard.step(event);
    }
}

fn succeed(host: &HostMachine, log: &TraceFile, message: &'static str, facts: Facts) -> WizardReport {
    log.info(message);
    event!(
        host.platform.trace,
        Part::Wizard,
        "wizard.finished",
        message = message
    );
    let service_account = host
        .services
        .get(crate::product::SERVICE_NAME)
        .map(|entry| entry.account)
        .unwrap_or_default();
    WizardReport {
        message,
        tenant: facts.session.map(|session| session.tenant).unwrap_or_default(),
        agent: facts.agent.unwrap_or_default(),
        service_account,
    }
}

fn fail(host: &HostMachine, log: &TraceFile, failed: WizardFailure) -> WizardFailure {
    let failure = &failed.failure;
    log.error(&format!("{failed}"));
    log.error(&format!("Cause: {}", failure.cause));
    event!(
        host.platform.trace,
        Part::Wizard,
        "wizard.failed",
        page = failed.title,
        kind = failure.kind,
        "resultCode" = failure.result_code,
        data = failure.sub_code,
        message = failure.message
    );
    failed
}

type Update = Box<dyn FnOnce(&mut Facts) + Send>;

/// Does one task; gives what it found out.
async fn perform(
    host: &HostMachine,
    generation: &'static Generation,
    answers: &Answers,
    facts: &Facts,
    task: Task,
) -> Result<Update, Failure> {
    let nothing: Update = Box::new(|_| {});
    match task {
        Task::Once(Work::ChooseExtension) => choose_extension(answers.extension).map(|()| nothing),
        Task::Once(Work::SignIn) => {
            check_sign_in_page(host)?;
            let environment = chosen_environment(host).map_err(Failure::host)?;
            let session = sign_in(&host.platform, environment, &answers.cloud_administrator).await?;
            session.require_role(generation)?;
            Ok(Box::new(move |facts: &mut Facts| {
                facts.environment = Some(environment);
                facts.session = Some(session);
            }))
        }
        Task::Once(Work::PrepareServiceAccount) => {
            let account = steps::prepare_service_account(host, generation, &answers.service_account).await?;
            Ok(Box::new(move |facts: &mut Facts| {
                facts.access = Some(account.access());
                facts.account = Some(account);
            }))
        }
        Task::Once(Work::ChangeServiceCredentials) => {
            let account = facts.account.as_ref().ok_or_else(|| missing("service account"))?;
            change_service_credentials(host, account).map(|()| nothing)
        }
        Task::ForDomain(Work::AddDirectories, index) => {
            let answer = answers.domains.get(index).ok_or_else(|| missing("domain"))?;
            let access = match &facts.access {
                Some(access) => access.clone(),
                None => steps::service_identity(host).await?,
            };
            steps::add_directory(host, answer, &access).await?;
            Ok(Box::new(move |facts: &mut Facts| facts.access = Some(access)))
        }
        Task::Once(Work::Register) => {
            let (environment, session) = signed_in(facts)?;
            let trust = registration::register(host, environment, session).await?;
            Ok(Box::new(move |facts: &mut Facts| facts.agent = Some(trust.agent)))
        }
        Task::ForDomain(Work::GroupResources, index) => {
            let answer = answers.domains.get(index).ok_or_else(|| missing("domain"))?;
            let (environment, session) = signed_in(facts)?;
            let agent = facts.agent.ok_or_else(|| missing("registration"))?;
            admin::assign(host, environment, session, agent, answer.name.trim())
                .await
                .map(|()| nothing)
        }
        Task::Once(Work::RestartService) => {
            let moment = steps::restart_service(host).await?;
            Ok(Box::new(move |facts: &mut Facts| facts.restarted = Some(moment)))
        }
        Task::Once(Work::Verify) => {
            let since = facts.restarted.ok_or_else(|| missing("restart"))?;
            steps::verify(host, since).await.map(|()| nothing)
        }
        Task::Once(work) | Task::ForDomain(work, _) => Err(missing(&format!("{work:?}"))),
    }
}

fn missing(what: &str) -> Failure {
    Failure::host(format!("an earlier step left no {what}"))
}

fn signed_in(facts: &Facts) -> Result<(&'static Environment, &Session), Failure> {
    facts
        .environment
        .zip(facts.session.as_ref())
        .ok_or_else(|| missing("sign-in"))
}

fn choose_extension(extension: Extension) -> Result<(), Failure> {
    match extension {
        Extension::CloudSync => Ok(()),
        Extension::OnPremisesApplication => Err(Failure::new(
            FailureKind::Prerequisite,
            "On-premises application provisioning is not part of this agent. \
             Select HR-driven provisioning (Workday and SuccessFactors) / Microsoft Entra Connect cloud sync.",
            "extension",
        )),
    }
}

/// The sign-in page is a browser: IE ESC blocks it (CS 1.3). The credential manager keeps what it needs (CS 2.1).
pub(crate) fn check_sign_in_page(host: &HostMachine) -> Result<(), Failure> {
    if host.policies.ie_enhanced_security {
        return Err(Failure::new(
            FailureKind::Prerequisite,
            "Internet Explorer Enhanced Security Configuration blocks the sign-in page. \
             Close the installation, disable it and run the package again.",
            "IE ESC",
        ));
    }
    if host.policies.vault_service_disabled {
        return Err(Failure::new(
            FailureKind::Prerequisite,
            "The Credential Manager service (VaultSvc) is disabled. Enable it and run the configuration wizard again.",
            "VaultSvc",
        ));
    }
    Ok(())
}
