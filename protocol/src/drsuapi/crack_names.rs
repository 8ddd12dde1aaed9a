//! `IDL_DRSCrackNames`: from one form of a name to another (PR 13.5).

use super::{ContextHandle, DrsError, MAX_NAME_CHARS, version, write_version};
use crate::ndr::{NdrError, NdrReader, NdrWriter};

/// Most names in one call, as MS-DRSR bounds them.
pub const MAX_NAMES: usize = 10_000;

const WHAT: &str = "the names";

/// A form of a name (DS_NAME_FORMAT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameFormat(pub u32);

impl NameFormat {
    /// Whatever it is.
    pub const UNKNOWN: Self = Self(0);
    /// A distinguished name.
    pub const FQDN_1779: Self = Self(1);
    /// `DOMAIN\name`.
    pub const NT4_ACCOUNT: Self = Self(2);
    /// A display name.
    pub const DISPLAY: Self = Self(3);
    /// `{GUID}`.
    pub const UNIQUE_ID: Self = Self(6);
    /// `contoso.com/Sales/Alice`.
    pub const CANONICAL: Self = Self(7);
    /// A user principal name.
    pub const USER_PRINCIPAL: Self = Self(8);
    /// A service principal name.
    pub const SERVICE_PRINCIPAL: Self = Self(10);
    /// A SID, present or past.
    pub const SID_OR_SID_HISTORY: Self = Self(11);
    /// A SID as text; only offered.
    pub const STRING_SID: Self = Self(0xFFFF_FFF4);
    /// `name`; only offered.
    pub const NT4_ACCOUNT_SANS_DOMAIN: Self = Self(0xFFFF_FFF9);
}

/// How one name fared (DS_NAME_ERROR).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameStatus(pub u32);

impl NameStatus {
    /// Found.
    pub const OK: Self = Self(0);
    /// The form cannot be had.
    pub const RESOLVING: Self = Self(1);
    /// No such object.
    pub const NOT_FOUND: Self = Self(2);
    /// More than one.
    pub const NOT_UNIQUE: Self = Self(3);
}

/// In.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrackNamesRequest {
    /// From `IDL_DRSBind`.
    pub handle: ContextHandle,
    /// The form of the names.
    pub offered: NameFormat,
    /// The form that is wanted.
    pub desired: NameFormat,
    /// The names.
    pub names: Vec<String>,
}

impl CrackNamesRequest {
    /// The stub.
    #[must_use]
    pub fn to_stub(&self) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        self.handle.write(&mut writer);
        write_version(&mut writer, 1);
        // Code page, locale and flags say nothing to a server that speaks UTF-16.
        for word in [0, 0, 0, self.offered.0, self.desired.0] {
            writer.u32(word);
        }
        writer.count(self.names.len());
        writer.pointer(true);
        writer.count(self.names.len());
        for _ in &self.names {
            writer.pointer(true);
        }
        for name in &self.names {
            writer.wide_string(name);
        }
        writer.into_bytes()
    }

    /// Reads the stub.
    ///
    /// # Errors
    /// Malformed, or over a bound.
    pub fn from_stub(stub: &[u8]) -> Result<Self, NdrError> {
        let mut reader = NdrReader::new(stub);
        let handle = ContextHandle::read(&mut reader)?;
        let found = version(&mut reader, WHAT)?;
        if found != 1 {
            return Err(NdrError::Version { what: WHAT, found });
        }
        for ignored in ["the code page", "the locale", "the flags"] {
            reader.u32(ignored)?;
        }
        let (offered, desired) = (NameFormat(reader.u32(WHAT)?), NameFormat(reader.u32(WHAT)?));
        let count = reader.count(WHAT, MAX_NAMES)?;
        let mut names = Vec::new();
        if reader.pointer(WHAT)? {
            reader.conformance(count, WHAT)?;
            for _ in 0..count {
                reader.required_pointer(WHAT)?;
            }
            for _ in 0..count {
                names.push(reader.wide_string(WHAT, MAX_NAME_CHARS)?);
            }
        }
        Ok(Self {
            handle,
            offered,
            desired,
            names,
        })
    }
}

/// What a name came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrackedName {
    /// How it fared.
    pub status: NameStatus,
    /// DNS name of the domain.
    pub domain: Option<String>,
    /// The name in the form that was wanted.
    pub name: Option<String>,
}

/// Out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrackNamesReply {
    /// In the order of the request; empty after an error.
    pub names: Vec<CrackedName>,
    /// How it went.
    pub result: DrsError,
}

