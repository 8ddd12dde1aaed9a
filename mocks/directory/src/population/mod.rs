//! Populations: people and groups out of a seed, for directories of ten to a million users.
//!
//! The same configuration gives the same people, whatever else the directory holds.

mod names;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::config::PopulationConfig;
use crate::model::{Dnt, LdapError, Object, ResultCode, Value, text};
use crate::naming::{Account, Builder};

/// Most users of one population.
pub const MAX_USERS: u32 = 1_000_000;
/// Users per group, where the number of groups is not given.
const USERS_PER_GROUP: u32 = 20;
/// Users whom one manager leads.
const SPAN_OF_CONTROL: usize = 8;
/// Every so many groups one is nested in another.
const NESTED_EVERY: usize = 4;

/// Makes a population in the domain.
///
/// # Errors
/// More than [`MAX_USERS`], a malformed organizational unit, or names that are taken.
pub(crate) fn grow(builder: &mut Builder<'_>, config: &PopulationConfig) -> Result<(), LdapError> {
    let most_groups = MAX_USERS / 2;
    if config.users > MAX_USERS || config.groups.is_some_and(|groups| groups > most_groups) {
        return Err(LdapError::new(
            ResultCode::AdminLimitExceeded,
            format!("a population has at most {MAX_USERS} users and {most_groups} groups"),
        ));
    }
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(config.seed));
    let unit = builder.container(&config.organizational_unit)?;
    let suffix = match &config.upn_suffix {
        Some(suffix) => suffix.clone(),
        None => builder.directory.identity().domain.clone(),
    };
    let manager_attribute = builder.id("manager")?;
    let mut users: Vec<Dnt> = Vec::new();
    for number in 0..config.users {
        let person = Person::draw(&mut dice, config, number);
        let object = person.object(builder, unit, &suffix)?;
        let user = builder.keep(object);
        if let Some(manager) = manager_of(users.len()).and_then(|at| users.get(at)) {
            builder.link(user, manager_attribute, *manager);
        }
        users.push(user);
    }
    groups(builder, config, &mut dice, unit, &users)
}

/// The manager of the n-th user: a tree in which everybody leads the next few.
fn manager_of(number: usize) -> Option<usize> {
    number.checked_sub(1).map(|above| above / SPAN_OF_CONTROL)
}

fn groups(
    builder: &mut Builder<'_>,
    config: &PopulationConfig,
    dice: &mut Dice,
    unit: Dnt,
    users: &[Dnt],
) -> Result<(), LdapError> {
    let count = config.groups.unwrap_or(config.users / USERS_PER_GROUP);
    let mut made: Vec<Dnt> = Vec::new();
    for number in 0..count {
        let topic = dice.pick(names::TOPICS);
        let kind = dice.pick(names::GROUP_KINDS);
        let name = format!("{}{topic} {kind} {number}", config.prefix);
        let rid = builder.next_rid()?;
        let sid = builder.directory.identity().domain_sid.with_rid(rid);
        let mut object = builder.draft(unit, "group", &name)?;
        for (attribute, value) in [
            ("sAMAccountName", text(&name)),
            ("objectSid", Value::from(sid.to_bytes())),
            ("groupType", text("-2147483646")),
            ("sAMAccountType", text("268435456")),
            ("displayName", text(&name)),
            ("description", text(&format!("{kind} of {topic}"))),
        ] {
            builder.add(&mut object, attribute, value)?;
        }
        let group = builder.keep(object);
        for _ in 0..dice.below(2 * USERS_PER_GROUP as usize).min(users.len()) {
            if let Some(user) = users.get(dice.below(users.len())) {
                builder.member(group, *user);
            }
        }
        // Only earlier groups are nested, so there is no cycle.
        if made.len() % NESTED_EVERY == NESTED_EVERY - 1
            && let Some(inner) = made.get(dice.below(made.len()))
        {
            builder.member(group, *inner);
        }
        made.push(group);
    }
    Ok(())
}

/// Somebody.
struct Person {
    account: String,
    given_name: &'static str,
    surname: &'static str,
    department: &'static str,
    title: &'static str,
    city: &'static (&'static str, &'static str, &'static str),
    number: u32,
}

impl Person {
    fn draw(dice: &mut Dice, config: &PopulationConfig, number: u32) -> Self {
        let given_name = dice.pick(names::GIVEN_NAMES);
        let surname = dice.pick(names::SURNAMES);
        // Twenty characters are the most that an account name of a user has.
        let stem: String = names::ascii(given_name).chars().take(1).collect::<String>()
            + &names::ascii(surname).chars().take(8).collect::<String>();
        Self {
            account: format!("{}{stem}{number}", config.prefix),
            given_name,
            surname,
            department: dice.pick(names::DEPARTMENTS),
            title: dice.pick(names::TITLES),
            city: &names::CITIES[dice.below(names::CITIES.len())],
            number,
        }
    }

    fn object(&self, builder: &mut Builder<'_>, unit: Dnt, suffix: &str) -> Result<Object, LdapError> {
        let common_name = format!("{} {} {}", self.given_name, self.surname, self.number);
        let account = Account {
            class: "user",
            common_name: &common_name,
            name: &self.account,
            rid: builder.next_rid()?,
            control: 0x200,
            primary_group: 513,
        };
        let mut object = account.draft(builder, unit)?;
        let address = format!("{}@{suffix}", self.account);
        let (city, country, code) = *self.city;
        for (attribute, value) in [
            ("userPrincipalName", text(&address)),
            ("mail", text(&address)),
            ("proxyAddresses", text(&format!("SMTP:{address}"))),
            ("givenName", text(self.given_name)),
            ("sn", text(self.surname)),
            (
                "displayName",
                text(&format!("{} {}", self.given_name, self.surname)),
            ),
            ("department", text(self.department)),
            ("title", text(self.title)),
            ("company", text("Contoso")),
            ("l", text(city)),
            ("co", text(country)),
            ("c", text(code)),
            ("employeeID", text(&format!("{:07}", self.number))),
        ] {
            builder.add(&mut object, attribute, value)?;
        }
        Ok(object)
    }
}

/// Random numbers of one population.
struct Dice(ChaCha8Rng);

impl Dice {
    /// A number below `bound`; 0 if there is none. The bias of the remainder does not matter for names.
    fn below(&mut self, bound: usize) -> usize {
        let drawn = usize::try_from(self.0.next_u32()).unwrap_or(0);
        drawn.checked_rem(bound).unwrap_or(0)
    }

    fn pick(&mut self, list: &[&'static str]) -> &'static str {
        list[self.below(list.len())]
    }
}
