//! The password job without I/O: a state, a script of answers, and which passwords sign in afterwards.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use provlab_platform::MemoryStore;
use provlab_protocol::environment::EnvironmentName;
use provlab_protocol::nt_hash::nt_hash;
use provlab_protocol::password_hash::PasswordHash;
use provlab_protocol::scim::{
    Credential, CredentialPage, CredentialQuery, ErrorCode, Operation, ReplicaToken, ScimError, Watermark,
};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::super::event::{Effect, Failure, Report};
use super::super::job::{AD2AAD_PROVISIONING, Job, QuarantineReason, template};
use super::super::records::{ObjectKind, SourceRecord, TargetLink};
use super::super::{Configuration, Plans, SYNC_ACCOUNT_PREFIX, World, jobs};
use super::machine::{Event, MAX_BATCH, step};
use super::{PasswordResult, PasswordWaiting, TEMPLATE};
use crate::assumptions::Assumptions;
use crate::state::{Db, DbError, SmartLockout, Tenant, TenantFeatures, Txn, User};

const START: OffsetDateTime = datetime!(2026-03-01 08:00 UTC);
const TENANT: Uuid = Uuid::from_u128(7);
const SERVICE_PRINCIPAL: Uuid = Uuid::from_u128(8);

struct Lab {
    db: Db,
    provisioning: String,
    job: String,
    now: OffsetDateTime,
    plans: Plans,
    assumptions: Assumptions,
}

impl Lab {
    /// A tenant that takes passwords, with both jobs of contoso.com; the password job is started.
    fn started() -> Self {
        let db = Db::open(Arc::new(MemoryStore::default())).unwrap();
        let mut features = TenantFeatures::default();
        features.switches.insert("passwordSyncEnabled".to_owned(), true);
        let configuration = Configuration::from_secrets([("Domain", r#"{"domain":"contoso.com"}"#)]).unwrap();
        let (provisioning, job) = db
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
                    features,
                    smart_lockout: SmartLockout::default(),
                    updater_configuration: None,
                });
                let account = format!("{SYNC_ACCOUNT_PREFIX}@contoso.onmicrosoft.com");
                txn.put(User::new(TENANT, Uuid::from_u128(600), &account, START));
                let mut create = |name, id| {
                    let template = template(name).unwrap();
                    jobs::create(txn, TENANT, SERVICE_PRINCIPAL, template, Uuid::from_u128(id))
                        .job
                        .id
                };
                let made = (create(AD2AAD_PROVISIONING, 1), create(TEMPLATE, 2));
                jobs::configure(txn, TENANT, SERVICE_PRINCIPAL, &configuration, START);
                jobs::start(txn, TENANT, &made.1, START).unwrap();
                Ok(made)
            })
            .unwrap();
        let assumptions = Assumptions::default();
        Self {
            db,
            provisioning,
            job,
            now: START,
            plans: Plans::new(&assumptions),
            assumptions,
        }
    }

    fn write(&self, work: impl FnOnce(&mut Txn<'_>)) {
        self.db
            .write::<_, DbError>(|txn| {
                work(txn);
                Ok(())
            })
            .unwrap();
    }

    fn feature(&self, name: &str, on: bool) {
        self.write(|txn| {
            txn.update(TENANT, &TENANT.to_string(), |tenant: &mut Tenant| {
                tenant.features.switches.insert(name.to_owned(), on);
            })
            .unwrap();
        });
    }

    /// What the provisioning job knows of a person, and the user that it made of it.
    fn person(&self, number: u128, change: impl FnOnce(&mut SourceRecord)) {
        let mut record = SourceRecord {
            tenant: TENANT,
            job: self.provisioning.clone(),
            guid: guid(number),
            kind: ObjectKind::User,
            generation: 1,
            attributes: BTreeMap::new(),
            deleted: false,
            inet_org_person: false,
            in_scope: true,
            dirty: false,
            staged_delete: None,
            target: Some(TargetLink {
                id: user_id(number),
                anchor: String::new(),
                names: None,
            }),
            escrow: None,
            conflict_retry: None,
        };
        change(&mut record);
        self.write(|txn| {
            if record.target.is_some() {
                let name = format!("user{number}@contoso.com");
                txn.put(User::new(TENANT, user_id(number), &name, START));
            }
            txn.put(record);
        });
    }

    fn step(&mut self, event: Event) -> Effect {
        let (now, id) = (self.now, self.job.as_str());
        let epoch = self.row().sync.epoch;
        let mut ids = 10_000;
        let mut new_id = || {
            ids += 1;
            Uuid::from_u128(ids)
        };
        let (plans, assumptions) = (&self.plans, &self.assumptions);
        self.db
            .write::<_, DbError>(|txn| {
                let mut world = World {
                    now,
                    period: &|product| product,
                    new_id: &mut new_id,
                    plans,
                    assumptions,
                    busy: None,
                };
                Ok(step(txn, &mut world, TENANT, id, epoch, event))
            })
            .unwrap()
    }

    fn row(&self) -> Job {
        self.db
            .read(|cloud| cloud.sync_jobs.get(TENANT, &self.job).unwrap().job.clone())
    }

    /// A cycle in which the agent answers every question from `answers`; gives the questions and what was told.
    fn cycle(
        &mut self,
        mut answer: impl FnMut(&CredentialQuery) -> Result<CredentialPage, ScimError>,
    ) -> (Vec<CredentialQuery>, Vec<(PasswordResult, String)>) {
        if let Some(next) = self.row().sync.next_run {
            self.now = self.now.max(next);
        }
        let mut effect = self.step(Event::Tick);
        let (mut asked, mut told) = (Vec::new(), Vec::new());
        loop {
            told.extend(effect.reports.into_iter().filter_map(|report| match report {
                Report::Password { result, name } => Some((result, name)),
                _ => None,
            }));
            effect = match effect.ask {
                Some(Operation::Ping(_)) => self.step(Event::Checked(Ok(()))),
                Some(Operation::QueryCredentials(query)) => {
                    let page = answer(&query).map(Box::new).map_err(Failure::from);
                    asked.push(query);
                    self.step(Event::Answered(page))
                }
                Some(other) => panic!("{other:?}"),
                None if effect.again => self.step(Event::Continue),
                None => return (asked, told),
            };
        }
    }

    fn accepts(&self, number: u128, password: &str) -> bool {
        self.db.read(|cloud| {
            let user = cloud.users.get(TENANT, &user_id(number).to_string()).unwrap();
            let credential = user.credential.as_ref();
            credential.is_some_and(|credential| credential.verifier.accepts(&password.into()))
        })
    }

    fn waits(&self, number: u128) -> bool {
        self.db
            .read(|cloud| PasswordWaiting::get(cloud, TENANT, &self.job, guid(number)).is_some())
    }
}

