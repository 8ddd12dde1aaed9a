//! What is told of a scenario that cannot be played: the place, what is wrong there, and how to mend it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

use std::fs;

use provlab::scenario::{ScenarioErrors, load_file};

/// Everything before the steps.
const WORLD: &str = r"name: story
about: A story.
stages: [sim]
not-on: { live: no, samba: no, openldap: no }
world:
  domains:
    - { name: contoso.com, accounts: [{ name: admin }] }
  tenants:
    - name: contoso
      accounts: [{ name: hybrid-admin, roles: [Hybrid Identity Administrator] }]
      groups: [{ name: Team, members: [hybrid-admin] }]
  hosts: [{ name: srv1, domain: contoso.com }]
steps:
";

fn load(text: &str) -> Result<(), ScenarioErrors> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("story.yaml");
    fs::write(&path, text).unwrap();
    load_file(&path).map(drop)
}

/// Line and column of a word's last appearance in a text, from 1.
fn place_of(text: &str, word: &str) -> (u64, u64) {
    let (before, _) = text.rsplit_once(word).unwrap();
    let line = before.rsplit('\n').next().unwrap();
    let lines = before.matches('\n').count() as u64;
    (lines + 1, line.chars().count() as u64 + 1)
}

/// The steps must be refused, first of all where `at` stands, with every one of `parts`.
fn refused(steps: &str, at: &str, parts: &[&str]) {
    let text = format!("{WORLD}{steps}");
    let Err(errors) = load(&text) else {
        panic!("it is taken:\n{steps}");
    };
    let (said, first) = (errors.to_string(), &errors.0[0]);
    assert_eq!((first.line, first.column), place_of(&text, at), "{said}\n{steps}");
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing in: {said}");
    }
}

const CONFIGURATION: &str = "tenant: contoso, domain: contoso.com, as: hybrid-admin";

#[test]
fn good_steps_are_taken() {
    let steps = format!(
        r"  - set-scope: {{ {CONFIGURATION}, organizational-units: ['OU=Sales,DC=contoso,DC=com'] }}
  - set-scope: {{ {CONFIGURATION}, all: true }}
  - filter-users: {{ {CONFIGURATION}, any-of: [[{{ attribute: department, operator: EQUALS, values: [Sales] }}]] }}
  - filter-groups: {{ {CONFIGURATION}, any-of: [] }}
  - map-attribute: {{ {CONFIGURATION}, object: user, target: City, constant: Here, apply: only-during-creation }}
  - unmap-attribute: {{ {CONFIGURATION}, object: group, target: Description }}
  - restart-configuration: {{ {CONFIGURATION}, reset: [Watermark, Escrows] }}
  - set-delete-threshold: {{ {CONFIGURATION}, threshold: off }}
  - set-delete-threshold: {{ {CONFIGURATION}, threshold: 50 }}
  - provision-on-demand: {{ {CONFIGURATION}, object: CONTOSO\ada }}
  - provision-on-demand: {{ {CONFIGURATION}, object: Team, template: AAD2ADGroupProvisioning }}
  - set-tenant-features: {{ tenant: contoso, as: hybrid-admin, set: {{ blockSoftMatchEnabled: true }} }}
  - set-deletion-guard: {{ tenant: contoso, as: hybrid-admin, type: enabled-for-percentage, threshold: 10 }}
  - create-cloud-user: {{ tenant: contoso, as: hybrid-admin, user: ada@contoso.com, set: {{ accountEnabled: false, city: null }} }}
  - expire-cloud-password: {{ account: ADToAADSyncServiceAccount@contoso }}
  - create-users: {{ domain: contoso.com, prefix: x, count: 3, below: 'OU=Sales,DC=contoso,DC=com', set: {{ displayName: ['X {{n}}'] }} }}
  - move: {{ object: 'CN=Ada,DC=contoso,DC=com', below: 'OU=Sales,DC=contoso,DC=com' }}
  - make-directory-busy: {{ tenant: contoso, for: 10m, retry-after: 30s }}
  - expect:
      that:
        - job: {{ tenant: contoso, domain: contoso.com, status: Quarantine, quarantine: TooManyDeletes, pending-deletes: 3 }}
        - directory-object: {{ domain: contoso.com, object: CONTOSO\ada, has: {{ mail: [], title: Countess }} }}
"
    );
    assert!(load(&format!("{WORLD}{steps}")).is_ok());
}

