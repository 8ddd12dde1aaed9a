//! Ports on loopback for a container, fixed for its life so that they outlast a restart.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use testcontainers::bollard::models::{PortBinding, PortMap};

/// One port of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Port {
    /// The port that the world knows.
    pub(crate) known: u16,
    /// The port in the container.
    pub(crate) inner: u16,
}

/// Where the ports of one container are published.
#[derive(Debug, Clone)]
pub(crate) struct Published(Vec<(Port, u16)>);

impl Published {
    /// Picks a free port of loopback for each of `ports`.
    ///
    /// They are let go again before the container takes them: who comes between makes the start fail, see
    /// [`ContainerError::PortTaken`](crate::ContainerError::PortTaken).
    pub(crate) fn choose(ports: &[Port]) -> io::Result<Self> {
        // All are held until the last is found, so that no two are the same.
        let held: Vec<TcpListener> = ports
            .iter()
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .collect::<io::Result<_>>()?;
        let chosen = held.iter().map(|listener| Ok(listener.local_addr()?.port()));
        Ok(Self(
            ports
                .iter()
                .copied()
                .zip(chosen.collect::<io::Result<Vec<_>>>()?)
                .collect(),
        ))
    }

    /// The address on this machine of a port that the world knows.
    pub(crate) fn address(&self, known: u16) -> Option<SocketAddr> {
        let (_, published) = self.0.iter().find(|(port, _)| port.known == known)?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, *published)))
    }

    /// Every known port with its address on this machine.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, SocketAddr)> {
        self.0
            .iter()
            .map(|(port, published)| (port.known, SocketAddr::from((Ipv4Addr::LOCALHOST, *published))))
    }

    /// The form that the engine wants: loopback only.
    pub(crate) fn bindings(&self) -> PortMap {
        let binding = |published: u16| PortBinding {
            host_ip: Some(Ipv4Addr::LOCALHOST.to_string()),
            host_port: Some(published.to_string()),
        };
        let map: HashMap<_, _> = self
            .0
            .iter()
            .map(|(port, published)| (format!("{}/tcp", port.inner), Some(vec![binding(*published)])))
            .collect();
        map
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ports_differ_and_stay_on_loopback() {
        let ports = [389, 636, 88].map(|known| Port {
            known,
            inner: known + 1000,
        });
        let published = Published::choose(&ports).unwrap();
        let mut addresses: Vec<_> = published.iter().map(|(_, address)| address).collect();
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
        addresses.dedup();
        assert_eq!(addresses.len(), 3);
        assert!(published.address(7).is_none());
        let bindings = published.bindings();
        let binding = bindings["1636/tcp"].as_ref().unwrap();
        assert_eq!(binding[0].host_ip.as_deref(), Some("127.0.0.1"));
        assert_eq!(
            binding[0].host_port,
            published.address(636).map(|a| a.port().to_string())
        );
    }
}
