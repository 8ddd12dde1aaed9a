//! Who may do what: permissions of the token by route, and directory roles of the user for changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::Method;
use provlab_protocol::oauth::{
    AUTHENTICATION_ADMINISTRATOR, DOMAIN_NAME_ADMINISTRATOR, GLOBAL_ADMINISTRATOR, GROUPS_ADMINISTRATOR,
    HYBRID_IDENTITY_ADMINISTRATOR, USER_ADMINISTRATOR,
};
use uuid::Uuid;

use super::GraphError;
use crate::http::Caller;
use crate::identity::{Access, Audience};
use crate::shared::Shared;

/// One row: addresses that start like this, after the version, need one of these permissions, and who changes
/// something one of these roles or Global Administrator.
struct Rule {
    prefix: &'static str,
    read: &'static [&'static str],
    write: &'static [&'static str],
    roles: &'static [Uuid],
}

const HYBRID: &[Uuid] = &[HYBRID_IDENTITY_ADMINISTRATOR];
const USERS: &[Uuid] = &[USER_ADMINISTRATOR];
const GROUPS: &[Uuid] = &[USER_ADMINISTRATOR, GROUPS_ADMINISTRATOR];
const DOMAINS: &[Uuid] = &[DOMAIN_NAME_ADMINISTRATOR];

const DIRECTORY_READ: [&str; 2] = ["Directory.Read.All", "Directory.ReadWrite.All"];

/// The first row that fits decides.
const RULES: [Rule; 12] = [
    Rule {
        prefix: "/onPremisesPublishingProfiles",
        read: &["OnPremisesPublishingProfiles.ReadWrite.All"],
        write: &["OnPremisesPublishingProfiles.ReadWrite.All"],
        roles: HYBRID,
    },
    Rule {
        prefix: "/directory/onPremisesSynchronization",
        read: &[
            "OnPremDirectorySynchronization.Read.All",
            "OnPremDirectorySynchronization.ReadWrite.All",
        ],
        write: &["OnPremDirectorySynchronization.ReadWrite.All"],
        roles: HYBRID,
    },
    Rule {
        prefix: "/directory/deletedItems",
        read: &[
            "User.Read.All",
            "User.ReadWrite.All",
            "Group.Read.All",
            "Group.ReadWrite.All",
        ],
        write: &[
            "User.ReadWrite.All",
            "Group.ReadWrite.All",
            "Directory.ReadWrite.All",
        ],
        roles: GROUPS,
    },
    Rule {
        prefix: "/organization",
        read: &["User.Read", "Organization.Read.All", "Organization.ReadWrite.All"],
        write: &["Organization.ReadWrite.All"],
        roles: HYBRID,
    },
    Rule {
        prefix: "/domains",
        read: &["Domain.Read.All", "Domain.ReadWrite.All"],
        write: &["Domain.ReadWrite.All"],
        roles: DOMAINS,
    },
    Rule {
        prefix: "/me",
        read: &["User.Read", "User.Read.All", "User.ReadWrite.All"],
        write: &["User.ReadWrite.All"],
        roles: USERS,
    },
    Rule {
        prefix: "/users",
        read: &["User.Read.All", "User.ReadWrite.All"],
        write: &["User.ReadWrite.All", "Directory.ReadWrite.All"],
        roles: USERS,
    },
    Rule {
        prefix: "/groups",
        read: &["Group.Read.All", "GroupMember.Read.All", "Group.ReadWrite.All"],
        write: &["Group.ReadWrite.All", "Directory.ReadWrite.All"],
        roles: GROUPS,
    },
    Rule {
        prefix: "/contacts",
        read: &["OrgContact.Read.All"],
        write: &[],
        roles: &[],
    },
    Rule {
        prefix: "/auditLogs",
        read: &["AuditLog.Read.All"],
        write: &[],
        roles: &[],
    },
    Rule {
        prefix: "/applicationTemplates",
        read: &["Application.Read.All", "Application.ReadWrite.All"],
        write: &["Application.ReadWrite.All"],
        roles: HYBRID,
    },
    Rule {
        prefix: "/servicePrincipals",
        read: &[
            "Application.Read.All",
            "Application.ReadWrite.All",
            "Synchronization.Read.All",
            "Synchronization.ReadWrite.All",
        ],
        write: &["Application.ReadWrite.All", "Synchronization.ReadWrite.All"],
        roles: HYBRID,
    },
];

/// Below a service principal's `synchronization` the synchronization permissions decide alone (CS 6).
const SYNCHRONIZATION: Rule = Rule {
    prefix: "",
    read: &["Synchronization.Read.All", "Synchronization.ReadWrite.All"],
    write: &["Synchronization.ReadWrite.All"],
    roles: HYBRID,
};

