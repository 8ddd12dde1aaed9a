//! Random operations on what the model holds. About one in five is nonsense.

use proptest::{prelude::*, sample::select};

use super::{
    model::{Effect, Kind, Model, Object, Transition, below, parent, rdn},
    vocabulary as words,
};

/// Sensible choices against odd ones.
const SENSIBLE: u32 = 4;
const ODD: u32 = 1;

const KINDS: &[Kind] = &[Kind::User, Kind::Group, Kind::Contact, Kind::Unit];

/// One operation.
pub fn transition(model: &Model) -> BoxedStrategy<Transition> {
    prop_oneof![
        8 => add(model),
        6 => modify(model),
        5 => members(model),
        3 => rename(model),
        3 => transfer(model),
        3 => delete(model),
        2 => password(model),
        2 => control(model),
        2 => bind(model),
        3 => search(model),
        2 => Just(Transition { text: "again\n".to_owned(), effect: Effect::Nothing }),
    ]
    .boxed()
}

/// One of the objects of these kinds, in its own spelling or another; now and then something else.
fn target(model: &Model, kinds: &[Kind]) -> BoxedStrategy<String> {
    (own_spelling(model, kinds), spelling())
        .prop_map(|(name, other)| if other { respelt(&name) } else { name })
        .boxed()
}

/// The same in its own spelling alone.
fn own_spelling(model: &Model, kinds: &[Kind]) -> BoxedStrategy<String> {
    let fits = |object: &&Object| kinds.contains(&object.kind);
    let fitting: Vec<String> = model.objects.iter().filter(fits).map(|o| o.dn.clone()).collect();
    let others = model.objects.iter().filter(|object| !fits(object));
    let odd: Vec<String> = others
        .map(|object| object.dn.clone())
        .chain(model.gone.iter().cloned())
        .chain(words::NOWHERE.iter().map(|&name| name.to_owned()))
        .collect();
    if fitting.is_empty() {
        select(odd).boxed()
    } else {
        prop_oneof![SENSIBLE => select(fitting), ODD => select(odd)].boxed()
    }
}

/// Whether a name is written in another case, as clients may.
fn spelling() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.1)
}

/// The same name or attribute in capitals; what stands in braces is the case's own.
fn respelt(text: &str) -> String {
    let mut inside = false;
    let spell = |c: char| {
        inside = c == '{' || inside && c != '}';
        if inside { c } else { c.to_ascii_uppercase() }
    };
    text.chars().map(spell).collect()
}

fn container(model: &Model) -> BoxedStrategy<String> {
    prop_oneof![1 => Just(".".to_owned()), 1 => target(model, &[Kind::Unit])].boxed()
}

fn naming(kind: Kind) -> &'static str {
    if kind == Kind::Unit { "OU" } else { "CN" }
}

fn just(text: String) -> Transition {
    Transition {
        text,
        effect: Effect::Nothing,
    }
}

fn add(model: &Model) -> BoxedStrategy<Transition> {
    let new = (select(KINDS), select(words::NAMES), select(words::ACCOUNTS));
    let extras = prop::collection::vec(assignment(model), 0..3);
    let password = prop::option::weighted(0.7, select(words::PASSWORDS));
    (new, container(model), extras, password)
        .prop_map(|((kind, name, account), parent, extras, password)| {
            let dn = below(&format!("{}={name}", naming(kind)), &parent);
            let class = match kind {
                Kind::User => "user",
                Kind::Group => "group",
                Kind::Contact => "contact",
                Kind::Unit => "organizationalUnit",
            };
            let mut text = format!("add {dn}\n  objectClass: {class}\n");
            if matches!(kind, Kind::User | Kind::Group) {
                text.push_str(&format!("  sAMAccountName: {{id}}{account}\n"));
            }
            let password = password.filter(|_| kind == Kind::User);
            if kind == Kind::User {
                text.push_str(&format!("  userPrincipalName: {{id}}{account}@contoso.lab\n"));
            }
            // Known: `add: an enabled user without a password`.
            if let Some(password) = password {
                text.push_str(&format!(
                    "  unicodePwd: password:{password}\n  userAccountControl: 512\n"
                ));
            }
            for (attribute, values) in extras {
                text.push_str(&format!("  {attribute}: {}\n", values.join(" | ")));
            }
            let account = if matches!(kind, Kind::User | Kind::Group) {
                account
            } else {
                ""
            };
            let effect = Effect::Appears(Object { dn, kind, account }, password);
            Transition { text, effect }
        })
        .boxed()
}

