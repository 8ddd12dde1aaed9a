//! Cloud names of a user (CS 5.11): they depend on what was read before, so they are a value that goes from one
//! reading to the next.

use super::{Source, Tenant};

/// The names a user has in the cloud and the values of the directory that they were made from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Names {
    /// Cloud `UserPrincipalName`.
    pub user_principal_name: String,
    /// Cloud `MailNickName`.
    pub mail_nickname: String,
    /// UPN of the directory when the cloud's was made: only a change of it makes a new one.
    from_upn: String,
    /// `mailNickname` of the directory when the cloud's was made: only a change of it makes a new one.
    from_nickname: Option<String>,
}

impl Names {
    /// The names after a reading of `source`, given those before. `None` for an account with nothing to make a name from.
    pub fn after(had: Option<&Self>, source: &Source, domain: &str, tenant: &Tenant) -> Option<Self> {
        let on_premises = upn_of(source, domain)?;
        let nickname = source.first("mailNickname").map(str::to_owned);
        let Some(had) = had else {
            let mail_nickname = first_nickname(source, &on_premises);
            return Some(Self {
                user_principal_name: cloud_upn(&on_premises, &mail_nickname, tenant),
                mail_nickname,
                from_upn: on_premises,
                from_nickname: nickname,
            });
        };
        let mut names = had.clone();
        if nickname != had.from_nickname {
            // A cleared one leaves the cloud its own (inferred).
            names.mail_nickname = nickname.clone().unwrap_or_else(|| had.mail_nickname.clone());
            names.from_nickname = nickname;
        }
        if on_premises != had.from_upn {
            names.user_principal_name = cloud_upn(&on_premises, &names.mail_nickname, tenant);
            names.from_upn = on_premises;
        }
        Some(names)
    }

    /// The names after a domain of the tenant was added or removed: every UPN is made again.
    pub fn recalculated(&self, tenant: &Tenant) -> Self {
        Self {
            user_principal_name: cloud_upn(&self.from_upn, &self.mail_nickname, tenant),
            ..self.clone()
        }
    }
}

/// An account without a UPN has the one that the directory itself gives it.
fn upn_of(source: &Source, domain: &str) -> Option<String> {
    let given = source.first("userPrincipalName").map(str::to_owned);
    given.or_else(|| {
        let account = source.first("sAMAccountName")?;
        Some(format!("{account}@{domain}"))
    })
}

fn cloud_upn(on_premises: &str, nickname: &str, tenant: &Tenant) -> String {
    if is_taken_as_it_is(on_premises, tenant) {
        on_premises.to_owned()
    } else {
        format!("{nickname}@{}", tenant.initial_domain)
    }
}

fn is_taken_as_it_is(upn: &str, tenant: &Tenant) -> bool {
    let Some((prefix, suffix)) = upn.split_once('@') else {
        return false;
    };
    let legal = |sign: char| sign.is_ascii_alphanumeric() || "'.-_!#^~".contains(sign);
    let dots = prefix.starts_with('.') || prefix.ends_with('.');
    !prefix.is_empty() && !dots && prefix.chars().all(legal) && tenant.has_verified(suffix)
}

/// The first there is: mailNickname; prefix of the primary SMTP address, of mail, of the UPN, of a secondary address.
fn first_nickname(source: &Source, upn: &str) -> String {
    let address = |scheme: &str| {
        let found = source.all("proxyAddresses").iter();
        found.filter_map(|one| one.strip_prefix(scheme)).find_map(prefix)
    };
    let candidates = [
        source.first("mailNickname"),
        address("SMTP:"),
        source.first("mail").and_then(prefix),
        prefix(upn),
        address("smtp:"),
    ];
    candidates.into_iter().flatten().next().unwrap_or(upn).to_owned()
}

fn prefix(address: &str) -> Option<&str> {
    address.split('@').next().filter(|prefix| !prefix.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::testing::{tenant, user};
    use super::*;

    /// The worked examples of CS 5.11, one after the other on one user.
    #[test]
    fn worked_examples() {
        let smtp1 = ("proxyAddresses", "SMTP:user1@contoso.com");
        let smtp6 = ("proxyAddresses", "SMTP:user6@contoso.com");
        let user4 = ("mailNickname", "user4");
        let upn = |upn| ("userPrincipalName", upn);
        let mail = |mail| ("mail", mail);
        let user2 = mail("user2@contoso.com");
        let user7 = mail("user7@contoso.com");
        let initial = "@contoso.onmicrosoft.com";
        let rows = [
            (
                vec![smtp1, user2, upn("user3@contoso.com")],
                "user1",
                format!("user1{initial}"),
            ),
            (
                vec![user4, smtp1, user2, upn("user3@contoso.com")],
                "user4",
                format!("user1{initial}"),
            ),
            (
                vec![user4, smtp1, user2, upn("user5@contoso.com")],
                "user4",
                format!("user4{initial}"),
            ),
            (
                vec![user4, smtp6, user7, upn("user5@contoso.com")],
                "user4",
                format!("user4{initial}"),
            ),
            (
                vec![user4, smtp6, user7, upn("user5@verified.contoso.com")],
                "user4",
                "user5@verified.contoso.com".to_owned(),
            ),
        ];
        let tenant = tenant(&["verified.contoso.com"]);
        let mut had = None;
        for (attributes, nickname, upn) in rows {
            let names =
                Names::after(had.as_ref(), &user("ann", &attributes), "contoso.com", &tenant).unwrap();
            assert_eq!(
                (names.mail_nickname.as_str(), names.user_principal_name.clone()),
                (nickname, upn)
            );
            had = Some(names);
        }
    }

    #[test]
    fn a_domain_that_is_verified_later_gives_users_their_own_names_back() {
        let ann = user("ann", &[("userPrincipalName", "ann@contoso.com")]);
        let before = Names::after(None, &ann, "contoso.com", &tenant(&[])).unwrap();
        assert_eq!(before.user_principal_name, "ann@contoso.onmicrosoft.com");
        let after = before.recalculated(&tenant(&["contoso.com"]));
        assert_eq!(after.user_principal_name, "ann@contoso.com");
    }
}
