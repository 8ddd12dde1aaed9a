//! What can be written after `lab`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::scenario::StageName;

/// Rehearses and regression-tests the Microsoft Entra provisioning agent.
#[derive(Debug, Parser)]
#[command(name = "lab", version, about, after_help = EXIT_STATUSES)]
pub(super) struct LabArgs {
    /// The folder of scenario files.
    #[arg(
        long,
        global = true,
        default_value = "scenarios",
        env = "PROVLAB_SCENARIOS",
        hide_env = true
    )]
    pub(super) scenarios: PathBuf,
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_STATUSES: &str = "Exit status:
  0  all passed
  1  a scenario failed
  2  the command or a file is wrong; nothing was started
  3  something needed is missing on this machine (a Docker engine, say)
  4  a defect of the lab itself
  130, 143  ended by SIGINT (Ctrl-C), by SIGTERM; worlds were shut down first";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run scenarios: all of them, or those that are named.
    Run(RunArgs),
    /// List the scenarios.
    List {
        /// As a Markdown table.
        #[arg(long)]
        markdown: bool,
    },
    /// Check scenario files without running anything.
    Lint {
        /// Files; by default every scenario of the folder.
        files: Vec<PathBuf>,
    },
    /// Print the JSON Schema of scenario files.
    Schema,
    /// Run a scenario on real sockets and keep its world for looking around.
    Up(UpArgs),
    /// Say what this machine has and which stages can run.
    Doctor,
    /// Remove what killed runs left behind.
    Gc,
    /// Serve one mock as a process of its own (used by the real stages).
    #[command(hide = true)]
    Serve(ServeArgs),
}

/// When a world's files are kept after its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Keep {
    /// Never.
    Never,
    /// When the run failed.
    OnFailure,
    /// Always.
    Always,
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Names, globs (`admin-*`), variants (`name/variant`) or files; by default every scenario.
    pub(super) names: Vec<String>,
    /// The stage to run on.
    #[arg(long, value_name = "STAGE", default_value = "sim")]
    pub(super) on: StageName,
    /// Seed; by default each scenario's own.
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Write JUnit XML to this file.
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Write the JSON traces to this file.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Keep the files of a world (real stages).
    #[arg(long, default_value = "never")]
    pub(super) keep: Keep,
    /// Runs at the same time; by default as many as there are cores.
    #[arg(long)]
    pub(super) jobs: Option<usize>,
    /// Print every event of the trace as it happens.
    #[arg(long, short)]
    pub(super) verbose: bool,
}

#[derive(Debug, Args)]
pub(super) struct UpArgs {
    /// Name of a scenario or variant, or a file.
    pub(super) name: String,
    /// The stage: live, samba or openldap.
    #[arg(long, value_name = "STAGE", default_value = "live")]
    pub(super) on: StageName,
    /// Print what there is as one line of JSON, for programs.
    #[arg(long)]
    pub(super) json: bool,
}

/// One mock process.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Which mock.
    pub what: Mock,
    /// Folder of the mock's durable state, configuration and certificate authority.
    #[arg(long)]
    pub folder: PathBuf,
}

/// The two mocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mock {
    /// The embedded Active Directory.
    Directory,
    /// The mocked Entra cloud.
    Cloud,
}

impl Mock {
    /// The word on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Cloud => "cloud",
        }
    }
}
