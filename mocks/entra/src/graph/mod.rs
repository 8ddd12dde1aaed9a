//! Microsoft Graph, `v1.0` and `beta`: users and groups, synchronized or the cloud's own, domains, the set-up of cloud sync, and
//! Graph's manners — errors, paging, delta, batches, throttling (CS 6, PR 10).

mod applications;
mod authentication;
mod batch;
mod contacts;
mod delta;
mod directory;
mod domains;
mod error;
mod group_writes;
mod groups;
mod members;
mod objects;
mod organization;
mod permission;
mod properties;
mod provisioning_log;
mod query;
mod references;
mod request;
mod synchronization;
mod throttle;
mod user_writes;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};

pub(crate) use directory::remove;
pub use error::GraphError;
pub use query::{Filter, MAX_FILTER_BYTES, MAX_FILTER_DEPTH, MAX_FILTER_TERMS};
pub(crate) use query::{form_pairs, percent_encode};
pub use throttle::{Busy, Throttle, ThrottleSettings};

use crate::shared::Shared;

/// Routes of the Graph host.
pub fn router(shared: &Arc<Shared>) -> Router {
    let service = service(shared);
    let batch = Router::new()
        .route("/$batch", post(batch::answer))
        .with_state(batch::Inner::new(Arc::clone(shared), service.clone()));
    let versions = Router::new().nest("/v1.0", batch.clone()).nest("/beta", batch);
    versions
        .merge(service)
        .layer(from_fn_with_state(Arc::clone(shared), error::render))
}

/// Everything but `$batch`, which calls into this.
fn service(shared: &Arc<Shared>) -> Router {
    let common = common_routes();
    let publishing = crate::his::publishing::router(shared);
    let unknown =
        || async { GraphError::bad_request("Resource not found for the segment; check the address.") };
    let wrong_method = || async {
        GraphError::new(
            http::StatusCode::METHOD_NOT_ALLOWED,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        )
    };
    Router::new()
        .nest("/v1.0", common.with_state(Arc::clone(shared)))
        .nest("/beta", common_routes().with_state(Arc::clone(shared)))
        .nest("/beta/onPremisesPublishingProfiles", publishing)
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(shared), throttle::limit))
        .layer(from_fn_with_state(Arc::clone(shared), permission::authorize))
        .layer(from_fn_with_state(Arc::clone(shared), error::render))
}

fn common_routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/organization", get(organization::list))
        .route(
            "/organization/{id}",
            get(organization::one).patch(organization::change),
        )
        .route("/domains", get(domains::list).post(domains::create))
        .route("/domains/{name}", get(domains::one).delete(domains::delete))
        .route("/domains/{name}/verify", post(domains::verify))
        .route(
            "/domains/{name}/verificationDnsRecords",
            get(domains::verification_records),
        )
        .route("/users", get(users::list).post(user_writes::create))
        .route("/users/$count", get(users::count))
        .route("/users/delta", get(delta::users))
        .route("/users/delta()", get(delta::users))
        .route(
            "/users/{id}",
            get(users::one)
                .patch(user_writes::change)
                .delete(user_writes::delete),
        )
        .route(
            "/users/{id}/authentication/methods/{method}/resetPassword",
            post(authentication::reset_password),
        )
        .route(
            "/users/{id}/authentication/operations/{operation}",
            get(authentication::operation),
        )
        .route("/users/{id}/manager", get(users::manager))
        .route(
            "/users/{id}/manager/$ref",
            put(references::set_manager).delete(references::remove_manager),
        )
        .route("/users/{id}/directReports", get(users::direct_reports))
        .route("/users/{id}/memberOf", get(members::user_member_of))
        .route(
            "/users/{id}/transitiveMemberOf",
            get(members::user_transitive_member_of),
        )
        .route("/me", get(users::me))
        .route("/groups", get(groups::list).post(group_writes::create))
        .route("/groups/$count", get(groups::count))
        .route("/groups/delta", get(delta::groups))
        .route("/groups/delta()", get(delta::groups))
        .route(
            "/groups/{id}",
            get(groups::one)
                .patch(group_writes::change)
                .delete(group_writes::delete),
        )
        .route("/groups/{id}/members", get(members::members))
        .route("/groups/{id}/members/$ref", post(references::add_member))
        .route(
            "/groups/{id}/members/{member}/$ref",
            delete(references::remove_member),
        )
        .route("/groups/{id}/owners", get(members::owners))
        .route("/groups/{id}/owners/$ref", post(references::add_owner))
        .route(
            "/groups/{id}/owners/{owner}/$ref",
            delete(references::remove_owner),
        )
        .route("/groups/{id}/transitiveMembers", get(members::transitive_members))
        .route("/groups/{id}/memberOf", get(members::group_member_of))
        .route(
            "/directory/deletedItems/microsoft.graph.user",
            get(directory::deleted_users),
        )
        .route(
            "/directory/deletedItems/microsoft.graph.group",
            get(directory::deleted_groups),
        )
        .route(
            "/directory/deletedItems/{id}",
            get(directory::deleted_item).delete(directory::purge),
        )
        .route("/directory/deletedItems/{id}/restore", post(directory::restore))
        .route(
            "/directory/onPremisesSynchronization",
            get(directory::synchronization_features),
        )
        .route(
            "/directory/onPremisesSynchronization/{id}",
            get(directory::synchronization_feature).patch(directory::change_synchronization_features),
        )
        .route(
            "/applicationTemplates/{id}/instantiate",
            post(applications::instantiate),
        )
        .route("/auditLogs/provisioning", get(provisioning_log::list))
        .route("/contacts", get(contacts::list))
        .route("/contacts/{id}", get(contacts::one))
        .route("/servicePrincipals", get(applications::service_principals))
        .route(
            "/servicePrincipals/{id}",
            get(applications::service_principal).delete(applications::delete_service_principal),
        )
        .nest(
            "/servicePrincipals/{sp}/synchronization",
            synchronization::routes(),
        )
}
