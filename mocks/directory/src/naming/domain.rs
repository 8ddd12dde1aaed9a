//! The heads of the naming contexts and the containers of the domain.

use provlab_protocol::rights::MANAGED_SERVICE_ACCOUNTS_CONTAINER;
use provlab_protocol::security::sddl;

use super::{Builder, FUNCTIONAL_LEVEL};
use crate::config::Config;
use crate::model::{Dnt, LdapError, Value, integer, text};

/// The three naming contexts.
pub(super) struct Heads {
    pub(super) domain: Dnt,
    pub(super) configuration: Dnt,
    pub(super) schema: Dnt,
}

/// Containers of the domain that other parts fill.
pub(super) struct Containers {
    pub(super) users: Dnt,
    pub(super) computers: Dnt,
    pub(super) domain_controllers: Dnt,
    pub(super) builtin: Dnt,
    pub(super) foreign: Dnt,
}

/// 100-nanosecond ticks of a second.
const TICKS: i64 = 10_000_000;
/// `DOMAIN_PASSWORD_COMPLEX` of `pwdProperties`.
const COMPLEX: i64 = 1;
/// Neither to be moved nor renamed nor deleted.
const FIXED: &str = "-1946157056";
/// Who reads the Deleted Objects container: the system and the administrators.
const DELETED_OBJECTS_SDDL: &str = "O:BAG:BAD:P(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;SY)(A;;LCRP;;;BA)";
/// The rights on administrators' accounts, which AdminSDHolder hands to them.
const ADMIN_SD_HOLDER_SDDL: &str = "O:DAG:DAD:P(A;;LCRPLORC;;;AU)(A;;CCDCLCSWRPWPLOCRSDRCWDWO;;;BA)(A;;CCDCLCSWRPWPLOCRRCWDWO;;;DA)(A;;CCDCLCSWRPWPLOCRRCWDWO;;;EA)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;SY)(OA;;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;WD)(OA;;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;PS)";

/// Containers directly below the domain: name, class, well-known GUID or nothing, description.
const CONTAINERS: &[(&str, &str, &str, &str)] = &[
    (
        "Users",
        "container",
        "A9D1CA15768811D1ADED00C04FD8D5CD",
        "Default container for upgraded user accounts",
    ),
    (
        "Computers",
        "container",
        "AA312825768811D1ADED00C04FD8D5CD",
        "Default container for upgraded computer accounts",
    ),
    (
        "Domain Controllers",
        "organizationalUnit",
        "A361B2FFFFD211D1AA4B00C04FD7D83A",
        "Default container for domain controllers",
    ),
    (
        "System",
        "container",
        "AB1D30F3768811D1ADED00C04FD8D5CD",
        "Builtin system settings",
    ),
    (
        "LostAndFound",
        "lostAndFound",
        "AB8153B7768811D1ADED00C04FD8D5CD",
        "Default container for orphaned objects",
    ),
    (
        "Infrastructure",
        "infrastructureUpdate",
        "2FBAC1870ADE11D297C400C04FD8D5CD",
        "",
    ),
    (
        "Deleted Objects",
        "container",
        "18E2EA80684F11D2B9AA00C04F79F805",
        "Default container for deleted objects",
    ),
    (
        "ForeignSecurityPrincipals",
        "container",
        "22B70C67D56E4EFB91E9300FCA3DC1AA",
        "Default container for security identifiers (SIDs) associated with objects from external, trusted domains",
    ),
    (
        "Program Data",
        "container",
        "09460C08AE1E4A4EA0F64AEE7DAA1E5A",
        "Default location for storage of application data.",
    ),
    ("Builtin", "builtinDomain", "", ""),
    (
        "Managed Service Accounts",
        "container",
        "",
        "Default container for managed service accounts",
    ),
    (
        "Keys",
        "container",
        "",
        "Default container for key credential objects",
    ),
];

/// Makes the three heads.
pub(super) fn heads(builder: &mut Builder<'_>, config: &Config) -> Result<Heads, LdapError> {
    let identity = builder.directory.identity().clone();
    let domain = builder.head(&identity.domain_dn().to_string(), "domainDNS")?;
    let configuration = builder.head(&identity.configuration_dn().to_string(), "configuration")?;
    let schema = builder.head(&identity.schema_dn().to_string(), "dMD")?;
    let policy = &config.password_policy;
    let span = |seconds: u64| integer(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(-TICKS));
    // The smallest number stands for "for ever".
    let span_or_ever = |seconds: u64| {
        if seconds == 0 {
            integer(i64::MIN)
        } else {
            span(seconds)
        }
    };
    let complexity = if policy.complexity { COMPLEX } else { 0 };
    builder.change(
        domain,
        &[
            ("objectSid", Value::from(identity.domain_sid.to_bytes())),
            ("minPwdLength", integer(policy.min_length.into())),
            ("pwdHistoryLength", integer(policy.history.into())),
            ("pwdProperties", integer(complexity)),
            ("minPwdAge", span(policy.min_age_seconds)),
            ("maxPwdAge", span_or_ever(policy.max_age_seconds)),
            ("lockoutThreshold", integer(policy.lockout_threshold.into())),
            ("lockoutDuration", span_or_ever(policy.lockout_duration_seconds)),
            ("lockOutObservationWindow", span(policy.lockout_window_seconds)),
            ("msDS-Behavior-Version", integer(FUNCTIONAL_LEVEL)),
            ("ms-DS-MachineAccountQuota", integer(10)),
            ("nTMixedDomain", integer(0)),
            ("isCriticalSystemObject", text("TRUE")),
            ("systemFlags", text(FIXED)),
        ],
    )?;
    Ok(Heads {
        domain,
        configuration,
        schema,
    })
}

