//! The simple LDAP controls are read by the server and written by its clients (PR 15.3, 16.1).

use crate::ber::{self, BerError, Reader, Writer};
use crate::guid::Guid;
use crate::sid::Sid;

/// Longest control value that is parsed, in bytes: room for a cookie of the largest size.
pub const MAX_CONTROL_BYTES: usize = MAX_COOKIE_BYTES + 256;
/// Longest cookie that is parsed, in bytes.
pub const MAX_COOKIE_BYTES: usize = 64 * 1024;

/// Why bytes are not the control that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// Not BER, or not of this shape.
    #[error("malformed value of the {control} control: {source}")]
    Ber {
        /// The control's name.
        control: &'static str,
        /// What is wrong.
        #[source]
        source: BerError,
    },
    /// Over a limit.
    #[error("the {control} control is {actual} bytes long; at most {limit} are read")]
    TooLong {
        /// The control's name.
        control: &'static str,
        /// Its length in bytes.
        actual: usize,
        /// The limit.
        limit: usize,
    },
    /// A number out of its range.
    #[error("the number {value} in the {control} control is out of range")]
    OutOfRange {
        /// The control's name.
        control: &'static str,
        /// What was read.
        value: i64,
    },
    /// No value where one is needed.
    #[error("the {control} control needs a value")]
    Missing {
        /// The control's name.
        control: &'static str,
    },
}

/// Refuses what is too long before it is parsed.
pub(crate) const fn check_length(
    control: &'static str,
    bytes: &[u8],
    limit: usize,
) -> Result<(), ControlError> {
    if bytes.len() > limit {
        return Err(ControlError::TooLong {
            control,
            actual: bytes.len(),
            limit,
        });
    }
    Ok(())
}

/// Reads the value of a control, one SEQUENCE of bounded length whose fields `read` takes to the last.
pub(crate) fn read_fields<'a, T>(
    control: &'static str,
    value: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, BerError>,
) -> Result<T, ControlError> {
    check_length(control, value, MAX_CONTROL_BYTES)?;
    let all = || {
        let mut outer = Reader::new(value);
        let mut fields = outer.sequence()?;
        outer.finish()?;
        let read = read(&mut fields)?;
        fields.finish()?;
        Ok(read)
    };
    all().map_err(|source| ControlError::Ber { control, source })
}

/// An LDAP control as it travels (RFC 4511, 4.1.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Which control, an OID in text form.
    pub oid: String,
    /// Whether a server that does not know it must refuse the operation.
    pub critical: bool,
    /// The control's own value.
    pub value: Option<Vec<u8>>,
}

impl Control {
    /// A control without a value.
    pub fn new(oid: &str, critical: bool) -> Self {
        Control {
            oid: oid.to_owned(),
            critical,
            value: None,
        }
    }

    /// The same control with a value.
    #[must_use]
    pub fn with_value(mut self, value: Vec<u8>) -> Self {
        self.value = Some(value);
        self
    }

    /// Puts `Control ::= SEQUENCE { controlType, criticality DEFAULT FALSE, controlValue OPTIONAL }`.
    pub fn write(&self, out: &mut Writer) {
        out.constructed(ber::SEQUENCE, |out| {
            if let Some(value) = &self.value {
                out.octets(value);
            }
            if self.critical {
                out.boolean(true);
            }
            out.octets(self.oid.as_bytes());
        });
    }

    /// Takes the next control of a list; its value is bounded by the message that it came in.
    ///
    /// # Errors
    /// Not a control.
    pub fn read(list: &mut Reader<'_>) -> Result<Self, BerError> {
        let mut fields = list.sequence()?;
        let oid = fields.oid()?.to_owned();
        let critical = match fields.optional(ber::BOOLEAN)? {
            Some(contents) => ber::truth(contents)?,
            None => false,
        };
        let value = fields.optional(ber::OCTET_STRING)?.map(<[u8]>::to_vec);
        fields.finish()?;
        Ok(Control { oid, critical, value })
    }
}

/// The value of the paged results control (RFC 2696): in a request the wished page size, in a response an estimate of the total.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PagedResults {
    /// Entries per page, or the estimate.
    pub size: u32,
    /// Where to go on; empty at the start and at the end.
    pub cookie: Vec<u8>,
}

impl PagedResults {
    const NAME: &str = "paged results";

    /// `SEQUENCE { size INTEGER, cookie OCTET STRING }`.
    pub fn to_value(&self) -> Vec<u8> {
        ber::sequence(|out| {
            out.octets(&self.cookie);
            out.integer(self.size.into());
        })
    }

