#![allow(clippy::unwrap_used)]

use provlab_platform::Entropy;
use provlab_protocol::drsuapi::{
    AttrTyp, ChangesReply, ChangesRequest, ContextHandle, ControllerInfoReply, ControllerInfoRequest,
    CrackNamesReply, CrackNamesRequest, DrsError, DsName, ExtendedOperation, ExtendedResult, INFO_LEVEL,
    NameFormat, NameStatus, PrefixTable, ReplicatedObject, ReplicationFlags, UpToDateCursor, UsnVector,
    secret,
};
use provlab_protocol::filetime::FileTime;
use provlab_protocol::guid::Guid;
use provlab_protocol::nt_hash::{NtHash, nt_hash};
use provlab_protocol::rights;
use provlab_protocol::security::{AccessMask, Ace};

use super::*;
use crate::access::Token;
use crate::account::password::updates;
use crate::account::policy::Policy;
use crate::testing::{NOW, PASSWORD, account, forest};

const KEY: [u8; 16] = [9; 16];
const WANTED: [&str; 5] = [
    "1.2.840.113556.1.4.90",
    "1.2.840.113556.1.4.96",
    "1.2.840.113556.1.4.221",
    "1.2.840.113556.1.4.146",
    "2.5.4.0",
];
const UNICODE_PWD: &str = WANTED[0];
const PWD_LAST_SET: &str = WANTED[1];
const SAM_ACCOUNT_NAME: &str = WANTED[2];

fn md5(parts: &[&[u8]]) -> Result<[u8; 16], ()> {
    use md5::{Digest as _, Md5};
    Ok(Md5::digest(parts.concat()).into())
}

/// A request for [`WANTED`] of the domain, from the beginning.
fn request(wanted: &[&str]) -> ChangesRequest {
    let mut prefixes = PrefixTable::default();
    let numbers: Vec<AttrTyp> = wanted.iter().map(|oid| prefixes.add(oid).unwrap()).collect();
    ChangesRequest {
        handle: ContextHandle::default(),
        destination: Guid::NIL,
        invocation_id: Guid::NIL,
        naming_context: DsName::of_dn("DC=contoso,DC=com"),
        from: UsnVector::default(),
        up_to_date: None,
        flags: ReplicationFlags::READER,
        max_objects: 0,
        max_bytes: 0,
        extended_operation: ExtendedOperation::NONE,
        attributes: Some(numbers),
        prefixes,
    }
}

fn ask_as(directory: &Directory, token: &Token, request: &ChangesRequest) -> Result<ChangesReply, DrsError> {
    let entropy = Entropy::seeded(5);
    let server = Server {
        directory,
        now: NOW,
        entropy: &entropy,
        host: "dc1.contoso.com",
    };
    let (stub, _) = server.changes(&request.to_stub(), token, &KEY).unwrap();
    ChangesReply::from_stub(&stub).unwrap()
}

fn ask(directory: &Directory, request: &ChangesRequest) -> Result<ChangesReply, DrsError> {
    ask_as(directory, &Token::system(), request)
}

fn values<'a>(reply: &'a ChangesReply, object: &'a ReplicatedObject, oid: &str) -> Option<&'a [Vec<u8>]> {
    let number = reply.prefixes.find(oid).unwrap();
    let found = object
        .attributes
        .iter()
        .find(|attribute| attribute.number == number);
    found.map(|attribute| attribute.values.as_slice())
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn named<'a>(reply: &'a ChangesReply, name: &str) -> Option<&'a ReplicatedObject> {
    reply
        .objects
        .iter()
        .find(|object| values(reply, object, SAM_ACCOUNT_NAME).is_some_and(|values| values == [utf16(name)]))
}

fn hash_of(reply: &ChangesReply, object: &ReplicatedObject) -> Option<NtHash> {
    let value = values(reply, object, UNICODE_PWD)?.first()?;
    let rid = object.name.sid.unwrap().rid();
    Some(secret::open_hash(&KEY, rid, value, md5).unwrap())
}

fn set_password(directory: &mut Directory, name: &str, password: &str, now: FileTime) {
    let user = account(directory, name);
    let policy = Policy::of(directory, user);
    let (dnt, updates) = (user.dnt, updates(&policy, user, &nt_hash(password), now));
    let _ = directory.update(now, dnt, &updates).unwrap();
}

