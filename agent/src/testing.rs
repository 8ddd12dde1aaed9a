//! A small simulated world for the unit tests of this crate.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use provlab_platform::crypto::{CryptoPolicy, lab_key};
use provlab_platform::files::SimFiles;
use provlab_platform::net::sim::SimNetwork;
use provlab_platform::{Clock, Crypto, Entropy, Platform, RsaKeyPair, Trace, TraceLog};
use provlab_protocol::certificate::{DEFAULT_LIFETIME, IssueParameters, issue};
use time::macros::datetime;
use uuid::Uuid;

use crate::host::{ComputerAccount, HostMachine};

/// One simulated world with one agent host.
pub(crate) struct World {
    pub(crate) network: SimNetwork,
    pub(crate) files: SimFiles,
    pub(crate) host: HostMachine,
    pub(crate) log: TraceLog,
    clock: Clock,
    trace: Trace,
}

impl World {
    /// Must be called inside of [`simulate`].
    pub(crate) fn new() -> Self {
        let clock = Clock::simulated(datetime!(2026-01-05 15:16:14.583 UTC));
        let (trace, log) = Trace::memory();
        let network = SimNetwork::new(&clock, &trace);
        let files = SimFiles::new();
        let platform = doors("agent1.contoso.com", &network, &files, &clock, &trace);
        let computer = ComputerAccount {
            name: "AGENT1$".to_owned(),
            domain: "contoso.com".to_owned(),
            netbios: "CONTOSO".to_owned(),
            password: "Comp-P@ss-1".to_owned().into(),
        };
        let controllers = BTreeMap::from([(
            "contoso.com".to_owned(),
            vec!["dc1.contoso.com".to_owned(), "dc2.contoso.com".to_owned()],
        )]);
        Self {
            host: HostMachine::new(platform, computer, controllers, None),
            network,
            files,
            log,
            clock,
            trace,
        }
    }

    /// The doors of another host of the world.
    pub(crate) fn doors(&self, host: &str) -> Platform {
        doors(host, &self.network, &SimFiles::new(), &self.clock, &self.trace)
    }
}

fn doors(host: &str, network: &SimNetwork, files: &SimFiles, clock: &Clock, trace: &Trace) -> Platform {
    Platform {
        host: host.to_owned(),
        net: network.door(host),
        clock: clock.clone(),
        entropy: Entropy::seeded(7).fork(host),
        crypto: Crypto::simulated(CryptoPolicy { fips: false }, host),
        files: Arc::new(files.clone()),
        trace: trace.with_clock(clock).for_host(host),
    }
}

/// The agent certificate that the cloud issues for a key.
pub(crate) fn issued(key: &RsaKeyPair, agent: u128) -> Vec<u8> {
    let parameters = IssueParameters {
        tenant_id: Uuid::from_u128(1),
        agent_id: Uuid::from_u128(agent),
        serial: [7; 16],
        issuer_common_name: "HISConnectorRegistrationCA.his.msappproxy.net",
        not_before: datetime!(2026-01-05 00:00 UTC),
        lifetime: DEFAULT_LIFETIME,
        feature: "SyncFabric",
    };
    let authority = lab_key(0).expect("the pool has a first key");
    issue(&parameters, &key.spki_der(), &|bytes| {
        authority.sign_sha256(bytes)
    })
    .expect("all parameters are good")
}

/// Runs a test on virtual time.
pub(crate) fn simulate<T>(test: impl Future<Output = T>) -> T {
    provlab_platform::sim::runtime(7)
        .expect("a runtime needs nothing but memory")
        .block_on(test)
}
