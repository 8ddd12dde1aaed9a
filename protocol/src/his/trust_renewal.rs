//! An agent renews its certificate by authenticating with the one that is running out (PR 6).

use super::outcome::Outcome;
use super::xml::{Element, HisXmlError, XmlWriter};
use super::{SystemSettings, namespace};

/// What follows `TrustRenewEndpoint` in the address of the call.
pub const RENEW_PATH: &str = "/RenewTrustCertificate";

const REQUEST: &str = "TrustRenewalRequest";
const RESULT: &str = "TrustRenewalResult";

/// Body of `RenewTrustCertificate`. Mutual TLS with the old certificate authenticates it; there is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustRenewalRequest {
    /// PKCS#10 request over a new key, DER.
    pub csr: Vec<u8>,
    /// The machine.
    pub system_settings: SystemSettings,
    /// Version of the agent.
    pub connector_version: String,
}

impl TrustRenewalRequest {
    /// The document, members in contract order: the base class's `Base64Csr` first, in its own namespace.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut writer = XmlWriter::document(REQUEST, namespace::TRUST_RENEWAL);
        writer.base64("Base64Csr", &[("xmlns", namespace::REGISTRATION)], &self.csr);
        writer.start("TrustRenewalRequestSettings", &[]);
        self.system_settings.write(
            &mut writer,
            "SystemSettingsInformation",
            Some(namespace::REGISTRATION_COMMONS),
        );
        writer.text("ConnectorVersion", &self.connector_version);
        writer.finish()
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`HisXmlError`]; the request must be there.
    pub fn from_xml(document: &str) -> Result<Self, HisXmlError> {
        let root = Element::parse(document, REQUEST, namespace::TRUST_RENEWAL)?;
        let settings = root.child("TrustRenewalRequestSettings");
        Ok(Self {
            csr: root
                .base64("Base64Csr")?
                .ok_or(HisXmlError::Missing { element: "Base64Csr" })?,
            system_settings: SystemSettings::read(
                settings.and_then(|settings| settings.child("SystemSettingsInformation")),
            ),
            connector_version: settings
                .map(|settings| settings.string("ConnectorVersion"))
                .unwrap_or_default(),
        })
    }
}

/// Answer of `RenewTrustCertificate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustRenewalResult {
    /// The issued certificate, DER.
    pub certificate: Option<Vec<u8>>,
    /// Empty when fine.
    pub error_message: String,
    /// Whether there is a certificate.
    pub is_successful: bool,
}

impl TrustRenewalResult {
    /// A success.
    #[must_use]
    pub fn success(certificate: Vec<u8>) -> Self {
        Self {
            certificate: Some(certificate),
            error_message: String::new(),
            is_successful: true,
        }
    }

    /// A logical failure.
    #[must_use]
    pub fn failure(error_message: &str) -> Self {
        Self {
            certificate: None,
            error_message: error_message.to_owned(),
            is_successful: false,
        }
    }

    /// The document; its members carry the base class's namespace (inferred, PR 6).
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut writer = XmlWriter::document(RESULT, namespace::TRUST_RENEWAL);
        let Self {
            certificate,
            error_message,
            is_successful,
        } = self.clone();
        Outcome {
            certificate,
            error_message,
            is_successful,
        }
        .write(&mut writer, &[("xmlns", namespace::REGISTRATION)]);
        writer.finish()
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`HisXmlError`]; a success must have a certificate.
    pub fn from_xml(document: &str) -> Result<Self, HisXmlError> {
        let Outcome {
            certificate,
            error_message,
            is_successful,
        } = Outcome::read(&Element::parse(document, RESULT, namespace::TRUST_RENEWAL)?)?;
        Ok(Self {
            certificate,
            error_message,
            is_successful,
        })
    }
}
