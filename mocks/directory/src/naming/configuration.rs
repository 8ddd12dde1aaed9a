//! The Configuration naming context: partitions, sites, servers, services.

use provlab_protocol::gkdi::RootKey;
use provlab_protocol::guid::Guid;
use provlab_protocol::rights;

use super::domain::{Containers, Heads, make_deleted_objects};
use super::{Builder, FUNCTIONAL_LEVEL};
use crate::config::{Config, KdsRootKey};
use crate::model::{Dnt, LdapError, Value, boolean, integer, text};

/// Days that a tombstone is kept (PR 15.2).
const TOMBSTONE_LIFETIME_DAYS: i64 = 180;
/// Ticks of the ten hours that a root key takes to come into effect (PR 14.3).
const KEY_DELAY_TICKS: u64 = 10 * 60 * 60 * 10_000_000;
/// Flags of a cross reference: in this forest, and a domain.
const CROSS_REF_DOMAIN: i64 = 3;

/// Extended rights as objects: common name and GUID (PR 19).
const EXTENDED_RIGHTS: &[(&str, Guid)] = &[
    ("DS-Replication-Get-Changes", rights::DS_REPLICATION_GET_CHANGES),
    (
        "DS-Replication-Get-Changes-All",
        rights::DS_REPLICATION_GET_CHANGES_ALL,
    ),
    (
        "DS-Replication-Get-Changes-In-Filtered-Set",
        rights::DS_REPLICATION_GET_CHANGES_IN_FILTERED_SET,
    ),
    ("User-Change-Password", rights::USER_CHANGE_PASSWORD),
    ("User-Force-Change-Password", rights::USER_FORCE_CHANGE_PASSWORD),
    ("Unexpire-Password", rights::UNEXPIRE_PASSWORD),
];

/// Fills the Configuration naming context, and makes the computer accounts of the domain controllers.
pub(super) fn fill(
    builder: &mut Builder<'_>,
    config: &Config,
    heads: &Heads,
    containers: &Containers,
) -> Result<(), LdapError> {
    let top = heads.configuration;
    let deleted = builder.child(top, "container", "Deleted Objects", &[])?;
    make_deleted_objects(builder, deleted)?;
    let deleted_dn = builder.directory.database().dn_text(deleted);
    let value = format!("B:32:18E2EA80684F11D2B9AA00C04F79F805:{deleted_dn}");
    builder.change(top, &[("wellKnownObjects", text(&value))])?;
    builder.child(top, "lostAndFound", "LostAndFoundConfig", &[])?;
    extended_rights(builder, top)?;
    services(builder, config, top)?;
    sites(builder, heads, containers)?;
    partitions(builder, config, heads)
}

fn extended_rights(builder: &mut Builder<'_>, top: Dnt) -> Result<(), LdapError> {
    let container = builder.child(top, "container", "Extended-Rights", &[])?;
    for (name, guid) in EXTENDED_RIGHTS {
        let guid = guid.to_string();
        builder.child(
            container,
            "controlAccessRight",
            name,
            &[
                ("displayName", name),
                ("rightsGuid", &guid),
                ("validAccesses", "256"),
            ],
        )?;
    }
    Ok(())
}

fn services(builder: &mut Builder<'_>, config: &Config, top: Dnt) -> Result<(), LdapError> {
    let services = builder.child(top, "container", "Services", &[])?;
    let windows = builder.child(services, "container", "Windows NT", &[])?;
    let service = builder.child(windows, "nTDSService", "Directory Service", &[])?;
    builder.change(
        service,
        &[("tombstoneLifetime", integer(TOMBSTONE_LIFETIME_DAYS))],
    )?;
    let kds = builder.child(services, "container", "Group Key Distribution Service", &[])?;
    builder.child(
        kds,
        "container",
        "Group Key Distribution Service Server Configuration",
        &[],
    )?;
    let keys = builder.child(kds, "container", "Master Root Keys", &[])?;
    match config.kds_root_key {
        KdsRootKey::None => Ok(()),
        KdsRootKey::Effective => root_key(builder, keys, 0),
        KdsRootKey::New => root_key(builder, keys, KEY_DELAY_TICKS),
    }
}

/// Makes a KDS root key that comes into effect after `delay` ticks (PR 14.3).
fn root_key(builder: &mut Builder<'_>, keys: Dnt, delay: u64) -> Result<(), LdapError> {
    let entropy = builder.context.entropy.clone();
    let guid = Guid::from(entropy.uuid());
    let mut data = [0; 64];
    entropy.fill(&mut data);
    let now = builder.context.now;
    // A key in effect was made ten hours ago.
    let created = now.0.saturating_add(delay).saturating_sub(KEY_DELAY_TICKS);
    let ticks = |time: u64| text(&time.to_string());
    let mut key = builder.draft(keys, "msKds-ProvRootKey", &guid.to_string())?;
    let maker = builder.directory.identity().domain_dn().to_string();
    for (name, value) in [
        ("msKds-Version", integer(1)),
        ("msKds-RootKeyData", Value::from(data)),
        ("msKds-KDFAlgorithmID", text("SP800_108_CTR_HMAC")),
        ("msKds-KDFParam", Value::from(RootKey::kdf_parameters())),
        ("msKds-SecretAgreementAlgorithmID", text("DH")),
        ("msKds-PublicKeyLength", integer(2048)),
        ("msKds-PrivateKeyLength", integer(512)),
        ("msKds-CreateTime", ticks(created)),
        ("msKds-UseStartTime", ticks(now.0.saturating_add(delay))),
        ("msKds-DomainID", text(&maker)),
    ] {
        builder.add(&mut key, name, value)?;
    }
    builder.keep(key);
    Ok(())
}

