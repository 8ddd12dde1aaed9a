//! The .NET configuration file of the agent (CS 9.3).
//!
//! Administrators edit it by hand, so an edit changes its own element and leaves every other byte as it was.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use thiserror::Error;

/// Largest file that is read.
pub const MAX_CONFIG_BYTES: usize = 1024 * 1024;
/// Deepest nesting that is read.
pub const MAX_CONFIG_DEPTH: usize = 64;

/// The file as the package writes it. The `etw` listener stands there disabled, as CS 9.2 has it (its wording is inferred).
const FRESH: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <startup>
    <supportedRuntime version="v4.0" sku=".NETFramework,Version=v4.7.1" />
  </startup>
  <runtime>
    <enforceFIPSPolicy enabled="true"/>
  </runtime>
  <system.diagnostics>
    <sources>
      <source name="AAD Connect Provisioning Agent">
        <listeners>
          <add name="console"/>
        </listeners>
      </source>
    </sources>
  </system.diagnostics>
</configuration>
"#;

/// The file cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AppConfigError {
    /// More than [`MAX_CONFIG_BYTES`].
    #[error("the configuration file has {0} bytes; the limit is {MAX_CONFIG_BYTES}")]
    TooLarge(usize),
    /// Nested deeper than [`MAX_CONFIG_DEPTH`].
    #[error("the configuration file nests deeper than {MAX_CONFIG_DEPTH} elements")]
    TooDeep,
    /// No well-formed XML with the root `configuration`.
    #[error("the configuration file is damaged: {0}; repair it or delete it and run the package again")]
    Malformed(String),
}

/// The file's text and what it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppConfig {
    text: String,
    proxy: Option<String>,
    fips_enforced: bool,
    /// Where `<system.net>` stands, and where `</configuration>` begins.
    system_net: Option<std::ops::Range<usize>>,
    end: usize,
}

impl Default for AppConfig {
    fn default() -> Self {
        Self::parse(FRESH.as_bytes()).unwrap_or_else(|_| Self {
            text: FRESH.to_owned(),
            proxy: None,
            fips_enforced: true,
            system_net: None,
            end: FRESH.len(),
        })
    }
}

