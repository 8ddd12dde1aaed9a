//! A KDC and an acceptor that are just enough for the tests: they decrypt what they get and answer as RFC 4120 says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use provlab_platform::{Endpoint, Platform, Stream};
use provlab_protocol::ber::{self, Reader, Writer};
use provlab_protocol::ldap::{self, answer as request_answer};
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::asn1::{Fields, OBJECT_IDENTIFIER, application, field, message, moment, text};
use super::crypto::{AES256, Key, Usage};
use super::error::ErrorCode;
use super::kdc::KDC_PORT;
use super::message::encrypted;
use super::wrap::SecurityContext;
use crate::directory::ldap::LDAP_PORT;

pub(crate) const DC: &str = "dc1.contoso.com";
pub(crate) const PASSWORD: &str = "Kerberos-P@ss-1";
const SALT: &str = "CONTOSO.COMhostprovagentgmsa.contoso.com";
const SESSION: [u8; 32] = [1; 32];
const SERVICE: [u8; 32] = [2; 32];
/// The acceptor's choice for the messages.
pub(crate) const SUBKEY: [u8; 32] = [3; 32];
/// Number of the acceptor's first message.
pub(crate) const FIRST_SENT: u64 = 77;
/// The ticket, which only the service can read; this one says nothing.
const TICKET: &[u8] = &[0x61, 0x02, 0x30, 0x00];

pub(crate) fn key(bytes: [u8; 32]) -> Key {
    Key::new(AES256, &bytes).expect("the length fits")
}

fn written(fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut out = Writer::new();
    fill(&mut out);
    out.as_slice().to_vec()
}

pub(crate) fn error(code: ErrorCode, data: Option<&[u8]>) -> Vec<u8> {
    message(30, |out| {
        if let Some(data) = data {
            field(out, 12, |out| out.octets(data));
        }
        field(out, 9, |out| text(out, "CONTOSO.COM"));
        field(out, 6, |out| out.integer(code.0.into()));
        field(out, 5, |out| out.integer(0));
        field(out, 4, |out| moment(out, datetime!(2026-01-05 15:16:14 UTC)));
        field(out, 1, |out| out.integer(30));
        field(out, 0, |out| out.integer(5));
    })
}

/// METHOD-DATA with the account's salt.
fn method_data() -> Vec<u8> {
    let info = ber::sequence(|out| {
        out.constructed(ber::SEQUENCE, |out| {
            field(out, 1, |out| text(out, SALT));
            field(out, 0, |out| out.integer(AES256));
        });
    });
    ber::sequence(|out| {
        out.constructed(ber::SEQUENCE, |out| {
            field(out, 2, |out| out.octets(&info));
            field(out, 1, |out| out.integer(19));
        });
    })
}

fn secret_part(number: u8, session: [u8; 32], nonce: i64) -> Vec<u8> {
    message(number, |out| {
        field(out, 2, |out| out.integer(nonce));
        field(out, 0, |out| {
            out.constructed(ber::SEQUENCE, |out| {
                field(out, 1, |out| out.octets(&session));
                field(out, 0, |out| out.integer(AES256));
            });
        });
    })
}

fn reply(number: u8, sealed: &[u8]) -> Vec<u8> {
    message(number, |out| {
        let part = encrypted(AES256, sealed);
        field(out, 6, |out| super::asn1::raw(out, &part));
        field(out, 5, |out| super::asn1::raw(out, TICKET));
        field(out, 3, |out| text(out, "CONTOSO.COM"));
        field(out, 1, |out| out.integer(number.into()));
    })
}

