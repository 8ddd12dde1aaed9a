//! Plans by job, compiled once for each schema.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::super::schema::default_schema;
use super::Plan;
use crate::assumptions::Assumptions;
use crate::state::Cloud;

/// Plans by tenant and job, each with the version of its schema.
type Compiled = BTreeMap<(Uuid, String), (u64, Arc<Plan>)>;

/// The plans of a cloud's jobs.
pub struct Plans {
    default: Arc<Plan>,
    compiled: Mutex<Compiled>,
}

impl Plans {
    /// No job has a schema of its own yet.
    #[must_use]
    pub fn new(assumptions: &Assumptions) -> Self {
        let schema = default_schema(Uuid::nil(), assumptions);
        Self {
            default: Arc::new(Plan::compile(&schema).expect("a test compiles the default schema")),
            compiled: Mutex::default(),
        }
    }

    /// The plan of a job: of the schema that was put, else of the default.
    pub fn of(&self, cloud: &Cloud, tenant: Uuid, job: &str) -> Arc<Plan> {
        let Some(row) = cloud.job_schemas.get(tenant, job) else {
            return Arc::clone(&self.default);
        };
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant, job.to_owned());
        if let Some((version, plan)) = compiled.get(&key)
            && *version == row.version
        {
            return Arc::clone(plan);
        }
        // What does not compile was refused when it was put; a row of an older program falls back to the default.
        let plan = Plan::compile(&row.schema).map_or_else(|_| Arc::clone(&self.default), Arc::new);
        compiled.insert(key, (row.version, Arc::clone(&plan)));
        plan
    }
}
