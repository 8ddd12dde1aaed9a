//! The admin service: agents, agent groups and published resources (PR 9, CS 6.6).
//!
//! One OData service with two faces: `https://{tenantId}.admin…/onPremisesPublishingProfiles('provisioning')/…` for the agent's wizard,
//! and `…/beta/onPremisesPublishingProfiles/provisioning/…` of Graph. Keys in parentheses and in path segments mean the same.

mod show;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, OriginalUri, Query, State};
use axum::handler::Handler as _;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use uuid::Uuid;

use self::show::Show;
use super::registration::may_register;
use super::registry::{AgentGroup, PUBLISHING_TYPES, PublishedResource, Registry, RegistryError};
use super::{change_registry, registry_of, status_grace};
use crate::graph::GraphError;
use crate::http::{Caller, Role};
use crate::identity::{Access, Audience};
use crate::shared::Shared;
use crate::state::{DbError, Tenant};

/// Graph permission for everything here (CS 6.6).
const PERMISSION: &str = "OnPremisesPublishingProfiles.ReadWrite.All";
/// The collection that every path goes through.
const ROOT: &str = "onPremisesPublishingProfiles";
/// Segments after the profile that any path has at most: `agents/{id}/agentGroups/{id}/$ref`.
const MAX_SEGMENTS: usize = 5;

/// The service, whatever prefix it is mounted under: the routes of the role [`Role::Admin`], and of Graph beta.
pub fn router<S: Clone + Send + Sync + 'static>(shared: &Arc<Shared>) -> Router<S> {
    Router::new().fallback_service(serve.with_state(Arc::clone(shared)))
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    OriginalUri(uri): OriginalUri,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let result = authorize(&shared, &caller, &headers).and_then(|access| {
        let request = Request {
            shared: &shared,
            tenant: access.tenant,
            method: &method,
            uri: &uri,
            body: &body,
        };
        request.answer()
    });
    match result {
        Ok(answer) => answer,
        // Graph words its errors for all its services; here nobody else does.
        Err(error) if caller.role == Role::Admin => (
            error.status,
            Json(json!({"error": {"code": error.code, "message": error.message}})),
        )
            .into_response(),
        Err(error) => error.into_response(),
    }
}

/// The admin service takes the registration token of an administrator of the tenant in the host name; Graph its own permission.
fn authorize(shared: &Shared, caller: &Caller, headers: &HeaderMap) -> Result<Access, GraphError> {
    let audience = if caller.role == Role::Admin {
        Audience::Registration
    } else {
        Audience::Graph
    };
    let access = shared
        .access(caller, headers, audience)
        .map_err(|e| GraphError::unauthenticated(e.to_string()))?;
    let allowed = match caller.role {
        Role::Admin => {
            let named = caller
                .label
                .as_deref()
                .and_then(|label| label.parse::<Uuid>().ok());
            named == Some(access.tenant) && may_register(&access)
        }
        _ => access.scopes.contains(PERMISSION) || access.app_roles.contains(PERMISSION),
    };
    if allowed {
        Ok(access)
    } else {
        Err(GraphError::denied())
    }
}

struct Request<'r> {
    shared: &'r Shared,
    tenant: Uuid,
    method: &'r Method,
    uri: &'r Uri,
    body: &'r [u8],
}

/// A change that was refused, by the registry or the store.
#[derive(Debug)]
struct Refused(GraphError);

impl From<RegistryError> for Refused {
    fn from(error: RegistryError) -> Self {
        Self(match &error {
            RegistryError::NotFound { id, .. } => GraphError::not_found(&id.to_string()),
            RegistryError::ResourceExists(_) => GraphError::new(
                StatusCode::CONFLICT,
                "Request_MultipleObjectsWithSameKeyValue",
                error.to_string(),
            ),
            RegistryError::BadName { .. } | RegistryError::Full => GraphError::bad_request(error.to_string()),
        })
    }
}

impl From<DbError> for Refused {
    fn from(failure: DbError) -> Self {
        Self(failure.into())
    }
}

