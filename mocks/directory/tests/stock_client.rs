//! A stock LDAP client (the ldap3 crate) against the embedded directory, over sockets and TLS.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::HashSet;

use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::controls::RawControl;
use ldap3::exop::WhoAmI;
use ldap3::{Ldap, Mod, Scope, SearchEntry};
use provlab_directory::Command;
use provlab_protocol::dirsync::{DirSyncFlags, DirSyncRequest, DirSyncResponse};
use provlab_protocol::managed_password::ManagedPasswordBlob;
use provlab_protocol::oid::control as oid;
use provlab_protocol::security::{AccessMask, Ace, SecurityDescriptor};
use provlab_protocol::sid::{Sid, well_known};
use provlab_protocol::unicode_pwd;
use secrecy::ExposeSecret;
use support::{ADMIN, ADMIN_PASSWORD, DOMAIN, HOST_PASSWORD, RealWorld};

async fn find(ldap: &mut Ldap, filter: &str, attributes: &[&str]) -> Vec<SearchEntry> {
    let (entries, _) = ldap
        .search(DOMAIN, Scope::Subtree, filter, attributes.to_vec())
        .await
        .unwrap()
        .success()
        .unwrap();
    entries.into_iter().map(SearchEntry::construct).collect()
}

async fn bind_data(world: &RealWorld, name: &str, password: &str) -> String {
    let mut ldap = world.connect("ldaps").await;
    let result = ldap.simple_bind(name, password).await.unwrap();
    match result.rc {
        0 => "ok".to_owned(),
        49 => {
            let text = result.text;
            assert!(
                text.starts_with("80090308: LdapErr: DSID-0C0903A9, comment: "),
                "{text}"
            );
            let data = text.split("data ").nth(1).unwrap();
            data.split(',').next().unwrap().to_owned()
        }
        other => format!("{other}: {}", result.text),
    }
}

#[tokio::test]
async fn every_form_of_name_binds() {
    let world = RealWorld::start().await;
    let mut admin = world.bound(ADMIN, ADMIN_PASSWORD).await;
    let alice = find(&mut admin, "(sAMAccountName=alice)", &["objectGUID", "objectSid"]).await;
    let sid = Sid::from_bytes(&alice[0].bin_attrs["objectSid"][0]).unwrap();
    let guid = alice[0].bin_attrs["objectGUID"][0].clone();
    let guid = provlab_protocol::guid::Guid::from_le_slice(&guid).unwrap();
    for name in [
        alice[0].dn.clone(),
        "alice@contoso.com".to_owned(),
        "CONTOSO\\alice".to_owned(),
        "contoso.com\\ALICE".to_owned(),
        "contoso.com/Users/alice".to_owned(),
        format!("{{{guid}}}"),
        sid.to_string(),
    ] {
        assert_eq!(bind_data(&world, &name, "Wonder-2026").await, "ok", "{name}");
    }
    assert_eq!(bind_data(&world, "alice", "Wonder-2026").await, "525");
}

#[tokio::test]
async fn refused_binds_tell_why_only_to_those_with_the_right_password() {
    let world = RealWorld::start().await;
    let account = || "alice".to_owned();
    let right = "Wonder-2026";
    assert_eq!(bind_data(&world, "CONTOSO\\nobody", right).await, "525");
    assert_eq!(bind_data(&world, "CONTOSO\\alice", "wrong").await, "52e");
    for (command, back, data, with_wrong) in [
        (
            Command::ExpirePassword { account: account() },
            Command::ChangePassword {
                account: account(),
                password: right.into(),
            },
            "532",
            "52e",
        ),
        (
            Command::RequirePasswordChange { account: account() },
            Command::ChangePassword {
                account: account(),
                password: right.into(),
            },
            "773",
            "52e",
        ),
        (
            Command::DisableAccount { account: account() },
            Command::EnableAccount { account: account() },
            "533",
            "52e",
        ),
        (
            Command::LockAccount { account: account() },
            Command::UnlockAccount { account: account() },
            "775",
            "775",
        ),
    ] {
        world.directory.control(command).await.unwrap();
        assert_eq!(bind_data(&world, "CONTOSO\\alice", right).await, data);
        assert_eq!(bind_data(&world, "CONTOSO\\alice", "wrong").await, with_wrong);
        world.directory.control(back).await.unwrap();
        assert_eq!(bind_data(&world, "CONTOSO\\alice", right).await, "ok");
    }
    world
        .directory
        .control(Command::ExpireAccount { account: account() })
        .await
        .unwrap();
    assert_eq!(bind_data(&world, "CONTOSO\\alice", right).await, "701");
}

