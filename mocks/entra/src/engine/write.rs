//! Writing one object: what it is to look like, which object it becomes, what stands in the way, what differs (CS 5.9–5.11).

use uuid::Uuid;

use super::conflict;
use super::export::{Exporter, Provisioned};
use super::flow::{self, Flowing, View};
use super::log::shown;
use super::matching::{self, Wanted};
use super::names::{self, NameSource};
use super::plan::{AttributePlan, Flow, ObjectPlan};
use super::records::{AssignedNames, ObjectKind, Rejected, SourceRecord, TargetLink};
use super::target::{self, CloudObject, Values};
use crate::assumptions::names as assumed;
use crate::state::{ModifiedProperty, ProvisioningAction, ProvisioningError};

impl Exporter<'_, '_, '_, '_> {
    /// None where the schema's flow types do not let it be made.
    pub(super) fn write(
        &mut self,
        record: &SourceRecord,
        plan: &ObjectPlan,
    ) -> Result<Option<Provisioned>, Rejected> {
        let linked = self.target_of(record);
        let view = self.view(record);
        let anchor = match (&record.target, &linked) {
            (Some(link), Some(_)) => link.anchor.clone(),
            _ => anchor(&view, plan)?,
        };
        let had = record
            .target
            .as_ref()
            .filter(|_| linked.is_some())
            .and_then(|link| link.names.as_ref());
        let names = self.names(&view, plan, had)?;
        let before = match linked {
            Some(object) => Some(object),
            None => {
                let wanted = Wanted {
                    kind: record.kind,
                    guid: record.guid,
                    anchor: &anchor,
                    upn: names.as_ref().map(|names| names.user_principal_name.as_str()),
                    proxy_addresses: &flow::value_of(&view, plan, "ProxyAddresses")?,
                };
                matching::find(self.store, self.context.tenant, &wanted)?
            }
        };
        let values = flow::evaluate(&view, plan, before.is_none())?;
        if (before.is_none() && !plan.adds) || (before.is_some() && !plan.updates) {
            return Ok(before.map(|object| unchanged(object, anchor, names)));
        }
        if record.kind == ObjectKind::Group && before.is_none() && !has_name(&values) {
            return Err(missing_names());
        }
        self.apply(record, before, values, anchor, names).map(Some)
    }

    /// The sign-in names of a user; none for other objects.
    fn names(
        &self,
        view: &View<'_, '_, '_>,
        plan: &ObjectPlan,
        had: Option<&AssignedNames>,
    ) -> Result<Option<AssignedNames>, Rejected> {
        if view.record.kind != ObjectKind::User {
            return Ok(None);
        }
        let value = |target| flow::value_of(view, plan, target);
        let (upn, nickname, mail) = (value("UserPrincipalName")?, value("Alias")?, value("Mail")?);
        let source = NameSource {
            upn: upn.first().map(String::as_str),
            nickname: nickname.first().map(String::as_str),
            proxy_addresses: &value("ProxyAddresses")?,
            mail: mail.first().map(String::as_str),
            account: view.record.first("samaccountname"),
        };
        let context = self.context;
        let again = context.names_again;
        names::assign(&source, had, context.tenant, &context.origin.domain, again)
            .map(Some)
            .ok_or_else(missing_names)
    }

