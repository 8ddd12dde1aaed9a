//! Takes out of answers what has to differ between two servers, or between two runs.

use ldap3::SearchEntry;
use provlab_protocol::sid::Sid;

use crate::{observation::Seen, server::DOMAIN_DN};

/// What of a value belongs to one server or one run.
#[derive(Clone, Debug)]
pub struct Masks {
    /// The unit of the case.
    pub unit: String,
    /// The run's and the case's own part of account names.
    pub id: String,
}

/// Values that no two servers share; all but zero is masked.
const TIMES: [&str; 14] = [
    "whencreated",
    "whenchanged",
    "createtimestamp",
    "modifytimestamp",
    "pwdlastset",
    "lockouttime",
    "badpasswordtime",
    "lastlogon",
    "lastlogontimestamp",
    "dscorepropagationdata",
    "currenttime",
    "msds-userpasswordexpirytimecomputed",
    "msds-lastsuccessfulinteractivelogontime",
    "accountexpires",
];
const NUMBERS: [&str; 3] = ["usnchanged", "usncreated", "highestcommittedusn"];
/// `accountExpires` and the computed expiry of what never expires.
const NEVER: &str = "9223372036854775807";

impl Masks {
    /// An entry without what is masked, its attributes in the order of their names.
    pub fn entry(&self, entry: SearchEntry) -> Seen {
        let text = entry
            .attrs
            .into_iter()
            .map(|(name, values)| (name, values.into_iter().map(String::into_bytes).collect()));
        let mut attributes: Vec<(String, Vec<String>)> = text
            .chain(entry.bin_attrs)
            .map(|(name, values): (String, Vec<Vec<u8>>)| {
                let mut values: Vec<String> = values.iter().map(|value| self.value(&name, value)).collect();
                // The order of values says nothing, but that of classes does.
                if !name.eq_ignore_ascii_case("objectClass") {
                    values.sort();
                }
                (self.text(&name), values)
            })
            .collect();
        attributes.sort_by_key(|(name, _)| name.to_lowercase());
        Seen {
            dn: self.text(&entry.dn),
            attributes,
        }
    }

    fn value(&self, attribute: &str, value: &[u8]) -> String {
        let name = attribute.to_lowercase();
        let text = std::str::from_utf8(value).ok();
        match (name.as_str(), text) {
            ("objectguid" | "parentguid" | "msds-consistencyguid", _) if value.len() == 16 => {
                "<guid>".to_owned()
            }
            ("objectsid" | "tokengroups", _) => match Sid::from_bytes(value) {
                Ok(sid) => sids(&sid.to_string()),
                Err(_) => format!("hex:{}", hex::encode(value)),
            },
            ("ntsecuritydescriptor" | "msds-managedpassword" | "msds-managedpasswordid", _) => {
                if value.is_empty() {
                    String::new()
                } else {
                    "<binary>".to_owned()
                }
            }
            (_, Some(text)) if NUMBERS.contains(&name.as_str()) && !text.is_empty() => "<number>".to_owned(),
            (_, Some(text)) if TIMES.contains(&name.as_str()) && !matches!(text, "" | "0" | "-1" | NEVER) => {
                "<time>".to_owned()
            }
            (_, Some(text)) if !text.contains('\0') => self.text(text),
            _ => format!("hex:{}", hex::encode(value)),
        }
    }

    /// Text without what belongs to one server or one run: the unit, the domain, the run's id, GUIDs and SIDs.
    pub fn text(&self, text: &str) -> String {
        let text = text.replace(['\n', '\r'], "\\0A").replace("\\0ADEL:", "\\DEL:");
        let text = replace(&text, &format!(",{}", self.unit), "");
        let text = replace(&text, &self.unit, ".");
        let text = replace(&text, DOMAIN_DN, "{domain}");
        // Canonical names spell the shared unit out.
        let shared = self
            .unit
            .split(',')
            .nth(1)
            .and_then(|rdn| rdn.strip_prefix("OU="));
        let text = shared.map_or_else(|| text.clone(), |shared| replace(&text, shared, "parity"));
        let text = replace(&text, &self.id, "{id}");
        sids(&guids(&text))
    }
}

/// Replaces without regard to case, as names are compared.
fn replace(text: &str, what: &str, with: &str) -> String {
    let (lower, what) = (text.to_ascii_lowercase(), what.to_ascii_lowercase());
    let (mut result, mut at) = (String::new(), 0);
    while let Some(found) = lower[at..].find(&what) {
        result.push_str(&text[at..at + found]);
        result.push_str(with);
        at += found + what.len();
    }
    result.push_str(&text[at..]);
    result
}

fn guids(text: &str) -> String {
    const SHAPE: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    let is_guid = |part: &str| {
        part.len() == SHAPE.len()
            && part.bytes().zip(SHAPE.bytes()).all(|(b, shape)| {
                if shape == b'-' {
                    b == b'-'
                } else {
                    b.is_ascii_hexdigit()
                }
            })
    };
    let (mut result, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        if rest.get(..SHAPE.len()).is_some_and(is_guid) {
            result.push_str("<guid>");
            rest = &rest[SHAPE.len()..];
        } else {
            result.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    result
}

/// SIDs of the domain without what each domain draws for itself: its own part, and identifiers from 1000 on.
fn sids(text: &str) -> String {
    let (mut result, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("S-1-5-21-") {
        let end = rest[at + 4..]
            .find(|c: char| !c.is_ascii_digit() && c != '-')
            .map_or(rest.len(), |end| at + 4 + end);
        let last = rest[at..end].rsplit('-').next().unwrap_or_default();
        result.push_str(&rest[..at]);
        if last.len() == 3 {
            result.push_str(&format!("<domain>-{last}"));
        } else {
            result.push_str("<sid>");
        }
        rest = &rest[end..];
    }
    result.push_str(rest);
    result
}
