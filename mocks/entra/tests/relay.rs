//! The relay and the engine behind it, over the wire, with an agent that is played by the test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod agent;
mod job;
mod world;

use agent::{Agent, Line, assign, registration_token};
use futures_util::SinkExt as _;
use job::{page, person, pong, query, start_job, status, team, users};
use provlab_entra::relay::{self, Purpose};
use provlab_protocol::relay::{AUTHORIZATION_HEADER, Frame, LISTENER_HEADER, MAX_FRAME_BYTES, SUBPROTOCOL};
use provlab_protocol::sas::{EscapeCase, SasToken};
use provlab_protocol::scim::{DomainPing, ErrorCode, Operation, OperationResult, ScimError, Watermark};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;
use world::*;

fn ping() -> Operation {
    Operation::Ping(DomainPing {
        domain: "contoso.com".to_owned(),
    })
}

async fn ask(world: &World) -> Result<OperationResult, ScimError> {
    relay::request(world.entra().shared(), TENANT.parse().unwrap(), ping()).await
}

async fn code(world: &World) -> ErrorCode {
    ask(world).await.unwrap_err().code
}

#[test]
fn a_request_goes_down_and_its_answer_comes_up() {
    simulate(|world| async move {
        let agent = Agent::ready(&world, "srv1.contoso.com").await;
        let mut line = agent.listen(&world).await;
        let (answer, ()) = tokio::join!(ask(&world), async {
            let request = line.request().await;
            assert_eq!(
                (request.operation.clone(), request.deadline_ms),
                (ping(), 600_000)
            );
            line.answer(request.id, Ok(pong())).await;
        });
        assert_eq!(answer.unwrap(), pong());
        let refusal = ScimError::from_ldap(49, "80090308: LdapErr");
        let (answer, ()) = tokio::join!(ask(&world), async {
            let request = line.request().await;
            line.answer(Uuid::nil(), Ok(pong())).await;
            line.answer(request.id, Err(refusal.clone())).await;
        });
        assert_eq!(answer.unwrap_err(), refusal);
    });
}

#[test]
fn the_door_checks_certificate_path_key_and_protocol() {
    simulate(|world| async move {
        let agent = Agent::ready(&world, "srv1.contoso.com").await;
        let endpoints = agent.bootstrap(&world).await.signaling_listener_endpoints;
        let endpoint = &endpoints[0];
        let now = u64::try_from(world.clock.wall().unix_timestamp()).unwrap();
        let token = |resource: &str, key: &secrecy::SecretString, expiry| {
            SasToken::sign(resource, "Connector", key, expiry, EscapeCase::Upper)
                .to_text(EscapeCase::Upper)
                .expose_secret()
                .to_owned()
        };
        let good = token(&endpoint.resource(), &endpoint.shared_access_key, now + 60);
        let old = token(&endpoint.resource(), &endpoint.shared_access_key, now);
        let other_key = token(&endpoint.resource(), &endpoints[1].shared_access_key, now + 60);
        let other_resource = token(&endpoints[1].resource(), &endpoint.shared_access_key, now + 60);
        let path = endpoint.service_path.as_str();
        let cases = [
            (old.as_str(), path, SUBPROTOCOL, 401),
            (other_key.as_str(), path, SUBPROTOCOL, 401),
            (other_resource.as_str(), path, SUBPROTOCOL, 401),
            ("", path, SUBPROTOCOL, 401),
            (good.as_str(), "elsewhere", SUBPROTOCOL, 404),
            (good.as_str(), path, "wsrelayedamqp", 400),
        ];
        for (token, path, protocol, status) in cases {
            let headers = [
                (AUTHORIZATION_HEADER, token),
                (LISTENER_HEADER, path),
                ("Sec-WebSocket-Protocol", protocol),
            ];
            assert_eq!(
                agent.open_with(&world, endpoint, &headers).await.err(),
                Some(status)
            );
        }
        let headers = [
            (AUTHORIZATION_HEADER, good.as_str()),
            (LISTENER_HEADER, path),
            ("Sec-WebSocket-Protocol", SUBPROTOCOL),
        ];
        assert!(agent.open_with(&world, endpoint, &headers).await.is_ok());
        let revoke = provlab_entra::Command::RevokeAgentCertificate {
            tenant: TENANT.to_owned(),
            agent: agent.id().to_string(),
        };
        world.entra().control(revoke).await.unwrap();
        assert_eq!(agent.open_with(&world, endpoint, &headers).await.err(), Some(403));
    });
}

