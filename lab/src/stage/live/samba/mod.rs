//! A Samba AD domain controller as the directory of a domain.

mod accounts;
mod admin;
mod fill;

use std::{cell::RefCell, collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use provlab_containers::Samba;
use provlab_directory::{
    Config,
    control::{self, Attributes, Command, DumpedEntry, PutGroup, PutUser, Reply},
};
use provlab_platform::net::real::NameTable;
use provlab_protocol::{dn::Rdn, filetime::FileTime};
use secrecy::SecretString;
use time::OffsetDateTime;

use self::admin::{Admin, AdminError, password_value};
use super::{
    container::Container,
    reader::{self, Reader},
    server::{DirectoryServer, asks_for_everything},
};
use crate::{
    scenario::StageName,
    world::{Power, WorldError},
};

/// `userAccountControl` of a user that can log on (PR 16.4).
const ENABLED_USER: &str = "512";
/// `groupType` of a global security group (PR 16.4).
const GLOBAL_SECURITY_GROUP: &str = "-2147483646";
/// Members that one modification adds or removes.
const MEMBERS_AT_ONCE: usize = 500;

/// The container with the domain in it.
pub(super) struct SambaServer {
    container: Container<Samba>,
    names: NameTable,
    reader: Reader,
    domain: String,
    /// Names in lower case of what is no part of the story: what the new domain held, and the means of the lab.
    hidden: RefCell<BTreeSet<String>>,
}

impl SambaServer {
    /// Puts what `config` declares into the domain that `container` serves.
    ///
    /// # Errors
    /// If the domain refuses it, or the configuration cannot be built.
    pub(super) async fn furnish(
        container: Samba,
        reader: Reader,
        config: &Config,
    ) -> Result<Self, WorldError> {
        let server = Self {
            names: container.names().clone(),
            container: Container::new(container, &config.domain),
            domain: config.domain.clone(),
            reader,
            hidden: RefCell::default(),
        };
        let provisioned = server.read().await?;
        let provisioned = provisioned.into_iter().map(|entry| entry.dn.to_lowercase());
        server.hidden.borrow_mut().extend(provisioned);
        let declared = control::declared(config).map_err(|error| WorldError::Lab(error.to_string()))?;
        server
            .as_administrator(async |admin| fill::fill(admin, config, &declared).await)
            .await?;
        Ok(server)
    }

    /// What a stock client sees, without what is hidden.
    async fn read(&self) -> Result<Vec<DumpedEntry>, WorldError> {
        let tree = Box::pin(reader::dump(&self.reader)).await;
        let mut tree = tree.map_err(|error| self.reader.refused(&error))?;
        let hidden = self.hidden.borrow();
        let seen = |name: &str| !hidden.contains(&name.to_lowercase());
        tree.retain(|entry| seen(&entry.dn));
        for entry in &mut tree {
            entry.attributes.retain(|_, values| {
                values.retain(|value| seen(value));
                !values.is_empty()
            });
        }
        Ok(tree)
    }

    fn hide(&self, dn: &str) {
        self.hidden.borrow_mut().insert(dn.to_lowercase());
    }

    async fn as_administrator<T>(
        &self,
        work: impl AsyncFnOnce(&mut Admin) -> Result<T, AdminError>,
    ) -> Result<T, WorldError> {
        let done = async {
            let mut admin = Admin::log_on(&self.reader).await?;
            let done = work(&mut admin).await;
            admin.log_off().await;
            done
        };
        Box::pin(done).await.map_err(|error| WorldError::Refused {
            by: format!("the directory of {}", self.domain),
            message: error.to_string(),
        })
    }

    async fn carry_out(&self, admin: &mut Admin, command: Command) -> Result<(), AdminError> {
        use Command as C;
        match command {
            C::ExpirePassword { account } => {
                self.hide(&accounts::policy_dn(admin, &account));
                accounts::expire_password(admin, &account).await
            }
            C::ChangePassword { account, password } => {
                accounts::change_password(admin, &account, &password).await
            }
            C::RequirePasswordChange { account } => set(admin, &account, "pwdLastSet", "0").await,
            C::DisableAccount { account } => accounts::set_disabled(admin, &account, true).await,
            C::EnableAccount { account } => accounts::set_disabled(admin, &account, false).await,
            C::ExpireAccount { account } => {
                let now = FileTime::from_datetime(OffsetDateTime::now_utc()).unwrap_or(FileTime::ZERO);
                set(admin, &account, "accountExpires", &now.0.to_string()).await
            }
            C::LockAccount { account } => {
                self.hide(&accounts::policy_dn(admin, &account));
                accounts::lock(admin, &self.reader, &account).await
            }
            C::UnlockAccount { account } => set(admin, &account, "lockoutTime", "0").await,
            C::SetPolicy(policy) => accounts::set_policy(admin, &policy).await,
            C::PutUser(user) => put_user(admin, &self.domain, &user).await,
            C::Add { dn, attributes } => admin.add(&dn, &attributes, None).await,
            C::Modify { object, set } => {
                let dn = admin.find(&object).await?;
                admin.replace(&dn, &values(&set)).await
            }
            C::PutUsers(users) => {
                for user in users.each() {
                    put_user(admin, &self.domain, &user).await?;
                }
                Ok(())
            }
            C::PutGroup(group) => put_group(admin, &group).await,
            C::AddMembers { group, members } => join(admin, &group, &members, true).await,
            C::RemoveMembers { group, members } => join(admin, &group, &members, false).await,
            C::Delete { object, tree } => {
                let dn = admin.find(&object).await?;
                admin.delete(&dn, tree).await
            }
            C::Rename { object, to, below } => {
                let dn = admin.find(&object).await?;
                admin.rename(&dn, to.as_deref(), below.as_deref()).await
            }
            // Asked for elsewhere, or refused.
            C::Dump { .. } | C::Statistics | C::ReplaceDomainController | C::RevokeRight { .. } => Ok(()),
        }
    }
}

fn values(attributes: &Attributes) -> Vec<(&str, Vec<Vec<u8>>)> {
    attributes
        .iter()
        .map(|(name, values)| {
            let values = values.iter().map(|value| value.clone().into_bytes()).collect();
            (name.as_str(), values)
        })
        .collect()
}

async fn set(admin: &mut Admin, object: &str, attribute: &str, value: &str) -> Result<(), AdminError> {
    let dn = admin.find(object).await?;
    admin.set(&dn, attribute, value).await
}

async fn join(admin: &mut Admin, group: &str, members: &[String], come: bool) -> Result<(), AdminError> {
    let group = admin.find(group).await?;
    let mut names = Vec::with_capacity(members.len());
    for member in members {
        names.push(admin.find(member).await?);
    }
    for some in names.chunks(MEMBERS_AT_ONCE) {
        admin.members(&group, some, come).await?;
    }
    Ok(())
}

/// Changes the group that is there, or creates one as `Command::PutGroup` says.
async fn put_group(admin: &mut Admin, group: &PutGroup) -> Result<(), AdminError> {
    match admin.find(&group.name).await {
        Ok(dn) => admin.replace(&dn, &values(&group.attributes)).await?,
        Err(AdminError::Unknown(_)) => {
            let defaults = [
                ("objectClass", "group"),
                ("sAMAccountName", group.name.as_str()),
                ("groupType", GLOBAL_SECURITY_GROUP),
            ];
            let attributes = with_defaults(&group.attributes, &defaults);
            let dn = place(admin, &group.name, group.below.as_deref())?;
            admin.add(&dn, &attributes, None).await?;
        }
        Err(error) => return Err(error),
    }
    join(admin, &group.name, &group.members, true).await
}

/// What is given, and the defaults of what is not.
fn with_defaults(given: &Attributes, defaults: &[(&str, &str)]) -> Attributes {
    let mut attributes = given.clone();
    for (name, value) in defaults {
        if !attributes.keys().any(|given| given.eq_ignore_ascii_case(name)) {
            attributes.insert((*name).to_owned(), vec![(*value).to_owned()]);
        }
    }
    attributes
}

/// The name of a new object below a container; the container Users if none is given.
fn place(admin: &Admin, name: &str, below: Option<&str>) -> Result<String, AdminError> {
    let rdn = Rdn::new("CN", name).map_err(|_| AdminError::Name(name.to_owned()))?;
    let parent = below.map_or_else(|| format!("CN=Users,{}", admin.base()), str::to_owned);
    Ok(format!("{rdn},{parent}"))
}

/// Changes the user that is there, or creates one as `Command::PutUser` says.
async fn put_user(admin: &mut Admin, domain: &str, user: &PutUser) -> Result<(), AdminError> {
    match admin.find(&user.name).await {
        Ok(dn) => {
            let mut set = values(&user.attributes);
            set.extend(
                user.password
                    .as_ref()
                    .map(|password: &SecretString| ("unicodePwd", vec![password_value(password)])),
            );
            admin.replace(&dn, &set).await
        }
        Err(AdminError::Unknown(_)) => {
            let upn = format!("{}@{domain}", user.name);
            let mut defaults = vec![
                ("objectClass", "user"),
                ("sAMAccountName", user.name.as_str()),
                ("userPrincipalName", upn.as_str()),
            ];
            if user.password.is_some() {
                defaults.push(("userAccountControl", ENABLED_USER));
            }
            let attributes = with_defaults(&user.attributes, &defaults);
            let shown = user
                .attributes
                .get("displayName")
                .and_then(|values| values.first());
            let dn = place(admin, shown.unwrap_or(&user.name), user.below.as_deref())?;
            admin.add(&dn, &attributes, user.password.as_ref()).await
        }
        Err(error) => Err(error),
    }
}

#[async_trait(?Send)]
impl DirectoryServer for SambaServer {
    fn names(&self) -> &NameTable {
        &self.names
    }

    async fn ask(&self, command: Command) -> Result<Reply, WorldError> {
        if asks_for_everything(&command) {
            return self.read().await.map(Reply::Tree);
        }
        let cannot = match command {
            Command::Dump { .. } | Command::Statistics => "show a part of the directory's own database",
            Command::ReplaceDomainController => {
                "replace the domain controller: a restored one is a second domain controller, and a world has one"
            }
            Command::RevokeRight { .. } => "revoke a right: it leaves the descriptor of the domain as it is",
            _ => "",
        };
        if !cannot.is_empty() {
            return Err(WorldError::NotOnStage {
                stage: StageName::Samba,
                what: cannot.into(),
            });
        }
        self.as_administrator(async |admin| Box::pin(self.carry_out(admin, command)).await)
            .await
            .map(|()| Reply::Done)
    }

    async fn crash(&self) -> Result<(), WorldError> {
        self.power(Power::Stop).await?;
        self.power(Power::Start).await
    }

    async fn power(&self, power: Power) -> Result<(), WorldError> {
        self.container.power(power).await
    }

    async fn broken(&self) -> WorldError {
        self.container.broken().await
    }

    async fn trace_log(&self) {
        self.container.trace_log().await;
    }

    async fn close(&self, _limit: Duration) {
        self.container.close().await;
    }
}
