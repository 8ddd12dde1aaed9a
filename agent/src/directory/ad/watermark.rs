//! The cloud's watermark: one DirSync cookie per object type, because the agent asks for each type by a query of its own (CS 1.5).

use provlab_protocol::scim::ResourceType;
use thiserror::Error;

const MAGIC: &[u8; 4] = b"PVW1";
/// Longest DirSync cookie in a watermark. Three of them and their headers fit into a SCIM watermark.
pub(super) const MAX_COOKIE_BYTES: usize = 20 * 1024;
/// Bytes before each cookie: type, state, length.
const HEADER: usize = 6;

/// The types in the order in which they are read: members come after those they refer to.
pub(super) const TYPES: [ResourceType; 3] = [ResourceType::User, ResourceType::Contact, ResourceType::Group];

/// Where one type stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Position {
    /// The server's cookie.
    pub(super) cookie: Vec<u8>,
    /// The first enumeration is not over: objects come whole.
    pub(super) enumerating: bool,
}

/// Where every type stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Positions {
    slots: [Option<Position>; 3],
}

/// Not a watermark of this agent.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the watermark is damaged: {0}")]
pub(super) struct Damaged(&'static str);

fn slot(kind: ResourceType) -> usize {
    TYPES.iter().position(|known| *known == kind).unwrap_or_default()
}

impl Positions {
    pub(super) fn get(&self, kind: ResourceType) -> Option<&Position> {
        self.slots.get(slot(kind))?.as_ref()
    }

    pub(super) fn set(&mut self, kind: ResourceType, position: Position) {
        if let Some(place) = self.slots.get_mut(slot(kind)) {
            *place = Some(position);
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for (index, position) in self.slots.iter().enumerate() {
            if let Some(position) = position {
                out.push(index.to_le_bytes()[0]);
                out.push(u8::from(position.enumerating));
                let length = u32::try_from(position.cookie.len()).unwrap_or(u32::MAX);
                out.extend_from_slice(&length.to_le_bytes());
                out.extend_from_slice(&position.cookie);
            }
        }
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut rest = bytes
            .strip_prefix(MAGIC)
            .ok_or(Damaged("it does not begin with PVW1"))?;
        let mut positions = Self::default();
        while !rest.is_empty() {
            let (header, tail) = rest
                .split_at_checked(HEADER)
                .ok_or(Damaged("a header is cut off"))?;
            let [index, state, length @ ..] = header else {
                return Err(Damaged("a header is cut off"));
            };
            let length: [u8; 4] = length.try_into().map_err(|_| Damaged("a header is cut off"))?;
            let length =
                usize::try_from(u32::from_le_bytes(length)).map_err(|_| Damaged("a cookie is too long"))?;
            if length > MAX_COOKIE_BYTES {
                return Err(Damaged("a cookie is too long"));
            }
            let (cookie, next) = tail
                .split_at_checked(length)
                .ok_or(Damaged("a cookie is cut off"))?;
            let place = positions
                .slots
                .get_mut(usize::from(*index))
                .ok_or(Damaged("it names an unknown type"))?;
            if place.is_some() || *state > 1 {
                return Err(Damaged("a type is there twice or in an unknown state"));
            }
            *place = Some(Position {
                cookie: cookie.to_vec(),
                enumerating: *state == 1,
            });
            rest = next;
        }
        Ok(positions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cookies_are_bounded() {
        let of = |length: usize| {
            let mut positions = Positions::default();
            positions.set(
                ResourceType::User,
                Position {
                    cookie: vec![7; length],
                    enumerating: false,
                },
            );
            Positions::from_bytes(&positions.to_bytes())
        };
        assert!(of(MAX_COOKIE_BYTES).is_ok());
        assert_eq!(of(MAX_COOKIE_BYTES + 1), Err(Damaged("a cookie is too long")));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(cookie: Vec<u8>, enumerating: bool, other: Vec<u8>) {
            let mut positions = Positions::default();
            positions.set(ResourceType::Group, Position { cookie, enumerating });
            positions.set(ResourceType::User, Position { cookie: other, enumerating: false });
            prop_assert_eq!(Positions::from_bytes(&positions.to_bytes()), Ok(positions));
        }

        #[test]
        fn arbitrary_bytes_are_survived(bytes: Vec<u8>) {
            let _ = Positions::from_bytes(&bytes);
            let mut framed = MAGIC.to_vec();
            framed.extend(bytes);
            let _ = Positions::from_bytes(&framed);
        }
    }
}
