//! The client and application identifiers seen in public material (PR 2), each in one place.

use uuid::{Uuid, uuid};

/// "Microsoft Azure Active Directory Connect". The client id of the real provisioning agent's wizard is not public; this one gets the
/// registration token in public tools (PR 2).
pub const AD_CONNECT_CLIENT_ID: Uuid = uuid!("cb1056e2-e479-49de-ae31-7812af012ed8");
/// Client of the Application Proxy connector (PR 2).
pub const APP_PROXY_CONNECTOR_CLIENT_ID: Uuid = uuid!("55747057-9b5d-4bd4-b387-abf52a8bd489");
/// Template and application id of "Active Directory to Azure Active Directory Provisioning", the cloud sync service principal (PR 2, PR 10).
pub const PROVISIONING_APPLICATION_TEMPLATE_ID: Uuid = uuid!("1a4721b3-e57f-4451-ae87-ef078703ec94");
/// Application ids that the Entra Connect sync client sends (v1, v2 endpoint; PR 2).
pub const ENTRA_CONNECT_SYNC_CLIENT_IDS: [Uuid; 2] = [
    uuid!("1651564e-7ce4-4d99-88be-0a65050d8dc3"),
    uuid!("6eb59a73-39b2-4c23-a70f-e2e3ce8965b1"),
];
/// "Azure Active Directory PowerShell", a public client (PR 2).
pub const POWERSHELL_CLIENT_ID: Uuid = uuid!("1b730954-1685-4b74-9bfd-dac224a7b894");