impl Request<'_> {
    fn answer(&self) -> Result<Response, GraphError> {
        let (profile, path) =
            profile_and_path(self.uri.path()).ok_or_else(|| GraphError::not_found(self.uri.path()))?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let get = self.method == Method::GET;
        match (self.method.as_str(), path.as_slice()) {
            ("GET", []) => Ok(self.profile(&profile)),
            ("PATCH", []) => self.patch_profile(),
            ("POST", ["agentGroups"]) => self.create_group(&profile),
            ("POST", ["publishedResources"]) => self.create_resource(&profile),
            ("POST", ["agents", agent, "agentGroups", "$ref"]) => {
                let (agent, group) = (id(agent)?, self.reference("agentGroups")?);
                self.change(|r| r.assign_agent(agent, group))
            }
            ("POST", ["agentGroups", group, "agents", "$ref"]) => {
                let (group, agent) = (id(group)?, self.reference("agents")?);
                self.change(|r| r.assign_agent(agent, group))
            }
            ("POST", ["publishedResources", resource, "agentGroups", "$ref"]) => {
                let (resource, group) = (id(resource)?, self.reference("agentGroups")?);
                self.change(|r| r.assign_resource(resource, group))
            }
            ("POST", ["agentGroups", group, "publishedResources", "$ref"]) => {
                let (group, resource) = (id(group)?, self.reference("publishedResources")?);
                self.change(|r| r.assign_resource(resource, group))
            }
            ("DELETE", ["agents", agent, "agentGroups", group, "$ref"]) => {
                let (agent, group) = (id(agent)?, id(group)?);
                self.change(|r| r.remove_agent_from_group(agent, group))
            }
            ("PATCH", ["agentGroups", group]) => {
                let (group, name) = (id(group)?, text(&self.json()?, "displayName")?);
                self.change(|r| r.rename_group(group, &name))
            }
            ("DELETE", ["agentGroups", group]) => {
                let group = id(group)?;
                self.change(|r| r.delete_group(group))
            }
            ("DELETE", ["publishedResources", resource]) => {
                let resource = id(resource)?;
                self.change(|r| r.unpublish(resource))
            }
            (_, path) if get => self.read(&profile, path),
            _ => Err(GraphError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "Request_BadRequest",
                "the method does not fit this address",
            )),
        }
    }

    fn read(&self, profile: &str, path: &[&str]) -> Result<Response, GraphError> {
        let (now, grace) = (self.shared.now(), status_grace(self.shared));
        let expand = self.expand()?;
        let empty = Registry::default();
        self.shared.db.read(|cloud| {
            let registry = registry_of(cloud, self.tenant).unwrap_or(&empty);
            let show = Show {
                registry,
                profile,
                expand,
                now,
                grace,
            };
            let body = match path {
                ["agents"] => list(show.agents()),
                ["agentGroups"] => list(show.groups()),
                ["publishedResources"] => list(show.resources()),
                ["agents", agent] => show.agent(registry.agent(id(agent)?).map_err(refusal)?),
                ["agentGroups", group] => show.group(registry.group(id(group)?).map_err(refusal)?),
                ["publishedResources", resource] => {
                    show.resource(registry.resource(id(resource)?).map_err(refusal)?)
                }
                ["agents", agent, "agentGroups"] => {
                    list(show.groups_of(&registry.agent(id(agent)?).map_err(refusal)?.agent_groups))
                }
                ["publishedResources", resource, "agentGroups"] => {
                    list(show.groups_of(&registry.resource(id(resource)?).map_err(refusal)?.agent_groups))
                }
                ["agentGroups", group, "agents"] => {
                    list(show.members(registry.group(id(group)?).map_err(refusal)?.id))
                }
                ["agentGroups", group, "publishedResources"] => {
                    list(show.served_by(registry.group(id(group)?).map_err(refusal)?.id))
                }
                _ => return Err(GraphError::not_found(self.uri.path())),
            };
            Ok(Json(body).into_response())
        })
    }

    fn expand(&self) -> Result<BTreeSet<String>, GraphError> {
        let query = Query::<BTreeMap<String, String>>::try_from_uri(self.uri);
        let query = query.map_err(|_| GraphError::bad_request("the query string cannot be read"))?;
        Ok(query
            .get("$expand")
            .map(|names| names.split(',').map(|n| n.trim().to_owned()).collect())
            .unwrap_or_default())
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut Registry) -> Result<T, RegistryError>,
    ) -> Result<Response, GraphError> {
        self.store(change)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    fn store<T>(
        &self,
        change: impl FnOnce(&mut Registry) -> Result<T, RegistryError>,
    ) -> Result<T, GraphError> {
        let changed = self.shared.db.write(|txn| {
            change_registry(txn, self.tenant, |registry| {
                change(registry).map_err(Refused::from)
            })
        });
        changed.map_err(|Refused(error)| error)
    }

    fn created(&self, show: impl FnOnce(&Show<'_>) -> Option<Value>, profile: &str) -> Response {
        let (now, grace) = (self.shared.now(), status_grace(self.shared));
        let body = self.shared.db.read(|cloud| {
            let registry = registry_of(cloud, self.tenant)?;
            show(&Show {
                registry,
                profile,
                expand: BTreeSet::from(["agentGroups".to_owned()]),
                now,
                grace,
            })
        });
        (StatusCode::CREATED, Json(body.unwrap_or(Value::Null))).into_response()
    }

    fn create_group(&self, profile: &str) -> Result<Response, GraphError> {
        let display_name = text(&self.json()?, "displayName")?;
        let group = AgentGroup {
            id: self.shared.uuid(),
            display_name,
            is_default: false,
            publishing_type: profile.to_owned(),
        };
        let id = self.store(|registry| registry.create_group(group).map(|g| g.id))?;
        Ok(self.created(
            |show| show.registry.group(id).ok().map(|g| show.group(g)),
            profile,
        ))
    }

    fn create_resource(&self, profile: &str) -> Result<Response, GraphError> {
        let body = self.json()?;
        let mut agent_groups = BTreeSet::new();
        for group in body["agentGroups"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
        {
            agent_groups.insert(id(&text(group, "id")?)?);
        }
        let resource = PublishedResource {
            id: self.shared.uuid(),
            display_name: text(&body, "displayName")?,
            resource_name: text(&body, "resourceName")?,
            publishing_type: profile.to_owned(),
            agent_groups,
        };
        let id = self.store(|registry| registry.publish(resource).map(|r| r.id))?;
        Ok(self.created(
            |show| show.registry.resource(id).ok().map(|r| show.resource(r)),
            profile,
        ))
    }

    fn profile(&self, profile: &str) -> Response {
        let updater = self.shared.db.read(|cloud| {
            cloud
                .tenants
                .get(self.tenant, &self.tenant.to_string())?
                .updater_configuration
                .clone()
        });
        Json(json!({"id": profile, "isEnabled": true, "hybridAgentUpdaterConfiguration": updater}))
            .into_response()
    }

    fn patch_profile(&self) -> Result<Response, GraphError> {
        let body = self.json()?;
        let configuration = body.get("hybridAgentUpdaterConfiguration").cloned();
        let configuration = configuration.filter(Value::is_object);
        let configuration = configuration
            .ok_or_else(|| GraphError::bad_request("'hybridAgentUpdaterConfiguration' must be an object"))?;
        let stored = self.shared.db.write(|txn| {
            txn.update(self.tenant, &self.tenant.to_string(), |tenant: &mut Tenant| {
                tenant.updater_configuration = Some(configuration);
            });
            Ok::<_, DbError>(())
        });
        stored
            .map(|()| StatusCode::NO_CONTENT.into_response())
            .map_err(GraphError::from)
    }

    fn json(&self) -> Result<Value, GraphError> {
        serde_json::from_slice(self.body)
            .map_err(|e| GraphError::bad_request(format!("the body is not JSON: {e}")))
    }

    /// The key at the end of an `@odata.id` that names a member of `collection`.
    fn reference(&self, collection: &str) -> Result<Uuid, GraphError> {
        let wrong = || {
            GraphError::bad_request(format!(
                "'@odata.id' must be the address of an object of '{collection}'"
            ))
        };
        let address = text(&self.json()?, "@odata.id")?;
        let segments = segments(&address);
        match segments.as_slice() {
            [.., name, key] if name == collection => key.parse().map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

fn refusal(error: RegistryError) -> GraphError {
    Refused::from(error).0
}

fn list(rows: Vec<Value>) -> Value {
    Value::from_iter([("value".to_owned(), Value::Array(rows))])
}

fn id(text: &str) -> Result<Uuid, GraphError> {
    text.parse().map_err(|_| GraphError::not_found(text))
}

fn text(body: &Value, property: &str) -> Result<String, GraphError> {
    let text = body.get(property).and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| GraphError::bad_request(format!("'{property}' must be given as text")))
}

/// The publishing type and what follows it; nothing if the address is not one of this service.
fn profile_and_path(path: &str) -> Option<(String, Vec<String>)> {
    let mut segments = segments(path)
        .into_iter()
        .skip_while(|s| !s.eq_ignore_ascii_case(ROOT))
        .skip(1);
    let profile = segments.next()?;
    let known = PUBLISHING_TYPES
        .iter()
        .find(|t| t.eq_ignore_ascii_case(&profile))?;
    let rest: Vec<String> = segments.take(MAX_SEGMENTS + 1).collect();
    (rest.len() <= MAX_SEGMENTS).then(|| ((*known).to_owned(), rest))
}

/// Segments of a path, `name('key')` being two of them.
fn segments(path: &str) -> Vec<String> {
    let mut segments = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let part = part
            .replace("%27", "'")
            .replace("%28", "(")
            .replace("%29", ")")
            .replace("%24", "$");
        match part.split_once('(') {
            Some((name, key)) => {
                segments.push(name.to_owned());
                segments.push(key.trim_end_matches(')').trim_matches('\'').to_owned());
            }
            None => segments.push(part),
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_parentheses_are_segments() {
        let expected = Some((
            "provisioning".to_owned(),
            vec![
                "agents".to_owned(),
                "1".to_owned(),
                "agentGroups".to_owned(),
                "$ref".to_owned(),
            ],
        ));
        assert_eq!(
            profile_and_path("/onPremisesPublishingProfiles('provisioning')/agents('1')/agentGroups/$ref"),
            expected
        );
        assert_eq!(
            profile_and_path("/beta/onPremisesPublishingProfiles/provisioning/agents/1/agentGroups/$ref"),
            expected
        );
        assert_eq!(
            profile_and_path(
                "/onPremisesPublishingProfiles(%27provisioning%27)/agents(%271%27)/agentGroups/%24ref"
            ),
            expected
        );
        assert_eq!(
            profile_and_path("/onPremisesPublishingProfiles('other')/agents"),
            None
        );
        assert_eq!(profile_and_path("/users"), None);
        assert_eq!(
            profile_and_path("/onPremisesPublishingProfiles/provisioning/a/b/c/d/e/f"),
            None
        );
    }
}
