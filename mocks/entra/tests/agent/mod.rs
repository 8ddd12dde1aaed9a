//! The least that an agent is: a key, a certificate, the calls it makes and a WebSocket.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test binary uses a part of it"
)]

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use provlab_platform::net::{ClientIdentity, ClientTls};
use provlab_platform::{Endpoint, RsaKeyPair, Stream};
use provlab_protocol::certificate::{AgentCertificate, CertificateRequest, RequestDetails};
use provlab_protocol::his::bootstrap::{
    BootstrapRequest, BootstrapResponse, PerformanceMetrics, SignalingListenerEndpoint,
};
use provlab_protocol::his::registration::{RegistrationRequest, RegistrationResult};
use provlab_protocol::his::trust_renewal::{TrustRenewalRequest, TrustRenewalResult};
use provlab_protocol::his::{FEATURE_SYNC_FABRIC, SystemSettings};
use provlab_protocol::relay::{
    AUTHORIZATION_HEADER, Frame, LISTENER_HEADER, RelayRequest, RelayResponse, SUBPROTOCOL, WEBSOCKET_PATH,
};
use provlab_protocol::sas::{EscapeCase, SasToken};
use provlab_protocol::scim::{OperationResult, ScimError};
use secrecy::ExposeSecret as _;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;

use crate::world::{ADMIN, Answer, CLIENT, LOGIN, PASSWORD, REGISTRATION, TENANT, World};

/// A registered agent.
#[derive(Clone)]
pub struct Agent {
    pub host: String,
    pub key: RsaKeyPair,
    pub certificate: AgentCertificate,
}

/// A token for registration and admin service.
pub async fn registration_token(world: &World, account: &str) -> String {
    let fields = [
        ("grant_type", "password"),
        ("client_id", CLIENT),
        ("username", account),
        ("password", PASSWORD),
        ("resource", REGISTRATION),
    ];
    let answer = world.form(LOGIN, "/organizations/oauth2/token", &fields).await;
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

pub fn csr(key: &RsaKeyPair, host: &str) -> Vec<u8> {
    let details = RequestDetails {
        os_version: "10.0.20348.2".to_owned(),
        machine_name: host.to_owned(),
        user_name: "CONTOSO\\admin".to_owned(),
        process_name: "AADConnectProvisioningAgentWizard.exe".to_owned(),
    };
    CertificateRequest::build(&key.spki_der(), &details, &|message| key.sign_sha256(message)).unwrap()
}

pub fn registration(key: &RsaKeyPair, host: &str, token: &str) -> RegistrationRequest {
    RegistrationRequest {
        csr: csr(key, host),
        authentication_token: token.to_owned().into(),
        feature_string: FEATURE_SYNC_FABRIC.to_owned(),
        system_settings: SystemSettings::windows_server_2022(host),
        ps_module_version: "1.1.96.0".to_owned(),
        tenant_id: TENANT.parse().unwrap(),
        user_agent: "SyncFabricConnector/1.1.96.0".to_owned(),
    }
}

pub async fn register(world: &World, request: &RegistrationRequest) -> RegistrationResult {
    let host = format!("{TENANT}.registration.msappproxy.net");
    let answer = world
        .send(&host, xml("/register/RegisterConnector", &host, request.to_xml()))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    RegistrationResult::from_xml(&answer.body).unwrap()
}

fn xml(path: &str, host: &str, body: String) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("host", host)
        .header("content-type", provlab_protocol::his::CONTENT_TYPE)
        .body(Full::from(body))
        .unwrap()
}

impl Agent {
    /// Registers as the administrator.
    pub async fn registered(world: &World, host: &str) -> Self {
        let key = world.platform(host).crypto.generate_rsa_2048().await.unwrap();
        let token = registration_token(world, ADMIN).await;
        let result = register(world, &registration(&key, host, &token)).await;
        assert!(result.is_successful, "{}", result.error_message);
        let certificate = AgentCertificate::parse(&result.certificate.unwrap()).unwrap();
        Self {
            host: host.to_owned(),
            key,
            certificate,
        }
    }

