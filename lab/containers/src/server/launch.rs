//! From an image to a started container: confined, labelled, and on ports of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use testcontainers::bollard::models::HostConfig;
use testcontainers::bollard::query_parameters::RemoveContainerOptionsBuilder;
use testcontainers::core::IntoContainerPort;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, CopyTargetOptions, GenericImage, ImageExt};
use zeroize::Zeroizing;

use super::{Kind, READY_LIMIT};
use crate::error::library_text;
use crate::owner::{Boot, label};
use crate::ports::{Port, Published};
use crate::{ContainerError, Engine, Owner};

/// Memory that a container may take; both servers need less than a quarter of it.
pub const MEMORY_LIMIT_BYTES: i64 = 1 << 30;

/// Processes that a container may have; Samba has about 40.
pub const PROCESS_LIMIT: i64 = 512;

/// How often other ports are chosen when somebody took one between the choice and the start.
const PORT_ATTEMPTS: u32 = 3;

/// A file that the container has from its start.
pub(crate) struct File {
    pub(crate) path: &'static str,
    pub(crate) mode: u32,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

impl File {
    pub(crate) fn new(path: &'static str, mode: u32, text: &str) -> Self {
        Self {
            path,
            mode,
            bytes: Zeroizing::new(text.as_bytes().to_vec()),
        }
    }
}

/// What distinguishes one server from another at its start.
pub(crate) struct Launch<'a> {
    pub(crate) kind: Kind,
    pub(crate) image: String,
    pub(crate) digest: String,
    /// The fully qualified name first, then other names by which it is known.
    pub(crate) hosts: Vec<String>,
    pub(crate) ports: &'a [Port],
    pub(crate) files: Vec<File>,
    pub(crate) owner: &'a Owner,
}

pub(super) async fn start_container(
    engine: &Engine,
    launch: &Launch<'_>,
) -> Result<(ContainerAsync<GenericImage>, Published), ContainerError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let published = Published::choose(launch.ports)
            .map_err(ContainerError::machine("find free ports on 127.0.0.1"))?;
        let name = fresh_name(launch);
        match request(launch, &name, &published).start().await {
            Ok(container) => return Ok((container, published)),
            Err(e) => {
                // It exists already if it could be made but not started, and nobody else knows of it.
                let force = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
                let _ = engine.docker.remove_container(&name, Some(force)).await;
                let error = ContainerError::starting(launch.kind, library_text(&e));
                if attempts < PORT_ATTEMPTS && matches!(error, ContainerError::PortTaken { .. }) {
                    continue;
                }
                return Err(error);
            }
        }
    }
}

/// A name that no container has had: the owner, who is unique, and a number.
fn fresh_name(launch: &Launch<'_>) -> String {
    static STARTED: AtomicU64 = AtomicU64::new(0);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    format!(
        "provlab-{}-{}-{}-{number}",
        launch.kind, launch.owner.pid, launch.owner.started
    )
}

fn request(launch: &Launch<'_>, name: &str, published: &Published) -> ContainerRequest<GenericImage> {
    let (repository, tag) = launch.image.rsplit_once(':').unwrap_or((&launch.image, "latest"));
    let labels = [
        (label::OWNER, launch.owner.to_string()),
        (label::BOOT, Boot::current().to_string()),
        (label::KIND, launch.kind.to_string()),
        (label::DIGEST, launch.digest.clone()),
    ];
    let bindings = published.bindings();
    let confine = move |host: &mut HostConfig| {
        host.publish_all_ports = Some(false);
        host.port_bindings = Some(bindings.clone());
        host.memory = Some(MEMORY_LIMIT_BYTES);
        host.pids_limit = Some(PROCESS_LIMIT);
    };
    let hostname = launch.hosts.first().map_or("", String::as_str);
    let image = GenericImage::new(repository, tag);
    let request = launch
        .ports
        .iter()
        .fold(image, |image, port| image.with_exposed_port(port.inner.tcp()))
        .with_container_name(name)
        .with_hostname(hostname)
        .with_labels(labels)
        .with_security_opt("no-new-privileges")
        .with_startup_timeout(READY_LIMIT)
        .with_host_config_modifier(confine);
    launch.files.iter().fold(request, |request, file| {
        request.with_copy_to(
            CopyTargetOptions::new(file.path).with_mode(file.mode),
            file.bytes.to_vec(),
        )
    })
}