#[tokio::test]
async fn in_clear_a_password_is_refused_and_nobody_reads_more_than_the_root() {
    let world = RealWorld::start().await;
    let mut ldap = world.connect("ldap").await;
    let refused = ldap.simple_bind(ADMIN, ADMIN_PASSWORD).await.unwrap();
    assert_eq!(refused.rc, 8);
    let anonymous = ldap.simple_bind(ADMIN, "").await.unwrap();
    assert_eq!(anonymous.rc, 0);
    let (_, result) = {
        let answer = ldap
            .search(DOMAIN, Scope::Subtree, "(cn=*)", vec!["cn"])
            .await
            .unwrap();
        (answer.0, answer.1)
    };
    assert_eq!(result.rc, 1);
    assert!(
        result
            .text
            .starts_with("000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform")
    );
    let (root, _) = ldap
        .search("", Scope::Base, "(objectClass=*)", vec!["*"])
        .await
        .unwrap()
        .success()
        .unwrap();
    let root = SearchEntry::construct(root[0].clone());
    assert_eq!(root.attrs["defaultNamingContext"], [DOMAIN]);
    assert!(root.attrs["supportedCapabilities"].contains(&"1.2.840.113556.1.4.800".to_owned()));
    assert!(!root.attrs.contains_key("supportedSASLMechanisms"));
}

#[tokio::test]
async fn start_tls_makes_the_connection_good_for_a_password() {
    let world = RealWorld::start().await;
    let mut ldap = world.connect("starttls").await;
    ldap.simple_bind(ADMIN, ADMIN_PASSWORD)
        .await
        .unwrap()
        .success()
        .unwrap();
    let (answer, _) = ldap.extended(WhoAmI).await.unwrap().success().unwrap();
    assert_eq!(answer.val.unwrap(), b"u:CONTOSO\\Administrator");
}

#[tokio::test]
async fn unknown_operations_and_critical_controls_are_refused_as_ad_does() {
    let world = RealWorld::start().await;
    let mut ldap = world.bound(ADMIN, ADMIN_PASSWORD).await;
    let unknown = ldap3::exop::Exop {
        name: Some("1.2.3.4.5".to_owned()),
        val: None,
    };
    assert_eq!(ldap.extended(unknown).await.unwrap().1.rc, 2);
    let control = |crit| RawControl {
        ctype: "1.2.3.4.6".to_owned(),
        crit,
        val: None,
    };
    let mut search = async |crit| {
        ldap.with_controls(control(crit))
            .search(DOMAIN, Scope::Base, "(objectClass=*)", vec!["dc"])
            .await
            .unwrap()
            .1
            .rc
    };
    assert_eq!(search(true).await, 12);
    assert_eq!(search(false).await, 0);
}

#[tokio::test]
async fn pages_hold_everything_once() {
    let world = RealWorld::start().await;
    let mut ldap = world.bound(ADMIN, ADMIN_PASSWORD).await;
    let adapters: Vec<Box<dyn Adapter<_, _>>> =
        vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(7))];
    let mut stream = ldap
        .streaming_search_with(adapters, DOMAIN, Scope::Subtree, "(objectClass=user)", vec!["cn"])
        .await
        .unwrap();
    let mut names = Vec::new();
    while let Some(entry) = stream.next().await.unwrap() {
        names.push(SearchEntry::construct(entry).dn);
    }
    stream.finish().await.success().unwrap();
    let distinct: HashSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    let all = find(&mut ldap, "(objectClass=user)", &["cn"]).await;
    assert_eq!(all.len(), names.len());
    assert!(names.len() > 40);
}

