//! The messages of RFC 4120 section 5, as far as a client writes and reads them.

use provlab_protocol::ber::{self, BerError, Reader, Writer};
use time::OffsetDateTime;
use time::macros::datetime;
use zeroize::Zeroizing;

use super::asn1::{Fields, field, flags, message, moment, raw, string, text, unsigned};
use super::credential::Principal;
use super::crypto::{ENCRYPTION_TYPES, Key};
use super::error::ErrorCode;

/// Protocol version.
const VERSION: i64 = 5;
/// Ticket end that is asked for: "as long as may be", in the form that Windows sends.
const TILL: OffsetDateTime = datetime!(2037-09-13 02:48:05 UTC);
/// `ap-options`: mutual authentication required.
const MUTUAL_REQUIRED: u32 = 0x2000_0000;
/// Name type of an account.
const NT_PRINCIPAL: i64 = 1;
/// Name type of a service instance, as `ldap/dc1.contoso.com` and `krbtgt/CONTOSO.COM`.
const NT_SRV_INST: i64 = 2;
/// Most parts of METHOD-DATA and ETYPE-INFO2 that are looked at.
const MAX_PARTS: usize = 32;
/// The only iteration count that is spoken: the default of RFC 3962, 4096.
const DEFAULT_ITERATIONS: [u8; 4] = [0, 0, 0x10, 0];

/// `[APPLICATION n]` of the messages and of the secret parts.
mod tag {
    pub(super) const AUTHENTICATOR: u8 = 2;
    pub(super) const AS_REQ: u8 = 10;
    pub(super) const AS_REP: u8 = 11;
    pub(super) const TGS_REQ: u8 = 12;
    pub(super) const TGS_REP: u8 = 13;
    pub(super) const AP_REQ: u8 = 14;
    pub(super) const AP_REP: u8 = 15;
    pub(super) const ENC_AS_REP: u8 = 25;
    pub(super) const ENC_TGS_REP: u8 = 26;
    pub(super) const ENC_AP_REP: u8 = 27;
    pub(super) const ERROR: u8 = 30;
}

/// Kinds of pre-authentication data.
pub(super) mod pa {
    /// An AP-REQ with the TGT.
    pub(in super::super) const TGS_REQ: i64 = 1;
    /// The encrypted timestamp.
    pub(in super::super) const ENC_TIMESTAMP: i64 = 2;
    /// What salt and type the client's key has.
    pub(super) const ETYPE_INFO2: i64 = 19;
}

/// Which exchange with the KDC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exchange {
    /// For the ticket-granting ticket.
    As,
    /// For a service's ticket.
    Tgs,
}

/// The body of a request to the KDC.
pub(super) struct RequestBody<'a> {
    /// Whose ticket.
    pub(super) client: &'a Principal,
    /// For which service, part by part.
    pub(super) service: &'a [&'a str],
    /// Repeated in the answer.
    pub(super) nonce: u32,
}

/// Writes KDC-REQ-BODY for the exchange; a TGS request leaves the client to its ticket.
pub(super) fn request_body(exchange: Exchange, body: &RequestBody<'_>) -> Vec<u8> {
    ber::sequence(|out| {
        field(out, 8, |out| {
            out.constructed(ber::SEQUENCE, |out| {
                ENCRYPTION_TYPES.iter().rev().for_each(|kind| out.integer(*kind));
            });
        });
        field(out, 7, |out| out.integer(body.nonce.into()));
        field(out, 5, |out| moment(out, TILL));
        field(out, 3, |out| principal(out, NT_SRV_INST, body.service));
        field(out, 2, |out| text(out, &body.client.realm));
        if exchange == Exchange::As {
            field(out, 1, |out| principal(out, NT_PRINCIPAL, &[&body.client.name]));
        }
        field(out, 0, |out| flags(out, 0));
    })
}

