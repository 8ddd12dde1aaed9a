//! Steps that change a directory, as an administrator would with the usual tools.

use provlab_directory::control::{Attributes, Command, PutGroup, PutUser, PutUsers};
use provlab_protocol::dn::{Dn, Rdn};
use secrecy::SecretString;

use crate::{
    scenario::{
        Located, ManyMembers, ManyUsers, Membership, NewGroup, NewUser, OrganizationalUnit, RenamedUnit, Step,
    },
    world::{World, WorldError, default_password},
};

/// Makes a step about a directory happen.
///
/// # Errors
/// If the directory refuses, or the stage cannot do it.
pub(super) async fn perform(world: &dyn World, step: &Step) -> Result<(), WorldError> {
    if let Some((domain, trouble)) = trouble(world, step)? {
        return ask(world, domain, trouble).await;
    }
    match step {
        Step::CreateUser(user) => create_user(world, user).await,
        Step::CreateUsers(users) => create_users(world, users).await,
        Step::CreateGroup(group) => create_group(world, group).await,
        Step::CreateOrganizationalUnit(unit) => create_unit(world, unit).await,
        Step::Modify(change) => {
            let set = change.set.clone();
            on(world, &change.object, |object| Command::Modify { object, set }).await
        }
        Step::Delete(what) => {
            on(world, &what.object, |object| Command::Delete {
                object,
                tree: false,
            })
            .await
        }
        Step::DeleteTree(unit) => {
            let object = unit.dn.value.clone();
            ask(world, &unit.domain, Command::Delete { object, tree: true }).await
        }
        Step::Rename(what) => {
            let to = Some(relative("CN", &what.to)?);
            on(world, &what.object, |object| Command::Rename {
                object,
                to,
                below: None,
            })
            .await
        }
        Step::RenameOrganizationalUnit(unit) => rename_unit(world, unit).await,
        Step::Move(what) => {
            let below = Some(what.below.value.clone());
            on(world, &what.object, |object| Command::Rename {
                object,
                to: None,
                below,
            })
            .await
        }
        Step::SetPassword(what) => {
            let (domain, name) = world.book().split(&what.account)?;
            let command = Command::ChangePassword {
                account: name.to_owned(),
                password: what.password.clone(),
            };
            ask(world, &domain.name, command).await
        }
        Step::AddMember(both) => join(world, both, true).await,
        Step::RemoveMember(both) => join(world, both, false).await,
        Step::AddMembers(many) => join_many(world, many, true).await,
        Step::RemoveMembers(many) => join_many(world, many, false).await,
        Step::ReplaceDomainController(what) => {
            ask(world, &what.directory, Command::ReplaceDomainController).await
        }
        other => Err(WorldError::Lab(format!(
            "`{}` is no step of a directory",
            other.word()
        ))),
    }
}

/// The account that a step is about, and what befalls it.
fn trouble<'a>(world: &'a dyn World, step: &'a Step) -> Result<Option<(&'a str, Command)>, WorldError> {
    let (Step::ExpirePassword(what)
    | Step::ChangePassword(what)
    | Step::RequirePasswordChange(what)
    | Step::DisableAccount(what)
    | Step::EnableAccount(what)
    | Step::LockAccount(what)) = step
    else {
        return Ok(None);
    };
    let (domain, name) = world.book().split(&what.account)?;
    let account = name.to_owned();
    let command = match step {
        Step::ExpirePassword(_) => Command::ExpirePassword { account },
        Step::ChangePassword(_) => Command::ChangePassword {
            account,
            password: default_password(&format!("{} after the change", what.account.value)),
        },
        Step::RequirePasswordChange(_) => Command::RequirePasswordChange { account },
        Step::EnableAccount(_) => Command::EnableAccount { account },
        Step::LockAccount(_) => Command::LockAccount { account },
        _ => Command::DisableAccount { account },
    };
    Ok(Some((&domain.name.value, command)))
}