    fn apply(
        &mut self,
        record: &SourceRecord,
        before: Option<CloudObject>,
        values: Vec<Flowing<'_>>,
        anchor: String,
        names: Option<AssignedNames>,
    ) -> Result<Provisioned, Rejected> {
        let (tenant, now) = (self.context.tenant, self.world.now);
        let creating = before.is_none();
        let mut object = match before {
            Some(object) => object,
            None => CloudObject::new(record.kind, tenant.id, self.new_id(), now),
        };
        let was_enabled = object.is_enabled();
        let revived = object.is_deleted();
        let had_name = Some(object.name().to_owned()).filter(|_| !creating && !revived);
        let mut errors: Vec<ProvisioningError> = Vec::new();
        let mut modified = Vec::new();
        let desk = conflict::Desk {
            cloud: self.store.cloud(),
            tenant,
            own: object.id(),
            resilient: self.context.assumptions.holds(assumed::DUPLICATE_RESILIENCY),
            now,
            digits: u16::try_from(record.guid.as_u128() % 10_000).unwrap_or_default(),
        };
        let mut wanted: Vec<(&str, target::Property, Values)> = Vec::with_capacity(values.len());
        for (mapping, values) in values {
            let values = match (mapping.target.as_str(), &names) {
                ("UserPrincipalName", Some(names)) => {
                    vec![desk.upn(&names.user_principal_name, had_name.as_deref(), &mut errors)?]
                }
                ("Alias", Some(names)) => vec![names.mail_nickname.clone()],
                ("SourceAnchor", _) => vec![anchor.clone()],
                ("ProxyAddresses", _) => desk.addresses(values, &mut errors)?,
                _ => values,
            };
            let values = match mapping.flow {
                Flow::MultiValueAddOnly => {
                    together(target::get(&object, mapping.property, &mapping.target), values)
                }
                Flow::Always | Flow::ObjectAddOnly => values,
            };
            if !creating && values.is_empty() && keeps_default(&object, mapping) {
                continue;
            }
            wanted.push((&mapping.target, mapping.property, values));
        }
        for (name, property, values) in wanted {
            let old = target::get(&object, property, name);
            if old != values {
                modified.push(ModifiedProperty {
                    name: name.to_owned(),
                    old: shown(&old).filter(|_| !creating),
                    new: shown(&values),
                });
                target::set(&mut object, property, name, values);
            }
        }
        let conflict = !errors.is_empty();
        let taken_over = self.take_over(&mut object, errors);
        object.set_deleted(None);
        let action = if creating {
            ProvisioningAction::Create
        } else if was_enabled && !object.is_enabled() {
            ProvisioningAction::Disable
        } else if modified.is_empty() && !revived && !taken_over {
            ProvisioningAction::Other
        } else {
            ProvisioningAction::Update
        };
        if action != ProvisioningAction::Other {
            object.on_premises_mut().last_sync = Some(now);
            object.clone().put(self.store.txn());
        }
        Ok(Provisioned {
            link: TargetLink {
                id: object.id(),
                anchor,
                names,
            },
            conflict,
            revived: revived && !creating,
            action,
            modified,
            object,
        })
    }

    /// Marks an object as one of this job's domain; `true` if it was not marked so, or other values are set aside than before.
    fn take_over(&self, object: &mut CloudObject, errors: Vec<ProvisioningError>) -> bool {
        let origin = self.context.origin;
        let premises = object.on_premises_mut();
        let same = |known: &[ProvisioningError]| {
            known.len() == errors.len()
                && known
                    .iter()
                    .zip(&errors)
                    .all(|(a, b)| (&a.property, &a.value) == (&b.property, &b.value))
        };
        let changed = !premises.sync_enabled
            || premises.domain_name.as_ref() != Some(&origin.domain)
            || !same(&premises.provisioning_errors);
        if changed {
            premises.sync_enabled = true;
            premises.domain_name = Some(origin.domain.clone());
            premises.net_bios_name = Some(origin.net_bios.clone());
            premises.provisioning_errors = errors;
        }
        changed
    }

    /// An id that no object of the tenant has, even if the generator was started over after a crash.
    fn new_id(&mut self) -> Uuid {
        loop {
            let id = (self.world.new_id)();
            if !CloudObject::is_taken(self.store.cloud(), self.store.tenant(), id) {
                return id;
            }
        }
    }
}

/// Whether the object still has the default value that it was created with: where the source gave nothing and gives nothing, nothing flows
/// (`FlowWhenChanged`, CS 5.9, 6.4).
fn keeps_default(object: &CloudObject, mapping: &AttributePlan) -> bool {
    let default = mapping
        .default
        .as_ref()
        .map(|text| mapping.property.normalized(vec![text.clone()]));
    default.is_some_and(|default| target::get(object, mapping.property, &mapping.target) == default)
}

/// The source anchor of an object that is not linked yet.
fn anchor(view: &View<'_, '_, '_>, plan: &ObjectPlan) -> Result<String, Rejected> {
    let values = flow::value_of(view, plan, "SourceAnchor")?;
    values.into_iter().next().ok_or_else(|| {
        Rejected::new(
            "InvalidAnchor",
            "the mapping of 'SourceAnchor' gave no value; map it to an attribute that every object has",
        )
    })
}

fn unchanged(object: CloudObject, anchor: String, names: Option<AssignedNames>) -> Provisioned {
    Provisioned {
        link: TargetLink {
            id: object.id(),
            anchor,
            names,
        },
        conflict: false,
        revived: false,
        action: ProvisioningAction::Other,
        modified: Vec::new(),
        object,
    }
}

fn has_name(values: &[Flowing<'_>]) -> bool {
    values
        .iter()
        .any(|(mapping, values)| mapping.target == "DisplayName" && !values.is_empty())
}

/// What is there and what comes, each once.
fn together(mut there: Values, more: Values) -> Values {
    for value in more {
        if !there.contains(&value) {
            there.push(value);
        }
    }
    there
}

fn missing_names() -> Rejected {
    Rejected::new(
        "MandatoryFieldsMissing",
        "the object has no name to make a cloud name from; give it a userPrincipalName or a displayName",
    )
}
