//! Starts the cloud on its doors and holds what runs.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use provlab_platform::crypto::CryptoError;
use provlab_platform::{Endpoint, NetError, Platform, Store};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::http::{self, HTTPS_PORT, Role};
use crate::identity::SignError;
use crate::shared::Shared;
use crate::state::{Db, DbError};
use crate::{engine, graph, his, identity, relay, seed, sspr, sweep};

/// Why the cloud does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration contradicts itself.
    #[error("the cloud's configuration is wrong: {0}")]
    Config(String),
    /// The state cannot be read or written.
    #[error(transparent)]
    State(#[from] DbError),
    /// A host name cannot be listened on.
    #[error("the cloud cannot listen: {0}")]
    Net(#[from] NetError),
    /// A key cannot be made or read.
    #[error("the cloud has no usable key: {0}")]
    Crypto(#[from] CryptoError),
    /// A stored key is damaged.
    #[error("the stored key '{0}' cannot be read; start from an empty store")]
    Key(String),
    /// The token signing key is not usable.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// The handle of a cloud; see [`Entra::control`].
#[derive(Clone)]
pub struct Entra {
    shared: Arc<Shared>,
}

impl Entra {
    /// What the parts of the cloud share.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// A cloud that runs until it is shut down or dropped.
pub struct Running {
    entra: Entra,
    tasks: JoinSet<()>,
}

impl Running {
    /// Stops every task and waits until they are gone; what was answered is stored.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Deref for Running {
    type Target = Entra;

    fn deref(&self) -> &Entra {
        &self.entra
    }
}

/// Starts a cloud: resumes from what `store` holds, adds what `config` names and the store lacks, and listens on every
/// host name of every environment.
///
/// # Errors
/// See [`StartError`].
pub async fn start(platform: Platform, config: Config, store: Arc<dyn Store>) -> Result<Running, StartError> {
    let db = Db::open(store)?;
    seed::check(&config)?;
    let shared = Shared::new(platform, config, db).await?;
    seed::plant(&shared)?;
    let mut tasks = JoinSet::new();
    let places = Arc::new(Semaphore::new(http::MAX_CONNECTIONS));
    let mut routers: BTreeMap<Role, Router> = BTreeMap::new();
    for host in http::listening_hosts() {
        let listener = shared
            .platform
            .net
            .listen(&Endpoint::new(&host.pattern, HTTPS_PORT))
            .await?;
        let router = routers
            .entry(host.role)
            .or_insert_with(|| router(host.role, &shared))
            .clone();
        tasks.spawn(http::serve(
            Arc::clone(&shared),
            Arc::new(host),
            listener,
            router,
            Arc::clone(&places),
        ));
    }
    tasks.spawn(relay::run(Arc::clone(&shared)));
    tasks.spawn(engine::run(Arc::clone(&shared)));
    tasks.spawn(sweep::run(Arc::clone(&shared)));
    tasks.spawn(sspr::run(Arc::clone(&shared)));
    tasks.spawn(sspr::run_resets(Arc::clone(&shared)));
    Ok(Running {
        entra: Entra { shared },
        tasks,
    })
}

fn router(role: Role, shared: &Arc<Shared>) -> Router {
    match role {
        Role::Login => identity::router(shared),
        Role::Graph => graph::router(shared),
        Role::Registration => his::registration_router(shared),
        Role::Bootstrap => his::bootstrap_router(shared),
        Role::Admin => his::publishing::router(shared),
        Role::TrustRenewal => his::renewal_router(shared),
        Role::Relay => relay::router(shared),
        Role::PasswordReset => sspr::router(shared),
    }
}