/// What the KDC would answer to a request of the account, by its rules.
pub(crate) fn answer(request: &[u8], now: OffsetDateTime) -> Vec<u8> {
    let client = Key::from_password(AES256, PASSWORD.as_bytes(), SALT.as_bytes()).expect("AES256 is spoken");
    let tgs = request.first() == Some(&application(12));
    let fields = Fields::of_message(request, if tgs { 12 } else { 10 }).expect("a request");
    let body = fields.nested(4).expect("a body");
    let nonce = body.integer(7).expect("a nonce");
    let proof = fields.optional(3).expect("well-formed").map(|contents| {
        let mut list = Reader::new(contents).sequence().expect("a list");
        Fields::of(list.sequence().expect("one part"))
    });
    let Some(proof) = proof else {
        return error(ErrorCode::PREAUTH_REQUIRED, Some(&method_data()));
    };
    let value = proof.octets(2).expect("a value");
    if tgs {
        let request = Fields::of_message(value, 14).expect("an AP-REQ");
        let sealed = request.nested(4).expect("encrypted");
        let authenticator = key(SESSION)
            .decrypt(Usage::TgsAuthenticator, sealed.octets(2).expect("a cipher"))
            .expect("by the session key");
        let authenticator = Fields::of_message(&authenticator, 2).expect("an authenticator");
        let checksum = authenticator.nested(3).expect("a checksum");
        let over = ber_of(fields.get(4).expect("a body"));
        let (_, right) = key(SESSION).checksum(Usage::TgsChecksum, &over).expect("AES");
        assert_eq!(checksum.octets(1).expect("a value"), right);
        let part = secret_part(26, SERVICE, nonce);
        return reply(13, &key(SESSION).encrypt(Usage::TgsReply, &part).expect("AES"));
    }
    let sealed = Fields::of_sequence(value).expect("encrypted data");
    let Ok(stamp) = client.decrypt(Usage::PreAuthTimestamp, sealed.octets(2).expect("a cipher")) else {
        return error(ErrorCode::PREAUTH_FAILED, None);
    };
    let stamp = Fields::of_sequence(&stamp)
        .expect("a timestamp")
        .moment(0)
        .expect("a time");
    if (stamp - now).abs() > time::Duration::minutes(5) {
        return error(ErrorCode::SKEW, None);
    }
    let part = secret_part(25, SESSION, nonce);
    reply(11, &client.encrypt(Usage::AsReply, &part).expect("AES"))
}

/// The bytes of a body as they stand in the request.
fn ber_of(contents: &[u8]) -> Vec<u8> {
    let (tag, inner) = Reader::new(contents).element().expect("an element");
    written(|out| out.element(tag, inner))
}

/// Serves `answers` on port 88 of [`DC`]; gives the number of requests so far.
pub(crate) async fn kdc(
    doors: Platform,
    answers: impl Fn(&[u8]) -> Vec<u8> + Send + 'static,
) -> Arc<AtomicUsize> {
    let listener = doors
        .net
        .listen(&Endpoint::new(DC, KDC_PORT))
        .await
        .expect("a free port");
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    tokio::spawn(async move {
        while let Ok(mut stream) = listener.accept().await {
            let length = stream.read_u32().await.expect("a length");
            let mut request = vec![0; length as usize];
            stream.read_exact(&mut request).await.expect("a request");
            count.fetch_add(1, Ordering::Relaxed);
            let _ = stream.write_all(&answers(&request)).await;
        }
    });
    served
}

/// An answer with its length in front.
pub(crate) fn framed(answer: &[u8]) -> Vec<u8> {
    let length = u32::try_from(answer.len()).expect("short");
    [&length.to_be_bytes()[..], answer].concat()
}

/// The acceptor's answer to the initiator's token: mutual authentication with [`SUBKEY`].
pub(crate) fn accept(token: &[u8]) -> Vec<u8> {
    let outer = Reader::new(token).expect(application(0)).expect("a token");
    let mut outer = Reader::new(outer);
    outer.expect(OBJECT_IDENTIFIER).expect("SPNEGO");
    let init = Fields::of_sequence(outer.expect(0xa0).expect("NegTokenInit")).expect("a sequence");
    let inner = Reader::new(init.octets(2).expect("a token"))
        .expect(application(0))
        .expect("a token");
    let request = Fields::of_message(&inner[13..], 14).expect("an AP-REQ behind identifier and token id");
    let sealed = request.nested(4).expect("encrypted");
    let clear = key(SERVICE)
        .decrypt(Usage::ApAuthenticator, sealed.octets(2).expect("a cipher"))
        .expect("by the service's session key");
    let authenticator = Fields::of_message(&clear, 2).expect("an authenticator");
    let part = message(27, |out| {
        field(out, 3, |out| out.integer(77));
        field(out, 2, |out| {
            out.constructed(ber::SEQUENCE, |out| {
                field(out, 1, |out| out.octets(&SUBKEY));
                field(out, 0, |out| out.integer(AES256));
            });
        });
        field(out, 1, |out| {
            out.integer(authenticator.integer(4).expect("microseconds"));
        });
        field(out, 0, |out| {
            moment(out, authenticator.moment(5).expect("a time"));
        });
    });
    let sealed = key(SERVICE).encrypt(Usage::ApReply, &part).expect("AES");
    let reply = message(15, |out| {
        let part = encrypted(AES256, &sealed);
        field(out, 2, |out| super::asn1::raw(out, &part));
        field(out, 1, |out| out.integer(15));
        field(out, 0, |out| out.integer(5));
    });
    let kerberos = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];
    let identifier = written(|out| out.element(OBJECT_IDENTIFIER, &kerberos));
    let inner = written(|out| {
        out.element(application(0), &[&identifier[..], &[0x02, 0x00], &reply].concat());
    });
    written(|out| {
        out.constructed(0xa1, |out| {
            out.constructed(ber::SEQUENCE, |out| {
                field(out, 2, |out| out.octets(&inner));
                field(out, 0, |out| out.enumerated(0));
            });
        });
    })
}

