//! Evaluation with three truth values: a term on an attribute that is unknown, unreadable or malformed is neither
//! true nor false (RFC 4511 4.5.1.7).

use std::collections::BTreeSet;

use super::{Filter, rule};
use crate::database::{Database, reference_of};
use crate::directory::Directory;
use crate::model::{Dnt, Object};
use crate::schema::{AttributeDef, AttributeId, Comparable, Schema, Syntax, fold};

/// A filter made ready for one directory: names and values looked up once.
#[derive(Debug)]
pub struct Evaluator<'a> {
    directory: &'a Directory,
    pub(super) root: Term,
}

/// A term of a prepared filter.
#[derive(Debug)]
pub(super) enum Term {
    And(Vec<Term>),
    Or(Vec<Term>),
    Not(Box<Term>),
    Constant(Option<bool>),
    Present(AttributeId),
    Equal {
        attribute: AttributeId,
        key: Vec<u8>,
    },
    Refers {
        attribute: AttributeId,
        target: Dnt,
    },
    Order {
        attribute: AttributeId,
        greater: bool,
        value: Comparable,
    },
    Substrings {
        attribute: AttributeId,
        initial: Vec<u8>,
        any: Vec<Vec<u8>>,
        last: Vec<u8>,
    },
    Bits {
        attribute: AttributeId,
        mask: i64,
        all: bool,
    },
    /// One of these objects, found by following a chain of links.
    OneOf {
        attribute: AttributeId,
        objects: BTreeSet<Dnt>,
    },
}

impl<'a> Evaluator<'a> {
    /// Prepares a filter.
    #[must_use]
    pub fn new(directory: &'a Directory, filter: &Filter) -> Self {
        Self {
            directory,
            root: prepare(directory, filter),
        }
    }

    /// The truth of the filter for an object; `None` if it cannot be decided.
    ///
    /// `readable` says whether the caller may read an attribute of this object.
    pub fn evaluate(&self, object: &Object, readable: &dyn Fn(AttributeId) -> bool) -> Option<bool> {
        evaluate(self.directory.database(), &self.root, object, readable)
    }

    /// Whether the filter is true for an object.
    pub fn matches(&self, object: &Object, readable: &dyn Fn(AttributeId) -> bool) -> bool {
        self.evaluate(object, readable) == Some(true)
    }
}

fn prepare(directory: &Directory, filter: &Filter) -> Term {
    match filter {
        Filter::And(list) => Term::And(list.iter().map(|f| prepare(directory, f)).collect()),
        Filter::Or(list) => Term::Or(list.iter().map(|f| prepare(directory, f)).collect()),
        Filter::Not(inner) => Term::Not(Box::new(prepare(directory, inner))),
        Filter::Present(name) => with(directory, name, |attribute, _| {
            let known = &directory.schema().known;
            // Every object has these, whoever may read them (MS-ADTS 3.1.1.3.1.3.1).
            let always = [
                known.object_class,
                known.distinguished_name,
                known.name,
                known.object_guid,
            ];
            if always.contains(&attribute) {
                Term::Constant(Some(true))
            } else {
                Term::Present(attribute)
            }
        }),
        Filter::Equality { attribute, value } | Filter::Approx { attribute, value } => {
            if attribute.eq_ignore_ascii_case("anr") {
                return ambiguous_name(value);
            }
            with(directory, attribute, |id, def| {
                equality(directory, id, def, value)
            })
        }
        Filter::GreaterOrEqual { attribute, value } => order(directory, attribute, value, true),
        Filter::LessOrEqual { attribute, value } => order(directory, attribute, value, false),
        Filter::Substrings {
            attribute,
            initial,
            any,
            last,
        } => {
            if attribute.eq_ignore_ascii_case("anr") {
                return ambiguous_name(initial.as_deref().unwrap_or_default());
            }
            with(directory, attribute, |id, def| {
                substrings(id, def, initial.as_deref(), any, last.as_deref())
            })
        }
        Filter::Extensible {
            rule,
            attribute: Some(attribute),
            value,
            ..
        } => with(directory, attribute, |id, def| {
            extensible(directory, id, def, rule.as_deref(), value)
        }),
        // Active Directory's rules all need an attribute.
        Filter::Extensible { attribute: None, .. } => Term::Constant(None),
    }
}

