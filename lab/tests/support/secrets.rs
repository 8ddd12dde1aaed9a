//! Finds planted secrets in whatever a run gives out, in every form that they could take on their way there.

use std::collections::HashMap;

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{GeneralPurpose, GeneralPurposeConfig},
};
use provlab_protocol::nt_hash::nt_hash;

/// Bytes of a needle that are looked up at once.
const KEY_BYTES: usize = 4;

/// Things that must not be found, each with what it is.
#[derive(Default)]
pub struct Needles {
    all: Vec<(String, Vec<u8>)>,
    /// Needles by their first bytes.
    by_start: HashMap<[u8; KEY_BYTES], Vec<usize>>,
}

impl Needles {
    /// Adds a password: as text, escaped, encoded, and as the hash that Active Directory keeps of it.
    pub fn password(&mut self, name: &str, password: &str) {
        self.bytes(name, password.as_bytes());
        let utf16: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.bytes(&format!("{name} in UTF-16"), &utf16);
        self.bytes(&format!("NT hash of {name}"), nt_hash(password).as_bytes());
        let percent = |byte: u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        };
        let escaped: String = password.bytes().map(percent).collect();
        self.add(
            format!("{name} with percent signs"),
            escaped.to_lowercase().into_bytes(),
        );
        self.add(format!("{name} with percent signs"), escaped.into_bytes());
        self.add(
            format!("{name} in XML"),
            password.replace('&', "&amp;").into_bytes(),
        );
    }

    /// Adds bytes: raw, in hexadecimal, and in base64 wherever in a text they might begin.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.add(name.to_owned(), bytes.to_vec());
        self.add(format!("{name} in hex"), hex::encode(bytes).into_bytes());
        self.add(format!("{name} in hex"), hex::encode_upper(bytes).into_bytes());
        let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
        self.add(format!("{name} as numbers"), list.join(",").into_bytes());
        self.add(format!("{name} as numbers"), list.join(", ").into_bytes());
        for alphabet in [&STANDARD, &URL_SAFE] {
            let engine =
                GeneralPurpose::new(alphabet, GeneralPurposeConfig::new().with_encode_padding(false));
            for shift in 0..3 {
                let text = engine.encode([&[0; 3][..shift], bytes].concat());
                // The characters that hold nothing but these bytes, whatever stands around them.
                let (start, end) = ((shift * 8).div_ceil(6), (shift + bytes.len()) * 8 / 6);
                self.add(format!("{name} in base64"), text.as_bytes()[start..end].to_vec());
            }
        }
    }

    fn add(&mut self, name: String, needle: Vec<u8>) {
        let Some(start) = needle.first_chunk::<KEY_BYTES>() else {
            return;
        };
        self.by_start.entry(*start).or_default().push(self.all.len());
        self.all.push((name, needle));
    }

    /// What of all this is in `text`, and where.
    pub fn found_in(&self, text: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for at in 0..text.len() {
            let rest = &text[at..];
            if let Some(start) = rest.first_chunk::<KEY_BYTES>() {
                let candidates = self.by_start.get(start).map_or(&[][..], Vec::as_slice);
                let names = candidates.iter().map(|index| &self.all[*index]);
                let names = names
                    .filter(|(_, needle)| rest.starts_with(needle))
                    .map(|(name, _)| name.clone());
                found.extend(
                    names
                        .chain(marker(rest))
                        .map(|name| format!("{name}, after {:?}", before(text, at))),
                );
            }
        }
        found
    }
}

/// Some text in front of a place, to find it by; never the place itself.
fn before(text: &[u8], at: usize) -> String {
    String::from_utf8_lossy(&text[at.saturating_sub(60)..at]).into_owned()
}

/// Whether something secret begins here that is drawn at random and so known by its form alone.
fn marker(rest: &[u8]) -> Option<String> {
    const FORMS: [(&[u8], &str); 4] = [
        (b"PRIVATE KEY-----", "a private key"),
        (b"SharedAccessSignature sr=", "a shared access signature"),
        // `rsaEncryption`, NULL, and the OCTET STRING of PKCS#8, which a public key does not have.
        (
            &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0, 4, 0x82],
            "a private key",
        ),
        (b"BgkqhkiG9w0BAQEFAASC", "a private key"),
    ];
    if let Some((_, name)) = FORMS.iter().find(|(form, _)| rest.starts_with(form)) {
        return Some((*name).to_owned());
    }
    if is_bearer_token(rest) {
        return Some("a bearer token".to_owned());
    }
    let key = rest.strip_prefix(b"<SharedAccessKey>")?;
    (key.first() != Some(&b'<')).then(|| "a shared access key".to_owned())
}

/// `eyJ….eyJ….`: header and claims of a JSON web token, both of which begin with `{"`.
fn is_bearer_token(rest: &[u8]) -> bool {
    let part = |text: &[u8]| {
        text.iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
            .count()
    };
    let Some(header) = rest.strip_prefix(b"eyJ") else {
        return false;
    };
    header[part(header)..].starts_with(b".eyJ")
}