#[test]
fn a_lost_listener_hands_its_request_to_another_under_the_same_id() {
    simulate(|world| async move {
        let (one, two) = (
            Agent::ready(&world, "srv1.contoso.com").await,
            Agent::ready(&world, "srv2.contoso.com").await,
        );
        let (mut first, mut second) = (one.listen(&world).await, two.listen(&world).await);
        let (answer, ()) = tokio::join!(ask(&world), async {
            let lost = first.request().await;
            drop(first);
            let again = second.request().await;
            assert_eq!(again.id, lost.id);
            second.answer(again.id, Ok(pong())).await;
        });
        assert!(answer.is_ok());
        // A listener that says it is closing gets nothing new, and may still answer what it has.
        let mut first = one.listen(&world).await;
        let (answers, ()) = tokio::join!(async { tokio::join!(ask(&world), ask(&world)) }, async {
            let (at_first, at_second) = (first.request().await, second.request().await);
            first
                .send(&Frame::Closing {
                    reason: "update".to_owned(),
                })
                .await;
            world.sleep(1).await;
            first.answer(at_first.id, Ok(pong())).await;
            second.answer(at_second.id, Ok(pong())).await;
        });
        assert!(answers.0.is_ok() && answers.1.is_ok());
        assert!(matches!(first.next().await, Some(Frame::Closing { .. })));
        assert_eq!(
            world
                .entra()
                .shared()
                .relay
                .listening(TENANT.parse().unwrap(), Purpose::Provisioning)
                .len(),
            1
        );
    });
}

#[test]
fn each_failure_has_its_documented_code() {
    simulate(|world| async move {
        assert_eq!(
            code(&world).await,
            ErrorCode::HybridIdentityServiceInvalidResource
        );
        let agent = Agent::registered(&world, "srv1.contoso.com").await;
        let token = registration_token(&world, ADMIN).await;
        let host = format!("{TENANT}.admin.msappproxy.net");
        let resource =
            json!({"displayName": "contoso.com", "resourceName": "contoso.com", "agentGroups": []});
        let path = "/onPremisesPublishingProfiles('provisioning')/publishedResources";
        let resource = world
            .call("POST", &host, path, Some(&token), Some(resource))
            .await
            .json();
        assert_eq!(
            code(&world).await,
            ErrorCode::HybridIdentityServiceNoAgentsAssigned
        );
        let path = format!("{path}('{}')", resource["id"].as_str().unwrap());
        assert_eq!(
            world
                .call("DELETE", &host, &path, Some(&token), None)
                .await
                .status,
            204
        );
        assign(&world, agent.id()).await;
        let before = world.clock.now();
        assert_eq!(code(&world).await, ErrorCode::HybridIdentityServiceNoActiveAgents);
        assert_eq!(world.clock.now(), before);
        agent.bootstrap(&world).await;
        // An active agent is given a moment to come back.
        let before = world.clock.now();
        assert_eq!(code(&world).await, ErrorCode::HybridIdentityServiceNoActiveAgents);
        assert_eq!(world.clock.now() - before, relay::LISTENER_GRACE);
        let mut line = agent.listen(&world).await;
        let (answer, ()) = tokio::join!(code(&world), async {
            line.request().await;
            drop(line);
        });
        assert_eq!(answer, ErrorCode::HybridIdentityServiceAgentSignalingError);
        let mut line = agent.listen(&world).await;
        let start = world.clock.now();
        // The agent keeps the line up and never answers.
        let answer = tokio::select! {
            answer = code(&world) => answer,
            () = async { loop { line.next().await; } } => unreachable!(),
        };
        assert_eq!(
            (answer, world.clock.now() - start),
            (ErrorCode::TimeOut, relay::REQUEST_DEADLINE)
        );
    });
}

