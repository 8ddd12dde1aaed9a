//! An entry as the resource that the cloud gets: always whole, under the names of Active Directory.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use provlab_protocol::filetime::FileTime;
use provlab_protocol::guid::Guid;
use provlab_protocol::scim::{Resource, ResourceType};
use provlab_protocol::uac::UserAccountControl;
use uuid::Uuid;

use super::attributes::{self, CONTROL, ID, LOCKED_FOR_GOOD, LOCKED_SINCE, MUST_CHANGE, Rule};
use crate::directory::ad::resource::shown;
use crate::directory::ldap::{Entry, Filter};

/// Object classes and what they are to the cloud. A server whose schema lacks one takes it for a class that nothing has.
const CLASSES: [(&str, ResourceType); 6] = [
    ("inetOrgPerson", ResourceType::User),
    ("user", ResourceType::User),
    ("groupOfNames", ResourceType::Group),
    ("groupOfUniqueNames", ResourceType::Group),
    ("group", ResourceType::Group),
    ("contact", ResourceType::Contact),
];
/// What finds objects of these kinds.
pub(super) fn filter_of(kinds: &[ResourceType]) -> Filter {
    let classes = CLASSES.iter().filter(|(_, kind)| kinds.contains(kind));
    Filter::Or(
        classes
            .map(|(class, _)| Filter::equal("objectClass", class))
            .collect(),
    )
}

/// What an entry is to the cloud, by its classes.
pub(super) fn kind_of(entry: &Entry) -> Option<ResourceType> {
    let classes = entry.values("objectClass");
    let has = |class: &str| {
        classes
            .iter()
            .any(|value| value.eq_ignore_ascii_case(class.as_bytes()))
    };
    CLASSES
        .iter()
        .find(|(class, _)| has(class))
        .map(|(_, kind)| *kind)
}

/// The anchor of an entry.
pub(super) fn id_of(entry: &Entry) -> Option<Uuid> {
    entry.text(ID)?.parse().ok()
}

/// A link whose other end is known by its name only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedLink {
    pub(super) attribute: &'static str,
    pub(super) dn: String,
}

/// Makes the resource of an entry; gives also its links, whose ends somebody has to look up.
pub(super) fn resource_of(
    entry: &Entry,
    kind: ResourceType,
    id: Uuid,
    asked: &[String],
) -> (Resource, Vec<NamedLink>) {
    let mut resource = Resource::new(kind, id);
    let mut links = Vec::new();
    for name in asked {
        let Some((rule, made_of)) = attributes::rule_of(name) else {
            continue;
        };
        let found = || {
            made_of
                .iter()
                .map(|source| entry.values(source))
                .find(|values| !values.is_empty())
                .unwrap_or_default()
        };
        let values = match rule {
            Rule::Same if name.eq_ignore_ascii_case("distinguishedName") => vec![entry.dn.clone()],
            Rule::Same => shown(name, found()),
            Rule::Guid => vec![BASE64.encode(Guid::from(id).to_le_bytes())],
            Rule::Link => {
                if let Some(attribute) = link_of(name) {
                    links.extend(found().iter().map(|value| NamedLink {
                        attribute,
                        dn: String::from_utf8_lossy(value).into_owned(),
                    }));
                    // Clears what the cloud knew: the links are all there are.
                    resource.attributes.insert(attribute.to_owned(), Vec::new());
                }
                continue;
            }
            Rule::AccountControl if kind == ResourceType::User => {
                let control = account_control(entry);
                let disabled = if control.is_disabled() { "True" } else { "False" };
                let shown = vec![disabled.to_owned()];
                resource.attributes.insert("accountDisabled".to_owned(), shown);
                vec![control.to_ldap()]
            }
            Rule::AccountControl => Vec::new(),
            Rule::PasswordTime => password_time(entry).into_iter().collect(),
        };
        if !values.is_empty() {
            resource.attributes.insert(name.clone(), values);
        }
    }
    (resource, links)
}

/// The link attributes under the one spelling that links travel by.
fn link_of(name: &str) -> Option<&'static str> {
    crate::directory::ad::resource::LINKS
        .iter()
        .copied()
        .find(|link| link.eq_ignore_ascii_case(name))
}

/// A lock that ends by itself disables nobody, as a lockout does not in Active Directory.
fn account_control(entry: &Entry) -> UserAccountControl {
    let own = entry.text(CONTROL).and_then(UserAccountControl::from_ldap);
    let own = own.unwrap_or(UserAccountControl::NORMAL_ACCOUNT);
    if entry.text(LOCKED_SINCE) == Some(LOCKED_FOR_GOOD) {
        own.with(UserAccountControl::ACCOUNT_DISABLED)
    } else {
        own
    }
}

