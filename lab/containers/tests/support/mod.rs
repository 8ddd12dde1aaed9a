//! What the tests share: the engine or a visible *not run*, configurations, and a way to be another process.
#![allow(dead_code, reason = "not every test needs everything")]

pub(crate) mod stub;

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError};
use provlab_containers::{Engine, Kind, OpenLdap, OpenLdapConfig, Owner, Samba, SambaConfig, engine};
use provlab_platform::net::real::LabAuthority;
use provlab_platform::trace::Trace;
use rustls::{ClientConfig, RootCertStore};

/// What both administrators get.
pub(crate) const PASSWORD: &str = "Adm1n.Passw0rd";

/// The engine; without one the test is *not run*, which `PROVLAB_REQUIRE` turns into a failure.
pub(crate) async fn engine_for(kinds: &[Kind]) -> Option<Engine> {
    let reason = match engine::probe().await {
        Ok(engine) => return Some(engine),
        Err(reason) => reason,
    };
    let required = std::env::var("PROVLAB_REQUIRE").unwrap_or_default();
    for kind in kinds {
        let wanted = required.split(',').any(|word| word.trim() == kind.as_str());
        assert!(
            !wanted,
            "{kind} is required (PROVLAB_REQUIRE) and cannot run: {reason}"
        );
        eprintln!("not run: {kind}: {reason}");
    }
    None
}

pub(crate) async fn samba(authority: &LabAuthority, trace: &Trace) -> Samba {
    let config = SambaConfig {
        domain: "contoso.lab".to_owned(),
        netbios: "CONTOSO".to_owned(),
        domain_controller: "dc1".to_owned(),
        administrator_password: PASSWORD.into(),
    };
    Samba::start(&config, authority, &Owner::current(), trace)
        .await
        .unwrap()
}

pub(crate) fn openldap_config() -> OpenLdapConfig {
    OpenLdapConfig {
        domain: "contoso.com".to_owned(),
        host: "ldap1.contoso.com".to_owned(),
        administrator_password: PASSWORD.into(),
    }
}

pub(crate) async fn openldap(authority: &LabAuthority, trace: &Trace) -> OpenLdap {
    OpenLdap::start(&openldap_config(), authority, &Owner::current(), trace)
        .await
        .unwrap()
}

/// A connection that trusts only the lab's authority.
pub(crate) async fn connect(
    scheme: &str,
    at: SocketAddr,
    authority: &LabAuthority,
) -> Result<Ldap, LdapError> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let settings = LdapConnSettings::new()
        .set_config(Arc::new(tls))
        .set_starttls(scheme == "starttls");
    let scheme = if scheme == "ldaps" { "ldaps" } else { "ldap" };
    let (connection, ldap) = LdapConnAsync::with_settings(settings, &format!("{scheme}://{at}")).await?;
    tokio::spawn(async move { drop(connection.drive().await) });
    Ok(ldap)
}

/// The result code of a bind with [`PASSWORD`].
pub(crate) async fn bind(
    scheme: &str,
    at: SocketAddr,
    name: &str,
    authority: &LabAuthority,
) -> Result<u32, LdapError> {
    let mut ldap = connect(scheme, at, authority).await?;
    Ok(ldap.simple_bind(name, PASSWORD).await?.rc)
}

/// Set in a process that plays a part in another one's test.
const PART: &str = "PROVLAB_TEST_PART";

/// Whether this process is to play the part of that name.
pub(crate) fn plays(part: &str) -> bool {
    std::env::var(PART).is_ok_and(|name| name == part)
}

/// The test `test` of this binary once more, in a process of its own that plays `part`.
pub(crate) fn player(test: &str, part: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(PART, part)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
