//! Registration, bootstrap, trust renewal and admin service as an agent and an administrator see them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod agent;
mod world;

use agent::{Agent, assign, csr, register, registration, registration_token};
use provlab_protocol::certificate::{AgentCertificate, IssueParameters, issue};
use serde_json::json;
use time::Duration;
use uuid::Uuid;
use world::*;

const BETA: &str = "/beta/onPremisesPublishingProfiles/provisioning";

#[test]
fn an_agent_registers_bootstraps_and_is_active_until_it_falls_silent() {
    simulate(|world| async move {
        let agent = Agent::registered(&world, "srv1.contoso.com").await;
        assert_eq!(agent.certificate.tenant_id().to_string(), TENANT);
        assert_eq!(
            agent.certificate.issuer_common_name().as_deref(),
            Some("HISConnectorRegistrationCA.his.msappproxy.net")
        );
        assert_eq!(
            agent.certificate.not_after() - agent.certificate.not_before(),
            Duration::days(180)
        );
        let token = world.token().await;
        let listed = world
            .get(GRAPH, &format!("{BETA}/agents"), Some(&token))
            .await
            .json();
        assert_eq!(listed["value"][0]["status"], "inactive");

        let response = agent.bootstrap(&world).await;
        assert_eq!(response.periodic_bootstrap_interval_milliseconds, 600_000);
        assert_eq!(
            response.trust_renew_endpoint,
            "https://his-eur1-weur1.renewtrust.msappproxy.net/renewTrust"
        );
        let endpoints = &response.signaling_listener_endpoints;
        assert_eq!(endpoints.len(), 2);
        assert_ne!(endpoints[0].host(), endpoints[1].host());
        assert_eq!(endpoints[0].service_path, endpoints[1].service_path);
        assert!(endpoints[0].service_path.starts_with(TENANT));
        let again = agent.bootstrap(&world).await;
        assert_eq!(
            again.signaling_listener_endpoints[0].service_path,
            endpoints[0].service_path
        );

        let path = format!("{BETA}/agents?$expand=agentGroups");
        let listed = world.get(GRAPH, &path, Some(&token)).await.json();
        assert_eq!(
            listed["value"],
            json!([{
                "id": agent.id().to_string(), "machineName": "srv1.contoso.com", "externalIp": "srv1.contoso.com",
                "status": "active", "supportedPublishingTypes": ["provisioning", "adAdministration"], "agentGroups": [],
            }])
        );
        world.sleep(1220).await;
        assert_eq!(
            world.get(GRAPH, &path, Some(&token)).await.json()["value"][0]["status"],
            "active"
        );
        world.sleep(10).await;
        assert_eq!(
            world.get(GRAPH, &path, Some(&token)).await.json()["value"][0]["status"],
            "inactive"
        );
    });
}

#[test]
fn registration_refuses_in_words_and_keeps_nothing() {
    simulate(|world| async move {
        let key = world.platform("srv1").crypto.generate_rsa_2048().await.unwrap();
        let token = registration_token(&world, ADMIN).await;
        let good = registration(&key, "srv1.contoso.com", &token);
        let mut refused = Vec::new();
        for change in 0..5 {
            let mut request = good.clone();
            match change {
                0 => {
                    request.authentication_token =
                        registration_token(&world, "plain@contoso.onmicrosoft.com")
                            .await
                            .into();
                }
                1 => request.authentication_token = world.token().await.into(),
                2 => request.tenant_id = GOV_TENANT.parse().unwrap(),
                3 => request.feature_string = "PassthroughAuthentication".to_owned(),
                _ => {
                    let other = world.platform("other").crypto.generate_rsa_2048().await.unwrap();
                    request.csr = csr(&key, "srv1.contoso.com");
                    let end = request.csr.len() - 256;
                    let foreign = other.sign_sha256(b"something else").unwrap();
                    request.csr[end..].copy_from_slice(&foreign);
                }
            }
            let result = register(&world, &request).await;
            assert!(!result.is_successful && result.certificate.is_none());
            refused.push(result.error_message);
        }
        let expected = [
            "Hybrid Identity Administrator",
            "audience",
            "is not served",
            "SyncFabric",
            "certificate request",
        ];
        for (message, part) in refused.iter().zip(expected) {
            assert!(message.contains(part), "{message}");
        }
        let host = format!("{TENANT}.registration.msappproxy.net");
        let answer = world
            .call(
                "POST",
                &host,
                "/register/RegisterConnector",
                None,
                Some(json!({"not": "xml"})),
            )
            .await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            world
                .call("POST", &host, "/register/Other", None, None)
                .await
                .status,
            404
        );
        let token = world.token().await;
        assert_eq!(
            world
                .get(GRAPH, &format!("{BETA}/agents"), Some(&token))
                .await
                .json()["value"],
            json!([])
        );
    });
}

