//! Why the administrator did not get what was wanted of the cloud.

use http::{Method, StatusCode};
use provlab_agent::cloud::http::CloudError;

/// Why a call to the cloud failed.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The cloud was not reached, or the exchange broke.
    #[error("{method} {url}: {source}")]
    Unreachable {
        /// HTTP method.
        method: Method,
        /// Address.
        url: String,
        /// What happened.
        source: CloudError,
    },
    /// The cloud refused.
    #[error("{method} {url}: {status} {code}: {message}")]
    Refused {
        /// HTTP method.
        method: Method,
        /// Address.
        url: String,
        /// HTTP status.
        status: StatusCode,
        /// Error code of the body.
        code: String,
        /// Message of the body.
        message: String,
    },
    /// The configuration that a step names has not been created.
    #[error(
        "tenant `{tenant}` has no configuration with a job `{template}` for `{domain}`; `create-configuration` and \
         `create-group-provisioning` make one"
    )]
    NoConfiguration {
        /// The tenant.
        tenant: String,
        /// The domain.
        domain: String,
        /// Template of the job.
        template: &'static str,
    },
    /// What a step names is not there.
    #[error("tenant `{tenant}` has no {what} `{name}`")]
    Missing {
        /// The tenant.
        tenant: String,
        /// What was looked for.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// What a step names is there more than once.
    #[error("tenant `{tenant}` has {several} {what}s that are called `{name}`")]
    Ambiguous {
        /// The tenant.
        tenant: String,
        /// What was looked for.
        what: &'static str,
        /// Its name.
        name: String,
        /// How many there are.
        several: usize,
    },
    /// A change that cannot be made to what the cloud holds.
    #[error("{0}")]
    Impossible(String),
}
