//! From a password to a service's ticket: AS exchange with encrypted timestamp, then TGS exchange (RFC 4120 section 3).

use std::time::Duration;

use provlab_platform::{Entropy, Platform};
use secrecy::{ExposeSecret, SecretString};

use super::crypto::{AES256, Key, Usage};
use super::error::{ErrorCode, KerberosError};
use super::kdc;
use super::message::{
    self, Answer, Authenticator, Exchange, KeyInfo, Reply, RequestBody, application_request, encrypted, pa,
};

/// An account of a realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// `sAMAccountName`, with `$` for computers and managed accounts.
    pub name: String,
    /// The domain's DNS name in upper case.
    pub realm: String,
}

impl Principal {
    /// An account of a domain given by its DNS name.
    pub fn of_domain(name: &str, domain: &str) -> Self {
        Self {
            name: name.to_owned(),
            realm: domain.to_ascii_uppercase(),
        }
    }

    /// The salt of a computer or managed account (PR 14.2), of anyone else realm and name, where the KDC tells none.
    fn default_salt(&self) -> String {
        match self.name.strip_suffix('$') {
            Some(host) => format!(
                "{}host{}.{}",
                self.realm,
                host.to_lowercase(),
                self.realm.to_lowercase()
            ),
            None => format!("{}{}", self.realm, self.name),
        }
    }
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.name, self.realm)
    }
}

/// A ticket with its session key.
#[derive(Debug)]
pub struct Ticket {
    pub(super) client: Principal,
    pub(super) ticket: Vec<u8>,
    pub(super) key: Key,
}

/// Gets a ticket for `service` (`["ldap", "dc1.contoso.com"]`) from the KDC on `server`; each of the three exchanges takes
/// `timeout` at most.
///
/// # Errors
/// As [`KerberosError`] tells.
pub async fn service_ticket(
    platform: &Platform,
    server: &str,
    timeout: Duration,
    client: &Principal,
    password: &SecretString,
    service: &[&str],
) -> Result<Ticket, KerberosError> {
    let granting = granting_ticket(platform, server, timeout, client, password).await?;
    let nonce = nonce(&platform.entropy);
    let body = RequestBody {
        client,
        service,
        nonce,
    };
    let body = message::request_body(Exchange::Tgs, &body);
    let authenticator = message::authenticator(&Authenticator {
        client,
        now: platform.clock.wall(),
        checksum: granting.key.checksum(Usage::TgsChecksum, &body)?,
        subkey: None,
    });
    let sealed = granting.key.encrypt(Usage::TgsAuthenticator, &authenticator)?;
    let proof = application_request(&granting.ticket, false, &encrypted(granting.key.kind(), &sealed));
    let request = message::request(Exchange::Tgs, &body, &[(pa::TGS_REQ, proof)]);
    let bytes = kdc::ask(platform, server, timeout, &request).await?;
    match message::answer(Exchange::Tgs, &bytes)? {
        Answer::Error(code, _) => Err(refused(code, &service.join("/"), client)),
        Answer::Reply(reply) => granted(&reply, client, &granting.key, Usage::TgsReply, nonce),
    }
}

async fn granting_ticket(
    platform: &Platform,
    server: &str,
    timeout: Duration,
    client: &Principal,
    password: &SecretString,
) -> Result<Ticket, KerberosError> {
    let nonce = nonce(&platform.entropy);
    let body = RequestBody {
        client,
        service: &["krbtgt", &client.realm],
        nonce,
    };
    let body = message::request_body(Exchange::As, &body);
    let key_of = |info: Option<KeyInfo>| {
        let info = info.unwrap_or(KeyInfo {
            kind: AES256,
            salt: None,
        });
        let salt = info.salt.unwrap_or_else(|| client.default_salt());
        Key::from_password(info.kind, password.expose_secret().as_bytes(), salt.as_bytes())
    };
    // As Windows does, the first request carries no proof: the refusal tells type and salt of the key.
    let request = message::request(Exchange::As, &body, &[]);
    let bytes = kdc::ask(platform, server, timeout, &request).await?;
    let key = match message::answer(Exchange::As, &bytes)? {
        Answer::Reply(reply) => {
            let info = reply
                .pre_authentication
                .map(message::key_info)
                .transpose()?
                .flatten();
            return granted(&reply, client, &key_of(info)?, Usage::AsReply, nonce);
        }
        Answer::Error(ErrorCode::PREAUTH_REQUIRED, data) => {
            key_of(data.map(message::key_info).transpose()?.flatten())?
        }
        Answer::Error(code, _) => return Err(refused(code, &client.to_string(), client)),
    };
    let proof = key.encrypt(
        Usage::PreAuthTimestamp,
        &message::timestamp(platform.clock.wall()),
    )?;
    let proof = (pa::ENC_TIMESTAMP, encrypted(key.kind(), &proof));
    let request = message::request(Exchange::As, &body, &[proof]);
    let bytes = kdc::ask(platform, server, timeout, &request).await?;
    match message::answer(Exchange::As, &bytes)? {
        Answer::Error(code, _) => Err(refused(code, &client.to_string(), client)),
        Answer::Reply(reply) => granted(&reply, client, &key, Usage::AsReply, nonce),
    }
}

