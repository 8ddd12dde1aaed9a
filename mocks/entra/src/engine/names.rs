//! Cloud names of a synchronized user: UserPrincipalName and MailNickName (CS 5.11).

use super::records::AssignedNames;

/// What the cloud names of a user are made from: values as the mappings gave them, and the account's own name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NameSource<'n> {
    /// `UserPrincipalName`.
    pub(super) upn: Option<&'n str>,
    /// `Alias`.
    pub(super) nickname: Option<&'n str>,
    /// `ProxyAddresses`.
    pub(super) proxy_addresses: &'n [String],
    /// `Mail`.
    pub(super) mail: Option<&'n str>,
    /// `sAMAccountName`.
    pub(super) account: Option<&'n str>,
}

/// Domains of a tenant as far as names depend on them.
pub(super) trait Domains {
    /// Whether the tenant has verified `domain`.
    fn is_verified(&self, domain: &str) -> bool;
    /// The initial domain, e.g. `contoso.onmicrosoft.com`.
    fn initial(&self) -> &str;
}

impl Domains for crate::state::Tenant {
    fn is_verified(&self, domain: &str) -> bool {
        self.owns_domain(domain)
    }
    fn initial(&self) -> &str {
        &self.initial_domain
    }
}

/// The names a user has in the cloud, given those it had.
///
/// `ad_domain` completes the UPN of an account without one, as the directory itself does (`sAMAccountName@domain`). `again` calculates the
/// UPN anew although the directory's is the same: a verified domain was added or removed.
/// Returns nothing for an account that has neither a UPN nor any name to make one from.
#[must_use]
pub(super) fn assign(
    source: &NameSource<'_>,
    had: Option<&AssignedNames>,
    domains: &dyn Domains,
    ad_domain: &str,
    again: bool,
) -> Option<AssignedNames> {
    let from_upn = match (source.upn, source.account) {
        (Some(upn), _) => upn.to_owned(),
        (None, Some(account)) => format!("{account}@{ad_domain}"),
        (None, None) => return None,
    };
    let from_nickname = source.nickname.map(str::to_owned);
    let mail_nickname = match had {
        // Later than at first only the directory's own mailNickname counts.
        Some(had) if had.from_nickname == from_nickname => had.mail_nickname.clone(),
        Some(had) => from_nickname.clone().unwrap_or_else(|| had.mail_nickname.clone()),
        None => derive_nickname(source, &from_upn),
    };
    let user_principal_name = match had {
        Some(had) if had.from_upn == from_upn && !again => had.user_principal_name.clone(),
        _ if is_usable(&from_upn, domains) => from_upn.clone(),
        _ => format!("{mail_nickname}@{}", domains.initial()),
    };
    Some(AssignedNames {
        user_principal_name,
        from_upn,
        mail_nickname,
        from_nickname,
    })
}

/// The first of: mailNickname; prefix of the primary SMTP address; of mail; of the UPN; of a secondary smtp address.
fn derive_nickname(source: &NameSource<'_>, upn: &str) -> String {
    let address = |scheme: &str| {
        source
            .proxy_addresses
            .iter()
            .find_map(|a| a.strip_prefix(scheme))
            .and_then(prefix)
    };
    source
        .nickname
        .or_else(|| address("SMTP:"))
        .or_else(|| source.mail.and_then(prefix))
        .or_else(|| prefix(upn))
        .or_else(|| address("smtp:"))
        .unwrap_or(upn)
        .to_owned()
}

fn prefix(address: &str) -> Option<&str> {
    address.split('@').next().filter(|p| !p.is_empty())
}