/// An attribute and one or more values.
fn assignment(model: &Model) -> BoxedStrategy<(String, Vec<String>)> {
    let of = |fields: &'static [words::Field]| {
        (0..fields.len()).prop_flat_map(move |at| {
            let field = &fields[at];
            let owned: Vec<String> = field.values.iter().map(|&value| value.to_owned()).collect();
            (
                Just(field.name),
                prop::sample::subsequence(owned, 1..=2.min(field.values.len())),
            )
        })
    };
    let reference = (select(words::REFERENCES), target(model, KINDS))
        .prop_map(|(name, dn)| (name, vec![format!("dn:{dn}")]));
    let any = prop_oneof![5 => of(words::FIELDS), 2 => reference, ODD => of(words::ODD_FIELDS)];
    (any, spelling())
        .prop_map(|((name, values), other)| {
            let name = if other { respelt(name) } else { name.to_owned() };
            (name, values)
        })
        .boxed()
}

fn modify(model: &Model) -> BoxedStrategy<Transition> {
    let change = (select(&["=", "+", "-", "-all"][..]), assignment(model));
    (target(model, KINDS), prop::collection::vec(change, 1..4))
        .prop_map(|(dn, changes)| {
            let mut text = format!("modify {dn}\n");
            for (sign, (attribute, values)) in changes {
                text.push_str(&match sign {
                    "-all" => format!("  - {attribute}:\n"),
                    _ => format!("  {sign} {attribute}: {}\n", values.join(" | ")),
                });
            }
            just(text)
        })
        .boxed()
}

fn members(model: &Model) -> BoxedStrategy<Transition> {
    let who = prop::collection::vec(target(model, &[Kind::User, Kind::Group, Kind::Contact]), 1..3);
    (
        target(model, &[Kind::Group]),
        select(&["+", "+", "-", "="][..]),
        who,
    )
        .prop_map(|(group, sign, mut who)| {
            // Known: `modify: the same member twice`.
            who.dedup_by_key(|dn| dn.to_lowercase());
            let values: Vec<String> = who.iter().map(|dn| format!("dn:{dn}")).collect();
            just(format!(
                "modify {group}\n  {sign} member: {}\n",
                values.join(" | ")
            ))
        })
        .boxed()
}

/// The attribute that an object is named by; now and then another.
fn new_rdn() -> impl Strategy<Value = (bool, &'static str)> {
    (prop::bool::weighted(0.1), select(words::NAMES))
}

fn with_rdn(dn: &str, (other, name): (bool, &str)) -> String {
    let unit = dn.len() > 2 && dn[..2].eq_ignore_ascii_case("OU");
    // Known: `rename: a unit to another naming attribute`.
    let attribute = if unit || other { "OU" } else { "CN" };
    format!("{attribute}={name}")
}

fn rename(model: &Model) -> BoxedStrategy<Transition> {
    (target(model, KINDS), new_rdn())
        .prop_map(|(from, name)| {
            let rdn = with_rdn(&from, name);
            let to = below(&rdn, parent(&from));
            Transition {
                text: format!("rename {from} to {rdn}\n"),
                effect: Effect::Becomes { from, to },
            }
        })
        .boxed()
}

fn transfer(model: &Model) -> BoxedStrategy<Transition> {
    let to = prop_oneof![3 => container(model), 1 => target(model, KINDS)];
    (target(model, KINDS), to, prop::option::weighted(0.3, new_rdn()))
        .prop_map(|(from, container, name)| {
            let rdn = name.map_or_else(|| rdn(&from).to_owned(), |name| with_rdn(&from, name));
            Transition {
                text: format!("rename {from} to {rdn} below {container}\n"),
                effect: Effect::Becomes {
                    to: below(&rdn, &container),
                    from,
                },
            }
        })
        .boxed()
}