    /// Reads the control's value.
    ///
    /// # Errors
    /// Malformed, a negative size, or a cookie over [`MAX_COOKIE_BYTES`].
    pub fn from_value(value: &[u8]) -> Result<Self, ControlError> {
        let (size, cookie) = read_fields(Self::NAME, value, |fields| {
            Ok((fields.integer()?, fields.octets()?))
        })?;
        check_length(Self::NAME, cookie, MAX_COOKIE_BYTES)?;
        let size = size.try_into().map_err(|_| ControlError::OutOfRange {
            control: Self::NAME,
            value: size,
        })?;
        Ok(PagedResults {
            size,
            cookie: cookie.to_vec(),
        })
    }
}

bit_flags! {
    /// The value of the SD flags control: which parts of `nTSecurityDescriptor` are meant.
    SdFlags: u32 {
        /// The owner.
        OWNER = 0x1;
        /// The primary group.
        GROUP = 0x2;
        /// The discretionary access control list.
        DACL = 0x4;
        /// The system access control list, which needs a privilege.
        SACL = 0x8;
        /// Everything: what a search without the control means.
        ALL = 0xf;
    }
}

impl SdFlags {
    const NAME: &str = "SD flags";

    /// `SEQUENCE { flags INTEGER }`.
    pub fn to_value(self) -> Vec<u8> {
        integer_value(self.0.into())
    }

    /// Reads the control's value.
    ///
    /// # Errors
    /// Malformed, or not 32 bits.
    pub fn from_value(value: &[u8]) -> Result<Self, ControlError> {
        let number = read_integer_value(Self::NAME, value)?;
        number
            .try_into()
            .map(SdFlags)
            .map_err(|_| ControlError::OutOfRange {
                control: Self::NAME,
                value: number,
            })
    }
}

/// The value of the extended DN control: how GUID and SID are written before a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExtendedDn {
    /// Stored bytes in hexadecimal, also what a control without a value means.
    #[default]
    Hex,
    /// The usual text forms.
    Text,
}

impl ExtendedDn {
    const NAME: &str = "extended DN";

    /// `SEQUENCE { flag INTEGER }`.
    pub fn to_value(self) -> Vec<u8> {
        integer_value(match self {
            ExtendedDn::Hex => 0,
            ExtendedDn::Text => 1,
        })
    }

    /// Reads the control's value, which may be absent.
    ///
    /// # Errors
    /// Malformed, or neither 0 nor 1.
    pub fn from_value(value: Option<&[u8]>) -> Result<Self, ControlError> {
        let Some(value) = value else {
            return Ok(ExtendedDn::Hex);
        };
        match read_integer_value(Self::NAME, value)? {
            0 => Ok(ExtendedDn::Hex),
            1 => Ok(ExtendedDn::Text),
            value => Err(ControlError::OutOfRange {
                control: Self::NAME,
                value,
            }),
        }
    }

    /// `<GUID=…>;<SID=…>;dn`, the SID only where the object has one.
    pub fn format(self, guid: Guid, sid: Option<&Sid>, dn: &str) -> String {
        let guid = match self {
            ExtendedDn::Hex => hex::encode(guid.to_le_bytes()),
            ExtendedDn::Text => guid.to_string(),
        };
        let sid = sid.map(|sid| match self {
            ExtendedDn::Hex => hex::encode(sid.to_bytes()),
            ExtendedDn::Text => sid.to_string(),
        });
        match sid {
            Some(sid) => format!("<GUID={guid}>;<SID={sid}>;{dn}"),
            None => format!("<GUID={guid}>;{dn}"),
        }
    }
}

bit_flags! {
    /// The value of the policy hints control.
    PolicyHints: i32 {
        /// A reset obeys the password history (Samba: and the minimum age).
        ENFORCE_HISTORY = 1;
    }
}

impl PolicyHints {
    const NAME: &str = "policy hints";

    /// `SEQUENCE { flags INTEGER }`.
    pub fn to_value(self) -> Vec<u8> {
        integer_value(self.0.into())
    }

    /// Reads the control's value.
    ///
    /// # Errors
    /// Malformed, or not 32 bits.
    pub fn from_value(value: Option<&[u8]>) -> Result<Self, ControlError> {
        let value = value.ok_or(ControlError::Missing { control: Self::NAME })?;
        let number = read_integer_value(Self::NAME, value)?;
        number
            .try_into()
            .map(PolicyHints)
            .map_err(|_| ControlError::OutOfRange {
                control: Self::NAME,
                value: number,
            })
    }
}

fn integer_value(value: i64) -> Vec<u8> {
    ber::sequence(|out| out.integer(value))
}

