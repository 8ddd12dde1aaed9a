//! A user, group or contact of the cloud, treated alike.

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::super::records::ObjectKind;
use crate::state::{Cloud, Contact, Group, OnPremises, Txn, User};

/// An object of the cloud.
#[derive(Clone, Debug)]
pub(in crate::engine) enum CloudObject {
    User(Box<User>),
    Group(Box<Group>),
    Contact(Box<Contact>),
}

/// Reads a member that all three kinds have.
macro_rules! shared {
    ($object:expr, $one:ident => $what:expr) => {
        match $object {
            CloudObject::User($one) => $what,
            CloudObject::Group($one) => $what,
            CloudObject::Contact($one) => $what,
        }
    };
}

impl CloudObject {
    /// A new object of the cloud, without a name yet.
    pub(in crate::engine) fn new(kind: ObjectKind, tenant: Uuid, id: Uuid, now: OffsetDateTime) -> Self {
        match kind {
            ObjectKind::User => Self::User(Box::new(User::new(tenant, id, "", now))),
            ObjectKind::Group => Self::Group(Box::new(Group::new(tenant, id, "", now))),
            ObjectKind::Contact => Self::Contact(Box::new(Contact::new(tenant, id, now))),
        }
    }

    /// The object with this id, soft-deleted or not.
    pub(in crate::engine) fn find(cloud: &Cloud, kind: ObjectKind, tenant: Uuid, id: Uuid) -> Option<Self> {
        let key = id.to_string();
        match kind {
            ObjectKind::User => cloud
                .users
                .get(tenant, &key)
                .cloned()
                .map(|u| Self::User(Box::new(u))),
            ObjectKind::Group => cloud
                .groups
                .get(tenant, &key)
                .cloned()
                .map(|g| Self::Group(Box::new(g))),
            ObjectKind::Contact => cloud
                .contacts
                .get(tenant, &key)
                .cloned()
                .map(|c| Self::Contact(Box::new(c))),
        }
    }

    /// Whether an object of any kind has this id.
    pub(in crate::engine) fn is_taken(cloud: &Cloud, tenant: Uuid, id: Uuid) -> bool {
        let key = id.to_string();
        cloud.users.get(tenant, &key).is_some()
            || cloud.groups.get(tenant, &key).is_some()
            || cloud.contacts.get(tenant, &key).is_some()
    }

    pub(in crate::engine) fn put(self, txn: &mut Txn<'_>) {
        match self {
            Self::User(user) => txn.put(*user),
            Self::Group(group) => txn.put(*group),
            Self::Contact(contact) => txn.put(*contact),
        }
    }

    pub(in crate::engine) fn kind(&self) -> ObjectKind {
        match self {
            Self::User(_) => ObjectKind::User,
            Self::Group(_) => ObjectKind::Group,
            Self::Contact(_) => ObjectKind::Contact,
        }
    }

    pub(in crate::engine) fn id(&self) -> Uuid {
        shared!(self, o => o.id)
    }

    pub(in crate::engine) fn is_deleted(&self) -> bool {
        shared!(self, o => o.deleted.is_some())
    }

    pub(in crate::engine) fn set_deleted(&mut self, at: Option<OffsetDateTime>) {
        shared!(self, o => o.deleted = at);
    }

    pub(in crate::engine) fn on_premises(&self) -> Option<&OnPremises> {
        shared!(self, o => o.on_premises.as_ref())
    }

    pub(in crate::engine) fn on_premises_mut(&mut self) -> &mut OnPremises {
        shared!(self, o => o.on_premises.get_or_insert_default())
    }

    pub(in crate::engine) fn proxy_addresses(&self) -> &[String] {
        shared!(self, o => &o.proxy_addresses)
    }

    pub(in crate::engine) fn proxy_addresses_mut(&mut self) -> &mut Vec<String> {
        shared!(self, o => &mut o.proxy_addresses)
    }

    pub(in crate::engine) fn mail(&self) -> Option<&String> {
        shared!(self, o => o.mail.as_ref())
    }

    pub(in crate::engine) fn set_mail(&mut self, mail: Option<String>) {
        if let Self::Group(group) = self {
            group.mail_enabled = mail.is_some();
        }
        shared!(self, o => o.mail = mail);
    }

    pub(in crate::engine) fn mail_nickname(&self) -> Option<&String> {
        shared!(self, o => o.mail_nickname.as_ref())
    }

    pub(in crate::engine) fn set_mail_nickname(&mut self, nickname: Option<String>) {
        shared!(self, o => o.mail_nickname = nickname);
    }

    pub(in crate::engine) fn properties(&self) -> &BTreeMap<String, Value> {
        shared!(self, o => &o.properties)
    }

    pub(in crate::engine) fn properties_mut(&mut self) -> &mut BTreeMap<String, Value> {
        shared!(self, o => &mut o.properties)
    }

    pub(in crate::engine) fn display_name(&self) -> Option<&str> {
        match self {
            Self::User(user) => user.display_name.as_deref(),
            Self::Group(group) => Some(group.display_name.as_str()).filter(|name| !name.is_empty()),
            Self::Contact(contact) => contact.display_name.as_deref(),
        }
    }

    pub(in crate::engine) fn set_display_name(&mut self, name: Option<String>) {
        match self {
            Self::User(user) => user.display_name = name,
            Self::Group(group) => group.display_name = name.unwrap_or_default(),
            Self::Contact(contact) => contact.display_name = name,
        }
    }

    /// What people know it by: the sign-in name of a user, the display name of the others.
    pub(in crate::engine) fn name(&self) -> &str {
        match self {
            Self::User(user) => &user.user_principal_name,
            other => other.display_name().unwrap_or_default(),
        }
    }

    /// Whether it holds a directory role: never matched (CS 5.11).
    pub(in crate::engine) fn is_privileged(&self) -> bool {
        matches!(self, Self::User(user) if !user.roles.is_empty())
    }

    pub(in crate::engine) fn is_enabled(&self) -> bool {
        match self {
            Self::User(user) => user.account_enabled,
            Self::Group(_) | Self::Contact(_) => true,
        }
    }

    /// The manager's object id; none for a group.
    pub(in crate::engine) fn manager(&self) -> Option<Uuid> {
        match self {
            Self::User(user) => user.manager,
            Self::Group(_) => None,
            Self::Contact(contact) => contact.manager,
        }
    }

    pub(in crate::engine) fn set_manager(&mut self, manager: Option<Uuid>) {
        match self {
            Self::User(user) => user.manager = manager,
            Self::Group(_) => {}
            Self::Contact(contact) => contact.manager = manager,
        }
    }
}
