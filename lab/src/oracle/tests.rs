//! The oracle on worlds of a few objects.
#![allow(clippy::unwrap_used)]

use provlab_platform::{Event, Part};
use serde_json::{Value, json};

use super::testing::{group, tenant, user};
use super::*;

const DOMAIN: &str = "contoso.com";

/// The copy that a user should have in the tenant.
fn copy(account: &str, properties: &Value) -> Value {
    let mut row = json!({
        "userPrincipalName": format!("{account}@{DOMAIN}"), "mailNickname": account, "accountEnabled": true,
        "onPremises": {
            "samAccountName": account, "userPrincipalName": format!("{account}@{DOMAIN}"), "domainName": DOMAIN,
            "distinguishedName": format!("CN={account},CN=Users,DC=contoso,DC=com"),
        },
    });
    for (name, value) in properties.as_object().unwrap() {
        row[name] = value.clone();
    }
    row
}

fn state(users: &[Value], groups: &[Value]) -> Tenant {
    let dump = json!({ "verifiedDomains": [DOMAIN], "users": users, "groups": groups });
    Tenant::read(&dump, "contoso.onmicrosoft.com")
}

fn named(account: &str) -> Source {
    user(account, &[("userPrincipalName", &format!("{account}@{DOMAIN}"))])
}

fn judged(sources: &[Source], tenant: &Tenant, memory: Option<&Memory>) -> Judgement {
    let settings = memory.map_or_else(Settings::default, |memory| memory.settings.clone());
    let case = Case {
        domain: DOMAIN,
        settings: &settings,
        tenant,
        sources,
    };
    judge(&case, memory)
}

#[test]
fn every_object_has_its_verdict() {
    let (ann, bo) = (named("ann"), named("bo"));
    let from_cloud = user("gone", &[("adminDescription", "User_1")]);
    let sources = [ann, bo, from_cloud];
    let found = judged(&sources, &state(&[copy("ann", &json!({}))], &[]), None);
    assert_eq!(
        found.differences,
        ["CN=bo,CN=Users,DC=contoso,DC=com is not in the tenant"]
    );
    assert!(matches!(
        found.verdicts["CN=ann,CN=Users,DC=contoso,DC=com"],
        Verdict::Exported(_)
    ));
    assert!(matches!(
        found.verdicts["CN=gone,CN=Users,DC=contoso,DC=com"],
        Verdict::Skipped(_)
    ));
    let both = state(
        &[
            copy("ann", &json!({"displayName": "Ann"})),
            copy("bo", &json!({})),
            copy("old", &json!({})),
        ],
        &[],
    );
    assert_eq!(
        judged(&sources, &both, None).differences,
        [
            "\"old\" is in the tenant and not in scope of the directory",
            "CN=ann,CN=Users,DC=contoso,DC=com: displayName is \"Ann\" and should be \"\"",
        ]
    );
}

#[test]
fn who_claims_the_name_of_another_is_in_escrow() {
    let ann = user("ann", &[("userPrincipalName", "admin@contoso.onmicrosoft.com")]);
    let admin =
        json!({"userPrincipalName": "admin@contoso.onmicrosoft.com", "roles": ["Global Administrator"]});
    let found = judged(&[ann], &state(&[admin], &[]), None);
    assert!(found.differences.is_empty(), "{:?}", found.differences);
    assert!(
        found
            .verdicts
            .values()
            .all(|verdict| matches!(verdict, Verdict::Escrowed(_)))
    );
}

#[test]
fn references_follow_whoever_is_in_the_tenant() {
    let dn = "CN=ann,CN=Users,DC=contoso,DC=com";
    let staff = group(
        "staff",
        &[
            ("cn", "Staff"),
            ("member", dn),
            ("member", "CN=nobody,DC=contoso,DC=com"),
        ],
    );
    let row = |members: Value| {
        json!({"displayName": "Staff", "securityEnabled": true, "mailEnabled": false, "members": members,
            "onPremises": {"samAccountName": "staff", "domainName": DOMAIN}})
    };
    let sources = [named("ann"), staff];
    let right = state(&[copy("ann", &json!({}))], &[row(json!(["ann@contoso.com"]))]);
    assert!(judged(&sources, &right, None).differences.is_empty());
    let wrong = state(&[copy("ann", &json!({}))], &[row(json!(["bo@contoso.com"]))]);
    let found = judged(&sources, &wrong, None).differences;
    assert!(
        found[0].ends_with("the member ann@contoso.com is missing"),
        "{found:?}"
    );
    assert!(
        found[1].ends_with("the member bo@contoso.com is there and should not be"),
        "{found:?}"
    );
}

