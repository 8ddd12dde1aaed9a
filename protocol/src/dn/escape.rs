//! A printed value must parse back to itself and look as AD prints it.

use std::fmt::{self, Write};

/// Characters that AD escapes with a backslash wherever they stand.
pub(super) const SPECIAL: &[char] = &[',', '+', '"', '\\', '<', '>', ';', '='];

/// Writes a value with the escapes of RFC 4514; control characters as hex pairs, so a line feed is `\0A`.
pub(super) fn write_escaped(out: &mut impl Write, value: &str) -> fmt::Result {
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        let at_edge = c == ' ' && (at == 0 || at == last) || c == '#' && at == 0;
        if at_edge || SPECIAL.contains(&c) {
            write!(out, "\\{c}")?;
        } else if c.is_ascii_control() {
            write!(out, "\\{:02X}", u32::from(c))?;
        } else {
            out.write_char(c)?;
        }
    }
    Ok(())
}
