//! The names that go into recipes and configurations: checked, so that none can change what the text around it means.

use crate::ContainerError;

/// Longest label of a DNS name.
const MAX_LABEL_BYTES: usize = 63;

/// Longest domain name here; a host label and a dot still fit before it.
const MAX_DOMAIN_BYTES: usize = 180;

/// Longest NetBIOS name.
const MAX_NETBIOS_BYTES: usize = 15;

fn label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_LABEL_BYTES
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn check(ok: bool, what: &'static str, given: &str, rule: &'static str) -> Result<(), ContainerError> {
    match ok {
        true => Ok(()),
        false => Err(ContainerError::Name {
            what,
            given: given.chars().take(MAX_DOMAIN_BYTES).collect(),
            rule,
        }),
    }
}

/// A DNS domain of two labels or more.
pub(crate) fn domain(given: &str) -> Result<String, ContainerError> {
    let ok = given.len() <= MAX_DOMAIN_BYTES && given.split('.').count() > 1 && given.split('.').all(label);
    check(
        ok,
        "a domain",
        given,
        "use at least two labels of letters, digits and hyphens, such as contoso.lab",
    )?;
    Ok(given.to_ascii_lowercase())
}

/// A host's short name, which is also its NetBIOS name.
pub(crate) fn host(given: &str) -> Result<String, ContainerError> {
    check(
        label(given) && given.len() <= MAX_NETBIOS_BYTES,
        "a domain controller",
        given,
        "use 1 to 15 letters, digits and hyphens without a dot, such as dc1",
    )?;
    Ok(given.to_ascii_lowercase())
}

/// A domain's NetBIOS name.
pub(crate) fn netbios(given: &str) -> Result<String, ContainerError> {
    check(
        label(given) && given.len() <= MAX_NETBIOS_BYTES,
        "a NetBIOS domain name",
        given,
        "use 1 to 15 letters, digits and hyphens, such as CONTOSO",
    )?;
    Ok(given.to_ascii_uppercase())
}

/// A fully qualified host name.
pub(crate) fn fqdn(given: &str) -> Result<String, ContainerError> {
    check(
        given.split('.').count() > 1 && given.split('.').all(label) && given.len() <= MAX_DOMAIN_BYTES + 16,
        "a host",
        given,
        "use a fully qualified name of letters, digits and hyphens, such as ldap1.contoso.com",
    )?;
    Ok(given.to_ascii_lowercase())
}

/// The distinguished name that stands for a domain (RFC 2247).
pub(crate) fn suffix(domain: &str) -> String {
    domain
        .split('.')
        .map(|label| format!("dc={label}"))
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_that_could_change_a_recipe_are_refused() {
        for bad in [
            "",
            "contoso",
            "a..b",
            "con'toso.lab",
            "contoso.lab\nRUN x",
            "$(x).lab",
            "-a.lab",
            "a b.lab",
        ] {
            assert!(domain(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "dc1.contoso", "a-name-of-16-abc", "d'c", "dc 1"] {
            assert!(host(bad).is_err(), "{bad:?}");
            assert!(netbios(bad).is_err(), "{bad:?}");
        }
        assert_eq!(domain("Contoso.LAB").unwrap(), "contoso.lab");
        assert_eq!(netbios("contoso").unwrap(), "CONTOSO");
        assert_eq!(host("a-name-of-15-ab").unwrap(), "a-name-of-15-ab");
        assert!(fqdn("ldap1").is_err());
    }

    #[test]
    fn a_domain_is_a_distinguished_name() {
        assert_eq!(suffix("ad.contoso.com"), "dc=ad,dc=contoso,dc=com");
    }
}
