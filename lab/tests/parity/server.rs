//! A server to talk to: the embedded Active Directory or Samba's, reached in the same way.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, StdStream};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

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
/// Longest wait for one answer; only a server that hangs comes near it.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A domain controller of [`DOMAIN`].
#[derive(Clone)]
pub struct Server {
    /// What reports call it.
    pub label: &'static str,
    /// Where it serves LDAPS.
    pub ldaps: SocketAddr,
    /// Password of [`ADMINISTRATOR`].
    pub password: String,
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
            .simple_bind(ADMINISTRATOR, &self.password)
            .await?
            .success()?;
        Ok(ldap)
    }
}

/// TLS that takes any certificate: what is compared is behind it.
pub fn any_certificate() -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
        .with_no_client_auth();
    Arc::new(config)
}

#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
