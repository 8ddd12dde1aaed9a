//! The agent's trust: its private key and the certificate that the cloud issued for it (PR 1, 4.4).
//!
//! Order of writes: the new key is stored before it is used in a request, the pair before it is named, and naming it in
//! `TrustSettings.xml` is the one write that makes it the agent's trust. A kill between any two writes leaves the old
//! trust or the new one, and a rerun asks again with the same key.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use provlab_platform::net::ClientIdentity;
use provlab_platform::{Crypto, Files, RsaKeyPair};
use provlab_protocol::certificate::AgentCertificate;
use thiserror::Error;
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::product::CONFIG_FOLDER;

/// Largest file of the trust store that is read.
const MAX_TRUST_BYTES: usize = 64 * 1024;
pub(crate) const CERTIFICATE: &str = "CERTIFICATE";
pub(crate) const PRIVATE_KEY: &str = "PRIVATE KEY";

/// The trust cannot be read or written.
#[derive(Debug, Error)]
pub enum TrustError {
    /// A file failed.
    #[error("the trust store cannot be used: {0}")]
    Files(String),
    /// A file holds something else.
    #[error("{file} is damaged ({detail}); run the configuration wizard again to register anew")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// The cloud issued a certificate that cannot be this agent's.
    #[error("the issued certificate cannot be used: {0}")]
    Certificate(String),
    /// No key could be made.
    #[error("no key could be made: {0}")]
    Key(String),
}

/// Key and certificate in use.
#[derive(Clone)]
pub struct Trust {
    /// Private key.
    pub key: RsaKeyPair,
    /// The certificate.
    pub certificate: AgentCertificate,
    /// The tenant that the agent belongs to.
    pub tenant: Uuid,
    /// The agent's id.
    pub agent: Uuid,
    /// SHA-1 thumbprint, upper-case hexadecimal.
    pub thumbprint: String,
    /// `true` after an automatic renewal (PR 1).
    pub in_user_store: bool,
}

impl Trust {
    fn new(key: RsaKeyPair, der: &[u8], in_user_store: bool) -> Result<Self, TrustError> {
        let wrong = |detail: &dyn std::fmt::Display| TrustError::Certificate(detail.to_string());
        let certificate = AgentCertificate::parse(der).map_err(|error| wrong(&error))?;
        if certificate.spki_der().map_err(|error| wrong(&error))? != key.spki_der() {
            return Err(wrong(&"it is for another key"));
        }
        Ok(Self {
            tenant: certificate.tenant_id(),
            agent: certificate.agent_id(),
            thumbprint: certificate.thumbprint(),
            certificate,
            key,
            in_user_store,
        })
    }

    /// Whether the certificate is in its lifetime.
    pub fn is_valid_at(&self, now: OffsetDateTime) -> bool {
        self.certificate.is_valid_at(now)
    }

    /// What mutual TLS presents.
    pub fn identity(&self) -> ClientIdentity {
        ClientIdentity {
            chain: vec![self.certificate.der().to_vec().into()],
            key: self.key.clone(),
        }
    }
}

/// A stored pair: its path and its text.
type Pair = (String, Zeroizing<Vec<u8>>);

/// The trust store of one host.
#[derive(Clone)]
pub struct TrustStore {
    files: Arc<dyn Files>,
}

impl TrustStore {
    /// The store in these files.
    pub fn new(files: Arc<dyn Files>) -> Self {
        Self { files }
    }

    fn settings_path() -> String {
        format!(r"{CONFIG_FOLDER}\TrustSettings.xml")
    }

    fn pending_path() -> String {
        format!(r"{CONFIG_FOLDER}\PendingRequest.pem")
    }

