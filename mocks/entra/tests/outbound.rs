//! Group provisioning to Active Directory and schema discovery over the wire: Graph on one side, an agent that is played by the test on
//! the other.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod agent;
mod world;

use std::collections::BTreeSet;

use agent::{Agent, Line};
use provlab_entra::engine::outbound::{Provisioned, provision};
use provlab_protocol::scim::{
    AttributeDefinition, AttributeType, DirectorySchema, ErrorCode, GroupAction, GroupDeleted, GroupWritten,
    ObjectDefinition, Operation, OperationResult, Pong, PutGroup, ScimError,
};
use serde_json::{Value, json};
use uuid::Uuid;
use world::*;

const GROUP_GUID: Uuid = Uuid::from_u128(0xadad);

/// A service principal for contoso.com with one job of the template; their address and the job's id.
async fn job_of(world: &World, template: &str) -> (String, String) {
    let token = world.token().await;
    let instantiate = "/beta/applicationTemplates/1a4721b3-e57f-4451-ae87-ef078703ec94/instantiate";
    let body = json!({"displayName": "contoso.com"});
    let answer = world
        .call("POST", GRAPH, instantiate, Some(&token), Some(body))
        .await;
    let principal = answer.json()["servicePrincipal"]["objectId"]
        .as_str()
        .unwrap()
        .to_owned();
    let base = format!("/beta/servicePrincipals/{principal}/synchronization");
    let body = json!({"templateId": template});
    let answer = world
        .call("POST", GRAPH, &format!("{base}/jobs"), Some(&token), Some(body))
        .await;
    let job = answer.json()["id"].as_str().unwrap().to_owned();
    let secrets = json!({"value": [{"key": "Domain", "value": r#"{"domain":"contoso.com"}"#}]});
    let answer = world
        .call(
            "PUT",
            GRAPH,
            &format!("{base}/secrets"),
            Some(&token),
            Some(secrets),
        )
        .await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    (format!("{base}/jobs/{job}"), job)
}

/// A security group that an administrator of groups makes in the cloud.
async fn group(world: &World, name: &str) -> Uuid {
    let token = world.token_of("people").await;
    let body =
        json!({"displayName": name, "mailEnabled": false, "mailNickname": "sales", "securityEnabled": true});
    let answer = world
        .call("POST", GRAPH, "/v1.0/groups", Some(&token), Some(body))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().parse().unwrap()
}

async fn pong(line: &mut Line) {
    let request = line.request().await;
    assert!(matches!(request.operation, Operation::Ping(_)), "{request:?}");
    let pong = Pong {
        domain: "contoso.com".to_owned(),
        domain_controller: "dc1.contoso.com".to_owned(),
    };
    line.answer(request.id, Ok(OperationResult::Pong(pong))).await;
}

fn written(action: GroupAction) -> OperationResult {
    OperationResult::Group(GroupWritten {
        id: GROUP_GUID,
        dn: "CN=Sales,OU=Groups,DC=contoso,DC=com".to_owned(),
        action,
        changed: Vec::new(),
        members_added: 0,
        members_removed: 0,
        unresolved: Vec::new(),
    })
}

async fn put(line: &mut Line, action: GroupAction) -> PutGroup {
    let request = line.request().await;
    let Operation::PutGroup(put) = request.operation else {
        panic!("{request:?}");
    };
    line.answer(request.id, Ok(written(action))).await;
    put
}

async fn status(world: &World, job: &str) -> Value {
    let token = world.token().await;
    world.get(GRAPH, job, Some(&token)).await.json()["status"].clone()
}

#[test]
fn a_group_of_the_cloud_goes_to_the_directory_every_twenty_minutes() {
    simulate(|world| async move {
        let agent = Agent::ready(&world, "srv1.contoso.com").await;
        let mut line = agent.listen(&world).await;
        let sales = group(&world, "Sales").await;
        let (job, _) = job_of(&world, "AAD2ADGroupProvisioning").await;
        let token = world.token().await;
        // The container is chosen in the schema; a schema of the other direction is refused with its place.
        let schema_path = format!("{job}/schema");
        let mut schema = world.get(GRAPH, &schema_path, Some(&token)).await.json();
        let mappings = schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]
            .as_array_mut()
            .unwrap();
        let container = mappings
            .iter_mut()
            .find(|mapping| mapping["targetAttributeName"] == "parentDistinguishedName")
            .unwrap();
        assert_eq!(container["source"]["name"], "OU=Users,DC=contoso,DC=com");
        container["source"]["name"] = json!("OU=Groups,DC=contoso,DC=com");
        let answer = world
            .call("PUT", GRAPH, &schema_path, Some(&token), Some(schema.clone()))
            .await;
        assert_eq!(answer.status, 204, "{}", answer.body);
        schema["synchronizationRules"][0]["objectMappings"][0]["sourceObjectName"] = json!("user");
        let answer = world
            .call("PUT", GRAPH, &schema_path, Some(&token), Some(schema))
            .await;
        assert_eq!(answer.status, 400);
        assert!(
            answer
                .body
                .contains("synchronizationRules[0].objectMappings[0].sourceObjectName"),
            "{}",
            answer.body
        );
        let started = world
            .call("POST", GRAPH, &format!("{job}/start"), Some(&token), None)
            .await;
        assert_eq!(started.status, 204);
        pong(&mut line).await;
        let put_group = put(&mut line, GroupAction::Created).await;
        assert_eq!(put_group.external_id, format!("Group_{sales}"));
        assert_eq!(put_group.parent, "OU=Groups,DC=contoso,DC=com");
        assert_eq!(put_group.name, format!("Sales_{}", &sales.to_string()[24..]));
        world.sleep(1).await;
        let found = status(&world, &job).await;
        assert_eq!(found["code"], "Active");
        assert_eq!(found["lastExecution"]["countExported"], 1);
        assert_eq!(
            found["synchronizedEntryCountByType"],
            json!([{"key": "Group to group", "value": 1}])
        );
        // Nothing changed: twenty minutes later a ping is all there is; then the group is deleted for good.
        let began = world.clock.now();
        pong(&mut line).await;
        let waited = (world.clock.now() - began).as_secs();
        assert!((1_190..=1_201).contains(&waited), "{waited}");
        let people = world.token_of("people").await;
        world
            .call(
                "DELETE",
                GRAPH,
                &format!("/v1.0/groups/{sales}"),
                Some(&people),
                None,
            )
            .await;
        pong(&mut line).await;
        let request = line.request().await;
        assert!(
            matches!(request.operation, Operation::DeleteGroup(_)),
            "{request:?}"
        );
        let deleted = OperationResult::Deleted(GroupDeleted { id: Some(GROUP_GUID) });
        line.answer(request.id, Ok(deleted)).await;
        pong(&mut line).await;
    });
}

#[test]
fn one_group_is_provisioned_on_demand() {
    simulate(|world| async move {
        let agent = Agent::ready(&world, "srv1.contoso.com").await;
        let mut line = agent.listen(&world).await;
        let sales = group(&world, "Sales").await;
        let (_, job) = job_of(&world, "AAD2ADGroupProvisioning").await;
        let (shared, tenant) = (world.entra().shared(), TENANT.parse().unwrap());
        let nobody = BTreeSet::new();
        let (done, _) = tokio::join!(
            provision(shared, tenant, &job, sales, &nobody),
            put(&mut line, GroupAction::Created)
        );
        let done = done.unwrap();
        let expected = Provisioned::Done {
            created: true,
            changed: true,
        };
        assert_eq!(done.outcome, expected);
        assert_eq!(done.row.unwrap().guid, Some(GROUP_GUID));
        let again = provision(shared, tenant, &job, sales, &nobody).await.unwrap();
        let expected = Provisioned::Done {
            created: false,
            changed: false,
        };
        assert_eq!(again.outcome, expected);
        let six = (0..6).map(Uuid::from_u128).collect();
        assert!(provision(shared, tenant, &job, sales, &six).await.is_err());
    });
}

#[test]
fn graph_provisions_a_group_on_demand_and_logs_which_way_it_went() {
    simulate(|world| async move {
        let agent = Agent::ready(&world, "srv1.contoso.com").await;
        let mut line = agent.listen(&world).await;
        let sales = group(&world, "Sales").await.to_string();
        let (job, _) = job_of(&world, "AAD2ADGroupProvisioning").await;
        let token = world.token().await;
        let path = format!("{job}/provisionOnDemand");
        let ask = async |kind: &str, id: &str, members: Value| {
            let subject = json!({"objectId": id, "objectTypeName": kind, "links": {"members": members}});
            let body = json!({"parameters": [{"ruleId": "", "subjects": [subject]}]});
            world.call("POST", GRAPH, &path, Some(&token), Some(body)).await
        };
        let nobody = json!([]);
        let (answer, _) = tokio::join!(
            ask("Group", &sales, nobody.clone()),
            put(&mut line, GroupAction::Created)
        );
        assert_eq!(answer.status, 200, "{}", answer.body);
        let value: Value = serde_json::from_str(answer.json()["value"].as_str().unwrap()).unwrap();
        assert_eq!(value["action"], "Create");
        assert_eq!(value["sourceSystem"]["name"], "Azure Active Directory");
        assert_eq!(value["targetSystem"]["name"], "Active Directory");
        assert_eq!(
            value["sourceIdentity"],
            json!({"id": sales.clone(), "type": "Group"})
        );
        assert_eq!(value["targetIdentity"]["id"], GROUP_GUID.to_string());
        let again = ask("Group", &sales, nobody.clone()).await.json();
        let key: Value = serde_json::from_str(again["key"].as_str().unwrap()).unwrap();
        assert_eq!(
            key,
            json!({"result": "Skipped", "details": {"errorCode": "RedundantExport",
                   "errorMessage": "The group is in Active Directory as it is in Microsoft Entra ID."}})
        );
        let log = world
            .get(GRAPH, "/v1.0/auditLogs/provisioning", Some(&token))
            .await
            .json();
        assert_eq!(
            log["value"][0]["sourceSystem"]["displayName"],
            "Azure Active Directory"
        );
        assert_eq!(log["value"][0]["targetSystem"]["displayName"], "Active Directory");
        // What cannot be done is told with its place.
        world.sleep(10).await;
        let stranger = Uuid::from_u128(5).to_string();
        let member = json!([{"objectId": "CN=ann", "objectTypeName": "User"}]);
        let refusals = [
            ("user", sales.clone(), nobody.clone(), 400, "objectTypeName"),
            (
                "Group",
                "CN=Sales,DC=contoso,DC=com".to_owned(),
                nobody.clone(),
                400,
                "subjects[0].objectId",
            ),
            ("Group", sales.clone(), member, 400, "links.members.objectId"),
            ("Group", stranger, nobody, 404, "there is no group"),
        ];
        for (kind, id, members, status, told) in refusals {
            let answer = ask(kind, &id, members).await;
            assert_eq!(answer.status, status, "{}", answer.body);
            assert!(answer.body.contains(told), "{told}: {}", answer.body);
        }
    });
}

#[test]
fn the_schema_of_the_directory_is_discovered_through_the_agent() {
    simulate(|world| async move {
        let agent = Agent::ready(&world, "srv1.contoso.com").await;
        let mut line = agent.listen(&world).await;
        let (job, _) = job_of(&world, "AD2AADProvisioning").await;
        let token = world.token().await;
        let discover = async |job: &str, directory: &str| {
            let path = format!("{job}/schema/directories/{}/discover", escape(directory));
            world.call("POST", GRAPH, &path, Some(&token), None).await
        };
        let (answer, ()) = tokio::join!(discover(&job, "Active Directory"), async {
            let request = line.request().await;
            let Operation::Discover(asked) = request.operation else {
                panic!("{request:?}");
            };
            assert_eq!(
                asked.object_classes,
                ["user", "inetOrgPerson", "group", "contact"]
            );
            let attribute = |name: &str, kind, multivalued, read_only| AttributeDefinition {
                name: name.to_owned(),
                kind,
                multivalued,
                required: false,
                read_only,
            };
            let group = ObjectDefinition {
                name: "group".to_owned(),
                attributes: vec![
                    attribute("member", AttributeType::Reference, true, false),
                    attribute("objectGUID", AttributeType::Binary, false, true),
                ],
            };
            let schema = DirectorySchema { objects: vec![group] };
            line.answer(request.id, Ok(OperationResult::Schema(schema))).await;
        });
        assert_eq!(answer.status, 200, "{}", answer.body);
        let found = answer.json();
        assert_eq!(found["id"], "Active Directory");
        assert!(
            found["discoverabilities"]
                .as_str()
                .unwrap()
                .contains("AttributeNames")
        );
        assert!(found["version"].as_str().unwrap().parse::<Uuid>().is_ok());
        assert!(
            found["discoveryDateTime"]
                .as_str()
                .unwrap()
                .starts_with("2026-01-02T03:0")
        );
        assert_eq!(
            found["objects"],
            json!([{"name": "group", "metadata": [], "attributes": [
                {"anchor": false, "apiExpressions": [], "caseExact": false, "defaultValue": null, "flowNullValues": false,
                 "metadata": [], "multivalued": true, "mutability": "ReadWrite", "name": "member",
                 "referencedObjects": [{"referencedObjectName": "group", "referencedProperty": null}],
                 "required": false, "type": "Reference"},
                {"anchor": true, "apiExpressions": [], "caseExact": false, "defaultValue": null, "flowNullValues": false,
                 "metadata": [], "multivalued": false, "mutability": "ReadOnly", "name": "objectGUID",
                 "referencedObjects": [], "required": false, "type": "Binary"},
            ]}])
        );
        // An agent's error is told with its code.
        let (answer, ()) = tokio::join!(discover(&job, "Active Directory"), async {
            let request = line.request().await;
            line.answer(request.id, Err(ScimError::from_ldap(50, "00002098")))
                .await;
        });
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.code(),
            ErrorCode::HybridSynchronizationActiveDirectoryInsufficientAccessRights.as_str()
        );
        // The cloud's own directory, an unknown one, and a job that writes to the directory.
        assert_eq!(discover(&job, "Azure Active Directory").await.status, 400);
        assert_eq!(discover(&job, "Novell").await.status, 404);
        let (outbound, _) = job_of(&world, "AAD2ADGroupProvisioning").await;
        assert_eq!(discover(&outbound, "Active Directory").await.status, 400);
    });
}
