//! What every part of the cloud holds: the doors, the state, the keys, the cadence.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provlab_platform::{Platform, RsaKeyPair};
use provlab_protocol::environment::{Environment, find};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::config::{Cadence, Config};
use crate::engine::Plans;
use crate::graph::{Busy, Throttle};
use crate::identity::TokenSigner;
use crate::running::StartError;
use crate::state::{Db, DbError, SecretText, SigningKey};

/// Shared by all listeners and the engine; lives in an [`Arc`].
pub struct Shared {
    /// The cloud's own doors.
    pub platform: Platform,
    /// What it was built from.
    pub config: Config,
    /// Its state.
    pub db: Db,
    /// Signs and checks access tokens.
    pub tokens: TokenSigner,
    /// Decides which Graph requests are answered with 429.
    pub throttle: Throttle,
    /// Directories that take no writes for now.
    pub busy: Busy,
    /// Compiled schemas of the jobs.
    pub plans: Plans,
    /// The agents that listen.
    pub relay: crate::relay::Hub,
    /// What self-service password reset does beside its requests.
    pub sspr: crate::sspr::Desk,
    /// Signs the certificates of agents, in every environment under the environment's own issuer name.
    pub agent_ca: RsaKeyPair,
    cadence: Mutex<Cadence>,
}

impl Shared {
    pub(crate) async fn new(platform: Platform, config: Config, db: Db) -> Result<Arc<Self>, StartError> {
        let key = stored_key(&platform, &db, "token-signing").await?;
        let agent_ca = stored_key(&platform, &db, "agent-registration-ca").await?;
        Ok(Arc::new(Self {
            tokens: TokenSigner::new(&key)?,
            throttle: Throttle::default(),
            busy: Busy::default(),
            plans: Plans::new(&config.assumptions),
            cadence: Mutex::new(config.cadence),
            relay: crate::relay::Hub::default(),
            sspr: crate::sspr::Desk::default(),
            agent_ca,
            platform,
            config,
            db,
        }))
    }

    /// Wall-clock time.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.platform.clock.wall()
    }

    /// A new random id.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.platform.entropy.uuid()
    }

    /// The environment of a tenant.
    #[must_use]
    pub fn environment(&self, tenant: Uuid) -> Option<&'static Environment> {
        self.db
            .read(|cloud| {
                cloud
                    .tenants
                    .get(tenant, &tenant.to_string())
                    .map(|row| row.environment)
            })
            .map(find)
    }

    /// A period of the product at the present cadence.
    #[must_use]
    pub fn period(&self, product: Duration) -> Duration {
        self.cadence
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .scale(product)
    }

    /// Changes the cadence for every period that begins from now on.
    pub fn set_cadence(&self, cadence: Cadence) {
        *self.cadence.lock().unwrap_or_else(PoisonError::into_inner) = cadence;
    }

    /// The private key of this name: made at first use, then kept in the store.
    ///
    /// # Errors
    /// The key cannot be made, stored or read.
    pub async fn signing_key(&self, name: &str) -> Result<RsaKeyPair, StartError> {
        stored_key(&self.platform, &self.db, name).await
    }
}

async fn stored_key(platform: &Platform, db: &Db, name: &str) -> Result<RsaKeyPair, StartError> {
    let stored = db.read(|cloud| cloud.keys.get(crate::state::GLOBAL, name).cloned());
    if let Some(row) = stored {
        let pkcs8 = Zeroizing::new(
            STANDARD
                .decode(row.pkcs8.expose())
                .map_err(|_| StartError::Key(name.to_owned()))?,
        );
        return Ok(RsaKeyPair::from_pkcs8(&pkcs8)?);
    }
    let key = platform.crypto.generate_rsa_2048().await?;
    let pkcs8 = key.to_pkcs8();
    db.write::<_, DbError>(|txn| {
        txn.put(SigningKey {
            name: name.to_owned(),
            pkcs8: SecretText::new(STANDARD.encode(&*pkcs8)),
        });
        Ok(())
    })?;
    Ok(key)
}