#[test]
fn a_registration_whose_answer_got_lost_can_be_repeated() {
    simulate(|world| async move {
        let key = world.platform("srv1").crypto.generate_rsa_2048().await.unwrap();
        let request = registration(&key, "srv1.contoso.com", &registration_token(&world, ADMIN).await);
        let ids: Vec<Uuid> = [register(&world, &request).await, register(&world, &request).await]
            .into_iter()
            .map(|result| {
                AgentCertificate::parse(&result.certificate.unwrap())
                    .unwrap()
                    .agent_id()
            })
            .collect();
        assert_eq!(ids[0], ids[1]);
    });
}

#[test]
fn bootstrap_wants_a_certificate_that_the_registry_accepts() {
    simulate(|world| async move {
        let agent = Agent::registered(&world, "srv1.contoso.com").await;
        let host = format!("{TENANT}.bootstrap.msappproxy.net");
        let anonymous = world.call("POST", &host, "/ConnectorBootstrap", None, None).await;
        assert_eq!(anonymous.status, 403);
        // The right layout and ids, signed by somebody else.
        let parameters = IssueParameters {
            tenant_id: agent.certificate.tenant_id(),
            agent_id: agent.id(),
            serial: [1; 16],
            issuer_common_name: "HISConnectorRegistrationCA.his.msappproxy.net",
            not_before: world.clock.wall(),
            lifetime: Duration::days(1),
            feature: "SyncFabric",
        };
        let forged = issue(&parameters, &agent.key.spki_der(), &|message| {
            agent.key.sign_sha256(message)
        })
        .unwrap();
        let forger = Agent {
            certificate: AgentCertificate::parse(&forged).unwrap(),
            ..agent.clone()
        };
        assert_eq!(forger.try_bootstrap(&world).await.status, 403);
        // A request that speaks for another agent.
        let mut request = agent.bootstrap_request();
        request.connector_id = Uuid::nil();
        assert_eq!(
            agent
                .post(&world, &host, "/ConnectorBootstrap", request.to_xml())
                .await
                .status,
            403
        );
        assert_eq!(
            agent
                .post(&world, &host, "/ConnectorBootstrap", "<x".to_owned())
                .await
                .status,
            400
        );
        assert_eq!(agent.try_bootstrap(&world).await.status, 200);
        world.restart_keeps(&agent).await;
        world.sleep(181 * 24 * 3600).await;
        let late = agent.try_bootstrap(&world).await;
        assert_eq!(late.status, 403);
        assert!(late.body.contains("expired"), "{}", late.body);
    });
}

impl World {
    /// Whatever is stored is enough to recognize the agent.
    async fn restart_keeps(&self, agent: &Agent) {
        let reopened = provlab_entra::state::Db::open(
            std::sync::Arc::clone(&self.store) as std::sync::Arc<dyn provlab_platform::Store>
        )
        .unwrap();
        let tenant = agent.certificate.tenant_id();
        let known = reopened.read(|cloud| {
            let registry = provlab_entra::his::registry_of(cloud, tenant).unwrap();
            registry
                .authenticate(agent.id(), &agent.certificate.thumbprint(), self.clock.wall())
                .is_ok()
                && registry.signaling.is_some()
        });
        assert!(known);
    }
}

#[test]
fn a_renewed_certificate_retires_the_old_one_at_its_first_bootstrap() {
    simulate(|world| async move {
        let old = Agent::registered(&world, "srv1.contoso.com").await;
        let new = old.renew(&world).await;
        assert_eq!(new.id(), old.id());
        assert_ne!(new.certificate.thumbprint(), old.certificate.thumbprint());
        assert_eq!(old.try_bootstrap(&world).await.status, 200);
        assert_eq!(new.try_bootstrap(&world).await.status, 200);
        assert_eq!(old.try_bootstrap(&world).await.status, 403);
        assert_eq!(new.try_bootstrap(&world).await.status, 200);
    });
}

