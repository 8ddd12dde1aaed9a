//! Which properties clients may write, of what kind and how long: the tables of the Graph reference for user and group.

use serde_json::{Map, Value};

use super::GraphError;

/// What a property holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// True or false.
    Flag,
    /// Text of at most so many characters.
    Text(usize),
    /// At most `most` texts of at most `longest` characters.
    List { most: usize, longest: usize },
}

/// One writable property.
#[derive(Debug, Clone, Copy)]
pub(super) struct Property {
    name: &'static str,
    kind: Kind,
    /// A new object must have it, and it cannot be cleared.
    required: bool,
    /// It stays the cloud's on an object that is mastered on-premises (inferred: the reference names no list).
    cloud: bool,
}

impl Property {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            required: false,
            cloud: false,
        }
    }

    const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    const fn mastered_in_cloud(self) -> Self {
        Self { cloud: true, ..self }
    }

    fn accepts(&self, value: &Value) -> bool {
        let fits = |value: &Value, longest: usize| {
            value
                .as_str()
                .is_some_and(|text| !text.is_empty() && text.chars().count() <= longest)
        };
        match (self.kind, value) {
            (_, Value::Null) => !self.required,
            (Kind::Flag, value) => value.is_boolean(),
            (Kind::Text(longest), value) => fits(value, longest),
            (Kind::List { most, longest }, Value::Array(values)) => {
                values.len() <= most && values.iter().all(|value| fits(value, longest))
            }
            (Kind::List { .. }, _) => false,
        }
    }
}

const fn flag(name: &'static str) -> Property {
    Property::new(name, Kind::Flag)
}

const fn text(name: &'static str, longest: usize) -> Property {
    Property::new(name, Kind::Text(longest))
}

const fn list(name: &'static str, most: usize, longest: usize) -> Property {
    Property::new(name, Kind::List { most, longest })
}

/// A kind of object with the properties that can be written.
pub(super) struct Writable {
    /// `User`: as messages name it.
    resource: &'static str,
    /// `microsoft.graph.user`.
    type_name: &'static str,
    properties: &'static [Property],
    /// Every property there is: the others are read-only.
    known: &'static [&'static str],
}

/// Properties of users; addresses other than `mail` are Exchange's.
pub(super) const USER: Writable = Writable {
    resource: "User",
    type_name: super::users::USER_TYPE,
    known: &super::objects::USER_PROPERTIES,
    properties: &[
        flag("accountEnabled").required().mastered_in_cloud(),
        list("businessPhones", 1, 64),
        text("city", 128),
        text("companyName", 64),
        text("country", 128),
        text("department", 64),
        text("displayName", 256).required(),
        text("employeeId", 16),
        text("employeeType", 64),
        text("faxNumber", 64),
        text("givenName", 64),
        text("jobTitle", 128),
        text("mail", 256),
        text("mailNickname", 64).required(),
        text("mobilePhone", 64),
        text("officeLocation", 128),
        list("otherMails", 250, 250),
        text("passwordPolicies", 64),
        text("postalCode", 40),
        text("preferredLanguage", 64),
        text("state", 128),
        text("streetAddress", 1_024),
        text("surname", 64),
        text("usageLocation", 2).mastered_in_cloud(),
        text("userPrincipalName", 113).required(),
        text("userType", 64).mastered_in_cloud(),
    ],
};

/// Properties of groups.
pub(super) const GROUP: Writable = Writable {
    resource: "Group",
    type_name: super::groups::GROUP_TYPE,
    known: &super::objects::GROUP_PROPERTIES,
    properties: &[
        text("classification", 256),
        text("description", 1_024),
        text("displayName", 256).required(),
        list("groupTypes", 2, 64),
        flag("mailEnabled").required(),
        text("mailNickname", 64).required(),
        text("preferredLanguage", 64),
        flag("securityEnabled").required(),
        text("visibility", 64),
    ],
};

