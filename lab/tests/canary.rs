//! Nothing secret leaves: passwords and keys are planted in a world, and everything that a run gives out is searched.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test"
)]

mod support {
    pub mod secrets;
}

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use provlab::{
    report::{Outcome, failure_text, summary_table, trace_text, write_json, write_junit},
    run::{RunOptions, run_scenario},
    scenario::{Scenario, load_file},
    world::{Book, InstallRequest, default_password},
};
use secrecy::ExposeSecret as _;
use support::secrets::Needles;
use tempfile::TempDir;

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
const LAB_KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../platform/src/crypto/lab_keys");

/// Planted passwords by what they are for. Their `+` and `&` show how they would be escaped.
const ADMIN: &str = "Tweety+1&Vh8Kq2Zt";
const DOOMED_ADMIN: &str = "Tweety+2&Xw4Jm9Rb";
const CLOUD_ADMIN: &str = "Tweety+3&Pf6Ld1Gs";
const NEW_USER: &str = "Tweety+4&Cn3Yh7Qk";

/// Last lines: a story passes, an expectation is never met, a step fails.
const PASSES: &str = "        - agents: { tenant: contoso, count: 1 }";
const UNMET: &str = "        - agents: { tenant: contoso, count: 99 }";
const FAILS: &str = "  - delete: { object: CONTOSO\\nobody }";

/// A story with everything in it that handles a secret, and its last line.
fn story(folder: &Path, name: &str, ending: &str) -> PathBuf {
    let fixtures = folder.join("fixtures");
    fs::create_dir_all(&fixtures).unwrap();
    fs::copy(
        format!("{SCENARIOS}/fixtures/contoso.yaml"),
        fixtures.join("contoso.yaml"),
    )
    .unwrap();
    let path = folder.join(format!("{name}.yaml"));
    let text = format!(
        r"
name: {name}
about: Secrets go every way that they can go.
stages: [sim, live]
not-on: {{ samba: not needed, openldap: not needed }}
include: [fixtures/contoso.yaml]
world:
  domains:
    - name: contoso.com
      accounts:
        - name: first-admin
          password: '{DOOMED_ADMIN}'
          member-of: [Domain Admins]
        - name: second-admin
          password: '{ADMIN}'
          member-of: [Domain Admins]
  tenants:
    - name: contoso
      accounts:
        - name: signing-in
          password: '{CLOUD_ADMIN}'
          roles: [Hybrid Identity Administrator]
steps:
  - install:
      host: srv1
      tenant: contoso
      sign-in-as: signing-in
      domain-admin: CONTOSO\first-admin
      between:
        - before: Connect Active Directory
          do:
            - change-password: {{ account: CONTOSO\first-admin }}
  - expect:
      that:
        - wizard: {{ host: srv1, outcome: stopped, page: Connect Active Directory, data: 52e }}
  - install:
      host: srv1
      tenant: contoso
      sign-in-as: signing-in
      domain-admin: CONTOSO\second-admin
  - create-configuration: {{ tenant: contoso, domain: contoso.com, as: signing-in }}
  - start-configuration: {{ tenant: contoso, domain: contoso.com, as: signing-in }}
  - create-user:
      object: CONTOSO\ada
      password: '{NEW_USER}'
      set:
        userPrincipalName: [ada@contoso.com]
        displayName: [Ada Lovelace]
  - expect:
      within: 10m
      that:
        - in-sync: {{ tenant: contoso, domain: contoso.com }}
  - crash: {{ agent: srv1 }}
  - crash: {{ directory: contoso.com }}
  - crash: cloud
  - change-password: {{ account: CONTOSO\second-admin }}
  - expect:
      within: 10m
      that:
        - in-sync: {{ tenant: contoso, domain: contoso.com }}
{ending}
"
    );
    fs::write(&path, text.trim_start()).unwrap();
    path
}

/// Everything that must not be seen.
fn needles() -> Needles {
    let mut needles = Needles::default();
    for (name, password) in [
        ("the domain admin's password", ADMIN),
        ("the first admin's password", DOOMED_ADMIN),
        ("the cloud admin's password", CLOUD_ADMIN),
        ("the new user's password", NEW_USER),
    ] {
        needles.password(name, password);
    }
    for (name, of) in [
        ("Administrator's password", "Administrator"),
        ("the computer's password", "srv1.contoso.com$ machine account"),
        (
            "the first admin's new password",
            "CONTOSO\\first-admin after the change",
        ),
        (
            "the domain admin's new password",
            "CONTOSO\\second-admin after the change",
        ),
        ("another admin's password", "install-admin"),
        ("another cloud admin's password", "hybrid-admin"),
    ] {
        needles.password(name, default_password(of).expose_secret());
    }
    // Simulated hosts draw their keys from this pool. The middle of a key is made of its private numbers.
    let mut keys = 0;
    for entry in fs::read_dir(LAB_KEYS).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "der") {
            let key = fs::read(&path).unwrap();
            needles.bytes(
                &format!("the lab key {}", path.display()),
                &key[key.len() / 2..][..24],
            );
            keys += 1;
        }
    }
    assert!(
        keys > 0,
        "the pool of lab keys is not where this test looks for it"
    );
    needles
}

