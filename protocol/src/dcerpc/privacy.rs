//! The authentication trailer at the end of a PDU, and stubs that are sealed under it (MS-RPCE 2.2.2.11).

use std::fmt;
use std::ops::Range;

use super::DceError;
use super::header::{HEADER_BYTES, Header, finish};
use crate::ntlm;

/// Longest authentication value that is read.
pub const MAX_AUTH_BYTES: usize = 4_096;

const TRAILER_BYTES: usize = 8;
/// Sealed stubs are padded to a multiple of this.
const SEALED_ALIGNMENT: usize = 16;

/// The security package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthType(pub u8);

impl AuthType {
    /// SPNEGO.
    pub const NEGOTIATE: Self = Self(9);
    /// NTLM.
    pub const NTLM: Self = Self(10);
    /// Kerberos.
    pub const KERBEROS: Self = Self(16);
}

/// What is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuthLevel(pub u8);

impl AuthLevel {
    /// The logon alone.
    pub const CONNECT: Self = Self(2);
    /// Every PDU is signed.
    pub const INTEGRITY: Self = Self(5);
    /// Every stub is sealed besides.
    pub const PRIVACY: Self = Self(6);
}

/// `auth_verifier`: what security there is, and what it has to say in this PDU.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthTrailer {
    /// Which package.
    pub kind: AuthType,
    /// What it protects.
    pub level: AuthLevel,
    /// Which security context of the connection.
    pub context_id: u32,
    /// A token, or a signature.
    pub value: Vec<u8>,
}

/// A token may be one by which passwords can be guessed.
impl fmt::Debug for AuthTrailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthTrailer")
            .field("kind", &self.kind)
            .field("level", &self.level)
            .field("context_id", &self.context_id)
            .field("value", &format_args!("[{} bytes]", self.value.len()))
            .finish()
    }
}

impl AuthTrailer {
    /// Puts the trailer behind a PDU that is complete but for it.
    pub(super) fn append(&self, pdu: &mut Vec<u8>) {
        let pad = pdu.len().next_multiple_of(4) - pdu.len();
        pdu.resize(pdu.len() + pad, 0);
        write_fixed(pdu, self.kind, self.level, pad, self.context_id);
        pdu.extend_from_slice(&self.value);
        finish(pdu, 0, self.value.len());
    }

    /// The body of a PDU, without header, padding and trailer, and the trailer if there is one.
    pub(super) fn split(pdu: &[u8]) -> Result<(&[u8], Option<Self>), DceError> {
        match Layout::of(pdu)? {
            None => Ok((&pdu[HEADER_BYTES..], None)),
            Some(layout) => {
                let trailer = Self {
                    kind: layout.kind,
                    level: layout.level,
                    context_id: layout.context_id,
                    value: pdu[layout.value_at..].to_vec(),
                };
                Ok((&pdu[HEADER_BYTES..layout.body_end], Some(trailer)))
            }
        }
    }
}

fn write_fixed(pdu: &mut Vec<u8>, kind: AuthType, level: AuthLevel, pad: usize, context_id: u32) {
    pdu.extend_from_slice(&[kind.0, level.0, pad as u8, 0]);
    pdu.extend_from_slice(&context_id.to_le_bytes());
}

/// Where things are in a PDU with a trailer.
struct Layout {
    kind: AuthType,
    level: AuthLevel,
    context_id: u32,
    /// Without the padding.
    body_end: usize,
    /// Where padding ends and the trailer begins.
    trailer_at: usize,
    value_at: usize,
}

impl Layout {
    fn of(pdu: &[u8]) -> Result<Option<Self>, DceError> {
        const WHAT: &str = "the authentication trailer";
        let header = Header::read(pdu)?;
        if header.length() != pdu.len() {
            return Err(DceError::Truncated("its body"));
        }
        let length = usize::from(header.auth_length);
        if length == 0 {
            return Ok(None);
        }
        if length > MAX_AUTH_BYTES {
            return Err(DceError::TooMany {
                what: WHAT,
                found: length,
                limit: MAX_AUTH_BYTES,
            });
        }
        let value_at = pdu.len().checked_sub(length).ok_or(DceError::Truncated(WHAT))?;
        let trailer_at = value_at
            .checked_sub(TRAILER_BYTES)
            .filter(|at| *at >= HEADER_BYTES)
            .ok_or(DceError::Truncated(WHAT))?;
        let &[kind, level, pad, _, a, b, c, d] = &pdu[trailer_at..value_at] else {
            return Err(DceError::Truncated(WHAT));
        };
        let body_end = trailer_at
            .checked_sub(usize::from(pad))
            .filter(|at| *at >= HEADER_BYTES)
            .ok_or(DceError::Truncated(WHAT))?;
        Ok(Some(Self {
            kind: AuthType(kind),
            level: AuthLevel(level),
            context_id: u32::from_le_bytes([a, b, c, d]),
            body_end,
            trailer_at,
            value_at,
        }))
    }
}