/// What a request sets: names out of the table with values that fit.
pub(super) type Settings = Vec<(&'static str, Value)>;

impl Writable {
    /// What a new object is given.
    ///
    /// # Errors
    /// 400 for a property that is missing, unknown, read-only or has a value that does not fit.
    pub(super) fn new_object(&self, body: &Map<String, Value>) -> Result<Settings, GraphError> {
        let settings = self.read(body)?;
        let missing = |property: &&Property| property.required && !body.contains_key(property.name);
        match self.properties.iter().find(missing) {
            Some(missing) => Err(self.required(missing.name)),
            None => Ok(settings
                .into_iter()
                .map(|(property, value)| (property.name, value))
                .collect()),
        }
    }

    /// What is changed on an object.
    ///
    /// # Errors
    /// As for a new object, but that nothing is required; and the refusal to change what is mastered on-premises.
    pub(super) fn change(
        &self,
        body: &Map<String, Value>,
        synchronized: bool,
    ) -> Result<Settings, GraphError> {
        let settings = self.read(body)?;
        if synchronized && settings.iter().any(|(property, _)| !property.cloud) {
            return Err(GraphError::on_premises_mastered());
        }
        Ok(settings
            .into_iter()
            .map(|(property, value)| (property.name, value))
            .collect())
    }

    /// The refusal of a new object without `property`.
    pub(super) fn required(&self, property: &str) -> GraphError {
        GraphError::bad_request(format!(
            "A value is required for property '{property}' of resource '{}'.",
            self.resource
        ))
    }

    /// The refusal of a value.
    pub(super) fn invalid(&self, property: &str) -> GraphError {
        GraphError::bad_request(format!(
            "Invalid value specified for property '{property}' of resource '{}'.",
            self.resource
        ))
    }

    fn read(&self, body: &Map<String, Value>) -> Result<Vec<(&'static Property, Value)>, GraphError> {
        // An `@odata.type` says what the address says.
        let given = body.iter().filter(|(name, _)| *name != "@odata.type");
        given
            .map(|(name, value)| {
                let property = self.find(name)?;
                if property.accepts(value) {
                    Ok((property, value.clone()))
                } else {
                    Err(self.invalid(name))
                }
            })
            .collect()
    }

    fn find(&self, name: &str) -> Result<&'static Property, GraphError> {
        let found = self.properties.iter().find(|property| property.name == name);
        found.ok_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            GraphError::bad_request(if self.known.contains(&name) {
                format!("Property '{shown}' is read-only and cannot be set.")
            } else {
                format!(
                    "The property '{shown}' does not exist on type '{}'. Make sure to only use property names that are \
                     defined by the type.",
                    self.type_name
                )
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(result: Result<Settings, GraphError>) -> String {
        result.err().map(|error| error.message).unwrap_or_default()
    }

    fn body(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn values_are_checked_by_the_table() {
        for (given, part) in [
            (
                json!({"displayName": ""}),
                "Invalid value specified for property 'displayName'",
            ),
            (
                json!({"displayName": null}),
                "Invalid value specified for property 'displayName'",
            ),
            (json!({"displayName": "x".repeat(257)}), "Invalid value"),
            (json!({"businessPhones": ["1", "2"]}), "Invalid value"),
            (json!({"accountEnabled": "true"}), "Invalid value"),
            (json!({"id": "x"}), "read-only"),
            (
                json!({"noSuch": 1}),
                "does not exist on type 'microsoft.graph.user'",
            ),
        ] {
            assert!(said(USER.change(&body(&given), false)).contains(part), "{given}");
        }
        assert!(
            USER.change(
                &body(&json!({"displayName": "x".repeat(256), "city": null})),
                false
            )
            .is_ok()
        );
    }

    #[test]
    fn what_is_missing_is_told_before_an_object_is_made() {
        let given = json!({"displayName": "Sales", "mailEnabled": false, "securityEnabled": true});
        assert_eq!(
            said(GROUP.new_object(&body(&given))),
            "A value is required for property 'mailNickname' of resource 'Group'."
        );
    }

    #[test]
    fn what_is_mastered_on_premises_stays() {
        let both = body(&json!({"usageLocation": "GB", "city": "London"}));
        assert!(said(USER.change(&both, true)).contains("on-premises mastered Directory Sync objects"));
        assert!(USER.change(&body(&json!({"usageLocation": "GB"})), true).is_ok());
        assert!(USER.change(&both, false).is_ok());
    }
}
