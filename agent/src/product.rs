//! Names, numbers and places that the product is known by (CS 1.4, CS 13, PR 2).

use uuid::{Uuid, uuid};

/// Product version that `provagent` plays: the last release of the G24 generation (CS 11).
pub const AGENT_VERSION: &str = "1.1.1586.0";
/// First release whose package keeps the administrator's configuration file; earlier ones put their own in its place (CS 7.4, 11).
pub const KEEPS_CONFIGURATION_SINCE: [u32; 3] = [1, 1, 1365];
/// Version of the connector SDK that bootstrap requests name (PR 5.2).
pub const SDK_VERSION: &str = "1.5.3437.0";
/// Feature string of the provisioning agent (PR 4.1).
pub const FEATURE: &str = "SyncFabric";
/// Public client that the wizard signs in with; the real wizard's own id is not public (PR 2).
pub const SIGN_IN_CLIENT: Uuid = uuid!("cb1056e2-e479-49de-ae31-7812af012ed8");
/// Publishing type of cloud sync (PR 9).
pub const PUBLISHING_TYPE: &str = "provisioning";
/// Process name in certificate requests (PR 4.3).
pub const WIZARD_PROCESS: &str = "AADConnectProvisioningAgentWizard.exe";
/// Process name in requests of the service.
pub const SERVICE_PROCESS: &str = "AADConnectProvisioningAgent.exe";

/// Short name of the provisioning service, the same in every generation (CS 1.4).
pub const SERVICE_NAME: &str = "AADConnectProvisioningAgent";
/// Short name of the updater service; not published, after its binary (inferred).
pub const UPDATER_NAME: &str = "AzureADConnectAgentUpdater";
/// Source of the agent's entries in the Application log (CS 1.4).
pub const EVENT_SOURCE: &str = "Azure AD Connect Provisioning Agent";
/// Account of a service that has no gMSA yet (CS 1.4).
pub const VIRTUAL_ACCOUNT: &str = r"NT SERVICE\AADConnectProvisioningAgent";
/// Account of the updater (inferred).
pub const UPDATER_ACCOUNT: &str = "LocalSystem";
/// Name of the group managed service account that the wizard makes (CS 3.1).
pub const GMSA_NAME: &str = "provAgentgMSA$";

/// Where the agent is installed.
pub const INSTALL_FOLDER: &str = r"C:\Program Files\Microsoft Azure AD Connect Provisioning Agent";
/// Where the updater is installed.
pub const UPDATER_FOLDER: &str = r"C:\Program Files\Azure AD Connect Provisioning Agent Updater";
/// Trust settings and private keys (PR 1).
pub const CONFIG_FOLDER: &str = r"C:\ProgramData\Microsoft\Azure AD Connect Provisioning Agent\Config";
/// Trace files (CS 9.2).
pub const TRACE_FOLDER: &str = r"C:\ProgramData\Microsoft\Azure AD Connect Provisioning Agent\Trace";
/// Stands for `%TEMP%` of the account that runs the package.
pub const TEMP_FOLDER: &str = r"C:\Windows\Temp";
/// Registry key of the agent's options (CS 9.3).
pub const REGISTRY_KEY: &str =
    r"HKLM\SOFTWARE\Microsoft\Azure AD Connect Agents\Azure AD Connect Provisioning Agent";

/// Path of a file in the install folder.
pub fn installed(file: &str) -> String {
    format!(r"{INSTALL_FOLDER}\{file}")
}

/// Path of the agent's configuration file.
pub fn app_config_path() -> String {
    installed("AADConnectProvisioningAgent.exe.config")
}