    fn read(&self, path: &str) -> Result<Option<Zeroizing<Vec<u8>>>, TrustError> {
        let fail = |error: &dyn std::fmt::Display| TrustError::Files(error.to_string());
        if !self.files.exists(path).map_err(|error| fail(&error))? {
            return Ok(None);
        }
        let bytes = Zeroizing::new(self.files.read(path).map_err(|error| fail(&error))?);
        if bytes.len() > MAX_TRUST_BYTES {
            return Err(damaged(path, format!("{} bytes", bytes.len())));
        }
        Ok(Some(bytes))
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), TrustError> {
        self.files
            .write_atomic(path, bytes)
            .map_err(|error| TrustError::Files(error.to_string()))
    }

    /// The trust in use; `None` when the agent is not registered.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged.
    pub fn load(&self) -> Result<Option<Trust>, TrustError> {
        let path = Self::settings_path();
        let Some(bytes) = self.read(&path)? else {
            return Ok(None);
        };
        let settings = TrustSettings::parse(&bytes).map_err(|detail| damaged(&path, detail))?;
        let pair = self.pair_of(&settings.thumbprint)?;
        let Some((path, bytes)) = pair else {
            return Err(damaged(
                &path,
                format!("no key of certificate {}", settings.thumbprint),
            ));
        };
        let key = key_in(&bytes).map_err(|detail| damaged(&path, detail))?;
        let der = block(&bytes, CERTIFICATE).ok_or_else(|| damaged(&path, "no certificate"))?;
        Trust::new(key, &der, settings.in_user_store).map(Some)
    }

    fn pair_of(&self, thumbprint: &str) -> Result<Option<Pair>, TrustError> {
        let ending = format!("_{thumbprint}.pem");
        for path in self.pairs()? {
            if path.ends_with(&ending)
                && let Some(bytes) = self.read(&path)?
            {
                return Ok(Some((path, bytes)));
            }
        }
        Ok(None)
    }

    /// Paths of all stored pairs.
    fn pairs(&self) -> Result<Vec<String>, TrustError> {
        let names = self
            .files
            .list(CONFIG_FOLDER)
            .map_err(|error| TrustError::Files(error.to_string()))?;
        Ok(names
            .into_iter()
            .map(|name| {
                name.rsplit_once('\\')
                    .map_or(name.clone(), |(_, last)| last.to_owned())
            })
            .filter(|name| name.ends_with(".pem") && name.contains('_'))
            .map(|name| format!(r"{CONFIG_FOLDER}\{name}"))
            .collect())
    }

    /// The key for the next request: the one that an interrupted request left, else a new one that is stored first.
    ///
    /// # Errors
    /// When no key can be made or stored.
    pub async fn pending_key(&self, crypto: &Crypto) -> Result<RsaKeyPair, TrustError> {
        let path = Self::pending_path();
        if let Some(bytes) = self.read(&path)?
            && let Ok(key) = key_in(&bytes)
        {
            return Ok(key);
        }
        let key = crypto
            .generate_rsa_2048()
            .await
            .map_err(|error| TrustError::Key(error.to_string()))?;
        self.write(&path, pem(PRIVATE_KEY, &key.to_pkcs8()).as_bytes())?;
        Ok(key)
    }

    /// Makes an issued certificate with its key the agent's trust. The former pair stays until [`TrustStore::tidy`].
    ///
    /// # Errors
    /// When the certificate is not for the key, or a file cannot be written.
    pub fn commit(
        &self,
        machine: &str,
        key: RsaKeyPair,
        der: &[u8],
        renewed: bool,
    ) -> Result<Trust, TrustError> {
        let trust = Trust::new(key, der, renewed)?;
        let path = format!(
            r"{CONFIG_FOLDER}\{machine}_{}_{}_{}.pem",
            trust.tenant, trust.agent, trust.thumbprint
        );
        let mut text = Zeroizing::new(pem(CERTIFICATE, der).to_string());
        text.push_str(&pem(PRIVATE_KEY, &trust.key.to_pkcs8()));
        self.write(&path, text.as_bytes())?;
        let settings = TrustSettings {
            thumbprint: trust.thumbprint.clone(),
            in_user_store: renewed,
        };
        self.write(&Self::settings_path(), settings.to_xml().as_bytes())?;
        self.remove(&Self::pending_path())?;
        Ok(trust)
    }

