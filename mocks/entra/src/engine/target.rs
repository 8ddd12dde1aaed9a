//! The cloud side of a job: how users and groups are found, filled and told apart (CS 5.10, 5.11).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provlab_protocol::filetime::FileTime;
use provlab_protocol::sid::Sid;
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::mapping::{EXTENSIONS, GROUP, Mapping, Rule, Slot, USER};
use super::records::{AssignedNames, SourceRecord};
use crate::state::{Cloud, Group, OnPremises, Tenant, User};

/// Bit of `userAccountControl` that disables an account.
const ACCOUNT_DISABLED: i64 = 2;
/// Bit of `groupType` that makes a security group; as a signed 32-bit number it is negative.
const SECURITY_ENABLED: i64 = 0x8000_0000;

/// Constants of a job that every object needs.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// DNS name of the directory domain.
    pub(super) domain: String,
    /// Its NetBIOS name.
    pub(super) net_bios: String,
}

/// What a search for the cloud object of a source object came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This one, by its link, its anchor, or a soft match.
    Object(Uuid),
    /// None: a new one is made.
    Nothing,
}

/// A value the target does not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    /// Code of CS 6.8.
    pub(super) code: &'static str,
    /// What to mend.
    pub(super) message: String,
}

fn flow<'r>(mapping: &Mapping, record: &'r SourceRecord) -> Option<&'r str> {
    let value = record.first(&mapping.source.to_lowercase())?;
    let value = if mapping.rule == Rule::Trim {
        value.trim()
    } else {
        value
    };
    Some(value).filter(|v| !v.is_empty())
}