/// Writes an AS-REQ or TGS-REQ around its body.
pub(super) fn request(exchange: Exchange, body: &[u8], pre_authentication: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let number = match exchange {
        Exchange::As => tag::AS_REQ,
        Exchange::Tgs => tag::TGS_REQ,
    };
    message(number, |out| {
        field(out, 4, |out| raw(out, body));
        if !pre_authentication.is_empty() {
            field(out, 3, |out| {
                out.constructed(ber::SEQUENCE, |out| {
                    for (kind, value) in pre_authentication.iter().rev() {
                        out.constructed(ber::SEQUENCE, |out| {
                            field(out, 2, |out| out.octets(value));
                            field(out, 1, |out| out.integer(*kind));
                        });
                    }
                });
            });
        }
        field(out, 2, |out| out.integer(number.into()));
        field(out, 1, |out| out.integer(VERSION));
    })
}

/// PA-ENC-TS-ENC: the time that proves knowledge of the key.
pub(super) fn timestamp(now: OffsetDateTime) -> Vec<u8> {
    ber::sequence(|out| {
        field(out, 1, |out| out.integer(now.microsecond().into()));
        field(out, 0, |out| moment(out, now));
    })
}

/// EncryptedData.
pub(super) fn encrypted(kind: i64, cipher: &[u8]) -> Vec<u8> {
    ber::sequence(|out| {
        field(out, 2, |out| out.octets(cipher));
        field(out, 0, |out| out.integer(kind));
    })
}

/// What an authenticator says.
pub(super) struct Authenticator<'a> {
    /// The ticket's owner.
    pub(super) client: &'a Principal,
    /// Now, by the client's clock.
    pub(super) now: OffsetDateTime,
    /// Type and value of a checksum.
    pub(super) checksum: (i64, Vec<u8>),
    /// A key of the client's choice, and the number of its first message.
    pub(super) subkey: Option<(&'a Key, u32)>,
}

/// Writes an Authenticator.
pub(super) fn authenticator(content: &Authenticator<'_>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(message(tag::AUTHENTICATOR, |out| {
        if let Some((key, sequence)) = content.subkey {
            field(out, 7, |out| out.integer(sequence.into()));
            field(out, 6, |out| typed(out, key.kind(), key.bytes()));
        }
        field(out, 5, |out| moment(out, content.now));
        field(out, 4, |out| out.integer(content.now.microsecond().into()));
        field(out, 3, |out| typed(out, content.checksum.0, &content.checksum.1));
        field(out, 2, |out| {
            principal(out, NT_PRINCIPAL, &[&content.client.name]);
        });
        field(out, 1, |out| text(out, &content.client.realm));
        field(out, 0, |out| out.integer(VERSION));
    }))
}

/// Writes an AP-REQ.
pub(super) fn application_request(ticket: &[u8], mutual: bool, authenticator: &[u8]) -> Vec<u8> {
    message(tag::AP_REQ, |out| {
        field(out, 4, |out| raw(out, authenticator));
        field(out, 3, |out| raw(out, ticket));
        field(out, 2, |out| flags(out, if mutual { MUTUAL_REQUIRED } else { 0 }));
        field(out, 1, |out| out.integer(tag::AP_REQ.into()));
        field(out, 0, |out| out.integer(VERSION));
    })
}

/// EncryptionKey and Checksum have the same form.
fn typed(out: &mut Writer, kind: i64, value: &[u8]) {
    out.constructed(ber::SEQUENCE, |out| {
        field(out, 1, |out| out.octets(value));
        field(out, 0, |out| out.integer(kind));
    });
}

fn principal(out: &mut Writer, kind: i64, parts: &[&str]) {
    out.constructed(ber::SEQUENCE, |out| {
        field(out, 1, |out| {
            out.constructed(ber::SEQUENCE, |out| {
                parts.iter().rev().for_each(|part| text(out, part));
            });
        });
        field(out, 0, |out| out.integer(kind));
    });
}

/// What the KDC said.
pub(super) enum Answer<'a> {
    /// KRB-ERROR: its code and `e-data`.
    Error(ErrorCode, Option<&'a [u8]>),
    /// AS-REP or TGS-REP.
    Reply(Reply<'a>),
}

/// AS-REP or TGS-REP.
pub(super) struct Reply<'a> {
    /// METHOD-DATA, which may tell the salt.
    pub(super) pre_authentication: Option<&'a [u8]>,
    /// The ticket as it came.
    pub(super) ticket: Vec<u8>,
    /// Type of the key under which the secret part is encrypted.
    pub(super) kind: i64,
    /// The secret part.
    pub(super) sealed: &'a [u8],
}

