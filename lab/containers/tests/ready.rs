//! How soon the servers are ready, alone in a process, because other tests would take the processors.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use std::time::Duration;

use provlab_containers::Kind;
use provlab_platform::net::real::LabAuthority;
use provlab_platform::trace::Trace;
use support::{engine_for, openldap, samba};

/// How long a server may take from its image until it is bound to.
const SAMBA_LIMIT: Duration = Duration::from_secs(4);
const OPENLDAP_LIMIT: Duration = Duration::from_millis(1500);

/// From the image to the first bind; the best of three, because the machine may have other work.
#[tokio::test(flavor = "multi_thread")]
async fn servers_are_ready_soon() {
    if engine_for(&[Kind::Samba, Kind::OpenLdap]).await.is_none() {
        return;
    }
    let authority = LabAuthority::generate().unwrap();
    let trace = Trace::discard();
    let (mut of_samba, mut of_openldap) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let server = samba(&authority, &trace).await;
        of_samba.push(server.ready_in());
        server.remove().await.unwrap();
        let server = openldap(&authority, &trace).await;
        of_openldap.push(server.ready_in());
        server.remove().await.unwrap();
    }
    println!("samba: ready in {of_samba:?}, openldap: ready in {of_openldap:?}");
    assert!(of_samba.iter().any(|time| *time < SAMBA_LIMIT), "{of_samba:?}");
    assert!(
        of_openldap.iter().any(|time| *time < OPENLDAP_LIMIT),
        "{of_openldap:?}"
    );
}