#[test]
fn a_whole_naming_context_gives_every_password() {
    let directory = forest();
    let reply = ask(&directory, &request(&WANTED)).unwrap();
    assert!(!reply.more_data && reply.extended_result == ExtendedResult::NONE);
    let alice = named(&reply, "alice").unwrap();
    assert_eq!(alice.name.dn, "CN=alice,CN=Users,DC=contoso,DC=com");
    assert_eq!(hash_of(&reply, alice), Some(nt_hash(PASSWORD)));
    let classes: Vec<_> = values(&reply, alice, "2.5.4.0")
        .unwrap()
        .iter()
        .map(|value| {
            reply
                .prefixes
                .oid(AttrTyp(u32::from_le_bytes(value.as_slice().try_into().unwrap())))
                .unwrap()
        })
        .collect();
    // top, person, organizationalPerson, user.
    assert_eq!(classes, ["2.5.6.0", "2.5.6.6", "2.5.6.7", "1.2.840.113556.1.5.9"]);
    let set = values(&reply, alice, PWD_LAST_SET).unwrap()[0].as_slice();
    assert_eq!(
        i64::from_le_bytes(set.try_into().unwrap()),
        directory
            .number(account(&directory, "alice"), "pwdLastSet")
            .unwrap()
    );
    assert_eq!(alice.meta_data.as_ref().unwrap().len(), alice.attributes.len());
    assert!(named(&reply, "HOST1$").is_some());
    let configuration = reply
        .objects
        .iter()
        .find(|object| object.name.dn.contains("CN=Configuration"));
    assert_eq!(configuration, None);
    // An account without a password has no value, and a group has no such attribute with one either.
    let group = named(&reply, "Domain Users").unwrap();
    assert_eq!(hash_of(&reply, group), None);
}

#[test]
fn only_what_changed_after_the_watermark_comes() {
    let mut directory = forest();
    let first = ask(&directory, &request(&WANTED)).unwrap();
    let since = |reply: &ChangesReply| ChangesRequest {
        invocation_id: reply.invocation_id,
        from: reply.to,
        up_to_date: reply.up_to_date.clone(),
        ..request(&WANTED)
    };
    assert_eq!(ask(&directory, &since(&first)).unwrap().objects, []);
    let later = NOW.plus_ticks(10_000_000);
    set_password(&mut directory, "alice", "Another-2026", later);
    // A change of nothing that was asked for.
    let alice = account(&directory, "alice").dnt;
    let bob = account(&directory, "Administrator").dnt;
    let _ = directory
        .update(later, bob, &[("description", vec![b"x".to_vec()])])
        .unwrap();
    let second = ask(&directory, &since(&first)).unwrap();
    let [object] = second.objects.as_slice() else {
        unreachable!("one object changed: {:?}", second.objects);
    };
    assert_eq!(object.name.guid, directory.get(alice).unwrap().guid);
    assert_eq!(object.attributes.len(), 2);
    assert_eq!(hash_of(&second, object), Some(nt_hash("Another-2026")));
    assert_eq!(values(&second, object, SAM_ACCOUNT_NAME), None);
    // Asked again with the old watermark it is told again.
    assert_eq!(ask(&directory, &since(&first)).unwrap().objects.len(), 1);
    assert_eq!(ask(&directory, &since(&second)).unwrap().objects, []);
}

#[test]
fn pages_lose_nothing_while_objects_change() {
    let mut directory = forest();
    let mut next = ChangesRequest {
        max_objects: 3,
        ..request(&WANTED)
    };
    let mut seen = std::collections::BTreeMap::new();
    for round in 0.. {
        let reply = ask(&directory, &next).unwrap();
        assert!(reply.objects.len() <= 3);
        for object in &reply.objects {
            if let Some(hash) = hash_of(&reply, object) {
                seen.insert(object.name.dn.clone(), hash);
            }
        }
        if round == 1 {
            // Alice moves behind everything else.
            set_password(&mut directory, "alice", "Another-2026", NOW);
        }
        if !reply.more_data {
            assert!(reply.up_to_date.is_some());
            break;
        }
        assert_eq!(reply.up_to_date, None);
        next.invocation_id = reply.invocation_id;
        next.from = reply.to;
    }
    assert_eq!(
        seen["CN=alice,CN=Users,DC=contoso,DC=com"],
        nt_hash("Another-2026")
    );
    assert!(seen.contains_key("CN=Administrator,CN=Users,DC=contoso,DC=com"));
}

