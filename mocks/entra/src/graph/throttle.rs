//! Graph's limits: identity resource units by tenant, and answers of 429 on demand (CS 6.8).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Method};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::GraphError;
use crate::identity::Access;
use crate::shared::Shared;
use crate::state::Cloud;

/// The window of the read limit.
const READ_WINDOW: Duration = Duration::from_secs(10);
/// The window of the limit on reports and on provisioning on demand.
const REPORT_WINDOW: Duration = Duration::from_secs(10);
/// Requests for reports, and to provision on demand, of a tenant in [`REPORT_WINDOW`] (CS 6.5, 6.8).
const REPORTS: u32 = 5;
/// The window of the write limit.
const WRITE_WINDOW: Duration = Duration::from_secs(150);
/// Writes of a tenant in [`WRITE_WINDOW`].
const WRITES: u32 = 3_000;
/// Resource units in [`READ_WINDOW`] by the number of users: fewer than the first number get the second.
const UNITS_BY_USERS: [(usize, u32); 3] = [(50, 3_500), (500, 5_000), (usize::MAX, 8_000)];
/// From this share of the limit on, answers carry `x-ms-throttle-limit-percentage`.
const WARNING_SHARE: f64 = 0.8;

/// Answers of 429 that a scenario asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ThrottleSettings {
    /// How many of the next requests are refused.
    pub requests: u32,
    /// `Retry-After` of those answers, in seconds.
    pub retry_after_seconds: u64,
}

/// Directories that take nothing for a while: jobs get 81 `AzureDirectoryServiceServerBusy` (CS 9.5), Graph answers 429.
#[derive(Default)]
pub struct Busy {
    until: Mutex<BTreeMap<Uuid, (Duration, Duration)>>,
}

impl Busy {
    /// Makes the directory of a tenant busy until a time of the monotonic clock; who comes is told to come back after `retry_after`.
    pub fn set(&self, tenant: Uuid, until: Duration, retry_after: Duration) {
        self.lock().insert(tenant, (until, retry_after));
    }

    /// How long to wait, if the directory is busy now.
    pub fn wait(&self, tenant: Uuid, now: Duration) -> Option<Duration> {
        let mut busy = self.lock();
        let (until, retry_after) = *busy.get(&tenant)?;
        if now < until {
            return Some(retry_after);
        }
        busy.remove(&tenant);
        None
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, (Duration, Duration)>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counters of all tenants.
#[derive(Default)]
pub struct Throttle {
    state: Mutex<Counters>,
}

#[derive(Default)]
struct Counters {
    forced: ThrottleSettings,
    buckets: BTreeMap<(Uuid, Kind), Bucket>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Read,
    Write,
    Report,
    OnDemand,
}

/// Tokens that refill evenly.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Duration,
}

impl Throttle {
    /// Refuses the next requests as told.
    pub fn force(&self, settings: ThrottleSettings) {
        self.lock().forced = settings;
    }

