use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use provlab_platform::{MemoryStore, Store};
use provlab_protocol::dirsync::{DirSyncCookie, DirSyncFlags};

use super::*;
use crate::model::{DirSyncQuery, SearchOutcome};

struct Client {
    flags: DirSyncFlags,
    filter: &'static str,
    attributes: Vec<String>,
    max_bytes: u32,
    cookie: Vec<u8>,
}

impl Client {
    fn new() -> Self {
        Self {
            flags: DirSyncFlags::ANCESTORS_FIRST_ORDER | DirSyncFlags::INCREMENTAL_VALUES,
            filter: "(|(objectClass=user)(objectClass=group))",
            attributes: Vec::new(),
            max_bytes: 0,
            cookie: Vec::new(),
        }
    }

    fn request(&self) -> SearchRequest {
        let mut request = SearchRequest::new(dn(BASE), Scope::Subtree, self.filter.parse().unwrap());
        request.attributes.clone_from(&self.attributes);
        request.dir_sync = Some(DirSyncQuery {
            flags: self.flags,
            max_bytes: self.max_bytes,
            cookie: self.cookie.clone(),
        });
        request
    }

    fn page(&mut self, directory: &Directory) -> (SearchOutcome, bool) {
        let outcome = directory.search(&system(), &self.request()).unwrap();
        let answer = outcome.dir_sync.clone().unwrap();
        self.cookie = answer.cookie;
        (outcome, answer.more_results)
    }

    fn poll(&mut self, directory: &Directory) -> Vec<Entry> {
        let mut entries = Vec::new();
        loop {
            let (outcome, more) = self.page(directory);
            entries.extend(outcome.entries);
            if !more {
                return entries;
            }
        }
    }
}

