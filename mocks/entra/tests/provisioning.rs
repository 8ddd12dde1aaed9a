//! What Graph shows of a job: its status, the provisioning log, provisioning on demand (CS 5.7, 6.3, 6.5, 6.8). The shapes are snapshots,
//! and every documented member is looked for by name.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod agent;
mod job;
mod world;

use agent::{Agent, Line};
use job::{page, person, pong, query, start_job, status, team, users};
use provlab_protocol::scim::{Operation, OperationResult, Resource};
use serde_json::{Value, json};
use world::*;

/// Members of `status` (CS 6.3).
const STATUS: [&str; 12] = [
    "code",
    "countSuccessiveCompleteFailures",
    "escrowsPruned",
    "lastExecution",
    "lastSuccessfulExecution",
    "lastSuccessfulExecutionWithExports",
    "progress",
    "quarantine",
    "steadyStateFirstAchievedTime",
    "steadyStateLastAchievedTime",
    "synchronizedEntryCountByType",
    "troubleshootingUrl",
];
/// Members of an execution (CS 6.3).
const EXECUTION: [&str; 14] = [
    "activityIdentifier",
    "countEntitled",
    "countEntitledForProvisioning",
    "countEscrowed",
    "countEscrowedRaw",
    "countExported",
    "countExports",
    "countImported",
    "countImportedDeltas",
    "countImportedReferenceDeltas",
    "error",
    "state",
    "timeBegan",
    "timeEnded",
];
/// Members of `quarantine` (CS 6.3).
const QUARANTINE: [&str; 6] = [
    "currentBegan",
    "error",
    "nextAttempt",
    "reason",
    "seriesBegan",
    "seriesCount",
];
/// Members of a `provisioningObjectSummary` (CS 6.8).
const SUMMARY: [&str; 17] = [
    "action",
    "activityDateTime",
    "changeId",
    "cycleId",
    "durationInMilliseconds",
    "id",
    "initiatedBy",
    "jobId",
    "modifiedProperties",
    "provisioningStatusInfo",
    "provisioningSteps",
    "servicePrincipal",
    "sourceIdentity",
    "sourceSystem",
    "targetIdentity",
    "targetSystem",
    "tenantId",
];
/// Members of the value of provisioning on demand (CS 6.5, PR 10.1).
const ON_DEMAND: [&str; 14] = [
    "action",
    "changeId",
    "cycleId",
    "endTime",
    "jobId",
    "modifiedProperties",
    "provisioningSteps",
    "reportableIdentifier",
    "sourceIdentity",
    "sourceSystem",
    "startTime",
    "statusInfo",
    "targetIdentity",
    "targetSystem",
];

fn has(object: &Value, members: &[&str]) {
    for member in members {
        assert!(object.get(member).is_some(), "{member} is missing in {object}");
    }
}

/// Compares with a snapshot in which ids and times stand for any.
fn snapshot(name: &str, shown: &Value) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/graph");
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "{guid}",
    );
    settings.add_filter(r"[0-9a-f]{32}", "{hex}");
    settings.add_filter(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z", "{time}");
    settings.bind(|| insta::assert_json_snapshot!(name, shown));
}

async fn one_cycle(world: &World, line: &mut Line, resources: Vec<Resource>, cookie: u8) {
    let (id, _) = query(line).await;
    line.answer(id, Ok(page(resources, cookie, false))).await;
    world.sleep(1).await;
}

async fn ready(world: &World) -> (Line, String) {
    let agent = Agent::ready(world, "srv1.contoso.com").await;
    let line = agent.listen(world).await;
    let job = start_job(world).await;
    (line, job)
}

#[test]
fn a_job_shows_what_it_did_and_why_it_is_in_quarantine() {
    simulate(|world| async move {
        let (mut line, job) = ready(&world).await;
        one_cycle(&world, &mut line, vec![person(1, "ann"), team(3, &[1])], 1).await;
        let shown = status(&world, &job).await;
        has(&shown, &STATUS);
        has(&shown["lastExecution"], &EXECUTION);
        snapshot("job-status", &shown);
        drop(line);
        world.sleep(40 * 60).await;
        let shown = status(&world, &job).await;
        assert_eq!(shown["code"], "Quarantine");
        has(&shown["quarantine"], &QUARANTINE);
        has(
            &shown["quarantine"]["error"],
            &["code", "message", "tenantActionable"],
        );
        assert_eq!(shown["quarantine"]["reason"], "EncounteredQuarantineException");
        assert_eq!(
            shown["quarantine"]["error"]["code"],
            "HybridIdentityServiceNoActiveAgents"
        );
    });
}

#[test]
fn the_provisioning_log_tells_what_was_done_to_whom() {
    simulate(|world| async move {
        let (mut line, _) = ready(&world).await;
        let mut system = person(2, "Administrator");
        system
            .attributes
            .insert("isCriticalSystemObject".to_owned(), vec!["TRUE".to_owned()]);
        one_cycle(&world, &mut line, vec![person(1, "ann"), system], 1).await;
        let token = world.token().await;
        let entries = world
            .get(GRAPH, "/v1.0/auditLogs/provisioning", Some(&token))
            .await
            .json();
        let entries = entries["value"].as_array().unwrap().clone();
        assert_eq!(entries.len(), 2);
        for entry in &entries {
            has(entry, &SUMMARY);
        }
        let by = |status: &str| {
            entries
                .iter()
                .find(|e| e["provisioningStatusInfo"]["status"] == status)
                .unwrap_or_else(|| panic!("{status}"))
        };
        snapshot("provisioning-log-create", by("success"));
        // CS 5.8: filtered objects have a source id only.
        let skipped = by("skipped");
        assert_eq!(skipped["targetIdentity"]["id"], "");
        snapshot("provisioning-log-skipped", skipped);
        let filter = "/v1.0/auditLogs/provisioning?$filter=action%20eq%20'create'";
        let found = world.get(GRAPH, filter, Some(&token)).await.json();
        assert_eq!(found["value"].as_array().unwrap().len(), 1);
        // CS 6.8: five requests in ten seconds.
        let mut statuses = Vec::new();
        for _ in 0..6 {
            statuses.push(
                world
                    .get(GRAPH, "/v1.0/auditLogs/provisioning", Some(&token))
                    .await
                    .status,
            );
        }
        assert!(statuses.contains(&429), "{statuses:?}");
    });
}

