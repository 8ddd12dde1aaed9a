//! Two ways in which a pattern covers a host name: a certificate's and a resolver's.

/// Whether a certificate for `pattern` is good for `host`: equal, or `*.` for exactly one label (RFC 6125).
#[must_use]
pub fn certificate_covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => host
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent)),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

/// Whether a listener or rule for `pattern` is meant when `host` is named: `*` is every host, `*.parent` everything
/// below `parent` at any depth (as a wildcard of DNS), anything else that very name.
#[must_use]
pub fn pattern_covers(pattern: &str, host: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    match pattern.strip_prefix('*') {
        Some(suffix) if suffix.starts_with('.') => host
            .len()
            .checked_sub(suffix.len())
            .and_then(|start| host.get(start..))
            .is_some_and(|end| host.len() > suffix.len() && end.eq_ignore_ascii_case(suffix)),
        _ => pattern.eq_ignore_ascii_case(host),
    }
}

/// The pattern of `patterns` that is closest to `host`: the name itself, else the longest wildcard.
pub(crate) fn closest<'a>(patterns: impl Iterator<Item = &'a str>, host: &str) -> Option<&'a str> {
    patterns
        .filter(|pattern| pattern_covers(pattern, host))
        .max_by_key(|pattern| (!pattern.starts_with('*'), pattern.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_wildcard_is_one_label() {
        assert!(certificate_covers("dc1.contoso.com", "DC1.contoso.com"));
        assert!(certificate_covers("*.contoso.com", "dc1.contoso.com"));
        assert!(!certificate_covers("*.contoso.com", "a.dc1.contoso.com"));
        assert!(!certificate_covers("*.contoso.com", "contoso.com"));
        assert!(!certificate_covers("*.contoso.com", ".contoso.com"));
    }

    #[test]
    fn a_listener_wildcard_is_any_depth_and_the_closest_wins() {
        assert!(pattern_covers(
            "*.msappproxy.net",
            "t.registration.msappproxy.net"
        ));
        assert!(!pattern_covers("*.msappproxy.net", "msappproxy.net"));
        assert!(!pattern_covers("*.msappproxy.net", "evilmsappproxy.net"));
        assert!(!pattern_covers("*.é", "aé.é\u{301}"));
        assert!(pattern_covers("*", "anything"));
        let patterns = ["*", "*.net", "*.msappproxy.net", "t.msappproxy.net"];
        assert_eq!(
            closest(patterns.into_iter(), "t.msappproxy.net"),
            Some("t.msappproxy.net")
        );
        assert_eq!(
            closest(patterns.into_iter(), "u.msappproxy.net"),
            Some("*.msappproxy.net")
        );
        assert_eq!(closest(patterns.into_iter(), "x.org"), Some("*"));
        assert_eq!(closest(["*.net"].into_iter(), "x.org"), None);
    }
}
