//! The updater: the second service, which must be Running for automatic upgrades (CS 11).

use tokio::sync::watch;

use crate::host::{HostMachine, ServiceError, ServiceState};
use crate::product::UPDATER_NAME;
use crate::service::until_true;

/// Runs the updater service until `shutdown` becomes true. How often the product looks for a release is not public.
///
/// # Errors
/// When the service is not installed, or the host's service database cannot be used.
pub async fn run_updater(
    host: &HostMachine,
    mut shutdown: watch::Receiver<bool>,
) -> Result<(), ServiceError> {
    let set = |state| {
        host.services.update(UPDATER_NAME, |entry| {
            entry.state = state;
            entry.last_error.clear();
        })
    };
    loop {
        let entry = host.services.get(UPDATER_NAME)?;
        set(ServiceState::Running)?;
        tokio::select! {
            biased;
            () = until_true(&mut shutdown) => return set(ServiceState::Stopped),
            restarted = host.services.restart_after(UPDATER_NAME, entry.restarts) => drop(restarted?),
        }
    }
}
