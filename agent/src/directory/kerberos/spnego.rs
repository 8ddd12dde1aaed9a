//! The proof of a ticket and the answer to it, in the envelope that Windows' *Negotiate* uses (RFC 4178, RFC 4121 section 4.1).

use provlab_platform::Platform;
use provlab_protocol::ber::{self, Reader, Writer};
use time::OffsetDateTime;

use super::asn1::{Fields, OBJECT_IDENTIFIER, application, field, raw};
use super::credential::{Ticket, nonce};
use super::crypto::{Key, Usage};
use super::error::KerberosError;
use super::message::{self, Authenticator, application_request, encrypted};
use super::wrap::SecurityContext;

/// Name of the mechanism in `supportedSASLMechanisms`.
pub const MECHANISM: &str = "GSS-SPNEGO";

/// 1.3.6.1.5.5.2
const SPNEGO: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];
/// 1.2.840.113554.1.2.2
const KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];
/// Token ids of RFC 4121 section 4.1.
const AP_REQ: [u8; 2] = [0x01, 0x00];
const AP_REP: [u8; 2] = [0x02, 0x00];
/// Checksum type of the GSS-API.
const GSS_CHECKSUM: i64 = 0x8003;
/// Mutual authentication, replay and sequence detection, confidentiality and integrity.
const GSS_FLAGS: u32 = 0x02 | 0x04 | 0x08 | 0x10 | 0x20;
/// `accept-completed`.
const COMPLETED: i64 = 0;
/// `[1] NegTokenResp`.
const RESPONSE: u8 = 0xa1;

/// A logon that waits for the server's answer.
#[derive(Debug)]
pub struct Initiator {
    token: Vec<u8>,
    mechanisms: Vec<u8>,
    session: Key,
    subkey: Key,
    now: OffsetDateTime,
    sequence: u32,
}

impl Initiator {
    /// Proves the ticket.
    ///
    /// # Errors
    /// When the ticket's key cannot be used.
    pub fn new(platform: &Platform, ticket: &Ticket) -> Result<Self, KerberosError> {
        let now = platform.clock.wall();
        let mut random = zeroize::Zeroizing::new(vec![0; ticket.key.size()]);
        platform.entropy.fill(&mut random);
        let subkey = Key::new(ticket.key.kind(), &random)?;
        // 31 bits for the same reason as a nonce.
        let sequence = nonce(&platform.entropy);
        let mut bindings = vec![0; 24];
        bindings[..4].copy_from_slice(&16u32.to_le_bytes());
        bindings[20..].copy_from_slice(&GSS_FLAGS.to_le_bytes());
        let authenticator = message::authenticator(&Authenticator {
            client: &ticket.client,
            now,
            checksum: (GSS_CHECKSUM, bindings),
            subkey: Some((&subkey, sequence)),
        });
        let sealed = ticket.key.encrypt(Usage::ApAuthenticator, &authenticator)?;
        let request = application_request(&ticket.ticket, true, &encrypted(ticket.key.kind(), &sealed));
        let mechanisms = ber::sequence(|out| out.element(OBJECT_IDENTIFIER, KERBEROS));
        let offered = framed(KERBEROS, &[&AP_REQ[..], &request].concat());
        let mut negotiation = Writer::new();
        field(&mut negotiation, 0, |out| {
            out.constructed(ber::SEQUENCE, |out| {
                field(out, 2, |out| out.octets(&offered));
                field(out, 0, |out| raw(out, &mechanisms));
            });
        });
        let token = framed(SPNEGO, negotiation.as_slice());
        Ok(Self {
            token,
            mechanisms,
            session: ticket.key.clone(),
            subkey,
            now,
            sequence,
        })
    }

    /// What the server gets.
    pub fn token(&self) -> &[u8] {
        &self.token
    }