#[test]
fn a_word_that_is_almost_right_is_told_with_the_right_one() {
    refused(
        &format!("  - set-scpoe: {{ {CONFIGURATION}, all: true }}\n"),
        "set-scpoe",
        &["unknown word `set-scpoe`", "did you mean `set-scope`?"],
    );
    refused(
        &format!("  - set-scope: {{ {CONFIGURATION}, organisational-units: [] }}\n"),
        "organisational-units",
        &[
            "unknown key `organisational-units`",
            "did you mean `organizational-units`?",
        ],
    );
    refused(
        "  - filter-users:\n      tenant: contoso\n      domain: contoso.com\n      as: hybrid-admin\n      any-of:\n        - \
             - { attribute: department, operator: EQUAL, values: [x] }\n",
        "EQUAL,",
        &["unknown word `EQUAL`", "did you mean `EQUALS`?"],
    );
    refused(
        "  - set-tenant-features:\n      tenant: contoso\n      as: hybrid-admin\n      set:\n        blockSoftMatchEnable: true\n",
        "blockSoftMatchEnable:",
        &[
            "unknown feature `blockSoftMatchEnable`",
            "did you mean `blockSoftMatchEnabled`?",
        ],
    );
}

#[test]
fn an_unknown_name_is_told_where_it_stands() {
    for (steps, at, parts) in [
        (
            "  - set-scope: { tenant: contso, domain: contoso.com, as: hybrid-admin, all: true }\n",
            "contso",
            ["unknown tenant `contso`", "did you mean `contoso`?"],
        ),
        (
            "  - create-cloud-user: { tenant: contoso, as: hybrid-admni, user: x }\n",
            "hybrid-admni",
            [
                "unknown cloud account `hybrid-admni`",
                "did you mean `hybrid-admin`?",
            ],
        ),
        (
            "  - remove-agent: { tenant: contoso, as: hybrid-admin, host: srv2 }\n",
            "srv2",
            ["unknown host `srv2`", "did you mean `srv1`?"],
        ),
        (
            "  - expire-cloud-password: { account: hybrid-admin@contso }\n",
            "hybrid-admin@contso",
            ["unknown tenant `contso`", "did you mean `contoso`?"],
        ),
        (
            "  - disable-cloud-account: { account: hybrid-admin }\n",
            "hybrid-admin }",
            ["not an account of a tenant", "hybrid-admin@contoso"],
        ),
        (
            "  - create-group: { object: CONTSO\\Sales }\n",
            "CONTSO\\Sales",
            ["unknown domain `CONTSO`", "did you mean `CONTOSO`?"],
        ),
        (
            "  - verify-domain: { tenant: contoso, name: x.com }\n",
            "contoso, name",
            [
                "nobody of `contoso` may verify a domain",
                "Domain Name Administrator",
            ],
        ),
    ] {
        refused(steps, at, &parts);
    }
}

#[test]
fn names_of_objects_are_looked_at_before_anything_is_started() {
    refused(
        "  - create-organizational-unit: { domain: contoso.com, dn: 'Sales' }\n",
        "'Sales'",
        &[
            "`Sales` is not a distinguished name",
            "OU=Sales,DC=contoso,DC=com",
        ],
    );
    refused(
        "  - delete-tree: { domain: contoso.com, dn: 'OU=Sales,DC=fabrikam,DC=com' }\n",
        "'OU=Sales,DC=fabrikam",
        &["is in no domain that is meant here", "OU=Sales,DC=contoso,DC=com"],
    );
    refused(
        &format!("  - set-scope: {{ {CONFIGURATION}, organizational-units: ['OU=Sales'] }}\n"),
        "'OU=Sales'",
        &["`OU=Sales` is in no domain"],
    );
    refused(
        "  - modify: { object: ada }\n",
        "ada }",
        &["`ada` is not an account name", "CONTOSO\\ada"],
    );
}