/// A term on an attribute that is in the schema and is not made on request; anything else is undefined.
fn with(
    directory: &Directory,
    name: &str,
    term: impl FnOnce(AttributeId, &'static AttributeDef) -> Term,
) -> Term {
    let schema = directory.schema();
    match schema.attribute(name) {
        Some(id) if !schema.def(id).is_constructed() && !schema.def(id).secret => term(id, schema.def(id)),
        _ => Term::Constant(None),
    }
}

fn equality(directory: &Directory, id: AttributeId, def: &AttributeDef, value: &[u8]) -> Term {
    if def.syntax.is_reference() {
        return match reference_target(directory, id, value) {
            Some(Some(target)) => Term::Refers {
                attribute: id,
                target,
            },
            Some(None) => Term::Constant(Some(false)),
            None => Term::Constant(None),
        };
    }
    match def.syntax.key(value) {
        Some(key) => Term::Equal { attribute: id, key },
        None => Term::Constant(None),
    }
}

/// The object that an assertion names: `None` if it is malformed, `Some(None)` if there is no such object.
fn reference_target(directory: &Directory, id: AttributeId, value: &[u8]) -> Option<Option<Dnt>> {
    let text = std::str::from_utf8(value).ok()?;
    let schema = directory.schema();
    if id == schema.known.object_category && !text.contains('=') {
        // A class name stands for the class's default category.
        let class = schema.class(text)?;
        let name = format!(
            "CN={},{}",
            class.default_category,
            directory.identity().schema_dn()
        );
        return Some(directory.by_dn(&name.parse().ok()?).map(|object| object.dnt));
    }
    let name = match schema.def(id).syntax {
        Syntax::DnBinary => text.splitn(4, ':').nth(3)?,
        _ => text,
    };
    match directory.read_name(name) {
        Ok(dn) => Some(directory.by_dn(&dn).map(|object| object.dnt)),
        Err(error) if error.code == crate::model::ResultCode::NoSuchObject => Some(None),
        Err(_) => None,
    }
}

fn order(directory: &Directory, name: &str, value: &[u8], greater: bool) -> Term {
    with(directory, name, |attribute, def| {
        if def.syntax.is_reference() {
            return Term::Constant(None);
        }
        match def.syntax.comparable(value) {
            Some(value) => Term::Order {
                attribute,
                greater,
                value,
            },
            None => Term::Constant(None),
        }
    })
}

fn substrings(
    attribute: AttributeId,
    def: &AttributeDef,
    initial: Option<&[u8]>,
    any: &[Vec<u8>],
    last: Option<&[u8]>,
) -> Term {
    let part: fn(&[u8]) -> Vec<u8> = match def.syntax {
        Syntax::Unicode | Syntax::CaseIgnore | Syntax::Oid => fold,
        Syntax::CaseExact | Syntax::Ia5 | Syntax::Printable | Syntax::Numeric | Syntax::Octet => {
            <[u8]>::to_vec
        }
        _ => return Term::Constant(None),
    };
    Term::Substrings {
        attribute,
        initial: part(initial.unwrap_or_default()),
        any: any.iter().map(|text| part(text)).collect(),
        last: part(last.unwrap_or_default()),
    }
}

fn extensible(
    directory: &Directory,
    id: AttributeId,
    def: &AttributeDef,
    rule: Option<&str>,
    value: &[u8],
) -> Term {
    let bits = |all| match def.syntax.number(value) {
        Some(mask) => Term::Bits {
            attribute: id,
            mask,
            all,
        },
        None => Term::Constant(None),
    };
    match rule {
        Some(rule::BIT_AND) => bits(true),
        Some(rule::BIT_OR) => bits(false),
        Some(rule::IN_CHAIN) if def.link_id != 0 && def.syntax == Syntax::Dn => {
            match reference_target(directory, id, value) {
                Some(Some(target)) => Term::OneOf {
                    attribute: id,
                    objects: chain(directory.database(), id, target),
                },
                Some(None) => Term::Constant(Some(false)),
                None => Term::Constant(None),
            }
        }
        None => equality(directory, id, def, value),
        Some(_) => Term::Constant(None),
    }
}

/// The objects from which `target` is reached by following `attribute`. Visiting each object once makes cycles harmless.
fn chain(database: &Database, attribute: AttributeId, target: Dnt) -> BTreeSet<Dnt> {
    let schema = Schema::get();
    let mut found = BTreeSet::new();
    let mut open = vec![target];
    while let Some(at) = open.pop() {
        let next: Vec<Dnt> = match schema.link_partner(attribute) {
            Some(forward) if schema.def(attribute).is_back_link() => database
                .links(at, forward)
                .filter(|(_, value)| value.present)
                .map(|(target, _)| target)
                .collect(),
            _ => database.linked_from(at, attribute).collect(),
        };
        for dnt in next {
            if found.insert(dnt) {
                open.push(dnt);
            }
        }
    }
    found
}

/// Ambiguous name resolution (MS-ADTS 3.1.1.3.1.3.2): any of the name attributes begins with the text, or, for two
/// words, one is the given name and the other the surname.
fn ambiguous_name(value: &[u8]) -> Term {
    let schema = Schema::get();
    let starts = |attribute, text: &[u8]| Term::Substrings {
        attribute,
        initial: fold(text),
        any: Vec::new(),
        last: Vec::new(),
    };
    let exact = value.strip_prefix(b"=");
    let mut terms: Vec<Term> = schema
        .attributes()
        .filter(|(_, def)| def.is_anr() && def.syntax == Syntax::Unicode && !def.secret)
        .map(|(id, _)| match exact {
            Some(text) => Term::Equal {
                attribute: id,
                key: fold(text),
            },
            None => starts(id, value),
        })
        .collect();
    if let Some(space) = value.iter().position(|byte| *byte == b' ') {
        let (first, second) = (&value[..space], &value[space + 1..]);
        let (given, surname) = (schema.known.given_name, schema.known.sn);
        terms.push(Term::And(vec![starts(given, first), starts(surname, second)]));
        terms.push(Term::And(vec![starts(given, second), starts(surname, first)]));
    }
    Term::Or(terms)
}

fn evaluate(
    database: &Database,
    term: &Term,
    object: &Object,
    readable: &dyn Fn(AttributeId) -> bool,
) -> Option<bool> {
    match term {
        Term::Constant(truth) => *truth,
        Term::And(list) => {
            let mut truth = Some(true);
            for term in list {
                match evaluate(database, term, object, readable) {
                    Some(false) => return Some(false),
                    None => truth = None,
                    Some(true) => {}
                }
            }
            truth
        }
        Term::Or(list) => {
            let mut truth = Some(false);
            for term in list {
                match evaluate(database, term, object, readable) {
                    Some(true) => return Some(true),
                    None => truth = None,
                    Some(false) => {}
                }
            }
            truth
        }
        Term::Not(inner) => evaluate(database, inner, object, readable).map(|truth| !truth),
        Term::Present(attribute) => Some(database.has(object, *attribute) && readable(*attribute)),
        Term::Equal { attribute, key } => {
            let syntax = Schema::get().def(*attribute).syntax;
            any_value(database, object, *attribute, readable, |value| {
                syntax.key(value).is_some_and(|found| found == *key)
            })
        }
        Term::Refers { attribute, target } => {
            readable(*attribute).then(|| refers(database, object, *attribute, *target))
        }
        Term::OneOf { attribute, objects } => readable(*attribute).then(|| objects.contains(&object.dnt)),
        Term::Order {
            attribute,
            greater,
            value,
        } => {
            let syntax = Schema::get().def(*attribute).syntax;
            any_value(database, object, *attribute, readable, |found| {
                syntax.comparable(found).is_some_and(|found| {
                    if *greater {
                        found >= *value
                    } else {
                        found <= *value
                    }
                })
            })
        }
        Term::Bits { attribute, mask, all } => any_value(database, object, *attribute, readable, |found| {
            let syntax = Schema::get().def(*attribute).syntax;
            syntax.number(found).is_some_and(|found| {
                if *all {
                    found & mask == *mask
                } else {
                    found & mask != 0
                }
            })
        }),
        Term::Substrings {
            attribute,
            initial,
            any,
            last,
        } => {
            let syntax = Schema::get().def(*attribute).syntax;
            any_value(database, object, *attribute, readable, |value| {
                syntax
                    .key(value)
                    .is_some_and(|text| contains_parts(&text, initial, any, last))
            })
        }
    }
}

fn any_value(
    database: &Database,
    object: &Object,
    attribute: AttributeId,
    readable: &dyn Fn(AttributeId) -> bool,
    wanted: impl Fn(&[u8]) -> bool,
) -> Option<bool> {
    if !readable(attribute) {
        return None;
    }
    let values = database.values(object, attribute, None);
    Some(values.iter().any(|value| wanted(value)))
}

fn refers(database: &Database, object: &Object, attribute: AttributeId, target: Dnt) -> bool {
    let schema = Schema::get();
    let def = schema.def(attribute);
    let linked = |source, attribute, target| {
        database
            .link(crate::model::LinkKey {
                source,
                attribute,
                target,
            })
            .is_some_and(|value| value.present)
    };
    if def.syntax == Syntax::Dn && def.is_forward_link() {
        return linked(object.dnt, attribute, target);
    }
    match schema.link_partner(attribute) {
        Some(forward) if def.is_back_link() => linked(target, forward, object.dnt),
        _ if attribute == schema.known.distinguished_name => object.dnt == target,
        _ => object
            .stored(attribute)
            .iter()
            .any(|value| reference_of(value) == Some(target)),
    }
}

/// Whether `text` begins with `initial`, contains `any` in this order, and ends with `last`, without overlaps.
fn contains_parts(text: &[u8], initial: &[u8], any: &[Vec<u8>], last: &[u8]) -> bool {
    let Some(mut rest) = text.strip_prefix(initial) else {
        return false;
    };
    for part in any {
        match find(rest, part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::contains_parts;

    #[test]
    fn parts_are_found_in_order_without_overlap() {
        let text = b"university of michigan";
        assert!(contains_parts(text, b"univ", &[b"of".to_vec()], b"igan"));
        assert!(contains_parts(text, b"", &[], b""));
        assert!(!contains_parts(
            text,
            b"univ",
            &[b"of".to_vec(), b"city".to_vec()],
            b""
        ));
        assert!(!contains_parts(b"aba", b"ab", &[], b"ba"));
        assert!(contains_parts(b"abab", b"ab", &[], b"ab"));
    }
}
