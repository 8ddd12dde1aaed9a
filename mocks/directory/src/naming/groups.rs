//! The groups of every domain, with their real relative identifiers.

use std::collections::BTreeMap;

use provlab_protocol::sid::{Sid, well_known};

use super::Builder;
use super::domain::Containers;
use crate::model::{Dnt, LdapError, Value, text};

/// `groupType` of the kinds of security groups.
const GLOBAL: &str = "-2147483646";
const LOCAL: &str = "-2147483644";
const UNIVERSAL: &str = "-2147483640";
const BUILTIN_LOCAL: &str = "-2147483643";
/// `sAMAccountType` of global and universal, and of local groups.
const TYPE_GROUP: &str = "268435456";
const TYPE_ALIAS: &str = "536870912";

/// `systemFlags` of the built-in groups: neither to be moved nor renamed nor deleted.
const FIXED: &str = "-1946157056";

/// A row: relative identifier, name, kind, whether its members are protected as administrators.
type Row = (u32, &'static str, &'static str, bool);

/// Groups in `CN=Users`.
const DOMAIN_GROUPS: &[Row] = &[
    (498, "Enterprise Read-only Domain Controllers", UNIVERSAL, false),
    (512, "Domain Admins", GLOBAL, true),
    (513, "Domain Users", GLOBAL, false),
    (514, "Domain Guests", GLOBAL, false),
    (515, "Domain Computers", GLOBAL, false),
    (516, "Domain Controllers", GLOBAL, true),
    (517, "Cert Publishers", LOCAL, false),
    (518, "Schema Admins", UNIVERSAL, true),
    (519, "Enterprise Admins", UNIVERSAL, true),
    (520, "Group Policy Creator Owners", GLOBAL, false),
    (521, "Read-only Domain Controllers", GLOBAL, true),
    (522, "Cloneable Domain Controllers", GLOBAL, false),
    (525, "Protected Users", GLOBAL, false),
    (526, "Key Admins", GLOBAL, true),
    (527, "Enterprise Key Admins", UNIVERSAL, true),
    (553, "RAS and IAS Servers", LOCAL, false),
    (571, "Allowed RODC Password Replication Group", LOCAL, false),
    (572, "Denied RODC Password Replication Group", LOCAL, false),
];

/// Groups in `CN=Builtin`, whose SIDs are the same everywhere.
const BUILTIN_GROUPS: &[Row] = &[
    (544, "Administrators", BUILTIN_LOCAL, true),
    (545, "Users", BUILTIN_LOCAL, false),
    (546, "Guests", BUILTIN_LOCAL, false),
    (548, "Account Operators", BUILTIN_LOCAL, true),
    (549, "Server Operators", BUILTIN_LOCAL, true),
    (550, "Print Operators", BUILTIN_LOCAL, true),
    (551, "Backup Operators", BUILTIN_LOCAL, true),
    (552, "Replicator", BUILTIN_LOCAL, true),
    (554, "Pre-Windows 2000 Compatible Access", BUILTIN_LOCAL, false),
    (555, "Remote Desktop Users", BUILTIN_LOCAL, false),
    (556, "Network Configuration Operators", BUILTIN_LOCAL, false),
    (557, "Incoming Forest Trust Builders", BUILTIN_LOCAL, false),
    (558, "Performance Monitor Users", BUILTIN_LOCAL, false),
    (559, "Performance Log Users", BUILTIN_LOCAL, false),
    (560, "Windows Authorization Access Group", BUILTIN_LOCAL, false),
    (562, "Distributed COM Users", BUILTIN_LOCAL, false),
    (568, "IIS_IUSRS", BUILTIN_LOCAL, false),
    (569, "Cryptographic Operators", BUILTIN_LOCAL, false),
    (573, "Event Log Readers", BUILTIN_LOCAL, false),
    (574, "Certificate Service DCOM Access", BUILTIN_LOCAL, false),
    (580, "Remote Management Users", BUILTIN_LOCAL, false),
];

/// Who is in what from the beginning.
const NESTING: &[(&str, &str)] = &[
    ("Administrators", "Domain Admins"),
    ("Administrators", "Enterprise Admins"),
    ("Users", "Domain Users"),
    ("Guests", "Domain Guests"),
    ("Denied RODC Password Replication Group", "Domain Admins"),
    ("Denied RODC Password Replication Group", "Domain Controllers"),
    ("Denied RODC Password Replication Group", "Enterprise Admins"),
    ("Denied RODC Password Replication Group", "Schema Admins"),
    ("Denied RODC Password Replication Group", "Cert Publishers"),
    (
        "Denied RODC Password Replication Group",
        "Group Policy Creator Owners",
    ),
    (
        "Denied RODC Password Replication Group",
        "Read-only Domain Controllers",
    ),
];

/// Makes the groups and returns them by name.
pub(super) fn fill(
    builder: &mut Builder<'_>,
    containers: &Containers,
) -> Result<BTreeMap<String, Dnt>, LdapError> {
    let domain = builder.directory.identity().domain_sid;
    let mut made = BTreeMap::new();
    for row in DOMAIN_GROUPS {
        let dnt = group(builder, containers.users, row, domain)?;
        made.insert(row.1.to_owned(), dnt);
    }
    for row in BUILTIN_GROUPS {
        let dnt = group(builder, containers.builtin, row, well_known::BUILTIN)?;
        made.insert(row.1.to_owned(), dnt);
    }
    for (group, member) in NESTING {
        if let (Some(group), Some(member)) = (made.get(*group), made.get(*member)) {
            builder.member(*group, *member);
        }
    }
    for (sid, groups) in [
        (
            well_known::AUTHENTICATED_USERS,
            ["Users", "Pre-Windows 2000 Compatible Access"].as_slice(),
        ),
        (
            well_known::ENTERPRISE_DOMAIN_CONTROLLERS,
            &["Windows Authorization Access Group"],
        ),
    ] {
        let foreign = foreign_principal(builder, containers, sid)?;
        for group in groups {
            if let Some(group) = made.get(*group) {
                builder.member(*group, foreign);
            }
        }
    }
    Ok(made)
}

fn group(builder: &mut Builder<'_>, container: Dnt, row: &Row, authority: Sid) -> Result<Dnt, LdapError> {
    let (rid, name, kind, protected) = *row;
    let sid = authority.with_rid(rid);
    let account_type = if matches!(kind, LOCAL | BUILTIN_LOCAL) {
        TYPE_ALIAS
    } else {
        TYPE_GROUP
    };
    let mut object = builder.draft(container, "group", name)?;
    for (attribute, value) in [
        ("sAMAccountName", text(name)),
        ("objectSid", Value::from(sid.to_bytes())),
        ("groupType", text(kind)),
        ("sAMAccountType", text(account_type)),
        ("isCriticalSystemObject", text("TRUE")),
    ] {
        builder.add(&mut object, attribute, value)?;
    }
    if authority == well_known::BUILTIN {
        builder.add(&mut object, "systemFlags", text(FIXED))?;
    }
    if protected {
        builder.add(&mut object, "adminCount", text("1"))?;
    }
    Ok(builder.keep(object))
}

fn foreign_principal(builder: &mut Builder<'_>, containers: &Containers, sid: Sid) -> Result<Dnt, LdapError> {
    let mut object = builder.draft(containers.foreign, "foreignSecurityPrincipal", &sid.to_string())?;
    builder.add(&mut object, "objectSid", Value::from(sid.to_bytes()))?;
    Ok(builder.keep(object))
}
