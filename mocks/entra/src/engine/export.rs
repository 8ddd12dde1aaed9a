//! Writes source objects to the cloud: create, update, disable, restore; nothing where nothing changed (CS 5.4).

use std::collections::BTreeSet;

use uuid::Uuid;

use super::configuration::Configuration;
use super::connector::Connector;
use super::escrow;
use super::event::{Report, World};
use super::flow::View;
use super::import::ScopeGroups;
use super::ledger::Ledger;
use super::log::{Cycle, Ended, Outcome, REDUNDANT_EXPORT, SKIPPED};
use super::plan::{ObjectPlan, Plan};
use super::records::{Reference, Rejected, SourceRecord, StagedDelete, TargetLink};
use super::scope::{self, Scope};
use super::target::CloudObject;
use crate::assumptions::{Assumptions, names as assumed};
use crate::state::{ModifiedProperty, ProvisioningAction, Tenant};

/// Names of a job's directory domain, which every object carries.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// DNS name of the directory domain.
    pub(super) domain: String,
    /// Its NetBIOS name.
    pub(super) net_bios: String,
}

/// What every export of a step needs.
pub(super) struct Context<'x> {
    pub(super) plan: &'x Plan,
    pub(super) assumptions: &'x Assumptions,
    pub(super) tenant: &'x Tenant,
    pub(super) configuration: &'x Configuration,
    pub(super) origin: &'x Origin,
    pub(super) scope: &'x ScopeGroups,
    pub(super) cycle: &'x Cycle,
    /// UPNs are calculated anew: the tenant's verified domains changed.
    pub(super) names_again: bool,
    /// One object is provisioned on demand.
    pub(super) on_demand: bool,
}

/// What a step wrote, and what there is to tell.
#[derive(Debug, Default)]
pub(super) struct Exported {
    /// Write operations on the target.
    pub(super) exports: u64,
    /// Objects written.
    pub(super) objects: BTreeSet<Uuid>,
    /// An object in escrow was given up.
    pub(super) pruned: bool,
    /// What to tell.
    pub(super) reports: Vec<Report>,
}

/// The doors of an export.
pub(super) struct Exporter<'e, 't, 'c, 'w> {
    pub(super) store: &'e mut Connector<'t, 'c>,
    pub(super) world: &'e mut World<'w>,
    pub(super) context: &'e Context<'e>,
    pub(super) ledger: &'e mut Ledger,
    pub(super) done: &'e mut Exported,
}

/// How writing one object ended.
pub(super) struct Provisioned {
    pub(super) link: TargetLink,
    /// Values were set aside and are tried again.
    pub(super) conflict: bool,
    /// It came back from the deleted items.
    pub(super) revived: bool,
    pub(super) action: ProvisioningAction,
    pub(super) modified: Vec<ModifiedProperty>,
    pub(super) object: CloudObject,
}

