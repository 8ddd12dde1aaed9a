//! A history as the text of a scenario file.

use std::{collections::BTreeMap, fmt::Write as _, sync::OnceLock};

use proptest_state_machine::ReferenceStateMachine as _;
use provlab::{
    report::failure_text,
    run::{RunOptions, run_scenario},
};
use serde_json::Value;

use super::{
    deed::{CloudDeed, Deed, Part, Scope, Set},
    model::{HOSTS, Model, Object, Unit},
    play, vocabulary as words,
};

/// The world of every history.
const WORLD: &str = "world:
  domains:
    - name: contoso.com
      population: { users: 4, groups: 2, seed: 7 }
      accounts: [ { name: install-admin, member-of: [Domain Admins] } ]
  tenants:
    - name: contoso
      verified-domains: [contoso.com]
      accounts:
        - { name: hybrid-admin, roles: [Hybrid Identity Administrator] }
        - { name: global-admin, roles: [Global Administrator] }
        - { name: visitor }
  hosts:
    - { name: srv1, domain: contoso.com }
    - { name: srv2, domain: contoso.com }
";

/// Organizational units beside that of the population, parents first.
const UNITS: [(&str, Option<usize>); 3] = [("Staff", None), ("Sales", None), ("East", Some(1))];

const JOB: &str = "tenant: contoso, domain: contoso.com, as: hybrid-admin";
const TENANT: &str = "tenant: contoso, as: global-admin";

/// What must be so once everything is mended, and stay so: for two cycles and a little.
const SETTLED: &str = "  - expect:
      within: 50h
      that:
        - in-sync: { tenant: contoso, domain: contoso.com }
";
const ACTIVE: &str = "        - job: { tenant: contoso, domain: contoso.com, status: Active }
";
const QUIET: &str = "  - expect:
      throughout: 5m
      that:
        - in-sync: { tenant: contoso, domain: contoso.com }
        - exported-once: { tenant: contoso }
";

/// A world with so many agents, after its first cycle.
pub fn beginning(agents: usize) -> Model {
    static OBJECTS: OnceLock<Model> = OnceLock::new();
    let mut model = OBJECTS.get_or_init(first_look).clone();
    model.agents = agents;
    model
}

/// Learns from a world that was just made who is in it.
fn first_look() -> Model {
    let mut model = Model {
        agents: 1,
        units: UNITS
            .map(|(name, parent)| Unit {
                name: name.to_owned(),
                parent,
            })
            .into(),
        ..Model::default()
    };
    let scenario = play::load("beginning", &text("beginning", 1, &model, &[]));
    let report = run_scenario(&scenario, &RunOptions::default());
    assert_eq!(failure_text(&report), None);
    let tree = report.final_state["directories"]["contoso.com"]
        .as_array()
        .unwrap()
        .clone();
    let values = |entry: &Value, name: &str| -> Vec<String> {
        let values = entry["attributes"][name].as_array().into_iter().flatten();
        values.map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    let first = |entry: &Value, name: &str| values(entry, name).into_iter().next().unwrap_or_default();
    let mut accounts = BTreeMap::new();
    for entry in &tree {
        let classes = values(entry, "objectClass");
        let is = |class: &str| classes.iter().any(|known| known == class);
        if (!is("user") && !is("group")) || is("computer") {
            continue;
        }
        let (dn, account) = (entry["dn"].as_str().unwrap(), first(entry, "sAMAccountName"));
        let unit = dn.contains(",OU=Staff,").then_some(0);
        accounts.insert(dn.to_owned(), account.clone());
        if account == "install-admin" {
            continue;
        }
        let object = Object {
            group: is("group"),
            name: first(entry, "cn"),
            unit,
            user_principal_name: first(entry, "userPrincipalName"),
        };
        model.objects.insert(account, object);
    }
    for entry in &tree {
        for member in values(entry, "member") {
            model
                .members
                .insert((first(entry, "sAMAccountName"), accounts[&member].clone()));
        }
    }
    model
}

/// When the job begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Before anything happens; it follows.
    Followed,
    /// When everything has happened.
    AtOnce,
}

