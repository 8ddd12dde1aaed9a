//! A token names directory roles by template id (`wids`); registration is decided by them (PR 3.4, CS 2.1).

use uuid::{Uuid, uuid};

/// A built-in directory role. Template ids are the same in every tenant and cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectoryRole {
    /// Display name.
    pub name: &'static str,
    /// Role template id.
    pub template_id: Uuid,
}

/// Template id of Global Administrator (PR 3.4).
pub const GLOBAL_ADMINISTRATOR: Uuid = uuid!("62e90394-69f5-4237-9190-012177145e10");
/// Template id of Hybrid Identity Administrator (PR 3.4).
pub const HYBRID_IDENTITY_ADMINISTRATOR: Uuid = uuid!("8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2");
/// Template id of User Administrator.
pub const USER_ADMINISTRATOR: Uuid = uuid!("fe930be7-5e62-47db-91af-98c3a49a38b1");
/// Template id of Groups Administrator.
pub const GROUPS_ADMINISTRATOR: Uuid = uuid!("fdd7a751-b60b-444a-984c-02652fe8fa1c");
/// Template id of Domain Name Administrator.
pub const DOMAIN_NAME_ADMINISTRATOR: Uuid = uuid!("8329153b-31d0-4727-b945-745eb3bc5f31");
/// Template id of Authentication Administrator, which resets passwords of users.
pub const AUTHENTICATION_ADMINISTRATOR: Uuid = uuid!("c4e39bd9-1100-46d3-8c65-fb160da0071f");
/// Template id of Authentication Policy Administrator (CS 8.1).
pub const AUTHENTICATION_POLICY_ADMINISTRATOR: Uuid = uuid!("0526716b-113d-4c15-b2c8-68e3c22b9f80");
/// The entry in `wids` that every member of a tenant has.
pub const DEFAULT_USER_WID: Uuid = uuid!("b79fbf4d-3ef9-4689-8143-76b194e85509");

/// The two roles that may register an agent, and neighbours that may not. Ids outside PR 3.4 are those of Microsoft's list of
/// built-in roles.
pub static DIRECTORY_ROLES: [DirectoryRole; 16] = [
    DirectoryRole {
        name: "Global Administrator",
        template_id: GLOBAL_ADMINISTRATOR,
    },
    DirectoryRole {
        name: "Hybrid Identity Administrator",
        template_id: HYBRID_IDENTITY_ADMINISTRATOR,
    },
    DirectoryRole {
        name: "Application Administrator",
        template_id: uuid!("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"),
    },
    DirectoryRole {
        name: "Authentication Administrator",
        template_id: AUTHENTICATION_ADMINISTRATOR,
    },
    DirectoryRole {
        name: "Authentication Policy Administrator",
        template_id: AUTHENTICATION_POLICY_ADMINISTRATOR,
    },
    DirectoryRole {
        name: "Cloud Application Administrator",
        template_id: uuid!("158c047a-c907-4556-b7ef-446551a6b5f7"),
    },
    DirectoryRole {
        name: "Directory Readers",
        template_id: uuid!("88d8e3e3-8f55-4a1e-953a-9b9898b8876b"),
    },
    DirectoryRole {
        name: "Directory Synchronization Accounts",
        template_id: uuid!("d29b2b05-8046-44ba-8758-1e26182fcf32"),
    },
    DirectoryRole {
        name: "Domain Name Administrator",
        template_id: DOMAIN_NAME_ADMINISTRATOR,
    },
    DirectoryRole {
        name: "Global Reader",
        template_id: uuid!("f2ef992c-3afb-46b9-b7cf-a126ee74c451"),
    },
    DirectoryRole {
        name: "Groups Administrator",
        template_id: GROUPS_ADMINISTRATOR,
    },
    DirectoryRole {
        name: "Helpdesk Administrator",
        template_id: uuid!("729827e3-9c14-49f7-bb1b-9608f156bbb8"),
    },
    DirectoryRole {
        name: "Privileged Role Administrator",
        template_id: uuid!("e8611ab8-c189-46e8-94e1-60213ab1f814"),
    },
    DirectoryRole {
        name: "Security Administrator",
        template_id: uuid!("194ae4cb-b126-40b2-bd5b-6091b380977d"),
    },
    DirectoryRole {
        name: "Security Reader",
        template_id: uuid!("5d6b6bb7-de71-4623-b4af-96380a352509"),
    },
    DirectoryRole {
        name: "User Administrator",
        template_id: USER_ADMINISTRATOR,
    },
];

/// Finds a role by its display name, without regard to letter case.
#[must_use]
pub fn role_by_name(name: &str) -> Option<&'static DirectoryRole> {
    DIRECTORY_ROLES
        .iter()
        .find(|role| role.name.eq_ignore_ascii_case(name))
}

/// Finds a role by its template id.
#[must_use]
pub fn role_by_template_id(template_id: &Uuid) -> Option<&'static DirectoryRole> {
    DIRECTORY_ROLES
        .iter()
        .find(|role| role.template_id == *template_id)
}
