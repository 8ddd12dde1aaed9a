//! One user of the directory: found by the source anchor, judged, written (PR 16.1, 16.4, CS 8.3).

use provlab_protocol::dn::Dn;
use provlab_protocol::guid::Guid;
use provlab_protocol::immutable_id::ImmutableId;
use provlab_protocol::ldap_controls::{Control, PolicyHints};
use provlab_protocol::oid;
use provlab_protocol::uac::UserAccountControl;
use provlab_protocol::unicode_pwd;
use provlab_protocol::writeback::{Action, Failure, FailureCode};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroize as _;

use crate::directory::ldap::{Change, ChangeKind, Entry, Filter, LdapConnection, LdapError, Scope, Search};

const CONSISTENCY_GUID: &str = "mS-DS-ConsistencyGuid";
const COMPUTED: &str = "msDS-User-Account-Control-Computed";
const ATTRIBUTES: [&str; 5] = [
    "objectGUID",
    CONSISTENCY_GUID,
    "userAccountControl",
    COMPUTED,
    "lockoutTime",
];
const PASSWORD: &str = "unicodePwd";
const LOCKOUT_TIME: &str = "lockoutTime";
const PASSWORD_TIME: &str = "pwdLastSet";
/// What the name of an organizational unit must not have (CS 8.3).
const SPECIAL: [char; 10] = [',', '+', '"', '\\', '<', '>', ';', '\n', '\r', '='];

/// A user as the directory has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) dn: String,
    flags: UserAccountControl,
    computed: UserAccountControl,
    /// Whether `lockoutTime` says that the account was locked.
    pub(super) was_locked: bool,
}

/// The one user with this anchor.
///
/// # Errors
/// `Ok(Err(_))`: none or several have it. `Err(_)`: the directory did not answer.
pub(super) async fn find(
    connection: &mut LdapConnection,
    root: &Dn,
    anchor: ImmutableId,
) -> Result<Result<Account, Failure>, LdapError> {
    let bytes = anchor.guid().to_le_bytes();
    let search = Search {
        base: root.to_string(),
        scope: Scope::Subtree,
        filter: Filter::And(vec![
            Filter::equal("objectClass", "user"),
            Filter::Or(vec![
                Filter::equal(CONSISTENCY_GUID, bytes),
                Filter::equal("objectGUID", bytes),
            ]),
        ]),
        attributes: ATTRIBUTES.map(str::to_owned).to_vec(),
    };
    let mut found = connection.search(&search).await?;
    found.retain(|entry| anchor_of(entry) == Some(anchor));
    Ok(match (found.pop(), found.len()) {
        (Some(entry), 0) => Ok(Account::of(entry)),
        (Some(_), more) => Err(Failure::new(
            FailureCode::MultipleMatches,
            format!("{} users have the source anchor {anchor}", more + 1),
        )),
        (None, _) => Err(Failure::new(
            FailureCode::UserNotFound,
            format!("no user has the source anchor {anchor}"),
        )),
    })
}

/// `ms-DS-ConsistencyGuid`, else `objectGUID` (PR 15.4): a user that has the first is no match by the second.
fn anchor_of(entry: &Entry) -> Option<ImmutableId> {
    let guid = |name| entry.first(name).and_then(Guid::from_le_slice);
    guid(CONSISTENCY_GUID)
        .or_else(|| guid("objectGUID"))
        .map(ImmutableId::from)
}

impl Account {
    fn of(entry: Entry) -> Self {
        let flags = |name| {
            let value = entry.text(name).and_then(UserAccountControl::from_ldap);
            value.unwrap_or_default()
        };
        Self {
            flags: flags("userAccountControl"),
            computed: flags(COMPUTED),
            was_locked: entry.text(LOCKOUT_TIME).is_some_and(|time| time != "0"),
            dn: entry.dn,
        }
    }

