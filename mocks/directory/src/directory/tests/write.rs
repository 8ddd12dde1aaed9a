use super::*;
use crate::model::LinkKey;

/// A name, attributes, and the code and Win32 error with which adding it is refused.
type Refused = (
    Dn,
    Vec<(&'static str, &'static [&'static str])>,
    ResultCode,
    &'static str,
);

fn code(result: Result<Change, LdapError>) -> (ResultCode, String) {
    let error = result.unwrap_err();
    (error.code, error.diagnostic.chars().take(8).collect())
}

#[test]
fn an_added_user_gets_everything_that_the_system_sets() {
    let mut directory = forest();
    let before = directory.highest_committed_usn();
    let zed = add_user(&mut directory, "CN=Zed,OU=Staff", "zed");
    let entry = read(&directory, &system(), &zed, &["*"]);
    let domain = directory.identity().domain_sid;
    for (name, value) in [
        ("cn", "Zed"),
        ("name", "Zed"),
        ("distinguishedName", "CN=Zed,OU=Staff,DC=contoso,DC=com"),
        ("instanceType", "4"),
        ("sAMAccountName", "zed"),
        ("sAMAccountType", "805306368"),
        ("userAccountControl", "546"),
        ("primaryGroupID", "513"),
        ("pwdLastSet", "0"),
        ("whenCreated", "20240117212000.0Z"),
        (
            "objectCategory",
            "CN=Person,CN=Schema,CN=Configuration,DC=contoso,DC=com",
        ),
        ("uSNCreated", &(before + 1).to_string()),
        ("uSNChanged", &(before + 1).to_string()),
    ] {
        assert_eq!(entry.text(name), Some(value), "{name}");
    }
    let classes = entry.values("objectClass").unwrap();
    assert_eq!(
        classes
            .iter()
            .map(|c| String::from_utf8_lossy(c))
            .collect::<Vec<_>>(),
        ["top", "person", "organizationalPerson", "user"]
    );
    let sid = directory
        .sid(directory.by_sam_account_name("zed").unwrap())
        .unwrap();
    assert_eq!(sid.domain(), Some(domain));
    assert!(sid.rid() >= 1000);
    assert_eq!(entry.values("objectGUID").unwrap()[0].len(), 16);
}

#[test]
fn adds_that_break_a_rule_are_refused_and_change_nothing() {
    let mut directory = forest();
    let before = directory.database().counters();
    let user: (&'static str, &'static [&'static str]) = ("objectClass", &["user"]);
    let staff = |name: &str| under_base(&format!("{name},OU=Staff"));
    let cases: Vec<Refused> = vec![
        (
            under_base("CN=alice,CN=Users"),
            vec![user],
            ResultCode::EntryAlreadyExists,
            "00002071",
        ),
        (
            staff("CN=x"),
            vec![user, ("sAMAccountName", &["ALICE"])],
            ResultCode::EntryAlreadyExists,
            "00000524",
        ),
        (
            staff("CN=x"),
            vec![user, ("userPrincipalName", &["Alice@contoso.com"])],
            ResultCode::ConstraintViolation,
            "000021C8",
        ),
        (
            under_base("CN=x,OU=Nowhere"),
            vec![user],
            ResultCode::NoSuchObject,
            "0000208D",
        ),
        (staff("OU=x"), vec![user], ResultCode::NamingViolation, "00002099"),
        (
            under_base("CN=x,CN=alice,CN=Users"),
            vec![user],
            ResultCode::NamingViolation,
            "00002099",
        ),
        (
            staff("CN=x"),
            vec![("cn", &["x"])],
            ResultCode::ObjectClassViolation,
            "0000207D",
        ),
        (
            staff("CN=x"),
            vec![("objectClass", &["martian"])],
            ResultCode::NoSuchAttribute,
            "00000057",
        ),
        (
            staff("CN=x"),
            vec![("objectClass", &["person", "group", "user"])],
            ResultCode::ObjectClassViolation,
            "0000207D",
        ),
        (
            staff("CN=x"),
            vec![("objectClass", &["top"])],
            ResultCode::UnwillingToPerform,
            "00002035",
        ),
        (
            staff("CN=x"),
            vec![user, ("shoeSize", &["43"])],
            ResultCode::NoSuchAttribute,
            "00000057",
        ),
        (
            staff("CN=x"),
            vec![user, ("member", &[BASE])],
            ResultCode::ObjectClassViolation,
            "0000207D",
        ),
        (
            staff("CN=x"),
            vec![user, ("objectGUID", &["0123456789abcdef"])],
            ResultCode::UnwillingToPerform,
            "00002035",
        ),
        (
            staff("CN=x"),
            vec![user, ("objectSid", &["S-1-5-21-1-2-3-4"])],
            ResultCode::UnwillingToPerform,
            "0000209A",
        ),
        (
            staff("CN=x"),
            vec![user, ("memberOf", &[BASE])],
            ResultCode::UnwillingToPerform,
            "0000209A",
        ),
        (
            staff("CN=x"),
            vec![user, ("sn", &["a", "b"])],
            ResultCode::ConstraintViolation,
            "00002081",
        ),
        (
            staff("CN=x"),
            vec![user, ("countryCode", &["many"])],
            ResultCode::InvalidAttributeSyntax,
            "00000057",
        ),
        (
            staff("CN=x"),
            vec![user, ("c", &["DEUX"])],
            ResultCode::ConstraintViolation,
            "00002082",
        ),
        (
            staff("CN=x"),
            vec![user, ("manager", &["CN=Nobody,DC=contoso,DC=com"])],
            ResultCode::ConstraintViolation,
            "000020B5",
        ),
        (
            staff("CN=x"),
            vec![user, ("manager", &["nonsense"])],
            ResultCode::InvalidDnSyntax,
            "0000208F",
        ),
        (
            staff(&format!("CN={}", "x".repeat(65))),
            vec![user],
            ResultCode::ConstraintViolation,
            "00002082",
        ),
        (
            staff("CN=x"),
            vec![("objectClass", &["classSchema"])],
            ResultCode::NamingViolation,
            "00002099",
        ),
    ];
    for (name, attributes, expected, win32) in cases {
        let Err(error) = add(&mut directory, &name, &attributes) else {
            panic!("{name} {attributes:?} was added");
        };
        let result = code(Err(error));
        assert_eq!(
            (result.0, result.1.as_str()),
            (expected, win32),
            "{name} {attributes:?}"
        );
        assert_eq!(directory.database().counters(), before);
    }
    assert!(add(&mut directory, &staff(&format!("CN={}", "x".repeat(64))), &[user]).is_ok());
}

#[test]
fn names_with_special_characters_survive() {
    let mut directory = forest();
    let name = dn(r"CN=Doe\, \22Jane\22 \+1,OU=Staff,DC=contoso,DC=com");
    add(&mut directory, &name, &[("objectClass", &["contact"])]).unwrap();
    let entry = read(&directory, &system(), &name, &["cn"]);
    assert_eq!(entry.text("cn"), Some("Doe, \"Jane\" +1"));
    assert_eq!(entry.dn.parse::<Dn>().unwrap(), name);
}

#[test]
fn modifications_follow_the_rules_of_values() {
    use ModifyOperation::{Add, Delete, Replace};
    let mut directory = forest();
    let alice = under_base("CN=alice,CN=Users");
    change(
        &mut directory,
        &alice,
        Add,
        "proxyAddresses",
        &["SMTP:a@contoso.com", "smtp:b@contoso.com"],
    )
    .unwrap();
    let twice = code(change(
        &mut directory,
        &alice,
        Add,
        "proxyAddresses",
        &["smtp:A@contoso.com"],
    ));
    assert_eq!(twice, (ResultCode::AttributeOrValueExists, "00002083".to_owned()));
    change(
        &mut directory,
        &alice,
        Delete,
        "proxyAddresses",
        &["SMTP:B@CONTOSO.COM"],
    )
    .unwrap();
    let gone = code(change(
        &mut directory,
        &alice,
        Delete,
        "proxyAddresses",
        &["smtp:b@contoso.com"],
    ));
    assert_eq!(gone, (ResultCode::NoSuchAttribute, "00002085".to_owned()));
    change(&mut directory, &alice, Replace, "proxyAddresses", &[]).unwrap();
    assert_eq!(
        code(change(&mut directory, &alice, Delete, "proxyAddresses", &[])).0,
        ResultCode::NoSuchAttribute
    );
    for (attribute, value, expected) in [
        ("cn", "Alicia", ResultCode::NotAllowedOnRdn),
        ("objectClass", "group", ResultCode::ObjectClassModsProhibited),
        (
            "whenCreated",
            "20240117212000.0Z",
            ResultCode::ConstraintViolation,
        ),
        ("memberOf", BASE, ResultCode::UnwillingToPerform),
        ("canonicalName", "x", ResultCode::ConstraintViolation),
        ("ntPwdHistory", "x", ResultCode::UnwillingToPerform),
        ("member", BASE, ResultCode::ObjectClassViolation),
        ("userPrincipalName", "", ResultCode::InvalidAttributeSyntax),
        ("userPrincipalName", "a@contoso.com", ResultCode::Success),
    ] {
        let result = change(&mut directory, &alice, Replace, attribute, &[value]);
        assert_eq!(
            result.map_or_else(|error| error.code, |_| ResultCode::Success),
            expected,
            "{attribute}"
        );
    }
}

#[test]
fn a_modify_of_several_steps_happens_whole_or_not_at_all() {
    let mut directory = forest();
    let alice = under_base("CN=alice,CN=Users");
    let step = |operation, name: &str, value: &str| Modification {
        operation,
        attribute: Attribute::new(name, &[value]),
    };
    let mut request = ModifyRequest {
        dn: alice,
        modifications: vec![
            step(ModifyOperation::Replace, "title", "Boss"),
            step(ModifyOperation::Add, "manager", BASE),
            step(ModifyOperation::Add, "title", "Second"),
        ],
        permissive: false,
        policy_hints: false,
        sd_flags: None,
    };
    let context = admin(&directory);
    let before = directory.database().iter().cloned().collect::<Vec<_>>();
    assert!(directory.modify(&context, &request).is_err());
    assert!(directory.database().iter().cloned().collect::<Vec<_>>() == before);
    assert_eq!(
        directory
            .database()
            .all_links()
            .filter(|(_, v)| v.present)
            .count(),
        forest().database().link_count()
    );
    request.modifications.pop();
    let change_made = directory.modify(&context, &request).unwrap();
    assert_eq!(change_made.objects().count(), 1);
    directory.revert(change_made);
    assert!(directory.database().iter().cloned().collect::<Vec<_>>() == before);
}

#[test]
fn writing_what_is_there_already_changes_nothing() {
    let mut directory = forest();
    let alice = under_base("CN=alice,CN=Users");
    change(
        &mut directory,
        &alice,
        ModifyOperation::Replace,
        "title",
        &["Boss"],
    )
    .unwrap();
    let usn = directory.highest_committed_usn();
    let again = change(
        &mut directory,
        &alice,
        ModifyOperation::Replace,
        "title",
        &["Boss"],
    )
    .unwrap();
    assert!(again.is_empty());
    assert_eq!(directory.highest_committed_usn(), usn);
    let object = directory.by_dn(&alice).unwrap().dnt;
    let counted = directory
        .update(NOW, object, &[("badPwdCount", vec![b"3".to_vec()])])
        .unwrap();
    assert!(!counted.is_empty());
    assert_eq!(
        directory.highest_committed_usn(),
        usn,
        "what is not replicated takes no USN"
    );
}

#[test]
fn permissive_modify_forgives() {
    let mut directory = forest();
    let alice = under_base("CN=alice,CN=Users");
    let group = add_group(&mut directory, "CN=G,OU=Staff", &[&alice]);
    let again = code(change(
        &mut directory,
        &group,
        ModifyOperation::Add,
        "member",
        &[&alice.to_string()],
    ));
    assert_eq!(again, (ResultCode::EntryAlreadyExists, "00000562".to_owned()));
    let context = admin(&directory);
    let mut request = ModifyRequest::single(
        group.clone(),
        ModifyOperation::Add,
        Attribute::new("member", &[&alice.to_string()]),
    );
    request.permissive = true;
    assert!(directory.modify(&context, &request).unwrap().is_empty());
    change(
        &mut directory,
        &group,
        ModifyOperation::Delete,
        "member",
        &[&alice.to_string()],
    )
    .unwrap();
    let missing = code(change(
        &mut directory,
        &group,
        ModifyOperation::Delete,
        "member",
        &[&alice.to_string()],
    ));
    assert_eq!(missing, (ResultCode::UnwillingToPerform, "00000561".to_owned()));
    request.modifications[0].operation = ModifyOperation::Delete;
    assert!(directory.modify(&context, &request).unwrap().is_empty());
}

#[test]
fn members_by_primary_group_cannot_be_added_again() {
    let mut directory = forest();
    let users = under_base("CN=Domain Users,CN=Users");
    let alice = under_base("CN=alice,CN=Users");
    let refused = code(change(
        &mut directory,
        &users,
        ModifyOperation::Add,
        "member",
        &[&alice.to_string()],
    ));
    assert_eq!(refused.0, ResultCode::EntryAlreadyExists);
    let object = directory.by_dn(&alice).unwrap();
    assert!(
        directory
            .groups_of(object)
            .contains(&directory.by_dn(&users).unwrap().dnt)
    );
}

#[test]
fn links_lead_both_ways_and_follow_renames_and_deletions() {
    let mut directory = forest();
    let alice = under_base("CN=alice,CN=Users");
    let boss = add_user(&mut directory, "CN=Boss,OU=Staff", "boss");
    change(
        &mut directory,
        &alice,
        ModifyOperation::Replace,
        "manager",
        &[&boss.to_string()],
    )
    .unwrap();
    let group = add_group(&mut directory, "CN=G,OU=Staff", &[&alice, &boss]);
    let text = |directory: &Directory, name: &Dn, attribute: &str| {
        read(directory, &system(), name, &[attribute])
            .text(attribute)
            .map(str::to_owned)
    };
    assert_eq!(text(&directory, &boss, "directReports"), Some(alice.to_string()));
    assert_eq!(text(&directory, &alice, "memberOf"), Some(group.to_string()));

    let usn_of_alice = directory.by_dn(&alice).unwrap().usn_changed;
    rename(
        &mut directory,
        &boss,
        "CN=Chief",
        Some(under_base("OU=Paris,OU=Staff")),
    )
    .unwrap();
    let chief = under_base("CN=Chief,OU=Paris,OU=Staff");
    assert_eq!(text(&directory, &alice, "manager"), Some(chief.to_string()));
    assert_eq!(directory.by_dn(&alice).unwrap().usn_changed, usn_of_alice);

    let usn_of_group = directory.by_dn(&group).unwrap().usn_changed;
    delete(&mut directory, &chief, false).unwrap();
    assert_eq!(text(&directory, &alice, "manager"), None);
    let members = read(&directory, &system(), &group, &["member"]);
    assert_eq!(members.values("member").unwrap().len(), 1);
    assert_eq!(directory.by_dn(&group).unwrap().usn_changed, usn_of_group);
}

#[test]
fn a_renamed_container_takes_everything_below_it_along() {
    let mut directory = forest();
    let user = add_user(&mut directory, "CN=Zed,OU=Paris,OU=Staff", "zed");
    let usn = directory.by_dn(&user).unwrap().usn_changed;
    rename(&mut directory, &under_base("OU=Staff"), "OU=People", None).unwrap();
    assert!(directory.by_dn(&user).is_none());
    let moved = directory.by_dn(&under_base("CN=Zed,OU=Paris,OU=People")).unwrap();
    assert_eq!(moved.usn_changed, usn, "a delta does not notice it (CS 2.6)");
}

#[test]
fn renames_that_make_no_sense_are_refused() {
    let mut directory = forest();
    let alice = under_base("CN=alice,CN=Users");
    let staff = under_base("OU=Staff");
    let mut refuse = |name: &Dn, rdn: &str, superior: Option<Dn>| {
        rename(&mut directory, name, rdn, superior).unwrap_err().code
    };
    assert_eq!(refuse(&alice, "OU=alice", None), ResultCode::UnwillingToPerform);
    assert_eq!(refuse(&alice, "alice", None), ResultCode::InvalidDnSyntax);
    assert_eq!(refuse(&alice, "CN=Guest", None), ResultCode::EntryAlreadyExists);
    assert_eq!(
        refuse(&alice, "CN=alice", Some(under_base("OU=None"))),
        ResultCode::Other
    );
    assert_eq!(
        refuse(&staff, "OU=Staff", Some(under_base("OU=Paris,OU=Staff"))),
        ResultCode::UnwillingToPerform
    );
    let configuration = under_base("CN=Services,CN=Configuration");
    assert_eq!(
        refuse(&alice, "CN=alice", Some(configuration)),
        ResultCode::AffectsMultipleDsas
    );
    assert_eq!(
        refuse(&under_base("CN=Users"), "CN=People", None),
        ResultCode::UnwillingToPerform
    );
    assert_eq!(
        refuse(&dn(BASE), "DC=fabrikam", None),
        ResultCode::UnwillingToPerform
    );
    assert!(
        rename(&mut directory, &alice, "CN=ALICE", None).is_ok(),
        "another case is another name"
    );
    assert_eq!(
        directory.dn_text(directory.by_dn(&alice).unwrap()),
        "CN=ALICE,CN=Users,DC=contoso,DC=com"
    );
}

#[test]
fn a_deleted_object_is_a_tombstone_and_its_name_is_free() {
    let mut directory = forest();
    let alice = under_base("CN=alice,CN=Users");
    change(
        &mut directory,
        &alice,
        ModifyOperation::Replace,
        "mail",
        &["alice@contoso.com"],
    )
    .unwrap();
    let guid = directory.by_dn(&alice).unwrap().guid;
    delete(&mut directory, &alice, false).unwrap();
    let tombstone = directory.by_guid(guid).unwrap();
    assert!(tombstone.secrets().next().is_none());
    let name = directory.dn(tombstone);
    assert_eq!(
        name.to_string(),
        format!("CN=alice\\0ADEL:{guid},CN=Deleted Objects,{BASE}")
    );
    let mut request = SearchRequest::new(name, Scope::Base, Filter::everything());
    request.show_deleted = true;
    let entry = directory.search(&system(), &request).unwrap().entries.remove(0);
    assert_eq!(entry.text("isDeleted"), Some("TRUE"));
    assert_eq!(entry.text("lastKnownParent"), Some("CN=Users,DC=contoso,DC=com"));
    assert_eq!(entry.text("sAMAccountName"), Some("alice"));
    assert_eq!(entry.text("userAccountControl"), Some("512"));
    for gone in [
        "mail",
        "displayName",
        "objectCategory",
        "sAMAccountType",
        "userPrincipalName",
        "primaryGroupID",
    ] {
        assert!(entry.values(gone).is_none(), "{gone}");
    }
    add(
        &mut directory,
        &alice,
        &[("objectClass", &["user"]), ("sAMAccountName", &["alice"])],
    )
    .unwrap();
    assert_ne!(directory.by_dn(&alice).unwrap().guid, guid);
    assert_eq!(find(&directory, "(sAMAccountName=alice)").len(), 1);
}

#[test]
fn containers_are_deleted_empty_or_as_a_tree() {
    let mut directory = forest();
    add_user(&mut directory, "CN=Zed,OU=Paris,OU=Staff", "zed");
    let staff = under_base("OU=Staff");
    assert_eq!(
        code(delete(&mut directory, &staff, false)),
        (ResultCode::NotAllowedOnNonLeaf, "00002015".to_owned())
    );
    let change_made = delete(&mut directory, &staff, true).unwrap();
    assert_eq!(change_made.objects().count(), 3);
    assert!(directory.by_dn(&staff).is_none());
    directory.revert(change_made);
    assert!(directory.by_dn(&under_base("CN=Zed,OU=Paris,OU=Staff")).is_some());
    for fixed in ["CN=Users", "CN=System", "CN=Builtin"] {
        assert_eq!(
            delete(&mut directory, &under_base(fixed), true).unwrap_err().code,
            ResultCode::UnwillingToPerform
        );
    }
    for critical in ["CN=Domain Users,CN=Users", "CN=Administrator,CN=Users"] {
        assert_eq!(
            delete(&mut directory, &under_base(critical), false)
                .unwrap_err()
                .code,
            ResultCode::UnwillingToPerform
        );
    }
}

#[test]
fn rights_decide_who_writes() {
    let mut directory = forest();
    let alice = as_account(&directory, "alice");
    let staff = under_base("CN=x,OU=Staff");
    let refused = add_by(&mut directory, &alice, &staff, &[("objectClass", &["user"])]).unwrap_err();
    assert_eq!(refused, LdapError::access_denied());
    let guest = under_base("CN=Guest,CN=Users");
    let request = ModifyRequest::single(
        guest.clone(),
        ModifyOperation::Replace,
        Attribute::new("title", &["x"]),
    );
    assert_eq!(
        directory.modify(&alice, &request).unwrap_err(),
        LdapError::access_denied()
    );
    let request = DeleteRequest {
        dn: under_base("OU=Paris,OU=Staff"),
        tree: false,
    };
    assert_eq!(
        directory.delete(&alice, &request).unwrap_err(),
        LdapError::access_denied()
    );
    let request = RenameRequest {
        dn: guest,
        new_rdn: "CN=Visitor".to_owned(),
        delete_old_rdn: true,
        new_superior: None,
    };
    assert_eq!(
        directory.rename(&alice, &request).unwrap_err(),
        LdapError::access_denied()
    );
}

#[test]
fn old_tombstones_and_their_links_are_collected() {
    use std::time::Duration;
    let mut directory = forest();
    let alice = under_base("CN=alice,CN=Users");
    let group = add_group(&mut directory, "CN=G,OU=Staff", &[&alice]);
    change(
        &mut directory,
        &group,
        ModifyOperation::Delete,
        "member",
        &[&alice.to_string()],
    )
    .unwrap();
    let key = LinkKey {
        source: directory.by_dn(&group).unwrap().dnt,
        attribute: directory.schema().known.member,
        target: directory.by_dn(&alice).unwrap().dnt,
    };
    delete(&mut directory, &alice, false).unwrap();
    assert!(directory.database().link(key).is_some());
    let day = Duration::from_secs(86_400);
    let objects = directory.database().len();
    let kept = directory.collect_garbage(NOW.plus(179 * day), 180 * day);
    assert!(kept.is_empty());
    let collected = directory.collect_garbage(NOW.plus(181 * day), 180 * day);
    assert_eq!(collected.objects().count(), 1);
    assert_eq!(directory.database().len(), objects - 1);
    assert!(directory.database().link(key).is_none());
}
