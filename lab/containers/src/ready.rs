//! Ready means that the administrator has bound over LDAPS with the run's own certificate authority.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError};
use provlab_platform::net::real::LabAuthority;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::ContainerError;

/// Pause between two attempts.
pub(crate) const ATTEMPT_EVERY: Duration = Duration::from_millis(25);

/// How long one attempt may take: a port may accept before the server behind it does.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(2);

/// How long the engine may take to hang up for a server that is not there.
const HANGS_UP_WITHIN: Duration = Duration::from_millis(50);

/// The result code of a bind with a name or password that the server does not accept (RFC 4511, appendix A).
const INVALID_CREDENTIALS: u32 = 49;

/// What came of one attempt to bind.
pub(crate) enum Attempt {
    /// Bound.
    Bound(Ldap),
    /// The server is there and does not accept the administrator; its diagnostic message.
    Refused(String),
    /// No usable answer yet.
    Unreached(String),
}

/// Who binds, and where.
#[derive(Clone)]
pub(crate) struct Administrator {
    pub(crate) at: SocketAddr,
    pub(crate) name: String,
    pub(crate) password: SecretString,
    tls: Arc<ClientConfig>,
}

impl Administrator {
    pub(crate) fn new(
        at: SocketAddr,
        name: String,
        password: SecretString,
        authority: &LabAuthority,
    ) -> Result<Self, ContainerError> {
        let failed = |e: rustls::Error| ContainerError::Certificate(e.to_string());
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate().clone()).map_err(failed)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            at,
            name,
            password,
            tls: Arc::new(tls),
        })
    }

    /// The same with another password.
    pub(crate) fn with_password(&self, password: &SecretString) -> Self {
        Self {
            password: password.clone(),
            ..self.clone()
        }
    }

    /// Binds once.
    pub(crate) async fn bind(&self) -> Attempt {
        match timeout(ATTEMPT_LIMIT, self.bind_unbounded()).await {
            Ok(Ok(ldap)) => Attempt::Bound(ldap),
            Ok(Err(LdapError::LdapResult { result })) if result.rc == INVALID_CREDENTIALS => {
                Attempt::Refused(result.text)
            }
            Ok(Err(e)) => Attempt::Unreached(e.to_string()),
            Err(_) => Attempt::Unreached(format!("no answer within {ATTEMPT_LIMIT:?}")),
        }
    }

    async fn bind_unbounded(&self) -> Result<Ldap, LdapError> {
        let settings = LdapConnSettings::new().set_config(Arc::clone(&self.tls));
        let (connection, mut ldap) =
            LdapConnAsync::with_settings(settings, &format!("ldaps://{}", self.at)).await?;
        // Its errors reach the operations that wait for it.
        tokio::spawn(async move { drop(connection.drive().await) });
        ldap.simple_bind(&self.name, self.password.expose_secret())
            .await?
            .success()?;
        Ok(ldap)
    }
}

/// Whether a server listens behind a published port.
///
/// The engine accepts for a server that is not there, and hangs up at once; one that is there waits for the client.
pub(crate) async fn is_open(at: SocketAddr) -> bool {
    let Ok(Ok(mut stream)) = timeout(ATTEMPT_LIMIT, TcpStream::connect(at)).await else {
        return false;
    };
    timeout(HANGS_UP_WITHIN, stream.read_u8()).await.is_err()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_port_is_open_if_its_server_waits_for_the_client() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (open, _held) = tokio::join!(is_open(at), async { listener.accept().await.unwrap() });
        assert!(open);
        let (open, ()) = tokio::join!(is_open(at), async { drop(listener.accept().await.unwrap()) });
        assert!(!open, "hung up");
        drop(listener);
        assert!(!is_open(at).await, "refused");
    }
}
