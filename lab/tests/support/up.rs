//! A world that `lab up` keeps, and the processes in it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// The folder of the named scenarios.
pub const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");

/// Puts the fixture that stories here include into `folder`.
pub fn copy_fixture(folder: &Path) {
    let fixtures = folder.join("fixtures");
    fs::create_dir_all(&fixtures).unwrap();
    let name = "contoso.yaml";
    fs::copy(format!("{SCENARIOS}/fixtures/{name}"), fixtures.join(name)).unwrap();
}

/// `lab up` of a story, with its world in `folder`; gives the lab and what it told when the story had been played.
pub fn up(folder: &Path, name: &str, story: &str) -> (Child, Value) {
    let file = folder.join(format!("{name}.yaml"));
    copy_fixture(folder);
    fs::write(&file, story).unwrap();
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["up", "--json"])
        .arg(&file)
        .env("TMPDIR", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(lab.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (lab, serde_json::from_str(&line).unwrap())
}

/// Numbers of the processes that were started with a path in `folder` and one of these switches, as the children of a world are.
pub fn children(folder: &Path, switches: &[&str]) -> Vec<u32> {
    let folder = folder.to_str().unwrap();
    let listed = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    listed
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let command = String::from_utf8_lossy(&line).replace('\0', " ");
            let ours = command.contains(folder) && switches.iter().any(|switch| command.contains(switch));
            ours.then_some(id)
        })
        .collect()
}
