//! The .NET configuration file of the agent (CS 9.3).
//!
//! Administrators edit it by hand, so an edit changes its own element and leaves every other byte as it was.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use thiserror::Error;

/// Largest file that is read.
pub const MAX_CONFIG_BYTES: usize = 1024 * 1024;
/// Deepest nesting that is read.
pub const MAX_CONFIG_DEPTH: usize = 64;

/// The file as the package writes it (inferred; only its sections are documented, CS 7.4 and 9.2).
const FRESH: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <startup>
    <supportedRuntime version="v4.0" sku=".NETFramework,Version=v4.7.1" />
  </startup>
  <runtime>
    <gcConcurrent enabled="true"/>
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
    #[error(
        "the configuration file is damaged in line {line}, column {column}: {what}; repair it or delete it and run the package again"
    )]
    Malformed {
        /// Line of the place, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong there.
        what: String,
    },
}

impl AppConfigError {
    /// Damage behind so many bytes of the file.
    fn at(bytes: &[u8], offset: usize, what: &dyn std::fmt::Display) -> Self {
        let before = String::from_utf8_lossy(bytes.get(..offset).unwrap_or(bytes));
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self::Malformed {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            what: what.to_string(),
        }
    }
}

/// The file's text and what it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppConfig {
    text: String,
    proxy: Option<String>,
    fips_enforced: bool,
    /// Where `<system.net>` and `<enforceFIPSPolicy>` stand.
    system_net: Option<Range<usize>>,
    fips: Option<Range<usize>>,
    /// Where `</runtime>` begins, and where `<runtime/>` stands.
    runtime_end: Option<usize>,
    empty_runtime: Option<Range<usize>>,
    /// Where `</configuration>` begins.
    end: usize,
}

