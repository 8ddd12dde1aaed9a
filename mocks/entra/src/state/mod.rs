//! Everything the cloud remembers, so that one value can be stored, resumed and dumped.
//!
//! [`Cloud`] is a set of typed tables keyed by tenant and id. It changes only through [`Db::write`], which
//! records the touched rows and commits them to the durable store in one batch before it returns: an answer
//! that has left the process is never forgotten, and a failed change leaves no trace.

mod application;
mod contact;
mod db;
mod group;
mod job_schema;
mod key;
mod password;
mod provisioning_log;
mod registry;
mod secret_text;
mod sign_in;
mod table;
mod tenant;
mod user;

use uuid::Uuid;

pub use application::{Application, ClientSecret, ServicePrincipal, SynchronizationSecret};
pub use contact::Contact;
pub use db::{Db, DbError, Txn};
pub use group::Group;
pub use job_schema::JobSchema;
pub use key::SigningKey;
pub use password::PasswordVerifier;
pub use provisioning_log::{
    LogEntry, LoggedIdentity, ModifiedProperty, ProvisioningAction, ProvisioningStatus, ProvisioningStep,
    TenantMeter,
};
pub use registry::TenantRegistry;
pub use secret_text::SecretText;
pub use sign_in::{Grant, GrantKind};
pub use table::{Row, Stored, Table};
pub use tenant::{SmartLockout, Tenant, TenantFeatures};
pub use user::{CredentialState, OnPremises, ProvisioningError, Removed, SignInState, User};

/// Declares the tables of the cloud: one line for each kind of row.
///
/// A new kind of row needs `impl Row for T` beside its type and one line here; loading, committing and
/// undoing follow from that.
macro_rules! tables {
    ($($(#[$doc:meta])* $field:ident: $row:ty,)*) => {
        /// The whole state of the mocked cloud: all environments, all tenants.
        #[derive(Default)]
        pub struct Cloud {
            $($(#[$doc])* pub $field: Table<$row>,)*
        }

        impl Cloud {
            /// Reads every table from `store`.
            fn load(store: &dyn provlab_platform::Store) -> Result<Self, DbError> {
                Ok(Self { $($field: Table::load(store)?,)* })
            }
        }

        $(impl Stored for $row {
            fn table(cloud: &Cloud) -> &Table<Self> {
                &cloud.$field
            }
            fn table_mut(cloud: &mut Cloud) -> &mut Table<Self> {
                &mut cloud.$field
            }
        })*
    };
}

tables! {
    /// Tenants; the row id is the tenant id.
    tenants: Tenant,
    /// Users, soft-deleted ones included.
    users: User,
    /// Groups, soft-deleted ones included.
    groups: Group,
    /// Contacts, soft-deleted ones included.
    contacts: Contact,
    /// Objects that are gone for good, kept for delta queries.
    removed: Removed,
    /// Application objects.
    applications: Application,
    /// Service principals with their synchronization secrets.
    service_principals: ServicePrincipal,
    /// Agents, agent groups and published resources; the row id is the tenant id.
    registries: TenantRegistry,
    /// Self-service password reset; the row id is the tenant id.
    password_resets: crate::sspr::TenantSspr,
    /// Synchronization jobs.
    sync_jobs: crate::engine::SyncJob,
    /// Schemas of jobs that differ from the default.
    job_schemas: JobSchema,
    /// Source objects as the jobs saw them last.
    source_objects: crate::engine::SourceRecord,
    /// References between source objects.
    source_links: crate::engine::Link,
    /// Groups that outbound jobs keep in directories.
    outbound_groups: crate::engine::OutboundGroup,
    /// Their members there, as far as the jobs know.
    outbound_members: crate::engine::OutboundMember,
    /// Users whose password is still to come.
    password_waiting: crate::engine::PasswordWaiting,
    /// Provisioning log, newest last.
    provisioning_log: LogEntry,
    /// Counters of tenants.
    meters: TenantMeter,
    /// Outstanding device codes, authorization codes and refresh tokens.
    grants: Grant,
    /// Private keys of the cloud itself; the tenant is [`GLOBAL`].
    keys: SigningKey,
}

/// Tenant part of the key of rows that belong to no tenant.
pub const GLOBAL: Uuid = Uuid::nil();
