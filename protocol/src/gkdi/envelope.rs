//! Why: `msDS-ManagedPasswordId` names the root key and the interval that a password came from (PR 14.4).

use super::{GkdiError, GroupKeyId};
use crate::guid::Guid;

/// Longest envelope that is read.
pub const MAX_ENVELOPE_BYTES: usize = 4096;
/// Longest domain or forest name in an envelope, in bytes of UTF-16 with terminator: 255 characters and the zero.
pub const MAX_NAME_BYTES: usize = 512;

const VERSION: u32 = 1;
const MAGIC: u32 = u32::from_le_bytes(*b"KDSK");
const FIXED_BYTES: usize = 52;

bit_flags! {
    /// What the key in an envelope is for.
    EnvelopeFlags: u32 {
        /// A public key.
        PUBLIC_KEY = 1;
        /// New data may be encrypted with it.
        MAY_ENCRYPT = 2;
    }
}

/// A key's identity, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEnvelope {
    /// What the key is for; 2 in managed password ids.
    pub flags: EnvelopeFlags,
    /// Which interval.
    pub key_id: GroupKeyId,
    /// Which root key.
    pub root_key: Guid,
    /// More about a public key; empty in managed password ids.
    pub additional_info: Vec<u8>,
    /// DNS name of the domain.
    pub domain: String,
    /// DNS name of the forest.
    pub forest: String,
}

impl KeyEnvelope {
    /// The attribute's value.
    ///
    /// # Errors
    /// A name is longer than [`MAX_NAME_BYTES`] or holds a NUL, or the whole exceeds [`MAX_ENVELOPE_BYTES`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, GkdiError> {
        let (domain, forest) = (name_bytes(&self.domain)?, name_bytes(&self.forest)?);
        let length = FIXED_BYTES + self.additional_info.len() + domain.len() + forest.len();
        if length > MAX_ENVELOPE_BYTES {
            return Err(GkdiError::TooLong(length));
        }
        let mut out = Vec::with_capacity(length);
        let id = self.key_id;
        for word in [VERSION, MAGIC, self.flags.bits(), id.l0(), id.l1(), id.l2()] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.root_key.to_le_bytes());
        let parts = [&self.additional_info, &domain, &forest];
        for part in parts {
            out.extend_from_slice(&(part.len() as u32).to_le_bytes());
        }
        for part in parts {
            out.extend_from_slice(part);
        }
        Ok(out)
    }

    /// Reads the attribute's value.
    ///
    /// # Errors
    /// Malformed, or over a bound.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, GkdiError> {
        if bytes.len() > MAX_ENVELOPE_BYTES {
            return Err(GkdiError::TooLong(bytes.len()));
        }
        let (fixed, rest) = bytes
            .split_first_chunk::<FIXED_BYTES>()
            .ok_or(GkdiError::Envelope("it is shorter than its header"))?;
        let word = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        if word(0) != VERSION || word(4) != MAGIC {
            return Err(GkdiError::Envelope("it does not begin with version 1 and `KDSK`"));
        }
        let mut root_key = [0; 16];
        root_key.copy_from_slice(&fixed[24..40]);
        let mut rest = rest;
        let mut part = |at: usize| {
            let (part, after) = usize::try_from(word(at))
                .ok()
                .and_then(|length| rest.split_at_checked(length))
                .ok_or(GkdiError::Envelope("it ends inside its variable part"))?;
            rest = after;
            Ok(part)
        };
        let (additional_info, domain, forest) = (part(40)?, part(44)?, part(48)?);
        if !rest.is_empty() {
            return Err(GkdiError::Envelope("something follows the forest name"));
        }
        Ok(KeyEnvelope {
            flags: EnvelopeFlags(word(8)),
            key_id: GroupKeyId::new(word(12), word(16), word(20))?,
            root_key: Guid::from_le_bytes(root_key),
            additional_info: additional_info.to_vec(),
            domain: name_text(domain)?,
            forest: name_text(forest)?,
        })
    }
}

fn name_bytes(name: &str) -> Result<Vec<u8>, GkdiError> {
    let units = name.encode_utf16().chain([0]);
    let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    if bytes.len() > MAX_NAME_BYTES {
        return Err(GkdiError::Envelope("a name has more than 255 characters"));
    }
    if name.contains('\0') {
        return Err(GkdiError::Envelope("a name holds a NUL character"));
    }
    Ok(bytes)
}

