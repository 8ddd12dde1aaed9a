//! The program `provagent`: one Windows server in a folder, with its package, wizard, cmdlets and services.
//!
//! Exit status: 0 done; 1 the step failed, with a message for a person; 2 the command or a file is wrong.

mod arguments;
mod host_file;
mod stdio;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use async_trait::async_trait;
use clap::Parser;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;

use crate::cloud::sign_in::Session;
use crate::setup::answers::{
    Answers, CloudPassword, CloudSignIn, CloudToken, CreateGmsa, CustomGmsa, CustomServiceAccount,
    DomainAnswer, DomainCredential, MAX_ANSWER_BYTES, ServiceAccountChoice,
};
use crate::setup::cmdlets;
use crate::setup::generation::{GENERATIONS, PageSpec};
use crate::{
    AgentVersion, HostMachine, OpenGates, PackageOptions, PageGate, install_package, run_service,
    run_updater, run_wizard, status,
};
use arguments::{Arguments, Command, normalize};
use stdio::Input;

/// Stands for the memory of the PowerShell session between two cmdlets: the token, until it expires.
const SESSION_FILE: &str = r"C:\Windows\Temp\AADCloudSyncSession.token";
/// Variable that a password is taken from, before standard input.
const PASSWORD_VARIABLE: &str = "PROVAGENT_PASSWORD";

/// A run that ended badly.
enum Trouble {
    /// The command or a file is wrong.
    Usage(String),
    /// The step failed.
    Step(String),
}

fn step(error: impl std::fmt::Display) -> Trouble {
    Trouble::Step(error.to_string())
}