/// The initiator's end of an established context; its first message has number 5.
pub(crate) fn established() -> SecurityContext {
    SecurityContext {
        key: key(SUBKEY),
        acceptor_subkey: true,
        next_sent: 5,
        next_received: FIRST_SENT,
    }
}

/// A message sealed by the acceptor, turned as some servers do.
pub(crate) fn sealed(number: u64, clear: &[u8], extra: u16, rotation: u16) -> Vec<u8> {
    let mut header = vec![0x05, 0x04, 0x07, 0xff];
    header.extend_from_slice(&extra.to_be_bytes());
    header.extend_from_slice(&[0, 0]);
    header.extend_from_slice(&number.to_be_bytes());
    let inside = [clear, &vec![0; usize::from(extra)], &header].concat();
    let mut cipher = key(SUBKEY).encrypt(Usage::AcceptorSeal, &inside).expect("AES");
    let turn = usize::from(rotation) % cipher.len();
    cipher.rotate_right(turn);
    header[6..8].copy_from_slice(&rotation.to_be_bytes());
    [header, cipher].concat()
}

/// Opens a message of the initiator.
pub(crate) fn opened(token: &[u8]) -> Vec<u8> {
    let clear = key(SUBKEY)
        .decrypt(Usage::InitiatorSeal, &token[16..])
        .expect("sealed by the subkey");
    let (message, header) = clear.split_at(clear.len() - 16);
    assert_eq!(header, &token[..16]);
    message.to_vec()
}

/// A directory on port 389 of [`DC`] that accepts one logon, says `blurted` in clear behind its answer, and then answers
/// every request with success.
pub(crate) async fn directory(doors: Platform, blurted: &'static [u8]) {
    let listener = doors
        .net
        .listen(&Endpoint::new(DC, LDAP_PORT))
        .await
        .expect("a free port");
    tokio::spawn(async move {
        let mut stream = listener.accept().await.expect("a client");
        let (id, token) = read_bind(&mut stream).await;
        let accepted = accept(&token);
        let bound = success(id, request_answer::BIND, Some(&accepted));
        let answer = [&bound, blurted].concat();
        stream.write_all(&answer).await.expect("an open stream");
        let mut number = FIRST_SENT;
        while let Ok(length) = stream.read_u32().await {
            let mut sealed_request = vec![0; length as usize];
            stream.read_exact(&mut sealed_request).await.expect("a message");
            let request = opened(&sealed_request);
            let mut message = Reader::new(&request).sequence().expect("a message");
            let id = message.integer().expect("a number");
            let answer = sealed(number, &success(id, request_answer::SEARCH_DONE, None), 0, 28);
            number += 1;
            stream.write_all(&framed(&answer)).await.expect("an open stream");
        }
    });
}

/// Number and token of a SASL bind, which comes in clear.
async fn read_bind(stream: &mut Stream) -> (i64, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await.expect("an open stream");
        if let Ok(mut message) = Reader::new(&bytes).sequence() {
            let id = message.integer().expect("a number");
            let mut bind = message.nested(ldap::request::BIND).expect("a bind");
            assert_eq!((bind.integer(), bind.octets()), (Ok(3), Ok(&b""[..])));
            let mut sasl = bind.nested(0xa3).expect("SASL");
            assert_eq!(sasl.text(), Ok(super::MECHANISM));
            return (id, sasl.octets().expect("a token").to_vec());
        }
    }
}

fn success(id: i64, tag: u8, credentials: Option<&[u8]>) -> Vec<u8> {
    let id = i32::try_from(id).expect("a message number");
    written(|out| {
        ldap::write_message(out, id, &[], |out| {
            out.constructed(tag, |out| {
                if let Some(credentials) = credentials {
                    out.element(0x87, credentials);
                }
                out.octets(b"");
                out.octets(b"");
                out.enumerated(0);
            });
        });
    })
}