fn password_time(entry: &Entry) -> Option<String> {
    if entry.text(MUST_CHANGE) == Some("TRUE") {
        return Some("0".to_owned());
    }
    let changed = entry.text("pwdChangedTime")?;
    let time = FileTime::from_generalized_time(changed).ok()?;
    Some(time.0.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::ldap::Attribute;
    use uuid::uuid;

    const ADA: Uuid = uuid!("d216257a-7b4c-1041-8857-5db4583d5bdc");

    fn ada(more: &[Attribute]) -> Entry {
        let mut attributes = vec![
            Attribute::text("objectClass", &["top", "INETORGPERSON"]),
            Attribute::text("uid", &["ada"]),
            Attribute::text("cn", &["Ada Lovelace", "Ada"]),
            Attribute::text("mail", &["ada@contoso.com"]),
            Attribute::text("entryUUID", &["d216257a-7b4c-1041-8857-5db4583d5bdc"]),
        ];
        attributes.extend_from_slice(more);
        Entry {
            dn: "uid=ada,ou=People,dc=contoso,dc=com".to_owned(),
            attributes,
        }
    }

    fn seen(entry: &Entry, asked: &[&str]) -> Resource {
        let asked: Vec<_> = asked.iter().map(|name| (*name).to_owned()).collect();
        resource_of(entry, ResourceType::User, ADA, &asked).0
    }

    #[test]
    fn entries_have_a_kind_and_an_id() {
        assert_eq!(kind_of(&ada(&[])), Some(ResourceType::User));
        assert_eq!(id_of(&ada(&[])), Some(ADA));
        assert_eq!(kind_of(&Entry::default()), None);
    }

    #[test]
    fn attributes_travel_under_the_names_that_were_asked_for() {
        let resource = seen(
            &ada(&[]),
            &[
                "sAMAccountName",
                "userPrincipalName",
                "displayName",
                "distinguishedName",
                "objectGUID",
                "title",
            ],
        );
        assert!(!resource.partial && !resource.deleted);
        assert_eq!(resource.first("sAMAccountName"), Some("ada"));
        assert_eq!(resource.first("userPrincipalName"), Some("ada@contoso.com"));
        assert_eq!(resource.first("displayName"), Some("Ada Lovelace"));
        assert_eq!(
            resource.first("distinguishedName"),
            Some("uid=ada,ou=People,dc=contoso,dc=com")
        );
        let guid = BASE64.decode(resource.first("objectGUID").unwrap()).unwrap();
        assert_eq!(Guid::from_le_bytes(guid.try_into().unwrap()).as_uuid(), ADA);
        assert_eq!(resource.values("title"), None);
    }

    #[test]
    fn only_an_administrators_lock_disables() {
        let control = |more: &[Attribute]| {
            let resource = seen(&ada(more), &["userAccountControl"]);
            (
                resource.first("userAccountControl").unwrap().to_owned(),
                resource.first("accountDisabled").unwrap().to_owned(),
            )
        };
        let locked = |since: &str| Attribute::text(LOCKED_SINCE, &[since]);
        let own = Attribute::text(CONTROL, &["66048"]);
        assert_eq!(control(&[]), ("512".into(), "False".into()));
        assert_eq!(
            control(&[locked("20261123054523Z")]),
            ("512".into(), "False".into())
        );
        assert_eq!(control(&[locked(LOCKED_FOR_GOOD)]), ("514".into(), "True".into()));
        assert_eq!(
            control(&[own, locked(LOCKED_FOR_GOOD)]),
            ("66050".into(), "True".into())
        );
    }

    #[test]
    fn the_time_of_the_password_is_told_as_active_directory_does() {
        let set = Attribute::text("pwdChangedTime", &["20261123054523Z"]);
        let reset = Attribute::text(MUST_CHANGE, &["TRUE"]);
        assert_eq!(
            seen(&ada(std::slice::from_ref(&set)), &["pwdLastSet"]).first("pwdLastSet"),
            Some("134398863230000000")
        );
        assert_eq!(
            seen(&ada(&[set, reset]), &["pwdLastSet"]).first("pwdLastSet"),
            Some("0")
        );
    }

    #[test]
    fn links_are_named_and_replace_what_was_known() {
        let group = Entry {
            dn: "cn=Sales,ou=Groups,dc=contoso,dc=com".to_owned(),
            attributes: vec![Attribute::text(
                "uniqueMember",
                &["uid=ada,ou=People,dc=contoso,dc=com"],
            )],
        };
        let asked = ["MEMBER".to_owned()];
        let (resource, links) = resource_of(&group, ResourceType::Group, ADA, &asked);
        assert_eq!(resource.values("member"), Some(&[][..]));
        assert_eq!(
            links,
            [NamedLink {
                attribute: "member",
                dn: "uid=ada,ou=People,dc=contoso,dc=com".to_owned(),
            }]
        );
    }
}
