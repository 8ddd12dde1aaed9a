//! Running one scenario: a pure dispatcher decides, an executor performs, expectations are read off the world.

mod cloud_change;
mod directory_change;
mod dispatch;
mod execute;
mod expect;
mod learn;
mod look;
mod options;
mod password;
mod play;
mod recollect;
mod state;
mod stop;

pub use dispatch::{Action, DEFAULT_PATIENCE, Dispatcher, Event, Failure, STEP_LIMIT, Unmet, Verdict};
pub use execute::{install_request, run_scenario};
pub use options::{KeepFiles, RunOptions, Weather};
pub use play::play;
pub use stop::Stop;
