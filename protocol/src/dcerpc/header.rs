//! The 16 bytes that every PDU begins with.

use super::DceError;

/// Length of the header.
pub const HEADER_BYTES: usize = 16;

const VERSION: [u8; 2] = [5, 0];
/// Little-endian integers, ASCII, IEEE floats.
const REPRESENTATION: [u8; 4] = [0x10, 0, 0, 0];

/// The kinds of PDU that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of C706")]
#[repr(u8)]
pub enum PacketType {
    Request = 0,
    Response = 2,
    Fault = 3,
    Bind = 11,
    BindAck = 12,
    BindNak = 13,
    AlterContext = 14,
    AlterContextResponse = 15,
    Auth3 = 16,
    CoCancel = 18,
    Orphaned = 19,
}

impl PacketType {
    const ALL: [Self; 11] = [
        Self::Request,
        Self::Response,
        Self::Fault,
        Self::Bind,
        Self::BindAck,
        Self::BindNak,
        Self::AlterContext,
        Self::AlterContextResponse,
        Self::Auth3,
        Self::CoCancel,
        Self::Orphaned,
    ];
}

bit_flags! {
    /// `pfc_flags`.
    PacketFlags: u8 {
        /// The first fragment of a call.
        FIRST = 0x1;
        /// The last fragment of a call.
        LAST = 0x2;
        /// On a bind: signatures cover the headers.
        SUPPORT_HEADER_SIGN = 0x4;
        /// On a fault: the call was not executed.
        DID_NOT_EXECUTE = 0x20;
        /// A request carries the UUID of an object.
        OBJECT_UUID = 0x80;
    }
}

impl PacketFlags {
    /// A call in one fragment.
    pub const WHOLE: Self = Self(Self::FIRST.0 | Self::LAST.0);
}

/// The header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which kind.
    pub kind: PacketType,
    /// Which fragment, and more.
    pub flags: PacketFlags,
    /// Bytes of the whole PDU.
    pub fragment_length: u16,
    /// Bytes of the authentication value at its end.
    pub auth_length: u16,
    /// Which call.
    pub call_id: u32,
}

impl Header {
    /// Reads the header of a PDU.
    ///
    /// # Errors
    /// Cut short, of another version, of an unknown kind, or a length that not even the header fits into.
    pub fn read(pdu: &[u8]) -> Result<Self, DceError> {
        let head = pdu
            .first_chunk::<HEADER_BYTES>()
            .ok_or(DceError::Truncated("the header"))?;
        if head[..2] != VERSION || head[4..8] != REPRESENTATION {
            return Err(DceError::Version);
        }
        let kind = PacketType::ALL
            .into_iter()
            .find(|kind| *kind as u8 == head[2])
            .ok_or(DceError::Kind(head[2]))?;
        let header = Self {
            kind,
            flags: PacketFlags(head[3]),
            fragment_length: u16::from_le_bytes([head[8], head[9]]),
            auth_length: u16::from_le_bytes([head[10], head[11]]),
            call_id: u32::from_le_bytes([head[12], head[13], head[14], head[15]]),
        };
        if header.length() < HEADER_BYTES {
            return Err(DceError::Truncated("the header"));
        }
        Ok(header)
    }

    /// Bytes of the whole PDU.
    #[must_use]
    pub fn length(&self) -> usize {
        usize::from(self.fragment_length)
    }

    /// The start of a PDU whose lengths [`finish`] fills in.
    pub(super) fn begin(kind: PacketType, flags: PacketFlags, call_id: u32) -> Vec<u8> {
        let mut pdu = Vec::with_capacity(HEADER_BYTES);
        pdu.extend_from_slice(&VERSION);
        pdu.extend_from_slice(&[kind as u8, flags.bits()]);
        pdu.extend_from_slice(&REPRESENTATION);
        pdu.extend_from_slice(&[0; 4]);
        pdu.extend_from_slice(&call_id.to_le_bytes());
        pdu
    }
}

/// Writes the lengths of a PDU that is complete but for an authentication value of `missing` bytes, or has one of `auth` bytes.
pub(super) fn finish(pdu: &mut [u8], missing: usize, auth: usize) {
    let whole = (pdu.len() + missing) as u16;
    pdu[8..10].copy_from_slice(&whole.to_le_bytes());
    pdu[10..12].copy_from_slice(&(auth as u16).to_le_bytes());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn headers_round_trip_and_strange_ones_are_refused() {
        let mut pdu = Header::begin(PacketType::Fault, PacketFlags::WHOLE, 7);
        pdu.extend_from_slice(&[0; 16]);
        finish(&mut pdu, 0, 3);
        let read = Header::read(&pdu).unwrap();
        assert_eq!(
            read,
            Header {
                kind: PacketType::Fault,
                flags: PacketFlags::WHOLE,
                fragment_length: 32,
                auth_length: 3,
                call_id: 7,
            }
        );
        let with = |at: usize, byte: u8| {
            let mut bad = pdu.clone();
            bad[at] = byte;
            Header::read(&bad)
        };
        assert_eq!(with(0, 4), Err(DceError::Version));
        assert_eq!(with(4, 0), Err(DceError::Version));
        assert_eq!(with(2, 1), Err(DceError::Kind(1)));
        assert_eq!(with(8, 15), Err(DceError::Truncated("the header")));
        assert_eq!(Header::read(&pdu[..15]), Err(DceError::Truncated("the header")));
    }
}
