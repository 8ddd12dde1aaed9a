//! Attribute values in the form in which they travel over LDAP.

use std::sync::Arc;

use provlab_protocol::filetime::FileTime;

/// One attribute value as its LDAP wire bytes. Cheap to clone, so an answer shares it with the database.
///
/// Values of DN syntax are the exception: the database keeps the referenced object's tag and writes the name
/// when it is read, so that a rename reaches every reference.
pub type Value = Arc<[u8]>;

/// A text value.
#[must_use]
pub fn text(value: &str) -> Value {
    Arc::from(value.as_bytes())
}

/// An integer or large-integer value: its decimal digits.
#[must_use]
pub fn integer(value: i64) -> Value {
    text(&value.to_string())
}

/// A boolean value: `TRUE` or `FALSE`.
#[must_use]
pub fn boolean(value: bool) -> Value {
    text(if value { "TRUE" } else { "FALSE" })
}

/// A generalized-time value, `yyyyMMddHHmmss.0Z`. A time past the year 9999 reads as that year's end.
#[must_use]
pub fn generalized_time(value: FileTime) -> Value {
    text(
        value
            .to_generalized_time()
            .as_deref()
            .unwrap_or("99991231235959.0Z"),
    )
}