#[test]
fn another_database_begins_anew_but_for_what_is_known() {
    let directory = forest();
    let ours = directory.identity().invocation_id;
    let highest = directory.highest_committed_usn();
    let ahead = UsnVector {
        object_update: highest + 1,
        reserved: 0,
        property_update: 0,
    };
    let foreign = ChangesRequest {
        invocation_id: Guid::from_u128(1),
        from: ahead,
        ..request(&WANTED)
    };
    assert!(named(&ask(&directory, &foreign).unwrap(), "alice").is_some());
    let informed = ChangesRequest {
        up_to_date: Some(vec![UpToDateCursor {
            invocation_id: ours,
            usn: highest,
        }]),
        ..foreign.clone()
    };
    assert_eq!(ask(&directory, &informed).unwrap().objects, []);
    // Our own numbers from the future: this database was put back.
    let rolled_back = ChangesRequest {
        invocation_id: ours,
        ..foreign
    };
    assert_eq!(
        ask(&directory, &rolled_back),
        Err(DrsError::DRA_INVALID_PARAMETER)
    );
}

#[test]
fn one_object_comes_whole() {
    let directory = forest();
    let alice = account(&directory, "alice");
    let sid = directory.sid(alice);
    for name in [
        DsName::of_guid(alice.guid),
        DsName::of_dn("CN=alice,CN=Users,DC=contoso,DC=com"),
        DsName {
            sid,
            ..DsName::default()
        },
    ] {
        let one = ChangesRequest {
            naming_context: name,
            extended_operation: ExtendedOperation::REPLICATE_OBJECT,
            ..request(&WANTED)
        };
        let reply = ask(&directory, &one).unwrap();
        assert_eq!(reply.extended_result, ExtendedResult::SUCCESS);
        assert_eq!(reply.objects.len(), 1);
        assert_eq!(hash_of(&reply, &reply.objects[0]), Some(nt_hash(PASSWORD)));
    }
}

#[test]
fn errors_are_those_of_replication() {
    let directory = forest();
    let with = |name: DsName, operation| {
        let request = ChangesRequest {
            naming_context: name,
            extended_operation: operation,
            ..request(&WANTED)
        };
        ask(&directory, &request).unwrap_err()
    };
    let (nc, object) = (ExtendedOperation::NONE, ExtendedOperation::REPLICATE_OBJECT);
    let users = || DsName::of_dn("CN=Users,DC=contoso,DC=com");
    assert_eq!(with(users(), nc), DrsError::DRA_BAD_NC);
    assert_eq!(
        with(DsName::of_dn("CN=nobody,DC=contoso,DC=com"), object),
        DrsError::DRA_BAD_DN
    );
    assert_eq!(with(DsName::of_dn("not a name"), nc), DrsError::DRA_BAD_DN);
    assert_eq!(
        with(DsName::of_guid(Guid::from_u128(1)), object),
        DrsError::DRA_BAD_DN
    );
    assert_eq!(
        with(users(), ExtendedOperation::REPLICATE_SECRETS),
        DrsError::DRA_INVALID_PARAMETER
    );
    let mut later = request(&WANTED).to_stub();
    (later[20], later[24]) = (10, 10);
    let entropy = Entropy::seeded(5);
    let server = Server {
        directory: &directory,
        now: NOW,
        entropy: &entropy,
        host: "dc1.contoso.com",
    };
    let (stub, _) = server.changes(&later, &Token::system(), &KEY).unwrap();
    assert_eq!(
        ChangesReply::from_stub(&stub),
        Ok(Err(DrsError::DRA_INVALID_PARAMETER))
    );
}

/// Grants a right on the head of the domain to an account.
fn grant(directory: &mut Directory, name: &str, right: Guid) {
    let sid = directory.sid(account(directory, name)).unwrap();
    let head = directory.by_dn(&directory.identity().domain_dn()).unwrap();
    let mut descriptor = crate::access::effective_descriptor(directory, head);
    let ace = Ace {
        object_type: Some(right),
        ..Ace::allow(sid, AccessMask::CONTROL_ACCESS)
    };
    descriptor.add_ace(ace);
    let bytes = crate::access::explicit_part(descriptor).to_bytes().unwrap();
    let dnt = head.dnt;
    let _ = directory
        .update(NOW, dnt, &[("nTSecurityDescriptor", vec![bytes])])
        .unwrap();
}