fn described(entry: &Entry) -> Vec<&str> {
    entry.attributes.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn a_first_poll_enumerates_and_a_second_finds_nothing() {
    let directory = populated(40);
    let mut client = Client::new();
    let first = client.poll(&directory);
    let all = find(&directory, client.filter);
    assert_eq!(
        names(&first).into_iter().collect::<BTreeSet<_>>(),
        names(&all).into_iter().collect()
    );
    assert!(client.poll(&directory).is_empty());
    let cookie = DirSyncCookie::from_bytes(&client.cookie).unwrap();
    assert_eq!(cookie.invocation_id, directory.identity().invocation_id);
    assert_eq!(
        cookie.high_water_mark.highest_usn,
        directory.highest_committed_usn()
    );
}

#[test]
fn only_what_changed_is_returned() {
    let mut directory = forest();
    let mut client = Client::new();
    client.poll(&directory);
    let alice = under_base("CN=alice,CN=Users");
    change(
        &mut directory,
        &alice,
        ModifyOperation::Replace,
        "title",
        &["Boss"],
    )
    .unwrap();
    let delta = client.poll(&directory);
    assert_eq!(delta.len(), 1);
    assert_eq!(described(&delta[0]), ["title", "objectGUID", "instanceType"]);
    assert_eq!(delta[0].text("title"), Some("Boss"));

    change(&mut directory, &alice, ModifyOperation::Delete, "title", &[]).unwrap();
    let delta = client.poll(&directory);
    assert_eq!(
        delta[0].values("title"),
        Some(&[][..]),
        "a cleared attribute has no values"
    );

    rename(&mut directory, &alice, "CN=Alicia", Some(under_base("OU=Staff"))).unwrap();
    let delta = client.poll(&directory);
    assert_eq!(delta[0].dn, "CN=Alicia,OU=Staff,DC=contoso,DC=com");
    assert_eq!(
        described(&delta[0]),
        ["cn", "name", "objectGUID", "instanceType", "parentGUID"]
    );
}

#[test]
fn unselected_changes_are_left_out() {
    let mut directory = forest();
    let mut client = Client::new();
    client.attributes = vec!["mail".to_owned(), "member".to_owned()];
    client.poll(&directory);
    let alice = under_base("CN=alice,CN=Users");
    change(
        &mut directory,
        &alice,
        ModifyOperation::Replace,
        "title",
        &["Boss"],
    )
    .unwrap();
    assert!(client.poll(&directory).is_empty());
    change(
        &mut directory,
        &alice,
        ModifyOperation::Replace,
        "mail",
        &["a@contoso.com"],
    )
    .unwrap();
    assert_eq!(client.poll(&directory)[0].text("mail"), Some("a@contoso.com"));
}

#[test]
fn links_come_as_deltas_or_whole() {
    let mut directory = forest();
    let alice = under_base("CN=alice,CN=Users");
    let bob = add_user(&mut directory, "CN=Bob,OU=Staff", "bob");
    let group = add_group(&mut directory, "CN=G,OU=Staff", &[&alice]);
    let mut deltas = Client::new();
    let mut whole = Client::new();
    whole.flags = DirSyncFlags::default();
    deltas.poll(&directory);
    whole.poll(&directory);
    change(
        &mut directory,
        &group,
        ModifyOperation::Add,
        "member",
        &[&bob.to_string()],
    )
    .unwrap();
    change(
        &mut directory,
        &group,
        ModifyOperation::Delete,
        "member",
        &[&alice.to_string()],
    )
    .unwrap();
    let delta = deltas.poll(&directory);
    assert_eq!(delta[0].text("member;range=1-1"), Some(bob.to_string().as_str()));
    assert_eq!(
        delta[0].text("member;range=0-0"),
        Some(alice.to_string().as_str())
    );
    let delta = whole.poll(&directory);
    assert_eq!(delta[0].values("member").unwrap().len(), 1);
    change(&mut directory, &group, ModifyOperation::Replace, "member", &[]).unwrap();
    assert_eq!(whole.poll(&directory)[0].values("member"), Some(&[][..]));
    // A client that comes later has no use for values that are gone.
    let group_entry = Client::new()
        .poll(&directory)
        .into_iter()
        .find(|entry| entry.dn == group.to_string())
        .unwrap();
    assert!(
        !described(&group_entry)
            .iter()
            .any(|name| name.starts_with("member"))
    );
}

#[test]
fn deletions_arrive_as_tombstones() {
    let mut directory = forest();
    let mut client = Client::new();
    client.poll(&directory);
    let guid = directory.by_sam_account_name("alice").unwrap().guid;
    delete(&mut directory, &under_base("CN=alice,CN=Users"), false).unwrap();
    let delta = client.poll(&directory);
    assert_eq!(delta.len(), 1);
    assert_eq!(delta[0].text("isDeleted"), Some("TRUE"));
    assert_eq!(
        delta[0].text("lastKnownParent"),
        Some("CN=Users,DC=contoso,DC=com")
    );
    assert_eq!(
        delta[0].values("objectGUID").unwrap()[0].as_ref(),
        guid.to_le_bytes()
    );
}

#[test]
fn secrets_and_local_attributes_stay_here() {
    let mut directory = forest();
    let mut client = Client::new();
    let first = client.poll(&directory);
    let alice = directory.by_sam_account_name("alice").unwrap().dnt;
    let entry = first
        .iter()
        .find(|entry| entry.dn.starts_with("CN=alice,"))
        .unwrap();
    for name in [
        "unicodePwd",
        "ntPwdHistory",
        "supplementalCredentials",
        "badPwdCount",
        "lastLogon",
        "memberOf",
    ] {
        assert!(entry.values(name).is_none(), "{name}");
    }
    assert!(entry.values("pwdLastSet").is_some());
    let _ = directory
        .update(NOW, alice, &[("badPwdCount", vec![b"1".to_vec()])])
        .unwrap();
    assert!(client.poll(&directory).is_empty());
}

#[test]
fn parents_come_before_children() {
    let mut directory = forest();
    add_user(&mut directory, "CN=Zed,OU=Paris,OU=Staff", "zed");
    // The parents are changed after the child.
    change(
        &mut directory,
        &under_base("OU=Paris,OU=Staff"),
        ModifyOperation::Replace,
        "description",
        &["x"],
    )
    .unwrap();
    change(
        &mut directory,
        &under_base("OU=Staff"),
        ModifyOperation::Replace,
        "description",
        &["x"],
    )
    .unwrap();
    let mut client = Client::new();
    client.filter = "(objectClass=*)";
    let entries = client.poll(&directory);
    let place = |name: &str| {
        entries
            .iter()
            .position(|entry| entry.dn.starts_with(name))
            .unwrap()
    };
    assert!(place("OU=Staff") < place("OU=Paris") && place("OU=Paris") < place("CN=Zed"));
}

#[test]
fn pages_hold_what_the_client_allows_and_lose_no_older_change() {
    let mut directory = populated(60);
    let mut client = Client::new();
    client.max_bytes = 4096;
    let (first, more) = client.page(&directory);
    assert!(more && first.entries.len() < 20);
    // Changed in the middle of the enumeration: it has to come with everything, not with the change alone.
    let late = find(&directory, "(employeeID=0000059)").remove(0);
    change(
        &mut directory,
        &dn(&late.dn),
        ModifyOperation::Replace,
        "title",
        &["Late"],
    )
    .unwrap();
    let rest = client.poll(&directory);
    let entry = rest.iter().find(|entry| entry.dn == late.dn).unwrap();
    assert_eq!(
        (entry.text("title"), entry.text("employeeID")),
        (Some("Late"), Some("0000059"))
    );
    assert!(client.poll(&directory).is_empty());
}

#[test]
fn foreign_and_corrupt_cookies_are_refused() {
    let directory = forest();
    let mut client = Client::new();
    client.poll(&directory);
    let good = DirSyncCookie::from_bytes(&client.cookie).unwrap();
    let refused = |cookie: Vec<u8>| {
        let mut client = Client::new();
        client.cookie = cookie;
        directory.search(&system(), &client.request()).unwrap_err().code
    };
    let mut foreign = good.clone();
    foreign.invocation_id = Guid::NIL;
    assert_eq!(refused(foreign.to_bytes()), ResultCode::UnwillingToPerform);
    let mut ahead = good;
    ahead.high_water_mark.tmp_highest_usn += 1;
    assert_eq!(refused(ahead.to_bytes()), ResultCode::UnwillingToPerform);
    assert_eq!(refused(b"MSDS".to_vec()), ResultCode::UnwillingToPerform);
}

#[test]
fn it_takes_the_replication_right_and_a_naming_context() {
    let directory = forest();
    let mut client = Client::new();
    let alice = as_account(&directory, "alice");
    assert_eq!(
        directory.search(&alice, &client.request()).unwrap_err().code,
        ResultCode::InsufficientAccessRights
    );
    assert!(directory.search(&admin(&directory), &client.request()).is_ok());
    client.flags = DirSyncFlags::OBJECT_SECURITY;
    assert!(directory.search(&alice, &client.request()).is_ok());
    let mut request = client.request();
    request.base = under_base("OU=Staff");
    assert_eq!(
        directory.search(&alice, &request).unwrap_err().code,
        ResultCode::UnwillingToPerform
    );
    client.flags = DirSyncFlags::default();
    let mut request = client.request();
    request.base = under_base("OU=Staff");
    assert_eq!(
        directory.search(&admin(&directory), &request).unwrap_err().code,
        ResultCode::InsufficientAccessRights
    );
}

#[test]
fn the_cost_of_a_delta_follows_the_changes() {
    let mut directory = populated(3000);
    let mut client = Client::new();
    client.poll(&directory);
    let alice = under_base("CN=alice,CN=Users");
    change(
        &mut directory,
        &alice,
        ModifyOperation::Replace,
        "title",
        &["Boss"],
    )
    .unwrap();
    let cookie = DirSyncCookie::from_bytes(&client.cookie).unwrap();
    let looked_at = directory
        .database()
        .changed_after(cookie.high_water_mark.highest_usn)
        .count();
    assert_eq!(looked_at, 1);
    assert_eq!(client.poll(&directory).len(), 1);
}

/// A client that keeps a copy by DirSync alone ends up with what a full read shows, whatever happened in between.
#[test]
fn a_copy_kept_by_deltas_equals_the_directory() {
    let mut runner = proptest::test_runner::TestRunner::new(proptest::test_runner::Config {
        cases: 24,
        ..Default::default()
    });
    let step = (0..7u8, 0..6usize, 0..6usize);
    let steps = prop::collection::vec(step, 1..40);
    runner
        .run(&(steps, 1..4usize), |(steps, every)| {
            let mut directory = forest();
            let mut client = Client::new();
            client.max_bytes = 2000;
            let mut copy = Copy::default();
            for (at, (what, one, other)) in steps.into_iter().enumerate() {
                step_once(&mut directory, what, one, other);
                if at % every == 0 {
                    let (page, _) = client.page(&directory);
                    copy.apply(&page.entries);
                }
            }
            copy.apply(&client.poll(&directory));
            prop_assert!(copy.people == truth(&directory));
            Ok(())
        })
        .unwrap();
}

type People = BTreeMap<Vec<u8>, BTreeMap<String, BTreeSet<Vec<u8>>>>;

const WATCHED: [&str; 4] = ["cn", "title", "sAMAccountName", "member"];

#[derive(Default)]
struct Copy {
    people: People,
}

impl Copy {
    fn apply(&mut self, entries: &[Entry]) {
        // Names change without notice, so members are kept by the identity behind the name.
        for entry in entries {
            let id = entry.values("objectGUID").unwrap()[0].to_vec();
            if entry.text("isDeleted") == Some("TRUE") {
                self.people.remove(&id);
                for person in self.people.values_mut() {
                    if let Some(members) = person.get_mut("member") {
                        members.remove(&id);
                    }
                    person.retain(|_, values| !values.is_empty());
                }
                continue;
            }
            let person = self.people.entry(id).or_default();
            for (name, values) in &entry.attributes {
                let values: BTreeSet<Vec<u8>> = values.iter().map(|value| value.to_vec()).collect();
                match name.as_str() {
                    "member;range=1-1" => person.entry("member".to_owned()).or_default().extend(values),
                    "member;range=0-0" => {
                        let members = person.entry("member".to_owned()).or_default();
                        members.retain(|member| !values.contains(member));
                    }
                    known if WATCHED.contains(&known) => {
                        person.insert(known.to_owned(), values);
                    }
                    _ => {}
                }
            }
            person.retain(|_, values| !values.is_empty());
        }
    }
}

fn truth(directory: &Directory) -> People {
    find(directory, "(|(objectClass=user)(objectClass=group))")
        .iter()
        .map(|entry| {
            let id = entry.values("objectGUID").unwrap()[0].to_vec();
            let row = WATCHED
                .iter()
                .filter_map(|name| {
                    Some((
                        (*name).to_owned(),
                        entry.values(name)?.iter().map(|v| v.to_vec()).collect(),
                    ))
                })
                .collect();
            (id, row)
        })
        .collect()
}

/// One of a few things that happen to a few objects; what is not possible does not happen.
fn step_once(directory: &mut Directory, what: u8, one: usize, other: usize) {
    let user = under_base(&format!("CN=u{one},OU=Staff"));
    let group = under_base(&format!("CN=g{other},OU=Staff"));
    let account = format!("u{one}");
    let _ = match what {
        0 => add(
            directory,
            &user,
            &[("objectClass", &["user"]), ("sAMAccountName", &[&account])],
        ),
        1 => add(directory, &group, &[("objectClass", &["group"])]),
        2 => change(
            directory,
            &user,
            ModifyOperation::Replace,
            "title",
            &[&format!("t{other}")],
        ),
        3 => change(directory, &user, ModifyOperation::Replace, "title", &[]),
        4 => change(
            directory,
            &group,
            ModifyOperation::Add,
            "member",
            &[&user.to_string()],
        ),
        5 => change(
            directory,
            &group,
            ModifyOperation::Delete,
            "member",
            &[&user.to_string()],
        ),
        _ => delete(directory, &group, false),
    };
}

#[test]
fn a_restored_domain_controller_refuses_cookies_of_before_and_stays_so() {
    let mut directory = populated(5);
    let mut client = Client::new();
    let everything = names(&client.poll(&directory)).len();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    store.commit(crate::persist::whole(&directory)).unwrap();

    let before = directory.identity().invocation_id;
    let new = Guid::from_le_slice(&[7; 16]).unwrap();
    let change = directory.restored(system().now, new).unwrap();
    assert!(directory.search(&system(), &client.request()).is_err());
    store.commit(crate::persist::batch(&directory, &change)).unwrap();
    let again = crate::persist::load(store.as_ref()).unwrap().unwrap();
    assert_eq!(again.identity().invocation_id, new);
    let settings = again.by_dn(&again.identity().ds_service_name()).unwrap();
    assert_eq!(
        again.values(settings, "invocationId")[0].as_ref(),
        new.to_le_bytes()
    );

    client.cookie.clear();
    assert_eq!(names(&client.poll(&directory)).len(), everything);
    directory.revert(change);
    assert_eq!(directory.identity().invocation_id, before);
}
