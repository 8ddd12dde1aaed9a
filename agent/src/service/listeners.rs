//! The listeners that run now, kept in step with where the cloud says to listen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use provlab_protocol::his::bootstrap::SignalingListenerEndpoint;
use secrecy::ExposeSecret;

use super::listener::{Shared, listen};
use crate::cloud::http::AbortOnDrop;

/// Running listeners by endpoint name, with the key they sign by. They end with it.
#[derive(Default)]
pub(super) struct Listeners(BTreeMap<String, (SignalingListenerEndpoint, AbortOnDrop)>);

impl Listeners {
    /// Starts listeners on new endpoints, ends those that are gone, and leaves the others alone.
    pub(super) fn keep(
        &mut self,
        shared: &Arc<Shared>,
        endpoints: &[SignalingListenerEndpoint],
        token_ttl: Duration,
    ) {
        let wanted: BTreeMap<_, _> = endpoints
            .iter()
            .filter(|endpoint| endpoint.is_available)
            .map(|endpoint| (endpoint.name.clone(), endpoint.clone()))
            .collect();
        self.0
            .retain(|name, (running, _)| wanted.get(name).is_some_and(|endpoint| same(endpoint, running)));
        for (name, endpoint) in wanted {
            self.0.entry(name).or_insert_with(|| {
                let task = tokio::spawn(listen(Arc::clone(shared), endpoint.clone(), token_ttl));
                (endpoint, AbortOnDrop(task))
            });
        }
    }
}

fn same(one: &SignalingListenerEndpoint, other: &SignalingListenerEndpoint) -> bool {
    one.host() == other.host()
        && one.service_path == other.service_path
        && one.shared_access_key_name == other.shared_access_key_name
        && one.shared_access_key.expose_secret() == other.shared_access_key.expose_secret()
}
