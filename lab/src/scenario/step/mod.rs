//! What can happen in a story. Steps say what happens; each stage knows how to make it so.

mod cloud;
mod configuration;
mod directory;
mod fault;
mod install;
mod password;
mod threshold;

use schemars::JsonSchema;
use serde::Deserialize;

pub use cloud::{
    AgentPlace, AgentRef, BusyDirectory, CloudAccountRef, CloudGroupChange, CloudGroupRef, CloudMembership,
    CloudUserChange, CloudUserRef, DeletionGuard, DeletionGuardType, DomainVerification, GraphThrottle,
    TenantFeatureSwitches,
};
pub use configuration::{
    AttributeMapping, ConfigurationRef, DeleteThreshold, FilterClause, FilterOperator, GroupProvisioning,
    JobTemplate, MappedObject, MappingRef, NotificationEmail, ObjectFilter, OnDemand, Reset, Restart,
    ScopeChoice, SkipOutOfScopeDeletions, WhenMapped,
};
pub use directory::{
    AccountTrouble, Change, DirectoryObject, ManyMembers, ManyUsers, Membership, Move, NewGroup, NewPassword,
    NewUser, OrganizationalUnit, Rename, RenamedUnit,
};
pub use fault::{DirectoryRef, Fault, FaultKind, Part, ServiceRef};
pub use install::{
    Between, EditedConfig, Install, ServiceAccountChoice, TroubleStep, UpgradedAgent, WizardPage,
};
pub use password::{
    AdminPasswordReset, ExtendedRight, OwnPasswordChange, OwnPasswordReset, OwnUnlock, PasswordPolicy,
    PasswordWriteback, PresentPassword, RightRevoked,
};
pub use threshold::Threshold;

use super::{Expected, Located, Span};

/// A host by name.
pub type HostRef = Located<String>;

/// A step that an administrator does in the cloud, signed in as an account of a tenant.
pub(crate) trait CloudStep {
    /// The tenant.
    fn tenant(&self) -> &Located<String>;
    /// The account; none where any administrator will do.
    fn account(&self) -> Option<&Located<String>>;
    /// The directory domain that it is about.
    fn domain(&self) -> Option<&Located<String>> {
        None
    }
}