/// The whole file.
pub fn text(name: &str, seed: usize, model: &Model, story: &[Deed]) -> String {
    told(name, seed, model, story, Telling::Followed)
}

/// The whole file, told in one way or the other.
pub fn told(name: &str, seed: usize, model: &Model, story: &[Deed], telling: Telling) -> String {
    let mut text = header(name, seed) + &installed(model);
    let begin = begun() + SETTLED;
    if telling == Telling::Followed {
        text += &begin;
    }
    let mut model = model.clone();
    for deed in story {
        text += &step(&model, deed);
        model = Model::apply(model, deed);
    }
    if telling == Telling::AtOnce {
        text += &begin;
    }
    if story.last() != Some(&Deed::Settle) {
        text += &step(&model, &Deed::Settle);
    }
    text
}

/// The same in four files for one world: until the job is started, the first cycle, the changes with the cycles that
/// follow, the proof.
pub fn parts(name: &str, seed: usize, model: &Model, story: &[Deed]) -> [String; 4] {
    let pause = "  - advance: 5m\n".to_owned();
    let begin = begun();
    let (create, start) = begin.split_once('\n').unwrap();
    let mut now = model.clone();
    let mut changes = String::new();
    for deed in story {
        changes += &step(&now, deed);
        now = Model::apply(now, deed);
    }
    let install = installed(model) + create + "\n";
    [
        install,
        start.to_owned() + &pause,
        changes + &pause,
        step(&now, &Deed::Settle),
    ]
    .map(|steps| header(name, seed) + &steps)
}

fn header(name: &str, seed: usize) -> String {
    format!(
        "name: {name}\nabout: A random history.\nstages: [sim]\nnot-on: {{ live: It is random., samba: It is random., \
         openldap: It is random. }}\nseed: {}\n{WORLD}steps:\n",
        seed + 1
    )
}

fn installed(model: &Model) -> String {
    let mut text = String::new();
    for host in model.hosts() {
        let _ = writeln!(
            text,
            "  - install: {{ host: {host}, tenant: contoso, sign-in-as: hybrid-admin, domain-admin: CONTOSO\\install-admin }}"
        );
    }
    for unit in 1..model.units.len() {
        let _ = writeln!(
            text,
            "  - create-organizational-unit: {{ domain: contoso.com, dn: '{}' }}",
            model.unit_dn(unit)
        );
    }
    text
}

fn begun() -> String {
    format!("  - create-configuration: {{ {JOB} }}\n  - start-configuration: {{ {JOB} }}\n")
}

