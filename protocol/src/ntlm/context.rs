//! What a logon is good for: messages in both directions, each sealed under a key of its own and numbered (MS-NLMP 3.4).

use std::fmt;
use std::ops::Range;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::NtlmError;
use super::keys::{SessionKey, hmac_md5, sealing_key, signing_key};
use crate::arcfour::Arcfour;

/// Length of a signature.
pub const SIGNATURE_BYTES: usize = 16;

const SIGNATURE_VERSION: [u8; 4] = [1, 0, 0, 0];

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    ToServer,
    /// From the server.
    ToClient,
}

/// One direction.
struct Stream {
    signing_key: Zeroizing<[u8; 16]>,
    sealing: Arcfour,
    sequence: u32,
}

impl Stream {
    fn new(key: &SessionKey, direction: Direction) -> Self {
        Self {
            signing_key: signing_key(key, direction),
            sealing: Arcfour::new(&sealing_key(key, direction)),
            sequence: 0,
        }
    }

    /// The signature of a message in clear. The keystream goes on, so this comes behind the sealing of the same message.
    fn sign(&mut self, mac: [u8; 16]) -> [u8; SIGNATURE_BYTES] {
        let [mut checksum, _] = halves(mac);
        self.sealing.apply(&mut checksum);
        let mut signature = [0; SIGNATURE_BYTES];
        signature[..4].copy_from_slice(&SIGNATURE_VERSION);
        signature[4..12].copy_from_slice(&checksum);
        signature[12..].copy_from_slice(&self.sequence.to_le_bytes());
        self.sequence = self.sequence.wrapping_add(1);
        signature
    }

    fn mac(&self, message: &[u8]) -> [u8; 16] {
        hmac_md5(&*self.signing_key, &[&self.sequence.to_le_bytes(), message])
    }
}

fn halves(bytes: [u8; 16]) -> [[u8; 8]; 2] {
    let (mut first, mut second) = ([0; 8], [0; 8]);
    first.copy_from_slice(&bytes[..8]);
    second.copy_from_slice(&bytes[8..]);
    [first, second]
}

/// One end's half of an established session. Messages have to be opened in the order in which they were sealed.
pub struct Context {
    session_key: SessionKey,
    outgoing: Stream,
    incoming: Stream,
}

impl Context {
    pub(super) fn new(session_key: SessionKey, outgoing: Direction) -> Self {
        let incoming = match outgoing {
            Direction::ToServer => Direction::ToClient,
            Direction::ToClient => Direction::ToServer,
        };
        Self {
            outgoing: Stream::new(&session_key, outgoing),
            incoming: Stream::new(&session_key, incoming),
            session_key,
        }
    }

    /// The key that both ends share.
    #[must_use]
    pub fn session_key(&self) -> &SessionKey {
        &self.session_key
    }

    /// Seals a part of a message in its place and gives the signature over all of it.
    ///
    /// # Errors
    /// The part lies outside of the message.
    pub fn seal(
        &mut self,
        message: &mut [u8],
        part: Range<usize>,
    ) -> Result<[u8; SIGNATURE_BYTES], NtlmError> {
        let mac = self.outgoing.mac(message);
        let part = message.get_mut(part).ok_or(NtlmError::Signature)?;
        self.outgoing.sealing.apply(part);
        Ok(self.outgoing.sign(mac))
    }

    /// Opens a sealed part of a message in its place.
    ///
    /// # Errors
    /// The signature is not that of the message; nothing in it is to be believed then, and the session is over.
    pub fn open(
        &mut self,
        message: &mut [u8],
        part: Range<usize>,
        signature: &[u8],
    ) -> Result<(), NtlmError> {
        let sealed = message.get_mut(part).ok_or(NtlmError::Signature)?;
        self.incoming.sealing.apply(sealed);
        let mac = self.incoming.mac(message);
        if bool::from(self.incoming.sign(mac).as_slice().ct_eq(signature)) {
            Ok(())
        } else {
            Err(NtlmError::Signature)
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context([REDACTED])")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair() -> [Context; 2] {
        [Direction::ToServer, Direction::ToClient]
            .map(|outgoing| Context::new(SessionKey([0x55; 16]), outgoing))
    }

    /// MS-NLMP 4.2.4.4.
    #[test]
    fn reference_vector() {
        let [mut client, mut server] = pair();
        let plain: Vec<u8> = "Plaintext".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut message = plain.clone();
        let signature = client.seal(&mut message, 0..18).unwrap();
        assert_eq!(hex::encode(&message), "54e50165bf1936dc996020c1811b0f06fb5f");
        assert_eq!(hex::encode(signature), "010000007fb38ec5c55d497600000000");
        server.open(&mut message, 0..18, &signature).unwrap();
        assert_eq!(message, plain);
    }

    #[test]
    fn only_the_part_is_sealed_and_all_of_it_is_signed() {
        let [mut client, _] = pair();
        let mut message = *b"head:secret:tail";
        let signature = client.seal(&mut message, 5..11).unwrap();
        assert_eq!((&message[..5], &message[11..]), (&b"head:"[..], &b":tail"[..]));
        assert_ne!(&message[5..11], b"secret");
        for at in 0..message.len() {
            let [_, mut server] = pair();
            let mut changed = message;
            changed[at] ^= 1;
            assert_eq!(
                server.open(&mut changed, 5..11, &signature),
                Err(NtlmError::Signature),
                "{at}"
            );
        }
        for at in 0..SIGNATURE_BYTES {
            let [_, mut server] = pair();
            let mut changed = signature;
            changed[at] ^= 1;
            assert!(
                server.open(&mut message.clone(), 5..11, &changed).is_err(),
                "{at}"
            );
        }
        let [_, mut server] = pair();
        assert!(
            server
                .open(&mut message.clone(), 5..11, &signature[..15])
                .is_err()
        );
        assert!(server.open(&mut message, 5..17, &signature).is_err());
    }

    #[test]
    fn a_message_counts_once_and_in_its_turn() {
        let [mut client, mut server] = pair();
        let mut first = *b"first!";
        let one = client.seal(&mut first, 0..6).unwrap();
        let mut second = *b"second";
        let two = client.seal(&mut second, 0..6).unwrap();
        server.open(&mut first.clone(), 0..6, &one).unwrap();
        let mut again = Context::new(SessionKey([0x55; 16]), Direction::ToClient);
        assert!(again.open(&mut second, 0..6, &two).is_err());
        assert!(server.open(&mut first, 0..6, &one).is_err());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", pair()[0]), "Context([REDACTED])");
    }

    proptest! {
        #[test]
        fn conversations_round_trip(messages in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..8)) {
            let [mut client, mut server] = pair();
            for (from_client, plain) in messages {
                let (sender, receiver) = if from_client { (&mut client, &mut server) } else { (&mut server, &mut client) };
                let mut message = plain.clone();
                let part = plain.len() / 3..plain.len();
                let signature = sender.seal(&mut message, part.clone()).unwrap();
                receiver.open(&mut message, part, &signature).unwrap();
                prop_assert_eq!(message, plain);
            }
        }
    }
}
