//! Steps about a configuration: what an administrator does to it in the portal, or through Graph.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{CloudStep, Threshold};
use crate::scenario::Located;

/// Declares what a step about a configuration holds beside the configuration itself.
macro_rules! about_configuration {
    ($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct $name {
            /// The tenant.
            pub tenant: Located<String>,
            /// The domain.
            pub domain: Located<String>,
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

            fn domain(&self) -> Option<&Located<String>> {
                Some(&self.domain)
            }
        }
    };
}

/// Which of a configuration's jobs is meant, by its template (CS 5.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum JobTemplate {
    /// Users, groups and contacts of the directory to the cloud.
    #[default]
    #[serde(rename = "AD2AADProvisioning")]
    Ad2AadProvisioning,
    /// Password hashes.
    #[serde(rename = "AD2AADPasswordHash")]
    Ad2AadPasswordHash,
    /// Cloud groups to the directory.
    #[serde(rename = "AAD2ADGroupProvisioning")]
    Aad2AdGroupProvisioning,
}

impl JobTemplate {
    /// The template's id.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ad2AadProvisioning => "AD2AADProvisioning",
            Self::Ad2AadPasswordHash => "AD2AADPasswordHash",
            Self::Aad2AdGroupProvisioning => "AAD2ADGroupProvisioning",
        }
    }
}

about_configuration! {
    /// A configuration: one domain of one tenant.
    ConfigurationRef {
        /// Which of its jobs; by default `AD2AADProvisioning`.
        #[serde(default)]
        template: JobTemplate,
    }
}

about_configuration! {
    /// A configuration that provisions cloud groups to a domain.
    GroupProvisioning {
        /// Distinguished name of the container that groups are created in; by default the product's own default.
        #[serde(default)]
        container: Option<Located<String>>,
    }
}

about_configuration! {
    /// A restart, and what it forgets.
    Restart {
        /// Which of the configuration's jobs; by default `AD2AADProvisioning`.
        #[serde(default)]
        template: JobTemplate,
        /// What is reset; by default what the portal resets: quarantine, watermark and escrows.
        #[serde(default)]
        reset: Option<Vec<Located<Reset>>>,
    }
}

/// A word of `resetScope` (CS 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Reset {
    /// Nothing.
    None,
    /// What is known of source objects and their links.
    ConnectorDataStore,
    /// Failed objects are tried again at once.
    Escrows,
    /// The next cycle is an initial one.
    Watermark,
    /// Leaves quarantine.
    QuarantineState,
    /// Everything.
    Full,
    /// Staged deletions happen; stands alone.
    ForceDeletes,
}

about_configuration! {
    /// What a configuration synchronizes: one of the three.
    ScopeChoice {
        /// Distinguished names of organizational units, with everything below them.
        #[serde(default)]
        organizational_units: Option<Vec<Located<String>>>,
        /// Distinguished names of security groups: their direct members.
        #[serde(default)]
        groups: Option<Vec<Located<String>>>,
        /// All users.
        #[serde(default)]
        all: Option<Located<bool>>,
    }
}

about_configuration! {
    /// Clauses that an object must fulfil to be synchronized.
    ObjectFilter {
        /// Groups of clauses: an object must fulfil all clauses of one of them. An empty list takes the filter away.
        any_of: Vec<Located<Vec<FilterClause>>>,
    }
}

/// One clause of a filter.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FilterClause {
    /// Name of a directory attribute.
    pub attribute: Located<String>,
    /// How it is compared.
    pub operator: Located<FilterOperator>,
    /// What it is compared with; none for operators that take nothing.
    #[serde(default)]
    pub values: Vec<String>,
}

/// Declares the operators by their names in Graph, and whether they take something to compare with.
macro_rules! operators {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $takes:literal;)*) => {
        /// Operators of scoping filters by their names in Graph (CS 5.8).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
        pub enum FilterOperator {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl FilterOperator {
            /// Name in Graph.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// Whether it takes something to compare with.
            pub const fn takes_values(self) -> bool {
                match self {
                    $(Self::$name => $takes,)*
                }
            }
        }
    };
}

