//! What a cycle writes, and what it does not.

use super::directory::Entry;
use super::*;
use provlab_protocol::scim::MAX_MEMBER_CHANGES;

#[test]
fn a_group_gets_the_default_mappings_and_its_synchronized_members() {
    let mut lab = Lab::started();
    lab.put_synchronized(1);
    lab.put_synchronized(2);
    lab.write(|txn, _, now| {
        txn.put(User::new(TENANT, user(3), "cloud@contoso.com", now));
    });
    lab.put_group(
        1,
        "  Sales in Europe, the Middle East and Africa: everybody who sells there ",
        &[user(1), user(2), user(3)],
    );
    lab.change_group(1, |group| {
        group.description = Some("  People who sell ".to_owned());
    });
    lab.cycle();
    let id = group(1);
    let found = lab.directory.group(id).unwrap();
    let tail = &id.to_string()[24..];
    assert_eq!(
        found.name,
        format!("Sales in Europe, the Middle East and Africa: everyb_{tail}")
    );
    assert_eq!(found.name.chars().count(), 64);
    assert_eq!(found.parent, CONTAINER);
    let key = vec![format!("Group_{id}")];
    assert_eq!(found.attributes["adminDescription"], key);
    assert_eq!(found.attributes["description"], ["People who sell"]);
    assert_eq!(
        found.attributes["displayName"],
        ["  Sales in Europe, the Middle East and Africa: everybody who sells there "]
    );
    assert_eq!(found.attributes.len(), 3);
    assert_eq!(found.members, set([account(1), account(2)]));
    assert_eq!(lab.asked.len(), 1);
    let name = lab.row(id).unwrap().name;
    assert_eq!(lab.exports(), [("create", name)]);
    let job = lab.job();
    assert_eq!(job.synchronized["Group to group"], 1);
    assert_eq!(job.schedule.interval_seconds, 20 * MINUTES);
    let execution = job.last_successful_execution.unwrap();
    assert_eq!(
        (execution.imported, execution.exported, execution.entitled),
        (1, 1, 1)
    );
    let logged = lab
        .db
        .read(|cloud| cloud.provisioning_log.of(TENANT).last().cloned().unwrap());
    assert_eq!(logged.source.id, id.to_string());
    assert_eq!(logged.target.id, lab.directory.guid(id).unwrap().to_string());
    let members = logged
        .modified
        .iter()
        .find(|property| property.name == "member")
        .unwrap();
    assert_eq!(members.new.as_deref(), Some("2 added"));
    let export = logged.steps.last().unwrap();
    assert_eq!(export.details[0].0, user(3).to_string());
}

#[test]
fn nothing_that_did_not_change_is_written() {
    let mut lab = Lab::started();
    lab.put_synchronized(1);
    for number in 1..=3 {
        lab.put_group(number, &format!("Group {number}"), &[user(1)]);
    }
    lab.cycle();
    assert_eq!(lab.directory.changes, 3);
    for scope in ["", "Watermark"] {
        lab.cycle();
        assert!(lab.asked.is_empty(), "{:?}", lab.asked);
        lab.restart(scope);
        lab.cycle();
        assert!(lab.asked.is_empty(), "{:?}", lab.asked);
    }
    // A change that no mapping looks at.
    lab.change_group(2, |group| group.mail_nickname = Some("two".to_owned()));
    lab.change_user(1, |user| user.display_name = Some("One".to_owned()));
    lab.cycle();
    assert!(lab.asked.is_empty(), "{:?}", lab.asked);
    assert_eq!((lab.directory.changes, lab.directory.idle), (3, 0));
}

#[test]
fn changes_follow_with_their_own_size() {
    let mut lab = Lab::started();
    for number in 1..=4 {
        lab.put_synchronized(number);
    }
    lab.put_group(1, "Sales", &[user(1), user(2)]);
    lab.put_group(2, "Marketing", &[user(1)]);
    lab.cycle();
    lab.put_group(1, "Sales", &[user(2), user(3)]);
    lab.cycle();
    let [put] = lab.puts()[..] else {
        panic!("{:?}", lab.asked)
    };
    assert_eq!(
        (put.members_added.as_slice(), put.members_removed.as_slice()),
        (&[account(3)][..], &[account(1)][..])
    );
    assert_eq!(put.id, lab.directory.guid(group(1)));
    lab.put_group(1, "Sales EMEA", &[user(2), user(3)]);
    lab.cycle();
    let [put] = lab.puts()[..] else {
        panic!("{:?}", lab.asked)
    };
    assert!(put.members_added.is_empty() && put.members_removed.is_empty());
    assert!(
        lab.directory
            .group(group(1))
            .unwrap()
            .name
            .starts_with("Sales EMEA_")
    );
    assert_eq!(lab.exports(), [("update", "Sales EMEA".to_owned())]);
    let logged = lab
        .db
        .read(|cloud| cloud.provisioning_log.of(TENANT).last().cloned().unwrap());
    let display_name = logged
        .modified
        .iter()
        .find(|property| property.name == "displayName")
        .unwrap();
    assert_eq!(display_name.old.as_deref(), Some("Sales"));
    assert_eq!(display_name.new.as_deref(), Some("Sales EMEA"));
}

