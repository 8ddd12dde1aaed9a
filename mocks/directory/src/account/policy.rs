//! Password and lockout policy: the domain's own, or the fine-grained policy that applies to an account.

use super::attributes::{self, ATTRIBUTES};
use crate::directory::Directory;
use crate::model::{Dnt, Object};
use crate::schema::AttributeId;

/// `DOMAIN_PASSWORD_COMPLEX` of `pwdProperties`.
const PASSWORD_COMPLEX: i64 = 0x1;

/// The rules for one account. Spans are in 100 ns units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Fewest characters of a password.
    pub min_length: usize,
    /// Whether a password has to be complex.
    pub complexity: bool,
    /// How many passwords, the current one included, may not be used again.
    pub history: usize,
    /// How long a password has to be kept before its owner may change it.
    pub min_age: u64,
    /// How long a password is good, or `None` for ever.
    pub max_age: Option<u64>,
    /// How many wrong passwords lock the account; 0 never does.
    pub lockout_threshold: i64,
    /// How long a wrong password counts.
    pub lockout_window: u64,
    /// How long a lockout lasts, or `None` until an administrator ends it.
    pub lockout_duration: Option<u64>,
}

impl Policy {
    /// The policy that applies to `account`.
    #[must_use]
    pub fn of(directory: &Directory, account: &Object) -> Self {
        match resultant(directory, account) {
            Some(pso) => Self::of_settings_object(pso),
            None => directory
                .by_dn(&directory.identity().domain_dn())
                .map(Self::of_domain)
                .unwrap_or_default(),
        }
    }

    /// The policy that the head of the domain holds.
    #[must_use]
    pub fn of_domain(domain: &Object) -> Self {
        let names = &*ATTRIBUTES;
        let properties = attributes::number(domain, names.pwd_properties).unwrap_or(0);
        Self {
            min_length: count(domain, names.min_pwd_length),
            complexity: properties & PASSWORD_COMPLEX != 0,
            history: count(domain, names.pwd_history_length),
            min_age: attributes::span(domain, names.min_pwd_age).unwrap_or(0),
            max_age: limited(domain, names.max_pwd_age),
            lockout_threshold: attributes::number(domain, names.lockout_threshold).unwrap_or(0),
            lockout_window: attributes::span(domain, names.lockout_observation_window).unwrap_or(0),
            lockout_duration: limited(domain, names.lockout_duration),
        }
    }

    /// The policy that a password settings object holds.
    #[must_use]
    pub fn of_settings_object(pso: &Object) -> Self {
        let names = &*ATTRIBUTES;
        Self {
            min_length: count(pso, names.pso_min_length),
            complexity: attributes::text(pso, names.pso_complexity) == Some("TRUE"),
            history: count(pso, names.pso_history),
            min_age: attributes::span(pso, names.pso_min_age).unwrap_or(0),
            max_age: limited(pso, names.pso_max_age),
            lockout_threshold: attributes::number(pso, names.pso_lockout_threshold).unwrap_or(0),
            lockout_window: attributes::span(pso, names.pso_lockout_window).unwrap_or(0),
            lockout_duration: limited(pso, names.pso_lockout_duration),
        }
    }
}

/// A span of which zero means without limit.
fn limited(object: &Object, attribute: AttributeId) -> Option<u64> {
    attributes::span(object, attribute).filter(|ticks| *ticks != 0)
}

fn count(object: &Object, attribute: AttributeId) -> usize {
    attributes::number(object, attribute)
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(0)
}

/// The password settings object that applies to an account (MS-ADTS 3.1.1.4.5.36).
///
/// One that is linked to the account itself goes before one that is linked to a group; among equals the
/// lowest precedence wins, then the lowest GUID. Only users are subject to them, not computers.
#[must_use]
pub fn resultant<'a>(directory: &'a Directory, account: &Object) -> Option<&'a Object> {
    let is_user = attributes::has_class(account, "user") && !attributes::has_class(account, "computer");
    if !is_user {
        return None;
    }
    best(settings_of(directory, account.dnt)).or_else(|| {
        let groups = directory.groups_of(account).into_iter();
        best(groups.flat_map(|group| settings_of(directory, group)))
    })
}