    /// Removes pairs that are not in use any more: called when the cloud has accepted the new one.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn tidy(&self, in_use: &Trust) -> Result<(), TrustError> {
        let ending = format!("_{}.pem", in_use.thumbprint);
        for path in self.pairs()? {
            if !path.ends_with(&ending) {
                self.remove(&path)?;
            }
        }
        Ok(())
    }

    fn remove(&self, path: &str) -> Result<(), TrustError> {
        let fail = |error: &dyn std::fmt::Display| TrustError::Files(error.to_string());
        if self.files.exists(path).map_err(|error| fail(&error))? {
            self.files.remove(path).map_err(|error| fail(&error))?;
        }
        Ok(())
    }
}

fn damaged(file: &str, detail: impl std::fmt::Display) -> TrustError {
    TrustError::Damaged {
        file: file.to_owned(),
        detail: detail.to_string(),
    }
}

/// `TrustSettings.xml`: root `ConnectorTrustSettingsFile` with `CloudProxyTrust` (PR 1).
#[derive(Debug, PartialEq, Eq)]
struct TrustSettings {
    thumbprint: String,
    in_user_store: bool,
}

impl TrustSettings {
    fn to_xml(&self) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ConnectorTrustSettingsFile>\n  <CloudProxyTrust>\n    \
             <Thumbprint>{}</Thumbprint>\n    <IsInUserStore>{}</IsInUserStore>\n  </CloudProxyTrust>\n</ConnectorTrustSettingsFile>\n",
            self.thumbprint, self.in_user_store
        )
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        use quick_xml::events::Event;
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let mut reader = quick_xml::Reader::from_str(text);
        let (mut element, mut thumbprint, mut in_user_store) = (String::new(), None, false);
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(start) => element = start.local_name().as_ref().to_owned(),
                Event::End(_) => element.clear(),
                Event::Text(value) => match element.as_str() {
                    "Thumbprint" => thumbprint = Some(value.trim().to_ascii_uppercase()),
                    "IsInUserStore" => in_user_store = value.trim().eq_ignore_ascii_case("true"),
                    _ => {}
                },
                Event::Eof => break,
                _ => {}
            }
        }
        let thumbprint = thumbprint
            .filter(|text| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .ok_or_else(|| "it names no thumbprint".to_owned())?;
        Ok(Self {
            thumbprint,
            in_user_store,
        })
    }
}

/// One block of RFC 7468.
pub(crate) fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(BASE64.encode(der));
    let mut out = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
    for (index, letter) in body.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            out.push('\n');
        }
        out.push(letter);
    }
    out.push_str(&format!("\n-----END {label}-----\n"));
    out
}

/// The contents of the first block with this label.
pub(crate) fn block(text: &[u8], label: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body = Zeroizing::new(body.split_ascii_whitespace().collect::<String>());
    BASE64.decode(body.as_bytes()).ok().map(Zeroizing::new)
}

