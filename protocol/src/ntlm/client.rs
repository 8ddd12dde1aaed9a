//! The end that logs on.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::context::{Context, Direction};
use super::keys::{ResponseKey, SessionKey, exchange, hmac_md5};
use super::message::{self, Authenticate, Challenge, Flags};
use super::{MAX_MESSAGE_BYTES, NtlmError};
use crate::filetime::FileTime;
use crate::nt_hash::NtHash;

/// Longest name that fits into a message beside everything else, in characters.
const MAX_NAME_CHARS: usize = 512;

/// What a logon draws.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Random {
    /// Makes every response another one.
    pub client_challenge: [u8; 8],
    /// The key of the session.
    pub session_key: [u8; 16],
}

/// A logon that has begun.
pub struct Client {
    user: String,
    domain: String,
    workstation: String,
    nt_hash: NtHash,
    negotiate: Vec<u8>,
}

impl Client {
    /// A logon of `user` in `domain` from `workstation`.
    #[must_use]
    pub fn new(user: &str, domain: &str, workstation: &str, nt_hash: NtHash) -> Self {
        let owned = |name: &str| name.chars().take(MAX_NAME_CHARS).collect();
        Self {
            user: owned(user),
            domain: owned(domain),
            workstation: owned(workstation),
            nt_hash,
            negotiate: message::negotiate(Flags::CLIENT),
        }
    }

    /// The first message.
    #[must_use]
    pub fn negotiate(&self) -> &[u8] {
        &self.negotiate
    }

    /// The answer to a challenge, and the session that begins with it.
    ///
    /// `now` counts only where the server does not tell its own time, which every domain controller does.
    ///
    /// # Errors
    /// The challenge is malformed, or the server does not do what a sealed session needs.
    pub fn authenticate(
        self,
        challenge: &[u8],
        random: &Random,
        now: FileTime,
    ) -> Result<(Vec<u8>, Context), NtlmError> {
        let told = Challenge::from_bytes(challenge)?;
        told.flags.suffice()?;
        let time = told.target_info.timestamp().unwrap_or(now);
        let rest = response_rest(
            time,
            &random.client_challenge,
            &told.target_info.promise_integrity().to_bytes(),
        );
        if rest.len() > MAX_MESSAGE_BYTES / 2 {
            return Err(NtlmError::Malformed("the target information is too long"));
        }
        let key = ResponseKey::new(&self.nt_hash, &self.user, &self.domain);
        let proof = key.proof(&told.challenge, &rest);
        let mut authenticate = Authenticate {
            flags: Flags::CLIENT.without(Flags::REQUEST_TARGET),
            // What stood here before NTLMv2 is not sent: it could be attacked by itself.
            lm_response: vec![0; 24],
            nt_response: [&proof[..], &rest].concat(),
            domain: self.domain,
            user: self.user,
            workstation: self.workstation,
            encrypted_session_key: exchange(&key.key_exchange_key(&proof), &random.session_key),
            integrity: [0; 16],
        };
        let messages: [&[u8]; 3] = [&self.negotiate, challenge, &authenticate.to_bytes()];
        authenticate.integrity = hmac_md5(&random.session_key, &messages);
        let context = Context::new(SessionKey(random.session_key), Direction::ToServer);
        Ok((authenticate.to_bytes(), context))
    }
}

/// NTLMv2_CLIENT_CHALLENGE (MS-NLMP 2.2.2.7): everything of the response but its proof.
fn response_rest(time: FileTime, client_challenge: &[u8; 8], target_info: &[u8]) -> Vec<u8> {
    let mut rest = vec![1, 1, 0, 0, 0, 0, 0, 0];
    rest.extend_from_slice(&time.0.to_le_bytes());
    rest.extend_from_slice(client_challenge);
    rest.extend_from_slice(&[0; 4]);
    rest.extend_from_slice(target_info);
    rest.extend_from_slice(&[0; 4]);
    rest
}
