//! Accounts are named in access control by SID, in text and in bytes, and both ends must agree (PR 16.4).

use std::fmt;
use std::str::FromStr;

/// Most sub-authorities that a SID can hold (MS-DTYP 2.4.2).
pub const MAX_SUB_AUTHORITIES: usize = 15;

/// Longest byte form of a SID.
pub const MAX_SID_BYTES: usize = HEADER_BYTES + 4 * MAX_SUB_AUTHORITIES;

const HEADER_BYTES: usize = 8;
const REVISION: u8 = 1;
const MAX_AUTHORITY: u64 = (1 << 48) - 1;

/// A Windows security identifier: an authority and one to fifteen sub-authorities, the last being the RID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid {
    authority: u64,
    count: u8,
    // Unused places stay zero, so that the derived comparisons are right.
    sub_authorities: [u32; MAX_SUB_AUTHORITIES],
}

/// Why something is not a SID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SidError {
    /// The text is not `S-1-<authority>-<sub-authority>…`.
    #[error("`{text}` is not a SID; write it as S-1-<authority>-<number>-…, for example S-1-5-32-544")]
    Text {
        /// What was read, shortened.
        text: String,
    },
    /// The bytes end too early or run on after the SID.
    #[error("a SID with {count} sub-authorities takes {expected} bytes, but there are {actual}")]
    Length {
        /// Sub-authorities that the header announces.
        count: u8,
        /// Bytes that they need.
        expected: usize,
        /// Bytes that are there.
        actual: usize,
    },
    /// The first byte is not 1.
    #[error("SID revision {0} is unknown; only revision 1 exists")]
    Revision(u8),
    /// None, or more than [`MAX_SUB_AUTHORITIES`].
    #[error("a SID has 1 to {MAX_SUB_AUTHORITIES} sub-authorities, not {0}")]
    SubAuthorityCount(usize),
    /// More than 48 bits.
    #[error("the identifier authority {0} does not fit into 48 bits")]
    Authority(u64),
}

impl Sid {
    /// A SID from its parts.
    ///
    /// # Errors
    /// The authority takes more than 48 bits, or the number of sub-authorities is not 1 to 15.
    pub fn new(authority: u64, sub_authorities: &[u32]) -> Result<Self, SidError> {
        if authority > MAX_AUTHORITY {
            return Err(SidError::Authority(authority));
        }
        let count = sub_authorities.len();
        if !(1..=MAX_SUB_AUTHORITIES).contains(&count) {
            return Err(SidError::SubAuthorityCount(count));
        }
        let mut places = [0; MAX_SUB_AUTHORITIES];
        places[..count].copy_from_slice(sub_authorities);
        Ok(Sid {
            authority,
            count: count as u8,
            sub_authorities: places,
        })
    }

    const fn one(authority: u64, sub_authority: u32) -> Self {
        let mut places = [0; MAX_SUB_AUTHORITIES];
        places[0] = sub_authority;
        Sid {
            authority,
            count: 1,
            sub_authorities: places,
        }
    }

    const fn builtin(rid: u32) -> Self {
        let mut places = [0; MAX_SUB_AUTHORITIES];
        places[0] = 32;
        places[1] = rid;
        Sid {
            authority: 5,
            count: 2,
            sub_authorities: places,
        }
    }

    /// A domain's own SID, `S-1-5-21-a-b-c`.
    pub const fn domain_of(a: u32, b: u32, c: u32) -> Self {
        let mut places = [0; MAX_SUB_AUTHORITIES];
        places[0] = 21;
        places[1] = a;
        places[2] = b;
        places[3] = c;
        Sid {
            authority: 5,
            count: 4,
            sub_authorities: places,
        }
    }

    /// The identifier authority, 5 for NT.
    pub const fn authority(&self) -> u64 {
        self.authority
    }

    /// The sub-authorities in order.
    pub fn sub_authorities(&self) -> &[u32] {
        &self.sub_authorities[..usize::from(self.count)]
    }

    /// The relative identifier: the last sub-authority.
    pub const fn rid(&self) -> u32 {
        self.sub_authorities[self.count as usize - 1]
    }

    /// The SID of the account `rid` in this domain.
    ///
    /// A SID that is full already (no domain's is) has its last sub-authority replaced instead.
    #[must_use]
    pub const fn with_rid(&self, rid: u32) -> Self {
        let mut account = *self;
        if (account.count as usize) < MAX_SUB_AUTHORITIES {
            account.count += 1;
        }
        account.sub_authorities[account.count as usize - 1] = rid;
        account
    }

