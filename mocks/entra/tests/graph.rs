//! Graph over the wire: reading, paging, delta, batches, errors, throttling and the set-up of cloud sync.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use std::collections::BTreeSet;

use provlab_entra::Command;
use provlab_entra::state::{DbError, Group, OnPremises, User};
use serde_json::{Value, json};
use uuid::Uuid;
use world::*;

const TEMPLATE: &str = "/beta/applicationTemplates/1a4721b3-e57f-4451-ae87-ef078703ec94/instantiate";

fn tenant() -> Uuid {
    TENANT.parse().unwrap()
}

fn user_id(number: u128) -> Uuid {
    Uuid::from_u128(0xdddd_dddd << 96 | number)
}

fn group_id(number: u128) -> Uuid {
    Uuid::from_u128(0xeeee_eeee << 96 | number)
}

/// Writes users `u1` to `u{count}` as synchronization would.
fn add_users(world: &World, count: u128) {
    let now = world.clock.wall();
    world
        .entra()
        .shared()
        .db
        .write::<_, DbError>(|txn| {
            for number in 1..=count {
                let name = format!("u{number}");
                let mut user = User::new(tenant(), user_id(number), &format!("{name}@contoso.com"), now);
                user.display_name = Some(format!("User {number}"));
                user.proxy_addresses = vec![format!("SMTP:{name}@contoso.com")];
                user.properties.insert("department".to_owned(), json!("Sales"));
                user.manager = (number > 1).then(|| user_id(1));
                user.on_premises = Some(OnPremises {
                    sync_enabled: true,
                    immutable_id: Some(format!("anchor{number}")),
                    distinguished_name: Some(format!("CN={name},DC=contoso,DC=com")),
                    sam_account_name: Some(name),
                    security_identifier: None,
                    user_principal_name: None,
                    domain_name: Some("contoso.com".to_owned()),
                    net_bios_name: Some("CONTOSO".to_owned()),
                    last_sync: Some(now),
                    extension_attributes: [("extensionAttribute1".to_owned(), "x".to_owned())].into(),
                    ..OnPremises::new()
                });
                txn.put(user);
            }
            Ok(())
        })
        .unwrap();
}

fn put_group(world: &World, number: u128, members: &[Uuid]) {
    let now = world.clock.wall();
    let db = &world.entra().shared().db;
    db.write::<_, DbError>(|txn| {
        let known = txn
            .cloud()
            .groups
            .get(tenant(), &group_id(number).to_string())
            .cloned();
        let mut group =
            known.unwrap_or_else(|| Group::new(tenant(), group_id(number), &format!("Group {number}"), now));
        group.members = members.iter().copied().collect();
        txn.put(group);
        Ok(())
    })
    .unwrap();
}

fn change_user(world: &World, number: u128, change: impl FnOnce(&mut User)) {
    let db = &world.entra().shared().db;
    db.write::<_, DbError>(|txn| {
        txn.update(tenant(), &user_id(number).to_string(), change);
        Ok(())
    })
    .unwrap();
}

