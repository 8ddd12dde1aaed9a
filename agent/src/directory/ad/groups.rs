//! Groups that the cloud keeps in the domain: found by their join key, made as universal security groups, changed, deleted (PR 10, 11).
//!
//! Every write goes from what is there to what shall be there, so that another agent, or this one once more, may do it again.

use provlab_protocol::dn::{Dn, Rdn};
use provlab_protocol::guid::Guid;
use provlab_protocol::scim::{
    DeleteGroup, EXTERNAL_ID_ATTRIBUTE, ErrorCode, GroupAction, GroupDeleted, GroupWritten, LdapErrorDetail,
    NAME_ATTRIBUTE, PARENT_ATTRIBUTE, PutGroup, ScimError,
};

use super::ActiveDirectory;
use super::members;
use super::resource::guid_of_entry;
use crate::directory::DirectoryError;
use crate::directory::ldap::{
    Attribute, Change, ChangeKind, Entry, Filter, LdapError, ResultCode, Scope, Search,
};

/// `groupType` of a universal security group, as Active Directory writes it.
const UNIVERSAL_SECURITY: &str = "-2147483640";
/// Bits of `groupType` (MS-ADTS 2.2.12).
const UNIVERSAL_SCOPE: i64 = 0x8;
const SECURITY_ENABLED: i64 = 0x8000_0000;
/// How often a write is begun anew when somebody else changed what it had just read.
const ATTEMPTS: usize = 3;
/// Refusals that mean that: another agent was faster, or an object went in the meantime.
const OVERTAKEN: [ResultCode; 4] = [
    ResultCode::NO_SUCH_ATTRIBUTE,
    ResultCode::ATTRIBUTE_OR_VALUE_EXISTS,
    ResultCode::NO_SUCH_OBJECT,
    ResultCode::ENTRY_ALREADY_EXISTS,
];

/// What a write has done so far, over all attempts.
#[derive(Default)]
pub(super) struct Done {
    created: bool,
    changed: Vec<String>,
    pub(super) added: u32,
    pub(super) removed: u32,
}

impl Done {
    fn changed(&mut self, name: &str) {
        if !self.changed.iter().any(|known| known == name) {
            self.changed.push(name.to_owned());
        }
    }

    fn action(&self) -> GroupAction {
        if self.created {
            GroupAction::Created
        } else if self.changed.is_empty() && self.added == 0 && self.removed == 0 {
            GroupAction::Unchanged
        } else {
            GroupAction::Updated
        }
    }
}

/// Where a group shall be.
struct Place {
    parent: Dn,
    rdn: Rdn,
}

impl Place {
    fn of(put: &PutGroup) -> Result<Self, DirectoryError> {
        let no_name = |what: &str, name: &str, detail: &dyn std::fmt::Display| {
            let message = format!("the {what} '{name}' cannot be a name in the directory: {detail}");
            refused(
                ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
                message,
                Some(LdapErrorDetail::new(34, "")),
            )
        };
        Ok(Self {
            parent: put
                .parent
                .parse()
                .map_err(|error| no_name("parentDistinguishedName", &put.parent, &error))?,
            rdn: Rdn::new("CN", &put.name).map_err(|error| no_name("cn", &put.name, &error))?,
        })
    }

    fn dn(&self) -> Dn {
        self.parent.child(self.rdn.clone())
    }
}

/// A group as it was found.
struct Found {
    guid: Guid,
    dn: Dn,
    entry: Entry,
}

/// Makes the group be what it shall be.
pub(super) async fn put(
    directory: &mut ActiveDirectory,
    put: &PutGroup,
) -> Result<GroupWritten, DirectoryError> {
    let place = Place::of(put)?;
    let mut done = Done::default();
    let mut attempt = 1;
    loop {
        match converge(directory, put, &place, &mut done).await {
            Err(DirectoryError::Ldap(error)) if attempt < ATTEMPTS && overtaken(&error) => attempt += 1,
            Err(DirectoryError::Ldap(error)) => return Err(in_words(error, &place)),
            result => return result,
        }
    }
}

fn overtaken(error: &LdapError) -> bool {
    OVERTAKEN.iter().any(|code| error.is(*code))
}

/// A refusal with what it is about. A missing container is the most frequent one, and the server does not name it.
fn in_words(error: LdapError, place: &Place) -> DirectoryError {
    let Some(refusal) = error.refusal() else {
        return DirectoryError::Ldap(error);
    };
    let plain = ScimError::from_ldap(refusal.code.0, &refusal.words());
    let hint = if refusal.code == ResultCode::NO_SUCH_OBJECT {
        "; make the container, or name another one in the mapping of parentDistinguishedName"
    } else {
        ""
    };
    let message = format!(
        "{} of '{}': LDAP result {}: {}{hint}",
        refusal.operation,
        place.dn(),
        refusal.code,
        refusal.words(),
    );
    refused(plain.code, message, plain.ldap)
}

