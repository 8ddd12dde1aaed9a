//! Both servers for real: started, bound to, broken and mended. Where no engine answers this says *not run*.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod support;

use std::time::Duration;

use ldap3::{Scope, SearchEntry};
use provlab_containers::{
    ContainerError, DRSUAPI_PORT, Kind, MEMORY_LIMIT_BYTES, PROCESS_LIMIT, RPC_PORT, Server,
};
use provlab_platform::net::real::LabAuthority;
use provlab_platform::trace::Trace;
use support::{PASSWORD, bind, connect, engine_for, openldap, samba};
use testcontainers::core::client::docker_client_instance;

/// strongerAuthRequired and confidentialityRequired (RFC 4511): no password in clear.
const NEEDS_ENCRYPTION: u32 = 8;

/// Longer than a server that is not paused takes to answer, by far.
const SILENCE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn samba_starts_and_survives_faults() {
    if engine_for(&[Kind::Samba]).await.is_none() {
        return;
    }
    let authority = LabAuthority::generate().unwrap();
    let (trace, log) = Trace::memory();
    let samba = samba(&authority, &trace).await;
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
    let fixed = [RPC_PORT, DRSUAPI_PORT];
    for port in [88, 135, 464, 3268, 3269].into_iter().chain(fixed) {
        tokio::net::TcpStream::connect(samba.address(port).unwrap())
            .await
            .unwrap();
    }
    let attributes = root_dse(ldaps, &name, &authority, &["domainFunctionality", "dnsHostName"]).await;
    assert_eq!(attributes.attrs["domainFunctionality"], ["7"]);
    assert_eq!(attributes.attrs["dnsHostName"], ["dc1.contoso.lab"]);
    // What a group managed service account logs on with: a KDS root key, and tickets for the directory.
    let keys = samba
        .exec(&["samba-tool", "domain", "kds", "root-key", "list"], b"")
        .await
        .unwrap();
    assert!(keys.stdout.contains("1 root key found"), "{keys:?}");
    let tickets = "kinit Administrator@CONTOSO.LAB && kvno ldap/dc1.contoso.lab";
    let tickets = samba
        .exec(&["sh", "-c", tickets], format!("{PASSWORD}\n").as_bytes())
        .await
        .unwrap();
    assert!(tickets.success(), "{tickets:?}");
    breaks_and_mends(&samba, ldaps, &name, &authority).await;
    samba.remove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn openldap_starts_and_survives_faults() {
    if engine_for(&[Kind::OpenLdap]).await.is_none() {
        return;
    }
    let authority = LabAuthority::generate().unwrap();
    let openldap = openldap(&authority, &Trace::discard()).await;
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
    breaks_and_mends(&openldap, ldaps, &name, &authority).await;
    openldap.remove().await.unwrap();
}

/// Paused, restarted, and without power: each is felt, each passes, and the addresses stay.
async fn breaks_and_mends(
    server: &Server,
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
    let openldap = openldap(&authority, &Trace::discard()).await;
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

/// Nothing that a server does not need: loopback, no privileges, no more capabilities, bounded memory and processes.
#[tokio::test]
async fn a_container_is_confined() {
    if engine_for(&[Kind::OpenLdap]).await.is_none() {
        return;
    }
    let authority = LabAuthority::generate().unwrap();
    let server = openldap(&authority, &Trace::discard()).await;
    let docker = docker_client_instance().await.unwrap();
    let seen = docker
        .inspect_container(server.container_id(), None)
        .await
        .unwrap();
    let host = seen.host_config.unwrap();
    assert_eq!(host.privileged, Some(false));
    assert!(host.cap_add.unwrap_or_default().is_empty());
    assert_eq!(host.security_opt.unwrap(), ["no-new-privileges"]);
    assert_eq!(host.memory, Some(MEMORY_LIMIT_BYTES));
    assert_eq!(host.pids_limit, Some(PROCESS_LIMIT));
    let published = seen.network_settings.unwrap().ports.unwrap();
    let bindings: Vec<_> = published.into_values().flatten().flatten().collect();
    assert_eq!(bindings.len(), 2);
    assert!(
        bindings
            .iter()
            .all(|binding| binding.host_ip.as_deref() == Some("127.0.0.1"))
    );
}

/// Nobody has to remember to remove: not even a paused server outlives its value.
#[tokio::test]
async fn a_dropped_server_is_gone() {
    if engine_for(&[Kind::OpenLdap]).await.is_none() {
        return;
    }
    let authority = LabAuthority::generate().unwrap();
    let server = openldap(&authority, &Trace::discard()).await;
    let ldaps = server.address(636).unwrap();
    server.pause().await.unwrap();
    drop(server);
    assert!(tokio::net::TcpStream::connect(ldaps).await.is_err());
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
