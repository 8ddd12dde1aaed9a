//! Values that only one object of a tenant may have: sign-in names and mail addresses (CS 6.7, 6.8).
//!
//! With the tenant's `quarantineUpon…Conflict` features the value is set aside and reported on the object, which is written without it;
//! otherwise the object is not written. That cloud sync shares this behaviour of Entra Connect is the assumption
//! [`DUPLICATE_RESILIENCY`](crate::assumptions::names::DUPLICATE_RESILIENCY).

use time::OffsetDateTime;
use uuid::Uuid;

use super::matching;
use super::records::Rejected;
use crate::state::{Cloud, ProvisioningError, Tenant, User};

const UPN_FEATURE: &str = "quarantineUponUpnConflictEnabled";
const ADDRESS_FEATURE: &str = "quarantineUponProxyAddressesConflictEnabled";

/// Who writes, and what decides.
pub(super) struct Desk<'d> {
    pub(super) cloud: &'d Cloud,
    pub(super) tenant: &'d Tenant,
    /// Id of the object that is written.
    pub(super) own: Uuid,
    /// Whether duplicate values are set aside at all.
    pub(super) resilient: bool,
    pub(super) now: OffsetDateTime,
    /// Four digits that tell a placeholder from others.
    pub(super) digits: u16,
}

/// What was set aside.
pub(super) type Errors = Vec<ProvisioningError>;

impl Desk<'_> {
    fn taken(&self, upn: &str) -> bool {
        let mut users = self
            .cloud
            .users
            .find(self.tenant.id, User::BY_UPN, &upn.to_lowercase());
        users.any(|user| user.id != self.own)
    }

    /// The sign-in name that can be written: the wanted one, the one that the user has, or for a new user
    /// `{prefix}+{4 digits}@{initial domain}`.
    pub(super) fn upn(
        &self,
        wanted: &str,
        had: Option<&str>,
        errors: &mut Errors,
    ) -> Result<String, Rejected> {
        if !self.taken(wanted) {
            return Ok(wanted.to_owned());
        }
        if !self.resilient || !self.tenant.features.is_on(UPN_FEATURE) {
            return Err(Rejected::new(
                "EntryConflict",
                format!(
                    "another object of the tenant has the userPrincipalName '{wanted}'; make the directory's value unique"
                ),
            ));
        }
        errors.push(self.error("UserPrincipalName", wanted));
        if let Some(had) = had.filter(|had| !had.is_empty() && !self.taken(had)) {
            return Ok(had.to_owned());
        }
        let prefix = wanted.split('@').next().unwrap_or(wanted);
        let mut digits = self.digits % 10_000;
        loop {
            let placeholder = format!("{prefix}+{digits:04}@{}", self.tenant.initial_domain);
            if !self.taken(&placeholder) {
                return Ok(placeholder);
            }
            digits = (digits + 1) % 10_000;
        }
    }

    /// The addresses that can be written.
    pub(super) fn addresses(
        &self,
        wanted: Vec<String>,
        errors: &mut Errors,
    ) -> Result<Vec<String>, Rejected> {
        let mut kept = Vec::with_capacity(wanted.len());
        for address in wanted {
            let lower = address.to_lowercase();
            let Some(bare) = lower.strip_prefix("smtp:") else {
                kept.push(address);
                continue;
            };
            if !matching::has_address(self.cloud, self.tenant.id, bare, self.own) {
                kept.push(address);
            } else if self.resilient && self.tenant.features.is_on(ADDRESS_FEATURE) {
                errors.push(self.error("ProxyAddress", &address));
            } else {
                return Err(Rejected::new(
                    "EntryConflict",
                    format!(
                        "another object of the tenant has the proxyAddress '{address}'; make the directory's value unique"
                    ),
                ));
            }
        }
        Ok(kept)
    }

    fn error(&self, property: &str, value: &str) -> ProvisioningError {
        ProvisioningError {
            property: property.to_owned(),
            value: value.to_owned(),
            occurred: self.now,
        }
    }
}
