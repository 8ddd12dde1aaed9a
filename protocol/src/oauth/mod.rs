//! What a sign-in service and its clients say to each other: tokens, claims, roles and errors (PR 3).

mod aadsts;
mod claims;
mod error;
mod ids;
mod roles;
mod token;

pub use aadsts::{AADSTS, AadSts};
pub use claims::{AccessTokenClaims, ClaimsError, MAX_TOKEN_BYTES};
pub use error::{MAX_OAUTH_BODY_BYTES, OAuthError, OAuthErrorUnreadable, device_flow};
pub use ids::{
    AD_CONNECT_CLIENT_ID, APP_PROXY_CONNECTOR_CLIENT_ID, ENTRA_CONNECT_SYNC_CLIENT_IDS, POWERSHELL_CLIENT_ID,
    PROVISIONING_APPLICATION_TEMPLATE_ID,
};
pub use roles::{
    AUTHENTICATION_ADMINISTRATOR, AUTHENTICATION_POLICY_ADMINISTRATOR, DEFAULT_USER_WID, DIRECTORY_ROLES,
    DOMAIN_NAME_ADMINISTRATOR, DirectoryRole, GLOBAL_ADMINISTRATOR, GROUPS_ADMINISTRATOR,
    HYBRID_IDENTITY_ADMINISTRATOR, USER_ADMINISTRATOR, role_by_name, role_by_template_id,
};
pub use token::{DeviceCodeResponse, TokenResponse, TokenResponseUnreadable, V1TokenFields};
