//! The provisioning service: log on, bootstrap, listen, answer, renew (CS 1.5, PR 1).

mod handler;
mod last_bootstrap;
mod listener;
mod listeners;
mod logon;
mod recent;
mod registered;
mod writeback;

use std::time::Duration;

use provlab_platform::Part;
use provlab_platform::files::FilesErrorKind;
use thiserror::Error;
use tokio::sync::watch;

pub use last_bootstrap::{LastBootstrap, last_bootstrap};
pub(crate) use logon::ServiceLogon;

use crate::config::AppConfig;
use crate::directory::ad::GmsaError;
use crate::host::{EventLevel, HostMachine, ServiceEntry, ServiceError, ServiceState};
use crate::product::{SERVICE_NAME, app_config_path};
use crate::trust::{TrustError, TrustStore};

/// Pause before a service whose domain could not be reached is started again; stands for its recovery options (inferred).
const RECOVERY_PAUSE: Duration = Duration::from_secs(60);

/// The service cannot go on at all.
#[derive(Debug, Error)]
pub enum RunError {
    /// The service database cannot be used, or the package was never installed.
    #[error(transparent)]
    Services(#[from] ServiceError),
}

/// How one start of the service ended.
pub(crate) enum Ended {
    /// The host shuts it down.
    Shutdown,
    /// It is to start anew.
    Restart,
    /// It stopped by itself; with a pause, the recovery options start it again.
    Failed { reason: String, retry: Option<Duration> },
}

/// Runs the provisioning service as the service control manager would, until `shutdown` becomes true.
///
/// A service that cannot start stays *Stopped* with its reason and waits to be restarted.
///
/// # Errors
/// When the service is not installed, or the host's service database cannot be used.
pub async fn run_service(host: &HostMachine, mut shutdown: watch::Receiver<bool>) -> Result<(), RunError> {
    loop {
        let entry = host.services.get(SERVICE_NAME)?;
        set_state(host, ServiceState::StartPending, "")?;
        let ended = tokio::select! {
            biased;
            () = until_true(&mut shutdown) => Ended::Shutdown,
            restarted = host.services.restart_after(SERVICE_NAME, entry.restarts) => {
                restarted?;
                Ended::Restart
            }
            ended = Box::pin(run_once(host, &entry)) => ended,
        };
        let (reason, retry) = match ended {
            Ended::Shutdown => {
                set_state(host, ServiceState::Stopped, "")?;
                return Ok(());
            }
            Ended::Restart => continue,
            Ended::Failed { reason, retry } => (reason, retry),
        };
        host.trace_file(1).error(&reason);
        set_state(host, ServiceState::Stopped, &reason)?;
        let pause = async {
            match retry {
                Some(pause) => host.pause(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = until_true(&mut shutdown) => return Ok(()),
            restarted = host.services.restart_after(SERVICE_NAME, entry.restarts) => drop(restarted?),
            () = pause => {}
        }
    }
}

/// Waits until the flag is true, or nobody can set it any more.
pub(crate) async fn until_true(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|set| *set).await;
}

fn set_state(host: &HostMachine, state: ServiceState, reason: &str) -> Result<(), ServiceError> {
    host.services.update(SERVICE_NAME, |entry| {
        entry.state = state;
        reason.clone_into(&mut entry.last_error);
    })
}

/// The configuration file as it is when the process starts; .NET starts none whose file it cannot read.
fn read_configuration(host: &HostMachine) -> Result<AppConfig, String> {
    let path = app_config_path();
    let bytes = match host.platform.files.read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind == FilesErrorKind::NotFound => return Ok(AppConfig::default()),
        Err(error) => return Err(error.to_string()),
    };
    AppConfig::parse(&bytes)
        .map_err(|error| format!("Configuration system failed to initialize: {path}: {error}"))
}

async fn run_once(host: &HostMachine, entry: &ServiceEntry) -> Ended {
    let config = match read_configuration(host) {
        Ok(config) => config,
        Err(reason) => return Ended::Failed { reason, retry: None },
    };
    let logon = match log_on(host, entry).await {
        Ok(logon) => logon,
        Err(ended) => return ended,
    };
    if let Err(error) = set_state(host, ServiceState::Running, "") {
        return Ended::Failed {
            reason: error.to_string(),
            retry: None,
        };
    }
    match TrustStore::new(host.platform.files.clone()).load() {
        Ok(Some(trust)) => registered::run(host, entry, trust, logon, &config).await,
        Ok(None) => {
            host.trace_file(1)
                .info("The agent is not registered yet; the configuration wizard has to be completed.");
            std::future::pending().await
        }
        Err(error @ TrustError::Damaged { .. }) => Ended::Failed {
            reason: error.to_string(),
            retry: None,
        },
        Err(error) => Ended::Failed {
            reason: error.to_string(),
            retry: Some(RECOVERY_PAUSE),
        },
    }
}

/// The logon of the service: a virtual account needs none, any other is proved against the host's own domain.
async fn log_on(host: &HostMachine, entry: &ServiceEntry) -> Result<ServiceLogon, Ended> {
    let log = host.event_log(Part::Agent);
    let fail = |id: u32, text: String, retry| {
        log.write(id, "Service Control Manager", EventLevel::Error, &text);
        Err(Ended::Failed { reason: text, retry })
    };
    if host.policies.deny_service_logon {
        let text = format!(
            "The {SERVICE_NAME} service was unable to log on as {} with the currently configured password due to the following error: \
             Logon failure: the user has not been granted the requested logon type at this computer.",
            entry.account
        );
        return fail(7041, text, None);
    }
    let refused = |error: &dyn std::fmt::Display| {
        format!(
            "The {SERVICE_NAME} service was unable to log on as {} with the currently configured password due to the following error: {error}",
            entry.account
        )
    };
    let logon = match ServiceLogon::of(host, entry) {
        Ok(ServiceLogon::Computer) => return Ok(ServiceLogon::Computer),
        Ok(logon) => logon,
        Err(error) => return fail(7038, refused(&error), None),
    };
    let domain = host.computer.domain.clone();
    match logon.open(host, Part::Agent, &domain, &[]).await {
        Ok(connection) => {
            connection.unbind().await;
            Ok(logon)
        }
        Err(error) => {
            let retry = unreachable(&error).then_some(RECOVERY_PAUSE);
            fail(7038, refused(&error), retry)
        }
    }
}

fn unreachable(error: &GmsaError) -> bool {
    match error {
        GmsaError::Logon(error) => error.is_transient(),
        GmsaError::Ldap { error, .. } => error.is_fatal(),
        _ => false,
    }
}
