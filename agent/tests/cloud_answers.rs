//! Single answers of the cloud, stubbed by wiremock: what the wizard makes of each.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use provlab_agent::cloud::sign_in::{Session, sign_in};
use provlab_agent::cloud::{admin, registration};
use provlab_agent::setup::answers::{CloudPassword, CloudSignIn};
use provlab_agent::setup::failure::{Failure, FailureKind};
use provlab_agent::setup::generation::{Generation, GenerationName};
use provlab_agent::{ComputerAccount, HostMachine};
use provlab_platform::crypto::CryptoPolicy;
use provlab_platform::files::SimFiles;
use provlab_platform::net::real::{LabAuthority, NameTable, RealNet, Trust};
use provlab_platform::net::{ClientTls, ServerTls};
use provlab_platform::{Clock, Crypto, Endpoint, Entropy, Listener, Net, NetError, Platform, Stream, Trace};
use provlab_protocol::environment::{ENVIRONMENTS, Environment};
use serde_json::json;
use uuid::Uuid;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Plain TCP where the agent expects TLS: wiremock has none.
struct PlainNet(RealNet);

#[async_trait]
impl Net for PlainNet {
    async fn connect(&self, to: &Endpoint) -> Result<Stream, NetError> {
        self.0.connect(to).await
    }

    async fn listen(&self, at: &Endpoint) -> Result<Listener, NetError> {
        self.0.listen(at).await
    }

    async fn secure_client(&self, stream: Stream, _: &ClientTls) -> Result<Stream, NetError> {
        Ok(stream)
    }

    async fn secure_server(&self, stream: Stream, _: &ServerTls) -> Result<Stream, NetError> {
        Ok(stream)
    }
}

const TENANT: Uuid = Uuid::from_u128(0xaaaa_aaaa_0000_0000_0000_0000_0000_0001);

fn environment() -> &'static Environment {
    &ENVIRONMENTS[0]
}

async fn world() -> (MockServer, HostMachine) {
    let server = MockServer::start().await;
    let mut names = NameTable::new();
    for host in [
        environment().login_host.to_owned(),
        environment().registration_host(&TENANT),
        environment().admin_host(&TENANT),
    ] {
        names.insert(&Endpoint::new(host, 443), *server.address());
    }
    let (clock, trace) = (Clock::system(), Trace::discard());
    let authority = LabAuthority::generate().unwrap();
    let trust = Trust::of_authority(authority).unwrap();
    let platform = Platform {
        host: "agent1.contoso.com".to_owned(),
        net: Arc::new(PlainNet(RealNet::new(
            "agent1.contoso.com",
            names,
            trust,
            &clock,
            &trace,
        ))),
        clock,
        entropy: Entropy::seeded(1),
        crypto: Crypto::simulated(CryptoPolicy { fips: false }, "agent1"),
        files: Arc::new(SimFiles::new()),
        trace,
    };
    let computer = ComputerAccount {
        name: "AGENT1$".to_owned(),
        domain: "contoso.com".to_owned(),
        netbios: "CONTOSO".to_owned(),
        password: "x".to_owned().into(),
    };
    (
        server,
        HostMachine::new(platform, computer, BTreeMap::new(), None),
    )
}

fn administrator() -> CloudSignIn {
    CloudSignIn::Password(CloudPassword {
        user_principal_name: "admin@contoso.onmicrosoft.com".to_owned(),
        password: "Canary-P@ss-1".to_owned().into(),
    })
}

fn session() -> Session {
    Session {
        token: "token".to_owned().into(),
        tenant: TENANT,
        user: "admin@contoso.onmicrosoft.com".to_owned(),
        roles: Vec::new(),
    }
}

fn oauth_error(code: u32, error: &str, text: &str) -> serde_json::Value {
    json!({
        "error": error,
        "error_description": format!("AADSTS{code}: {text}\r\nTrace ID: x\r\nTimestamp: y"),
        "error_codes": [code], "timestamp": "y", "trace_id": "x", "correlation_id": "z",
    })
}

async fn failed_sign_in(host: &HostMachine) -> Failure {
    match sign_in(&host.platform, environment(), &administrator()).await {
        Ok(_) => panic!("signed in"),
        Err(failure) => failure,
    }
}

