#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use provlab_platform::Entropy;
use provlab_protocol::dcerpc::endpoint_mapper::{self, MapReply, MapRequest};
use provlab_protocol::dcerpc::{
    Assembly, Auth3, AuthLevel, AuthTrailer, AuthType, Bind, BindAck, BindNak, Call, CallKind,
    ContextElement, ContextResult, FRAGMENT_BYTES, FaultStatus, Header, PacketPrivacy, PacketType,
    RejectReason, SyntaxId,
};
use provlab_protocol::drsuapi::{
    BindReply, BindRequest, ContextHandle, DrsError, DrsExtensions, NTDSAPI_CLIENT, UnbindReply,
    UnbindRequest, opnum,
};
use provlab_protocol::filetime::{FileTime, TICKS_PER_MINUTE};
use provlab_protocol::nt_hash::nt_hash;
use provlab_protocol::ntlm::{Client, Context, Random};

use super::*;
use crate::account::attributes::{self, ATTRIBUTES};
use crate::directory::Directory;
use crate::server::session::{Effect, Moment};
use crate::testing::{NOW, PASSWORD, account, forest};

const LIMIT: usize = 1 << 20;

/// A connection with the directory behind it.
struct Line {
    directory: Directory,
    association: Association,
    now: FileTime,
}

impl Line {
    fn to(service: Service) -> Self {
        Self {
            directory: forest(),
            association: Association::new("dc1.contoso.com", "host1.contoso.com", service),
            now: NOW,
        }
    }

    /// What comes back, and whether the connection was closed. Changes are kept, as the edge keeps them.
    fn say(&mut self, pdu: Vec<u8>) -> (Vec<u8>, bool) {
        let entropy = Entropy::seeded(3);
        let mut moment = Moment {
            directory: &mut self.directory,
            now: self.now,
            entropy: &entropy,
        };
        let mut sent = Vec::new();
        let mut closed = false;
        for effect in self.association.on_pdu(&mut moment, pdu) {
            match effect {
                Effect::Send(bytes) | Effect::Commit { done: bytes, .. } => sent.extend(bytes),
                Effect::Close => closed = true,
                Effect::StartTls | Effect::Report { .. } => {}
            }
        }
        (sent, closed)
    }

    /// Logs on as far as the server lets; the client's half of the session.
    fn log_on(&mut self, user: &str, password: &str, level: AuthLevel) -> Context {
        let client = Client::new(user, "CONTOSO", "HOST1", nt_hash(password));
        let (sent, _) = self.say(bind(trailer(level, client.negotiate().to_vec())).to_pdu(false));
        let challenge = BindAck::from_pdu(&sent).unwrap().auth.unwrap();
        let random = Random {
            client_challenge: [1; 8],
            session_key: [2; 16],
        };
        let (token, context) = client.authenticate(&challenge.value, &random, NOW).unwrap();
        let auth = trailer(level, token).unwrap();
        let (sent, closed) = self.say(Auth3 { call_id: 1, auth }.to_pdu());
        assert_eq!((sent, closed), (Vec::new(), false));
        context
    }

    fn call(&mut self, opnum: u16, stub: Vec<u8>, mut session: Option<&mut Context>) -> (Option<Call>, bool) {
        let call = Call {
            call_id: 2,
            context_id: 0,
            kind: CallKind::Request { opnum },
            stub,
        };
        let privacy = session
            .as_deref_mut()
            .map(|session| session as &mut dyn PacketPrivacy);
        let pdus = call.to_pdus(FRAGMENT_BYTES, 0, privacy).unwrap();
        let (sent, closed) = pdus
            .into_iter()
            .map(|pdu| self.say(pdu))
            .reduce(|(a, _), (b, closed)| ([a, b].concat(), closed))
            .unwrap();
        let mut assembly = Assembly::default();
        let mut frames = provlab_protocol::dcerpc::Frames::default();
        frames.push(&sent);
        let mut whole = None;
        while let Some(pdu) = frames.next_pdu().unwrap() {
            let privacy = session
                .as_deref_mut()
                .map(|session| session as &mut dyn PacketPrivacy);
            whole = assembly.take(pdu, privacy, LIMIT).unwrap();
        }
        (whole, closed)
    }
}

