//! Requests, responses and faults. A long stub is split into fragments, each sealed by itself.

use std::fmt;

use super::header::{HEADER_BYTES, Header, PacketFlags, PacketType, finish};
use super::privacy::{self, AuthTrailer, PacketPrivacy};
use super::{DceError, MIN_FRAGMENT_BYTES};

/// Most fragments of one call.
pub const MAX_FRAGMENTS: usize = 65_536;

/// Header, `alloc_hint`, context and operation.
const STUB_AT: usize = HEADER_BYTES + 8;
const OBJECT_BYTES: usize = 16;
const BODY: &str = "its body";

/// Why a call was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultStatus(pub u32);

impl FaultStatus {
    /// `ERROR_ACCESS_DENIED`: no logon, or too little protection (PR 13.10).
    pub const ACCESS_DENIED: Self = Self(5);
    /// `RPC_S_SEC_PKG_ERROR`: the security package refuses.
    pub const SECURITY_PACKAGE: Self = Self(0x721);
    /// `RPC_X_BAD_STUB_DATA`: the stub cannot be read.
    pub const BAD_STUB_DATA: Self = Self(0x6F7);
    /// `nca_s_op_rng_error`: there is no such operation.
    pub const NO_OPERATION: Self = Self(0x1C01_0002);
    /// `nca_s_unk_if`: there is no such interface.
    pub const NO_INTERFACE: Self = Self(0x1C01_0003);
    /// `nca_s_proto_error`.
    pub const PROTOCOL: Self = Self(0x1C01_000B);
    /// `nca_s_fault_context_mismatch`: the handle is not one of this server.
    pub const CONTEXT_MISMATCH: Self = Self(0x1C00_001A);

    /// Name in C706 or the Win32 error list; empty for one that is not listed here.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ACCESS_DENIED => "ERROR_ACCESS_DENIED",
            Self::SECURITY_PACKAGE => "RPC_S_SEC_PKG_ERROR",
            Self::BAD_STUB_DATA => "RPC_X_BAD_STUB_DATA",
            Self::NO_OPERATION => "nca_s_op_rng_error",
            Self::NO_INTERFACE => "nca_s_unk_if",
            Self::PROTOCOL => "nca_s_proto_error",
            Self::CONTEXT_MISMATCH => "nca_s_fault_context_mismatch",
            _ => "",
        }
    }
}

impl fmt::Display for FaultStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "" => write!(f, "fault {:#010x}", self.0),
            name => write!(f, "fault {:#010x} ({name})", self.0),
        }
    }
}

/// What a call or an answer to it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// Do this operation.
    Request {
        /// Its number.
        opnum: u16,
    },
    /// It was done.
    Response,
    /// It was not.
    Fault(FaultStatus),
}

/// A request or an answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which call of the connection.
    pub call_id: u32,
    /// Which presentation context: the interface.
    pub context_id: u16,
    /// What it is.
    pub kind: CallKind,
    /// Arguments or results; a fault has none.
    pub stub: Vec<u8>,
}

impl Call {
    /// The PDUs, none longer than `max_fragment`, sealed in the security context `auth_context`.
    ///
    /// # Errors
    /// Sealing fails.
    pub fn to_pdus(
        &self,
        max_fragment: u16,
        auth_context: u32,
        mut privacy: Option<&mut dyn PacketPrivacy>,
    ) -> Result<Vec<Vec<u8>>, DceError> {
        let limit = usize::from(max_fragment.max(MIN_FRAGMENT_BYTES));
        let overhead = privacy.as_deref().map_or(0, privacy::overhead);
        // A multiple of 16, so that only the last fragment needs padding.
        let room = limit.saturating_sub(STUB_AT + overhead) / 16 * 16;
        let empty: &[u8] = &[];
        let chunks: Vec<&[u8]> = match self.stub.is_empty() {
            true => vec![empty],
            false => self.stub.chunks(room.max(16)).collect(),
        };
        let last = chunks.len() - 1;
        let mut pdus = Vec::with_capacity(chunks.len());
        let mut rest = self.stub.len();
        for (at, chunk) in chunks.into_iter().enumerate() {
            let mut flags = PacketFlags::default();
            if at == 0 {
                flags |= PacketFlags::FIRST;
            }
            if at == last {
                flags |= PacketFlags::LAST;
            }
            let mut pdu = self.fragment(flags, rest, chunk);
            match privacy.as_deref_mut() {
                Some(privacy) => privacy::seal(&mut pdu, STUB_AT, auth_context, privacy)?,
                None => finish(&mut pdu, 0, 0),
            }
            rest -= chunk.len();
            pdus.push(pdu);
        }
        Ok(pdus)
    }

