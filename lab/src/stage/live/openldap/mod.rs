//! An OpenLDAP server as the directory of a domain.

mod accounts;
mod admin;
mod fill;
mod names;
mod show;

use std::time::Duration;

use async_trait::async_trait;
use provlab_containers::{OpenLdap, OpenLdapConfig, Owner};
use provlab_directory::{
    Config,
    control::{self, Attributes, Command, PutGroup, PutUser, Reply},
};
use provlab_platform::net::real::NameTable;
use provlab_protocol::dn::Dn;

use self::{
    admin::{Admin, AdminError, Values},
    names::{Class, Names},
};
use super::{
    container::Container,
    container_failed,
    directories::{Ground, reader_of},
    not_on,
    reader::Reader,
    server::{DirectoryServer, asks_for_everything},
};
use crate::{
    scenario::{Domain, StageName},
    stage::declare,
    world::{Credential, Power, WorldError},
};

/// Attributes of Active Directory that a change on OpenLDAP cannot be about, and what to write in their place.
const SAID_OTHERWISE: [(&str, &str); 3] = [
    ("sAMAccountName", "rename an account by `rename`"),
    ("userAccountControl", "disable an account by `disable-account`"),
    ("pwdLastSet", "demand a new password by `require-password-change`"),
];

/// The container with the suffix in it.
pub(super) struct OpenLdapServer {
    container: Container<OpenLdap>,
    table: NameTable,
    reader: Reader,
    names: Names,
}

impl OpenLdapServer {
    /// Starts a server for a domain and puts into it what the scenario declares.
    ///
    /// # Errors
    /// [`WorldError::Missing`] where the machine lacks something, others where the server does not start or refuses.
    pub(super) async fn start(ground: &Ground<'_>, domain: &Domain) -> Result<Self, WorldError> {
        let controllers = domain.domain_controller_names();
        let [host] = controllers.as_slice() else {
            let (name, count) = (&domain.name.value, controllers.len());
            return Err(not_on(
                StageName::Openldap,
                format!("give {name} {count} servers"),
            ));
        };
        let config = declare::directory_config(ground.book, domain);
        let services = domain.accounts.iter().filter(|account| account.service);
        let names = Names::new(&config.domain, services.map(|account| account.name.value.clone()))
            .map_err(|error| WorldError::Lab(error.to_string()))?;
        let wanted = OpenLdapConfig {
            domain: config.domain.clone(),
            host: host.clone(),
            administrator_password: config.administrator_password.clone(),
        };
        let container = OpenLdap::start(&wanted, ground.authority, &Owner::current(), ground.trace)
            .await
            .map_err(|error| container_failed(&config.domain, &error))?;
        let mut reader = reader_of(ground, domain, container.names())?;
        reader.credential = Credential {
            name: names.logon("Administrator"),
            password: config.administrator_password.clone(),
        };
        Self::furnish(container, reader, names, &config).await
    }

    async fn furnish(
        container: OpenLdap,
        reader: Reader,
        names: Names,
        config: &Config,
    ) -> Result<Self, WorldError> {
        let server = Self {
            table: container.names().clone(),
            container: Container::new(container, &config.domain),
            reader,
            names,
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
            let mut admin = Admin::log_on(&self.reader, &self.names).await?;
            let done = work(&mut admin).await;
            admin.log_off().await;
            done
        };
        Box::pin(done).await.map_err(|error| match error {
            AdminError::NotHere(what) => not_on(StageName::Openldap, what),
            error => WorldError::Refused {
                by: format!("the directory of {}", self.reader.domain),
                message: error.to_string(),
            },
        })
    }
}

