//! Sealed messages (RFC 4121 section 4.2): confidentiality and integrity by the context's key, and a number that only grows.

use thiserror::Error;

use super::crypto::{Key, Usage};

/// Header of a token.
const HEADER: usize = 16;
/// Token id of a sealed or signed message.
const WRAP: [u8; 2] = [0x05, 0x04];
/// Token id of a checksum alone.
const MIC: [u8; 2] = [0x04, 0x04];
/// Flag: the acceptor made it.
const BY_ACCEPTOR: u8 = 1;
/// Flag: the contents are encrypted.
const SEALED: u8 = 2;
/// Flag: the key is the acceptor's subkey.
const ACCEPTOR_SUBKEY: u8 = 4;
/// A message that the other side cannot have sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a sealed message that cannot be opened: {0}")]
pub struct WrapError(pub(super) &'static str);

/// One end of an established security context: the initiator's.
#[derive(Debug)]
pub struct SecurityContext {
    pub(super) key: Key,
    /// The key is the one that the acceptor chose.
    pub(super) acceptor_subkey: bool,
    /// Number of the next message sent.
    pub(super) next_sent: u64,
    /// Number of the next message expected.
    pub(super) next_received: u64,
}

impl SecurityContext {
    fn flags(&self) -> u8 {
        if self.acceptor_subkey { ACCEPTOR_SUBKEY } else { 0 }
    }

    /// Seals a message.
    ///
    /// # Errors
    /// When the cipher refuses, which no message makes it do.
    pub fn seal(&mut self, clear: &[u8]) -> Result<Vec<u8>, WrapError> {
        let header = header(WRAP, self.flags() | SEALED, 0, 0, self.next_sent);
        let mut inside = zeroize::Zeroizing::new(Vec::with_capacity(clear.len() + HEADER));
        inside.extend_from_slice(clear);
        inside.extend_from_slice(&header);
        let sealed = self
            .key
            .encrypt(Usage::InitiatorSeal, &inside)
            .map_err(|_| WrapError("the cipher refuses it"))?;
        self.next_sent = self.next_sent.wrapping_add(1);
        let mut token = Vec::with_capacity(HEADER + sealed.len());
        token.extend_from_slice(&header);
        token.extend_from_slice(&sealed);
        Ok(token)
    }

    /// Opens the acceptor's next message.
    ///
    /// # Errors
    /// When it is not sealed, not by the acceptor, damaged, repeated or out of order.
    pub fn open(&mut self, token: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, WrapError> {
        let (header_bytes, sealed) = token
            .split_at_checked(HEADER)
            .ok_or(WrapError("it is too short"))?;
        let &[a, b, flags, filler, e0, e1, r0, r1, ref number @ ..] = header_bytes else {
            return Err(WrapError("it is too short"));
        };
        let number = <[u8; 8]>::try_from(number).map_err(|_| WrapError("it is too short"))?;
        if [a, b] != WRAP || filler != 0xff {
            return Err(WrapError("it has no header of a wrapped message"));
        }
        if flags != self.flags() | BY_ACCEPTOR | SEALED {
            return Err(WrapError("it is not sealed by the other side"));
        }
        let (extra, rotation) = (u16::from_be_bytes([e0, e1]), u16::from_be_bytes([r0, r1]));
        let number = u64::from_be_bytes(number);
        if number != self.next_received {
            return Err(WrapError("it is repeated or out of order"));
        }
        let mut sealed = sealed.to_vec();
        if !sealed.is_empty() {
            let turn = usize::from(rotation) % sealed.len();
            sealed.rotate_left(turn);
        }
        let mut clear = self
            .key
            .decrypt(Usage::AcceptorSeal, &sealed)
            .map_err(|_| WrapError("its checksum is wrong"))?;
        // Inside stand the message, the filler, and the header once more, with a rotation of zero.
        let expected = header(WRAP, flags, extra, 0, number);
        let end = clear
            .len()
            .checked_sub(HEADER + usize::from(extra))
            .ok_or(WrapError("it is too short"))?;
        if clear.get(clear.len() - HEADER..) != Some(&expected[..]) {
            return Err(WrapError("its header was changed on the way"));
        }
        clear.truncate(end);
        self.next_received = number.wrapping_add(1);
        Ok(clear)
    }

    /// Checks the acceptor's checksum over `message`, which is numbered as the messages are.
    ///
    /// # Errors
    /// When it does not fit.
    pub(super) fn verify(&mut self, token: &[u8], message: &[u8]) -> Result<(), WrapError> {
        let (found, checksum) = token
            .split_at_checked(HEADER)
            .ok_or(WrapError("it is too short"))?;
        let mut expected = [0xff; HEADER];
        expected[..2].copy_from_slice(&MIC);
        expected[2] = self.flags() | BY_ACCEPTOR;
        expected[8..].copy_from_slice(&self.next_received.to_be_bytes());
        let over = [message, &expected].concat();
        let (_, right) = self
            .key
            .checksum(Usage::AcceptorSign, &over)
            .map_err(|_| WrapError("its checksum is wrong"))?;
        if found != expected || checksum != right {
            return Err(WrapError("its checksum is wrong"));
        }
        self.next_received = self.next_received.wrapping_add(1);
        Ok(())
    }
}

fn header(id: [u8; 2], flags: u8, extra: u16, rotation: u16, number: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..2].copy_from_slice(&id);
    header[2] = flags;
    header[3] = 0xff;
    header[4..6].copy_from_slice(&extra.to_be_bytes());
    header[6..8].copy_from_slice(&rotation.to_be_bytes());
    header[8..].copy_from_slice(&number.to_be_bytes());
    header
}
