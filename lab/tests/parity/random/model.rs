//! The least that a sequence has to know so that its operations have sensible targets.
//!
//! It guesses what a server will do and may guess wrong: then operations miss their targets, on both servers alike.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::generate;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    User,
    Group,
    Contact,
    Unit,
}

/// An object that the sequence has made. Names are relative to the sequence's unit.
#[derive(Clone, Debug)]
pub struct Object {
    pub dn: String,
    pub kind: Kind,
    /// The end of its account name; nothing for what has none.
    pub account: &'static str,
}

/// Something to do, in the words of a case, and what it probably changes.
#[derive(Clone, Debug)]
pub struct Transition {
    pub text: String,
    pub effect: Effect,
}

/// What an operation probably changes.
#[derive(Clone, Debug)]
pub enum Effect {
    Nothing,
    Appears(Object, Option<&'static str>),
    Vanishes { dn: String, tree: bool },
    Becomes { from: String, to: String },
    Password { dn: String, password: &'static str },
    Enabled { dn: String },
    Bound { account: String, password: &'static str },
}

/// What the sequence has made so far.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Flags of its DirSync searches.
    pub flags: &'static str,
    pub objects: Vec<Object>,
    /// Names that were taken once.
    pub gone: Vec<String>,
    /// Every password that an account has had, the present one last.
    passwords: BTreeMap<String, Vec<&'static str>>,
}

impl Model {
    pub fn find(&self, dn: &str) -> Option<&Object> {
        self.objects
            .iter()
            .find(|object| object.dn.eq_ignore_ascii_case(dn))
    }

    /// The password of an account; nothing if it has none.
    pub fn password(&self, account: &str) -> Option<&'static str> {
        self.passwords.get(account)?.last().copied()
    }

    fn holds_children(&self, dn: &str) -> bool {
        dn == "." || self.find(dn).is_some_and(|object| object.kind == Kind::Unit)
    }

    fn password_set(&mut self, account: &str, password: &'static str) {
        self.passwords
            .entry(account.to_owned())
            .or_default()
            .push(password);
    }

    fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Appears(object, password) => {
                if self.find(&object.dn).is_none() && self.holds_children(parent(&object.dn)) {
                    if let Some(password) = password {
                        self.password_set(object.account, password);
                    }
                    self.objects.push(object.clone());
                }
            }
            Effect::Vanishes { dn, tree } => {
                let leaf = !self.objects.iter().any(|object| is_below(&object.dn, dn));
                if *tree || leaf {
                    let stays =
                        |object: &Object| !object.dn.eq_ignore_ascii_case(dn) && !is_below(&object.dn, dn);
                    self.objects.retain(stays);
                    self.gone.push(dn.clone());
                }
            }
            Effect::Becomes { from, to } => {
                let possible = self.holds_children(parent(to)) && !is_below(to, from);
                if !possible || self.find(to).is_some_and(|_| !to.eq_ignore_ascii_case(from)) {
                    return;
                }
                for object in &mut self.objects {
                    if object.dn.eq_ignore_ascii_case(from) {
                        object.dn.clone_from(to);
                    } else if is_below(&object.dn, from) {
                        let kept = object.dn.len() - from.len();
                        object.dn = format!("{}{to}", &object.dn[..kept]);
                    }
                }
                self.gone.push(from.clone());
            }
            Effect::Password { dn, password } => {
                if let Some(account) = self.find(dn).map(|object| object.account) {
                    self.password_set(account, password);
                }
            }
            Effect::Nothing | Effect::Enabled { .. } | Effect::Bound { .. } => {}
        }
    }

    /// Whether the operation keeps clear of known differences after which the two servers would go separate ways.
    fn allows(&self, effect: &Effect) -> bool {
        match effect {
            // Known: `modify: enable without a password`.
            Effect::Enabled { dn } => self
                .find(dn)
                .is_none_or(|object| self.password(object.account).is_some()),
            // Known: `rename: to the very same name`.
            Effect::Becomes { from, to } => self.find(from).is_none_or(|object| {
                rdn(&object.dn) != rdn(to) || !parent(&object.dn).eq_ignore_ascii_case(parent(to))
            }),
            // Known: `password: the one before still counts no wrong password`.
            Effect::Bound { account, password } => self
                .passwords
                .get(account)
                .is_none_or(|all| all.last() == Some(password) || !all.contains(password)),
            _ => true,
        }
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        prop::sample::select(vec!["0", "0x80000000"])
            .prop_map(|flags| Self {
                flags,
                ..Self::default()
            })
            .boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Transition> {
        generate::transition(state)
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        Model::apply(&mut state, &transition.effect);
        state
    }

    fn preconditions(state: &Self, transition: &Transition) -> bool {
        state.allows(&transition.effect)
    }
}

/// The name above a name; the sequence's unit is `.`.
pub fn parent(dn: &str) -> &str {
    let mut escaped = false;
    for (at, c) in dn.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => return &dn[at + 1..],
            _ => {}
        }
    }
    "."
}

/// The first part of a name.
pub fn rdn(dn: &str) -> &str {
    match parent(dn) {
        "." => dn,
        above => &dn[..dn.len() - above.len() - 1],
    }
}

/// A name below another.
pub fn below(rdn: &str, parent: &str) -> String {
    match parent {
        "." => rdn.to_owned(),
        _ => format!("{rdn},{parent}"),
    }
}

fn is_below(dn: &str, ancestor: &str) -> bool {
    let mut name = dn;
    while name != "." {
        name = parent(name);
        if name.eq_ignore_ascii_case(ancestor) {
            return true;
        }
    }
    false
}
