//! The doors to the outside: network, clock, entropy, cryptographic policy, files, durable store and trace.
//!
//! Everything a component does to the world passes through a [`Platform`]. Each door has a real and a
//! simulated side, so the same component runs on sockets and real time, or on in-memory streams and
//! tokio's paused clock where one seed decides everything.

pub mod clock;
pub mod crypto;
pub mod entropy;
pub mod files;
pub mod net;
pub mod process;
pub mod sim;
pub mod store;
pub mod trace;

use std::sync::Arc;

pub use clock::Clock;
pub use crypto::{Crypto, CryptoError, CryptoPolicy, RsaKeyPair};
pub use entropy::Entropy;
pub use files::{FileLock, Files, FilesError, FilesErrorKind};
pub use net::{
    ClientIdentity, ClientTls, Endpoint, Listener, Net, NetError, NetErrorKind, Security, ServerTls, Stream,
};
pub use store::{Batch, MemoryStore, RedbStore, Store, StoreError};
pub use trace::{Event, Part, Trace, TraceLog};

/// The doors as one host sees them.
///
/// Cheap to clone: every door is shared.
#[derive(Clone)]
pub struct Platform {
    /// Fully qualified name of the host that uses these doors; it is the origin of its connections and events.
    pub host: String,
    /// Byte streams by host name.
    pub net: Arc<dyn Net>,
    /// Monotonic and wall time.
    pub clock: Clock,
    /// Random numbers.
    pub entropy: Entropy,
    /// Key generation under the host's cryptographic policy.
    pub crypto: Crypto,
    /// The host's files.
    pub files: Arc<dyn Files>,
    /// Where the host's events go.
    pub trace: Trace,
}
