//! `ept_map`: on which TCP port of a host an interface is served (C706 appendix O, PR 13.1).

use super::{DceError, SyntaxId};
use crate::guid::Guid;
use crate::ndr::{NdrError, NdrReader, NdrWriter};

/// Where the endpoint mapper is served.
pub const PORT: u16 = 135;
/// The operation.
pub const OPNUM: u16 = 3;
/// Most towers in an answer.
pub const MAX_TOWERS: usize = 64;
/// Longest tower.
pub const MAX_TOWER_BYTES: usize = 1_024;
/// `ept_s_not_registered`: the interface is not served.
pub const NOT_REGISTERED: u32 = 0x16C9_A0D6;

const FLOORS: u16 = 5;
const UUID_FLOOR: u8 = 0x0D;
const CONNECTION_ORIENTED: u8 = 0x0B;
const TCP: u8 = 0x07;
const IP: u8 = 0x09;
const TOWER: &str = "a tower";

/// A tower of five floors: interface, transfer syntax, DCE/RPC, TCP, IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tower {
    /// The interface.
    pub interface: SyntaxId,
    /// The transfer syntax.
    pub transfer_syntax: SyntaxId,
    /// The port; 0 in a question.
    pub port: u16,
    /// The address; nobody here goes by it.
    pub address: [u8; 4],
}

impl Tower {
    fn to_bytes(self) -> Vec<u8> {
        let mut out = FLOORS.to_le_bytes().to_vec();
        for syntax in [self.interface, self.transfer_syntax] {
            let mut left = vec![UUID_FLOOR];
            left.extend_from_slice(&syntax.uuid.to_le_bytes());
            left.extend_from_slice(&syntax.major.to_le_bytes());
            floor(&mut out, &left, &syntax.minor.to_le_bytes());
        }
        floor(&mut out, &[CONNECTION_ORIENTED], &[0, 0]);
        floor(&mut out, &[TCP], &self.port.to_be_bytes());
        floor(&mut out, &[IP], &self.address);
        out
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, NdrError> {
        let mut reader = NdrReader::new(bytes);
        if take_u16(&mut reader)? != FLOORS {
            return Err(NdrError::Contradiction(TOWER));
        }
        let interface = syntax(&mut reader)?;
        let transfer_syntax = syntax(&mut reader)?;
        let [_, _] = right(&mut reader, CONNECTION_ORIENTED)?;
        let port = u16::from_be_bytes(right(&mut reader, TCP)?);
        let address = right(&mut reader, IP)?;
        Ok(Self {
            interface,
            transfer_syntax,
            port,
            address,
        })
    }
}

fn floor(out: &mut Vec<u8>, left: &[u8], right: &[u8]) {
    for half in [left, right] {
        out.extend_from_slice(&(half.len() as u16).to_le_bytes());
        out.extend_from_slice(half);
    }
}

/// Towers are not aligned.
fn take_u16(reader: &mut NdrReader<'_>) -> Result<u16, NdrError> {
    let bytes = reader.bytes(2, TOWER)?;
    Ok(bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u16::from(*byte)))
}

fn half<'a>(reader: &mut NdrReader<'a>) -> Result<&'a [u8], NdrError> {
    let length = usize::from(take_u16(reader)?);
    reader.bytes(length, TOWER)
}

fn syntax(reader: &mut NdrReader<'_>) -> Result<SyntaxId, NdrError> {
    const BAD: NdrError = NdrError::Contradiction(TOWER);
    let (left, right) = (half(reader)?, half(reader)?);
    let left: &[u8; 19] = left.try_into().map_err(|_| BAD)?;
    let minor: [u8; 2] = right.try_into().map_err(|_| BAD)?;
    let (&[kind, ref uuid @ .., low, high], true) = (left, left[0] == UUID_FLOOR) else {
        return Err(BAD);
    };
    debug_assert_eq!(kind, UUID_FLOOR);
    Ok(SyntaxId {
        uuid: Guid::from_le_bytes(*uuid),
        major: u16::from_le_bytes([low, high]),
        minor: u16::from_le_bytes(minor),
    })
}

