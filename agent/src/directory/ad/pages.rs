//! One page out of an answer that may be longer: a server that takes no notice of the page size (Samba, PR 20) sends
//! everything at once, every time it is asked.
//!
//! The page is then cut by objectGUID, and the watermark remembers where. What the answer holds besides is dropped as it
//! arrives, so that memory does not grow with the directory; the next page asks for all of it again.

use std::collections::BTreeMap;

use provlab_protocol::guid::Guid;

use super::resource::{ExtendedName, guid_of_entry};
use crate::directory::ldap::Entry;

/// Takes the entries of one answer as they arrive and keeps one page.
pub(super) struct Page {
    room: usize,
    after: Option<Guid>,
    /// In the order of the server, as long as they fit.
    whole: Vec<(Guid, Entry)>,
    /// In the order of their GUIDs, from the entry on that did not fit.
    cut: Option<BTreeMap<Guid, Entry>>,
    nameless: bool,
}

/// What a page holds.
pub(super) struct Taken {
    /// Its entries.
    pub(super) entries: Vec<(Guid, Entry)>,
    /// Where it was cut; `None` when it is the end of the answer.
    pub(super) cut_at: Option<Guid>,
    /// An entry came without any objectGUID.
    pub(super) nameless: bool,
}

impl Page {
    /// A page of at most `room` entries, all of them behind `after`.
    pub(super) fn new(room: usize, after: Option<Guid>) -> Self {
        Self {
            room,
            after,
            whole: Vec::new(),
            cut: None,
            nameless: false,
        }
    }

    /// Takes the next entry.
    pub(super) fn take(&mut self, entry: Entry) {
        let Some(guid) = guid_of_entry(&entry).or_else(|| ExtendedName::parse(&entry.dn).guid) else {
            self.nameless = true;
            return;
        };
        if self.after.is_some_and(|after| guid <= after) {
            return;
        }
        if self.cut.is_none() && self.whole.len() < self.room {
            self.whole.push((guid, entry));
            return;
        }
        let kept = self.cut.get_or_insert_with(|| self.whole.drain(..).collect());
        kept.insert(guid, entry);
        if kept.len() > self.room {
            kept.pop_last();
        }
    }

    /// The page, when the answer is over.
    pub(super) fn finish(self) -> Taken {
        let cut_at = self
            .cut
            .as_ref()
            .and_then(|kept| kept.last_key_value())
            .map(|(guid, _)| *guid);
        Taken {
            entries: match self.cut {
                Some(kept) => kept.into_iter().collect(),
                None => self.whole,
            },
            cut_at,
            nameless: self.nameless,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::ldap::Attribute;
    use proptest::prelude::*;

    fn guid(number: u8) -> Guid {
        Guid::from_le_bytes([number; 16])
    }

    fn page_of(numbers: &[u8], room: usize, after: Option<Guid>) -> Taken {
        let mut page = Page::new(room, after);
        for number in numbers {
            page.take(Entry {
                dn: format!("CN={number}"),
                attributes: vec![Attribute::binary("objectGUID", vec![*number; 16])],
            });
        }
        page.finish()
    }

    fn numbers(taken: &Taken) -> Vec<Guid> {
        taken.entries.iter().map(|(guid, _)| *guid).collect()
    }

    #[test]
    fn what_fits_stays_in_the_servers_order() {
        let taken = page_of(&[3, 1, 2], 3, None);
        assert_eq!(numbers(&taken), [guid(3), guid(1), guid(2)]);
        assert_eq!(taken.cut_at, None);
        assert!(!taken.nameless);
    }

    #[test]
    fn an_entry_without_a_guid_is_told() {
        let mut page = Page::new(1, None);
        page.take(Entry::default());
        assert!(page.finish().nameless);
    }

    proptest! {
        #[test]
        fn pages_together_hold_every_object_once(
            mut objects in prop::collection::hash_set(any::<u8>(), 0..60),
            room in 1usize..20,
        ) {
            let answer: Vec<u8> = objects.iter().copied().collect();
            let mut after = None;
            loop {
                let taken = page_of(&answer, room, after);
                prop_assert!(taken.entries.len() <= room);
                for (found, _) in &taken.entries {
                    let number = found.to_le_bytes()[0];
                    prop_assert!(objects.remove(&number), "{number} came twice");
                }
                if taken.cut_at.is_none() {
                    break;
                }
                after = taken.cut_at;
            }
            prop_assert!(objects.is_empty());
        }
    }
}
