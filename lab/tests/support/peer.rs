//! One attack on one port: what is sent, at which pace, how it ends, and what has to come of it.

use std::time::Duration;

use provlab_directory::server::limits;
use provlab_entra::{http, relay};
use provlab_platform::Endpoint;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{ldap, mutate::find, victim::Victim, websocket};

/// What is spoken behind a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// LDAP.
    Ldap,
    /// HTTP.
    Http,
    /// The relay's WebSocket: the upgrade is sent first.
    Relay,
}

/// A port of the world.
#[derive(Debug, Clone)]
pub struct Door {
    /// Name and port.
    pub to: Endpoint,
    /// Whether TLS comes first.
    pub sealed: bool,
    /// What is spoken then.
    pub protocol: Protocol,
}

/// How fast the bytes are sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// All at once.
    AtOnce,
    /// In pieces of so many bytes with a pause after each.
    Pieces(usize, Duration),
}

/// What happens after the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client waits a little for an answer and then closes its direction.
    Close,
    /// The client closes its direction at once.
    CloseAtOnce,
    /// The client says nothing more and waits.
    Silence,
    /// The client is gone without reading.
    Gone,
}

/// What a client does.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it sends.
    pub bytes: Vec<u8>,
    /// How fast.
    pub pace: Pace,
    /// What follows.
    pub end: End,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Answer {
    /// What the server said, up to [`MAX_KEPT_BYTES`].
    pub bytes: Vec<u8>,
    /// How much it said.
    pub said: usize,
    /// How much of the client's bytes it took, the network's window included.
    pub taken: usize,
    /// How long it took until it closed.
    pub took: Duration,
}

/// An answer is looked at up to this length.
const MAX_KEPT_BYTES: usize = 4 << 20;
/// A flood ends here.
const MOST_POURED_BYTES: usize = 64 << 20;
/// How long a client waits for an answer before it closes.
const PATIENCE: Duration = Duration::from_millis(50);
/// How soon a server closes once the client has; the network takes a few milliseconds.
const CLOSE_LIMIT: Duration = Duration::from_secs(15);
/// Room for the network's latency in a limit.
const SLACK: Duration = Duration::from_secs(5);

impl Door {
    /// How long a silent client may keep this port busy: the limits of what it serves, one after the other.
    pub fn longest_silence(&self) -> Duration {
        let handshake = if self.sealed {
            http::HANDSHAKE_TIMEOUT
        } else {
            Duration::ZERO
        };
        handshake
            + SLACK
            + match self.protocol {
                Protocol::Ldap => limits::IDLE_TIMEOUT + limits::FRAME_TIMEOUT,
                Protocol::Http => http::HEAD_TIMEOUT * 2 + http::BODY_TIMEOUT,
                Protocol::Relay => {
                    http::HEAD_TIMEOUT
                        + relay::HELLO_TIMEOUT
                        + relay::KEEP_ALIVE * (relay::SILENT_INTERVALS + 1)
                }
            }
    }
}

/// Carries out a plan; the server has to close in time.
///
/// # Errors
/// That it did not, or that it could not be reached.
pub async fn deliver(victim: &Victim, door: &Door, plan: &Plan) -> Result<Answer, String> {
    deliver_after(victim, door, &[], plan).await
}

/// The same after bytes that are sent at once.
///
/// # Errors
/// As [`deliver`].
pub async fn deliver_after(
    victim: &Victim,
    door: &Door,
    first: &[u8],
    plan: &Plan,
) -> Result<Answer, String> {
    let stream = victim.connect(&door.to, door.sealed).await?;
    let begun = victim.clock.now();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut answer = Answer::default();
    let mut taken = 0;
    let (size, pause) = match plan.pace {
        Pace::AtOnce => (plan.bytes.len().max(1), Duration::ZERO),
        Pace::Pieces(size, pause) => (size.max(1), pause),
    };
    let write = async {
        for piece in [first].into_iter().chain(plan.bytes.chunks(size)) {
            // A server that has closed takes nothing more, which is its right.
            if !put(&mut writer, piece, &mut taken).await {
                return;
            }
            if !pause.is_zero() && !piece.is_empty() {
                victim.clock.sleep(pause).await;
            }
        }
        if plan.end == End::Close {
            victim.clock.sleep(PATIENCE).await;
        }
        if plan.end != End::Silence {
            let _ = writer.shutdown().await;
        }
    };
    let read = async {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            answer.said += count;
            let room = MAX_KEPT_BYTES.saturating_sub(answer.bytes.len()).min(count);
            answer.bytes.extend_from_slice(&buffer[..room]);
        }
    };
    if plan.end == End::Gone {
        write.await;
        return Ok(answer);
    }
    let pieces = u32::try_from(plan.bytes.len() / size).unwrap_or(u32::MAX);
    let limit = match plan.end {
        End::Silence => door.longest_silence(),
        _ => CLOSE_LIMIT,
    };
    let limit = limit + pause * pieces;
    let both = async {
        tokio::pin!(write, read);
        tokio::select! {
            biased;
            () = &mut read => {}
            () = &mut write => read.await,
        }
    };
    if victim.clock.timeout(limit, both).await.is_err() {
        return Err(format!(
            "it is still open after {limit:?}; it took {taken} bytes and said {:?}",
            text(&answer.bytes)
        ));
    }
    if door.to.host.contains("renewtrust") {
        victim.learn(&answer.bytes);
    }
    answer.taken = taken;
    answer.took = victim.clock.now() - begun;
    Ok(answer)
}

