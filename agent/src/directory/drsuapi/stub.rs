//! A domain controller that says what a test wants it to say: the server's half of the formats, without a directory behind it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use provlab_platform::{Endpoint, Platform, Stream};
use provlab_protocol::dcerpc::endpoint_mapper::{self, MapReply, MapRequest, Tower};
use provlab_protocol::dcerpc::{
    Assembly, Auth3, AuthTrailer, Bind, BindAck, Call, CallKind, ContextResult, FRAGMENT_BYTES, FaultStatus,
    Frames, Header, PacketPrivacy, PacketType, SyntaxId,
};
use provlab_protocol::filetime::FileTime;
use provlab_protocol::nt_hash::NtHash;
use provlab_protocol::ntlm::{Context, Server, ServerNames};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The domain controller of the world.
pub(crate) const DC: &str = "dc1.contoso.com";
const PORT: u16 = 49_152;

/// What a call is answered with: a stub or a fault, for its number, its arguments and the session key.
pub(crate) type Script = Arc<dyn Fn(u16, &[u8], &[u8]) -> Result<Vec<u8>, FaultStatus> + Send + Sync>;

/// Logons that were seen: user and whether the hash was right.
pub(crate) type Logons = Arc<Mutex<Vec<(String, bool)>>>;

/// Serves the endpoint mapper and replication to whoever has `hash`.
pub(crate) async fn serve(platform: Platform, hash: NtHash, script: Script) -> Logons {
    let logons = Logons::default();
    for port in [endpoint_mapper::PORT, PORT] {
        let listener = platform.net.listen(&Endpoint::new(DC, port)).await.unwrap();
        let (script, hash, logons) = (Arc::clone(&script), hash.clone(), Arc::clone(&logons));
        tokio::spawn(async move {
            while let Ok(stream) = listener.accept().await {
                let line = Line {
                    frames: Frames::default(),
                    server: None,
                    session: None,
                    refused: false,
                    hash: hash.clone(),
                    logons: Arc::clone(&logons),
                };
                tokio::spawn(line.serve(stream, port == PORT, Arc::clone(&script)));
            }
        });
    }
    logons
}

struct Line {
    frames: Frames,
    server: Option<Server>,
    session: Option<Context>,
    refused: bool,
    hash: NtHash,
    logons: Logons,
}

impl Line {
    async fn serve(mut self, mut stream: Stream, replication: bool, script: Script) {
        let mut buffer = vec![0; 8_192];
        let mut assembly = Assembly::default();
        loop {
            let count = stream.read(&mut buffer).await.unwrap_or(0);
            if count == 0 {
                return;
            }
            self.frames.push(&buffer[..count]);
            while let Some(pdu) = self.frames.next_pdu().unwrap() {
                let answer = match Header::read(&pdu).unwrap().kind {
                    PacketType::Bind => self.bind(&pdu),
                    PacketType::Auth3 => self.auth3(&pdu),
                    _ => self.request(&mut assembly, pdu, replication, &script),
                };
                stream.write_all(&answer).await.unwrap();
            }
        }
    }

    fn bind(&mut self, pdu: &[u8]) -> Vec<u8> {
        let bind = Bind::from_pdu(pdu).unwrap();
        let auth = bind.auth.map(|trailer| {
            let name = || "DC1".to_owned();
            let names = ServerNames {
                netbios_computer: name(),
                netbios_domain: name(),
                dns_computer: name(),
                dns_domain: name(),
                dns_forest: name(),
            };
            let now = FileTime(133_500_000_000_000_000);
            let (server, value) = Server::challenge(&names, &trailer.value, [7; 8], now).unwrap();
            self.server = Some(server);
            AuthTrailer { value, ..trailer }
        });
        let ack = BindAck {
            call_id: bind.call_id,
            header_sign: true,
            max_fragment: FRAGMENT_BYTES,
            association_group: 1,
            address: PORT.to_string(),
            results: vec![ContextResult::Accepted(SyntaxId::NDR20)],
            auth,
        };
        ack.to_pdu(false)
    }

    fn auth3(&mut self, pdu: &[u8]) -> Vec<u8> {
        let token = Auth3::from_pdu(pdu).unwrap().auth.value;
        let claim = self.server.take().unwrap().claim(&token).unwrap();
        self.session = claim.verify(&self.hash).ok();
        self.refused = self.session.is_none();
        let seen = (claim.user().to_owned(), !self.refused);
        self.logons.lock().unwrap().push(seen);
        Vec::new()
    }

    fn request(
        &mut self,
        assembly: &mut Assembly,
        pdu: Vec<u8>,
        replication: bool,
        script: &Script,
    ) -> Vec<u8> {
        if self.refused {
            let call = Header::read(&pdu).unwrap().call_id;
            return answer(call, 0, Err(FaultStatus::ACCESS_DENIED), None);
        }
        let key = self
            .session
            .as_ref()
            .map_or(Vec::new(), |session| session.session_key().as_bytes().to_vec());
        let privacy = self
            .session
            .as_mut()
            .map(|session| session as &mut dyn PacketPrivacy);
        let Some(call) = assembly.take(pdu, privacy, 1 << 20).unwrap() else {
            return Vec::new();
        };
        let CallKind::Request { opnum } = call.kind else {
            panic!("a client calls");
        };
        let result = if replication {
            script(opnum, &call.stub, &key)
        } else {
            Ok(map(&call.stub))
        };
        let privacy = self
            .session
            .as_mut()
            .map(|session| session as &mut dyn PacketPrivacy);
        answer(call.call_id, call.context_id, result, privacy)
    }
}

fn answer(
    call_id: u32,
    context_id: u16,
    result: Result<Vec<u8>, FaultStatus>,
    privacy: Option<&mut dyn PacketPrivacy>,
) -> Vec<u8> {
    let (kind, stub) = match result {
        Ok(stub) => (CallKind::Response, stub),
        Err(status) => (CallKind::Fault(status), Vec::new()),
    };
    let call = Call {
        call_id,
        context_id,
        kind,
        stub,
    };
    call.to_pdus(FRAGMENT_BYTES, 1, privacy).unwrap().concat()
}

fn map(stub: &[u8]) -> Vec<u8> {
    let tower = Tower {
        port: PORT,
        ..MapRequest::from_stub(stub).unwrap().tower
    };
    let reply = MapReply {
        towers: vec![tower],
        status: 0,
    };
    reply.to_stub(4)
}
