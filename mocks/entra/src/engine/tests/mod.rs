//! The engine without I/O: a state, a script of events, and what the cloud looks like afterwards.

#![allow(clippy::unwrap_used, clippy::panic)]

mod conflicts;
mod deletes;
mod scoping;
mod throttling;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use provlab_platform::{MemoryStore, Store};
use provlab_protocol::environment::EnvironmentName;
use provlab_protocol::scim::{
    ErrorCode, LinkReference, ListResponse, Operation, ReplicaToken, Resource, ResourceType, ScimError,
    Watermark,
};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::assumptions::{Assumptions, names as assumed};
use crate::state::{Db, DbError, Group, SmartLockout, Tenant, TenantFeatures, User};

const START: OffsetDateTime = datetime!(2026-03-01 08:00 UTC);
const TENANT: Uuid = Uuid::from_u128(7);

struct Lab {
    store: Arc<MemoryStore>,
    db: Db,
    job: String,
    now: OffsetDateTime,
    ids: u128,
    plans: Plans,
    assumptions: Assumptions,
    busy: Option<Duration>,
}

impl Lab {
    /// A tenant with a started job for contoso.com.
    fn started() -> Self {
        let mut lab = Self::created();
        lab.configure();
        lab.write(|txn, job, now| jobs::start(txn, TENANT, job, now).unwrap());
        lab
    }

    fn created() -> Self {
        let store = Arc::new(MemoryStore::default());
        let db = Db::open(Arc::clone(&store) as Arc<dyn Store>).unwrap();
        let job = db
            .write::<_, DbError>(|txn| {
                txn.put(Tenant {
                    id: TENANT,
                    environment: EnvironmentName::AzureCloud,
                    display_name: "Contoso".to_owned(),
                    initial_domain: "contoso.onmicrosoft.com".to_owned(),
                    verified_domains: vec!["contoso.com".to_owned()],
                    unverified_domains: Vec::new(),
                    created: START,
                    on_premises_sync_enabled: Some(true),
                    on_premises_last_sync: None,
                    features: TenantFeatures::default(),
                    smart_lockout: SmartLockout::default(),
                    updater_configuration: None,
                });
                let account = format!("{SYNC_ACCOUNT_PREFIX}@contoso.onmicrosoft.com");
                txn.put(User::new(TENANT, Uuid::from_u128(600), &account, START));
                let template = template(AD2AAD_PROVISIONING).unwrap();
                Ok(
                    jobs::create(txn, TENANT, Uuid::from_u128(8), template, Uuid::from_u128(9))
                        .job
                        .id,
                )
            })
            .unwrap();
        Self {
            store,
            db,
            job,
            now: START,
            ids: 1000,
            plans: Plans::new(&Assumptions::default()),
            assumptions: Assumptions::default(),
            busy: None,
        }
    }