/// Below a user's `authentication` the permissions for authentication methods decide alone.
const AUTHENTICATION: Rule = Rule {
    prefix: "",
    read: &[
        "UserAuthenticationMethod.Read.All",
        "UserAuthenticationMethod.ReadWrite.All",
    ],
    write: &["UserAuthenticationMethod.ReadWrite.All"],
    roles: &[AUTHENTICATION_ADMINISTRATOR],
};

/// Checks the token, then the permissions; handlers find the [`Access`] among the extensions.
pub(super) async fn authorize(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(caller) = request.extensions().get::<Caller>().cloned() else {
        return GraphError::unauthenticated("Access token is empty.").into_response();
    };
    let access = match shared.access(&caller, request.headers(), Audience::Graph) {
        Ok(access) => access,
        Err(refusal) => return GraphError::unauthenticated(refusal.to_string()).into_response(),
    };
    if !allowed(&access, request.method(), request.uri().path()) {
        return GraphError::denied().into_response();
    }
    request.extensions_mut().insert(access);
    next.run(request).await
}

fn allowed(access: &Access, method: &Method, path: &str) -> bool {
    let below = path
        .strip_prefix("/v1.0")
        .or_else(|| path.strip_prefix("/beta"))
        .unwrap_or(path);
    let rule = if below.starts_with("/servicePrincipals/") && below.contains("/synchronization/") {
        Some(&SYNCHRONIZATION)
    } else if below.starts_with("/users/") && below.contains("/authentication/") {
        Some(&AUTHENTICATION)
    } else {
        RULES.iter().find(|rule| below.starts_with(rule.prefix))
    };
    // An unknown address is answered as unknown, not as forbidden.
    let Some(rule) = rule else { return true };
    let reading = method == Method::GET;
    let holds = |held: &BTreeSet<String>| {
        let fits = if reading { rule.read } else { rule.write };
        fits.iter().any(|name| held.contains(*name))
            || (reading && DIRECTORY_READ.iter().any(|name| held.contains(*name)))
    };
    match access.user {
        None => holds(&access.app_roles),
        Some(_) => holds(&access.scopes) && (reading || may_change(access, rule.roles)),
    }
}

fn may_change(access: &Access, roles: &[Uuid]) -> bool {
    roles
        .iter()
        .chain([&GLOBAL_ADMINISTRATOR])
        .any(|role| access.roles.contains(role))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(user: bool, names: &[&str], admin: bool) -> Access {
        let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Access {
            tenant: Uuid::nil(),
            app_id: Uuid::nil(),
            user: user.then(Uuid::nil),
            roles: if admin {
                BTreeSet::from([HYBRID_IDENTITY_ADMINISTRATOR])
            } else {
                BTreeSet::new()
            },
            scopes: if user { names.clone() } else { BTreeSet::new() },
            app_roles: if user { BTreeSet::new() } else { names },
        }
    }

    #[test]
    fn permissions_and_roles_decide_together() {
        let jobs = "/beta/servicePrincipals/x/synchronization/jobs";
        let sync = access(true, &["Synchronization.ReadWrite.All"], true);
        assert!(allowed(&sync, &Method::POST, jobs));
        assert!(!allowed(
            &access(true, &["Synchronization.ReadWrite.All"], false),
            &Method::POST,
            jobs
        ));
        assert!(!allowed(
            &access(true, &["Application.ReadWrite.All"], true),
            &Method::POST,
            jobs
        ));
        assert!(allowed(
            &access(false, &["Synchronization.ReadWrite.All"], false),
            &Method::POST,
            jobs
        ));
        assert!(allowed(
            &access(false, &["Directory.Read.All"], false),
            &Method::GET,
            "/v1.0/users"
        ));
        assert!(!allowed(
            &access(false, &["Group.Read.All"], false),
            &Method::GET,
            "/v1.0/users"
        ));
        // Who manages synchronization manages no users.
        let users = ["User.ReadWrite.All"];
        assert!(!allowed(
            &access(true, &users, true),
            &Method::PATCH,
            "/v1.0/users/x"
        ));
        let mut manager = access(true, &users, false);
        manager.roles.insert(USER_ADMINISTRATOR);
        assert!(allowed(&manager, &Method::PATCH, "/v1.0/users/x"));
        assert!(!allowed(&manager, &Method::POST, jobs));
        assert!(!allowed(
            &access(false, &["Organization.Read.All"], false),
            &Method::PATCH,
            "/beta/organization/x"
        ));
    }
}
