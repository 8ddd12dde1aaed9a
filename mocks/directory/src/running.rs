//! A running domain controller: listeners, connections, and the way to stop them.

use std::ops::Deref;
use std::sync::Arc;

use provlab_platform::net::Endpoint;
use provlab_platform::{Listener, NetError, Platform, Store, StoreError, Stream};
use provlab_protocol::dcerpc::endpoint_mapper;
use provlab_protocol::filetime::FileTime;
use thiserror::Error;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::control::Handle;
use crate::directory::{Directory, LdapError};
use crate::persist::{self, PersistError};
use crate::rpc;
use crate::server::Service;
use crate::server::connection;
use crate::server::shared::Shared;

/// What is served where: port, service, and whether TLS comes first.
const PORTS: [(u16, Service, bool); 4] = [
    (389, Service::Directory, false),
    (636, Service::Directory, true),
    (3268, Service::GlobalCatalog, false),
    (3269, Service::GlobalCatalog, true),
];

/// The remote procedure calls that are served where.
const RPC_PORTS: [(u16, rpc::Service); 2] = [
    (endpoint_mapper::PORT, rpc::Service::EndpointMapper),
    (rpc::DRSUAPI_PORT, rpc::Service::Replication),
];

/// Why a domain controller cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The forest cannot be built as configured.
    #[error("cannot build the forest: {0}")]
    Forest(#[from] LdapError),
    /// The store cannot be written.
    #[error("cannot write the directory's store: {0}")]
    Store(#[from] StoreError),
    /// The store cannot be read, or holds something else than a directory.
    #[error("cannot read the directory's store: {0}")]
    Rows(#[from] PersistError),
    /// A port cannot be listened on.
    #[error("cannot listen: {0}")]
    Net(#[from] NetError),
}

/// A domain controller that is being served. Dropping it ends every connection at once.
pub struct Running {
    handle: Handle,
    tasks: JoinSet<()>,
}

impl Deref for Running {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Running {
    /// A handle of its own, which stays good for as long as the directory is needed.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops listening and ends every connection. What was answered is durable already.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Starts the domain controller of `config`: builds its forest, or goes on with the one in `store`.
///
/// It listens under the name of every domain controller and of the domain itself, for LDAP (389), LDAPS (636),
/// the global catalog (3268, 3269), the endpoint mapper (135) and replication ([`rpc::DRSUAPI_PORT`]). All state is in `store` before anything that depends on it is answered.
///
/// # Errors
/// The forest cannot be built, the store cannot be used, or a name is taken.
pub async fn start(platform: Platform, config: Config, store: Arc<dyn Store>) -> Result<Running, StartError> {
    let now = FileTime::from_datetime(platform.clock.wall()).unwrap_or(FileTime::ZERO);
    let directory = open(&platform, &config, store.as_ref(), now)?;
    let mut names = directory.identity().domain_controllers.clone();
    names.push(directory.identity().domain.clone());
    let shared = Arc::new(Shared::new(platform, names.clone(), store, directory));
    let mut tasks = JoinSet::new();
    for name in &names {
        for (port, service, tls) in PORTS {
            let at = Endpoint::new(name.as_str(), port);
            let listener = shared.platform.net.listen(&at).await?;
            tasks.spawn(accept(Arc::clone(&shared), listener, move |shared, stream| {
                connection::serve(shared, stream, service, tls)
            }));
        }
        for (port, service) in RPC_PORTS {
            let at = Endpoint::new(name.as_str(), port);
            let listener = shared.platform.net.listen(&at).await?;
            tasks.spawn(accept(Arc::clone(&shared), listener, move |shared, stream| {
                rpc::connection::serve(shared, stream, service)
            }));
        }
    }
    Ok(Running {
        handle: Handle::new(shared),
        tasks,
    })
}

fn open(
    platform: &Platform,
    config: &Config,
    store: &dyn Store,
    now: FileTime,
) -> Result<Directory, StartError> {
    if let Some(directory) = persist::load(store)? {
        return Ok(directory);
    }
    let directory = crate::naming::build(config, now, &platform.entropy.fork("forest"))?;
    store.commit(persist::whole(&directory))?;
    Ok(directory)
}

/// Accepts connections until the listener fails, as it does when its host is killed.
async fn accept<S, F>(shared: Arc<Shared>, listener: Listener, serve: S)
where
    S: Fn(Arc<Shared>, Stream) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => match accepted {
                Ok(stream) => {
                    let shared = Arc::clone(&shared);
                    connections.spawn(serve(shared, stream));
                }
                Err(_) => return,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
