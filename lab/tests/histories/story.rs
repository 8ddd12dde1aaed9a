//! A history as the text of a scenario file.

use std::{collections::BTreeMap, fmt::Write as _, sync::OnceLock};

use proptest_state_machine::ReferenceStateMachine as _;
use provlab::{
    report::failure_text,
    run::{RunOptions, run_scenario},
};
use serde_json::Value;

use super::{
    deed::{Deed, Part, Set},
    model::{HOSTS, Model, Object},
    play,
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
        - { name: visitor }
  hosts:
    - { name: srv1, domain: contoso.com }
    - { name: srv2, domain: contoso.com }
";

const CONFIGURATION: &str = "{ tenant: contoso, domain: contoso.com, as: hybrid-admin }";

/// What must be so once everything is mended, and stay so.
const SETTLED: &str = "  - expect:
      within: 30h
      that:
        - in-sync: { tenant: contoso, domain: contoso.com }
        - job: { tenant: contoso, domain: contoso.com, status: Active }
  - expect:
      throughout: 7m
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
        objects: BTreeMap::new(),
        members: Default::default(),
        stopped: Default::default(),
        paused: false,
        powerless: false,
        idle: false,
        faults: 0,
        disturbed: Default::default(),
    };
    let scenario = play::load("beginning", &text("beginning", 1, &model, &[]));
    let report = run_scenario(&scenario, &RunOptions::default());
    assert_eq!(failure_text(&report), None);
    let tree = report.final_state["directories"]["contoso.com"].as_array().unwrap().clone();
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
        let (_, parent) = dn.split_once(',').unwrap();
        accounts.insert(dn.to_owned(), account.clone());
        if account == "install-admin" {
            continue;
        }
        let object = Object {
            group: is("group"),
            name: first(entry, "cn"),
            parent: parent.to_owned(),
            user_principal_name: first(entry, "userPrincipalName"),
        };
        model.objects.insert(account, object);
    }
    for entry in &tree {
        for member in values(entry, "member") {
            model.members.insert((first(entry, "sAMAccountName"), accounts[&member].clone()));
        }
    }
    model
}

/// The whole file.
pub fn text(name: &str, seed: usize, model: &Model, story: &[Deed]) -> String {
    let mut text = format!(
        "name: {name}\nabout: A random history.\nstages: [sim]\nnot-on: {{ live: It is random., samba: It is random., \
         openldap: It is random. }}\nseed: {}\n{WORLD}steps:\n",
        seed + 1
    );
    for host in model.hosts() {
        let _ = writeln!(
            text,
            "  - install: {{ host: {host}, tenant: contoso, sign-in-as: hybrid-admin, domain-admin: CONTOSO\\install-admin }}"
        );
    }
    let _ = writeln!(text, "  - create-configuration: {CONFIGURATION}\n  - start-configuration: {CONFIGURATION}");
    text.push_str(SETTLED);
    let mut model = model.clone();
    for deed in story {
        text.push_str(&step(&model, deed));
        model = Model::apply(model, deed);
    }
    if story.last() != Some(&Deed::Settle) {
        text.push_str(&step(&model, &Deed::Settle));
    }
    text
}

/// The steps of one deed.
fn step(model: &Model, deed: &Deed) -> String {
    let modify = |account: &str, set: &[(&str, Vec<String>)]| {
        format!("  - modify: {{ object: {}, set: {} }}\n", object(account), settings(set))
    };
    match deed {
        Deed::Create { account, name, prefix, suffix, set } => {
            let mut all = vec![
                ("displayName", vec![(*name).to_owned()]),
                ("userPrincipalName", vec![format!("{prefix}@{suffix}")]),
            ];
            all.extend(set.iter().map(owned));
            format!("  - create-user: {{ object: {}, set: {} }}\n", object(account), settings(&all))
        }
        Deed::Modify { account, set } => modify(account, &[owned(set)]),
        Deed::NameUser { account, prefix, suffix } => {
            modify(account, &[("userPrincipalName", vec![format!("{prefix}@{suffix}")])])
        }
        Deed::Account { account, to } => modify(account, &[("sAMAccountName", vec![(*to).to_owned()])]),
        Deed::Manager { account, manager } => {
            let dn = manager.as_ref().map(|manager| model.objects[manager].dn());
            modify(account, &[("manager", dn.into_iter().collect())])
        }
        Deed::Enable { account, on } => {
            let flags = if *on { "512" } else { "514" };
            modify(account, &[("userAccountControl", vec![flags.to_owned()])])
        }
        Deed::Delete { account } => format!("  - delete: {{ object: {} }}\n", object(account)),
        Deed::Rename { account, to } => {
            format!("  - rename: {{ object: {}, to: {} }}\n", object(account), quoted(to))
        }
        Deed::Member { group, member, is } => {
            let word = if *is { "add-member" } else { "remove-member" };
            format!("  - {word}: {{ group: {}, member: {} }}\n", object(group), object(member))
        }
        Deed::Advance(span) => format!("  - advance: {span}\n"),
        Deed::Crash(Part::Agent(host)) => format!("  - crash: {{ agent: {host} }}\n"),
        Deed::Crash(Part::Directory) => "  - crash: { directory: contoso.com }\n".to_owned(),
        Deed::Crash(Part::Cloud) => "  - crash: cloud\n".to_owned(),
        Deed::Service { host, runs } => {
            format!("  - {}-service: {{ host: {host} }}\n", if *runs { "start" } else { "stop" })
        }
        Deed::Paused(paused) => {
            format!("  - {}: {{ directory: contoso.com }}\n", if *paused { "pause" } else { "resume" })
        }
        Deed::Power(on) => format!("  - {}: {{ directory: contoso.com }}\n", if *on { "start" } else { "stop" }),
        Deed::Job(runs) => {
            format!("  - {}-configuration: {CONFIGURATION}\n", if *runs { "start" } else { "pause" })
        }
        Deed::Fault { host, line, what } => format!(
            "  - fault: {{ name: f{}, from: {host}.contoso.com, to: {line}, what: {what} }}\n",
            model.faults
        ),
        Deed::Heal => model.disturbed.iter().map(|fault| format!("  - heal: f{fault}\n")).collect(),
        Deed::Settle => mended(model) + SETTLED,
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