async fn on_demand(world: &World, job: &str, line: &mut Line, answer: Option<Resource>) -> Value {
    let token = world.token().await;
    let name = "CN=ann,DC=contoso,DC=com";
    let body =
        json!({"parameters": [{"ruleId": "", "subjects": [{"objectId": name, "objectTypeName": "user"}]}]});
    let path = format!("{job}/provisionOnDemand");
    let (shown, ()) = tokio::join!(
        world.call("POST", GRAPH, &path, Some(&token), Some(body)),
        async {
            loop {
                let request = line.request().await;
                match request.operation {
                    Operation::Ping(_) => line.answer(request.id, Ok(pong())).await,
                    Operation::Get(_) => {
                        return line
                            .answer(request.id, Ok(OperationResult::Resource(answer)))
                            .await;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    );
    assert_eq!(shown.status, 200, "{}", shown.body);
    let pair = shown.json();
    let key: Value = serde_json::from_str(pair["key"].as_str().unwrap()).unwrap();
    let value: Value = serde_json::from_str(pair["value"].as_str().unwrap()).unwrap();
    json!({"key": key, "value": value})
}

#[test]
fn provisioning_on_demand_goes_through_four_steps() {
    simulate(|world| async move {
        let (mut line, job) = ready(&world).await;
        one_cycle(&world, &mut line, vec![], 1).await;
        let whole = |name: &str| Resource {
            partial: false,
            ..person(1, name)
        };
        let shown = on_demand(&world, &job, &mut line, Some(whole("ann"))).await;
        has(&shown["value"], &ON_DEMAND);
        assert_eq!(
            (&shown["key"]["result"], &shown["value"]["action"]),
            (&json!("Success"), &json!("Create"))
        );
        let kinds: Vec<&str> = shown["value"]["provisioningSteps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["type"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["Import", "Matching", "Scoping", "Export"]);
        snapshot("on-demand-create", &shown);
        assert_eq!(users(&world).await, ["ann@contoso.com"]);
        let again = on_demand(&world, &job, &mut line, Some(whole("ann"))).await;
        assert_eq!(
            (
                &again["key"]["result"],
                &again["value"]["statusInfo"]["errorCode"]
            ),
            (&json!("Skipped"), &json!("RedundantExport"))
        );
        let mut filtered = whole("ann");
        filtered
            .attributes
            .insert("adminDescription".to_owned(), vec!["User_1".to_owned()]);
        let left = on_demand(&world, &job, &mut line, Some(filtered.clone())).await;
        assert_eq!(left["value"]["action"], "Delete");
        assert!(users(&world).await.is_empty());
        let skipped = on_demand(&world, &job, &mut line, Some(filtered)).await;
        assert_eq!(skipped["key"]["result"], "Skipped");
        let nobody = on_demand(&world, &job, &mut line, None).await;
        assert_eq!(nobody["key"]["result"], "Failure");
        snapshot("on-demand-not-found", &nobody);
    });
}

#[test]
fn provisioning_on_demand_refuses_what_it_cannot_do() {
    simulate(|world| async move {
        let (_line, job) = ready(&world).await;
        let token = world.token().await;
        let path = format!("{job}/provisionOnDemand");
        let subject = |extra: Value| {
            let mut subject = json!({"objectId": "CN=g,DC=contoso,DC=com", "objectTypeName": "group"});
            subject
                .as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            json!({"parameters": [{"ruleId": "", "subjects": [subject]}]})
        };
        let six = vec![json!({"objectId": "CN=m,DC=contoso,DC=com", "objectTypeName": "user"}); 6];
        let bodies = [
            (json!({"parameters": []}), "parameters"),
            (subject(json!({"objectId": " "})), "objectId"),
            (subject(json!({"objectTypeName": "device"})), "objectTypeName"),
            (subject(json!({"links": {"members": six}})), "at most 5 members"),
        ];
        for (body, told) in bodies {
            let answer = world.call("POST", GRAPH, &path, Some(&token), Some(body)).await;
            assert_eq!(answer.status, 400);
            assert!(answer.body.contains(told), "{told}: {}", answer.body);
        }
    });
}

#[test]
fn a_schema_that_cannot_be_followed_is_refused_with_its_place() {
    simulate(|world| async move {
        let (_line, job) = ready(&world).await;
        let token = world.token().await;
        let path = format!("{job}/schema");
        let mut schema = world.get(GRAPH, &path, Some(&token)).await.json();
        schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"][6]["source"] =
            json!({"type": "Function", "name": "x", "expression": "Trim([cn]"});
        let refused = world
            .call("PUT", GRAPH, &path, Some(&token), Some(schema.clone()))
            .await;
        assert_eq!(refused.status, 400);
        let place = "synchronizationRules[0].objectMappings[0].attributeMappings[6].source.expression";
        assert!(refused.body.contains(place), "{}", refused.body);
        schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"][6]["source"] =
            json!({"type": "Function", "name": "x", "expression": "Trim([cn])"});
        assert_eq!(
            world
                .call("PUT", GRAPH, &path, Some(&token), Some(schema))
                .await
                .status,
            204
        );
    });
}
