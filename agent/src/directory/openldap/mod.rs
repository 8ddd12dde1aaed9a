//! OpenLDAP: content synchronization (RFC 4533) as the source of changes, entryUUID as the anchor.
//!
//! | Room | What it does |
//! |---|---|
//! | `attributes` | which attributes stand for those that the cloud asks for |
//! | `resource` | an entry as the cloud gets it |
//! | `refresh` | one answer to a synchronization request, taken in |
//! | `csn` | the numbers by which pages are cut |
//! | `pages` | a reading that is too large for one answer |
//! | `watermark` | the cookie and what is left to do |
//! | `session` | the session that puts them together |

mod attributes;
mod csn;
mod pages;
mod refresh;
mod resource;
mod session;
mod watermark;

pub use session::OpenLdap;