/// What a floor of this protocol says.
fn right<const N: usize>(reader: &mut NdrReader<'_>, protocol: u8) -> Result<[u8; N], NdrError> {
    let (left, right) = (half(reader)?, half(reader)?);
    match right.try_into() {
        Ok(right) if left == [protocol] => Ok(right),
        _ => Err(NdrError::Contradiction(TOWER)),
    }
}

fn write_tower(writer: &mut NdrWriter, tower: Tower) {
    let bytes = tower.to_bytes();
    writer.count(bytes.len());
    writer.counted_bytes(&bytes);
}

fn read_tower<'a>(reader: &mut NdrReader<'a>) -> Result<&'a [u8], NdrError> {
    let max = reader.count(TOWER, MAX_TOWER_BYTES)?;
    reader.conformance(max, TOWER)?;
    reader.bytes(max, TOWER)
}

/// In.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapRequest {
    /// What is looked for.
    pub tower: Tower,
    /// Most answers wanted.
    pub max_towers: u32,
}

impl MapRequest {
    /// Asks for an interface over NDR20 and TCP.
    #[must_use]
    pub fn of_interface(interface: SyntaxId) -> Self {
        Self {
            tower: Tower {
                interface,
                transfer_syntax: SyntaxId::NDR20,
                port: 0,
                address: [0; 4],
            },
            max_towers: 4,
        }
    }

    /// The stub.
    #[must_use]
    pub fn to_stub(&self) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        // The object: none is asked for.
        writer.pointer(true);
        writer.guid(Guid::NIL);
        writer.pointer(true);
        write_tower(&mut writer, self.tower);
        writer.align(4);
        writer.bytes(&[0; 20]);
        writer.u32(self.max_towers);
        writer.into_bytes()
    }

    /// Reads the stub.
    ///
    /// # Errors
    /// Malformed, over a bound, or no tower of TCP.
    pub fn from_stub(stub: &[u8]) -> Result<Self, NdrError> {
        let mut reader = NdrReader::new(stub);
        if reader.pointer("the object")? {
            reader.guid("the object")?;
        }
        reader.required_pointer(TOWER)?;
        let tower = Tower::from_bytes(read_tower(&mut reader)?)?;
        reader.align(4, "the entry handle")?;
        reader.bytes(20, "the entry handle")?;
        Ok(Self {
            tower,
            max_towers: reader.u32("the number of towers")?,
        })
    }
}

/// Out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapReply {
    /// What was found; towers over other transports are left out.
    pub towers: Vec<Tower>,
    /// 0, or why there is none.
    pub status: u32,
}

impl MapReply {
    /// The first port on which an interface is served.
    #[must_use]
    pub fn port_of(&self, interface: SyntaxId) -> Option<u16> {
        self.towers
            .iter()
            .find(|tower| tower.interface == interface && tower.port != 0)
            .map(|tower| tower.port)
    }

