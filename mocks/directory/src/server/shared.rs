//! What all connections of one domain controller share: the directory and the doors to the world.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use provlab_platform::trace::{Part, field};
use provlab_platform::{Entropy, Platform, Store};
use provlab_protocol::filetime::FileTime;

use super::limits::MAX_CONNECTIONS;
use super::session::{Effect, Moment, fields};
use crate::directory::Directory;
use crate::model::Change;
use crate::persist;

pub(crate) struct Shared {
    pub(crate) platform: Platform,
    /// Names that the server's certificate is for.
    pub(crate) names: Vec<String>,
    store: Arc<dyn Store>,
    entropy: Entropy,
    directory: Mutex<Directory>,
    connections: AtomicUsize,
}

/// One of the connections that are counted; gives its place back when dropped.
pub(crate) struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    pub(crate) fn new(
        platform: Platform,
        names: Vec<String>,
        store: Arc<dyn Store>,
        directory: Directory,
    ) -> Self {
        Self {
            entropy: platform.entropy.fork("directory"),
            platform,
            names,
            store,
            directory: Mutex::new(directory),
            connections: AtomicUsize::new(0),
        }
    }

    /// A place for one more connection, or `None` where the server is full.
    pub(crate) fn place(self: &Arc<Self>) -> Option<Place> {
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(self));
        (before < MAX_CONNECTIONS).then_some(place)
    }

    /// The domain controller's time.
    pub(crate) fn now(&self) -> FileTime {
        FileTime::from_datetime(self.platform.clock.wall()).unwrap_or(FileTime::ZERO)
    }

    /// Reads the directory.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Directory, FileTime) -> T) -> T {
        work(&self.lock(), self.now())
    }

    /// Lets `work` decide, and makes durable what it commits, all before anybody else gets at the directory.
    pub(crate) fn step(&self, work: impl FnOnce(&mut Moment<'_>) -> Vec<Effect>) -> Vec<Effect> {
        let mut directory = self.lock();
        let mut moment = Moment {
            now: self.now(),
            entropy: &self.entropy,
            directory: &mut directory,
        };
        let effects = work(&mut moment);
        let mut performed = Vec::with_capacity(effects.len());
        for effect in effects {
            match effect {
                Effect::Commit { change, done, lost } => {
                    let kept = self.persist(&mut directory, change);
                    performed.push(Effect::Send(if kept { done } else { lost }));
                }
                other => performed.push(other),
            }
        }
        performed
    }

    /// Makes a change durable, or takes it back and says so in the trace.
    pub(crate) fn persist(&self, directory: &mut Directory, change: Change) -> bool {
        let stored = self.store.commit(persist::batch(directory, &change));
        let Err(error) = stored else { return true };
        directory.revert(change);
        self.report(
            "directory.store-failed",
            fields([("error", field(error.to_string()))]),
        );
        false
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Directory> {
        // Every operation is all or nothing, so a panic elsewhere leaves nothing half done.
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn entropy(&self) -> &Entropy {
        &self.entropy
    }

    pub(crate) fn report(&self, name: &str, fields: provlab_platform::trace::Fields) {
        self.platform.trace.emit(Part::Directory, name, fields);
    }
}
