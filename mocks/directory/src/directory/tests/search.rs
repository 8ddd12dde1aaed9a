use proptest::prelude::*;

use super::*;
use crate::model::{Cursor, ExtendedDn, PageQuery};

fn people() -> Directory {
    let mut directory = forest();
    for (name, account, surname, logons) in [
        ("Ann", "ann", "Lee", "1"),
        ("Bob", "bob", "Leeson", "5"),
        ("Cid", "cid", "Ray", "10"),
    ] {
        let dn = add_user(&mut directory, &format!("CN={name},OU=Staff"), account);
        change(&mut directory, &dn, ModifyOperation::Replace, "sn", &[surname]).unwrap();
        change(
            &mut directory,
            &dn,
            ModifyOperation::Replace,
            "employeeID",
            &[logons],
        )
        .unwrap();
        change(
            &mut directory,
            &dn,
            ModifyOperation::Replace,
            "msExchRecipientDisplayType",
            &[logons],
        )
        .unwrap();
    }
    directory
}

fn accounts(directory: &Directory, filter: &str) -> Vec<String> {
    find(directory, filter)
        .iter()
        .map(|entry| entry.text("sAMAccountName").unwrap_or("-").to_owned())
        .collect()
}

#[test]
fn filters_compare_by_syntax() {
    let directory = people();
    let staff = |filter: &str| accounts(&directory, &format!("(&(sn=*){filter})"));
    for (filter, expected) in [
        ("(sn=LEE)", vec!["ann"]),
        ("(sn=lee*)", vec!["ann", "bob"]),
        ("(sn=*ee*on)", vec!["bob"]),
        ("(sn~=ray)", vec!["cid"]),
        ("(!(sn=ray))", vec!["ann", "bob"]),
        ("(msExchRecipientDisplayType>=5)", vec!["bob", "cid"]),
        ("(msExchRecipientDisplayType<=5)", vec!["ann", "bob"]),
        ("(|(cn=ann)(cn=cid))", vec!["ann", "cid"]),
        (
            "(msExchRecipientDisplayType:1.2.840.113556.1.4.803:=2)",
            vec!["cid"],
        ),
        (
            "(msExchRecipientDisplayType:1.2.840.113556.1.4.804:=3)",
            vec!["ann", "bob", "cid"],
        ),
        ("(objectCategory=person)", vec!["ann", "bob", "cid"]),
        ("(objectCategory=computer)", vec![]),
        ("(objectClass=organizationalperson)", vec!["ann", "bob", "cid"]),
        ("(anr=lee)", vec!["ann", "bob"]),
        ("(anr==lee)", vec!["ann"]),
        ("(noSuchAttribute=1)", vec![]),
        ("(!(noSuchAttribute=1))", vec![]),
        ("(|(noSuchAttribute=1)(cn=ann))", vec!["ann"]),
        ("(msExchRecipientDisplayType=x)", vec![]),
        ("(&)", vec!["ann", "bob", "cid"]),
    ] {
        assert_eq!(staff(filter), expected, "{filter}");
    }
}

#[test]
fn identifiers_match_as_bytes_and_as_text() {
    let directory = people();
    let ann = directory.by_sam_account_name("ann").unwrap();
    let sid = directory.sid(ann).unwrap();
    for filter in [
        format!("(objectGUID={})", ann.guid.to_ldap_filter()),
        format!("(objectSid={sid})"),
        format!("(objectSid={})", sid.to_ldap_filter()),
        format!("(distinguishedName={})", directory.dn_text(ann)),
    ] {
        assert_eq!(accounts(&directory, &filter), ["ann"], "{filter}");
    }
}

#[test]
fn chains_of_groups_are_followed_and_cycles_end() {
    let mut directory = people();
    let ann = under_base("CN=Ann,OU=Staff");
    let inner = add_group(&mut directory, "CN=Inner,OU=Staff", &[&ann]);
    let outer = add_group(&mut directory, "CN=Outer,OU=Staff", &[&inner]);
    change(
        &mut directory,
        &inner,
        ModifyOperation::Add,
        "member",
        &[&outer.to_string()],
    )
    .unwrap();
    let chain = "1.2.840.113556.1.4.1941";
    let members = accounts(
        &directory,
        &format!("(&(objectCategory=person)(memberOf:{chain}:={outer}))"),
    );
    assert_eq!(members, ["ann"]);
    let groups = find(&directory, &format!("(member:{chain}:={ann})"));
    assert_eq!(groups.len(), 2);
    assert_eq!(
        accounts(
            &directory,
            &format!("(&(objectCategory=person)(memberOf={outer}))")
        )
        .len(),
        0
    );
    assert_eq!(
        accounts(&directory, &format!("(memberOf:{chain}:=CN=Nobody,{BASE})")).len(),
        0
    );
}