fn settings_of(directory: &Directory, target: Dnt) -> impl Iterator<Item = &Object> {
    directory
        .database()
        .linked_from(target, ATTRIBUTES.pso_applies_to)
        .filter_map(|pso| directory.get(pso))
}

fn best<'a>(candidates: impl Iterator<Item = &'a Object>) -> Option<&'a Object> {
    candidates.min_by_key(|pso| {
        let precedence = attributes::number(pso, ATTRIBUTES.pso_precedence).unwrap_or(i64::MAX);
        (precedence, pso.guid.to_le_bytes())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::access::Token;
    use crate::model::{AddRequest, Attribute};
    use crate::testing::{NOW, account, context, forest};

    /// A settings object of this precedence and minimum length that applies to these accounts.
    fn add_settings(directory: &mut Directory, name: &str, precedence: &str, length: &str, to: &[&str]) {
        let targets: Vec<_> = to
            .iter()
            .map(|name| directory.dn_text(account(directory, name)))
            .collect();
        let targets: Vec<_> = targets.iter().map(String::as_str).collect();
        let container = "CN=Password Settings Container,CN=System,DC=contoso,DC=com";
        let request = AddRequest {
            dn: format!("CN={name},{container}").parse().unwrap(),
            attributes: vec![
                Attribute::new("objectClass", &["msDS-PasswordSettings"]),
                Attribute::new("msDS-PasswordSettingsPrecedence", &[precedence]),
                Attribute::new("msDS-MinimumPasswordLength", &[length]),
                Attribute::new("msDS-PasswordHistoryLength", &["5"]),
                Attribute::new("msDS-PasswordComplexityEnabled", &["FALSE"]),
                Attribute::new("msDS-PasswordReversibleEncryptionEnabled", &["FALSE"]),
                Attribute::new("msDS-MinimumPasswordAge", &["0"]),
                Attribute::new("msDS-MaximumPasswordAge", &["-50000000"]),
                Attribute::new("msDS-LockoutThreshold", &["0"]),
                Attribute::new("msDS-LockoutObservationWindow", &["-18000000000"]),
                Attribute::new("msDS-LockoutDuration", &["-18000000000"]),
                Attribute::new("msDS-PSOAppliesTo", &targets),
            ],
        };
        let mut context = context(Token::system(), NOW);
        context.entropy = context.entropy.fork(name);
        let _ = directory.add(&context, &request).unwrap();
    }

    fn min_length(directory: &Directory, name: &str) -> usize {
        Policy::of(directory, account(directory, name)).min_length
    }

    #[test]
    fn the_domain_policy_applies_without_another() {
        let directory = forest();
        let policy = Policy::of(&directory, account(&directory, "alice"));
        assert_eq!(
            (policy.min_length, policy.complexity, policy.history),
            (7, true, 24)
        );
        assert_eq!(policy.max_age, Some(42 * 864_000_000_000));
        assert_eq!(policy.lockout_threshold, 3);
    }

    #[test]
    fn the_nearest_settings_object_of_lowest_precedence_wins() {
        let mut directory = forest();
        add_settings(&mut directory, "wide", "1", "8", &["Domain Users"]);
        assert_eq!(min_length(&directory, "alice"), 8);
        add_settings(&mut directory, "own", "50", "9", &["alice"]);
        assert_eq!(
            min_length(&directory, "alice"),
            9,
            "an own one goes before a group's"
        );
        add_settings(&mut directory, "strict", "20", "10", &["alice"]);
        assert_eq!(min_length(&directory, "alice"), 10);
        assert_eq!(min_length(&directory, "Administrator"), 8);
        assert_eq!(min_length(&directory, "HOST1$"), 7, "computers have the domain's");
        let policy = Policy::of(&directory, account(&directory, "alice"));
        assert_eq!(policy.max_age, Some(50_000_000));
        assert!(!policy.complexity);
    }
}
