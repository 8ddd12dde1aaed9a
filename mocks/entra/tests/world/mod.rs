//! A cloud on the simulated network with a small HTTP client, for the tests beside it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test binary uses a part of it"
)]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use provlab_entra::{Config, Running, start};
use provlab_platform::crypto::CryptoPolicy;
use provlab_platform::files::SimFiles;
use provlab_platform::net::ClientTls;
use provlab_platform::net::sim::SimNetwork;
use provlab_platform::trace::TraceLog;
use provlab_platform::{Clock, Crypto, Endpoint, Entropy, MemoryStore, Platform, Stream, Trace};
use serde_json::{Value, json};
use time::macros::datetime;

pub const LOGIN: &str = "login.microsoftonline.com";
pub const GRAPH: &str = "graph.microsoft.com";
pub const GOV_LOGIN: &str = "login.microsoftonline.us";
pub const GOV_GRAPH: &str = "graph.microsoft.us";
pub const CLIENT: &str = "cb1056e2-e479-49de-ae31-7812af012ed8";
pub const TENANT: &str = "aaaaaaaa-0000-0000-0000-000000000001";
pub const GOV_TENANT: &str = "bbbbbbbb-0000-0000-0000-000000000002";
pub const ADMIN: &str = "admin@contoso.onmicrosoft.com";
pub const GOV_ADMIN: &str = "admin@fabrikam.onmicrosoft.us";
pub const PASSWORD: &str = "Correct horse 1";
pub const APP: &str = "cccccccc-0000-0000-0000-000000000003";
pub const APP_SECRET: &str = "app+secret/1";
pub const REGISTRATION: &str = "https://proxy.cloudwebappproxy.net/registerapp";

/// Two tenants, one public and one in the government cloud, with an account for each refusal.
pub fn config() -> Config {
    let account = |name: &str, more: Value| {
        let mut account =
            json!({"user-principal-name": format!("{name}@contoso.onmicrosoft.com"), "password": PASSWORD});
        account
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        account
    };
    serde_json::from_value(json!({
        "tenants": [
            {
                "initial-domain": "contoso.onmicrosoft.com",
                "id": TENANT,
                "display-name": "Contoso",
                "domains": ["contoso.com"],
                "accounts": [
                    account("admin", json!({"roles": ["Hybrid Identity Administrator"]})),
                    account("people", json!({"roles": ["User Administrator"]})),
                    account("names", json!({"roles": ["Domain Name Administrator"]})),
                    account("plain", json!({})),
                    account("expired", json!({"password-expired": true})),
                    account("disabled", json!({"disabled": true})),
                    account("mfa", json!({"multi-factor": true})),
                    account("blocked", json!({"blocked-by-conditional-access": true})),
                    {"user-principal-name": "synced@contoso.onmicrosoft.com"},
                ],
                "applications": [
                    {
                        "display-name": "Reader", "client-id": APP, "secret": APP_SECRET,
                        "application-permissions": ["User.Read.All", "Group.Read.All"],
                    },
                    {
                        "display-name": "Old", "client-id": "cccccccc-0000-0000-0000-000000000004", "secret": "old",
                        "secret-expires": "2025-01-01T00:00:00Z",
                    },
                ],
            },
            {
                "initial-domain": "fabrikam.onmicrosoft.us",
                "id": GOV_TENANT,
                "environment": "AzureUSGovernment",
                "accounts": [{
                    "user-principal-name": GOV_ADMIN, "password": PASSWORD, "roles": ["Global Administrator"],
                }],
            },
        ],
    }))
    .unwrap()
}

pub struct World {
    pub cloud: Option<Running>,
    pub network: SimNetwork,
    pub clock: Clock,
    pub log: TraceLog,
    pub store: Arc<MemoryStore>,
    trace: Trace,
}

/// Runs a test in a simulated world.
pub fn simulate<F: Future<Output = ()>>(test: impl FnOnce(World) -> F) {
    let runtime = provlab_platform::sim::runtime(7).unwrap();
    runtime.block_on(async {
        let clock = Clock::simulated(datetime!(2026-01-02 03:04:05 UTC));
        let (trace, log) = Trace::memory();
        let trace = trace.with_clock(&clock);
        let network = SimNetwork::new(&clock, &trace);
        let mut world = World {
            cloud: None,
            network,
            clock,
            log,
            store: Arc::new(MemoryStore::new()),
            trace,
        };
        world.start().await;
        test(world).await;
    });
}

