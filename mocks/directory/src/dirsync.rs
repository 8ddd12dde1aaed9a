//! DirSync: what changed since a cookie, attribute by attribute (PR 15.1).
//!
//! The cost of an answer follows the number of changes, not the size of the directory: the index of USNs leads
//! straight to what was changed after the cookie.

use std::collections::BTreeSet;

use provlab_protocol::dirsync::{DirSyncCookie, DirSyncFlags, HighWaterMark};
use provlab_protocol::rights;

use crate::access::{self, Right};
use crate::database::is_hidden;
use crate::directory::Directory;
use crate::filter::Evaluator;
use crate::model::{
    Context, DirSyncAnswer, DirSyncQuery, Dnt, Entry, LdapError, Name, Object, ResultCode, Scope,
    SearchOutcome, SearchRequest, Value, text,
};
use crate::schema::{AttributeId, Schema};
use crate::search::{EntryWriter, Selection, View};

/// Most objects in one answer, whatever the client allows.
pub const MAX_OBJECTS: usize = 1000;
/// The size of an answer where the client leaves it to the server, and its upper limit in any case.
pub const MAX_ANSWER_BYTES: usize = 4 << 20;
/// Win32 `ERROR_DS_DRA_INVALID_PARAMETER`: the cookie is not one of ours.
const INVALID_COOKIE: u32 = 0x20F5;
/// Win32 `ERROR_DS_DRA_BAD_NC`: the base is not the head of a naming context.
const NOT_A_NAMING_CONTEXT: u32 = 0x20F8;

/// Where an enumeration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    /// Objects changed up to here were sent.
    sent: u64,
    /// Attributes changed up to here are known to the client. Stays behind `sent` until an enumeration of several
    /// answers is complete, since an object may hold changes on both sides of it.
    known: u64,
}

/// Answers a search with the DirSync control.
///
/// # Errors
/// The base is no naming context (50, or 53 with OBJECT_SECURITY), the right *Replicating Directory Changes* is
/// missing (50), or the cookie is foreign or corrupt (53).
pub(crate) fn search(
    directory: &Directory,
    context: &Context,
    request: &SearchRequest,
) -> Result<SearchOutcome, LdapError> {
    let Some(query) = &request.dir_sync else {
        return crate::search::search(directory, context, request);
    };
    if !request.filter.is_within_limits() {
        return Err(LdapError::new(
            ResultCode::AdminLimitExceeded,
            "00002024: SvcErr: the search filter has too many or too deeply nested terms",
        ));
    }
    if let Some(name) = request.filter.constructed_attribute() {
        return Err(LdapError::inappropriate_matching(name));
    }
    let by_object = query.flags.contains(DirSyncFlags::OBJECT_SECURITY);
    let base = directory.locate(&request.base)?;
    if !matches!(base.name, Name::Head(_)) || request.scope != Scope::Subtree {
        return Err(if by_object {
            LdapError::unwilling(NOT_A_NAMING_CONTEXT)
        } else {
            LdapError::access_denied()
        });
    }
    let right = Right::ControlAccess(rights::DS_REPLICATION_GET_CHANGES);
    if !by_object && !access::allowed(directory, &context.token, base, right) {
        return Err(LdapError::access_denied());
    }
    let position = read_cookie(directory, &query.cookie)?;
    let run = Run {
        directory,
        base: base.dnt,
        query,
        known: position.known,
        by_object,
        filter: Evaluator::new(directory, &request.filter),
        writer: EntryWriter::new(
            View::new(directory, context),
            Selection::read(&request.attributes)?,
            request,
        ),
    };
    Ok(run.answer(context, position))
}

fn read_cookie(directory: &Directory, bytes: &[u8]) -> Result<Position, LdapError> {
    if bytes.is_empty() {
        return Ok(Position { sent: 0, known: 0 });
    }
    let cookie = DirSyncCookie::from_bytes(bytes).map_err(|_| LdapError::unwilling(INVALID_COOKIE))?;
    let mark = cookie.high_water_mark;
    let highest = directory.highest_committed_usn();
    let ours = cookie.invocation_id == directory.identity().invocation_id
        && mark.highest_usn <= mark.tmp_highest_usn
        // USNs ahead of ours: this database was put back to an earlier state.
        && mark.tmp_highest_usn <= highest;
    if ours {
        Ok(Position {
            sent: mark.tmp_highest_usn,
            known: mark.highest_usn,
        })
    } else {
        Err(LdapError::unwilling(INVALID_COOKIE))
    }
}

