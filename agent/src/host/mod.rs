//! The Windows server that an agent lives on: its identity, policies, services, registry and logs.

mod event_log;
mod machine;
mod registry;
mod secrets;
mod services;
mod trace_file;

pub use event_log::{EventLevel, EventLog};
pub use machine::{ComputerAccount, ExecutionPolicy, HostFacts, HostMachine, HostPolicies};
pub use registry::{Registry, RegistryError};
pub use secrets::{LsaSecrets, SecretsError};
pub use services::{ServiceControl, ServiceEntry, ServiceError, ServiceState};
pub use trace_file::{TraceFile, TraceLevel};
