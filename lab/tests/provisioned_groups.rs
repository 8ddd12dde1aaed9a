//! Groups that the cloud keeps in a domain, as the agent writes them: the agent's own client and dialect against the
//! embedded Active Directory, with the rights that the installer grants and no others.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use provlab_agent::directory::ad::{ActiveDirectory, grant_all};
use provlab_agent::directory::ldap::{
    Attribute, Change, ChangeKind, DEFAULT_TIMEOUT, Entry, Filter, LdapConnection, Protection, Scope, Search,
};
use provlab_agent::directory::{Directory as _, DirectoryError, root_dse};
use provlab_directory::config::{AccountConfig, GroupConfig, PopulationConfig};
use provlab_directory::{Config, Running, start};
use provlab_platform::crypto::CryptoPolicy;
use provlab_platform::files::SimFiles;
use provlab_platform::net::sim::SimNetwork;
use provlab_platform::{Clock, Crypto, Entropy, MemoryStore, Platform, Trace};
use provlab_protocol::guid::Guid;
use provlab_protocol::scim::{
    AttributeType, DeleteGroup, ErrorCode, GroupAction, GroupWritten, ListMembers, MAX_MEMBER_CHANGES,
    PutGroup, ScimError,
};
use provlab_protocol::sid::Sid;
use time::macros::datetime;
use uuid::Uuid;

const DC: &str = "dc1.contoso.com";
const DOMAIN: &str = "contoso.com";
const BASE: &str = "DC=contoso,DC=com";
const ADMIN: &str = "CONTOSO\\Administrator";
const ADMIN_PASSWORD: &str = "Adm1n-of-the-Lab";
const SERVICE: &str = "CONTOSO\\provagent";
const STRANGER: &str = "CONTOSO\\stranger";
const PASSWORD: &str = "Wonder-2026";
/// `groupType` of a universal security group.
const UNIVERSAL: &str = "-2147483640";
const KEY: &str = "Group_0d1f2a3b-0000-4000-8000-0123456789ab";

struct World {
    clock: Clock,
    trace: Trace,
    network: SimNetwork,
    _directory: Running,
}

fn config(users: u32) -> Config {
    let mut config = Config::new(DOMAIN, "CONTOSO", ADMIN_PASSWORD.into());
    for name in ["provagent", "stranger"] {
        config.accounts.push(AccountConfig::new(name, PASSWORD.into()));
    }
    config.organizational_units = vec!["OU=Groups".to_owned(), "OU=Sales".to_owned()];
    config.groups.push(GroupConfig {
        name: "Old global group".to_owned(),
        container: None,
        member_of: Vec::new(),
        attributes: BTreeMap::new(),
    });
    config.populations.push(PopulationConfig {
        users,
        groups: Some(0),
        seed: 1,
        organizational_unit: "OU=Staff".to_owned(),
        upn_suffix: None,
        prefix: String::new(),
    });
    config
}

impl World {
    /// A domain with so many people, and the service's account with what the installer grants.
    async fn start(users: u32) -> Self {
        let clock = Clock::simulated(datetime!(2026-03-02 08:00 UTC));
        let trace = Trace::discard();
        let network = SimNetwork::new(&clock, &trace);
        let platform = platform(DC, &network, &clock, &trace);
        let directory = start(platform, config(users), Arc::new(MemoryStore::new()))
            .await
            .unwrap();
        let world = Self {
            clock,
            trace,
            network,
            _directory: directory,
        };
        let mut admin = world.connect(ADMIN, ADMIN_PASSWORD).await;
        let account = world
            .find(&mut admin, "sAMAccountName", "provagent")
            .await
            .unwrap();
        let sid = Sid::from_bytes(account.first("objectSid").unwrap()).unwrap();
        grant_all(&mut admin, &BASE.parse().unwrap(), &sid).await.unwrap();
        world
    }

    async fn connect(&self, user: &str, password: &str) -> LdapConnection {
        let platform = platform("srv1.contoso.com", &self.network, &self.clock, &self.trace);
        let mut connection = LdapConnection::open(&platform, DC, Protection::Ldaps, DEFAULT_TIMEOUT)
            .await
            .unwrap();
        connection.bind(user, &password.into()).await.unwrap();
        connection
    }

    /// The agent's session, as the service's account.
    async fn agent(&self) -> ActiveDirectory {
        self.session(SERVICE).await
    }

    async fn session(&self, user: &str) -> ActiveDirectory {
        let mut connection = self.connect(user, PASSWORD).await;
        let root = root_dse(&mut connection).await.unwrap();
        ActiveDirectory::over(connection, DOMAIN, &root).await.unwrap()
    }

