//! Samba's Active Directory, in a container of its own for the whole run.

use crate::server::Server;

#[cfg(feature = "containers")]
pub use provlab_containers::Samba as Container;

/// Nothing that could run.
#[cfg(not(feature = "containers"))]
pub enum Container {}

/// Starts the domain controller to compare with. It is served until the first half is removed.
///
/// # Errors
/// Why there is none.
#[cfg(feature = "containers")]
pub async fn start() -> Result<(Container, Server), String> {
    use provlab_containers::{Owner, SambaConfig, engine, sweep};
    use provlab_platform::{Trace, net::real::LabAuthority};

    use crate::server::{DOMAIN, HOST, NETBIOS, PASSWORD, trusting};

    let engine = engine::probe().await.map_err(|error| error.to_string())?;
    sweep::sweep(&engine).await.map_err(|error| error.to_string())?;
    let authority = LabAuthority::generate().map_err(|error| error.to_string())?;
    let config = SambaConfig {
        domain: DOMAIN.to_owned(),
        netbios: NETBIOS.to_owned(),
        domain_controller: HOST.trim_end_matches(DOMAIN).trim_end_matches('.').to_owned(),
        administrator_password: PASSWORD.to_owned().into(),
    };
    let container = Box::pin(Container::start(
        &config,
        &authority,
        &Owner::current(),
        &Trace::discard(),
    ))
    .await
    .map_err(|error| error.to_string())?;
    let server = Server {
        label: "samba",
        ldaps: container.address(636).ok_or("its LDAPS port is not published")?,
        tls: trusting(&authority),
    };
    Ok((container, server))
}

/// Says why not.
///
/// # Errors
/// Always.
#[cfg(not(feature = "containers"))]
pub async fn start() -> Result<(Container, Server), String> {
    Err("this lab was built without the feature `containers`".to_owned())
}

/// Removes the container.
#[cfg(feature = "containers")]
pub async fn remove(container: Container) {
    if let Err(error) = container.remove().await {
        eprintln!("parity: {error}");
    }
}

/// There is none.
#[cfg(not(feature = "containers"))]
pub async fn remove(container: Container) {
    match container {}
}
