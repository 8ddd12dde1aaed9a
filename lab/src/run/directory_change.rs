//! Steps that change objects of a directory, as an administrator would with the usual tools.

use provlab_directory::control::{Command, PutUser};

use crate::{
    scenario::{Change, DirectoryObject},
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
