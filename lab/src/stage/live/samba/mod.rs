//! A Samba AD domain controller as the directory of a domain.

mod accounts;
mod admin;
mod fill;

use std::time::Duration;

use async_trait::async_trait;
use provlab_containers::{ContainerError, Samba};
use provlab_directory::{
    Config,
    control::{self, Attributes, Command, PutUser, Reply},
};
use provlab_platform::net::real::NameTable;
use provlab_protocol::{dn::Rdn, filetime::FileTime};
use secrecy::SecretString;
use time::OffsetDateTime;
use tokio::sync::Mutex;

use self::admin::{Admin, AdminError, password_value};
use super::{
    reader::{self, Reader},
    server::{DirectoryServer, asks_for_everything},
};
use crate::{
    scenario::StageName,
    world::{Power, WorldError},
};

/// `userAccountControl` of a user that can log on (PR 16.4).
const ENABLED_USER: &str = "512";

/// The container with the domain in it.
pub(super) struct SambaServer {
    /// Empty after the end.
    container: Mutex<Option<Samba>>,
    names: NameTable,
    reader: Reader,
    domain: String,
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
            container: Mutex::new(Some(container)),
            domain: config.domain.clone(),
            reader,
        };
        let declared = control::declared(config).map_err(|error| WorldError::Lab(error.to_string()))?;
        server
            .as_administrator(async |admin| fill::fill(admin, config, &declared).await)
            .await?;
        Ok(server)
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
            C::ExpirePassword { account } => accounts::expire_password(admin, &account).await,
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
            C::LockAccount { account } => accounts::lock(admin, &self.reader, &account).await,
            C::UnlockAccount { account } => set(admin, &account, "lockoutTime", "0").await,
            C::SetPolicy(policy) => accounts::set_policy(admin, &policy).await,
            C::PutUser(user) => put_user(admin, &self.domain, &user).await,
            C::Add { dn, attributes } => admin.add(&dn, &attributes, None).await,
            C::Modify { object, set } => {
                let dn = admin.find(&object).await?;
                admin.replace(&dn, &values(&set)).await
            }
            C::AddMember { group, member } => join(admin, &group, &member, true).await,
            C::RemoveMember { group, member } => join(admin, &group, &member, false).await,
            C::Delete { object, tree } => {
                let dn = admin.find(&object).await?;
                admin.delete(&dn, tree).await
            }
            C::Rename { object, to, below } => {
                let dn = admin.find(&object).await?;
                admin.rename(&dn, to.as_deref(), below.as_deref()).await
            }
            C::Dump { .. } | C::Statistics => Ok(()),
        }
    }

    fn broken(&self, error: &ContainerError) -> WorldError {
        WorldError::Process {
            name: format!("the directory of {}", self.domain),
            detail: error.to_string(),
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

async fn join(admin: &mut Admin, group: &str, member: &str, comes: bool) -> Result<(), AdminError> {
    let group = admin.find(group).await?;
    let member = admin.find(member).await?;
    admin.members(&group, &[member], comes).await
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
            let mut attributes = user.attributes.clone();
            let upn = format!("{}@{domain}", user.name);
            let mut defaults = vec![
                ("objectClass", "user"),
                ("sAMAccountName", user.name.as_str()),
                ("userPrincipalName", upn.as_str()),
            ];
            if user.password.is_some() {
                defaults.push(("userAccountControl", ENABLED_USER));
            }
            for (name, value) in defaults {
                if !attributes.keys().any(|given| given.eq_ignore_ascii_case(name)) {
                    attributes.insert(name.to_owned(), vec![value.to_owned()]);
                }
            }
            let shown = user
                .attributes
                .get("displayName")
                .and_then(|values| values.first());
            let name = shown.unwrap_or(&user.name);
            let rdn = Rdn::new("CN", name).map_err(|_| AdminError::Name(name.clone()))?;
            let parent = user
                .below
                .clone()
                .unwrap_or_else(|| format!("CN=Users,{}", admin.base()));
            admin
                .add(&format!("{rdn},{parent}"), &attributes, user.password.as_ref())
                .await
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
            let tree = Box::pin(reader::dump(&self.reader)).await;
            return tree.map(Reply::Tree).map_err(|error| self.reader.refused(&error));
        }
        if matches!(command, Command::Dump { .. } | Command::Statistics) {
            return Err(WorldError::NotOnStage {
                stage: StageName::Samba,
                what: "show a part of the directory's own database".into(),
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
        let mut container = self.container.lock().await;
        let container = container
            .as_mut()
            .ok_or_else(|| WorldError::Lab("the container has been removed".into()))?;
        let done = match power {
            Power::Pause => container.pause().await,
            Power::Resume => container.unpause().await,
            Power::Stop => container.kill().await,
            Power::Start => container.start().await,
        };
        done.map_err(|error| self.broken(&error))
    }

    async fn close(&self, _limit: Duration) {
        let container = self.container.lock().await.take();
        if let Some(container) = container
            && let Err(error) = container.remove().await
        {
            eprintln!("{}", self.broken(&error));
        }
    }
}
