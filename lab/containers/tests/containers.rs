//! Both servers for real: started, bound to, broken and mended. Where no engine answers this says *not run*.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod support;

use std::time::Duration;

use ldap3::{Scope, SearchEntry};
use provlab_containers::{ContainerError, Kind, Server, engine};
use provlab_platform::net::real::LabAuthority;
use provlab_platform::trace::Trace;
use support::{PASSWORD, bind, connect, engine_for, openldap, samba};

/// strongerAuthRequired and confidentialityRequired (RFC 4511): no password in clear.
const NEEDS_ENCRYPTION: u32 = 8;

/// How long a server may take from its image until it is bound to.
const SAMBA_LIMIT: Duration = Duration::from_secs(4);
const OPENLDAP_LIMIT: Duration = Duration::from_millis(1500);

/// Longer than a server that is not paused takes to answer, by far.
const SILENCE: Duration = Duration::from_millis(500);

/// From the image to the first bind; the best of three, because other tests have the processors too.
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

#[tokio::test(flavor = "multi_thread")]
async fn samba_starts_and_survives_faults() {
    if engine_for(&[Kind::Samba]).await.is_none() {
        return;
    }
    let authority = LabAuthority::generate().unwrap();
    let (trace, log) = Trace::memory();
    let mut samba = samba(&authority, &trace).await;
    let ready = log.find(|event| event.name == "container.ready").await;
    assert_eq!(ready.fields["kind"], "samba");
    assert_eq!(ready.host, "dc1.contoso.lab");
    let (ldap, ldaps) = (samba.address(389).unwrap(), samba.address(636).unwrap());
    let name = samba.administrator().to_owned();
    assert_eq!(bind("ldaps", ldaps, &name, &authority).await.unwrap(), 0);
    assert_eq!(bind("starttls", ldap, &name, &authority).await.unwrap(), 0);
    assert_eq!(
        bind("ldap", ldap, &name, &authority).await.unwrap(),
        NEEDS_ENCRYPTION
    );
    let stranger = LabAuthority::generate().unwrap();
    assert!(bind("ldaps", ldaps, &name, &stranger).await.is_err());
    // Kerberos and RPC have to be reachable at their own ports.
    for port in [88, 135, 464, 3268, 3269, provlab_containers::RPC_PORT] {
        tokio::net::TcpStream::connect(samba.address(port).unwrap())
            .await
            .unwrap();
    }
    let attributes = root_dse(ldaps, &name, &authority, &["domainFunctionality", "dnsHostName"]).await;
    assert_eq!(attributes.attrs["domainFunctionality"], ["7"]);
    assert_eq!(attributes.attrs["dnsHostName"], ["dc1.contoso.lab"]);
    breaks_and_mends(&mut samba, ldaps, &name, &authority).await;
    samba.remove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn openldap_starts_and_survives_faults() {
    if engine_for(&[Kind::OpenLdap]).await.is_none() {
        return;
    }
    let authority = LabAuthority::generate().unwrap();
    let mut openldap = openldap(&authority, &Trace::discard()).await;
    println!("openldap: ready in {:?}", openldap.ready_in());
    assert!(openldap.ready_in() < OPENLDAP_LIMIT, "{:?}", openldap.ready_in());
    let (ldap, ldaps) = (openldap.address(389).unwrap(), openldap.address(636).unwrap());
    let name = openldap.administrator().to_owned();
    assert_eq!(name, "cn=admin,dc=contoso,dc=com");
    assert_eq!(bind("ldaps", ldaps, &name, &authority).await.unwrap(), 0);
    assert_eq!(bind("starttls", ldap, &name, &authority).await.unwrap(), 0);
    let configuration = openldap
        .exec(
            &[
                "ldapsearch",
                "-QLLL",
                "-Y",
                "EXTERNAL",
                "-H",
                "ldapi:///",
                "-b",
                "cn=config",
                "olcOverlay=*",
                "olcOverlay",
            ],
            b"",
        )
        .await
        .unwrap();
    for overlay in ["syncprov", "accesslog", "ppolicy", "memberof", "refint", "unique"] {
        assert!(configuration.stdout.contains(overlay), "{configuration:?}");
    }
    let who = openldap
        .exec(&["sh", "-c", "stat -c %U /proc/$(cat /run/slapd/slapd.pid)"], b"")
        .await
        .unwrap();
    assert_eq!(who.stdout.trim(), "openldap");
    let echoed = openldap
        .exec(&["sh", "-c", "cat; echo err >&2; exit 3"], b"said")
        .await
        .unwrap();
    assert_eq!(
        (echoed.status, echoed.stdout.as_str(), echoed.stderr.trim()),
        (3, "said", "err")
    );
    breaks_and_mends(&mut openldap, ldaps, &name, &authority).await;
    openldap.remove().await.unwrap();
}

/// Paused, restarted, and without power: each is felt, each passes, and the addresses stay.
async fn breaks_and_mends(
    server: &mut Server,
    ldaps: std::net::SocketAddr,
    name: &str,
    authority: &LabAuthority,
) {
    server.pause().await.unwrap();
    let silent = tokio::time::timeout(SILENCE, bind("ldaps", ldaps, name, authority)).await;
    assert!(silent.is_err(), "a paused server answered: {silent:?}");
    server.unpause().await.unwrap();
    assert_eq!(bind("ldaps", ldaps, name, authority).await.unwrap(), 0);

    server.restart().await.unwrap();
    println!(
        "{}: ready again in {:?} after a restart",
        server.kind(),
        server.ready_in()
    );
    assert_eq!(server.address(636), Some(ldaps));
    assert_eq!(bind("ldaps", ldaps, name, authority).await.unwrap(), 0);

    server.kill().await.unwrap();
    assert!(bind("ldaps", ldaps, name, authority).await.is_err());
    server.start().await.unwrap();
    println!(
        "{}: ready again in {:?} after a power failure",
        server.kind(),
        server.ready_in()
    );
    assert_eq!(bind("ldaps", ldaps, name, authority).await.unwrap(), 0);
}

/// A server that ends by itself is told from one that was stopped; one whose port was taken meanwhile says so.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_nobody_asked_for_is_noticed() {
    if engine_for(&[Kind::OpenLdap]).await.is_none() {
        return;
    }
    let authority = LabAuthority::generate().unwrap();
    let mut openldap = openldap(&authority, &Trace::discard()).await;
    openldap.restart().await.unwrap();
    let stopped = tokio::time::timeout(SILENCE, async {
        let (died, ()) = tokio::join!(openldap.died(), async { openldap.stop().await.unwrap() });
        died
    });
    assert!(stopped.await.is_err(), "being stopped is no death");
    let taken = std::net::TcpListener::bind(openldap.address(636).unwrap()).unwrap();
    let refused = openldap.start().await.unwrap_err();
    assert!(matches!(refused, ContainerError::PortTaken { .. }), "{refused}");
    assert!(refused.to_string().contains("help:"), "{refused}");
    drop(taken);
    openldap.start().await.unwrap();
    let (died, _) = tokio::join!(openldap.died(), openldap.exec(&["sh", "-c", "kill -TERM 1"], b""));
    let ContainerError::Died { kind, log, .. } = &died else {
        panic!("{died}")
    };
    assert_eq!(*kind, Kind::OpenLdap);
    assert!(log.as_str().contains("slapd"), "{died}");
}