/// Fails if anything is found in `text`.
#[track_caller]
fn search(needles: &Needles, what: &str, text: &[u8]) {
    let found = needles.found_in(text);
    assert!(found.is_empty(), "{what}: {found:#?}");
}

fn scenarios(folder: &Path) -> [Scenario; 2] {
    [
        story(folder, "canary-passes", PASSES),
        story(folder, "canary-fails", UNMET),
    ]
    .map(|path| match load_file(&path) {
        Ok(mut scenarios) => scenarios.remove(0),
        Err(errors) => panic!("{}", errors.render(false)),
    })
}

#[test]
fn what_a_run_reports_has_no_secret_in_it() {
    let (folder, needles) = (TempDir::new().unwrap(), needles());
    for scenario in scenarios(folder.path()) {
        let report = run_scenario(&scenario, &RunOptions::default());
        let failure = failure_text(&report);
        match report.id.to_string().as_str() {
            "canary-passes" => assert_eq!(report.outcome, Outcome::Passed, "{}", failure.unwrap_or_default()),
            _ => assert!(failure.is_some(), "this one is to fail"),
        }
        assert!(
            report.events.len() > 200,
            "only {} events: the story did not happen",
            report.events.len()
        );
        let reports = [report];
        let (mut json, mut junit) = (Vec::new(), Vec::new());
        write_json(&reports, &mut json).unwrap();
        write_junit(&reports, &mut junit).unwrap();
        search(&needles, "the JSON trace", &json);
        search(&needles, "the JUnit report", &junit);
        search(
            &needles,
            "the table",
            summary_table(&reports, Duration::ZERO).as_bytes(),
        );
        search(
            &needles,
            "the trace as text",
            trace_text(&reports[0].events).as_bytes(),
        );
        search(
            &needles,
            "the failure",
            failure_text(&reports[0]).unwrap_or_default().as_bytes(),
        );
        search(&needles, "the report's Debug", format!("{reports:?}").as_bytes());
    }
}

#[test]
fn what_holds_a_secret_does_not_show_it() {
    let (folder, needles) = (TempDir::new().unwrap(), needles());
    let [scenario, _] = scenarios(folder.path());
    let show = |what: &str, value: &dyn std::fmt::Debug| {
        search(&needles, what, format!("{value:?}\n{value:#?}").as_bytes());
    };
    show("a scenario", &scenario);
    show("its names", &Book::new(scenario.world));
    let credential = serde_json::json!({ "user": "CONTOSO\\second-admin", "password": ADMIN });
    let answers = serde_json::json!({
        "cloud-administrator": { "password": { "user-principal-name": "a@b", "password": CLOUD_ADMIN } },
        "service-account": { "create-gmsa": { "credential": credential } },
        "domains": [{ "name": "contoso.com", "credential": credential }],
    });
    let answers: provlab_agent::Answers = serde_json::from_value(answers).unwrap();
    show(
        "an installation",
        &InstallRequest {
            host: "srv1".into(),
            environmentname: None,
            answers,
        },
    );
    let user = serde_json::json!({ "put-user": { "name": "ada", "password": NEW_USER } });
    show(
        "a command",
        &serde_json::from_value::<provlab_directory::Command>(user).unwrap(),
    );
    show(
        "a directory",
        &provlab_directory::Config::new("contoso.com", "CONTOSO", ADMIN.into()),
    );
    let account = serde_json::json!({ "user-principal-name": "a@contoso.com", "password": CLOUD_ADMIN });
    let cloud =
        serde_json::json!({ "tenants": [{ "initial-domain": "contoso.com", "accounts": [account] }] });
    show(
        "a cloud",
        &serde_json::from_value::<provlab_entra::Config>(cloud).unwrap(),
    );
}

/// A line of a story, and what is written in its place.
const MISTAKES: [(&str, &str); 7] = [
    (
        "          member-of: [Domain Admins]",
        "          membr-of: [Domain Admins]",
    ),
    ("        - name: first-admin", "        - nam: first-admin"),
    (
        "          roles: [Hybrid Identity Administrator]",
        "          roles: [Hybrid Identity Administrato]",
    ),
    ("      object: CONTOSO\\ada", "      object: CONTOS\\ada"),
    ("      set:", "\tset:"),
    (
        "          password: 'Tweety+1&Vh8Kq2Zt'",
        "          password: ['Tweety+1&Vh8Kq2Zt']",
    ),
    (
        "          password: 'Tweety+1&Vh8Kq2Zt'",
        "          passwort: 'Tweety+3&Pf6Ld1Gs'",
    ),
];

