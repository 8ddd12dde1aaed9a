//! One connection of DCE/RPC: bound to one interface, with a limit on everything the server may do.
//!
//! Calls run one after the other, and every one has a deadline. A server that answers too much, too late, or something that is no
//! DCE/RPC costs an error, never a hang or a panic.

use std::time::Duration;

use provlab_platform::{Clock, Endpoint, Platform, Stream};
use provlab_protocol::dcerpc::{
    Assembly, Auth3, AuthLevel, AuthTrailer, AuthType, Bind, BindAck, BindNak, Call, CallKind,
    ContextElement, ContextResult, DceError, FRAGMENT_BYTES, FaultStatus, Frames, Header, PacketPrivacy,
    PacketType, SyntaxId,
};
use provlab_protocol::filetime::FileTime;
use provlab_protocol::nt_hash::NtHash;
use provlab_protocol::ntlm::{Client, Random};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::error::DrsuapiError;
use super::logon::NtlmAccount;

/// Longest answer that is taken in. Servers make them about as long as they are asked to, which is far below.
pub(super) const MAX_ANSWER_BYTES: usize = 32 << 20;

const READ_BYTES: usize = 16 * 1024;
/// The one presentation context, and the one security context.
const CONTEXT: u16 = 0;
const AUTH_CONTEXT: u32 = 1;

/// An answer to a call.
pub(super) enum Answer {
    /// The results.
    Stub(Vec<u8>),
    /// It was not done.
    Fault(FaultStatus),
}

/// A bound connection.
pub(super) struct RpcConnection {
    stream: Stream,
    endpoint: Endpoint,
    clock: Clock,
    timeout: Duration,
    frames: Frames,
    call_id: u32,
    max_fragment: u16,
    privacy: Option<Box<dyn PacketPrivacy>>,
}

/// Who logs on with a bind.
pub(super) struct Logon<'a> {
    pub(super) account: &'a NtlmAccount,
    pub(super) hash: &'a NtHash,
    /// NetBIOS name of this host.
    pub(super) workstation: &'a str,
}

