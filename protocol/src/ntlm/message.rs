//! The three messages (MS-NLMP 2.2.1). Their parts lie behind a fixed head that says where each begins.

use std::fmt;

use super::NtlmError;
use super::target_info::TargetInfo;

/// Longest message that is read.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";
const NEGOTIATE: u32 = 1;
const CHALLENGE: u32 = 2;
const AUTHENTICATE: u32 = 3;
/// Windows 10 and the current revision of NTLMSSP; nobody decides by it.
const VERSION: [u8; 8] = [10, 0, 0x61, 0x4A, 0, 0, 0, 15];
const NEGOTIATE_BYTES: usize = 40;
const CHALLENGE_BYTES: usize = 56;
const AUTHENTICATE_BYTES: usize = 88;
/// Where the integrity code stands in an AUTHENTICATE message.
const INTEGRITY_AT: usize = 72;

bit_flags! {
    /// What is negotiated (MS-NLMP 2.2.2.5).
    Flags: u32 {
        /// Text is UTF-16.
        UNICODE = 0x1;
        /// The server shall name itself.
        REQUEST_TARGET = 0x4;
        /// Messages are signed.
        SIGN = 0x10;
        /// Messages are sealed.
        SEAL = 0x20;
        /// NTLM.
        NTLM = 0x200;
        /// Messages are signed even where nothing asks for it.
        ALWAYS_SIGN = 0x8000;
        /// The server is a domain.
        TARGET_TYPE_DOMAIN = 0x1_0000;
        /// Keys for each direction, signatures over the whole message.
        EXTENDED_SESSION_SECURITY = 0x8_0000;
        /// The server tells about itself in a list.
        TARGET_INFO = 0x80_0000;
        /// Versions are told.
        VERSION = 0x200_0000;
        /// Keys of 128 bits.
        KEY_128 = 0x2000_0000;
        /// The client chooses the session key.
        KEY_EXCHANGE = 0x4000_0000;
        /// Keys of 56 bits.
        KEY_56 = 0x8000_0000;
    }
}

impl Flags {
    /// What a client asks for.
    pub(super) const CLIENT: Self = Self(
        Self::UNICODE.0
            | Self::REQUEST_TARGET.0
            | Self::SIGN.0
            | Self::SEAL.0
            | Self::NTLM.0
            | Self::ALWAYS_SIGN.0
            | Self::EXTENDED_SESSION_SECURITY.0
            | Self::TARGET_INFO.0
            | Self::VERSION.0
            | Self::KEY_128.0
            | Self::KEY_EXCHANGE.0
            | Self::KEY_56.0,
    );

    /// What a sealed session cannot do without.
    const NEEDED: [(Self, &'static str); 6] = [
        (Self::UNICODE, "Unicode"),
        (Self::SIGN, "signing"),
        (Self::SEAL, "sealing"),
        (Self::EXTENDED_SESSION_SECURITY, "extended session security"),
        (Self::KEY_128, "keys of 128 bits"),
        (Self::KEY_EXCHANGE, "key exchange"),
    ];

    /// Whether a sealed session can stand on them.
    pub(super) fn suffice(self) -> Result<(), NtlmError> {
        let missing = Self::NEEDED.iter().find(|(flag, _)| !self.contains(*flag));
        missing.map_or(Ok(()), |(_, name)| Err(NtlmError::NotOffered(name)))
    }
}

/// The head of a message being written, with its parts behind it.
struct Builder {
    head: Vec<u8>,
    payload: Vec<u8>,
    head_bytes: usize,
}

impl Builder {
    fn new(kind: u32, head_bytes: usize) -> Self {
        let mut head = SIGNATURE.to_vec();
        head.extend_from_slice(&kind.to_le_bytes());
        Self {
            head,
            payload: Vec::new(),
            head_bytes,
        }
    }

    fn fixed(&mut self, bytes: &[u8]) {
        self.head.extend_from_slice(bytes);
    }

    fn part(&mut self, bytes: &[u8]) {
        let length = bytes.len() as u16;
        let offset = (self.head_bytes + self.payload.len()) as u32;
        self.fixed(&length.to_le_bytes());
        self.fixed(&length.to_le_bytes());
        self.fixed(&offset.to_le_bytes());
        self.payload.extend_from_slice(bytes);
    }