    fn configure(&mut self) {
        let configuration = Configuration::from_secrets([("Domain", r#"{"domain":"CONTOSO.COM"}"#)]).unwrap();
        self.write(|txn, _, now| jobs::configure(txn, TENANT, Uuid::from_u128(8), &configuration, now));
    }

    fn write<T>(&mut self, change: impl FnOnce(&mut crate::state::Txn<'_>, &str, OffsetDateTime) -> T) -> T {
        let (job, now) = (self.job.clone(), self.now);
        self.db
            .write::<_, DbError>(|txn| Ok(change(txn, &job, now)))
            .unwrap()
    }

    fn job(&self) -> Job {
        self.db
            .read(|cloud| cloud.sync_jobs.get(TENANT, &self.job).unwrap().job.clone())
    }

    fn step(&mut self, event: Event) -> Effect {
        let epoch = self.job().sync.epoch;
        self.step_at(epoch, event)
    }

    /// A step, and those that follow because it was full.
    fn step_at(&mut self, epoch: u64, event: Event) -> Effect {
        let mut effect = self.one_step(epoch, event);
        while effect.again {
            let next = self.one_step(epoch, Event::Continue);
            effect.reports.extend(next.reports);
            (effect.ask, effect.again) = (next.ask, next.again);
        }
        effect
    }

    fn one_step(&mut self, epoch: u64, event: Event) -> Effect {
        let mut ids = self.ids;
        let (job, now) = (self.job.clone(), self.now);
        let effect = self
            .db
            .write::<_, DbError>(|txn| {
                let mut new_id = || {
                    ids += 1;
                    Uuid::from_u128(ids)
                };
                let mut world = World {
                    now,
                    period: &|span| span,
                    new_id: &mut new_id,
                    plans: &self.plans,
                    assumptions: &self.assumptions,
                    busy: self.busy,
                };
                Ok(step(txn, &mut world, TENANT, &job, epoch, event))
            })
            .unwrap();
        self.ids = ids;
        effect
    }

    /// Begins a cycle up to its first query.
    fn begin(&mut self) -> Option<Watermark> {
        let asked = self.step(Event::Tick).ask;
        assert!(matches!(asked, Some(Operation::Ping(_))), "{asked:?}");
        query(self.step(Event::CheckPassed))
    }

    /// A whole cycle of one page.
    fn cycle(&mut self, resources: Vec<Resource>) -> Effect {
        self.begin();
        let effect = self.step(page(resources, 1, false));
        assert!(effect.ask.is_none());
        self.now = self.job().sync.next_run.unwrap();
        effect
    }

    fn user(&self, upn: &str) -> Option<User> {
        self.db
            .read(|cloud| cloud.users.find(TENANT, User::BY_UPN, upn).next().cloned())
    }

    fn group(&self, name: &str) -> Group {
        self.db.read(|cloud| {
            cloud
                .groups
                .of(TENANT)
                .find(|g| g.display_name == name)
                .unwrap()
                .clone()
        })
    }

    fn members(&self, name: &str) -> Vec<String> {
        let members = self.group(name).members;
        self.db.read(|cloud| {
            let mut names: Vec<String> = members
                .iter()
                .map(|m| {
                    cloud
                        .users
                        .get(TENANT, &m.to_string())
                        .unwrap()
                        .user_principal_name
                        .clone()
                })
                .collect();
            names.sort();
            names
        })
    }

    /// The live objects without ids and times: what two runs that did the same must agree on. An object that came and went may be
    /// among the deleted ones or never have arrived.
    fn picture(&self) -> BTreeMap<String, String> {
        self.db.read(|cloud| {
            let name = |id: &Uuid| {
                cloud
                    .users
                    .get(TENANT, &id.to_string())
                    .map(|u| u.user_principal_name.clone())
            };
            let synchronized = |u: &&User| u.deleted.is_none() && u.on_premises.is_some();
            let users = cloud.users.of(TENANT).filter(synchronized).map(|u| {
                let manager = u.manager.as_ref().and_then(name);
                let facts = (u.account_enabled, u.display_name.clone(), u.mail.clone(), manager);
                (
                    format!(
                        "user {}",
                        u.on_premises.as_ref().unwrap().immutable_id.clone().unwrap()
                    ),
                    format!("{facts:?}"),
                )
            });
            let groups = cloud.groups.of(TENANT).map(|g| {
                let mut members: Vec<_> = g.members.iter().filter_map(name).collect();
                members.sort();
                (format!("group {}", g.display_name), format!("{members:?}"))
            });
            users.chain(groups).collect()
        })
    }
}

fn query(effect: Effect) -> Option<Watermark> {
    match effect.ask {
        Some(Operation::Query(query)) => query.cookie,
        other => panic!("{other:?}"),
    }
}

fn guid(n: u128) -> Uuid {
    Uuid::from_u128(0xad00 + n)
}

fn page(resources: Vec<Resource>, cookie: u8, more: bool) -> Event {
    let replica = ReplicaToken {
        invocation_id: Uuid::nil(),
        name: "dc1.contoso.com".to_owned(),
    };
    Event::Page(Box::new(ListResponse::new(
        resources,
        Watermark(vec![cookie]),
        more,
        replica,
    )))
}

fn resource(kind: ResourceType, n: u128, attributes: &[(&str, &str)]) -> Resource {
    let mut resource = Resource::new(kind, guid(n));
    resource.partial = true;
    for (name, value) in attributes {
        let values = if value.is_empty() {
            Vec::new()
        } else {
            vec![(*value).to_owned()]
        };
        resource.attributes.insert((*name).to_owned(), values);
    }
    resource
}

fn person(n: u128, name: &str) -> Resource {
    let (dn, upn) = (
        format!("CN={name},OU=Staff,DC=contoso,DC=com"),
        format!("{name}@contoso.com"),
    );
    let attributes = [
        ("distinguishedName", dn.as_str()),
        ("cn", name),
        ("displayName", name),
        ("userPrincipalName", upn.as_str()),
        ("sAMAccountName", name),
        ("userAccountControl", "512"),
    ];
    resource(ResourceType::User, n, &attributes)
}

fn team(n: u128, name: &str, members: &[u128]) -> Resource {
    let dn = format!("CN={name},OU=Teams,DC=contoso,DC=com");
    let attributes = [
        ("distinguishedName", dn.as_str()),
        ("cn", name),
        ("sAMAccountName", name),
        ("groupType", "-2147483646"),
    ];
    links(
        resource(ResourceType::Group, n, &attributes),
        "member",
        members,
        &[],
    )
}

fn links(mut resource: Resource, name: &str, added: &[u128], removed: &[u128]) -> Resource {
    let reference = |n: &u128| LinkReference {
        object_guid: guid(*n),
        dn: format!("CN={n}"),
    };
    if !added.is_empty() {
        resource
            .links_added
            .insert(name.to_owned(), added.iter().map(reference).collect());
    }
    if !removed.is_empty() {
        resource
            .links_removed
            .insert(name.to_owned(), removed.iter().map(reference).collect());
    }
    resource
}

fn gone(kind: ResourceType, n: u128) -> Resource {
    Resource {
        deleted: true,
        ..resource(kind, n, &[])
    }
}

#[test]
fn nothing_moves_until_created_configured_and_started() {
    let mut lab = Lab::created();
    assert!(lab.step(Event::Tick).ask.is_none());
    assert_eq!(lab.job().code(), StatusCode::Paused);
    lab.write(|txn, job, now| jobs::start(txn, TENANT, job, now).unwrap());
    assert_eq!(lab.job().code(), StatusCode::NotConfigured);
    assert!(lab.step(Event::Tick).ask.is_none());
    lab.configure();
    assert_eq!(lab.job().code(), StatusCode::NotRun);
    assert!(lab.step(Event::Tick).ask.is_some());
    lab.write(|txn, job, _| jobs::pause(txn, TENANT, job).unwrap());
    assert!(lab.step(Event::CheckPassed).ask.is_none());
}

#[test]
fn an_initial_cycle_brings_objects_first_and_references_after() {
    let mut lab = Lab::started();
    assert_eq!(lab.begin(), None);
    // The group comes before its members, the report before the manager, over two pages.
    let ann = links(person(1, "ann"), "manager", &[2], &[]);
    let effect = lab.step(page(vec![team(3, "Sales", &[1, 2]), ann], 1, true));
    assert_eq!(query(effect), Some(Watermark(vec![1])));
    assert!(lab.members("Sales").is_empty());
    let effect = lab.step(page(vec![person(2, "bob")], 2, false));
    assert!(effect.ask.is_none());
    assert_eq!(lab.members("Sales"), ["ann@contoso.com", "bob@contoso.com"]);
    let bob = lab.user("bob@contoso.com").unwrap();
    assert_eq!(lab.user("ann@contoso.com").unwrap().manager, Some(bob.id));
    let origin = bob.on_premises.unwrap();
    assert_eq!(origin.sam_account_name.as_deref(), Some("bob"));
    assert_eq!(origin.domain_name.as_deref(), Some("contoso.com"));
    let job = lab.job();
    assert_eq!(
        (job.code(), job.sync.phase),
        (StatusCode::Active, Phase::Incremental)
    );
    let execution = job.last_successful_execution_with_exports.unwrap();
    assert_eq!(
        (execution.imported, execution.exported, execution.entitled),
        (3, 5, 3)
    );
    assert_eq!(
        job.synchronized,
        BTreeMap::from([("group to Group".to_owned(), 1), ("user to User".to_owned(), 2)])
    );
    assert_eq!(job.sync.next_run, Some(START + Duration::from_secs(120)));
}

#[test]
fn an_incremental_cycle_writes_changes_only() {
    let mut lab = Lab::started();
    lab.cycle(vec![person(1, "ann"), person(2, "bob"), team(3, "Sales", &[1])]);
    let quiet = lab.cycle(vec![resource(ResourceType::User, 1, &[("displayName", "ann")])]);
    assert!(!quiet.reports.iter().any(|r| matches!(r, Report::Export { .. })));
    assert_eq!(lab.job().last_execution.unwrap().exported, 0);
    lab.cycle(vec![
        resource(
            ResourceType::User,
            1,
            &[("displayName", "Ann B"), ("department", "not asked for")],
        ),
        links(resource(ResourceType::Group, 3, &[]), "member", &[2], &[1]),
    ]);
    assert_eq!(
        lab.user("ann@contoso.com").unwrap().display_name.as_deref(),
        Some("Ann B")
    );
    assert_eq!(lab.members("Sales"), ["bob@contoso.com"]);
    lab.cycle(vec![resource(ResourceType::User, 1, &[("displayName", "")])]);
    assert_eq!(lab.user("ann@contoso.com").unwrap().display_name, None);
}

#[test]
fn references_wait_for_objects_that_come_later() {
    let mut lab = Lab::started();
    let mut ann = person(1, "ann");
    ann.attributes.insert(
        "manager".to_owned(),
        vec!["CN=bob,OU=Staff,DC=contoso,DC=com".to_owned()],
    );
    lab.cycle(vec![ann, team(3, "Sales", &[2])]);
    lab.cycle(vec![person(2, "bob")]);
    assert_eq!(lab.members("Sales"), ["bob@contoso.com"]);
    let bob = lab.user("bob@contoso.com").unwrap().id;
    assert_eq!(lab.user("ann@contoso.com").unwrap().manager, Some(bob));
    // A rename of the manager is not seen on the report: the reference follows the object.
    lab.cycle(vec![resource(
        ResourceType::User,
        2,
        &[("distinguishedName", "CN=robert,DC=contoso,DC=com")],
    )]);
    assert_eq!(lab.user("ann@contoso.com").unwrap().manager, Some(bob));
    lab.cycle(vec![resource(ResourceType::User, 1, &[("manager", "")])]);
    assert_eq!(lab.user("ann@contoso.com").unwrap().manager, None);
}

#[test]
fn members_beyond_fifty_thousand_are_left_out_and_the_log_says_so() {
    let mut lab = Lab::started();
    lab.cycle(vec![person(1, "ann"), person(2, "bob"), team(9, "All", &[])]);
    let others = u128::try_from(outbound::MAX_MEMBERS - 1).unwrap();
    let mut group = lab.group("All");
    group
        .members
        .extend((1..=others).map(|n| Uuid::from_u128(0xffff_0000_0000 + n)));
    lab.write(|txn, _, _| txn.put(group));
    lab.cycle(vec![links(team(9, "All", &[]), "member", &[1, 2], &[])]);
    assert_eq!(lab.group("All").members.len(), outbound::MAX_MEMBERS);
    let told: Vec<String> = lab.db.read(|cloud| {
        let failed = cloud
            .provisioning_log
            .of(TENANT)
            .filter(|entry| entry.code == "UnprocessableEntity");
        failed.map(|entry| entry.reason.clone()).collect()
    });
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("1 members were left out"), "{told:?}");
}

#[test]
fn disable_delete_and_restore() {
    let mut lab = Lab::started();
    lab.cycle(vec![person(1, "ann"), team(3, "Sales", &[1])]);
    let id = lab.user("ann@contoso.com").unwrap().id;
    let effect = lab.cycle(vec![resource(
        ResourceType::User,
        1,
        &[("userAccountControl", "514")],
    )]);
    assert!(effect.reports.iter().any(|r| matches!(
        r,
        Report::Export {
            action: "disable",
            ..
        }
    )));
    assert!(!lab.user("ann@contoso.com").unwrap().account_enabled);
    lab.cycle(vec![gone(ResourceType::User, 1)]);
    assert!(lab.user("ann@contoso.com").is_none());
    assert!(lab.members("Sales").is_empty());
    let deleted = lab
        .db
        .read(|cloud| cloud.users.get(TENANT, &id.to_string()).unwrap().deleted);
    assert!(deleted.is_some());
    assert_eq!(
        lab.job().synchronized,
        BTreeMap::from([("group to Group".to_owned(), 1)])
    );
    // Told twice, nothing happens twice.
    assert_eq!(lab.cycle(vec![gone(ResourceType::User, 1)]).reports.len(), 1);
    lab.cycle(vec![
        person(1, "ann"),
        links(resource(ResourceType::Group, 3, &[]), "member", &[1], &[]),
    ]);
    assert_eq!(lab.user("ann@contoso.com").unwrap().id, id);
    assert_eq!(lab.members("Sales"), ["ann@contoso.com"]);
}

#[test]
fn a_refused_cookie_leads_to_a_full_cycle_that_loses_nothing() {
    let mut lab = Lab::started();
    let mut bob = person(2, "bob");
    bob.attributes
        .insert("mail".to_owned(), vec!["bob@contoso.com".to_owned()]);
    lab.cycle(vec![
        person(1, "ann"),
        bob,
        person(4, "cy"),
        team(3, "Sales", &[1, 2, 4]),
    ]);
    let ann = lab.user("ann@contoso.com").unwrap().id;
    assert_eq!(lab.begin(), Some(Watermark(vec![1])));
    let refused = ScimError::new(ErrorCode::CookieRefused, "");
    assert_eq!(query(lab.step(Event::ReadFailed(refused.into()))), None);
    // While nobody looked, cy was deleted, bob lost his mail address and left the group.
    lab.step(page(vec![person(1, "ann"), person(2, "bob")], 5, true));
    lab.step(page(vec![team(3, "Sales", &[1])], 6, false));
    assert_eq!(lab.user("ann@contoso.com").unwrap().id, ann);
    assert_eq!(lab.user("bob@contoso.com").unwrap().mail, None);
    assert!(lab.user("cy@contoso.com").is_none());
    assert_eq!(lab.members("Sales"), ["ann@contoso.com"]);
    let execution = lab.job().last_execution.unwrap();
    assert_eq!(
        (execution.state, execution.exported),
        (Some(ExecutionState::Succeeded), 3)
    );
}

#[test]
fn a_failed_check_quarantines_with_growing_rests_and_a_good_cycle_heals() {
    let mut lab = Lab::started();
    lab.cycle(vec![person(1, "ann")]);
    let failure: Failure =
        ScimError::new(ErrorCode::HybridIdentityServiceNoActiveAgents, "contoso.com").into();
    let mut rests = Vec::new();
    for _ in 0..12 {
        lab.step(Event::Tick);
        lab.step(Event::CheckFailed(failure.clone()));
        let next = lab.job().sync.next_run.unwrap();
        rests.push((next - lab.now).whole_minutes());
        lab.now = next;
    }
    assert_eq!(rests, [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440]);
    let job = lab.job();
    assert_eq!(
        (job.code(), job.successive_failures),
        (StatusCode::Quarantine, 12)
    );
    let shown = job.to_graph()["status"]["quarantine"].clone();
    assert_eq!(shown["reason"], "EncounteredQuarantineException");
    assert_eq!(shown["error"]["code"], "HybridIdentityServiceNoActiveAgents");
    assert_eq!(shown["seriesCount"], 12);
    let effect = lab.cycle(vec![]);
    assert!(effect.reports.contains(&Report::Released));
    assert_eq!(
        (lab.job().code(), lab.job().successive_failures),
        (StatusCode::Active, 0)
    );
}

#[test]
fn four_weeks_of_quarantine_disable_the_job() {
    let mut lab = Lab::started();
    let failure: Failure = ScimError::new(ErrorCode::HybridIdentityServiceNoAgentsAssigned, "").into();
    while lab.job().sync.next_run.is_some() {
        lab.step(Event::Tick);
        lab.step(Event::CheckFailed(failure.clone()));
        lab.now = lab.job().sync.next_run.unwrap_or(lab.now);
    }
    assert_eq!(lab.job().schedule.state, ScheduleState::Disabled);
    assert_eq!((lab.now - START).whole_days(), 28);
}

#[test]
fn a_cycle_that_breaks_off_goes_on_from_its_last_page() {
    let mut lab = Lab::started();
    lab.begin();
    lab.step(page(vec![person(1, "ann"), team(3, "Sales", &[1, 2])], 1, true));
    let failure: Failure = ScimError::new(ErrorCode::HybridIdentityServiceAgentSignalingError, "").into();
    lab.step(Event::ReadFailed(failure));
    assert_eq!(lab.job().code(), StatusCode::Active);
    assert_eq!(
        lab.job().last_execution.unwrap().state,
        Some(ExecutionState::Failed)
    );
    lab.now = lab.job().sync.next_run.unwrap();
    assert_eq!(lab.begin(), Some(Watermark(vec![1])));
    lab.step(page(vec![person(2, "bob")], 2, false));
    assert_eq!(lab.members("Sales"), ["ann@contoso.com", "bob@contoso.com"]);
}

#[test]
fn built_in_exclusions_keep_objects_out_and_take_them_out() {
    let mut lab = Lab::started();
    let mut admin = person(1, "Administrator");
    admin
        .attributes
        .insert("isCriticalSystemObject".to_owned(), vec!["TRUE".to_owned()]);
    let mut conflict = person(2, "dup");
    conflict
        .attributes
        .insert("cn".to_owned(), vec!["dup\nCNF:0f".to_owned()]);
    let mut back = person(4, "written-back");
    back.attributes
        .insert("adminDescription".to_owned(), vec!["User_1234".to_owned()]);
    lab.cycle(vec![
        admin,
        conflict,
        back,
        person(5, "eve"),
        team(3, "Sales", &[1, 5]),
    ]);
    assert_eq!(
        lab.picture()
            .keys()
            .filter(|name| name.starts_with("user"))
            .count(),
        1
    );
    assert_eq!(lab.members("Sales"), ["eve@contoso.com"]);
    assert_eq!(lab.job().last_execution.unwrap().entitled, 2);
    let eve = lab.user("eve@contoso.com").unwrap().id;
    lab.cycle(vec![resource(
        ResourceType::User,
        5,
        &[("adminDescription", "User_1")],
    )]);
    assert!(lab.user("eve@contoso.com").is_none());
    lab.cycle(vec![resource(ResourceType::User, 5, &[("adminDescription", "")])]);
    assert_eq!(lab.user("eve@contoso.com").unwrap().id, eve);
    assert_eq!(lab.members("Sales"), ["eve@contoso.com"]);
}

fn cloud_user(lab: &mut Lab, upn: &str, change: impl FnOnce(&mut User)) -> Uuid {
    lab.write(|txn, _, now| {
        let mut user = User::new(TENANT, Uuid::from_u128(500), upn, now);
        change(&mut user);
        txn.put(user);
        Uuid::from_u128(500)
    })
}

#[test]
fn soft_match_takes_over_a_cloud_account_and_never_an_admin() {
    let mut lab = Lab::started();
    let id = cloud_user(&mut lab, "ann@contoso.com", |_| ());
    lab.cycle(vec![person(1, "ann")]);
    assert_eq!(lab.user("ann@contoso.com").unwrap().id, id);
    assert!(lab.user("ann@contoso.com").unwrap().on_premises.is_some());

    let mut lab = Lab::started();
    let id = cloud_user(&mut lab, "other@contoso.com", |u| {
        u.proxy_addresses = vec!["SMTP:Ann@contoso.com".to_owned()];
    });
    let mut ann = person(1, "ann");
    ann.attributes.insert(
        "proxyAddresses".to_owned(),
        vec!["SMTP:ann@contoso.com".to_owned()],
    );
    lab.cycle(vec![ann]);
    assert_eq!(lab.user("ann@contoso.com").unwrap().id, id);

    let mut lab = Lab::started();
    cloud_user(&mut lab, "ann@contoso.com", |u| {
        u.roles.insert(Uuid::from_u128(1));
    });
    lab.cycle(vec![person(1, "ann")]);
    assert!(lab.user("ann@contoso.com").unwrap().on_premises.is_none());
    assert_eq!(
        lab.job().last_execution.unwrap().state,
        Some(ExecutionState::EntryLevelErrors)
    );
}

#[test]
fn a_conflict_goes_to_escrow_is_retried_and_given_up() {
    let strict = || {
        let mut lab = Lab::started();
        lab.assumptions = Assumptions([(assumed::DUPLICATE_RESILIENCY.to_owned(), false)].into());
        lab
    };
    let mut lab = strict();
    let mut twin = person(2, "twin");
    twin.attributes
        .insert("userPrincipalName".to_owned(), vec!["ann@contoso.com".to_owned()]);
    lab.cycle(vec![person(1, "ann"), twin.clone()]);
    let execution = lab.job().last_execution.unwrap();
    assert_eq!(
        (execution.state, execution.escrowed),
        (Some(ExecutionState::EntryLevelErrors), 1)
    );
    let twin_record = |lab: &Lab| {
        lab.db.read(|c| {
            c.source_objects
                .of(TENANT)
                .find(|r| r.guid == guid(2))
                .unwrap()
                .clone()
        })
    };
    let escrow = twin_record(&lab).escrow.unwrap();
    assert_eq!(
        (escrow.code.as_str(), escrow.retry_at),
        ("EntryConflict", START + Duration::from_secs(6 * 3600))
    );
    // The cause goes away; the retry, not before it is due, succeeds.
    lab.cycle(vec![gone(ResourceType::User, 1)]);
    assert!(lab.user("ann@contoso.com").is_none());
    lab.now = escrow.retry_at;
    lab.cycle(vec![]);
    assert!(lab.user("ann@contoso.com").is_some());
    assert_eq!(lab.job().last_execution.unwrap().escrowed, 0);

    let mut lab = strict();
    lab.cycle(vec![person(1, "ann"), twin]);
    lab.now = START + Duration::from_secs(28 * 24 * 3600);
    lab.cycle(vec![]);
    assert!(lab.job().escrows_pruned);
    assert!(twin_record(&lab).escrow.is_none());
}

#[test]
fn a_forgotten_connector_data_store_is_linked_again_by_the_anchor() {
    let mut lab = Lab::started();
    let objects = || vec![person(1, "ann"), person(2, "bob"), team(3, "Sales", &[1, 2])];
    lab.cycle(objects());
    let before = lab.picture();
    let ids = |lab: &Lab| {
        lab.db
            .read(|c| c.users.of(TENANT).map(|u| u.id).collect::<Vec<_>>())
    };
    let (users, scope) = (ids(&lab), ResetScope::parse("Full").unwrap());
    lab.write(|txn, job, now| jobs::restart(txn, TENANT, job, scope, now).unwrap());
    assert_eq!(lab.job().sync.counts.in_scope, 0);
    lab.cycle(objects());
    assert_eq!((lab.picture(), ids(&lab)), (before, users));
    assert_eq!(lab.job().last_execution.unwrap().exported, 0);
    assert_eq!(lab.job().sync.counts.in_scope, 3);
}

#[test]
fn deleting_a_job_leaves_what_it_synchronized() {
    let mut lab = Lab::started();
    lab.cycle(vec![person(1, "ann")]);
    lab.write(|txn, job, _| jobs::delete(txn, TENANT, job).unwrap());
    assert!(lab.user("ann@contoso.com").is_some());
    assert_eq!(
        lab.db
            .read(|c| c.source_objects.count(TENANT) + c.sync_jobs.count(TENANT)),
        0
    );
}

#[test]
fn answers_of_an_earlier_epoch_are_ignored() {
    let mut lab = Lab::started();
    lab.begin();
    let epoch = lab.job().sync.epoch;
    lab.write(|txn, job, now| jobs::restart(txn, TENANT, job, ResetScope::DEFAULT, now).unwrap());
    let late = lab.step_at(epoch, page(vec![person(1, "ann")], 1, false));
    assert!(late.ask.is_none() && late.reports.is_empty());
    assert!(lab.user("ann@contoso.com").is_none());
}

/// One change in the directory.
#[derive(Debug, Clone)]
enum Change {
    Person(u128, bool),
    Team(u128, Vec<u128>),
    Member(u128, u128, bool),
    Manager(u128, u128),
    Gone(u128),
}

impl Change {
    fn resource(&self) -> Resource {
        match self {
            Self::Person(n, enabled) => {
                let mut person = person(*n, &format!("p{n}"));
                let flags = if *enabled { "512" } else { "514" };
                person
                    .attributes
                    .insert("userAccountControl".to_owned(), vec![flags.to_owned()]);
                person
            }
            Self::Team(n, members) => team(n + 100, &format!("t{n}"), members),
            Self::Member(n, member, added) => {
                let one = [*member];
                let (add, remove): (&[u128], &[u128]) = if *added { (&one, &[]) } else { (&[], &one) };
                links(
                    resource(
                        ResourceType::Group,
                        n + 100,
                        &[("sAMAccountName", &format!("t{n}")), ("cn", &format!("t{n}"))],
                    ),
                    "member",
                    add,
                    remove,
                )
            }
            Self::Manager(n, manager) => {
                let mut person = person(*n, &format!("p{n}"));
                person.attributes.insert(
                    "manager".to_owned(),
                    vec![format!("CN=p{manager},OU=Staff,DC=contoso,DC=com")],
                );
                person
            }
            Self::Gone(n) => gone(ResourceType::User, *n),
        }
    }
}

/// Changes of eight people and three teams. Managers, who are named by DN, are never deleted: a name tells nothing of a deletion.
fn changes() -> impl Strategy<Value = Vec<Change>> {
    let person = 0_u128..8;
    let (mortal, manager) = (0_u128..6, 6_u128..8);
    let team = 0_u128..3;
    let one = prop_oneof![
        4 => (person.clone(), any::<bool>()).prop_map(|(n, on)| Change::Person(n, on)),
        2 => (team.clone(), proptest::collection::vec(person.clone(), 0..4)).prop_map(|(n, members)| Change::Team(n, members)),
        3 => (team, person.clone(), any::<bool>()).prop_map(|(n, member, on)| Change::Member(n, member, on)),
        2 => (person, manager).prop_map(|(n, manager)| Change::Manager(n, manager)),
        2 => mortal.prop_map(Change::Gone),
    ];
    proptest::collection::vec(one, 0..24)
}

/// Feeds a stream of changes in pages that end where `cuts` say, each read as often as `cuts` say, over restarts of the process.
fn run(stream: &[Resource], cuts: &[(usize, bool, bool)]) -> Lab {
    let mut lab = Lab::started();
    lab.begin();
    let mut rest = stream;
    let mut cuts = cuts.iter();
    let mut cookie = 0;
    while !rest.is_empty() {
        let (size, twice, killed) = cuts.next().copied().unwrap_or((rest.len(), false, false));
        let (now, later) = rest.split_at(size.clamp(1, rest.len()));
        rest = later;
        cookie += 1;
        lab.step(page(now.to_vec(), cookie, true));
        if killed {
            lab.db = Db::open(Arc::clone(&lab.store) as Arc<dyn Store>).unwrap();
            lab.begin();
        }
        if twice {
            lab.step(page(now.to_vec(), cookie, true));
        }
    }
    lab.step(page(vec![], cookie + 1, false));
    lab
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn pages_may_end_anywhere_be_read_twice_and_outlive_the_process(
        stream in changes(),
        cuts in proptest::collection::vec((1_usize..5, any::<bool>(), any::<bool>()), 0..24),
        initial in 0_usize..24,
    ) {
        let stream: Vec<Resource> = stream.iter().map(Change::resource).collect();
        let whole = run(&stream, &[]);
        let cut = run(&stream, &cuts);
        prop_assert_eq!(whole.picture(), cut.picture());
        prop_assert_eq!(whole.job().synchronized, cut.job().synchronized);
        // The same stream, its tail as an incremental cycle.
        let (head, tail) = stream.split_at(initial.min(stream.len()));
        let mut lab = run(head, &cuts);
        lab.now = lab.job().sync.next_run.unwrap();
        lab.cycle(tail.to_vec());
        prop_assert_eq!(whole.picture(), lab.picture());
    }
}
