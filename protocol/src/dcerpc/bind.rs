//! Agreeing on an interface, a transfer syntax and a security context before the first call.

use super::header::{Header, PacketFlags, PacketType, finish};
use super::privacy::AuthTrailer;
use super::{DceError, FRAGMENT_BYTES, SyntaxId};
use crate::ndr::{NdrError, NdrReader, NdrWriter};

/// Most presentation contexts in one bind.
pub const MAX_CONTEXTS: usize = 32;
/// Most transfer syntaxes of one context.
pub const MAX_TRANSFER_SYNTAXES: usize = 16;
/// Longest secondary address in an answer: a port or the name of a pipe.
const MAX_ADDRESS_BYTES: usize = 512;

const BODY: &str = "its body";

impl From<NdrError> for DceError {
    fn from(error: NdrError) -> Self {
        match error {
            NdrError::Truncated(what) | NdrError::Null(what) | NdrError::Text(what) => Self::Truncated(what),
            NdrError::TooMany { what, found, limit } => Self::TooMany { what, found, limit },
            NdrError::Contradiction(what) | NdrError::Version { what, .. } => Self::Contradiction(what),
        }
    }
}

impl SyntaxId {
    fn write(self, writer: &mut NdrWriter) {
        writer.guid(self.uuid);
        writer.u16(self.major);
        writer.u16(self.minor);
    }

    fn read(reader: &mut NdrReader<'_>) -> Result<Self, NdrError> {
        Ok(Self {
            uuid: reader.guid(BODY)?,
            major: reader.u16(BODY)?,
            minor: reader.u16(BODY)?,
        })
    }
}

/// An interface that the client wants to call, and how it could write stubs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextElement {
    /// The number that requests name it by.
    pub id: u16,
    /// The interface.
    pub interface: SyntaxId,
    /// Transfer syntaxes to choose from.
    pub transfer_syntaxes: Vec<SyntaxId>,
}

/// bind or alter_context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// Which call.
    pub call_id: u32,
    /// Whether signatures shall cover headers.
    pub header_sign: bool,
    /// Largest fragment that the client takes.
    pub max_fragment: u16,
    /// The group of connections that it joins; 0 for a new one.
    pub association_group: u32,
    /// Interfaces.
    pub contexts: Vec<ContextElement>,
    /// The first token of a logon.
    pub auth: Option<AuthTrailer>,
}

impl Bind {
    /// The PDU; `alter` for an alter_context.
    #[must_use]
    pub fn to_pdu(&self, alter: bool) -> Vec<u8> {
        let mut body = NdrWriter::new();
        body.u16(FRAGMENT_BYTES);
        body.u16(self.max_fragment);
        body.u32(self.association_group);
        body.u8(self.contexts.len() as u8);
        for _ in 0..3 {
            body.u8(0);
        }
        for context in &self.contexts {
            body.u16(context.id);
            body.u8(context.transfer_syntaxes.len() as u8);
            body.u8(0);
            context.interface.write(&mut body);
            for syntax in &context.transfer_syntaxes {
                syntax.write(&mut body);
            }
        }
        let kind = match alter {
            true => PacketType::AlterContext,
            false => PacketType::Bind,
        };
        complete(kind, self.header_sign, self.call_id, body, self.auth.as_ref())
    }

    /// Reads the PDU.
    ///
    /// # Errors
    /// Malformed, or over a bound.
    pub fn from_pdu(pdu: &[u8]) -> Result<Self, DceError> {
        let header = Header::read(pdu)?;
        let (body, auth) = AuthTrailer::split(pdu)?;
        let mut reader = NdrReader::new(body);
        reader.u16(BODY)?;
        let (max_fragment, association_group) = (reader.u16(BODY)?, reader.u32(BODY)?);
        let count = limited("the presentation contexts", reader.u8(BODY)?, MAX_CONTEXTS)?;
        reader.bytes(3, BODY)?;
        let mut contexts = Vec::new();
        for _ in 0..count {
            let id = reader.u16(BODY)?;
            let count = limited("the transfer syntaxes", reader.u8(BODY)?, MAX_TRANSFER_SYNTAXES)?;
            reader.u8(BODY)?;
            let interface = SyntaxId::read(&mut reader)?;
            let syntaxes = (0..count).map(|_| SyntaxId::read(&mut reader));
            contexts.push(ContextElement {
                id,
                interface,
                transfer_syntaxes: syntaxes.collect::<Result<_, _>>()?,
            });
        }
        Ok(Self {
            call_id: header.call_id,
            header_sign: header.flags.contains(PacketFlags::SUPPORT_HEADER_SIGN),
            max_fragment,
            association_group,
            contexts,
            auth,
        })
    }
}

