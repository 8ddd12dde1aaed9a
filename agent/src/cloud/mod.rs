//! The agent's side of the cloud: sign-in, registration, admin service, bootstrap and trust renewal (PR 3-6, 9).

pub mod admin;
pub mod bootstrap;
pub mod http;
pub mod registration;
pub mod sign_in;

use provlab_protocol::his::SystemSettings;

use crate::host::HostMachine;

/// The machine as registration and renewal describe it (PR 4.1).
pub(crate) fn system_settings(host: &HostMachine) -> SystemSettings {
    SystemSettings {
        machine_name: host.platform.host.clone(),
        os_language: host.facts.os_language.clone(),
        os_locale: host.facts.os_locale.clone(),
        os_sku: host.facts.os_sku.clone(),
        os_version: host.facts.os_version.clone(),
    }
}