/// A security context that seals stubs: what a logon came to.
pub trait PacketPrivacy: Send {
    /// Which package it is of.
    fn kind(&self) -> AuthType;

    /// Length of its signatures.
    fn signature_bytes(&self) -> usize;

    /// The key that both ends share: secrets of replication are encrypted under it (PR 13.1).
    fn session_key(&self) -> &[u8];

    /// Seals the stub in its place and gives the signature over the PDU up to its own place.
    ///
    /// # Errors
    /// The stub lies outside of the PDU.
    fn seal(&mut self, pdu: &mut [u8], stub: Range<usize>) -> Result<Vec<u8>, DceError>;

    /// Opens the stub in its place.
    ///
    /// # Errors
    /// The signature is not that of the PDU.
    fn open(&mut self, pdu: &mut [u8], stub: Range<usize>, signature: &[u8]) -> Result<(), DceError>;
}

impl PacketPrivacy for ntlm::Context {
    fn kind(&self) -> AuthType {
        AuthType::NTLM
    }

    fn signature_bytes(&self) -> usize {
        ntlm::SIGNATURE_BYTES
    }

    fn session_key(&self) -> &[u8] {
        ntlm::Context::session_key(self).as_bytes()
    }

    fn seal(&mut self, pdu: &mut [u8], stub: Range<usize>) -> Result<Vec<u8>, DceError> {
        ntlm::Context::seal(self, pdu, stub)
            .map(|signature| signature.to_vec())
            .map_err(|_| DceError::Unsealed)
    }

    fn open(&mut self, pdu: &mut [u8], stub: Range<usize>, signature: &[u8]) -> Result<(), DceError> {
        ntlm::Context::open(self, pdu, stub, signature).map_err(|_| DceError::Unsealed)
    }
}

/// Bytes that sealing adds to a PDU at most.
pub(super) fn overhead(privacy: &dyn PacketPrivacy) -> usize {
    SEALED_ALIGNMENT + TRAILER_BYTES + privacy.signature_bytes()
}

/// Seals a PDU whose stub begins at `stub_at` and is complete.
pub(super) fn seal(
    pdu: &mut Vec<u8>,
    stub_at: usize,
    context_id: u32,
    privacy: &mut dyn PacketPrivacy,
) -> Result<(), DceError> {
    let stub_bytes = pdu.len() - stub_at;
    let pad = stub_bytes.next_multiple_of(SEALED_ALIGNMENT) - stub_bytes;
    pdu.resize(pdu.len() + pad, 0);
    let stub = stub_at..pdu.len();
    write_fixed(pdu, privacy.kind(), AuthLevel::PRIVACY, pad, context_id);
    let missing = privacy.signature_bytes();
    finish(pdu, missing, missing);
    let signature = privacy.seal(pdu, stub)?;
    pdu.extend_from_slice(&signature);
    Ok(())
}

/// Opens a sealed PDU in its place; gives the place of its stub and the security context it names.
pub(super) fn open(
    pdu: &mut [u8],
    stub_at: usize,
    privacy: &mut dyn PacketPrivacy,
) -> Result<(Range<usize>, u32), DceError> {
    let layout = Layout::of(pdu)?.ok_or(DceError::Unsealed)?;
    let agreed = layout.kind == privacy.kind() && layout.level == AuthLevel::PRIVACY;
    if !agreed || layout.body_end < stub_at {
        return Err(DceError::Unsealed);
    }
    let (signed, signature) = pdu.split_at_mut(layout.value_at);
    privacy.open(signed, stub_at..layout.trailer_at, signature)?;
    Ok((stub_at..layout.body_end, layout.context_id))
}
