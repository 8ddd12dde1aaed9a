//! Builds a world, has the story played in it, and makes single steps happen, on whatever stage that is.

use std::{cell::RefCell, rc::Rc, time::Instant};

use async_trait::async_trait;
use provlab_agent::config::AppConfig;
use provlab_agent::product::app_config_path;
use provlab_agent::setup::{
    answers::{
        Answers, CloudPassword, CloudSignIn, CreateGmsa, CustomGmsa, CustomServiceAccount, DomainAnswer,
        DomainCredential, Extension, ServiceAccountChoice as AccountAnswer,
    },
    generation::GenerationName,
};
use provlab_platform::{Part, event};

use super::{
    KeepFiles, RunOptions, STEP_LIMIT, cloud_change, directory_change, password, play, state::RunState,
};
use crate::{
    report::{Outcome, RunReport},
    scenario::{
        Between, EditedConfig, Install, Located, Scenario, ServiceAccountChoice, ServiceName, Step,
        UpgradedAgent, WizardPage,
    },
    stage,
    world::{BetweenPages, Book, Credential, InstallOutcome, InstallRequest, Power, World, WorldError},
};

/// Runs one scenario from nothing to nothing: builds the world, plays the story, ends the world.
pub fn run_scenario(scenario: &Scenario, options: &RunOptions) -> RunReport {
    let begun = Instant::now();
    let seed = options.seed.unwrap_or(scenario.seed);
    let not_started = |outcome| {
        let file = scenario.path.display().to_string();
        RunReport::not_started(scenario.id.clone(), file, options.stage, seed, outcome)
    };
    if !scenario.stages.contains(&options.stage) {
        let reason = scenario.not_on.get(&options.stage).cloned().unwrap_or_default();
        return not_started(Outcome::NotRun(reason));
    }
    if let Err(reason) = stage::availability(options.stage) {
        return not_started(Outcome::Missing(reason));
    }
    let runtime = match stage::runtime(options.stage, seed) {
        Ok(runtime) => runtime,
        Err(error) => return not_started(Outcome::Defect(format!("no runtime: {error}"))),
    };
    // Tasks that the world spawned are dropped with the runtime, before the report leaves this function.
    let mut report = runtime.block_on(async {
        let built = tokio::select! {
            biased;
            () = options.stop.asked() => return not_started(Outcome::Interrupted),
            built = stage::build(scenario, options, seed) => built,
        };
        match built {
            Ok(world) => {
                let report = play(scenario, options, seed, world.as_ref()).await;
                world.shut_down(keeps(options, &report)).await;
                report
            }
            Err(WorldError::Missing(reason)) => not_started(Outcome::Missing(reason)),
            Err(error @ WorldError::NotOnStage { .. }) => not_started(Outcome::NotRun(error.to_string())),
            Err(error) => not_started(Outcome::Defect(format!("the world was not built: {error}"))),
        }
    });
    if report.outcome == Outcome::Interrupted {
        // A thread may wait for another process to have built an image.
        runtime.shutdown_background();
    } else {
        drop(runtime);
    }
    report.wall_time = begun.elapsed();
    report
}

fn keeps(options: &RunOptions, report: &RunReport) -> bool {
    match options.keep {
        KeepFiles::Never => false,
        KeepFiles::OnFailure => !matches!(report.outcome, Outcome::Passed | Outcome::Interrupted),
        KeepFiles::Always => true,
    }
}

pub(super) type State = Rc<RefCell<RunState>>;

/// Ends a step that never ends by itself.
pub(super) async fn within_limit(
    world: &dyn World,
    step: &Step,
    work: impl Future<Output = Result<(), WorldError>>,
) -> Result<(), WorldError> {
    if matches!(step, Step::Advance(_)) {
        return work.await;
    }
    let limit = world.scaled()(STEP_LIMIT).max(world.least_patience());
    let ended = world.door().clock.timeout(limit, work).await;
    ended.unwrap_or_else(|_| {
        Err(WorldError::Lab(format!(
            "`{}` was not done within {}",
            step.word(),
            crate::scenario::Span(limit)
        )))
    })
}

/// Makes one step happen.
pub(super) async fn perform(world: &dyn World, state: &State, step: &Step) -> Result<(), WorldError> {
    match step {
        Step::Install(install) => {
            let mut request = install_request(world.book(), install)?;
            for account in domain_accounts(&mut request.answers) {
                account.user = world.logon_name(&account.user)?;
            }
            state
                .borrow_mut()
                .install_begins(&request.host, world.log().len());
            let mut between = Hooks {
                world,
                state,
                steps: &install.between,
            };
            let outcome = world.install(&request, &mut between).await?;
            note_outcome(world, &request.host, &outcome);
            state.borrow_mut().installed(&request.host, outcome);
            Ok(())
        }
        Step::Advance(span) => {
            world.door().clock.sleep(world.scaled()(span.value.0)).await;
            Ok(())
        }
        Step::Expect(_) => Ok(()),
        Step::UpgradeAgent(what) => upgrade(world, what).await,
        Step::EditAgentConfig(what) => edit_config(world, what),
        Step::StartService(what) => world.start_service(&what.host, what.service).await,
        Step::StopService(what) => world.stop_service(&what.host, what.service).await,
        Step::Crash(part) => world.crash(part).await,
        Step::Pause(what) => world.power(&what.directory, Power::Pause).await,
        Step::Resume(what) => world.power(&what.directory, Power::Resume).await,
        Step::Stop(what) => world.power(&what.directory, Power::Stop).await,
        Step::Start(what) => world.power(&what.directory, Power::Start).await,
        Step::Fault(fault) => world.disturb(fault),
        Step::Heal(name) => world.heal(name),
        Step::ExpireCloudPassword(_)
        | Step::ResetCloudPassword(_)
        | Step::DisableCloudAccount(_)
        | Step::EnableCloudAccount(_)
        | Step::DeleteCloudAccount(_)
        | Step::MakeDirectoryBusy(_)
        | Step::ThrottleGraph(_) => cloud_change::befall(world, step).await,
        Step::ResetOwnPassword(_)
        | Step::ChangeOwnPassword(_)
        | Step::UnlockOwnAccount(_)
        | Step::SetPasswordPolicy(_)
        | Step::RevokeRight(_) => Box::pin(password::perform(world, state, step)).await,
        other => match other.in_cloud() {
            Some(what) => Box::pin(cloud_change::perform(world, state, step, what)).await,
            None => directory_change::perform(world, step).await,
        },
    }
}