struct Run<'a> {
    directory: &'a Directory,
    base: Dnt,
    query: &'a DirSyncQuery,
    known: u64,
    by_object: bool,
    filter: Evaluator<'a>,
    writer: EntryWriter<'a>,
}

impl Run<'_> {
    fn answer(&self, context: &Context, position: Position) -> SearchOutcome {
        let allowed = usize::try_from(self.query.max_bytes).unwrap_or(MAX_ANSWER_BYTES);
        let limit = match allowed {
            0 => MAX_ANSWER_BYTES,
            bytes => bytes.min(MAX_ANSWER_BYTES),
        };
        let ancestors_first = self.query.flags.contains(DirSyncFlags::ANCESTORS_FIRST_ORDER);
        let mut outcome = SearchOutcome::default();
        let mut written: BTreeSet<Dnt> = BTreeSet::new();
        let mut bytes = 0;
        let mut sent = position.sent;
        let mut more = false;
        for object in self.directory.database().changed_after(position.sent) {
            if bytes >= limit || outcome.entries.len() >= MAX_OBJECTS {
                more = true;
                break;
            }
            sent = object.usn_changed;
            let mut queue = vec![object];
            if ancestors_first {
                queue = self.changed_ancestors(object);
            }
            for object in queue {
                if !written.contains(&object.dnt)
                    && self.wanted(object)
                    && let Some(entry) = self.entry(object)
                {
                    written.insert(object.dnt);
                    bytes += size_of(&entry);
                    outcome.entries.push(entry);
                }
            }
        }
        if !more {
            sent = self.directory.highest_committed_usn();
        }
        let cookie = DirSyncCookie {
            time: context.now,
            high_water_mark: HighWaterMark {
                tmp_highest_usn: sent,
                reserved_usn: 0,
                highest_usn: if more { position.known } else { sent },
            },
            invocation_id: self.directory.identity().invocation_id,
            up_to_date: Vec::new(),
        };
        outcome.dir_sync = Some(DirSyncAnswer {
            more_results: more,
            cookie: cookie.to_bytes(),
        });
        outcome
    }

    /// The object with those of its ancestors that the client does not know yet, topmost first.
    fn changed_ancestors<'o>(&'o self, object: &Object) -> Vec<&'o Object> {
        let mut queue: Vec<_> = self
            .directory
            .database()
            .path(object.dnt)
            .filter(|ancestor| ancestor.dnt == object.dnt || ancestor.usn_changed > self.known)
            .collect();
        queue.reverse();
        queue
    }

    fn wanted(&self, object: &Object) -> bool {
        if self.directory.database().head_of(object.dnt) != Some(self.base) {
            return false;
        }
        let view = self.writer.view();
        if self.by_object && !view.sees(object) {
            return false;
        }
        self.filter.matches(object, &|id| self.readable(object, id))
    }

    /// With the replication right everything that is not secret is readable.
    fn readable(&self, object: &Object, attribute: AttributeId) -> bool {
        !self.by_object || self.writer.view().reads(object, attribute)
    }

    /// What changed of an object, or `None` if nothing of it was asked for.
    fn entry(&self, object: &Object) -> Option<Entry> {
        let schema = self.directory.schema();
        let known = &schema.known;
        let mut attributes = Vec::new();
        let selection = self.writer.selection();
        for slot in object.slots() {
            let id = slot.attribute;
            if slot.stamp.usn > self.known && selection.wants(id) && self.may_show(object, id) {
                self.push(object, id, &mut attributes);
            }
        }
        if object.name_stamp.usn > self.known {
            let naming = match &object.name {
                Name::Child { attribute, .. } => Some(*attribute),
                Name::Head(_) => None,
            };
            for id in naming.into_iter().chain([known.name]) {
                if selection.wants(id) && self.may_show(object, id) {
                    self.push(object, id, &mut attributes);
                }
            }
            if object.deleted && selection.wants(known.is_deleted) {
                self.push(object, known.is_deleted, &mut attributes);
            }
        }
        if object.usn_created > self.known && selection.wants(known.created) {
            self.push(object, known.created, &mut attributes);
        }
        self.push_links(object, &mut attributes);
        if attributes.is_empty() && !selection.all && !selection.named.is_empty() {
            // None of the attributes asked for has changed.
            return None;
        }
        attributes.sort_by_key(|(id, _, _)| *id);
        let mut attributes: Vec<(String, Vec<Value>)> = attributes
            .into_iter()
            .map(|(_, name, values)| (name, values))
            .collect();
        self.push_identity(object, &mut attributes);
        Some(Entry {
            dn: self.writer.name(object),
            attributes,
        })
    }

    fn may_show(&self, object: &Object, id: AttributeId) -> bool {
        let def = self.directory.schema().def(id);
        let public_only = self.query.flags.contains(DirSyncFlags::PUBLIC_DATA_ONLY);
        !is_hidden(def)
            && !def.is_local()
            && !def.is_back_link()
            && (!def.is_confidential() || (!public_only && self.may_read_confidential(object, id)))
            && self.readable(object, id)
    }

    /// Confidential attributes take the right on themselves even where all else is replicated.
    fn may_read_confidential(&self, object: &Object, id: AttributeId) -> bool {
        self.writer.view().reads(object, id)
    }

    fn push(&self, object: &Object, id: AttributeId, to: &mut Vec<(AttributeId, String, Vec<Value>)>) {
        let schema = self.directory.schema();
        let values = if id == schema.known.security_descriptor {
            self.writer.descriptor(object).into_iter().collect()
        } else {
            let form = self.writer.extended_dn();
            self.directory.database().values(object, id, form).into_owned()
        };
        to.push((id, schema.def(id).name.to_owned(), values));
    }

    /// Changed link values: one by one with INCREMENTAL_VALUES, else the whole list if any of it changed.
    fn push_links(&self, object: &Object, to: &mut Vec<(AttributeId, String, Vec<Value>)>) {
        let database = self.directory.database();
        let selection = self.writer.selection();
        let mut changed: Vec<(AttributeId, Vec<Dnt>, Vec<Dnt>)> = Vec::new();
        for (key, value) in database.links_from(object.dnt) {
            if value.stamp.usn <= self.known
                || !selection.wants(key.attribute)
                || !self.may_show(object, key.attribute)
                || database.get(key.target).is_none()
            {
                continue;
            }
            if changed.last().is_none_or(|(id, _, _)| *id != key.attribute) {
                changed.push((key.attribute, Vec::new(), Vec::new()));
            }
            if let Some((_, added, removed)) = changed.last_mut() {
                if value.present {
                    added.push(key.target);
                } else {
                    removed.push(key.target);
                }
            }
        }
        let incremental = self.query.flags.contains(DirSyncFlags::INCREMENTAL_VALUES);
        let names = |targets: &[Dnt]| {
            targets
                .iter()
                .map(|target| text(&database.name_text(*target, self.writer.extended_dn())))
                .collect::<Vec<Value>>()
        };
        for (id, added, removed) in changed {
            let name = Schema::get().def(id).name;
            if !incremental {
                // A client that knows nothing yet has no use for an empty list.
                let current = database
                    .values(object, id, self.writer.extended_dn())
                    .into_owned();
                if self.known > 0 || !current.is_empty() {
                    to.push((id, name.to_owned(), current));
                }
                continue;
            }
            if !added.is_empty() {
                to.push((id, format!("{name};range=1-1"), names(&added)));
            }
            if !removed.is_empty() && object.usn_created <= self.known {
                to.push((id, format!("{name};range=0-0"), names(&removed)));
            }
        }
    }

    /// `objectGUID` and `instanceType` come with every entry, asked for or not; `parentGUID` with a new name or place
    /// where either was asked for.
    fn push_identity(&self, object: &Object, to: &mut Vec<(String, Vec<Value>)>) {
        let schema = self.directory.schema();
        let known = &schema.known;
        let database = self.directory.database();
        for id in [known.object_guid, known.instance_type] {
            let name = schema.def(id).name;
            let values = database.values(object, id, None);
            if !values.is_empty() && !to.iter().any(|(given, _)| given == name) {
                to.push((name.to_owned(), values.into_owned()));
            }
        }
        let selection = self.writer.selection();
        if let Some(parent) = self.directory.parent(object)
            && object.name_stamp.usn > self.known
            && (selection.wants(known.name) || selection.wants(known.parent_guid))
        {
            let name = schema.def(known.parent_guid).name;
            to.push((name.to_owned(), vec![Value::from(parent.guid.to_le_bytes())]));
        }
    }
}

/// About how many bytes an entry takes on the wire.
fn size_of(entry: &Entry) -> usize {
    let values = |values: &[Value]| values.iter().map(|value| value.len() + 4).sum::<usize>();
    entry.dn.len()
        + entry
            .attributes
            .iter()
            .map(|(name, list)| name.len() + 8 + values(list))
            .sum::<usize>()
}
