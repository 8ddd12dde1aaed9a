//! Administrator, Guest and krbtgt, and the groups, users and computers of the configuration.

use std::collections::BTreeMap;

use provlab_protocol::filetime::FileTime;
use provlab_protocol::unicode_pwd;
use secrecy::{ExposeSecret, SecretString};

use super::Builder;
use super::domain::Containers;
use crate::account::password::{self, PasswordWrite};
use crate::config::{AccountConfig, ComputerConfig, Config, GroupConfig};
use crate::model::{Dnt, LdapError, Object, ResultCode, SecretValues, Value, text};

/// `userAccountControl` bits (PR 16.4).
const DISABLED: u32 = 0x2;
const NO_PASSWORD_NEEDED: u32 = 0x20;
const NORMAL: u32 = 0x200;
const WORKSTATION: u32 = 0x1000;
const NEVER_EXPIRES: u32 = 0x1_0000;

/// Ticks of a second.
const TICKS: u64 = 10_000_000;

/// A user or computer to be made.
pub(crate) struct Account<'a> {
    pub(crate) class: &'a str,
    pub(crate) common_name: &'a str,
    pub(crate) name: &'a str,
    pub(crate) rid: u32,
    pub(crate) control: u32,
    pub(crate) primary_group: u32,
}

/// Makes the accounts.
pub(super) fn fill(
    builder: &mut Builder<'_>,
    config: &Config,
    containers: &Containers,
    made: &BTreeMap<String, Dnt>,
) -> Result<(), LdapError> {
    let mut groups = made.clone();
    built_in(builder, config, containers, &groups)?;
    for group in &config.groups {
        let dnt = configured_group(builder, group, containers, &groups)?;
        groups.insert(group.name.clone(), dnt);
    }
    for account in &config.accounts {
        configured_account(builder, account, containers, &groups)?;
    }
    for computer in &config.computers {
        configured_computer(builder, computer, containers)?;
    }
    Ok(())
}

fn built_in(
    builder: &mut Builder<'_>,
    config: &Config,
    containers: &Containers,
    groups: &BTreeMap<String, Dnt>,
) -> Result<(), LdapError> {
    let rows = [
        (
            500,
            "Administrator",
            NORMAL,
            513,
            "Built-in account for administering the computer/domain",
        ),
        (
            501,
            "Guest",
            NORMAL | DISABLED | NO_PASSWORD_NEEDED | NEVER_EXPIRES,
            514,
            "Built-in account for guest access to the computer/domain",
        ),
        (
            502,
            "krbtgt",
            NORMAL | DISABLED,
            513,
            "Key Distribution Center Service Account",
        ),
    ];
    for (rid, name, control, primary_group, description) in rows {
        let account = Account {
            class: "user",
            common_name: name,
            name,
            rid,
            control,
            primary_group,
        };
        let mut object = account.draft(builder, containers.users)?;
        builder.add(&mut object, "description", text(description))?;
        builder.add(&mut object, "isCriticalSystemObject", text("TRUE"))?;
        if name != "Guest" {
            builder.add(&mut object, "adminCount", text("1"))?;
        }
        if name == "Administrator" {
            set_password(
                builder,
                &mut object,
                &config.administrator_password,
                builder.context.now,
            )?;
        }
        let dnt = builder.keep(object);
        let memberships: &[&str] = match name {
            "Administrator" => &[
                "Administrators",
                "Domain Admins",
                "Enterprise Admins",
                "Schema Admins",
                "Group Policy Creator Owners",
            ],
            "Guest" => &["Guests"],
            _ => &["Denied RODC Password Replication Group"],
        };
        for group in memberships {
            if let Some(group) = groups.get(*group) {
                builder.member(*group, dnt);
            }
        }
    }
    Ok(())
}

impl Account<'_> {
    /// The account's object, not kept yet.
    pub(crate) fn draft(&self, builder: &mut Builder<'_>, parent: Dnt) -> Result<Object, LdapError> {
        if builder.directory.by_sam_account_name(self.name).is_some() {
            return Err(LdapError::new(
                ResultCode::EntryAlreadyExists,
                format!(
                    "there are two accounts named {}; account names are unique in a domain",
                    self.name
                ),
            ));
        }
        let mut object = builder.draft(parent, self.class, self.common_name)?;
        let sid = builder.directory.identity().domain_sid.with_rid(self.rid);
        let kind = if self.control & WORKSTATION != 0 {
            "805306369"
        } else {
            "805306368"
        };
        for (attribute, value) in [
            ("sAMAccountName", text(self.name)),
            ("objectSid", Value::from(sid.to_bytes())),
            ("userAccountControl", text(&self.control.to_string())),
            ("sAMAccountType", text(kind)),
            ("primaryGroupID", text(&self.primary_group.to_string())),
            ("accountExpires", text("9223372036854775807")),
            ("pwdLastSet", text("0")),
            ("badPwdCount", text("0")),
            ("badPasswordTime", text("0")),
            ("logonCount", text("0")),
            ("lastLogon", text("0")),
            ("lastLogoff", text("0")),
            ("codePage", text("0")),
            ("countryCode", text("0")),
        ] {
            builder.add(&mut object, attribute, value)?;
        }
        Ok(object)
    }
}