    async fn search(&self, connection: &mut LdapConnection, filter: Filter) -> Vec<Entry> {
        let search = Search {
            base: BASE.to_owned(),
            scope: Scope::Subtree,
            filter,
            attributes: Vec::new(),
        };
        connection.search_paged(&search, &[]).await.unwrap()
    }

    async fn find(&self, connection: &mut LdapConnection, attribute: &str, value: &str) -> Option<Entry> {
        self.search(connection, Filter::equal(attribute, value))
            .await
            .pop()
    }

    /// The provisioned group with the key of these tests, as the administrator sees it.
    async fn group(&self) -> Option<Entry> {
        let mut admin = self.connect(ADMIN, ADMIN_PASSWORD).await;
        self.find(&mut admin, "msDS-ExternalDirectoryObjectId", KEY).await
    }

    /// objectGUIDs of the population, by DN.
    async fn people(&self) -> BTreeMap<String, Uuid> {
        let mut admin = self.connect(ADMIN, ADMIN_PASSWORD).await;
        let search = Search {
            base: format!("OU=Staff,{BASE}"),
            scope: Scope::OneLevel,
            filter: Filter::equal("objectClass", "user"),
            attributes: vec!["objectGUID".to_owned()],
        };
        let found = admin.search_paged(&search, &[]).await.unwrap();
        found
            .into_iter()
            .map(|entry| (entry.dn.clone(), guid_of(&entry)))
            .collect()
    }

    /// objectGUIDs of the members that the directory shows.
    async fn members(&self, directory: &mut ActiveDirectory, group: Uuid) -> BTreeSet<Uuid> {
        let mut all = BTreeSet::new();
        let mut next = Some(1);
        while let Some(start_index) = next {
            let page = directory
                .list_members(&list(group, start_index, 700))
                .await
                .unwrap()
                .unwrap();
            all.extend(page.members);
            next = page.next_index;
        }
        all
    }
}

fn platform(host: &str, network: &SimNetwork, clock: &Clock, trace: &Trace) -> Platform {
    Platform {
        host: host.to_owned(),
        net: network.door(host),
        clock: clock.clone(),
        entropy: Entropy::seeded(1).fork(host),
        crypto: Crypto::simulated(CryptoPolicy::default(), host),
        files: Arc::new(SimFiles::new()),
        trace: trace.for_host(host),
    }
}

fn simulate<T>(test: impl Future<Output = T>) -> T {
    provlab_platform::sim::runtime(7).unwrap().block_on(test)
}

fn guid_of(entry: &Entry) -> Uuid {
    Guid::from_le_slice(entry.first("objectGUID").unwrap())
        .unwrap()
        .into()
}

fn sales() -> PutGroup {
    let mut put = PutGroup::new(DOMAIN, KEY, "OU=Groups,DC=contoso,DC=com", "Sales_0123456789ab");
    for (name, value) in [
        ("adminDescription", KEY),
        ("displayName", "Sales"),
        ("description", "People who sell"),
    ] {
        put.attributes.insert(name.to_owned(), vec![value.to_owned()]);
    }
    put
}

fn list(id: Uuid, start_index: u32, count: u32) -> ListMembers {
    ListMembers {
        domain: DOMAIN.to_owned(),
        id,
        start_index,
        count,
    }
}

fn delete() -> DeleteGroup {
    DeleteGroup {
        domain: DOMAIN.to_owned(),
        external_id: KEY.to_owned(),
    }
}

fn refusal(result: Result<GroupWritten, DirectoryError>) -> ScimError {
    result.unwrap_err().to_scim()
}

#[test]
fn a_group_is_made_once_as_a_universal_security_group() {
    simulate(async {
        let world = World::start(5).await;
        let people: Vec<Uuid> = world.people().await.into_values().collect();
        let mut put = sales();
        put.members_added = people[..3].to_vec();
        let made = world.agent().await.put_group(&put).await.unwrap();
        assert_eq!(made.action, GroupAction::Created);
        assert_eq!((made.members_added, made.members_removed), (3, 0));
        assert_eq!(made.dn, "CN=Sales_0123456789ab,OU=Groups,DC=contoso,DC=com");
        let group = world.group().await.unwrap();
        assert_eq!(guid_of(&group), made.id);
        assert_eq!(group.text("groupType"), Some(UNIVERSAL));
        assert_eq!(group.text("adminDescription"), Some(KEY));
        assert_eq!(group.text("description"), Some("People who sell"));
        assert!(group.text("sAMAccountName").unwrap().starts_with('$'));
        assert_eq!(group.values("member").len(), 3);
        // The same request once more, over another agent that knows nothing of the first.
        let again = world.agent().await.put_group(&put).await.unwrap();
        assert_eq!(again.action, GroupAction::Unchanged);
        assert_eq!((again.id, again.members_added), (made.id, 0));
        assert_eq!(
            world.group().await.unwrap().text("uSNChanged"),
            group.text("uSNChanged")
        );
    });
}

