//! Registration and renewal answer with the same three members (PR 4.2, PR 6).

use super::HisXmlError;
use super::xml::{Element, XmlWriter};

/// `Certificate`, `ErrorMessage`, `IsSuccessful`.
pub(super) struct Outcome {
    pub(super) certificate: Option<Vec<u8>>,
    pub(super) error_message: String,
    pub(super) is_successful: bool,
}

impl Outcome {
    pub(super) fn write(&self, writer: &mut XmlWriter, attributes: &[(&str, &str)]) {
        match &self.certificate {
            Some(der) => writer.base64("Certificate", attributes, der),
            None => writer.nil("Certificate", attributes),
        }
        writer.text_with("ErrorMessage", attributes, &self.error_message);
        writer.text_with(
            "IsSuccessful",
            attributes,
            if self.is_successful { "true" } else { "false" },
        );
    }

    /// A success without a certificate is refused: there would be nothing to go on with.
    pub(super) fn read(root: &Element) -> Result<Self, HisXmlError> {
        let outcome = Self {
            certificate: root.base64("Certificate")?,
            error_message: root.string("ErrorMessage"),
            is_successful: root.boolean("IsSuccessful", false)?,
        };
        if outcome.is_successful && outcome.certificate.is_none() {
            return Err(HisXmlError::Missing {
                element: "Certificate",
            });
        }
        Ok(outcome)
    }
}
