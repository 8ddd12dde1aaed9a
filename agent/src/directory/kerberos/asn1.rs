//! ASN.1 of RFC 4120: every field carries a tag of its own, so that a reader finds fields by number.

use provlab_protocol::ber::{self, BerError, Reader, Writer};
use time::{OffsetDateTime, PrimitiveDateTime};

/// `GeneralString`, the type of every Kerberos string.
const GENERAL_STRING: u8 = 0x1b;
/// `GeneralizedTime`.
const GENERALIZED_TIME: u8 = 0x18;
/// `BIT STRING`.
const BIT_STRING: u8 = 0x03;
/// `OBJECT IDENTIFIER`.
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
/// Constructed, class APPLICATION.
const APPLICATION: u8 = 0x60;
/// Constructed, class CONTEXT.
const CONTEXT: u8 = 0xa0;

/// The tag of `[APPLICATION number]`, for numbers below 31.
pub(super) const fn application(number: u8) -> u8 {
    APPLICATION | number
}

/// Puts field `[number]`.
pub(super) fn field(out: &mut Writer, number: u8, fill: impl FnOnce(&mut Writer)) {
    out.constructed(CONTEXT | number, fill);
}

/// Puts `[APPLICATION number] SEQUENCE`.
pub(super) fn message(number: u8, fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut out = Writer::new();
    out.constructed(application(number), |out| out.constructed(ber::SEQUENCE, fill));
    out.as_slice().to_vec()
}

/// Puts a KerberosString.
pub(super) fn text(out: &mut Writer, value: &str) {
    out.element(GENERAL_STRING, value.as_bytes());
}

/// Puts a KerberosTime, `19700101000000Z`.
pub(super) fn moment(out: &mut Writer, value: OffsetDateTime) {
    let value = value.to_offset(time::UtcOffset::UTC);
    let digits = format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}Z",
        value.year(),
        u8::from(value.month()),
        value.day(),
        value.hour(),
        value.minute(),
        value.second()
    );
    out.element(GENERALIZED_TIME, digits.as_bytes());
}

/// Puts KerberosFlags: 32 bits.
pub(super) fn flags(out: &mut Writer, value: u32) {
    let [a, b, c, d] = value.to_be_bytes();
    out.element(BIT_STRING, &[0, a, b, c, d]);
}

/// Copies an element that is there already.
pub(super) fn raw(out: &mut Writer, element: &[u8]) {
    let mut reader = Reader::new(element);
    if let Ok((tag, contents)) = reader.element() {
        out.element(tag, contents);
    }
}

/// A SEQUENCE whose fields are looked up by number.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(Reader<'a>);

impl<'a> Fields<'a> {
    /// The fields of a SEQUENCE that was opened already.
    pub(super) fn of(sequence: Reader<'a>) -> Self {
        Self(sequence)
    }

    /// The fields of `[APPLICATION number] SEQUENCE`.
    pub(super) fn of_message(bytes: &'a [u8], number: u8) -> Result<Self, BerError> {
        Self::of_sequence(Reader::new(bytes).expect(application(number))?)
    }

    /// The fields of a SEQUENCE; what follows it is not looked at (some ciphers pad).
    pub(super) fn of_sequence(bytes: &'a [u8]) -> Result<Self, BerError> {
        Reader::new(bytes).sequence().map(Self)
    }

    /// Contents of field `[number]` if it is there.
    pub(super) fn optional(&self, number: u8) -> Result<Option<&'a [u8]>, BerError> {
        let mut reader = self.0;
        while !reader.is_empty() {
            let (tag, contents) = reader.element()?;
            if tag == CONTEXT | number {
                return Ok(Some(contents));
            }
        }
        Ok(None)
    }

    /// Contents of field `[number]`.
    pub(super) fn get(&self, number: u8) -> Result<&'a [u8], BerError> {
        let missing = BerError::Tag {
            wanted: CONTEXT | number,
            found: 0,
        };
        self.optional(number)?.ok_or(missing)
    }

    /// The OCTET STRING in field `[number]`.
    pub(super) fn octets(&self, number: u8) -> Result<&'a [u8], BerError> {
        Reader::new(self.get(number)?).octets()
    }

    /// The INTEGER in field `[number]`.
    pub(super) fn integer(&self, number: u8) -> Result<i64, BerError> {
        Reader::new(self.get(number)?).integer()
    }

    /// The KerberosTime in field `[number]`.
    pub(super) fn moment(&self, number: u8) -> Result<OffsetDateTime, BerError> {
        let digits = Reader::new(self.get(number)?).expect(GENERALIZED_TIME)?;
        let format = time::macros::format_description!("[year][month][day][hour][minute][second]Z");
        let digits = std::str::from_utf8(digits).map_err(|_| BerError::Text)?;
        PrimitiveDateTime::parse(digits, format)
            .map(PrimitiveDateTime::assume_utc)
            .map_err(|_| BerError::Text)
    }

    /// The fields of the SEQUENCE in field `[number]`.
    pub(super) fn nested(&self, number: u8) -> Result<Self, BerError> {
        Self::of_sequence(self.get(number)?)
    }
}

/// The next KerberosString.
pub(super) fn string<'a>(reader: &mut Reader<'a>) -> Result<&'a str, BerError> {
    std::str::from_utf8(reader.expect(GENERAL_STRING)?).map_err(|_| BerError::Text)
}

/// An unsigned 32-bit number, which some implementations write as a negative one.
pub(super) fn unsigned(contents: &[u8]) -> Result<u32, BerError> {
    let value = Reader::new(contents).integer()?;
    u32::try_from(value)
        .or_else(|_| i32::try_from(value).map(i32::cast_unsigned))
        .map_err(|_| BerError::Number)
}
