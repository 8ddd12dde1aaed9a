use provlab_platform::{MemoryStore, Store};

use super::*;
use crate::persist;

#[test]
fn a_fresh_forest_has_the_well_known_objects() {
    let directory = forest();
    for relative in [
        "CN=Administrator,CN=Users",
        "CN=Domain Admins,CN=Users",
        "CN=Administrators,CN=Builtin",
        "CN=Password Settings Container,CN=System",
        "CN=DC1,OU=Domain Controllers",
        "CN=Master Root Keys,CN=Group Key Distribution Service,CN=Services,CN=Configuration",
        "CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration",
        "CN=Aggregate,CN=Schema,CN=Configuration",
        "CN=User,CN=Schema,CN=Configuration",
        "OU=Paris,OU=Staff",
    ] {
        assert!(directory.by_dn(&under_base(relative)).is_some(), "{relative}");
    }
    assert_eq!(
        directory
            .by_dn(&directory.identity().ds_service_name())
            .map(|o| directory.class_name(o)),
        Some("nTDSDSA")
    );
    let sid = |account: &str| {
        directory
            .sid(directory.by_sam_account_name(account).unwrap())
            .unwrap()
            .to_string()
    };
    let domain = "S-1-5-21-1111111111-2222222222-3333333333";
    assert_eq!(sid("Administrator"), format!("{domain}-500"));
    assert_eq!(sid("Enterprise Admins"), format!("{domain}-519"));
    assert_eq!(sid("Account Operators"), "S-1-5-32-548");
}

#[test]
fn managed_service_accounts_are_found_by_their_guid() {
    let directory = forest();
    let name = format!("<WKGUID=1EB93889E40C45DF9F0C64D23BBB6237,{BASE}>");
    let container = directory.read_name(&name).unwrap();
    assert_eq!(container, under_base("CN=Managed Service Accounts"));
    let entry = read(&directory, &system(), &dn(BASE), &["otherWellKnownObjects"]);
    assert_eq!(
        entry.text("otherWellKnownObjects").unwrap(),
        format!("B:32:1EB93889E40C45DF9F0C64D23BBB6237:CN=Managed Service Accounts,{BASE}")
    );
}

#[test]
fn critical_objects_are_marked_and_people_are_not() {
    let directory = forest();
    let critical = find(&directory, "(isCriticalSystemObject=TRUE)");
    assert!(names(&critical).contains(&"CN=Domain Users,CN=Users,DC=contoso,DC=com"));
    assert!(!names(&critical).contains(&"CN=alice,CN=Users,DC=contoso,DC=com"));
}

