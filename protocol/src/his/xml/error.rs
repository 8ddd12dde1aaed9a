//! A refused document says where and how to mend it, and never repeats its values: some are secret.

use super::reader::{MAX_XML_ATTRIBUTES, MAX_XML_BYTES, MAX_XML_DEPTH, MAX_XML_ELEMENTS};

/// Why a document of the hybrid identity service was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HisXmlError {
    /// Longer than [`MAX_XML_BYTES`].
    #[error("the XML document has {bytes} bytes, the limit is {MAX_XML_BYTES}")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Nested deeper than [`MAX_XML_DEPTH`].
    #[error("the XML document is nested deeper than {MAX_XML_DEPTH} elements at byte {position}")]
    TooDeep {
        /// Where.
        position: u64,
    },
    /// More than [`MAX_XML_ELEMENTS`].
    #[error("the XML document has more than {MAX_XML_ELEMENTS} elements")]
    TooManyElements,
    /// More than [`MAX_XML_ATTRIBUTES`] on one element.
    #[error("an XML element at byte {position} has more than {MAX_XML_ATTRIBUTES} attributes")]
    TooManyAttributes {
        /// Where.
        position: u64,
    },
    /// Not well-formed.
    #[error("the XML document is not well-formed at byte {position}: {detail}")]
    Syntax {
        /// Where.
        position: u64,
        /// What.
        detail: String,
    },
    /// Document type definitions and their entities are never read.
    #[error(
        "the XML document has a document type or an entity of its own at byte {position}; send it without"
    )]
    DocumentType {
        /// Where.
        position: u64,
    },
    /// Another document than the one expected.
    #[error("expected the root element '{expected}' of namespace '{namespace}', found '{found}'")]
    UnexpectedRoot {
        /// Expected name.
        expected: &'static str,
        /// Expected namespace.
        namespace: &'static str,
        /// Name that was found.
        found: String,
    },
    /// An element that must be there is absent or nil.
    #[error("the element '{element}' is missing or nil")]
    Missing {
        /// Its name.
        element: &'static str,
    },
    /// The text of an element is of another type.
    #[error("the element '{element}' is not {expected}")]
    Invalid {
        /// Its name.
        element: &'static str,
        /// What its text should be.
        expected: &'static str,
    },
}
