//! Users, groups and domains as an administrator makes, changes and deletes them through Graph.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use provlab_entra::state::{DbError, Group, OnPremises, User};
use serde_json::{Value, json};
use uuid::Uuid;
use world::*;

const ON_PREMISES: &str = "on-premises mastered Directory Sync objects";

/// One administrator and what it is answered.
struct Admin<'a> {
    world: &'a World,
    token: String,
}

impl<'a> Admin<'a> {
    async fn sign_in(world: &'a World, name: &str) -> Self {
        Self {
            world,
            token: world.token_of(name).await,
        }
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let path = format!("/v1.0{path}");
        self.world
            .call(method, GRAPH, &path, Some(&self.token), body)
            .await
    }

    /// The call must be refused in these words.
    async fn refused(&self, method: &str, path: &str, body: Value, status: u16, part: &str) {
        let answer = self.call(method, path, Some(body)).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.contains(part), "{}", answer.body);
    }

    async fn done(&self, method: &str, path: &str, body: Option<Value>) {
        let answer = self.call(method, path, body).await;
        assert_eq!(answer.status, 204, "{}", answer.body);
    }

    async fn create(&self, path: &str, body: Value) -> Value {
        let answer = self.call("POST", path, Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()
    }

    async fn get(&self, path: &str) -> Value {
        self.call("GET", path, None).await.json()
    }
}

