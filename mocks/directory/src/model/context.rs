//! Who asks, when, and over what kind of connection.

use std::sync::Arc;

use provlab_platform::Entropy;
use provlab_protocol::filetime::FileTime;

use crate::access::Token;

/// The circumstances of one operation.
#[derive(Clone)]
pub struct Context {
    /// The identity that access is decided for.
    pub token: Arc<Token>,
    /// The domain controller's time.
    pub now: FileTime,
    /// Whether the connection is encrypted (TLS).
    pub sealed: bool,
    /// Where new GUIDs come from.
    pub entropy: Entropy,
}