/// Whether a UPN is taken as it is: its suffix is verified and its prefix has only characters a cloud UPN may have.
fn is_usable(upn: &str, domains: &dyn Domains) -> bool {
    let Some((prefix, suffix)) = upn.split_once('@') else {
        return false;
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || "'.-_!#^~".contains(c);
    !prefix.is_empty()
        && !prefix.starts_with('.')
        && !prefix.ends_with('.')
        && prefix.chars().all(legal)
        && domains.is_verified(suffix)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct Contoso;

    impl Domains for Contoso {
        fn is_verified(&self, domain: &str) -> bool {
            domain.eq_ignore_ascii_case("verified.contoso.com")
        }
        fn initial(&self) -> &str {
            "contoso.onmicrosoft.com"
        }
    }

    /// Names by target attribute.
    fn names(
        values: &[(&str, &str)],
        had: Option<&AssignedNames>,
        ad_domain: &str,
        again: bool,
    ) -> Option<AssignedNames> {
        let find = |name: &str| {
            values
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| *value)
        };
        let addresses: Vec<String> = find("proxyaddresses").map(str::to_owned).into_iter().collect();
        let source = NameSource {
            upn: find("userprincipalname"),
            nickname: find("mailnickname"),
            proxy_addresses: &addresses,
            mail: find("mail"),
            account: find("samaccountname"),
        };
        assign(&source, had, &Contoso, ad_domain, again)
    }

    /// The worked examples of CS 5.11, in sequence on one user.
    #[test]
    fn worked_examples() {
        type Step = (
            &'static [(&'static str, &'static str)],
            &'static str,
            &'static str,
        );
        let steps: [Step; 5] = [
            (
                &[
                    ("proxyaddresses", "SMTP:user1@contoso.com"),
                    ("mail", "user2@contoso.com"),
                    ("userprincipalname", "user3@contoso.com"),
                ],
                "user1",
                "user1@contoso.onmicrosoft.com",
            ),
            (
                &[
                    ("mailnickname", "user4"),
                    ("proxyaddresses", "SMTP:user1@contoso.com"),
                    ("mail", "user2@contoso.com"),
                    ("userprincipalname", "user3@contoso.com"),
                ],
                "user4",
                "user1@contoso.onmicrosoft.com",
            ),
            (
                &[
                    ("mailnickname", "user4"),
                    ("proxyaddresses", "SMTP:user1@contoso.com"),
                    ("mail", "user2@contoso.com"),
                    ("userprincipalname", "user5@contoso.com"),
                ],
                "user4",
                "user4@contoso.onmicrosoft.com",
            ),
            (
                &[
                    ("mailnickname", "user4"),
                    ("proxyaddresses", "SMTP:user6@contoso.com"),
                    ("mail", "user7@contoso.com"),
                    ("userprincipalname", "user5@contoso.com"),
                ],
                "user4",
                "user4@contoso.onmicrosoft.com",
            ),
            (
                &[
                    ("mailnickname", "user4"),
                    ("proxyaddresses", "SMTP:user6@contoso.com"),
                    ("mail", "user7@contoso.com"),
                    ("userprincipalname", "user5@verified.contoso.com"),
                ],
                "user4",
                "user5@verified.contoso.com",
            ),
        ];
        let mut had = None;
        for (attributes, nickname, upn) in steps {
            let names = names(attributes, had.as_ref(), "contoso.com", false).unwrap();
            assert_eq!(
                (names.mail_nickname.as_str(), names.user_principal_name.as_str()),
                (nickname, upn)
            );
            had = Some(names);
        }
    }

    #[test]
    fn illegal_characters_and_missing_names() {
        let odd = [
            ("userprincipalname", "a b@verified.contoso.com"),
            ("mailnickname", "ab"),
        ];
        assert_eq!(
            names(&odd, None, "x", false).unwrap().user_principal_name,
            "ab@contoso.onmicrosoft.com"
        );
        let bare = [("samaccountname", "ann")];
        assert_eq!(
            names(&bare, None, "verified.contoso.com", false)
                .unwrap()
                .user_principal_name,
            "ann@verified.contoso.com"
        );
        assert!(names(&[], None, "x", false).is_none());
    }

    /// CS 5.11: when a verified domain is added, the UPN of every user is calculated again.
    #[test]
    fn a_verified_domain_makes_names_anew() {
        let values = [
            ("userprincipalname", "ann@verified.contoso.com"),
            ("mailnickname", "ann"),
        ];
        let had = AssignedNames {
            user_principal_name: "ann@contoso.onmicrosoft.com".to_owned(),
            from_upn: "ann@verified.contoso.com".to_owned(),
            mail_nickname: "ann".to_owned(),
            from_nickname: Some("ann".to_owned()),
        };
        let upn = |again| {
            names(&values, Some(&had), "x", again)
                .unwrap()
                .user_principal_name
        };
        assert_eq!(upn(false), "ann@contoso.onmicrosoft.com");
        assert_eq!(upn(true), "ann@verified.contoso.com");
    }
}
