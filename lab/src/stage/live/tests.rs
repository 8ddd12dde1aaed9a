//! The lab's own look at a directory: what the stock client reads is what the directory says it holds.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure fails the test")]

use std::sync::Arc;

use provlab_directory::{
    Running,
    config::{AccountConfig, Config, GroupConfig, PopulationConfig},
    control::{Command, DumpedEntry, Reply},
};
use provlab_platform::{
    Clock, Crypto, CryptoPolicy, Endpoint, Entropy, MemoryStore, Platform, Trace,
    files::SimFiles,
    net::real::{LabAuthority, RealNet, Trust},
};
use rustls::RootCertStore;

use super::{
    LDAPS,
    reader::{self, ReadError, Reader},
};
use crate::world::Credential;

const DC: &str = "dc1.contoso.com";

/// A directory on real sockets in this process.
struct Served {
    running: Running,
    net: RealNet,
    roots: Arc<RootCertStore>,
}

async fn serve(config: Config) -> Served {
    let authority = LabAuthority::generate().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone()).unwrap();
    let clock = Clock::system();
    let trace = Trace::discard();
    let net = RealNet::new(
        DC,
        Default::default(),
        Trust::of_authority(authority).unwrap(),
        &clock,
        &trace,
    );
    let platform = Platform {
        host: DC.into(),
        net: Arc::new(net.clone()),
        clock,
        entropy: Entropy::system(),
        crypto: Crypto::simulated(CryptoPolicy::default(), DC),
        files: Arc::new(SimFiles::new()),
        trace,
    };
    let running = provlab_directory::start(platform, config, Arc::new(MemoryStore::new()))
        .await
        .unwrap();
    Served {
        running,
        net,
        roots: Arc::new(roots),
    }
}

impl Served {
    async fn read(&self, password: &str) -> Result<Vec<DumpedEntry>, ReadError> {
        let credential = Credential {
            name: r"CONTOSO\Administrator".into(),
            password: password.to_owned().into(),
        };
        let reader = Reader {
            domain: "contoso.com".into(),
            server: DC.into(),
            address: self.net.bound().exact(&Endpoint::new(DC, LDAPS)).unwrap(),
            roots: Arc::clone(&self.roots),
            credential,
        };
        reader::dump(&reader).await
    }

    async fn dump(&self) -> Vec<DumpedEntry> {
        let dump = Command::Dump {
            base: None,
            attributes: Vec::new(),
            system: false,
            deleted: false,
        };
        let Reply::Tree(entries) = self.running.control(dump).await.unwrap() else {
            panic!("no tree")
        };
        entries
    }
}

fn config() -> Config {
    Config::new("contoso.com", "CONTOSO", "Adm1n-Secret".to_owned().into())
}

#[tokio::test]
async fn an_independent_client_reads_what_the_directory_shows() {
    let mut config = config();
    config.populations = vec![PopulationConfig {
        users: 40,
        groups: Some(8),
        seed: 3,
        organizational_unit: "OU=Staff".into(),
        upn_suffix: None,
        prefix: String::new(),
    }];
    let served = serve(config).await;
    let read = served.read("Adm1n-Secret").await.unwrap();
    assert!(read.len() >= 48, "{} entries", read.len());
    assert_eq!(read, served.dump().await);
}

#[tokio::test]
async fn a_group_beyond_the_range_limit_is_read_whole() {
    const MEMBERS: usize = 1_600;
    let mut config = config();
    config.groups = vec![GroupConfig {
        name: "everyone".into(),
        container: None,
        member_of: vec![],
        attributes: Default::default(),
    }];
    config.accounts = (0..MEMBERS)
        .map(|number| AccountConfig {
            member_of: vec!["everyone".into()],
            ..AccountConfig::new(&format!("u{number}"), "Us3r-Secret".to_owned().into())
        })
        .collect();
    let served = serve(config).await;
    let read = served.read("Adm1n-Secret").await.unwrap();
    let group = read
        .iter()
        .find(|entry| entry.dn.starts_with("CN=everyone,"))
        .unwrap();
    assert_eq!(group.attributes["member"].len(), MEMBERS);
    // More than one page.
    assert!(read.len() > MEMBERS, "{} entries", read.len());
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    let served = serve(config()).await;
    let refused = served.read("wrong").await.unwrap_err().to_string();
    assert!(refused.contains("data 52e"), "{refused}");
}
