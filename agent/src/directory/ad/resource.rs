//! An LDAP entry as the resource that the cloud gets (PR 10.1): values as text, binary ones as base64, links with the GUID of their end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use indexmap::IndexMap;
use provlab_protocol::guid::Guid;
use provlab_protocol::scim::{LinkReference, Resource, ResourceType};
use provlab_protocol::uac::UserAccountControl;

use crate::directory::ldap::Entry;

/// Attributes whose values are names of other objects and become links.
pub(in crate::directory) const LINKS: &[&str] = &[
    "member",
    "manager",
    "managedBy",
    "publicDelegates",
    "authOrig",
    "unauthOrig",
];

/// Attributes that are binary even where their bytes happen to be text.
const BINARY: &[&str] = &[
    "objectGUID",
    "objectSid",
    "sIDHistory",
    "parentGUID",
    "mS-DS-ConsistencyGuid",
    "thumbnailPhoto",
    "thumbnailLogo",
    "jpegPhoto",
    "userCertificate",
    "userSMIMECertificate",
    "msExchArchiveGUID",
    "msExchMailboxGuid",
    "msExchBlockedSendersHash",
    "msExchSafeRecipientsHash",
    "msExchSafeSendersHash",
];

/// What DirSync adds by itself and the cloud did not ask for.
const UNASKED: &[&str] = &["objectGUID", "instanceType", "parentGUID", "isDeleted", "name"];

/// A name that may carry `<GUID=…>;<SID=…>;` in front (PR 15.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExtendedName {
    pub(super) guid: Option<Guid>,
    pub(super) dn: String,
}

impl ExtendedName {
    pub(super) fn parse(text: &str) -> Self {
        let mut guid = None;
        let mut rest = text;
        while let Some((name, value, tail)) = component(rest) {
            if name.eq_ignore_ascii_case("GUID") {
                guid = guid_of(value);
            }
            rest = tail;
        }
        Self {
            guid,
            dn: rest.to_owned(),
        }
    }
}

/// `<NAME=value>;tail` or `<NAME=value>` alone.
fn component(text: &str) -> Option<(&str, &str, &str)> {
    let (inside, tail) = text.strip_prefix('<')?.split_once('>')?;
    let (name, value) = inside.split_once('=')?;
    Some((name, value, tail.strip_prefix(';').unwrap_or(tail)))
}

/// Text form, or the stored bytes in hexadecimal: 32 digits without hyphens.
fn guid_of(value: &str) -> Option<Guid> {
    if value.contains('-') {
        return value.parse().ok();
    }
    let bytes: [u8; 16] = hex::decode(value).ok()?.try_into().ok()?;
    Some(Guid::from_le_bytes(bytes))
}

/// The objectGUID of an entry.
pub(super) fn guid_of_entry(entry: &Entry) -> Option<Guid> {
    let bytes: [u8; 16] = entry.first("objectGUID")?.try_into().ok()?;
    Some(Guid::from_le_bytes(bytes))
}

/// A link value whose GUID the server did not send; somebody has to look it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unresolved {
    pub(super) attribute: String,
    pub(super) dn: String,
    pub(super) added: bool,
}

/// Makes the resource of an entry; gives also the links that still need their GUID.
pub(super) fn resource_of(
    entry: &Entry,
    kind: ResourceType,
    guid: Guid,
    asked: &[String],
    partial: bool,
) -> (Resource, Vec<Unresolved>) {
    let mut resource = Resource::new(kind, guid.as_uuid());
    let mut unresolved = Vec::new();
    resource.partial = partial;
    resource.deleted = entry.text("isDeleted") == Some("TRUE");
    let mut attributes = IndexMap::new();
    let wants =
        |name: &str| asked.is_empty() || asked.iter().any(|attribute| attribute.eq_ignore_ascii_case(name));
    for attribute in &entry.attributes {
        let (name, option) = split_option(&attribute.name);
        let asked_for = wants(name);
        if !asked_for && UNASKED.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            continue;
        }
        let link = LINKS.iter().find(|link| link.eq_ignore_ascii_case(name));
        if let Some(link) = link {
            let added = option != Some("range=0-0");
            for value in &attribute.values {
                let target = ExtendedName::parse(&String::from_utf8_lossy(value));
                match target.guid {
                    Some(guid) => {
                        let reference = LinkReference {
                            object_guid: guid.as_uuid(),
                            dn: target.dn.clone(),
                        };
                        add_link(&mut resource, link, reference, added);
                    }
                    None => unresolved.push(Unresolved {
                        attribute: (*link).to_owned(),
                        dn: target.dn.clone(),
                        added,
                    }),
                }
            }
            // Without an option the values are all there are: an empty list clears what the cloud knew.
            if option.is_none() {
                attributes.insert((*link).to_owned(), Vec::new());
            }
            continue;
        }
        attributes.insert(name.to_owned(), shown(name, &attribute.values));
    }
    // DirSync need not send the naming attribute: its value is the name's (PR 20).
    if let Some(name) = entry.text("name")
        && wants("cn")
        && !resource.deleted
        && entry.first("cn").is_none()
    {
        attributes.insert("cn".to_owned(), vec![name.to_owned()]);
    }
    let name = ExtendedName::parse(&entry.dn);
    if wants("distinguishedName") {
        attributes.insert("distinguishedName".to_owned(), vec![name.dn]);
    }
    // Synthetic in the product too (PR 10.1).
    if let Some(control) = entry
        .text("userAccountControl")
        .and_then(UserAccountControl::from_ldap)
    {
        let disabled = if control.is_disabled() { "True" } else { "False" };
        attributes.insert("accountDisabled".to_owned(), vec![disabled.to_owned()]);
    }
    resource.attributes = attributes;
    (resource, unresolved)
}