    /// The SID without its RID: the domain of an account. `None` if nothing would be left.
    pub fn domain(&self) -> Option<Self> {
        let (_, rest) = self.sub_authorities().split_last()?;
        Sid::new(self.authority, rest).ok()
    }

    /// The byte form: revision, count, authority big-endian, sub-authorities little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.byte_len());
        bytes.push(REVISION);
        bytes.push(self.count);
        bytes.extend_from_slice(&self.authority.to_be_bytes()[2..]);
        for sub_authority in self.sub_authorities() {
            bytes.extend_from_slice(&sub_authority.to_le_bytes());
        }
        bytes
    }

    /// Length of the byte form.
    pub const fn byte_len(&self) -> usize {
        HEADER_BYTES + 4 * self.count as usize
    }

    /// Reads a byte form that fills `bytes`.
    ///
    /// # Errors
    /// The bytes are not exactly one SID.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SidError> {
        let sid = Self::from_prefix(bytes)?;
        if sid.byte_len() != bytes.len() {
            return Err(SidError::Length {
                count: sid.count,
                expected: sid.byte_len(),
                actual: bytes.len(),
            });
        }
        Ok(sid)
    }

    /// Reads the SID that `bytes` begins with; [`Sid::byte_len`] tells where it ends.
    ///
    /// # Errors
    /// There is no SID at the start of the bytes.
    pub fn from_prefix(bytes: &[u8]) -> Result<Self, SidError> {
        let &[revision, count, a0, a1, a2, a3, a4, a5, ref rest @ ..] = bytes else {
            return Err(SidError::Length {
                count: 0,
                expected: HEADER_BYTES,
                actual: bytes.len(),
            });
        };
        if revision != REVISION {
            return Err(SidError::Revision(revision));
        }
        let wanted = usize::from(count);
        if !(1..=MAX_SUB_AUTHORITIES).contains(&wanted) {
            return Err(SidError::SubAuthorityCount(wanted));
        }
        if rest.len() < 4 * wanted {
            return Err(SidError::Length {
                count,
                expected: HEADER_BYTES + 4 * wanted,
                actual: bytes.len(),
            });
        }
        let mut sub_authorities = [0; MAX_SUB_AUTHORITIES];
        for (place, chunk) in sub_authorities.iter_mut().zip(rest.chunks_exact(4)).take(wanted) {
            *place = chunk
                .iter()
                .rev()
                .fold(0, |sum, &byte| sum << 8 | u32::from(byte));
        }
        let authority = u64::from_be_bytes([0, 0, a0, a1, a2, a3, a4, a5]);
        Ok(Sid {
            authority,
            count,
            sub_authorities,
        })
    }

    /// The stored bytes as an LDAP filter value, each byte escaped.
    pub fn to_ldap_filter(&self) -> String {
        self.to_bytes()
            .iter()
            .map(|byte| format!("\\{byte:02x}"))
            .collect()
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // MS-DTYP 2.4.2.1: an authority of 2^32 or more is written in hexadecimal.
        if self.authority > u64::from(u32::MAX) {
            write!(f, "S-1-0x{:012X}", self.authority)?;
        } else {
            write!(f, "S-1-{}", self.authority)?;
        }
        for sub_authority in self.sub_authorities() {
            write!(f, "-{sub_authority}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sid({self})")
    }
}

impl FromStr for Sid {
    type Err = SidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || SidError::Text {
            text: text.chars().take(64).collect(),
        };
        let body = match text.get(..4) {
            Some(head) if head.eq_ignore_ascii_case("S-1-") => &text[4..],
            _ => return Err(wrong()),
        };
        let mut parts = body.split('-');
        let authority = parts.next().and_then(parse_authority).ok_or_else(wrong)?;
        let sub_authorities = parts
            .take(MAX_SUB_AUTHORITIES + 1)
            .map(|part| parse_decimal(part).and_then(|value| u32::try_from(value).ok()))
            .collect::<Option<Vec<u32>>>()
            .ok_or_else(wrong)?;
        Sid::new(authority, &sub_authorities)
    }
}

fn parse_authority(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if digits.len() <= 12 && digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok()
        }
        Some(_) => None,
        None => parse_decimal(text),
    }
}