impl<'e, 't, 'c> Exporter<'e, 't, 'c, '_> {
    /// Looks at one object and does what is to be done.
    pub(super) fn export(&mut self, guid: Uuid) {
        let Some(record) = self.store.get(guid).cloned() else {
            return;
        };
        let record = SourceRecord {
            dirty: false,
            ..record
        };
        if record.deleted {
            let record = SourceRecord {
                in_scope: false,
                ..record
            };
            return self.withdraw(
                record,
                "the object was deleted in Active Directory".to_owned(),
                true,
            );
        }
        let context = self.context;
        // On demand the selected units and groups count or not, depending on the source that one believes (CS 16).
        let everywhere = context.on_demand && !context.assumptions.holds(assumed::ON_DEMAND_SCOPE);
        match scope::judge(context.plan, context.assumptions, &self.view(&record), everywhere) {
            Scope::In(plan) => self.provision(record, plan),
            Scope::Out(reason) => {
                let deletes = !self.context.configuration.skip_out_of_scope_deletions;
                self.withdraw(
                    SourceRecord {
                        in_scope: false,
                        ..record
                    },
                    reason,
                    deletes,
                );
            }
            Scope::Ignored(reason) => {
                self.withdraw(
                    SourceRecord {
                        in_scope: false,
                        ..record
                    },
                    reason,
                    false,
                );
            }
        }
    }

    pub(super) fn view<'v>(&'v self, record: &'v SourceRecord) -> View<'v, 't, 'c> {
        View {
            record,
            store: self.store,
            scope: self.context.scope,
            now: self.world.now,
            guid: record.guid,
        }
    }

    fn provision(&mut self, record: SourceRecord, plan: &ObjectPlan) {
        let record = SourceRecord {
            in_scope: true,
            staged_delete: None,
            ..record
        };
        let had = record.resolved();
        let guid = record.guid;
        match self.write(&record, plan) {
            Ok(Some(done)) => {
                let linked = done.revived || had != Some(done.link.id);
                let retry = done
                    .conflict
                    .then(|| self.world.now + (self.world.period)(escrow::CONFLICT_RETRY));
                self.note(&record, &done);
                self.store.put(SourceRecord {
                    target: Some(done.link),
                    escrow: None,
                    conflict_retry: retry,
                    ..record
                });
                if linked {
                    self.links_resolve(guid);
                }
            }
            Ok(None) => {
                let reason = "the schema's flowTypes do not add objects of this class".to_owned();
                self.skip(&record, None, SKIPPED, reason);
                self.store.put(SourceRecord {
                    escrow: None,
                    ..record
                });
            }
            Err(rejected) => self.fail(record, rejected),
        }
    }

    /// References to an object that came to the cloud, or came back, and its own are followed again.
    fn links_resolve(&mut self, guid: Uuid) {
        let to = if self.context.assumptions.holds(assumed::LATE_REFERENCES) {
            self.store.links_to(&Reference::Guid(guid))
        } else {
            Vec::new()
        };
        for link in to.into_iter().chain(self.store.links_of(guid)) {
            self.store.mark_link(&link);
        }
    }

    fn fail(&mut self, record: SourceRecord, rejected: Rejected) {
        let escrow = escrow::after_failure(self.world, record.escrow.as_ref(), &rejected);
        self.done.pruned |= escrow.is_none();
        let name = shown_name(&record);
        self.done.reports.push(Report::Escrow {
            kind: record.kind,
            name,
            code: rejected.code,
        });
        let action = if record.target.is_some() {
            ProvisioningAction::Update
        } else {
            ProvisioningAction::Create
        };
        let target = self.target_of(&record);
        self.log(Outcome {
            action,
            source: &record,
            target: target.as_ref(),
            modified: Vec::new(),
            result: Err(Ended::Failed(rejected)),
        });
        self.store.put(SourceRecord { escrow, ..record });
    }

    pub(super) fn target_of(&self, record: &SourceRecord) -> Option<CloudObject> {
        let link = record.target.as_ref()?;
        CloudObject::find(self.store.cloud(), record.kind, self.store.tenant(), link.id)
    }

    /// Takes an object out that is gone or out of scope. Its cloud object is deleted at the end of the cycle.
    fn withdraw(&mut self, record: SourceRecord, reason: String, deletes: bool) {
        let live = self.target_of(&record).filter(|object| !object.is_deleted());
        let plan = self.context.plan.object(record.kind, record.inet_org_person);
        let deletes = deletes && live.is_some() && plan.is_none_or(|plan| plan.deletes);
        if record.deleted && record.target.is_none() {
            return self.store.remove(record.guid);
        }
        if !deletes && !record.deleted {
            self.skip(&record, live.as_ref(), SKIPPED, reason);
        }
        let staged_delete = deletes.then(|| record.staged_delete.unwrap_or(StagedDelete::Pending));
        self.store.put(SourceRecord {
            escrow: None,
            conflict_retry: None,
            staged_delete,
            ..record
        });
    }

    fn note(&mut self, record: &SourceRecord, done: &Provisioned) {
        if done.action == ProvisioningAction::Other {
            return self.skip(
                record,
                Some(&done.object),
                REDUNDANT_EXPORT,
                "nothing changed".to_owned(),
            );
        }
        self.wrote(&done.object, done.action);
        self.log(Outcome {
            action: done.action,
            source: record,
            target: Some(&done.object),
            modified: done.modified.clone(),
            result: Ok(()),
        });
    }

    /// Counts and tells one write.
    pub(super) fn wrote(&mut self, object: &CloudObject, action: ProvisioningAction) {
        self.ledger.charge();
        self.done.exports += 1;
        self.done.objects.insert(object.id());
        self.done.reports.push(Report::Export {
            action: action.as_str(),
            kind: object.kind(),
            name: object.name().to_owned(),
        });
    }

    fn skip(
        &mut self,
        record: &SourceRecord,
        target: Option<&CloudObject>,
        code: &'static str,
        reason: String,
    ) {
        self.log(Outcome {
            action: ProvisioningAction::Other,
            source: record,
            target,
            modified: Vec::new(),
            result: Err(Ended::Skipped(code, reason)),
        });
    }

    pub(super) fn log(&mut self, outcome: Outcome<'_>) {
        let (id, change) = ((self.world.new_id)(), (self.world.new_id)());
        let entry = outcome.entry(self.context.cycle, id, change);
        self.ledger.append(self.store.txn(), entry);
    }
}

/// What people know a source object by.
fn shown_name(record: &SourceRecord) -> String {
    ["userprincipalname", "displayname", "cn", "samaccountname"]
        .iter()
        .find_map(|name| record.first(name))
        .unwrap_or_default()
        .to_owned()
}
