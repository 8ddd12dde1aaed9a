//! One connection of DCE/RPC as a state machine: a PDU comes in, effects come out.

use std::collections::BTreeSet;

use provlab_platform::trace::field;
use provlab_protocol::dcerpc::endpoint_mapper::{self, MapReply, MapRequest, NOT_REGISTERED, Tower};
use provlab_protocol::dcerpc::{
    Assembly, Auth3, AuthType, Bind, BindAck, BindNak, Call, CallKind, ContextResult, DceError,
    FRAGMENT_BYTES, FaultStatus, Header, PacketPrivacy, PacketType, RejectReason, SyntaxId,
};
use provlab_protocol::drsuapi::{ContextHandle, opnum};
use provlab_protocol::guid::Guid;
use provlab_protocol::ndr::NdrError;

use super::DRSUAPI_PORT;
use super::logon::{self, Caller, Logon};
use crate::drs;
use crate::server::session::{Effect, Moment, fields};

/// Longest stub of a request: an up-to-date vector and a partial attribute set of the longest kind fit.
pub const MAX_REQUEST_BYTES: usize = 256 * 1_024;
/// Most context handles of one connection.
pub const MAX_HANDLES: usize = 64;
/// Presentation contexts of one connection.
const MAX_OPEN_CONTEXTS: usize = 32;

/// What a port serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The endpoint mapper.
    EndpointMapper,
    /// Replication.
    Replication,
}

impl Service {
    fn interface(self) -> SyntaxId {
        match self {
            Self::EndpointMapper => SyntaxId::ENDPOINT_MAPPER,
            Self::Replication => SyntaxId::DRSUAPI,
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::EndpointMapper => endpoint_mapper::PORT,
            Self::Replication => DRSUAPI_PORT,
        }
    }
}

/// One connection.
pub struct Association {
    host: String,
    client: String,
    service: Service,
    /// Presentation contexts that were accepted.
    contexts: BTreeSet<u16>,
    max_fragment: u16,
    logon: Logon,
    assembly: Assembly,
    handles: BTreeSet<[u8; 20]>,
}

impl Association {
    /// A connection from `client` that `host` has just accepted.
    #[must_use]
    pub fn new(host: &str, client: &str, service: Service) -> Self {
        Self {
            host: host.to_owned(),
            client: client.to_owned(),
            service,
            contexts: BTreeSet::new(),
            max_fragment: FRAGMENT_BYTES,
            logon: Logon::default(),
            assembly: Assembly::default(),
            handles: BTreeSet::new(),
        }
    }

    #[cfg(test)]
    pub(super) fn fill_handles(&mut self, handles: impl Iterator<Item = ContextHandle>) {
        self.handles.extend(handles.map(|handle| handle.0));
    }

    #[cfg(test)]
    pub(super) fn is_assembling(&self) -> bool {
        self.assembly.is_open()
    }

    /// A PDU has arrived.
    pub fn on_pdu(&mut self, moment: &mut Moment<'_>, pdu: Vec<u8>) -> Vec<Effect> {
        let header = match Header::read(&pdu) {
            Ok(header) => header,
            Err(error) => return self.on_garbage(&error.to_string()),
        };
        let effects = match header.kind {
            PacketType::Bind => self.bind(moment, &pdu, false),
            PacketType::AlterContext => self.bind(moment, &pdu, true),
            PacketType::Auth3 => self.auth3(moment, &pdu),
            PacketType::Request => return self.request(moment, header.call_id, pdu),
            // A call is answered before the next one is read, so nothing is ever left to cancel.
            PacketType::CoCancel | PacketType::Orphaned => Ok(Vec::new()),
            other => Err(DceError::Kind(other as u8)),
        };
        effects.unwrap_or_else(|error| self.on_garbage(&error.to_string()))
    }

    /// Something has arrived that is no PDU: there is nobody to answer to.
    pub fn on_garbage(&mut self, reason: &str) -> Vec<Effect> {
        let fields = fields([("client", field(&self.client)), ("reason", field(reason))]);
        let report = Effect::Report {
            name: "rpc.disconnect",
            fields,
        };
        vec![report, Effect::Close]
    }

