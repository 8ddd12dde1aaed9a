//! `IDL_DRSGetNCChanges`: what changed of a naming context since a watermark, or one object as it is (PR 13.6, 13.7, 13.10).
//!
//! As with DirSync, the cost follows the number of changes: the index of USNs leads straight to what was changed after the watermark.

use std::collections::BTreeSet;
use std::convert::Infallible;

use md5::{Digest as _, Md5};
use provlab_platform::trace::{Fields, field};
use provlab_protocol::drsuapi::{
    Attribute, ChangesReply, ChangesRequest, DrsError, DsName, ExtendedOperation, ExtendedResult,
    PropertyMetaData, ReplicatedObject, UpToDateCursor, UsnVector, secret,
};
use provlab_protocol::guid::Guid;
use provlab_protocol::ndr::NdrError;
use provlab_protocol::nt_hash::NtHash;
use provlab_protocol::rights;

use super::prefixes::Numbers;
use super::{Server, values};
use crate::access::{Checker, Right, Token};
use crate::directory::Directory;
use crate::model::{Dnt, Name, Object, Stamp};
use crate::schema::{AttributeDef, AttributeId, Schema};
use crate::server::session::fields;

/// Most objects in one answer, whatever the client allows.
pub const MAX_OBJECTS: usize = 1_000;
/// The size of an answer where the client leaves it to the server, and its upper limit in any case.
pub const MAX_ANSWER_BYTES: usize = 4 << 20;
/// About what an object takes besides its values, and a value besides its bytes.
const OBJECT_BYTES: usize = 200;
const VALUE_BYTES: usize = 32;
/// Hashes, alone or one behind the other: each is encrypted by the RID besides (PR 13.8).
const HASHES: [&str; 4] = ["dBCSPwd", "lmPwdHistory", "ntPwdHistory", "unicodePwd"];
const HASH_BYTES: usize = 16;

/// Answers a request, well or with an error of replication.
pub(super) fn serve(
    server: &Server<'_>,
    stub: &[u8],
    token: &Token,
    session_key: &[u8],
) -> Result<(Vec<u8>, Fields), NdrError> {
    let request = match ChangesRequest::from_stub(stub) {
        Ok(request) => request,
        // Another version than was agreed on is an error of the call, not of its form.
        Err(NdrError::Version { .. }) => {
            return Ok((
                ChangesReply::failed(DrsError::DRA_INVALID_PARAMETER),
                Fields::new(),
            ));
        }
        Err(error) => return Err(error),
    };
    let mut told = fields([("naming-context", field(&request.naming_context.dn))]);
    let answered = Run::new(server, &request, token, session_key).and_then(|run| run.answer(&request));
    let stub = match answered {
        Ok(reply) => {
            told.extend(fields([
                ("objects", field(reply.objects.len())),
                ("more", field(reply.more_data)),
            ]));
            reply.to_stub(server.now.seconds())
        }
        Err(error) => {
            told.extend(fields([("error", field(error.0))]));
            ChangesReply::failed(error)
        }
    };
    Ok((stub, told))
}

/// What an answer is made with.
struct Run<'a> {
    server: &'a Server<'a>,
    session_key: &'a [u8],
    /// The head of the naming context, and the object where one alone is asked for.
    head: Dnt,
    object: Option<&'a Object>,
    /// What was asked for; none: everything that replicates.
    wanted: Option<BTreeSet<AttributeId>>,
}

impl<'a> Run<'a> {
    fn new(
        server: &'a Server<'a>,
        request: &ChangesRequest,
        token: &Token,
        session_key: &'a [u8],
    ) -> Result<Self, DrsError> {
        let directory = server.directory;
        let named = locate(directory, &request.naming_context).ok_or(DrsError::DRA_BAD_DN)?;
        let object = match request.extended_operation {
            ExtendedOperation::NONE if matches!(named.name, Name::Head(_)) => None,
            ExtendedOperation::NONE => return Err(DrsError::DRA_BAD_NC),
            ExtendedOperation::REPLICATE_OBJECT => Some(named),
            _ => return Err(DrsError::DRA_INVALID_PARAMETER),
        };
        let head = directory
            .database()
            .head_of(named.dnt)
            .and_then(|head| directory.get(head))
            .ok_or(DrsError::DRA_BAD_DN)?;
        let run = Self {
            server,
            session_key,
            head: head.dnt,
            object,
            wanted: wanted(request),
        };
        run.authorize(token, head)?;
        Ok(run)
    }

