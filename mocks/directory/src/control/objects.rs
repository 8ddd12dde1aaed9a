//! Commands about objects: add, change, rename, delete, by the names that scenarios use.

use provlab_protocol::dn::Dn;
use provlab_protocol::guid::Guid;
use provlab_protocol::unicode_pwd;
use secrecy::ExposeSecret;

use super::command::{Attributes, ControlError, MAX_USERS_AT_ONCE, PutGroup, PutUser, PutUsers};
use super::handle::{Desk, find};
use crate::access;
use crate::directory::{LdapError, below};
use crate::model::{
    AddRequest, Attribute, Change, DeleteRequest, Modification, ModifyOperation, ModifyRequest, RenameRequest,
};

/// `userAccountControl` of a user that can log on.
const ENABLED_USER: &str = "512";
/// `groupType` of a global security group (PR 16.4).
const GLOBAL_SECURITY_GROUP: &str = "-2147483646";

fn attribute(name: &str, values: &[String]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        values: values.iter().map(|value| value.as_bytes().to_vec()).collect(),
    }
}

fn dn_of(desk: &Desk<'_>, object: &str) -> Result<Dn, ControlError> {
    find(desk.directory, object).map(|object| desk.directory.dn(object))
}

fn read_dn(desk: &Desk<'_>, name: &str) -> Result<Dn, ControlError> {
    Ok(desk.directory.read_name(name)?)
}

pub(super) fn add(desk: &mut Desk<'_>, dn: &str, attributes: &Attributes) -> Result<Change, ControlError> {
    let request = AddRequest {
        dn: read_dn(desk, dn)?,
        attributes: attributes
            .iter()
            .map(|(name, values)| attribute(name, values))
            .collect(),
    };
    Ok(desk.directory.add(&desk.context, &request)?)
}

pub(super) fn modify(desk: &mut Desk<'_>, object: &str, set: &Attributes) -> Result<Change, ControlError> {
    let dn = dn_of(desk, object)?;
    replace(
        desk,
        dn,
        set.iter().map(|(name, values)| attribute(name, values)).collect(),
    )
}

/// Takes every entry about an extended right out of the descriptor of the domain's head.
pub(super) fn revoke_right(desk: &mut Desk<'_>, right: Guid) -> Result<Change, ControlError> {
    let domain = desk.directory.identity().domain_dn();
    let head = desk.directory.locate(&domain)?;
    let mut descriptor = access::explicit_part(access::effective_descriptor(desk.directory, head));
    descriptor.remove_entries_about(right);
    let dnt = head.dnt;
    let bytes = descriptor
        .to_bytes()
        .map_err(|_| ControlError::Unknown("nTSecurityDescriptor".to_owned()))?;
    let updates = [("nTSecurityDescriptor", vec![bytes])];
    Ok(desk.directory.update(desk.context.now, dnt, &updates)?)
}

fn replace(desk: &mut Desk<'_>, dn: Dn, set: Vec<Attribute>) -> Result<Change, ControlError> {
    let modifications = set
        .into_iter()
        .map(|attribute| Modification {
            operation: ModifyOperation::Replace,
            attribute,
        })
        .collect();
    change(desk, dn, modifications)
}

fn change(desk: &mut Desk<'_>, dn: Dn, modifications: Vec<Modification>) -> Result<Change, ControlError> {
    let request = ModifyRequest {
        dn,
        modifications,
        permissive: true,
        policy_hints: false,
        sd_flags: None,
    };
    Ok(desk.directory.modify(&desk.context, &request)?)
}

pub(super) fn members(
    desk: &mut Desk<'_>,
    group: &str,
    members: &[String],
    come: bool,
) -> Result<Change, ControlError> {
    let group = dn_of(desk, group)?;
    let members: Vec<String> = members
        .iter()
        .map(|member| dn_of(desk, member).map(|dn| dn.to_string()))
        .collect::<Result<_, _>>()?;
    if members.is_empty() {
        return Ok(Change::default());
    }
    let operation = if come {
        ModifyOperation::Add
    } else {
        ModifyOperation::Delete
    };
    let step = Modification {
        operation,
        attribute: attribute("member", &members),
    };
    change(desk, group, vec![step])
}

pub(super) fn delete(desk: &mut Desk<'_>, object: &str, tree: bool) -> Result<Change, ControlError> {
    let dn = dn_of(desk, object)?;
    Ok(desk
        .directory
        .delete(&desk.context, &DeleteRequest { dn, tree })?)
}