    fn bind(&mut self, moment: &mut Moment<'_>, pdu: &[u8], alter: bool) -> Result<Vec<Effect>, DceError> {
        let bind = Bind::from_pdu(pdu)?;
        let refuse = |reason| {
            let nak = BindNak {
                call_id: bind.call_id,
                reason,
            };
            Ok(vec![Effect::Send(nak.to_pdu()), Effect::Close])
        };
        let mut answer = None;
        if let Some(trailer) = bind.auth.as_ref().filter(|_| !alter) {
            if trailer.kind != AuthType::NTLM {
                return refuse(RejectReason::AUTH_TYPE);
            }
            match logon::begin(moment, &self.host, trailer) {
                Ok((logon, trailer)) => {
                    self.logon = logon;
                    answer = Some(trailer);
                }
                Err(_) => return refuse(RejectReason::INVALID_CHECKSUM),
            }
        }
        if !alter {
            self.max_fragment = bind.max_fragment.min(FRAGMENT_BYTES);
        }
        let mut results = Vec::new();
        for context in &bind.contexts {
            let accepted = if context.interface.uuid != self.service.interface().uuid
                || context.interface.major != self.service.interface().major
                || self.contexts.len() >= MAX_OPEN_CONTEXTS
            {
                ContextResult::NO_INTERFACE
            } else if context.transfer_syntaxes.contains(&SyntaxId::NDR20) {
                self.contexts.insert(context.id);
                ContextResult::Accepted(SyntaxId::NDR20)
            } else {
                ContextResult::NO_SYNTAX
            };
            results.push(accepted);
        }
        let ack = BindAck {
            call_id: bind.call_id,
            header_sign: bind.header_sign,
            max_fragment: FRAGMENT_BYTES,
            // Handles are the connection's own here, so the group means nothing; it only must not be zero.
            association_group: bind.association_group.max(1),
            address: self.service.port().to_string(),
            results,
            auth: answer,
        };
        Ok(vec![Effect::Send(ack.to_pdu(alter))])
    }

    /// Nothing is answered: who was refused learns it from the first call.
    fn auth3(&mut self, moment: &mut Moment<'_>, pdu: &[u8]) -> Result<Vec<Effect>, DceError> {
        let auth3 = Auth3::from_pdu(pdu)?;
        let Logon::Challenged {
            server,
            level,
            context_id,
        } = std::mem::take(&mut self.logon)
        else {
            return Err(DceError::Contradiction("auth3"));
        };
        let challenged = (*server, level, context_id);
        let (logon, effects) = logon::finish(moment, &self.client, challenged, &auth3.auth.value);
        self.logon = logon;
        Ok(effects)
    }

    fn request(&mut self, moment: &mut Moment<'_>, call_id: u32, pdu: Vec<u8>) -> Vec<Effect> {
        let privacy: Option<&mut dyn PacketPrivacy> = match &mut self.logon {
            Logon::Done(caller) if caller.has_privacy() => Some(&mut caller.session),
            _ => None,
        };
        let call = match self.assembly.take(pdu, privacy, MAX_REQUEST_BYTES) {
            Ok(Some(call)) => call,
            Ok(None) => return Vec::new(),
            Err(error) => {
                let status = match error {
                    DceError::Unsealed => FaultStatus::SECURITY_PACKAGE,
                    _ => FaultStatus::PROTOCOL,
                };
                // The keystreams are no longer in step, so the fault goes in clear, and nothing after it.
                let mut effects = fault(call_id, 0, status);
                effects.extend(self.on_garbage(&error.to_string()));
                return effects;
            }
        };
        let mut reports = Vec::new();
        let answered = self.perform(moment, &call, &mut reports);
        reports.extend(self.answer(&call, answered));
        reports
    }

    fn perform(
        &mut self,
        moment: &mut Moment<'_>,
        call: &Call,
        reports: &mut Vec<Effect>,
    ) -> Result<Vec<u8>, FaultStatus> {
        let CallKind::Request { opnum } = call.kind else {
            return Err(FaultStatus::PROTOCOL);
        };
        if !self.contexts.contains(&call.context_id) {
            return Err(FaultStatus::NO_INTERFACE);
        }
        match (self.service, &self.logon) {
            (Service::EndpointMapper, _) => map(opnum, &call.stub),
            (Service::Replication, Logon::Done(caller)) if caller.has_privacy() => {
                let handles = &mut self.handles;
                replicate(moment, &self.host, caller, handles, opnum, &call.stub, reports)
            }
            (Service::Replication, _) => Err(FaultStatus::ACCESS_DENIED),
        }
    }