/// Reads an answer of the KDC.
pub(super) fn answer(exchange: Exchange, bytes: &[u8]) -> Result<Answer<'_>, BerError> {
    if Reader::new(bytes).peek() == Some(super::asn1::application(tag::ERROR)) {
        let fields = Fields::of_message(bytes, tag::ERROR)?;
        let data = match fields.optional(12)? {
            Some(contents) => Some(Reader::new(contents).octets()?),
            None => None,
        };
        return Ok(Answer::Error(ErrorCode(unsigned(fields.get(6)?)?), data));
    }
    let number = match exchange {
        Exchange::As => tag::AS_REP,
        Exchange::Tgs => tag::TGS_REP,
    };
    let fields = Fields::of_message(bytes, number)?;
    let sealed = fields.nested(6)?;
    Ok(Answer::Reply(Reply {
        pre_authentication: fields.optional(2)?,
        ticket: fields.get(5)?.to_vec(),
        kind: sealed.integer(0)?,
        sealed: sealed.octets(2)?,
    }))
}

/// How the client's key is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyInfo {
    /// Encryption type.
    pub(super) kind: i64,
    /// Salt; the realm and name of the principal when the KDC does not say.
    pub(super) salt: Option<String>,
}

/// Finds the first key type that is spoken in METHOD-DATA; `None` when the KDC tells nothing.
pub(super) fn key_info(method_data: &[u8]) -> Result<Option<KeyInfo>, BerError> {
    let mut list = Reader::new(method_data).sequence()?;
    for _ in 0..MAX_PARTS {
        if list.is_empty() {
            break;
        }
        let part = Fields::of(list.sequence()?);
        if part.integer(1)? == pa::ETYPE_INFO2 {
            return best_of(part.octets(2)?);
        }
    }
    Ok(None)
}

fn best_of(etype_info2: &[u8]) -> Result<Option<KeyInfo>, BerError> {
    let mut list = Reader::new(etype_info2).sequence()?;
    let mut best: Option<KeyInfo> = None;
    for _ in 0..MAX_PARTS {
        if list.is_empty() {
            break;
        }
        let info = Fields::of(list.sequence()?);
        let kind = info.integer(0)?;
        let iterations = info
            .optional(2)?
            .map(|value| Reader::new(value).octets())
            .transpose()?;
        let spoken =
            ENCRYPTION_TYPES.contains(&kind) && iterations.is_none_or(|value| value == DEFAULT_ITERATIONS);
        if spoken && best.as_ref().is_none_or(|known| kind > known.kind) {
            let salt = info
                .optional(1)?
                .map(|value| string(&mut Reader::new(value)))
                .transpose()?;
            best = Some(KeyInfo {
                kind,
                salt: salt.map(str::to_owned),
            });
        }
    }
    Ok(best)
}

/// The secret part of a KDC's reply.
pub(super) struct Granted {
    /// Session key's type.
    pub(super) kind: i64,
    /// Session key.
    pub(super) key: Zeroizing<Vec<u8>>,
    /// The nonce of the request.
    pub(super) nonce: u32,
}

/// Reads EncASRepPart or EncTGSRepPart; some KDCs put the latter's tag on both (RFC 4120 section 5.4.2).
pub(super) fn granted(clear: &[u8]) -> Result<Granted, BerError> {
    let fields = Fields::of_message(clear, tag::ENC_AS_REP)
        .or_else(|_| Fields::of_message(clear, tag::ENC_TGS_REP))?;
    let key = fields.nested(0)?;
    Ok(Granted {
        kind: key.integer(0)?,
        key: Zeroizing::new(key.octets(1)?.to_vec()),
        nonce: unsigned(fields.get(2)?)?,
    })
}

/// The encrypted part of an AP-REP.
pub(super) fn application_reply(bytes: &[u8]) -> Result<&[u8], BerError> {
    Fields::of_message(bytes, tag::AP_REP)?.nested(2)?.octets(2)
}

