//! The lab's own door: commands in, the same picture of the directory out.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use provlab_directory::control::{Attributes, DumpedEntry};
use provlab_directory::{Command, ControlError, Reply};
use serde_json::json;
use support::{DOMAIN, SimWorld};

async fn run(world: &SimWorld, command: serde_json::Value) -> Result<Reply, ControlError> {
    let command: Command = serde_json::from_value(command).unwrap();
    world.directory.control(command).await
}

async fn dump(world: &SimWorld, what: serde_json::Value) -> Vec<DumpedEntry> {
    match run(world, json!({ "dump": what })).await.unwrap() {
        Reply::Tree(entries) => entries,
        other => panic!("{other:?}"),
    }
}

fn find<'a>(entries: &'a [DumpedEntry], dn: &str) -> Option<&'a Attributes> {
    let found = entries.iter().find(|entry| entry.dn == dn);
    found.map(|entry| &entry.attributes)
}

#[tokio::test(start_paused = true)]
async fn a_story_is_told_by_commands() {
    let world = SimWorld::start().await;
    for command in [
        json!({ "put-user": { "name": "bob", "password": "Wonder-2026", "attributes": {
            "displayName": ["Bob, the Builder"], "department": ["Works"] } } }),
        json!({ "put-user": { "name": "bob", "attributes": { "title": ["Foreman"] } } }),
        json!({ "add": { "dn": format!("OU=Works,{DOMAIN}"), "attributes": {
            "objectClass": ["organizationalUnit"] } } }),
        json!({ "add": { "dn": format!("CN=Crew,OU=Works,{DOMAIN}"), "attributes": {
            "objectClass": ["group"], "sAMAccountName": ["Crew"] } } }),
        json!({ "add-members": { "group": "Crew", "members": ["bob", "alice"] } }),
        json!({ "remove-members": { "group": "Crew", "members": ["alice"] } }),
        json!({ "rename": { "object": "bob", "below": format!("OU=Works,{DOMAIN}") } }),
        json!({ "rename": { "object": "bob", "to": "CN=Bob" } }),
        json!({ "modify": { "object": "bob", "set": { "department": [] } } }),
    ] {
        assert_eq!(run(&world, command.clone()).await, Ok(Reply::Done), "{command}");
    }
    let entries = dump(&world, json!({ "base": format!("OU=Works,{DOMAIN}") })).await;
    let names: Vec<_> = entries.iter().map(|entry| entry.dn.as_str()).collect();
    let bob = format!("CN=Bob,OU=Works,{DOMAIN}");
    let crew = format!("CN=Crew,OU=Works,{DOMAIN}");
    assert_eq!(names, [&format!("OU=Works,{DOMAIN}"), &bob, &crew]);
    let attributes = find(&entries, &bob).unwrap();
    assert_eq!(attributes["title"], ["Foreman"]);
    assert_eq!(attributes["displayName"], ["Bob, the Builder"]);
    assert_eq!(attributes["userPrincipalName"], ["bob@contoso.com"]);
    assert_eq!(attributes["userAccountControl"], ["512"]);
    assert!(!attributes.contains_key("department"));
    assert_eq!(
        find(&entries, &crew).unwrap()["member"],
        std::slice::from_ref(&bob)
    );

    run(&world, json!({ "delete": { "object": "bob" } }))
        .await
        .unwrap();
    let entries = dump(&world, json!({ "base": format!("OU=Works,{DOMAIN}") })).await;
    assert!(find(&entries, &bob).is_none());
    assert!(!find(&entries, &crew).unwrap().contains_key("member"));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_said_and_nothing_changes() {
    let world = SimWorld::start().await;
    let before = run(&world, json!("statistics")).await.unwrap();
    let unknown = run(&world, json!({ "expire-password": { "account": "nobody" } })).await;
    assert_eq!(unknown, Err(ControlError::Unknown("nobody".to_owned())));
    let never = run(&world, json!({ "expire-password": { "account": "HOST1$" } })).await;
    assert_eq!(never, Err(ControlError::NeverExpires("HOST1$".to_owned())));
    let bad = run(
        &world,
        json!({ "modify": { "object": "alice", "set": { "noSuchThing": ["x"] } } }),
    )
    .await;
    assert!(matches!(bad, Err(ControlError::Refused(_))));
    assert_eq!(run(&world, json!("statistics")).await.unwrap(), before);
}

#[tokio::test(start_paused = true)]
async fn two_worlds_of_one_seed_look_the_same_and_show_no_secret() {
    let (one, two) = (SimWorld::start().await, SimWorld::start().await);
    let all = json!({ "system": true, "deleted": true });
    let (first, second) = (dump(&one, all.clone()).await, dump(&two, all).await);
    assert_eq!(first, second);
    for entry in &first {
        for secret in ["unicodePwd", "ntPwdHistory", "msDS-ManagedPassword", "objectGUID"] {
            assert!(!entry.attributes.contains_key(secret), "{}: {secret}", entry.dn);
        }
    }
    let ordinary = dump(&one, json!({})).await;
    assert!(ordinary.len() < first.len());
    assert!(ordinary.iter().any(|entry| entry.dn.starts_with("CN=alice,")));
    assert!(!ordinary.iter().any(|entry| entry.dn.contains("CN=krbtgt")));
}

#[tokio::test(start_paused = true)]
async fn many_users_are_made_at_once_or_none() {
    let world = SimWorld::start().await;
    for command in [
        json!({ "add": { "dn": format!("OU=Works,{DOMAIN}"), "attributes": {
            "objectClass": ["organizationalUnit"] } } }),
        json!({ "put-users": { "prefix": "hand", "count": 1600, "below": format!("OU=Works,{DOMAIN}"), "attributes": {
            "displayName": ["Hand {n}"] } } }),
        json!({ "put-group": { "name": "Hands", "attributes": { "description": ["All of them"] }, "members": ["hand1", "hand2"] } }),
    ] {
        assert_eq!(run(&world, command.clone()).await, Ok(Reply::Done), "{command}");
    }
    let everybody: Vec<String> = (1..=1600).map(|number| format!("hand{number}")).collect();
    let all = json!({ "add-members": { "group": "Hands", "members": everybody } });
    assert_eq!(run(&world, all).await, Ok(Reply::Done));
    let groups = dump(&world, json!({ "base": format!("CN=Hands,CN=Users,{DOMAIN}") })).await;
    assert_eq!(groups[0].attributes["member"].len(), 1600);
    assert_eq!(groups[0].attributes["groupType"], ["-2147483646"]);

    let before = run(&world, json!("statistics")).await.unwrap();
    for refused in [
        // The second one is there already: the first one goes again.
        json!({ "put-users": { "prefix": "new", "count": 2, "attributes": { "userPrincipalName": ["same@contoso.com"] } } }),
        json!({ "put-users": { "prefix": "x", "count": 100_001 } }),
        json!({ "put-group": { "name": "Ghosts", "members": ["nobody"] } }),
        json!({ "add-members": { "group": "Hands", "members": ["alice", "nobody"] } }),
    ] {
        assert!(run(&world, refused.clone()).await.is_err(), "{refused}");
    }
    assert_eq!(run(&world, json!("statistics")).await.unwrap(), before);
    let tree = json!({ "delete": { "object": format!("OU=Works,{DOMAIN}"), "tree": true } });
    assert_eq!(run(&world, tree).await, Ok(Reply::Done));
    assert!(
        run(&world, json!({ "enable-account": { "account": "hand7" } }))
            .await
            .is_err()
    );
}