#[test]
fn an_account_that_comes_late_or_goes_is_followed() {
    let mut lab = Lab::started();
    lab.write(|txn, _, now| {
        txn.put(User::new(TENANT, user(1), "u1@contoso.com", now));
    });
    lab.put_group(1, "Sales", &[user(1)]);
    lab.cycle();
    assert!(lab.members(1).is_empty());
    // Synchronization takes the cloud's user over.
    lab.put_synchronized(1);
    lab.cycle();
    assert_eq!(lab.members(1), set([account(1)]));
    lab.change_user(1, |user| user.deleted = Some(START));
    lab.cycle();
    assert!(lab.members(1).is_empty());
    lab.change_user(1, |user| user.deleted = None);
    lab.cycle();
    assert_eq!(lab.members(1), set([account(1)]));
    // Another domain's account is no member here.
    lab.change_user(1, |user| {
        user.on_premises.as_mut().unwrap().domain_name = Some("fabrikam.com".to_owned());
    });
    lab.cycle();
    assert!(lab.members(1).is_empty());
}

#[test]
fn an_account_is_found_by_the_link_of_the_inbound_job_before_its_anchor() {
    let mut lab = Lab::started();
    lab.put_synchronized(1);
    lab.put_group(1, "Sales", &[user(1)]);
    // The anchor is a ConsistencyGuid; the object has another objectGUID.
    lab.directory.people.insert(account(99));
    lab.write(|txn, _, _| {
        let record = crate::engine::SourceRecord {
            tenant: TENANT,
            job: "AD2AADProvisioning.1".to_owned(),
            guid: account(99),
            kind: crate::engine::ObjectKind::User,
            generation: 1,
            attributes: std::collections::BTreeMap::new(),
            deleted: false,
            inet_org_person: false,
            in_scope: true,
            dirty: false,
            staged_delete: None,
            target: Some(crate::engine::TargetLink {
                id: user(1),
                anchor: STANDARD.encode(account(1).to_bytes_le()),
                names: None,
            }),
            escrow: None,
            conflict_retry: None,
        };
        txn.put(record);
    });
    lab.cycle();
    assert_eq!(lab.members(1), set([account(99)]));
    // When the inbound job is deleted, who is resolved stays resolved.
    lab.write(|txn, _, _| {
        txn.remove::<crate::engine::SourceRecord>(TENANT, &format!("AD2AADProvisioning.1/{}", account(99)))
    });
    lab.change_user(1, |user| user.display_name = Some("One".to_owned()));
    lab.change_group(1, |group| group.description = Some("Again".to_owned()));
    lab.cycle();
    assert_eq!(lab.members(1), set([account(99)]));
}

#[test]
fn a_member_that_the_domain_does_not_have_is_tried_again_with_the_next_change() {
    let mut lab = Lab::started();
    lab.put_synchronized(1);
    lab.put_synchronized(2);
    lab.directory.people.clear();
    lab.put_group(1, "Sales", &[user(1), user(2)]);
    lab.cycle();
    assert!(lab.members(1).is_empty());
    lab.cycle();
    assert!(lab.asked.is_empty(), "{:?}", lab.asked);
    lab.directory.people.extend([account(1), account(2)]);
    lab.change_group(1, |group| group.description = Some("Again".to_owned()));
    lab.cycle();
    assert_eq!(lab.members(1), set([account(1), account(2)]));
}

#[test]
fn a_nested_group_is_a_member_once_both_are_provisioned() {
    let mut lab = Lab::started();
    lab.put_group(1, "Outer", &[group(2), group(3), group(4)]);
    lab.put_group(2, "Inner", &[]);
    lab.put_group(3, "Mailing list", &[]);
    lab.change_group(3, |group| group.mail_enabled = true);
    // A group that is synchronized from the directory: references to it are not provisioned.
    lab.put_group(4, "From the directory", &[]);
    lab.change_group(4, |group| {
        group.on_premises = Some(OnPremises {
            immutable_id: Some(STANDARD.encode(account(40).to_bytes_le())),
            domain_name: Some(DOMAIN.to_owned()),
            ..OnPremises::new()
        });
    });
    lab.directory.people.insert(account(40));
    lab.cycle();
    let inner = lab.directory.guid(group(2)).unwrap();
    assert_eq!(lab.members(1), set([inner]));
    assert!(lab.directory.group(group(3)).is_none() && lab.directory.group(group(4)).is_none());
    // It leaves the scope: the reference goes, and then the group.
    lab.change_group(2, |group| group.mail_enabled = true);
    lab.cycle();
    assert!(lab.members(1).is_empty());
    assert!(lab.directory.group(group(2)).is_none());
    lab.cycle();
    assert!(lab.asked.is_empty(), "{:?}", lab.asked);
}

