//! The cloud side of a job: its objects, and their properties by the product's names (CS 5.10).

mod object;
mod property;

pub(super) use object::CloudObject;
pub(super) use property::{PROPERTIES, Property, Values, get, property, set};