fn sites(builder: &mut Builder<'_>, heads: &Heads, containers: &Containers) -> Result<(), LdapError> {
    let identity = builder.directory.identity().clone();
    let sites = builder.child(heads.configuration, "sitesContainer", "Sites", &[])?;
    let site = builder.child(sites, "site", &identity.site, &[])?;
    builder.child(site, "nTDSSiteSettings", "NTDS Site Settings", &[])?;
    let servers = builder.child(site, "serversContainer", "Servers", &[])?;
    for (number, host) in identity.domain_controllers.iter().enumerate() {
        let name = host.split('.').next().unwrap_or(host).to_uppercase();
        let computer = computer(builder, containers, &name, host)?;
        let computer_dn = builder.directory.database().dn_text(computer);
        let server = builder.child(
            servers,
            "server",
            &name,
            &[("dNSHostName", host), ("serverReference", &computer_dn)],
        )?;
        let settings = builder.child(server, "nTDSDSA", "NTDS Settings", &[])?;
        // All names lead to one database, so every domain controller has its invocation id.
        let mut row = vec![
            ("invocationId", Value::from(identity.invocation_id.to_le_bytes())),
            ("options", integer(1)),
            ("msDS-Behavior-Version", integer(FUNCTIONAL_LEVEL)),
        ];
        for context in [
            identity.domain_dn(),
            identity.configuration_dn(),
            identity.schema_dn(),
        ] {
            row.push(("msDS-hasMasterNCs", text(&context.to_string())));
        }
        builder.change(settings, &row)?;
        if number == 0 {
            let settings_dn = text(&builder.directory.database().dn_text(settings));
            for head in [heads.domain, heads.schema] {
                builder.change(head, &[("fSMORoleOwner", settings_dn.clone())])?;
            }
        }
    }
    Ok(())
}

/// The account of a domain controller.
fn computer(
    builder: &mut Builder<'_>,
    containers: &Containers,
    name: &str,
    host: &str,
) -> Result<Dnt, LdapError> {
    let rid = builder.next_rid()?;
    let sid = builder.directory.identity().domain_sid.with_rid(rid);
    let domain = builder.directory.identity().domain.clone();
    let mut account = builder.draft(containers.domain_controllers, "computer", name)?;
    for (attribute, value) in [
        ("sAMAccountName", text(&format!("{name}$"))),
        ("objectSid", Value::from(sid.to_bytes())),
        ("userAccountControl", text("532480")),
        ("sAMAccountType", text("805306369")),
        ("primaryGroupID", text("516")),
        ("accountExpires", text("9223372036854775807")),
        ("pwdLastSet", text(&builder.context.now.0.to_string())),
        ("dNSHostName", text(host)),
        ("servicePrincipalName", text(&format!("ldap/{host}/{domain}"))),
        ("servicePrincipalName", text(&format!("ldap/{host}"))),
        ("servicePrincipalName", text(&format!("HOST/{host}"))),
        ("servicePrincipalName", text(&format!("HOST/{name}"))),
        ("operatingSystem", text("Windows Server 2022 Standard")),
        ("operatingSystemVersion", text("10.0 (20348)")),
        ("isCriticalSystemObject", boolean(true)),
    ] {
        builder.add(&mut account, attribute, value)?;
    }
    Ok(builder.keep(account))
}

fn partitions(builder: &mut Builder<'_>, config: &Config, heads: &Heads) -> Result<(), LdapError> {
    let identity = builder.directory.identity().clone();
    let partitions = builder.child(heads.configuration, "crossRefContainer", "Partitions", &[])?;
    let mut row = vec![("msDS-Behavior-Version", integer(FUNCTIONAL_LEVEL))];
    row.extend(
        config
            .upn_suffixes
            .iter()
            .map(|suffix| ("uPNSuffixes", text(suffix))),
    );
    row.push(("fSMORoleOwner", text(&identity.ds_service_name().to_string())));
    builder.change(partitions, &row)?;
    let references = [
        (
            identity.netbios_name.as_str(),
            identity.domain_dn(),
            CROSS_REF_DOMAIN,
        ),
        ("Enterprise Configuration", identity.configuration_dn(), 1),
        ("Enterprise Schema", identity.schema_dn(), 1),
    ];
    for (name, context, flags) in references {
        let context = context.to_string();
        let flags_text = flags.to_string();
        let mut attributes = vec![
            ("nCName", context.as_str()),
            ("dnsRoot", identity.domain.as_str()),
            ("systemFlags", flags_text.as_str()),
        ];
        if flags == CROSS_REF_DOMAIN {
            attributes.push(("nETBIOSName", identity.netbios_name.as_str()));
        }
        builder.child(partitions, "crossRef", name, &attributes)?;
    }
    Ok(())
}