    /// What is refused before the directory is asked to write.
    ///
    /// # Errors
    /// A disabled account, except for an administrator; a locked one whose password would be tried (both inferred); a unit whose
    /// name the product stumbles over (CS 8.3).
    pub(super) fn check(&self, action: &Action) -> Result<(), Failure> {
        if let Some(unit) = self.strange_unit() {
            return Err(Failure::new(
                FailureCode::AdUnknown,
                format!("the name of the organizational unit '{unit}' has a special character; rename it"),
            ));
        }
        if self.flags.is_disabled() && !matches!(action, Action::AdminReset { .. }) {
            return Err(Failure::new(
                FailureCode::AccountDisabled,
                "the account is disabled",
            ));
        }
        let locked = self.computed.contains(UserAccountControl::LOCKOUT);
        if locked && action.old_password().is_some() {
            return Err(Failure::new(
                FailureCode::AccountLockedOut,
                "the account is locked out",
            ));
        }
        Ok(())
    }

    fn strange_unit(&self) -> Option<String> {
        let dn: Dn = self.dn.parse().ok()?;
        let mut units = dn.rdns().iter().skip(1);
        let strange = |name: &str| name.contains(SPECIAL) || name.starts_with(['#', ' ']);
        units
            .find(|unit| strange(unit.value()))
            .map(|unit| unit.value().to_owned())
    }

    /// What an action writes.
    fn changes(&self, action: &Action) -> Vec<Change> {
        let password = |kind, password: &SecretString| Change {
            kind,
            attribute: PASSWORD.to_owned(),
            values: vec![unicode_pwd::encode(password.expose_secret()).to_vec()],
        };
        let set = |attribute: &str, value: &str| Change {
            kind: ChangeKind::Replace,
            attribute: attribute.to_owned(),
            values: vec![value.as_bytes().to_vec()],
        };
        match action {
            Action::SelfServiceReset { new } => {
                vec![password(ChangeKind::Replace, new), set(LOCKOUT_TIME, "0")]
            }
            Action::VoluntaryChange { old, new } | Action::ForcedChange { old, new } => {
                vec![password(ChangeKind::Delete, old), password(ChangeKind::Add, new)]
            }
            // "Password never expires" keeps the user from having to change it (CS 8.3).
            Action::AdminReset { new } if self.flags.password_never_expires() => {
                vec![password(ChangeKind::Replace, new)]
            }
            Action::AdminReset { new } => {
                vec![password(ChangeKind::Replace, new), set(PASSWORD_TIME, "0")]
            }
            Action::Unlock => vec![set(LOCKOUT_TIME, "0")],
        }
    }

    /// Writes, in one request.
    ///
    /// # Errors
    /// The server's refusal, or loss of the connection: then the write may have been done.
    pub(super) async fn write(
        &self,
        connection: &mut LdapConnection,
        action: &Action,
        hints: Option<&str>,
    ) -> Result<(), LdapError> {
        let mut changes = self.changes(action);
        let controls: Vec<Control> = hints
            .filter(|_| action.new_password().is_some())
            .map(|oid| Control::new(oid, false).with_value(PolicyHints::ENFORCE_HISTORY.to_value()))
            .into_iter()
            .collect();
        let written = connection.modify(&self.dn, &changes, &controls).await;
        for value in changes.iter_mut().flat_map(|change| &mut change.values) {
            value.zeroize();
        }
        written
    }
}

