//! Making objects in bulk, without the rules for clients: what a domain controller does when it is promoted.

use std::collections::BTreeMap;
use std::sync::Arc;

use provlab_protocol::dn::Rdn;
use provlab_protocol::guid::Guid;
use provlab_protocol::sid::rid;

use crate::access;
use crate::database::reference;
use crate::directory::Directory;
use crate::model::{
    Context, Dnt, LdapError, LinkKey, LinkValue, Name, Object, ResultCode, Stamp, Value, integer, text,
};
use crate::schema::{AttributeId, ClassDef, Schema};

/// What all objects of a class share, kept once.
struct ClassShape {
    class: &'static ClassDef,
    object_class: Vec<Value>,
    descriptor: Option<Value>,
    category: Option<Value>,
}

/// Makes objects and links with the right stamps.
pub(crate) struct Builder<'a> {
    pub(crate) directory: &'a mut Directory,
    pub(crate) context: Context,
    shapes: BTreeMap<&'static str, ClassShape>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(directory: &'a mut Directory, context: Context) -> Self {
        Self {
            directory,
            context,
            shapes: BTreeMap::new(),
        }
    }

    /// Makes the head of a naming context.
    pub(crate) fn head(&mut self, dn: &str, class: &str) -> Result<Dnt, LdapError> {
        let mut object = self.blank(Name::Head(dn.into()), class)?;
        let id = self.id("instanceType")?;
        // A writable head of a naming context; heads below another carry one more bit.
        let kind = if self.directory.database.is_empty() { 5 } else { 13 };
        object.set(id, vec![integer(kind)], object.usn_created);
        Ok(self.keep(object))
    }

    /// Makes a child object with text attributes.
    pub(crate) fn child(
        &mut self,
        parent: Dnt,
        class: &str,
        name: &str,
        attributes: &[(&str, &str)],
    ) -> Result<Dnt, LdapError> {
        let mut object = self.draft(parent, class, name)?;
        for (attribute, value) in attributes {
            self.add(&mut object, attribute, text(value))?;
        }
        Ok(self.keep(object))
    }

    /// A child object that is not kept yet.
    pub(crate) fn draft(&mut self, parent: Dnt, class: &str, name: &str) -> Result<Object, LdapError> {
        let naming = Schema::get()
            .class(class)
            .ok_or_else(|| unknown_class(class))?
            .naming_attribute;
        let attribute = self.id(naming)?;
        if self
            .directory
            .database
            .child_named(parent, attribute, name)
            .is_some()
        {
            return Err(LdapError::new(
                ResultCode::EntryAlreadyExists,
                format!(
                    "{name} exists already in {}",
                    self.directory.database.dn_text(parent)
                ),
            ));
        }
        let name = Name::Child {
            parent,
            attribute,
            value: name.into(),
        };
        self.blank(name, class)
    }

    fn blank(&mut self, name: Name, class: &str) -> Result<Object, LdapError> {
        let database = &mut self.directory.database;
        let dnt = database.next_dnt().ok_or_else(|| {
            LdapError::new(
                ResultCode::UnwillingToPerform,
                "the database has used up its object tags",
            )
        })?;
        let usn = database.next_usn();
        let guid = Guid::from(self.context.entropy.uuid());
        let mut object = Object::new(dnt, guid, name, usn, self.context.now);
        let known = &Schema::get().known;
        let shape = self.shape(class)?;
        object.set(known.object_class, shape.object_class.clone(), usn);
        object.set(known.instance_type, vec![integer(4)], usn);
        if let Some(descriptor) = &shape.descriptor {
            object.set(known.security_descriptor, vec![Arc::clone(descriptor)], usn);
        }
        if let Some(category) = &shape.category {
            object.set(known.object_category, vec![Arc::clone(category)], usn);
        }
        Ok(object)
    }

    fn shape(&mut self, name: &str) -> Result<&ClassShape, LdapError> {
        let class = Schema::get().class(name).ok_or_else(|| unknown_class(name))?;
        if !self.shapes.contains_key(class.name) {
            let domain = self.directory.identity().domain_sid;
            let owner = domain.with_rid(rid::DOMAIN_ADMINS);
            let chain = Schema::get().class_chain(class);
            let shape = ClassShape {
                class,
                object_class: chain.iter().map(|class| text(class.name)).collect(),
                descriptor: access::default_descriptor(&domain, class, &owner)
                    .to_bytes()
                    .ok()
                    .map(Value::from),
                category: self.category(class),
            };
            self.shapes.insert(class.name, shape);
        }
        self.shapes.get(class.name).ok_or_else(|| unknown_class(name))
    }

    fn category(&self, class: &ClassDef) -> Option<Value> {
        let name = format!(
            "CN={},{}",
            class.default_category,
            self.directory.identity().schema_dn()
        );
        let category = self.directory.by_dn(&name.parse().ok()?)?;
        Some(reference(category.dnt, &[]))
    }

    /// Gives every object its category, once the schema's own objects are there.
    pub(crate) fn categorize(&mut self) {
        let known = &Schema::get().known;
        let names: Vec<&'static str> = self.shapes.keys().copied().collect();
        for name in names {
            let category = self.shapes.get(name).and_then(|shape| self.category(shape.class));
            if let Some(shape) = self.shapes.get_mut(name) {
                shape.category = category;
            }
        }
        let bare: Vec<Object> = self
            .directory
            .database
            .iter()
            .filter(|object| object.first(known.object_category).is_none())
            .cloned()
            .collect();
        for mut object in bare {
            let shape = self.shapes.get(self.directory.class_name(&object));
            if let Some(category) = shape.and_then(|shape| shape.category.clone()) {
                object.set(known.object_category, vec![category], object.usn_created);
                self.directory.database.put(object);
            }
        }
    }

    /// Adds a value to an object that is being made. References are given as names.
    pub(crate) fn add(
        &mut self,
        object: &mut Object,
        attribute: &str,
        value: Value,
    ) -> Result<(), LdapError> {
        let id = self.id(attribute)?;
        let value = if Schema::get().def(id).syntax.is_reference() {
            match crate::write::read_value(self.directory, id, &value)? {
                crate::write::Stored::Value(value) => value,
                crate::write::Stored::Link(target) => {
                    let source = object.dnt;
                    self.link_by(source, id, target, object.usn_created);
                    return Ok(());
                }
            }
        } else {
            value
        };
        let mut values = object.stored(id).to_vec();
        values.push(value);
        object.set_initially(id, values, object.usn_created);
        Ok(())
    }

    /// Gives an object that is being made all values of an attribute; not for references.
    pub(crate) fn set(
        &self,
        object: &mut Object,
        attribute: &str,
        values: Vec<Value>,
    ) -> Result<(), LdapError> {
        if !values.is_empty() {
            let usn = object.usn_created;
            object.set_initially(self.id(attribute)?, values, usn);
        }
        Ok(())
    }

    /// Puts an object that was made into the database.
    pub(crate) fn keep(&mut self, object: Object) -> Dnt {
        let dnt = object.dnt;
        self.directory.database.put(object);
        dnt
    }

    /// Changes an object that exists.
    pub(crate) fn change(&mut self, dnt: Dnt, attributes: &[(&str, Value)]) -> Result<(), LdapError> {
        let Some(mut object) = self.directory.database.get(dnt).cloned() else {
            return Ok(());
        };
        for (attribute, value) in attributes {
            self.add(&mut object, attribute, Arc::clone(value))?;
        }
        self.directory.database.put(object);
        Ok(())
    }

    /// Makes `target` a value of a forward link, such as a member of a group.
    pub(crate) fn link(&mut self, source: Dnt, attribute: AttributeId, target: Dnt) {
        let usn = self
            .directory
            .database
            .get(source)
            .map_or(0, |object| object.usn_changed);
        self.link_by(source, attribute, target, usn);
    }

    fn link_by(&mut self, source: Dnt, attribute: AttributeId, target: Dnt, usn: u64) {
        let key = LinkKey {
            source,
            attribute,
            target,
        };
        let value = LinkValue {
            stamp: Stamp { usn, version: 1 },
            created: self.context.now,
            present: true,
        };
        self.directory.database.set_link(key, Some(value));
    }

    /// Makes an account a member of a group.
    pub(crate) fn member(&mut self, group: Dnt, member: Dnt) {
        self.link(group, Schema::get().known.member, member);
    }

    pub(crate) fn id(&self, attribute: &str) -> Result<AttributeId, LdapError> {
        self.directory.attribute(attribute)
    }

    /// The next free relative identifier of the domain.
    pub(crate) fn next_rid(&mut self) -> Result<u32, LdapError> {
        self.directory.database.next_rid().ok_or_else(|| {
            LdapError::new(
                ResultCode::UnwillingToPerform,
                "the domain has used up its relative identifiers",
            )
        })
    }

    /// The container of a name relative to the domain; an organizational unit is made if it is not there.
    pub(crate) fn container(&mut self, relative: &str) -> Result<Dnt, LdapError> {
        let bad = || LdapError::bad_name(relative);
        let rdns: provlab_protocol::dn::Dn = relative.parse().map_err(|_| bad())?;
        let mut at = self
            .directory
            .by_dn(&self.directory.identity().domain_dn())
            .map(|head| head.dnt)
            .ok_or_else(bad)?;
        let steps: Vec<Rdn> = rdns.rdns().iter().rev().cloned().collect();
        for rdn in steps {
            at = match self.directory.database.child(at, &rdn) {
                Some(child) => child,
                None if rdn.attribute().eq_ignore_ascii_case("OU") => {
                    self.child(at, "organizationalUnit", rdn.value(), &[])?
                }
                None => {
                    return Err(LdapError::no_such_object(self.directory.database.dn_text(at)));
                }
            };
        }
        Ok(at)
    }
}

fn unknown_class(name: &str) -> LdapError {
    LdapError::new(
        ResultCode::ObjectClassViolation,
        format!("the schema has no class {name}"),
    )
}
