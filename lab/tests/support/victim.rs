//! A simulated world to be attacked: a directory and a cloud that a real agent was installed on and then left.
//!
//! What the agent said while it was there is recorded off the network: these are the valid messages that the attacks
//! are made from.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use provlab::{
    scenario::{JobTemplate, Scenario, load_file},
    world::{Book, Credential, Graph, environment_of},
};
use provlab_agent::{
    Answers, ComputerAccount, HostMachine, OpenGates, PackageOptions,
    cloud::{
        bootstrap::{BootstrapState, bootstrap},
        http::{CloudRequest, FORM, send},
        registration::renew,
    },
    install_package, run_service, run_wizard,
    trust::{Trust, TrustStore},
};
use provlab_platform::{
    Clock, Crypto, CryptoPolicy, Endpoint, Entropy, MemoryStore, Platform, Stream, Trace,
    files::SimFiles,
    net::{
        ClientTls,
        sim::{Direction, Link, Moment, Rule, SimNetwork, Verdict},
    },
};
use provlab_protocol::{
    certificate::AgentCertificate,
    environment::Environment,
    his::{bootstrap::SignalingListenerEndpoint, trust_renewal::TrustRenewalResult},
    sas::{EscapeCase, SasToken},
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use time::macros::datetime;
use tokio::sync::watch;

/// Password of every account of this world.
pub const PASSWORD: &str = "Besieged-2026";
/// The domain administrator that installs, and that attacks which need a bind come in as.
pub const INSTALLER: &str = "CONTOSO\\install-admin";
/// The domain controller.
pub const DC: &str = "dc1.contoso.com";

const SIGN_IN: &str = "hybrid-admin@contoso.onmicrosoft.com";
/// The agent's own client and audience (PR 2, PR 3.1).
const AGENT_CLIENT: &str = "cb1056e2-e479-49de-ae31-7812af012ed8";
const AGENT_AUDIENCE: &str = "https://proxy.cloudwebappproxy.net/registerapp/.default";
/// Tokens live for about an hour; they are fetched again before.
const TOKEN_LIFE: Duration = Duration::from_secs(45 * 60);

/// What one client said on one connection, in the order in which it was sent.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// Whom it was said to.
    pub to: Endpoint,
    /// What was said.
    pub said: Vec<u8>,
}

/// Writes down what clients say.
struct Recorder(Arc<Mutex<BTreeMap<(String, Endpoint, u64), Vec<u8>>>>);

impl Rule for Recorder {
    fn decide(&mut self, link: &Link, moment: &Moment<'_>) -> Verdict {
        if let Moment::Data {
            direction: Direction::ToServer,
            bytes,
            ..
        } = moment
        {
            let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (link.client.clone(), link.server.clone(), link.connection);
            said.entry(key).or_default().extend_from_slice(bytes);
        }
        Verdict::Pass
    }
}

/// What opens doors for a time.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    /// A bearer token for Graph.
    pub graph: String,
    /// A bearer token for registration and the admin service.
    pub agent: String,
    /// The shared access signature of a listener.
    pub listener: String,
    fetched: Duration,
}

/// The world.
pub struct Victim {
    /// The world's clock.
    pub clock: Clock,
    /// Recorded conversations of the installation and the first synchronization.
    pub recorded: Vec<Conversation>,
    /// The installed agent's tenant.
    pub tenant: String,
    /// A listener of the relay that the agent may open.
    pub listener: SignalingListenerEndpoint,
    door: Platform,
    environment: &'static Environment,
    trust: RefCell<Trust>,
    tokens: RefCell<Tokens>,
    _directory: provlab_directory::Running,
    _cloud: provlab_entra::Running,
}

fn scenario() -> Scenario {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/fresh-install.yaml");
    load_file(file.as_ref()).unwrap().remove(0)
}

fn directory_config() -> provlab_directory::Config {
    let mut config = provlab_directory::Config::new("contoso.com", "CONTOSO", PASSWORD.into());
    let mut installer = provlab_directory::config::AccountConfig::new("install-admin", PASSWORD.into());
    installer.member_of = vec!["Domain Admins".into()];
    config.accounts.push(installer);
    config.computers.push(provlab_directory::config::ComputerConfig {
        name: "SRV1".into(),
        password: PASSWORD.into(),
        container: None,
    });
    let population = json!({ "users": 30, "groups": 6, "seed": 20 });
    config
        .populations
        .push(serde_json::from_value(population).unwrap());
    config
}

