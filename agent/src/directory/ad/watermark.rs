//! The cloud's watermark: one DirSync cookie per object type, because the agent asks for each type by a query of its own (CS 1.5).

use provlab_protocol::dirsync::DirSyncResponse;
use provlab_protocol::guid::Guid;
use provlab_protocol::scim::ResourceType;
use thiserror::Error;

const MAGIC: &[u8; 4] = b"PVW1";
/// Longest DirSync cookie in a watermark. Three of them, one more of a type that is cut, and their headers fit into a
/// SCIM watermark. A domain controller adds 24 to 32 bytes for each of its partners.
pub(super) const MAX_COOKIE_BYTES: usize = 15 * 1024;
/// State bits: the first enumeration is not over; a cut follows; there is more behind the cut answer.
const ENUMERATING: u8 = 1;
const CUT: u8 = 2;
const MORE: u8 = 4;
/// The types in the order in which they are read: members come after those they refer to.
pub(super) const TYPES: [ResourceType; 3] = [ResourceType::User, ResourceType::Contact, ResourceType::Group];

/// Where one type stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Position {
    /// The server's cookie.
    pub(super) cookie: Vec<u8>,
    /// The first enumeration is not over: objects come whole.
    pub(super) enumerating: bool,
    /// Where the answer to this cookie was cut, if it was too long for one page.
    pub(super) cut: Option<Cut>,
}

/// The place in an answer up to which the cloud has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// The last object of the page.
    pub(super) after: Guid,
    /// The cookie that came with the first page: changes since then belong to the next answer.
    pub(super) next: Vec<u8>,
    /// The server had more results behind this answer.
    pub(super) more: bool,
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

impl Position {
    /// Before the first page.
    pub(super) fn start() -> Self {
        Self {
            enumerating: true,
            ..Self::default()
        }
    }

    /// Where the type stands after a page, and whether there are more.
    pub(super) fn after(&self, response: DirSyncResponse, cut_at: Option<Guid>) -> (Self, bool) {
        // While an answer is cut, the cookie of its first page counts: later ones would skip what changed meanwhile.
        let (next, more) = match &self.cut {
            Some(cut) => (cut.next.clone(), cut.more),
            None => (response.cookie, response.more_results),
        };
        match cut_at {
            Some(after) => {
                let position = Self {
                    cut: Some(Cut { after, next, more }),
                    ..self.clone()
                };
                (position, true)
            }
            None => {
                let position = Self {
                    cookie: next,
                    enumerating: self.enumerating && more,
                    cut: None,
                };
                (position, more)
            }
        }
    }

    fn state(&self) -> u8 {
        let cut = self
            .cut
            .as_ref()
            .map_or(0, |cut| CUT | if cut.more { MORE } else { 0 });
        cut | if self.enumerating { ENUMERATING } else { 0 }
    }
}

fn put(out: &mut Vec<u8>, cookie: &[u8]) {
    let length = u32::try_from(cookie.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(cookie);
}

fn take(bytes: &[u8]) -> Result<(&[u8], &[u8]), Damaged> {
    let (length, rest) = bytes.split_first_chunk().ok_or(Damaged("a header is cut off"))?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Damaged("a cookie is too long"))?;
    if length > MAX_COOKIE_BYTES {
        return Err(Damaged("a cookie is too long"));
    }
    rest.split_at_checked(length)
        .ok_or(Damaged("a cookie is cut off"))
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
                out.push(position.state());
                put(&mut out, &position.cookie);
                if let Some(cut) = &position.cut {
                    out.extend_from_slice(&cut.after.to_le_bytes());
                    put(&mut out, &cut.next);
                }
            }
        }
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut rest = bytes
            .strip_prefix(MAGIC)
            .ok_or(Damaged("it does not begin with PVW1"))?;
        let mut positions = Self::default();
        while let [index, state, tail @ ..] = rest {
            let (cookie, tail) = take(tail)?;
            let (cut, tail) = if state & CUT == 0 {
                (None, tail)
            } else {
                let (after, tail) = tail.split_first_chunk().ok_or(Damaged("a cut is cut off"))?;
                let (next, tail) = take(tail)?;
                let cut = Cut {
                    after: Guid::from_le_bytes(*after),
                    next: next.to_vec(),
                    more: state & MORE != 0,
                };
                (Some(cut), tail)
            };
            let position = Position {
                cookie: cookie.to_vec(),
                enumerating: state & ENUMERATING != 0,
                cut,
            };
            let place = positions
                .slots
                .get_mut(usize::from(*index))
                .ok_or(Damaged("it names an unknown type"))?;
            if place.is_some() || position.state() != *state {
                return Err(Damaged("a type is there twice or in an unknown state"));
            }
            *place = Some(position);
            rest = tail;
        }
        if !rest.is_empty() {
            return Err(Damaged("a header is cut off"));
        }
        Ok(positions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use provlab_protocol::scim::MAX_WATERMARK_BYTES;

    #[test]
    fn cookies_are_bounded() {
        let of = |length: usize| {
            let mut positions = Positions::default();
            positions.set(
                ResourceType::User,
                Position {
                    cookie: vec![7; length],
                    ..Position::default()
                },
            );
            Positions::from_bytes(&positions.to_bytes())
        };
        assert!(of(MAX_COOKIE_BYTES).is_ok());
        assert_eq!(of(MAX_COOKIE_BYTES + 1), Err(Damaged("a cookie is too long")));
    }

    #[test]
    fn changes_during_a_cut_answer_are_left_to_the_next_one() {
        let response = |cookie: &[u8]| DirSyncResponse {
            more_results: false,
            cookie: cookie.to_vec(),
        };
        let at = |number| Some(Guid::from_le_bytes([number; 16]));
        let (first, more) = Position::start().after(response(b"one"), at(1));
        assert!(more && first.cookie.is_empty() && first.enumerating);
        let (second, more) = first.after(response(b"two"), at(2));
        assert!(more && second.cookie.is_empty());
        let (done, more) = second.after(response(b"three"), None);
        assert!(!more && !done.enumerating && done.cut.is_none());
        assert_eq!(done.cookie, b"one");
    }

    #[test]
    fn the_longest_watermark_fits_into_its_message() {
        let mut positions = Positions::default();
        let cookie = vec![7; MAX_COOKIE_BYTES];
        for kind in TYPES {
            let position = Position {
                cookie: cookie.clone(),
                ..Position::default()
            };
            positions.set(kind, position);
        }
        let cut = Cut {
            after: Guid::from_le_bytes([7; 16]),
            next: cookie.clone(),
            more: true,
        };
        let position = Position {
            cookie,
            enumerating: true,
            cut: Some(cut),
        };
        positions.set(ResourceType::Group, position);
        assert!(positions.to_bytes().len() <= MAX_WATERMARK_BYTES);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(cookie: Vec<u8>, enumerating: bool, more: bool, next: Vec<u8>, after: [u8; 16]) {
            let mut positions = Positions::default();
            let cut = Cut { after: Guid::from_le_bytes(after), next, more };
            positions.set(ResourceType::Group, Position { cookie: cookie.clone(), enumerating, cut: Some(cut) });
            positions.set(ResourceType::User, Position { cookie, enumerating, cut: None });
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