fn limited(what: &'static str, found: u8, limit: usize) -> Result<usize, DceError> {
    let found = usize::from(found);
    if found > limit {
        return Err(DceError::TooMany { what, found, limit });
    }
    Ok(found)
}

fn complete(
    kind: PacketType,
    header_sign: bool,
    call_id: u32,
    body: NdrWriter,
    auth: Option<&AuthTrailer>,
) -> Vec<u8> {
    let mut flags = PacketFlags::WHOLE;
    if header_sign {
        flags |= PacketFlags::SUPPORT_HEADER_SIGN;
    }
    let mut pdu = Header::begin(kind, flags, call_id);
    pdu.extend_from_slice(&body.into_bytes());
    match auth {
        Some(auth) => auth.append(&mut pdu),
        None => finish(&mut pdu, 0, 0),
    }
    pdu
}

/// What became of one presentation context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextResult {
    /// It can be called, with this transfer syntax.
    Accepted(SyntaxId),
    /// It cannot: 1, the interface is not served; 2, none of the transfer syntaxes is.
    Rejected(u16),
}

impl ContextResult {
    /// `abstract_syntax_not_supported`.
    pub const NO_INTERFACE: Self = Self::Rejected(1);
    /// `proposed_transfer_syntaxes_not_supported`.
    pub const NO_SYNTAX: Self = Self::Rejected(2);

    const PROVIDER_REJECTION: u16 = 2;
}

/// bind_ack or alter_context_resp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindAck {
    /// Which call.
    pub call_id: u32,
    /// Whether signatures will cover headers.
    pub header_sign: bool,
    /// Largest fragment that the server takes.
    pub max_fragment: u16,
    /// The group of connections.
    pub association_group: u32,
    /// Port or pipe of the interface.
    pub address: String,
    /// For each presentation context, in the order of the bind.
    pub results: Vec<ContextResult>,
    /// The next token of a logon.
    pub auth: Option<AuthTrailer>,
}

impl BindAck {
    /// The PDU; `alter` for the answer to an alter_context.
    #[must_use]
    pub fn to_pdu(&self, alter: bool) -> Vec<u8> {
        let mut body = NdrWriter::new();
        body.u16(FRAGMENT_BYTES);
        body.u16(self.max_fragment);
        body.u32(self.association_group);
        match self.address.len() {
            0 => body.u16(0),
            length => {
                body.u16(length as u16 + 1);
                body.bytes(self.address.as_bytes());
                body.u8(0);
            }
        }
        body.align(4);
        body.u8(self.results.len() as u8);
        for _ in 0..3 {
            body.u8(0);
        }
        for result in &self.results {
            match result {
                ContextResult::Accepted(syntax) => {
                    body.u32(0);
                    syntax.write(&mut body);
                }
                ContextResult::Rejected(reason) => {
                    body.u16(ContextResult::PROVIDER_REJECTION);
                    body.u16(*reason);
                    body.bytes(&[0; 20]);
                }
            }
        }
        let kind = match alter {
            true => PacketType::AlterContextResponse,
            false => PacketType::BindAck,
        };
        complete(kind, self.header_sign, self.call_id, body, self.auth.as_ref())
    }