async fn ask(world: &dyn World, domain: &str, command: Command) -> Result<(), WorldError> {
    world.directory(domain, command).await.map(drop)
}

/// Asks the directory of an object for something about it, by the name that the directory knows it by.
async fn on(
    world: &dyn World,
    object: &str,
    command: impl FnOnce(String) -> Command,
) -> Result<(), WorldError> {
    let (domain, name) = world.book().split(object)?;
    ask(world, &domain.name, command(name.to_owned())).await
}

fn relative(attribute: &str, name: &str) -> Result<String, WorldError> {
    Rdn::new(attribute, name)
        .map(|rdn| rdn.to_string())
        .map_err(|error| WorldError::Lab(format!("`{name}` is no name: {error}")))
}

fn place(below: Option<&Located<String>>) -> Option<String> {
    below.map(|below| below.value.clone())
}

async fn create_user(world: &dyn World, user: &NewUser) -> Result<(), WorldError> {
    on(world, &user.object, |name| {
        let password: SecretString = user.password.clone().unwrap_or_else(|| default_password(&name));
        Command::PutUser(PutUser {
            name,
            below: place(user.below.as_ref()),
            password: Some(password),
            attributes: user.set.clone(),
        })
    })
    .await
}

async fn create_users(world: &dyn World, users: &ManyUsers) -> Result<(), WorldError> {
    let command = Command::PutUsers(PutUsers {
        prefix: users.prefix.clone(),
        first: users.first.unwrap_or(1),
        count: users.count.value,
        below: place(users.below.as_ref()),
        password: Some(default_password(&users.prefix)),
        attributes: users.set.clone(),
    });
    ask(world, &users.domain, command).await
}

async fn create_group(world: &dyn World, group: &NewGroup) -> Result<(), WorldError> {
    let members = group
        .members
        .iter()
        .map(|member| world.book().split(member).map(|(_, name)| name.to_owned()))
        .collect::<Result<_, _>>()?;
    on(world, &group.object, |name| {
        Command::PutGroup(PutGroup {
            name,
            below: place(group.below.as_ref()),
            attributes: group.set.clone(),
            members,
        })
    })
    .await
}

async fn create_unit(world: &dyn World, unit: &OrganizationalUnit) -> Result<(), WorldError> {
    let class = vec!["organizationalUnit".to_owned()];
    let command = Command::Add {
        dn: unit.dn.value.clone(),
        attributes: Attributes::from_iter([("objectClass".to_owned(), class)]),
    };
    ask(world, &unit.domain, command).await
}

async fn rename_unit(world: &dyn World, unit: &RenamedUnit) -> Result<(), WorldError> {
    // A container that is no unit keeps the attribute that it is named by.
    let dn: Option<Dn> = unit.dn.value.parse().ok();
    let attribute = dn.as_ref().and_then(Dn::rdn).map_or("OU", |rdn| rdn.attribute());
    let command = Command::Rename {
        object: unit.dn.value.clone(),
        to: Some(relative(attribute, &unit.to)?),
        below: None,
    };
    ask(world, &unit.domain, command).await
}

fn membership(group: String, members: Vec<String>, come: bool) -> Command {
    if come {
        Command::AddMembers { group, members }
    } else {
        Command::RemoveMembers { group, members }
    }
}

async fn join(world: &dyn World, both: &Membership, comes: bool) -> Result<(), WorldError> {
    let (_, member) = world.book().split(&both.member)?;
    let members = vec![member.to_owned()];
    on(world, &both.group, |group| membership(group, members, comes)).await
}

async fn join_many(world: &dyn World, many: &ManyMembers, come: bool) -> Result<(), WorldError> {
    let first = many.first.unwrap_or(1);
    let numbers = first..first.saturating_add(many.count.value);
    let members = numbers.map(|number| format!("{}{number}", many.prefix)).collect();
    on(world, &many.group, |group| membership(group, members, come)).await
}