fn cloud_config() -> provlab_entra::Config {
    serde_json::from_value(json!({ "tenants": [{
        "initial-domain": "contoso.onmicrosoft.com",
        "domains": ["contoso.com"],
        "accounts": [{
            "user-principal-name": SIGN_IN,
            "password": PASSWORD,
            "roles": ["Hybrid Identity Administrator"],
        }],
    }]}))
    .unwrap()
}

fn answers() -> Answers {
    let credential = json!({ "user": INSTALLER, "password": PASSWORD });
    serde_json::from_value(json!({
        "cloud-administrator": { "password": { "user-principal-name": SIGN_IN, "password": PASSWORD } },
        "service-account": { "create-gmsa": { "credential": credential } },
        "domains": [{ "name": "contoso.com", "credential": credential }],
    }))
    .unwrap()
}

impl Victim {
    /// Builds the world, lets an agent install itself and synchronize once, and stops the agent.
    pub async fn build() -> Self {
        let clock = Clock::simulated(datetime!(2026-01-05 08:00:00 UTC));
        let trace = Trace::discard();
        let entropy = Entropy::seeded(1);
        let network = SimNetwork::new(&clock, &trace);
        let platform = |host: &str| Platform {
            host: host.to_owned(),
            net: network.door(host),
            clock: clock.clone(),
            entropy: entropy.fork(host),
            crypto: Crypto::simulated(CryptoPolicy::default(), host),
            files: Arc::new(SimFiles::new()),
            trace: trace.for_host(host),
        };
        let directory =
            provlab_directory::start(platform(DC), directory_config(), Arc::new(MemoryStore::new()));
        let directory = directory.await.unwrap();
        let cloud = provlab_entra::start(platform("cloud"), cloud_config(), Arc::new(MemoryStore::new()));
        let cloud = cloud.await.unwrap();
        let said = Arc::default();
        let recording = network.add_rule(Recorder(Arc::clone(&said)));
        let computer = ComputerAccount {
            name: "SRV1$".into(),
            domain: "contoso.com".into(),
            netbios: "CONTOSO".into(),
            password: PASSWORD.into(),
        };
        let controllers = BTreeMap::from([("contoso.com".to_owned(), vec![DC.to_owned()])]);
        let host = HostMachine::new(platform("srv1.contoso.com"), computer, controllers, None);
        let scenario = scenario();
        let tenant = Book::new(scenario.world).tenant("contoso").unwrap().clone();
        let environment = environment_of(tenant.environment());
        let door = platform("attacker.contoso.com");
        let trust = live_once(&host, &door, environment, &tenant).await;
        drop(recording);
        let said: BTreeMap<_, Vec<u8>> =
            std::mem::take(&mut said.lock().unwrap_or_else(PoisonError::into_inner));
        let recorded = said
            .into_iter()
            .map(|((_, to, _), said)| Conversation { to, said })
            .collect();
        let listener = bootstrap(&host, environment, &trust, &BootstrapState::default())
            .await
            .unwrap()
            .signaling_listener_endpoints
            .swap_remove(0);
        let tenant = trust.tenant.to_string();
        let victim = Self {
            clock,
            recorded,
            tenant,
            listener,
            door,
            environment,
            trust: RefCell::new(trust),
            tokens: RefCell::default(),
            _directory: directory,
            _cloud: cloud,
        };
        victim.fetch_tokens().await;
        victim
    }

    /// Connects, and performs TLS where the port asks for it, with the agent's certificate.
    ///
    /// # Errors
    /// What the network says.
    pub async fn connect(&self, to: &Endpoint, sealed: bool) -> Result<Stream, String> {
        let stream = self
            .door
            .net
            .connect(to)
            .await
            .map_err(|error| error.to_string())?;
        if !sealed {
            return Ok(stream);
        }
        let tls = ClientTls {
            server_name: to.host.clone(),
            identity: Some(self.trust.borrow().identity()),
        };
        self.door
            .net
            .secure_client(stream, &tls)
            .await
            .map_err(|error| error.to_string())
    }

    /// Tokens that are good for some time to come.
    pub async fn tokens(&self) -> Tokens {
        if self.clock.now().saturating_sub(self.tokens.borrow().fetched) > TOKEN_LIFE {
            self.fetch_tokens().await;
        }
        self.tokens.borrow().clone()
    }