fn delete(model: &Model) -> BoxedStrategy<Transition> {
    // Known: `delete: a name in other letters`.
    (own_spelling(model, KINDS), prop::bool::weighted(0.3))
        .prop_map(|(dn, tree)| Transition {
            text: format!(
                "delete {dn}\n{}",
                if tree { "  control!: tree-delete\n" } else { "" }
            ),
            effect: Effect::Vanishes { dn, tree },
        })
        .boxed()
}

/// Sets a password, changes it with the old one, or tries to.
fn password(model: &Model) -> BoxedStrategy<Transition> {
    let new = prop_oneof![
        SENSIBLE => select(words::PASSWORDS).prop_map(|word| (word, true)),
        ODD => select(words::WRONG_PASSWORDS).prop_map(|word| (word, false)),
    ];
    let known = model.clone();
    (target(model, &[Kind::User]), new, prop::bool::weighted(0.2))
        .prop_map(move |(dn, (new, good), change)| {
            if change {
                // The minimum age refuses it, whatever the new one is.
                let account = known.find(&dn).map_or("", |object| object.account);
                let old = known.password(account).unwrap_or("Passw0rd.Lab");
                return just(format!(
                    "modify {dn}\n  - unicodePwd: password:{old}\n  + unicodePwd: password:{new}\n"
                ));
            }
            Transition {
                text: format!("modify {dn}\n  = unicodePwd: password:{new}\n"),
                effect: if good {
                    Effect::Password { dn, password: new }
                } else {
                    Effect::Nothing
                },
            }
        })
        .boxed()
}

/// Enables or disables.
fn control(model: &Model) -> BoxedStrategy<Transition> {
    let flags = prop_oneof![
        select(words::ENABLED).prop_map(|flags| (flags, true)),
        select(words::OTHER_CONTROL).prop_map(|flags| (flags, false)),
    ];
    (target(model, &[Kind::User]), flags)
        .prop_map(|(dn, (flags, enables))| Transition {
            text: format!("modify {dn}\n  = userAccountControl: {flags}\n"),
            effect: if enables {
                Effect::Enabled { dn }
            } else {
                Effect::Nothing
            },
        })
        .boxed()
}

fn bind(model: &Model) -> BoxedStrategy<Transition> {
    let accounts: Vec<&'static str> = model
        .objects
        .iter()
        .filter(|object| object.kind == Kind::User)
        .map(|object| object.account)
        .collect();
    let account = if accounts.is_empty() {
        select(words::ACCOUNTS).boxed()
    } else {
        prop_oneof![SENSIBLE => select(accounts), ODD => select(words::ACCOUNTS)].boxed()
    };
    let known = model.clone();
    (
        account,
        prop::option::weighted(0.3, select(words::WRONG_PASSWORDS)),
        any::<bool>(),
    )
        .prop_map(move |(account, wrong, upn)| {
            let right = known.password(account).unwrap_or("Passw0rd.Lab");
            let password = wrong.unwrap_or(right);
            let name = if upn {
                format!("{{id}}{account}@contoso.lab")
            } else {
                format!("CONTOSO\\{{id}}{account}")
            };
            Transition {
                text: format!("bind {name} / {password}\nas administrator\n"),
                effect: Effect::Bound {
                    account: account.to_owned(),
                    password,
                },
            }
        })
        .boxed()
}

fn search(model: &Model) -> BoxedStrategy<Transition> {
    let filter = select(words::ASSERTIONS)
        .prop_map(str::to_owned)
        .prop_recursive(2, 6, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|one| format!("(!{one})")),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|all| format!("(&{})", all.concat())),
                prop::collection::vec(inner, 1..4).prop_map(|all| format!("(|{})", all.concat())),
            ]
        });
    let base = prop_oneof![3 => Just(".".to_owned()), 1 => target(model, KINDS)];
    let scope = select(&["sub", "one", "base"][..]);
    (base, scope, filter, select(words::SELECTIONS))
        .prop_map(|(base, scope, filter, selection)| {
            just(format!(
                "search {base} {scope} {filter}\n  attributes: {selection}\n"
            ))
        })
        .boxed()
}