#[test]
fn scopes_and_missing_bases() {
    let directory = people();
    let search = |base: &str, scope| {
        directory.search(
            &system(),
            &SearchRequest::new(dn(base), scope, Filter::everything()),
        )
    };
    let staff = format!("OU=Staff,{BASE}");
    assert_eq!(
        names(&search(&staff, Scope::Base).unwrap().entries),
        [staff.as_str()]
    );
    assert_eq!(search(&staff, Scope::OneLevel).unwrap().entries.len(), 4);
    assert_eq!(search(&staff, Scope::Subtree).unwrap().entries.len(), 5);
    let error = search(&format!("CN=X,OU=None,{staff}"), Scope::Base).unwrap_err();
    assert_eq!(
        (error.code, error.matched_dn.as_str()),
        (ResultCode::NoSuchObject, staff.as_str())
    );
    assert!(error.diagnostic.starts_with("0000208D: NameErr"));
    let error = search("DC=fabrikam,DC=com", Scope::Base).unwrap_err();
    assert_eq!(error.code, ResultCode::Referral);
    assert_eq!(error.referrals, ["ldap://fabrikam.com/DC=fabrikam,DC=com"]);
}

#[test]
fn other_naming_contexts_are_referred_to() {
    let directory = forest();
    let mut request = SearchRequest::new(dn(BASE), Scope::Subtree, "(cn=alice)".parse().unwrap());
    let configuration = format!("ldap://contoso.com/CN=Configuration,{BASE}");
    assert_eq!(
        directory.search(&system(), &request).unwrap().references,
        [configuration]
    );
    request.domain_scope = true;
    assert!(
        directory
            .search(&system(), &request)
            .unwrap()
            .references
            .is_empty()
    );
    request.all_naming_contexts = true;
    request.filter = "(cn=Master Root Keys)".parse().unwrap();
    assert_eq!(directory.search(&system(), &request).unwrap().entries.len(), 1);
    request.base = Dn::ROOT;
    assert_eq!(directory.search(&system(), &request).unwrap().entries.len(), 1);
}

#[test]
fn attributes_are_selected_as_asked() {
    let directory = people();
    let ann = under_base("CN=Ann,OU=Staff");
    let entry = read(&directory, &system(), &ann, &["SN", "nope", "canonicalName"]);
    assert_eq!(
        entry
            .attributes
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["sn", "canonicalName"]
    );
    assert_eq!(entry.text("canonicalName"), Some("contoso.com/Staff/Ann"));
    assert!(read(&directory, &system(), &ann, &["1.1"]).attributes.is_empty());
    let all = read(&directory, &system(), &ann, &["*"]);
    assert!(all.values("objectGUID").is_some() && all.values("canonicalName").is_none());
    assert!(all.values("nTSecurityDescriptor").is_none());
    let mut request = SearchRequest::new(ann, Scope::Base, Filter::everything());
    request.types_only = true;
    let entry = directory.search(&system(), &request).unwrap().entries.remove(0);
    assert!(entry.attributes.len() > 10 && entry.attributes.iter().all(|(_, values)| values.is_empty()));
}

#[test]
fn secrets_are_never_shown_nor_matched() {
    let directory = forest();
    let alice = under_base("CN=alice,CN=Users");
    for names in [
        &["*"][..],
        &["unicodePwd", "ntPwdHistory", "supplementalCredentials"],
    ] {
        let entry = read(&directory, &system(), &alice, names);
        assert!(entry.values("unicodePwd").is_none() && entry.values("ntPwdHistory").is_none());
    }
    assert!(find(&directory, "(unicodePwd=*)").is_empty());
    assert!(find(&directory, "(!(unicodePwd=*))").is_empty());
}

