//! The schema of a synchronization job once someone has changed it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Row;

/// A `synchronizationSchema` as it was put.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobSchema {
    /// Owning tenant.
    pub tenant: Uuid,
    /// Job id.
    pub job: String,
    /// Counts how often the schema was put: what is compiled from it is good for one number.
    #[serde(default)]
    pub version: u64,
    /// The schema.
    pub schema: Value,
}

impl Row for JobSchema {
    const TABLE: &'static str = "job-schemas";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        self.job.clone()
    }
}