    /// The stub.
    #[must_use]
    pub fn to_stub(&self, max_towers: u32) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.bytes(&[0; 20]);
        writer.count(self.towers.len());
        writer.u32(max_towers);
        writer.u32(0);
        writer.count(self.towers.len());
        for _ in &self.towers {
            writer.pointer(true);
        }
        for tower in &self.towers {
            writer.align(4);
            write_tower(&mut writer, *tower);
        }
        writer.u32(self.status);
        writer.into_bytes()
    }

    /// Reads the stub.
    ///
    /// # Errors
    /// Malformed, or over a bound.
    pub fn from_stub(stub: &[u8]) -> Result<Self, DceError> {
        const WHAT: &str = "the towers";
        let mut reader = NdrReader::new(stub);
        reader.bytes(20, "the entry handle")?;
        let told = reader.count(WHAT, MAX_TOWERS)?;
        reader.u32(WHAT)?;
        reader.u32(WHAT)?;
        let count = reader.count(WHAT, MAX_TOWERS)?;
        if count != told {
            return Err(DceError::Contradiction(WHAT));
        }
        let mut present = 0;
        for _ in 0..count {
            present += usize::from(reader.pointer(WHAT)?);
        }
        let mut towers = Vec::new();
        for _ in 0..present {
            reader.align(4, WHAT)?;
            towers.extend(Tower::from_bytes(read_tower(&mut reader)?).ok());
        }
        Ok(Self {
            towers,
            status: reader.u32("the status")?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tower(port: u16) -> Tower {
        Tower {
            interface: SyntaxId::DRSUAPI,
            transfer_syntax: SyntaxId::NDR20,
            port,
            address: [127, 0, 0, 1],
        }
    }

    /// A tower as MS-RPCE 2.2.1.2 and C706 appendix I lay it out.
    #[test]
    fn a_tower_byte_for_byte() {
        let bytes = "0500 13000d354251e3064bd111ab0400c04fc2dcd20400 02000000 13000d045d888aeb1cc9119fe808002b1048600200 02000000 \
                     01000b 02000000 010007 0200c001 010009 04007f000001"
            .replace(' ', "");
        assert_eq!(hex::encode(tower(49_153).to_bytes()), bytes);
        assert_eq!(Tower::from_bytes(&hex::decode(bytes).unwrap()), Ok(tower(49_153)));
    }

    #[test]
    fn questions_and_answers_round_trip_and_damage_is_refused() {
        let request = MapRequest::of_interface(SyntaxId::DRSUAPI);
        let stub = request.to_stub();
        assert_eq!(MapRequest::from_stub(&stub), Ok(request));
        for length in 0..stub.len() {
            assert!(MapRequest::from_stub(&stub[..length]).is_err(), "{length}");
        }
        let reply = MapReply {
            towers: vec![tower(0), tower(49_153)],
            status: 0,
        };
        let stub = reply.to_stub(4);
        assert_eq!(MapReply::from_stub(&stub), Ok(reply.clone()));
        for length in 0..stub.len() {
            assert!(MapReply::from_stub(&stub[..length]).is_err(), "{length}");
        }
        assert_eq!(reply.port_of(SyntaxId::DRSUAPI), Some(49_153));
        assert_eq!(reply.port_of(SyntaxId::ENDPOINT_MAPPER), None);
    }

    #[test]
    fn towers_of_other_transports_are_left_out() {
        let reply = MapReply {
            towers: vec![tower(7), tower(49_153)],
            status: 0,
        };
        let mut stub = reply.to_stub(4);
        // The protocol of the first tower's fourth floor becomes UDP.
        let at = stub
            .windows(5)
            .position(|window| window == [1, 0, TCP, 2, 0])
            .unwrap();
        stub[at + 2] = 8;
        assert_eq!(MapReply::from_stub(&stub).unwrap().towers, [tower(49_153)]);
    }

    #[test]
    fn counts_at_the_limit() {
        let reply = |count| MapReply {
            towers: vec![tower(1); count],
            status: 0,
        };
        assert!(MapReply::from_stub(&reply(MAX_TOWERS).to_stub(99)).is_ok());
        assert!(MapReply::from_stub(&reply(MAX_TOWERS + 1).to_stub(99)).is_err());
    }

    proptest! {
        #[test]
        fn damaged_stubs_survive(at: prop::sample::Index, byte: u8) {
            let mut request = MapRequest::of_interface(SyntaxId::DRSUAPI).to_stub();
            let place = at.index(request.len());
            request[place] = byte;
            let _ = MapRequest::from_stub(&request);
            let mut reply = MapReply { towers: vec![tower(1); 2], status: 0 }.to_stub(4);
            let place = at.index(reply.len());
            reply[place] = byte;
            let _ = MapReply::from_stub(&reply);
        }
    }
}
