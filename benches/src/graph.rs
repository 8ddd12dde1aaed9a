//! Microsoft Graph of the mocked cloud, asked in process: routing, token check and JSON, without a network.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use provlab_entra::config::{ApplicationConfig, TenantConfig};
use provlab_entra::http::{Caller, Role};
use provlab_entra::{Config, Running, graph, identity, start};
use provlab_platform::files::SimFiles;
use provlab_platform::net::sim::SimNetwork;
use provlab_platform::{Clock, Crypto, CryptoPolicy, Endpoint, Entropy, MemoryStore, Platform, Trace};
use provlab_protocol::environment::{Environment, EnvironmentName, find};
use provlab_protocol::scim::ListResponse;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::SEED;
use crate::forest::DOMAIN;
use crate::job::{Job, START, TENANT, commit, put_sync_account};

const CLIENT_ID: Uuid = Uuid::from_u128(0xc11e);
/// Secret of the application; it exists nowhere else.
const CLIENT_SECRET: &str = "Bench-only-2";
/// A Graph page of users costs 2 of the 800 units that a large tenant regains every second (CS 6.8).
const PACE: Duration = Duration::from_millis(5);

/// A cloud with one synchronized tenant, and an application that may read its users.
pub struct Graph {
    runtime: Runtime,
    clock: Clock,
    router: Router,
    caller: Caller,
    authorization: String,
    _cloud: Running,
}

impl Graph {
    /// A cloud whose tenant holds what these pages bring.
    ///
    /// # Panics
    /// If the cloud does not start or refuses the application.
    #[must_use]
    pub fn synchronized(pages: Vec<ListResponse>) -> Self {
        let runtime = provlab_platform::sim::runtime(SEED).expect("a runtime without I/O needs no resources");
        let (clock, cloud) = runtime.block_on(start_cloud());
        let shared = Arc::clone(cloud.shared());
        commit(&shared.db, put_sync_account);
        let mut job = Job::started(&shared.db, TENANT);
        job.cycle(pages);
        job.pause();
        let environment = find(EnvironmentName::AzureCloud);
        let login = identity::router(&shared);
        let token = runtime.block_on(sign_in(
            login,
            &caller(environment, Role::Login, environment.login_host),
        ));
        Self {
            runtime,
            clock,
            router: graph::router(&shared),
            caller: caller(environment, Role::Graph, environment.graph_host),
            authorization: format!("Bearer {token}"),
            _cloud: cloud,
        }
    }

    /// Lets the virtual time pass that a client has to leave between two requests to stay below Graph's limits.
    pub fn breathe(&self) {
        self.runtime.block_on(self.clock.sleep(PACE));
    }

    /// Answers `GET` of this address, such as `/v1.0/users?$top=999`.
    ///
    /// # Panics
    /// If the answer is not 200.
    #[must_use]
    pub fn get(&self, address: &str) -> Bytes {
        let request = Request::get(address).header("Authorization", &self.authorization);
        let request = request.extension(self.caller.clone()).body(Body::empty());
        let request = request.expect("addresses of the benchmarks are well-formed");
        self.runtime.block_on(answer(self.router.clone(), request))
    }
}

async fn answer(router: Router, request: Request<Body>) -> Bytes {
    let response = router
        .oneshot(request)
        .await
        .unwrap_or_else(|never| match never {});
    let status = response.status();
    let body = response
        .into_body()
        .collect()
        .await
        .expect("the body is in memory");
    let body = body.to_bytes();
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
    body
}

async fn start_cloud() -> (Clock, Running) {
    let clock = Clock::simulated(START);
    let network = SimNetwork::new(&clock, &Trace::discard());
    let platform = Platform {
        host: "cloud".to_owned(),
        net: network.door("cloud"),
        clock: clock.clone(),
        entropy: Entropy::seeded(SEED),
        crypto: Crypto::simulated(CryptoPolicy::default(), "cloud"),
        files: Arc::new(SimFiles::new()),
        trace: Trace::discard(),
    };
    let config = Config {
        tenants: vec![tenant()],
        ..Config::default()
    };
    let cloud = start(platform, config, Arc::new(MemoryStore::new())).await;
    (clock, cloud.expect("the configuration is fixed and well-formed"))
}

fn tenant() -> TenantConfig {
    TenantConfig {
        initial_domain: "contoso.onmicrosoft.com".to_owned(),
        environment: EnvironmentName::AzureCloud,
        id: Some(TENANT),
        display_name: None,
        domains: vec![DOMAIN.to_owned()],
        accounts: Vec::new(),
        groups: Vec::new(),
        applications: vec![ApplicationConfig {
            display_name: "Reader".to_owned(),
            client_id: Some(CLIENT_ID),
            secret: Some(CLIENT_SECRET.into()),
            secret_expires: None,
            application_permissions: vec!["User.Read.All".to_owned()],
            delegated_permissions: Vec::new(),
            redirect_uris: Vec::new(),
        }],
        smart_lockout: provlab_entra::state::SmartLockout::default(),
    }
}

fn caller(environment: &'static Environment, role: Role, host: &str) -> Caller {
    Caller {
        environment,
        environments: vec![environment],
        role,
        host: host.to_owned(),
        label: None,
        remote: Endpoint::new("bench", 50_000),
        certificates: Vec::new(),
    }
}

/// Client credentials (PR 3.3).
async fn sign_in(router: Router, caller: &Caller) -> String {
    let form = format!(
        "grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}\
         &scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
    );
    let request = Request::post(format!("/{TENANT}/oauth2/v2.0/token"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .extension(caller.clone())
        .body(Body::from(form))
        .expect("the address is well-formed");
    let body = answer(router, request).await;
    let body: serde_json::Value = serde_json::from_slice(&body).expect("token answers are JSON");
    let token = body.get("access_token").and_then(serde_json::Value::as_str);
    token.expect("the answer holds a token").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::Controller;
    use crate::forest::forest;

    #[test]
    fn graph_shows_the_synchronized_people() {
        let graph = Graph::synchronized(Controller::new(forest(40)).all_changes(None));
        let body = graph.get("/v1.0/users?$top=999");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert!(body["value"].as_array().is_some_and(|users| users.len() >= 40));
    }
}
