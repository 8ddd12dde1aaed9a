//! Worlds with one domain controller for the tests of this folder.

#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

use std::sync::Arc;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, StdStream};
use provlab_directory::config::{AccountConfig, ComputerConfig, PopulationConfig};
use provlab_directory::{Config, Running, start};
use provlab_platform::crypto::CryptoPolicy;
use provlab_platform::files::SimFiles;
use provlab_platform::net::real::{LabAuthority, RealNet, Trust};
use provlab_platform::net::sim::SimNetwork;
use provlab_platform::net::{Endpoint, Net};
use provlab_platform::trace::TraceLog;
use provlab_platform::{Clock, Crypto, Entropy, MemoryStore, Platform, Trace};
use time::macros::datetime;

pub const DC: &str = "dc1.contoso.com";
pub const DOMAIN: &str = "DC=contoso,DC=com";
pub const ADMIN: &str = "CONTOSO\\Administrator";
pub const ADMIN_PASSWORD: &str = "Adm1n-of-the-Lab";
pub const HOST_PASSWORD: &str = "h0st-1-machine-password";

/// A forest with a few accounts, two hosts and a population of forty.
pub fn config() -> Config {
    let mut config = Config::new("contoso.com", "CONTOSO", ADMIN_PASSWORD.into());
    config
        .accounts
        .push(AccountConfig::new("alice", "Wonder-2026".into()));
    for host in ["host1", "host2"] {
        config.computers.push(ComputerConfig {
            name: host.to_owned(),
            password: HOST_PASSWORD.into(),
            container: None,
        });
    }
    config.populations.push(PopulationConfig {
        users: 40,
        groups: Some(3),
        seed: 1,
        organizational_unit: "OU=Staff".to_owned(),
        upn_suffix: None,
        prefix: String::new(),
    });
    config
}

fn platform(host: &str, net: Arc<dyn Net>, clock: &Clock, trace: &Trace) -> Platform {
    Platform {
        host: host.to_owned(),
        net,
        clock: clock.clone(),
        entropy: Entropy::seeded(1).fork(host),
        crypto: Crypto::simulated(CryptoPolicy::default(), host),
        files: Arc::new(SimFiles::new()),
        trace: trace.for_host(host),
    }
}

/// A domain controller behind sockets and TLS.
pub struct RealWorld {
    pub directory: Running,
    net: RealNet,
    tls: Arc<rustls::ClientConfig>,
}

impl RealWorld {
    pub async fn start() -> Self {
        Self::start_with(config()).await
    }

    pub async fn start_with(config: Config) -> Self {
        let authority = LabAuthority::generate().unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.certificate().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (clock, trace) = (Clock::system(), Trace::discard());
        let trust = Trust::of_authority(authority).unwrap();
        let net = RealNet::new(DC, Default::default(), trust, &clock, &trace);
        let platform = platform(DC, Arc::new(net.clone()), &clock, &trace);
        let directory = start(platform, config, Arc::new(MemoryStore::new()))
            .await
            .unwrap();
        Self {
            directory,
            net,
            tls: Arc::new(tls),
        }
    }

    /// A stock client, connected and not yet bound. `scheme` is `ldap`, `ldaps` or `starttls`.
    pub async fn connect(&self, scheme: &str) -> Ldap {
        let (url, port) = match scheme {
            "ldaps" => (format!("ldaps://{DC}"), 636),
            _ => (format!("ldap://{DC}"), 389),
        };
        let address = self.net.bound().exact(&Endpoint::new(DC, port)).unwrap();
        let stream = std::net::TcpStream::connect(address).unwrap();
        let settings = LdapConnSettings::new()
            .set_config(Arc::clone(&self.tls))
            .set_starttls(scheme == "starttls")
            .set_std_stream(StdStream::Tcp(stream));
        let (connection, ldap) = LdapConnAsync::with_settings(settings, &url).await.unwrap();
        tokio::spawn(async move {
            let _ = connection.drive().await;
        });
        ldap
    }

    /// A stock client that has bound over LDAPS.
    pub async fn bound(&self, name: &str, password: &str) -> Ldap {
        let mut ldap = self.connect("ldaps").await;
        ldap.simple_bind(name, password).await.unwrap().success().unwrap();
        ldap
    }
}

/// A domain controller in the simulated world.
pub struct SimWorld {
    pub directory: Running,
    pub clock: Clock,
    pub network: SimNetwork,
    pub log: TraceLog,
    pub store: MemoryStore,
}

impl SimWorld {
    pub async fn start() -> Self {
        let clock = Clock::simulated(datetime!(2026-03-02 08:00 UTC));
        let (trace, log) = Trace::memory();
        let trace = trace.with_clock(&clock);
        let network = SimNetwork::new(&clock, &trace);
        let store = MemoryStore::new();
        let platform = platform(DC, network.door(DC), &clock, &trace);
        let directory = start(platform, config(), Arc::new(store.clone())).await.unwrap();
        Self {
            directory,
            clock,
            network,
            log,
            store,
        }
    }

    /// Starts again on what the store holds.
    pub async fn restart(self) -> Self {
        self.directory.shutdown().await;
        self.store.restart();
        let trace = Trace::discard();
        let platform = platform(DC, self.network.door(DC), &self.clock, &trace);
        let directory = start(platform, config(), Arc::new(self.store.clone()))
            .await
            .unwrap();
        Self { directory, ..self }
    }
}