async fn dir_sync(ldap: &mut Ldap, cookie: Vec<u8>) -> (Vec<SearchEntry>, DirSyncResponse) {
    let request = DirSyncRequest {
        flags: DirSyncFlags::INCREMENTAL_VALUES | DirSyncFlags::ANCESTORS_FIRST_ORDER,
        max_bytes: 1 << 20,
        cookie,
    };
    let (entries, result) = ldap
        .with_controls(RawControl {
            ctype: oid::DIRSYNC.to_owned(),
            crit: true,
            val: Some(request.to_value()),
        })
        .search(DOMAIN, Scope::Subtree, "(objectClass=*)", vec!["*"])
        .await
        .unwrap()
        .success()
        .unwrap();
    let control = result
        .ctrls
        .iter()
        .find(|control| control.1.ctype == oid::DIRSYNC)
        .unwrap();
    let response = DirSyncResponse::from_value(control.1.val.as_ref().unwrap()).unwrap();
    let entries = entries.into_iter().map(SearchEntry::construct).collect();
    (entries, response)
}

#[tokio::test]
async fn dir_sync_returns_everything_and_then_what_changed() {
    let world = RealWorld::start().await;
    let mut ldap = world.bound(ADMIN, ADMIN_PASSWORD).await;
    let (mut count, mut cookie) = (0, Vec::new());
    loop {
        let (entries, response) = dir_sync(&mut ldap, cookie).await;
        count += entries.len();
        cookie = response.cookie;
        assert!(
            entries
                .iter()
                .all(|entry| !entry.attrs.contains_key("unicodePwd"))
        );
        assert!(
            entries
                .iter()
                .all(|entry| !entry.bin_attrs.contains_key("unicodePwd"))
        );
        if !response.more_results {
            break;
        }
    }
    assert!(count > 40, "{count}");
    let change = vec![Mod::Replace("department", HashSet::from(["Tea"]))];
    ldap.modify(&format!("CN=alice,CN=Users,{DOMAIN}"), change)
        .await
        .unwrap()
        .success()
        .unwrap();
    let (entries, response) = dir_sync(&mut ldap, cookie).await;
    assert!(!response.more_results);
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].attrs["department"], ["Tea"]);
    assert!(!entries[0].attrs.contains_key("sAMAccountName"));
    let (entries, _) = dir_sync(&mut ldap, response.cookie).await;
    assert!(entries.is_empty());
}

#[tokio::test]
async fn replication_needs_its_right() {
    let world = RealWorld::start().await;
    let mut ldap = world.bound("alice@contoso.com", "Wonder-2026").await;
    let request = DirSyncRequest::default();
    let (_, result) = {
        let answer = ldap
            .with_controls(RawControl {
                ctype: oid::DIRSYNC.to_owned(),
                crit: true,
                val: Some(request.to_value()),
            })
            .search(DOMAIN, Scope::Subtree, "(objectClass=*)", vec!["*"])
            .await
            .unwrap();
        (answer.0, answer.1)
    };
    assert_eq!(result.rc, 50, "{}", result.text);
}

#[tokio::test]
async fn passwords_are_reset_and_changed_by_the_rules() {
    let world = RealWorld::start().await;
    let alice = format!("CN=alice,CN=Users,{DOMAIN}");
    let value = |password: &str| HashSet::from([unicode_pwd::encode(password).to_vec()]);
    let attribute = || b"unicodePwd".to_vec();
    let mut admin = world.bound(ADMIN, ADMIN_PASSWORD).await;
    let mut own = world.bound("alice@contoso.com", "Wonder-2026").await;

    let reset = |password| vec![Mod::Replace(attribute(), value(password))];
    let weak = admin.modify(&alice, reset("short")).await.unwrap();
    assert_eq!(weak.rc, 53);
    assert!(weak.text.starts_with("0000052D: SvcErr:"), "{}", weak.text);
    assert_eq!(own.modify(&alice, reset("N3w-P@ss!")).await.unwrap().rc, 50);
    assert_eq!(admin.modify(&alice, reset("N3w-P@ss!")).await.unwrap().rc, 0);
    assert_eq!(bind_data(&world, "alice@contoso.com", "Wonder-2026").await, "52e");
    assert_eq!(bind_data(&world, "alice@contoso.com", "N3w-P@ss!").await, "ok");

    let change = |old, new| {
        vec![
            Mod::Delete(attribute(), value(old)),
            Mod::Add(attribute(), value(new)),
        ]
    };
    let wrong = own
        .modify(&alice, change("not-this-1", "An0ther-One"))
        .await
        .unwrap();
    assert_eq!(wrong.rc, 19);
    assert!(wrong.text.starts_with("00000056: AtrErr:"), "{}", wrong.text);
    let young = own
        .modify(&alice, change("N3w-P@ss!", "An0ther-One"))
        .await
        .unwrap();
    assert_eq!(young.rc, 19);
    assert!(young.text.starts_with("0000052D: AtrErr:"), "{}", young.text);
    let policy = provlab_directory::control::Policy {
        min_age: Some(0),
        ..Default::default()
    };
    world.directory.control(Command::SetPolicy(policy)).await.unwrap();
    let again = own
        .modify(&alice, change("N3w-P@ss!", "Wonder-2026"))
        .await
        .unwrap();
    assert_eq!(again.rc, 19, "in the history: {}", again.text);
    let good = own
        .modify(&alice, change("N3w-P@ss!", "An0ther-One"))
        .await
        .unwrap();
    assert_eq!(good.rc, 0, "{}", good.text);
    assert_eq!(bind_data(&world, "alice@contoso.com", "An0ther-One").await, "ok");

    let mut clear = world.connect("ldap").await;
    assert_eq!(clear.modify(&alice, reset("N3w-P@ss!")).await.unwrap().rc, 1);
}