impl AppConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is too large, too deep or no such file.
    pub fn parse(bytes: &[u8]) -> Result<Self, AppConfigError> {
        if bytes.len() > MAX_CONFIG_BYTES {
            return Err(AppConfigError::TooLarge(bytes.len()));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|_| AppConfigError::Malformed("it is not UTF-8".to_owned()))?;
        let mut config = Self {
            text: text.to_owned(),
            proxy: None,
            fips_enforced: true,
            system_net: None,
            end: 0,
        };
        config.scan()?;
        Ok(config)
    }

    fn scan(&mut self) -> Result<(), AppConfigError> {
        let malformed = |error: &dyn std::fmt::Display| AppConfigError::Malformed(error.to_string());
        let text = self.text.clone();
        let mut reader = Reader::from_str(&text);
        let mut path: Vec<String> = Vec::new();
        let mut net_start = 0;
        let mut closed = false;
        loop {
            let before = position(&reader);
            match reader.read_event().map_err(|error| malformed(&error))? {
                Event::Start(start) => {
                    if path.len() == MAX_CONFIG_DEPTH {
                        return Err(AppConfigError::TooDeep);
                    }
                    path.push(name_of(&start));
                    if path.len() == 1 && path[0] != "configuration" {
                        return Err(AppConfigError::Malformed(format!("its root is '{}'", path[0])));
                    }
                    if path.len() == 2 && path[1] == "system.net" {
                        net_start = before;
                    }
                    self.note(&path, &start);
                }
                Event::Empty(start) => {
                    path.push(name_of(&start));
                    self.note(&path, &start);
                    path.pop();
                }
                Event::End(_) => {
                    if path.len() == 2 && path[1] == "system.net" {
                        self.system_net = Some(net_start..position(&reader));
                    }
                    if path.len() == 1 {
                        self.end = before;
                        closed = true;
                    }
                    path.pop();
                }
                Event::Eof => break,
                _ => {}
            }
        }
        if closed && path.is_empty() {
            Ok(())
        } else {
            Err(AppConfigError::Malformed(
                "it ends before </configuration>".to_owned(),
            ))
        }
    }

    fn note(&mut self, path: &[String], start: &BytesStart<'_>) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["configuration", "system.net", "defaultProxy", "proxy"] => {
                self.proxy = attribute(start, "proxyaddress");
            }
            ["configuration", "runtime", "enforceFIPSPolicy"] => {
                self.fips_enforced =
                    attribute(start, "enabled").is_none_or(|value| !value.eq_ignore_ascii_case("false"));
            }
            _ => {}
        }
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Address of the proxy, when one is set.
    pub fn proxy_address(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// Whether the process keeps to the host's FIPS policy; `<enforceFIPSPolicy enabled="false"/>` lifts it (CS 7).
    pub fn enforces_fips_policy(&self) -> bool {
        self.fips_enforced
    }

    /// The file with this proxy in place of any other, before `</configuration>` as CS 9.3 shows it.
    ///
    /// # Errors
    /// When the address cannot stand in an attribute.
    pub fn with_proxy(&self, address: &str) -> Result<Self, AppConfigError> {
        let address = quick_xml::escape::escape(address);
        let element = format!(
            "<system.net>\n    <defaultProxy enabled=\"true\" useDefaultCredentials=\"true\">\n      \
             <proxy usesystemdefault=\"true\" proxyaddress=\"{address}\" bypassonlocal=\"true\"/>\n    \
             </defaultProxy>\n  </system.net>"
        );
        let mut text = self.text.clone();
        match &self.system_net {
            Some(range) => text.replace_range(range.clone(), &element),
            None => text.insert_str(self.end, &format!("  {element}\n")),
        }
        Self::parse(text.as_bytes())
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

fn name_of(start: &BytesStart<'_>) -> String {
    start.name().as_ref().to_owned()
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = start.try_get_attribute(name).ok().flatten()?;
    quick_xml::escape::unescape(&attribute.value)
        .ok()
        .map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_proxy_is_added_and_replaced_and_all_else_stays() {
        let edited_by_hand = FRESH.replace(
            "<startup>",
            "<!-- ours --><appSettings><add key=\"k\" value=\"v\"/></appSettings><startup>",
        );
        let config = AppConfig::parse(edited_by_hand.as_bytes()).unwrap();
        assert_eq!(config.proxy_address(), None);
        let first = config.with_proxy("http://proxy:8080").unwrap();
        let second = first.with_proxy("http://other:3128/?a=1&b=2").unwrap();
        assert_eq!(second.proxy_address(), Some("http://other:3128/?a=1&b=2"));
        assert_eq!(second.text().matches("<system.net>").count(), 1);
        assert!(second.text().contains("<!-- ours --><appSettings>"));
    }

    #[test]
    fn the_fips_switch_is_read() {
        assert!(AppConfig::default().enforces_fips_policy());
        let lifted = FRESH.replace(
            "enforceFIPSPolicy enabled=\"true\"",
            "enforceFIPSPolicy enabled=\"false\"",
        );
        assert!(
            !AppConfig::parse(lifted.as_bytes())
                .unwrap()
                .enforces_fips_policy()
        );
    }

    #[test]
    fn size_and_depth_are_bounded() {
        let nested = |depth: usize| {
            let inner = depth - 1;
            format!(
                "<configuration>{}{}</configuration>",
                "<a>".repeat(inner),
                "</a>".repeat(inner)
            )
        };
        assert!(AppConfig::parse(nested(MAX_CONFIG_DEPTH).as_bytes()).is_ok());
        assert_eq!(
            AppConfig::parse(nested(MAX_CONFIG_DEPTH + 1).as_bytes()),
            Err(AppConfigError::TooDeep)
        );
        let sized = |size: usize| format!("<configuration>{}</configuration>", " ".repeat(size - 31));
        assert!(AppConfig::parse(sized(MAX_CONFIG_BYTES).as_bytes()).is_ok());
        assert!(matches!(
            AppConfig::parse(sized(MAX_CONFIG_BYTES + 1).as_bytes()),
            Err(AppConfigError::TooLarge(_))
        ));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".*") {
            let _ = AppConfig::parse(text.as_bytes());
            let _ = AppConfig::parse(format!("<configuration>{text}</configuration>").as_bytes());
        }
    }
}