fn trailer(level: AuthLevel, value: Vec<u8>) -> Option<AuthTrailer> {
    Some(AuthTrailer {
        kind: AuthType::NTLM,
        level,
        context_id: 0,
        value,
    })
}

fn bind(auth: Option<AuthTrailer>) -> Bind {
    Bind {
        call_id: 1,
        header_sign: true,
        max_fragment: FRAGMENT_BYTES,
        association_group: 0,
        contexts: vec![ContextElement {
            id: 0,
            interface: SyntaxId::DRSUAPI,
            transfer_syntaxes: vec![SyntaxId::NDR20],
        }],
        auth,
    }
}

fn drs_bind() -> Vec<u8> {
    let request = BindRequest {
        client_dsa: Some(NTDSAPI_CLIENT),
        extensions: Some(DrsExtensions::client(0)),
    };
    request.to_stub()
}

fn fault(call: Option<Call>) -> FaultStatus {
    match call.map(|call| call.kind) {
        Some(CallKind::Fault(status)) => status,
        other => unreachable!("a fault was due: {other:?}"),
    }
}

#[test]
fn the_endpoint_mapper_says_where_replication_is() {
    let mut line = Line::to(Service::EndpointMapper);
    let mut asked = bind(None);
    asked.contexts[0].interface = SyntaxId::ENDPOINT_MAPPER;
    let (sent, _) = line.say(asked.to_pdu(false));
    assert_eq!(
        BindAck::from_pdu(&sent).unwrap().results,
        [ContextResult::Accepted(SyntaxId::NDR20)]
    );
    let mut map = |interface| {
        let stub = MapRequest::of_interface(interface).to_stub();
        let (call, _) = line.call(endpoint_mapper::OPNUM, stub, None);
        MapReply::from_stub(&call.unwrap().stub).unwrap()
    };
    assert_eq!(
        map(SyntaxId::DRSUAPI).port_of(SyntaxId::DRSUAPI),
        Some(DRSUAPI_PORT)
    );
    let unknown = map(SyntaxId::ENDPOINT_MAPPER);
    assert_eq!(
        (unknown.towers.len(), unknown.status),
        (0, endpoint_mapper::NOT_REGISTERED)
    );
    assert_eq!(fault(line.call(2, Vec::new(), None).0), FaultStatus::NO_OPERATION);
    assert_eq!(
        fault(line.call(endpoint_mapper::OPNUM, vec![1], None).0),
        FaultStatus::BAD_STUB_DATA
    );
}

#[test]
fn a_sealed_session_binds_calls_and_unbinds() {
    let mut line = Line::to(Service::Replication);
    let mut session = line.log_on("alice", PASSWORD, AuthLevel::PRIVACY);
    let (call, _) = line.call(opnum::BIND, drs_bind(), Some(&mut session));
    let reply = BindReply::from_stub(&call.unwrap().stub).unwrap();
    assert_eq!(reply.result, DrsError::SUCCESS);
    let unbind = UnbindRequest { handle: reply.handle }.to_stub();
    let (call, _) = line.call(opnum::UNBIND, unbind.clone(), Some(&mut session));
    let unbound = UnbindReply::from_stub(&call.unwrap().stub).unwrap();
    assert_eq!(unbound.handle, ContextHandle::default());
    // The handle is gone, and others never were.
    assert_eq!(
        fault(line.call(opnum::UNBIND, unbind, Some(&mut session)).0),
        FaultStatus::CONTEXT_MISMATCH
    );
    assert_eq!(
        fault(
            line.call(opnum::GET_NC_CHANGES, vec![7; 20], Some(&mut session))
                .0
        ),
        FaultStatus::CONTEXT_MISMATCH
    );
    assert_eq!(
        fault(line.call(99, Vec::new(), Some(&mut session)).0),
        FaultStatus::NO_OPERATION
    );
    let count = attributes::number(account(&line.directory, "alice"), ATTRIBUTES.logon_count);
    assert_eq!(count, Some(1));
}

