//! What can happen in a history.

/// One thing that happens: a step of a scenario, in terms of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// A user comes.
    Create {
        account: &'static str,
        name: &'static str,
        prefix: &'static str,
        suffix: &'static str,
        set: Vec<Set>,
    },
    /// An attribute is set or cleared.
    Modify { account: String, set: Set },
    /// A user gets another user principal name.
    NameUser {
        account: String,
        prefix: &'static str,
        suffix: &'static str,
    },
    /// An account gets another account name.
    Account { account: String, to: &'static str },
    /// A user gets a manager or loses it.
    Manager { account: String, manager: Option<String> },
    /// A user is enabled or disabled.
    Enable { account: String, on: bool },
    /// An object goes.
    Delete { account: String },
    /// An object gets another common name.
    Rename { account: String, to: &'static str },
    /// A group has an object among its members or not.
    Member { group: String, member: String, is: bool },
    /// Time passes.
    Advance(&'static str),
    /// A part ends without warning and starts again.
    Crash(Part),
    /// An agent's service runs or not.
    Service { host: &'static str, runs: bool },
    /// The directory stands still or not.
    Paused(bool),
    /// The directory has power or not.
    Power(bool),
    /// The job is started or paused.
    Job(bool),
    /// A line is disturbed.
    Fault {
        host: &'static str,
        line: &'static str,
        what: &'static str,
    },
    /// All lines are mended.
    Heal,
    /// Everything is mended, and what must be so is so.
    Settle,
}

impl Deed {
    /// Whether it is done in the directory, which has to run for it.
    pub fn changes_directory(&self) -> bool {
        matches!(
            self,
            Self::Create { .. }
                | Self::Modify { .. }
                | Self::NameUser { .. }
                | Self::Account { .. }
                | Self::Manager { .. }
                | Self::Enable { .. }
                | Self::Delete { .. }
                | Self::Rename { .. }
                | Self::Member { .. }
        )
    }
}

/// An attribute and its values.
pub type Set = (&'static str, &'static [&'static str]);

/// Parts that can crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Agent(&'static str),
    Directory,
    Cloud,
}
