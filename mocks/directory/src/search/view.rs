//! What the caller of an operation can see, remembered from one object to the next.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::access::{self, Checker, Right};
use crate::directory::Directory;
use crate::model::{Context, Dnt, Object, Value};
use crate::schema::{AttributeId, Schema};

/// Answers access questions for one operation.
///
/// Access follows from the descriptor, the parent and the class, which most neighbours have in common; so the
/// answers for one object mostly hold for the next.
pub(crate) struct View<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) context: &'a Context,
    checker: Checker<'a>,
    listable: RefCell<BTreeMap<Dnt, bool>>,
    last: RefCell<Option<Alike>>,
}

/// What objects with the same access have in common, and what is known about them.
struct Alike {
    dnt: Dnt,
    parent: Option<Dnt>,
    is_self: bool,
    common: [Option<Value>; 3],
    reads: Vec<Option<bool>>,
    descriptor: Option<Value>,
}

impl Alike {
    fn of(directory: &Directory, context: &Context, object: &Object) -> Self {
        let known = &Schema::get().known;
        let sid = object.first(known.object_sid);
        Self {
            dnt: object.dnt,
            parent: object.parent(),
            is_self: sid.is_some() && directory.sid(object) == Some(context.token.user),
            common: [
                object.first(known.security_descriptor).cloned(),
                object.stored(known.object_class).last().cloned(),
                object.first(known.admin_count).cloned(),
            ],
            reads: Vec::new(),
            descriptor: None,
        }
    }

    fn like(&self, other: &Self) -> bool {
        let none_is_self = !self.is_self && !other.is_self;
        none_is_self && self.parent == other.parent && self.common == other.common
    }
}

impl<'a> View<'a> {
    pub(crate) fn new(directory: &'a Directory, context: &'a Context) -> Self {
        Self {
            directory,
            context,
            checker: Checker::new(directory, &context.token),
            listable: RefCell::default(),
            last: RefCell::default(),
        }
    }

    pub(crate) fn allowed(&self, object: &Object, right: Right) -> bool {
        self.checker.allowed(object, right)
    }

    /// Whether the caller may read an attribute of an object.
    pub(crate) fn reads(&self, object: &Object, attribute: AttributeId) -> bool {
        self.with_alike(object, |alike| {
            let at = attribute.index();
            if alike.reads.len() <= at {
                alike.reads.resize(at + 1, None);
            }
            *alike.reads[at]
                .get_or_insert_with(|| self.checker.allowed(object, Right::ReadProperty(attribute)))
        })
    }

    /// The effective descriptor of an object, made by `make` once for all objects that are alike.
    pub(crate) fn descriptor(
        &self,
        object: &Object,
        make: impl FnOnce(provlab_protocol::security::SecurityDescriptor) -> Option<Value>,
    ) -> Option<Value> {
        self.with_alike(object, |alike| {
            if alike.descriptor.is_none() {
                alike.descriptor = make(access::effective_descriptor(self.directory, object));
            }
            alike.descriptor.clone()
        })
    }

    fn with_alike<T>(&self, object: &Object, ask: impl FnOnce(&mut Alike) -> T) -> T {
        let mut last = self.last.borrow_mut();
        match last.as_mut() {
            Some(alike) if alike.dnt == object.dnt => {}
            Some(alike) => {
                let new = Alike::of(self.directory, self.context, object);
                if alike.like(&new) {
                    alike.dnt = object.dnt;
                } else {
                    *alike = new;
                }
            }
            None => *last = Some(Alike::of(self.directory, self.context, object)),
        }
        ask(last.get_or_insert_with(|| Alike::of(self.directory, self.context, object)))
    }

    /// Whether the caller sees the object at all: it may list the contents of the parent.
    pub(crate) fn sees(&self, object: &Object) -> bool {
        let Some(parent) = self.directory.parent(object) else {
            return true;
        };
        *self
            .listable
            .borrow_mut()
            .entry(parent.dnt)
            .or_insert_with(|| self.allowed(parent, Right::ListContents))
    }
}