    /// Reads the PDU.
    ///
    /// # Errors
    /// Malformed, or over a bound.
    pub fn from_pdu(pdu: &[u8]) -> Result<Self, DceError> {
        let header = Header::read(pdu)?;
        let (body, auth) = AuthTrailer::split(pdu)?;
        let mut reader = NdrReader::new(body);
        reader.u16(BODY)?;
        let (max_fragment, association_group) = (reader.u16(BODY)?, reader.u32(BODY)?);
        let length = usize::from(reader.u16(BODY)?);
        if length > MAX_ADDRESS_BYTES {
            return Err(DceError::TooMany {
                what: "the secondary address",
                found: length,
                limit: MAX_ADDRESS_BYTES,
            });
        }
        let address = reader.bytes(length, BODY)?;
        let address = String::from_utf8_lossy(address.strip_suffix(&[0]).unwrap_or(address));
        reader.align(4, BODY)?;
        let count = limited("the results of a bind", reader.u8(BODY)?, MAX_CONTEXTS)?;
        reader.bytes(3, BODY)?;
        let mut results = Vec::new();
        for _ in 0..count {
            let (result, reason) = (reader.u16(BODY)?, reader.u16(BODY)?);
            let syntax = SyntaxId::read(&mut reader)?;
            results.push(match result {
                0 => ContextResult::Accepted(syntax),
                _ => ContextResult::Rejected(reason),
            });
        }
        Ok(Self {
            call_id: header.call_id,
            header_sign: header.flags.contains(PacketFlags::SUPPORT_HEADER_SIGN),
            max_fragment,
            association_group,
            address: address.into_owned(),
            results,
            auth,
        })
    }
}

/// Why a bind is refused altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectReason(pub u16);

impl RejectReason {
    /// `protocol_version_not_supported`.
    pub const VERSION: Self = Self(4);
    /// `authentication_type_not_recognized`.
    pub const AUTH_TYPE: Self = Self(8);
    /// `invalid_checksum`: the logon failed.
    pub const INVALID_CHECKSUM: Self = Self(9);
}

/// bind_nak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BindNak {
    /// Which call.
    pub call_id: u32,
    /// Why.
    pub reason: RejectReason,
}

impl BindNak {
    /// The PDU.
    #[must_use]
    pub fn to_pdu(&self) -> Vec<u8> {
        let mut body = NdrWriter::new();
        body.u16(self.reason.0);
        // One version is spoken: 5.0.
        body.bytes(&[1, 5, 0]);
        complete(PacketType::BindNak, false, self.call_id, body, None)
    }

    /// Reads the PDU.
    ///
    /// # Errors
    /// Malformed.
    pub fn from_pdu(pdu: &[u8]) -> Result<Self, DceError> {
        let header = Header::read(pdu)?;
        let (body, _) = AuthTrailer::split(pdu)?;
        let reason = RejectReason(NdrReader::new(body).u16(BODY)?);
        Ok(Self {
            call_id: header.call_id,
            reason,
        })
    }
}

/// auth3: the third token of a logon. It has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth3 {
    /// Which call.
    pub call_id: u32,
    /// The token.
    pub auth: AuthTrailer,
}

impl Auth3 {
    /// The PDU.
    #[must_use]
    pub fn to_pdu(&self) -> Vec<u8> {
        let mut body = NdrWriter::new();
        // Where a bind has the sizes of fragments.
        body.u32(0);
        complete(PacketType::Auth3, false, self.call_id, body, Some(&self.auth))
    }

