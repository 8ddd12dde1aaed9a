//! The little of XML that data contracts need, with every bound in one place.

mod error;
mod reader;
mod writer;

pub use error::HisXmlError;
pub use reader::{MAX_XML_ATTRIBUTES, MAX_XML_BYTES, MAX_XML_DEPTH, MAX_XML_ELEMENTS};

pub(in crate::his) use reader::Element;
pub(in crate::his) use writer::XmlWriter;
