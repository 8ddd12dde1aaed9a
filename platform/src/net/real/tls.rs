//! TLS on real sockets, by rustls.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::authority::LabAuthority;
use super::possession::PossessionOnly;
use crate::net::{ClientIdentity, ClientTls, Endpoint, NetError, NetErrorKind, Security, ServerTls, Stream};

/// Whom a process trusts, and whether it can be a server.
#[derive(Clone)]
pub struct Trust {
    roots: Arc<RootCertStore>,
    authority: Option<LabAuthority>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trust({} roots)", self.roots.len())
    }
}

/// A certificate cannot be a root of trust.
#[derive(Debug, thiserror::Error)]
#[error("this certificate cannot be a root of trust: {0}")]
pub struct TrustError(rustls::Error);

impl Trust {
    /// Trusts servers whose certificates these authorities signed; no server itself. This is what an agent gets.
    ///
    /// # Errors
    /// [`TrustError`] if one is no certificate.
    pub fn of_roots<'a>(
        roots: impl IntoIterator<Item = &'a CertificateDer<'static>>,
    ) -> Result<Self, TrustError> {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root.clone()).map_err(TrustError)?;
        }
        Ok(Self {
            roots: Arc::new(store),
            authority: None,
            provider: Arc::new(rustls::crypto::ring::default_provider()),
        })
    }

    /// Trusts the lab's authority and gets the certificates of own servers from it.
    ///
    /// # Errors
    /// [`TrustError`] if its certificate is none.
    pub fn of_authority(authority: LabAuthority) -> Result<Self, TrustError> {
        let trust = Self::of_roots([authority.certificate()])?;
        Ok(Self {
            authority: Some(authority),
            ..trust
        })
    }

    pub(super) async fn connect(&self, stream: Stream, tls: &ClientTls) -> Result<Stream, NetError> {
        let peer = stream.peer().clone();
        let failed = |detail: String| NetError::new(NetErrorKind::TlsFailed, &peer, detail);
        let name = ServerName::try_from(tls.server_name.clone())
            .map_err(|_| failed(format!("`{}` is no host name", tls.server_name)))?;
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| failed(e.to_string()))?
            .with_root_certificates(Arc::clone(&self.roots));
        let config = match &tls.identity {
            Some(identity) => config.with_client_cert_resolver(self.identity(identity, &peer)?),
            None => config.with_no_client_auth(),
        };
        let parts = Parts::of(&stream);
        let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let secured = connected.map_err(|e| tls_error(&peer, &e))?;
        let security = Security {
            server_name: tls.server_name.clone(),
            peer_certificates: owned(secured.get_ref().1.peer_certificates()),
        };
        Ok(parts.secured(secured, security))
    }

    fn identity(
        &self,
        identity: &ClientIdentity,
        peer: &Endpoint,
    ) -> Result<Arc<dyn ResolvesClientCert>, NetError> {
        let failed = |detail: &str| NetError::new(NetErrorKind::TlsFailed, peer, detail);
        let leaf = identity
            .chain
            .first()
            .ok_or_else(|| failed("the client identity has no certificate"))?;
        let spki =
            crate::net::tls::spki_of(leaf).map_err(|_| failed("the client certificate cannot be read"))?;
        if spki != identity.key.spki_der() {
            return Err(failed("the client's key is not the one of its certificate"));
        }
        let pkcs8 = identity.key.to_pkcs8();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pkcs8.as_slice()));
        let key = rustls::crypto::ring::sign::any_supported_type(&key)
            .map_err(|_| failed("the client's key is of no kind that TLS can use"))?;
        // Not `from_der`, which would run webpki on the certificate.
        Ok(Arc::new(Always(Arc::new(CertifiedKey::new(
            identity.chain.clone(),
            key,
        )))))
    }

    pub(super) async fn accept(&self, stream: Stream, tls: &ServerTls) -> Result<Stream, NetError> {
        let local = stream.local().clone();
        let failed = |detail: String| NetError::new(NetErrorKind::TlsFailed, &local, detail);
        let Some(authority) = &self.authority else {
            return Err(failed(
                "this process has no authority to get a server certificate from".to_owned(),
            ));
        };
        let certificate = authority.server(&tls.names).map_err(|e| failed(e.to_string()))?;
        let config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| failed(e.to_string()))?;
        let config = match tls.request_client_certificate {
            true => {
                config.with_client_cert_verifier(Arc::new(PossessionOnly::new(Arc::clone(&self.provider))))
            }
            false => config.with_no_client_auth(),
        };
        let config = config.with_cert_resolver(Arc::new(Always(certificate)));
        let parts = Parts::of(&stream);
        let accepted = TlsAcceptor::from(Arc::new(config)).accept(stream).await;
        let secured = accepted.map_err(|e| tls_error(&local, &e))?;
        let session = secured.get_ref().1;
        let asked = session.server_name().map(str::to_owned);
        let security = Security {
            server_name: asked.clone().unwrap_or_default(),
            peer_certificates: owned(session.peer_certificates()),
        };
        let mut stream = parts.secured(secured, security);
        if let Some(host) = asked {
            stream.local.host = host;
        }
        Ok(stream)
    }
}

fn owned(certificates: Option<&[CertificateDer<'_>]>) -> Vec<CertificateDer<'static>> {
    certificates
        .unwrap_or_default()
        .iter()
        .map(|certificate| certificate.clone().into_owned())
        .collect()
}

fn tls_error(at: &Endpoint, error: &io::Error) -> NetError {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let kind = match inner {
        Some(rustls::Error::InvalidCertificate(_)) => NetErrorKind::CertificateInvalid,
        Some(_) => NetErrorKind::TlsFailed,
        None => return NetError::from_io(at, error),
    };
    NetError::new(kind, at, format!("the TLS handshake failed: {error}"))
}

/// What a stream is called, kept while TLS owns it.
struct Parts {
    origin: crate::net::Origin,
    local: Endpoint,
    peer: Endpoint,
}

impl Parts {
    fn of(stream: &Stream) -> Self {
        Self {
            origin: stream.origin.clone(),
            local: stream.local.clone(),
            peer: stream.peer.clone(),
        }
    }

    fn secured(self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, security: Security) -> Stream {
        Stream {
            io: Box::new(EndIsEnd(io)),
            origin: self.origin,
            local: self.local,
            peer: self.peer,
            security: Some(security),
        }
    }
}

/// One certificate, whatever the other side would like.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesClientCert for Always {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ResolvesServerCert for Always {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Reads the end of the socket as the end of the stream, also where the peer said no `close_notify`: everything that is
/// spoken here (LDAP, HTTP, WebSocket) says itself how long its messages are, so a cut is found out all the same.
struct EndIsEnd<T>(T);

impl<T: AsyncRead + Unpin> AsyncRead for EndIsEnd<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.0).poll_read(cx, buf) {
            Poll::Ready(Err(e)) if e.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            other => other,
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for EndIsEnd<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
