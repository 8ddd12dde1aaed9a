//! What stands behind the `?` of a Graph request, parsed once for every collection.

mod filter;
mod lexer;
mod options;
mod page;

pub use filter::{Filter, MAX_FILTER_BYTES, MAX_FILTER_DEPTH, MAX_FILTER_TERMS};
pub(super) use options::{Order, QueryOptions};
pub(crate) use options::{form_pairs, percent_encode};
pub(super) use page::{Shape, check_properties, list, select};
