//! Every LDAP message has the same envelope, whoever sends it (RFC 4511, 4.1.1).

use crate::ber::{self, BerError, Reader, Writer};
use crate::ldap_controls::Control;

/// Tags of the operations that a client asks for.
pub mod request {
    /// `BindRequest`.
    pub const BIND: u8 = 0x60;
    /// `UnbindRequest`.
    pub const UNBIND: u8 = 0x42;
    /// `SearchRequest`.
    pub const SEARCH: u8 = 0x63;
    /// `ModifyRequest`.
    pub const MODIFY: u8 = 0x66;
    /// `AddRequest`.
    pub const ADD: u8 = 0x68;
    /// `DelRequest`.
    pub const DELETE: u8 = 0x4a;
    /// `ModifyDNRequest`.
    pub const MODIFY_DN: u8 = 0x6c;
    /// `CompareRequest`.
    pub const COMPARE: u8 = 0x6e;
    /// `AbandonRequest`.
    pub const ABANDON: u8 = 0x50;
    /// `ExtendedRequest`.
    pub const EXTENDED: u8 = 0x77;
}

/// Tags of the operations that a server answers with.
pub mod answer {
    /// `BindResponse`.
    pub const BIND: u8 = 0x61;
    /// `SearchResultEntry`.
    pub const SEARCH_ENTRY: u8 = 0x64;
    /// `SearchResultDone`.
    pub const SEARCH_DONE: u8 = 0x65;
    /// `SearchResultReference`.
    pub const SEARCH_REFERENCE: u8 = 0x73;
    /// `ModifyResponse`.
    pub const MODIFY: u8 = 0x67;
    /// `AddResponse`.
    pub const ADD: u8 = 0x69;
    /// `DelResponse`.
    pub const DELETE: u8 = 0x6b;
    /// `ModifyDNResponse`.
    pub const MODIFY_DN: u8 = 0x6d;
    /// `CompareResponse`.
    pub const COMPARE: u8 = 0x6f;
    /// `ExtendedResponse`.
    pub const EXTENDED: u8 = 0x78;
    /// `IntermediateResponse`.
    pub const INTERMEDIATE: u8 = 0x79;
}

/// Tags of the choices of a filter (RFC 4511, 4.5.1.7).
pub mod filter {
    /// `and`.
    pub const AND: u8 = 0xa0;
    /// `or`.
    pub const OR: u8 = 0xa1;
    /// `not`.
    pub const NOT: u8 = 0xa2;
    /// `equalityMatch`.
    pub const EQUALITY: u8 = 0xa3;
    /// `substrings`.
    pub const SUBSTRINGS: u8 = 0xa4;
    /// `greaterOrEqual`.
    pub const GREATER_OR_EQUAL: u8 = 0xa5;
    /// `lessOrEqual`.
    pub const LESS_OR_EQUAL: u8 = 0xa6;
    /// `present`.
    pub const PRESENT: u8 = 0x87;
    /// `approxMatch`.
    pub const APPROX: u8 = 0xa8;
    /// `extensibleMatch`.
    pub const EXTENSIBLE: u8 = 0xa9;
}

/// `[0] simple` of a bind's credentials.
pub const SIMPLE: u8 = 0x80;
/// `[0] Controls` of a message.
pub const CONTROLS: u8 = 0xa0;

/// Puts a message whose operation `operation` writes.
pub fn write_message(
    writer: &mut Writer,
    id: i32,
    controls: &[Control],
    operation: impl FnOnce(&mut Writer),
) {
    writer.constructed(ber::SEQUENCE, |out| {
        if !controls.is_empty() {
            out.constructed(CONTROLS, |out| {
                controls.iter().rev().for_each(|control| control.write(out));
            });
        }
        operation(out);
        out.integer(id.into());
    });
}

/// The controls that may end a message.
///
/// # Errors
/// Malformed, or more than `most`.
pub fn read_controls(message: &mut Reader<'_>, most: usize) -> Result<Vec<Control>, BerError> {
    let Some(contents) = message.optional(CONTROLS)? else {
        return Ok(Vec::new());
    };
    let mut list = Reader::new(contents);
    let mut controls = Vec::new();
    while !list.is_empty() {
        if controls.len() == most {
            return Err(BerError::TooMany { limit: most });
        }
        controls.push(Control::read(&mut list)?);
    }
    Ok(controls)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_laid_out_as_the_protocol_says() {
        let mut writer = Writer::new();
        write_message(&mut writer, 5, &[], |out| out.element(request::UNBIND, &[]));
        assert_eq!(hex::encode(writer.as_slice()), "30050201054200");
    }

    #[test]
    fn controls_are_read_as_they_were_written_and_counted() {
        let controls: Vec<_> = (0..3)
            .map(|number| Control::new(&format!("1.{number}"), number == 1))
            .collect();
        let mut writer = Writer::new();
        write_message(&mut writer, 1, &controls, |out| out.element(request::UNBIND, &[]));
        let read = |most| {
            let mut message = Reader::new(writer.as_slice()).sequence().unwrap();
            message.integer().unwrap();
            message.element().unwrap();
            read_controls(&mut message, most)
        };
        assert_eq!(read(3), Ok(controls.clone()));
        assert_eq!(read(2), Err(BerError::TooMany { limit: 2 }));
    }
}