#[test]
fn every_object_has_what_its_class_demands() {
    let directory = populated(30);
    let schema = directory.schema();
    for object in directory.database().iter() {
        let class = schema.class(directory.class_name(object)).unwrap();
        for id in class.required() {
            let name = schema.def(*id).name;
            let made_by_promotion_only = matches!(
                (class.name, name),
                ("configuration" | "dMD", _)
                    | ("subSchema", _)
                    | ("rIDManager", _)
                    | ("classSchema", _)
                    | ("attributeSchema", _)
            );
            assert!(
                made_by_promotion_only || directory.database().has(object, *id),
                "{} lacks {name}",
                directory.dn_text(object)
            );
        }
        for slot in object.slots() {
            assert!(
                class.allows(slot.attribute),
                "{}: {}",
                directory.dn_text(object),
                schema.def(slot.attribute).name
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_forest() {
    let (one, other) = (populated(50), populated(50));
    let rows = |directory: &Directory| directory.database().iter().cloned().collect::<Vec<_>>();
    assert!(rows(&one) == rows(&other));
}

#[test]
fn a_population_has_people_managers_and_nested_groups() {
    let directory = populated(400);
    assert_eq!(
        find(&directory, "(&(objectCategory=person)(employeeID=*))").len(),
        400
    );
    let nested = find(&directory, "(&(objectClass=group)(memberOf=*)(description=*))");
    assert!(!nested.is_empty());
    let manager = find(&directory, "(&(employeeID=0000000)(directReports=*))");
    assert_eq!(manager[0].values("directReports").unwrap().len(), 8);
    assert!(manager[0].text("sAMAccountName").unwrap().len() <= 20);
}

#[test]
fn too_large_a_population_is_refused() {
    let mut config = config();
    config.populations.push(PopulationConfig {
        users: crate::population::MAX_USERS + 1,
        groups: None,
        seed: 0,
        organizational_unit: "OU=X".to_owned(),
        upn_suffix: None,
        prefix: String::new(),
    });
    let error = crate::naming::build(&config, NOW, &Entropy::seeded(1)).unwrap_err();
    assert_eq!(error.code, ResultCode::AdminLimitExceeded);
}

#[test]
fn contradictions_in_the_configuration_are_named() {
    let mut twice = config();
    twice
        .accounts
        .push(AccountConfig::new("ALICE", "x".to_owned().into()));
    twice.accounts[1].common_name = Some("Other".to_owned());
    let error = crate::naming::build(&twice, NOW, &Entropy::seeded(1)).unwrap_err();
    assert!(error.diagnostic.contains("two accounts named ALICE"), "{error}");
    let mut lost = config();
    lost.accounts[0].member_of.push("Nobody".to_owned());
    let error = crate::naming::build(&lost, NOW, &Entropy::seeded(1)).unwrap_err();
    assert!(error.diagnostic.contains("no group Nobody"), "{error}");
}

#[test]
fn a_directory_comes_back_from_its_store_as_it_was() {
    let mut directory = populated(40);
    let store = MemoryStore::new();
    store.commit(persist::whole(&directory)).unwrap();
    let user = add_user(&mut directory, "CN=Zed,OU=Staff", "zed");
    // Every later change is stored by itself.
    store.commit(persist::whole(&directory)).unwrap();
    let group = under_base("CN=Readers,OU=Staff");
    let commit = |directory: &Directory, change: Change| {
        store.commit(persist::batch(directory, &change)).unwrap();
    };
    let change_made = add(&mut directory, &group, &[("objectClass", &["group"])]).unwrap();
    commit(&directory, change_made);
    let change_made = change(
        &mut directory,
        &group,
        ModifyOperation::Add,
        "member",
        &[&user.to_string()],
    )
    .unwrap();
    commit(&directory, change_made);
    let change_made = rename(&mut directory, &user, "CN=Zoe", None).unwrap();
    commit(&directory, change_made);
    let change_made = delete(&mut directory, &under_base("CN=alice,CN=Users"), false).unwrap();
    commit(&directory, change_made);

    let back = persist::load(&store).unwrap().unwrap();
    assert_eq!(back.identity(), directory.identity());
    assert_eq!(back.database().counters(), directory.database().counters());
    let rows = |directory: &Directory| directory.database().iter().cloned().collect::<Vec<_>>();
    assert!(rows(&back) == rows(&directory));
    let links = |directory: &Directory| {
        directory
            .database()
            .all_links()
            .map(|(k, v)| (k, *v))
            .collect::<Vec<_>>()
    };
    assert_eq!(links(&back), links(&directory));
    assert_eq!(
        names(&find(&back, "(sAMAccountName=zed)")),
        ["CN=Zoe,OU=Staff,DC=contoso,DC=com"]
    );
}

#[test]
fn damaged_rows_are_refused_and_never_panic() {
    let directory = forest();
    let store = MemoryStore::new();
    assert!(persist::load(&store).unwrap().is_none());
    store.commit(persist::whole(&directory)).unwrap();
    let rows = store.load("directory.objects").unwrap();
    let (key, row) = &rows[rows.len() / 2];
    for cut in 0..row.len() {
        let mut batch = provlab_platform::Batch::new();
        batch.put("directory.objects", key.clone(), row[..cut].to_vec());
        store.commit(batch).unwrap();
        assert!(persist::load(&store).is_err(), "cut at {cut}");
        if cut > 40 {
            break;
        }
    }
}