#[test]
fn descriptors_come_with_the_parts_asked_for() {
    use provlab_protocol::security::SecurityDescriptor;
    let directory = forest();
    let mut request =
        SearchRequest::new(dn(BASE), Scope::Base, Filter::everything()).attributes(&["nTSecurityDescriptor"]);
    let descriptor = |request: &SearchRequest| {
        let entry = directory
            .search(&admin(&directory), request)
            .unwrap()
            .entries
            .remove(0);
        SecurityDescriptor::from_bytes(&entry.values("nTSecurityDescriptor").unwrap()[0]).unwrap()
    };
    let full = descriptor(&request);
    assert!(full.owner.is_some() && full.dacl.is_some());
    request.sd_flags = Some(4);
    let cut = descriptor(&request);
    assert!(cut.owner.is_none() && cut.group.is_none() && cut.dacl.is_some());
}

#[test]
fn extended_names_carry_guid_and_sid() {
    let directory = forest();
    let mut request = SearchRequest::new(under_base("CN=alice,CN=Users"), Scope::Base, Filter::everything());
    request.extended_dn = Some(ExtendedDn::Text);
    let alice = directory.by_sam_account_name("alice").unwrap();
    let sid = directory.sid(alice).unwrap();
    let entry = directory.search(&system(), &request).unwrap().entries.remove(0);
    assert_eq!(
        entry.dn,
        format!("<GUID={}>;<SID={sid}>;CN=alice,CN=Users,{BASE}", alice.guid)
    );
    request.extended_dn = Some(ExtendedDn::Hex);
    let entry = directory.search(&system(), &request).unwrap().entries.remove(0);
    assert!(entry.dn.starts_with(&format!(
        "<GUID={}>;<SID=0105",
        hex::encode(alice.guid.to_le_bytes())
    )));
    for name in [format!("<GUID={}>", alice.guid), format!("<SID={sid}>")] {
        assert_eq!(directory.read_name(&name).unwrap(), directory.dn(alice));
    }
}

#[test]
fn pages_cover_everything_exactly_once() {
    let directory = populated(250);
    let filter: Filter = "(objectCategory=person)".parse().unwrap();
    let all = find(&directory, "(objectCategory=person)");
    for size in [1, 7, 100, 253, 1000] {
        let mut request = SearchRequest::new(dn(BASE), Scope::Subtree, filter.clone());
        let mut seen = Vec::new();
        let mut after: Option<Cursor> = None;
        loop {
            request.page = Some(PageQuery { size, after });
            let page = directory.search(&system(), &request).unwrap();
            assert!(page.entries.len() <= size as usize);
            seen.extend(page.entries);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, all, "page size {size}");
    }
}

#[test]
fn an_unpaged_search_ends_at_the_size_limit() {
    let directory = populated(1200);
    let mut request = SearchRequest::new(dn(BASE), Scope::Subtree, "(employeeID=*)".parse().unwrap());
    let outcome = directory.search(&system(), &request).unwrap();
    assert_eq!(outcome.entries.len(), crate::search::MAX_PAGE_SIZE);
    assert_eq!(outcome.cut_short.unwrap().code, ResultCode::SizeLimitExceeded);
    request.size_limit = 5;
    let outcome = directory.search(&system(), &request).unwrap();
    assert_eq!(
        (outcome.entries.len(), outcome.cut_short.unwrap().code),
        (5, ResultCode::SizeLimitExceeded)
    );
}

#[test]
fn large_groups_are_read_in_ranges() {
    let mut directory = populated(1700);
    let group = add_group(&mut directory, "CN=Everybody,OU=Staff", &[]);
    let all: Vec<String> = directory
        .database()
        .iter()
        .filter(|object| directory.text(object, "employeeID").is_some())
        .map(|object| directory.dn_text(object))
        .collect();
    let values: Vec<&str> = all.iter().map(String::as_str).collect();
    change(&mut directory, &group, ModifyOperation::Add, "member", &values).unwrap();
    let first = read(&directory, &system(), &group, &["member"]);
    assert_eq!(first.values("member").unwrap().len(), 0);
    assert_eq!(first.values("member;range=0-1499").unwrap().len(), 1500);
    let rest = read(&directory, &system(), &group, &["member;range=1500-*"]);
    assert_eq!(rest.values("member;range=1500-*").unwrap().len(), 200);
}