    /// Takes what a request costs: the share of the limit that is used, or the seconds to wait.
    fn take(&self, tenant: Uuid, kind: Kind, limit: u32, cost: u32, now: Duration) -> Result<f64, u64> {
        let mut counters = self.lock();
        if counters.forced.requests > 0 {
            counters.forced.requests -= 1;
            return Err(counters.forced.retry_after_seconds);
        }
        let capacity = f64::from(limit);
        let window = match kind {
            Kind::Read => READ_WINDOW,
            Kind::Write => WRITE_WINDOW,
            Kind::Report | Kind::OnDemand => REPORT_WINDOW,
        };
        let rate = capacity / window.as_secs_f64();
        let bucket = counters.buckets.entry((tenant, kind)).or_insert(Bucket {
            tokens: capacity,
            at: now,
        });
        let refilled = bucket.tokens + now.saturating_sub(bucket.at).as_secs_f64() * rate;
        *bucket = Bucket {
            tokens: refilled.min(capacity),
            at: now,
        };
        let cost = f64::from(cost);
        if bucket.tokens < cost {
            let wait = Duration::try_from_secs_f64((cost - bucket.tokens) / rate).unwrap_or(window);
            return Err(wait.as_secs().saturating_add(1));
        }
        bucket.tokens -= cost;
        Ok(1.0 - bucket.tokens / capacity)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counters> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a request costs: single objects less than collections (the published costs, in short).
fn cost(method: &Method, path: &str) -> u32 {
    let depth = path.trim_matches('/').split('/').count();
    match (method, depth) {
        _ if path.contains("/auditLogs/") => 1,
        (&Method::GET, 0..=2) => 2,
        _ => 1,
    }
}

fn units(cloud: &Cloud, tenant: Uuid) -> u32 {
    // Counting stops where it no longer matters.
    let users = cloud.users.of(tenant).take(500).count();
    UNITS_BY_USERS
        .iter()
        .find(|(below, _)| users < *below)
        .map_or(8_000, |(_, units)| *units)
}

/// Answers 429 when the tenant of the token is over its limit.
pub(super) async fn limit(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(tenant) = request.extensions().get::<Access>().map(|access| access.tenant) else {
        return next.run(request).await;
    };
    let path = request.uri().path();
    let (kind, limit) = if path.contains("/auditLogs/") {
        (Kind::Report, REPORTS)
    } else if path.ends_with("/provisionOnDemand") {
        (Kind::OnDemand, REPORTS)
    } else if request.method() == Method::GET {
        (Kind::Read, shared.db.read(|cloud| units(cloud, tenant)))
    } else {
        (Kind::Write, WRITES)
    };
    let cost = cost(request.method(), path);
    let now = shared.platform.clock.now();
    let busy = shared.busy.wait(tenant, now).map(|wait| wait.as_secs().max(1));
    let taken = busy.map_or_else(|| shared.throttle.take(tenant, kind, limit, cost, now), Err);
    match taken {
        Ok(used) => {
            let mut response = next.run(request).await;
            let headers = response.headers_mut();
            headers.insert("x-ms-resource-unit", HeaderValue::from(cost));
            if used >= WARNING_SHARE
                && let Ok(share) = HeaderValue::from_str(&format!("{used:.1}"))
            {
                headers.insert("x-ms-throttle-limit-percentage", share);
            }
            response
        }
        Err(seconds) => {
            let mut response = GraphError::throttled(seconds).into_response();
            let scope = HeaderValue::from_static("Tenant_Application/ReadWrite");
            response.headers_mut().insert("x-ms-throttle-scope", scope);
            response.headers_mut().insert(
                "x-ms-throttle-information",
                HeaderValue::from_static("ResourceUnitLimitExceeded"),
            );
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: Uuid = Uuid::nil();

    #[test]
    fn a_bucket_empties_and_refills() {
        let throttle = Throttle::default();
        let start = Duration::from_secs(100);
        for _ in 0..10 {
            assert!(throttle.take(TENANT, Kind::Read, 10, 1, start).is_ok());
        }
        assert_eq!(throttle.take(TENANT, Kind::Read, 10, 1, start), Err(2));
        assert!(
            throttle
                .take(TENANT, Kind::Read, 10, 1, start + Duration::from_secs(2))
                .is_ok()
        );
        assert!(
            throttle
                .take(Uuid::from_u128(1), Kind::Read, 10, 1, start)
                .is_ok()
        );
    }

    #[test]
    fn forced_answers_come_first_and_end() {
        let throttle = Throttle::default();
        throttle.force(ThrottleSettings {
            requests: 2,
            retry_after_seconds: 7,
        });
        for _ in 0..2 {
            assert_eq!(throttle.take(TENANT, Kind::Write, 10, 1, Duration::ZERO), Err(7));
        }
        assert!(throttle.take(TENANT, Kind::Write, 10, 1, Duration::ZERO).is_ok());
    }
}
