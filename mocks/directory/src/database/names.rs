//! Names: from distinguished names to objects and back.
//!
//! An object stores its relative name and its parent only, so renaming a container renames everything below it
//! at once and touches one row.

use provlab_protocol::dn::{Dn, Rdn};

use super::Database;
use super::index::relative_key;
use crate::model::{Dnt, ExtendedDn, Name, Object};
use crate::schema::{AttributeId, Schema};

/// More levels than any object can have: a walk up that is longer has met a cycle.
const MAX_DEPTH: usize = 512;

/// Where the search for a name ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// The object of that name.
    Found(Dnt),
    /// No such object; this is the nearest one above it.
    Below(Dnt),
    /// The name is in no naming context of this directory.
    Elsewhere,
}

impl Resolved {
    /// The object, if it was found.
    #[must_use]
    pub fn found(self) -> Option<Dnt> {
        match self {
            Self::Found(dnt) => Some(dnt),
            Self::Below(_) | Self::Elsewhere => None,
        }
    }
}

impl Database {
    /// Looks a name up.
    #[must_use]
    pub fn resolve(&self, dn: &Dn) -> Resolved {
        let rdns = dn.rdns();
        let mut suffix = dn.clone();
        let mut below = 0;
        let head = loop {
            if suffix.is_root() {
                return Resolved::Elsewhere;
            }
            if let Some(head) = self.indexes.heads.get(suffix.normalized().as_str()) {
                break *head;
            }
            let Some(parent) = suffix.parent() else {
                return Resolved::Elsewhere;
            };
            suffix = parent;
            below += 1;
        };
        let mut at = head;
        for rdn in rdns[..below].iter().rev() {
            match self.child(at, rdn) {
                Some(child) => at = child,
                None => return Resolved::Below(at),
            }
        }
        Resolved::Found(at)
    }

    /// The child of `parent` with this relative name.
    #[must_use]
    pub fn child(&self, parent: Dnt, rdn: &Rdn) -> Option<Dnt> {
        let schema = Schema::get();
        let attribute = schema.attribute(rdn.attribute())?;
        self.child_named(parent, attribute, rdn.value())
    }

    /// The child of `parent` with this relative name.
    #[must_use]
    pub fn child_named(&self, parent: Dnt, attribute: AttributeId, value: &str) -> Option<Dnt> {
        let key = (parent, relative_key(Schema::get(), attribute, value));
        self.indexes.children.get(&key).copied()
    }

    /// The children of an object in the order of their names, tombstones included.
    pub fn children(&self, parent: Dnt) -> impl Iterator<Item = &Object> {
        let end = Dnt(parent.0.saturating_add(1));
        self.indexes
            .children
            .range((parent, Box::from(""))..(end, Box::from("")))
            .filter_map(|(_, dnt)| self.get(*dnt))
    }

    /// The heads of the naming contexts in the order of their creation.
    #[must_use]
    pub fn heads(&self) -> Vec<Dnt> {
        let mut heads: Vec<_> = self.indexes.heads.values().copied().collect();
        heads.sort_unstable();
        heads
    }

    /// The object itself, its parent, its parent's parent and so on up to the head of the naming context.
    pub fn path(&self, dnt: Dnt) -> impl Iterator<Item = &Object> {
        std::iter::successors(self.get(dnt), |object| {
            object.parent().and_then(|parent| self.get(parent))
        })
        .take(MAX_DEPTH)
    }

    /// The head of the naming context that an object is in.
    #[must_use]
    pub fn head_of(&self, dnt: Dnt) -> Option<Dnt> {
        self.path(dnt).last().map(|object| object.dnt)
    }

    /// Whether `dnt` is `base` or below it.
    #[must_use]
    pub fn is_within(&self, dnt: Dnt, base: Dnt) -> bool {
        self.path(dnt).any(|object| object.dnt == base)
    }

    /// The distinguished name as text; empty if there is no such object.
    #[must_use]
    pub fn dn_text(&self, dnt: Dnt) -> String {
        let mut text = String::with_capacity(96);
        for object in self.path(dnt) {
            if !text.is_empty() {
                text.push(',');
            }
            write_relative(&mut text, &object.name);
        }
        text
    }

    /// The distinguished name.
    #[must_use]
    pub fn dn(&self, dnt: Dnt) -> Dn {
        self.dn_text(dnt).parse().unwrap_or_default()
    }

    /// The distinguished name, extended by GUID and SID if that is asked for (PR 15.3).
    #[must_use]
    pub fn name_text(&self, dnt: Dnt, form: Option<ExtendedDn>) -> String {
        let dn = self.dn_text(dnt);
        let (Some(form), Some(object)) = (form, self.get(dnt)) else {
            return dn;
        };
        let sid = object.first(Schema::get().known.object_sid);
        match form {
            ExtendedDn::Hex => {
                let guid = hex::encode(object.guid.to_le_bytes());
                match sid {
                    Some(sid) => format!("<GUID={guid}>;<SID={}>;{dn}", hex::encode(sid)),
                    None => format!("<GUID={guid}>;{dn}"),
                }
            }
            ExtendedDn::Text => {
                let sid = sid.and_then(|sid| provlab_protocol::sid::Sid::from_bytes(sid).ok());
                match sid {
                    Some(sid) => format!("<GUID={}>;<SID={sid}>;{dn}", object.guid),
                    None => format!("<GUID={}>;{dn}", object.guid),
                }
            }
        }
    }
}

/// The naming attribute as Active Directory prints it in names.
fn printed_naming_attribute(name: &str) -> String {
    match name {
        "cn" | "ou" | "dc" | "o" | "c" | "l" => name.to_ascii_uppercase(),
        _ => name.to_owned(),
    }
}

fn write_relative(text: &mut String, name: &Name) {
    match name {
        Name::Head(head) => text.push_str(head),
        Name::Child { attribute, value, .. } => {
            let printed = printed_naming_attribute(Schema::get().def(*attribute).name);
            if is_plain(value) {
                text.push_str(&printed);
                text.push('=');
                text.push_str(value);
            } else {
                match Rdn::new(&printed, value) {
                    Ok(rdn) => text.push_str(&rdn.to_string()),
                    Err(_) => text.push_str(&printed),
                }
            }
        }
    }
}

/// Whether a value needs no escapes; most do not, and printing them is the inner loop of every search.
fn is_plain(value: &str) -> bool {
    !value.starts_with([' ', '#'])
        && !value.ends_with(' ')
        && value
            .chars()
            .all(|c| !c.is_control() && !matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '='))
}
