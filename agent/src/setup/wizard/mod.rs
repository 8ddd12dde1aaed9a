//! The configuration wizard: a pure state machine, and a runner that does what it says.

mod machine;
mod runner;

pub use machine::{Effect, Event, Task, Wizard};
pub(crate) use runner::check_sign_in_page;
pub use runner::{OpenGates, PageGate, WizardReport, run_wizard};
