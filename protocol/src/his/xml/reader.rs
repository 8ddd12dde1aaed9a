//! One bounded pass turns a document into a small tree that data contracts are read from in any order.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::HisXmlError;
use crate::his::namespace;

/// Longest document, in bytes. A real bootstrap response has about 10 KiB.
pub const MAX_XML_BYTES: usize = 1024 * 1024;
/// Deepest nesting.
pub const MAX_XML_DEPTH: usize = 32;
/// Most elements of a document.
pub const MAX_XML_ELEMENTS: usize = 10_000;
/// Most attributes of an element, namespace declarations included.
pub const MAX_XML_ATTRIBUTES: usize = 32;

/// One element. Text is wiped on drop: some of it is a token or a key.
#[derive(Debug)]
pub(in crate::his) struct Element {
    name: String,
    namespace: String,
    nil: bool,
    text: Zeroizing<String>,
    children: Vec<Element>,
}

impl Element {
    /// Reads a document whose root must have this name and namespace.
    pub(in crate::his) fn parse(
        document: &str,
        name: &'static str,
        namespace: &'static str,
    ) -> Result<Self, HisXmlError> {
        let root = Self::read(document)?;
        if root.name != name || root.namespace != namespace {
            return Err(HisXmlError::UnexpectedRoot {
                expected: name,
                namespace,
                found: root.name.chars().take(80).collect(),
            });
        }
        Ok(root)
    }