fn usage(error: impl std::fmt::Display) -> Trouble {
    Trouble::Usage(error.to_string())
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse_from(normalize(std::env::args())) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("provagent: no runtime: {error}");
            return ExitCode::from(1);
        }
    };
    let outcome = runtime.block_on(Box::pin(run(arguments)));
    // Standard input may be blocked in a read for ever; nothing else is left to wait for.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Trouble::Usage(message)) => {
            eprintln!("provagent: {message}");
            ExitCode::from(2)
        }
        Err(Trouble::Step(message)) => {
            eprintln!("{message}");
            ExitCode::from(1)
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Trouble> {
    let host_file = arguments
        .host_file
        .clone()
        .unwrap_or_else(|| arguments.host_root.join("host.json"));
    let host = host_file::open(&host_file, &arguments.host_root, arguments.events).map_err(usage)?;
    let input = Input::default();
    if arguments.tied_to_stdin {
        input.start();
    }
    let is_service = matches!(arguments.command, Command::Service | Command::Updater);
    let mut gone = input.end();
    let work = Box::pin(perform(&host, arguments.command, &input));
    // A service ends in order by itself, so that its entry says Stopped.
    if is_service || !arguments.tied_to_stdin {
        return work.await;
    }
    tokio::select! {
        biased;
        done = work => done,
        _ = gone.wait_for(|end| *end) => Ok(()),
    }
}

async fn perform(host: &HostMachine, command: Command, input: &Input) -> Result<(), Trouble> {
    match command {
        Command::Package(package) => {
            let mut options =
                PackageOptions::from_arguments(package.switches.iter().map(String::as_str)).map_err(usage)?;
            if let Some(name) = &package.generation {
                let known = GENERATIONS
                    .iter()
                    .find(|generation| format!("{:?}", generation.name).eq_ignore_ascii_case(name));
                options.generation = known.map(|generation| generation.name).ok_or_else(|| {
                    usage(format!(
                        "the generation '{name}' is not known; give one of G20, G22, G23, G24, G25"
                    ))
                })?;
            }
            options.version = package
                .release
                .as_deref()
                .map(AgentVersion::parse)
                .transpose()
                .map_err(usage)?;
            let report = install_package(host, &options).map_err(step)?;
            println!(
                "Installed for {}. Log: {}",
                report.environment.display_name, report.log
            );
            Ok(())
        }
        Command::Wizard(wizard) => {
            let bytes = read_bounded(&wizard.answers, MAX_ANSWER_BYTES)?;
            let answers = Answers::parse(&bytes).map_err(usage)?;
            let gate: Box<dyn PageGate> = if wizard.pause_before_page {
                input.start();
                Box::new(Pause { input: input.clone() })
            } else {
                Box::new(OpenGates)
            };
            let report = Box::pin(run_wizard(host, &answers, gate.as_ref()))
                .await
                .map_err(step)?;
            println!("{}", report.message);
            Ok(())
        }
        Command::Service => Box::pin(run_service(host, until_stopped(input)))
            .await
            .map_err(step),
        Command::Updater => run_updater(host, until_stopped(input)).await.map_err(step),
        Command::Status(options) => {
            let found = status(host).map_err(step)?;
            if options.json {
                println!("{}", serde_json::to_string(&found).map_err(step)?);
            } else {
                println!("{found}");
            }
            Ok(())
        }
        Command::ConnectAzureAd(options) => {
            let answer = match options.access_token {
                Some(token) => CloudSignIn::AccessToken(CloudToken {
                    access_token: token.into(),
                }),
                None => {
                    let user = options
                        .user_principal_name
                        .or(options.credential)
                        .ok_or_else(|| usage("give -UserPrincipalName, -Credential or -AccessToken"))?;
                    CloudSignIn::Password(CloudPassword {
                        user_principal_name: user,
                        password: password(input).await?,
                    })
                }
            };
            let session = cmdlets::connect_azure_ad(host, &answer).await.map_err(step)?;
            let files = &host.platform.files;
            files
                .write_atomic(SESSION_FILE, session.token.expose_secret().as_bytes())
                .map_err(step)
        }
        Command::AddGmsa(options) => {
            let typed = async |user| {
                Ok(DomainCredential {
                    user,
                    password: password(input).await?,
                })
            };
            let choice = match (options.custom_name, options.custom_account, options.credential) {
                (Some(name), _, _) => ServiceAccountChoice::CustomGmsa(CustomGmsa { name }),
                (None, Some(user), _) => ServiceAccountChoice::CustomServiceAccount(CustomServiceAccount {
                    credential: typed(user).await?,
                }),
                (None, None, Some(user)) => ServiceAccountChoice::CreateGmsa(CreateGmsa {
                    credential: typed(user).await?,
                }),
                (None, None, None) => {
                    return Err(usage(
                        "give -Credential, -CustomGMSAName or -CustomServiceAccountName",
                    ));
                }
            };
            let name = cmdlets::add_gmsa(host, &choice).await.map_err(step)?;
            println!("{name}");
            Ok(())
        }
        Command::SetPasswordWriteback(options) => {
            let session = match options.credential {
                Some(user) => {
                    let answer = CloudSignIn::Password(CloudPassword {
                        user_principal_name: user,
                        password: password(input).await?,
                    });
                    cmdlets::connect_azure_ad(host, &answer).await.map_err(step)?
                }
                None => kept_session(host)?,
            };
            cmdlets::set_password_writeback(host, &session, options.enable)
                .await
                .map_err(step)
        }
        Command::AddAdDomain(options) => {
            let session = kept_session(host)?;
            let answer = DomainAnswer {
                name: options.domain_name,
                credential: DomainCredential {
                    user: options.credential,
                    password: password(input).await?,
                },
                preferred_domain_controllers: options.preferred,
            };
            Box::pin(cmdlets::add_ad_domain(host, &session, &answer))
                .await
                .map_err(step)
        }
        Command::RestartService => cmdlets::restart_service(host).await.map_err(step),
    }
}

/// The session that Connect-AADCloudSyncAzureAD left.
fn kept_session(host: &HostMachine) -> Result<Session, Trouble> {
    let token = host
        .platform
        .files
        .read(SESSION_FILE)
        .map_err(|_| step("Run Connect-AADCloudSyncAzureAD first."))?;
    let token = SecretString::from(String::from_utf8_lossy(&token).into_owned());
    Session::from_token(token).map_err(step)
}

/// Prints a JSON line before each page and waits for any line on standard input.
struct Pause {
    input: Input,
}

#[async_trait]
impl PageGate for Pause {
    async fn before_page(&self, page: &'static PageSpec) {
        println!(
            "{}",
            serde_json::json!({ "pauseBeforePage": page.title, "key": page.page.key() })
        );
        let _ = self.input.line().await;
    }
}

async fn password(input: &Input) -> Result<SecretString, Trouble> {
    if let Ok(password) = std::env::var(PASSWORD_VARIABLE) {
        return Ok(password.into());
    }
    input.start();
    let line = input.line().await;
    line.map(SecretString::from).ok_or_else(|| {
        usage(format!(
            "no password in {PASSWORD_VARIABLE} and none on standard input"
        ))
    })
}

fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, Trouble> {
    host_file::read_bounded(path, limit).map_err(usage)
}

/// Becomes true when the process is asked to end, or standard input ends if it is read.
fn until_stopped(input: &Input) -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    let mut gone = input.end();
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = provlab_platform::process::asked_to_end() => {}
            _ = gone.wait_for(|end| *end) => {}
        }
        let _ = stop.send(true);
        std::future::pending::<()>().await;
    });
    stopped
}

/// Default place of a host: the current folder.
fn here() -> PathBuf {
    PathBuf::from(".")
}
