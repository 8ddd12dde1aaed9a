//! A reading in pages: cut by the number of each object's last change, so that any agent can give the next page.

use std::collections::VecDeque;

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

/// Pages that are read by one search.
const PAGES_AT_ONCE: usize = 16;

/// One page of a reading.
enum Page {
    Whole(Vec<Entry>),
    TooMany,
}

impl Page {
    fn of(entries: Vec<Entry>, most: usize) -> Self {
        if entries.len() > most {
            Self::TooMany
        } else {
            Self::Whole(entries)
        }
    }
}

/// Pages that were read before they were asked for. A memory of the session only: whoever has none reads them again, and what
/// changed since is told by the refresh that follows the reading.
#[derive(Default)]
pub(super) struct Ahead {
    kinds: Vec<ResourceType>,
    attributes: Vec<String>,
    pages: VecDeque<(Option<Csn>, Csn, Vec<Entry>)>,
}

impl Ahead {
    /// Sorts entries into the pages that end at these bounds.
    fn cut(from: Option<Csn>, ends: &[Csn], asked: &Asked<'_>, entries: Vec<Entry>) -> Self {
        let begins = std::iter::once(from).chain(ends.iter().map(|end| Some(end.next())));
        let mut pages: VecDeque<_> = begins
            .zip(ends)
            .map(|(begin, end)| (begin, *end, Vec::new()))
            .collect();
        for entry in entries {
            let number = entry.text(CHANGE_NUMBER).and_then(Csn::parse);
            let index = number.map_or(0, |number| ends.partition_point(|end| *end < number));
            if let Some((.., page)) = pages.get_mut(index) {
                page.push(entry);
            }
        }
        Self {
            kinds: asked.kinds.to_vec(),
            attributes: asked.read.clone(),
            pages,
        }
    }

    /// The entries of this page, if they are what comes next.
    fn take(&mut self, from: Option<Csn>, to: Option<Csn>, asked: &Asked<'_>) -> Option<Vec<Entry>> {
        let (begin, end, _) = self.pages.front()?;
        let same = *begin == from && Some(*end) == to;
        if !same || self.kinds != asked.kinds || self.attributes != asked.read {
            return None;
        }
        self.pages.pop_front().map(|(.., entries)| entries)
    }
}

impl OpenLdap {
    /// The objects between two numbers, if they are no more than `most`.
    async fn between(
        &mut self,
        from: Option<Csn>,
        to: Option<Csn>,
        asked: &Asked<'_>,
        most: usize,
    ) -> Result<Page, DirectoryError> {
        let size = u32::try_from(most).unwrap_or(u32::MAX).saturating_add(1);
        let search = self.search(changed_between(asked.kinds, from, to), &asked.read);
        let paged = PagedResults {
            size,
            cookie: Vec::new(),
        };
        let control = Control::new(oid::control::PAGED_RESULTS, true).with_value(paged.to_value());
        let (entries, _) = self.connection.search_with(&search, &[control]).await?;
        Ok(Page::of(entries, most))
    }

    /// The objects of the page that ends at the first bound. Reads some pages more at once and keeps them for the next requests:
    /// the server goes through its whole index for every search by numbers.
    async fn page(
        &mut self,
        from: Option<Csn>,
        bounds: &[Csn],
        asked: &Asked<'_>,
        limit: usize,
    ) -> Result<Page, DirectoryError> {
        let to = bounds.first().copied();
        if let Some(entries) = self.ahead.take(from, to, asked) {
            return Ok(Page::of(entries, limit));
        }
        let ends = &bounds[..bounds.len().min(PAGES_AT_ONCE)];
        if let [_, .., reach] = ends
            && let Page::Whole(entries) = self
                .between(from, Some(*reach), asked, limit.saturating_mul(ends.len()))
                .await?
        {
            self.ahead = Ahead::cut(from, ends, asked, entries);
            let first = self.ahead.take(from, to, asked).unwrap_or_default();
            return Ok(Page::of(first, limit));
        }
        self.between(from, to, asked, limit).await
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
            match self.page(from, &bounds, asked, limit).await? {
                Page::TooMany => {
                    self.ahead = Ahead::default();
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
    use crate::directory::ldap::Attribute;

    fn numbers(count: u32) -> Vec<Csn> {
        let number = |count| Csn::parse(&format!("20261123054523.{count:06}Z#000000#000#000000"));
        (0..count).rev().map(|count| number(count).unwrap()).collect()
    }

    fn entry(number: &Csn) -> Entry {
        Entry {
            dn: number.to_string(),
            attributes: vec![Attribute::text(CHANGE_NUMBER, &[&number.to_string()])],
        }
    }

    #[test]
    fn pages_that_were_read_ahead_are_taken_in_their_order() {
        let asked = Asked::new(&[ResourceType::User], &["cn".to_owned()]);
        let mut all = numbers(4);
        let entries: Vec<_> = all.iter().map(entry).collect();
        all.sort_unstable();
        let (ends, first) = ([all[1], all[3]], &all[..2]);
        let mut ahead = Ahead::cut(None, &ends, &asked, entries);
        let names = |entries: Vec<Entry>| {
            let mut names: Vec<_> = entries.into_iter().map(|entry| entry.dn).collect();
            names.sort();
            names
        };
        let told = |numbers: &[Csn]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(ahead.take(None, None, &asked), None, "another page");
        let other = Asked::new(&[ResourceType::Group], &["cn".to_owned()]);
        assert_eq!(ahead.take(None, Some(ends[0]), &other), None, "another question");
        assert_eq!(
            names(ahead.take(None, Some(ends[0]), &asked).unwrap()),
            told(first)
        );
        let begin = Some(ends[0].next());
        assert_eq!(
            names(ahead.take(begin, Some(ends[1]), &asked).unwrap()),
            told(&all[2..])
        );
        assert_eq!(
            ahead.take(begin, Some(ends[1]), &asked),
            None,
            "each page is given once"
        );
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
