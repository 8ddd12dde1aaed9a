//! Which objects a job takes in (CS 5.8).

use super::{Clause, Kind, Scope, Settings, Source};

/// Why an object is left out; `None` where it is in scope. `selected` says whether a selected group has it as a direct
/// member, or is it.
pub(super) fn skipped(settings: &Settings, source: &Source, selected: bool) -> Option<&'static str> {
    let connect: &[Exclusion] = if settings.assumes("connect-default-exclusions") {
        &CONNECT
    } else {
        &[]
    };
    if let Some((reason, _)) = DOCUMENTED
        .iter()
        .chain(connect)
        .find(|(_, applies)| applies(source))
    {
        return Some(reason);
    }
    let in_scope = match &settings.scope {
        Scope::All => true,
        Scope::Units(units) => units.iter().any(|unit| is_below(&source.dn, unit)),
        Scope::Groups(_) => selected,
    };
    if !in_scope {
        return Some("it is not in what is selected");
    }
    let filter = settings
        .filters
        .get(&source.kind)
        .filter(|groups| !groups.is_empty());
    let passes = filter.is_none_or(|groups| {
        groups
            .iter()
            .any(|all| all.iter().all(|clause| fulfils(source, clause)))
    });
    (!passes).then_some("it does not pass the filter")
}

type Exclusion = (&'static str, fn(&Source) -> bool);

/// The exclusions that are documented for cloud sync.
const DOCUMENTED: [Exclusion; 3] = [
    ("it is critical to the system", |source| {
        is(source, "isCriticalSystemObject", "TRUE")
    }),
    ("it is a replication victim", |source| {
        source.dn.contains("\\0ACNF:") || source.first("cn").is_some_and(|cn| cn.contains("\nCNF:"))
    }),
    ("it comes from the cloud", |source| {
        let begins = |start| {
            source
                .first("adminDescription")
                .is_some_and(|text| text.starts_with(start))
        };
        begins("User_") || begins("Group_")
    }),
];

/// Those of Entra Connect that stories can meet, assumed to be shared.
const CONNECT: [Exclusion; 2] = [
    ("it is an account of Microsoft's", |source| {
        let begins = |start| {
            source
                .first("sAMAccountName")
                .is_some_and(|name| name.starts_with(start))
        };
        source.kind == Kind::User && (begins("AAD_") || begins("MSOL_"))
    }),
    ("it is a system mailbox", |source| {
        source.kind == Kind::User
            && source.first("mailNickname").is_some_and(|name| {
                name.starts_with("SystemMailbox{") || name.starts_with("CAS_") && name.contains('}')
            })
    }),
];

fn is(source: &Source, attribute: &str, value: &str) -> bool {
    source
        .first(attribute)
        .is_some_and(|known| known.eq_ignore_ascii_case(value))
}

/// Whether a name is that of a container or of something below it, at any depth.
fn is_below(dn: &str, container: &str) -> bool {
    let (dn, container) = (dn.to_lowercase(), container.to_lowercase());
    dn == container
        || dn
            .strip_suffix(&container)
            .is_some_and(|rest| rest.ends_with(','))
}

/// Whether the value of an attribute fulfils a clause. An attribute without a value is null.
fn fulfils(source: &Source, clause: &Clause) -> bool {
    let value = source.first(&clause.attribute);
    let operand = clause.values.first().map_or("", String::as_str);
    let with = |test: fn(&str, &str) -> bool| value.is_some_and(|value| test(value, operand));
    let flag = |wanted: &str| value.is_some_and(|value| value.eq_ignore_ascii_case(wanted));
    match clause.operator.as_str() {
        "EQUALS" => clause.values.iter().any(|one| value == Some(one)),
        "NOT EQUALS" => clause.values.iter().all(|one| value != Some(one)),
        "IS NULL" => value.is_none(),
        "IS NOT NULL" | "PRESENT" => value.is_some(),
        "IS TRUE" => flag("TRUE"),
        "IS FALSE" => flag("FALSE"),
        "GREATER_THAN" => with(|value, operand| compared(value, operand, i64::gt)),
        "GREATER_THAN_OR_EQUALS" => with(|value, operand| compared(value, operand, i64::ge)),
        "INCLUDES" => with(|value, operand| value.contains(operand)),
        "ENDS_WITH" => with(|value, operand| value.ends_with(operand)),
        "&" => with(|value, operand| compared(value, operand, |value, bits| value & bits == *bits)),
        // Where there is no number no bit is set.
        "!&L" => !with(|value, operand| compared(value, operand, |value, bits| value & bits == *bits)),
        _ => false,
    }
}

fn compared(value: &str, operand: &str, test: fn(&i64, &i64) -> bool) -> bool {
    match (value.parse(), operand.parse()) {
        (Ok(value), Ok(operand)) => test(&value, &operand),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::user;
    use super::*;

    fn clause(attribute: &str, operator: &str, value: &str) -> Clause {
        Clause {
            attribute: attribute.into(),
            operator: operator.into(),
            values: vec![value.into()],
        }
    }

    #[test]
    fn clauses_look_at_values_as_documented() {
        let ann = user("ann", &[("department", "Sales"), ("userAccountControl", "514")]);
        for (attribute, operator, operand, holds) in [
            ("department", "EQUALS", "Sales", true),
            ("department", "EQUALS", "sales", false),
            ("department", "NOT EQUALS", "sales", true),
            ("department", "INCLUDES", "ale", true),
            ("department", "ENDS_WITH", "es", true),
            ("l", "IS NULL", "", true),
            ("department", "IS NOT NULL", "", true),
            ("userAccountControl", "&", "2", true),
            ("userAccountControl", "!&L", "2", false),
            ("userAccountControl", "GREATER_THAN", "514", false),
            ("userAccountControl", "GREATER_THAN_OR_EQUALS", "514", true),
        ] {
            assert_eq!(
                fulfils(&ann, &clause(attribute, operator, operand)),
                holds,
                "{attribute} {operator} {operand}"
            );
        }
    }

    #[test]
    fn units_hold_what_is_below_them() {
        assert!(is_below("CN=a,OU=x,OU=Sales,DC=c", "ou=sales,dc=c"));
        assert!(!is_below("CN=a,OU=PreSales,DC=c", "OU=Sales,DC=c"));
    }
}