/// The secret part of an AP-REP.
pub(super) struct Accepted {
    /// The time of the authenticator, repeated: whole seconds and microseconds.
    pub(super) time: OffsetDateTime,
    pub(super) microseconds: i64,
    /// The acceptor's own key for the messages that follow.
    pub(super) subkey: Option<(i64, Zeroizing<Vec<u8>>)>,
    /// Number of the acceptor's first message.
    pub(super) sequence: u32,
}

/// Reads EncAPRepPart.
pub(super) fn accepted(clear: &[u8]) -> Result<Accepted, BerError> {
    let fields = Fields::of_message(clear, tag::ENC_AP_REP)?;
    let subkey = match fields.optional(2)? {
        Some(contents) => {
            let key = Fields::of_sequence(contents)?;
            Some((key.integer(0)?, Zeroizing::new(key.octets(1)?.to_vec())))
        }
        None => None,
    };
    Ok(Accepted {
        time: fields.moment(0)?,
        microseconds: fields.integer(1)?,
        subkey,
        sequence: fields.optional(3)?.map(unsigned).transpose()?.unwrap_or(0),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::kerberos::crypto::{AES256, Usage};
    use proptest::prelude::*;

    /// Answers of a Samba 4.22 KDC to the account AGENT1$ of a domain that lived for an hour.
    const PREAUTH_REQUIRED: &str = include_str!("samples/preauth-required.hex");
    const AS_REP: &str = include_str!("samples/as-rep.hex");

    fn bytes(sample: &str) -> Vec<u8> {
        hex::decode(sample.split_whitespace().collect::<String>()).unwrap()
    }

    #[test]
    fn answers_of_a_real_kdc_are_read() {
        let refusal = bytes(PREAUTH_REQUIRED);
        let Answer::Error(ErrorCode::PREAUTH_REQUIRED, Some(data)) = answer(Exchange::As, &refusal).unwrap()
        else {
            unreachable!("pre-authentication is asked for")
        };
        let info = key_info(data).unwrap().unwrap();
        assert_eq!(
            info,
            KeyInfo {
                kind: AES256,
                salt: Some("CONTOSO.LABhostagent1.contoso.lab".to_owned()),
            }
        );
        let key = Key::from_password(info.kind, b"Comp-P@ss-1", info.salt.unwrap().as_bytes()).unwrap();
        let reply = bytes(AS_REP);
        let Answer::Reply(reply) = answer(Exchange::As, &reply).unwrap() else {
            unreachable!("a ticket")
        };
        let granted = granted(&key.decrypt(Usage::AsReply, reply.sealed).unwrap()).unwrap();
        assert_eq!(
            (granted.kind, granted.key.len(), granted.nonce),
            (AES256, 32, 1_019_271_152)
        );
        assert_eq!(reply.ticket.first(), Some(&0x61));
    }

    #[test]
    fn weak_keys_and_other_iteration_counts_are_passed_over() {
        let info = |kinds: &[(i64, Option<[u8; 4]>)]| {
            let list = ber::sequence(|out| {
                for (kind, iterations) in kinds.iter().rev() {
                    out.constructed(ber::SEQUENCE, |out| {
                        if let Some(iterations) = iterations {
                            field(out, 2, |out| out.octets(iterations));
                        }
                        field(out, 0, |out| out.integer(*kind));
                    });
                }
            });
            best_of(&list).unwrap().map(|info| info.kind)
        };
        assert_eq!(info(&[(23, None), (17, None), (18, None)]), Some(18));
        assert_eq!(
            info(&[(18, Some([0xff; 4])), (17, Some(DEFAULT_ITERATIONS))]),
            Some(17)
        );
        assert_eq!(info(&[(23, None)]), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_survived(bytes: Vec<u8>) {
            let _ = (key_info(&bytes), best_of(&bytes), granted(&bytes), accepted(&bytes), application_reply(&bytes));
            for number in [tag::ERROR, tag::AS_REP, tag::TGS_REP, tag::AP_REP, tag::ENC_AS_REP, tag::ENC_AP_REP] {
                let framed = message(number, |out| out.element(0xa2, &bytes));
                let _ = (answer(Exchange::As, &framed), answer(Exchange::Tgs, &framed));
                let _ = (granted(&framed), accepted(&framed), application_reply(&framed));
            }
        }
    }
}