fn number(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

/// A SID as a string, from base64 of its binary form.
fn sid_text(value: &str) -> Option<String> {
    if value.starts_with("S-") {
        return Some(value.to_owned());
    }
    Some(Sid::from_bytes(&STANDARD.decode(value).ok()?).ok()?.to_string())
}

/// A FILETIME as Graph writes times; 0 means "must change" and is no time.
fn file_time_text(value: &str) -> Option<String> {
    let ticks = value.parse().ok().filter(|t| *t != 0)?;
    FileTime(ticks).to_datetime().ok()?.format(&Rfc3339).ok()
}

fn on_premises(had: Option<OnPremises>, anchor: &str, origin: &Origin) -> OnPremises {
    OnPremises {
        sync_enabled: true,
        immutable_id: Some(anchor.to_owned()),
        distinguished_name: None,
        sam_account_name: None,
        security_identifier: None,
        user_principal_name: None,
        domain_name: Some(origin.domain.clone()),
        net_bios_name: Some(origin.net_bios.clone()),
        last_sync: had.and_then(|h| h.last_sync),
        extension_attributes: std::collections::BTreeMap::new(),
    }
}

/// Sets what has the same meaning on users and groups; `false` if the slot is not of that sort.
fn set_common(to: &mut OnPremises, mapping: &Mapping, value: Option<&str>) -> bool {
    let text = value.map(str::to_owned);
    match mapping.slot {
        Slot::Extension(name) => {
            if let Some(text) = text {
                to.extension_attributes.insert(name.to_owned(), text);
            }
        }
        Slot::DistinguishedName => to.distinguished_name = text,
        Slot::SamAccountName => to.sam_account_name = text,
        Slot::SecurityIdentifier => to.security_identifier = value.and_then(sid_text),
        Slot::OnPremisesUserPrincipalName => to.user_principal_name = text,
        _ => return false,
    }
    true
}

/// Fills a user from its source object.
pub(super) fn fill_user(
    user: &mut User,
    record: &SourceRecord,
    names: &AssignedNames,
    anchor: &str,
    origin: &Origin,
) {
    user.user_principal_name.clone_from(&names.user_principal_name);
    user.mail_nickname = Some(names.mail_nickname.clone());
    user.deleted = None;
    let mut premises = on_premises(user.on_premises.take(), anchor, origin);
    for mapping in USER.iter().chain(&EXTENSIONS) {
        let value = flow(mapping, record);
        if set_common(&mut premises, mapping, value) {
            continue;
        }
        match mapping.slot {
            Slot::DisplayName => user.display_name = value.map(str::to_owned),
            Slot::Mail => user.mail = value.map(str::to_owned),
            Slot::ProxyAddresses => {
                user.proxy_addresses = record.all(&mapping.source.to_lowercase()).to_vec();
            }
            Slot::AccountEnabled => {
                user.account_enabled = value
                    .and_then(number)
                    .is_none_or(|flags| flags & ACCOUNT_DISABLED == 0);
            }
            Slot::LastPasswordChange => {
                set_property(user, "lastPasswordChangeDateTime", value.and_then(file_time_text));
            }
            Slot::Property(name) => set_property(user, name, value.map(str::to_owned)),
            _ => {}
        }
    }
    user.on_premises = Some(premises);
}

fn set_property(user: &mut User, name: &str, value: Option<String>) {
    match value {
        Some(value) => user.properties.insert(name.to_owned(), Value::String(value)),
        None => user.properties.remove(name),
    };
}

/// Name of a group: `displayName`, else `cn` (the rule of Entra Connect, inferred for cloud sync).
pub(super) fn group_name(record: &SourceRecord) -> Option<&str> {
    record.first("displayname").or_else(|| record.first("cn"))
}

/// Fills a group from its source object.
pub(super) fn fill_group(
    group: &mut Group,
    record: &SourceRecord,
    name: &str,
    anchor: &str,
    origin: &Origin,
) {
    name.clone_into(&mut group.display_name);
    group.deleted = None;
    let mut premises = on_premises(group.on_premises.take(), anchor, origin);
    for mapping in GROUP.iter().chain(&EXTENSIONS) {
        let value = flow(mapping, record);
        if set_common(&mut premises, mapping, value) {
            continue;
        }
        match mapping.slot {
            Slot::Description => group.description = value.map(str::to_owned),
            Slot::Mail => {
                group.mail = value.map(str::to_owned);
                group.mail_enabled = group.mail.is_some();
            }
            Slot::MailNickname => group.mail_nickname = value.map(str::to_owned),
            Slot::ProxyAddresses => {
                group.proxy_addresses = record.all(&mapping.source.to_lowercase()).to_vec();
            }
            Slot::SecurityEnabled => {
                group.security_enabled = value
                    .and_then(number)
                    .is_none_or(|kind| kind & SECURITY_ENABLED != 0);
            }
            _ => {}
        }
    }
    group.on_premises = Some(premises);
}

/// `SMTP:` addresses of a source object as keys of the address index.
fn primary_addresses(record: &SourceRecord) -> impl Iterator<Item = String> {
    record
        .all("proxyaddresses")
        .iter()
        .filter_map(|a| a.strip_prefix("SMTP:"))
        .map(str::to_lowercase)
}

/// Finds the user of a source object that is not linked yet: hard match, then soft match (CS 5.11).
pub(super) fn find_user(
    cloud: &Cloud,
    tenant: &Tenant,
    record: &SourceRecord,
    anchor: &str,
    upn: &str,
) -> Result<Found, Rejected> {
    let by_anchor = || cloud.users.find(tenant.id, User::BY_ANCHOR, anchor);
    // A live object of the anchor goes before a deleted one.
    if let Some(user) = by_anchor()
        .find(|u| u.deleted.is_none())
        .or_else(|| by_anchor().next())
    {
        let synchronized = user.on_premises.as_ref().is_some_and(|p| p.sync_enabled);
        let blocked = tenant
            .features
            .is_on("blockCloudObjectTakeoverThroughHardMatchEnabled")
            || !user.roles.is_empty();
        if !synchronized && blocked {
            return Err(rejected_match("hard match", &user.user_principal_name));
        }
        return Ok(Found::Object(user.id));
    }
    let upn = upn.to_lowercase();
    let by_upn = cloud
        .users
        .find(tenant.id, User::BY_UPN, &upn)
        .filter(|_| tenant.features.is_on("softMatchOnUpnEnabled"));
    let by_address = primary_addresses(record).flat_map(|address| {
        cloud
            .users
            .find(tenant.id, User::BY_ADDRESS, &address)
            .collect::<Vec<_>>()
    });
    let free =
        |u: &&User| u.deleted.is_none() && u.on_premises.as_ref().is_none_or(|p| p.immutable_id.is_none());
    match by_upn.chain(by_address).find(free) {
        Some(user) if tenant.features.is_on("blockSoftMatchEnabled") || !user.roles.is_empty() => {
            Err(rejected_match("soft match", &user.user_principal_name))
        }
        Some(user) => Ok(Found::Object(user.id)),
        None => Ok(Found::Nothing),
    }
}

/// Finds the group of a source object that is not linked yet: by anchor, then by primary address (CS 5.11).
pub(super) fn find_group(
    cloud: &Cloud,
    tenant: &Tenant,
    record: &SourceRecord,
    anchor: &str,
) -> Result<Found, Rejected> {
    let by_anchor = || cloud.groups.find(tenant.id, Group::BY_ANCHOR, anchor);
    if let Some(group) = by_anchor()
        .find(|g| g.deleted.is_none())
        .or_else(|| by_anchor().next())
    {
        return Ok(Found::Object(group.id));
    }
    let mut by_address = primary_addresses(record).flat_map(|address| {
        cloud
            .groups
            .find(tenant.id, Group::BY_ADDRESS, &address)
            .collect::<Vec<_>>()
    });
    let free =
        |g: &&Group| g.deleted.is_none() && g.on_premises.as_ref().is_none_or(|p| p.immutable_id.is_none());
    match by_address.find(free) {
        Some(group) if tenant.features.is_on("blockSoftMatchEnabled") => {
            Err(rejected_match("soft match", &group.display_name))
        }
        Some(group) => Ok(Found::Object(group.id)),
        None => Ok(Found::Nothing),
    }
}

fn rejected_match(what: &str, name: &str) -> Rejected {
    Rejected {
        code: "EntryConflict",
        message: format!(
            "a {what} with the cloud object '{name}' is blocked by a tenant feature or because it holds an admin role"
        ),
    }
}

/// Refuses a UPN that another live user of the tenant has.
pub(super) fn check_upn(cloud: &Cloud, tenant: Uuid, upn: &str, own: Option<Uuid>) -> Result<(), Rejected> {
    let taken = cloud
        .users
        .find(tenant, User::BY_UPN, &upn.to_lowercase())
        .any(|u| Some(u.id) != own);
    if taken {
        let message = format!(
            "another object of the tenant has the userPrincipalName '{upn}'; make the directory's value unique"
        );
        return Err(Rejected {
            code: "EntryConflict",
            message,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_of_the_directory_become_values_of_graph() {
        assert_eq!(
            file_time_text("132772253564048004").unwrap(),
            "2021-09-27T14:09:16.4048004Z"
        );
        assert_eq!(file_time_text("0"), None);
        assert_eq!(
            sid_text("AQUAAAAAAAUVAAAAAQAAAAIAAAADAAAA6AMAAA==").unwrap(),
            "S-1-5-21-1-2-3-1000"
        );
        assert_eq!(sid_text("nonsense"), None);
        assert!(number("-2147483646").unwrap() & SECURITY_ENABLED != 0);
        assert!(number("2").unwrap() & SECURITY_ENABLED == 0);
    }
}
