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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::stub::{FIRST_SENT, established, opened, sealed};
    use super::*;
    use proptest::prelude::*;

    fn context() -> SecurityContext {
        established()
    }

    #[test]
    fn messages_are_numbered_and_opened_however_they_are_turned() {
        let mut context = context();
        for (number, (extra, rotation)) in [(0, 0), (0, 28), (16, 28), (16, 44), (0, 500)]
            .into_iter()
            .enumerate()
        {
            let token = sealed(FIRST_SENT + number as u64, b"an answer", extra, rotation);
            assert_eq!(
                *context.open(&token).unwrap(),
                b"an answer",
                "EC {extra} RRC {rotation}"
            );
        }
        let first = context.seal(b"a request").unwrap();
        assert_eq!(hex::encode(&first[..16]), "050406ff000000000000000000000005");
        assert_eq!(opened(&first), b"a request");
        assert_eq!(context.seal(b"").unwrap()[15], 6);
    }

    #[test]
    fn repeated_reflected_and_changed_messages_are_refused() {
        let token = sealed(FIRST_SENT, b"an answer", 0, 28);
        let refusal = |token: &[u8]| context().open(token).unwrap_err().0;
        let mut context = context();
        context.open(&token).unwrap();
        assert_eq!(
            context.open(&token).unwrap_err().0,
            "it is repeated or out of order"
        );
        let own = context.seal(b"mine").unwrap();
        assert_eq!(refusal(&own), "it is not sealed by the other side");
        for (at, text) in [
            (0, "it has no header of a wrapped message"),
            (2, "it is not sealed by the other side"),
            (5, "its header was changed on the way"),
            (40, "its checksum is wrong"),
        ] {
            let mut changed = token.clone();
            changed[at] ^= 1;
            assert_eq!(refusal(&changed), text, "byte {at}");
        }
        assert_eq!(refusal(&token[..20]), "its checksum is wrong");
        assert_eq!(refusal(&token[..9]), "it is too short");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_refused(bytes: Vec<u8>, extra: u16, rotation: u16, whole: bool) {
            let mut token = vec![0x05, 0x04, 0x07, 0xff];
            token.extend_from_slice(&extra.to_be_bytes());
            token.extend_from_slice(&rotation.to_be_bytes());
            token.extend_from_slice(&FIRST_SENT.to_be_bytes());
            token.extend_from_slice(&bytes);
            let token = if whole { token } else { bytes };
            prop_assert!(context().open(&token).is_err());
            prop_assert!(context().verify(&token, b"message").is_err());
        }

        #[test]
        fn any_message_survives(clear: Vec<u8>, extra in 0u16..64, rotation: u16) {
            let token = sealed(FIRST_SENT, &clear, extra, rotation);
            prop_assert_eq!(&*context().open(&token).unwrap(), &clear);
            prop_assert_eq!(opened(&context().seal(&clear).unwrap()), clear);
        }
    }
}
