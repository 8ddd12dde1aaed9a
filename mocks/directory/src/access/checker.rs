//! Deciding access (MS-ADTS 5.1.3.3), quickly enough to be asked for every attribute of every entry.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use provlab_protocol::guid::Guid;
use provlab_protocol::security::{AccessMask, Ace, AceKind};
use provlab_protocol::sid::well_known;

use super::descriptor;
use super::right::Right;
use super::token::{Token, TokenKind};
use crate::directory::Directory;
use crate::model::{Dnt, Object, Value};
use crate::schema::AttributeId;

/// What decides the entries that count on an object, for one token.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Likeness {
    parent: Option<Dnt>,
    class: Box<str>,
    protected: bool,
    is_self: bool,
    descriptor: Option<Value>,
}

/// One entry that is about the token.
struct Entry {
    allow: bool,
    mask: AccessMask,
    object_type: Option<Guid>,
}

/// The entries about the token, in the order in which they are evaluated, and whether it owns the object.
struct Grants {
    entries: Vec<Entry>,
    is_owner: bool,
}

/// Answers access questions for one token, remembering what objects have in common.
///
/// Made for one operation and thrown away with it: it does not see changes of the directory.
pub struct Checker<'a> {
    directory: &'a Directory,
    token: &'a Token,
    inherited: RefCell<BTreeMap<Option<Dnt>, Rc<Vec<Ace>>>>,
    grants: RefCell<BTreeMap<Likeness, Rc<Grants>>>,
}

impl<'a> Checker<'a> {
    /// A checker for `token`.
    #[must_use]
    pub fn new(directory: &'a Directory, token: &'a Token) -> Self {
        Self {
            directory,
            token,
            inherited: RefCell::default(),
            grants: RefCell::default(),
        }
    }

    /// Whether the token holds `right` on `object`.
    #[must_use]
    pub fn allowed(&self, object: &Object, right: Right) -> bool {
        if self.token.kind == TokenKind::System {
            return true;
        }
        let grants = self.grants(object);
        let schema = self.directory.schema();
        let property = |attribute: AttributeId, mask| {
            let def = schema.def(attribute);
            grants.hold(mask, &[def.guid, def.property_set])
        };
        match right {
            Right::ReadProperty(attribute) if attribute == schema.known.security_descriptor => {
                grants.hold(AccessMask::READ_CONTROL, &[])
            }
            Right::WriteProperty(attribute) if attribute == schema.known.security_descriptor => {
                grants.hold(AccessMask::WRITE_DAC, &[])
            }
            Right::ReadProperty(attribute) => {
                property(attribute, AccessMask::READ_PROPERTY)
                    && (!schema.def(attribute).is_confidential()
                        || property(attribute, AccessMask::CONTROL_ACCESS))
            }
            Right::WriteProperty(attribute) => property(attribute, AccessMask::WRITE_PROPERTY),
            Right::CreateChild(class) => grants.hold(AccessMask::CREATE_CHILD, &[Some(class)]),
            Right::DeleteChild(class) => grants.hold(AccessMask::DELETE_CHILD, &[Some(class)]),
            Right::ControlAccess(right) => grants.hold(AccessMask::CONTROL_ACCESS, &[Some(right)]),
            Right::ListContents => grants.hold(AccessMask::LIST_CHILDREN, &[]),
            Right::Delete => grants.hold(AccessMask::DELETE, &[]),
            Right::DeleteTree => grants.hold(AccessMask::DELETE_TREE, &[]),
            Right::ReadControl => grants.hold(AccessMask::READ_CONTROL, &[]),
            Right::WriteDac => grants.hold(AccessMask::WRITE_DAC, &[]),
            Right::WriteOwner => grants.hold(AccessMask::WRITE_OWNER, &[]),
        }
    }

    fn grants(&self, object: &Object) -> Rc<Grants> {
        let schema = self.directory.schema();
        let is_self = self.directory.sid(object) == Some(self.token.user);
        let likeness = Likeness {
            parent: object.parent(),
            class: self.directory.class_name(object).into(),
            protected: descriptor::is_administrator(object),
            is_self,
            descriptor: object.first(schema.known.security_descriptor).cloned(),
        };
        if let Some(known) = self.grants.borrow().get(&likeness) {
            return Rc::clone(known);
        }
        let grants = Rc::new(self.compute(object, is_self));
        self.grants.borrow_mut().insert(likeness, Rc::clone(&grants));
        grants
    }

