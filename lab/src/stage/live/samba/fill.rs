//! Puts the objects that a scenario declares into a new Samba domain: the same ones that the embedded directory has.

use std::collections::BTreeMap;

use ldap3::Scope;
use provlab_directory::{
    config::{Config, KdsRootKey},
    control::{Attributes, DumpedEntry},
};
use secrecy::SecretString;

use super::admin::{Admin, AdminError};

/// Attributes of a dump that the server gives an object by itself.
const GIVEN_BY_THE_SERVER: [&str; 4] = ["badPwdCount", "cn", "directReports", "ou"];
/// Attributes that name other objects, which may be declared later.
const REFERENCES: [&str; 2] = ["manager", "member"];
/// Where root keys of the key distribution service are (CS 3.1).
const ROOT_KEYS: &str = "CN=Master Root Keys,CN=Group Key Distribution Service,CN=Services,CN=Configuration";

/// Fills the domain.
pub(super) async fn fill(
    admin: &mut Admin,
    config: &Config,
    declared: &[DumpedEntry],
) -> Result<(), AdminError> {
    let passwords = passwords(config);
    let declared: Vec<&DumpedEntry> = declared.iter().filter(|entry| !is_there_already(entry)).collect();
    for entry in &declared {
        let password = account_of(entry).and_then(|name| passwords.get(&name.to_lowercase()));
        let attributes: Attributes = entry
            .attributes
            .iter()
            .filter(|(name, _)| {
                !GIVEN_BY_THE_SERVER.contains(&name.as_str()) && !REFERENCES.contains(&name.as_str())
            })
            .map(|(name, values)| (name.clone(), values.clone()))
            .collect();
        admin.add(&entry.dn, &attributes, password.copied()).await?;
    }
    for entry in &declared {
        let references: Vec<(&str, Vec<Vec<u8>>)> = REFERENCES
            .into_iter()
            .filter_map(|name| {
                let values = entry.attributes.get(name)?;
                Some((name, values.iter().map(|dn| dn.clone().into_bytes()).collect()))
            })
            .collect();
        if !references.is_empty() {
            admin.replace(&entry.dn, &references).await?;
        }
    }
    for account in &config.accounts {
        for group in &account.member_of {
            let (group, member) = (admin.find(group).await?, admin.find(&account.name).await?);
            admin.members(&group, &[member], true).await?;
        }
    }
    match config.kds_root_key {
        KdsRootKey::Effective => Ok(()),
        KdsRootKey::None | KdsRootKey::New => forget_root_keys(admin).await,
    }
}

/// A new domain of level 2016 has a root key that is in effect.
async fn forget_root_keys(admin: &mut Admin) -> Result<(), AdminError> {
    let base = format!("{ROOT_KEYS},{}", admin.base());
    let keys = admin
        .search(&base, Scope::OneLevel, "(objectClass=msKds-ProvRootKey)", "1.1")
        .await?;
    for key in keys {
        admin.delete(&key.dn, false).await?;
    }
    Ok(())
}

/// The one object of a dump that every domain has.
fn is_there_already(entry: &DumpedEntry) -> bool {
    let classes = entry.attributes.get("objectClass");
    classes.is_some_and(|classes| {
        classes
            .iter()
            .any(|class| class == "msDS-PasswordSettingsContainer")
    })
}

fn account_of(entry: &DumpedEntry) -> Option<&String> {
    entry.attributes.get("sAMAccountName")?.first()
}

/// Passwords by account name in lower case.
fn passwords(config: &Config) -> BTreeMap<String, &SecretString> {
    let accounts = config
        .accounts
        .iter()
        .filter_map(|account| Some((account.name.to_lowercase(), account.password.as_ref()?)));
    let computers = config
        .computers
        .iter()
        .map(|computer| (format!("{}$", computer.name.to_lowercase()), &computer.password));
    accounts.chain(computers).collect()
}