/// The package of another release stops the service, replaces what is installed, and starts it again.
async fn upgrade(world: &dyn World, what: &UpgradedAgent) -> Result<(), WorldError> {
    world.stop_service(&what.host, ServiceName::Agent).await?;
    world.upgrade(&what.host, &what.version).await?;
    world.start_service(&what.host, ServiceName::Agent).await
}

fn edit_config(world: &dyn World, what: &EditedConfig) -> Result<(), WorldError> {
    let lab = |error: &dyn std::fmt::Display| WorldError::Lab(format!("`{}`: {error}", *what.host));
    let (files, path) = (world.host_files(&what.host)?, app_config_path());
    let bytes = files.read(&path).map_err(|error| lab(&error))?;
    let edited = AppConfig::parse(&bytes)
        .and_then(|config| config.with_fips_policy(what.enforce_fips_policy))
        .map_err(|error| lab(&error))?;
    files
        .write_atomic(&path, edited.text().as_bytes())
        .map_err(|error| lab(&error))
}

/// What the person answers, from what the scenario says.
///
/// # Errors
/// If the step names what the world does not declare.
pub fn install_request(book: &Book, install: &Install) -> Result<InstallRequest, WorldError> {
    let host = book.host(&install.host)?;
    let admin = book.domain_credential(&install.domain_admin)?;
    let cloud = book.cloud_credential(&install.tenant, &install.sign_in_as)?;
    let typed = |credential: &Credential| DomainCredential {
        user: credential.name.clone(),
        password: credential.password.clone(),
    };
    let domains = match &install.domains {
        Some(domains) => domains.iter().map(|domain| domain.value.clone()).collect(),
        None => vec![host.domain.value.clone()],
    };
    Ok(InstallRequest {
        host: host.name.value.clone(),
        environmentname: install.environmentname.clone(),
        answers: Answers {
            generation: GenerationName::default(),
            extension: Extension::CloudSync,
            cloud_administrator: CloudSignIn::Password(CloudPassword {
                user_principal_name: cloud.name,
                password: cloud.password,
            }),
            service_account: match &install.service_account {
                ServiceAccountChoice::CreateGmsa => AccountAnswer::CreateGmsa(CreateGmsa {
                    credential: typed(&admin),
                }),
                ServiceAccountChoice::CustomGmsa(name) => {
                    AccountAnswer::CustomGmsa(CustomGmsa { name: name.clone() })
                }
                ServiceAccountChoice::CustomServiceAccount(name) => {
                    let account = book.domain_credential(name)?;
                    AccountAnswer::CustomServiceAccount(CustomServiceAccount {
                        credential: typed(&account),
                    })
                }
            },
            domains: domains
                .into_iter()
                .map(|name| DomainAnswer {
                    name,
                    credential: typed(&admin),
                    preferred_domain_controllers: Vec::new(),
                })
                .collect(),
        },
    })
}

/// The domain accounts that the person types.
fn domain_accounts(answers: &mut Answers) -> impl Iterator<Item = &mut DomainCredential> {
    let for_the_service = match &mut answers.service_account {
        AccountAnswer::CreateGmsa(create) => Some(&mut create.credential),
        AccountAnswer::CustomServiceAccount(custom) => Some(&mut custom.credential),
        AccountAnswer::CustomGmsa(_) => None,
    };
    let of_domains = answers.domains.iter_mut().map(|domain| &mut domain.credential);
    of_domains.chain(for_the_service)
}

fn note_outcome(world: &dyn World, host: &str, outcome: &InstallOutcome) {
    event!(
        world.door().trace,
        Part::Lab,
        "install",
        host = host,
        completed = outcome.completed,
        page = outcome.page,
        says = outcome.says
    );
}

/// The steps of a file that happen between two pages.
struct Hooks<'a> {
    world: &'a dyn World,
    state: &'a State,
    steps: &'a [Between],
}

#[async_trait(?Send)]
impl BetweenPages for Hooks<'_> {
    async fn before(&mut self, page: WizardPage) -> Result<(), WorldError> {
        for between in self.steps.iter().filter(|between| between.before.value == page) {
            for step in &between.steps {
                let step: Located<Step> = step.clone().map(Into::into);
                event!(
                    self.world.door().trace,
                    Part::Lab,
                    "step",
                    line = step.line,
                    step = step.value.word()
                );
                Box::pin(perform(self.world, self.state, &step.value)).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::StageName;

    #[test]
    fn a_stage_that_is_left_out_is_not_run_with_its_reason() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/fresh-install.yaml");
        let scenarios = crate::scenario::load_file(file.as_ref()).unwrap_or_default();
        let options = RunOptions {
            stage: StageName::Openldap,
            ..RunOptions::default()
        };
        let report = run_scenario(&scenarios[0], &options);
        assert!(matches!(report.outcome, Outcome::NotRun(reason) if !reason.is_empty()));
    }
}