    fn compute(&self, object: &Object, is_self: bool) -> Grants {
        let own = descriptor::stored(self.directory, object);
        let inherited = if descriptor::is_protected(object, &own) {
            Rc::default()
        } else {
            self.inherited(object.parent())
        };
        let entries = descriptor::counting(self.directory, object, &own, &inherited)
            .into_iter()
            .filter(|ace| {
                self.token.is(&ace.trustee) || (is_self && ace.trustee == well_known::PRINCIPAL_SELF)
            })
            .filter(|ace| ace.kind != AceKind::Audit)
            .map(|ace| Entry {
                allow: ace.kind == AceKind::Allow,
                mask: ace.mask.mapped(),
                object_type: ace.object_type,
            })
            .collect();
        Grants {
            entries,
            is_owner: own.owner.is_some_and(|owner| self.token.is(&owner)),
        }
    }

    fn inherited(&self, parent: Option<Dnt>) -> Rc<Vec<Ace>> {
        if let Some(known) = self.inherited.borrow().get(&parent) {
            return Rc::clone(known);
        }
        let inherited = Rc::new(descriptor::inheritable(self.directory, parent));
        self.inherited.borrow_mut().insert(parent, Rc::clone(&inherited));
        inherited
    }
}

impl Grants {
    /// Whether one right is held: the first entry that speaks of it decides.
    ///
    /// `types` are what the right is about: attribute and property set, class, or extended right.
    fn hold(&self, wanted: AccessMask, types: &[Option<Guid>]) -> bool {
        let implied = AccessMask::READ_CONTROL | AccessMask::WRITE_DAC;
        if self.is_owner && implied.contains(wanted) {
            return true;
        }
        self.entries
            .iter()
            .filter(|entry| entry.mask.contains(wanted))
            .find(|entry| entry.object_type.is_none_or(|only| types.contains(&Some(only))))
            .is_some_and(|entry| entry.allow)
    }
}

