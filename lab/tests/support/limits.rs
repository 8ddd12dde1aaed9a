//! Where the servers of a world have limits: the messages that run into them, and the waits that they end.

use std::time::Duration;

use provlab_directory::server::limits;
use provlab_entra::{http, relay};
use provlab_platform::net::{HANDSHAKE_LIMIT, sim::WINDOW_BYTES};
use provlab_protocol::relay::MAX_FRAME_BYTES;

use super::{
    corpus, ldap,
    peer::{Door, Protocol},
    siege::{Attack, listening},
    victim::{Tokens, Victim},
    websocket,
};

/// How much a server takes in of one client at most: its largest message, and what the network holds for it.
pub fn most_taken(protocol: Protocol) -> usize {
    WINDOW_BYTES * 2
        + match protocol {
            Protocol::Ldap => limits::MAX_MESSAGE_BYTES,
            Protocol::Http => http::MAX_DISCARDED_BYTES + http::MAX_HEAD_BYTES,
            Protocol::Relay => MAX_FRAME_BYTES,
        }
}

/// A message without end, by its beginning; the rest is filled up.
pub fn endless(attack: &Attack, victim: &Victim) -> Vec<(&'static str, Vec<u8>)> {
    let host = &attack.door.to.host;
    let messages = match attack.door.protocol {
        Protocol::Ldap => vec![
            (
                "the largest message",
                [
                    &[0x30, 0x84][..],
                    &(limits::MAX_MESSAGE_BYTES as u32 - 6).to_be_bytes(),
                ]
                .concat(),
            ),
            (
                "a message that is too large",
                [
                    &[0x30, 0x84][..],
                    &(limits::MAX_MESSAGE_BYTES as u32).to_be_bytes(),
                ]
                .concat(),
            ),
        ],
        Protocol::Http => vec![
            ("a request line", b"GET /".to_vec()),
            (
                "a header",
                format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-A: ").into_bytes(),
            ),
            (
                "a body",
                format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1099511627776\r\n\r\n")
                    .into_bytes(),
            ),
            (
                "a chunk",
                format!(
                    "POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n"
                )
                .into_bytes(),
            ),
        ],
        Protocol::Relay => vec![
            (
                "a frame",
                [&[0x81, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat(),
            ),
            (
                "the largest frame",
                [
                    &[0x81, 0xff][..],
                    &(MAX_FRAME_BYTES as u64).to_be_bytes(),
                    &[0; 4],
                ]
                .concat(),
            ),
        ],
    };
    messages
        .into_iter()
        .map(|(name, start)| (name, [(attack.before)(victim), start].concat()))
        .collect()
}

/// A point at which a client falls silent, or becomes slow, and how long it may then stay.
pub struct Stall {
    /// Where it happens.
    pub what: &'static str,
    /// The port.
    pub door: Door,
    /// Sent at once.
    pub first: Vec<u8>,
    /// Dripped, or not sent at all.
    pub rest: Vec<u8>,
    /// How long the server waits.
    pub limit: Duration,
}

/// Every wait that a server bounds, at every listener.
pub fn stalls(victim: &Victim, attacks: &[Attack]) -> Vec<Stall> {
    let mut all = Vec::new();
    let hello = corpus::handshakes(victim)[0].render(&Tokens::default());
    for attack in attacks {
        let mut stall = |what, door: &Door, first: Vec<u8>, rest: &[u8], limit| {
            all.push(Stall {
                what,
                door: door.clone(),
                first,
                rest: rest.to_vec(),
                limit,
            });
        };
        let door = &attack.door;
        if door.sealed {
            let bare = Door {
                sealed: false,
                ..door.clone()
            };
            stall("the handshake", &bare, Vec::new(), &hello, HANDSHAKE_LIMIT);
        }
        match door.protocol {
            Protocol::Ldap => {
                let request = ldap::root_search();
                stall(
                    "the first request",
                    door,
                    request[..1].to_vec(),
                    &request[1..],
                    limits::FRAME_TIMEOUT,
                );
                stall(
                    "a later request",
                    door,
                    [ldap::bind("", ""), request[..2].to_vec()].concat(),
                    &request[2..],
                    limits::FRAME_TIMEOUT,
                );
            }
            Protocol::Http => {
                let host = &door.to.host;
                let head = format!("POST /a HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n");
                stall("a head", door, Vec::new(), head.as_bytes(), http::HEAD_TIMEOUT);
                // After the answer the connection may be kept for another request.
                stall(
                    "a body",
                    door,
                    head.into_bytes(),
                    &[b'a'; 100],
                    http::BODY_TIMEOUT + http::HEAD_TIMEOUT,
                );
            }
            Protocol::Relay => {
                let text = websocket::texts(victim);
                let silence = relay::KEEP_ALIVE * (relay::SILENT_INTERVALS + 1);
                stall(
                    "the upgrade",
                    door,
                    Vec::new(),
                    &websocket::upgrade(victim),
                    http::HEAD_TIMEOUT,
                );
                stall(
                    "the hello",
                    door,
                    websocket::upgrade(victim),
                    &websocket::hello(victim),
                    relay::HELLO_TIMEOUT,
                );
                stall(
                    "a frame",
                    door,
                    listening(victim),
                    &websocket::frame(1, &text[5]),
                    silence,
                );
            }
        }
    }
    all
}