async fn carry_out(admin: &mut Admin, command: Command) -> Result<(), AdminError> {
    use Command as C;
    match command {
        C::ExpirePassword { account } => accounts::expire_password(admin, &account).await,
        C::ChangePassword { account, password } => {
            accounts::change_password(admin, &account, &password).await
        }
        C::RequirePasswordChange { account } => accounts::require_change(admin, &account).await,
        C::DisableAccount { account } => accounts::disable(admin, &account).await,
        C::EnableAccount { account } | C::UnlockAccount { account } => {
            accounts::unlock(admin, &account).await
        }
        C::ExpireAccount { account } => accounts::expire(admin, &account).await,
        C::LockAccount { account } => accounts::lock(admin, &account).await,
        C::SetPolicy(policy) => accounts::set_policy(admin, &policy).await,
        C::PutUser(user) => put_user(admin, &user).await,
        C::Add { dn, attributes } => {
            let (naming, value) = naming_value(&dn)?;
            let mut all = values(&attributes)?;
            // The server wants the value that names an object among its attributes.
            if !all.iter().any(|(name, _)| name.eq_ignore_ascii_case(&naming)) {
                all.push((&naming, vec![value]));
            }
            admin.add(&dn, &all).await
        }
        C::Modify { object, set } => {
            let dn = admin.find(&object).await?;
            admin.replace(&dn, &values(&set)?).await
        }
        C::PutUsers(users) => {
            for user in users.each() {
                put_user(admin, &user).await?;
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
        C::ReplaceDomainController => Err(AdminError::NotHere(
            "replace the domain controller: what a server is known by here is the serverID in its configuration".into(),
        )),
        C::RevokeRight { .. } => Err(AdminError::NotHere(
            "revoke a right: rights of Active Directory have no counterpart here".into(),
        )),
        C::Dump { .. } | C::Statistics => Err(AdminError::NotHere(
            "show a part of the directory's own database".into(),
        )),
    }
}

/// Attributes to set, none of which is said otherwise here.
fn values(attributes: &Attributes) -> Result<Values<'_>, AdminError> {
    let otherwise = SAID_OTHERWISE
        .iter()
        .find(|(name, _)| attributes.keys().any(|given| given.eq_ignore_ascii_case(name)));
    if let Some((name, instead)) = otherwise {
        return Err(AdminError::NotHere(format!("set {name}: {instead}")));
    }
    let all = attributes.iter();
    Ok(all
        .map(|(name, values)| (name.as_str(), values.clone()))
        .collect())
}

/// Attribute and value that name an object.
fn naming_value(dn: &str) -> Result<(String, String), AdminError> {
    let parsed: Dn = dn.parse().map_err(|_| AdminError::Unknown(dn.to_owned()))?;
    let rdn = parsed.rdn().ok_or_else(|| AdminError::Unknown(dn.to_owned()))?;
    Ok((rdn.attribute().to_lowercase(), rdn.value().to_owned()))
}

async fn join(admin: &mut Admin, group: &str, members: &[String], come: bool) -> Result<(), AdminError> {
    let group = admin.find(group).await?;
    for member in members {
        let member = admin.find(member).await?;
        admin.member(&group, &member, come).await?;
    }
    Ok(())
}

/// Changes the group that is there, or creates one as `Command::PutGroup` says.
async fn put_group(admin: &mut Admin, group: &PutGroup) -> Result<(), AdminError> {
    if group.below.is_some() {
        return Err(AdminError::NotHere(
            "create a group elsewhere than below ou=Groups".into(),
        ));
    }
    let set = values(&group.attributes)?;
    match admin.find(&group.name).await {
        Ok(dn) => admin.replace(&dn, &set).await?,
        Err(AdminError::Unknown(_)) => {
            let mut made = fill::made_of(Class::Group, &group.name, &group.attributes, None);
            made.push(("member", vec![admin.names().nobody()]));
            let dn = admin.names().of(Class::Group, &group.name);
            admin.add(&dn, &made).await?;
        }
        Err(error) => return Err(error),
    }
    join(admin, &group.name, &group.members, true).await
}

/// Changes the user that is there, or creates one as `Command::PutUser` says.
async fn put_user(admin: &mut Admin, user: &PutUser) -> Result<(), AdminError> {
    if user.below.is_some() {
        return Err(AdminError::NotHere(
            "create a user elsewhere than below ou=People".into(),
        ));
    }
    let set = values(&user.attributes)?;
    match admin.find(&user.name).await {
        Ok(dn) => {
            admin.replace(&dn, &set).await?;
            match &user.password {
                Some(password) => accounts::change_password(admin, &user.name, password).await,
                None => Ok(()),
            }
        }
        Err(AdminError::Unknown(_)) => {
            let made = fill::made_of(
                Class::Person,
                &user.name,
                &user.attributes,
                user.password.as_ref(),
            );
            let dn = admin.names().of(Class::Person, &user.name);
            admin.add(&dn, &made).await
        }
        Err(error) => Err(error),
    }
}

#[async_trait(?Send)]
impl DirectoryServer for OpenLdapServer {
    fn names(&self) -> &NameTable {
        &self.table
    }

    fn logon_name(&self, account: &str) -> Option<String> {
        Some(self.names.logon(account))
    }

    async fn ask(&self, command: Command) -> Result<Reply, WorldError> {
        if asks_for_everything(&command) {
            let tree = self.as_administrator(async |admin| show::dump(admin).await).await;
            return tree.map(Reply::Tree);
        }
        self.as_administrator(async |admin| Box::pin(carry_out(admin, command)).await)
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_otherwise_here_is_told() {
        let set = |name: &str| Attributes::from_iter([(name.to_owned(), vec!["514".to_owned()])]);
        assert_eq!(values(&set("l")).unwrap(), [("l", vec!["514".to_owned()])]);
        let refused = values(&set("useraccountcontrol")).unwrap_err().to_string();
        assert!(refused.contains("disable-account"), "{refused}");
    }
}