impl CrackNamesReply {
    /// The stub.
    #[must_use]
    pub fn to_stub(&self) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        write_version(&mut writer, 1);
        writer.pointer(!self.names.is_empty());
        if !self.names.is_empty() {
            writer.count(self.names.len());
            writer.pointer(true);
            writer.count(self.names.len());
        }
        for name in &self.names {
            writer.u32(name.status.0);
            writer.pointer(name.domain.is_some());
            writer.pointer(name.name.is_some());
        }
        for text in self
            .names
            .iter()
            .flat_map(|name| [&name.domain, &name.name])
            .flatten()
        {
            writer.wide_string(text);
        }
        writer.u32(self.result.0);
        writer.into_bytes()
    }

    /// Reads the stub.
    ///
    /// # Errors
    /// Malformed, or over a bound.
    pub fn from_stub(stub: &[u8]) -> Result<Self, NdrError> {
        let mut reader = NdrReader::new(stub);
        let found = version(&mut reader, WHAT)?;
        if found != 1 {
            return Err(NdrError::Version { what: WHAT, found });
        }
        let mut names = Vec::new();
        if reader.pointer(WHAT)? {
            let count = reader.count(WHAT, MAX_NAMES)?;
            if reader.pointer(WHAT)? {
                reader.conformance(count, WHAT)?;
                names = read_items(&mut reader, count)?;
            }
        }
        let result = DrsError(reader.u32("the result")?);
        Ok(Self { names, result })
    }
}

fn read_items(reader: &mut NdrReader<'_>, count: usize) -> Result<Vec<CrackedName>, NdrError> {
    let mut fixed = Vec::new();
    for _ in 0..count {
        let status = NameStatus(reader.u32(WHAT)?);
        fixed.push((status, reader.pointer(WHAT)?, reader.pointer(WHAT)?));
    }
    let mut text = |present: bool| {
        present
            .then(|| reader.wide_string(WHAT, MAX_NAME_CHARS))
            .transpose()
    };
    fixed
        .into_iter()
        .map(|(status, domain, name)| {
            Ok(CrackedName {
                status,
                domain: text(domain)?,
                name: text(name)?,
            })
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// PR 13.5.
    const REQUEST: &str = "000000000403020106050807090a0b0c0d0e0f1001000000010000000000000000000000000000000200000006000000\
        010000000000020001000000040002000a000000000000000a0000004c00410042005c0061006c006900630065000000";

    #[test]
    fn reference_vector() {
        let request = CrackNamesRequest {
            handle: ContextHandle::new("01020304-0506-0708-090a-0b0c0d0e0f10".parse().unwrap()),
            offered: NameFormat::NT4_ACCOUNT,
            desired: NameFormat::UNIQUE_ID,
            names: vec!["LAB\\alice".to_owned()],
        };
        assert_eq!(hex::encode(request.to_stub()), REQUEST);
        let stub = hex::decode(REQUEST).unwrap();
        assert_eq!(CrackNamesRequest::from_stub(&stub), Ok(request));
        for length in 0..stub.len() {
            assert!(CrackNamesRequest::from_stub(&stub[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn replies_round_trip_and_damage_is_refused() {
        let good = CrackNamesReply {
            names: vec![
                CrackedName {
                    status: NameStatus::OK,
                    domain: Some("contoso.com".to_owned()),
                    name: Some("{11223344-5566-7788-99aa-bbccddeeff00}".to_owned()),
                },
                CrackedName {
                    status: NameStatus::NOT_FOUND,
                    domain: None,
                    name: None,
                },
            ],
            result: DrsError::SUCCESS,
        };
        let stub = good.to_stub();
        assert_eq!(CrackNamesReply::from_stub(&stub), Ok(good));
        for length in 0..stub.len() {
            assert!(CrackNamesReply::from_stub(&stub[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn counts_at_the_limit() {
        let request = |count: usize| CrackNamesRequest {
            handle: ContextHandle::default(),
            offered: NameFormat::UNKNOWN,
            desired: NameFormat::FQDN_1779,
            names: vec!["a".to_owned(); count],
        };
        assert!(CrackNamesRequest::from_stub(&request(MAX_NAMES).to_stub()).is_ok());
        assert!(matches!(
            CrackNamesRequest::from_stub(&request(MAX_NAMES + 1).to_stub()),
            Err(NdrError::TooMany { .. })
        ));
    }
}
