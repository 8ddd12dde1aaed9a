//! Users and groups as JSON: every property of the type, in Graph's order.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::state::{Contact, Group, OnPremises, ProvisioningError, User};

/// Properties of a user shown without `$select`.
pub(super) const USER_DEFAULTS: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

/// Properties of a user, typed ones and those kept in [`User::properties`] alike.
pub(super) const USER_PROPERTIES: [&str; 56] = [
    "accountEnabled",
    "ageGroup",
    "assignedLicenses",
    "assignedPlans",
    "businessPhones",
    "city",
    "companyName",
    "consentProvidedForMinor",
    "country",
    "createdDateTime",
    "creationType",
    "deletedDateTime",
    "department",
    "displayName",
    "employeeHireDate",
    "employeeId",
    "employeeType",
    "externalUserState",
    "faxNumber",
    "givenName",
    "id",
    "identities",
    "imAddresses",
    "isResourceAccount",
    "jobTitle",
    "lastPasswordChangeDateTime",
    "mail",
    "mailNickname",
    "mobilePhone",
    "officeLocation",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesExtensionAttributes",
    "onPremisesImmutableId",
    "onPremisesLastSyncDateTime",
    "onPremisesProvisioningErrors",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "onPremisesUserPrincipalName",
    "otherMails",
    "passwordPolicies",
    "passwordProfile",
    "postalCode",
    "preferredDataLocation",
    "preferredLanguage",
    "provisionedPlans",
    "proxyAddresses",
    "securityIdentifier",
    "showInAddressList",
    "state",
    "streetAddress",
    "surname",
    "usageLocation",
    "userPrincipalName",
    "userType",
];

/// Properties of a group; all are shown without `$select`.
pub(super) const GROUP_PROPERTIES: [&str; 31] = [
    "classification",
    "createdDateTime",
    "creationOptions",
    "deletedDateTime",
    "description",
    "displayName",
    "expirationDateTime",
    "groupTypes",
    "id",
    "isAssignableToRole",
    "mail",
    "mailEnabled",
    "mailNickname",
    "membershipRule",
    "membershipRuleProcessingState",
    "onPremisesDomainName",
    "onPremisesLastSyncDateTime",
    "onPremisesNetBiosName",
    "onPremisesProvisioningErrors",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "preferredDataLocation",
    "preferredLanguage",
    "proxyAddresses",
    "renewedDateTime",
    "resourceBehaviorOptions",
    "resourceProvisioningOptions",
    "securityEnabled",
    "securityIdentifier",
    "visibility",
];

/// Properties that are empty lists when nothing is known.
const LISTS: [&str; 12] = [
    "assignedLicenses",
    "assignedPlans",
    "businessPhones",
    "creationOptions",
    "identities",
    "imAddresses",
    "onPremisesProvisioningErrors",
    "otherMails",
    "provisionedPlans",
    "proxyAddresses",
    "resourceBehaviorOptions",
    "resourceProvisioningOptions",
];

/// A time as Graph writes it: UTC, whole seconds, `Z`.
pub(super) fn graph_time(time: OffsetDateTime) -> Value {
    let whole = time
        .to_offset(time::UtcOffset::UTC)
        .replace_nanosecond(0)
        .unwrap_or(time);
    whole.format(&Rfc3339).map_or(Value::Null, Value::String)
}

fn optional_time(time: Option<OffsetDateTime>) -> Value {
    time.map_or(Value::Null, graph_time)
}

pub(super) fn user_json(user: &User) -> Map<String, Value> {
    let origin = user.on_premises.as_ref();
    let own = |name: &str| match name {
        "accountEnabled" => Some(json!(user.account_enabled)),
        "createdDateTime" => Some(graph_time(user.created)),
        "deletedDateTime" => Some(optional_time(user.deleted)),
        "displayName" => Some(json!(user.display_name)),
        "id" => Some(json!(user.id)),
        "mail" => Some(json!(user.mail)),
        "mailNickname" => Some(json!(user.mail_nickname)),
        "onPremisesDistinguishedName" => Some(json!(
            origin.and_then(|origin| origin.distinguished_name.as_ref())
        )),
        "onPremisesExtensionAttributes" => Some(extension_attributes(origin)),
        "onPremisesImmutableId" => Some(json!(origin.and_then(|origin| origin.immutable_id.as_ref()))),
        "onPremisesUserPrincipalName" => Some(json!(
            origin.and_then(|origin| origin.user_principal_name.as_ref())
        )),
        "proxyAddresses" => Some(json!(user.proxy_addresses)),
        "userPrincipalName" => Some(json!(user.user_principal_name)),
        "userType" => user
            .properties
            .get(name)
            .cloned()
            .or_else(|| Some(json!("Member"))),
        _ => shared_origin(name, origin),
    };
    assemble(&USER_PROPERTIES, own, &user.properties)
}