#[test]
fn a_group_becomes_what_it_shall_be_and_says_what_was_changed() {
    simulate(async {
        let world = World::start(5).await;
        let people: Vec<Uuid> = world.people().await.into_values().collect();
        let mut agent = world.agent().await;
        let mut put = sales();
        put.members_added = people[..2].to_vec();
        let made = agent.put_group(&put).await.unwrap();
        put.name = "Sales, EMEA_0123456789ab".to_owned();
        put.parent = "OU=Sales,DC=contoso,DC=com".to_owned();
        put.attributes
            .insert("displayName".to_owned(), vec!["Sales, EMEA".to_owned()]);
        put.attributes.insert("description".to_owned(), Vec::new());
        let stranger = Uuid::from_u128(0xdead);
        put.members_added = vec![people[1], people[2], stranger];
        put.members_removed = vec![people[0], people[3], stranger];
        let changed = agent.put_group(&put).await.unwrap();
        assert_eq!(changed.action, GroupAction::Updated);
        assert_eq!(changed.id, made.id);
        assert_eq!(
            changed.changed,
            ["displayName", "description", "cn", "parentDistinguishedName"]
        );
        assert_eq!((changed.members_added, changed.members_removed), (1, 1));
        assert_eq!(changed.unresolved, [stranger]);
        let group = world.group().await.unwrap();
        assert_eq!(group.dn, changed.dn);
        assert_eq!(
            group.dn,
            r"CN=Sales\, EMEA_0123456789ab,OU=Sales,DC=contoso,DC=com"
        );
        assert_eq!(group.text("description"), None);
        assert_eq!(
            world.members(&mut agent, made.id).await,
            BTreeSet::from([people[1], people[2]])
        );
        // What counts at creation alone is left as it is.
        let mut once = put.clone();
        once.only_at_creation = ["CN", "parentDistinguishedName", "description"]
            .map(str::to_owned)
            .to_vec();
        once.name = "Other".to_owned();
        once.parent = "OU=Groups,DC=contoso,DC=com".to_owned();
        once.attributes
            .insert("description".to_owned(), vec!["Another text".to_owned()]);
        let kept = agent.put_group(&once).await.unwrap();
        assert_eq!((kept.action, &kept.dn), (GroupAction::Unchanged, &changed.dn));
        // A rename that a person sees and the directory does not: the letters' case alone.
        put.name = "SALES, EMEA_0123456789ab".to_owned();
        assert_eq!(agent.put_group(&put).await.unwrap().changed, ["cn"]);
        assert_eq!(
            agent.put_group(&put).await.unwrap().action,
            GroupAction::Unchanged
        );
    });
}

#[test]
fn a_group_of_before_is_found_by_its_guid_and_gets_the_key() {
    simulate(async {
        let world = World::start(1).await;
        let mut admin = world.connect(ADMIN, ADMIN_PASSWORD).await;
        let attributes = [
            Attribute::text("objectClass", &["group"]),
            Attribute::text("groupType", &[UNIVERSAL]),
        ];
        admin
            .add(&format!("CN=Old,OU=Sales,{BASE}"), &attributes)
            .await
            .unwrap();
        let old = guid_of(&world.find(&mut admin, "cn", "Old").await.unwrap());
        let mut put = sales();
        put.id = Some(old);
        let taken = world.agent().await.put_group(&put).await.unwrap();
        assert_eq!((taken.id, taken.action), (old, GroupAction::Updated));
        assert_eq!(guid_of(&world.group().await.unwrap()), old);
    });
}

