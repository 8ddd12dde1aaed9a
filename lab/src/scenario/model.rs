//! The file as written: header, world, steps.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Located, Step, WorldFile};

/// Where a scenario can run.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Deserialize,
    serde::Serialize,
    JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum StageName {
    /// Everything in one process on a simulated network and a virtual clock.
    Sim,
    /// Embedded directory and cloud behind TLS sockets, one agent process per host.
    Live,
    /// As `live`, with a Samba AD domain controller in a container.
    Samba,
    /// As `live`, with an OpenLDAP server in a container.
    Openldap,
}

impl StageName {
    /// Every stage, in the order of what they need.
    pub const ALL: [Self; 4] = [Self::Sim, Self::Live, Self::Samba, Self::Openldap];

    /// The word used in files and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Live => "live",
            Self::Samba => "samba",
            Self::Openldap => "openldap",
        }
    }
}

impl std::fmt::Display for StageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A scenario file: one named story.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScenarioFile {
    /// The name, equal to the file's name without `.yaml`.
    pub name: Located<String>,
    /// One sentence for `lab list`.
    pub about: String,
    /// The stages it runs on.
    pub stages: Vec<Located<StageName>>,
    /// Why it leaves out each of the other stages.
    #[serde(default)]
    pub not_on: IndexMap<StageName, String>,
    /// Seed of simulated runs unless `--seed` says otherwise; by default 1.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Named versions of the story; `${word}` in the steps stands for the variant's value.
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// Fixture files whose worlds are added to this one, relative to this file.
    #[serde(default)]
    pub include: Vec<Located<String>>,
    /// What this story adds to the fixtures' worlds.
    #[serde(default)]
    pub world: WorldFile,
    /// What happens, in order.
    pub steps: Vec<Located<Step>>,
}

/// One version of a story.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Variant {
    /// Its name: the run is called `scenario/variant`.
    pub name: Located<String>,
    /// What each `${word}` stands for.
    pub values: IndexMap<String, String>,
}

/// A fixture file: a world that several stories share.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fixture {
    /// One sentence on what it provides.
    pub about: String,
    /// The world it provides.
    pub world: WorldFile,
}
