//! A tenant's agents as one row.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Row;
use crate::his::registry::Registry;

/// Agents, agent groups and published resources of one tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TenantRegistry {
    /// Owning tenant.
    pub tenant: Uuid,
    /// What the hybrid identity service knows.
    pub registry: Registry,
}

impl Row for TenantRegistry {
    const TABLE: &'static str = "registries";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        self.tenant.to_string()
    }
}