/// The private key of a file.
pub(crate) fn key_in(text: &[u8]) -> Result<RsaKeyPair, String> {
    let der = block(text, PRIVATE_KEY).ok_or_else(|| "no private key".to_owned())?;
    RsaKeyPair::from_pkcs8(&der).map_err(|error| error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{World, issued, simulate};
    use proptest::prelude::*;
    use provlab_platform::crypto::lab_key;

    async fn obtain(world: &World, agent: u128, renewed: bool) -> Result<Trust, TrustError> {
        let store = TrustStore::new(world.host.platform.files.clone());
        let key = store.pending_key(&world.host.platform.crypto).await?;
        let der = issued(&key, agent);
        let trust = store.commit("agent1.contoso.com", key, &der, renewed)?;
        store.tidy(&trust)?;
        Ok(trust)
    }

    #[test]
    fn the_stored_trust_is_read_back() {
        simulate(async {
            let world = World::new();
            let trust = obtain(&world, 2, false).await.unwrap();
            let name = format!(
                "agent1.contoso.com_{}_{}_{}.pem",
                trust.tenant, trust.agent, trust.thumbprint
            );
            let path = format!(r"{CONFIG_FOLDER}\{name}").to_ascii_lowercase();
            assert!(
                world.files.snapshot().contains_key(&path),
                "{:?}",
                world.files.snapshot().keys()
            );
            let store = TrustStore::new(world.host.platform.files.clone());
            let read = store.load().unwrap().unwrap();
            assert_eq!(
                (read.thumbprint, read.agent, read.in_user_store),
                (trust.thumbprint, Uuid::from_u128(2), false)
            );
        });
    }

    #[test]
    fn a_certificate_for_another_key_is_refused() {
        simulate(async {
            let world = World::new();
            let store = TrustStore::new(world.host.platform.files.clone());
            let key = store.pending_key(&world.host.platform.crypto).await.unwrap();
            let der = issued(&lab_key(1).unwrap(), 2);
            assert!(key.spki_der() != lab_key(1).unwrap().spki_der());
            assert!(matches!(
                store.commit("m", key, &der, false),
                Err(TrustError::Certificate(_))
            ));
            assert!(store.load().unwrap().is_none());
        });
    }

    /// Kill at every write of a registration and of a renewal: the old trust or the new one, never none or half of one.
    #[test]
    fn a_kill_at_any_write_leaves_a_whole_trust() {
        simulate(async {
            for renewal in [false, true] {
                for writes in 0.. {
                    let world = World::new();
                    let store = TrustStore::new(world.host.platform.files.clone());
                    let old = if renewal {
                        Some(obtain(&world, 2, false).await.unwrap())
                    } else {
                        None
                    };
                    world.files.crash_after(writes);
                    let first = obtain(&world, 3, renewal).await;
                    world.files.restart();
                    let pending = store.read(&TrustStore::pending_path()).unwrap();
                    let kept = store.load().unwrap();
                    let agents: Vec<_> = kept.iter().map(|trust| trust.agent.as_u128()).collect();
                    let allowed: &[&[u128]] = if old.is_some() {
                        &[&[2], &[3]]
                    } else {
                        &[&[], &[3]]
                    };
                    assert!(
                        allowed.contains(&agents.as_slice()),
                        "{agents:?} after {writes} writes"
                    );
                    let again = obtain(&world, 3, renewal).await.unwrap();
                    // What was asked for before the kill is asked for again, with the same key.
                    if let Some(pending) = pending {
                        assert_eq!(key_in(&pending).unwrap().spki_der(), again.key.spki_der());
                    }
                    assert_eq!(store.load().unwrap().unwrap().thumbprint, again.thumbprint);
                    assert_eq!(store.pairs().unwrap().len(), 1);
                    if first.is_ok() {
                        break;
                    }
                }
            }
        });
    }

    #[test]
    fn settings_survive_a_round_trip() {
        let settings = TrustSettings {
            thumbprint: "AB".repeat(20),
            in_user_store: true,
        };
        assert_eq!(TrustSettings::parse(settings.to_xml().as_bytes()), Ok(settings));
        assert!(TrustSettings::parse(b"<ConnectorTrustSettingsFile/>").is_err());
    }

    proptest! {
        #[test]
        fn blocks_survive_a_round_trip(bytes: Vec<u8>) {
            let text = pem(CERTIFICATE, &bytes);
            prop_assert_eq!(block(text.as_bytes(), CERTIFICATE).unwrap().to_vec(), bytes);
        }

        #[test]
        fn damaged_files_are_survived(bytes: Vec<u8>) {
            let _ = TrustSettings::parse(&bytes);
            let _ = key_in(&bytes);
        }
    }
}
