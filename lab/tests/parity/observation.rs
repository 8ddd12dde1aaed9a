//! What a server answered, free of everything that has to differ between two servers.

use std::fmt::Write as _;

use ldap3::{LdapResult, ResultEntry, SearchEntry, controls::RawControl};
use provlab_protocol::{dirsync::DirSyncResponse, ldap_controls::PagedResults, oid::control as oid};

use crate::mask::Masks;

/// An answer, normalised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// LDAP result code.
    pub code: u32,
    /// The number that Active Directory's diagnostics begin with.
    pub number: Option<u32>,
    /// The sub-code of a refused bind, such as `52e`.
    pub data: Option<String>,
    /// The nearest object that exists, relative to the case's unit.
    pub matched: String,
    /// Entries in the order of their names.
    pub entries: Vec<Seen>,
    /// References to other naming contexts.
    pub references: usize,
    /// What the controls of the answer say.
    pub controls: Vec<String>,
    /// The cookie of a page or of DirSync, as it came.
    pub cookie: Option<Vec<u8>>,
}

/// An entry, normalised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub dn: String,
    pub attributes: Vec<(String, Vec<String>)>,
}

/// How much of a search's answer is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Every entry, by name.
    #[default]
    Entries,
    /// Every entry, in the order in which it came.
    Ordered,
    /// The number of entries alone.
    Count,
}

/// Result codes and the Win32 errors (`ERROR_DS_…`) that say the very same.
const TRANSLATIONS: [(u32, u32); 27] = [
    (0, 0),
    (1, 0x2020),
    (2, 0x2021),
    (4, 0x2023),
    (5, 0x2025),
    (6, 0x2026),
    (10, 0x202B),
    (11, 0x2024),
    (12, 0x202C),
    (13, 0x202D),
    (16, 0x200A),
    (17, 0x200C),
    (18, 0x202E),
    (19, 0x202F),
    (20, 0x200D),
    (21, 0x200B),
    (32, 0x2030),
    (34, 0x2032),
    (50, 0x2098),
    (53, 0x2035),
    (64, 0x2037),
    (65, 0x2014),
    (66, 0x2015),
    (67, 0x2016),
    (68, 0x2071),
    (71, 0x2039),
    (80, 0x2095),
];
/// Stands for an answer that the stock client cannot read, upon which it ends the connection.
const LOST: u32 = u32::MAX;

impl Observation {
    /// Nothing that the stock client can read.
    pub fn lost() -> Self {
        Self {
            code: LOST,
            ..Self::default()
        }
    }

    /// Reads a result.
    pub fn of(result: &LdapResult, masks: &Masks) -> Self {
        let mut seen = Self {
            code: result.rc,
            number: number(&result.text),
            data: sub_code(&result.text),
            matched: masks.text(&result.matched),
            ..Self::default()
        };
        for control in &result.ctrls {
            seen.control(&control.1);
        }
        seen
    }

    fn control(&mut self, control: &RawControl) {
        let value = control.val.as_deref().unwrap_or_default();
        let (name, more, cookie) = match control.ctype.as_str() {
            oid::PAGED_RESULTS => match PagedResults::from_value(value) {
                Ok(page) => ("page", !page.cookie.is_empty(), page.cookie),
                Err(error) => return self.controls.push(format!("page: {error}")),
            },
            oid::DIRSYNC => match DirSyncResponse::from_value(value) {
                Ok(answer) => ("dirsync", answer.more_results, answer.cookie),
                Err(error) => return self.controls.push(format!("dirsync: {error}")),
            },
            other => return self.controls.push(format!("control {other}")),
        };
        self.controls
            .push(format!("{name}: {}", if more { "more" } else { "end" }));
        self.cookie = Some(cookie);
    }

    /// Takes the entries of a search in; `keep` says which belong to the case.
    pub fn take(
        &mut self,
        entries: Vec<ResultEntry>,
        masks: &Masks,
        show: Show,
        keep: impl Fn(&Seen) -> bool,
    ) {
        for entry in entries {
            if entry.is_ref() {
                self.references += 1;
                continue;
            }
            if entry.is_intermediate() {
                continue;
            }
            let seen = masks.entry(SearchEntry::construct(entry));
            if keep(&seen) {
                self.entries.push(seen);
            }
        }
        if show != Show::Ordered {
            self.entries
                .sort_by_key(|seen| (seen.dn.to_lowercase(), seen.attributes.clone()));
        }
    }

    /// Whether two servers said the same. Samba leaves the number out of many diagnostics, puts a mere translation of
    /// the result code into others, and names no nearest object: these two are compared where both say something.
    pub fn agrees(&self, other: &Self, show: Show) -> bool {
        let comparable = |seen: &Self, other: &Self| Self {
            number: other.telling_number().and(seen.telling_number()),
            matched: if other.matched.is_empty() {
                String::new()
            } else {
                seen.matched.clone()
            },
            ..seen.clone()
        };
        comparable(self, other).lines(show) == comparable(other, self).lines(show)
    }

    /// The number of the diagnostic, unless it says no more than the result code.
    fn telling_number(&self) -> Option<u32> {
        self.number
            .filter(|number| !TRANSLATIONS.contains(&(self.code, *number)))
    }

    /// The answer as the lines of a case.
    pub fn lines(&self, show: Show) -> Vec<String> {
        let mut first = code_name(self.code);
        if let Some(number) = self.number {
            let _ = write!(first, " {number:08X}");
        }
        if let Some(data) = &self.data {
            let _ = write!(first, " data {data}");
        }
        if !self.matched.is_empty() {
            let _ = write!(first, ", matched {}", self.matched);
        }
        let mut lines = vec![first];
        if show == Show::Count {
            lines.push(format!("{} entries", self.entries.len()));
        } else {
            for entry in &self.entries {
                lines.push(if entry.dn.is_empty() {
                    "\"\"".to_owned()
                } else {
                    entry.dn.clone()
                });
                for (name, values) in &entry.attributes {
                    lines.push(format!("  {name}: {}", values.join(" | ")).trim_end().to_owned());
                }
            }
        }
        if self.references > 0 {
            lines.push(format!("{} references", self.references));
        }
        lines.extend(self.controls.iter().cloned());
        lines
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = text.get(..8)?;
    let ended = text.as_bytes().get(8) == Some(&b':');
    if ended {
        u32::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

fn sub_code(text: &str) -> Option<String> {
    let after = text.split("AcceptSecurityContext error, data ").nth(1)?;
    Some(after.chars().take_while(char::is_ascii_hexdigit).collect())
}

/// The name of a result code (RFC 4511 A.1).
fn code_name(code: u32) -> String {
    let name = match code {
        0 => "success",
        1 => "operationsError",
        2 => "protocolError",
        4 => "sizeLimitExceeded",
        5 => "compareFalse",
        6 => "compareTrue",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        10 => "referral",
        11 => "adminLimitExceeded",
        12 => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        16 => "noSuchAttribute",
        17 => "undefinedAttributeType",
        18 => "inappropriateMatching",
        19 => "constraintViolation",
        20 => "attributeOrValueExists",
        21 => "invalidAttributeSyntax",
        32 => "noSuchObject",
        34 => "invalidDNSyntax",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        53 => "unwillingToPerform",
        64 => "namingViolation",
        65 => "objectClassViolation",
        66 => "notAllowedOnNonLeaf",
        67 => "notAllowedOnRDN",
        68 => "entryAlreadyExists",
        69 => "objectClassModsProhibited",
        71 => "affectsMultipleDSAs",
        80 => "other",
        LOST => "an answer that the client cannot read",
        _ => return format!("code {code}"),
    };
    name.to_owned()
}
