//! A mocked Microsoft Entra cloud, so that an agent can be rehearsed end to end without a tenant.
//!
//! One [`Running`] cloud serves every environment (public, US Government) and any number of tenants on the
//! host names the product uses: sign-in, Microsoft Graph, the hybrid identity service, the relay and the
//! provisioning engine behind it. It knows nothing of the agent: they meet on the wire.

pub mod assumptions;
pub mod config;
pub mod control;
pub mod engine;
pub mod expression;
pub mod graph;
pub mod his;
pub mod http;
pub mod identity;
pub mod relay;
mod running;
mod seed;
pub mod shared;
pub mod sspr;
pub mod state;
mod sweep;

pub use config::Config;
pub use control::{Command, ControlError, Reply};
pub use running::{Entra, Running, StartError, start};
pub use shared::Shared;