/// Adds a gMSA that the host with this SID may use.
async fn add_gmsa(ldap: &mut Ldap, host: Sid) -> ldap3::LdapResult {
    let membership = SecurityDescriptor::with_dacl(
        well_known::BUILTIN_ADMINISTRATORS,
        vec![Ace::allow(host, AccessMask::FULL_CONTROL)],
    );
    let text = |name: &str, value: &str| {
        (
            name.as_bytes().to_vec(),
            HashSet::from([value.as_bytes().to_vec()]),
        )
    };
    ldap.add(
        &format!("CN=provAgentgMSA,CN=Managed Service Accounts,{DOMAIN}"),
        vec![
            text("objectClass", "msDS-GroupManagedServiceAccount"),
            text("sAMAccountName", "provAgentgMSA$"),
            text("dNSHostName", "provAgentgMSA.contoso.com"),
            text("userAccountControl", "4096"),
            text("msDS-ManagedPasswordInterval", "30"),
            text("msDS-SupportedEncryptionTypes", "28"),
            (
                b"msDS-GroupMSAMembership".to_vec(),
                HashSet::from([membership.to_bytes().unwrap()]),
            ),
        ],
    )
    .await
    .unwrap()
}

async fn sid_of(ldap: &mut Ldap, account: &str) -> Sid {
    let found = find(ldap, &format!("(sAMAccountName={account})"), &["objectSid"]).await;
    Sid::from_bytes(&found[0].bin_attrs["objectSid"][0]).unwrap()
}

async fn managed_password(ldap: &mut Ldap) -> Option<ManagedPasswordBlob> {
    let found = find(ldap, "(sAMAccountName=provAgentgMSA$)", &["msDS-ManagedPassword"]).await;
    let values = found[0].bin_attrs.get("msDS-ManagedPassword")?;
    Some(ManagedPasswordBlob::from_bytes(&values[0]).unwrap())
}

#[tokio::test]
async fn a_gmsa_logs_on_with_the_password_that_its_host_alone_may_read() {
    let world = RealWorld::start().await;
    let mut admin = world.bound(ADMIN, ADMIN_PASSWORD).await;
    let host = sid_of(&mut admin, "HOST1$").await;
    let added = add_gmsa(&mut admin, host).await;
    assert_eq!(added.rc, 0, "{}", added.text);
    assert_eq!(managed_password(&mut admin).await, None);

    let mut host1 = world.bound("CONTOSO\\HOST1$", HOST_PASSWORD).await;
    let mut host2 = world.bound("CONTOSO\\HOST2$", HOST_PASSWORD).await;
    assert_eq!(managed_password(&mut host2).await, None);
    let blob = managed_password(&mut host1).await.unwrap();
    let password = blob.current.to_utf8_lossy();
    let name = "CONTOSO\\provAgentgMSA$";
    assert_eq!(bind_data(&world, name, password.expose_secret()).await, "ok");
    assert_eq!(bind_data(&world, name, "something else").await, "52e");

    // The interval is settled at creation.
    let interval = vec![Mod::Replace("msDS-ManagedPasswordInterval", HashSet::from(["7"]))];
    let dn = format!("CN=provAgentgMSA,CN=Managed Service Accounts,{DOMAIN}");
    assert_ne!(admin.modify(&dn, interval).await.unwrap().rc, 0);
}