/// Whether `token` holds `right` on `object`. For many objects a [`Checker`] is quicker.
#[must_use]
pub fn allowed(directory: &Directory, token: &Token, object: &Object, right: Right) -> bool {
    Checker::new(directory, token).allowed(object, right)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use provlab_protocol::rights;
    use provlab_protocol::security::{AceFlags, DescriptorControl, SecurityDescriptor};
    use provlab_protocol::sid::Sid;

    use super::*;
    use crate::testing::{NOW, account, forest};

    fn token(directory: &Directory, name: &str) -> Token {
        Token::of_account(directory, account(directory, name))
    }

    fn attribute(directory: &Directory, name: &str) -> AttributeId {
        directory.schema().attribute(name).unwrap()
    }

    #[test]
    fn every_default_descriptor_of_the_schema_is_read() {
        let domain: Sid = "S-1-5-21-1-2-3".parse().unwrap();
        let owner = domain.with_rid(512);
        for class in crate::schema::Schema::get().classes() {
            let descriptor = descriptor::default_for(&domain, class, &owner);
            let grants = class.default_descriptor.contains("(A;");
            assert_eq!(!descriptor.dacl_aces().is_empty(), grants, "{}", class.name);
        }
    }

    /// Adds an entry to the descriptor of the object with this name.
    fn grant(directory: &mut Directory, dn: &str, ace: Ace) {
        edit(directory, dn, |descriptor| {
            descriptor.add_ace(ace);
        });
    }

    fn edit(directory: &mut Directory, dn: &str, change: impl FnOnce(&mut SecurityDescriptor)) {
        let object = directory.by_dn(&dn.parse().unwrap()).unwrap();
        let mut descriptor = descriptor::stored(directory, object);
        change(&mut descriptor);
        let dnt = object.dnt;
        let value = vec![descriptor.to_bytes().unwrap()];
        let _ = directory
            .update(NOW, dnt, &[("nTSecurityDescriptor", value)])
            .unwrap();
    }

    const DOMAIN: &str = "DC=contoso,DC=com";

    #[test]
    fn defaults_are_those_of_active_directory() {
        let directory = forest();
        let domain = directory.by_dn(&DOMAIN.parse().unwrap()).unwrap();
        let alice = account(&directory, "alice");
        let mail = attribute(&directory, "mail");
        let description = attribute(&directory, "description");
        let changes = Right::ControlAccess(rights::DS_REPLICATION_GET_CHANGES);
        let reset = Right::ControlAccess(rights::USER_FORCE_CHANGE_PASSWORD);
        let change = Right::ControlAccess(rights::USER_CHANGE_PASSWORD);
        let create = Right::CreateChild(rights::CLASS_USER);
        for (name, object, right, expected) in [
            ("Administrator", domain, changes, true),
            ("Administrator", domain, create, true),
            ("Administrator", domain, Right::WriteDac, true),
            ("Administrator", alice, reset, true),
            ("Administrator", alice, Right::WriteProperty(mail), true),
            ("Administrator", alice, Right::Delete, true),
            ("alice", domain, changes, false),
            ("alice", domain, create, false),
            ("alice", domain, Right::WriteDac, false),
            ("alice", alice, reset, false),
            ("alice", alice, change, true),
            ("alice", alice, Right::WriteProperty(description), false),
            ("alice", alice, Right::ReadProperty(description), true),
            ("HOST1$", alice, Right::ReadProperty(mail), true),
            ("HOST1$", alice, Right::WriteProperty(mail), false),
            ("HOST1$", domain, changes, false),
        ] {
            let held = allowed(&directory, &token(&directory, name), object, right);
            assert_eq!(held, expected, "{name}: {right:?}");
        }
        let nobody = Token::anonymous();
        assert!(!allowed(&directory, &nobody, alice, Right::ReadProperty(mail)));
        assert!(allowed(&directory, &Token::system(), alice, Right::WriteDac));
    }

    #[test]
    fn descendants_inherit_by_class_at_once() {
        let mut directory = forest();
        let host = directory.sid(account(&directory, "HOST1$")).unwrap();
        let reset = Right::ControlAccess(rights::USER_FORCE_CHANGE_PASSWORD);
        let holds = |directory: &Directory, name: &str| {
            let host = token(directory, "HOST1$");
            allowed(directory, &host, account(directory, name), reset)
        };
        assert!(!holds(&directory, "alice"));
        let ace =
            Ace::allow_right(host, rights::USER_FORCE_CHANGE_PASSWORD).for_descendants(rights::CLASS_USER);
        grant(&mut directory, DOMAIN, ace);
        assert!(holds(&directory, "alice"));
        assert!(
            !holds(&directory, "HOST1$"),
            "a computer is not of exactly this class"
        );
        assert!(!holds(&directory, "Administrator"), "guarded by AdminSDHolder");
        assert!(!holds(&directory, "Domain Users"));

        edit(&mut directory, "CN=Users,DC=contoso,DC=com", |descriptor| {
            descriptor.control = descriptor.control.with(DescriptorControl::DACL_PROTECTED);
        });
        assert!(
            !holds(&directory, "alice"),
            "a protected container passes nothing on"
        );
    }

    #[test]
    fn a_denial_before_a_grant_wins() {
        let mut directory = forest();
        let alice = "CN=alice,CN=Users,DC=contoso,DC=com";
        let host = directory.sid(account(&directory, "HOST1$")).unwrap();
        let mail = attribute(&directory, "mail");
        let write = Ace::allow(host, AccessMask::WRITE_PROPERTY);
        grant(&mut directory, alice, write.clone());
        let may = |directory: &Directory, attribute| {
            let host = token(directory, "HOST1$");
            allowed(
                directory,
                &host,
                account(directory, "alice"),
                Right::WriteProperty(attribute),
            )
        };
        assert!(may(&directory, mail));
        let guid = directory.schema().def(mail).guid.unwrap();
        let denial = Ace {
            kind: AceKind::Deny,
            ..write.limited_to(guid)
        };
        grant(&mut directory, alice, denial);
        assert!(!may(&directory, mail));
        assert!(may(&directory, attribute(&directory, "description")));
    }

    #[test]
    fn clients_read_what_is_inherited_and_write_without_it() {
        let mut directory = forest();
        let someone: Sid = "S-1-5-21-1-2-3-1234".parse().unwrap();
        let ace = Ace::allow(someone, AccessMask::READ_PROPERTY).for_descendants(rights::CLASS_USER);
        grant(&mut directory, DOMAIN, ace);
        let shown = |name: &str| {
            let shown = descriptor::effective(&directory, account(&directory, name));
            shown
                .dacl_aces()
                .iter()
                .find(|ace| ace.trustee == someone)
                .map(|ace| ace.flags)
        };
        let flags = shown("alice").unwrap();
        assert!(flags.contains(AceFlags::INHERITED) && !flags.contains(AceFlags::INHERIT_ONLY));
        assert!(shown("HOST1$").unwrap().contains(AceFlags::INHERIT_ONLY));
        assert_eq!(shown("Administrator"), None);
        let alice = account(&directory, "alice");
        let written = descriptor::explicit_part(descriptor::effective(&directory, alice));
        assert_eq!(written.dacl, descriptor::stored(&directory, alice).dacl);
    }
}