    fn finish(mut self) -> Vec<u8> {
        self.head.extend_from_slice(&self.payload);
        self.head
    }
}

/// A message being read.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8], kind: u32, least: usize) -> Result<Self, NtlmError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(NtlmError::TooLong(bytes.len()));
        }
        let head = bytes.get(..12);
        if head.is_none_or(|head| head[..8] != *SIGNATURE || head[8..] != kind.to_le_bytes()) {
            return Err(NtlmError::Malformed("another message is due"));
        }
        if bytes.len() < least {
            return Err(NtlmError::Malformed("it is cut short"));
        }
        Ok(Self(bytes))
    }

    fn fixed<const N: usize>(&self, at: usize) -> Result<[u8; N], NtlmError> {
        self.0
            .get(at..at + N)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(NtlmError::Malformed("it is cut short"))
    }

    fn flags(&self, at: usize) -> Result<Flags, NtlmError> {
        self.fixed(at).map(u32::from_le_bytes).map(Flags)
    }

    fn part(&self, at: usize) -> Result<&'a [u8], NtlmError> {
        let length = usize::from(u16::from_le_bytes(self.fixed(at)?));
        if length == 0 {
            return Ok(&[]);
        }
        usize::try_from(u32::from_le_bytes(self.fixed(at + 4)?))
            .ok()
            .and_then(|offset| self.0.get(offset..)?.get(..length))
            .ok_or(NtlmError::Malformed("a part lies outside of it"))
    }

    fn text(&self, at: usize) -> Result<String, NtlmError> {
        crate::ndr::utf16(self.part(at)?).ok_or(NtlmError::Malformed("a name is not UTF-16"))
    }
}

/// NEGOTIATE_MESSAGE.
pub(super) fn negotiate(flags: Flags) -> Vec<u8> {
    let mut out = Builder::new(NEGOTIATE, NEGOTIATE_BYTES);
    out.fixed(&flags.bits().to_le_bytes());
    out.part(&[]);
    out.part(&[]);
    out.fixed(&VERSION);
    out.finish()
}

/// What a client asks for.
pub(super) fn read_negotiate(bytes: &[u8]) -> Result<Flags, NtlmError> {
    Parts::of(bytes, NEGOTIATE, 16)?.flags(12)
}

/// CHALLENGE_MESSAGE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) flags: Flags,
    pub(super) challenge: [u8; 8],
    pub(super) target: String,
    pub(super) target_info: TargetInfo,
}

impl Challenge {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Builder::new(CHALLENGE, CHALLENGE_BYTES);
        out.part(&super::target_info::utf16(&self.target));
        out.fixed(&self.flags.bits().to_le_bytes());
        out.fixed(&self.challenge);
        out.fixed(&[0; 8]);
        out.part(&self.target_info.to_bytes());
        out.fixed(&VERSION);
        out.finish()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, NtlmError> {
        let parts = Parts::of(bytes, CHALLENGE, 48)?;
        let flags = parts.flags(20)?;
        let target_info = match flags.contains(Flags::TARGET_INFO) {
            true => TargetInfo::from_bytes(parts.part(40)?)?,
            false => TargetInfo::default(),
        };
        Ok(Self {
            flags,
            challenge: parts.fixed(24)?,
            target: parts.text(12)?,
            target_info,
        })
    }
}

/// AUTHENTICATE_MESSAGE.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Authenticate {
    pub(super) flags: Flags,
    pub(super) lm_response: Vec<u8>,
    pub(super) nt_response: Vec<u8>,
    pub(super) domain: String,
    pub(super) user: String,
    pub(super) workstation: String,
    pub(super) encrypted_session_key: [u8; 16],
    pub(super) integrity: [u8; 16],
}

/// The response is left out: passwords can be guessed by it.
impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate")
            .field("domain", &self.domain)
            .field("user", &self.user)
            .field("workstation", &self.workstation)
            .finish_non_exhaustive()
    }
}

impl Authenticate {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Builder::new(AUTHENTICATE, AUTHENTICATE_BYTES);
        out.part(&self.lm_response);
        out.part(&self.nt_response);
        for name in [&self.domain, &self.user, &self.workstation] {
            out.part(&super::target_info::utf16(name));
        }
        out.part(&self.encrypted_session_key);
        out.fixed(&self.flags.bits().to_le_bytes());
        out.fixed(&VERSION);
        out.fixed(&self.integrity);
        out.finish()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, NtlmError> {
        let parts = Parts::of(bytes, AUTHENTICATE, AUTHENTICATE_BYTES)?;
        Ok(Self {
            flags: parts.flags(60)?,
            lm_response: parts.part(12)?.to_vec(),
            nt_response: parts.part(20)?.to_vec(),
            domain: parts.text(28)?,
            user: parts.text(36)?,
            workstation: parts.text(44)?,
            encrypted_session_key: parts
                .part(52)?
                .try_into()
                .map_err(|_| NtlmError::Malformed("the session key has not 16 bytes"))?,
            integrity: parts.fixed(INTEGRITY_AT)?,
        })
    }
}

