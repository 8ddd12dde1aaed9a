//! The container engine: whether it is there, and if not, why and what helps.

use std::path::{Path, PathBuf};
use std::time::Duration;

use testcontainers::bollard::Docker;
use testcontainers::core::client::docker_client_instance;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::error::engine_text;

/// How long the engine may take to accept a connection, and again to say its version.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Why no container can run here, and what helps. Shown as it is: the stage is *not run* for this reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no container engine at {at}: {reason}\nhelp: {remedy}")]
pub struct Unavailable {
    /// Where it was looked for, as `DOCKER_HOST` writes it.
    pub at: String,
    /// What was met there.
    pub reason: String,
    /// What a person can do about it.
    pub remedy: String,
}

/// An engine that answers; cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) docker: Docker,
    /// Where it is, as `DOCKER_HOST` writes it.
    pub at: String,
    /// Its version, such as `20.10.24`.
    pub version: String,
}

/// Where an engine listens.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Socket(PathBuf),
    Tcp(String),
    Other,
}

fn place(host: &str) -> Place {
    match host.split_once("://") {
        Some(("unix", path)) => Place::Socket(PathBuf::from(path)),
        Some(("tcp" | "http" | "https", address)) => Place::Tcp(address.trim_end_matches('/').to_owned()),
        _ => Place::Other,
    }
}

/// Looks for the engine where `DOCKER_HOST` says, else in the usual places.
///
/// # Errors
/// [`Unavailable`] with the reason: absent, refusing connections, not permitted, or answering with errors.
pub async fn probe() -> Result<Engine, Unavailable> {
    let at = host();
    let unavailable = |reason: String, remedy: &str| Unavailable {
        at: at.clone(),
        reason,
        remedy: remedy.to_owned(),
    };
    match place(&at) {
        Place::Socket(path) => reach_socket(&path).await,
        Place::Tcp(address) => reach_tcp(&address).await,
        Place::Other => Err(("the address is none that is known".to_owned(), ADDRESS)),
    }
    .map_err(|(reason, remedy)| unavailable(reason, remedy))?;
    let refused = |detail: String| unavailable(format!("it refused to say its version: {detail}"), RESTART);
    let docker = docker_client_instance()
        .await
        .map_err(|e| unavailable(e.to_string(), ADDRESS))?;
    match timeout(ANSWER_LIMIT, docker.version()).await {
        Ok(Ok(answer)) => Ok(Engine {
            docker,
            version: answer.version.unwrap_or_default(),
            at,
        }),
        Ok(Err(e)) => Err(refused(engine_text(&e))),
        Err(_) => Err(refused(format!("no answer within {ANSWER_LIMIT:?}"))),
    }
}

const ADDRESS: &str = "set DOCKER_HOST to the engine's address, such as unix:///var/run/docker.sock";
const INSTALL: &str =
    "install an engine and start it (Debian: `apt-get install docker.io`), or set DOCKER_HOST";
const START: &str = "start the engine (`systemctl start docker`), or set DOCKER_HOST to one that runs";
const PERMISSION: &str =
    "run as a member of the socket's group (`usermod -aG docker USER`, then log in again)";
const RESTART: &str = "see the engine's log (`journalctl -u docker`) and restart it";

type Missing = (String, &'static str);

async fn reach_socket(path: &Path) -> Result<(), Missing> {
    use std::io::ErrorKind as K;
    match timeout(ANSWER_LIMIT, UnixStream::connect(path)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) => Err(match e.kind() {
            K::NotFound => ("there is no such socket".to_owned(), INSTALL),
            K::PermissionDenied => ("this user may not open the socket".to_owned(), PERMISSION),
            K::ConnectionRefused => ("nothing listens on the socket".to_owned(), START),
            _ => (e.to_string(), START),
        }),
        Err(_) => Err((
            format!("the socket accepted no connection within {ANSWER_LIMIT:?}"),
            RESTART,
        )),
    }
}

async fn reach_tcp(address: &str) -> Result<(), Missing> {
    match timeout(ANSWER_LIMIT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
            Err(("nothing listens on the port".to_owned(), START))
        }
        Ok(Err(e)) => Err((e.to_string(), ADDRESS)),
        Err(_) => Err((format!("no connection within {ANSWER_LIMIT:?}"), START)),
    }
}

/// The order of the library that starts the containers, so that both mean the same engine.
fn host() -> String {
    if let Ok(host) = std::env::var("DOCKER_HOST") {
        return host;
    }
    let of = |variable: &str, below: &str| {
        std::env::var(variable)
            .map(|dir| PathBuf::from(dir).join(below))
            .ok()
    };
    let usual = PathBuf::from("/var/run/docker.sock");
    let candidates = [
        Some(usual.clone()),
        of("XDG_RUNTIME_DIR", ".docker/run/docker.sock"),
        of("HOME", ".docker/run/docker.sock"),
        of("HOME", ".docker/desktop/docker.sock"),
    ];
    let found = candidates.into_iter().flatten().find(|path| path.exists());
    format!("unix://{}", found.unwrap_or(usual).display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        assert_eq!(
            place("unix:///run/x.sock"),
            Place::Socket(PathBuf::from("/run/x.sock"))
        );
        assert_eq!(
            place("tcp://127.0.0.1:2375/"),
            Place::Tcp("127.0.0.1:2375".to_owned())
        );
        assert_eq!(place("ssh://host"), Place::Other);
        assert_eq!(place("nonsense"), Place::Other);
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_socket_is_said() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("docker.sock");
        assert_eq!(reach_socket(&path).await.map_err(|e| e.1), Err(INSTALL));
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        assert_eq!(reach_socket(&path).await, Ok(()));
        drop(listener);
        assert_eq!(reach_socket(&path).await.map_err(|e| e.1), Err(START));
    }
}