/// Sends `again` over and over, and reads nothing, until the server takes no more.
///
/// # Errors
/// That it takes more and more, or keeps the connection.
pub async fn flood(victim: &Victim, door: &Door, first: &[u8], again: &[u8]) -> Result<Answer, String> {
    let mut stream = victim.connect(&door.to, door.sealed).await?;
    let begun = victim.clock.now();
    let mut taken = 0;
    let pour = async {
        let mut more = put(&mut stream, first, &mut taken).await;
        while more && taken < MOST_POURED_BYTES {
            more = put(&mut stream, again, &mut taken).await;
        }
    };
    let limit = limits::SEND_TIMEOUT + http::WRITE_STALL_TIMEOUT + SLACK;
    if victim.clock.timeout(limit, pour).await.is_err() {
        return Err(format!("it neither reads nor closes for {limit:?}"));
    }
    if taken >= MOST_POURED_BYTES {
        return Err(format!("it still reads after {taken} bytes"));
    }
    Ok(Answer {
        taken,
        took: victim.clock.now() - begun,
        ..Answer::default()
    })
}

/// Writes all of `bytes`, counting them; false if the server takes no more.
async fn put(writer: &mut (impl tokio::io::AsyncWrite + Unpin), bytes: &[u8], taken: &mut usize) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        match writer.write(rest).await {
            Ok(count @ 1..) => {
                *taken += count;
                rest = &rest[count..];
            }
            _ => return false,
        }
    }
    true
}

/// Diagnostics with which Active Directory itself answers `other`: a name that an account cannot have, and a rename below
/// nothing (both are cases of the parity suite).
const MEANT: [&[u8]; 2] = [b"00000523: SysErr", b"00002089: SvcErr"];

fn count(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).filter(|window| *window == part).count()
}

/// Checks that what the server said belongs to its protocol and blames nobody but the client.
///
/// # Errors
/// What does not.
pub fn judge(protocol: Protocol, answer: &Answer) -> Result<(), String> {
    if answer.said > answer.bytes.len() || answer.bytes.is_empty() {
        return Ok(());
    }
    let judged = match protocol {
        Protocol::Ldap => ldap::judge(&answer.bytes).and_then(|codes| {
            let others = codes.iter().filter(|code| **code == OTHER).count();
            let meant: usize = MEANT.iter().map(|number| count(&answer.bytes, number)).sum();
            if others > meant {
                return Err("the result is `other`".to_owned());
            }
            Ok(())
        }),
        Protocol::Http => judge_http(&answer.bytes),
        Protocol::Relay => websocket::judge(&answer.bytes),
    };
    judged.map_err(|what| format!("{what}: {}", text(&answer.bytes)))
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The server closed without a word.
    Closed,
    /// It refused.
    Refused,
    /// It did what was asked.
    Served,
}

/// What became of the last message on a connection.
pub fn fate(protocol: Protocol, answer: &Answer) -> Fate {
    let served = match protocol {
        Protocol::Ldap => ldap::judge(&answer.bytes).is_ok_and(|codes| codes.last() == Some(&0)),
        Protocol::Http => answer.bytes.get(9) == Some(&b'2'),
        Protocol::Relay => find(&answer.bytes, b"\"closing\"").is_none(),
    };
    match served {
        _ if answer.said == 0 => Fate::Closed,
        true => Fate::Served,
        false => Fate::Refused,
    }
}

/// LDAP's result for what a server did not foresee.
const OTHER: u8 = 80;

fn judge_http(answer: &[u8]) -> Result<(), String> {
    if !answer.starts_with(b"HTTP/1.1 ") && !answer.starts_with(b"HTTP/1.0 ") {
        return Err("no HTTP".into());
    }
    if find(answer, b"HTTP/1.1 5").is_some() || answer.starts_with(b"HTTP/1.0 5") {
        return Err("the server blames itself".into());
    }
    Ok(())
}

/// The beginning of an answer, for messages.
pub fn text(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(400)];
    String::from_utf8_lossy(start).escape_debug().to_string()
}