#[test]
fn a_large_group_goes_in_pages_and_every_page_is_within_the_limit() {
    let mut lab = Lab::started();
    let count = 2 * MAX_MEMBER_CHANGES as u128 + 500;
    (1..=count).for_each(|number| lab.put_synchronized(number));
    let all: Vec<Uuid> = (1..=count).map(user).collect();
    lab.put_group(1, "Everybody", &all);
    lab.cycle();
    let sizes: Vec<usize> = lab.puts().iter().map(|put| put.members_added.len()).collect();
    assert_eq!(sizes, [MAX_MEMBER_CHANGES, MAX_MEMBER_CHANGES, 500]);
    assert_eq!(lab.members(1).len(), all.len());
    assert_eq!(lab.exports(), [("create", "Everybody".to_owned())]);
    // Half of them leave and one comes.
    lab.put_synchronized(count + 1);
    let mut rest = all[all.len() / 2..].to_vec();
    rest.push(user(count + 1));
    lab.put_group(1, "Everybody", &rest);
    lab.cycle();
    assert_eq!(lab.puts().len(), 2);
    assert_eq!(lab.members(1).len(), rest.len());
}

#[test]
fn a_group_of_before_is_taken_over_with_exactly_the_clouds_members() {
    let mut lab = Lab::started();
    for number in 1..=3 {
        lab.put_synchronized(number);
    }
    // Converted to the cloud: its anchor is the group in the directory.
    let former = lab.directory.add(Entry {
        name: "Sales".to_owned(),
        members: set([account(1), account(2)]),
        ..Entry::default()
    });
    lab.put_group(1, "Sales", &[user(2), user(3)]);
    lab.change_group(1, |group| {
        group.on_premises = Some(OnPremises {
            sync_enabled: false,
            immutable_id: Some(STANDARD.encode(former.to_bytes_le())),
            ..OnPremises::new()
        });
    });
    lab.cycle();
    assert_eq!(lab.directory.guid(group(1)), Some(former));
    assert_eq!(lab.members(1), set([account(2), account(3)]));
    // Somebody deletes it there; with the next change it is made anew, with everybody.
    lab.directory.groups.clear();
    lab.change_group(1, |group| group.description = Some("Again".to_owned()));
    lab.cycle();
    assert_ne!(lab.directory.guid(group(1)), Some(former));
    assert_eq!(lab.members(1), set([account(2), account(3)]));
}

#[test]
fn what_was_forgotten_is_read_and_not_written_again() {
    let mut lab = Lab::started();
    let count = 30;
    (1..=count).for_each(|number| lab.put_synchronized(number));
    lab.put_group(1, "Sales", &(1..=count).map(user).collect::<Vec<_>>());
    lab.cycle();
    lab.directory.people.insert(account(99));
    let guid = lab.directory.guid(group(1)).unwrap();
    lab.directory
        .groups
        .get_mut(&guid)
        .unwrap()
        .members
        .insert(account(99));
    let before = lab.directory.changes;
    lab.restart("Full");
    assert!(lab.row(group(1)).is_none());
    lab.cycle();
    // Only the stranger had to go.
    assert_eq!(lab.directory.changes, before + 1);
    assert_eq!(lab.members(1).len(), count as usize);
    assert_eq!(lab.job().sync.counts.linked[&crate::engine::ObjectKind::Group], 1);
}

#[test]
fn groups_that_are_never_provisioned() {
    let mut lab = Lab::started();
    for number in 1..=4 {
        lab.put_group(number, &format!("Group {number}"), &[]);
    }
    lab.change_group(1, |group| group.security_enabled = false);
    lab.change_group(2, |group| group.mail_enabled = true);
    lab.change_group(3, |group| group.on_premises = Some(OnPremises::new()));
    lab.cycle();
    assert_eq!(lab.directory.groups.len(), 1);
    assert!(lab.directory.group(group(4)).is_some());
    assert_eq!(lab.job().sync.counts.in_scope, 1);
}

#[test]
fn deleting_the_job_leaves_the_directory_alone() {
    let mut lab = Lab::started();
    lab.put_synchronized(1);
    lab.put_group(1, "Sales", &[user(1)]);
    lab.cycle();
    lab.write(|txn, job, _| jobs::delete(txn, TENANT, job).unwrap());
    assert_eq!(lab.members(1), set([account(1)]));
    let rows = lab
        .db
        .read(|cloud| cloud.outbound_groups.count(TENANT) + cloud.outbound_members.count(TENANT));
    assert_eq!(rows, 0);
}