fn configured_group(
    builder: &mut Builder<'_>,
    config: &GroupConfig,
    containers: &Containers,
    groups: &BTreeMap<String, Dnt>,
) -> Result<Dnt, LdapError> {
    let parent = match &config.container {
        Some(relative) => builder.container(relative)?,
        None => containers.users,
    };
    let rid = builder.next_rid()?;
    let sid = builder.directory.identity().domain_sid.with_rid(rid);
    let mut object = builder.draft(parent, "group", &config.name)?;
    builder.add(&mut object, "sAMAccountName", text(&config.name))?;
    builder.add(&mut object, "objectSid", Value::from(sid.to_bytes()))?;
    builder.add(&mut object, "groupType", text("-2147483646"))?;
    builder.add(&mut object, "sAMAccountType", text("268435456"))?;
    add_all(builder, &mut object, &config.attributes)?;
    let dnt = builder.keep(object);
    join(builder, dnt, &config.member_of, groups)?;
    Ok(dnt)
}

fn configured_account(
    builder: &mut Builder<'_>,
    config: &AccountConfig,
    containers: &Containers,
    groups: &BTreeMap<String, Dnt>,
) -> Result<(), LdapError> {
    let parent = match &config.container {
        Some(relative) => builder.container(relative)?,
        None => containers.users,
    };
    let mut control = NORMAL;
    if config.disabled || config.password.is_none() {
        control |= DISABLED;
    }
    if config.password_never_expires {
        control |= NEVER_EXPIRES;
    }
    let account = Account {
        class: "user",
        common_name: config.common_name.as_deref().unwrap_or(&config.name),
        name: &config.name,
        rid: builder.next_rid()?,
        control,
        primary_group: 513,
    };
    let mut object = account.draft(builder, parent)?;
    let upn = match &config.user_principal_name {
        Some(upn) => upn.clone(),
        None => format!("{}@{}", config.name, builder.directory.identity().domain),
    };
    builder.add(&mut object, "userPrincipalName", text(&upn))?;
    add_all(builder, &mut object, &config.attributes)?;
    if let Some(password) = &config.password {
        let age = config.password_age_seconds.saturating_mul(TICKS);
        let set = FileTime(builder.context.now.0.saturating_sub(age));
        set_password(builder, &mut object, password, set)?;
    }
    if config.must_change_password {
        set_first(builder, &mut object, "pwdLastSet", "0")?;
    }
    let dnt = builder.keep(object);
    join(builder, dnt, &config.member_of, groups)
}

fn configured_computer(
    builder: &mut Builder<'_>,
    config: &ComputerConfig,
    containers: &Containers,
) -> Result<(), LdapError> {
    let parent = match &config.container {
        Some(relative) => builder.container(relative)?,
        None => containers.computers,
    };
    let name = config.name.to_uppercase();
    let account_name = format!("{name}$");
    let account = Account {
        class: "computer",
        common_name: &name,
        name: &account_name,
        rid: builder.next_rid()?,
        control: WORKSTATION,
        primary_group: 515,
    };
    let mut object = account.draft(builder, parent)?;
    let host = format!(
        "{}.{}",
        config.name.to_lowercase(),
        builder.directory.identity().domain
    );
    builder.add(&mut object, "dNSHostName", text(&host))?;
    builder.add(&mut object, "servicePrincipalName", text(&format!("HOST/{host}")))?;
    builder.add(&mut object, "servicePrincipalName", text(&format!("HOST/{name}")))?;
    builder.add(
        &mut object,
        "operatingSystem",
        text("Windows Server 2022 Standard"),
    )?;
    set_password(builder, &mut object, &config.password, builder.context.now)?;
    builder.keep(object);
    Ok(())
}

fn add_all(
    builder: &mut Builder<'_>,
    object: &mut Object,
    attributes: &BTreeMap<String, Vec<String>>,
) -> Result<(), LdapError> {
    for (name, values) in attributes {
        for value in values {
            builder.add(object, name, text(value))?;
        }
    }
    Ok(())
}

fn join(
    builder: &mut Builder<'_>,
    member: Dnt,
    names: &[String],
    groups: &BTreeMap<String, Dnt>,
) -> Result<(), LdapError> {
    for name in names {
        let group = groups
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, dnt)| *dnt)
            .ok_or_else(|| {
                LdapError::new(
                    ResultCode::NoSuchObject,
                    format!("there is no group {name}; groups are declared before their members"),
                )
            })?;
        builder.member(group, member);
    }
    Ok(())
}

/// Sets a password as of `when`, free of the domain's policy.
fn set_password(
    builder: &mut Builder<'_>,
    object: &mut Object,
    secret: &SecretString,
    when: FileTime,
) -> Result<(), LdapError> {
    let mut context = builder.context.clone();
    context.now = when;
    let new = unicode_pwd::encode(secret.expose_secret());
    let write = PasswordWrite::Initial { new: &new };
    let updates = password::write(builder.directory, &context, object, write, false)?;
    for (name, values) in updates {
        let id = builder.id(name)?;
        if crate::schema::Schema::get().def(id).secret {
            object.set_secret(id, SecretValues::new(values));
            object.set_initially(id, Vec::new(), object.usn_created);
        } else {
            let values: Vec<Value> = values.into_iter().map(Value::from).collect();
            object.set_initially(id, values, object.usn_created);
        }
    }
    Ok(())
}

fn set_first(
    builder: &Builder<'_>,
    object: &mut Object,
    attribute: &str,
    value: &str,
) -> Result<(), LdapError> {
    let id = builder.id(attribute)?;
    object.set_initially(id, vec![text(value)], object.usn_created);
    Ok(())
}
