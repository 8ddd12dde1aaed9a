//! Puts the objects that a scenario declares into an empty suffix: the same people and groups that Active Directory has.

use std::collections::BTreeMap;

use provlab_directory::{
    config::Config,
    control::{Attributes, DumpedEntry},
};
use provlab_protocol::dn::Dn;
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    admin::{Admin, AdminError, Values},
    names::{Class, GROUPS, PEOPLE, SERVICES, account_of},
};

/// Attributes that the schema lacks or the server makes, or that say something that is said otherwise here.
const LEFT_OUT: [&str; 9] = [
    "badPwdCount",
    "directReports",
    "groupType",
    "mailNickname",
    "manager",
    "member",
    "objectClass",
    "sAMAccountName",
    "userAccountControl",
];

/// Fills the suffix.
pub(super) async fn fill(
    admin: &mut Admin,
    config: &Config,
    declared: &[DumpedEntry],
) -> Result<(), AdminError> {
    for unit in [PEOPLE, GROUPS, SERVICES] {
        let dn = admin.names().below_suffix("ou", unit);
        let classes = vec!["organizationalUnit".to_owned()];
        admin
            .add(
                &dn,
                &vec![("objectClass", classes), ("ou", vec![unit.to_owned()])],
            )
            .await?;
    }
    let names = admin.names().clone();
    let translated = names.translated(declared);
    let passwords: BTreeMap<String, &SecretString> = config
        .accounts
        .iter()
        .filter_map(|account| Some((account.name.to_lowercase(), account.password.as_ref()?)))
        .collect();
    for entry in declared {
        let (Some(class), Some(account)) = (names.class_of(entry), account_of(entry)) else {
            continue;
        };
        let password = passwords.get(&account.to_lowercase()).copied();
        let mut attributes = made_of(class, account, &entry.attributes, password);
        if class == Class::Group {
            let mut members = references(entry, "member", &translated);
            members.push(names.nobody());
            attributes.push(("member", members));
        }
        admin.add(&names.of(class, account), &attributes).await?;
    }
    // Whom an attribute names may be declared later than who has it.
    for entry in declared {
        let manager = references(entry, "manager", &translated);
        if let (Some(class), Some(account), false) =
            (names.class_of(entry), account_of(entry), manager.is_empty())
        {
            let dn = names.of(class, account);
            admin.replace(&dn, &vec![("manager", manager)]).await?;
        }
    }
    for account in &config.accounts {
        for group in &account.member_of {
            join(admin, group, &account.name).await?;
        }
    }
    Ok(())
}

/// Puts an account into a group; those that only Active Directory has are left out.
async fn join(admin: &mut Admin, group: &str, account: &str) -> Result<(), AdminError> {
    let names = admin.names().clone();
    let dn = match admin.find(group).await {
        Ok(dn) => dn,
        Err(AdminError::Unknown(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    admin.member(&dn, &names.logon(account), true).await
}

/// The attributes of an object, its classes and its password among them.
pub(super) fn made_of<'a>(
    class: Class,
    account: &str,
    declared: &'a Attributes,
    password: Option<&SecretString>,
) -> Values<'a> {
    let first = |name: &str| declared.get(name).and_then(|values| values.first()).cloned();
    let one = |value: Option<String>| vec![value.unwrap_or_else(|| account.to_owned())];
    let classes: &[&str] = match class {
        // Active Directory's attributes are in the schema, but in no class that goes with these.
        Class::Person => &["inetOrgPerson", "extensibleObject"],
        Class::Group => &["groupOfNames", "extensibleObject"],
        Class::Service => &["organizationalRole", "simpleSecurityObject"],
    };
    let classes = classes.iter().map(|class| (*class).to_owned()).collect();
    let mut made: Values<'a> = vec![("objectClass", classes)];
    match class {
        Class::Person => made.extend([
            ("uid", vec![account.to_owned()]),
            ("cn", one(first("cn").or_else(|| first("displayName")))),
            ("sn", one(first("sn"))),
        ]),
        Class::Group | Class::Service => made.push(("cn", vec![account.to_owned()])),
    }
    if class != Class::Service {
        for (name, values) in declared {
            let known = |known: &str| known.eq_ignore_ascii_case(name);
            if !LEFT_OUT.iter().any(|name| known(name)) && !made.iter().any(|(name, _)| known(name)) {
                made.push((name, values.clone()));
            }
        }
    }
    made.extend(password.map(|password| ("userPassword", vec![password.expose_secret().to_owned()])));
    made
}

/// The objects that an attribute names, by the names that they have here.
fn references(entry: &DumpedEntry, attribute: &str, translated: &BTreeMap<Dn, String>) -> Vec<String> {
    let named = entry.attributes.get(attribute).into_iter().flatten();
    named
        .filter_map(|dn| translated.get(&dn.parse::<Dn>().ok()?).cloned())
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn people_get_what_their_class_demands() {
        let declared = Attributes::from_iter([
            ("objectClass".to_owned(), vec!["user".to_owned()]),
            ("sAMAccountName".to_owned(), vec!["ada".to_owned()]),
            ("displayName".to_owned(), vec!["Ada Lovelace".to_owned()]),
            ("l".to_owned(), vec!["Ockham".to_owned()]),
        ]);
        let made = made_of(Class::Person, "ada", &declared, None);
        let values = |name: &str| {
            made.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, values)| &values[0])
        };
        assert_eq!(values("objectClass").unwrap(), "inetOrgPerson");
        assert_eq!(values("cn").unwrap(), "Ada Lovelace");
        assert_eq!(values("sn").unwrap(), "ada");
        assert_eq!(values("l").unwrap(), "Ockham");
        assert_eq!((values("sAMAccountName"), values("userPassword")), (None, None));
        assert_eq!(made.iter().filter(|(name, _)| *name == "objectClass").count(), 1);
    }
}