fn granted(
    reply: &Reply<'_>,
    client: &Principal,
    key: &Key,
    usage: Usage,
    nonce: u32,
) -> Result<Ticket, KerberosError> {
    if reply.kind != key.kind() {
        return Err(KerberosError::EncryptionType(reply.kind));
    }
    let granted = message::granted(&key.decrypt(usage, reply.sealed)?)?;
    if granted.nonce != nonce {
        return Err(KerberosError::Mismatch("the nonce is another one"));
    }
    Ok(Ticket {
        client: client.clone(),
        ticket: reply.ticket.clone(),
        key: Key::new(granted.kind, &granted.key)?,
    })
}

fn refused(code: ErrorCode, principal: &str, client: &Principal) -> KerberosError {
    let principal = if principal.contains('@') {
        principal.to_owned()
    } else {
        format!("{principal}@{}", client.realm)
    };
    KerberosError::Refused { code, principal }
}

/// 31 bits: a nonce is a positive 32-bit number to some and a signed one to others.
pub(super) fn nonce(entropy: &Entropy) -> u32 {
    u32::try_from(entropy.below(1 << 31)).unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::stub::{self, DC, PASSWORD, answer, framed};
    use super::*;
    use crate::testing::{World, simulate};
    use proptest::prelude::*;
    use provlab_protocol::ber::Writer;
    use std::sync::atomic::Ordering;

    const LIMIT: Duration = Duration::from_secs(30);

    async fn ticket(world: &World, password: &str) -> Result<Ticket, KerberosError> {
        let client = Principal::of_domain("provAgentgMSA$", "contoso.com");
        let password = SecretString::from(password);
        let service = ["ldap", DC];
        service_ticket(&world.host.platform, DC, LIMIT, &client, &password, &service).await
    }

    /// What the client makes of a KDC that says this to everything.
    fn answered(bytes: Vec<u8>) -> KerberosError {
        simulate(async {
            let world = World::new();
            stub::kdc(world.doors(DC), move |_| bytes.clone()).await;
            ticket(&world, PASSWORD).await.unwrap_err()
        })
    }

    #[test]
    fn three_exchanges_give_a_ticket() {
        simulate(async {
            let world = World::new();
            let clock = world.doors(DC).clock;
            let served = stub::kdc(world.doors(DC), move |request| {
                framed(&answer(request, clock.wall()))
            })
            .await;
            let ticket = ticket(&world, PASSWORD).await.unwrap();
            assert_eq!(served.load(Ordering::Relaxed), 3);
            assert!(!format!("{ticket:?}").contains("[2, 2"), "{ticket:?}");
        });
    }

    #[test]
    fn a_wrong_password_and_a_wrong_clock_have_codes_of_their_own() {
        for (password, skew, code) in [
            ("wrong", 0, ErrorCode::PREAUTH_FAILED),
            (PASSWORD, 6, ErrorCode::SKEW),
        ] {
            let error = simulate(async {
                let world = World::new();
                let clock = world.host.platform.clock.for_host();
                world.host.platform.clock.set_skew(time::Duration::minutes(skew));
                stub::kdc(world.doors(DC), move |request| {
                    framed(&answer(request, clock.wall()))
                })
                .await;
                ticket(&world, password).await.unwrap_err()
            });
            assert_eq!(error.code(), Some(code), "{error}");
            assert!(!error.is_fatal());
        }
    }

    #[test]
    fn every_refusal_ends_the_logon_at_once() {
        for code in [
            ErrorCode::CLIENT_UNKNOWN,
            ErrorCode::CLIENT_REVOKED,
            ErrorCode::KEY_EXPIRED,
            ErrorCode::WRONG_REALM,
            ErrorCode(4711),
        ] {
            let error = answered(framed(&stub::error(code, None)));
            assert_eq!(error.code(), Some(code));
        }
        // A KDC that asks for ever is asked twice.
        let error = answered(framed(&stub::error(ErrorCode::PREAUTH_REQUIRED, None)));
        assert_eq!(error.code(), Some(ErrorCode::PREAUTH_REQUIRED));
    }

    #[test]
    fn an_answer_of_the_largest_size_is_read_and_a_longer_one_is_not() {
        let limit = u32::try_from(kdc::MAX_KDC_BYTES).unwrap();
        let long = answered((limit + 1).to_be_bytes().to_vec());
        assert!(matches!(long, KerberosError::TooLong(found) if found == kdc::MAX_KDC_BYTES + 1));
        let whole = answered(framed(&vec![0; kdc::MAX_KDC_BYTES]));
        assert!(matches!(whole, KerberosError::Malformed(_)), "{whole}");
        let cut = answered(vec![0, 0, 0, 9, 1]);
        assert!(matches!(cut, KerberosError::Broken { .. }), "{cut}");
    }

    #[test]
    fn no_kdc_is_no_refusal() {
        let error = simulate(async { ticket(&World::new(), PASSWORD).await.unwrap_err() });
        assert!(matches!(error, KerberosError::Unreachable(_)));
        assert!(
            error
                .to_string()
                .starts_with("There are currently no logon servers available")
        );
        assert!(error.is_fatal());
    }

    #[test]
    fn salts_follow_the_kind_of_account() {
        let salt = |name| Principal::of_domain(name, "lab.example").default_salt();
        assert_eq!(salt("provAgentgMSA$"), "LAB.EXAMPLEhostprovagentgmsa.lab.example");
        assert_eq!(salt("Alice"), "LAB.EXAMPLEAlice");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_a_kdc_sends_the_logon_ends(bytes: Vec<u8>, tag in prop::sample::select(vec![0x7eu8, 0x6b])) {
            let mut message = Writer::new();
            message.element(tag, &bytes);
            answered(framed(message.as_slice()));
            answered(bytes);
        }
    }
}
