//! A reading in pages: cut by the number of each object's last change, so that any agent can give the next page.

use provlab_protocol::ldap_controls::{Control, PagedResults};
use provlab_protocol::oid;
use provlab_protocol::scim::{MAX_COUNT, ResourceType};

use super::attributes::CHANGE_NUMBER;
use super::csn::Csn;
use super::resource::filter_of;
use super::session::{Asked, OpenLdap};
use super::watermark::{MAX_BOUNDS, Work};
use crate::directory::DirectoryError;
use crate::directory::ldap::{Entry, Filter};

/// One page of a reading.
enum Page {
    Whole(Vec<Entry>),
    TooMany,
}

impl OpenLdap {
    /// The objects of one page, if they are no more than `limit`.
    async fn page(
        &mut self,
        from: Option<Csn>,
        to: Option<Csn>,
        asked: &Asked<'_>,
        limit: usize,
    ) -> Result<Page, DirectoryError> {
        let size = u32::try_from(limit).unwrap_or(u32::MAX).saturating_add(1);
        let search = self.search(changed_between(asked.kinds, from, to), &asked.read);
        let paged = PagedResults {
            size,
            cookie: Vec::new(),
        };
        let control = Control::new(oid::control::PAGED_RESULTS, true).with_value(paged.to_value());
        let (entries, _) = self.connection.search_with(&search, &[control]).await?;
        Ok(if entries.len() > limit {
            Page::TooMany
        } else {
            Page::Whole(entries)
        })
    }

    /// Where to cut a reading that is too large for one page: looks at the change numbers alone.
    async fn bounds_between(
        &mut self,
        from: Option<Csn>,
        to: Option<Csn>,
        asked: &Asked<'_>,
        limit: usize,
    ) -> Result<Vec<Csn>, DirectoryError> {
        let search = self.search(
            changed_between(asked.kinds, from, to),
            &[CHANGE_NUMBER.to_owned()],
        );
        let (mut numbers, mut unnumbered) = (Vec::new(), false);
        let mut each = |entry: Entry| match entry.text(CHANGE_NUMBER).and_then(Csn::parse) {
            Some(number) => numbers.push(number),
            None => unnumbered = true,
        };
        self.connection.search_each(&search, &[], &mut each).await?;
        if unnumbered {
            return Err(
                self.nonsense("an object without entryCSN; the agent's account has to be allowed to read it")
            );
        }
        Ok(bounds(numbers, limit))
    }

    /// Reads the next page, cutting what is too large; gives the entries and where the reading goes on.
    pub(super) async fn read(
        &mut self,
        mut from: Option<Csn>,
        mut bounds: Vec<Csn>,
        asked: &Asked<'_>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Work), DirectoryError> {
        let mut limit = limit;
        loop {
            let to = bounds.first().copied();
            match self.page(from, to, asked, limit).await? {
                Page::TooMany => {
                    let mut cut = self.bounds_between(from, to, asked, limit).await?;
                    if cut.is_empty() {
                        // All have one change number: they come at once or not at all.
                        limit = self.whole_or_nothing(limit)?;
                    }
                    let room = MAX_BOUNDS.saturating_sub(cut.len());
                    bounds.truncate(room);
                    cut.append(&mut bounds);
                    bounds = cut;
                }
                Page::Whole(entries) => {
                    let Some(to) = to else {
                        return Ok((entries, Work::Idle));
                    };
                    bounds.remove(0);
                    from = Some(to.next());
                    if !entries.is_empty() {
                        return Ok((entries, Work::Reading { from, bounds }));
                    }
                }
            }
        }
    }

    fn whole_or_nothing(&self, limit: usize) -> Result<usize, DirectoryError> {
        let most = usize::try_from(MAX_COUNT).unwrap_or(usize::MAX);
        if limit < most {
            return Ok(most);
        }
        Err(self.nonsense(&format!("more than {most} objects with one entryCSN")))
    }
}

/// Objects of these kinds whose last change lies between two numbers, both included.
fn changed_between(kinds: &[ResourceType], from: Option<Csn>, to: Option<Csn>) -> Filter {
    let number = |number: Csn| number.to_string().into_bytes();
    let mut all = vec![filter_of(kinds)];
    all.extend(from.map(|from| Filter::AtLeast(CHANGE_NUMBER.to_owned(), number(from))));
    all.extend(to.map(|to| Filter::AtMost(CHANGE_NUMBER.to_owned(), number(to))));
    Filter::And(all)
}

/// The ends of pages of `limit` objects each but the last, which is open; larger ones where there would be too many.
fn bounds(mut numbers: Vec<Csn>, limit: usize) -> Vec<Csn> {
    numbers.sort_unstable();
    let stride = limit.max(numbers.len().div_ceil(MAX_BOUNDS)).max(1);
    let last = numbers.last().copied();
    let mut bounds: Vec<_> = numbers
        .chunks_exact(stride)
        .filter_map(|page| page.last().copied())
        .filter(|bound| Some(*bound) != last)
        .collect();
    bounds.dedup();
    bounds
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn numbers(count: u32) -> Vec<Csn> {
        let number = |count| Csn::parse(&format!("20261123054523.{count:06}Z#000000#000#000000"));
        (0..count).rev().map(|count| number(count).unwrap()).collect()
    }

    #[test]
    fn readings_are_cut_into_pages_of_the_asked_size() {
        assert_eq!(bounds(numbers(0), 2), []);
        assert_eq!(bounds(numbers(2), 2), []);
        let cut: Vec<_> = bounds(numbers(5), 2).iter().map(ToString::to_string).collect();
        assert_eq!(
            cut,
            [
                "20261123054523.000001Z#000000#000#000000",
                "20261123054523.000003Z#000000#000#000000"
            ]
        );
        let same = vec![numbers(1)[0]; 9];
        assert_eq!(bounds(same, 2), [], "what has one number cannot be cut");
    }

    #[test]
    fn more_pages_than_a_watermark_holds_become_larger_pages() {
        let many = numbers(u32::try_from(MAX_BOUNDS).unwrap() * 3);
        assert!(bounds(many.clone(), 1).len() <= MAX_BOUNDS);
        assert_eq!(bounds(many, 3).len(), MAX_BOUNDS - 1);
    }
}
