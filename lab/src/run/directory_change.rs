//! Steps that change objects of a directory, as an administrator would with the usual tools.

use provlab_directory::control::{Command, PutUser};
use provlab_protocol::dn::Rdn;

use crate::{
    scenario::{Change, DirectoryObject, Membership, Rename},
    world::{World, WorldError, default_password},
};

/// `create-user`.
pub(super) async fn create_user(world: &dyn World, change: &Change) -> Result<(), WorldError> {
    let (domain, name) = world.book().split(&change.object)?;
    let user = PutUser {
        name: name.to_owned(),
        below: None,
        password: Some(change.password.clone().unwrap_or_else(|| default_password(name))),
        attributes: change.set.clone(),
    };
    world
        .directory(&domain.name, Command::PutUser(user))
        .await
        .map(drop)
}

/// `modify`.
pub(super) async fn modify(world: &dyn World, change: &Change) -> Result<(), WorldError> {
    let (domain, name) = world.book().split(&change.object)?;
    let command = Command::Modify {
        object: name.to_owned(),
        set: change.set.clone(),
    };
    world.directory(&domain.name, command).await.map(drop)
}

/// `delete`.
pub(super) async fn delete(world: &dyn World, object: &DirectoryObject) -> Result<(), WorldError> {
    let (domain, name) = world.book().split(&object.object)?;
    let command = Command::Delete {
        object: name.to_owned(),
        tree: false,
    };
    world.directory(&domain.name, command).await.map(drop)
}

/// `rename`.
pub(super) async fn rename(world: &dyn World, rename: &Rename) -> Result<(), WorldError> {
    let (domain, name) = world.book().split(&rename.object)?;
    let to = Rdn::new("CN", &rename.to)
        .map_err(|error| WorldError::Lab(format!("`{}` is no name: {error}", rename.to)))?;
    let command = Command::Rename {
        object: name.to_owned(),
        to: Some(to.to_string()),
        below: None,
    };
    world.directory(&domain.name, command).await.map(drop)
}

/// `add-member`.
pub(super) async fn add_member(world: &dyn World, both: &Membership) -> Result<(), WorldError> {
    membership(world, both, |group, members| Command::AddMembers {
        group,
        members,
    })
    .await
}

/// `remove-member`.
pub(super) async fn remove_member(world: &dyn World, both: &Membership) -> Result<(), WorldError> {
    membership(world, both, |group, members| Command::RemoveMembers {
        group,
        members,
    })
    .await
}

async fn membership(
    world: &dyn World,
    both: &Membership,
    command: impl FnOnce(String, Vec<String>) -> Command,
) -> Result<(), WorldError> {
    let (domain, group) = world.book().split(&both.group)?;
    let (_, member) = world.book().split(&both.member)?;
    let command = command(group.to_owned(), vec![member.to_owned()]);
    world.directory(&domain.name, command).await.map(drop)
}
