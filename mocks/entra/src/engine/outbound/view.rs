//! A group of the cloud as mappings and filters see it: its properties by the names that schemas use.

use serde_json::Value as Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::super::plan::{Source, Subject};
use super::super::records::Rejected;
use crate::expression::{self, Value};
use crate::state::{Group, OnPremises};

/// The group.
pub(super) struct View<'v> {
    pub(super) group: &'v Group,
    pub(super) now: OffsetDateTime,
    /// Drawn for this group, for `Guid()`.
    pub(super) guid: Uuid,
}

/// Whether a group is synchronized from a directory, so that the cloud is not its authority.
pub(super) fn is_synchronized(group: &Group) -> bool {
    group
        .on_premises
        .as_ref()
        .is_some_and(|origin| origin.sync_enabled)
}

impl View<'_> {
    fn property(&self, name: &str) -> Vec<Value> {
        let group = self.group;
        let text = |text: &Option<String>| text.clone().map(Value::Text).into_iter().collect::<Vec<_>>();
        let origin = |value: fn(&OnPremises) -> &Option<String>| {
            group
                .on_premises
                .as_ref()
                .map(|origin| text(value(origin)))
                .unwrap_or_default()
        };
        match name {
            "objectid" | "id" => vec![Value::Text(group.id.to_string())],
            "displayname" => vec![Value::Text(group.display_name.clone())],
            "description" => text(&group.description),
            "mail" => text(&group.mail),
            "mailnickname" => text(&group.mail_nickname),
            "mailenabled" => vec![Value::Flag(group.mail_enabled)],
            "securityenabled" => vec![Value::Flag(group.security_enabled)],
            "dirsyncenabled" => vec![Value::Flag(is_synchronized(group))],
            "grouptypes" => group.group_types.iter().cloned().map(Value::Text).collect(),
            "proxyaddresses" => group.proxy_addresses.iter().cloned().map(Value::Text).collect(),
            "onpremisesdistinguishedname" => origin(|origin| &origin.distinguished_name),
            "onpremisessamaccountname" => origin(|origin| &origin.sam_account_name),
            "onpremisessecurityidentifier" => origin(|origin| &origin.security_identifier),
            _ => self.further(name),
        }
    }

    /// Extension attributes, and properties that the cloud keeps under their Graph names.
    fn further(&self, name: &str) -> Vec<Value> {
        let bare = name
            .strip_prefix("onpremisesextensionattributes.")
            .unwrap_or(name);
        let origin = self.group.on_premises.as_ref();
        let extensions = origin.into_iter().flat_map(|origin| &origin.extension_attributes);
        for (key, value) in extensions {
            if key.eq_ignore_ascii_case(bare) {
                return vec![Value::Text(value.clone())];
            }
        }
        let mut properties = self.group.properties.iter();
        let found = properties.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| values_of(value)).unwrap_or_default()
    }

    /// The values of one target attribute.
    ///
    /// # Errors
    /// An expression that cannot be evaluated.
    pub(super) fn evaluate(&self, target: &str, source: &Source) -> Result<Vec<String>, Rejected> {
        let value = match source {
            Source::Constant(text) => return Ok(vec![text.clone()]),
            Source::Attribute(name, _) => {
                return Ok(self.property(name).iter().map(Value::to_text).collect());
            }
            Source::Function(function) => function.evaluate(self),
        };
        // The code for a mapping that cannot be evaluated is not public; this is the general one of CS 6.8.
        let failed = |error| {
            Rejected::new(
                "InternalError",
                format!("the mapping of '{target}' failed: {error}"),
            )
        };
        let values = value.map_err(failed)?.into_values();
        Ok(values.iter().map(Value::to_text).collect())
    }
}

fn values_of(value: &Json) -> Vec<Value> {
    match value {
        Json::Null => Vec::new(),
        Json::Bool(flag) => vec![Value::Flag(*flag)],
        Json::Number(number) => match number.as_i64() {
            Some(number) => vec![Value::Number(number)],
            None => vec![Value::Text(number.to_string())],
        },
        Json::String(text) => vec![Value::Text(text.clone())],
        Json::Array(values) => values.iter().flat_map(values_of).collect(),
        Json::Object(_) => vec![Value::Text(value.to_string())],
    }
}

impl expression::Source for View<'_> {
    fn values(&self, attribute: &str) -> Vec<Value> {
        self.property(&attribute.to_lowercase())
    }
    fn new_guid(&self) -> Uuid {
        self.guid
    }
}

impl Subject for View<'_> {
    fn values(&self, attribute: &str) -> Vec<String> {
        self.property(attribute).iter().map(Value::to_text).collect()
    }
    /// Filters of groups by the groups that they are in are not followed (inferred: nothing is published).
    fn is_member_of(&self, _group: &str) -> bool {
        false
    }
    fn now(&self) -> OffsetDateTime {
        self.now
    }
}
