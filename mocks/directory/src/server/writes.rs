//! Adds, modifies, renames, deletes and compares: from the wire to the directory core and back.

use provlab_platform::trace::{Fields, field};
use provlab_protocol::ldap::answer;
use provlab_protocol::ldap_controls::SdFlags;

use super::controls::Controls;
use super::encode::Outcome;
use super::message::Operation;
use super::session::{Effect, Moment, Service, Session, fields};
use crate::directory::Directory;
use crate::model::{
    AddRequest, Change, Context, DeleteRequest, LdapError, ModifyRequest, RenameRequest, ResultCode,
};

/// Win32 `ERROR_DS_UNWILLING_TO_PERFORM`.
const UNWILLING: u32 = 0x2035;

pub(super) fn serve(
    session: &mut Session,
    moment: &mut Moment<'_>,
    id: i32,
    operation: Operation,
    controls: &Controls,
) -> Result<Vec<Effect>, LdapError> {
    if let Operation::Compare { dn, attribute, value } = operation {
        return compare(session, moment, id, &dn, &attribute, &value);
    }
    if session.service == Service::GlobalCatalog {
        return Err(LdapError::unwilling(UNWILLING));
    }
    if matches!(&operation, Operation::Modify { dn, .. } if dn.is_empty()) {
        // None of the operations that AD offers as writes to the rootDSE.
        return Err(LdapError::unwilling(UNWILLING));
    }
    let (name, tag, mut told) = describe(session, &operation)?;
    let context = session.context(moment);
    let result = perform(moment.directory, &context, operation, controls);
    let code = result.as_ref().err().map_or(0, |error| error.code as u8);
    told.insert("code".to_owned(), field(code));
    let last = match result {
        Ok(change) => session.commit(id, tag, change),
        Err(error) => Effect::Send(session.answer(id, tag, &Outcome::from(&error))),
    };
    Ok(vec![Effect::Report { name, fields: told }, last])
}

/// The event's name, the answer's tag, and what the event tells: names of attributes, never their values.
fn describe(session: &Session, operation: &Operation) -> Result<(&'static str, u8, Fields), LdapError> {
    let (name, tag, dn) = match operation {
        Operation::Add { dn, .. } => ("ldap.add", answer::ADD, dn),
        Operation::Modify { dn, .. } => ("ldap.modify", answer::MODIFY, dn),
        Operation::Delete { dn } => ("ldap.delete", answer::DELETE, dn),
        Operation::ModifyDn { dn, .. } => ("ldap.rename", answer::MODIFY_DN, dn),
        _ => return Err(LdapError::unwilling(UNWILLING)),
    };
    let mut told = fields([
        ("client", field(&session.client)),
        ("as", field(&session.name)),
        ("dn", field(dn)),
    ]);
    let attributes: Vec<&str> = match operation {
        Operation::Add { attributes, .. } => attributes.iter().map(|added| added.name.as_str()).collect(),
        Operation::Modify { changes, .. } => changes
            .iter()
            .map(|change| change.attribute.name.as_str())
            .collect(),
        _ => Vec::new(),
    };
    if !attributes.is_empty() {
        told.insert("attributes".to_owned(), field(attributes));
    }
    if let Operation::ModifyDn { new_rdn, .. } = operation {
        told.insert("to".to_owned(), field(new_rdn));
    }
    Ok((name, tag, told))
}

fn perform(
    directory: &mut Directory,
    context: &Context,
    operation: Operation,
    controls: &Controls,
) -> Result<Change, LdapError> {
    match operation {
        Operation::Add { dn, attributes } => {
            let dn = directory.read_name(&dn)?;
            directory.add(context, &AddRequest { dn, attributes })
        }
        Operation::Modify { dn, changes } => {
            let request = ModifyRequest {
                dn: directory.read_name(&dn)?,
                modifications: changes,
                permissive: controls.permissive_modify,
                policy_hints: controls.policy_hints,
                sd_flags: controls.sd_flags.map(SdFlags::bits),
            };
            directory.modify(context, &request)
        }
        Operation::Delete { dn } => {
            let dn = directory.read_name(&dn)?;
            let tree = controls.tree_delete;
            directory.delete(context, &DeleteRequest { dn, tree })
        }
        Operation::ModifyDn {
            dn,
            new_rdn,
            delete_old,
            new_superior,
        } => {
            let request = RenameRequest {
                dn: directory.read_name(&dn)?,
                new_rdn,
                delete_old_rdn: delete_old,
                new_superior: new_superior
                    .map(|parent| directory.read_name(&parent))
                    .transpose()?,
            };
            directory.rename(context, &request)
        }
        _ => Err(LdapError::unwilling(UNWILLING)),
    }
}

fn compare(
    session: &mut Session,
    moment: &Moment<'_>,
    id: i32,
    dn: &str,
    attribute: &str,
    value: &[u8],
) -> Result<Vec<Effect>, LdapError> {
    let dn = moment.directory.read_name(dn)?;
    let context = session.context(moment);
    let equal = moment.directory.compare(&context, &dn, attribute, value)?;
    let code = if equal {
        ResultCode::CompareTrue
    } else {
        ResultCode::CompareFalse
    };
    let outcome = Outcome::failure(u32::from(code as u8), "");
    Ok(vec![Effect::Send(session.answer(id, answer::COMPARE, &outcome))])
}
