//! What a client asks a token for: one resource and permissions on it, out of `scope` (v2) or `resource` (v1).

use provlab_protocol::environment::Environment;

use super::clients::{Client, USER_IMPERSONATION};
use super::error::Failure;
use crate::state::Tenant;

/// Application id of Microsoft Graph, which may stand in the place of its address.
pub(super) const GRAPH_APP_ID: &str = "00000003-0000-0000-c000-000000000000";
/// Most scopes of one request.
const MAX_SCOPES: usize = 64;
const OPENID_SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// A resource that has tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Graph,
    Registration,
}

/// A token request's resource and scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requested {
    pub(super) resource: Resource,
    /// The resource as the client wrote it: `aud` of the token.
    pub(super) audience: String,
    /// Named permissions; empty for `.default`.
    pub(super) permissions: Vec<String>,
    pub(super) openid: bool,
    pub(super) offline_access: bool,
    /// As sent, with the resource written out: repeated in the answer and kept for refresh.
    pub(super) scope: String,
}

impl Requested {
    /// Reads `resource` if there is one, else `scope`; nothing at all means Graph, as the v2 endpoint has it.
    pub(super) fn parse(
        environment: &Environment,
        tenant: &Tenant,
        resource: Option<&str>,
        scope: &str,
    ) -> Result<Self, Failure> {
        let words: Vec<&str> = scope.split_whitespace().collect();
        if words.len() > MAX_SCOPES {
            return Err(invalid(scope));
        }
        let has = |name: &str| words.contains(&name);
        let mut asked: Option<(Resource, String)> = None;
        if let Some(resource) = resource {
            asked = Some(known(environment, tenant, resource)?);
        }
        let mut permissions = Vec::new();
        let mut written: Vec<String> = Vec::new();
        for word in &words {
            if OPENID_SCOPES.contains(word) {
                written.push((*word).to_owned());
                continue;
            }
            let (of, permission) = split(word);
            let found = match of {
                Some(of) => known(environment, tenant, of)?,
                None => asked.clone().unwrap_or_else(|| graph(environment)),
            };
            if asked.as_ref().is_some_and(|(resource, _)| *resource != found.0) {
                return Err(invalid(word));
            }
            written.push(format!("{}/{permission}", found.1));
            if permission != ".default" {
                permissions.push(permission.to_owned());
            }
            asked.get_or_insert(found);
        }
        let (resource, audience) = asked.unwrap_or_else(|| graph(environment));
        if written.iter().all(|word| OPENID_SCOPES.contains(&word.as_str())) {
            written.push(format!("{audience}/.default"));
        }
        Ok(Self {
            resource,
            audience,
            permissions,
            openid: has("openid"),
            offline_access: has("offline_access"),
            scope: written.join(" "),
        })
    }

    /// The permissions the token carries (`scp`).
    pub(super) fn granted(&self, client: &Client) -> Result<String, Failure> {
        let consented = client.delegated();
        let of_resource = |name: &String| match self.resource {
            Resource::Graph => name != USER_IMPERSONATION,
            Resource::Registration => name == USER_IMPERSONATION,
        };
        let available: Vec<String> = consented.into_iter().filter(of_resource).collect();
        let all_named = self.permissions.iter().all(|wanted| covers(&available, wanted));
        if available.is_empty() || !all_named {
            return Err(Failure::new(65001)
                .with("appId", client.id.to_string())
                .with("appName", &*client.name));
        }
        Ok(if self.permissions.is_empty() {
            available
        } else {
            self.permissions.clone()
        }
        .join(" "))
    }
}

/// `ReadWrite` consent covers the `Read` of the same object.
fn covers(available: &[String], wanted: &str) -> bool {
    available
        .iter()
        .any(|name| name == wanted || name.replace(".ReadWrite.", ".Read.") == wanted)
}

fn graph(environment: &Environment) -> (Resource, String) {
    (Resource::Graph, format!("https://{}", environment.graph_host))
}

fn known(environment: &Environment, tenant: &Tenant, resource: &str) -> Result<(Resource, String), Failure> {
    let bare = resource.trim_end_matches('/');
    let graph = graph(environment);
    if bare.eq_ignore_ascii_case(&graph.1) || bare.eq_ignore_ascii_case(GRAPH_APP_ID) {
        Ok((Resource::Graph, bare.to_owned()))
    } else if bare.eq_ignore_ascii_case(environment.registration_audience) {
        Ok((
            Resource::Registration,
            environment.registration_audience.to_owned(),
        ))
    } else {
        Err(Failure::new(500_011)
            .with("resource", super::tenants::shortened(resource))
            .with("tenant", &*tenant.display_name))
    }
}

/// `https://graph.microsoft.com/User.Read` is a resource and a permission; `User.Read` a permission of Graph.
fn split(scope: &str) -> (Option<&str>, &str) {
    match scope.rsplit_once('/') {
        Some((resource, permission)) if !permission.is_empty() => (Some(resource), permission),
        _ => (None, scope),
    }
}

fn invalid(scope: &str) -> Failure {
    Failure::new(70011).with("scope", super::tenants::shortened(scope))
}
