//! Cutting a connection's bytes into PDUs without ever holding more than one.

use super::header::{HEADER_BYTES, Header};
use super::{DceError, FRAGMENT_BYTES};

/// The bytes received and not yet understood.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    start: usize,
}

impl Frames {
    /// Takes bytes from the stream in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether part of a PDU is waiting for the rest.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// The next whole PDU, or `None` until more bytes are here.
    ///
    /// # Errors
    /// No PDU, or one that is larger than what was offered.
    pub fn next_pdu(&mut self) -> Result<Option<Vec<u8>>, DceError> {
        let waiting = &self.bytes[self.start..];
        if waiting.len() < HEADER_BYTES {
            return Ok(None);
        }
        let length = Header::read(waiting)?.length();
        let limit = usize::from(FRAGMENT_BYTES);
        if length > limit {
            return Err(DceError::TooMany {
                what: "a fragment",
                found: length,
                limit,
            });
        }
        let Some(pdu) = waiting.get(..length) else {
            return Ok(None);
        };
        let pdu = pdu.to_vec();
        self.start += length;
        Ok(Some(pdu))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::header::{PacketFlags, PacketType, finish};
    use super::*;

    fn pdu(length: usize) -> Vec<u8> {
        let mut pdu = Header::begin(PacketType::Request, PacketFlags::WHOLE, 1);
        pdu.resize(length, 7);
        finish(&mut pdu, 0, 0);
        pdu
    }

    #[test]
    fn pdus_are_cut_wherever_the_stream_breaks() {
        let stream = [pdu(20), pdu(16), pdu(30)].concat();
        let mut frames = Frames::default();
        let mut seen = Vec::new();
        for byte in &stream {
            frames.push(&[*byte]);
            while let Some(pdu) = frames.next_pdu().unwrap() {
                seen.push(pdu.len());
            }
        }
        assert_eq!(seen, [20, 16, 30]);
        assert!(frames.is_empty());
    }

    #[test]
    fn the_size_is_refused_before_the_body_arrives() {
        let limit = usize::from(FRAGMENT_BYTES);
        let mut frames = Frames::default();
        frames.push(&pdu(limit)[..HEADER_BYTES]);
        assert_eq!(frames.next_pdu(), Ok(None));
        let mut frames = Frames::default();
        frames.push(&pdu(limit + 1)[..HEADER_BYTES]);
        assert!(matches!(frames.next_pdu(), Err(DceError::TooMany { .. })));
        let mut frames = Frames::default();
        frames.push(b"GET / HTTP/1.1\r\n");
        assert_eq!(frames.next_pdu(), Err(DceError::Version));
    }
}
