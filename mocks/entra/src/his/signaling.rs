//! Where the agents of a tenant listen: two Service Bus namespaces, one path, a key each (PR 5.3, 7).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provlab_protocol::environment::Environment;
use provlab_protocol::his::bootstrap::SignalingListenerEndpoint;
use secrecy::SecretString;
use uuid::Uuid;

use super::registry::{Registry, Signaling};
use crate::shared::Shared;
use crate::state::SecretText;

/// `SharedAccessKeyName` of every endpoint.
pub const ACCESS_KEY_NAME: &str = "Connector";
/// Bytes of a `SharedAccessKey`; 44 characters of base64.
const KEY_BYTES: usize = 32;
/// Endings of the namespaces' names: one endpoint can fail and the other goes on. The second is our own name.
const REDUNDANCY: [&str; 2] = ["", "-2"];

/// A listener's key.
pub struct Endpoint {
    /// `SharedAccessKey`, whose text is the key.
    pub key: SecretString,
}

/// The namespaces of an environment.
pub fn namespaces(environment: &Environment) -> impl Iterator<Item = String> {
    REDUNDANCY
        .iter()
        .map(|ending| format!("{}{ending}", environment.service_bus_namespace))
}

fn service_path(tenant: Uuid, routing: Uuid) -> String {
    format!("{tenant}_{routing}")
}

/// The endpoints of a tenant's agents; path and keys are drawn at the first bootstrap and then stay.
pub(super) fn endpoints(
    shared: &Shared,
    environment: &Environment,
    tenant: Uuid,
    registry: &mut Registry,
) -> Vec<SignalingListenerEndpoint> {
    let signaling = registry.signaling.get_or_insert_with(|| Signaling {
        routing: shared.uuid(),
        keys: BTreeMap::new(),
    });
    let path = service_path(tenant, signaling.routing);
    let endpoint = |namespace: String| {
        let key = signaling
            .keys
            .entry(namespace.clone())
            .or_insert_with(|| new_key(shared));
        SignalingListenerEndpoint::new(
            &namespace,
            environment.service_bus_domain,
            &path,
            key.expose().to_owned().into(),
        )
    };
    namespaces(environment).map(endpoint).collect()
}

fn new_key(shared: &Shared) -> SecretText {
    let mut bytes = zeroize::Zeroizing::new([0; KEY_BYTES]);
    shared.platform.entropy.fill(bytes.as_mut());
    SecretText::new(STANDARD.encode(bytes.as_ref()))
}

/// The endpoint of a namespace and a service path, if the tenant has it.
#[must_use]
pub fn endpoint_of(shared: &Shared, tenant: Uuid, namespace: &str, path: &str) -> Option<Endpoint> {
    shared.db.read(|cloud| {
        let signaling = super::registry_of(cloud, tenant)?.signaling.as_ref()?;
        let key = signaling.keys.get(namespace)?;
        path.eq_ignore_ascii_case(&service_path(tenant, signaling.routing))
            .then(|| Endpoint {
                key: key.expose().to_owned().into(),
            })
    })
}