async fn converge(
    directory: &mut ActiveDirectory,
    put: &PutGroup,
    place: &Place,
    done: &mut Done,
) -> Result<GroupWritten, DirectoryError> {
    let found = find(directory, put).await?;
    let (guid, dn) = match found {
        Some(found) => {
            check_type(&found)?;
            let dn = change(directory, put, place, &found, done).await?;
            (found.guid, dn)
        }
        None => {
            let guid = create(directory, put, place).await?;
            done.created = true;
            (guid, place.dn())
        }
    };
    let unresolved = members::change(directory, &dn, put, done).await?;
    Ok(GroupWritten {
        id: guid.as_uuid(),
        dn: dn.to_string(),
        action: done.action(),
        changed: done.changed.clone(),
        members_added: done.added,
        members_removed: done.removed,
        unresolved,
    })
}

async fn find(directory: &mut ActiveDirectory, put: &PutGroup) -> Result<Option<Found>, DirectoryError> {
    let key = Filter::equal(EXTERNAL_ID_ATTRIBUTE, &put.external_id);
    let identity = match put.id {
        Some(id) => Filter::Or(vec![
            key,
            Filter::equal("objectGUID", Guid::from(id).to_le_bytes()),
        ]),
        None => key,
    };
    let mut attributes: Vec<String> = ["objectGUID", "groupType", EXTERNAL_ID_ATTRIBUTE]
        .map(str::to_owned)
        .to_vec();
    attributes.extend(put.attributes.keys().cloned());
    only_one(directory, identity, attributes, &put.external_id).await
}

/// The group that a filter finds; several are refused (PR 11).
async fn only_one(
    directory: &mut ActiveDirectory,
    identity: Filter,
    attributes: Vec<String>,
    external_id: &str,
) -> Result<Option<Found>, DirectoryError> {
    let search = Search {
        base: directory.root.to_string(),
        scope: Scope::Subtree,
        filter: Filter::And(vec![Filter::equal("objectClass", "group"), identity]),
        attributes,
    };
    let mut entries = directory.connection.search(&search).await?;
    if entries.len() > 1 {
        let names: Vec<&str> = entries.iter().take(5).map(|entry| entry.dn.as_str()).collect();
        return Err(refused(
            ErrorCode::HybridSynchronizationActiveDirectoryUnexpectedDuplicateEntriesFound,
            format!(
                "{} groups match {EXTERNAL_ID_ATTRIBUTE} = {external_id}: {}; leave the attribute on one of them",
                entries.len(),
                names.join(" and ")
            ),
            None,
        ));
    }
    let Some(entry) = entries.pop() else {
        return Ok(None);
    };
    let guid = guid_of_entry(&entry).ok_or_else(|| directory.nonsense("an object without objectGUID"))?;
    let dn = entry
        .dn
        .parse()
        .map_err(|_| directory.nonsense("an object with a name that is none"))?;
    Ok(Some(Found { guid, dn, entry }))
}

/// Only a universal security group is taken over (PR 11).
fn check_type(found: &Found) -> Result<(), DirectoryError> {
    let kind = found.entry.text("groupType").and_then(|text| text.parse().ok());
    let kind: i64 = kind.unwrap_or_default();
    if kind & UNIVERSAL_SCOPE != 0 && kind & SECURITY_ENABLED != 0 {
        return Ok(());
    }
    Err(refused(
        ErrorCode::HybridSynchronizationActiveDirectoryInvalidGroupType,
        format!(
            "'{}' is no universal security group (groupType {kind}); convert it, or take the external id off it",
            found.dn
        ),
        None,
    ))
}

async fn create(
    directory: &mut ActiveDirectory,
    put: &PutGroup,
    place: &Place,
) -> Result<Guid, DirectoryError> {
    let mut attributes = vec![
        Attribute::text("objectClass", &["top", "group"]),
        Attribute::text("groupType", &[UNIVERSAL_SECURITY]),
    ];
    for (name, values) in wanted(put) {
        if !values.is_empty() {
            attributes.push(Attribute { name, values });
        }
    }
    let dn = place.dn().to_string();
    directory.connection.add(&dn, &attributes).await?;
    let guid = directory.guid_at(&dn).await?;
    guid.ok_or_else(|| directory.nonsense("no object where one was just made"))
}

/// The attributes of a request with the join key among them.
fn wanted(put: &PutGroup) -> impl Iterator<Item = (String, Vec<Vec<u8>>)> + '_ {
    let key = (
        EXTERNAL_ID_ATTRIBUTE.to_owned(),
        vec![put.external_id.clone().into_bytes()],
    );
    let others = put
        .attributes
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case(EXTERNAL_ID_ATTRIBUTE));
    std::iter::once(key).chain(others.map(|(name, values)| {
        let values = values.iter().map(|value| value.clone().into_bytes()).collect();
        (name.clone(), values)
    }))
}