/// Adds a link value to a resource.
pub(in crate::directory) fn add_link(
    resource: &mut Resource,
    attribute: &str,
    reference: LinkReference,
    added: bool,
) {
    let side = if added {
        &mut resource.links_added
    } else {
        &mut resource.links_removed
    };
    side.entry(attribute.to_owned()).or_default().push(reference);
}

/// `member;range=1-1` is the attribute `member` with the option `range=1-1`.
pub(super) fn split_option(name: &str) -> (&str, Option<&str>) {
    name.split_once(';')
        .map_or((name, None), |(name, option)| (name, Some(option)))
}

/// Values of an attribute as they travel.
pub(in crate::directory) fn shown(name: &str, values: &[Vec<u8>]) -> Vec<String> {
    let binary = BINARY.iter().any(|known| known.eq_ignore_ascii_case(name));
    values.iter().map(|value| text_of(value, binary)).collect()
}

fn text_of(value: &[u8], binary: bool) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !binary => text.to_owned(),
        _ => BASE64.encode(value),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::ldap::Attribute;
    use proptest::prelude::*;

    const GUID: &str = "11223344-5566-7788-99aa-bbccddeeff00";

    fn entry(attributes: Vec<Attribute>) -> Entry {
        Entry {
            dn: "CN=Sales,DC=contoso,DC=com".to_owned(),
            attributes,
        }
    }

    #[test]
    fn extended_names_are_read_in_both_forms() {
        let text = ExtendedName::parse(&format!("<GUID={GUID}>;<SID=S-1-5-21-1-2-3-4>;CN=A <x>;y,DC=b"));
        let hex = ExtendedName::parse("<GUID=443322116655887799aabbccddeeff00>;CN=A <x>;y,DC=b");
        assert_eq!(text.guid, Some(GUID.parse().unwrap()));
        assert_eq!(text, hex);
        assert_eq!(ExtendedName::parse("CN=plain,DC=b").dn, "CN=plain,DC=b");
    }

    #[test]
    fn link_changes_become_added_and_removed_links() {
        let entry = entry(vec![
            Attribute::text(
                "member;range=1-1",
                &[&format!("<GUID={GUID}>;CN=New,DC=contoso,DC=com")],
            ),
            Attribute::text("member;range=0-0", &["CN=Gone,DC=contoso,DC=com"]),
        ]);
        let (resource, unresolved) = resource_of(
            &entry,
            ResourceType::Group,
            GUID.parse().unwrap(),
            &["member".to_owned()],
            true,
        );
        assert_eq!(resource.links_added["member"][0].dn, "CN=New,DC=contoso,DC=com");
        assert!(resource.links_removed.is_empty());
        assert_eq!(unresolved.len(), 1);
        assert!(!unresolved[0].added);
    }

    #[test]
    fn values_travel_as_text_and_binary_as_base64() {
        let entry = entry(vec![
            Attribute::binary("mS-DS-ConsistencyGuid", b"0123456789abcdef".to_vec()),
            Attribute::text("displayName", &["Ada"]),
            Attribute::text("userAccountControl", &["514"]),
            Attribute::text("description", &[]),
            Attribute::text("isDeleted", &["TRUE"]),
        ]);
        let (resource, _) = resource_of(&entry, ResourceType::User, GUID.parse().unwrap(), &[], true);
        assert_eq!(
            resource.first("mS-DS-ConsistencyGuid"),
            Some("MDEyMzQ1Njc4OWFiY2RlZg==")
        );
        assert_eq!(resource.first("displayName"), Some("Ada"));
        assert_eq!(resource.first("accountDisabled"), Some("True"));
        assert_eq!(resource.values("description"), Some(&[][..]));
        assert!(resource.deleted && resource.partial);
    }

    #[test]
    fn a_name_stands_in_for_the_naming_attribute() {
        let cn = |attributes: Vec<Attribute>, asked: &[String]| {
            let (resource, _) = resource_of(
                &entry(attributes),
                ResourceType::User,
                GUID.parse().unwrap(),
                asked,
                true,
            );
            assert_eq!(resource.values("name"), None);
            resource.first("cn").map(str::to_owned)
        };
        let (asked, name) = (["cn".to_owned()], Attribute::text("name", &["Ada"]));
        assert_eq!(cn(vec![name.clone()], &asked).as_deref(), Some("Ada"));
        assert_eq!(cn(vec![name.clone()], &["mail".to_owned()]), None);
        assert_eq!(cn(vec![], &asked), None);
        let deleted = Attribute::text("isDeleted", &["TRUE"]);
        assert_eq!(cn(vec![name, deleted], &asked), None);
    }

    proptest! {
        #[test]
        fn any_name_is_survived(text in ".*") {
            let _ = ExtendedName::parse(&text);
            let _ = ExtendedName::parse(&format!("<GUID={text}>;{text}"));
        }
    }
}
