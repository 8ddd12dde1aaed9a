//! Searching: which objects, which of their attributes, and in what form.

pub(crate) mod constructed;
mod entry;
mod selection;
mod view;

use std::cell::RefCell;
use std::collections::BTreeMap;

use provlab_protocol::dn::Dn;

pub(crate) use entry::EntryWriter;
pub(crate) use selection::Selection;
pub(crate) use view::View;

use crate::database::Resolved;
use crate::directory::Directory;
use crate::filter::{self, Evaluator};
use crate::model::{
    Context, Cursor, Dnt, LdapError, Object, ResultCode, Scope, SearchOutcome, SearchRequest,
};

/// Most entries in one answer (`MaxPageSize` of the default query policy).
pub const MAX_PAGE_SIZE: usize = 1000;
/// Most values of one attribute in one entry (`MaxValRange` of the default query policy, PR 15.3).
pub const MAX_VALUE_RANGE: usize = 1500;

/// Answers a search without the DirSync control.
///
/// # Errors
/// The base does not exist or is in another naming context; the filter is over its limits.
pub(crate) fn search(
    directory: &Directory,
    context: &Context,
    request: &SearchRequest,
) -> Result<SearchOutcome, LdapError> {
    let prepared = Prepared::new(directory, context, request)?;
    let (limit, paged) = match &request.page {
        Some(page) => {
            let size = usize::try_from(page.size).unwrap_or(MAX_PAGE_SIZE);
            (size.min(MAX_PAGE_SIZE), true)
        }
        None => (MAX_PAGE_SIZE, false),
    };
    let limit = match usize::try_from(request.size_limit) {
        Ok(0) | Err(_) => limit,
        Ok(client) => limit.min(client),
    };
    let after = request
        .page
        .and_then(|page| page.after)
        .map_or(Dnt(0), |cursor| cursor.after);

    let mut outcome = SearchOutcome::default();
    let mut last = after;
    let mut more = false;
    for object in prepared.objects(after) {
        if !prepared.matches(object) {
            continue;
        }
        if outcome.entries.len() >= limit {
            more = true;
            break;
        }
        outcome.entries.push(prepared.writer.write(object)?);
        last = object.dnt;
    }
    if more && paged {
        outcome.next = Some(Cursor { after: last });
    } else if more {
        outcome.cut_short = Some(LdapError::new(ResultCode::SizeLimitExceeded, ""));
    }
    if !more {
        outcome.references = prepared.references();
    }
    Ok(outcome)
}

/// Compares an attribute of an object with a value.
///
/// # Errors
/// No such object, or the attribute is not in the schema, not on the object or not readable.
pub(crate) fn compare(
    directory: &Directory,
    context: &Context,
    dn: &Dn,
    attribute: &str,
    value: &[u8],
) -> Result<bool, LdapError> {
    let object = directory.locate(dn)?;
    let id = directory.attribute(attribute)?;
    let view = View::new(directory, context);
    if object.deleted || !view.sees(object) {
        return Err(LdapError::no_such_object(String::new()));
    }
    let readable = |id| view.reads(object, id);
    if directory.schema().def(id).secret || !readable(id) || !directory.database().has(object, id) {
        return Err(LdapError::attribute(
            ResultCode::NoSuchAttribute,
            0x2013,
            "1001 (NO_ATTRIBUTE_OR_VAL)",
            attribute,
        ));
    }
    let filter = filter::Filter::Equality {
        attribute: attribute.to_owned(),
        value: value.to_vec(),
    };
    Ok(Evaluator::new(directory, &filter).matches(object, &readable))
}

/// A search whose base, filter and attributes have been looked up.
struct Prepared<'a> {
    directory: &'a Directory,
    request: &'a SearchRequest,
    base: Option<&'a Object>,
    filter: Evaluator<'a>,
    writer: EntryWriter<'a>,
    /// Whether objects with this parent are below the base.
    within: RefCell<BTreeMap<Dnt, bool>>,
}

impl<'a> Prepared<'a> {
    fn new(
        directory: &'a Directory,
        context: &'a Context,
        request: &'a SearchRequest,
    ) -> Result<Self, LdapError> {
        if !request.filter.is_within_limits() {
            return Err(LdapError::new(
                ResultCode::AdminLimitExceeded,
                "00002024: SvcErr: the search filter has too many or too deeply nested terms",
            ));
        }
        if let Some(name) = request.filter.constructed_attribute() {
            return Err(LdapError::inappropriate_matching(name));
        }
        let view = View::new(directory, context);
        let base = if request.base.is_root() && request.all_naming_contexts {
            None
        } else {
            Some(find_base(&view, request)?)
        };
        let selection = Selection::read(&request.attributes)?;
        Ok(Self {
            directory,
            request,
            base,
            filter: Evaluator::new(directory, &request.filter),
            writer: EntryWriter::new(view, selection, request),
            within: RefCell::default(),
        })
    }