#[test]
fn handles_are_bounded() {
    let mut line = Line::to(Service::Replication);
    let mut session = line.log_on("alice", PASSWORD, AuthLevel::PRIVACY);
    // The entropy of this test is the same at every step, so the table is filled by hand.
    let handles = (0..MAX_HANDLES).map(|at| ContextHandle([at as u8; 20]));
    line.association.fill_handles(handles.skip(1));
    let mut open = || {
        let (call, _) = line.call(opnum::BIND, drs_bind(), Some(&mut session));
        BindReply::from_stub(&call.unwrap().stub).unwrap().result
    };
    assert_eq!(open(), DrsError::SUCCESS);
    assert_eq!(open(), DrsError(8));
}

#[test]
fn without_privacy_nothing_is_told() {
    let mut line = Line::to(Service::Replication);
    line.say(bind(None).to_pdu(false));
    assert_eq!(
        fault(line.call(opnum::BIND, drs_bind(), None).0),
        FaultStatus::ACCESS_DENIED
    );
    for level in [AuthLevel::CONNECT, AuthLevel::INTEGRITY] {
        let mut line = Line::to(Service::Replication);
        line.log_on("alice", PASSWORD, level);
        assert_eq!(
            fault(line.call(opnum::BIND, drs_bind(), None).0),
            FaultStatus::ACCESS_DENIED
        );
    }
    // A call in clear on a sealed session ends it.
    let mut line = Line::to(Service::Replication);
    line.log_on("alice", PASSWORD, AuthLevel::PRIVACY);
    let (call, closed) = line.call(opnum::BIND, drs_bind(), None);
    assert_eq!((fault(call), closed), (FaultStatus::SECURITY_PACKAGE, true));
}

/// Whether a logon is followed by an answer.
fn may_call(line: &mut Line, user: &str, password: &str) -> bool {
    line.association = Association::new("dc1.contoso.com", "host1.contoso.com", Service::Replication);
    let mut session = line.log_on(user, password, AuthLevel::PRIVACY);
    match line
        .call(opnum::BIND, drs_bind(), Some(&mut session))
        .0
        .unwrap()
        .kind
    {
        CallKind::Response => true,
        CallKind::Fault(status) => {
            assert_eq!(status, FaultStatus::ACCESS_DENIED);
            false
        }
        CallKind::Request { .. } => unreachable!("a server asks nothing"),
    }
}

#[test]
fn logons_go_by_the_rules_of_binds() {
    let mut line = Line::to(Service::Replication);
    assert!(may_call(&mut line, "ALICE", PASSWORD));
    assert!(!may_call(&mut line, "nobody", PASSWORD));
    // A computer is an account too.
    assert!(may_call(&mut line, "HOST1$", "h0st-1-machine-password"));
    for _ in 0..3 {
        assert!(!may_call(&mut line, "alice", "wrong"));
    }
    assert!(!may_call(&mut line, "alice", PASSWORD), "locked out");
    line.now = NOW.plus_ticks(30 * TICKS_PER_MINUTE);
    assert!(may_call(&mut line, "alice", PASSWORD), "the lockout is over");
    let alice = account(&line.directory, "alice").dnt;
    let disabled = [("userAccountControl", vec![b"514".to_vec()])];
    let _ = line.directory.update(NOW, alice, &disabled).unwrap();
    assert!(!may_call(&mut line, "alice", PASSWORD), "disabled");
}

