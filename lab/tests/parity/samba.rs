//! Samba's Active Directory.

use std::net::SocketAddr;

use crate::server::{Server, any_certificate};

/// Where a Samba domain controller of the domain serves LDAPS, such as `127.0.0.1:3636`.
const ADDRESS: &str = "PROVLAB_PARITY_SAMBA";

/// The Samba to compare with, or why there is none.
pub fn find() -> Result<Server, String> {
    let address = std::env::var(ADDRESS).map_err(|_| format!("{ADDRESS} is not set"))?;
    let ldaps: SocketAddr = address
        .parse()
        .map_err(|_| format!("{ADDRESS} is {address:?}; write it as 127.0.0.1:3636"))?;
    Ok(Server {
        label: "samba",
        ldaps,
        password: "Passw0rd.Lab".to_owned(),
        tls: any_certificate(),
    })
}
