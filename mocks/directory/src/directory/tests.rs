//! The behaviour of the whole core: one forest, the operations of clients, and what Active Directory would answer.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unused_must_use,
    reason = "a failed operation fails the test, and nothing outlives it"
)]

mod dirsync;
mod forest;
mod search;
mod write;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use provlab_platform::Entropy;
use provlab_protocol::dn::Dn;
use provlab_protocol::filetime::FileTime;

use super::*;
use crate::access::Token;
use crate::config::{AccountConfig, Config, PopulationConfig};
use crate::filter::Filter;
use crate::model::{Attribute, Entry, Modification, ModifyOperation, Scope};

/// 2024-01-17 21:20:00Z.
const NOW: FileTime = FileTime(133_500_000_000_000_000);
const BASE: &str = "DC=contoso,DC=com";

pub(super) fn config() -> Config {
    let mut config = Config::new("contoso.com", "CONTOSO", "Adm1n-P@ss".to_owned().into());
    config.domain_sid = Some("S-1-5-21-1111111111-2222222222-3333333333".parse().unwrap());
    config.organizational_units = vec!["OU=Staff".to_owned(), "OU=Paris,OU=Staff".to_owned()];
    config
        .accounts
        .push(AccountConfig::new("alice", "Al1ce-P@ss".to_owned().into()));
    config
}

pub(super) fn forest() -> Directory {
    static FOREST: LazyLock<Directory> =
        LazyLock::new(|| crate::naming::build(&config(), NOW, &Entropy::seeded(1)).unwrap());
    FOREST.clone()
}

pub(super) fn populated(users: u32) -> Directory {
    let mut config = config();
    config.populations.push(PopulationConfig {
        users,
        groups: None,
        seed: 7,
        organizational_unit: "OU=Crowd".to_owned(),
        upn_suffix: None,
        prefix: String::new(),
    });
    crate::naming::build(&config, NOW, &Entropy::seeded(1)).unwrap()
}

pub(super) fn system() -> Context {
    context(Token::system())
}

fn context(token: Token) -> Context {
    // Operations draw from one source, or every new object would have the same GUID.
    static OPERATIONS: AtomicU64 = AtomicU64::new(0);
    Context {
        token: Arc::new(token),
        now: NOW,
        sealed: true,
        entropy: Entropy::seeded(OPERATIONS.fetch_add(1, Ordering::Relaxed)),
    }
}

/// The circumstances of an account's own operations.
fn as_account(directory: &Directory, name: &str) -> Context {
    let account = directory.by_sam_account_name(name).unwrap();
    context(Token::of_account(directory, account))
}

fn admin(directory: &Directory) -> Context {
    as_account(directory, "Administrator")
}

fn dn(text: &str) -> Dn {
    text.parse().unwrap()
}

fn under_base(relative: &str) -> Dn {
    dn(&format!("{relative},{BASE}"))
}

fn find(directory: &Directory, filter: &str) -> Vec<Entry> {
    find_by(directory, &system(), filter)
}

fn find_by(directory: &Directory, context: &Context, filter: &str) -> Vec<Entry> {
    let filter: Filter = filter.parse().unwrap();
    let request = SearchRequest::new(dn(BASE), Scope::Subtree, filter);
    directory.search(context, &request).unwrap().entries
}

fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.dn.as_str()).collect()
}

fn read(directory: &Directory, context: &Context, name: &Dn, attributes: &[&str]) -> Entry {
    let request = SearchRequest::new(name.clone(), Scope::Base, Filter::everything()).attributes(attributes);
    directory.search(context, &request).unwrap().entries.remove(0)
}

fn add_user(directory: &mut Directory, relative: &str, account: &str) -> Dn {
    let name = under_base(relative);
    add(
        directory,
        &name,
        &[("objectClass", &["user"]), ("sAMAccountName", &[account])],
    )
    .unwrap();
    name
}

fn add_group(directory: &mut Directory, relative: &str, members: &[&Dn]) -> Dn {
    let name = under_base(relative);
    add(directory, &name, &[("objectClass", &["group"])]).unwrap();
    for member in members {
        change(
            directory,
            &name,
            ModifyOperation::Add,
            "member",
            &[&member.to_string()],
        )
        .unwrap();
    }
    name
}

fn add(directory: &mut Directory, name: &Dn, attributes: &[(&str, &[&str])]) -> Result<Change, LdapError> {
    let context = admin(directory);
    add_by(directory, &context, name, attributes)
}

fn add_by(
    directory: &mut Directory,
    context: &Context,
    name: &Dn,
    attributes: &[(&str, &[&str])],
) -> Result<Change, LdapError> {
    let request = AddRequest {
        dn: name.clone(),
        attributes: attributes
            .iter()
            .map(|(name, values)| Attribute::new(name, values))
            .collect(),
    };
    directory.add(context, &request)
}

fn change(
    directory: &mut Directory,
    name: &Dn,
    operation: ModifyOperation,
    attribute: &str,
    values: &[&str],
) -> Result<Change, LdapError> {
    let context = admin(directory);
    let request = ModifyRequest::single(name.clone(), operation, Attribute::new(attribute, values));
    directory.modify(&context, &request)
}

fn delete(directory: &mut Directory, name: &Dn, tree: bool) -> Result<Change, LdapError> {
    let context = admin(directory);
    let request = DeleteRequest {
        dn: name.clone(),
        tree,
    };
    directory.delete(&context, &request)
}

fn rename(
    directory: &mut Directory,
    name: &Dn,
    new_rdn: &str,
    new_superior: Option<Dn>,
) -> Result<Change, LdapError> {
    let context = admin(directory);
    let request = RenameRequest {
        dn: name.clone(),
        new_rdn: new_rdn.to_owned(),
        delete_old_rdn: true,
        new_superior,
    };
    directory.rename(&context, &request)
}