    fn answer(&mut self, call: &Call, answered: Result<Vec<u8>, FaultStatus>) -> Vec<Effect> {
        let (kind, stub) = match answered {
            Ok(stub) => (CallKind::Response, stub),
            Err(status) => (CallKind::Fault(status), Vec::new()),
        };
        let answer = Call {
            call_id: call.call_id,
            context_id: call.context_id,
            kind,
            stub,
        };
        let (auth_context, privacy): (u32, Option<&mut dyn PacketPrivacy>) = match &mut self.logon {
            Logon::Done(caller) if caller.has_privacy() => (caller.context_id, Some(&mut caller.session)),
            _ => (0, None),
        };
        match answer.to_pdus(self.max_fragment, auth_context, privacy) {
            Ok(pdus) => vec![Effect::Send(pdus.concat())],
            Err(error) => self.on_garbage(&error.to_string()),
        }
    }
}

fn fault(call_id: u32, context_id: u16, status: FaultStatus) -> Vec<Effect> {
    let fault = Call {
        call_id,
        context_id,
        kind: CallKind::Fault(status),
        stub: Vec::new(),
    };
    let pdus = fault.to_pdus(FRAGMENT_BYTES, 0, None).unwrap_or_default();
    vec![Effect::Send(pdus.concat())]
}

fn bad_stub(_: NdrError) -> FaultStatus {
    FaultStatus::BAD_STUB_DATA
}

/// The endpoint mapper's one operation: it knows one interface.
fn map(opnum: u16, stub: &[u8]) -> Result<Vec<u8>, FaultStatus> {
    if opnum != endpoint_mapper::OPNUM {
        return Err(FaultStatus::NO_OPERATION);
    }
    let request = MapRequest::from_stub(stub).map_err(bad_stub)?;
    let known = request.tower.interface.uuid == SyntaxId::DRSUAPI.uuid && request.max_towers > 0;
    let tower = Tower {
        interface: SyntaxId::DRSUAPI,
        port: DRSUAPI_PORT,
        // Names lead to hosts here, addresses lead nowhere.
        address: [0; 4],
        ..request.tower
    };
    let reply = MapReply {
        towers: if known { vec![tower] } else { Vec::new() },
        status: if known { 0 } else { NOT_REGISTERED },
    };
    Ok(reply.to_stub(request.max_towers))
}

fn replicate(
    moment: &Moment<'_>,
    host: &str,
    caller: &Caller,
    handles: &mut BTreeSet<[u8; 20]>,
    opnum: u16,
    stub: &[u8],
    reports: &mut Vec<Effect>,
) -> Result<Vec<u8>, FaultStatus> {
    let open = |handle: ContextHandle, handles: &BTreeSet<[u8; 20]>| {
        handles
            .contains(&handle.0)
            .then_some(())
            .ok_or(FaultStatus::CONTEXT_MISMATCH)
    };
    let server = drs::Server {
        directory: moment.directory,
        now: moment.now,
        entropy: moment.entropy,
        host,
    };
    match opnum {
        opnum::BIND => {
            let room = handles.len() < MAX_HANDLES;
            let handle = ContextHandle::new(Guid::from(moment.entropy.uuid()));
            let reply = server.bind(stub, handle, room).map_err(bad_stub)?;
            if room {
                handles.insert(handle.0);
            }
            Ok(reply)
        }
        opnum::UNBIND => {
            let handle = drs::handle_of(stub).map_err(bad_stub)?;
            open(handle, handles)?;
            handles.remove(&handle.0);
            Ok(drs::unbound())
        }
        opnum::DOMAIN_CONTROLLER_INFO => {
            open(drs::handle_of(stub).map_err(bad_stub)?, handles)?;
            server.controller_info(stub).map_err(bad_stub)
        }
        opnum::CRACK_NAMES => {
            open(drs::handle_of(stub).map_err(bad_stub)?, handles)?;
            server.crack_names(stub).map_err(bad_stub)
        }
        opnum::GET_NC_CHANGES => {
            open(drs::handle_of(stub).map_err(bad_stub)?, handles)?;
            let session_key = caller.session.session_key();
            let (reply, told) = server
                .changes(stub, &caller.token, session_key.as_bytes())
                .map_err(bad_stub)?;
            let mut all = fields([("name", field(&caller.name))]);
            all.extend(told);
            reports.push(Effect::Report {
                name: "drsuapi.changes",
                fields: all,
            });
            Ok(reply)
        }
        _ => Err(FaultStatus::NO_OPERATION),
    }
}
