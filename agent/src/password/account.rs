//! What a replicated object says about an account and its password.

use provlab_platform::crypto::{Md5, Md5Error};
use provlab_protocol::drsuapi::secret::{self, SecretError};
use provlab_protocol::drsuapi::{AttrTyp, PrefixTable, PropertyMetaData, ReplicatedObject};
use provlab_protocol::filetime::FileTime;
use provlab_protocol::nt_hash::NtHash;
use provlab_protocol::sid::Sid;

const OBJECT_CLASS: &str = "2.5.4.0";
const UNICODE_PWD: &str = "1.2.840.113556.1.4.90";
const PWD_LAST_SET: &str = "1.2.840.113556.1.4.96";
const OBJECT_SID: &str = "1.2.840.113556.1.4.146";
const IS_DELETED: &str = "1.2.840.113556.1.2.48";
const IS_CRITICAL_SYSTEM_OBJECT: &str = "1.2.840.113556.1.4.868";

/// What is asked for of an object.
pub(super) const ATTRIBUTES: [&str; 6] = [
    OBJECT_CLASS,
    UNICODE_PWD,
    PWD_LAST_SET,
    OBJECT_SID,
    IS_DELETED,
    IS_CRITICAL_SYSTEM_OBJECT,
];

const USER: &str = "1.2.840.113556.1.5.9";
/// Computers and managed accounts are users by class; `inetOrgPerson` is not supported (PR 12.3).
const OTHER_USERS: [&str; 2] = ["1.2.840.113556.1.3.30", "2.16.840.1.113730.3.2.2"];

/// A replicated object, read through its reply's prefixes.
pub(super) struct Account<'a> {
    object: &'a ReplicatedObject,
    prefixes: &'a PrefixTable,
}

impl<'a> Account<'a> {
    pub(super) fn new(object: &'a ReplicatedObject, prefixes: &'a PrefixTable) -> Self {
        Self { object, prefixes }
    }

    /// Whether it may be one that has a new password: only what changed is told.
    pub(super) fn has_news(&self) -> bool {
        [UNICODE_PWD, PWD_LAST_SET]
            .iter()
            .any(|oid| self.values(oid).is_some())
    }

    /// Whether everything is told.
    pub(super) fn is_whole(&self) -> bool {
        self.values(OBJECT_CLASS)
            .is_some_and(|classes| !classes.is_empty())
    }

    /// Whether it is a user whose password is synchronized. Objects that the system itself needs never leave the domain (CS 5.8).
    pub(super) fn is_synchronized(&self) -> bool {
        let classes: Vec<String> = self
            .values(OBJECT_CLASS)
            .unwrap_or_default()
            .iter()
            .filter_map(|value| {
                let number = u32::from_le_bytes(value.as_slice().try_into().ok()?);
                self.prefixes.oid(AttrTyp(number))
            })
            .collect();
        let is = |class: &str| classes.iter().any(|known| known == class);
        is(USER)
            && !OTHER_USERS.into_iter().any(is)
            && !self.flag(IS_DELETED)
            && !self.flag(IS_CRITICAL_SYSTEM_OBJECT)
    }

    /// The NT hash; `None` for an account without a password.
    pub(super) fn nt_hash(
        &self,
        session_key: &[u8],
        md5: &Md5,
    ) -> Result<Option<NtHash>, SecretError<Md5Error>> {
        let (Some(value), Some(sid)) = (self.first(UNICODE_PWD), self.sid()) else {
            return Ok(None);
        };
        let digest = |parts: &[&[u8]]| md5.digest(parts).map(|digest| *digest);
        secret::open_hash(session_key, sid.rid(), value, digest).map(Some)
    }

    /// Whether the user has to choose another password first.
    pub(super) fn must_change(&self) -> bool {
        self.pwd_last_set() == Some(0)
    }

    /// When the password was set: by `pwdLastSet`, and where that says nothing by the metadata of the hash.
    pub(super) fn changed(&self) -> Option<FileTime> {
        let set = self.pwd_last_set().and_then(|ticks| u64::try_from(ticks).ok());
        match set.filter(|ticks| *ticks > 0) {
            Some(ticks) => Some(FileTime(ticks)),
            None => self
                .meta_data(UNICODE_PWD)
                .map(|meta_data| FileTime::from_seconds(meta_data.changed)),
        }
    }

    fn pwd_last_set(&self) -> Option<i64> {
        let value = self.first(PWD_LAST_SET)?;
        value.try_into().ok().map(i64::from_le_bytes)
    }

    fn sid(&self) -> Option<Sid> {
        let told = self
            .first(OBJECT_SID)
            .and_then(|value| Sid::from_bytes(value).ok());
        told.or(self.object.name.sid)
    }

    fn flag(&self, oid: &str) -> bool {
        self.first(oid)
            .is_some_and(|value| value.iter().any(|byte| *byte != 0))
    }

