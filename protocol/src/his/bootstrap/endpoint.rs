//! Where an agent listens, and with which key (PR 5.3).

use secrecy::{ExposeSecret as _, SecretString};

use crate::his::namespace;
use crate::his::xml::{Element, HisXmlError, XmlWriter};
use crate::sas::listener_resource;

/// Most listener endpoints of a response; the product gives four to eight.
pub const MAX_LISTENER_ENDPOINTS: usize = 64;

const LIST: &str = "SignalingListenerEndpoints";
const ITEM: &str = "SignalingListenerEndpointSettings";

/// One Service Bus endpoint. The key does not show in `Debug`.
#[derive(Debug, Clone)]
pub struct SignalingListenerEndpoint {
    /// Whether to listen there.
    pub is_available: bool,
    /// `{namespace}/{servicePath}`.
    pub name: String,
    /// For example `servicebus.windows.net`.
    pub domain: String,
    /// For example `his-eur1-weur1`.
    pub namespace: String,
    /// Whether this is the twin with WS-ReliableMessaging; its path ends in `_reliable`.
    pub reliable_session_enabled: bool,
    /// `sb`.
    pub scheme: String,
    /// `{tenantId}_{guid}` or `{tenantId}_{guid}_reliable`.
    pub service_path: String,
    /// 44 characters of base64; used as text (PR 7.2).
    pub shared_access_key: SecretString,
    /// `Connector`.
    pub shared_access_key_name: String,
}

impl SignalingListenerEndpoint {
    /// An available endpoint without reliable session.
    #[must_use]
    pub fn new(namespace: &str, domain: &str, service_path: &str, shared_access_key: SecretString) -> Self {
        Self {
            is_available: true,
            name: format!("{namespace}/{service_path}"),
            domain: domain.to_owned(),
            namespace: namespace.to_owned(),
            reliable_session_enabled: false,
            scheme: "sb".to_owned(),
            service_path: service_path.to_owned(),
            shared_access_key,
            shared_access_key_name: "Connector".to_owned(),
        }
    }

    /// Host to connect to.
    #[must_use]
    pub fn host(&self) -> String {
        format!("{}.{}", self.namespace, self.domain)
    }

    /// What the SAS token of a listener is for.
    #[must_use]
    pub fn resource(&self) -> String {
        listener_resource(&self.namespace, &self.domain, &self.service_path)
    }

    pub(super) fn write_all(endpoints: &[Self], writer: &mut XmlWriter) {
        writer.start(LIST, &[("xmlns:a", namespace::BOOTSTRAP)]);
        for endpoint in endpoints {
            writer.start(
                "a:SignalingListenerEndpointSettings",
                &[("i:type", "a:ServiceBusSignalingListenerEndpointSettings")],
            );
            writer.value("a:IsAvailable", endpoint.is_available);
            writer.text("a:Name", &endpoint.name);
            writer.text("a:Domain", &endpoint.domain);
            writer.text("a:Namespace", &endpoint.namespace);
            writer.value("a:ReliableSessionEnabled", endpoint.reliable_session_enabled);
            writer.text("a:Scheme", &endpoint.scheme);
            writer.text("a:ServicePath", &endpoint.service_path);
            writer.text("a:SharedAccessKey", endpoint.shared_access_key.expose_secret());
            writer.text("a:SharedAccessKeyName", &endpoint.shared_access_key_name);
            writer.end();
        }
        writer.end();
    }

    pub(super) fn read_all(root: &Element) -> Result<Vec<Self>, HisXmlError> {
        let Some(list) = root.child(LIST) else {
            return Ok(Vec::new());
        };
        if list.children().len() > MAX_LISTENER_ENDPOINTS {
            return Err(HisXmlError::Invalid {
                element: LIST,
                expected: "a list of at most 64 endpoints",
            });
        }
        list.children()
            .iter()
            .filter(|item| item.is(ITEM))
            .map(Self::read)
            .collect()
    }

    fn read(item: &Element) -> Result<Self, HisXmlError> {
        Ok(Self {
            is_available: item.boolean("IsAvailable", true)?,
            name: item.string("Name"),
            domain: item.required("Domain")?.to_owned(),
            namespace: item.required("Namespace")?.to_owned(),
            reliable_session_enabled: item.boolean("ReliableSessionEnabled", false)?,
            scheme: item.string("Scheme"),
            service_path: item.required("ServicePath")?.to_owned(),
            shared_access_key: item.required("SharedAccessKey")?.into(),
            shared_access_key_name: item.required("SharedAccessKeyName")?.to_owned(),
        })
    }
}
