//! The agent registers with an access token and a certificate request, and gets its certificate (PR 4.1, PR 4.2).

use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::outcome::Outcome;
use super::xml::{Element, HisXmlError, XmlWriter};
use super::{SystemSettings, namespace};

/// `Feature` has this value whatever the feature is (PR 4.1).
const FEATURE: &str = "ApplicationProxy";
const REQUEST: &str = "RegistrationRequest";
const RESULT: &str = "RegistrationResult";

/// Body of `RegisterConnector`. No client certificate is involved; the access token travels in the body.
#[derive(Debug, Clone)]
pub struct RegistrationRequest {
    /// PKCS#10 request, DER.
    pub csr: Vec<u8>,
    /// Access token, without a "Bearer " prefix.
    pub authentication_token: SecretString,
    /// [`super::FEATURE_SYNC_FABRIC`] for a provisioning agent.
    pub feature_string: String,
    /// The machine.
    pub system_settings: SystemSettings,
    /// Version of the PowerShell module.
    pub ps_module_version: String,
    /// Tenant id.
    pub tenant_id: Uuid,
    /// Product and version.
    pub user_agent: String,
}

impl RegistrationRequest {
    /// The document, members in contract order. It contains the token.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut writer = XmlWriter::document(REQUEST, namespace::REGISTRATION);
        writer.base64("Base64Csr", &[], &self.csr);
        writer.text("AuthenticationToken", self.authentication_token.expose_secret());
        writer.nil("Base64Pkcs10Csr", &[]);
        writer.text("Feature", FEATURE);
        writer.text("FeatureString", &self.feature_string);
        writer.start("RegistrationRequestSettings", &[]);
        self.system_settings.write(
            &mut writer,
            "SystemSettingsInformation",
            Some(namespace::REGISTRATION_COMMONS),
        );
        writer.text("PSModuleVersion", &self.ps_module_version);
        self.system_settings.write(&mut writer, "SystemSettings", None);
        writer.end();
        writer.value("TenantId", self.tenant_id);
        writer.text("UserAgent", &self.user_agent);
        writer.finish()
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`HisXmlError`]; request, token, feature and tenant must be there.
    pub fn from_xml(document: &str) -> Result<Self, HisXmlError> {
        let root = Element::parse(document, REQUEST, namespace::REGISTRATION)?;
        let settings = root.child("RegistrationRequestSettings");
        let machine = settings.and_then(|settings| {
            settings
                .child("SystemSettingsInformation")
                .or_else(|| settings.child("SystemSettings"))
        });
        Ok(Self {
            csr: root
                .base64("Base64Csr")?
                .ok_or(HisXmlError::Missing { element: "Base64Csr" })?,
            authentication_token: root.required("AuthenticationToken")?.into(),
            feature_string: root.required("FeatureString")?.to_owned(),
            system_settings: SystemSettings::read(machine),
            ps_module_version: settings
                .map(|settings| settings.string("PSModuleVersion"))
                .unwrap_or_default(),
            tenant_id: root.guid("TenantId")?,
            user_agent: root.string("UserAgent"),
        })
    }
}

/// Answer of `RegisterConnector`: HTTP 200 even for a logical failure (inferred, PR 4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationResult {
    /// The issued certificate, DER.
    pub certificate: Option<Vec<u8>>,
    /// Empty when fine.
    pub error_message: String,
    /// Whether there is a certificate.
    pub is_successful: bool,
}

impl RegistrationResult {
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

    /// The document.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut writer = XmlWriter::document(RESULT, namespace::REGISTRATION);
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
        .write(&mut writer, &[]);
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
        } = Outcome::read(&Element::parse(document, RESULT, namespace::REGISTRATION)?)?;
        Ok(Self {
            certificate,
            error_message,
            is_successful,
        })
    }
}
