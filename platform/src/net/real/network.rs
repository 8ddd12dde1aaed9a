//! Sockets on loopback, found by the world's table of names.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use tokio::net::{TcpListener, TcpStream};

use super::table::{Lookup, NameTable};
use super::tls::Trust;
use crate::clock::Clock;
use crate::event;
use crate::net::{
    Accept, CONNECT_LIMIT, ClientTls, Endpoint, HANDSHAKE_LIMIT, Listener, Net, NetError, NetErrorKind,
    Origin, ServerTls, Stream,
};
use crate::trace::{Part, Trace};

/// The network of one process; cheap to clone.
#[derive(Debug, Clone)]
pub struct RealNet {
    table: Arc<RwLock<NameTable>>,
    bound: Arc<RwLock<NameTable>>,
    trust: Trust,
    host: String,
    clock: Clock,
    trace: Trace,
}

impl RealNet {
    /// The network as `host` sees it: names from `table`, servers trusted as `trust` says. Connects and accepts are told
    /// to `trace` as that host's.
    #[must_use]
    pub fn new(host: &str, table: NameTable, trust: Trust, clock: &Clock, trace: &Trace) -> Self {
        Self {
            table: Arc::new(RwLock::new(table)),
            bound: Arc::default(),
            trust,
            host: host.to_ascii_lowercase(),
            clock: clock.clone(),
            trace: trace.with_clock(clock).for_host(host),
        }
    }

    /// The same network as another host of this process sees it.
    #[must_use]
    pub fn for_host(&self, host: &str) -> Self {
        Self {
            host: host.to_ascii_lowercase(),
            trace: self.trace.for_host(host),
            ..self.clone()
        }
    }

    /// Where this process listens: what the other processes need in their tables.
    #[must_use]
    pub fn bound(&self) -> NameTable {
        self.bound.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds names that have become known.
    pub fn learn(&self, names: &NameTable) {
        self.table
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .merge(names);
    }

    async fn open(&self, to: &Endpoint) -> Result<Stream, NetError> {
        let found = self
            .table
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .lookup(to);
        let address = match found {
            Lookup::Address(address) => address,
            Lookup::PortUnknown => {
                return Err(NetError::new(
                    NetErrorKind::Refused,
                    to,
                    "nothing listens on the port",
                ));
            }
            Lookup::HostUnknown => {
                return Err(NetError::new(
                    NetErrorKind::HostUnknown,
                    to,
                    "no such host is known",
                ));
            }
        };
        loopback_only(to, address)?;
        let Ok(connected) = self
            .clock
            .timeout(CONNECT_LIMIT, TcpStream::connect(address))
            .await
        else {
            return Err(NetError::new(
                NetErrorKind::TimedOut,
                to,
                format!("no answer within {CONNECT_LIMIT:?}"),
            ));
        };
        let stream = connected
            .and_then(prompt)
            .map_err(|e| NetError::from_io(to, &e))?;
        let port = stream.local_addr().map_or(0, |own| own.port());
        Ok(Stream {
            io: Box::new(stream),
            origin: Origin::Real,
            local: Endpoint::new(&self.host, port),
            peer: to.clone(),
            security: None,
        })
    }

    async fn limited(
        &self,
        at: &Endpoint,
        handshake: impl Future<Output = Result<Stream, NetError>>,
    ) -> Result<Stream, NetError> {
        self.clock
            .timeout(HANDSHAKE_LIMIT, handshake)
            .await
            .unwrap_or_else(|_| {
                let detail = format!("the TLS handshake was not done within {HANDSHAKE_LIMIT:?}");
                Err(NetError::new(NetErrorKind::TimedOut, at, detail))
            })
    }
}

/// Nothing leaves the machine, whatever a table says.
fn loopback_only(at: &Endpoint, address: SocketAddr) -> Result<(), NetError> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    let detail =
        format!("the name table gives {address}, but only loopback addresses (127.0.0.1, ::1) are allowed");
    Err(NetError::new(NetErrorKind::Unreachable, at, detail))
}

/// Small messages go out at once: the protocols here wait for each other's answers.
fn prompt(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[async_trait]
impl Net for RealNet {
    async fn connect(&self, to: &Endpoint) -> Result<Stream, NetError> {
        let opened = self.open(to).await;
        let outcome = opened
            .as_ref()
            .map_or_else(|error| error.kind.as_str(), |_| "connected");
        event!(
            self.trace,
            Part::Network,
            "net.connect",
            to = to.host,
            port = to.port,
            outcome = outcome
        );
        opened
    }

    async fn listen(&self, at: &Endpoint) -> Result<Listener, NetError> {
        let wanted = self
            .table
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .exact(at);
        let address = wanted.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        loopback_only(at, address)?;
        let io = |e: io::Error| NetError::from_io(at, &e);
        let socket = TcpListener::bind(address).await.map_err(io)?;
        let bound = socket.local_addr().map_err(io)?;
        self.bound
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(at, bound);
        self.table
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(at, bound);
        let source = RealListener {
            at: at.clone(),
            socket,
            trace: self.trace.clone(),
        };
        Ok(Listener::new(at.clone(), Box::new(source)))
    }

    async fn secure_client(&self, stream: Stream, tls: &ClientTls) -> Result<Stream, NetError> {
        let peer = stream.peer().clone();
        self.limited(&peer, self.trust.connect(stream, tls)).await
    }

    async fn secure_server(&self, stream: Stream, tls: &ServerTls) -> Result<Stream, NetError> {
        let local = stream.local().clone();
        self.limited(&local, self.trust.accept(stream, tls)).await
    }
}

struct RealListener {
    at: Endpoint,
    socket: TcpListener,
    trace: Trace,
}

#[async_trait]
impl Accept for RealListener {
    async fn accept(&self) -> Result<Stream, NetError> {
        loop {
            let accepted = self
                .socket
                .accept()
                .await
                .and_then(|(stream, from)| Ok((prompt(stream)?, from)));
            let (stream, from) = match accepted {
                Ok(accepted) => accepted,
                // The client went away between its connect and our accept.
                Err(e)
                    if matches!(
                        e.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                    ) =>
                {
                    continue;
                }
                Err(e) => return Err(NetError::from_io(&self.at, &e)),
            };
            let from = Endpoint::new(from.ip().to_string(), from.port());
            event!(
                self.trace,
                Part::Network,
                "net.accept",
                at = self.at.host,
                port = self.at.port,
                from = from.host
            );
            return Ok(Stream {
                io: Box::new(stream),
                origin: Origin::Real,
                local: self.at.clone(),
                peer: from,
                security: None,
            });
        }
    }
}