/// The message as it is when its integrity code is made: with zeros in its place.
pub(super) fn without_integrity(authenticate: &[u8]) -> Vec<u8> {
    let mut bytes = authenticate.to_vec();
    if let Some(place) = bytes.get_mut(INTEGRITY_AT..INTEGRITY_AT + 16) {
        place.fill(0);
    }
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::target_info::{NETBIOS_COMPUTER, NETBIOS_DOMAIN};
    use super::*;

    /// MS-NLMP 4.2.4.3.
    const SAMPLE: &str = "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef00000000000000002400240044000000\
        060070170000000f53006500720076006500720002000c0044006f006d00610069006e0001000c0053006500720076006500720000000000";

    #[test]
    fn the_sample_challenge_is_read() {
        let bytes = hex::decode(SAMPLE).unwrap();
        let read = Challenge::from_bytes(&bytes).unwrap();
        assert_eq!(hex::encode(read.challenge), "0123456789abcdef");
        assert_eq!(read.target, "Server");
        let mut expected = TargetInfo::default();
        expected.text(NETBIOS_DOMAIN, "Domain");
        expected.text(NETBIOS_COMPUTER, "Server");
        assert_eq!(read.target_info, expected);
        assert_eq!(read.flags.suffice(), Ok(()));
        // All but the version is the same when written.
        let mut written = read.to_bytes();
        written[48..56].copy_from_slice(&bytes[48..56]);
        assert_eq!(hex::encode(written), SAMPLE);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (flag, name) in Flags::NEEDED {
            assert_eq!(
                Flags::CLIENT.without(flag).suffice(),
                Err(NtlmError::NotOffered(name))
            );
        }
        assert_eq!(read_negotiate(&negotiate(Flags::CLIENT)), Ok(Flags::CLIENT));
    }

    fn authenticate() -> Authenticate {
        Authenticate {
            flags: Flags::CLIENT,
            lm_response: vec![0; 24],
            nt_response: vec![1; 60],
            domain: "CONTOSO".to_owned(),
            user: "provAgentgMSA$".to_owned(),
            workstation: "AGENT1".to_owned(),
            encrypted_session_key: [2; 16],
            integrity: [3; 16],
        }
    }

    #[test]
    fn damaged_messages_are_refused() {
        let good = authenticate().to_bytes();
        assert_eq!(Authenticate::from_bytes(&good), Ok(authenticate()));
        for length in 0..good.len() {
            assert!(Authenticate::from_bytes(&good[..length]).is_err(), "{length}");
        }
        assert!(Challenge::from_bytes(&good).is_err());
        assert!(read_negotiate(&good).is_err());
        let mut outside = good;
        outside[24..28].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(
            Authenticate::from_bytes(&outside),
            Err(NtlmError::Malformed("a part lies outside of it"))
        );
    }

    #[test]
    fn debug_shows_no_response() {
        let shown = format!("{:?}", authenticate());
        assert!(
            shown.contains("provAgentgMSA$") && !shown.contains("1, 1"),
            "{shown}"
        );
    }

    #[test]
    fn lengths_at_the_limit() {
        let mut longest = authenticate().to_bytes();
        longest.resize(MAX_MESSAGE_BYTES, 0);
        assert_eq!(Authenticate::from_bytes(&longest), Ok(authenticate()));
        longest.push(0);
        assert_eq!(
            Authenticate::from_bytes(&longest),
            Err(NtlmError::TooLong(MAX_MESSAGE_BYTES + 1))
        );
    }

    proptest! {
        #[test]
        fn any_bytes_survive(kind in 1..4u8, tail in prop::collection::vec(any::<u8>(), 0..120)) {
            let bytes = [&SIGNATURE[..], &[kind, 0, 0, 0], &tail].concat();
            let _ = read_negotiate(&bytes);
            let _ = Challenge::from_bytes(&bytes);
            let _ = Authenticate::from_bytes(&bytes);
        }
    }
}
