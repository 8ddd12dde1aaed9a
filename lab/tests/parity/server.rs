//! A server to talk to: the embedded Active Directory or Samba's, reached in the same way.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, StdStream};
use provlab_platform::net::real::LabAuthority;
use rustls::{ClientConfig, RootCertStore};

/// DNS name of the domain that both servers serve.
pub const DOMAIN: &str = "contoso.lab";
/// Its NetBIOS name.
pub const NETBIOS: &str = "CONTOSO";
/// The same as a distinguished name.
pub const DOMAIN_DN: &str = "DC=contoso,DC=lab";
/// The domain controller.
pub const HOST: &str = "dc1.contoso.lab";
/// Who may do everything, by UPN.
pub const ADMINISTRATOR: &str = "administrator@contoso.lab";
/// Its password.
pub const PASSWORD: &str = "Passw0rd.Lab";
/// Longest wait for one answer; only a server that hangs comes near it.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A domain controller of [`DOMAIN`].
#[derive(Clone)]
pub struct Server {
    /// What reports call it.
    pub label: &'static str,
    /// Where it serves LDAPS.
    pub ldaps: SocketAddr,
    /// How its certificate is judged.
    pub tls: Arc<ClientConfig>,
}

impl Server {
    /// A connection over LDAPS that has not bound.
    pub async fn connect(&self) -> Result<Ldap, LdapError> {
        let stream = std::net::TcpStream::connect(self.ldaps)?;
        stream.set_nodelay(true)?;
        let settings = LdapConnSettings::new()
            .set_config(Arc::clone(&self.tls))
            .set_conn_timeout(LIMIT)
            .set_std_stream(StdStream::Tcp(stream));
        let (connection, ldap) = LdapConnAsync::with_settings(settings, &format!("ldaps://{HOST}")).await?;
        // A driver that fails is seen by the caller as a closed connection.
        tokio::spawn(async move {
            let _ = connection.drive().await;
        });
        Ok(ldap)
    }

    /// A connection of the administrator.
    pub async fn administrator(&self) -> Result<Ldap, LdapError> {
        let mut ldap = self.connect().await?;
        ldap.with_timeout(LIMIT)
            .simple_bind(ADMINISTRATOR, PASSWORD)
            .await?
            .success()?;
        Ok(ldap)
    }
}

/// TLS that trusts the authority alone.
pub fn trusting(authority: &LabAuthority) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