pub(super) fn group_json(group: &Group) -> Map<String, Value> {
    let origin = group.on_premises.as_ref();
    let own = |name: &str| match name {
        "createdDateTime" | "renewedDateTime" => Some(graph_time(group.created)),
        "deletedDateTime" => Some(optional_time(group.deleted)),
        "description" => Some(json!(group.description)),
        "displayName" => Some(json!(group.display_name)),
        "groupTypes" => Some(json!(group.group_types)),
        "id" => Some(json!(group.id)),
        "mail" => Some(json!(group.mail)),
        "mailEnabled" => Some(json!(group.mail_enabled)),
        "mailNickname" => Some(json!(group.mail_nickname)),
        "onPremisesNetBiosName" => Some(json!(origin.and_then(|origin| origin.net_bios_name.as_ref()))),
        "proxyAddresses" => Some(json!(group.proxy_addresses)),
        "securityEnabled" => Some(json!(group.security_enabled)),
        _ => shared_origin(name, origin),
    };
    assemble(&GROUP_PROPERTIES, own, &group.properties)
}

/// The `onPremises*` properties that users and groups share (PR 10.1).
fn shared_origin(name: &str, origin: Option<&OnPremises>) -> Option<Value> {
    Some(match name {
        "onPremisesDomainName" => json!(origin.and_then(|origin| origin.domain_name.as_ref())),
        "onPremisesLastSyncDateTime" => optional_time(origin.and_then(|origin| origin.last_sync)),
        "onPremisesSamAccountName" => json!(origin.and_then(|origin| origin.sam_account_name.as_ref())),
        "onPremisesSecurityIdentifier" => {
            json!(origin.and_then(|origin| origin.security_identifier.as_ref()))
        }
        "onPremisesSyncEnabled" => json!(origin.map(|origin| origin.sync_enabled)),
        "onPremisesProvisioningErrors" => provisioning_errors(origin),
        _ => return None,
    })
}

/// `onPremisesProvisioningErrors` (CS 6.8).
fn provisioning_errors(origin: Option<&OnPremises>) -> Value {
    let errors = origin.map_or(&[][..], |origin| origin.provisioning_errors.as_slice());
    let show = |error: &ProvisioningError| {
        json!({
            "category": ProvisioningError::CATEGORY,
            "occurredDateTime": graph_time(error.occurred),
            "propertyCausingError": error.property,
            "value": error.value,
        })
    };
    errors.iter().map(show).collect()
}

/// Properties of an organizational contact; all are shown without `$select`.
pub(super) const CONTACT_PROPERTIES: [&str; 14] = [
    "companyName",
    "deletedDateTime",
    "department",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mailNickname",
    "onPremisesLastSyncDateTime",
    "onPremisesProvisioningErrors",
    "onPremisesSyncEnabled",
    "proxyAddresses",
    "surname",
];

pub(super) fn contact_json(contact: &Contact) -> Map<String, Value> {
    let own = |name: &str| match name {
        "deletedDateTime" => Some(optional_time(contact.deleted)),
        "displayName" => Some(json!(contact.display_name)),
        "id" => Some(json!(contact.id)),
        "mail" => Some(json!(contact.mail)),
        "mailNickname" => Some(json!(contact.mail_nickname)),
        "proxyAddresses" => Some(json!(contact.proxy_addresses)),
        _ => shared_origin(name, contact.on_premises.as_ref()),
    };
    assemble(&CONTACT_PROPERTIES, own, &contact.properties)
}

fn extension_attributes(origin: Option<&OnPremises>) -> Value {
    let attributes: Map<String, Value> = (1..=15)
        .map(|number| {
            let name = format!("extensionAttribute{number}");
            let value = origin.and_then(|origin| origin.extension_attributes.get(&name));
            (name, json!(value))
        })
        .collect();
    Value::Object(attributes)
}

fn assemble(
    names: &[&str],
    own: impl Fn(&str) -> Option<Value>,
    rest: &std::collections::BTreeMap<String, Value>,
) -> Map<String, Value> {
    names
        .iter()
        .map(|name| {
            let value = own(name).or_else(|| rest.get(*name).cloned()).unwrap_or_else(|| {
                if LISTS.contains(name) {
                    Value::Array(Vec::new())
                } else {
                    Value::Null
                }
            });
            ((*name).to_owned(), value)
        })
        .collect()
}