    async fn fetch_tokens(&self) {
        let graph = self
            .token(
                "1b730954-1685-4b74-9bfd-dac224a7b894",
                "https://graph.microsoft.com/.default",
            )
            .await;
        let agent = self.token(AGENT_CLIENT, AGENT_AUDIENCE).await;
        let listener = self.listener_authorization();
        *self.tokens.borrow_mut() = Tokens {
            graph,
            agent,
            listener,
            fetched: self.clock.now(),
        };
    }

    async fn token(&self, client: &str, scope: &str) -> String {
        let form = format!(
            "grant_type=password&client_id={client}&scope={}&username={SIGN_IN}&password={PASSWORD}",
            scope.replace(':', "%3A").replace('/', "%2F"),
        );
        let url = format!(
            "https://{}/{}/oauth2/v2.0/token",
            self.environment.login_host, self.tenant
        );
        let answer = send(&self.door, &CloudRequest::post(url, FORM, form.into_bytes()))
            .await
            .unwrap();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        answer["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("no token: {answer}"))
            .to_owned()
    }

    /// The authorization of a listener, good for an hour.
    pub fn listener_authorization(&self) -> String {
        let now = u64::try_from(self.clock.wall().unix_timestamp()).unwrap();
        let key = &self.listener.shared_access_key;
        let token = SasToken::sign(
            &self.listener.resource(),
            "Connector",
            key,
            now + 3_600,
            EscapeCase::Lower,
        );
        token.to_text(EscapeCase::Lower).expose_secret().to_owned()
    }

    /// The installed agent's id.
    pub fn agent(&self) -> String {
        self.trust.borrow().agent.to_string()
    }

    /// Takes over the certificate that a renewal among the attacks brought, as an agent does: the cloud keeps only
    /// the latest few.
    pub fn learn(&self, answer: &[u8]) {
        let body = answer
            .windows(4)
            .rposition(|window| window == b"\r\n\r\n")
            .map(|at| &answer[at + 4..]);
        let text = String::from_utf8_lossy(body.unwrap_or_default());
        let certificate = TrustRenewalResult::from_xml(&text)
            .ok()
            .and_then(|result| result.certificate);
        if let Some(certificate) = certificate {
            self.trust.borrow_mut().certificate = AgentCertificate::parse(&certificate).unwrap();
        }
    }
}

/// Install, synchronize, renew the trust, stop.
async fn live_once(
    host: &HostMachine,
    door: &Platform,
    environment: &'static Environment,
    tenant: &provlab::scenario::Tenant,
) -> Trust {
    install_package(host, &PackageOptions::default()).unwrap();
    let (shutdown, stop) = watch::channel(false);
    let machine = host.clone();
    let service = tokio::spawn(async move { Box::pin(run_service(&machine, stop)).await });
    if let Err(failed) = Box::pin(run_wizard(host, &answers(), &OpenGates)).await {
        panic!("{}: {}", failed.title, failed.failure.message);
    }
    let administrator = Credential {
        name: SIGN_IN.into(),
        password: PASSWORD.into(),
    };
    let graph = Graph::sign_in(door, environment, tenant, &administrator)
        .await
        .unwrap();
    graph
        .create_configuration("contoso.com", JobTemplate::default())
        .await
        .unwrap();
    graph
        .job_verb("contoso.com", JobTemplate::default(), "start")
        .await
        .unwrap();
    door.clock.sleep(Duration::from_secs(600)).await;
    let users = graph
        .call(
            http::Method::GET,
            "/v1.0/users?$top=5&$select=id,displayName",
            None,
        )
        .await
        .unwrap();
    assert!(
        users["value"].as_array().is_some_and(|users| users.len() == 5),
        "nothing was synchronized"
    );
    // Without its agent a running job would only fail, and fill the attacks with its own noise.
    graph
        .job_verb("contoso.com", JobTemplate::default(), "pause")
        .await
        .unwrap();
    let _ = shutdown.send(true);
    service.await.unwrap().unwrap();
    let trust = TrustStore::new(host.platform.files.clone())
        .load()
        .unwrap()
        .unwrap();
    let renewal = format!("https://{}/renewTrust", environment.renew_trust_host);
    renew(host, &trust, &renewal).await.unwrap()
}
