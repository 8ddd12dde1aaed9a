//! What the oracle learns from a step beside the state that it leaves: what an administrator wants from a job.

use crate::{
    oracle::{Clause, From, Kind, Mapping, Memory, Rereading, Scope},
    scenario::{
        AttributeMapping, FilterClause, JobTemplate, Located, MappedObject, ObjectFilter, Reset, Restart,
        ScopeChoice, Step, WhenMapped,
    },
};

/// Takes in what `step` says about the job of a tenant and domain; gives what the job reads again because of it.
pub(super) fn from_step(
    memory: &mut Memory,
    step: &Step,
    tenant: &str,
    domain: &str,
    position: usize,
) -> Rereading {
    let about = step.in_cloud();
    let same = |name: &Located<String>, known: &str| name.eq_ignore_ascii_case(known);
    let others = about.is_some_and(|what| {
        !same(what.tenant(), tenant) || what.domain().is_some_and(|name| !same(name, domain))
    });
    if others {
        return Rereading::Nothing;
    }
    let settings = &mut memory.settings;
    match step {
        Step::SetScope(choice) => settings.scope = scope(choice),
        Step::FilterUsers(filter) => drop(settings.filters.insert(Kind::User, clauses(filter))),
        Step::FilterGroups(filter) => drop(settings.filters.insert(Kind::Group, clauses(filter))),
        Step::MapAttribute(what) if is_ours(what.template) => {
            if let Some(kind) = kind(what.object) {
                settings
                    .mappings
                    .insert((kind, what.target.to_lowercase()), Some(mapping(what)));
            }
        }
        Step::UnmapAttribute(what) if is_ours(what.template) => {
            if let Some(kind) = kind(what.object) {
                settings.mappings.insert((kind, what.target.to_lowercase()), None);
            }
        }
        Step::SetDeleteThreshold(what) => {
            settings.delete_threshold = what.threshold.value.0;
            return Rereading::Nothing;
        }
        Step::SkipOutOfScopeDeletions(what) => {
            settings.keeps_out_of_scope = what.skip;
            return Rereading::Perhaps;
        }
        Step::AllowDeletes(_) => {
            memory.deletes_allowed(position);
            return Rereading::Nothing;
        }
        Step::RestartConfiguration(restart) if is_ours(restart.template) => return restarted(restart),
        Step::DeleteCloudUser(what) => {
            memory.cloud_user(&what.user, false);
            return Rereading::Nothing;
        }
        Step::RestoreCloudUser(what) => {
            memory.cloud_user(&what.user, true);
            return Rereading::Nothing;
        }
        Step::ProvisionOnDemand(_) => return Rereading::Perhaps,
        // Whatever is cleared with the quarantine, the watermark is among it (CS 5.5).
        Step::ClearQuarantine(_) => {}
        Step::ReplaceDomainController(what) if same(&what.directory, domain) => {}
        _ => return Rereading::Nothing,
    }
    // A changed schema begins a new initial cycle (CS 6.4).
    Rereading::Everything
}

fn is_ours(template: JobTemplate) -> bool {
    template == JobTemplate::Ad2AadProvisioning
}

/// Without words a restart resets quarantine, watermark and escrows (CS 6.3).
fn restarted(restart: &Restart) -> Rereading {
    let words = restart.reset.iter().flatten().map(|word| word.value);
    let again = |word| match word {
        Reset::Full | Reset::ConnectorDataStore => Rereading::Anew,
        Reset::Watermark => Rereading::Everything,
        Reset::None | Reset::Escrows | Reset::QuarantineState | Reset::ForceDeletes => Rereading::Nothing,
    };
    if restart.reset.is_none() {
        return Rereading::Everything;
    }
    words
        .map(again)
        .fold(Rereading::Nothing, |all, one| match (all, one) {
            (Rereading::Anew, _) | (_, Rereading::Anew) => Rereading::Anew,
            (Rereading::Nothing, one) => one,
            (all, _) => all,
        })
}

fn scope(choice: &ScopeChoice) -> Scope {
    let names = |list: &Vec<Located<String>>| list.iter().map(|dn| dn.value.clone()).collect();
    match (&choice.organizational_units, &choice.groups) {
        (Some(units), _) => Scope::Units(names(units)),
        (None, Some(groups)) => Scope::Groups(names(groups)),
        (None, None) => Scope::All,
    }
}

fn clauses(filter: &ObjectFilter) -> Vec<Vec<Clause>> {
    let clause = |clause: &FilterClause| Clause {
        attribute: clause.attribute.value.clone(),
        operator: clause.operator.value.as_str().to_owned(),
        values: clause.values.clone(),
    };
    filter
        .any_of
        .iter()
        .map(|all| all.value.iter().map(clause).collect())
        .collect()
}

/// Contacts are not judged.
fn kind(object: MappedObject) -> Option<Kind> {
    match object {
        MappedObject::User => Some(Kind::User),
        MappedObject::Group => Some(Kind::Group),
        MappedObject::Contact => None,
    }
}

fn mapping(what: &AttributeMapping) -> Mapping {
    let from = match (&what.expression, &what.attribute, &what.constant) {
        (Some(text), _, _) => From::Expression(text.clone()),
        (None, Some(name), _) => From::Attribute(name.clone()),
        (None, None, text) => From::Constant(text.clone().unwrap_or_default()),
    };
    Mapping {
        from,
        default: what.default.clone(),
        only_at_creation: what.apply == WhenMapped::OnlyDuringCreation,
    }
}