#[test]
fn the_admin_service_groups_agents_with_domains() {
    simulate(|world| async move {
        let (one, two) = (
            Agent::registered(&world, "srv1.contoso.com").await,
            Agent::registered(&world, "srv2.contoso.com").await,
        );
        assign(&world, one.id()).await;
        // The second run finds group and resource and adds nothing but the agent.
        assign(&world, two.id()).await;
        let token = world.token().await;
        let groups = world
            .get(
                GRAPH,
                &format!("{BETA}/agentGroups?$expand=agents,publishedResources"),
                Some(&token),
            )
            .await
            .json();
        let groups = groups["value"].as_array().unwrap().clone();
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0]["agents"].as_array().unwrap().len(), 2);
        assert_eq!(groups[0]["publishedResources"][0]["resourceName"], "contoso.com");
        let id = groups[0]["id"].as_str().unwrap();
        let resources = world
            .get(
                GRAPH,
                &format!("{BETA}/publishedResources?$expand=agentGroups"),
                Some(&token),
            )
            .await
            .json();
        assert_eq!(resources["value"][0]["agentGroups"][0]["id"], id);

        let other = json!({"displayName": "another", "resourceName": "CONTOSO.com", "agentGroups": []});
        let conflict = world
            .call(
                "POST",
                GRAPH,
                &format!("{BETA}/publishedResources"),
                Some(&token),
                Some(other),
            )
            .await;
        assert_eq!(conflict.status, 409, "{}", conflict.body);
        let nowhere =
            json!({"displayName": "x", "resourceName": "fabrikam.com", "agentGroups": [{"id": Uuid::nil()}]});
        let missing = world
            .call(
                "POST",
                GRAPH,
                &format!("{BETA}/publishedResources"),
                Some(&token),
                Some(nowhere),
            )
            .await;
        assert_eq!(
            (missing.status, missing.code().as_str()),
            (404, "Request_ResourceNotFound")
        );
        let wrong = json!({"@odata.id": "https://elsewhere/agents('1')"});
        let path = format!("{BETA}/agents/{}/agentGroups/$ref", one.id());
        assert_eq!(
            world
                .call("POST", GRAPH, &path, Some(&token), Some(wrong))
                .await
                .status,
            400
        );
        let path = format!("{BETA}/agents/{}/agentGroups/{id}/$ref", one.id());
        assert_eq!(
            world
                .call("DELETE", GRAPH, &path, Some(&token), None)
                .await
                .status,
            204
        );
        let path = format!("{BETA}/agentGroups/{id}");
        let renamed = world
            .call(
                "PATCH",
                GRAPH,
                &path,
                Some(&token),
                Some(json!({"displayName": "Renamed"})),
            )
            .await;
        assert_eq!(renamed.status, 204);
        assert_eq!(
            world.get(GRAPH, &path, Some(&token)).await.json()["displayName"],
            "Renamed"
        );
        assert_eq!(
            world
                .call("DELETE", GRAPH, &path, Some(&token), None)
                .await
                .status,
            204
        );
        assert_eq!(world.get(GRAPH, &path, Some(&token)).await.status, 404);

        // The admin service wants the registration token of an administrator, Graph its own.
        let admin = format!("{TENANT}.admin.msappproxy.net");
        let path = "/onPremisesPublishingProfiles('provisioning')/agents";
        assert_eq!(world.get(&admin, path, Some(&token)).await.status, 401);
        assert_eq!(world.get(&admin, path, None).await.status, 401);
        let plain = registration_token(&world, "plain@contoso.onmicrosoft.com").await;
        assert_eq!(
            world.get(&admin, path, Some(&plain)).await.code(),
            "Authorization_RequestDenied"
        );
        let registration = registration_token(&world, ADMIN).await;
        assert_eq!(
            world.get(&admin, path, Some(&registration)).await.json()["value"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
        assert_eq!(
            world
                .get(
                    &admin,
                    "/onPremisesPublishingProfiles('unknown')/agents",
                    Some(&registration)
                )
                .await
                .status,
            404
        );
    });
}
