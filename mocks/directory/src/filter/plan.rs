//! Which objects can match a filter at all, by index: so that a search for one account does not read a hundred thousand.

use super::Evaluator;
use super::evaluate::Term;
use crate::database::{Database, reference};
use crate::directory::Directory;
use crate::model::Dnt;
use crate::schema::{Comparable, Schema, Syntax};

/// An index is used only if it leaves fewer than one object in this many; a longer list costs more than a scan.
const SELECTIVITY: usize = 8;
/// Lists up to this length are used in any case.
const ALWAYS_WORTH_IT: usize = 256;

/// The objects that can match, in the order of their tags, or `None` if no index narrows the filter down.
pub(crate) fn candidates(directory: &Directory, filter: &Evaluator<'_>) -> Option<Vec<Dnt>> {
    let database = directory.database();
    let limit = (database.len() / SELECTIVITY).max(ALWAYS_WORTH_IT);
    narrow(database, &filter.root, limit)
}

fn narrow(database: &Database, term: &Term, limit: usize) -> Option<Vec<Dnt>> {
    let schema = Schema::get();
    let known = &schema.known;
    match term {
        Term::Constant(Some(true)) | Term::Present(_) | Term::Not(_) | Term::Bits { .. } => None,
        Term::Constant(_) => Some(Vec::new()),
        Term::And(list) => list
            .iter()
            .filter_map(|term| narrow(database, term, limit))
            .min_by_key(Vec::len),
        Term::Or(list) => {
            let mut all = Vec::new();
            for term in list {
                all.extend(narrow(database, term, limit)?);
                if all.len() > limit {
                    return None;
                }
            }
            all.sort_unstable();
            all.dedup();
            Some(all)
        }
        Term::Equal { attribute, key } if *attribute == known.object_guid => {
            let guid = provlab_protocol::guid::Guid::from_le_slice(key);
            Some(
                guid.and_then(|guid| database.by_guid(guid))
                    .map(|object| object.dnt)
                    .into_iter()
                    .collect(),
            )
        }
        Term::Equal { attribute, key } => database.equal_key(*attribute, key, limit),
        Term::Refers { attribute, target } => {
            let def = schema.def(*attribute);
            if *attribute == known.distinguished_name {
                Some(vec![*target])
            } else if def.syntax == Syntax::Dn && def.is_forward_link() {
                up_to(database.linked_from(*target, *attribute), limit)
            } else if def.is_back_link() {
                let forward = schema.link_partner(*attribute)?;
                let linked = database.links(*target, forward);
                up_to(
                    linked.filter(|(_, value)| value.present).map(|(dnt, _)| dnt),
                    limit,
                )
            } else if def.syntax == Syntax::Dn {
                database.equal_key(*attribute, &reference(*target, &[]), limit)
            } else {
                None
            }
        }
        Term::OneOf { objects, .. } => Some(objects.iter().copied().collect()),
        Term::Order {
            attribute,
            greater: true,
            value: Comparable::Number(number),
        } if *attribute == known.usn_changed => {
            let after = u64::try_from(number.saturating_sub(1)).unwrap_or(0);
            let changed = database.changed_after(after).map(|object| object.dnt);
            let mut list = up_to(changed, limit)?;
            list.sort_unstable();
            Some(list)
        }
        Term::Order { .. } => None,
        Term::Substrings {
            attribute, initial, ..
        } => (!initial.is_empty())
            .then(|| database.starting_with_key(*attribute, initial, limit))
            .flatten(),
    }
}

fn up_to(objects: impl Iterator<Item = Dnt>, limit: usize) -> Option<Vec<Dnt>> {
    let list: Vec<Dnt> = objects.take(limit.saturating_add(1)).collect();
    (list.len() <= limit).then_some(list)
}
