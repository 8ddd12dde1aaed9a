//! The hybrid identity service speaks DataContract XML with its agents: registration, bootstrap, trust renewal (PR 4, 5, 6).
//!
//! Writers emit the member order and namespaces that a strict DataContractSerializer wants (base class first, then ordinal). Readers
//! accept any order, ignore unknown elements, and bound size, depth and counts before anything is kept.

pub mod bootstrap;
pub mod registration;
pub mod trust_renewal;

mod duration;
mod outcome;
mod system_settings;
#[cfg(test)]
mod tests;
mod xml;

pub use system_settings::SystemSettings;
pub use xml::{HisXmlError, MAX_XML_ATTRIBUTES, MAX_XML_BYTES, MAX_XML_DEPTH, MAX_XML_ELEMENTS};

/// `Content-Type` of every call and answer (PR 4.1).
pub const CONTENT_TYPE: &str = "application/xml; charset=utf-8";
/// `FeatureString` of the provisioning agent (PR 4.1).
pub const FEATURE_SYNC_FABRIC: &str = "SyncFabric";
/// `FeatureString` of the pass-through authentication agent (PR 4.1).
pub const FEATURE_PASSTHROUGH_AUTHENTICATION: &str = "PassthroughAuthentication";
/// Product part of the provisioning agent's `UserAgent` (PR 4.1); a slash and the version follow.
pub const USER_AGENT_PRODUCT: &str = "SyncFabricConnector";

/// XML namespaces of the data contracts.
mod namespace {
    pub(super) const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
    pub(super) const REGISTRATION: &str =
        "http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.Registration";
    pub(super) const REGISTRATION_COMMONS: &str =
        "http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.RegistrationCommons";
    pub(super) const SYSTEM_SETTINGS: &str =
        "http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.Utilities.SystemSettings";
    pub(super) const TRUST_RENEWAL: &str =
        "http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.Registration.TrustRenewal";
    pub(super) const SIGNALER: &str =
        "http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.SignalerDataModel";
    pub(super) const BOOTSTRAP: &str =
        "http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.BootstrapDataModel";
    pub(super) const RETRY_STRATEGIES: &str = "http://schemas.datacontract.org/2004/07/Microsoft.ApplicationProxy.Common.FlightingFeatures.RetryStrategies";
}