#[test]
fn hostile_frames_end_their_connection_and_nothing_else() {
    simulate(|world| async move {
        let (good, bad) = (
            Agent::ready(&world, "srv1.contoso.com").await,
            Agent::ready(&world, "srv2.contoso.com").await,
        );
        let mut line = good.listen(&world).await;
        let endpoint = bad
            .bootstrap(&world)
            .await
            .signaling_listener_endpoints
            .swap_remove(1);
        let hello = Frame::Hello {
            connector_id: bad.id(),
            agent_version: String::new(),
        }
        .to_text()
        .unwrap();
        let foreign = Frame::Hello {
            connector_id: good.id(),
            agent_version: String::new(),
        }
        .to_text()
        .unwrap();
        let welcome = Frame::Welcome {
            listener: String::new(),
            keep_alive_ms: 1,
        }
        .to_text()
        .unwrap();
        let first: Vec<Message> = vec![
            Message::text("garbage"),
            Message::text(r#"{"v":2,"type":"hello"}"#),
            Message::binary(vec![0_u8; 16]),
            Message::text(Frame::Ping.to_text().unwrap()),
            Message::text(foreign),
            Message::text("x".repeat(MAX_FRAME_BYTES + 1)),
        ];
        for message in first {
            let mut hostile = bad.open(&world, &endpoint).await.unwrap();
            let _ = hostile.socket.send(message).await;
            assert_over(&mut hostile).await;
        }
        let later = [
            hello.clone(),
            welcome,
            "[".repeat(100_000),
            r#"{"v":1,"type":"response","id":1}"#.to_owned(),
        ];
        for message in later {
            let mut hostile = bad.open(&world, &endpoint).await.unwrap();
            hostile.socket.send(Message::text(hello.clone())).await.unwrap();
            assert!(matches!(hostile.next().await, Some(Frame::Welcome { .. })));
            let _ = hostile.socket.send(Message::text(message)).await;
            assert_over(&mut hostile).await;
        }
        // One that never says hello, and one that says nothing after it.
        let mut silent = bad.open(&world, &endpoint).await.unwrap();
        assert_over(&mut silent).await;
        let mut dead = bad.open(&world, &endpoint).await.unwrap();
        dead.socket.send(Message::text(hello)).await.unwrap();
        tokio::select! {
            () = world.sleep(60) => {}
            frame = line.next() => panic!("{frame:?}"),
        }
        assert_eq!(
            world
                .entra()
                .shared()
                .relay
                .listening(TENANT.parse().unwrap(), Purpose::Provisioning)
                .len(),
            1,
            "the silent one is gone"
        );
        let (answer, ()) = tokio::join!(ask(&world), async {
            let request = line.request().await;
            line.answer(request.id, Ok(pong())).await;
        });
        assert!(answer.is_ok());
    });
}

/// The connection ends, perhaps after a frame that says why.
async fn assert_over(line: &mut Line) {
    match line.next().await {
        None => {}
        Some(Frame::Closing { .. }) => assert_eq!(line.next().await, None),
        Some(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_job_brings_objects_and_a_crash_in_its_middle_loses_and_doubles_nothing() {
    simulate(|mut world| async move {
        let agent = Agent::ready(&world, "srv1.contoso.com").await;
        let mut line = agent.listen(&world).await;
        assert!(users(&world).await.is_empty());
        let job = start_job(&world).await;
        let (id, cookie) = query(&mut line).await;
        assert_eq!(cookie, None);
        line.answer(id, Ok(page(vec![person(1, "ann"), team(3, &[1, 2])], 1, true)))
            .await;
        let (_, cookie) = query(&mut line).await;
        assert_eq!(cookie, Some(Watermark(vec![1])));
        assert_eq!(users(&world).await, ["ann@contoso.com"]);
        // The process dies with the second page unanswered.
        world.restart().await;
        assert!(line.next().await.is_none());
        let mut line = agent.listen(&world).await;
        let (id, cookie) = query(&mut line).await;
        assert_eq!(cookie, Some(Watermark(vec![1])));
        line.answer(id, Ok(page(vec![person(2, "bob")], 2, false))).await;
        world.sleep(1).await;
        assert_eq!(users(&world).await, ["ann@contoso.com", "bob@contoso.com"]);
        let shown = status(&world, &job).await;
        assert_eq!(
            (&shown["code"], &shown["lastExecution"]["state"]),
            (&json!("Active"), &json!("Succeeded"))
        );
        assert_eq!(shown["lastExecution"]["countImported"], 3);
        let groups: Vec<usize> = world
            .entra()
            .shared()
            .db
            .read(|cloud| cloud.groups.all().map(|g| g.members.len()).collect());
        assert_eq!(groups, [2]);
        // The next cycle is incremental and comes after two minutes.
        let start = world.clock.now();
        let (id, cookie) = query(&mut line).await;
        assert_eq!(cookie, Some(Watermark(vec![2])));
        assert!((115..=120).contains(&(world.clock.now() - start).as_secs()));
        let mut gone = person(1, "ann");
        gone.deleted = true;
        line.answer(id, Ok(page(vec![gone], 3, false))).await;
        world.sleep(1).await;
        assert_eq!(users(&world).await, ["bob@contoso.com"]);
        let exports = world
            .log
            .events()
            .iter()
            .filter(|e| e.name == "job.export")
            .count();
        assert_eq!(exports, 5, "two users, one group, its members, one deletion");
    });
}

#[test]
fn without_an_agent_the_job_goes_to_quarantine_and_heals_by_itself() {
    simulate(|world| async move {
        let agent = Agent::ready(&world, "srv1.contoso.com").await;
        let job = start_job(&world).await;
        world.sleep(20).await;
        let shown = status(&world, &job).await;
        assert_eq!(shown["code"], "Quarantine");
        assert_eq!(shown["quarantine"]["reason"], "EncounteredQuarantineException");
        assert_eq!(
            shown["quarantine"]["error"]["code"],
            "HybridIdentityServiceNoActiveAgents"
        );
        let token = world.token().await;
        let check = world
            .call(
                "POST",
                GRAPH,
                &format!("{job}/validateCredentials"),
                Some(&token),
                None,
            )
            .await;
        assert!(
            check.status >= 400 && check.body.contains("HybridIdentityServiceNoActiveAgents"),
            "{}",
            check.body
        );
        let mut line = agent.listen(&world).await;
        let (id, _) = query(&mut line).await;
        line.answer(id, Ok(page(vec![person(1, "ann")], 1, false))).await;
        world.sleep(1).await;
        assert_eq!(status(&world, &job).await["code"], "Active");
        // Paused, it asks no more.
        assert_eq!(
            world
                .call("POST", GRAPH, &format!("{job}/pause"), Some(&token), None)
                .await
                .status,
            204
        );
        let quiet = world
            .clock
            .timeout(std::time::Duration::from_secs(600), line.next())
            .await;
        assert!(quiet.is_err());
    });
}
