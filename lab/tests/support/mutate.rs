//! Damages valid messages: what a broken client, a broken network or a curious person sends.

use super::dice::Dice;

/// Bytes that parsers trip over most often.
const EDGES: [u8; 12] = [
    0x00, 0x01, 0x20, 0x22, 0x25, 0x2f, 0x30, 0x7f, 0x80, 0x84, 0xfe, 0xff,
];

/// Most bytes that a damaged message has; larger ones are the business of tests of their own.
const MAX_DAMAGED_BYTES: usize = 64 * 1024;

/// Damages `bytes` in up to four places; `words` are pieces that mean something to the protocol.
pub fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>, words: &[&[u8]]) {
    for _ in 0..=dice.below(4) {
        damage(dice, bytes, words);
        bytes.truncate(MAX_DAMAGED_BYTES);
    }
}

fn damage(dice: &mut Dice, bytes: &mut Vec<u8>, words: &[&[u8]]) {
    if bytes.is_empty() {
        let count = dice.below(64);
        *bytes = dice.bytes(count);
        return;
    }
    let at = dice.below(bytes.len());
    match dice.below(12) {
        0 | 1 => bytes[at] ^= 1 << dice.below(8),
        2 => bytes[at] = *dice.pick(&EDGES),
        3 => bytes[at] = dice.byte(),
        4 => bytes.truncate(at),
        5 => {
            let end = at + dice.below(32.min(bytes.len() - at)) + 1;
            bytes.drain(at..end);
        }
        6 => {
            let end = at + dice.below(64.min(bytes.len() - at)) + 1;
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
        }
        7 => {
            let count = dice.below(16) + 1;
            let noise = dice.bytes(count);
            bytes.splice(at..at, noise);
        }
        8 | 9 => {
            let word = dice.pick(words).to_vec();
            bytes.splice(at..at, word);
        }
        10 => {
            let word = *dice.pick(words);
            let end = (at + word.len()).min(bytes.len());
            bytes.splice(at..end, word.iter().copied());
        }
        _ => {
            let other = dice.below(bytes.len());
            bytes.swap(at, other);
        }
    }
}

/// Words of LDAP: lengths and tags, controls, rules and attribute names.
pub const LDAP_WORDS: &[&[u8]] = &[
    &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
    &[0x30, 0x80],
    &[0x84, 0x00, 0xa0, 0x00, 0x00],
    &[0x02, 0x01, 0x00],
    &[0x02, 0x05, 0x7f, 0xff, 0xff, 0xff, 0xff],
    &[0x02, 0x04, 0x80, 0x00, 0x00, 0x00],
    &[0xa0, 0x00],
    &[0xa2, 0x02, 0xa2, 0x00],
    &[0x04, 0x00],
    &[0xff; 16],
    b"(&(|(!(objectClass=*))))",
    b"objectClass",
    b"objectGUID",
    b"objectSid",
    b"member;range=0-*",
    b"member;range=9999999999-0",
    b"uSNChanged",
    b"unicodePwd",
    b"msDS-ManagedPassword",
    b"nTSecurityDescriptor",
    b"1.2.840.113556.1.4.319",
    b"1.2.840.113556.1.4.841",
    b"1.2.840.113556.1.4.801",
    b"1.2.840.113556.1.4.803",
    b"1.2.840.113556.1.4.1941",
    b"1.3.6.1.4.1.1466.20037",
    b"DC=contoso,DC=com",
    b"<GUID=00000000-0000-0000-0000-000000000000>",
    b"<SID=S-1-5-18>",
    b"CN=\\0ADEL:x,\\2C,=,",
    b"\\5c\\",
    b"20260105080000.0Z",
    b"-9223372036854775808",
];