#[test]
fn a_stranger_sees_no_deleted_objects() {
    let mut directory = people();
    delete(&mut directory, &under_base("CN=Ann,OU=Staff"), false).unwrap();
    let mut request = SearchRequest::new(dn(BASE), Scope::Subtree, "(sAMAccountName=ann)".parse().unwrap());
    request.show_deleted = true;
    assert_eq!(
        directory
            .search(&admin(&directory), &request)
            .unwrap()
            .entries
            .len(),
        1
    );
    assert_eq!(
        directory
            .search(&as_account(&directory, "alice"), &request)
            .unwrap()
            .entries
            .len(),
        0
    );
    request.show_deleted = false;
    assert_eq!(
        directory
            .search(&admin(&directory), &request)
            .unwrap()
            .entries
            .len(),
        0
    );
}

#[test]
fn compare_tells_equal_from_different() {
    let directory = people();
    let ann = under_base("CN=Ann,OU=Staff");
    assert!(directory.compare(&system(), &ann, "sn", b"lee").unwrap());
    assert!(!directory.compare(&system(), &ann, "sn", b"ray").unwrap());
    let error = directory.compare(&system(), &ann, "mail", b"x").unwrap_err();
    assert_eq!(error.code, ResultCode::NoSuchAttribute);
}

/// Filters over a few attributes and values, so that many of them match something.
fn filters() -> impl Strategy<Value = Filter> {
    let name = prop::sample::select(vec![
        "sAMAccountName",
        "sn",
        "cn",
        "mail",
        "department",
        "userPrincipalName",
        "nope",
    ])
    .prop_map(str::to_owned);
    let value = prop::sample::select(vec!["a", "alee0", "Lee", "Sales", "ann", "krbtgt", "c", ""])
        .prop_map(|text| text.as_bytes().to_vec());
    let leaf = prop_oneof![
        (name.clone(), value.clone()).prop_map(|(attribute, value)| Filter::Equality { attribute, value }),
        (name.clone(), value.clone())
            .prop_map(|(attribute, value)| Filter::GreaterOrEqual { attribute, value }),
        (name.clone(), value.clone()).prop_map(|(attribute, value)| Filter::LessOrEqual { attribute, value }),
        name.clone().prop_map(Filter::Present),
        (name, value).prop_map(|(attribute, value)| Filter::Substrings {
            attribute,
            initial: Some(value),
            any: vec![],
            last: None
        }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Or),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

/// The truth of a list in which one term of truth `decisive` decides; otherwise an undefined one leaves it undefined.
fn decide(directory: &Directory, object: &Object, list: &[Filter], decisive: bool) -> Option<bool> {
    let truths: Vec<Option<bool>> = list
        .iter()
        .map(|filter| oracle(directory, object, filter))
        .collect();
    if truths.contains(&Some(decisive)) {
        Some(decisive)
    } else if truths.contains(&None) {
        None
    } else {
        Some(!decisive)
    }
}

/// The filter's truth by the letter of the RFC, without indexes and without preparation.
fn oracle(directory: &Directory, object: &Object, filter: &Filter) -> Option<bool> {
    let texts = |attribute: &str| -> Option<Vec<String>> {
        directory.schema().attribute(attribute)?;
        let values = directory.values(object, attribute);
        Some(
            values
                .iter()
                .map(|value| String::from_utf8_lossy(value).to_lowercase())
                .collect(),
        )
    };
    let test = |attribute: &str, value: &[u8], holds: fn(&str, &str) -> bool| {
        let wanted = String::from_utf8_lossy(value).to_lowercase();
        texts(attribute).map(|texts| texts.iter().any(|text| holds(text, &wanted)))
    };
    match filter {
        Filter::And(list) => decide(directory, object, list, false),
        Filter::Or(list) => decide(directory, object, list, true),
        Filter::Not(inner) => oracle(directory, object, inner).map(|truth| !truth),
        Filter::Present(attribute) => texts(attribute).map(|texts| !texts.is_empty()),
        Filter::Equality { attribute, value } => test(attribute, value, |text, wanted| text == wanted),
        Filter::GreaterOrEqual { attribute, value } => test(attribute, value, |text, wanted| text >= wanted),
        Filter::LessOrEqual { attribute, value } => test(attribute, value, |text, wanted| text <= wanted),
        Filter::Substrings {
            attribute, initial, ..
        } => test(
            attribute,
            initial.as_deref().unwrap_or_default(),
            |text, wanted| text.starts_with(wanted),
        ),
        _ => None,
    }
}

#[test]
fn indexes_and_preparation_change_no_answer() {
    let directory = populated(60);
    let head = directory.by_dn(&dn(BASE)).unwrap().dnt;
    let mut runner = proptest::test_runner::TestRunner::new(proptest::test_runner::Config {
        cases: 200,
        ..Default::default()
    });
    runner
        .run(&filters(), |filter| {
            let expected: Vec<String> = directory
                .database()
                .iter()
                .filter(|object| !object.deleted && directory.database().head_of(object.dnt) == Some(head))
                .filter(|object| oracle(&directory, object, &filter) == Some(true))
                .map(|object| directory.dn_text(object))
                .collect();
            let request = SearchRequest::new(dn(BASE), Scope::Subtree, filter);
            let found = directory.search(&system(), &request).unwrap().entries;
            prop_assert_eq!(
                names(&found),
                expected.iter().map(String::as_str).collect::<Vec<_>>()
            );
            Ok(())
        })
        .unwrap();
}

#[test]
fn constructed_attributes_are_made_when_asked_for() {
    let directory = forest();
    let alice = under_base("CN=alice,CN=Users");
    let users = directory.by_dn(&under_base("CN=Users")).unwrap();
    let entry = read(
        &directory,
        &as_account(&directory, "alice"),
        &alice,
        &[
            "parentGUID",
            "msDS-PrincipalName",
            "createTimeStamp",
            "allowedAttributesEffective",
            "sDRightsEffective",
        ],
    );
    assert_eq!(
        entry.values("parentGUID").unwrap()[0].as_ref(),
        users.guid.to_le_bytes()
    );
    assert_eq!(entry.text("msDS-PrincipalName"), Some("CONTOSO\\alice"));
    assert_eq!(entry.text("createTimeStamp"), Some("20240117212000.0Z"));
    assert_eq!(entry.text("sDRightsEffective"), Some("0"));
    let may_write = |entry: &Entry, name: &str| {
        let list = entry.values("allowedAttributesEffective").unwrap_or_default();
        list.iter().any(|value| value.as_ref() == name.as_bytes())
    };
    assert!(!may_write(&entry, "sAMAccountName"));
    let entry = read(
        &directory,
        &admin(&directory),
        &alice,
        &["allowedAttributesEffective"],
    );
    assert!(may_write(&entry, "sAMAccountName") && !may_write(&entry, "objectGUID"));
    let group = read(
        &directory,
        &system(),
        &under_base("CN=Domain Users,CN=Users"),
        &["primaryGroupToken"],
    );
    assert_eq!(group.text("primaryGroupToken"), Some("513"));
}

#[test]
fn the_schema_describes_itself() {
    let directory = forest();
    let aggregate = under_base("CN=Aggregate,CN=Schema,CN=Configuration");
    let entry = read(
        &directory,
        &system(),
        &aggregate,
        &["attributeTypes", "objectClasses"],
    );
    let has = |name: &str, line: &str| {
        entry
            .values(name)
            .unwrap()
            .iter()
            .any(|value| value.as_ref() == line.as_bytes())
    };
    assert!(has(
        "attributeTypes",
        "( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' SYNTAX '1.3.6.1.4.1.1466.115.121.1.15' SINGLE-VALUE )"
    ));
    assert!(entry.values("objectClasses").unwrap().iter().any(|value| {
        value.starts_with(b"( 1.2.840.113556.1.5.9 NAME 'user' SUP organizationalPerson STRUCTURAL")
    }));
    let filter = "(&(objectClass=attributeSchema)(lDAPDisplayName=msDS-KeyCredentialLink))"
        .parse()
        .unwrap();
    let request = SearchRequest::new(directory.identity().schema_dn(), Scope::OneLevel, filter);
    assert_eq!(directory.search(&system(), &request).unwrap().entries.len(), 1);
}
