//! Which tenant the first path segment of a sign-in address means.

use provlab_protocol::environment::{Environment, find};
use uuid::Uuid;

use super::error::Failure;
use crate::http::Caller;
use crate::state::{Cloud, Tenant};

/// Longest tenant segment or user name that is looked up, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 256;

/// `{tenant}` of a sign-in address (PR 3.1).
#[derive(Debug, Clone)]
pub(super) enum Authority {
    /// `common` or `organizations`: the user name decides.
    Any,
    /// One tenant, by id or domain.
    One(Box<Tenant>),
}

/// Finds the tenant of an id or domain, among those that live behind the requested host.
pub(super) fn tenant<'a>(cloud: &'a Cloud, caller: &Caller, name: &str) -> Option<&'a Tenant> {
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let found = match name.parse::<Uuid>() {
        Ok(id) => cloud.tenants.get(id, &id.to_string()),
        Err(_) => cloud.tenants.all().find(|tenant| tenant.owns_domain(name)),
    };
    found.filter(|tenant| caller.serves(tenant))
}

pub(super) fn authority(cloud: &Cloud, caller: &Caller, segment: &str) -> Result<Authority, Failure> {
    if segment.eq_ignore_ascii_case("common") || segment.eq_ignore_ascii_case("organizations") {
        return Ok(Authority::Any);
    }
    match tenant(cloud, caller, segment) {
        Some(tenant) => Ok(Authority::One(Box::new(tenant.clone()))),
        None => Err(Failure::new(90002).with("tenant", shortened(segment))),
    }
}

/// The tenant a user signs in to: the one of the address, else the one that owns the domain of the user name.
pub(super) fn tenant_of_user(
    cloud: &Cloud,
    caller: &Caller,
    segment: &str,
    user: &str,
) -> Result<Tenant, Failure> {
    match authority(cloud, caller, segment)? {
        Authority::One(tenant) => Ok(*tenant),
        Authority::Any => {
            let (_, domain) = user.rsplit_once('@').ok_or_else(|| Failure::new(50059))?;
            tenant(cloud, caller, domain)
                .cloned()
                .ok_or_else(|| Failure::new(90002).with("tenant", shortened(domain)))
        }
    }
}

/// The record of a tenant's own environment; behind a shared host it may differ from the caller's.
pub(super) fn environment(tenant: &Tenant) -> &'static Environment {
    find(tenant.environment)
}

/// A name from outside, cut so that an error text stays readable.
pub(super) fn shortened(name: &str) -> String {
    name.chars().take(MAX_NAME_BYTES).collect()
}
