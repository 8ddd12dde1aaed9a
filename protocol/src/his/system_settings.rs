//! Registration and renewal describe the machine in the same element (PR 4.1).

use super::namespace;
use super::xml::{Element, XmlWriter};

/// The machine that an agent runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemSettings {
    /// Fully qualified host name.
    pub machine_name: String,
    /// Language id, decimal: `1033`.
    pub os_language: String,
    /// Locale id, hexadecimal: `0409`.
    pub os_locale: String,
    /// Edition: `8` is Datacenter.
    pub os_sku: String,
    /// `10.0.20348` is Windows Server 2022.
    pub os_version: String,
}

impl SystemSettings {
    /// A Windows Server 2022 Datacenter, US English, as in the captures of PR 4.1.
    #[must_use]
    pub fn windows_server_2022(machine_name: &str) -> Self {
        Self {
            machine_name: machine_name.to_owned(),
            os_language: "1033".to_owned(),
            os_locale: "0409".to_owned(),
            os_sku: "8".to_owned(),
            os_version: "10.0.20348".to_owned(),
        }
    }

    pub(super) fn write(&self, writer: &mut XmlWriter, element: &'static str, namespace: Option<&str>) {
        let mut attributes = vec![("i:type", "a:SystemSettings")];
        attributes.extend(namespace.map(|namespace| ("xmlns", namespace)));
        attributes.push(("xmlns:a", namespace::SYSTEM_SETTINGS));
        writer.start(element, &attributes);
        writer.text("a:MachineName", &self.machine_name);
        writer.text("a:OsLanguage", &self.os_language);
        writer.text("a:OsLocale", &self.os_locale);
        writer.text("a:OsSku", &self.os_sku);
        writer.text("a:OsVersion", &self.os_version);
        writer.end();
    }

    /// Absent members become empty: nothing depends on them.
    pub(super) fn read(element: Option<&Element>) -> Self {
        let text = |name: &str| element.map(|element| element.string(name)).unwrap_or_default();
        Self {
            machine_name: text("MachineName"),
            os_language: text("OsLanguage"),
            os_locale: text("OsLocale"),
            os_sku: text("OsSku"),
            os_version: text("OsVersion"),
        }
    }
}
