//! The embedded Active Directory behind sockets and TLS.

use std::sync::Arc;

use provlab_directory::{Config, Running};
use provlab_platform::{
    Clock, Crypto, Entropy, MemoryStore, Platform, Trace,
    crypto::CryptoPolicy,
    files::SimFiles,
    net::{
        Endpoint,
        real::{LabAuthority, RealNet, Trust},
    },
};

use crate::server::{DOMAIN, HOST, NETBIOS, PASSWORD, Server, trusting};

/// Starts a forest with nothing in it but what every forest has. It is served for as long as the first half lives.
pub async fn start() -> (Running, Server) {
    let (clock, trace) = (Clock::system(), Trace::discard());
    let authority = LabAuthority::generate().unwrap();
    let tls = trusting(&authority);
    let trust = Trust::of_authority(authority).unwrap();
    let net = RealNet::new(HOST, Default::default(), trust, &clock, &trace);
    let platform = Platform {
        host: HOST.to_owned(),
        net: Arc::new(net.clone()),
        clock,
        entropy: Entropy::seeded(1),
        crypto: Crypto::simulated(CryptoPolicy::default(), HOST),
        files: Arc::new(SimFiles::new()),
        trace,
    };
    let config = Config::new(DOMAIN, NETBIOS, PASSWORD.to_owned().into());
    let running = provlab_directory::start(platform, config, Arc::new(MemoryStore::new()))
        .await
        .unwrap();
    let server = Server {
        label: "embedded",
        ldaps: net.bound().exact(&Endpoint::new(HOST, 636)).unwrap(),
        tls,
    };
    (running, server)
}