#[test]
fn refusals_have_their_documented_codes() {
    simulate(async {
        let world = World::start(1).await;
        let mut agent = world.agent().await;
        let mut admin = world.connect(ADMIN, ADMIN_PASSWORD).await;
        let stamp = |key: &str| Change {
            kind: ChangeKind::Replace,
            attribute: "msDS-ExternalDirectoryObjectId".to_owned(),
            values: vec![key.as_bytes().to_vec()],
        };

        let mut put = sales();
        put.parent = "OU=Users,DC=contoso,DC=com".to_owned();
        let error = refusal(agent.put_group(&put).await);
        assert_eq!(
            error.code,
            ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError
        );
        assert_eq!(error.ldap.unwrap().result_code, 32);
        assert!(error.message.contains("make the container"), "{}", error.message);

        let error = refusal(world.session(STRANGER).await.put_group(&sales()).await);
        assert_eq!(
            error.code,
            ErrorCode::HybridSynchronizationActiveDirectoryInsufficientAccessRights
        );
        assert_eq!(error.ldap.unwrap().result_code, 50);
        assert!(world.group().await.is_none());

        let old = format!("CN=Old global group,CN=Users,{BASE}");
        admin.modify(&old, &[stamp(KEY)], &[]).await.unwrap();
        let error = refusal(agent.put_group(&sales()).await);
        assert_eq!(
            error.code,
            ErrorCode::HybridSynchronizationActiveDirectoryInvalidGroupType
        );
        assert!(error.message.contains("Old global group"), "{}", error.message);

        let attributes = [
            Attribute::text("objectClass", &["group"]),
            Attribute::text("msDS-ExternalDirectoryObjectId", &[KEY]),
        ];
        admin
            .add(&format!("CN=Twin,OU=Sales,{BASE}"), &attributes)
            .await
            .unwrap();
        let duplicate = ErrorCode::HybridSynchronizationActiveDirectoryUnexpectedDuplicateEntriesFound;
        let error = refusal(agent.put_group(&sales()).await);
        assert_eq!(error.code, duplicate);
        assert!(error.message.contains("CN=Twin"), "{}", error.message);
        assert_eq!(
            agent.delete_group(&delete()).await.unwrap_err().to_scim().code,
            duplicate
        );
    });
}

#[test]
fn a_name_that_another_object_has_is_refused_and_nothing_is_changed() {
    simulate(async {
        let world = World::start(1).await;
        let mut admin = world.connect(ADMIN, ADMIN_PASSWORD).await;
        let attributes = [Attribute::text("objectClass", &["group"])];
        let taken = format!("CN=Sales_0123456789ab,OU=Groups,{BASE}");
        admin.add(&taken, &attributes).await.unwrap();
        let error = refusal(world.agent().await.put_group(&sales()).await);
        assert_eq!(error.ldap.unwrap().result_code, 68);
        assert!(world.group().await.is_none());
    });
}

#[test]
fn a_group_is_deleted_once_and_never_one_without_the_key() {
    simulate(async {
        let world = World::start(2).await;
        let mut agent = world.agent().await;
        assert_eq!(agent.delete_group(&delete()).await.unwrap().id, None);
        let made = agent.put_group(&sales()).await.unwrap();
        assert_eq!(
            world
                .session(STRANGER)
                .await
                .delete_group(&delete())
                .await
                .unwrap_err()
                .to_scim()
                .code,
            ErrorCode::HybridSynchronizationActiveDirectoryInsufficientAccessRights
        );
        assert_eq!(agent.delete_group(&delete()).await.unwrap().id, Some(made.id));
        assert_eq!(
            world.agent().await.delete_group(&delete()).await.unwrap().id,
            None
        );
        assert_eq!(agent.list_members(&list(made.id, 1, 10)).await.unwrap(), None);
        // Made anew it is another group.
        assert_ne!(agent.put_group(&sales()).await.unwrap().id, made.id);
    });
}

#[test]
fn a_large_group_is_filled_and_read_in_pages() {
    simulate(async {
        let world = World::start(3_200).await;
        let people: Vec<Uuid> = world.people().await.into_values().collect();
        assert_eq!(people.len(), 3_200);
        let mut agent = world.agent().await;
        let mut id = Uuid::nil();
        for page in people.chunks(MAX_MEMBER_CHANGES) {
            let mut put = sales();
            put.members_added = page.to_vec();
            let written = agent.put_group(&put).await.unwrap();
            assert_eq!(usize::try_from(written.members_added).unwrap(), page.len());
            id = written.id;
        }
        assert_eq!(
            world.members(&mut agent, id).await,
            people.iter().copied().collect::<BTreeSet<_>>()
        );
        // Pages that begin in the middle of the server's ranges, and one behind the end.
        let page = agent.list_members(&list(id, 1_499, 3)).await.unwrap().unwrap();
        assert_eq!((page.members.len(), page.next_index), (3, Some(1_502)));
        let page = agent.list_members(&list(id, 3_200, 10)).await.unwrap().unwrap();
        assert_eq!((page.members.len(), page.next_index), (1, None));
    });
}

