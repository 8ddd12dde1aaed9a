//! scratch
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]
use provlab::{report::failure_text, run::*, scenario::load_file};
const STEPS: &str = r"
  - install: { host: srv1, tenant: contoso, sign-in-as: hybrid-admin, domain-admin: CONTOSO\install-admin }
  - create-configuration: { tenant: contoso, domain: contoso.com, as: hybrid-admin }
  - start-configuration: { tenant: contoso, domain: contoso.com, as: hybrid-admin }
  - expect: { within: 10m, that: [ in-sync: { tenant: contoso, domain: contoso.com } ] }
";
fn scenario(users: u32, more: &str) -> provlab::scenario::Scenario {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.yaml");
    std::fs::write(
        &path,
        format!(
            "name: s
about: A.
stages: [sim]
not-on: {{ live: N., samba: Not asked., openldap: Not asked. }}
world:
  domains:
    - name: contoso.com
      population: {{ users: {users}, seed: 7 }}
      accounts: [ {{ name: install-admin, member-of: [Domain Admins] }} ]
  tenants:
    - name: contoso
      verified-domains: [contoso.com]
      accounts: [ {{ name: hybrid-admin, roles: [Hybrid Identity Administrator] }} ]
  hosts: [ {{ name: srv1, domain: contoso.com }} ]
steps:{STEPS}{more}"
        ),
    )
    .unwrap();
    load_file(&path)
        .unwrap_or_else(|e| panic!("{}", e.render(false)))
        .remove(0)
}
#[test]
fn cost() {
    for (users, more, what) in [(8, "", "install")] {
        let s = scenario(users, more);
        let t = std::time::Instant::now();
        for i in 0..std::env::var("N").map_or(10, |n| n.parse().unwrap()) {
            let report = run_scenario(
                &s,
                &RunOptions {
                    seed: Some(i),
                    ..RunOptions::default()
                },
            );
            if let Some(t) = failure_text(&report) {
                panic!("{t}");
            }
            if i == 0 {
                println!("{what}: {} events", report.events.len());
            }
        }
        println!("{what}: {:?} each", t.elapsed() / 10);
    }
}
