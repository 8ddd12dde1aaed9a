//! Writes elements in the order they are given, as the DataContractSerializer does: no white space between them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// A document under construction.
#[derive(Debug, Default)]
pub(in crate::his) struct XmlWriter {
    out: String,
    open: Vec<&'static str>,
}

impl XmlWriter {
    /// Begins a document: the root with its default namespace and the instance namespace.
    pub(in crate::his) fn document(root: &'static str, namespace: &str) -> Self {
        let mut writer = Self::default();
        writer.start(
            root,
            &[("xmlns", namespace), ("xmlns:i", crate::his::namespace::INSTANCE)],
        );
        writer
    }

    /// Begins an element.
    pub(in crate::his) fn start(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, ">");
        self.open.push(name);
    }

    /// Ends the innermost element.
    pub(in crate::his) fn end(&mut self) {
        if let Some(name) = self.open.pop() {
            self.out.extend(["</", name, ">"]);
        }
    }

    /// An element with text.
    pub(in crate::his) fn text(&mut self, name: &'static str, text: &str) {
        self.text_with(name, &[], text);
    }

    /// An element with attributes and text.
    pub(in crate::his) fn text_with(&mut self, name: &'static str, attributes: &[(&str, &str)], text: &str) {
        self.start(name, attributes);
        escape_into(&mut self.out, text);
        self.end();
    }

    /// An element with a number, a boolean (`true`, `false`) or a GUID.
    pub(in crate::his) fn value(&mut self, name: &'static str, value: impl std::fmt::Display) {
        self.text(name, &value.to_string());
    }

    /// An element with text, or nil.
    pub(in crate::his) fn optional(&mut self, name: &'static str, text: Option<&str>) {
        match text {
            Some(text) => self.text(name, text),
            None => self.nil(name, &[]),
        }
    }

    /// An element with base64.
    pub(in crate::his) fn base64(&mut self, name: &'static str, attributes: &[(&str, &str)], bytes: &[u8]) {
        self.text_with(name, attributes, &BASE64.encode(bytes));
    }

    /// A nil element.
    pub(in crate::his) fn nil(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.tag(name, &[&[("i:nil", "true")], attributes].concat(), "/>");
    }

    /// An element without content.
    pub(in crate::his) fn empty(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, "/>");
    }

    /// Ends every open element and gives the document.
    pub(in crate::his) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.out
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)], close: &str) {
        self.out.extend(["<", name]);
        for (key, value) in attributes {
            self.out.extend([" ", key, "=\""]);
            escape_into(&mut self.out, value);
            self.out.push('"');
        }
        self.out.push_str(close);
    }
}

/// Escapes markup and what a parser would normalize (carriage return). What XML 1.0 cannot carry becomes U+FFFD.
fn escape_into(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            '\t' | '\n' => out.push(character),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            other => out.push(other),
        }
    }
}
