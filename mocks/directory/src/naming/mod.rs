//! A fresh forest: the naming contexts, containers, groups and accounts that every domain begins with, and then
//! those of the configuration.

mod accounts;
mod builder;
mod configuration;
mod domain;
mod groups;
mod schema_nc;

use std::sync::Arc;

use provlab_platform::Entropy;
use provlab_protocol::filetime::FileTime;
use provlab_protocol::guid::Guid;
use provlab_protocol::sid::Sid;

pub(crate) use accounts::Account;
pub(crate) use builder::Builder;

use crate::access::Token;
use crate::config::Config;
use crate::database::Database;
use crate::directory::{Directory, Identity};
use crate::model::{Context, LdapError, ResultCode};
use crate::population;

/// The functional level of domain and forest: Windows Server 2016.
pub const FUNCTIONAL_LEVEL: i64 = 7;

/// Builds the forest of `config`.
///
/// # Errors
/// The configuration contradicts itself: a malformed name, an account twice, a group that does not exist.
pub fn build(config: &Config, now: FileTime, entropy: &Entropy) -> Result<Directory, LdapError> {
    let identity = identity(config, now, entropy)?;
    let context = Context {
        token: Arc::new(Token::system()),
        now,
        sealed: true,
        entropy: entropy.clone(),
    };
    let mut directory = Directory::new(identity, Database::default());
    let mut builder = Builder::new(&mut directory, context);
    let heads = domain::heads(&mut builder, config)?;
    schema_nc::fill(&mut builder, heads.schema)?;
    builder.categorize();
    let containers = domain::fill(&mut builder, config, heads.domain)?;
    configuration::fill(&mut builder, config, &heads, &containers)?;
    let made = groups::fill(&mut builder, &containers)?;
    accounts::fill(&mut builder, config, &containers, &made)?;
    for population in &config.populations {
        population::grow(&mut builder, population)?;
    }
    Ok(directory)
}

fn identity(config: &Config, now: FileTime, entropy: &Entropy) -> Result<Identity, LdapError> {
    let bad = |what: &str| LdapError::new(ResultCode::InvalidDnSyntax, what.to_owned());
    provlab_protocol::dn::Dn::from_dns(&config.domain).map_err(|error| {
        bad(&format!(
            "the domain {:?} has no valid DNS name: {error}",
            config.domain
        ))
    })?;
    let netbios_fits = !config.netbios_name.is_empty() && config.netbios_name.len() <= 15;
    if !netbios_fits || config.netbios_name.contains(['\\', '/', '@', ' ']) {
        return Err(bad("netbios-name has 1 to 15 characters, such as CONTOSO"));
    }
    if config.domain_controllers.is_empty() {
        return Err(bad(
            "domain-controllers is empty; name at least one, such as dc1.contoso.com",
        ));
    }
    let part = || u32::try_from(entropy.below(u64::from(u32::MAX))).unwrap_or(1);
    let drawn = Sid::domain_of(part(), part(), part());
    Ok(Identity {
        domain: config.domain.to_lowercase(),
        netbios_name: config.netbios_name.to_uppercase(),
        domain_sid: config.domain_sid.unwrap_or(drawn),
        domain_controllers: config.domain_controllers.clone(),
        site: config.site.clone(),
        invocation_id: Guid::from(entropy.uuid()),
        created: now,
    })
}
