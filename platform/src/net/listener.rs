//! The end that takes connections.

use async_trait::async_trait;

use super::{Endpoint, NetError, Stream};

/// What a side of the network does to take a connection.
#[async_trait]
pub(crate) trait Accept: Send + Sync {
    async fn accept(&self) -> Result<Stream, NetError>;
}

/// Takes connections until it is dropped; the address is free then.
pub struct Listener {
    local: Endpoint,
    source: Box<dyn Accept>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listener").field(&self.local).finish()
    }
}

impl Listener {
    pub(crate) fn new(local: Endpoint, source: Box<dyn Accept>) -> Self {
        Self { local, source }
    }

    /// Where it listens.
    #[must_use]
    pub fn local(&self) -> &Endpoint {
        &self.local
    }

    /// Waits for the next connection. Safe to drop and call again: no connection is lost.
    ///
    /// # Errors
    /// [`NetError`] if connections can no longer be taken; whoever serves on should count it and go on after a pause.
    pub async fn accept(&self) -> Result<Stream, NetError> {
        self.source.accept().await
    }
}
