//! WebSocket frames made by hand (RFC 6455), valid ones and others, for the relay.

use super::{dice::Dice, mutate::find, victim::Victim};

/// Operation codes that RFC 6455 defines, and some that it reserves.
const CODES: [u8; 10] = [0, 1, 2, 8, 9, 10, 3, 7, 11, 15];

/// The request that opens a listener's WebSocket.
pub fn upgrade(victim: &Victim) -> Vec<u8> {
    format!(
        "GET /$servicebus/websocket HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: provlab.relay.v1\r\nServiceBusAuthorization: {}\r\nX-Provlab-Listener: {}\r\n\r\n",
        victim.listener.host(),
        victim.listener_authorization(),
        victim.listener.service_path,
    )
    .into_bytes()
}

/// A client's frame with true lengths.
pub fn frame(code: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80 | code];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        middle @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((middle as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    const MASK: [u8; 4] = [1, 2, 3, 4];
    bytes.extend(MASK);
    bytes.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}

/// The first frame of an agent.
pub fn hello(victim: &Victim) -> Vec<u8> {
    let text = format!(
        r#"{{"v":1,"type":"hello","connectorId":"{}","agentVersion":"1.1.1586.0"}}"#,
        victim.agent()
    );
    frame(1, text.as_bytes())
}

/// Texts of the relay's frames that are valid at some point of a conversation.
pub fn texts(victim: &Victim) -> Vec<Vec<u8>> {
    let id = "\"id\":\"6f9619ff-8b86-d011-b42d-00c04fc964ff\"";
    let list = r#"{"list":{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"startIndex":1,"itemsPerPage":1,"Resources":[{"schemas":[],"id":"6f9619ff-8b86-d011-b42d-00c04fc964ff","meta":{"resourceType":"User"},"deleted":false,"partial":true,"attributes":{"displayName":["A"]},"linksAdded":{},"linksRemoved":{}}],"cookie":"AAAA","moreResults":false,"replicaToken":{"InvocationId":"6f9619ff-8b86-d011-b42d-00c04fc964ff","Name":"dc1.contoso.com"}}}"#;
    let error = r#"{"code":"cookieRefused","message":"m","ldap":{"resultCode":53,"resultName":"unwillingToPerform","diagnostic":"d"}}"#;
    [
        format!(r#"{{"v":1,"type":"hello","connectorId":"{}","agentVersion":"1.1.1586.0"}}"#, victim.agent()),
        r#"{"v":1,"type":"ping"}"#.to_owned(),
        r#"{"v":1,"type":"pong"}"#.to_owned(),
        r#"{"v":1,"type":"closing","reason":"r"}"#.to_owned(),
        format!(r#"{{"v":1,"type":"response",{id},"result":{{"pong":{{"domain":"contoso.com","domainController":"dc1.contoso.com"}}}}}}"#),
        format!(r#"{{"v":1,"type":"response",{id},"result":{list}}}"#),
        format!(r#"{{"v":1,"type":"response",{id},"error":{error}}}"#),
        format!(r#"{{"v":1,"type":"request",{id},"deadlineMs":1,"operation":{{"ping":{{"domain":"contoso.com"}}}}}}"#),
        r#"{"v":1,"type":"welcome","listener":"a","keepAliveMs":1}"#.to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// A frame around `payload` in which something may be wrong.
pub fn damaged_frame(dice: &mut Dice, payload: &[u8]) -> Vec<u8> {
    let code = if dice.once_in(3) { *dice.pick(&CODES) } else { 1 };
    let mut bytes = frame(code, payload);
    match dice.below(8) {
        // Not the last of its message.
        0 => bytes[0] &= 0x7f,
        // A reserved bit.
        1 => bytes[0] |= 0x10 << dice.below(3),
        // Not masked.
        2 => bytes[1] &= 0x7f,
        // Another length.
        3 => bytes[1] = dice.byte(),
        4 => {
            let at = dice.below(bytes.len().min(12));
            bytes[at] = dice.byte();
        }
        _ => {}
    }
    bytes
}

/// Frames that aim at one limit each.
pub fn designed() -> Vec<(&'static str, Vec<u8>)> {
    let header = |first: u8, length: u64| [&[first, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat();
    let nested = |depth: usize| {
        let text = format!(
            r#"{{"v":1,"type":"response","id":"6f9619ff-8b86-d011-b42d-00c04fc964ff","result":{}"#,
            "[".repeat(depth)
        );
        frame(1, text.as_bytes())
    };
    vec![
        ("a frame of 2^63 bytes", header(0x81, 1 << 63)),
        ("a frame of 2^64-1 bytes", header(0x81, u64::MAX)),
        ("a frame of 17 MB", header(0x81, 17 << 20)),
        ("a ping of 64 kB", frame(9, &[0; 65_536])),
        ("a ping in two parts", vec![0x09, 0x80, 0, 0, 0, 0]),
        ("the rest of nothing", frame(0, b"x")),
        ("a message in a message", [vec![0x01, 0x80, 0, 0, 0, 0], frame(1, b"x")].concat()),
        ("a million empty parts", [vec![0x01, 0x80, 0, 0, 0, 0], [0x00, 0x80, 0, 0, 0, 0].repeat(200_000)].concat()),
        ("text that is none", frame(1, &[0xff, 0xfe])),
        ("binary", frame(2, b"{}")),
        ("a close with one byte", frame(8, &[3])),
        ("a close with a reserved code", frame(8, &[0x03, 0xed])),
        ("an unmasked frame", vec![0x81, 0x02, b'{', b'}']),
        ("a compressed frame", vec![0xc1, 0x80, 0, 0, 0, 0]),
        ("100000 brackets", nested(100_000)),
        ("10000 pings", frame(9, b"p").repeat(10_000)),
        ("10000 pings of the relay", frame(1, br#"{"v":1,"type":"ping"}"#).repeat(10_000)),
        ("10000 answers to nothing", frame(1, br#"{"v":1,"type":"response","id":"6f9619ff-8b86-d011-b42d-00c04fc964ff","error":{"code":"x","message":"y","ldap":null}}"#).repeat(10_000)),
    ]
}

/// Checks that the bytes are an accepted upgrade and whole frames of a server.
///
/// # Errors
/// What is wrong with them.
pub fn judge(answer: &[u8]) -> Result<(), String> {
    let end = find(answer, b"\r\n\r\n").ok_or("no head")? + 4;
    if !answer.starts_with(b"HTTP/1.1 101 ") {
        return Err(format!(
            "refused: {}",
            String::from_utf8_lossy(&answer[..end.min(200)])
        ));
    }
    let mut rest = &answer[end..];
    while let [first, length, after @ ..] = rest {
        let (length, after) = match *length {
            126 => after.split_at_checked(2).map(|(length, after)| {
                (
                    length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)),
                    after,
                )
            }),
            127 => after.split_at_checked(8).map(|(length, after)| {
                (
                    length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)),
                    after,
                )
            }),
            short => Some((usize::from(short), after)),
        }
        .ok_or("a length breaks off")?;
        if length > answer.len() {
            return Err("a frame that is masked or breaks off".into());
        }
        let (payload, after) = after.split_at_checked(length).ok_or("a frame breaks off")?;
        match first {
            0x81 => {
                let text: serde_json::Value =
                    serde_json::from_slice(payload).map_err(|error| error.to_string())?;
                if text["v"] != 1 || !text["type"].is_string() {
                    return Err(format!("no frame of the relay: {text}"));
                }
            }
            0x88..=0x8a => {}
            other => return Err(format!("a frame of kind {other:#04x}")),
        }
        rest = after;
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err("a header breaks off".into())
    }
}