    /// *Replicating Directory Changes* is for everything, *…All* for secrets besides; both are rights on the naming context.
    fn authorize(&self, token: &Token, head: &Object) -> Result<(), DrsError> {
        let checker = Checker::new(self.server.directory, token);
        let holds = |right| checker.allowed(head, Right::ControlAccess(right));
        let schema = Schema::get();
        let secrets = self
            .wanted
            .as_ref()
            .is_none_or(|wanted| wanted.iter().any(|id| schema.def(*id).secret));
        if holds(rights::DS_REPLICATION_GET_CHANGES)
            && (!secrets || holds(rights::DS_REPLICATION_GET_CHANGES_ALL))
        {
            Ok(())
        } else {
            Err(DrsError::DRA_ACCESS_DENIED)
        }
    }

    fn answer(&self, request: &ChangesRequest) -> Result<ChangesReply, DrsError> {
        let identity = self.server.directory.identity();
        let settings = format!("CN=NTDS Settings,{}", identity.server_dn(self.server.host));
        let mut reply = ChangesReply {
            source: self.server.guid_of(&settings),
            invocation_id: identity.invocation_id,
            naming_context: Some(request.naming_context.clone()),
            from: request.from,
            prefixes: Numbers::get().table().clone(),
            ..ChangesReply::default()
        };
        match self.object {
            Some(object) => {
                reply.extended_result = ExtendedResult::SUCCESS;
                reply.objects.extend(self.replicate(object, 0));
                reply.to = request.from;
            }
            None => self.enumerate(request, &mut reply)?,
        }
        Ok(reply)
    }

    fn enumerate(&self, request: &ChangesRequest, reply: &mut ChangesReply) -> Result<(), DrsError> {
        let directory = self.server.directory;
        let ours = directory.identity().invocation_id;
        let position = position(directory, request)?;
        let learned = cursor_of(request, ours);
        let known = position.property_update.max(learned);
        let objects = limit(request.max_objects, MAX_OBJECTS);
        let bytes = limit(request.max_bytes, MAX_ANSWER_BYTES);
        let mut sent = position.object_update;
        let mut size = 0;
        for object in directory
            .database()
            .changed_after(position.object_update.max(learned))
        {
            if reply.objects.len() >= objects || size >= bytes {
                reply.more_data = true;
                break;
            }
            sent = object.usn_changed;
            if directory.database().head_of(object.dnt) != Some(self.head) {
                continue;
            }
            if let Some(replicated) = self.replicate(object, known) {
                size += size_of(&replicated);
                reply.objects.push(replicated);
            }
        }
        if reply.more_data {
            reply.to = UsnVector {
                object_update: sent,
                ..position
            };
        } else {
            let highest = directory.highest_committed_usn();
            reply.to = UsnVector {
                object_update: highest,
                property_update: highest,
                ..position
            };
            reply.up_to_date = Some(up_to_date(request, ours, highest));
        }
        Ok(())
    }

    /// What changed of an object after `known`, or `None` if nothing of it was asked for.
    fn replicate(&self, object: &Object, known: u64) -> Option<ReplicatedObject> {
        let directory = self.server.directory;
        let mut attributes = Vec::new();
        let mut meta_data = Vec::new();
        for (id, stamp) in stamps(object) {
            let def = Schema::get().def(id);
            let wanted = self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&id));
            if stamp.usn <= known || !wanted || !replicates(def) {
                continue;
            }
            let Some(number) = Numbers::get().attribute(id) else {
                continue;
            };
            let values = if def.secret {
                self.secret(object, id, def)
            } else {
                values::of(directory, object, id)
            };
            attributes.push(Attribute { number, values });
            meta_data.push(self.meta_data(object, stamp));
        }
        (!attributes.is_empty()).then(|| ReplicatedObject {
            name: values::name_of(directory, object),
            flags: 0,
            attributes,
            is_nc_prefix: matches!(object.name, Name::Head(_)),
            parent: directory.parent(object).map(|parent| parent.guid),
            meta_data: Some(meta_data),
        })
    }

    /// The database keeps no time of each write, so that of the object's last one stands for it.
    fn meta_data(&self, object: &Object, stamp: Stamp) -> PropertyMetaData {
        PropertyMetaData {
            version: stamp.version,
            changed: object.when_changed.seconds(),
            originating: self.server.directory.identity().invocation_id,
            usn: stamp.usn,
        }
    }

    /// The one value of a secret attribute, encrypted; none where the account has no such secret.
    fn secret(&self, object: &Object, id: AttributeId, def: &AttributeDef) -> Vec<Vec<u8>> {
        let Some(stored) = object.secret(id).filter(|stored| !stored.is_empty()) else {
            return Vec::new();
        };
        let rid = self.server.directory.sid(object).map_or(0, |sid| sid.rid());
        let mut plain = zeroize::Zeroizing::new(Vec::new());
        for value in stored.expose() {
            match <[u8; HASH_BYTES]>::try_from(value) {
                Ok(hash) if HASHES.contains(&def.name) => {
                    plain.extend_from_slice(&secret::encrypt_by_rid(rid, &NtHash::from_bytes(hash)));
                }
                _ => plain.extend_from_slice(value),
            }
        }
        let mut salt = [0; secret::SALT_BYTES];
        self.server.entropy.fill(&mut salt);
        let Ok(value) = secret::seal(self.session_key, salt, &plain, md5);
        vec![value]
    }
}