/// A nickname that was set and cleared again before anybody is known to have looked may have been seen or not.
#[test]
fn what_may_have_been_read_may_show() {
    let nickname = |name: &str| {
        let upn = ("userPrincipalName", "ann@contoso.com");
        let given = [upn, ("mailNickname", name)];
        user("ann", if name.is_empty() { &given[..1] } else { &given })
    };
    let facts = tenant(&[DOMAIN]);
    let mut memory = Memory::default();
    memory.note(DOMAIN, &[nickname("")], &facts, 0, Rereading::Nothing);
    let first = judged(
        &[nickname("")],
        &state(&[copy("ann", &json!({}))], &[]),
        Some(&memory),
    );
    assert!(first.differences.is_empty(), "{:?}", first.differences);
    memory.settle(&first, 0);
    memory.note(DOMAIN, &[nickname("queen")], &facts, 1, Rereading::Nothing);
    memory.note(DOMAIN, &[nickname("")], &facts, 2, Rereading::Nothing);
    let shows = |nickname: &str| {
        let row = copy("ann", &json!({"mailNickname": nickname}));
        judged(&[self::named("ann")], &state(&[row], &[]), Some(&memory)).differences
    };
    assert!(shows("ann").is_empty() && shows("queen").is_empty());
    assert_eq!(shows("king").len(), 1);
}

fn event(name: &'static str, fields: Value) -> Event {
    Event {
        at_micros: 0,
        host: "cloud".into(),
        part: Part::Cloud,
        name: name.into(),
        fields: serde_json::from_value(fields).unwrap(),
    }
}

#[test]
fn a_write_needs_a_change() {
    const JOB: &str = "AD2AADProvisioning";
    let export = |action: &str| {
        event(
            "job.export",
            json!({"job": JOB, "action": action, "type": "User", "name": "ann@contoso.com"}),
        )
    };
    let cycle = || {
        event(
            "job.cycle",
            json!({"job": JOB, "state": "Succeeded", "escrowed": 0}),
        )
    };
    let facts = tenant(&[DOMAIN]);
    let mut memory = Memory::default();
    memory.note(DOMAIN, &[named("ann")], &facts, 0, Rereading::Nothing);
    let once = [export("create"), cycle(), cycle()];
    assert!(needless(&once, DOMAIN, Some(&memory)).is_empty());
    let twice = [export("create"), cycle(), export("update")];
    assert_eq!(
        needless(&twice, DOMAIN, Some(&memory)),
        ["User ann@contoso.com: update, though nothing of it had changed"]
    );
    // Cycles of a job of another kind have not read the change.
    let other = json!({"job": "AD2AADPasswordHash", "state": "Succeeded", "escrowed": 0});
    let passwords = || event("job.cycle", other.clone());
    let later = [passwords(), passwords(), export("create")];
    assert!(needless(&later, DOMAIN, Some(&memory)).is_empty());
    // Both changes may be written at once, or each for itself; but not after the job has certainly read them.
    let changed = user("ann", &[("userPrincipalName", "ann@contoso.com"), ("l", "Ulm")]);
    memory.note(DOMAIN, &[changed], &facts, 3, Rereading::Nothing);
    let late = [&once[..], &[cycle(), cycle(), export("update")]].concat();
    assert_eq!(needless(&late, DOMAIN, Some(&memory)).len(), 1);
    let in_time = [&once[..], &[cycle(), export("update"), cycle()]].concat();
    assert!(needless(&in_time, DOMAIN, Some(&memory)).is_empty());
}