/// The policy-hints control that a server knows: with it a reset obeys history and minimum age too (CS 8.2). The documents name the
/// older number first.
pub(super) fn policy_hints(root_dse: &Entry) -> Option<&'static str> {
    let known = root_dse.values("supportedControl");
    [oid::control::POLICY_HINTS_DEPRECATED, oid::control::POLICY_HINTS]
        .into_iter()
        .find(|oid| known.iter().any(|value| value == oid.as_bytes()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::ldap::Attribute;

    fn entry(dn: &str, more: &[(&str, &str)]) -> Entry {
        Entry {
            dn: dn.to_owned(),
            attributes: more
                .iter()
                .map(|(name, value)| Attribute::text(name, &[value]))
                .collect(),
        }
    }

    fn reset() -> Action {
        Action::SelfServiceReset {
            new: "N3w-P@ss!".into(),
        }
    }

    fn change() -> Action {
        Action::VoluntaryChange {
            old: "Old-P@ss1".into(),
            new: "N3w-P@ss!".into(),
        }
    }

    fn admin() -> Action {
        Action::AdminReset {
            new: "N3w-P@ss!".into(),
        }
    }

    fn refusal(account: &Account, action: &Action) -> Option<u32> {
        account.check(action).err().map(|failure| failure.code.number())
    }

    #[test]
    fn the_consistency_guid_goes_before_the_object_guid() {
        let guid = Guid::from_u128(7);
        let mut found = entry("CN=a", &[]);
        let own = Attribute::binary("objectGUID", guid.to_le_bytes().to_vec());
        found.attributes.push(own);
        assert_eq!(anchor_of(&found), Some(guid.into()));
        let other = Guid::from_u128(8);
        let written = Attribute::binary(CONSISTENCY_GUID, other.to_le_bytes().to_vec());
        found.attributes.push(written);
        assert_eq!(anchor_of(&found), Some(other.into()));
    }

    #[test]
    fn a_state_of_the_account_is_told_by_its_code() {
        let dn = "CN=Ada,OU=Staff,DC=contoso,DC=com";
        let plain = Account::of(entry(dn, &[("userAccountControl", "512")]));
        assert_eq!(refusal(&plain, &reset()), None);
        let disabled = Account::of(entry(dn, &[("userAccountControl", "514")]));
        assert_eq!(refusal(&disabled, &reset()), Some(33_005));
        assert_eq!(refusal(&disabled, &Action::Unlock), Some(33_005));
        assert_eq!(refusal(&disabled, &admin()), None);
        let locked = Account::of(entry(
            dn,
            &[
                ("userAccountControl", "512"),
                (COMPUTED, "16"),
                (LOCKOUT_TIME, "1"),
            ],
        ));
        assert!(locked.was_locked);
        assert_eq!(refusal(&locked, &change()), Some(33_006));
        assert_eq!(refusal(&locked, &reset()), None);
        let zero = Account::of(entry(dn, &[(LOCKOUT_TIME, "0")]));
        assert!(!zero.was_locked);
    }

    #[test]
    fn units_with_special_characters_are_refused_as_the_product_does() {
        for (dn, refused) in [
            (r"CN=Ada\, King,OU=Staff,DC=contoso,DC=com", false),
            (r"CN=Ada,OU=Sales\, EMEA,DC=contoso,DC=com", true),
            (r"CN=Ada,OU=R\+D,OU=Staff,DC=contoso,DC=com", true),
            (r"CN=Ada,OU=\#1,DC=contoso,DC=com", true),
        ] {
            let account = Account::of(entry(dn, &[]));
            assert_eq!(refusal(&account, &reset()), refused.then_some(33_001), "{dn}");
        }
    }

    #[test]
    fn each_action_writes_what_is_documented() {
        let account = |flags: &str| Account::of(entry("CN=Ada", &[("userAccountControl", flags)]));
        let written = |flags: &str, action: &Action| -> Vec<String> {
            let changes = account(flags).changes(action);
            changes
                .iter()
                .map(|change| format!("{:?} {}", change.kind, change.attribute))
                .collect()
        };
        assert_eq!(
            written("512", &reset()),
            ["Replace unicodePwd", "Replace lockoutTime"]
        );
        assert_eq!(written("512", &change()), ["Delete unicodePwd", "Add unicodePwd"]);
        assert_eq!(
            written("512", &admin()),
            ["Replace unicodePwd", "Replace pwdLastSet"]
        );
        // "Password never expires" keeps the user from having to change it.
        assert_eq!(written("66048", &admin()), ["Replace unicodePwd"]);
        assert_eq!(written("512", &Action::Unlock), ["Replace lockoutTime"]);
        let new = &account("512").changes(&reset())[0].values[0];
        assert_eq!(hex::encode(new), "22004e00330077002d00500040007300730021002200");
    }

    #[test]
    fn the_control_is_taken_as_the_server_offers_it() {
        let offers = |oids: &[&str]| Entry {
            dn: String::new(),
            attributes: vec![Attribute::text("supportedControl", oids)],
        };
        let (old, new) = (oid::control::POLICY_HINTS_DEPRECATED, oid::control::POLICY_HINTS);
        assert_eq!(policy_hints(&offers(&[new, old])), Some(old));
        assert_eq!(policy_hints(&offers(&[new])), Some(new));
        assert_eq!(policy_hints(&offers(&[])), None);
    }
}
