//! A proxy between real processes that disturbs their connections by the rules of the simulated network.
//!
//! Every connection goes from the client's socket through a [`SimNetwork`] on the real clock to the server's socket, so
//! one rule means the same on every stage. Two things only look different from a socket: the kernel completes a
//! connection before a rule is asked, so what is refused is reset at once and what is held back connects and then stays
//! silent; and a wildcard of the name table is seen by rules as it stands there, not as the name that was asked for.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::real::NameTable;
use super::sim::{Rule, RuleGuard, SimNetwork};
use super::{Endpoint, NetError, Stream};
use crate::clock::Clock;
use crate::trace::Trace;

/// The proxy of one world. Dropping it closes every connection through it.
#[derive(Debug)]
pub struct Proxy {
    network: SimNetwork,
    known: NameTable,
    tasks: JoinSet<()>,
}

impl Proxy {
    /// A proxy that disturbs nothing yet. `clock` is the real one.
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        Self {
            // The processes tell of their connections themselves.
            network: SimNetwork::with_latency(clock, &Trace::discard(), Duration::ZERO),
            known: NameTable::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Stands between `client` and everything in `names`; gives the table that the client has to use instead.
    ///
    /// # Errors
    /// If no port is left on loopback, or the operating system refuses.
    pub async fn stand_before(&mut self, client: &str, names: &NameTable) -> io::Result<NameTable> {
        let mut table = NameTable::new();
        for entry in names.entries() {
            let to = Endpoint::new(&entry.host, entry.port);
            self.serve(&to, entry.address).await?;
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            table.insert(&to, listener.local_addr()?);
            let door = self.network.door(client);
            self.tasks.spawn(async move {
                let mut open = JoinSet::new();
                while let Ok((socket, _)) = listener.accept().await {
                    while open.try_join_next().is_some() {}
                    let (door, to) = (door.clone(), to.clone());
                    open.spawn(async move { join(socket, door.connect(&to).await).await });
                }
            });
        }
        Ok(table)
    }

    /// Puts a rule in force until its guard is dropped.
    pub fn add_rule(&self, rule: impl Rule + 'static) -> RuleGuard {
        self.network.add_rule(rule)
    }

    /// Answers in the simulated network for a server that is really at `address`.
    async fn serve(&mut self, at: &Endpoint, address: SocketAddr) -> io::Result<()> {
        if self.known.exact(at).is_some() {
            return Ok(());
        }
        self.known.insert(at, address);
        let door = self.network.door(&at.host);
        let listener = door.listen(at).await.map_err(io::Error::other)?;
        self.tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok(stream) = listener.accept().await {
                while open.try_join_next().is_some() {}
                open.spawn(async move {
                    // Where the server is not there, dropping the stream tells the client.
                    if let Ok(socket) = TcpStream::connect(address).await {
                        join(socket, Ok(stream)).await;
                    }
                });
            }
        });
        Ok(())
    }
}

/// Carries bytes both ways until both ends have said good-bye; a break of one is a reset of the other.
async fn join(mut socket: TcpStream, stream: Result<Stream, NetError>) {
    let carried = async {
        let mut stream = stream.map_err(io::Error::other)?;
        socket.set_nodelay(true)?;
        copy_bidirectional(&mut socket, &mut stream).await
    };
    if carried.await.is_err() {
        // So that the peer sees a reset, and no orderly end.
        let _ = socket.set_zero_linger();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Instant;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::entropy::Entropy;
    use crate::net::sim::{HalfOpen, Latency, LinkPattern, Partition, Refuse, ResetAfter};

    /// How long a test waits before it believes that nothing comes.
    const SILENCE: Duration = Duration::from_millis(100);
    const SOON: Duration = Duration::from_secs(20);

    /// A server that sends back what it gets, seen by `srv1` through a proxy.
    async fn echo() -> (Proxy, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut names = NameTable::new();
        let to = Endpoint::new("dc1.contoso.com", 636);
        names.insert(&to, listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = socket.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        let mut proxy = Proxy::new(&Clock::system());
        let table = proxy.stand_before("srv1.contoso.com", &names).await.unwrap();
        (proxy, table.exact(&to).unwrap())
    }

    async fn say(socket: &mut TcpStream, text: &str) -> io::Result<String> {
        socket.write_all(text.as_bytes()).await?;
        let mut heard = vec![0; text.len()];
        tokio::time::timeout(SOON, socket.read_exact(&mut heard)).await??;
        Ok(String::from_utf8(heard).unwrap())
    }

    #[tokio::test]
    async fn without_rules_bytes_pass_both_ways_and_an_end_is_an_end() {
        let (_proxy, address) = echo().await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        assert_eq!(say(&mut socket, "hello").await.unwrap(), "hello");
        socket.shutdown().await.unwrap();
        let mut rest = Vec::new();
        assert_eq!(socket.read_to_end(&mut rest).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_partition_holds_bytes_back_until_it_is_healed() {
        let (proxy, address) = echo().await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        say(&mut socket, "before").await.unwrap();
        let fault = proxy.add_rule(Partition(LinkPattern::between(
            "srv1.contoso.com",
            "dc1.contoso.com",
        )));
        socket.write_all(b"held").await.unwrap();
        let mut heard = [0; 4];
        let silence = tokio::time::timeout(SILENCE, socket.read_exact(&mut heard)).await;
        assert!(silence.is_err(), "{silence:?}");
        drop(fault);
        tokio::time::timeout(SOON, socket.read_exact(&mut heard))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&heard, b"held");
    }

    #[tokio::test]
    async fn a_reset_and_a_refusal_are_seen_as_resets() {
        let (proxy, address) = echo().await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        let fault = proxy.add_rule(ResetAfter::new(LinkPattern::to("dc1.contoso.com"), 0));
        let reset = say(&mut socket, "hello").await.unwrap_err();
        assert_eq!(reset.kind(), io::ErrorKind::ConnectionReset);
        drop(fault);
        let fault = proxy.add_rule(Refuse(LinkPattern::any()));
        let mut socket = TcpStream::connect(address).await.unwrap();
        let mut one = [0];
        let refused = tokio::time::timeout(SOON, socket.read_exact(&mut one))
            .await
            .unwrap();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        drop(fault);
        let mut socket = TcpStream::connect(address).await.unwrap();
        assert_eq!(say(&mut socket, "again").await.unwrap(), "again");
    }

    #[tokio::test]
    async fn latency_slows_and_half_open_is_silent_for_ever() {
        let (proxy, address) = echo().await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        say(&mut socket, "quick").await.unwrap();
        let slow = Duration::from_millis(60);
        let fault = proxy.add_rule(Latency::new(
            LinkPattern::any(),
            slow,
            Duration::ZERO,
            Entropy::seeded(1),
        ));
        let begun = Instant::now();
        say(&mut socket, "slow").await.unwrap();
        assert!(begun.elapsed() >= 2 * slow, "{:?}", begun.elapsed());
        drop(fault);
        let fault = proxy.add_rule(HalfOpen(LinkPattern::any()));
        socket.write_all(b"lost").await.unwrap();
        let mut heard = [0; 4];
        assert!(
            tokio::time::timeout(SILENCE, socket.read_exact(&mut heard))
                .await
                .is_err()
        );
        drop(fault);
        assert!(
            tokio::time::timeout(SILENCE, socket.read_exact(&mut heard))
                .await
                .is_err()
        );
    }
}
