//! What only the real network has: loopback addresses, authorities, versions of TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod certificates;

use std::net::SocketAddr;
use std::sync::Arc;

use provlab_platform::crypto::lab_key;
use provlab_platform::net::real::{LabAuthority, NameTable, RealNet, Trust};
use provlab_platform::{ClientTls, Clock, Endpoint, Net, NetErrorKind, ServerTls, Trace};
use rustls::client::ResolvesClientCert;
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;

fn net(host: &str, table: NameTable, trust: Trust) -> RealNet {
    RealNet::new(host, table, trust, &Clock::system(), &Trace::discard())
}

fn server_tls() -> ServerTls {
    ServerTls {
        names: vec!["cloud.example".into()],
        request_client_certificate: true,
    }
}

#[tokio::test]
async fn processes_find_each_other_by_their_tables_and_trust_by_the_root() {
    let authority = LabAuthority::generate().unwrap();
    let cloud = net(
        "cloud",
        NameTable::new(),
        Trust::of_authority(authority.clone()).unwrap(),
    );
    let at = Endpoint::new("cloud.example", 443);
    let listener = cloud.listen(&at).await.unwrap();

    let agent = net(
        "agent1",
        NameTable::new(),
        Trust::of_roots([authority.certificate()]).unwrap(),
    );
    assert_eq!(
        agent.connect(&at).await.unwrap_err().kind,
        NetErrorKind::HostUnknown
    );
    agent.learn(&cloud.bound());
    let (client, server) = tokio::join!(agent.connect(&at), listener.accept());
    let (tls, server_tls) = (ClientTls::new("cloud.example"), server_tls());
    let (client, server) = tokio::join!(
        agent.secure_client(client.unwrap(), &tls),
        cloud.secure_server(server.unwrap(), &server_tls)
    );
    assert!(server.is_ok());
    assert_eq!(client.unwrap().security().unwrap().peer_certificates.len(), 2);

    // An agent has no authority and so cannot pretend to be a server.
    let (_client, server) = tokio::join!(agent.connect(&at), listener.accept());
    let refused = agent
        .secure_server(server.unwrap(), &server_tls)
        .await
        .unwrap_err();
    assert!(refused.detail.contains("no authority"), "{refused}");

    // Another lab's root is no root here.
    let other = LabAuthority::generate().unwrap();
    let stranger = net(
        "stranger",
        cloud.bound(),
        Trust::of_roots([other.certificate()]).unwrap(),
    );
    let (client, server) = tokio::join!(stranger.connect(&at), listener.accept());
    let (client, server) = tokio::join!(
        stranger.secure_client(client.unwrap(), &tls),
        cloud.secure_server(server.unwrap(), &server_tls)
    );
    assert_eq!(client.unwrap_err().kind, NetErrorKind::CertificateInvalid);
    assert_eq!(server.unwrap_err().kind, NetErrorKind::TlsFailed);
}

#[tokio::test]
async fn a_listener_goes_where_its_table_says_and_only_to_loopback() {
    let trust = || Trust::of_roots([]).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let at = Endpoint::new("dc1.contoso.com", 389);
    let mut table = NameTable::new();
    table.insert(&at, free);
    let here = net("dc1", table, trust());
    let _listener = here.listen(&at).await.unwrap();
    assert_eq!(here.bound().exact(&at), Some(free));

    for outside in ["0.0.0.0:389", "192.0.2.1:389", "[::]:389"] {
        let mut table = NameTable::new();
        table.insert(&at, outside.parse::<SocketAddr>().unwrap());
        let there = net("dc1", table, trust());
        assert_eq!(
            there.connect(&at).await.unwrap_err().kind,
            NetErrorKind::Unreachable
        );
        let refused = there.listen(&at).await.unwrap_err();
        assert!(refused.to_string().contains("only loopback"), "{refused}");
    }
}

/// Shows a certificate and signs with a key that need not be its own.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn the_server_demands_proof_of_the_key_in_both_versions_of_tls() {
    let authority = LabAuthority::generate().unwrap();
    let cloud = net(
        "cloud",
        NameTable::new(),
        Trust::of_authority(authority.clone()).unwrap(),
    );
    let at = Endpoint::new("cloud.example", 443);
    let listener = cloud.listen(&at).await.unwrap();
    let versions: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];
    let all = [
        certificates::plain(&lab_key(0).unwrap()),
        certificates::of_agent(&lab_key(0).unwrap()),
    ];
    for (version, certificate) in versions
        .into_iter()
        .flat_map(|version| all.iter().map(move |one| (version, one)))
    {
        for (key, proves) in [(0, true), (1, false)] {
            let pkcs8 = lab_key(key).unwrap().to_pkcs8();
            let key =
                any_supported_type(&PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pkcs8.as_slice()))).unwrap();
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate().clone()).unwrap();
            let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
                .with_protocol_versions(&[version])
                .unwrap()
                .with_root_certificates(roots)
                .with_client_cert_resolver(Arc::new(Shows(Arc::new(CertifiedKey::new(
                    vec![certificate.clone()],
                    key,
                )))));
            let (client, server) = tokio::join!(cloud.connect(&at), listener.accept());
            let name = ServerName::try_from("cloud.example").unwrap();
            let client = async {
                let mut secured = TlsConnector::from(Arc::new(config))
                    .connect(name, client.unwrap())
                    .await?;
                secured.write_all(b"x").await
            };
            let server_tls = server_tls();
            let (_, server) = tokio::join!(client, cloud.secure_server(server.unwrap(), &server_tls));
            assert_eq!(server.is_ok(), proves, "{version:?}");
            if let Ok(server) = server {
                assert_eq!(
                    server.security().unwrap().peer_certificates,
                    std::slice::from_ref(certificate)
                );
            }
        }
    }
}
