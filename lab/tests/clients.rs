//! Stock clients against the mocks: OpenLDAP's `ldapsearch` and python3-ldap3 read the directory, MSAL for Python
//! signs in and reads Graph. What they read is compared with what the mocks say of themselves.
//!
//! A client that is not installed is told as *not run*; `PROVLAB_REQUIRE=clients` turns that into a failure. Python is
//! the first of `PROVLAB_PYTHON`, `python3` and `/usr/bin/python3` that has the module.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    process::{Output, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use provlab::{
    report::failure_text,
    run::{RunOptions, play},
    scenario::{Scenario, StageName, load_file},
    stage::{self, LiveWorld},
    world::{Credential, World as _},
};
use provlab_directory::control::{Command as DirectoryCommand, DumpedEntry, Reply as DirectoryReply};
use provlab_entra::control::{Command as CloudCommand, Reply as CloudReply};
use provlab_platform::net::real::NameTable;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, process::Command};

const PEOPLE: usize = 57;
const PAGE: usize = 10;
const BASE: &str = "DC=contoso,DC=com";
const DOMAIN: &str = "contoso.com";
const CONTROLLER: &str = "dc1.contoso.com:636";
/// The public client "Azure Active Directory PowerShell" (PR 2), which every tenant knows.
const CLIENT_ID: &str = "1b730954-1685-4b74-9bfd-dac224a7b894";

const WORLD: &str = r"
name: clients
about: A domain with people, and a tenant that knows them.
stages: [live]
not-on: { sim: Stock clients need sockets., samba: Not asked., openldap: Not asked. }
world:
  domains:
    - name: contoso.com
      population: { users: 57, groups: 5, seed: 11 }
      accounts: [ { name: install-admin, member-of: [Domain Admins] } ]
  tenants:
    - name: contoso
      verified-domains: [contoso.com]
      accounts: [ { name: hybrid-admin, roles: [Hybrid Identity Administrator] } ]
  hosts: [ { name: srv1, domain: contoso.com } ]
";

const NOTHING: &str = r"steps:
  - advance: 1s
";

const SYNCHRONIZE: &str = r"steps:
  - install: { host: srv1, tenant: contoso, sign-in-as: hybrid-admin, domain-admin: CONTOSO\install-admin }
  - create-configuration: { tenant: contoso, domain: contoso.com, as: hybrid-admin }
  - start-configuration: { tenant: contoso, domain: contoso.com, as: hybrid-admin }
  - expect: { within: 30m, that: [ { in-sync: { tenant: contoso, domain: contoso.com } } ] }
";

/// Builds the world, plays the steps, and shows the world to a client.
fn in_a_world(steps: &str, visit: impl AsyncFnOnce(&LiveWorld)) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clients.yaml");
    fs::write(&file, format!("{WORLD}{steps}")).unwrap();
    let scenario: Scenario = load_file(&file)
        .unwrap_or_else(|errors| panic!("{}", errors.render(false)))
        .remove(0);
    let options = RunOptions {
        stage: StageName::Live,
        ..RunOptions::default()
    };
    stage::runtime(StageName::Live, 1).unwrap().block_on(async {
        let world = LiveWorld::build(&scenario, &options).await.unwrap();
        let report = play(&scenario, &options, 1, &world).await;
        if let Some(text) = failure_text(&report) {
            panic!("{text}");
        }
        visit(&world).await;
        world.shut_down(false).await;
    });
}

/// Says that a client is not here; a failure where clients are required.
fn not_run(client: &str, reason: &str) {
    let required = std::env::var("PROVLAB_REQUIRE").unwrap_or_default();
    let required = required.split(',').any(|word| word.trim() == "clients");
    assert!(
        !required,
        "{client} is required (PROVLAB_REQUIRE) and cannot run: {reason}"
    );
    eprintln!("not run: {client}: {reason}");
}

