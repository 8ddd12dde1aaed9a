//! OpenLDAP's slapd with one suffix.

use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provlab_platform::net::real::LabAuthority;
use provlab_platform::trace::Trace;
use rand_core::{OsRng, RngCore};
use secrecy::{ExposeSecret, SecretString};
use sha1::{Digest, Sha1};

use crate::image;
use crate::ports::Port;
use crate::ready::Administrator;
use crate::server::{File, Launch};
use crate::{ContainerError, Engine, Kind, Owner, Server, engine, name, tls};

/// LDAP (with StartTLS) and LDAPS. In the container they are beyond 1024, so that slapd needs no privilege for them.
const PORTS: [Port; 2] = [
    Port {
        known: 389,
        inner: 1389,
    },
    Port {
        known: 636,
        inner: 1636,
    },
];

/// The configuration (`cn=config`) and the first entries, with what is particular to a server left to fill in.
const CONFIG: &str = include_str!("../images/openldap/config.ldif");
const ENTRIES: &str = include_str!("../images/openldap/suffix.ldif");

/// What a server is to be.
#[derive(Debug, Clone)]
pub struct OpenLdapConfig {
    /// DNS name that the suffix is made of: `contoso.com` is `dc=contoso,dc=com`.
    pub domain: String,
    /// Fully qualified name of the server, such as `ldap1.contoso.com`.
    pub host: String,
    /// The password of the root DN, `cn=admin` below the suffix.
    pub administrator_password: SecretString,
}

/// A running slapd; what can be done to it is on [`Server`].
///
/// The suffix has the overlays syncprov (with a session log), accesslog (`cn=accesslog`), ppolicy (default policy
/// `cn=default,ou=policies`), memberof, refint and unique (`uid`, `mail`), and the schemas core, cosine, inetorgperson, nis
/// and msuser. Users may read everything but passwords; accounts below `ou=services` may set passwords. The
/// configuration is administered as root in the container: `ldapmodify -Y EXTERNAL -H ldapi:///` by [`Server::exec`].
#[derive(Debug)]
pub struct OpenLdap {
    server: Server,
    suffix: String,
}

impl OpenLdap {
    /// Starts a server with an empty suffix, building its image first where that is missing.
    ///
    /// `owner` is whose death lets [`sweep`](crate::sweep) remove it.
    ///
    /// # Errors
    /// [`ContainerError`]; nothing is left running.
    pub async fn start(
        config: &OpenLdapConfig,
        authority: &LabAuthority,
        owner: &Owner,
        trace: &Trace,
    ) -> Result<Self, ContainerError> {
        let engine = engine::probe().await?;
        Self::start_on(&engine, config, authority, owner, trace).await
    }

    async fn start_on(
        engine: &Engine,
        config: &OpenLdapConfig,
        authority: &LabAuthority,
        owner: &Owner,
        trace: &Trace,
    ) -> Result<Self, ContainerError> {
        let domain = name::domain(&config.domain)?;
        let host = name::fqdn(&config.host)?;
        let suffix = name::suffix(&domain);
        let recipe = image::openldap();
        let image = image::ensure(engine, &recipe, trace).await?;
        let files = tls::issue(authority, &[&host])?;
        let first_label = domain.split('.').next().unwrap_or_default();
        let hash = salted_hash(&config.administrator_password);
        let values = [
            ("SUFFIX", suffix.as_str()),
            ("DC", first_label),
            ("ROOTPW", &hash),
        ];
        let launch = Launch {
            kind: Kind::OpenLdap,
            image,
            digest: recipe.digest(),
            hosts: vec![host],
            ports: &PORTS,
            files: vec![
                File::new("/etc/ldap/tls/ca.pem", 0o644, &files.authority),
                File::new("/etc/ldap/tls/cert.pem", 0o644, &files.certificate),
                File::new("/etc/ldap/tls/key.pem", 0o600, &files.key),
                File::new("/lab/config.ldif", 0o600, &image::fill(CONFIG, &values)),
                File::new("/lab/suffix.ldif", 0o644, &image::fill(ENTRIES, &values)),
            ],
            owner,
        };
        let administrator = |at| {
            let password = config.administrator_password.clone();
            Administrator::new(at, format!("cn=admin,{suffix}"), password, authority)
        };
        let (server, _, _) = Server::launch(engine, &launch, administrator, trace).await?;
        server.announce();
        Ok(Self { server, suffix })
    }

    /// The suffix, such as `dc=contoso,dc=com`.
    #[must_use]
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    /// Removes the container now, and says if that failed.
    ///
    /// # Errors
    /// [`ContainerError::Refused`].
    pub async fn remove(self) -> Result<(), ContainerError> {
        self.server.remove().await
    }
}

impl From<OpenLdap> for Server {
    fn from(directory: OpenLdap) -> Self {
        directory.server
    }
}

impl Deref for OpenLdap {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// Random bytes that a password is hashed with.
const SALT_BYTES: usize = 16;

/// The password as slapd keeps it: `{SSHA}`, base64 of SHA-1 over password and salt, then the salt.
///
/// It is the one salted scheme that slapd knows without a module. What it protects is a password of the lab's own.
fn salted_hash(password: &SecretString) -> String {
    let mut salt = [0; SALT_BYTES];
    OsRng.fill_bytes(&mut salt);
    let hash = Sha1::new()
        .chain_update(password.expose_secret())
        .chain_update(salt)
        .finalize();
    format!("{{SSHA}}{}", STANDARD.encode([&hash[..], &salt[..]].concat()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nothing_particular_is_left_in_the_configuration() {
        let values = [
            ("SUFFIX", "dc=contoso,dc=com"),
            ("DC", "contoso"),
            ("ROOTPW", "{SSHA}x"),
        ];
        for text in [CONFIG, ENTRIES] {
            let filled = image::fill(text, &values);
            assert!(!filled.contains('@'), "{filled}");
        }
    }

    #[test]
    fn a_hash_is_salted() {
        let password = SecretString::from("Passw0rd.Lab");
        let hash = salted_hash(&password);
        assert_ne!(hash, salted_hash(&password));
        let bytes = STANDARD.decode(hash.strip_prefix("{SSHA}").unwrap()).unwrap();
        let (digest, salt) = bytes.split_at(20);
        let expected = Sha1::new()
            .chain_update("Passw0rd.Lab")
            .chain_update(salt)
            .finalize();
        assert_eq!(digest, &expected[..]);
    }
}
