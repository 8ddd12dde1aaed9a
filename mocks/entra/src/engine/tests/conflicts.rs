//! Names and addresses that another object has, matches that are refused (CS 5.11, 6.7, 6.8).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::state::{LogEntry, ProvisioningStatus};

fn with(n: u128, name: &str, attribute: &str, value: &str) -> Resource {
    let mut person = person(n, name);
    person
        .attributes
        .insert(attribute.to_owned(), vec![value.to_owned()]);
    person
}

#[test]
fn a_duplicate_name_gets_a_placeholder_and_the_wanted_one_when_it_is_free() {
    let mut lab = Lab::started();
    lab.cycle(vec![
        person(1, "ann"),
        with(2, "twin", "userPrincipalName", "ann@contoso.com"),
    ]);
    let twin = |lab: &Lab| {
        lab.db.read(|cloud| {
            let named = |u: &&User| u.display_name.as_deref() == Some("twin") && u.deleted.is_none();
            cloud.users.of(TENANT).find(named).unwrap().clone()
        })
    };
    let made = twin(&lab);
    assert!(
        made.user_principal_name.starts_with("ann+"),
        "{}",
        made.user_principal_name
    );
    assert!(made.user_principal_name.ends_with("@contoso.onmicrosoft.com"));
    let errors = made.on_premises.unwrap().provisioning_errors;
    assert_eq!(
        (errors[0].property.as_str(), errors[0].value.as_str()),
        ("UserPrincipalName", "ann@contoso.com")
    );
    assert_eq!(
        lab.job().last_execution.unwrap().state,
        Some(ExecutionState::Succeeded)
    );
    // The other one goes; within the hour the name is tried again.
    lab.cycle(vec![gone(ResourceType::User, 1)]);
    lab.now += Duration::from_secs(3600);
    lab.cycle(vec![]);
    assert_eq!(twin(&lab).user_principal_name, "ann@contoso.com");
    assert!(twin(&lab).on_premises.unwrap().provisioning_errors.is_empty());
}

#[test]
fn a_duplicate_address_is_set_aside_and_the_rest_is_written() {
    let mut lab = Lab::started();
    let address = "SMTP:info@contoso.com";
    let mut twin = with(2, "bob", "proxyAddresses", address);
    twin.attributes["proxyAddresses"].push("smtp:bob@contoso.com".to_owned());
    lab.cycle(vec![with(1, "ann", "proxyAddresses", address), twin]);
    let bob = lab.user("bob@contoso.com").unwrap();
    assert_eq!(bob.proxy_addresses, ["smtp:bob@contoso.com"]);
    assert_eq!(
        bob.on_premises.unwrap().provisioning_errors[0].property,
        "ProxyAddress"
    );
    // Nothing is written again while nothing changes.
    lab.now += Duration::from_secs(3600);
    let quiet = lab.cycle(vec![]);
    assert!(!quiet.reports.iter().any(|r| matches!(r, Report::Export { .. })));
}

#[test]
fn one_anchor_belongs_to_one_object() {
    let mut lab = Lab::started();
    let anchor = "AAAAAAAAAAAAAAAAAAAAAQ==";
    lab.cycle(vec![
        with(1, "ann", "mS-DS-ConsistencyGuid", anchor),
        with(2, "bob", "mS-DS-ConsistencyGuid", anchor),
    ]);
    let ann = lab.user("ann@contoso.com").unwrap();
    assert_eq!(ann.on_premises.unwrap().immutable_id.as_deref(), Some(anchor));
    assert!(lab.user("bob@contoso.com").is_none());
    let failed = lab.db.read(|cloud| {
        let failed = |e: &&LogEntry| e.status == ProvisioningStatus::Failure;
        cloud
            .provisioning_log
            .of(TENANT)
            .find(failed)
            .unwrap()
            .code
            .clone()
    });
    assert_eq!(failed, "DuplicateSourceEntries");
}

#[test]
fn tenant_features_block_matches() {
    let blocked = |feature: &str, change: fn(&mut User)| {
        let mut lab = Lab::started();
        lab.write(|txn, _, _| {
            txn.update(TENANT, &TENANT.to_string(), |tenant: &mut Tenant| {
                tenant.features.switches.insert(feature.to_owned(), true);
            });
        });
        cloud_user(&mut lab, "ann@contoso.com", change);
        lab.cycle(vec![person(1, "ann")]);
        lab.job().last_execution.unwrap().escrowed
    };
    assert_eq!(blocked("blockSoftMatchEnabled", |_| ()), 1);
    assert_eq!(blocked("softMatchOnUpnEnabled", |_| ()), 0);
    let anchored = |user: &mut User| {
        user.user_principal_name = "somebody@contoso.com".to_owned();
        user.on_premises = Some(crate::state::OnPremises {
            sync_enabled: false,
            immutable_id: Some(STANDARD.encode(guid(1).to_bytes_le())),
            ..crate::state::OnPremises::new()
        });
    };
    assert_eq!(
        blocked("blockCloudObjectTakeoverThroughHardMatchEnabled", anchored),
        1
    );
    assert_eq!(blocked("softMatchOnUpnEnabled", anchored), 0);
}

#[test]
fn the_log_tells_what_changed() {
    let mut lab = Lab::started();
    lab.cycle(vec![person(1, "ann")]);
    lab.cycle(vec![resource(ResourceType::User, 1, &[("displayName", "Ann B")])]);
    lab.cycle(vec![resource(ResourceType::User, 1, &[("displayName", "Ann B")])]);
    let log: Vec<LogEntry> = lab
        .db
        .read(|cloud| cloud.provisioning_log.of(TENANT).cloned().collect());
    let told: Vec<(&str, &str)> = log.iter().map(|e| (e.action.as_str(), e.code.as_str())).collect();
    assert_eq!(
        told,
        [("create", ""), ("update", ""), ("other", "RedundantExport")]
    );
    let change = &log[1].modified;
    assert_eq!(change.len(), 1);
    assert_eq!(
        (
            change[0].name.as_str(),
            change[0].old.as_deref(),
            change[0].new.as_deref()
        ),
        ("DisplayName", Some("ann"), Some("Ann B"))
    );
    let steps: Vec<&str> = log[0].steps.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(
        steps,
        [
            "EntryImportAdd",
            "EntryImport",
            "EntrySynchronizationScoping",
            "EntryExportAdd"
        ]
    );
}

#[test]
fn a_verified_domain_makes_every_name_anew() {
    let mut lab = Lab::started();
    lab.cycle(vec![
        with(1, "ann", "userPrincipalName", "ann@fabrikam.com"),
        person(2, "bob"),
    ]);
    assert!(lab.user("ann@contoso.onmicrosoft.com").is_some());
    lab.write(|txn, _, _| {
        txn.update(TENANT, &TENANT.to_string(), |tenant: &mut Tenant| {
            tenant.verified_domains.push("fabrikam.com".to_owned());
        });
    });
    let effect = lab.cycle(vec![]);
    assert!(lab.user("ann@fabrikam.com").is_some());
    let written = effect
        .reports
        .iter()
        .filter(|r| matches!(r, Report::Export { .. }))
        .count();
    assert_eq!(written, 1, "bob's name was calculated again and is the same");
}