/// Declares the steps: variant, what it holds, and its word in files. Those of the second list are done in the cloud by an
/// administrator.
macro_rules! steps {
    (
        { $($(#[$doc:meta])* $variant:ident($body:ty) = $word:literal,)* }
        in the cloud { $($(#[$cloud_doc:meta])* $cloud:ident($cloud_body:ty) = $cloud_word:literal,)* }
    ) => {
        /// One step. Written as a map with one key: `- install: {…}`.
        #[derive(Debug, Clone, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub enum Step {
            $($(#[$doc])* #[serde(rename = $word)] $variant($body),)*
            $($(#[$cloud_doc])* #[serde(rename = $cloud_word)] $cloud($cloud_body),)*
        }

        impl Step {
            /// The word that the file uses for the step.
            pub const fn word(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $word,)*
                    $(Self::$cloud(_) => $cloud_word,)*
                }
            }

            /// The step as one that is done in the cloud, if it is one.
            pub(crate) fn in_cloud(&self) -> Option<&dyn CloudStep> {
                match self {
                    $(Self::$variant(_) => None,)*
                    $(Self::$cloud(what) => Some(what),)*
                }
            }
        }
    };
}

steps! {
    {
        /// Runs the package and the wizard of an agent on a host (CS 1.3, 1.5).
        Install(Box<Install>) = "install",
        /// Lets time pass: virtual on `sim`, shortened on the real stages.
        Advance(Located<Span>) = "advance",
        /// States what must hold.
        Expect(Box<Expected>) = "expect",

        /// The account's password reaches its maximum age (bind data 532).
        ExpirePassword(AccountTrouble) = "expire-password",
        /// The account's password is changed to another one (bind data 52e with the old one).
        ChangePassword(AccountTrouble) = "change-password",
        /// A domain account gets this password.
        SetPassword(NewPassword) = "set-password",
        /// "User must change password at next logon" (bind data 773).
        RequirePasswordChange(AccountTrouble) = "require-password-change",
        /// The account is disabled (bind data 533).
        DisableAccount(AccountTrouble) = "disable-account",
        /// The account is enabled again.
        EnableAccount(AccountTrouble) = "enable-account",
        /// The account is locked out (bind data 775).
        LockAccount(AccountTrouble) = "lock-account",

        /// Sets parts of a domain's password policy.
        SetPasswordPolicy(PasswordPolicy) = "set-password-policy",
        /// Takes an extended right on the domain's head, and what is below it, from everybody that it was granted to by its name.
        RevokeRight(RightRevoked) = "revoke-right",

        /// Creates a user in the directory.
        CreateUser(NewUser) = "create-user",
        /// Creates many users of one kind in the directory at once.
        CreateUsers(ManyUsers) = "create-users",
        /// Creates a group in the directory: a global security group unless `groupType` says otherwise.
        CreateGroup(NewGroup) = "create-group",
        /// Creates an organizational unit in the directory.
        CreateOrganizationalUnit(OrganizationalUnit) = "create-organizational-unit",
        /// Replaces attributes of an object of the directory.
        Modify(Change) = "modify",
        /// Deletes an object of the directory.
        Delete(DirectoryObject) = "delete",
        /// Deletes an object of the directory with everything below it.
        DeleteTree(OrganizationalUnit) = "delete-tree",
        /// Gives an object of the directory another common name.
        Rename(Rename) = "rename",
        /// Gives an organizational unit another name: the names of everything below it change.
        RenameOrganizationalUnit(RenamedUnit) = "rename-organizational-unit",
        /// Puts an object of the directory below another one.
        Move(Move) = "move",
        /// Puts an account into a group.
        AddMember(Membership) = "add-member",
        /// Takes an account out of a group.
        RemoveMember(Membership) = "remove-member",
        /// Puts many accounts into a group at once.
        AddMembers(ManyMembers) = "add-members",
        /// Takes many accounts out of a group at once.
        RemoveMembers(ManyMembers) = "remove-members",

        /// Runs the package of another release over the installed one and starts the service again (CS 11).
        UpgradeAgent(UpgradedAgent) = "upgrade-agent",
        /// Edits `AADConnectProvisioningAgent.exe.config` as an administrator would; the service reads it when it starts (CS 7.4).
        EditAgentConfig(EditedConfig) = "edit-agent-config",
        /// Starts a service of a host.
        StartService(ServiceRef) = "start-service",
        /// Stops a service of a host.
        StopService(ServiceRef) = "stop-service",
        /// Ends a part of the world without warning and starts it again, as a power failure would.
        Crash(Part) = "crash",
        /// The domain controllers of a domain stand still: nothing is refused and nothing is answered.
        Pause(DirectoryRef) = "pause",
        /// Paused domain controllers go on.
        Resume(DirectoryRef) = "resume",
        /// The domain controllers of a domain are switched off.
        Stop(DirectoryRef) = "stop",
        /// Stopped domain controllers start on what they had stored.
        Start(DirectoryRef) = "start",
        /// The domain controller is another one that holds the same, as after a restore from backup: it has a new invocation id,
        /// and DirSync cookies of before are refused (PR 15.1).
        ReplaceDomainController(DirectoryRef) = "replace-domain-controller",
        /// Disturbs the network until it is healed.
        Fault(Fault) = "fault",
        /// Ends the fault of that name.
        Heal(Located<String>) = "heal",

        /// A user has forgotten the password and sets another one by self-service password reset (CS 8.2).
        ResetOwnPassword(OwnPasswordReset) = "reset-own-password",
        /// A user changes the password in the cloud (CS 8.2).
        ChangeOwnPassword(OwnPasswordChange) = "change-own-password",
        /// A user unlocks the account without another password (CS 8.2).
        UnlockOwnAccount(OwnUnlock) = "unlock-own-account",

        /// The password of a cloud account expires (AADSTS50055).
        ExpireCloudPassword(CloudAccountRef) = "expire-cloud-password",
        /// A cloud account gets the password again that the world gives it, and is not locked any more.
        ResetCloudPassword(CloudAccountRef) = "reset-cloud-password",
        /// A cloud account is disabled (AADSTS50057).
        DisableCloudAccount(CloudAccountRef) = "disable-cloud-account",
        /// A cloud account is enabled again.
        EnableCloudAccount(CloudAccountRef) = "enable-cloud-account",
        /// A cloud account is deleted (AADSTS50034); within 30 days it can be restored.
        DeleteCloudAccount(CloudAccountRef) = "delete-cloud-account",
        /// The directory of a tenant takes no writes of jobs (81, `AzureDirectoryServiceServerBusy`), and Graph answers 429.
        MakeDirectoryBusy(BusyDirectory) = "make-directory-busy",
        /// Graph answers the next requests with 429 and `Retry-After` (CS 6.8).
        ThrottleGraph(GraphThrottle) = "throttle-graph",
    }
    in the cloud {
        /// Creates a configuration: service principal, job and secrets, not yet started (CS 6.1).
        CreateConfiguration(ConfigurationRef) = "create-configuration",
        /// Creates a configuration that provisions cloud groups to the directory, not yet started (CS 5.10).
        CreateGroupProvisioning(GroupProvisioning) = "create-group-provisioning",
        /// Starts the configuration's job.
        StartConfiguration(ConfigurationRef) = "start-configuration",
        /// Pauses the configuration's job.
        PauseConfiguration(ConfigurationRef) = "pause-configuration",
        /// Restarts the configuration's job (CS 6.3).
        RestartConfiguration(Restart) = "restart-configuration",
        /// Clears the quarantine of the configuration's job, and its watermark (CS 5.5).
        ClearQuarantine(ConfigurationRef) = "clear-quarantine",
        /// Allows the deletions that the accidental delete prevention holds back (CS 5.6).
        AllowDeletes(ConfigurationRef) = "allow-deletes",
        /// Deletes the configuration; synchronized objects stay (CS 5.1).
        DeleteConfiguration(ConfigurationRef) = "delete-configuration",
        /// Chooses what the configuration synchronizes: all users, organizational units, or groups (CS 5.8).
        SetScope(ScopeChoice) = "set-scope",
        /// Filters users by their attributes (CS 5.8).
        FilterUsers(ObjectFilter) = "filter-users",
        /// Filters groups by their attributes (CS 5.8).
        FilterGroups(ObjectFilter) = "filter-groups",
        /// Maps a target attribute, in place of its present mapping if it has one (CS 5.9).
        MapAttribute(AttributeMapping) = "map-attribute",
        /// Takes the mapping of a target attribute away.
        UnmapAttribute(MappingRef) = "unmap-attribute",
        /// Sets the threshold of the accidental delete prevention (CS 5.6).
        SetDeleteThreshold(DeleteThreshold) = "set-delete-threshold",
        /// Sets whether objects that leave the scope stay in the target (`SkipOutOfScopeDeletions`, CS 6.2).
        SkipOutOfScopeDeletions(SkipOutOfScopeDeletions) = "skip-out-of-scope-deletions",
        /// Sets who is told of a quarantine (`SyncNotificationSettings`, CS 6.2).
        SetNotificationEmail(NotificationEmail) = "set-notification-email",
        /// Provisions one object at once (CS 5.7).
        ProvisionOnDemand(OnDemand) = "provision-on-demand",

        /// Switches synchronization features of the tenant (CS 6.7).
        SetTenantFeatures(TenantFeatureSwitches) = "set-tenant-features",
        /// Sets the tenant's own guard against accidental deletions (CS 6.7).
        SetDeletionGuard(DeletionGuard) = "set-deletion-guard",
        /// Adds a domain name to the tenant and verifies it.
        VerifyDomain(DomainVerification) = "verify-domain",

        /// Sets whether passwords are written back, and what users may do themselves (CS 8.1).
        SetPasswordWriteback(PasswordWriteback) = "set-password-writeback",
        /// Resets the password of a user through Graph (CS 8.2).
        AdminResetPassword(AdminPasswordReset) = "admin-reset-password",

        /// Creates a user in the cloud.
        CreateCloudUser(CloudUserChange) = "create-cloud-user",
        /// Changes properties of a user in the cloud.
        ModifyCloudUser(CloudUserChange) = "modify-cloud-user",
        /// Deletes a user in the cloud; within 30 days it can be restored.
        DeleteCloudUser(CloudUserRef) = "delete-cloud-user",
        /// Restores a deleted user in the cloud.
        RestoreCloudUser(CloudUserRef) = "restore-cloud-user",
        /// Creates a group in the cloud: a security group unless `set` says otherwise.
        CreateCloudGroup(CloudGroupChange) = "create-cloud-group",
        /// Changes properties of a group in the cloud, and adds members.
        ModifyCloudGroup(CloudGroupChange) = "modify-cloud-group",
        /// Deletes a group in the cloud.
        DeleteCloudGroup(CloudGroupRef) = "delete-cloud-group",
        /// Puts a user or group into a group in the cloud.
        AddCloudMember(CloudMembership) = "add-cloud-member",
        /// Takes a user or group out of a group in the cloud.
        RemoveCloudMember(CloudMembership) = "remove-cloud-member",

        /// Takes an agent out of every agent group: no domain uses it any more (CS 6.6).
        RemoveAgent(AgentRef) = "remove-agent",
        /// Puts an agent into the agent groups that serve a domain (CS 6.6).
        AssignAgent(AgentPlace) = "assign-agent",
    }
}
