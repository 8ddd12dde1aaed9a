//! A Samba Active Directory domain controller.

use std::collections::HashSet;
use std::ops::Deref;

use ldap3::{Ldap, Mod};
use provlab_platform::net::real::LabAuthority;
use provlab_platform::trace::Trace;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::image::{self, PROVISIONED_PASSWORD};
use crate::ports::Port;
use crate::ready::Administrator;
use crate::server::{File, Launch};
use crate::{ContainerError, Engine, Kind, Owner, Server, engine, name, tls};

/// Kerberos, the endpoint mapper, LDAP, password changes, LDAPS, the global catalog, and RPC on the fixed ports of
/// `smb.conf`.
const PORTS: [u16; 9] = [88, 135, 389, 464, 636, 3268, 3269, RPC_PORT, DRSUAPI_PORT];

/// The port of the RPC services that share a process, fixed so that it can be published.
pub const RPC_PORT: u16 = 49152;
/// The port of replication, which has one of its own: below the dynamic range, so that nothing else gets it.
pub const DRSUAPI_PORT: u16 = 49151;

/// What a domain controller is to be.
#[derive(Debug, Clone)]
pub struct SambaConfig {
    /// DNS name of the domain, such as `contoso.lab`; in capitals it is the Kerberos realm.
    pub domain: String,
    /// NetBIOS name of the domain, such as `CONTOSO`.
    pub netbios: String,
    /// Short name of the domain controller, such as `dc1`.
    pub domain_controller: String,
    /// The password of `Administrator`, within the domain's password policy.
    pub administrator_password: SecretString,
}

/// A running domain controller of a domain of its own; what can be done to it is on [`Server`].
///
/// The domain has functional level 2016, a KDS root key that is usable at once, and the password policy that provisioning
/// makes (Active Directory's defaults: 7 characters, complex, 24 remembered, 1 day at least and 42 at most).
#[derive(Debug)]
pub struct Samba {
    server: Server,
}

impl Samba {
    /// Starts a domain controller, building its image first where that is missing.
    ///
    /// `owner` is whose death lets [`sweep`](crate::sweep) remove it.
    ///
    /// # Errors
    /// [`ContainerError`]; nothing is left running.
    pub async fn start(
        config: &SambaConfig,
        authority: &LabAuthority,
        owner: &Owner,
        trace: &Trace,
    ) -> Result<Self, ContainerError> {
        let engine = engine::probe().await?;
        Self::start_on(&engine, config, authority, owner, trace).await
    }

    async fn start_on(
        engine: &Engine,
        config: &SambaConfig,
        authority: &LabAuthority,
        owner: &Owner,
        trace: &Trace,
    ) -> Result<Self, ContainerError> {
        let domain = name::domain(&config.domain)?;
        let netbios = name::netbios(&config.netbios)?;
        let controller = name::host(&config.domain_controller)?;
        let host = format!("{controller}.{domain}");
        let recipe = image::samba(&domain, &netbios, &controller);
        let image = image::ensure(engine, &recipe, trace).await?;
        let files = tls::issue(authority, &[&host, &domain])?;
        let launch = Launch {
            kind: Kind::Samba,
            image,
            digest: recipe.digest(),
            hosts: vec![host, domain.clone()],
            ports: &PORTS.map(|port| Port {
                known: port,
                inner: port,
            }),
            files: vec![
                File::new("/var/lib/samba/private/tls/ca.pem", 0o644, &files.authority),
                File::new("/var/lib/samba/private/tls/cert.pem", 0o644, &files.certificate),
                File::new("/var/lib/samba/private/tls/key.pem", 0o600, &files.key),
            ],
            owner,
        };
        let administrator = format!("Administrator@{domain}");
        let provisioned =
            |at| Administrator::new(at, administrator.clone(), PROVISIONED_PASSWORD.into(), authority);
        let (server, ldap, started) = Server::launch(engine, &launch, provisioned, trace).await?;
        set_password(ldap, &domain, &config.administrator_password)
            .await
            .map_err(|detail| server.refused("set its administrator's password", detail))?;
        let server = server.ready(&config.administrator_password, started).await?;
        server.announce();
        Ok(Self { server })
    }

    /// Removes the container now, and says if that failed.
    ///
    /// # Errors
    /// [`ContainerError::Refused`].
    pub async fn remove(self) -> Result<(), ContainerError> {
        self.server.remove().await
    }
}

impl From<Samba> for Server {
    fn from(directory: Samba) -> Self {
        directory.server
    }
}

impl Deref for Samba {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// A reset by the administrator itself: history and minimum age do not count.
async fn set_password(mut ldap: Ldap, domain: &str, password: &SecretString) -> Result<(), String> {
    let administrator = format!("CN=Administrator,CN=Users,{}", name::suffix(domain));
    let quoted = Zeroizing::new(format!("\"{}\"", password.expose_secret()));
    let value: Zeroizing<Vec<u8>> =
        Zeroizing::new(quoted.encode_utf16().flat_map(u16::to_le_bytes).collect());
    let replace = Mod::Replace(b"unicodePwd".to_vec(), HashSet::from([value.to_vec()]));
    let result = ldap
        .modify(&administrator, vec![replace])
        .await
        .map_err(|e| e.to_string())?;
    result.success().map_err(|e| e.to_string())?;
    let _ = ldap.unbind().await;
    Ok(())
}
