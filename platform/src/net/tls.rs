//! What the two sides of a TLS handshake bring and what they learn.

use rustls_pki_types::CertificateDer;

use crate::crypto::RsaKeyPair;

/// What a client brings to the handshake.
#[derive(Debug, Clone)]
pub struct ClientTls {
    /// The name the server's certificate must be for.
    pub server_name: String,
    /// The certificate to show if the server asks for one.
    pub identity: Option<ClientIdentity>,
}

impl ClientTls {
    /// A handshake without a client certificate.
    #[must_use]
    pub fn new(server_name: impl Into<String>) -> Self {
        Self {
            server_name: server_name.into(),
            identity: None,
        }
    }
}

/// A client certificate with its key.
#[derive(Debug, Clone)]
pub struct ClientIdentity {
    /// The certificate, then the ones that issued it, if any.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first certificate.
    pub key: RsaKeyPair,
}

/// What a server brings to the handshake.
#[derive(Debug, Clone)]
pub struct ServerTls {
    /// Names in the server's certificate, each a host name or `*.` and a parent for one label.
    pub names: Vec<String>,
    /// Whether to ask the client for a certificate; a client without one is served all the same.
    pub request_client_certificate: bool,
}

/// What a secured stream knows of its peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security {
    /// The server name that the client asked for.
    pub server_name: String,
    /// The peer's certificates, leaf first. For a server: the client's, empty if it showed none. For a client: the
    /// server's; empty on the simulated network, where servers have names but no certificates.
    pub peer_certificates: Vec<CertificateDer<'static>>,
}

/// The `SubjectPublicKeyInfo` of a certificate, in DER.
///
/// By `x509-cert` and not by webpki, which refuses certificates with a subjectUniqueID as the agent's have (PR 4.4).
pub(crate) fn spki_of(certificate: &CertificateDer<'_>) -> Result<Vec<u8>, x509_cert::der::Error> {
    use x509_cert::der::{Decode, Encode};
    x509_cert::Certificate::from_der(certificate)?
        .tbs_certificate
        .subject_public_key_info
        .to_der()
}
