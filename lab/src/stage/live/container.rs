//! What every directory in a container shares, whichever product serves it: power, the watch over its life, its log, and
//! its removal.

use std::{cell::RefCell, ops::Deref, rc::Rc, time::Duration};

use provlab_containers::{ContainerError, Server};
use tokio::time::timeout;

use crate::world::{Power, WorldError};

/// How long the engine may take to give a log.
const LOG_LIMIT: Duration = Duration::from_secs(5);

/// The container of a domain: a `Samba` or an `OpenLdap`.
pub(super) struct Container<T> {
    /// Empty after the end.
    server: RefCell<Option<Rc<T>>>,
    domain: String,
}

impl<T: Deref<Target = Server> + Into<Server>> Container<T> {
    /// The container that serves `domain`.
    pub(super) fn new(server: T, domain: &str) -> Self {
        Self {
            server: RefCell::new(Some(Rc::new(server))),
            domain: domain.to_owned(),
        }
    }

    /// The running server.
    ///
    /// # Errors
    /// If it has been removed.
    pub(super) fn server(&self) -> Result<Rc<T>, WorldError> {
        let server = self.server.borrow().clone();
        server.ok_or_else(|| WorldError::Lab("the container has been removed".into()))
    }

    /// Pauses, resumes, stops or starts it.
    ///
    /// # Errors
    /// If the engine refuses, or the server does not come back.
    pub(super) async fn power(&self, power: Power) -> Result<(), WorldError> {
        let server = self.server()?;
        let done = match power {
            Power::Pause => server.pause().await,
            Power::Resume => server.unpause().await,
            Power::Stop => server.kill().await,
            Power::Start => server.start().await,
        };
        done.map_err(|error| self.failed(&error))
    }

    /// Returns when the container has ended without having been told to.
    pub(super) async fn broken(&self) -> WorldError {
        match self.server() {
            Ok(server) => self.failed(&server.died().await),
            Err(_) => std::future::pending().await,
        }
    }

    /// Puts the last lines of its log into the trace.
    pub(super) async fn trace_log(&self) {
        if let Ok(server) = self.server() {
            let _ = timeout(LOG_LIMIT, server.trace_log()).await;
        }
    }

    /// Removes it.
    pub(super) async fn close(&self) {
        let server = self.server.borrow_mut().take();
        // Whoever still uses it removes it by letting go.
        let Some(server) = server.and_then(Rc::into_inner) else {
            return;
        };
        let server: Server = server.into();
        if let Err(error) = server.remove().await {
            eprintln!("{}", self.failed(&error));
        }
    }

    fn failed(&self, error: &ContainerError) -> WorldError {
        WorldError::Process {
            name: format!("the directory of {}", self.domain),
            detail: error.to_string(),
        }
    }
}
