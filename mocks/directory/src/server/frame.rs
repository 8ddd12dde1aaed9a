//! Cutting the byte stream of a connection into messages without ever holding more than one allowed message.

use provlab_protocol::ber::{self, BerError};
use thiserror::Error;

use super::limits::MAX_MESSAGE_BYTES;

/// Why no message can be cut from the stream.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// Not the header of an LDAP message.
    #[error("not an LDAP message: {0}")]
    Header(#[from] BerError),
    /// The message announces more than is taken in.
    #[error("a message of {announced} bytes is over the limit of {MAX_MESSAGE_BYTES}")]
    TooLarge {
        /// Bytes that the header announces.
        announced: usize,
    },
}

/// Room that is kept between two requests.
const KEPT_BYTES: usize = 64 * 1_024;

/// The bytes received and not yet understood.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    bytes: Vec<u8>,
    start: usize,
}

impl Frames {
    /// Takes bytes from the stream in.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
            // One large request must not hold its memory for as long as the connection lives.
            self.bytes.shrink_to(KEPT_BYTES);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether part of a message is waiting for the rest.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// The next whole message, or `None` until more bytes are here.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let waiting = &self.bytes[self.start..];
        if let Some(found) = waiting.first().filter(|tag| **tag != ber::SEQUENCE) {
            return Err(FrameError::Header(BerError::Tag {
                wanted: ber::SEQUENCE,
                found: *found,
            }));
        }
        let Some(header) = ber::header(waiting)? else {
            return Ok(None);
        };
        let announced = header.total();
        if announced > MAX_MESSAGE_BYTES {
            return Err(FrameError::TooLarge { announced });
        }
        if waiting.len() < announced {
            return Ok(None);
        }
        let begin = self.start;
        self.start += announced;
        Ok(Some(&self.bytes[begin..self.start]))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_wherever_the_stream_breaks() {
        let stream = [0x30, 1, 7, 0x30, 0x81, 2, 8, 9];
        let mut frames = Frames::default();
        let mut seen = Vec::new();
        for byte in stream {
            frames.push(&[byte]);
            while let Some(message) = frames.next().unwrap() {
                seen.push(message.to_vec());
            }
        }
        assert_eq!(seen, [vec![0x30, 1, 7], vec![0x30, 0x81, 2, 8, 9]]);
        assert!(frames.is_empty());
    }

    #[test]
    fn the_size_is_refused_before_the_body_arrives() {
        let largest = u32::try_from(MAX_MESSAGE_BYTES - 6).unwrap();
        let mut frames = Frames::default();
        frames.push(&[0x30, 0x84]);
        frames.push(&largest.to_be_bytes());
        assert_eq!(frames.next(), Ok(None));

        let mut frames = Frames::default();
        frames.push(&[0x30, 0x84]);
        frames.push(&(largest + 1).to_be_bytes());
        let announced = MAX_MESSAGE_BYTES + 1;
        assert_eq!(frames.next(), Err(FrameError::TooLarge { announced }));
    }

    #[test]
    fn anything_but_a_sequence_is_refused_at_its_first_byte() {
        let mut frames = Frames::default();
        frames.push(b"G");
        assert!(matches!(frames.next(), Err(FrameError::Header(_))));
    }
}