fn new_user(name: &str) -> Value {
    json!({
        "accountEnabled": true,
        "displayName": name,
        "mailNickname": name,
        "userPrincipalName": format!("{name}@contoso.com"),
        "passwordProfile": {"password": "Lab-Password-1", "forceChangePasswordNextSignIn": false},
    })
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn new_group(name: &str) -> Value {
    json!({"displayName": name, "mailEnabled": false, "mailNickname": name, "securityEnabled": true})
}

fn reference(id: &Value) -> Value {
    json!({"@odata.id": format!("https://{GRAPH}/v1.0/directoryObjects/{}", id.as_str().unwrap())})
}

/// A user and a group that synchronization has made.
fn add_synchronized(world: &World) -> (Uuid, Uuid) {
    let (tenant, now) = (TENANT.parse().unwrap(), world.clock.wall());
    let (user, group) = (Uuid::from_u128(0xd1), Uuid::from_u128(0xe1));
    let origin: OnPremises = serde_json::from_value(json!({
        "sync_enabled": true, "immutable_id": "anchor", "distinguished_name": null, "sam_account_name": "ada",
        "security_identifier": null, "user_principal_name": null, "domain_name": "contoso.com", "net_bios_name": null,
        "last_sync": null, "extension_attributes": {},
    }))
    .unwrap();
    let db = &world.entra().shared().db;
    db.write::<_, DbError>(|txn| {
        let mut row = User::new(tenant, user, "ada@contoso.com", now);
        row.on_premises = Some(origin.clone());
        txn.put(row);
        let mut row = Group::new(tenant, group, "Synchronized", now);
        row.on_premises = Some(origin.clone());
        txn.put(row);
        Ok(())
    })
    .unwrap();
    (user, group)
}

#[test]
fn users_are_made_changed_deleted_and_restored() {
    simulate(|world| async move {
        let admin = Admin::sign_in(&world, "people").await;
        let made = admin
            .create(
                "/users",
                with(new_user("grace"), "mail", json!("grace@contoso.com")),
            )
            .await;
        assert_eq!(made["userPrincipalName"], "grace@contoso.com");
        assert!(made.get("accountEnabled").is_none(), "not among the defaults");
        let id = made["id"].as_str().unwrap().to_owned();
        let signed_in = world.ropc("grace@contoso.com", "Lab-Password-1").await;
        assert_eq!(signed_in.status, 200, "{}", signed_in.body);

        let select = "?$select=proxyAddresses,department,mail,accountEnabled";
        let user = format!("/users/{id}");
        let change = json!({"department": "Navy", "mail": "hopper@contoso.com", "accountEnabled": false});
        admin.done("PATCH", &user, Some(change)).await;
        let shown = admin.get(&format!("{user}{select}")).await;
        assert_eq!(
            shown["proxyAddresses"],
            json!(["SMTP:hopper@contoso.com", "smtp:grace@contoso.com"])
        );
        assert_eq!(
            (&shown["department"], &shown["accountEnabled"]),
            (&json!("Navy"), &json!(false))
        );
        admin
            .done("PATCH", &user, Some(json!({"department": null})))
            .await;
        assert_eq!(
            admin.get(&format!("{user}{select}")).await["department"],
            Value::Null
        );

        let second = admin.create("/users", new_user("ada")).await;
        let manager = format!("{user}/manager/$ref");
        admin.done("PUT", &manager, Some(reference(&second["id"]))).await;
        assert_eq!(admin.get(&format!("{user}/manager")).await["id"], second["id"]);
        admin.done("DELETE", &manager, None).await;
        assert_eq!(admin.call("DELETE", &manager, None).await.status, 404);

        admin.done("DELETE", "/users/grace@contoso.com", None).await;
        assert_eq!(admin.call("GET", &user, None).await.status, 404);
        let restore = format!("/directory/deletedItems/{id}/restore");
        // Somebody else has the name by now.
        let other = admin.create("/users", new_user("grace")).await;
        let refused = admin.call("POST", &restore, None).await;
        assert!(
            refused.body.contains("userPrincipalName already exists"),
            "{}",
            refused.body
        );
        admin
            .done(
                "DELETE",
                &format!("/users/{}", other["id"].as_str().unwrap()),
                None,
            )
            .await;
        assert_eq!(admin.call("POST", &restore, None).await.status, 200);
        assert_eq!(admin.call("GET", &user, None).await.status, 200);
    });
}

#[test]
fn what_a_user_cannot_be_is_told_in_graphs_words() {
    simulate(|world| async move {
        let admin = Admin::sign_in(&world, "people").await;
        let good = new_user("grace");
        admin
            .create("/users", with(good.clone(), "mail", json!("grace@contoso.com")))
            .await;
        for (name, value, part) in [
            (
                "userPrincipalName",
                json!("x@corp.local"),
                "domain portion of the userPrincipalName property is invalid",
            ),
            (
                "userPrincipalName",
                json!("grâce@contoso.com"),
                "Property userPrincipalName is invalid.",
            ),
            (
                "userPrincipalName",
                json!("x"),
                "Property userPrincipalName is invalid.",
            ),
            (
                "passwordProfile",
                json!({"password": "weak"}),
                "password complexity requirements",
            ),
            (
                "passwordProfile",
                json!("x"),
                "Invalid value specified for property 'passwordProfile'",
            ),
            (
                "displayName",
                json!("x".repeat(257)),
                "Invalid value specified for property 'displayName'",
            ),
            (
                "proxyAddresses",
                json!(["SMTP:x@contoso.com"]),
                "Property 'proxyAddresses' is read-only",
            ),
            (
                "favouriteColour",
                json!("red"),
                "does not exist on type 'microsoft.graph.user'",
            ),
        ] {
            let body = with(good.clone(), name, value);
            admin.refused("POST", "/users", body, 400, part).await;
        }
        let mut nameless = good.clone();
        nameless.as_object_mut().unwrap().remove("mailNickname");
        let required = "A value is required for property 'mailNickname' of resource 'User'.";
        admin.refused("POST", "/users", nameless, 400, required).await;

        let twice = admin.call("POST", "/users", Some(good)).await;
        assert_eq!(
            (twice.status, twice.code()),
            (400, "Request_BadRequest".to_owned())
        );
        let details = &twice.json()["error"]["details"][0];
        assert_eq!(
            (&details["code"], &details["target"]),
            (&json!("ObjectConflict"), &json!("userPrincipalName"))
        );
        let body = with(new_user("other"), "mail", json!("Grace@Contoso.com"));
        admin
            .refused(
                "POST",
                "/users",
                body,
                400,
                "property proxyAddresses already exists",
            )
            .await;

        // Who manages synchronization, or nothing at all, makes no users.
        for who in ["admin", "plain"] {
            let other = Admin::sign_in(&world, who).await;
            other
                .refused(
                    "POST",
                    "/users",
                    new_user("x"),
                    403,
                    "Authorization_RequestDenied",
                )
                .await;
        }
    });
}

#[test]
fn what_is_mastered_on_premises_is_changed_there() {
    simulate(|world| async move {
        let (user, group) = add_synchronized(&world);
        let admin = Admin::sign_in(&world, "people").await;
        let (user, group) = (format!("/users/{user}"), format!("/groups/{group}"));
        let grace = admin.create("/users", new_user("grace")).await;
        for (method, path, body) in [
            ("PATCH", user.clone(), json!({"displayName": "Ada"})),
            (
                "PATCH",
                user.clone(),
                json!({"passwordProfile": {"password": "Lab-Password-1"}}),
            ),
            ("PUT", format!("{user}/manager/$ref"), reference(&grace["id"])),
            ("PATCH", group.clone(), json!({"description": "x"})),
            ("POST", format!("{group}/members/$ref"), reference(&grace["id"])),
            (
                "PATCH",
                group.clone(),
                json!({"members@odata.bind": [reference(&grace["id"])["@odata.id"]]}),
            ),
        ] {
            admin.refused(method, &path, body, 400, ON_PREMISES).await;
        }
        let allowed = json!({"usageLocation": "GB", "accountEnabled": false});
        admin.done("PATCH", &user, Some(allowed)).await;
        admin.done("DELETE", &user, None).await;
        admin.done("DELETE", &group, None).await;
    });
}

#[test]
fn groups_have_members_and_owners() {
    simulate(|world| async move {
        let admin = Admin::sign_in(&world, "people").await;
        let ada = admin.create("/users", new_user("ada")).await["id"].clone();
        let grace = admin.create("/users", new_user("grace")).await["id"].clone();
        let bound = with(
            new_group("Sales"),
            "members@odata.bind",
            json!([reference(&ada)["@odata.id"]]),
        );
        let sales = admin.create("/groups", bound).await["id"].clone();
        let path = format!("/groups/{}", sales.as_str().unwrap());
        let ids = async |what: &str| -> Vec<Value> {
            let listed = admin.get(&format!("{path}/{what}?$select=id")).await;
            let all = listed["value"].as_array().unwrap();
            all.iter().map(|object| object["id"].clone()).collect()
        };
        assert_eq!(ids("members").await, std::slice::from_ref(&ada));
        assert_eq!(ids("owners").await.len(), 1, "who makes a group owns it");

        let members = format!("{path}/members/$ref");
        admin.done("POST", &members, Some(reference(&grace))).await;
        let already = "One or more added object references already exist for the following modified properties: 'members'.";
        admin
            .refused("POST", &members, reference(&grace), 400, already)
            .await;
        admin
            .refused(
                "POST",
                &members,
                reference(&sales),
                400,
                "cannot be among the members",
            )
            .await;
        let nobody = json!(Uuid::from_u128(9));
        admin
            .refused(
                "POST",
                &members,
                reference(&nobody),
                404,
                "Request_ResourceNotFound",
            )
            .await;
        admin
            .refused(
                "POST",
                &members,
                json!({"@odata.id": "x"}),
                400,
                "Invalid URL format",
            )
            .await;
        let ada_there = format!("{path}/members/{}/$ref", ada.as_str().unwrap());
        admin.done("DELETE", &ada_there, None).await;
        assert_eq!(admin.call("DELETE", &ada_there, None).await.status, 404);
        assert_eq!(ids("members").await, std::slice::from_ref(&grace));
        admin
            .done("POST", &format!("{path}/owners/$ref"), Some(reference(&ada)))
            .await;
        assert_eq!(ids("owners").await.len(), 2);

        admin
            .done("PATCH", &path, Some(json!({"description": "Who sells"})))
            .await;
        admin
            .refused(
                "PATCH",
                &path,
                json!({"mailEnabled": true}),
                400,
                "decided when it is made",
            )
            .await;
        let many: Vec<Value> = (0..21).map(|_| reference(&ada)["@odata.id"].clone()).collect();
        admin
            .done("PATCH", &path, Some(json!({"members@odata.bind": many})))
            .await;
        assert_eq!(ids("members").await.len(), 2, "the same reference twice is one");

        admin.done("DELETE", &path, None).await;
        let restore = format!("/directory/deletedItems/{}/restore", sales.as_str().unwrap());
        assert_eq!(
            admin.call("POST", &restore, None).await.status,
            404,
            "a security group is gone at once"
        );
    });
}

#[test]
fn graph_makes_security_groups_and_microsoft_365_groups() {
    simulate(|world| async move {
        let admin = Admin::sign_in(&world, "people").await;
        let team = with(
            with(new_group("Team"), "groupTypes", json!(["Unified"])),
            "mailEnabled",
            json!(true),
        );
        let made = admin.create("/groups", team.clone()).await;
        assert_eq!(made["proxyAddresses"], json!(["SMTP:Team@contoso.com"]));
        admin
            .refused("POST", "/groups", team, 400, "proxyAddresses already exists")
            .await;
        let path = format!("/groups/{}", made["id"].as_str().unwrap());
        admin.done("DELETE", &path, None).await;
        let restore = format!("/directory/deletedItems/{}/restore", made["id"].as_str().unwrap());
        assert_eq!(admin.call("POST", &restore, None).await.status, 200);

        for (name, value, part) in [
            (
                "mailEnabled",
                json!(true),
                "Cannot Create a mail-enabled security groups",
            ),
            (
                "securityEnabled",
                json!(false),
                "Invalid value specified for property 'securityEnabled'",
            ),
            (
                "mailNickname",
                json!("with space"),
                "Invalid value specified for property 'mailNickname'",
            ),
            (
                "groupTypes",
                json!(["DynamicMembership"]),
                "Invalid value specified for property 'groupTypes'",
            ),
        ] {
            let body = with(new_group("X"), name, value);
            admin.refused("POST", "/groups", body, 400, part).await;
        }
    });
}

#[test]
fn a_domain_is_added_verified_and_removed() {
    simulate(|mut world| async move {
        let admin = Admin::sign_in(&world, "names").await;
        let added = admin.create("/domains", json!({"id": "Fabrikam.com"})).await;
        assert_eq!(
            (&added["id"], &added["isVerified"]),
            (&json!("fabrikam.com"), &json!(false))
        );
        let records = admin.get("/domains/fabrikam.com/verificationDnsRecords").await;
        assert!(records["value"][0]["text"].as_str().unwrap().starts_with("MS=ms"));
        let people = Admin::sign_in(&world, "people").await;
        let user = with(new_user("ada"), "userPrincipalName", json!("ada@fabrikam.com"));
        people
            .refused("POST", "/users", user.clone(), 400, "verified domain names")
            .await;

        let verified = admin.call("POST", "/domains/fabrikam.com/verify", None).await;
        assert_eq!(verified.json()["availabilityStatus"], "AvailableImmediately");
        assert_eq!(
            admin
                .call("POST", "/domains/fabrikam.com/verify", None)
                .await
                .status,
            400
        );
        let below = admin.create("/domains", json!({"id": "eu.fabrikam.com"})).await;
        assert_eq!(
            (&below["isVerified"], &below["isRoot"]),
            (&json!(true), &json!(false))
        );
        let ada = people.create("/users", user).await;
        let in_use = admin.call("DELETE", "/domains/fabrikam.com", None).await;
        assert_eq!(in_use.status, 400, "{}", in_use.body);
        let ada = format!("/users/{}", ada["id"].as_str().unwrap());
        people
            .done(
                "PATCH",
                &ada,
                Some(json!({"userPrincipalName": "ada@contoso.com"})),
            )
            .await;
        admin.done("DELETE", "/domains/fabrikam.com", None).await;
        assert_eq!(admin.call("GET", "/domains/fabrikam.com", None).await.status, 404);

        for (body, part) in [
            (json!({"id": "contoso.com"}), "already exists"),
            (json!({"id": "fabrikam.onmicrosoft.us"}), "already exists"),
            (json!({"id": "not a name"}), "'id' must be a domain name"),
            (json!({}), "'id' must be a domain name"),
            (
                json!({"id": "x.com", "isDefault": true}),
                "'isDefault' cannot be set",
            ),
        ] {
            admin.refused("POST", "/domains", body, 400, part).await;
        }
        let initial = admin
            .call("DELETE", "/domains/contoso.onmicrosoft.com", None)
            .await;
        assert_eq!(initial.status, 400);
        people
            .refused("POST", "/domains", json!({"id": "x.com"}), 403, "Insufficient")
            .await;

        let token = admin.token.clone();
        world.restart().await;
        let names = world.get(GRAPH, "/v1.0/domains", Some(&token)).await.json();
        assert_eq!(names["value"].as_array().unwrap().len(), 3, "nothing was lost");
    });
}
