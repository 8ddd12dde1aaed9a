//! Which source objects a job takes in: the built-in exclusions, the selected units or groups, and the filters (CS 5.8).

use super::flow::View;
use super::plan::{ObjectPlan, Plan, Verdict};
use super::records::{LinkAttribute, ObjectKind, SourceRecord};
use crate::assumptions::{Assumptions, names};
use provlab_protocol::dn::Dn;

/// A rule that keeps an object out.
struct Exclusion {
    /// What it keeps out, as the provisioning log words it.
    reason: &'static str,
    applies: fn(&SourceRecord) -> bool,
}

const fn exclusion(reason: &'static str, applies: fn(&SourceRecord) -> bool) -> Exclusion {
    Exclusion { reason, applies }
}

/// The exclusions documented for cloud sync.
const DOCUMENTED: [Exclusion; 3] = [
    exclusion("isCriticalSystemObject is TRUE", |r| {
        r.first("iscriticalsystemobject")
            .is_some_and(|v| v.eq_ignore_ascii_case("TRUE"))
    }),
    exclusion("the object is a replication victim", |r| {
        ["cn", "distinguishedname"]
            .iter()
            .any(|name| r.first(name).is_some_and(is_conflict_name))
    }),
    // Stops loops: such objects come from the cloud.
    exclusion("adminDescription starts with User_ or Group_", |r| {
        r.first("admindescription")
            .is_some_and(|v| v.starts_with("User_") || v.starts_with("Group_"))
    }),
];

/// Bits of `msExchRecipientTypeDetails` of mailboxes that are nobody's.
const SYSTEM_MAILBOXES: i64 = 0x21C0_7000;
/// Bit of `msExchRecipientTypeDetails` of role groups.
const ROLE_GROUP: i64 = 0x4000_0000;

/// Entra Connect's exclusions, assumed to be shared.
const CONNECT: [Exclusion; 8] = [
    exclusion("sAMAccountName is missing", |r| {
        r.kind == ObjectKind::User && r.first("samaccountname").is_none()
    }),
    exclusion("sAMAccountName is one of a service account of Microsoft's", |r| {
        r.kind == ObjectKind::User
            && r.first("samaccountname").is_some_and(|name| {
                name.starts_with("AAD_") || name.starts_with("MSOL_") || name == "SUPPORT_388945a0"
            })
    }),
    exclusion("mailNickname is one of a system mailbox", |r| {
        r.kind != ObjectKind::Group
            && r.first("mailnickname").is_some_and(|name| {
                name.starts_with("SystemMailbox{") || (name.starts_with("CAS_") && name.contains('}'))
            })
    }),
    exclusion("msExchRecipientTypeDetails is one of a system mailbox", |r| {
        r.kind == ObjectKind::User && recipient_type(r) & SYSTEM_MAILBOXES != 0
    }),
    exclusion("msExchRecipientTypeDetails is one of a role group", |r| {
        r.kind == ObjectKind::Group && recipient_type(r) & ROLE_GROUP != 0
    }),
    exclusion(
        "displayName contains (MSOL) and the contact is hidden from address lists",
        |r| {
            r.kind == ObjectKind::Contact
                && r.first("displayname").is_some_and(|name| name.contains("(MSOL)"))
                && r.first("msexchhidefromaddresslists")
                    .is_some_and(|hidden| hidden.eq_ignore_ascii_case("TRUE"))
        },
    ),
    exclusion("the contact has neither mail nor a primary address", |r| {
        let primary = |a: &String| a.starts_with("SMTP:") && a.contains('@');
        r.kind == ObjectKind::Contact
            && r.first("mail").is_none()
            && !r.all("proxyaddresses").iter().any(primary)
    }),
    exclusion("the group is MSOL_AD_Sync_RichCoexistence", |r| {
        r.kind == ObjectKind::Group && r.first("samaccountname") == Some("MSOL_AD_Sync_RichCoexistence")
    }),
];

fn recipient_type(record: &SourceRecord) -> i64 {
    record
        .first("msexchrecipienttypedetails")
        .and_then(|v| v.parse().ok())
        .unwrap_or_default()
}

/// Whether a name has the mark of a conflict object, `\0ACNF:` in a DN or a line feed before `CNF:` in a value.
fn is_conflict_name(name: &str) -> bool {
    name.contains("\\0ACNF:") || name.contains("\nCNF:")
}

/// Whether and how an object is taken in.
pub(super) enum Scope<'p> {
    /// By this part of the schema.
    In(&'p ObjectPlan),
    /// Not, for this reason.
    Out(String),
    /// It is not looked at; what was provisioned stays.
    Ignored(String),
}

/// Judges an object of the directory. `everywhere`: whatever units and groups are selected.
pub(super) fn judge<'p>(
    plan: &'p Plan,
    assumptions: &Assumptions,
    view: &View<'_, '_, '_>,
    everywhere: bool,
) -> Scope<'p> {
    let record = view.record;
    let connect: &[Exclusion] = if assumptions.holds(names::CONNECT_EXCLUSIONS) {
        &CONNECT
    } else {
        &[]
    };
    if let Some(rule) = DOCUMENTED
        .iter()
        .chain(connect)
        .find(|rule| (rule.applies)(record))
    {
        return Scope::Out(rule.reason.to_owned());
    }
    let Some(object) = plan
        .object(record.kind, record.inet_org_person)
        .filter(|object| object.enabled)
    else {
        return Scope::Out("objects of this class are not synchronized".to_owned());
    };
    if !everywhere && !in_containers(plan, record) {
        return Scope::Out("the object is in none of the selected organizational units".to_owned());
    }
    if !everywhere && !in_groups(plan, assumptions, view) {
        return Scope::Out("the object is a direct member of none of the selected groups".to_owned());
    }
    match object.filter.judge(view) {
        Verdict::In => Scope::In(object),
        Verdict::Out => Scope::Out("the object does not pass the scoping filter".to_owned()),
        Verdict::Ignored => Scope::Ignored("the object does not pass the input filter".to_owned()),
    }
}

/// Children of a selected unit are included (CS 5.8).
fn in_containers(plan: &Plan, record: &SourceRecord) -> bool {
    if plan.containers.is_empty() {
        return true;
    }
    let dn = record
        .first("distinguishedname")
        .and_then(|text| text.parse::<Dn>().ok());
    dn.is_some_and(|dn| plan.containers.iter().any(|container| dn.is_within(container)))
}

/// First level only: members of a member group are out (CS 2.6).
fn in_groups(plan: &Plan, assumptions: &Assumptions, view: &View<'_, '_, '_>) -> bool {
    if plan.groups.is_empty() {
        return true;
    }
    let guid = view.record.guid;
    let mut selected = plan.groups.iter().filter_map(|name| view.scope.get(name));
    selected.any(|group| {
        (*group == guid && assumptions.holds(names::SCOPING_GROUP))
            || view.store.has_link(*group, LinkAttribute::Member, guid)
    })
}