    fn fragment(&self, flags: PacketFlags, rest: usize, chunk: &[u8]) -> Vec<u8> {
        let kind = match self.kind {
            CallKind::Request { .. } => PacketType::Request,
            CallKind::Response => PacketType::Response,
            CallKind::Fault(_) => PacketType::Fault,
        };
        let mut pdu = Header::begin(kind, flags, self.call_id);
        pdu.extend_from_slice(&u32::try_from(rest).unwrap_or(0).to_le_bytes());
        pdu.extend_from_slice(&self.context_id.to_le_bytes());
        let operation = match self.kind {
            CallKind::Request { opnum } => opnum,
            // cancel_count and a reserved byte.
            CallKind::Response | CallKind::Fault(_) => 0,
        };
        pdu.extend_from_slice(&operation.to_le_bytes());
        match self.kind {
            CallKind::Fault(status) => {
                pdu.extend_from_slice(&status.0.to_le_bytes());
                pdu.extend_from_slice(&[0; 4]);
            }
            _ => pdu.extend_from_slice(chunk),
        }
        pdu
    }
}

/// A call whose fragments are coming in.
#[derive(Debug, Default)]
pub struct Assembly {
    begun: Option<Call>,
    fragments: usize,
}

impl Assembly {
    /// Whether a call has begun and is not whole yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.begun.is_some()
    }

    /// Takes the next fragment in; the call once it is whole. With `privacy` a fragment that is not sealed is refused, but for a
    /// fault, which comes in clear where the server could not open the request.
    ///
    /// # Errors
    /// Malformed, out of order, not sealed as agreed, or a stub of more than `limit` bytes.
    pub fn take(
        &mut self,
        mut pdu: Vec<u8>,
        privacy: Option<&mut dyn PacketPrivacy>,
        limit: usize,
    ) -> Result<Option<Call>, DceError> {
        let header = Header::read(&pdu)?;
        let fixed = pdu.get(..STUB_AT).ok_or(DceError::Truncated(BODY))?;
        let context_id = u16::from_le_bytes([fixed[20], fixed[21]]);
        let operation = u16::from_le_bytes([fixed[22], fixed[23]]);
        let mut stub_at = STUB_AT;
        let kind = match header.kind {
            PacketType::Request => {
                if header.flags.contains(PacketFlags::OBJECT_UUID) {
                    stub_at += OBJECT_BYTES;
                }
                CallKind::Request { opnum: operation }
            }
            PacketType::Response => CallKind::Response,
            PacketType::Fault => CallKind::Fault(FaultStatus(0)),
            other => return Err(DceError::Kind(other as u8)),
        };
        let sealed = kind != CallKind::Fault(FaultStatus(0)) || header.auth_length > 0;
        let stub = match privacy.filter(|_| sealed) {
            Some(privacy) => {
                let (stub, _) = privacy::open(&mut pdu, stub_at, privacy)?;
                pdu.get(stub).ok_or(DceError::Truncated(BODY))?
            }
            None => {
                let (body, _) = AuthTrailer::split(&pdu)?;
                body.get(stub_at - HEADER_BYTES..)
                    .ok_or(DceError::Truncated(BODY))?
            }
        };
        if kind == CallKind::Fault(FaultStatus(0)) {
            self.begun = None;
            let status = stub.first_chunk::<4>().ok_or(DceError::Truncated(BODY))?;
            return Ok(Some(Call {
                call_id: header.call_id,
                context_id,
                kind: CallKind::Fault(FaultStatus(u32::from_le_bytes(*status))),
                stub: Vec::new(),
            }));
        }
        self.append(header, context_id, kind, stub, limit)
    }

    fn append(
        &mut self,
        header: Header,
        context_id: u16,
        kind: CallKind,
        stub: &[u8],
        limit: usize,
    ) -> Result<Option<Call>, DceError> {
        const ORDER: DceError = DceError::Contradiction("a fragment");
        let first = header.flags.contains(PacketFlags::FIRST);
        let mut call = match (self.begun.take(), first) {
            (None, true) => {
                self.fragments = 0;
                Call {
                    call_id: header.call_id,
                    context_id,
                    kind,
                    stub: Vec::new(),
                }
            }
            (Some(call), false) if call.call_id == header.call_id && call.kind == kind => call,
            _ => return Err(ORDER),
        };
        self.fragments += 1;
        let found = call.stub.len() + stub.len();
        if found > limit {
            return Err(DceError::TooMany {
                what: "the stub",
                found,
                limit,
            });
        }
        // A fragment may be empty, so that the bytes alone bound nothing.
        if self.fragments > MAX_FRAGMENTS {
            return Err(DceError::TooMany {
                what: "the call",
                found: self.fragments,
                limit: MAX_FRAGMENTS,
            });
        }
        call.stub.extend_from_slice(stub);
        if header.flags.contains(PacketFlags::LAST) {
            Ok(Some(call))
        } else {
            self.begun = Some(call);
            Ok(None)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::FRAGMENT_BYTES;
    use super::*;
    use crate::filetime::FileTime;
    use crate::nt_hash::nt_hash;
    use crate::ntlm::{Client, Context, Random, Server, ServerNames};

    const LIMIT: usize = 1 << 20;

    /// Both ends of a session.
    fn session() -> (Context, Context) {
        let name = || "x".to_owned();
        let names = ServerNames {
            netbios_computer: name(),
            netbios_domain: name(),
            dns_computer: name(),
            dns_domain: name(),
            dns_forest: name(),
        };
        let client = Client::new("alice", "CONTOSO", "AGENT1", nt_hash("p"));
        let now = FileTime(133_500_000_000_000_000);
        let (server, challenge) = Server::challenge(&names, client.negotiate(), [7; 8], now).unwrap();
        let random = Random {
            client_challenge: [1; 8],
            session_key: [2; 16],
        };
        let (authenticate, context) = client.authenticate(&challenge, &random, now).unwrap();
        let claim = server.claim(&authenticate).unwrap();
        (context, claim.verify(&nt_hash("p")).unwrap())
    }

    fn request(stub: Vec<u8>) -> Call {
        Call {
            call_id: 3,
            context_id: 1,
            kind: CallKind::Request { opnum: 16 },
            stub,
        }
    }

    fn assemble(
        pdus: Vec<Vec<u8>>,
        mut privacy: Option<&mut dyn PacketPrivacy>,
        limit: usize,
    ) -> Result<Option<Call>, DceError> {
        let mut assembly = Assembly::default();
        let mut whole = None;
        for pdu in pdus {
            assert_eq!(whole, None);
            let privacy = privacy
                .as_deref_mut()
                .map(|privacy| privacy as &mut dyn PacketPrivacy);
            whole = assembly.take(pdu, privacy, limit)?;
        }
        Ok(whole)
    }

    #[test]
    fn a_plain_request_byte_for_byte() {
        let call = request(vec![0xAB, 0xCD]);
        let pdus = call.to_pdus(FRAGMENT_BYTES, 0, None).unwrap();
        assert_eq!(
            hex::encode(pdus.concat()),
            "05000003100000001a00000003000000020000000100 1000 abcd".replace(' ', "")
        );
        assert_eq!(assemble(pdus, None, LIMIT), Ok(Some(call)));
    }

    #[test]
    fn sealed_calls_hide_their_stubs() {
        let (mut client, mut server) = session();
        let call = request(vec![0x5A; 40]);
        let pdus = call.to_pdus(FRAGMENT_BYTES, 0, Some(&mut client)).unwrap();
        assert!(!pdus[0].windows(4).any(|window| window == [0x5A; 4]));
        // 40 bytes are padded to 48; trailer and signature follow.
        assert_eq!(pdus[0].len(), 24 + 48 + 8 + 16);
        assert_eq!(assemble(pdus, Some(&mut server), LIMIT), Ok(Some(call)));
    }

    #[test]
    fn what_is_not_sealed_is_refused() {
        let call = request(vec![1; 40]);
        let (mut client, mut server) = session();
        let clear = call.to_pdus(FRAGMENT_BYTES, 0, None).unwrap();
        assert_eq!(assemble(clear, Some(&mut server), LIMIT), Err(DceError::Unsealed));
        let good = call.to_pdus(FRAGMENT_BYTES, 0, Some(&mut client)).unwrap();
        for at in 0..good[0].len() {
            let (_, mut server) = session();
            let mut changed = good.clone();
            changed[0][at] ^= 1;
            assert!(assemble(changed, Some(&mut server), LIMIT).is_err(), "byte {at}");
        }
    }

    #[test]
    fn faults_come_in_clear_too() {
        let fault = Call {
            kind: CallKind::Fault(FaultStatus::ACCESS_DENIED),
            ..request(Vec::new())
        };
        let (mut client, mut server) = session();
        let clear = fault.to_pdus(FRAGMENT_BYTES, 0, None).unwrap();
        assert_eq!(assemble(clear, Some(&mut client), LIMIT), Ok(Some(fault.clone())));
        let sealed = fault.to_pdus(FRAGMENT_BYTES, 0, Some(&mut server)).unwrap();
        assert_eq!(assemble(sealed, Some(&mut client), LIMIT), Ok(Some(fault)));
        assert_eq!(
            FaultStatus::ACCESS_DENIED.to_string(),
            "fault 0x00000005 (ERROR_ACCESS_DENIED)"
        );
    }

    #[test]
    fn stubs_at_the_limit() {
        let pdus = |bytes| request(vec![1; bytes]).to_pdus(FRAGMENT_BYTES, 0, None).unwrap();
        assert!(assemble(pdus(10_000), None, 10_000).unwrap().is_some());
        assert!(matches!(
            assemble(pdus(10_001), None, 10_000),
            Err(DceError::TooMany { what: "the stub", .. })
        ));
        let empty = |flags: PacketFlags| {
            let mut pdu = request(Vec::new()).fragment(flags, 0, &[]);
            finish(&mut pdu, 0, 0);
            pdu
        };
        let endless = |count: usize| {
            let mut pdus = vec![empty(PacketFlags::FIRST)];
            pdus.resize(count, empty(PacketFlags::default()));
            assemble(pdus, None, 10)
        };
        assert_eq!(endless(MAX_FRAGMENTS), Ok(None));
        assert!(matches!(
            endless(MAX_FRAGMENTS + 1),
            Err(DceError::TooMany { what: "the call", .. })
        ));
    }

    #[test]
    fn fragments_out_of_order_are_refused() {
        let pdus = request(vec![1; 12_000]).to_pdus(FRAGMENT_BYTES, 0, None).unwrap();
        assert_eq!(pdus.len(), 3);
        let other = Call {
            call_id: 4,
            ..request(vec![1; 12_000])
        };
        let other = other.to_pdus(FRAGMENT_BYTES, 0, None).unwrap();
        for wrong in [
            vec![pdus[1].clone()],
            vec![pdus[0].clone(), pdus[0].clone()],
            vec![pdus[0].clone(), other[1].clone()],
        ] {
            assert_eq!(
                assemble(wrong, None, LIMIT),
                Err(DceError::Contradiction("a fragment"))
            );
        }
    }

    proptest! {
        #[test]
        fn calls_round_trip(stub in prop::collection::vec(any::<u8>(), 0..9_000), max_fragment: u16, sealed: bool) {
            let max_fragment = max_fragment.min(FRAGMENT_BYTES);
            let (mut client, mut server) = session();
            let call = request(stub);
            let privacy: Option<&mut dyn PacketPrivacy> = if sealed { Some(&mut client) } else { None };
            let pdus = call.to_pdus(max_fragment, 5, privacy).unwrap();
            let longest = usize::from(max_fragment.max(MIN_FRAGMENT_BYTES));
            prop_assert!(pdus.iter().all(|pdu| pdu.len() <= longest));
            let privacy: Option<&mut dyn PacketPrivacy> = if sealed { Some(&mut server) } else { None };
            prop_assert_eq!(assemble(pdus, privacy, LIMIT), Ok(Some(call)));
        }

        #[test]
        fn any_bytes_survive(kind in prop::sample::select(vec![0u8, 2, 3]), tail in prop::collection::vec(any::<u8>(), 8..60)) {
            let mut pdu = vec![5, 0, kind, 3, 0x10, 0, 0, 0];
            pdu.extend_from_slice(&tail);
            let length = pdu.len() as u16;
            pdu[8..10].copy_from_slice(&length.to_le_bytes());
            let (_, mut server) = session();
            let _ = Assembly::default().take(pdu.clone(), None, LIMIT);
            let _ = Assembly::default().take(pdu, Some(&mut server), LIMIT);
        }
    }
}