    fn read(document: &str) -> Result<Self, HisXmlError> {
        if document.len() > MAX_XML_BYTES {
            return Err(HisXmlError::TooLarge {
                bytes: document.len(),
            });
        }
        let mut reader = NsReader::from_str(document);
        reader.config_mut().expand_empty_elements = true;
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        let mut count = 0_usize;
        loop {
            let (resolved, event) = match reader.read_resolved_event() {
                Ok((ResolveResult::Bound(Namespace(name)), event)) => (name.to_owned(), event),
                Ok((_, event)) => (String::new(), event),
                Err(error) => {
                    return Err(HisXmlError::Syntax {
                        position: reader.error_position(),
                        detail: error.to_string(),
                    });
                }
            };
            let position = reader.buffer_position();
            let syntax = |detail: &str| HisXmlError::Syntax {
                position,
                detail: detail.to_owned(),
            };
            match event {
                Event::Start(start) => {
                    count += 1;
                    if count > MAX_XML_ELEMENTS {
                        return Err(HisXmlError::TooManyElements);
                    }
                    if open.len() >= MAX_XML_DEPTH {
                        return Err(HisXmlError::TooDeep { position });
                    }
                    if root.is_some() {
                        return Err(syntax("there is a second root element"));
                    }
                    open.push(Self {
                        name: start.local_name().as_ref().to_owned(),
                        namespace: resolved,
                        nil: is_nil(&reader, &start, position)?,
                        text: Zeroizing::default(),
                        children: Vec::new(),
                    });
                }
                Event::End(_) => {
                    let closed = open
                        .pop()
                        .ok_or_else(|| syntax("an element ends that did not begin"))?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(closed),
                        None => root = Some(closed),
                    }
                }
                Event::Text(text) => push_text(&mut open, &text.xml10_content(), position)?,
                Event::CData(text) => push_text(&mut open, &text.xml10_content(), position)?,
                Event::GeneralRef(reference) => {
                    push_text(&mut open, &resolve(&reference, position)?, position)?;
                }
                Event::DocType(_) => return Err(HisXmlError::DocumentType { position }),
                Event::Eof if open.is_empty() => return root.ok_or_else(|| syntax("there is no element")),
                Event::Eof => return Err(syntax("the document ends inside an element")),
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }

    /// All child elements.
    pub(in crate::his) fn children(&self) -> &[Self] {
        &self.children
    }

    /// Whether the element has this name.
    pub(in crate::his) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Descends by names.
    pub(in crate::his) fn path(&self, names: &[&str]) -> Option<&Self> {
        names.iter().try_fold(self, |element, name| element.child(name))
    }

    /// First child of a name, unless it is nil. Child namespaces are not compared: sources differ on them (PR 6).
    pub(in crate::his) fn child(&self, name: &str) -> Option<&Self> {
        self.children
            .iter()
            .find(|child| child.name == name)
            .filter(|child| !child.nil)
    }

    /// Text of a child without surrounding white space; none if it is absent or nil.
    pub(in crate::his) fn text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim())
    }

    /// Text of a child, empty if it is absent or nil.
    pub(in crate::his) fn string(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    /// Text of a child, none if it is absent or nil.
    pub(in crate::his) fn optional(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// Text of a child that must be there.
    pub(in crate::his) fn required(&self, element: &'static str) -> Result<&str, HisXmlError> {
        self.text(element)
            .filter(|text| !text.is_empty())
            .ok_or(HisXmlError::Missing { element })
    }

    /// A GUID that must be there.
    pub(in crate::his) fn guid(&self, element: &'static str) -> Result<Uuid, HisXmlError> {
        self.required(element)?.parse().map_err(|_| HisXmlError::Invalid {
            element,
            expected: "a GUID",
        })
    }

    /// A number; `default` if it is absent, nil or empty.
    pub(in crate::his) fn number<N: FromStr>(
        &self,
        element: &'static str,
        default: N,
    ) -> Result<N, HisXmlError> {
        match self.text(element) {
            None | Some("") => Ok(default),
            Some(text) => text.parse().map_err(|_| HisXmlError::Invalid {
                element,
                expected: "a number in range",
            }),
        }
    }

    /// An `xs:boolean`; `default` if it is absent, nil or empty.
    pub(in crate::his) fn boolean(&self, element: &'static str, default: bool) -> Result<bool, HisXmlError> {
        match self.text(element) {
            None | Some("") => Ok(default),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(_) => Err(HisXmlError::Invalid {
                element,
                expected: "'true' or 'false'",
            }),
        }
    }

    /// Base64 with line breaks allowed; none if it is absent, nil or empty.
    pub(in crate::his) fn base64(&self, element: &'static str) -> Result<Option<Vec<u8>>, HisXmlError> {
        let Some(text) = self.text(element).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let compact: String = text.split_ascii_whitespace().collect();
        BASE64
            .decode(compact)
            .map(Some)
            .map_err(|_| HisXmlError::Invalid {
                element,
                expected: "base64",
            })
    }
}

fn push_text(open: &mut [Element], text: &str, position: u64) -> Result<(), HisXmlError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim_start_matches('\u{feff}').trim().is_empty() => {}
        None => {
            return Err(HisXmlError::Syntax {
                position,
                detail: "there is text outside of the root element".to_owned(),
            });
        }
    }
    Ok(())
}

/// Character references and the five predefined entities; any other entity would need a document type.
fn resolve(reference: &BytesRef<'_>, position: u64) -> Result<String, HisXmlError> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => return Ok(character.to_string()),
        Ok(None) => {}
        Err(error) => {
            return Err(HisXmlError::Syntax {
                position,
                detail: error.to_string(),
            });
        }
    }
    quick_xml::escape::resolve_predefined_entity(reference)
        .map(str::to_owned)
        .ok_or(HisXmlError::DocumentType { position })
}

/// Looks for `i:nil="true"` and bounds the attributes on the way.
fn is_nil(reader: &NsReader<&[u8]>, start: &BytesStart<'_>, position: u64) -> Result<bool, HisXmlError> {
    let mut nil = false;
    for (index, attribute) in start.attributes().with_checks(false).enumerate() {
        if index >= MAX_XML_ATTRIBUTES {
            return Err(HisXmlError::TooManyAttributes { position });
        }
        let attribute = attribute.map_err(|error| HisXmlError::Syntax {
            position,
            detail: error.to_string(),
        })?;
        let (resolved, local) = reader.resolver().resolve_attribute(attribute.key);
        if local.as_ref() == "nil" && resolved == ResolveResult::Bound(Namespace(namespace::INSTANCE)) {
            nil = matches!(attribute.value.as_ref(), "true" | "1");
        }
    }
    Ok(nil)
}