    /// The objects to look at after `after`, in the order of their tags.
    fn objects(&self, after: Dnt) -> Box<dyn Iterator<Item = &'a Object> + '_> {
        let directory = self.directory;
        match (self.request.scope, self.base) {
            (Scope::Base, base) => Box::new(base.into_iter().filter(move |o| o.dnt > after)),
            (Scope::OneLevel, None) => {
                let heads = directory.database().heads();
                Box::new(
                    heads
                        .into_iter()
                        .filter(move |dnt| *dnt > after)
                        .filter_map(|dnt| directory.get(dnt)),
                )
            }
            _ => match filter::candidates(directory, &self.filter) {
                Some(list) => {
                    let first = list.partition_point(|dnt| *dnt <= after);
                    Box::new(list.into_iter().skip(first).filter_map(|dnt| directory.get(dnt)))
                }
                None => match (self.request.scope, self.base) {
                    (Scope::OneLevel, Some(base)) => {
                        let mut children: Vec<_> = directory
                            .database()
                            .children(base.dnt)
                            .filter(|child| child.dnt > after)
                            .collect();
                        children.sort_unstable_by_key(|child| child.dnt);
                        Box::new(children.into_iter())
                    }
                    _ => Box::new(directory.database().iter_after(after)),
                },
            },
        }
    }

    fn matches(&self, object: &Object) -> bool {
        if object.deleted && !self.request.show_deleted {
            return false;
        }
        if !self.in_scope(object) || !self.writer.view().sees(object) {
            return false;
        }
        let readable = |id| self.writer.view().reads(object, id);
        self.filter.matches(object, &readable)
    }

    fn in_scope(&self, object: &Object) -> bool {
        let Some(base) = self.base else {
            return true;
        };
        match self.request.scope {
            Scope::Base => true,
            Scope::OneLevel => object.parent() == Some(base.dnt),
            Scope::Subtree => {
                object.dnt == base.dnt
                    || object
                        .parent()
                        .is_some_and(|parent| self.is_below(parent, base.dnt))
                    || (self.request.all_naming_contexts && self.is_below_by_name(object, base))
            }
        }
    }

    fn is_below(&self, parent: Dnt, base: Dnt) -> bool {
        *self
            .within
            .borrow_mut()
            .entry(parent)
            .or_insert_with(|| self.directory.database().is_within(parent, base))
    }

    /// Other naming contexts hang below the base by their names only.
    fn is_below_by_name(&self, object: &Object, base: &Object) -> bool {
        let database = self.directory.database();
        database.head_of(object.dnt).is_some_and(|head| {
            head != base.dnt && database.dn(head).is_descendant_of(&database.dn(base.dnt))
        })
    }

    /// The naming contexts directly below the one that was searched to its end (RFC 4511 4.5.3).
    fn references(&self) -> Vec<String> {
        let request = self.request;
        let (Some(base), Scope::Subtree) = (self.base, request.scope) else {
            return Vec::new();
        };
        if request.domain_scope || request.all_naming_contexts {
            return Vec::new();
        }
        let database = self.directory.database();
        let base_dn = database.dn(base.dnt);
        let own = database.head_of(base.dnt);
        let heads: Vec<(Dnt, Dn)> = database
            .heads()
            .into_iter()
            .map(|dnt| (dnt, database.dn(dnt)))
            .collect();
        heads
            .iter()
            .filter(|(dnt, dn)| {
                let enclosing = heads
                    .iter()
                    .filter(|(_, outer)| dn.is_descendant_of(outer))
                    .max_by_key(|(_, outer)| outer.rdns().len());
                Some(*dnt) != own && dn.is_descendant_of(&base_dn) && enclosing.map(|(dnt, _)| *dnt) == own
            })
            .map(|(_, dn)| format!("ldap://{}/{dn}", self.directory.identity().domain))
            .collect()
    }
}

fn find_base<'a>(view: &View<'a>, request: &SearchRequest) -> Result<&'a Object, LdapError> {
    let directory = view.directory;
    let base = directory.locate(&request.base)?;
    if (base.deleted && !request.show_deleted) || !view.sees(base) {
        let matched = match directory
            .database()
            .resolve(&request.base.parent().unwrap_or_default())
        {
            Resolved::Found(dnt) | Resolved::Below(dnt) => directory.database().dn_text(dnt),
            Resolved::Elsewhere => String::new(),
        };
        return Err(LdapError::no_such_object(matched));
    }
    Ok(base)
}
