//! The end that is logged on to. Whose hash is right it is told; it never looks up an account itself.

use std::fmt;

use subtle::ConstantTimeEq as _;

use super::NtlmError;
use super::context::{Context, Direction};
use super::keys::{ResponseKey, SessionKey, exchange, hmac_md5};
use super::message::{self, Authenticate, Challenge, Flags};
use super::target_info::{
    DNS_COMPUTER, DNS_DOMAIN, DNS_FOREST, NETBIOS_COMPUTER, NETBIOS_DOMAIN, TargetInfo,
};
use crate::filetime::FileTime;
use crate::nt_hash::NtHash;

/// Bytes of an NTLMv2 response in front of the target information; one of NTLMv1 has 24 altogether.
const RESPONSE_HEAD_BYTES: usize = 44;

/// What a server tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerNames {
    /// NetBIOS name of the computer.
    pub netbios_computer: String,
    /// NetBIOS name of the domain.
    pub netbios_domain: String,
    /// DNS name of the computer.
    pub dns_computer: String,
    /// DNS name of the domain.
    pub dns_domain: String,
    /// DNS name of the forest.
    pub dns_forest: String,
}

/// A logon that was answered by a challenge.
#[derive(Debug)]
pub struct Server {
    challenge: [u8; 8],
    /// The first two messages, over which the third has an integrity code.
    messages: [Vec<u8>; 2],
}

impl Server {
    /// Answers a first message: the logon, and the challenge to send. `challenge` is drawn for this logon alone.
    ///
    /// # Errors
    /// Malformed, or the client does not do what a sealed session needs.
    pub fn challenge(
        names: &ServerNames,
        negotiate: &[u8],
        challenge: [u8; 8],
        now: FileTime,
    ) -> Result<(Self, Vec<u8>), NtlmError> {
        let asked = message::read_negotiate(negotiate)?;
        asked.suffice()?;
        let mut target_info = TargetInfo::default();
        for (id, name) in [
            (NETBIOS_DOMAIN, &names.netbios_domain),
            (NETBIOS_COMPUTER, &names.netbios_computer),
            (DNS_DOMAIN, &names.dns_domain),
            (DNS_COMPUTER, &names.dns_computer),
            (DNS_FOREST, &names.dns_forest),
        ] {
            target_info.text(id, name);
        }
        target_info.set_timestamp(now);
        let common = Flags::CLIENT.bits() & asked.bits();
        let answer = Challenge {
            flags: Flags(common) | Flags::TARGET_INFO | Flags::TARGET_TYPE_DOMAIN | Flags::REQUEST_TARGET,
            challenge,
            target: names.netbios_domain.clone(),
            target_info,
        }
        .to_bytes();
        let server = Self {
            challenge,
            messages: [negotiate.to_vec(), answer.clone()],
        };
        Ok((server, answer))
    }

    /// Reads the third message: who claims to be there.
    ///
    /// # Errors
    /// Malformed, of an older NTLM, or without the integrity code that the challenge asks for.
    pub fn claim(self, authenticate: &[u8]) -> Result<Claim, NtlmError> {
        let message = Authenticate::from_bytes(authenticate)?;
        message.flags.suffice()?;
        let (_, target_info) = message
            .nt_response
            .split_at_checked(RESPONSE_HEAD_BYTES)
            .ok_or(NtlmError::NotOffered("NTLMv2"))?;
        if !TargetInfo::from_bytes(target_info)?.promises_integrity() {
            return Err(NtlmError::NotOffered("an integrity code over the messages"));
        }
        let [negotiate, challenge] = self.messages;
        let messages = [negotiate, challenge, message::without_integrity(authenticate)];
        Ok(Claim {
            server_challenge: self.challenge,
            message,
            messages,
        })
    }
}

/// Somebody who claims to be an account, with the proof of it.
pub struct Claim {
    server_challenge: [u8; 8],
    message: Authenticate,
    messages: [Vec<u8>; 3],
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.message).finish()
    }
}