    /// Reads the PDU.
    ///
    /// # Errors
    /// Malformed, or without a token.
    pub fn from_pdu(pdu: &[u8]) -> Result<Self, DceError> {
        let header = Header::read(pdu)?;
        let (_, auth) = AuthTrailer::split(pdu)?;
        Ok(Self {
            call_id: header.call_id,
            auth: auth.ok_or(DceError::Truncated("the authentication trailer"))?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::privacy::{AuthLevel, AuthType, MAX_AUTH_BYTES};
    use super::*;

    fn auth(bytes: usize) -> AuthTrailer {
        AuthTrailer {
            kind: AuthType::NTLM,
            level: AuthLevel::PRIVACY,
            context_id: 9,
            value: vec![7; bytes],
        }
    }

    fn bind(contexts: usize, syntaxes: usize) -> Bind {
        let context = ContextElement {
            id: 0,
            interface: SyntaxId::DRSUAPI,
            transfer_syntaxes: vec![SyntaxId::NDR20; syntaxes],
        };
        Bind {
            call_id: 1,
            header_sign: true,
            max_fragment: FRAGMENT_BYTES,
            association_group: 0,
            contexts: vec![context; contexts],
            auth: Some(auth(41)),
        }
    }

    /// The bind that every client of the endpoint mapper sends, as C706 lays it out.
    #[test]
    fn a_plain_bind_byte_for_byte() {
        let plain = Bind {
            header_sign: false,
            contexts: vec![ContextElement {
                id: 0,
                interface: SyntaxId::ENDPOINT_MAPPER,
                transfer_syntaxes: vec![SyntaxId::NDR20],
            }],
            auth: None,
            ..bind(0, 0)
        };
        assert_eq!(
            hex::encode(plain.to_pdu(false)),
            "05000b03100000004800000001000000d016d0160000000001000000\
             00000100 0883afe11f5dc91191a408002b14a0fa03000000 045d888aeb1cc9119fe808002b10486002000000"
                .replace(' ', "")
        );
    }

    #[test]
    fn everything_round_trips_and_damage_is_refused() {
        let bind = bind(2, 2);
        for alter in [false, true] {
            let pdu = bind.to_pdu(alter);
            assert_eq!(Bind::from_pdu(&pdu), Ok(bind.clone()));
            for length in 0..pdu.len() {
                assert!(Bind::from_pdu(&pdu[..length]).is_err(), "{length}");
            }
        }
        let ack = BindAck {
            call_id: 1,
            header_sign: true,
            max_fragment: 4_280,
            association_group: 5,
            address: "49153".to_owned(),
            results: vec![ContextResult::Accepted(SyntaxId::NDR20), ContextResult::NO_SYNTAX],
            auth: Some(auth(16)),
        };
        assert_eq!(BindAck::from_pdu(&ack.to_pdu(false)), Ok(ack.clone()));
        let bare = BindAck {
            address: String::new(),
            auth: None,
            ..ack
        };
        assert_eq!(BindAck::from_pdu(&bare.to_pdu(true)), Ok(bare));
        let nak = BindNak {
            call_id: 1,
            reason: RejectReason::AUTH_TYPE,
        };
        assert_eq!(BindNak::from_pdu(&nak.to_pdu()), Ok(nak));
        let auth3 = Auth3 {
            call_id: 1,
            auth: auth(3),
        };
        assert_eq!(Auth3::from_pdu(&auth3.to_pdu()), Ok(auth3));
        assert!(Auth3::from_pdu(&nak.to_pdu()).is_err());
    }

    #[test]
    fn counts_at_the_limit() {
        assert!(Bind::from_pdu(&bind(MAX_CONTEXTS, 1).to_pdu(false)).is_ok());
        assert!(Bind::from_pdu(&bind(1, MAX_TRANSFER_SYNTAXES).to_pdu(false)).is_ok());
        let long = |bytes| Bind {
            auth: Some(auth(bytes)),
            ..bind(1, 1)
        };
        assert!(Bind::from_pdu(&long(MAX_AUTH_BYTES).to_pdu(false)).is_ok());
        for bad in [
            bind(MAX_CONTEXTS + 1, 1),
            bind(1, MAX_TRANSFER_SYNTAXES + 1),
            long(MAX_AUTH_BYTES + 1),
        ] {
            assert!(matches!(
                Bind::from_pdu(&bad.to_pdu(false)),
                Err(DceError::TooMany { .. })
            ));
        }
    }

    proptest! {
        #[test]
        fn damaged_pdus_survive(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
            let mut pdu = bind(2, 1).to_pdu(false);
            for (at, byte) in changes {
                let at = at.index(pdu.len());
                pdu[at] = byte;
            }
            let _ = Bind::from_pdu(&pdu);
            let _ = BindAck::from_pdu(&pdu);
            let _ = BindNak::from_pdu(&pdu);
            let _ = Auth3::from_pdu(&pdu);
        }
    }
}