fn read_integer_value(control: &'static str, value: &[u8]) -> Result<i64, ControlError> {
    read_fields(control, value, Reader::integer)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oid;

    fn written(control: &Control) -> Vec<u8> {
        let mut writer = Writer::new();
        control.write(&mut writer);
        writer.as_slice().to_vec()
    }

    fn read(bytes: &[u8]) -> Result<Control, BerError> {
        Control::read(&mut Reader::new(bytes))
    }

    #[test]
    fn reference_controls() {
        let table = [
            (
                Control::new(oid::control::SHOW_DELETED, true),
                "301b0416312e322e3834302e3131333535362e312e342e3431370101ff",
            ),
            (
                Control::new(oid::control::SHOW_RECYCLED, true),
                "301c0417312e322e3834302e3131333535362e312e342e323036340101ff",
            ),
            (
                Control::new(oid::control::SD_FLAGS, true).with_value(SdFlags(7).to_value()),
                "30220416312e322e3834302e3131333535362e312e342e3830310101ff04053003020107",
            ),
            (
                Control::new(oid::control::POLICY_HINTS, false)
                    .with_value(PolicyHints::ENFORCE_HISTORY.to_value()),
                "30200417312e322e3834302e3131333535362e312e342e3232333904053003020101",
            ),
        ];
        for (control, bytes) in table {
            assert_eq!(hex::encode(written(&control)), bytes, "{}", control.oid);
            assert_eq!(read(&hex::decode(bytes).unwrap()), Ok(control));
        }
    }

    #[test]
    fn reference_values() {
        let page = PagedResults {
            size: 1000,
            cookie: Vec::new(),
        };
        assert_eq!(hex::encode(page.to_value()), "3006020203e80400");
        assert_eq!(PagedResults::from_value(&page.to_value()), Ok(page));
        let flags = SdFlags::OWNER | SdFlags::GROUP | SdFlags::DACL;
        assert_eq!(hex::encode(flags.to_value()), "3003020107");
        assert_eq!(SdFlags::from_value(&flags.to_value()), Ok(flags));
        let hints = PolicyHints::ENFORCE_HISTORY;
        assert_eq!(hex::encode(hints.to_value()), "3003020101");
        assert_eq!(PolicyHints::from_value(Some(&hints.to_value())), Ok(hints));
        assert!(PolicyHints::from_value(None).is_err());
    }

    #[test]
    fn extended_names() {
        let guid: Guid = "11223344-5566-7788-99aa-bbccddeeff00".parse().unwrap();
        let sid: Sid = "S-1-5-32-544".parse().unwrap();
        assert_eq!(
            ExtendedDn::Text.format(guid, Some(&sid), "CN=a"),
            "<GUID=11223344-5566-7788-99aa-bbccddeeff00>;<SID=S-1-5-32-544>;CN=a"
        );
        assert_eq!(
            ExtendedDn::Hex.format(guid, None, "CN=a"),
            "<GUID=443322116655887799aabbccddeeff00>;CN=a"
        );
        for form in [ExtendedDn::Hex, ExtendedDn::Text] {
            assert_eq!(ExtendedDn::from_value(Some(&form.to_value())), Ok(form));
        }
        assert_eq!(ExtendedDn::from_value(None), Ok(ExtendedDn::Hex));
        assert!(ExtendedDn::from_value(Some(&integer_value(2))).is_err());
    }

    #[test]
    fn cookies_at_the_limit() {
        let page = PagedResults {
            size: 1,
            cookie: vec![1; MAX_COOKIE_BYTES],
        };
        assert_eq!(PagedResults::from_value(&page.to_value()), Ok(page));
        let page = PagedResults {
            size: 1,
            cookie: vec![1; MAX_COOKIE_BYTES + 1],
        };
        assert!(matches!(
            PagedResults::from_value(&page.to_value()),
            Err(ControlError::TooLong {
                limit: MAX_COOKIE_BYTES,
                ..
            })
        ));
        let long = vec![0x30; MAX_CONTROL_BYTES + 1];
        assert!(matches!(
            PagedResults::from_value(&long),
            Err(ControlError::TooLong { .. })
        ));
    }

    #[test]
    fn wrong_values_are_refused() {
        assert!(PagedResults::from_value(&hex::decode("30060202ff010400").unwrap()).is_err());
        assert!(PagedResults::from_value(&hex::decode("3006020203e8040000").unwrap()).is_err());
        assert!(SdFlags::from_value(&integer_value(-1)).is_err());
        assert!(SdFlags::from_value(b"").is_err());
        let mut odd = Control::new("1.2", false);
        odd.oid = "abc".to_owned();
        assert_eq!(read(&written(&odd)), Err(BerError::Oid));
    }

    proptest! {
        #[test]
        fn controls_round_trip(critical: bool, value: Option<Vec<u8>>) {
            let control = Control { oid: oid::control::DIRSYNC.to_owned(), critical, value };
            prop_assert_eq!(read(&written(&control)), Ok(control));
        }

        #[test]
        fn any_bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(&bytes);
            let _ = PagedResults::from_value(&bytes);
            let _ = SdFlags::from_value(&bytes);
            let _ = ExtendedDn::from_value(Some(&bytes));
            let _ = PolicyHints::from_value(Some(&bytes));
        }
    }
}
