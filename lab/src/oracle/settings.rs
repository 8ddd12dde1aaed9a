//! What an administrator has told a job to do, as far as the steps of a story say it.

/// The configuration of one job; by default that of a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {}