/// The steps of one deed.
fn step(model: &Model, deed: &Deed) -> String {
    let modify = |account: &str, set: &[(&str, Vec<String>)]| {
        format!(
            "  - modify: {{ object: {}, set: {} }}\n",
            object(account),
            settings(set)
        )
    };
    match deed {
        Deed::Create {
            account,
            name,
            prefix,
            suffix,
            unit,
            set,
        } => {
            let mut all = vec![
                ("displayName", vec![(*name).to_owned()]),
                ("userPrincipalName", vec![format!("{prefix}@{suffix}")]),
            ];
            all.extend(set.iter().map(owned));
            let below = quoted(&model.place(*unit));
            format!(
                "  - create-user: {{ object: {}, below: {below}, set: {} }}\n",
                object(account),
                settings(&all)
            )
        }
        Deed::CreateGroup { account, name, unit } => format!(
            "  - create-group: {{ object: {}, below: {}, set: {{ displayName: [{}] }} }}\n",
            object(account),
            quoted(&model.place(*unit)),
            quoted(name)
        ),
        Deed::Move { account, unit } => {
            format!(
                "  - move: {{ object: {}, below: {} }}\n",
                object(account),
                quoted(&model.place(*unit))
            )
        }
        Deed::RenameUnit { unit, to } => format!(
            "  - rename-organizational-unit: {{ domain: contoso.com, dn: {}, to: {to} }}\n",
            quoted(&model.unit_dn(*unit))
        ),
        Deed::Modify { account, set } => modify(account, &[owned(set)]),
        Deed::NameUser {
            account,
            prefix,
            suffix,
        } => modify(
            account,
            &[("userPrincipalName", vec![format!("{prefix}@{suffix}")])],
        ),
        Deed::Account { account, to } => modify(account, &[("sAMAccountName", vec![(*to).to_owned()])]),
        Deed::Manager { account, manager } => {
            let dn = manager.as_ref().map(|manager| model.dn(manager));
            modify(account, &[("manager", dn.into_iter().collect())])
        }
        Deed::Enable { account, on } => {
            let flags = if *on { "512" } else { "514" };
            modify(account, &[("userAccountControl", vec![flags.to_owned()])])
        }
        Deed::Delete { account } => format!("  - delete: {{ object: {} }}\n", object(account)),
        Deed::Rename { account, to } => {
            format!(
                "  - rename: {{ object: {}, to: {} }}\n",
                object(account),
                quoted(to)
            )
        }
        Deed::Member { group, member, is } => {
            let word = if *is { "add-member" } else { "remove-member" };
            format!(
                "  - {word}: {{ group: {}, member: {} }}\n",
                object(group),
                object(member)
            )
        }
        Deed::Advance(span) => format!("  - advance: {span}\n"),
        Deed::Crash(Part::Agent(host)) => format!("  - crash: {{ agent: {host} }}\n"),
        Deed::Crash(Part::Directory) => "  - crash: { directory: contoso.com }\n".to_owned(),
        Deed::Crash(Part::Cloud) => "  - crash: cloud\n".to_owned(),
        Deed::Service { host, runs } => {
            format!(
                "  - {}-service: {{ host: {host} }}\n",
                if *runs { "start" } else { "stop" }
            )
        }
        Deed::Paused(paused) => {
            format!(
                "  - {}: {{ directory: contoso.com }}\n",
                if *paused { "pause" } else { "resume" }
            )
        }
        Deed::Power(on) => format!(
            "  - {}: {{ directory: contoso.com }}\n",
            if *on { "start" } else { "stop" }
        ),
        Deed::Job(runs) => {
            format!(
                "  - {}-configuration: {{ {JOB} }}\n",
                if *runs { "start" } else { "pause" }
            )
        }
        Deed::Scope(scope) => {
            let list = |names: Vec<String>| names.iter().map(|dn| quoted(dn)).collect::<Vec<_>>().join(", ");
            let what = match scope {
                Scope::All => "all: true".to_owned(),
                Scope::Units(units) => {
                    format!(
                        "organizational-units: [{}]",
                        list(units.iter().map(|unit| model.unit_dn(*unit)).collect())
                    )
                }
                Scope::Groups(groups) => {
                    format!(
                        "groups: [{}]",
                        list(groups.iter().map(|group| model.dn(group)).collect())
                    )
                }
            };
            format!("  - set-scope: {{ {JOB}, {what} }}\n")
        }
        Deed::Filter { groups, clauses } => {
            let clauses: Vec<String> = clauses
                .iter()
                .map(|(attribute, operator, value)| {
                    let values = if value.is_empty() {
                        String::new()
                    } else {
                        format!(", values: ['{value}']")
                    };
                    format!("[{{ attribute: {attribute}, operator: '{operator}'{values} }}]")
                })
                .collect();
            let word = if *groups { "filter-groups" } else { "filter-users" };
            format!("  - {word}: {{ {JOB}, any-of: [{}] }}\n", clauses.join(", "))
        }
        Deed::Map { at, on: true } => {
            let (kind, target, what) = words::MAPPINGS[*at];
            format!("  - map-attribute: {{ {JOB}, object: {kind}, target: {target}, {what} }}\n")
        }
        Deed::Map { at, on: false } => {
            let (kind, target, _) = words::MAPPINGS[*at];
            format!("  - unmap-attribute: {{ {JOB}, object: {kind}, target: {target} }}\n")
        }
        Deed::Threshold(threshold) => {
            let threshold = threshold.map_or_else(|| "off".to_owned(), |number| number.to_string());
            format!("  - set-delete-threshold: {{ {JOB}, threshold: {threshold} }}\n")
        }
        Deed::AllowDeletes => format!("  - allow-deletes: {{ {JOB} }}\n"),
        Deed::KeepOutOfScope(skip) => format!("  - skip-out-of-scope-deletions: {{ {JOB}, skip: {skip} }}\n"),
        Deed::Restart("") => format!("  - restart-configuration: {{ {JOB} }}\n"),
        Deed::Restart(reset) => format!("  - restart-configuration: {{ {JOB}, reset: [{reset}] }}\n"),
        Deed::Feature { name, on } => {
            format!("  - set-tenant-features: {{ {TENANT}, set: {{ {name}: {on} }} }}\n")
        }
        Deed::VerifyDomain => "  - verify-domain: { tenant: contoso, name: corp.local }\n".to_owned(),
        Deed::CloudUser { prefix, deed } => {
            let (word, more) = match deed {
                CloudDeed::Create => ("create", ", set: { displayName: Cloudy }"),
                CloudDeed::Delete => ("delete", ""),
                CloudDeed::Restore => ("restore", ""),
            };
            format!("  - {word}-cloud-user: {{ {TENANT}, user: {prefix}@contoso.com{more} }}\n")
        }
        Deed::OnDemand { account } => {
            let kind = if model.objects[account].group {
                "group"
            } else {
                "user"
            };
            format!(
                "  - provision-on-demand: {{ {JOB}, object: {}, kind: {kind} }}\n",
                object(account)
            )
        }
        Deed::ReplaceController => "  - replace-domain-controller: { directory: contoso.com }\n".to_owned(),
        Deed::Fault { host, line, what } => format!(
            "  - fault: {{ name: f{}, from: {host}.contoso.com, to: {line}, what: {what} }}\n",
            model.faults
        ),
        Deed::Heal => model
            .disturbed
            .iter()
            .map(|fault| format!("  - heal: f{fault}\n"))
            .collect(),
        Deed::Settle => {
            // A guard that holds something back is left by what allows it; whether it does so, only the engine knows.
            let active = if model.guarded { "" } else { ACTIVE };
            mended(model) + SETTLED + active + QUIET
        }
    }
}

/// The steps after which nothing is in the way.
fn mended(model: &Model) -> String {
    let mut all = Vec::new();
    if !model.disturbed.is_empty() {
        all.push(Deed::Heal);
    }
    if model.paused {
        all.push(Deed::Paused(false));
    }
    if model.powerless {
        all.push(Deed::Power(true));
    }
    for host in HOSTS.into_iter().filter(|host| model.stopped.contains(host)) {
        all.push(Deed::Service { host, runs: true });
    }
    if model.idle {
        all.push(Deed::Job(true));
    }
    if model.guarded {
        all.push(Deed::AllowDeletes);
    }
    all.iter().map(|deed| step(model, deed)).collect()
}

fn owned(set: &Set) -> (&'static str, Vec<String>) {
    (set.0, set.1.iter().map(|value| (*value).to_owned()).collect())
}

fn object(account: &str) -> String {
    quoted(&format!("CONTOSO\\{account}"))
}

fn settings(set: &[(&str, Vec<String>)]) -> String {
    let all: Vec<String> = set
        .iter()
        .map(|(name, values)| {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            format!("{name}: [{}]", values.join(", "))
        })
        .collect();
    format!("{{ {} }}", all.join(", "))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
