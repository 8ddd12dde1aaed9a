//! Starts the directory of every domain of a world: what serves it is all that the stages of processes differ in.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use provlab_platform::{
    Endpoint, Trace,
    net::real::{LabAuthority, Lookup, NameTable},
};
use rustls::RootCertStore;

use super::{
    LDAPS,
    mock::MockProcess,
    reader::Reader,
    server::{DirectoryServer, EmbeddedServer},
};
#[cfg(feature = "containers")]
use super::{not_on, openldap::OpenLdapServer, samba::SambaServer};
use crate::{
    cli::Mock,
    scenario::{Domain, StageName},
    stage::declare,
    world::{Book, WorldError},
};

/// Running directories by the DNS name of their domain.
pub(super) type Directories = BTreeMap<String, Box<dyn DirectoryServer>>;

/// What starting a directory needs.
pub(super) struct Ground<'a> {
    /// The names of the world.
    pub(super) book: &'a Book,
    /// Where a directory may keep files.
    pub(super) folder: &'a Path,
    /// Who signs the servers' certificates.
    pub(super) authority: &'a LabAuthority,
    /// The same authority for a stock client.
    pub(super) roots: &'a Arc<RootCertStore>,
    /// The lab's binary.
    pub(super) binary: &'a Path,
    /// The lab's trace.
    pub(super) trace: &'a Trace,
}

/// Starts them all.
///
/// # Errors
/// [`WorldError::Missing`] where the machine lacks something, others where a directory does not start.
pub(super) async fn start(stage: StageName, ground: &Ground<'_>) -> Result<Directories, WorldError> {
    let mut directories = Directories::new();
    for domain in &ground.book.world().domains {
        let server: Box<dyn DirectoryServer> = match stage {
            StageName::Sim | StageName::Live => Box::new(embedded(ground, domain).await?),
            #[cfg(feature = "containers")]
            StageName::Samba => Box::new(Box::pin(samba(ground, domain)).await?),
            #[cfg(feature = "containers")]
            StageName::Openldap => Box::new(Box::pin(OpenLdapServer::start(ground, domain)).await?),
            #[cfg(not(feature = "containers"))]
            StageName::Samba | StageName::Openldap => {
                return Err(WorldError::Missing(
                    crate::stage::availability(stage).err().unwrap_or_default(),
                ));
            }
        };
        directories.insert(domain.name.value.to_lowercase(), server);
    }
    Ok(directories)
}

async fn embedded(ground: &Ground<'_>, domain: &Domain) -> Result<EmbeddedServer, WorldError> {
    let dns = domain.name.value.to_lowercase();
    let (process, names) = MockProcess::start(
        Mock::Directory,
        &format!("the directory of {dns}"),
        ground.folder.join(format!("directory-{dns}")),
        &declare::directory_config(ground.book, domain),
        ground.authority,
        ground.binary,
        ground.trace,
    )
    .await?;
    let reader = reader_of(ground, domain, &names)?;
    Ok(EmbeddedServer::new(process, names, reader))
}

#[cfg(feature = "containers")]
async fn samba(ground: &Ground<'_>, domain: &Domain) -> Result<SambaServer, WorldError> {
    use provlab_containers::{Owner, Samba, SambaConfig};

    let controllers = domain.domain_controller_names();
    let [controller] = controllers.as_slice() else {
        return Err(not_on(
            StageName::Samba,
            format!(
                "give {} {} domain controllers",
                domain.name.value,
                controllers.len()
            ),
        ));
    };
    let config = declare::directory_config(ground.book, domain);
    let short = controller.split('.').next().unwrap_or(controller);
    let wanted = SambaConfig {
        domain: config.domain.clone(),
        netbios: config.netbios_name.clone(),
        domain_controller: short.to_owned(),
        administrator_password: config.administrator_password.clone(),
    };
    let container = Samba::start(&wanted, ground.authority, &Owner::current(), ground.trace)
        .await
        .map_err(|error| super::container_failed(&config.domain, &error))?;
    let reader = reader_of(ground, domain, container.names())?;
    SambaServer::furnish(container, reader, &config).await
}

/// Reads a domain as its administrator would, from its first domain controller.
pub(super) fn reader_of(
    ground: &Ground<'_>,
    domain: &Domain,
    names: &NameTable,
) -> Result<Reader, WorldError> {
    let server = domain
        .domain_controller_names()
        .into_iter()
        .next()
        .unwrap_or_default();
    let Lookup::Address(address) = names.lookup(&Endpoint::new(&server, LDAPS)) else {
        return Err(WorldError::Lab(format!("nothing listens as {server}:{LDAPS}")));
    };
    Ok(Reader {
        domain: domain.name.value.clone(),
        server,
        address,
        roots: Arc::clone(ground.roots),
        credential: ground.book.administrator(domain),
    })
}