/// Changes what differs; gives the name that the group has then.
async fn change(
    directory: &mut ActiveDirectory,
    put: &PutGroup,
    place: &Place,
    found: &Found,
    done: &mut Done,
) -> Result<Dn, DirectoryError> {
    let mut changes = Vec::new();
    for (attribute, values) in wanted(put) {
        if !put.is_only_at_creation(&attribute) && !same(found.entry.values(&attribute), &values) {
            changes.push(Change {
                kind: ChangeKind::Replace,
                attribute,
                values,
            });
        }
    }
    if !changes.is_empty() {
        let dn = found.dn.to_string();
        directory.connection.modify(&dn, &changes, &[]).await?;
        changes.iter().for_each(|change| done.changed(&change.attribute));
    }
    let stays = |attribute: &str| put.is_only_at_creation(attribute);
    let moved = !stays(PARENT_ATTRIBUTE) && found.dn.parent().as_ref() != Some(&place.parent);
    // A name that differs in nothing but case is another name for a person.
    let renamed = !stays(NAME_ATTRIBUTE) && found.dn.rdn().map(Rdn::value) != Some(place.rdn.value());
    let (Some(rdn), Some(parent)) = (found.dn.rdn(), found.dn.parent()) else {
        return Ok(found.dn.clone());
    };
    let rdn = if renamed { &place.rdn } else { rdn };
    let parent = if moved { &place.parent } else { &parent };
    if moved || renamed {
        let superior = moved.then(|| parent.to_string());
        directory
            .connection
            .rename(&found.dn.to_string(), &rdn.to_string(), superior.as_deref())
            .await?;
    }
    if renamed {
        done.changed(NAME_ATTRIBUTE);
    }
    if moved {
        done.changed(PARENT_ATTRIBUTE);
    }
    Ok(parent.child(rdn.clone()))
}

/// Whether two lists hold the same values; a directory keeps them in no order.
fn same(one: &[Vec<u8>], other: &[Vec<u8>]) -> bool {
    one.len() == other.len() && other.iter().all(|value| one.contains(value))
}

/// Makes the group not be there.
pub(super) async fn delete(
    directory: &mut ActiveDirectory,
    delete: &DeleteGroup,
) -> Result<GroupDeleted, DirectoryError> {
    let key = Filter::equal(EXTERNAL_ID_ATTRIBUTE, &delete.external_id);
    let attributes = vec!["objectGUID".to_owned()];
    let Some(found) = only_one(directory, key, attributes, &delete.external_id).await? else {
        return Ok(GroupDeleted { id: None });
    };
    match directory.connection.delete(&found.dn.to_string()).await {
        Ok(()) => Ok(GroupDeleted {
            id: Some(found.guid.as_uuid()),
        }),
        // Another agent was faster.
        Err(error) if error.is(ResultCode::NO_SUCH_OBJECT) => Ok(GroupDeleted { id: None }),
        Err(error) => Err(error.into()),
    }
}

fn refused(code: ErrorCode, message: String, ldap: Option<LdapErrorDetail>) -> DirectoryError {
    DirectoryError::Object { code, message, ldap }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn texts(values: &[&str]) -> Vec<Vec<u8>> {
        values.iter().map(|value| value.as_bytes().to_vec()).collect()
    }

    #[test]
    fn values_are_compared_as_sets_and_by_the_letter() {
        assert!(same(&texts(&["a", "b"]), &texts(&["b", "a"])));
        assert!(!same(&texts(&["a"]), &texts(&["A"])));
        assert!(!same(&texts(&["a", "b"]), &texts(&["a"])));
        assert!(same(&[], &[]));
    }

    #[test]
    fn names_that_are_none_are_refused_before_the_server_is_asked() {
        let place =
            |parent: &str, name: &str| Place::of(&PutGroup::new("contoso.com", "Group_1", parent, name));
        assert_eq!(
            place("OU=Groups,DC=contoso,DC=com", "Sales, EMEA")
                .unwrap()
                .dn()
                .to_string(),
            r"CN=Sales\, EMEA,OU=Groups,DC=contoso,DC=com"
        );
        for (parent, name) in [("Groups", "a"), ("OU=Groups,DC=contoso,DC=com", "")] {
            let error = place(parent, name).err().unwrap().to_scim();
            // An entry's own fault, and no reason to end the cycle.
            assert_eq!(error.ldap.unwrap().result_code, 34);
        }
    }

    #[test]
    fn the_join_key_is_written_once() {
        let mut put = PutGroup::new("contoso.com", "Group_1", "DC=contoso,DC=com", "a");
        put.attributes.insert(
            "MSDS-externalDirectoryObjectId".to_owned(),
            vec!["Group_2".to_owned()],
        );
        put.attributes.insert("description".to_owned(), Vec::new());
        let all: Vec<_> = wanted(&put).collect();
        assert_eq!(
            all,
            [
                (EXTERNAL_ID_ATTRIBUTE.to_owned(), texts(&["Group_1"])),
                ("description".to_owned(), Vec::new())
            ]
        );
    }
}
