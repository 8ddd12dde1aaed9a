//! Steps that change objects of a directory, as an administrator would with the usual tools.

use provlab_directory::control::{Command, PutUser};

use crate::{
    scenario::Step,
    world::{World, WorldError, default_password},
};

/// Performs `create-user`, `modify` or `delete`; other steps change no directory and do nothing here.
pub(super) async fn perform(world: &dyn World, step: &Step) -> Result<(), WorldError> {
    let (object, command): (&str, fn(&Step, &str) -> Option<Command>) = match step {
        Step::CreateUser(change) | Step::Modify(change) => (&change.object, command_of),
        Step::Delete(object) => (&object.object, command_of),
        _ => return Ok(()),
    };
    let (domain, name) = world.book().split(object)?;
    let Some(command) = command(step, name) else { return Ok(()) };
    world.directory(&domain.name, command).await.map(drop)
}

fn command_of(step: &Step, name: &str) -> Option<Command> {
    match step {
        Step::CreateUser(change) => Some(Command::PutUser(PutUser {
            name: name.to_owned(),
            below: None,
            password: Some(change.password.clone().unwrap_or_else(|| default_password(name))),
            attributes: change.set.clone(),
        })),
        Step::Modify(change) => Some(Command::Modify { object: name.to_owned(), set: change.set.clone() }),
        Step::Delete(_) => Some(Command::Delete { object: name.to_owned(), tree: false }),
        _ => None,
    }
}