impl Default for AppConfig {
    fn default() -> Self {
        Self::parse(FRESH.as_bytes()).unwrap_or_else(|_| Self {
            text: FRESH.to_owned(),
            proxy: None,
            fips_enforced: true,
            system_net: None,
            fips: None,
            runtime_end: None,
            empty_runtime: None,
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
            .map_err(|error| AppConfigError::at(bytes, error.valid_up_to(), &"it is not UTF-8"))?;
        let mut config = Self {
            text: text.to_owned(),
            proxy: None,
            fips_enforced: true,
            system_net: None,
            fips: None,
            runtime_end: None,
            empty_runtime: None,
            end: 0,
        };
        config.scan()?;
        Ok(config)
    }

    fn scan(&mut self) -> Result<(), AppConfigError> {
        let text = self.text.clone();
        let damaged =
            |offset, what: &dyn std::fmt::Display| AppConfigError::at(text.as_bytes(), offset, what);
        let mut reader = Reader::from_str(&text);
        let mut path: Vec<String> = Vec::new();
        let mut starts: Vec<usize> = Vec::new();
        let mut closed = false;
        loop {
            let before = position(&reader);
            let event = reader.read_event();
            match event.map_err(|error| damaged(place(reader.error_position()), &error))? {
                Event::Start(start) => {
                    if path.len() == MAX_CONFIG_DEPTH {
                        return Err(AppConfigError::TooDeep);
                    }
                    path.push(name_of(&start));
                    starts.push(before);
                    check_root(&path).map_err(|what| damaged(before, &what))?;
                    self.note(&path, &start);
                }
                Event::Empty(start) => {
                    path.push(name_of(&start));
                    check_root(&path).map_err(|what| damaged(before, &what))?;
                    self.note(&path, &start);
                    self.found(&path, before..position(&reader), None);
                    path.pop();
                }
                Event::End(_) => {
                    let start = starts.pop().unwrap_or(before);
                    self.found(&path, start..position(&reader), Some(before));
                    closed |= path.len() == 1;
                    path.pop();
                }
                Event::Eof => break,
                _ => {}
            }
        }
        if closed && path.is_empty() {
            Ok(())
        } else {
            Err(damaged(text.len(), &"it ends before </configuration>"))
        }
    }

    /// Remembers where an element stands, and where its end tag begins.
    fn found(&mut self, path: &[String], whole: Range<usize>, end: Option<usize>) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match (names.as_slice(), end) {
            (["configuration"], Some(end)) => self.end = end,
            (["configuration", "system.net"], _) => self.system_net = Some(whole),
            (["configuration", "runtime"], Some(end)) => self.runtime_end = Some(end),
            (["configuration", "runtime"], None) => self.empty_runtime = Some(whole),
            (["configuration", "runtime", "enforceFIPSPolicy"], _) => self.fips = Some(whole),
            _ => {}
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

    /// The file with `<enforceFIPSPolicy enabled="…"/>` inside `configuration/runtime` (CS 7.4); all else stays as it is.
    ///
    /// # Errors
    /// When the file would become too large.
    pub fn with_fips_policy(&self, enforced: bool) -> Result<Self, AppConfigError> {
        let element = format!("<enforceFIPSPolicy enabled=\"{enforced}\"/>");
        let mut text = self.text.clone();
        match (&self.fips, self.runtime_end, &self.empty_runtime) {
            (Some(range), ..) => text.replace_range(range.clone(), &element),
            (None, Some(end), _) => text.insert_str(end, &format!("  {element}\n  ")),
            (None, None, Some(range)) => {
                text.replace_range(range.clone(), &format!("<runtime>\n    {element}\n  </runtime>"));
            }
            (None, None, None) => {
                text.insert_str(self.end, &format!("  <runtime>\n    {element}\n  </runtime>\n"));
            }
        }
        Self::parse(text.as_bytes())
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

fn check_root(path: &[String]) -> Result<(), String> {
    match path {
        [root] if root != "configuration" => Err(format!("its root is '{root}'")),
        _ => Ok(()),
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    place(reader.buffer_position())
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
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
#[allow(clippy::unwrap_used, clippy::panic)]
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
    fn the_fips_switch_is_set_where_it_belongs_and_all_else_stays() {
        assert!(AppConfig::default().enforces_fips_policy());
        let rows = [
            FRESH,
            "<configuration></configuration>",
            "<configuration><runtime/></configuration>",
            "<?xml version=\"1.0\"?>\r\n<!-- a -->\r\n<configuration>\r\n<runtime><enforceFIPSPolicy enabled='true'></enforceFIPSPolicy><x a=\"1\"/></runtime></configuration>\r\n",
            "<configuration><other><enforceFIPSPolicy enabled=\"true\"/></other></configuration>",
        ];
        for text in rows {
            let before = AppConfig::parse(text.as_bytes()).unwrap();
            let lifted = before.with_fips_policy(false).unwrap();
            assert!(!lifted.enforces_fips_policy(), "{}", lifted.text());
            let again = lifted.with_fips_policy(false).unwrap();
            assert_eq!(again, lifted, "an edit that changes nothing");
            assert!(lifted.with_fips_policy(true).unwrap().enforces_fips_policy());
            for kept in [
                "<!-- a -->\r\n",
                "<x a=\"1\"/>",
                "<other><enforceFIPSPolicy enabled=\"true\"/></other>",
            ] {
                assert_eq!(lifted.text().contains(kept), text.contains(kept), "{kept}");
            }
        }
    }

    #[test]
    fn damage_is_told_with_its_place() {
        let rows: [(&[u8], usize, usize); 5] = [
            (b"<configuration>\n  <a></b>\n</configuration>", 2, 6),
            (b"<other/>\n", 1, 1),
            (b"<configuration>\n<runtime>", 2, 10),
            (b"<configuration>\n \xff</configuration>", 2, 2),
            (b"<wrong></wrong>", 1, 1),
        ];
        for (bytes, line, column) in rows {
            match AppConfig::parse(bytes) {
                Err(AppConfigError::Malformed {
                    line: found_line,
                    column: found_column,
                    what,
                }) => assert_eq!((found_line, found_column), (line, column), "{what}"),
                other => panic!("{other:?}"),
            }
        }
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
