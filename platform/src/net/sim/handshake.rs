//! TLS as the simulated network has it: who the two sides say they are, and whether the other one believes it.
//!
//! Three records travel on the stream: the client's hello with the server name, the server's with its names, and the
//! client's answer, which carries its certificates or says why it goes. A record looks like TLS from outside
//! (`16 03 01`, length, body), so either side finds out at once that the other speaks something else.

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::network::World;
use super::{Moment, Verdict};
use crate::net::tls::spki_of;
use crate::net::{
    ClientIdentity, ClientTls, Endpoint, HANDSHAKE_LIMIT, NetError, NetErrorKind, Origin, Security,
    ServerTls, Stream, certificate_covers,
};

/// TLS content type "handshake" and the record version that every TLS 1.3 hello bears.
const RECORD: [u8; 3] = [0x16, 3, 1];

/// Certificates that a client may show, as many as common TLS libraries accept in a chain.
pub const MAX_CLIENT_CERTIFICATES: usize = 10;

#[derive(Serialize, Deserialize)]
struct ClientHello {
    server_name: String,
}

#[derive(Serialize, Deserialize)]
struct ServerHello {
    names: Vec<String>,
    request_client_certificate: bool,
}

#[derive(Serialize, Deserialize)]
enum ClientFinished {
    Certificates(Vec<String>),
    Refused,
}

pub(super) async fn client(world: &World, stream: Stream, tls: &ClientTls) -> Result<Stream, NetError> {
    let peer = stream.peer().clone();
    let limited = world
        .clock
        .timeout(HANDSHAKE_LIMIT, client_side(world, stream, tls));
    limited.await.unwrap_or_else(|_| Err(too_slow(&peer)))
}

pub(super) async fn server(world: &World, stream: Stream, tls: &ServerTls) -> Result<Stream, NetError> {
    let local = stream.local().clone();
    let limited = world.clock.timeout(HANDSHAKE_LIMIT, server_side(stream, tls));
    limited.await.unwrap_or_else(|_| Err(too_slow(&local)))
}

fn too_slow(at: &Endpoint) -> NetError {
    NetError::new(
        NetErrorKind::TimedOut,
        at,
        format!("the TLS handshake was not done within {HANDSHAKE_LIMIT:?}"),
    )
}

fn failed(at: &Endpoint, detail: impl Into<String>) -> NetError {
    NetError::new(NetErrorKind::TlsFailed, at, detail)
}

async fn client_side(world: &World, mut stream: Stream, tls: &ClientTls) -> Result<Stream, NetError> {
    let peer = stream.peer().clone();
    let Origin::Sim(link) = stream.origin.clone() else {
        return Err(failed(&peer, "the stream is not of this network"));
    };
    let certificates = tls
        .identity
        .as_ref()
        .map(|identity| shown(identity, &peer))
        .transpose()?;
    write(
        &mut stream,
        &peer,
        &ClientHello {
            server_name: tls.server_name.clone(),
        },
    )
    .await?;
    let hello: ServerHello = read(&mut stream, &peer).await?;

    let objection = match world.judge(&link, &Moment::Certificate, 0).verdict {
        Verdict::Untrusted => {
            Some("its certificate comes from an authority that is not trusted here".to_owned())
        }
        _ if hello
            .names
            .iter()
            .any(|name| certificate_covers(name, &tls.server_name)) =>
        {
            None
        }
        _ => Some(format!(
            "its certificate is for {}, not for {}",
            hello.names.join(", "),
            tls.server_name
        )),
    };
    if let Some(objection) = objection {
        write(&mut stream, &peer, &ClientFinished::Refused).await?;
        return Err(NetError::new(NetErrorKind::CertificateInvalid, &peer, objection));
    }
    let shown = certificates
        .filter(|_| hello.request_client_certificate)
        .unwrap_or_default();
    write(&mut stream, &peer, &ClientFinished::Certificates(shown)).await?;
    stream.security = Some(Security {
        server_name: tls.server_name.clone(),
        peer_certificates: Vec::new(),
    });
    Ok(stream)
}

async fn server_side(mut stream: Stream, tls: &ServerTls) -> Result<Stream, NetError> {
    let local = stream.local().clone();
    let hello: ClientHello = read(&mut stream, &local).await?;
    let answer = ServerHello {
        names: tls.names.clone(),
        request_client_certificate: tls.request_client_certificate,
    };
    write(&mut stream, &local, &answer).await?;
    let certificates = match read(&mut stream, &local).await? {
        ClientFinished::Certificates(certificates) => certificates,
        ClientFinished::Refused => return Err(failed(&local, "the client does not accept the certificate")),
    };
    if certificates.len() > MAX_CLIENT_CERTIFICATES {
        return Err(failed(
            &local,
            format!("more than {MAX_CLIENT_CERTIFICATES} client certificates"),
        ));
    }
    let decoded: Result<Vec<_>, _> = certificates.iter().map(hex::decode).collect();
    let decoded = decoded.map_err(|e| failed(&local, format!("a client certificate is garbled: {e}")))?;
    stream.security = Some(Security {
        server_name: hello.server_name,
        peer_certificates: decoded.into_iter().map(CertificateDer::from).collect(),
    });
    Ok(stream)
}

/// The chain as it travels. Only who has the key may show a certificate; here that is looked at, not proved.
fn shown(identity: &ClientIdentity, peer: &Endpoint) -> Result<Vec<String>, NetError> {
    let leaf = identity
        .chain
        .first()
        .ok_or_else(|| failed(peer, "the client identity has no certificate"))?;
    if identity.chain.len() > MAX_CLIENT_CERTIFICATES {
        return Err(failed(
            peer,
            format!("more than {MAX_CLIENT_CERTIFICATES} client certificates"),
        ));
    }
    let spki =
        spki_of(leaf).map_err(|e| failed(peer, format!("the client certificate cannot be read: {e}")))?;
    if spki != identity.key.spki_der() {
        return Err(failed(peer, "the client's key is not the one of its certificate"));
    }
    Ok(identity.chain.iter().map(hex::encode).collect())
}

async fn write(stream: &mut Stream, at: &Endpoint, body: &impl Serialize) -> Result<(), NetError> {
    let body = serde_json::to_vec(body).map_err(|e| failed(at, e.to_string()))?;
    let length =
        u16::try_from(body.len()).map_err(|_| failed(at, "the certificates are too large for a record"))?;
    let record = [&RECORD[..], &length.to_be_bytes(), &body].concat();
    stream
        .write_all(&record)
        .await
        .map_err(|e| NetError::from_io(at, &e))
}

async fn read<T: DeserializeOwned>(stream: &mut Stream, at: &Endpoint) -> Result<T, NetError> {
    let io = |e: std::io::Error| NetError::from_io(at, &e);
    let mut kind = [0; RECORD.len()];
    // The first byte tells enough; a peer that speaks something else may not send more.
    stream.read_exact(&mut kind[..1]).await.map_err(io)?;
    if kind[0] != RECORD[0] {
        return Err(failed(at, "the peer does not speak TLS"));
    }
    stream.read_exact(&mut kind[1..]).await.map_err(io)?;
    let length = stream.read_u16().await.map_err(io)?;
    let mut body = vec![0; usize::from(length)];
    stream.read_exact(&mut body).await.map_err(io)?;
    if kind != RECORD {
        return Err(failed(at, "the peer speaks an unknown version of TLS"));
    }
    serde_json::from_slice(&body).map_err(|_| failed(at, "the peer's handshake message makes no sense"))
}