#[test]
fn a_complaint_about_a_file_shows_no_password() {
    let (folder, needles) = (TempDir::new().unwrap(), needles());
    for (right, wrong) in MISTAKES {
        let path = story(folder.path(), "canary-passes", PASSES);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(right), "{right}");
        fs::write(&path, text.replacen(right, wrong, 1)).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_lab"))
            .arg("run")
            .arg(&path)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        search(&needles, wrong, &output.stderr);
        search(&needles, wrong, &output.stdout);
        search(&needles, wrong, format!("{:?}", load_file(&path)).as_bytes());
    }
}

/// Files whose purpose is to hold secrets: what the processes of a world are started with, what they store, and the
/// agents' keys. They lie in a folder that only its owner may enter.
fn is_secret_store(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let agents_key = name.ends_with(".pem") && path.parent().is_some_and(|folder| folder.ends_with("Config"));
    agents_key || ["config.json", "host.json", "authority.pem", "state.redb"].contains(&name.as_ref())
}

fn files_below(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, into);
        } else {
            into.push(path);
        }
    }
}

/// Runs both stories with the `lab` program and searches its output and everything that it leaves behind.
fn search_the_program(stage: &str, failure: &str) {
    let (folder, needles) = (TempDir::new().unwrap(), needles());
    let temporary = TempDir::new().unwrap();
    let stories = [
        story(folder.path(), "canary-passes", PASSES),
        story(folder.path(), "canary-fails", failure),
    ];
    let output = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["run", "--on", stage, "--keep", "always", "--verbose", "--json"])
        .arg(temporary.path().join("trace.json"))
        .arg("--junit")
        .arg(temporary.path().join("junit.xml"))
        .args(&stories)
        .env("TMPDIR", temporary.path())
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("1 passed, 1 failed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    search(&needles, "standard output", &output.stdout);
    search(&needles, "standard error", &output.stderr);

    let mut files = Vec::new();
    files_below(temporary.path(), &mut files);
    let mut stores = 0;
    for path in files {
        let bytes = fs::read(&path).unwrap();
        if is_secret_store(&path) {
            stores += usize::from(!needles.found_in(&bytes).is_empty());
        } else {
            search(&needles, &path.display().to_string(), &bytes);
        }
    }
    if stage == "live" {
        assert!(
            stores > 0,
            "no file of the world holds a secret: this test does not see them"
        );
        private_folders(temporary.path());
    }
}

/// Nobody else may enter the folders of the worlds.
fn private_folders(temporary: &Path) {
    for entry in fs::read_dir(temporary)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.path().is_dir())
    {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", entry.path().display());
        }
    }
}

#[test]
fn the_program_on_sim_gives_no_secret_away() {
    search_the_program("sim", UNMET);
}

#[test]
fn the_program_on_live_gives_no_secret_away() {
    search_the_program("live", FAILS);
}

#[test]
fn a_secret_is_found_in_every_form() {
    let mut needles = Needles::default();
    needles.password("it", ADMIN);
    let utf16: Vec<u8> = ADMIN.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hash = provlab_protocol::nt_hash::nt_hash(ADMIN);
    let base64 = |bytes: &[u8]| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    for (form, text) in [
        ("plain", format!("password={ADMIN};")),
        ("hex", hex::encode(ADMIN)),
        ("upper-case hex", hex::encode_upper(ADMIN)),
        ("base64", base64(ADMIN.as_bytes())),
        ("base64 of more", base64(format!("user:{ADMIN}").as_bytes())),
        ("base64 of yet more", base64(format!("a:{ADMIN}:b").as_bytes())),
        ("UTF-16 in hex", hex::encode(&utf16)),
        (
            "UTF-16 in base64",
            base64(&[b"\"\0", &utf16[..], b"\"\0"].concat()),
        ),
        ("NT hash", hex::encode(hash.as_bytes())),
        ("Debug of bytes", format!("{:?}", ADMIN.as_bytes())),
        ("a form", "username=a&password=Tweety%2B1%26Vh8Kq2Zt".to_owned()),
        ("XML", "<Password>Tweety+1&amp;Vh8Kq2Zt</Password>".to_owned()),
    ] {
        assert!(
            !needles
                .found_in(format!("before {text} after").as_bytes())
                .is_empty(),
            "{form} is not found"
        );
    }
    assert!(!needles.found_in(&[b"raw ", &utf16[..]].concat()).is_empty());
    for secret in [
        "-----BEGIN PRIVATE KEY-----",
        "Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiIwMCJ9.c2ln",
        "SharedAccessSignature sr=http%3a%2f%2fa&sig=b&se=1&skn=c",
        "<SharedAccessKey>abc=</SharedAccessKey>",
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj",
    ] {
        assert!(
            !needles.found_in(secret.as_bytes()).is_empty(),
            "{secret} is not found"
        );
    }
    for harmless in [
        "Tweety",
        "eyJ",
        "<SharedAccessKey></SharedAccessKey>",
        "SharedAccessSignature",
        "PRIVATE KEY",
    ] {
        assert!(
            needles.found_in(harmless.as_bytes()).is_empty(),
            "{harmless} is taken for a secret"
        );
    }
}
