//! The handle through which a running directory is controlled.

use std::sync::Arc;

use provlab_platform::trace::field;
use provlab_protocol::filetime::FileTime;
use provlab_protocol::guid::Guid;

use super::command::{Command, ControlError, Reply, Statistics};
use super::{accounts, dump, objects};
use crate::access::Token;
use crate::bind;
use crate::directory::Directory;
use crate::model::{Change, Context, Object};
use crate::server::shared::Shared;

/// Controls a running directory. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// What carries out a writing command: the directory, and the circumstances of the domain controller itself.
pub(super) struct Desk<'a> {
    pub(super) directory: &'a mut Directory,
    pub(super) context: Context,
}

impl Desk<'_> {
    pub(super) fn now(&self) -> FileTime {
        self.context.now
    }
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Carries out one command.
    ///
    /// # Errors
    /// Nothing has the name, the directory refuses, or the change cannot be stored; nothing is changed then.
    pub async fn control(&self, command: Command) -> Result<Reply, ControlError> {
        let name = event_name(&command);
        let result = self.carry_out(command);
        if let Some((name, about)) = name
            && result.is_ok()
        {
            let fields = [("object".to_owned(), field(about))];
            self.shared.report(name, fields.into_iter().collect());
        }
        result
    }

    fn carry_out(&self, command: Command) -> Result<Reply, ControlError> {
        use Command as C;
        match command {
            C::Statistics => Ok(Reply::Statistics(self.shared.read(|directory, _| Statistics {
                objects: directory.database().len(),
                links: directory.database().link_count(),
                highest_committed_usn: directory.highest_committed_usn(),
            }))),
            C::Dump {
                base,
                attributes,
                system,
                deleted,
            } => {
                let wanted = dump::Wanted {
                    base,
                    attributes,
                    system,
                    deleted,
                };
                self.with_desk(|desk| dump::dump(desk, &wanted).map(Reply::Tree))
            }
            writing => self.write(|desk| match writing {
                C::ExpirePassword { account } => accounts::expire_password(desk, &account),
                C::ChangePassword { account, password } => {
                    accounts::change_password(desk, &account, &password)
                }
                C::RequirePasswordChange { account } => accounts::set(desk, &account, "pwdLastSet", 0),
                C::DisableAccount { account } => accounts::set_disabled(desk, &account, true),
                C::EnableAccount { account } => accounts::set_disabled(desk, &account, false),
                C::ExpireAccount { account } => {
                    let now = desk.now().0;
                    accounts::set(desk, &account, "accountExpires", now)
                }
                C::LockAccount { account } => accounts::lock(desk, &account),
                C::UnlockAccount { account } => accounts::unlock(desk, &account),
                C::SetPolicy(policy) => accounts::set_policy(desk, &policy),
                C::RevokeRight { right } => objects::revoke_right(desk, right),
                C::PutUser(user) => objects::put_user(desk, &user),
                C::Add { dn, attributes } => objects::add(desk, &dn, &attributes),
                C::Modify { object, set } => objects::modify(desk, &object, &set),
                C::PutUsers(users) => objects::put_users(desk, &users),
                C::PutGroup(group) => objects::put_group(desk, &group),
                C::AddMembers { group, members } => objects::members(desk, &group, &members, true),
                C::RemoveMembers { group, members } => objects::members(desk, &group, &members, false),
                C::Delete { object, tree } => objects::delete(desk, &object, tree),
                C::Rename { object, to, below } => {
                    objects::rename(desk, &object, to.as_deref(), below.as_deref())
                }
                C::ReplaceDomainController => {
                    let (now, id) = (desk.now(), desk.context.entropy.uuid());
                    Ok(desk.directory.restored(now, Guid::from(id))?)
                }
                C::Statistics | C::Dump { .. } => Ok(Change::default()),
            }),
        }
    }

    fn with_desk<T>(&self, work: impl FnOnce(&mut Desk<'_>) -> T) -> T {
        let mut directory = self.shared.lock();
        work(&mut Desk {
            directory: &mut directory,
            context: self.context(),
        })
    }

    fn write(
        &self,
        work: impl FnOnce(&mut Desk<'_>) -> Result<Change, ControlError>,
    ) -> Result<Reply, ControlError> {
        let mut directory = self.shared.lock();
        let change = work(&mut Desk {
            directory: &mut directory,
            context: self.context(),
        })?;
        if self.shared.persist(&mut directory, change) {
            Ok(Reply::Done)
        } else {
            Err(ControlError::NotStored)
        }
    }

    fn context(&self) -> Context {
        Context {
            token: Arc::new(Token::system()),
            now: self.shared.now(),
            sealed: true,
            entropy: self.shared.entropy().clone(),
        }
    }
}

/// The object that a command names.
pub(super) fn find<'a>(directory: &'a Directory, name: &str) -> Result<&'a Object, ControlError> {
    directory
        .by_sam_account_name(name)
        .or_else(|| bind::resolve(directory, name))
        .ok_or_else(|| ControlError::Unknown(name.to_owned()))
}

/// The event that tells of a command, and what it is about. Reading leaves no event.
fn event_name(command: &Command) -> Option<(&'static str, String)> {
    use Command as C;
    let (name, about) = match command {
        C::ExpirePassword { account } => ("directory.expire-password", account),
        C::ChangePassword { account, .. } => ("directory.change-password", account),
        C::RequirePasswordChange { account } => ("directory.require-password-change", account),
        C::DisableAccount { account } => ("directory.disable-account", account),
        C::EnableAccount { account } => ("directory.enable-account", account),
        C::ExpireAccount { account } => ("directory.expire-account", account),
        C::LockAccount { account } => ("directory.lock-account", account),
        C::UnlockAccount { account } => ("directory.unlock-account", account),
        C::PutUser(user) => ("directory.put-user", &user.name),
        C::Add { dn, .. } => ("directory.add", dn),
        C::Modify { object, .. } => ("directory.modify", object),
        C::PutUsers(users) => ("directory.put-users", &users.prefix),
        C::PutGroup(group) => ("directory.put-group", &group.name),
        C::AddMembers { group, .. } => ("directory.add-members", group),
        C::RemoveMembers { group, .. } => ("directory.remove-members", group),
        C::Delete { object, .. } => ("directory.delete", object),
        C::Rename { object, .. } => ("directory.rename", object),
        C::ReplaceDomainController => {
            return Some(("directory.replace-domain-controller", "domain".to_owned()));
        }
        C::RevokeRight { right } => return Some(("directory.revoke-right", right.to_string())),
        C::SetPolicy(_) => return Some(("directory.set-policy", "domain".to_owned())),
        C::Dump { .. } | C::Statistics => return None,
    };
    Some((name, about.clone()))
}