fn guid(number: u128) -> Uuid {
    Uuid::from_u128(0x1000 + number)
}

fn user_id(number: u128) -> Uuid {
    Uuid::from_u128(0x2000 + number)
}

fn credential(number: u128, password: &str) -> Credential {
    Credential {
        id: guid(number),
        credential_data: PasswordHash::derive(&nt_hash(password), [7; 10]),
        change_date: Some(START),
        must_change_at_logon: false,
    }
}

fn page(resources: Vec<Credential>, cookie: &str, more: bool) -> CredentialPage {
    let replica = ReplicaToken {
        invocation_id: Uuid::from_u128(1),
        name: "dc1.contoso.com".to_owned(),
    };
    CredentialPage::new(resources, Watermark(cookie.as_bytes().to_vec()), more, replica)
}

#[test]
fn the_directorys_password_signs_in_and_no_other_does() {
    let mut lab = Lab::started();
    lab.person(1, |_| ());
    lab.person(2, |_| ());
    let mut pages = vec![
        page(vec![credential(2, "Other-2")], "b", false),
        page(vec![credential(1, "Secret-1")], "a", true),
    ];
    let (asked, told) = lab.cycle(|_| Ok(pages.pop().unwrap()));
    assert_eq!(asked[0], CredentialQuery::new("contoso.com", None, MAX_BATCH));
    assert_eq!(asked[1].cookie, Some(Watermark(b"a".to_vec())));
    assert_eq!(told[0], (PasswordResult::Success, "user1@contoso.com".to_owned()));
    assert!(lab.accepts(1, "Secret-1") && !lab.accepts(1, "Other-2"));
    assert!(lab.accepts(2, "Other-2"));
    lab.db.read(|cloud| {
        let user = cloud.users.get(TENANT, &user_id(1).to_string()).unwrap();
        assert_eq!(user.properties["passwordPolicies"], "DisablePasswordExpiration");
        assert_eq!(
            user.properties["lastPasswordChangeDateTime"],
            "2026-03-01T08:00:00Z"
        );
    });
    // Two minutes later the changes are asked for from there on.
    let before = lab.now;
    let (asked, _) = lab.cycle(|_| Ok(page(Vec::new(), "b", false)));
    assert_eq!(asked[0].cookie, Some(Watermark(b"b".to_vec())));
    assert_eq!((lab.now - before).whole_minutes(), 2);
    assert_eq!(lab.row().last_execution.unwrap().exported, 0);
}

#[test]
fn a_password_that_comes_before_its_user_is_asked_for_again() {
    let mut lab = Lab::started();
    let first = page(
        vec![credential(1, "Secret-1"), credential(2, "Other-2")],
        "a",
        false,
    );
    lab.person(2, |record| record.target = None);
    let (_, told) = lab.cycle(|_| Ok(first.clone()));
    let results: Vec<PasswordResult> = told.into_iter().map(|(result, _)| result).collect();
    let expected = [
        PasswordResult::SourceConnectorNotPresent,
        PasswordResult::NoTargetConnection,
    ];
    assert_eq!(results, expected);
    assert!(lab.waits(1) && lab.waits(2));
    // Nothing is asked for while nobody has come.
    let (asked, _) = lab.cycle(|_| Ok(page(Vec::new(), "a", false)));
    assert_eq!(asked.len(), 1);
    lab.person(1, |_| ());
    lab.person(2, |_| ());
    let (asked, _) = lab.cycle(|query| {
        Ok(match query.ids.as_slice() {
            [] => page(Vec::new(), "a", false),
            // The second has no password any more.
            _ => page(vec![credential(1, "Secret-1b")], "ignored", false),
        })
    });
    assert_eq!(asked[1].ids, [guid(1), guid(2)]);
    assert!(lab.accepts(1, "Secret-1b") && !lab.waits(1) && !lab.waits(2));
    assert_eq!(lab.row().sync.watermark, Some(Watermark(b"a".to_vec())));
}