    fn first(&self, oid: &str) -> Option<&'a [u8]> {
        self.values(oid)?.first().map(Vec::as_slice)
    }

    fn values(&self, oid: &str) -> Option<&'a [Vec<u8>]> {
        let at = self.place(oid)?;
        Some(&self.object.attributes.get(at)?.values)
    }

    fn meta_data(&self, oid: &str) -> Option<&'a PropertyMetaData> {
        self.object.meta_data.as_ref()?.get(self.place(oid)?)
    }

    fn place(&self, oid: &str) -> Option<usize> {
        let number = self.prefixes.find(oid)?;
        self.object
            .attributes
            .iter()
            .position(|attribute| attribute.number == number)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use provlab_platform::Crypto;
    use provlab_platform::crypto::CryptoPolicy;
    use provlab_protocol::drsuapi::Attribute;
    use provlab_protocol::nt_hash::nt_hash;

    use super::*;

    /// Under indexes that no server has.
    fn table() -> PrefixTable {
        let mut table = PrefixTable::default();
        for oid in [USER, OTHER_USERS[0], OTHER_USERS[1], "2.5.6.0"]
            .into_iter()
            .chain(ATTRIBUTES)
        {
            table.add(oid).unwrap();
        }
        table
    }

    fn object(attributes: &[(&str, Vec<Vec<u8>>)]) -> ReplicatedObject {
        let attributes = attributes.iter().map(|(oid, values)| Attribute {
            number: table().find(oid).unwrap(),
            values: values.clone(),
        });
        ReplicatedObject {
            attributes: attributes.collect(),
            ..ReplicatedObject::default()
        }
    }

    fn class(oids: &[&str]) -> (&'static str, Vec<Vec<u8>>) {
        let number = |oid: &&str| table().find(oid).unwrap().0.to_le_bytes().to_vec();
        (OBJECT_CLASS, oids.iter().map(number).collect())
    }

    #[test]
    fn only_users_are_synchronized() {
        let yes = || vec![1, 0, 0, 0];
        let is = |attributes: &[(&str, Vec<Vec<u8>>)]| {
            Account::new(&object(attributes), &table()).is_synchronized()
        };
        assert!(is(&[class(&["2.5.6.0", USER])]));
        assert!(is(&[class(&[USER]), (IS_DELETED, vec![vec![0; 4]])]));
        assert!(!is(&[class(&["2.5.6.0"])]));
        assert!(!is(&[class(&[USER, OTHER_USERS[0]])]));
        assert!(!is(&[class(&[USER, OTHER_USERS[1]])]));
        assert!(!is(&[class(&[USER]), (IS_DELETED, vec![yes()])]));
        assert!(!is(&[class(&[USER]), (IS_CRITICAL_SYSTEM_OBJECT, vec![yes()])]));
        assert!(!is(&[]));
        assert!(!is(&[(OBJECT_CLASS, vec![vec![1]])]));
    }

    #[test]
    fn what_changed_and_what_is_missing_is_told_apart() {
        let ticks = |ticks: i64| (PWD_LAST_SET, vec![ticks.to_le_bytes().to_vec()]);
        let changed = object(&[ticks(133_000_000_000_000_000)]);
        let table = table();
        let account = Account::new(&changed, &table);
        assert!(account.has_news() && !account.is_whole() && !account.must_change());
        assert_eq!(account.changed(), Some(FileTime(133_000_000_000_000_000)));
        let mut reset = object(&[ticks(0), (UNICODE_PWD, Vec::new())]);
        reset.meta_data = Some(vec![
            PropertyMetaData::default(),
            PropertyMetaData {
                changed: 13_300_000_000,
                ..PropertyMetaData::default()
            },
        ]);
        let account = Account::new(&reset, &table);
        assert!(account.must_change());
        assert_eq!(account.changed(), Some(FileTime::from_seconds(13_300_000_000)));
        let other = object(&[class(&[USER])]);
        let account = Account::new(&other, &table);
        assert!(!account.has_news() && account.is_whole() && !account.must_change());
        assert_eq!(account.changed(), None);
    }

    #[test]
    fn the_hash_is_opened_by_the_rid() {
        let md5 = Crypto::simulated(CryptoPolicy::default(), "a").md5(true).unwrap();
        // PR 13.8.
        let value = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafe7098313dc9376a085523f14d61f98bff7f28fd6";
        let key = hex::decode("101112131415161718191a1b1c1d1e1f").unwrap();
        let mut alice = object(&[(UNICODE_PWD, vec![hex::decode(value).unwrap()])]);
        let table = table();
        assert_eq!(Account::new(&alice, &table).nt_hash(&key, &md5), Ok(None));
        alice.name.sid = Some("S-1-5-21-1-2-3-1105".parse().unwrap());
        let hash = Account::new(&alice, &table).nt_hash(&key, &md5);
        assert_eq!(hash, Ok(Some(nt_hash("P@ssw0rd-Lab1"))));
        assert_eq!(
            Account::new(&alice, &table).nt_hash(b"another", &md5),
            Err(SecretError::Checksum)
        );
        let none = object(&[(UNICODE_PWD, Vec::new())]);
        assert_eq!(Account::new(&none, &table).nt_hash(&key, &md5), Ok(None));
    }
}