operators! {
    /// Equal, in the same case.
    Equals = "EQUALS", true;
    /// Not equal.
    NotEquals = "NOT EQUALS", true;
    /// There is no value.
    IsNull = "IS NULL", false;
    /// There is a value.
    IsNotNull = "IS NOT NULL", false;
    /// True.
    IsTrue = "IS TRUE", false;
    /// False.
    IsFalse = "IS FALSE", false;
    /// A regular expression fits.
    RegexMatch = "REGEX MATCH", true;
    /// A regular expression does not fit; false without a value.
    NotRegexMatch = "NOT REGEX MATCH", true;
    /// A greater number.
    GreaterThan = "GREATER_THAN", true;
    /// A number at least as great.
    GreaterThanOrEquals = "GREATER_THAN_OR_EQUALS", true;
    /// Has the text in it.
    Includes = "INCLUDES", true;
    /// Ends with the text.
    EndsWith = "ENDS_WITH", true;
    /// A member of the group.
    IsMemberOf = "IS_MEMBER_OF", true;
    /// The attribute is present.
    Present = "PRESENT", false;
    /// All bits are set.
    BitAnd = "&", true;
    /// Not all bits are set.
    NotBitAnd = "!&L", true;
    /// A certificate fits.
    ValidCertMatch = "VALID CERT MATCH", true;
}

/// Which kind of object a mapping is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MappedObject {
    /// Users; those of class inetOrgPerson are mapped alike.
    User,
    /// Groups.
    Group,
    /// Contacts.
    Contact,
}

/// When a mapping is applied (CS 5.9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhenMapped {
    /// Always.
    #[default]
    Always,
    /// When an object is created.
    OnlyDuringCreation,
}

about_configuration! {
    /// A mapping: target attribute, and one of expression, attribute and constant.
    AttributeMapping {
        /// Which of the configuration's jobs; by default `AD2AADProvisioning`.
        #[serde(default)]
        template: JobTemplate,
        /// The kind of object.
        object: MappedObject,
        /// Name of the target attribute, such as `DisplayName`.
        target: Located<String>,
        /// An expression (CS 5.12).
        #[serde(default)]
        expression: Option<String>,
        /// Name of a source attribute.
        #[serde(default)]
        attribute: Option<String>,
        /// A fixed value.
        #[serde(default)]
        constant: Option<String>,
        /// Value of a new object whose source is empty.
        #[serde(default)]
        default: Option<String>,
        /// When it is applied; by default always.
        #[serde(default)]
        apply: WhenMapped,
    }
}

about_configuration! {
    /// A mapping by its target attribute.
    MappingRef {
        /// Which of the configuration's jobs; by default `AD2AADProvisioning`.
        #[serde(default)]
        template: JobTemplate,
        /// The kind of object.
        object: MappedObject,
        /// Name of the target attribute.
        target: Located<String>,
    }
}

about_configuration! {
    /// The threshold of the accidental delete prevention.
    DeleteThreshold {
        /// How many deletions are too many, or `off`.
        threshold: Located<Threshold>,
    }
}

about_configuration! {
    /// Whether objects that leave the scope stay.
    SkipOutOfScopeDeletions {
        /// Whether they stay.
        skip: bool,
    }
}

about_configuration! {
    /// Who is told of a quarantine.
    NotificationEmail {
        /// Mail address.
        email: String,
    }
}

about_configuration! {
    /// An object that is provisioned at once.
    OnDemand {
        /// Which of the configuration's jobs; by default `AD2AADProvisioning`.
        #[serde(default)]
        template: JobTemplate,
        /// `NETBIOS\name` or a distinguished name; for group provisioning the display name of a cloud group.
        object: Located<String>,
        /// The kind of object; by default a user.
        #[serde(default)]
        kind: Option<MappedObject>,
        /// Members of a group that are provisioned with it, named as objects are; at most five.
        #[serde(default)]
        members: Vec<Located<String>>,
    }
}
