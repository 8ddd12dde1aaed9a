//! Requests and answers of the directory core, free of any encoding.

use std::fmt;

use provlab_protocol::dirsync::DirSyncFlags;
use provlab_protocol::dn::Dn;

use super::error::LdapError;
use super::object::Dnt;
use super::value::Value;
use crate::filter::Filter;

/// How far below the base a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The base object alone.
    Base,
    /// The children of the base.
    OneLevel,
    /// The base and everything below it in its naming context.
    Subtree,
}

/// The form of names under the extended-DN control (PR 15.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedDn {
    /// GUID and SID in hexadecimal (option 0, and a control without a value).
    Hex,
    /// GUID and SID in their string forms (option 1).
    Text,
}

/// The paged-results control (RFC 2696).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// Entries per page; larger pages than the server's are cut to its own limit.
    pub size: u32,
    /// Where the page before ended, or `None` for the first page.
    pub after: Option<Cursor>,
}

/// Where a page ended. The connection keeps it and hands it back for the next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) after: Dnt,
}

/// The DirSync control (PR 15.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirSyncQuery {
    /// Behaviour.
    pub flags: DirSyncFlags,
    /// Upper limit of an answer's size in bytes; 0 leaves the choice to the server.
    pub max_bytes: u32,
    /// The cookie of the answer before, or empty for a full enumeration.
    pub cookie: Vec<u8>,
}

/// A search.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRequest {
    /// Where to begin; the empty name together with [`all_naming_contexts`](Self::all_naming_contexts) means everywhere.
    pub base: Dn,
    /// How far to go.
    pub scope: Scope,
    /// What to find.
    pub filter: Filter,
    /// Attributes asked for; empty means all.
    pub attributes: Vec<String>,
    /// Send names of attributes without values.
    pub types_only: bool,
    /// The client's size limit; 0 means none.
    pub size_limit: u32,
    /// The paged-results control.
    pub page: Option<PageQuery>,
    /// Show tombstones (PR 15.3).
    pub show_deleted: bool,
    /// Parts of `nTSecurityDescriptor` to return (SD flags control), or `None` without the control.
    pub sd_flags: Option<u32>,
    /// Extended names.
    pub extended_dn: Option<ExtendedDn>,
    /// The domain-scope control: no references to other naming contexts.
    pub domain_scope: bool,
    /// Search every naming context below the base, as the global catalog and the phantom-root search option do.
    pub all_naming_contexts: bool,
    /// The DirSync control.
    pub dir_sync: Option<DirSyncQuery>,
}

impl SearchRequest {
    /// A search without controls for every attribute.
    #[must_use]
    pub fn new(base: Dn, scope: Scope, filter: Filter) -> Self {
        Self {
            base,
            scope,
            filter,
            attributes: Vec::new(),
            types_only: false,
            size_limit: 0,
            page: None,
            show_deleted: false,
            sd_flags: None,
            extended_dn: None,
            domain_scope: false,
            all_naming_contexts: false,
            dir_sync: None,
        }
    }

    /// The same search for these attributes only.
    #[must_use]
    pub fn attributes(mut self, names: &[&str]) -> Self {
        self.attributes = names.iter().map(|&name| name.to_owned()).collect();
        self
    }
}

/// One entry of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The object's name, extended if that was asked for.
    pub dn: String,
    /// Attribute descriptions and values, in the order of the schema.
    pub attributes: Vec<(String, Vec<Value>)>,
}

impl Entry {
    /// The values of an attribute description, in any case.
    #[must_use]
    pub fn values(&self, name: &str) -> Option<&[Value]> {
        self.attributes
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, values)| values.as_slice())
    }

    /// The first value as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.values(name)?.first()?).ok()
    }
}

/// What the DirSync response control carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirSyncAnswer {
    /// Whether to ask again at once with the cookie.
    pub more_results: bool,
    /// The new cookie.
    pub cookie: Vec<u8>,
}

/// The answer to a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchOutcome {
    /// The entries found.
    pub entries: Vec<Entry>,
    /// References to naming contexts below the base; LDAP URLs.
    pub references: Vec<String>,
    /// Set when the answer was cut short, as by a size limit; the entries are valid all the same.
    pub cut_short: Option<LdapError>,
    /// Where the next page begins, or `None` after the last one.
    pub next: Option<Cursor>,
    /// The DirSync response.
    pub dir_sync: Option<DirSyncAnswer>,
}

/// An attribute as a client sends it. Its values may be a password, so debug output leaves them out.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its description.
    pub name: String,
    /// Its values.
    pub values: Vec<Vec<u8>>,
}

impl Attribute {
    /// An attribute with text values.
    #[must_use]
    pub fn new(name: &str, values: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            values: values.iter().map(|value| value.as_bytes().to_vec()).collect(),
        }
    }
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{} values]", self.name, self.values.len())
    }
}

/// An add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddRequest {
    /// The new object's name.
    pub dn: Dn,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

/// What a modification does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModifyOperation {
    /// Adds values.
    Add,
    /// Removes values, or all of them if none is named.
    Delete,
    /// Sets the values.
    Replace,
}

/// One step of a modify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modification {
    /// What to do.
    pub operation: ModifyOperation,
    /// To which attribute, with which values.
    pub attribute: Attribute,
}

/// A modify; all of it happens or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifyRequest {
    /// The object.
    pub dn: Dn,
    /// The steps, in order.
    pub modifications: Vec<Modification>,
    /// The permissive-modify control: adding what is there and deleting what is not is no error.
    pub permissive: bool,
    /// The policy-hints control with value 1: a password reset obeys history and minimum age (PR 16.1).
    pub policy_hints: bool,
    /// The SD flags control: which parts of a written `nTSecurityDescriptor` count.
    pub sd_flags: Option<u32>,
}

impl ModifyRequest {
    /// A modify of one step.
    #[must_use]
    pub fn single(dn: Dn, operation: ModifyOperation, attribute: Attribute) -> Self {
        Self {
            dn,
            modifications: vec![Modification { operation, attribute }],
            permissive: false,
            policy_hints: false,
            sd_flags: None,
        }
    }
}

/// A modify DN: a new relative name, a new place, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenameRequest {
    /// The object.
    pub dn: Dn,
    /// Its new relative name, such as `CN=Alice Smith`.
    pub new_rdn: String,
    /// Whether the old naming value goes away. Active Directory takes only true.
    pub delete_old_rdn: bool,
    /// Its new parent, or `None` to stay.
    pub new_superior: Option<Dn>,
}

/// A delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteRequest {
    /// The object.
    pub dn: Dn,
    /// The tree-delete control: everything below goes too.
    pub tree: bool,
}
