//! How a scenario is run.

use super::Stop;
use crate::scenario::StageName;

/// Choices of one run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Where it runs.
    pub stage: StageName,
    /// The seed; by default the scenario's own.
    pub seed: Option<u64>,
    /// Disturbance of the whole network, on `sim` only.
    pub weather: Option<Weather>,
    /// Whether the world's files are kept (real stages).
    pub keep: KeepFiles,
    /// Whether every event is printed as it happens.
    pub verbose: bool,
    /// What can end the run before its time.
    pub stop: Stop,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            stage: StageName::Sim,
            seed: None,
            weather: None,
            keep: KeepFiles::Never,
            verbose: false,
            stop: Stop::default(),
        }
    }
}

/// When a world's files outlive its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepFiles {
    /// Never.
    Never,
    /// When it failed.
    OnFailure,
    /// Always.
    Always,
}

/// Latency and loss on every link of a simulated world, drawn from the run's seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weather {
    /// Largest extra latency of a chunk, in milliseconds.
    pub latency_ms: u64,
    /// Probability that a chunk is lost and sent again after a retransmission time.
    pub loss: f64,
}