/// Makes the containers of the domain and of the system, and the organizational units of the configuration.
pub(super) fn fill(builder: &mut Builder<'_>, config: &Config, domain: Dnt) -> Result<Containers, LdapError> {
    let mut made = Vec::new();
    for (name, class, guid, description) in CONTAINERS {
        let mut attributes = vec![("isCriticalSystemObject", "TRUE"), ("systemFlags", FIXED)];
        if !description.is_empty() {
            attributes.push(("description", description));
        }
        let dnt = builder.child(domain, class, name, &attributes)?;
        let dn = builder.directory.database().dn_text(dnt);
        if !guid.is_empty() {
            builder.change(
                domain,
                &[("wellKnownObjects", text(&format!("B:32:{guid}:{dn}")))],
            )?;
        }
        if *name == "Managed Service Accounts" {
            let value = format!("B:32:{MANAGED_SERVICE_ACCOUNTS_CONTAINER}:{dn}");
            builder.change(domain, &[("otherWellKnownObjects", text(&value))])?;
        }
        made.push(dnt);
    }
    let find = |builder: &Builder<'_>, wanted: &str| {
        CONTAINERS
            .iter()
            .position(|(name, ..)| *name == wanted)
            .and_then(|at| made.get(at))
            .copied()
            .ok_or_else(|| LdapError::no_such_object(builder.directory.database().dn_text(domain)))
    };
    let deleted = find(builder, "Deleted Objects")?;
    make_deleted_objects(builder, deleted)?;
    let system = find(builder, "System")?;
    builder.child(
        system,
        "msDS-PasswordSettingsContainer",
        "Password Settings Container",
        &[],
    )?;
    builder.child(system, "container", "Policies", &[])?;
    let holder = builder.child(
        system,
        "container",
        "AdminSDHolder",
        &[("isCriticalSystemObject", "TRUE")],
    )?;
    set_descriptor(builder, holder, ADMIN_SD_HOLDER_SDDL)?;
    builder.child(
        system,
        "rIDManager",
        "RID Manager$",
        &[
            ("rIDAvailablePool", "4611686014132421709"),
            ("isCriticalSystemObject", "TRUE"),
        ],
    )?;
    let containers = Containers {
        users: find(builder, "Users")?,
        computers: find(builder, "Computers")?,
        domain_controllers: find(builder, "Domain Controllers")?,
        builtin: find(builder, "Builtin")?,
        foreign: find(builder, "ForeignSecurityPrincipals")?,
    };
    builder.change(
        containers.builtin,
        &[(
            "objectSid",
            Value::from(provlab_protocol::sid::well_known::BUILTIN.to_bytes()),
        )],
    )?;
    for unit in &config.organizational_units {
        builder.container(unit)?;
    }
    Ok(containers)
}

/// Marks a Deleted Objects container: it counts as deleted itself, and few may read it.
pub(super) fn make_deleted_objects(builder: &mut Builder<'_>, dnt: Dnt) -> Result<(), LdapError> {
    if let Some(mut object) = builder.directory.database().get(dnt).cloned() {
        object.deleted = true;
        builder.keep(object);
    }
    set_descriptor(builder, dnt, DELETED_OBJECTS_SDDL)
}

fn set_descriptor(builder: &mut Builder<'_>, dnt: Dnt, text: &str) -> Result<(), LdapError> {
    let domain = builder.directory.identity().domain_sid;
    let bytes = sddl::parse(text, Some(&domain))
        .ok()
        .and_then(|descriptor| descriptor.to_bytes().ok());
    let id = builder.id("nTSecurityDescriptor")?;
    if let (Some(bytes), Some(mut object)) = (bytes, builder.directory.database().get(dnt).cloned()) {
        let usn = object.usn_created;
        object.set_initially(id, vec![Value::from(bytes)], usn);
        builder.keep(object);
    }
    Ok(())
}