fn names(answer: &Value) -> Vec<String> {
    answer["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["userPrincipalName"].as_str().unwrap().to_owned())
        .collect()
}

/// Path and query of a link that Graph handed out.
fn follow(link: &Value) -> String {
    link.as_str()
        .unwrap()
        .strip_prefix(&format!("https://{GRAPH}"))
        .unwrap()
        .to_owned()
}

#[test]
fn users_are_selected_filtered_and_paged() {
    simulate(|world| async move {
        add_users(&world, 25);
        let token = world.app_token().await;
        let get = async |path: &str| world.get(GRAPH, path, Some(&token)).await.json();
        let one = get("/v1.0/users/u1@contoso.com").await;
        assert_eq!(one["displayName"], "User 1");
        assert!(one.get("department").is_none(), "not among the defaults");
        let one = get(
            "/v1.0/users/u1@contoso.com?$select=department,onPremisesImmutableId,onPremisesSyncEnabled,onPremisesExtensionAttributes",
        )
        .await;
        assert_eq!(
            (&one["department"], &one["onPremisesImmutableId"]),
            (&json!("Sales"), &json!("anchor1"))
        );
        assert_eq!(one["onPremisesExtensionAttributes"]["extensionAttribute1"], "x");
        assert_eq!(one["onPremisesSyncEnabled"], true);

        let mut seen = BTreeSet::new();
        let mut path = "/v1.0/users?$top=10&$filter=startswith(userPrincipalName,'u')".to_owned();
        let mut pages = 0;
        loop {
            let page = get(&path).await;
            pages += 1;
            for name in names(&page) {
                assert!(seen.insert(name));
            }
            match page.get("@odata.nextLink") {
                Some(link) => path = follow(link),
                None => break,
            }
        }
        assert_eq!((seen.len(), pages), (25, 3));
        let filter = "/v1.0/users?$filter=proxyAddresses/any(p:p%20eq%20'smtp:U7@contoso.com')";
        assert_eq!(names(&get(filter).await), ["u7@contoso.com"]);
        assert_eq!(
            names(&get("/v1.0/users?$filter=onPremisesImmutableId%20eq%20'anchor3'").await),
            ["u3@contoso.com"]
        );
        let sorted = get("/v1.0/users?$orderby=userPrincipalName%20desc&$top=1").await;
        assert_eq!(names(&sorted), ["u9@contoso.com"]);
        assert_eq!(
            get("/v1.0/users/u2@contoso.com/manager").await["userPrincipalName"],
            "u1@contoso.com"
        );
        assert_eq!(
            get("/v1.0/users/u1@contoso.com/directReports").await["value"]
                .as_array()
                .unwrap()
                .len(),
            24
        );
    });
}

#[test]
fn errors_have_graphs_form() {
    simulate(|world| async move {
        let token = world.app_token().await;
        let missing = world
            .get(GRAPH, "/v1.0/users/nobody@contoso.com", Some(&token))
            .await;
        assert_eq!(
            (missing.status, missing.code()),
            (404, "Request_ResourceNotFound".to_owned())
        );
        let inner = &missing.json()["error"]["innerError"];
        assert_eq!(
            inner["request-id"].as_str().unwrap(),
            missing.headers["request-id"].to_str().unwrap()
        );
        assert_eq!(inner["date"], "2026-01-02T03:04:05");
        for (path, status, code) in [
            ("/v1.0/users?$filter=nonsense", 400, "Request_BadRequest"),
            ("/v1.0/users?$select=noSuchThing", 400, "Request_BadRequest"),
            (
                "/v1.0/users?$filter=mail%20ne%20null",
                400,
                "Request_UnsupportedQuery",
            ),
            ("/v1.0/nowhere", 400, "Request_BadRequest"),
            ("/v1.0/organization", 403, "Authorization_RequestDenied"),
            (
                "/beta/onPremisesPublishingProfiles/provisioning/agents",
                403,
                "Authorization_RequestDenied",
            ),
        ] {
            let answer = world.get(GRAPH, path, Some(&token)).await;
            assert_eq!(
                (answer.status, answer.code()),
                (status, code.to_owned()),
                "{path}"
            );
        }
        let registration = world
            .form(
                LOGIN,
                "/common/oauth2/token",
                &[
                    ("grant_type", "password"),
                    ("client_id", CLIENT),
                    ("username", ADMIN),
                    ("password", PASSWORD),
                    ("resource", REGISTRATION),
                ],
            )
            .await
            .json();
        let foreign = registration["access_token"].as_str().unwrap();
        for bad in [None, Some("x.y.z"), Some(foreign)] {
            let answer = world.get(GRAPH, "/v1.0/users", bad).await;
            assert_eq!(
                (answer.status, answer.code()),
                (401, "InvalidAuthenticationToken".to_owned())
            );
        }
        world.sleep(2 * 60 * 60).await;
        let answer = world.get(GRAPH, "/v1.0/users", Some(&token)).await;
        assert!(answer.body.contains("expired"), "{}", answer.body);
        let token = world.app_token().await;
        assert_eq!(
            world.get(GOV_GRAPH, "/v1.0/users", Some(&token)).await.status,
            401,
            "another cloud"
        );
    });
}

#[test]
fn delta_tells_what_changed_and_nothing_else() {
    simulate(|world| async move {
        add_users(&world, 5);
        put_group(&world, 1, &[user_id(1)]);
        let token = world.app_token().await;
        let get = async |path: &str| world.get(GRAPH, path, Some(&token)).await.json();
        let mut path = "/v1.0/users/delta?$select=userPrincipalName&$top=4".to_owned();
        let mut first = Vec::new();
        let link = loop {
            let page = get(&path).await;
            first.extend(names(&page));
            match page.get("@odata.nextLink") {
                Some(next) => path = follow(next),
                None => break follow(&page["@odata.deltaLink"]),
            }
        };
        assert!(first.contains(&"u5@contoso.com".to_owned()));
        assert_eq!(get(&link).await["value"], json!([]));

        change_user(&world, 2, |user| user.account_enabled = false);
        change_user(&world, 3, |user| user.deleted = Some(user.created));
        let page = get(&link).await;
        assert_eq!(page["value"][0]["userPrincipalName"], "u2@contoso.com");
        assert_eq!(
            page["value"][1],
            json!({"id": user_id(3), "@removed": {"reason": "changed"}})
        );
        let link = follow(&page["@odata.deltaLink"]);
        assert_eq!(
            world.ropc("plain@contoso.onmicrosoft.com", "wrong").await.status,
            400
        );
        assert_eq!(
            get(&link).await["value"],
            json!([]),
            "a failed sign-in is no change"
        );

        let groups = get("/v1.0/groups/delta").await;
        assert_eq!(groups["value"][0]["members@delta"][0]["id"], json!(user_id(1)));
        let link = follow(&groups["@odata.deltaLink"]);
        put_group(&world, 1, &[user_id(2)]);
        let members = get(&link).await["value"][0]["members@delta"].clone();
        assert_eq!(members[0]["id"], json!(user_id(2)));
        assert_eq!(
            (&members[1]["id"], &members[1]["@removed"]["reason"]),
            (&json!(user_id(1)), &json!("deleted"))
        );
        let members = get("/v1.0/users/u2@contoso.com/memberOf").await;
        assert_eq!(members["value"][0]["displayName"], "Group 1");
    });
}

#[test]
fn nested_groups_have_transitive_members() {
    simulate(|world| async move {
        add_users(&world, 1);
        put_group(&world, 1, &[group_id(2)]);
        put_group(&world, 2, &[group_id(1), user_id(1)]);
        let token = world.app_token().await;
        let path = format!("/v1.0/groups/{}/transitiveMembers", group_id(1));
        let members = world.get(GRAPH, &path, Some(&token)).await.json();
        assert_eq!(
            members["value"].as_array().unwrap().len(),
            3,
            "the cycle is walked once"
        );
        let of = world
            .get(
                GRAPH,
                "/v1.0/users/u1@contoso.com/transitiveMemberOf",
                Some(&token),
            )
            .await
            .json();
        assert_eq!(of["value"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn deleted_items_are_restored_and_go_away_after_thirty_days() {
    simulate(|world| async move {
        add_users(&world, 2);
        put_group(&world, 1, &[user_id(1), user_id(2)]);
        let token = world.token_of("people").await;
        for number in [1, 2] {
            change_user(&world, number, |user| user.deleted = Some(user.created));
        }
        let deleted = "/v1.0/directory/deletedItems/microsoft.graph.user";
        let list = world.get(GRAPH, deleted, Some(&token)).await.json();
        assert_eq!(list["value"].as_array().unwrap().len(), 2);
        let path = format!("/v1.0/directory/deletedItems/{}/restore", user_id(1));
        assert_eq!(
            world.call("POST", GRAPH, &path, Some(&token), None).await.status,
            200
        );
        assert_eq!(
            world
                .get(GRAPH, "/v1.0/users/u1@contoso.com", Some(&token))
                .await
                .status,
            200
        );
        world.sleep(31 * 24 * 60 * 60).await;
        let token = world.token_of("people").await;
        let list = world.get(GRAPH, deleted, Some(&token)).await.json();
        assert_eq!(list["value"], json!([]));
        let members = world
            .get(
                GRAPH,
                &format!("/v1.0/groups/{}/members", group_id(1)),
                Some(&token),
            )
            .await
            .json();
        assert_eq!(members["value"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn a_configuration_is_set_up_as_documented() {
    simulate(|mut world| async move {
        let token = world.token().await;
        let call = async |world: &World, method: &str, path: &str, body: Option<Value>| {
            world.call(method, GRAPH, path, Some(&token), body).await
        };
        let organization = format!("/beta/organization/{TENANT}");
        let answer = call(
            &world,
            "PATCH",
            &organization,
            Some(json!({"onPremisesSyncEnabled": true})),
        )
        .await;
        assert_eq!(answer.status, 204, "{}", answer.body);
        let made = call(
            &world,
            "POST",
            TEMPLATE,
            Some(json!({"displayName": "contoso.com"})),
        )
        .await;
        assert_eq!(made.status, 201);
        let principal = made.json()["servicePrincipal"]["objectId"]
            .as_str()
            .unwrap()
            .to_owned();
        let base = format!("/beta/servicePrincipals/{principal}/synchronization");
        let job = call(
            &world,
            "POST",
            &format!("{base}/jobs"),
            Some(json!({"templateId": "AD2AADProvisioning"})),
        )
        .await;
        assert_eq!(
            (job.status, &job.json()["status"]["code"]),
            (201, &json!("Paused"))
        );
        assert_eq!(job.json()["schedule"]["state"], "Disabled");
        let job = job.json()["id"].as_str().unwrap().to_owned();
        let secrets = json!({"value": [{"key": "Domain", "value": "{\"domain\":\"CONTOSO.COM\"}"}, {"key": "Password", "value": "hidden"}]});
        assert_eq!(
            call(&world, "PUT", &format!("{base}/secrets"), Some(secrets))
                .await
                .status,
            204
        );
        let shown = call(&world, "GET", &format!("{base}/secrets"), None).await.json();
        assert_eq!(
            (&shown["value"][0]["value"], &shown["value"][1]["value"]),
            (&json!("{\"domain\":\"CONTOSO.COM\"}"), &json!("*"))
        );
        let schema = format!("{base}/jobs/{job}/schema");
        let body = call(&world, "GET", &schema, None).await.json();
        assert!(body["synchronizationRules"].is_array());
        assert_eq!(call(&world, "PUT", &schema, Some(body.clone())).await.status, 204);
        assert_eq!(call(&world, "PUT", &schema, Some(json!({}))).await.status, 400);
        assert_eq!(
            call(&world, "POST", &format!("{base}/jobs/{job}/start"), None)
                .await
                .status,
            204
        );
        assert_eq!(
            call(&world, "GET", &format!("{base}/jobs/{job}"), None)
                .await
                .json()["schedule"]["state"],
            "Active"
        );
        assert_eq!(
            call(&world, "POST", &format!("{base}/jobs/{job}/pause"), None)
                .await
                .status,
            204
        );
        let bad = json!({"criteria": {"resetScope": "Everything"}});
        assert_eq!(
            call(&world, "POST", &format!("{base}/jobs/{job}/restart"), Some(bad))
                .await
                .code(),
            "Request_BadRequest"
        );
        let validation = call(
            &world,
            "POST",
            &format!("{base}/jobs/{job}/validateCredentials"),
            None,
        )
        .await;
        assert_eq!(validation.code(), "HybridIdentityServiceInvalidResource");
        let unknown = json!({"value": [{"key": "Dommain", "value": "x"}]});
        assert!(
            call(&world, "PUT", &format!("{base}/secrets"), Some(unknown))
                .await
                .body
                .contains("Dommain")
        );

        world.restart().await;
        let job_after = call(&world, "GET", &format!("{base}/jobs/{job}"), None)
            .await
            .json();
        assert_eq!(job_after["schedule"]["state"], "Paused", "nothing was lost");
        let account = "/v1.0/users/ADToAADSyncServiceAccount@contoso.onmicrosoft.com";
        assert_eq!(
            call(&world, "GET", account, None).await.json()["displayName"],
            "On-Premises Directory Synchronization Service Account"
        );
        let provlab_entra::Reply::Dump(dump) = world
            .entra()
            .control(Command::Dump {
                tenant: Some("contoso.com".to_owned()),
            })
            .await
            .unwrap()
        else {
            panic!("a dump is asked for")
        };
        assert_eq!(
            dump["tenants"][0]["configurations"][0]["jobs"][0]["template"],
            "AD2AADProvisioning"
        );
        assert!(!dump.to_string().contains(PASSWORD) && !dump.to_string().contains("hidden"));

        assert_eq!(
            call(&world, "DELETE", &format!("{base}/jobs/{job}"), None)
                .await
                .status,
            204
        );
        assert_eq!(
            call(&world, "GET", &format!("{base}/jobs/{job}"), None)
                .await
                .status,
            404
        );
    });
}

#[test]
fn features_exist_in_the_public_cloud_only() {
    simulate(|world| async move {
        let token = world.token().await;
        let path = format!("/v1.0/directory/onPremisesSynchronization/{TENANT}");
        let change = json!({"features": {"blockSoftMatchEnabled": true}, "configuration": {"accidentalDeletionPrevention": {"alertThreshold": 9}}});
        assert_eq!(
            world
                .call("PATCH", GRAPH, &path, Some(&token), Some(change))
                .await
                .status,
            204
        );
        let shown = world
            .get(GRAPH, "/v1.0/directory/onPremisesSynchronization", Some(&token))
            .await
            .json();
        assert_eq!(shown["value"][0]["features"]["blockSoftMatchEnabled"], true);
        assert_eq!(
            shown["value"][0]["configuration"]["accidentalDeletionPrevention"]["alertThreshold"],
            9
        );
        let wrong = json!({"features": {"blockSoftMatchEnabled": false, "noSuch": true}});
        assert_eq!(
            world
                .call("PATCH", GRAPH, &path, Some(&token), Some(wrong))
                .await
                .status,
            400
        );
        let shown = world.get(GRAPH, &path, Some(&token)).await.json();
        assert_eq!(
            shown["features"]["blockSoftMatchEnabled"], true,
            "a refused change changes nothing"
        );

        let government = world
            .form(
                GOV_LOGIN,
                "/organizations/oauth2/v2.0/token",
                &[
                    ("grant_type", "password"),
                    ("client_id", CLIENT),
                    ("username", GOV_ADMIN),
                    ("password", PASSWORD),
                    ("scope", "https://graph.microsoft.us/.default"),
                ],
            )
            .await
            .json();
        let token = government["access_token"].as_str().unwrap();
        assert_eq!(
            world
                .get(GOV_GRAPH, "/v1.0/organization", Some(token))
                .await
                .status,
            200
        );
        assert_eq!(
            world
                .get(
                    GOV_GRAPH,
                    "/v1.0/directory/onPremisesSynchronization",
                    Some(token)
                )
                .await
                .status,
            400
        );
    });
}

#[test]
fn batches_keep_order_and_dependencies() {
    simulate(|world| async move {
        add_users(&world, 1);
        let token = world.token().await;
        let body = json!({"requests": [
            {"id": "1", "method": "GET", "url": "/users/u1@contoso.com?$select=id"},
            {"id": "2", "method": "GET", "url": "/users/nobody@contoso.com"},
            {"id": "3", "method": "GET", "url": "/organization", "dependsOn": ["2"]},
            {"id": "4", "method": "POST", "url": "/$batch", "body": {}},
            {"id": "5", "method": "PATCH", "url": format!("/organization/{TENANT}"), "body": {"onPremisesSyncEnabled": true}, "dependsOn": ["1"]},
        ]});
        let answer = world
            .call("POST", GRAPH, "/v1.0/$batch", Some(&token), Some(body))
            .await;
        assert_eq!(answer.status, 200);
        let responses = answer.json()["responses"].clone();
        let statuses: Vec<_> = responses
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["status"].as_u64().unwrap())
            .collect();
        assert_eq!(statuses, [200, 404, 424, 400, 204]);
        assert_eq!(responses[0]["body"]["id"], json!(user_id(1)));
        assert_eq!(responses[1]["body"]["error"]["code"], "Request_ResourceNotFound");
        let many: Vec<_> = (0..21)
            .map(|id| json!({"id": id.to_string(), "method": "GET", "url": "/users"}))
            .collect();
        let answer = world
            .call(
                "POST",
                GRAPH,
                "/v1.0/$batch",
                Some(&token),
                Some(json!({"requests": many})),
            )
            .await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "Request_BadRequest".to_owned())
        );
    });
}

#[test]
fn throttling_is_forced_and_ends() {
    simulate(|world| async move {
        let token = world.app_token().await;
        let command = json!({"throttle": {"requests": 2, "retry-after-seconds": 7}});
        world
            .entra()
            .control(serde_json::from_value::<Command>(command).unwrap())
            .await
            .unwrap();
        for _ in 0..2 {
            let answer = world.get(GRAPH, "/v1.0/users", Some(&token)).await;
            assert_eq!(
                (answer.status, answer.code()),
                (429, "TooManyRequests".to_owned())
            );
            assert_eq!(answer.headers["retry-after"], "7");
        }
        let answer = world.get(GRAPH, "/v1.0/users", Some(&token)).await;
        assert_eq!(
            (answer.status, &answer.headers["x-ms-resource-unit"]),
            (200, &"2".parse().unwrap())
        );
    });
}
