//! Cloud names of a synchronized object: source anchor, UserPrincipalName and MailNickName (CS 5.11).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::records::{AssignedNames, SourceRecord};

/// The source anchor: `mS-DS-ConsistencyGuid` if populated, else objectGUID; base64 of the 16 stored bytes (PR 15.4).
#[must_use]
pub(super) fn source_anchor(record: &SourceRecord) -> String {
    let consistency = record
        .first("ms-ds-consistencyguid")
        .and_then(|text| STANDARD.decode(text).ok())
        .filter(|bytes| bytes.len() == 16)
        .map(|bytes| STANDARD.encode(bytes));
    consistency.unwrap_or_else(|| STANDARD.encode(record.guid.to_bytes_le()))
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
/// `ad_domain` completes the UPN of an account without one, as the directory itself does (`sAMAccountName@domain`).
/// Returns nothing for an account that has neither a UPN nor any name to make one from.
#[must_use]
pub(super) fn assign(
    record: &SourceRecord,
    had: Option<&AssignedNames>,
    domains: &dyn Domains,
    ad_domain: &str,
) -> Option<AssignedNames> {
    let from_upn = match (record.first("userprincipalname"), record.first("samaccountname")) {
        (Some(upn), _) => upn.to_owned(),
        (None, Some(account)) => format!("{account}@{ad_domain}"),
        (None, None) => return None,
    };
    let from_nickname = record.first("mailnickname").map(str::to_owned);
    let mail_nickname = match had {
        // Later than at first only the directory's own mailNickname counts.
        Some(had) if had.from_nickname == from_nickname => had.mail_nickname.clone(),
        Some(had) => from_nickname.clone().unwrap_or_else(|| had.mail_nickname.clone()),
        None => derive_nickname(record, &from_upn),
    };
    let user_principal_name = match had {
        Some(had) if had.from_upn == from_upn => had.user_principal_name.clone(),
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
fn derive_nickname(record: &SourceRecord, upn: &str) -> String {
    let address = |scheme: &str| {
        record
            .all("proxyaddresses")
            .iter()
            .find_map(|a| a.strip_prefix(scheme))
            .and_then(prefix)
    };
    record
        .first("mailnickname")
        .or_else(|| address("SMTP:"))
        .or_else(|| record.first("mail").and_then(prefix))
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
    use uuid::Uuid;

    use super::super::records::ObjectKind;
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

    fn record(attributes: &[(&str, &str)]) -> SourceRecord {
        SourceRecord {
            tenant: Uuid::nil(),
            job: String::new(),
            guid: Uuid::from_u128(0x1122_3344_5566_7788_99aa_bbcc_ddee_ff00),
            kind: ObjectKind::User,
            generation: 1,
            attributes: attributes
                .iter()
                .map(|(k, v)| ((*k).to_owned(), vec![(*v).to_owned()]))
                .collect(),
            deleted: false,
            in_scope: true,
            target: None,
            escrow: None,
        }
    }

    #[test]
    fn anchor_is_the_guid_as_stored() {
        assert_eq!(source_anchor(&record(&[])), "RDMiEWZViHeZqrvM3e7/AA==");
        let consistent = record(&[("ms-ds-consistencyguid", "AAAAAAAAAAAAAAAAAAAAAQ==")]);
        assert_eq!(source_anchor(&consistent), "AAAAAAAAAAAAAAAAAAAAAQ==");
        assert_eq!(
            source_anchor(&record(&[("ms-ds-consistencyguid", "AAAA")])),
            "RDMiEWZViHeZqrvM3e7/AA=="
        );
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
            let names = assign(&record(attributes), had.as_ref(), &Contoso, "contoso.com").unwrap();
            assert_eq!(
                (names.mail_nickname.as_str(), names.user_principal_name.as_str()),
                (nickname, upn)
            );
            had = Some(names);
        }
    }

    #[test]
    fn illegal_characters_and_missing_names() {
        let odd = record(&[
            ("userprincipalname", "a b@verified.contoso.com"),
            ("mailnickname", "ab"),
        ]);
        assert_eq!(
            assign(&odd, None, &Contoso, "x").unwrap().user_principal_name,
            "ab@contoso.onmicrosoft.com"
        );
        let bare = record(&[("samaccountname", "ann")]);
        assert_eq!(
            assign(&bare, None, &Contoso, "verified.contoso.com")
                .unwrap()
                .user_principal_name,
            "ann@verified.contoso.com"
        );
        assert!(assign(&record(&[]), None, &Contoso, "x").is_none());
    }
}
