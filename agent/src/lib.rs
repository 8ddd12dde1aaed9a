//! The headless provisioning agent: installation, service and updater of Microsoft Entra Cloud Sync, on any host that a
//! [`provlab_platform::Platform`] gives it.
//!
//! | Room | What it does |
//! |---|---|
//! | [`setup`] | package, wizard and cmdlets |
//! | [`service`] | logon, bootstrap loop, relay listeners, request handler, trust renewal |
//! | [`updater`] | the second service |
//! | [`mod@status`] | what an administrator checks on the server |
//! | [`directory`] | LDAP client, the dialects, replication of passwords |
//! | [`password`] | hashes of passwords for the cloud, and password writeback |
//! | [`cloud`] | sign-in, registration, bootstrap, admin service |
//! | [`trust`] | private key and certificate |
//! | [`config`] | the .NET configuration file |
//! | [`cli`] | the program `provagent` |
//! | [`host`] | the Windows server: services, registry, logs, policies |
//!
//! The agent keeps no synchronization state: the cloud owns it and sends requests, which the agent answers from the
//! directory. Section references such as "CS 1.5" and "PR 4.4" point into `cloud-sync.md` and `protocols.md`.

pub mod cli;
pub mod cloud;
pub mod config;
pub mod directory;
pub mod host;
pub mod password;
pub mod product;
pub mod service;
pub mod setup;
pub mod status;
#[cfg(test)]
mod testing;
pub mod trust;
pub mod updater;

pub use host::{ComputerAccount, HostFacts, HostMachine, HostPolicies};
pub use service::run_service;
pub use setup::answers::Answers;
pub use setup::package::{AgentVersion, PackageError, PackageOptions, PackageReport, install_package};
pub use setup::wizard::{OpenGates, PageGate, WizardReport, run_wizard};
pub use status::{Status, status};
pub use updater::run_updater;