    /// Takes the server's answer: it must know the session key, or it is not the server that the ticket is for.
    ///
    /// # Errors
    /// When the answer is none, or the server could not open the ticket.
    pub fn finish(self, answer: &[u8]) -> Result<SecurityContext, KerberosError> {
        let response = Fields::of_sequence(Reader::new(answer).expect(RESPONSE)?)?;
        let state = match response.optional(0)? {
            Some(contents) => Reader::new(contents).enumerated()?,
            None => COMPLETED,
        };
        if state != COMPLETED {
            return Err(KerberosError::Mismatch(
                "the server does not complete the negotiation",
            ));
        }
        let reply = unframed(response.octets(2)?)?;
        let clear = self
            .session
            .decrypt(Usage::ApReply, message::application_reply(reply)?)?;
        let accepted = message::accepted(&clear)?;
        let ours = (self.now.unix_timestamp(), i64::from(self.now.microsecond()));
        if (accepted.time.unix_timestamp(), accepted.microseconds) != ours {
            return Err(KerberosError::Mismatch("the time is not the authenticator's"));
        }
        let mut context = SecurityContext {
            acceptor_subkey: accepted.subkey.is_some(),
            key: match accepted.subkey {
                Some((kind, bytes)) => Key::new(kind, &bytes)?,
                None => self.subkey,
            },
            next_sent: self.sequence.into(),
            next_received: accepted.sequence.into(),
        };
        // Optional for the mechanism that was offered first, but when it is there it has to fit.
        if let Some(contents) = response.optional(3)? {
            context
                .verify(Reader::new(contents).octets()?, &self.mechanisms)
                .map_err(|_| KerberosError::Integrity)?;
        }
        Ok(context)
    }
}

/// An initial token: `[APPLICATION 0]` around the mechanism's identifier and its own bytes (RFC 2743 section 3.1).
fn framed(mechanism: &[u8], inner: &[u8]) -> Vec<u8> {
    let mut identifier = Writer::new();
    identifier.element(OBJECT_IDENTIFIER, mechanism);
    let mut out = Writer::new();
    out.element(application(0), &[identifier.as_slice(), inner].concat());
    out.as_slice().to_vec()
}

/// The AP-REP in its framing.
fn unframed(token: &[u8]) -> Result<&[u8], KerberosError> {
    let contents = Reader::new(token).expect(application(0))?;
    let mut reader = Reader::new(contents);
    if reader.expect(OBJECT_IDENTIFIER)? != KERBEROS {
        return Err(KerberosError::Mismatch("another mechanism than Kerberos"));
    }
    // What follows the identifier (two bytes of header before it) is no ASN.1 at first.
    contents
        .get(2 + KERBEROS.len()..)
        .and_then(|inner| inner.strip_prefix(&AP_REP))
        .ok_or(KerberosError::Mismatch("no reply to the proof of the ticket"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::credential::Principal;
    use super::super::stub::{SUBKEY, accept, key, opened, sealed};
    use super::*;
    use crate::testing::{World, simulate};
    use proptest::prelude::*;

    /// A logon with the session key that the stub expects.
    fn initiator() -> Initiator {
        simulate(async {
            let ticket = Ticket {
                client: Principal::of_domain("provAgentgMSA$", "contoso.com"),
                ticket: vec![0x61, 0x02, 0x30, 0x00],
                key: key([2; 32]),
            };
            Initiator::new(&World::new().host.platform, &ticket).unwrap()
        })
    }

    #[test]
    fn both_sides_know_each_other_then() {
        let initiator = initiator();
        let mut context = {
            let answer = accept(initiator.token());
            initiator.finish(&answer).unwrap()
        };
        assert_eq!(opened(&context.seal(b"whoami").unwrap()), b"whoami");
        assert_eq!(
            *context.open(&sealed(77, b"u:CONTOSO", 0, 28)).unwrap(),
            b"u:CONTOSO"
        );
    }

    #[test]
    fn an_answer_without_the_key_is_not_believed() {
        let first = initiator();
        let mut answer = accept(first.token());
        let end = answer.len() - 20;
        answer[end] ^= 1;
        assert!(matches!(first.finish(&answer), Err(KerberosError::Integrity)));
    }

    #[test]
    fn an_answer_to_another_logon_is_not_believed() {
        let mut other = initiator();
        let answer = accept(other.token());
        other.now += time::Duration::microseconds(1);
        assert!(matches!(other.finish(&answer), Err(KerberosError::Mismatch(_))));
    }

    #[test]
    fn keys_are_not_shown() {
        let shown = format!("{:?}", initiator().session);
        assert_eq!(shown, "Key(18, [REDACTED])");
        assert_eq!(key(SUBKEY).size(), 32);
    }

    proptest! {
        #[test]
        fn arbitrary_answers_are_refused(bytes: Vec<u8>) {
            let mut framed = Writer::new();
            framed.constructed(RESPONSE, |out| out.element(ber::SEQUENCE, &bytes));
            prop_assert!(initiator().finish(framed.as_slice()).is_err());
            prop_assert!(initiator().finish(&bytes).is_err());
        }
    }
}