#[test]
fn what_says_nothing_is_refused() {
    for (steps, parts) in [
        (
            format!("  - set-scope: {{ {CONFIGURATION} }}\n"),
            "name exactly one kind of scope",
        ),
        (
            format!("  - set-scope: {{ {CONFIGURATION}, all: true, groups: ['CN=G,DC=contoso,DC=com'] }}\n"),
            "name exactly one kind of scope",
        ),
        (
            format!("  - set-scope: {{ {CONFIGURATION}, groups: [] }}\n"),
            "`groups` is empty",
        ),
        (
            format!("  - filter-users: {{ {CONFIGURATION}, any-of: [[]] }}\n"),
            "a group of no clauses",
        ),
        (
            format!(
                "  - filter-users: {{ {CONFIGURATION}, any-of: [[{{ attribute: mail, operator: EQUALS }}]] }}\n"
            ),
            "`EQUALS` has nothing to compare with",
        ),
        (
            format!(
                "  - filter-users: {{ {CONFIGURATION}, any-of: [[{{ attribute: mail, operator: IS NULL, values: [x] }}]] }}\n"
            ),
            "`IS NULL` takes no values",
        ),
        (
            format!("  - map-attribute: {{ {CONFIGURATION}, object: user, target: City }}\n"),
            "name exactly one source of `City`",
        ),
        (
            format!("  - restart-configuration: {{ {CONFIGURATION}, reset: [Full, ForceDeletes] }}\n"),
            "`ForceDeletes` stands alone",
        ),
        (
            format!("  - restart-configuration: {{ {CONFIGURATION}, reset: [] }}\n"),
            "`reset` is empty",
        ),
        (
            format!("  - set-delete-threshold: {{ {CONFIGURATION}, threshold: none }}\n"),
            "a whole number, or `off`",
        ),
        (
            "  - create-users: { domain: contoso.com, prefix: x, count: 0 }\n".to_owned(),
            "users created at once are 1 to 100000",
        ),
        (
            "  - throttle-graph: { requests: 0, retry-after: 1s }\n".to_owned(),
            "throttled requests are 1 to",
        ),
        (
            format!(
                "  - provision-on-demand: {{ {CONFIGURATION}, object: 'CONTOSO\\g', kind: group, members: ['CONTOSO\\a', 'CONTOSO\\b', 'CONTOSO\\c', 'CONTOSO\\d', 'CONTOSO\\e', 'CONTOSO\\f'] }}\n"
            ),
            "at most 5 members",
        ),
    ] {
        let errors = load(&format!("{WORLD}{steps}")).err();
        let said = errors.map(|errors| errors.to_string()).unwrap_or_default();
        assert!(said.contains(parts), "{said}\n{steps}");
    }
}

#[test]
fn the_declared_world_is_looked_at_too() {
    for (from, to, parts) in [
        (
            "roles: [Hybrid Identity Administrator]",
            "roles: [Hybrid Identty Administrator]",
            "Hybrid Identity Administrator",
        ),
        (
            "members: [hybrid-admin]",
            "members: [hybrid-admn]",
            "did you mean `hybrid-admin`?",
        ),
        (
            "  hosts:",
            "  cloud: { assumptions: { late-references: true } }\n  hosts:",
            "did you mean `late-references-resolve`?",
        ),
    ] {
        let text = format!("{WORLD}  - advance: 1m\n").replace(from, to);
        let errors = load(&text)
            .err()
            .map(|errors| errors.to_string())
            .unwrap_or_default();
        assert!(errors.contains(parts), "{errors}");
    }
}