impl Claim {
    /// The account's name.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.message.user
    }

    /// The account's domain: its NetBIOS or DNS name, or nothing where the user's name says it.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.message.domain
    }

    /// Where it comes from, as it says itself.
    #[must_use]
    pub fn workstation(&self) -> &str {
        &self.message.workstation
    }

    /// Whether the proof is of a password with this hash.
    ///
    /// # Errors
    /// It is of another one, or the messages were changed on the way.
    pub fn verify(&self, nt_hash: &NtHash) -> Result<Context, NtlmError> {
        let (proof, rest) = self
            .message
            .nt_response
            .split_first_chunk::<16>()
            .ok_or(NtlmError::NotOffered("NTLMv2"))?;
        let key = ResponseKey::new(nt_hash, &self.message.user, &self.message.domain);
        if !bool::from(key.proof(&self.server_challenge, rest).ct_eq(proof)) {
            return Err(NtlmError::WrongPassword);
        }
        let session_key = SessionKey(exchange(
            &key.key_exchange_key(proof),
            &self.message.encrypted_session_key,
        ));
        let [negotiate, challenge, authenticate] = &self.messages;
        let integrity = hmac_md5(&session_key.0, &[negotiate, challenge, authenticate]);
        if !bool::from(integrity.ct_eq(&self.message.integrity)) {
            return Err(NtlmError::Integrity);
        }
        Ok(Context::new(session_key, Direction::ToClient))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{Client, Random};
    use super::*;
    use crate::nt_hash::nt_hash;

    const NOW: FileTime = FileTime(133_500_000_000_000_000);

    fn names() -> ServerNames {
        ServerNames {
            netbios_computer: "DC1".to_owned(),
            netbios_domain: "CONTOSO".to_owned(),
            dns_computer: "dc1.contoso.com".to_owned(),
            dns_domain: "contoso.com".to_owned(),
            dns_forest: "contoso.com".to_owned(),
        }
    }

    fn random() -> Random {
        Random {
            client_challenge: [0xaa; 8],
            session_key: [0x55; 16],
        }
    }

    /// A logon up to the third message.
    fn logon(user: &str, password: &str) -> (Server, Vec<u8>, Context) {
        let client = Client::new(user, "CONTOSO", "AGENT1", nt_hash(password));
        let (server, challenge) = Server::challenge(&names(), client.negotiate(), [7; 8], NOW).unwrap();
        let (authenticate, context) = client
            .authenticate(&challenge, &random(), FileTime::ZERO)
            .unwrap();
        (server, authenticate, context)
    }

    #[test]
    fn both_ends_come_to_the_same_session() {
        let (server, authenticate, mut client) = logon("alice", "Wonder-2026");
        let claim = server.claim(&authenticate).unwrap();
        assert_eq!(
            (claim.user(), claim.domain(), claim.workstation()),
            ("alice", "CONTOSO", "AGENT1")
        );
        assert_eq!(
            claim.verify(&nt_hash("wrong")).unwrap_err(),
            NtlmError::WrongPassword
        );
        let mut server = claim.verify(&nt_hash("Wonder-2026")).unwrap();
        assert_eq!(server.session_key().as_bytes(), client.session_key().as_bytes());
        assert_eq!(server.session_key().as_bytes(), &[0x55; 16]);
        let mut message = *b"hello";
        let signature = client.seal(&mut message, 0..5).unwrap();
        server.open(&mut message, 0..5, &signature).unwrap();
        let signature = server.seal(&mut message, 0..5).unwrap();
        client.open(&mut message, 0..5, &signature).unwrap();
        assert_eq!(&message, b"hello");
    }

    #[test]
    fn every_change_on_the_way_is_noticed() {
        let (_, good, _) = logon("alice", "p");
        for at in 0..good.len() {
            let (server, mut changed, _) = logon("alice", "p");
            changed[at] ^= 1;
            let outcome = server
                .claim(&changed)
                .and_then(|claim| claim.verify(&nt_hash("p")));
            assert!(outcome.is_err(), "byte {at}");
        }
        // The challenge: its flags are in nobody's proof but in the integrity code.
        let client = Client::new("alice", "CONTOSO", "AGENT1", nt_hash("p"));
        let (server, mut challenge) = Server::challenge(&names(), client.negotiate(), [7; 8], NOW).unwrap();
        challenge[20] ^= 0x80;
        let (authenticate, _) = client.authenticate(&challenge, &random(), NOW).unwrap();
        let claim = server.claim(&authenticate).unwrap();
        assert_eq!(claim.verify(&nt_hash("p")).unwrap_err(), NtlmError::Integrity);
    }

    #[test]
    fn weaker_logons_are_refused() {
        let weak = message::negotiate(Flags::CLIENT.without(Flags::SEAL));
        assert_eq!(
            Server::challenge(&names(), &weak, [7; 8], NOW).unwrap_err(),
            NtlmError::NotOffered("sealing")
        );
        let client = Client::new("alice", "CONTOSO", "AGENT1", nt_hash("p"));
        let (server, mut challenge) = Server::challenge(&names(), client.negotiate(), [7; 8], NOW).unwrap();
        let old = Authenticate {
            nt_response: vec![0; 24],
            ..Authenticate::from_bytes(&logon("alice", "p").1).unwrap()
        };
        assert_eq!(
            server.claim(&old.to_bytes()).unwrap_err(),
            NtlmError::NotOffered("NTLMv2")
        );
        challenge[22] &= !0x08;
        assert_eq!(
            client.authenticate(&challenge, &random(), NOW).unwrap_err(),
            NtlmError::NotOffered("extended session security")
        );
        let (server, authenticate, _) = logon("alice", "p");
        let mut without = Authenticate::from_bytes(&authenticate).unwrap();
        without.nt_response.truncate(RESPONSE_HEAD_BYTES - 16 + 16);
        without.nt_response.extend_from_slice(&[0; 8]);
        assert_eq!(
            server.claim(&without.to_bytes()).unwrap_err(),
            NtlmError::NotOffered("an integrity code over the messages")
        );
    }
}