/// A Python that has the module.
fn python_with(module: &str) -> Option<String> {
    let named = std::env::var("PROVLAB_PYTHON").ok();
    let known = ["python3", "/usr/bin/python3"].map(str::to_owned);
    let mut candidates = named
        .map_or_else(|| known.to_vec(), |python| vec![python])
        .into_iter();
    candidates.find(|python| {
        let mut command = std::process::Command::new(python);
        command
            .args(["-c", &format!("import {module}")])
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// Runs a script of `clients/` with a JSON object as input; gives the JSON object that it answers.
async fn script(python: &str, name: &str, input: &Value) -> Value {
    let mut child = Command::new(python)
        .arg(format!("{}/tests/clients/{name}", env!("CARGO_MANIFEST_DIR")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).await.unwrap();
    drop(stdin);
    serde_json::from_str(&text_of(child.wait_with_output().await.unwrap())).unwrap()
}

fn text_of(output: Output) -> String {
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn address(world: &LiveWorld, name: &str) -> SocketAddr {
    let entry = world
        .names()
        .entries()
        .iter()
        .find(|entry| format!("{}:{}", entry.host, entry.port) == name);
    entry
        .unwrap_or_else(|| panic!("nothing listens as {name}"))
        .address
}

fn names(table: &NameTable) -> BTreeMap<String, String> {
    let entries = table.entries().iter();
    entries
        .map(|entry| {
            (
                format!("{}:{}", entry.host, entry.port),
                entry.address.to_string(),
            )
        })
        .collect()
}

fn administrator(world: &LiveWorld) -> Credential {
    world.book().administrator(world.book().domain(DOMAIN).unwrap())
}

/// sAMAccountName and displayName of the people of the domain, by DN, as the directory's own state has them.
async fn people(world: &LiveWorld) -> BTreeMap<String, (String, String)> {
    let attributes = ["sAMAccountName", "displayName", "objectClass"]
        .map(str::to_owned)
        .to_vec();
    let dump = DirectoryCommand::Dump {
        base: None,
        attributes,
        system: true,
        deleted: false,
    };
    let DirectoryReply::Tree(entries) = world.directory(DOMAIN, dump).await.unwrap() else {
        panic!("a dump gives a tree")
    };
    let first = |entry: &DumpedEntry, name: &str| {
        let values = entry
            .attributes
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        values
            .and_then(|(_, values)| values.first().cloned())
            .unwrap_or_default()
    };
    let is = |entry: &DumpedEntry, class: &str| {
        let classes = entry
            .attributes
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("objectClass"));
        classes.is_some_and(|(_, classes)| classes.iter().any(|known| known == class))
    };
    let people = entries
        .into_iter()
        .filter(|entry| is(entry, "user") && !is(entry, "computer"));
    let people: BTreeMap<_, _> = people
        .map(|entry| {
            (
                entry.dn.to_lowercase(),
                (first(&entry, "sAMAccountName"), first(&entry, "displayName")),
            )
        })
        .collect();
    assert!(
        people.len() > PEOPLE,
        "the population and the accounts: {people:#?}"
    );
    people
}

/// Entries of an LDIF text: DN and attributes, one value each.
fn ldif(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut entries = BTreeMap::new();
    for block in text.split("\n\n") {
        let lines = block.lines().filter(|line| !line.starts_with('#'));
        let mut pairs: BTreeMap<String, String> = lines
            .filter_map(|line| match line.split_once(":: ") {
                Some((name, value)) => Some((
                    name.to_owned(),
                    String::from_utf8(STANDARD.decode(value).unwrap()).unwrap(),
                )),
                None => line
                    .split_once(": ")
                    .map(|(name, value)| (name.to_owned(), value.to_owned())),
            })
            .collect();
        if let Some(dn) = pairs.remove("dn") {
            entries.insert(dn.to_lowercase(), pairs);
        }
    }
    entries
}

#[test]
fn ldapsearch_pages_through_the_people() {
    const CLIENT: &str = "ldapsearch";
    let installed = std::process::Command::new(CLIENT)
        .arg("-VV")
        .stderr(Stdio::null())
        .status();
    if !installed.is_ok_and(|status| status.success()) {
        return not_run(CLIENT, "it is not installed (Debian: ldap-utils)");
    }
    in_a_world(NOTHING, async |world| {
        let administrator = administrator(world);
        let secret = tempfile::NamedTempFile::new().unwrap();
        fs::write(secret.path(), administrator.password.expose_secret()).unwrap();
        let search = async |page: usize| {
            let output = Command::new(CLIENT)
                .env("LDAPTLS_CACERT", world.ca_file())
                .args(["-x", "-o", "ldif-wrap=no", "-D", &administrator.name, "-b", BASE])
                .args(["-H", &format!("ldaps://{}", address(world, CONTROLLER))])
                .args(["-E", &format!("pr={page}/noprompt")])
                .arg("-y")
                .arg(secret.path())
                .args([
                    "(&(objectCategory=person)(objectClass=user))",
                    "sAMAccountName",
                    "displayName",
                ])
                .output();
            text_of(output.await.unwrap())
        };
        let text = search(PAGE).await;
        let found = ldif(&text);
        let expected = people(world).await;
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>()
        );
        for (dn, (account, shown)) in &expected {
            assert_eq!(found[dn].get("sAMAccountName"), Some(account), "{dn}");
            assert_eq!(
                found[dn].get("displayName").map_or("", String::as_str),
                shown,
                "{dn}"
            );
        }
        let pages = text.matches("\npagedresults: cookie=").count();
        assert_eq!(
            pages,
            expected.len().div_ceil(PAGE),
            "pages of {PAGE} of {} people",
            expected.len()
        );
        assert_eq!(
            ldif(&search(1000).await),
            found,
            "the size of the page changes what is found"
        );
    });
}

#[test]
fn python_ldap3_follows_the_changes_with_dirsync() {
    const CLIENT: &str = "python3-ldap3";
    let Some(python) = python_with("ldap3") else {
        return not_run(CLIENT, "no Python has the module `ldap3`");
    };
    in_a_world(NOTHING, async |world| {
        let before = people(world).await;
        let administrator = administrator(world);
        let ldaps = address(world, CONTROLLER);
        let changed = before.iter().find(|(dn, _)| dn.contains("ou=staff")).unwrap().0;
        let input = json!({
            "host": ldaps.ip().to_string(), "port": ldaps.port(), "ca": world.ca_file(), "base": BASE,
            "user": administrator.name, "password": administrator.password.expose_secret(), "change_dn": changed,
        });
        let told = script(&python, "dirsync.py", &input).await;
        let by_dn = |told: &Value| -> BTreeMap<String, Value> {
            let entries = told.as_object().unwrap().iter();
            // The client asks for extended DNs: `<GUID=…>;<SID=…>;CN=…`.
            let dn = |extended: &str| extended.rsplit(">;").next().unwrap_or_default().to_lowercase();
            entries
                .map(|(extended, attributes)| (dn(extended), attributes.clone()))
                .collect()
        };
        let initial = by_dn(&told["initial"]);
        assert_eq!(
            initial.keys().collect::<Vec<_>>(),
            before.keys().collect::<Vec<_>>()
        );
        for (dn, (account, shown)) in &before {
            assert_eq!(initial[dn]["sAMAccountName"], json!(account), "{dn}");
            if !shown.is_empty() {
                assert_eq!(initial[dn]["displayName"], json!(shown), "{dn}");
            }
        }
        assert!(
            told["initial_pages"].as_u64().unwrap() > 1,
            "everything came in one page"
        );
        let delta = by_dn(&told["delta"]);
        assert_eq!(
            delta.keys().collect::<Vec<_>>(),
            [changed],
            "only what changed is in the delta"
        );
        assert_eq!(delta[changed]["displayName"], json!("Changed by ldap3"));
        assert_eq!(
            delta[changed].get("sAMAccountName"),
            None,
            "only changed attributes are in the delta"
        );
        assert_eq!(people(world).await[changed].1, "Changed by ldap3");
    });
}

#[test]
fn msal_signs_in_and_graph_pages_through_the_users() {
    const CLIENT: &str = "MSAL for Python";
    let Some(python) = python_with("msal, requests") else {
        return not_run(CLIENT, "no Python has the modules `msal` and `requests`");
    };
    in_a_world(SYNCHRONIZE, async |world| {
        let administrator = world.book().cloud_credential("contoso", "hybrid-admin").unwrap();
        let input = json!({
            "names": names(world.names()), "ca": world.ca_file(), "client_id": CLIENT_ID,
            "authority": "https://login.microsoftonline.com/contoso.onmicrosoft.com", "graph": "graph.microsoft.com",
            "user": administrator.name, "password": administrator.password.expose_secret(),
        });
        let told = script(&python, "msal_graph.py", &input).await;
        assert_eq!(told["wrong_password"], json!([50126]));
        assert_eq!(told["claims"]["preferred_username"], json!(administrator.name));
        let CloudReply::Dump(state) = world.cloud(CloudCommand::Dump { tenant: None }).await.unwrap() else {
            panic!("a dump gives a state")
        };
        let users = state["tenants"][0]["users"].as_array().unwrap();
        let name = |user: &Value| user["userPrincipalName"].as_str().unwrap().to_owned();
        let expected: BTreeSet<String> = users.iter().map(name).collect();
        let found: Vec<&Value> = told["users"].as_array().unwrap().iter().collect();
        assert_eq!(found.len(), expected.len(), "a user is there twice or missing");
        assert_eq!(found.iter().copied().map(name).collect::<BTreeSet<_>>(), expected);
        assert_eq!(
            told["pages"].as_u64().unwrap() as usize,
            expected.len().div_ceil(PAGE)
        );
        let synced = found
            .iter()
            .filter(|user| user["onPremisesImmutableId"].is_string())
            .count();
        assert_eq!(
            synced,
            people(world).await.len() - hidden(&people(world).await),
            "people of the directory"
        );
    });
}

/// Built-in accounts, which are not synchronized (CS 5.8).
fn hidden(people: &BTreeMap<String, (String, String)>) -> usize {
    let built_in = ["administrator", "guest", "krbtgt"];
    people
        .values()
        .filter(|(account, _)| built_in.contains(&account.to_lowercase().as_str()))
        .count()
}
