//! The paged searches that a connection has open (RFC 2696).

use std::collections::BTreeMap;

use super::limits::MAX_OPEN_PAGES;
use crate::model::{Cursor, SearchRequest};

/// Where paged searches stopped, by cookie.
#[derive(Debug, Default)]
pub(super) struct Pages {
    last: u64,
    open: BTreeMap<u64, (SearchRequest, Cursor)>,
}

impl Pages {
    /// Remembers where `request` goes on and gives it a cookie. The oldest search makes room for an eleventh.
    pub(super) fn put(&mut self, request: SearchRequest, cursor: Cursor) -> Vec<u8> {
        self.last += 1;
        self.open.insert(self.last, (request, cursor));
        if self.open.len() > MAX_OPEN_PAGES {
            self.open.pop_first();
        }
        self.last.to_be_bytes().to_vec()
    }

    /// Where the search with this cookie goes on, if it is the same search; the cookie is used up.
    pub(super) fn take(&mut self, cookie: &[u8], request: &SearchRequest) -> Option<Cursor> {
        let number = u64::from_be_bytes(cookie.try_into().ok()?);
        let (known, cursor) = self.open.remove(&number)?;
        (known == *request).then_some(cursor)
    }
}
