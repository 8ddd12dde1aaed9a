//! Controls by name.

use ldap3::controls::RawControl;
use provlab_protocol::{
    dirsync::{DirSyncFlags, DirSyncRequest},
    ldap_controls::PagedResults,
    oid::control as oid,
};

/// Controls without a value, or with one that a case writes in hexadecimal.
const NAMES: [(&str, &str); 15] = [
    ("show-deleted", oid::SHOW_DELETED),
    ("show-recycled", oid::SHOW_RECYCLED),
    ("show-deactivated-link", oid::SHOW_DEACTIVATED_LINK),
    ("sd-flags", oid::SD_FLAGS),
    ("extended-dn", oid::EXTENDED_DN),
    ("domain-scope", oid::DOMAIN_SCOPE),
    ("search-options", oid::SEARCH_OPTIONS),
    ("tree-delete", oid::TREE_DELETE),
    ("permissive-modify", oid::PERMISSIVE_MODIFY),
    ("policy-hints", oid::POLICY_HINTS),
    ("policy-hints-deprecated", oid::POLICY_HINTS_DEPRECATED),
    ("sort", "1.2.840.113556.1.4.473"),
    ("asq", "1.2.840.113556.1.4.1504"),
    ("notification", "1.2.840.113556.1.4.528"),
    ("relax", "1.3.6.1.4.1.4203.666.5.12"),
];

/// Reads `NAME [ARGUMENTS]`: `paged SIZE`, `dirsync FLAGS MAX`, or a name or number and a value in hexadecimal.
/// The word `junk` at the end of the first two puts a cookie that no server gave, `first` the oldest of the case.
pub fn control(text: &str, critical: bool, cookie: &[u8]) -> Result<RawControl, String> {
    let mut words = text.split(' ');
    let name = words.next().unwrap_or_default();
    let arguments: Vec<&str> = words.collect();
    let number = |at: usize| -> Result<u32, String> {
        let word = arguments.get(at).ok_or(format!("{text}: a number is missing"))?;
        let parsed = match word.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => word.parse(),
        };
        parsed.map_err(|_| format!("{text}: {word} is no number"))
    };
    let cookie = match arguments.last() {
        Some(&"junk") => b"not a cookie of this server".to_vec(),
        Some(&"fresh") => Vec::new(),
        _ => cookie.to_vec(),
    };
    let (ctype, val) = match name {
        "paged" => {
            let value = PagedResults {
                size: number(0)?,
                cookie,
            };
            (oid::PAGED_RESULTS, Some(value.to_value()))
        }
        "dirsync" => {
            let value = DirSyncRequest {
                flags: DirSyncFlags(number(0)?),
                max_bytes: number(1)?,
                cookie,
            };
            (oid::DIRSYNC, Some(value.to_value()))
        }
        _ => {
            let known = NAMES.iter().find(|(known, _)| *known == name);
            let value = arguments.first().map(hex::decode).transpose();
            (
                known.map_or(name, |(_, oid)| oid),
                value.map_err(|error| format!("{text}: {error}"))?,
            )
        }
    };
    Ok(RawControl {
        ctype: ctype.to_owned(),
        crit: critical,
        val,
    })
}

/// Whether the answer to a control brings a cookie to go on with.
pub fn gives_cookie(control: &RawControl) -> bool {
    [oid::PAGED_RESULTS, oid::DIRSYNC].contains(&control.ctype.as_str())
}