async fn metadata(server: &MockServer, token_endpoint: &str) {
    Mock::given(method("GET"))
        .and(path("/contoso.onmicrosoft.com/.well-known/openid-configuration"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "token_endpoint": token_endpoint })))
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_tenant_of_another_cloud_names_the_installer_switch() {
    let (server, host) = world().await;
    let body = oauth_error(
        90002,
        "invalid_tenant",
        "Tenant 'contoso.onmicrosoft.com' not found.",
    );
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(400).set_body_json(body))
        .mount(&server)
        .await;
    let failure = failed_sign_in(&host).await;
    assert_eq!(failure.kind, FailureKind::SignIn);
    assert!(failure.message.contains("AADSTS90002"), "{}", failure.message);
    assert!(
        failure.message.contains("ENVIRONMENTNAME=AzureUSGovernment"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn an_expired_password_is_told_in_the_services_words() {
    let (server, host) = world().await;
    metadata(
        &server,
        "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/token",
    )
    .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(400).set_body_json(oauth_error(
            50055,
            "invalid_grant",
            "The password is expired.",
        )))
        .mount(&server)
        .await;
    let failure = failed_sign_in(&host).await;
    assert!(
        failure.message.contains("AADSTS50055: The password is expired."),
        "{}",
        failure.message
    );
    assert!(!format!("{failure:?}").contains("Canary"));
}

#[tokio::test]
async fn a_password_goes_to_no_other_cloud() {
    let (server, host) = world().await;
    metadata(&server, "https://login.example.org/oauth2/token").await;
    let failure = failed_sign_in(&host).await;
    assert_eq!(failure.kind, FailureKind::SignIn);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn garbage_and_oversized_answers_are_failures() {
    for body in ["<html>".to_owned(), "x".repeat(5 * 1024 * 1024)] {
        let (server, host) = world().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_string(body))
            .mount(&server)
            .await;
        failed_sign_in(&host).await;
    }
}

#[tokio::test]
async fn a_role_that_is_missing_is_named() {
    let failure = session()
        .require_role(Generation::find(GenerationName::G24))
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Role);
    assert!(
        failure
            .message
            .contains("Global Administrator or Hybrid Identity Administrator"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_refused_registration_leaves_no_trust() {
    let (server, host) = world().await;
    let result = provlab_protocol::his::registration::RegistrationResult::failure("The tenant is blocked.");
    Mock::given(method("POST"))
        .and(path("/register/RegisterConnector"))
        .respond_with(ResponseTemplate::new(200).set_body_string(result.to_xml()))
        .mount(&server)
        .await;
    let Err(failure) = registration::register(&host, environment(), &session()).await else {
        panic!("registered")
    };
    assert_eq!(failure.kind, FailureKind::Registration);
    assert_eq!(
        failure.message,
        "The agent cannot be registered: The tenant is blocked."
    );
    let trust = provlab_agent::trust::TrustStore::new(host.platform.files.clone())
        .load()
        .unwrap();
    assert!(trust.is_none());
}

#[tokio::test]
async fn a_forced_execution_policy_is_a_security_error() {
    let (server, mut host) = world().await;
    host.policies.execution_policy = provlab_agent::host::ExecutionPolicy::Unrestricted;
    let Err(failure) = registration::register(&host, environment(), &session()).await else {
        panic!("registered")
    };
    assert!(failure.message.contains("security error"), "{}", failure.message);
    assert!(server.received_requests().await.unwrap().is_empty());
}

/// The group of an interrupted run is taken up, not made a second time.
#[tokio::test]
async fn grouping_goes_on_where_it_was_interrupted() {
    let (server, host) = world().await;
    let groups = json!({ "value": [{
        "id": "g1", "displayName": "Group-contoso.com-1", "agents": [], "publishedResources": [],
    }] });
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(groups))
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path_regex("publishedResources$"))
        .respond_with(ResponseTemplate::new(201).set_body_json(json!({ "id": "r1" })))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path_regex(r"agents\('.*'\)/agentGroups/\$ref$"))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path_regex("agentGroups$"))
        .respond_with(ResponseTemplate::new(201).set_body_json(json!({ "id": "g2" })))
        .expect(0)
        .mount(&server)
        .await;
    admin::assign(
        &host,
        environment(),
        &session(),
        Uuid::from_u128(2),
        "contoso.com",
    )
    .await
    .unwrap();
}