/// A domain controller's MD5 is its operating system's.
fn md5(parts: &[&[u8]]) -> Result<[u8; 16], Infallible> {
    let digest = parts.iter().fold(Md5::new(), |md5, part| md5.chain_update(part));
    Ok(digest.finalize().into())
}

fn locate<'a>(directory: &'a Directory, name: &DsName) -> Option<&'a Object> {
    if name.guid != Guid::NIL {
        return directory.by_guid(name.guid);
    }
    match &name.sid {
        Some(sid) if name.dn.is_empty() => directory.by_sid(sid),
        _ => directory.by_dn(&name.dn.parse().ok()?),
    }
}

/// The attributes that were asked for by number. Numbers that mean nothing here ask for nothing.
fn wanted(request: &ChangesRequest) -> Option<BTreeSet<AttributeId>> {
    let numbers = request.attributes.as_ref()?;
    let found = numbers
        .iter()
        .filter_map(|number| Schema::get().attribute(&request.prefixes.oid(*number)?));
    Some(found.collect())
}

fn replicates(def: &AttributeDef) -> bool {
    !def.is_constructed() && !def.is_local() && def.link_id == 0
}

/// Where the enumeration stands. Numbers of another database are not believed: it begins anew then.
fn position(directory: &Directory, request: &ChangesRequest) -> Result<UsnVector, DrsError> {
    if request.invocation_id != directory.identity().invocation_id {
        return Ok(UsnVector::default());
    }
    let UsnVector {
        object_update,
        property_update,
        ..
    } = request.from;
    // USNs ahead of ours: this database was put back to an earlier state.
    if object_update > directory.highest_committed_usn() || property_update > object_update {
        return Err(DrsError::DRA_INVALID_PARAMETER);
    }
    Ok(request.from)
}

/// What the client learned of our writes, from us or from others.
fn cursor_of(request: &ChangesRequest, database: Guid) -> u64 {
    let cursors = request.up_to_date.iter().flatten();
    let ours = cursors.filter(|cursor| cursor.invocation_id == database);
    ours.map(|cursor| cursor.usn).max().unwrap_or(0)
}

/// What the client knows once it has read to the end.
fn up_to_date(request: &ChangesRequest, database: Guid, highest: u64) -> Vec<UpToDateCursor> {
    let known = request.up_to_date.iter().flatten().copied();
    let mut cursors: Vec<_> = known
        .filter(|cursor| cursor.invocation_id != database)
        .take(provlab_protocol::drsuapi::MAX_CURSORS - 1)
        .collect();
    cursors.push(UpToDateCursor {
        invocation_id: database,
        usn: highest,
    });
    cursors
}

fn limit(asked: u32, most: usize) -> usize {
    match usize::try_from(asked).unwrap_or(most) {
        0 => most,
        asked => asked.min(most),
    }
}

/// Every attribute ever written, and those that follow from the row itself, with the stamp of the last write.
fn stamps(object: &Object) -> impl Iterator<Item = (AttributeId, Stamp)> {
    let known = &Schema::get().known;
    let naming = match &object.name {
        Name::Child { attribute, .. } => Some(*attribute),
        Name::Head(_) => None,
    };
    let of_name = naming
        .into_iter()
        .chain([known.name])
        .chain(object.deleted.then_some(known.is_deleted))
        .map(|id| (id, object.name_stamp));
    let created = Stamp {
        usn: object.usn_created,
        version: 1,
    };
    object
        .slots()
        .iter()
        .map(|slot| (slot.attribute, slot.stamp))
        .chain(of_name)
        .chain([(known.created, created)])
}

/// About how many bytes an object takes on the wire.
fn size_of(object: &ReplicatedObject) -> usize {
    let values = object.attributes.iter().flat_map(|attribute| &attribute.values);
    OBJECT_BYTES + 2 * object.name.dn.len() + values.map(|value| VALUE_BYTES + value.len()).sum::<usize>()
}
