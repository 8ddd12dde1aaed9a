//! Self-service password reset with an agent that is played by hand: onboarding, packages, outcomes, and who is told what.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod agent;
mod world;

use agent::{Agent, Line};
use provlab_entra::state::{DbError, OnPremises, User};
use provlab_protocol::guid::Guid;
use provlab_protocol::his::bootstrap::SignalingListenerEndpoint;
use provlab_protocol::immutable_id::ImmutableId;
use provlab_protocol::relay::Frame;
use provlab_protocol::scim::{Operation, OperationResult};
use provlab_protocol::writeback::{
    Action, ContentKey, Failure, FailureCode, HeartbeatAnswer, Outcome, SealedOutcome, SealedRequest,
    WritebackConfigured, WritebackRequest,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;
use world::*;

const PORTAL: &str = "passwordreset.microsoftonline.com";
const USER: &str = "synced@contoso.onmicrosoft.com";
const SECRET: &str = "C4nary-Passw0rd!";
const ANCHOR: Guid = Guid::from_u128(0x1122_3344_5566_7788_99aa_bbcc_ddee_ff00);
const METHOD: &str = "28c10230-6103-485e-b985-444c60001490";

/// Makes the user a synchronized one of contoso.com.
fn synchronize(world: &World) {
    let tenant: Uuid = TENANT.parse().unwrap();
    let db = &world.entra().shared().db;
    db.write::<_, DbError>(|txn| {
        let id = txn.cloud().user_named(tenant, USER).unwrap().id.to_string();
        txn.update(tenant, &id, |user: &mut User| {
            user.on_premises = Some(OnPremises {
                immutable_id: Some(ImmutableId::from_guid(ANCHOR).to_string()),
                domain_name: Some("contoso.com".to_owned()),
                ..OnPremises::new()
            });
        });
        Ok(())
    })
    .unwrap();
}

async fn options(world: &World, options: Value) -> Answer {
    let token = world.token_of("admin").await;
    let path = "/onPremisesIntegration";
    world
        .call("PATCH", PORTAL, path, Some(&token), Some(options))
        .await
}

async fn status(world: &World) -> String {
    let token = world.token_of("admin").await;
    let shown = world
        .get(PORTAL, "/onPremisesIntegration", Some(&token))
        .await
        .json();
    shown["status"].as_str().unwrap().to_owned()
}

async fn heartbeat(world: &World, agent: &Agent, version: &str) -> Answer {
    heartbeat_with(world, agent, &agent.key.spki_der(), version).await
}

async fn heartbeat_with(world: &World, agent: &Agent, spki: &[u8], version: &str) -> Answer {
    use base64::Engine as _;
    let key = base64::engine::general_purpose::STANDARD.encode(spki);
    let body = json!({ "agentVersion": version, "publicKey": key }).to_string();
    agent.post(world, PORTAL, "/writeback/heartbeat", body).await
}

/// An agent that has onboarded, with its lines for provisioning and for passwords.
async fn onboarded(world: &World) -> (Agent, Line, Line) {
    let agent = Agent::ready(world, "srv1.contoso.com").await;
    let mut line = agent.listen(world).await;
    let on = json!({ "writeBack": true, "withCloudSync": true, "selfService": true });
    assert_eq!(options(world, on).await.status, 200);
    let request = line.request().await;
    assert!(matches!(request.operation, Operation::ConfigureWriteback(ref told) if told.enabled));
    let configured = OperationResult::WritebackConfigured(WritebackConfigured { enabled: true });
    line.answer(request.id, Ok(configured)).await;
    let answer = heartbeat(world, &agent, "1.1.1586.0").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer: HeartbeatAnswer = serde_json::from_str(&answer.body).unwrap();
    assert!(answer.enabled && !answer.new_key_wanted && answer.period_ms == 300_000);
    assert_eq!(answer.relays.len(), 2, "two relays per tenant");
    let relay = &answer.relays[0];
    let endpoint = SignalingListenerEndpoint::new(
        &relay.namespace,
        &relay.domain,
        &relay.service_path,
        relay.shared_access_key.clone(),
    );
    let mut passwords = agent.open(world, &endpoint).await.unwrap();
    let hello = Frame::Hello {
        connector_id: agent.id(),
        agent_version: "1.1.1586.0".to_owned(),
    };
    passwords.send(&hello).await;
    assert!(matches!(passwords.next().await, Some(Frame::Welcome { .. })));
    world.clock.sleep(std::time::Duration::from_millis(1)).await;
    (agent, line, passwords)
}

async fn reset(world: &World) -> Answer {
    let body = json!({ "user": USER, "newPassword": SECRET });
    world.call("POST", PORTAL, "/reset", None, Some(body)).await
}

/// Takes the next package.
async fn take(line: &mut Line, agent: &Agent) -> (SealedRequest, ContentKey, WritebackRequest) {
    let request = line.request().await;
    let Operation::Writeback(sealed) = request.operation else {
        panic!("another operation")
    };
    assert_eq!(sealed.binding.message_id, request.id);
    let unwrapped = agent
        .key
        .decrypt_oaep_sha256(sealed.wrapped_key().unwrap())
        .unwrap();
    let key = ContentKey::unwrapped(&unwrapped).unwrap();
    let opened = sealed.open(&key).unwrap();
    (*sealed, key, opened)
}

async fn answer(line: &mut Line, sealed: &SealedRequest, key: &ContentKey, outcome: &Outcome) {
    let answer = SealedOutcome::seal(&sealed.binding, outcome, key, &[7; 12]).unwrap();
    line.answer(
        sealed.binding.message_id,
        Ok(OperationResult::WrittenBack(answer)),
    )
    .await;
}

#[test]
fn the_second_option_waits_for_an_agent_and_every_state_has_its_text() {
    simulate(|world| async move {
        let on = json!({ "writeBack": true, "withCloudSync": true });
        let refused = options(&world, on).await;
        assert_eq!((refused.status, refused.code().as_str()), (400, "NotDetected"));
        let plain = world.token_of("plain").await;
        let denied = world.get(PORTAL, "/onPremisesIntegration", Some(&plain)).await;
        assert_eq!(denied.status, 403);
        assert_eq!(
            world.get(PORTAL, "/onPremisesIntegration", None).await.status,
            401
        );
        assert!(status(&world).await.contains("has not been properly configured"));
        synchronize(&world);
        assert_eq!(reset(&world).await.code(), "SSPR_009");

        let (agent, line, passwords) = onboarded(&world).await;
        assert_eq!(
            status(&world).await,
            "Your on-premises writeback client is up and running."
        );
        // Heartbeats, and not only a connection, are what the client is known by.
        world.sleep(11 * 60).await;
        assert!(
            status(&world)
                .await
                .contains("can't connect to your on-premises writeback client right now")
        );
        drop((agent, line, passwords));
    });
}

#[test]
fn a_heartbeat_needs_a_certificate_and_a_version() {
    simulate(|world| async move {
        let agent = Agent::ready(&world, "srv1.contoso.com").await;
        let off: HeartbeatAnswer =
            serde_json::from_str(&heartbeat(&world, &agent, "1.1.1586.0").await.body).unwrap();
        assert!(!off.enabled && off.relays.is_empty(), "nothing is enabled");
        assert_eq!(heartbeat(&world, &agent, "1.1.972.0").await.status, 400);
        let body = json!({ "agentVersion": "1.1.1586.0", "publicKey": "" });
        let stranger = world
            .call("POST", PORTAL, "/writeback/heartbeat", None, Some(body))
            .await;
        assert_eq!(stranger.status, 403);
        let long = format!(r#"{{"agentVersion":"{}","publicKey":""}}"#, "1".repeat(8 * 1024));
        let long = agent.post(&world, PORTAL, "/writeback/heartbeat", long).await;
        assert_eq!(long.status, 413);
    });
}

#[test]
fn the_user_waits_for_the_outcome_and_believes_only_a_sealed_one() {
    simulate(|world| async move {
        synchronize(&world);
        let (agent, _line, mut passwords) = onboarded(&world).await;
        let success = async {
            let (sealed, key, request) = take(&mut passwords, &agent).await;
            assert_eq!(request.anchor.guid(), ANCHOR);
            assert!(
                matches!(&request.action, Action::SelfServiceReset { new } if new.expose_secret() == SECRET)
            );
            answer(&mut passwords, &sealed, &key, &Outcome::Success).await;
        };
        let (told, ()) = tokio::join!(reset(&world), success);
        assert_eq!((told.status, told.json()), (200, json!({ "outcome": "success" })));

        let refused = async {
            let (sealed, key, _) = take(&mut passwords, &agent).await;
            let failure = Failure::new(FailureCode::Permissions, "00000005: SecErr");
            answer(&mut passwords, &sealed, &key, &failure.into()).await;
        };
        let (told, ()) = tokio::join!(reset(&world), refused);
        assert_eq!(told.code(), "SSPR_0029");
        assert_eq!(told.json()["error"]["event"]["id"], 33_004);

        // The answer to one request is none to another, and words without a seal are none at all.
        let forged = async {
            let (sealed, key, _) = take(&mut passwords, &agent).await;
            let mut other = sealed.binding.clone();
            other.expires += 1;
            let answer = SealedOutcome::seal(&other, &Outcome::Success, &key, &[7; 12]).unwrap();
            passwords
                .answer(
                    sealed.binding.message_id,
                    Ok(OperationResult::WrittenBack(answer)),
                )
                .await;
        };
        let (told, ()) = tokio::join!(reset(&world), forged);
        assert_eq!(told.code(), "SSPR_0029");

        // Nobody answers: three minutes, and no longer.
        let begun = world.clock.now();
        let (told, taken) = tokio::join!(reset(&world), take(&mut passwords, &agent));
        assert_eq!((told.status, told.code().as_str()), (504, "SSPR_0029"));
        let waited = world.clock.now() - begun;
        assert!(waited >= provlab_entra::sspr::MESSAGE_LIFE, "{waited:?}");
        assert!(taken.0.binding.is_expired_at(world.clock.wall()));
        for event in world.log.events() {
            assert!(!format!("{event:?}").contains(SECRET), "{event:?}");
        }
    });
}

#[test]
fn an_administrator_asks_after_the_operation() {
    simulate(|world| async move {
        synchronize(&world);
        let (agent, _line, mut passwords) = onboarded(&world).await;
        let path = format!("/v1.0/users/{USER}/authentication/methods/{METHOD}/resetPassword");
        let body = json!({ "newPassword": SECRET });
        for name in ["admin", "people"] {
            let token = world.token_of(name).await;
            let denied = world
                .call("POST", GRAPH, &path, Some(&token), Some(body.clone()))
                .await;
            assert_eq!(denied.status, 403, "{name} manages no authentication methods");
        }
        let tenant: Uuid = TENANT.parse().unwrap();
        let db = &world.entra().shared().db;
        db.write::<_, DbError>(|txn| {
            let admin = txn.cloud().user_named(tenant, ADMIN).unwrap().id.to_string();
            txn.update(tenant, &admin, |user: &mut User| {
                user.roles
                    .insert(provlab_protocol::oauth::AUTHENTICATION_ADMINISTRATOR);
            });
            Ok(())
        })
        .unwrap();
        let token = world.token_of("admin").await;
        let begun = world.call("POST", GRAPH, &path, Some(&token), Some(body)).await;
        assert_eq!(begun.status, 202, "{}", begun.body);
        assert!(!begun.body.contains(SECRET));
        let place = begun.headers["location"].to_str().unwrap().to_owned();
        let place = place
            .strip_prefix("https://graph.microsoft.com")
            .unwrap()
            .to_owned();
        assert_eq!(
            world.get(GRAPH, &place, Some(&token)).await.json()["status"],
            "running"
        );
        let (sealed, key, request) = take(&mut passwords, &agent).await;
        assert!(matches!(request.action, Action::AdminReset { .. }));
        let failure = Failure::new(FailureCode::PasswordPolicy, "0000052D");
        answer(&mut passwords, &sealed, &key, &failure.into()).await;
        world.sleep(1).await;
        let ended = world.get(GRAPH, &place, Some(&token)).await.json();
        assert_eq!(ended["status"], "failed");
        let detail = ended["statusDetail"].as_str().unwrap();
        assert!(detail.contains("80230619") && detail.contains("your on-premises policy does not allow it"));
        let other = place.replace(&place[place.len() - 4..], "0000");
        assert_eq!(world.get(GRAPH, &other, Some(&token)).await.status, 404);
        assert_eq!(
            world
                .call(
                    "POST",
                    GRAPH,
                    &path.replace(METHOD, ADMIN),
                    Some(&token),
                    Some(json!({"newPassword": SECRET}))
                )
                .await
                .status,
            404
        );
    });
}

#[test]
fn a_key_of_six_months_is_too_old_and_a_restart_forgets_nothing() {
    simulate(|mut world| async move {
        synchronize(&world);
        let (agent, line, passwords) = onboarded(&world).await;
        drop((line, passwords));
        world.restart().await;
        let days = |days: u64| days * 86_400;
        world.sleep(days(150)).await;
        // The certificate has its own, shorter life.
        let key = agent.key.spki_der();
        let agent = agent.renew(&world).await;
        world.sleep(days(31)).await;
        let wanted = async || -> HeartbeatAnswer {
            let answer = heartbeat_with(&world, &agent, &key, "1.1.1586.0").await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            serde_json::from_str(&answer.body).unwrap()
        };
        assert!(!wanted().await.new_key_wanted);
        world.sleep(days(2)).await;
        assert!(wanted().await.new_key_wanted);
        // Neither key nor secret shows in a dump.
        let secret = wanted().await.relays[0]
            .shared_access_key
            .expose_secret()
            .to_owned();
        let dump = world
            .entra()
            .control(provlab_entra::Command::Dump { tenant: None })
            .await
            .unwrap();
        assert!(!format!("{dump:?}").contains(&secret));
    });
}