impl RpcConnection {
    /// Connects to `endpoint` and binds to `interface`; with a logon, everything afterwards is sealed.
    ///
    /// Whether the logon was taken shows with the first call: NTLM's third message has no answer.
    pub(super) async fn open(
        platform: &Platform,
        endpoint: Endpoint,
        interface: SyntaxId,
        logon: Option<Logon<'_>>,
        timeout: Duration,
    ) -> Result<Self, DrsuapiError> {
        let clock = platform.clock.clone();
        let opening = async {
            let stream = platform
                .net
                .connect(&endpoint)
                .await
                .map_err(DrsuapiError::Unreachable)?;
            let mut connection = Self {
                stream,
                endpoint: endpoint.clone(),
                clock: clock.clone(),
                timeout,
                frames: Frames::default(),
                call_id: 1,
                max_fragment: FRAGMENT_BYTES,
                privacy: None,
            };
            connection.bind(platform, interface, logon).await?;
            Ok(connection)
        };
        let elapsed = DrsuapiError::TimedOut {
            endpoint: endpoint.clone(),
            doing: "the bind",
            after: timeout,
        };
        clock.timeout(timeout, opening).await.unwrap_or(Err(elapsed))
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The key that both ends of a sealed connection share; empty on a plain one.
    pub(super) fn session_key(&self) -> &[u8] {
        self.privacy.as_ref().map_or(&[], |privacy| privacy.session_key())
    }

    async fn bind(
        &mut self,
        platform: &Platform,
        interface: SyntaxId,
        logon: Option<Logon<'_>>,
    ) -> Result<(), DrsuapiError> {
        let client = logon.map(
            |Logon {
                 account,
                 hash,
                 workstation,
             }| { Client::new(&account.user, &account.domain, workstation, hash.clone()) },
        );
        let bind = Bind {
            call_id: self.call_id,
            header_sign: client.is_some(),
            max_fragment: FRAGMENT_BYTES,
            association_group: 0,
            contexts: vec![ContextElement {
                id: CONTEXT,
                interface,
                transfer_syntaxes: vec![SyntaxId::NDR20],
            }],
            auth: client.as_ref().map(|client| trailer(client.negotiate().to_vec())),
        };
        self.send(&bind.to_pdu(false)).await?;
        let pdu = self.receive().await?;
        let ack = self.bind_ack(&pdu)?;
        self.max_fragment = ack.max_fragment.min(FRAGMENT_BYTES);
        let Some(client) = client else { return Ok(()) };
        let challenge = ack
            .auth
            .ok_or_else(|| self.nonsense("no challenge in the answer to the bind"))?;
        let mut random = Random {
            client_challenge: [0; 8],
            session_key: [0; 16],
        };
        let entropy = platform.entropy.fork("ntlm");
        entropy.fill(&mut random.client_challenge);
        entropy.fill(&mut random.session_key);
        let now = FileTime::from_datetime(self.clock.wall()).unwrap_or(FileTime::ZERO);
        let (token, session) = client
            .authenticate(&challenge.value, &random, now)
            .map_err(|error| self.nonsense(&error.to_string()))?;
        let auth3 = Auth3 {
            call_id: self.call_id,
            auth: trailer(token),
        };
        self.send(&auth3.to_pdu()).await?;
        self.privacy = Some(Box::new(session));
        Ok(())
    }

    fn bind_ack(&self, pdu: &[u8]) -> Result<BindAck, DrsuapiError> {
        let broken = |error: DceError| self.nonsense(&error.to_string());
        match Header::read(pdu).map_err(broken)?.kind {
            PacketType::BindAck => {}
            PacketType::BindNak => {
                let nak = BindNak::from_pdu(pdu).map_err(broken)?;
                return Err(self.nonsense(&format!("the bind was refused for reason {}", nak.reason.0)));
            }
            other => return Err(broken(DceError::Kind(other as u8))),
        }
        let ack = BindAck::from_pdu(pdu).map_err(broken)?;
        match ack.results.first() {
            Some(ContextResult::Accepted(SyntaxId::NDR20)) => Ok(ack),
            Some(ContextResult::Accepted(_)) | None => Err(self.nonsense("an answer to another bind")),
            Some(ContextResult::Rejected(_)) => Err(DrsuapiError::NotServed {
                server: self.endpoint.host.clone(),
            }),
        }
    }

    /// Calls an operation.
    pub(super) async fn call(
        &mut self,
        doing: &'static str,
        opnum: u16,
        stub: Vec<u8>,
    ) -> Result<Answer, DrsuapiError> {
        self.call_id = self.call_id.wrapping_add(1);
        let elapsed = DrsuapiError::TimedOut {
            endpoint: self.endpoint.clone(),
            doing,
            after: self.timeout,
        };
        let (clock, timeout) = (self.clock.clone(), self.timeout);
        let answer = clock.timeout(timeout, self.exchange(opnum, stub)).await;
        let call = answer.unwrap_or(Err(elapsed))?;
        match call.kind {
            _ if call.call_id != self.call_id => Err(self.nonsense("an answer to another call")),
            CallKind::Response => Ok(Answer::Stub(call.stub)),
            CallKind::Fault(status) => Ok(Answer::Fault(status)),
            CallKind::Request { .. } => Err(self.nonsense("a request")),
        }
    }

    async fn exchange(&mut self, opnum: u16, stub: Vec<u8>) -> Result<Call, DrsuapiError> {
        let request = Call {
            call_id: self.call_id,
            context_id: CONTEXT,
            kind: CallKind::Request { opnum },
            stub,
        };
        let privacy = self
            .privacy
            .as_deref_mut()
            .map(|privacy| privacy as &mut dyn PacketPrivacy);
        let pdus = request
            .to_pdus(self.max_fragment, AUTH_CONTEXT, privacy)
            .map_err(|error| self.nonsense(&error.to_string()))?;
        self.send(&pdus.concat()).await?;
        let mut assembly = Assembly::default();
        loop {
            let pdu = self.receive().await?;
            let privacy = self
                .privacy
                .as_deref_mut()
                .map(|privacy| privacy as &mut dyn PacketPrivacy);
            match assembly.take(pdu, privacy, MAX_ANSWER_BYTES) {
                Ok(Some(call)) => return Ok(call),
                Ok(None) => {}
                Err(error) => return Err(self.nonsense(&error.to_string())),
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), DrsuapiError> {
        let sending = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        sending.await.map_err(|error| self.broken(&error.to_string()))
    }

    async fn receive(&mut self) -> Result<Vec<u8>, DrsuapiError> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match self.frames.next_pdu() {
                Ok(Some(pdu)) => return Ok(pdu),
                Ok(None) => {}
                Err(error) => return Err(self.nonsense(&error.to_string())),
            }
            match self.stream.read(&mut buffer).await {
                Ok(0) => return Err(self.broken("the server closed it")),
                Ok(count) => self.frames.push(&buffer[..count]),
                Err(error) => return Err(self.broken(&error.to_string())),
            }
        }
    }

    pub(super) fn nonsense(&self, detail: &str) -> DrsuapiError {
        DrsuapiError::Protocol {
            endpoint: self.endpoint.clone(),
            detail: detail.to_owned(),
        }
    }

    fn broken(&self, detail: &str) -> DrsuapiError {
        DrsuapiError::Broken {
            endpoint: self.endpoint.clone(),
            detail: detail.to_owned(),
        }
    }
}

fn trailer(value: Vec<u8>) -> AuthTrailer {
    AuthTrailer {
        kind: AuthType::NTLM,
        level: AuthLevel::PRIVACY,
        context_id: AUTH_CONTEXT,
        value,
    }
}