fn name_text(bytes: &[u8]) -> Result<String, GkdiError> {
    if bytes.len() > MAX_NAME_BYTES {
        return Err(GkdiError::Envelope("a name has more than 255 characters"));
    }
    let (units, odd) = bytes.as_chunks::<2>();
    let Some(([0, 0], name)) = units.split_last().filter(|_| odd.is_empty()) else {
        return Err(GkdiError::Envelope("a name has no terminator"));
    };
    let name = char::decode_utf16(name.iter().map(|unit| u16::from_le_bytes(*unit)))
        .collect::<Result<String, _>>()
        .map_err(|_| GkdiError::Envelope("a name is not UTF-16"))?;
    if name.contains('\0') {
        return Err(GkdiError::Envelope("a name holds a NUL character"));
    }
    Ok(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VECTOR: &str = "010000004b44534b020000006a010000050000001100000033221100554477668899aabbccddeeff0000000018000000180000006c00610062002e006500780061006d0070006c00650000006c00610062002e006500780061006d0070006c0065000000";

    fn sample() -> KeyEnvelope {
        KeyEnvelope {
            flags: EnvelopeFlags::MAY_ENCRYPT,
            key_id: GroupKeyId::new(362, 5, 17).unwrap(),
            root_key: "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap(),
            additional_info: Vec::new(),
            domain: "lab.example".to_owned(),
            forest: "lab.example".to_owned(),
        }
    }

    #[test]
    fn reference_vector() {
        let bytes = sample().to_bytes().unwrap();
        assert_eq!(bytes.len(), 100);
        assert_eq!(hex::encode(&bytes), VECTOR);
        assert_eq!(KeyEnvelope::from_bytes(&bytes), Ok(sample()));
    }

    #[test]
    fn damaged_envelopes_are_refused() {
        let good = hex::decode(VECTOR).unwrap();
        for length in 0..good.len() {
            assert!(KeyEnvelope::from_bytes(&good[..length]).is_err(), "{length}");
        }
        assert!(KeyEnvelope::from_bytes(&[&good[..], &[0]].concat()).is_err());
        for (at, byte) in [
            (0, 2),
            (4, 0),
            (16, 32),
            (20, 32),
            (43, 0xff),
            (44, 0x17),
            (74, 1),
        ] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert!(KeyEnvelope::from_bytes(&bad).is_err(), "byte {at}");
        }
    }

    #[test]
    fn lengths_at_the_limit() {
        let mut envelope = sample();
        envelope.domain = "d".repeat(255);
        assert_eq!(
            KeyEnvelope::from_bytes(&envelope.to_bytes().unwrap()),
            Ok(envelope.clone())
        );
        let room = MAX_ENVELOPE_BYTES - envelope.to_bytes().unwrap().len();
        envelope.additional_info = vec![1; room];
        assert_eq!(
            KeyEnvelope::from_bytes(&envelope.to_bytes().unwrap()),
            Ok(envelope.clone())
        );
        envelope.additional_info.push(1);
        assert_eq!(
            envelope.to_bytes(),
            Err(GkdiError::TooLong(MAX_ENVELOPE_BYTES + 1))
        );
        envelope.domain = "d".repeat(256);
        assert!(envelope.to_bytes().is_err());
        assert!(matches!(
            KeyEnvelope::from_bytes(&vec![0; MAX_ENVELOPE_BYTES + 1]),
            Err(GkdiError::TooLong(_))
        ));
    }

    proptest! {
        #[test]
        fn round_trips(flags: u32, ids in (0..1u32 << 31, 0..32u32, 0..32u32), key: u128, info: Vec<u8>, domain in "[^\0]{0,40}", forest in "[^\0]{0,40}") {
            let envelope = KeyEnvelope {
                flags: EnvelopeFlags(flags),
                key_id: GroupKeyId::new(ids.0, ids.1, ids.2).unwrap(),
                root_key: Guid::from_u128(key),
                additional_info: info,
                domain,
                forest,
            };
            prop_assert_eq!(KeyEnvelope::from_bytes(&envelope.to_bytes().unwrap()), Ok(envelope));
        }

        #[test]
        fn any_bytes_survive(tail in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = KeyEnvelope::from_bytes(&tail);
            let _ = KeyEnvelope::from_bytes(&[&hex::decode(&VECTOR[..16]).unwrap()[..], &tail].concat());
        }
    }
}