pub(super) fn rename(
    desk: &mut Desk<'_>,
    object: &str,
    to: Option<&str>,
    parent: Option<&str>,
) -> Result<Change, ControlError> {
    let dn = dn_of(desk, object)?;
    let kept = dn.rdn().map(ToString::to_string).unwrap_or_default();
    let request = RenameRequest {
        new_rdn: to.map_or(kept, str::to_owned),
        delete_old_rdn: true,
        new_superior: parent.map(|parent| read_dn(desk, parent)).transpose()?,
        dn,
    };
    Ok(desk.directory.rename(&desk.context, &request)?)
}

pub(super) fn put_user(desk: &mut Desk<'_>, user: &PutUser) -> Result<Change, ControlError> {
    let mut given: Vec<Attribute> = user
        .attributes
        .iter()
        .map(|(name, values)| attribute(name, values))
        .collect();
    if let Some(password) = &user.password {
        given.push(Attribute {
            name: "unicodePwd".to_owned(),
            values: vec![unicode_pwd::encode(password.expose_secret()).to_vec()],
        });
    }
    match find(desk.directory, &user.name) {
        Ok(object) => {
            let dn = desk.directory.dn(object);
            replace(desk, dn, given)
        }
        Err(_) => create_user(desk, user, given),
    }
}

/// Creates them all, or none.
pub(super) fn put_users(desk: &mut Desk<'_>, users: &PutUsers) -> Result<Change, ControlError> {
    if users.count > MAX_USERS_AT_ONCE {
        return Err(ControlError::TooMany(users.count));
    }
    all_or_nothing(desk, users.each(), |desk, user| put_user(desk, &user))
}

/// Does several things as one: what was done before a failure is taken back.
fn all_or_nothing<T>(
    desk: &mut Desk<'_>,
    each: impl Iterator<Item = T>,
    mut work: impl FnMut(&mut Desk<'_>, T) -> Result<Change, ControlError>,
) -> Result<Change, ControlError> {
    let mut done = Change::default();
    for one in each {
        match work(desk, one) {
            Ok(change) => done.absorb(change),
            Err(error) => {
                desk.directory.revert(done);
                return Err(error);
            }
        }
    }
    Ok(done)
}

pub(super) fn put_group(desk: &mut Desk<'_>, group: &PutGroup) -> Result<Change, ControlError> {
    let given: Vec<Attribute> = group
        .attributes
        .iter()
        .map(|(name, values)| attribute(name, values))
        .collect();
    let mut done = match find(desk.directory, &group.name) {
        Ok(object) => {
            let dn = desk.directory.dn(object);
            replace(desk, dn, given)?
        }
        Err(_) => create_group(desk, group, given)?,
    };
    match members(desk, &group.name, &group.members, true) {
        Ok(change) => {
            done.absorb(change);
            Ok(done)
        }
        Err(error) => {
            desk.directory.revert(done);
            Err(error)
        }
    }
}

fn create_group(
    desk: &mut Desk<'_>,
    group: &PutGroup,
    given: Vec<Attribute>,
) -> Result<Change, ControlError> {
    let defaults = [
        ("objectClass", "group"),
        ("sAMAccountName", group.name.as_str()),
        ("groupType", GLOBAL_SECURITY_GROUP),
    ];
    create(desk, &group.name, group.below.as_deref(), given, &defaults)
}

/// Adds an object below a container with what is given, and with the defaults of what is not.
fn create(
    desk: &mut Desk<'_>,
    name: &str,
    parent: Option<&str>,
    mut given: Vec<Attribute>,
    defaults: &[(&str, &str)],
) -> Result<Change, ControlError> {
    for (name, value) in defaults {
        if !given
            .iter()
            .any(|attribute| attribute.name.eq_ignore_ascii_case(name))
        {
            given.push(Attribute::new(name, &[value]));
        }
    }
    let parent = match parent {
        Some(parent) => read_dn(desk, parent)?,
        None => below("CN=Users", &desk.directory.identity().domain_dn()),
    };
    let rdn = provlab_protocol::dn::Rdn::new("CN", name)
        .map_err(|_| ControlError::Refused(LdapError::bad_name(name)))?;
    let request = AddRequest {
        dn: parent.child(rdn),
        attributes: given,
    };
    Ok(desk.directory.add(&desk.context, &request)?)
}

fn create_user(desk: &mut Desk<'_>, user: &PutUser, given: Vec<Attribute>) -> Result<Change, ControlError> {
    let domain = desk.directory.identity().domain.clone();
    let upn = format!("{}@{domain}", user.name);
    let mut defaults = vec![
        ("objectClass", "user"),
        ("sAMAccountName", user.name.as_str()),
        ("userPrincipalName", upn.as_str()),
    ];
    if user.password.is_some() {
        defaults.push(("userAccountControl", ENABLED_USER));
    }
    let shown = user
        .attributes
        .get("displayName")
        .and_then(|values| values.first());
    let name = shown.unwrap_or(&user.name);
    create(desk, name, user.below.as_deref(), given, &defaults)
}