#[test]
fn binds_that_cannot_be_served_are_refused() {
    let mut line = Line::to(Service::Replication);
    let mut strange = bind(None);
    strange.contexts[0].interface = SyntaxId::ENDPOINT_MAPPER;
    strange.contexts.push(ContextElement {
        id: 1,
        interface: SyntaxId::DRSUAPI,
        transfer_syntaxes: vec![SyntaxId::DRSUAPI],
    });
    let (sent, _) = line.say(strange.to_pdu(false));
    assert_eq!(
        BindAck::from_pdu(&sent).unwrap().results,
        [ContextResult::NO_INTERFACE, ContextResult::NO_SYNTAX]
    );
    assert_eq!(
        fault(line.call(opnum::BIND, drs_bind(), None).0),
        FaultStatus::NO_INTERFACE
    );
    let mut kerberos = trailer(AuthLevel::PRIVACY, vec![1]);
    if let Some(trailer) = &mut kerberos {
        trailer.kind = AuthType::KERBEROS;
    }
    for (auth, reason) in [
        (kerberos, RejectReason::AUTH_TYPE),
        (
            trailer(AuthLevel::PRIVACY, b"NTLMSSP\0".to_vec()),
            RejectReason::INVALID_CHECKSUM,
        ),
    ] {
        let (sent, closed) = line.say(bind(auth).to_pdu(false));
        assert_eq!(BindNak::from_pdu(&sent).unwrap().reason, reason);
        assert!(closed);
    }
}

#[test]
fn what_is_no_pdu_of_a_client_closes() {
    let ack = BindAck {
        call_id: 1,
        header_sign: false,
        max_fragment: FRAGMENT_BYTES,
        association_group: 1,
        address: String::new(),
        results: Vec::new(),
        auth: None,
    };
    let auth = trailer(AuthLevel::PRIVACY, vec![1]).unwrap();
    for pdu in [
        ack.to_pdu(false),
        Auth3 { call_id: 1, auth }.to_pdu(),
        b"GET / HTTP/1.1\r\n".to_vec(),
        Vec::new(),
    ] {
        let (sent, closed) = Line::to(Service::Replication).say(pdu);
        assert!(sent.is_empty() && closed);
    }
}

#[test]
fn a_request_at_the_limit() {
    let mut line = Line::to(Service::Replication);
    let mut session = line.log_on("alice", PASSWORD, AuthLevel::PRIVACY);
    let (call, closed) = line.call(99, vec![0; MAX_REQUEST_BYTES], Some(&mut session));
    assert_eq!((fault(call), closed), (FaultStatus::NO_OPERATION, false));
    let (call, closed) = line.call(99, vec![0; MAX_REQUEST_BYTES + 1], Some(&mut session));
    assert_eq!((fault(call), closed), (FaultStatus::PROTOCOL, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a logged-on client says, it is answered or closed, and nothing panics.
    #[test]
    fn any_stub_is_survived(opnum in prop::sample::select(vec![0u16, 1, 3, 12, 16]), mut stub in prop::collection::vec(any::<u8>(), 0..200), with_handle: bool) {
        let mut line = Line::to(Service::Replication);
        let mut session = line.log_on("alice", PASSWORD, AuthLevel::PRIVACY);
        let (call, _) = line.call(opnum::BIND, drs_bind(), Some(&mut session));
        let handle = BindReply::from_stub(&call.unwrap().stub).unwrap().handle;
        if with_handle {
            stub.splice(0..0, handle.0);
        }
        let (call, closed) = line.call(opnum, stub, Some(&mut session));
        prop_assert!(call.is_some() && !closed);
    }

    #[test]
    fn any_pdus_are_survived(pdus in prop::collection::vec((0..20u8, any::<u8>(), prop::collection::vec(any::<u8>(), 0..100)), 1..5)) {
        let mut line = Line::to(Service::Replication);
        for (kind, flags, body) in pdus {
            let mut pdu = vec![5, 0, kind, flags, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
            pdu.extend_from_slice(&body);
            let length = pdu.len() as u16;
            pdu[8..10].copy_from_slice(&length.to_le_bytes());
            let known = Header::read(&pdu).is_ok_and(|header| header.kind == PacketType::Request);
            let (sent, closed) = line.say(pdu);
            prop_assert!(!known || closed || !sent.is_empty() || line.association.is_assembling());
        }
    }
}