#[test]
fn the_schema_tells_what_users_and_groups_can_have() {
    simulate(async {
        let world = World::start(1).await;
        let schema = world.agent().await.schema().await.unwrap();
        let asked = ["user", "inetOrgPerson", "group", "contact", "spaceship"].map(str::to_owned);
        let found = schema.define(&asked);
        let names: Vec<&str> = found.objects.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(names, ["user", "inetOrgPerson", "group", "contact"]);
        let attribute = |class: usize, name: &str| {
            let object = &found.objects[class];
            let found = object.attributes.iter().find(|attribute| attribute.name == name);
            found
                .unwrap_or_else(|| panic!("{} has no {name}", object.name))
                .clone()
        };
        let member = attribute(2, "member");
        assert_eq!(
            (member.kind, member.multivalued, member.read_only),
            (AttributeType::Reference, true, false)
        );
        for (class, name, kind, required, read_only) in [
            (0, "userPrincipalName", AttributeType::String, false, false),
            (0, "userAccountControl", AttributeType::Integer, false, false),
            (0, "extensionAttribute1", AttributeType::String, false, false),
            (0, "objectGUID", AttributeType::Binary, false, true),
            (0, "memberOf", AttributeType::Reference, false, true),
            (0, "whenCreated", AttributeType::DateTime, false, true),
            (2, "groupType", AttributeType::Integer, true, false),
            (2, "isCriticalSystemObject", AttributeType::Boolean, false, false),
            (3, "cn", AttributeType::String, true, false),
        ] {
            let found = attribute(class, name);
            assert_eq!(
                (found.kind, found.required, found.read_only),
                (kind, required, read_only),
                "{name}"
            );
        }
    });
}

/// A request of a random history: who shall be in the group after it, what it is called, and how often it is delivered.
#[derive(Clone, Debug)]
struct Request {
    name: String,
    parent: usize,
    description: Option<String>,
    members: BTreeSet<usize>,
    deliveries: usize,
    gone: bool,
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let request = (
        "[A-Za-z, +#äß]{1,8}x",
        0usize..2,
        prop::option::of("[a-zäß]{1,6}"),
        prop::collection::btree_set(0usize..8, 0..8),
        1usize..4,
        prop::bool::weighted(0.15),
    );
    let request = request.prop_map(|(name, parent, description, members, deliveries, gone)| Request {
        name,
        parent,
        description,
        members,
        deliveries,
        gone,
    });
    prop::collection::vec(request, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_is_delivered_how_often_the_last_request_holds(history in requests()) {
        simulate(async {
            let world = World::start(8).await;
            let people: Vec<Uuid> = world.people().await.into_values().collect();
            let mut agents = [world.agent().await, world.agent().await];
            let mut wanted: Option<Request> = None;
            for request in history {
                let mut put = sales();
                put.name.clone_from(&request.name);
                put.parent = format!("OU={},{BASE}", ["Groups", "Sales"][request.parent]);
                put.attributes.insert("description".to_owned(), request.description.iter().cloned().collect());
                // What shall be and what shall not: more than what is new is harmless.
                put.members_added = request.members.iter().map(|index| people[*index]).collect();
                put.members_removed = (0..8).filter(|index| !request.members.contains(index)).map(|index| people[index]).collect();
                for delivery in 0..request.deliveries {
                    let agent = &mut agents[delivery % 2];
                    if request.gone {
                        let deleted = agent.delete_group(&delete()).await.unwrap();
                        assert_eq!(deleted.id.is_some(), delivery == 0 && wanted.is_some());
                    } else {
                        let written = agent.put_group(&put).await.unwrap();
                        assert_eq!(written.action == GroupAction::Created, delivery == 0 && wanted.is_none());
                        assert!(delivery == 0 || written.action == GroupAction::Unchanged, "{written:?}");
                    }
                }
                wanted = (!request.gone).then_some(request);
            }
            let found = world.group().await;
            assert_eq!(found.is_some(), wanted.is_some());
            if let (Some(found), Some(wanted)) = (found, wanted) {
                assert_eq!(found.text("cn"), Some(wanted.name.as_str()));
                assert!(found.dn.ends_with(["OU=Groups,DC=contoso,DC=com", "OU=Sales,DC=contoso,DC=com"][wanted.parent]));
                assert_eq!(found.text("description").map(str::to_owned), wanted.description);
                let members = world.members(&mut agents[0], guid_of(&found)).await;
                let expected: BTreeSet<Uuid> = wanted.members.iter().map(|index| people[*index]).collect();
                assert_eq!(members, expected);
            }
        });
    }
}