#[test]
fn secrets_take_both_rights() {
    let mut directory = forest();
    let plain = [SAM_ACCOUNT_NAME];
    let as_alice = |directory: &Directory, wanted: Option<&[&str]>| {
        let token = Token::of_account(directory, account(directory, "alice"));
        let mut request = request(wanted.unwrap_or_default());
        if wanted.is_none() {
            request.attributes = None;
        }
        ask_as(directory, &token, &request).map(|reply| reply.objects.len() > 3)
    };
    let denied = Err(DrsError::DRA_ACCESS_DENIED);
    assert_eq!(as_alice(&directory, Some(&plain)), denied);
    grant(&mut directory, "alice", rights::DS_REPLICATION_GET_CHANGES);
    assert_eq!(as_alice(&directory, Some(&plain)), Ok(true));
    assert_eq!(as_alice(&directory, Some(&WANTED)), denied);
    assert_eq!(as_alice(&directory, None), denied);
    grant(&mut directory, "alice", rights::DS_REPLICATION_GET_CHANGES_ALL);
    assert_eq!(as_alice(&directory, Some(&WANTED)), Ok(true));
    assert_eq!(as_alice(&directory, None), Ok(true));
    let mut only_secrets = forest();
    grant(&mut only_secrets, "alice", rights::DS_REPLICATION_GET_CHANGES_ALL);
    assert_eq!(as_alice(&only_secrets, Some(&WANTED)), denied);
}

#[test]
fn a_deleted_account_has_no_password() {
    let mut directory = forest();
    let alice = account(&directory, "alice");
    let (guid, dn) = (alice.guid, directory.dn(alice));
    let delete = crate::model::DeleteRequest { dn, tree: false };
    let context = crate::testing::context(Token::system(), NOW);
    let _ = directory.delete(&context, &delete).unwrap();
    let one = ChangesRequest {
        naming_context: DsName::of_guid(guid),
        extended_operation: ExtendedOperation::REPLICATE_OBJECT,
        ..request(&[UNICODE_PWD, "1.2.840.113556.1.2.48"])
    };
    let reply = ask(&directory, &one).unwrap();
    assert_eq!(hash_of(&reply, &reply.objects[0]), None);
    let deleted = values(&reply, &reply.objects[0], "1.2.840.113556.1.2.48").unwrap();
    assert_eq!(deleted, [vec![1, 0, 0, 0]]);
}

#[test]
fn controllers_and_names_are_told() {
    let directory = forest();
    let entropy = Entropy::seeded(5);
    let server = Server {
        directory: &directory,
        now: NOW,
        entropy: &entropy,
        host: "dc1.contoso.com",
    };
    let info = |domain: &str, level| {
        let request = ControllerInfoRequest {
            handle: ContextHandle::default(),
            domain: domain.to_owned(),
            level,
        };
        ControllerInfoReply::from_stub(&server.controller_info(&request.to_stub()).unwrap()).unwrap()
    };
    for domain in ["contoso.com", "CONTOSO"] {
        let found = info(domain, INFO_LEVEL);
        assert_eq!(found.result, DrsError::SUCCESS);
        let [first] = found.controllers.as_slice() else {
            unreachable!("the forest has one domain controller");
        };
        assert_eq!(first.dns_host_name.as_deref(), Some("dc1.contoso.com"));
        assert!(first.computer_object.is_some());
        for guid in [
            first.site_guid,
            first.computer_guid,
            first.server_guid,
            first.ntds_dsa_guid,
        ] {
            assert_ne!(guid, Guid::NIL);
        }
        let reply = ask(&directory, &request(&WANTED)).unwrap();
        assert_eq!(reply.source, first.ntds_dsa_guid);
    }
    assert_eq!(info("fabrikam.com", INFO_LEVEL).result, DrsError(8333));
    assert_eq!(info("contoso.com", 1).result, DrsError::INVALID_PARAMETER);

    let crack = |offered, desired, name: &str| {
        let request = CrackNamesRequest {
            handle: ContextHandle::default(),
            offered,
            desired,
            names: vec![name.to_owned()],
        };
        let reply = CrackNamesReply::from_stub(&server.crack_names(&request.to_stub()).unwrap()).unwrap();
        reply.names[0].clone()
    };
    let alice = account(&directory, "alice");
    for (offered, name) in [
        (NameFormat::NT4_ACCOUNT, "CONTOSO\\alice"),
        (NameFormat::NT4_ACCOUNT_SANS_DOMAIN, "alice"),
        (NameFormat::UNKNOWN, "alice@contoso.com"),
    ] {
        let found = crack(offered, NameFormat::UNIQUE_ID, name);
        assert_eq!(found.name, Some(format!("{{{}}}", alice.guid)));
        assert_eq!(found.domain.as_deref(), Some("contoso.com"));
    }
    let unknown = crack(NameFormat::NT4_ACCOUNT, NameFormat::FQDN_1779, "CONTOSO\\nobody");
    assert_eq!(unknown.status, NameStatus::NOT_FOUND);
}
