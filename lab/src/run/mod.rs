//! Running one scenario: a pure dispatcher decides, an executor performs, expectations are read off the world.

mod dispatch;
mod execute;
mod expect;
mod in_sync;
mod options;

pub use dispatch::{Action, DEFAULT_PATIENCE, Dispatcher, Event, Failure, Unmet, Verdict};
pub use execute::run_scenario;
pub use options::{KeepFiles, RunOptions, Weather};