#[test]
fn what_is_not_taken_leaves_nothing_behind() {
    let mut lab = Lab::started();
    lab.person(1, |record| record.in_scope = false);
    lab.person(2, |record| record.inet_org_person = true);
    lab.person(3, |record| record.kind = ObjectKind::Contact);
    lab.person(4, |_| ());
    let temporary = Credential {
        must_change_at_logon: true,
        ..credential(4, "Temporary-4")
    };
    let all = vec![
        credential(1, "Secret-1"),
        credential(2, "Secret-2"),
        credential(3, "Secret-3"),
        temporary.clone(),
    ];
    let (_, told) = lab.cycle(|_| Ok(page(all.clone(), "a", false)));
    let results: Vec<PasswordResult> = told.into_iter().map(|(result, _)| result).collect();
    let expected = [
        PasswordResult::FilteredByTarget,
        PasswordResult::SourceConnectorNotPresent,
        PasswordResult::SourceConnectorNotPresent,
        PasswordResult::FilteredByTarget,
    ];
    assert_eq!(results, expected);
    for (number, password) in [
        (1, "Secret-1"),
        (2, "Secret-2"),
        (3, "Secret-3"),
        (4, "Temporary-4"),
    ] {
        assert!(!lab.accepts(number, password), "{number}");
    }
    assert!(lab.waits(1), "it may come into scope");
    assert!(!lab.waits(2) && !lab.waits(3), "they never get a password");
    assert!(!lab.waits(4), "the user's own password is a change of its own");
    // With the tenant's feature a temporary password is taken, and has to be changed at sign-in.
    lab.feature("userForcePasswordChangeOnLogonEnabled", true);
    lab.feature("cloudPasswordPolicyForPasswordSyncedUsersEnabled", true);
    lab.cycle(|_| Ok(page(vec![temporary.clone()], "b", false)));
    assert!(lab.accepts(4, "Temporary-4"));
    lab.db.read(|cloud| {
        let user = cloud.users.get(TENANT, &user_id(4).to_string()).unwrap();
        assert!(user.credential.as_ref().unwrap().expired);
        assert!(user.properties["passwordPolicies"].is_null());
    });
}

#[test]
fn a_tenant_that_takes_no_passwords_is_asked_nothing_and_begins_anew() {
    let mut lab = Lab::started();
    lab.person(1, |_| ());
    lab.cycle(|_| Ok(page(Vec::new(), "a", false)));
    lab.feature("passwordSyncEnabled", false);
    let (asked, _) = lab.cycle(|_| panic!("nothing is asked"));
    assert!(asked.is_empty());
    lab.feature("passwordSyncEnabled", true);
    let (asked, _) = lab.cycle(|_| Ok(page(vec![credential(1, "Secret-1")], "a", false)));
    assert_eq!(asked[0].cookie, None);
    assert!(lab.accepts(1, "Secret-1"));
}

#[test]
fn a_host_that_may_not_use_md5_sends_the_job_to_quarantine_in_its_own_words() {
    let mut lab = Lab::started();
    for _ in 0..3 {
        lab.cycle(|_| Err(ScimError::not_fips_validated()));
    }
    let job = lab.row();
    let quarantine = job.quarantine.unwrap();
    assert_eq!(
        quarantine.reason,
        QuarantineReason::EncounteredQuarantineException
    );
    assert!(
        quarantine.error.message.contains("FIPS validated"),
        "{quarantine:?}"
    );
    // Once it may, the job heals by itself.
    lab.cycle(|_| Ok(page(Vec::new(), "a", false)));
    assert!(lab.row().quarantine.is_none());
}

#[test]
fn a_watermark_that_no_domain_controller_knows_leads_to_a_full_read() {
    let mut lab = Lab::started();
    lab.person(1, |_| ());
    lab.cycle(|_| Ok(page(Vec::new(), "a", false)));
    let (asked, _) = lab.cycle(|query| match query.cookie {
        Some(_) => Err(ScimError::new(ErrorCode::CookieRefused, "another invocation id")),
        None => Ok(page(vec![credential(1, "Secret-1")], "z", false)),
    });
    assert_eq!(asked.len(), 2);
    assert!(lab.accepts(1, "Secret-1"));
    assert_eq!(lab.row().sync.watermark, Some(Watermark(b"z".to_vec())));
}