/// Digits only: `str::parse` would also take a plus sign.
fn parse_decimal(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

serde_as_text!(Sid);

/// SIDs that are the same everywhere (MS-DTYP 2.4.2.4).
pub mod well_known {
    use super::Sid;

    /// Everyone.
    pub const EVERYONE: Sid = Sid::one(1, 0);
    /// Stands for the owner of an object in inheritable entries.
    pub const CREATOR_OWNER: Sid = Sid::one(3, 0);
    /// Stands for the primary group of an object's creator in inheritable entries.
    pub const CREATOR_GROUP: Sid = Sid::one(3, 1);
    /// Logged on over the network.
    pub const NETWORK: Sid = Sid::one(5, 2);
    /// Logged on at the console.
    pub const INTERACTIVE: Sid = Sid::one(5, 4);
    /// Logged on as a service.
    pub const SERVICE: Sid = Sid::one(5, 6);
    /// Not authenticated.
    pub const ANONYMOUS: Sid = Sid::one(5, 7);
    /// Every domain controller of the forest.
    pub const ENTERPRISE_DOMAIN_CONTROLLERS: Sid = Sid::one(5, 9);
    /// Stands for the object itself.
    pub const PRINCIPAL_SELF: Sid = Sid::one(5, 10);
    /// Everyone who authenticated.
    pub const AUTHENTICATED_USERS: Sid = Sid::one(5, 11);
    /// The operating system.
    pub const LOCAL_SYSTEM: Sid = Sid::one(5, 18);
    /// A service that is anonymous on the network.
    pub const LOCAL_SERVICE: Sid = Sid::one(5, 19);
    /// A service that is the computer on the network.
    pub const NETWORK_SERVICE: Sid = Sid::one(5, 20);
    /// The builtin domain itself.
    pub const BUILTIN: Sid = Sid::one(5, 32);
    /// `BUILTIN\Administrators`.
    pub const BUILTIN_ADMINISTRATORS: Sid = Sid::builtin(544);
    /// `BUILTIN\Users`.
    pub const BUILTIN_USERS: Sid = Sid::builtin(545);
    /// `BUILTIN\Guests`.
    pub const BUILTIN_GUESTS: Sid = Sid::builtin(546);
    /// `BUILTIN\Account Operators`.
    pub const BUILTIN_ACCOUNT_OPERATORS: Sid = Sid::builtin(548);
    /// `BUILTIN\Server Operators`.
    pub const BUILTIN_SERVER_OPERATORS: Sid = Sid::builtin(549);
    /// `BUILTIN\Print Operators`.
    pub const BUILTIN_PRINT_OPERATORS: Sid = Sid::builtin(550);
    /// `BUILTIN\Backup Operators`.
    pub const BUILTIN_BACKUP_OPERATORS: Sid = Sid::builtin(551);
    /// `BUILTIN\Replicator`.
    pub const BUILTIN_REPLICATOR: Sid = Sid::builtin(552);
    /// `BUILTIN\Pre-Windows 2000 Compatible Access`.
    pub const BUILTIN_PRE_WINDOWS_2000: Sid = Sid::builtin(554);
    /// `BUILTIN\Remote Desktop Users`.
    pub const BUILTIN_REMOTE_DESKTOP_USERS: Sid = Sid::builtin(555);
    /// `BUILTIN\Windows Authorization Access Group`.
    pub const BUILTIN_WINDOWS_AUTHORIZATION_ACCESS: Sid = Sid::builtin(560);
}

/// RIDs that are the same in every domain (MS-DTYP 2.4.2.4).
pub mod rid {
    /// Enterprise Read-only Domain Controllers.
    pub const ENTERPRISE_READ_ONLY_DOMAIN_CONTROLLERS: u32 = 498;
    /// The Administrator account.
    pub const ADMINISTRATOR: u32 = 500;
    /// The Guest account.
    pub const GUEST: u32 = 501;
    /// The key distribution centre's account.
    pub const KRBTGT: u32 = 502;
    /// Domain Admins.
    pub const DOMAIN_ADMINS: u32 = 512;
    /// Domain Users.
    pub const DOMAIN_USERS: u32 = 513;
    /// Domain Guests.
    pub const DOMAIN_GUESTS: u32 = 514;
    /// Domain Computers.
    pub const DOMAIN_COMPUTERS: u32 = 515;
    /// Domain Controllers.
    pub const DOMAIN_CONTROLLERS: u32 = 516;
    /// Cert Publishers.
    pub const CERT_PUBLISHERS: u32 = 517;
    /// Schema Admins, in the forest root domain.
    pub const SCHEMA_ADMINS: u32 = 518;
    /// Enterprise Admins, in the forest root domain.
    pub const ENTERPRISE_ADMINS: u32 = 519;
    /// Group Policy Creator Owners.
    pub const GROUP_POLICY_CREATOR_OWNERS: u32 = 520;
    /// Read-only Domain Controllers.
    pub const READ_ONLY_DOMAIN_CONTROLLERS: u32 = 521;
    /// Protected Users.
    pub const PROTECTED_USERS: u32 = 525;
    /// Key Admins.
    pub const KEY_ADMINS: u32 = 526;
    /// Enterprise Key Admins, in the forest root domain.
    pub const ENTERPRISE_KEY_ADMINS: u32 = 527;
    /// RAS and IAS Servers.
    pub const RAS_AND_IAS_SERVERS: u32 = 553;
    /// The first RID that a new domain gives to an account of its own.
    pub const FIRST_FREE: u32 = 1000;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "S-1-5-21-1111111111-2222222222-3333333333-1105";
    const BYTES: &str = "010500000000000515000000c7353a428e6b748455a1aec651040000";

    #[test]
    fn reference_vector() {
        let sid: Sid = TEXT.parse().unwrap();
        assert_eq!(hex::encode(sid.to_bytes()), BYTES);
        assert_eq!(Sid::from_bytes(&hex::decode(BYTES).unwrap()), Ok(sid));
        assert_eq!(sid.to_string(), TEXT);
        assert_eq!(sid.rid(), 0x451);
    }

    #[test]
    fn a_domain_and_its_accounts() {
        let domain = Sid::domain_of(1111111111, 2222222222, 3333333333);
        let account = domain.with_rid(1105);
        assert_eq!(account.to_string(), TEXT);
        assert_eq!(account.domain(), Some(domain));
        assert_eq!(well_known::EVERYONE.domain(), None);
        assert_eq!(
            well_known::BUILTIN.with_rid(544),
            well_known::BUILTIN_ADMINISTRATORS
        );
    }

    #[test]
    fn sub_authorities_at_the_limit() {
        let full = Sid::new(5, &[7; MAX_SUB_AUTHORITIES]).unwrap();
        assert_eq!(full.to_bytes().len(), MAX_SID_BYTES);
        assert_eq!(Sid::from_bytes(&full.to_bytes()), Ok(full));
        assert_eq!(full.with_rid(9).sub_authorities().len(), MAX_SUB_AUTHORITIES);
        assert_eq!(
            Sid::new(5, &[7; MAX_SUB_AUTHORITIES + 1]),
            Err(SidError::SubAuthorityCount(16))
        );
        assert_eq!(Sid::new(5, &[]), Err(SidError::SubAuthorityCount(0)));
        assert_eq!(Sid::new(1 << 48, &[1]), Err(SidError::Authority(1 << 48)));
        let long = format!("S-1-5{}", "-1".repeat(10_000));
        assert_eq!(long.parse::<Sid>(), Err(SidError::SubAuthorityCount(16)));
    }

    #[test]
    fn large_authorities_are_hexadecimal() {
        let sid = Sid::new(0x0102_0304_0506, &[1]).unwrap();
        assert_eq!(sid.to_string(), "S-1-0x010203040506-1");
        assert_eq!(sid.to_string().parse(), Ok(sid));
    }

    #[test]
    fn malformed_text_and_bytes_are_refused() {
        for bad in [
            "",
            "S-1-",
            "S-2-5-1",
            "S-1-5-",
            "S-1-5-+1",
            "S-1-5-4294967296",
            "S-1-5--1",
        ] {
            assert!(bad.parse::<Sid>().is_err(), "{bad}");
        }
        let good = hex::decode(BYTES).unwrap();
        assert!(Sid::from_bytes(&good[..good.len() - 1]).is_err());
        assert!(Sid::from_bytes(&[good.as_slice(), &[0]].concat()).is_err());
        assert_eq!(
            Sid::from_bytes(&[2, 1, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0]),
            Err(SidError::Revision(2))
        );
    }

    proptest! {
        #[test]
        fn round_trips(authority in 0u64..=MAX_AUTHORITY, subs in prop::collection::vec(any::<u32>(), 1..=15)) {
            let sid = Sid::new(authority, &subs).unwrap();
            prop_assert_eq!(Sid::from_bytes(&sid.to_bytes()), Ok(sid));
            prop_assert_eq!(sid.to_string().parse(), Ok(sid));
        }

        #[test]
        fn any_bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(sid) = Sid::from_bytes(&bytes) {
                prop_assert_eq!(sid.to_bytes(), bytes);
            }
        }

        #[test]
        fn any_text_survives(text in "(S-1-)?[-0-9xA-F\u{e9}]{0,40}") {
            let _ = text.parse::<Sid>();
        }
    }
}
