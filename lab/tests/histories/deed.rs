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
        unit: Option<usize>,
        set: Vec<Set>,
    },
    /// A group comes.
    CreateGroup {
        account: &'static str,
        name: &'static str,
        unit: Option<usize>,
    },
    /// An object moves to an organizational unit, or among the users.
    Move { account: String, unit: Option<usize> },
    /// An organizational unit gets another name.
    RenameUnit { unit: usize, to: &'static str },
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
    Manager {
        account: String,
        manager: Option<String>,
    },
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
    /// What the job synchronizes.
    Scope(Scope),
    /// What users or groups have to fulfil: clauses, of which one is enough.
    Filter { groups: bool, clauses: Vec<Clause> },
    /// A mapping is set or taken away: its place in the vocabulary.
    Map { at: usize, on: bool },
    /// The threshold of the accidental delete prevention.
    Threshold(Option<u32>),
    /// Deletions are allowed.
    AllowDeletes,
    /// Whether what leaves the scope stays in the tenant.
    KeepOutOfScope(bool),
    /// The job is restarted.
    Restart(&'static str),
    /// A feature of the tenant is switched.
    Feature { name: &'static str, on: bool },
    /// The tenant verifies the domain that was not.
    VerifyDomain,
    /// A user is made in the tenant, deleted or restored.
    CloudUser { prefix: &'static str, deed: CloudDeed },
    /// A user or group is provisioned on demand.
    OnDemand { account: String },
    /// The domain controller is another one.
    ReplaceController,
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
                | Self::CreateGroup { .. }
                | Self::Move { .. }
                | Self::RenameUnit { .. }
                | Self::ReplaceController
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

/// What a job synchronizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    All,
    Units(Vec<usize>),
    Groups(Vec<String>),
}

/// Attribute, operator and value.
pub type Clause = (&'static str, &'static str, &'static str);

/// What befalls a user of the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudDeed {
    Create,
    Delete,
    Restore,
}
