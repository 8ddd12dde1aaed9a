//! Steps about a tenant and what lives in it.

use indexmap::IndexMap;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::{CloudStep, HostRef};
use crate::scenario::{Located, Span};

/// Declares what a step in a tenant holds beside the tenant and who does it.
macro_rules! about_tenant {
    ($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct $name {
            /// The tenant.
            pub tenant: Located<String>,
            /// The cloud account that does it.
            #[serde(rename = "as")]
            pub account: Located<String>,
            $($(#[$meta])* pub $field: $type,)*
        }

        impl CloudStep for $name {
            fn tenant(&self) -> &Located<String> {
                &self.tenant
            }

            fn account(&self) -> Option<&Located<String>> {
                Some(&self.account)
            }
        }
    };
}

about_tenant! {
    /// Features of a tenant by their names in Graph.
    TenantFeatureSwitches {
        /// Which are on and which off; the others stay.
        set: Located<IndexMap<String, bool>>,
    }
}

about_tenant! {
    /// `accidentalDeletionPrevention` of a tenant.
    DeletionGuard {
        /// What it counts.
        #[serde(rename = "type")]
        kind: DeletionGuardType,
        /// How many, or how many percent, are too many; by default what it was.
        #[serde(default)]
        threshold: Option<u32>,
    }
}

/// `synchronizationPreventionType` (CS 6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeletionGuardType {
    /// Nothing.
    Disabled,
    /// Objects.
    EnabledForCount,
    /// Percent of the objects.
    EnabledForPercentage,
}

impl DeletionGuardType {
    /// Name in Graph.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::EnabledForCount => "enabledForCount",
            Self::EnabledForPercentage => "enabledForPercentage",
        }
    }
}

/// A domain name that is added to a tenant and verified.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DomainVerification {
    /// The tenant.
    pub tenant: Located<String>,
    /// The cloud account that does it; by default the tenant's first one with the role *Global Administrator* or *Domain Name
    /// Administrator*.
    #[serde(default, rename = "as")]
    pub account: Option<Located<String>>,
    /// The name, such as `contoso.com`.
    pub name: Located<String>,
}

impl CloudStep for DomainVerification {
    fn tenant(&self) -> &Located<String> {
        &self.tenant
    }

    fn account(&self) -> Option<&Located<String>> {
        self.account.as_ref()
    }
}

about_tenant! {
    /// A user of the cloud.
    CloudUserRef {
        /// User principal name.
        user: String,
    }
}

about_tenant! {
    /// A user of the cloud and properties by their names in Graph.
    CloudUserChange {
        /// User principal name.
        user: String,
        /// Password; a new user has by default one that is made from the name.
        #[serde(default)]
        #[schemars(with = "Option<String>")]
        password: Option<SecretString>,
        /// Property values; `null` clears a property.
        #[serde(default)]
        set: IndexMap<String, Value>,
    }
}

about_tenant! {
    /// A group of the cloud.
    CloudGroupRef {
        /// Display name.
        group: String,
    }
}

about_tenant! {
    /// A group of the cloud and properties by their names in Graph.
    CloudGroupChange {
        /// Display name.
        group: String,
        /// Property values; `null` clears a property.
        #[serde(default)]
        set: IndexMap<String, Value>,
        /// Who comes into it: user principal names, and display names of groups.
        #[serde(default)]
        members: Vec<String>,
    }
}

about_tenant! {
    /// A group of the cloud and a member.
    CloudMembership {
        /// Display name.
        group: String,
        /// User principal name of a user, display name of a group.
        member: String,
    }
}

about_tenant! {
    /// The agent of a host, as the cloud lists it.
    AgentRef {
        /// The server.
        host: HostRef,
    }
}

about_tenant! {
    /// The agent of a host and a domain that it is to serve.
    AgentPlace {
        /// The server.
        host: HostRef,
        /// The domain.
        domain: Located<String>,
    }
}

/// A cloud account, whether the world declares it or the cloud has made it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CloudAccountRef {
    /// `name@tenant`.
    pub account: Located<String>,
}

/// A directory of the cloud that is too busy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BusyDirectory {
    /// The tenant.
    pub tenant: Located<String>,
    /// How long.
    #[serde(rename = "for")]
    pub lasts: Located<Span>,
    /// `Retry-After` of its answers.
    pub retry_after: Located<Span>,
}

/// Answers of 429 that Graph gives.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GraphThrottle {
    /// How many of the next requests are refused, of whatever tenant.
    pub requests: Located<u32>,
    /// `Retry-After` of those answers.
    pub retry_after: Located<Span>,
}