    /// Registers, is assigned to contoso.com and bootstraps.
    pub async fn ready(world: &World, host: &str) -> Self {
        let agent = Self::registered(world, host).await;
        assign(world, agent.id()).await;
        agent.bootstrap(world).await;
        agent
    }

    pub fn id(&self) -> Uuid {
        self.certificate.agent_id()
    }

    pub async fn connect(&self, world: &World, host: &str) -> Stream {
        let net = world.platform(&self.host).net;
        let stream = net.connect(&Endpoint::new(host, 443)).await.unwrap();
        let chain = vec![self.certificate.der().to_vec().into()];
        let identity = ClientIdentity {
            chain,
            key: self.key.clone(),
        };
        net.secure_client(
            stream,
            &ClientTls {
                server_name: host.to_owned(),
                identity: Some(identity),
            },
        )
        .await
        .unwrap()
    }

    pub async fn post(&self, world: &World, host: &str, path: &str, body: String) -> Answer {
        let stream = self.connect(world, host).await;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let (parts, body) = sender
            .send_request(xml(path, host, body))
            .await
            .unwrap()
            .into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        connection.abort();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub fn bootstrap_request(&self) -> BootstrapRequest {
        BootstrapRequest {
            agent_sdk_version: "1.5.3437.0".to_owned(),
            agent_service_account_name: "CONTOSO\\provAgentgMSA$".to_owned(),
            agent_version: "1.1.1586.0".to_owned(),
            connector_id: self.id(),
            consecutive_failures: 0,
            initial_bootstrap: true,
            is_agent_service_account_gmsa: true,
            latest_dot_net_version_installed: "528449".to_owned(),
            machine_name: self.host.clone(),
            operating_system_language: "1033".to_owned(),
            operating_system_locale: "0409".to_owned(),
            operating_system_sku: "8".to_owned(),
            operating_system_version: "10.0.20348".to_owned(),
            performance_metrics: PerformanceMetrics::default(),
            request_id: Uuid::from_u128(1),
            subscription_id: self.certificate.tenant_id(),
            updater_status: "Running".to_owned(),
        }
    }

    pub async fn try_bootstrap(&self, world: &World) -> Answer {
        let host = format!("{TENANT}.bootstrap.msappproxy.net");
        self.post(
            world,
            &host,
            "/ConnectorBootstrap",
            self.bootstrap_request().to_xml(),
        )
        .await
    }

    pub async fn bootstrap(&self, world: &World) -> BootstrapResponse {
        let answer = self.try_bootstrap(world).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        BootstrapResponse::from_xml(&answer.body).unwrap()
    }

    pub async fn renew(&self, world: &World) -> Self {
        let key = world
            .platform("renewal")
            .crypto
            .generate_rsa_2048()
            .await
            .unwrap();
        let request = TrustRenewalRequest {
            csr: csr(&key, &self.host),
            system_settings: SystemSettings::windows_server_2022(&self.host),
            connector_version: "1.1.1586.0".to_owned(),
        };
        let answer = self
            .post(
                world,
                "his-eur1-weur1.renewtrust.msappproxy.net",
                "/renewTrust/RenewTrustCertificate",
                request.to_xml(),
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let result = TrustRenewalResult::from_xml(&answer.body).unwrap();
        Self {
            host: self.host.clone(),
            key,
            certificate: AgentCertificate::parse(&result.certificate.unwrap()).unwrap(),
        }
    }

    /// Opens the WebSocket of an endpoint; `Err` is the HTTP status of a refusal.
    pub async fn open(&self, world: &World, endpoint: &SignalingListenerEndpoint) -> Result<Line, u16> {
        let expiry = u64::try_from(world.clock.wall().unix_timestamp()).unwrap() + 3_600;
        let token = SasToken::sign(
            &endpoint.resource(),
            "Connector",
            &endpoint.shared_access_key,
            expiry,
            EscapeCase::Lower,
        );
        let token = token.to_text(EscapeCase::Lower).expose_secret().to_owned();
        self.open_with(
            world,
            endpoint,
            &[
                (AUTHORIZATION_HEADER, &token),
                (LISTENER_HEADER, &endpoint.service_path),
                ("Sec-WebSocket-Protocol", SUBPROTOCOL),
            ],
        )
        .await
    }

    pub async fn open_with(
        &self,
        world: &World,
        endpoint: &SignalingListenerEndpoint,
        headers: &[(&'static str, &str)],
    ) -> Result<Line, u16> {
        let stream = self.connect(world, &endpoint.host()).await;
        let mut request = format!("wss://{}{WEBSOCKET_PATH}", endpoint.host())
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Line { socket }),
            Err(WsError::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// Opens the first endpoint and says hello.
    pub async fn listen(&self, world: &World) -> Line {
        let endpoint = self
            .bootstrap(world)
            .await
            .signaling_listener_endpoints
            .swap_remove(0);
        let mut line = self.open(world, &endpoint).await.unwrap();
        line.send(&Frame::Hello {
            connector_id: self.id(),
            agent_version: "1.1.1586.0".to_owned(),
        })
        .await;
        assert!(matches!(
            line.next().await,
            Some(Frame::Welcome {
                keep_alive_ms: 10_000,
                ..
            })
        ));
        // Lets the relay put the connection among the listeners.
        world.clock.sleep(Duration::from_millis(1)).await;
        line
    }
}

/// Creates group and resource for contoso.com, if need be, and assigns the agent.
pub async fn assign(world: &World, agent: Uuid) {
    let token = registration_token(world, ADMIN).await;
    let host = format!("{TENANT}.admin.msappproxy.net");
    let base = "/onPremisesPublishingProfiles('provisioning')";
    let group = serde_json::json!({"displayName": "Group-contoso.com-1"});
    let group = world
        .call(
            "POST",
            &host,
            &format!("{base}/agentGroups"),
            Some(&token),
            Some(group),
        )
        .await
        .json()["id"]
        .clone();
    let resource = serde_json::json!({"displayName": "contoso.com", "resourceName": "contoso.com", "agentGroups": [{"id": group}]});
    let answer = world
        .call(
            "POST",
            &host,
            &format!("{base}/publishedResources"),
            Some(&token),
            Some(resource),
        )
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let reference = serde_json::json!({"@odata.id": format!("https://{host}:443{base}/agentGroups('{}')", group.as_str().unwrap())});
    let answer = world
        .call(
            "POST",
            &host,
            &format!("{base}/agents('{agent}')/agentGroups/$ref"),
            Some(&token),
            Some(reference),
        )
        .await;
    assert_eq!(answer.status, 204, "{}", answer.body);
}

/// An open WebSocket.
pub struct Line {
    pub socket: WebSocketStream<Stream>,
}

impl Line {
    pub async fn send(&mut self, frame: &Frame) {
        self.socket
            .send(Message::text(frame.to_text().unwrap()))
            .await
            .unwrap();
    }

    /// The next frame that is no ping; pings are answered. Nothing when the connection is over.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            match self.socket.next().await?.ok()? {
                Message::Text(text) => match Frame::from_text(&text).unwrap() {
                    Frame::Ping => self.send(&Frame::Pong).await,
                    frame => return Some(frame),
                },
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    pub async fn request(&mut self) -> RelayRequest {
        match self.next().await {
            Some(Frame::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    pub async fn answer(&mut self, id: Uuid, outcome: Result<OperationResult, ScimError>) {
        self.send(&Frame::Response(RelayResponse { id, outcome })).await;
    }
}