/// Words of HTTP, JSON, XML, OData and JWT.
pub const HTTP_WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\0",
    b"%00",
    b"%ff%fe",
    b"%",
    b"/../",
    b"//",
    b"?",
    b"&",
    b"=",
    b"$filter=startswith(displayName,'a') and ",
    b"$filter=not(not(((",
    b"$select=",
    b"$top=99999999999999999999",
    b"$top=-1",
    b"$skiptoken=",
    b"$deltatoken=",
    b"$count=true&$search=\"a",
    b"Content-Length: 18446744073709551616\r\n",
    b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: upgrade\r\nUpgrade: websocket\r\n",
    b"Authorization: Bearer eyJhbGciOiJub25lIn0.e30.\r\n",
    b"HTTP/0.9",
    b"HTTP/2.0",
    b"{\"",
    b"}}}}",
    b"[[[[[[[[",
    b"null",
    b"1e999",
    b"\\ud800",
    b"\"@odata.id\":",
    b"<!DOCTYPE a [<!ENTITY b \"c\">]>",
    b"<![CDATA[",
    b"&#x0;",
    b"&lol;",
    b"</",
    b"xmlns=\"",
    b"' or '1' eq '1",
    b"00000000-0000-0000-0000-000000000000",
];

/// Damages an HTTP request: its target, its body, or anything.
pub fn mutate_http(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let body = find(bytes, b"\r\n\r\n")
        .map(|at| at + 4)
        .filter(|at| *at < bytes.len());
    let target = find(bytes, b" ")
        .zip(find(bytes, b" HTTP/"))
        .map(|(start, end)| (start + 1, end));
    match (dice.below(5), target, body) {
        (0 | 1, Some((start, end)), _) if start < end => {
            let mut target = bytes[start..end].to_vec();
            mutate(dice, &mut target, HTTP_WORDS);
            // Escaped, or the request would not be read as far as to its target.
            bytes.splice(start..end, target.into_iter().flat_map(escaped));
        }
        (2 | 3, _, Some(start)) => {
            let mut body = bytes.split_off(start);
            mutate(dice, &mut body, HTTP_WORDS);
            bytes.extend(body);
        }
        _ => mutate(dice, bytes, HTTP_WORDS),
    }
}

fn escaped(byte: u8) -> Vec<u8> {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => vec![byte],
        _ if b"/?&=$%-_.~!'()*+,;:@".contains(&byte) => vec![byte],
        other => format!("%{other:02X}").into_bytes(),
    }
}

/// Words of the relay's frames.
pub const FRAME_WORDS: &[&[u8]] = &[
    b"\"v\":2",
    b"\"type\":\"hello\"",
    b"\"type\":\"response\"",
    b"\"type\":\"welcome\"",
    b"\"type\":\"request\"",
    b"\"result\":{\"list\":{}}",
    b"\"error\":null",
    b"\"id\":\"00000000-0000-0000-0000-000000000000\"",
    b"[[[[[[[[",
    b"{\"",
    b"}",
    b"null",
    b"-1e400",
    b"\\ud800",
    b"\xff\xfe",
];

/// Makes the outermost length of an LDAP message true again, so that the damage reaches the inner decoders.
pub fn repair_ldap(bytes: &mut Vec<u8>) {
    if bytes.len() < 2 || bytes[0] != 0x30 {
        return;
    }
    let header = match bytes[1] {
        0..=0x7f => 2,
        long => 2 + usize::from(long & 0x7f).min(4),
    };
    let body = bytes.split_off(header.min(bytes.len()));
    *bytes = super::ldap::element(0x30, &body);
}

/// Makes the `Content-Length` of an HTTP request true again.
pub fn repair_http(bytes: &mut Vec<u8>) {
    const NAME: &[u8] = b"content-length: ";
    let Some(body) = find(bytes, b"\r\n\r\n").map(|at| at + 4) else {
        return;
    };
    let head = bytes[..body].to_ascii_lowercase();
    let Some(start) = find(&head, NAME).map(|at| at + NAME.len()) else {
        return;
    };
    let Some(end) = find(&head[start..], b"\r\n").map(|at| start + at) else {
        return;
    };
    let length = (bytes.len() - body).to_string();
    bytes.splice(start..end, length.into_bytes());
}

/// Where `what` stands in `bytes` for the first time.
pub fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
