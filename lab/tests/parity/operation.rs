//! What a case asks of a server, as data.

pub use ldap3::Scope;
use ldap3::controls::RawControl;

/// One LDAP operation. `V` is a value: bytes, or the text of a case that becomes bytes.
#[derive(Clone, Debug)]
pub enum Operation<V = Vec<u8>> {
    Bind {
        name: String,
        password: String,
    },
    Add {
        dn: String,
        attributes: Vec<(String, Vec<V>)>,
    },
    Modify {
        dn: String,
        changes: Vec<Change<V>>,
    },
    Delete {
        dn: String,
    },
    Rename {
        dn: String,
        new_rdn: String,
        keep_old: bool,
        superior: Option<String>,
    },
    Compare {
        dn: String,
        attribute: String,
        value: V,
    },
    Search(Search),
    Extended {
        oid: String,
    },
}

/// One modification.
#[derive(Clone, Debug)]
pub struct Change<V = Vec<u8>> {
    pub kind: ChangeKind,
    pub attribute: String,
    pub values: Vec<V>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Add,
    Delete,
    Replace,
}

/// A search; the filter is in the string form of RFC 4515.
#[derive(Clone, Debug)]
pub struct Search {
    pub base: String,
    pub scope: Scope,
    pub filter: String,
    pub attributes: Vec<String>,
    pub size_limit: i32,
    pub types_only: bool,
}

/// An operation and its controls.
#[derive(Clone, Debug)]
pub struct Request {
    pub operation: Operation,
    pub controls: Vec<RawControl>,
}

impl From<Operation> for Request {
    fn from(operation: Operation) -> Self {
        Self {
            operation,
            controls: Vec::new(),
        }
    }
}
