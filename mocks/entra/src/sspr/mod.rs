//! Self-service password reset and the writeback behind it (CS 8, PR 17).
//!
//! | Module | What it does |
//! |---|---|
//! | `state` | options of the portal, keys of the onboarded agents, relays of the tenant |
//! | `portal` | *Password reset > On-premises integration* |
//! | `heartbeat` | onboarding and heartbeats of agents |
//! | `configure` | tells agents that the feature is on or off |
//! | `deliver` | seals a password for an agent and waits for the outcome |
//! | `people` | what a user does: reset, change, unlock |
//! | `admin` | what an administrator does: Graph's `resetPassword` |
//! | `refusal` | what the user is told |
//!
//! The product's own interface of portal and user pages is not public: what is here is kept small and is ours (`docs/wire.md`).

mod admin;
mod configure;
mod deliver;
mod heartbeat;
mod people;
mod portal;
mod refusal;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio::sync::{Notify, mpsc};

pub(crate) use admin::{PASSWORD_METHOD, Status, operation, reset_password, run as run_resets};
pub(crate) use configure::run;
pub use refusal::Refusal;
pub(crate) use state::endpoint_of;
pub use state::{Onboarded, TenantSspr};

use crate::shared::Shared;

/// Time between two heartbeats of an agent (CS 8.2).
pub const HEARTBEAT_PERIOD: Duration = Duration::from_secs(5 * 60);
/// How old the last heartbeat may be: one may be missed (inferred).
pub const HEARTBEAT_GRACE: Duration = Duration::from_secs(2 * 5 * 60 + 30);
/// However fast the cloud's clocks run, a heartbeat counts this long.
pub const LEAST_GRACE: Duration = Duration::from_secs(10);
/// How long a request is good for: "several minutes" (PR 17.2); three are inferred.
pub const MESSAGE_LIFE: Duration = Duration::from_secs(3 * 60);
/// However fast the cloud's clocks run, an agent gets this long.
pub const LEAST_MESSAGE_LIFE: Duration = Duration::from_secs(10);
/// How old an agent's key may become: the documented 6 months.
pub const KEY_LIFETIME: time::Duration = time::Duration::days(182);
/// Most agents of a tenant that write back.
pub const MAX_ONBOARDED: usize = 64;
/// Most operations of administrators that are under way or can still be asked after.
pub const MAX_OPERATIONS: usize = 256;
/// Largest body of a user's request, in bytes.
pub const MAX_REQUEST_BYTES: usize = 8 * 1024;

/// What is waited for, beside the requests themselves.
pub struct Desk {
    /// Something was switched, or an agent onboarded.
    news: Notify,
    operations: Mutex<admin::Operations>,
    jobs: mpsc::Sender<admin::Job>,
    /// Taken by the task that does them.
    arrivals: Mutex<Option<mpsc::Receiver<admin::Job>>>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk(..)")
    }
}

impl Default for Desk {
    fn default() -> Self {
        let (jobs, arrivals) = mpsc::channel(MAX_OPERATIONS);
        Self {
            news: Notify::new(),
            operations: Mutex::default(),
            jobs,
            arrivals: Mutex::new(Some(arrivals)),
        }
    }
}

impl Desk {
    fn arrivals(&self) -> Option<mpsc::Receiver<admin::Job>> {
        self.arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// The routes of the role [`crate::http::Role::PasswordReset`].
pub fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/writeback/heartbeat", post(heartbeat::beat))
        .route("/onPremisesIntegration", get(portal::show).patch(portal::change))
        .route("/reset", post(people::reset))
        .route("/change", post(people::change))
        .route("/unlock", post(people::unlock))
        .with_state(Arc::clone(shared))
}

/// How long a request is good for at the present cadence.
fn message_life(shared: &Shared) -> Duration {
    shared.period(MESSAGE_LIFE).max(LEAST_MESSAGE_LIFE)
}

/// How old a heartbeat may be at the present cadence.
fn heartbeat_grace(shared: &Shared) -> time::Duration {
    let grace = shared.period(HEARTBEAT_GRACE).max(LEAST_GRACE);
    time::Duration::try_from(grace).unwrap_or(time::Duration::MAX)
}
