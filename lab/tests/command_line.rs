//! What a person gets who writes something wrong: exit status 2, a place, a suggestion, and nothing started.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");

fn lab(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

/// `fresh-install` under another name, with the shared fixtures beside it.
fn altered(folder: &Path, name: &str, alter: impl Fn(String) -> String) -> String {
    let text = fs::read_to_string(format!("{SCENARIOS}/fresh-install.yaml")).unwrap();
    let fixtures = folder.join("fixtures");
    fs::create_dir_all(&fixtures).unwrap();
    fs::copy(
        format!("{SCENARIOS}/fixtures/contoso.yaml"),
        fixtures.join("contoso.yaml"),
    )
    .unwrap();
    let path = folder.join(format!("{name}.yaml"));
    fs::write(
        &path,
        alter(text.replace("name: fresh-install", &format!("name: {name}"))),
    )
    .unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs the file; it must be refused, quickly, with every one of `parts` in the complaint.
fn refused(path: &str, parts: &[&str]) {
    let begun = Instant::now();
    let output = lab(&["run", path, "--json", &format!("{path}.trace.json")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
    assert!(output.stdout.is_empty(), "something was started");
    assert!(
        !Path::new(&format!("{path}.trace.json")).exists(),
        "a trace was begun"
    );
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "it took {:?}",
        begun.elapsed()
    );
}

#[test]
fn a_misspelt_step_is_told_with_its_place_and_the_right_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = altered(folder.path(), "misspelt", |text| {
        text.replacen("- install:", "- instal:", 1)
    });
    refused(&path, &["misspelt.yaml:9:5", "instal", "did you mean `install`?"]);
}

#[test]
fn a_wrong_unit_is_told_with_its_place_and_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = altered(folder.path(), "unit", |text| {
        text.replace("throughout: 30m", "throughout: 30 minutes")
    });
    refused(&path, &["unit.yaml:28:19", "minutes", "did you mean `30m`?"]);
}

#[test]
fn an_unknown_host_is_told_with_its_place_and_the_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = altered(folder.path(), "host", |text| {
        text.replacen("host: srv1\n", "host: srv\n", 1)
    });
    refused(
        &path,
        &["host.yaml:10:13", "unknown host `srv`", "did you mean `srv1`?"],
    );
}

#[test]
fn a_duplicate_key_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = altered(folder.path(), "twice", |text| {
        text.replacen("stages:", "about: again\nstages:", 1)
    });
    refused(&path, &["twice.yaml:3:1", "`about` stands twice", "keep one"]);
}

#[test]
fn a_megabyte_of_nesting_is_refused_before_it_is_parsed() {
    let folder = tempfile::tempdir().unwrap();
    for (name, nested) in [
        ("flow", format!("name: flow\nsteps: {}", "[".repeat(1_000_000))),
        ("maps", format!("name: maps\nsteps: {}", "{a: ".repeat(250_000))),
        (
            "dashes",
            format!("name: dashes\nsteps:\n  {}", "- ".repeat(500_000)),
        ),
        (
            "blocks",
            (0..1_400)
                .map(|depth| format!("{}a:\n", " ".repeat(depth)))
                .collect(),
        ),
    ] {
        let path = folder.path().join(format!("{name}.yaml"));
        fs::write(&path, nested).unwrap();
        refused(
            path.to_str().unwrap(),
            &[&format!("{name}.yaml:"), "deeper", "flatten it"],
        );
    }
}

#[test]
fn an_unknown_name_is_told_with_the_nearest_one() {
    let output = lab(&["--scenarios", SCENARIOS, "run", "fresh-instal"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("did you mean `fresh-install`?"), "{said}");
}

#[test]
fn a_story_that_is_not_for_a_stage_is_reported_as_not_run_with_the_reason() {
    let output = lab(&[
        "--scenarios",
        SCENARIOS,
        "run",
        "fresh-install",
        "--on",
        "openldap",
    ]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("not run") && said.contains("which OpenLDAP does not have"),
        "{said}"
    );
}

#[test]
fn every_scenario_of_the_repository_is_well_formed() {
    let output = lab(&["--scenarios", SCENARIOS, "lint"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
