//! Removing what nobody needs any more: old tombstones and old removals of link values (MS-ADTS 3.1.1.5.5.4).

use std::time::Duration;

use provlab_protocol::filetime::FileTime;

use crate::database::Database;
use crate::model::Dnt;
use crate::schema::Schema;

/// Removes tombstones that are older than `lifetime`, and link values that name what is gone.
pub(crate) fn collect_garbage(database: &mut Database, now: FileTime, lifetime: Duration) {
    let known = &Schema::get().known;
    let old: Vec<Dnt> = database
        .iter()
        .filter(|object| object.deleted && object.when_changed.plus(lifetime) < now)
        // The Deleted Objects containers themselves are marked deleted and stay.
        .filter(|object| object.first(known.last_known_parent).is_some())
        .map(|object| object.dnt)
        .collect();
    for dnt in &old {
        database.remove(*dnt);
    }
    let orphans: Vec<_> = database
        .all_links()
        .filter(|(key, _)| database.get(key.target).is_none() || database.get(key.source).is_none())
        .map(|(key, _)| key)
        .collect();
    for key in orphans {
        database.set_link(key, None);
    }
}