#[tokio::test]
async fn without_an_effective_root_key_there_is_no_gmsa() {
    for key in [
        provlab_directory::config::KdsRootKey::None,
        provlab_directory::config::KdsRootKey::New,
    ] {
        let mut config = support::config();
        config.kds_root_key = key;
        let world = RealWorld::start_with(config).await;
        let mut admin = world.bound(ADMIN, ADMIN_PASSWORD).await;
        let host = sid_of(&mut admin, "HOST1$").await;
        let refused = add_gmsa(&mut admin, host).await;
        assert_eq!(refused.rc, 53);
        assert!(refused.text.starts_with("8009000D: SvcErr:"), "{}", refused.text);
    }
}

#[tokio::test]
async fn an_entry_on_the_domain_root_holds_for_the_users_below() {
    let world = RealWorld::start().await;
    let mut admin = world.bound(ADMIN, ADMIN_PASSWORD).await;
    let mut alice = world.bound("alice@contoso.com", "Wonder-2026").await;
    let staff = find(&mut admin, "(&(objectClass=user)(department=*))", &["cn"]).await;
    let target = staff[0].dn.clone();
    let change = |text| vec![Mod::Replace("description", HashSet::from([text]))];
    assert_eq!(alice.modify(&target, change("a")).await.unwrap().rc, 50);

    let sid = sid_of(&mut admin, "alice").await;
    let flags = |value: Vec<u8>| RawControl {
        ctype: oid::SD_FLAGS.to_owned(),
        crit: true,
        val: Some(value),
    };
    let (entries, _) = admin
        .with_controls(flags(vec![0x30, 3, 2, 1, 4]))
        .search(
            DOMAIN,
            Scope::Base,
            "(objectClass=*)",
            vec!["nTSecurityDescriptor"],
        )
        .await
        .unwrap()
        .success()
        .unwrap();
    let root = SearchEntry::construct(entries[0].clone());
    let mut descriptor = SecurityDescriptor::from_bytes(&root.bin_attrs["nTSecurityDescriptor"][0]).unwrap();
    assert!(descriptor.owner.is_none());
    let users = provlab_protocol::rights::CLASS_USER;
    descriptor.add_ace(Ace::allow(sid, AccessMask::WRITE_PROPERTY).for_descendants(users));
    let write = vec![Mod::Replace(
        b"nTSecurityDescriptor".to_vec(),
        HashSet::from([descriptor.to_bytes().unwrap()]),
    )];
    let written = admin
        .with_controls(flags(vec![0x30, 3, 2, 1, 4]))
        .modify(DOMAIN, write)
        .await
        .unwrap();
    assert_eq!(written.rc, 0, "{}", written.text);
    assert_eq!(alice.modify(&target, change("b")).await.unwrap().rc, 0);
    // Not on groups, and not on administrators.
    let group = format!("CN=Domain Users,CN=Users,{DOMAIN}");
    assert_eq!(alice.modify(&group, change("c")).await.unwrap().rc, 50);
    let administrator = format!("CN=Administrator,CN=Users,{DOMAIN}");
    assert_eq!(alice.modify(&administrator, change("d")).await.unwrap().rc, 50);
}

#[tokio::test]
async fn everybody_reads_the_schema() {
    let world = RealWorld::start().await;
    let mut ldap = world.bound("alice@contoso.com", "Wonder-2026").await;
    let aggregate = format!("CN=Aggregate,CN=Schema,CN=Configuration,{DOMAIN}");
    let (entries, _) = ldap
        .search(
            &aggregate,
            Scope::Base,
            "(objectClass=subSchema)",
            vec!["attributeTypes", "objectClasses"],
        )
        .await
        .unwrap()
        .success()
        .unwrap();
    let schema = SearchEntry::construct(entries[0].clone());
    assert!(schema.attrs["attributeTypes"].len() > 500);
    assert!(schema.attrs["objectClasses"].len() > 50);
}
