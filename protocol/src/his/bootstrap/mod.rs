//! Every ten minutes the agent tells that it lives and learns where to listen (PR 5).

mod connectivity;
mod endpoint;
mod metrics;
mod request;
mod response;
mod retry;

pub use connectivity::{ConnectivitySettings, SignalingSettings, WebSocketSignalingSettings};
pub use endpoint::{MAX_LISTENER_ENDPOINTS, SignalingListenerEndpoint};
pub use metrics::PerformanceMetrics;
pub use request::BootstrapRequest;
pub use response::{BootstrapResponse, ConnectorLocalTraceConfig, ConnectorState};
pub use retry::RetryStrategy;

/// Path of the call (PR 5.1).
pub const BOOTSTRAP_PATH: &str = "/ConnectorBootstrap";