/// Nobody has to remember to remove: not even a paused server outlives its value.
#[tokio::test]
async fn a_dropped_server_is_gone() {
    let Some(engine) = engine_for(&[Kind::OpenLdap]).await else {
        return;
    };
    let authority = LabAuthority::generate().unwrap();
    let server = openldap(&authority, &Trace::discard()).await;
    let ldaps = server.address(636).unwrap();
    server.pause().await.unwrap();
    drop(server);
    assert!(tokio::net::TcpStream::connect(ldaps).await.is_err());
    assert!(!engine.version.is_empty());
}

/// What an OpenLDAP client finds in a new suffix.
#[tokio::test]
async fn a_new_suffix_has_a_password_policy() {
    if engine_for(&[Kind::OpenLdap]).await.is_none() {
        return;
    }
    let authority = LabAuthority::generate().unwrap();
    let server = openldap(&authority, &Trace::discard()).await;
    let mut ldap = connect("ldaps", server.address(636).unwrap(), &authority)
        .await
        .unwrap();
    ldap.simple_bind(server.administrator(), PASSWORD)
        .await
        .unwrap()
        .success()
        .unwrap();
    let policy = format!("cn=default,ou=policies,{}", server.suffix());
    let found = ldap
        .search(
            &policy,
            Scope::Base,
            "(objectClass=pwdPolicy)",
            vec!["pwdMinLength"],
        )
        .await
        .unwrap();
    let entry = SearchEntry::construct(found.success().unwrap().0.remove(0));
    assert_eq!(entry.attrs["pwdMinLength"], ["7"]);
    let engine = engine::probe().await.unwrap();
    assert!(engine.at.contains("://"));
}

async fn root_dse(
    at: std::net::SocketAddr,
    name: &str,
    authority: &LabAuthority,
    wanted: &[&str],
) -> SearchEntry {
    let mut ldap = connect("ldaps", at, authority).await.unwrap();
    ldap.simple_bind(name, PASSWORD).await.unwrap().success().unwrap();
    let found = ldap
        .search("", Scope::Base, "(objectClass=*)", wanted.to_vec())
        .await
        .unwrap();
    SearchEntry::construct(found.success().unwrap().0.remove(0))
}