impl World {
    pub fn platform(&self, host: &str) -> Platform {
        Platform {
            host: host.to_owned(),
            net: self.network.door(host),
            clock: self.clock.clone(),
            entropy: Entropy::seeded(7).fork(host),
            crypto: Crypto::simulated(CryptoPolicy::default(), host),
            files: Arc::new(SimFiles::new()),
            trace: self.trace.for_host(host),
        }
    }

    pub async fn start(&mut self) {
        let store: Arc<MemoryStore> = Arc::clone(&self.store);
        self.cloud = Some(start(self.platform("cloud"), config(), store).await.unwrap());
    }

    pub async fn restart(&mut self) {
        self.cloud.take().unwrap().shutdown().await;
        self.start().await;
    }

    pub fn entra(&self) -> &Running {
        self.cloud.as_ref().unwrap()
    }

    pub async fn connect(&self, host: &str) -> Stream {
        let platform = self.platform("client");
        let stream = platform.net.connect(&Endpoint::new(host, 443)).await.unwrap();
        platform
            .net
            .secure_client(stream, &ClientTls::new(host))
            .await
            .unwrap()
    }

    pub async fn send(&self, host: &str, request: Request<Full<Bytes>>) -> Answer {
        let stream = self.connect(host).await;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        connection.abort();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub async fn get(&self, host: &str, path: &str, token: Option<&str>) -> Answer {
        self.call("GET", host, path, token, None).await
    }

    pub async fn call(
        &self,
        method: &str,
        host: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        self.send(host, request(method, host, path, token, body)).await
    }

    pub async fn form(&self, host: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", escape(value)))
            .collect();
        let request = Request::post(path)
            .header("host", host)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::from(body.join("&")))
            .unwrap();
        self.send(host, request).await
    }

    pub async fn ropc(&self, account: &str, password: &str) -> Answer {
        self.form(
            LOGIN,
            "/organizations/oauth2/v2.0/token",
            &[
                ("grant_type", "password"),
                ("client_id", CLIENT),
                ("username", account),
                ("password", password),
                (
                    "scope",
                    "https://graph.microsoft.com/.default openid offline_access",
                ),
            ],
        )
        .await
    }

    /// An administrator's token for Graph.
    pub async fn token(&self) -> String {
        self.token_of("admin").await
    }

    /// The token of an account of `contoso.onmicrosoft.com` for Graph.
    pub async fn token_of(&self, name: &str) -> String {
        let account = format!("{name}@contoso.onmicrosoft.com");
        self.ropc(&account, PASSWORD).await.json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// An application's token for Graph.
    pub async fn app_token(&self) -> String {
        let answer = self
            .form(
                LOGIN,
                &format!("/{TENANT}/oauth2/v2.0/token"),
                &[
                    ("grant_type", "client_credentials"),
                    ("client_id", APP),
                    ("client_secret", APP_SECRET),
                    ("scope", "https://graph.microsoft.com/.default"),
                ],
            )
            .await;
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn sleep(&self, seconds: u64) {
        self.clock.sleep(Duration::from_secs(seconds)).await;
    }
}

pub fn request(
    method: &str,
    host: &str,
    path: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path).header("host", host);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    request
        .body(Full::from(body.map(|body| body.to_string()).unwrap_or_default()))
        .unwrap()
}

pub fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error}: {} {}", self.status, self.body),
        }
    }

    /// The AADSTS number of a sign-in error.
    #[track_caller]
    pub fn aadsts(&self) -> u64 {
        self.json()["error_codes"][0]
            .as_u64()
            .unwrap_or_else(|| panic!("{} {}", self.status, self.body))
    }

    /// `error.code` of Graph.
    #[track_caller]
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// The claims of a token.
pub fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(part)
            .unwrap(),
    )
    .unwrap()
}
