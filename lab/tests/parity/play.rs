//! Plays a case against one server.

use std::{collections::BTreeMap, fmt::Write as _};

use ldap3::{Ldap, Scope, SearchEntry, controls::RawControl};
use provlab_protocol::{guid::Guid, oid::control as oid, security::sddl, sid::Sid, unicode_pwd};

use crate::{
    client::perform,
    controls,
    fixture::Fixture,
    mask::Masks,
    observation::{Observation, Seen},
    operation::{Change, Operation, Request, Search},
    script::{Act, Case, Step},
    server::{DOMAIN_DN, LIMIT, Server},
};

/// What a server answered to each step; nothing for preparations.
pub type Answers = Vec<Option<Observation>>;

/// Plays a case in a unit of its own.
pub async fn play(server: &Server, fixture: &Fixture, case: &Case, number: usize) -> Result<Answers, String> {
    let id = format!("k{}{number:03}", fixture.run);
    let mut player = Player::begin(server, fixture, &id).await?;
    let mut answers = Vec::new();
    for step in &case.steps {
        let answer = player.step(step).await;
        answers
            .push(answer.map_err(|error| {
                format!("{} on {}: line {}: {error}", case.name, server.label, step.line)
            })?);
    }
    Ok(answers)
}

/// Somebody who takes steps on a server, in a unit of their own.
pub struct Player<'a> {
    server: &'a Server,
    fixture: &'a Fixture,
    masks: Masks,
    sessions: BTreeMap<String, Ldap>,
    who: String,
    /// GUID and SID of objects by their names in the case.
    noted: BTreeMap<String, (Guid, Option<Sid>)>,
    search: Option<(Search, Vec<(String, bool)>)>,
    cookies: Vec<Vec<u8>>,
}

impl<'a> Player<'a> {
    /// Makes the unit, and goes on as the administrator. `id` is its name, and begins its accounts' names.
    pub async fn begin(server: &'a Server, fixture: &'a Fixture, id: &str) -> Result<Self, String> {
        let mut player = Self {
            server,
            fixture,
            masks: Masks {
                unit: format!("OU={id},{}", fixture.unit),
                id: id.to_owned(),
            },
            sessions: BTreeMap::new(),
            who: "administrator".to_owned(),
            noted: BTreeMap::new(),
            search: None,
            cookies: Vec::new(),
        };
        let unit = Operation::Add {
            dn: player.masks.unit.clone(),
            attributes: vec![("objectClass".to_owned(), vec![b"organizationalUnit".to_vec()])],
        };
        player.must(unit.into()).await?;
        Ok(player)
    }

    /// Takes one step; nothing is observed of a preparation.
    pub async fn step(&mut self, step: &Step) -> Result<Option<Observation>, String> {
        match &step.act {
            Act::As(who) => {
                self.who.clone_from(who);
                Ok(None)
            }
            Act::Note(name) => {
                let name = self.plain(name);
                self.identify(&name).await?;
                Ok(None)
            }
            Act::Given(operation) => {
                let request = self.request(operation, &step.controls).await?;
                self.must(request).await?;
                Ok(None)
            }
            Act::Do(operation) => {
                let request = self.request(operation, &step.controls).await?;
                if let Operation::Bind { name, .. } = &request.operation {
                    // Every bind has a connection of its own, and what follows goes over it.
                    self.who = format!("bind {name} {}", step.line);
                }
                // `again` goes on with a search that gave a cookie, whatever was searched since.
                if let Operation::Search(search) = &request.operation
                    && request.controls.iter().any(controls::gives_cookie)
                {
                    self.search = Some((search.clone(), step.controls.clone()));
                    self.cookies.clear();
                }
                self.observe(request, step).await.map(Some)
            }
            Act::Again => {
                let (search, before) = self.search.clone().ok_or("there is no search before")?;
                let asked = if step.controls.is_empty() {
                    &before
                } else {
                    &step.controls
                };
                let controls = self.controls(asked, true).await?;
                let request = Request {
                    operation: Operation::Search(search),
                    controls,
                };
                self.observe(request, step).await.map(Some)
            }
        }
    }

    async fn observe(&mut self, request: Request, step: &Step) -> Result<Observation, String> {
        let own = request
            .controls
            .iter()
            .any(|control| control.ctype == oid::DIRSYNC);
        let (masks, show) = (self.masks.clone(), step.show);
        // DirSync answers for the whole domain, where other cases are at work.
        let keep = |seen: &Seen| !own || belongs(seen);
        let mut ldap = self.session().await?;
        let seen = perform(&mut ldap, &request, &masks, show, keep).await?;
        if seen == Observation::lost() {
            self.sessions.remove(&self.who);
        }
        if let Some(cookie) = &seen.cookie {
            self.cookies.push(cookie.clone());
        }
        Ok(seen)
    }

    async fn must(&mut self, request: Request) -> Result<(), String> {
        let masks = self.masks.clone();
        let mut ldap = self.session().await?;
        let seen = perform(&mut ldap, &request, &masks, Default::default(), |_| true).await?;
        if seen.code == 0 {
            Ok(())
        } else {
            Err(format!(
                "a preparation failed: {}",
                seen.lines(Default::default()).join("; ")
            ))
        }
    }

    /// The connection of whoever the case goes on as.
    async fn session(&mut self) -> Result<Ldap, String> {
        if let Some(ldap) = self.sessions.get(&self.who) {
            return Ok(ldap.clone());
        }
        let failed = |error: ldap3::LdapError| format!("{}: {error}", self.who);
        let ldap = if self.who == "administrator" {
            self.server.administrator().await.map_err(failed)?
        } else {
            let mut ldap = self.server.connect().await.map_err(failed)?;
            if let Some((name, password)) = self.credential()? {
                let bound = ldap.with_timeout(LIMIT).simple_bind(&name, &password).await;
                bound.and_then(|result| result.success()).map_err(failed)?;
            }
            ldap
        };
        self.sessions.insert(self.who.clone(), ldap.clone());
        Ok(ldap)
    }

    fn credential(&self) -> Result<Option<(String, String)>, String> {
        match self.who.as_str() {
            "anonymous" => Ok(None),
            bind if bind.starts_with("bind ") => Ok(None),
            who => match self.fixture.credential(who) {
                Some(credential) => Ok(Some(credential)),
                None => {
                    let (name, password) = who.split_once(" / ").ok_or(format!("nobody is called {who}"))?;
                    Ok(Some((self.plain(name), password.to_owned())))
                }
            },
        }
    }

    /// GUID and SID of an object of the case, as the administrator sees them.
    async fn identify(&mut self, name: &str) -> Result<(Guid, Option<Sid>), String> {
        if let Some(known) = self.noted.get(name) {
            return Ok(*known);
        }
        let dn = self.name(name);
        let who = std::mem::replace(&mut self.who, "administrator".to_owned());
        let ldap = self.session().await;
        self.who = who;
        let found = ldap?
            .search(&dn, Scope::Base, "(objectClass=*)", ["objectGUID", "objectSid"])
            .await
            .and_then(|result| result.success())
            .map_err(|error| format!("cannot identify {dn}: {error}"))?;
        let entry = SearchEntry::construct(found.0.into_iter().next().ok_or("no entry")?);
        let value = |name: &str| {
            let binary = entry
                .bin_attrs
                .get(name)
                .and_then(|values| values.first().cloned());
            binary.or_else(|| {
                let text = entry.attrs.get(name).and_then(|values| values.first());
                text.map(|text| text.clone().into_bytes())
            })
        };
        let guid = value("objectGUID").and_then(|bytes| Guid::from_le_slice(&bytes));
        let sid = value("objectSid").and_then(|bytes| Sid::from_bytes(&bytes).ok());
        let known = (guid.ok_or("no objectGUID")?, sid);
        self.noted.insert(name.to_owned(), known);
        Ok(known)
    }

    async fn request(
        &mut self,
        operation: &Operation<String>,
        controls: &[(String, bool)],
    ) -> Result<Request, String> {
        let operation = self.operation(operation).await?;
        let controls = self.controls(controls, false).await?;
        Ok(Request { operation, controls })
    }

    async fn controls(&mut self, asked: &[(String, bool)], again: bool) -> Result<Vec<RawControl>, String> {
        let mut made = Vec::new();
        for (text, critical) in asked {
            let text = self.expand(text).await?;
            let cookie = if text.ends_with(" first") {
                self.cookies.first()
            } else if again {
                self.cookies.last()
            } else {
                None
            };
            made.push(controls::control(
                &text,
                *critical,
                cookie.map_or(&[], Vec::as_slice),
            )?);
        }
        Ok(made)
    }

    async fn operation(&mut self, template: &Operation<String>) -> Result<Operation, String> {
        Ok(match template {
            Operation::Bind { name, password } => Operation::Bind {
                name: self.expand(name).await?,
                password: self.expand(password).await?,
            },
            Operation::Add { dn, attributes } => {
                let mut made = Vec::new();
                for (name, values) in attributes {
                    made.push((name.clone(), self.values(values).await?));
                }
                Operation::Add {
                    dn: self.dn(dn).await?,
                    attributes: made,
                }
            }
            Operation::Modify { dn, changes } => {
                let mut made = Vec::new();
                for change in changes {
                    made.push(Change {
                        kind: change.kind,
                        attribute: change.attribute.clone(),
                        values: self.values(&change.values).await?,
                    });
                }
                Operation::Modify {
                    dn: self.dn(dn).await?,
                    changes: made,
                }
            }
            Operation::Delete { dn } => Operation::Delete {
                dn: self.dn(dn).await?,
            },
            Operation::Rename {
                dn,
                new_rdn,
                keep_old,
                superior,
            } => Operation::Rename {
                dn: self.dn(dn).await?,
                new_rdn: self.expand(new_rdn).await?,
                keep_old: *keep_old,
                superior: match superior {
                    Some(superior) => Some(self.dn(superior).await?),
                    None => None,
                },
            },
            Operation::Compare { dn, attribute, value } => Operation::Compare {
                dn: self.dn(dn).await?,
                attribute: attribute.clone(),
                value: self.value(value).await?,
            },
            Operation::Extended { oid } => Operation::Extended { oid: oid.clone() },
            Operation::Search(search) => Operation::Search(Search {
                base: self.dn(&search.base).await?,
                filter: self.expand(&search.filter).await?,
                ..search.clone()
            }),
        })
    }

    async fn values(&mut self, templates: &[String]) -> Result<Vec<Vec<u8>>, String> {
        let mut values = Vec::new();
        for template in templates {
            // `name * 3` stands for name0, name1, name2.
            match template
                .split_once(" * ")
                .and_then(|(name, times)| Some((name, times.parse::<u32>().ok()?)))
            {
                Some((name, times)) => {
                    for n in 0..times {
                        values.push(self.value(&name.replace('#', &n.to_string())).await?);
                    }
                }
                None => values.push(self.value(template).await?),
            }
        }
        Ok(values)
    }

    async fn value(&mut self, template: &str) -> Result<Vec<u8>, String> {
        let text = self.expand(template).await?;
        if let Some(digits) = text.strip_prefix("hex:") {
            return hex::decode(digits).map_err(|error| error.to_string());
        }
        if let Some(password) = text.strip_prefix("password:") {
            return Ok(unicode_pwd::encode(password).to_vec());
        }
        if let Some(descriptor) = text.strip_prefix("sddl:") {
            let domain = self.identify(DOMAIN_DN).await?.1;
            let parsed =
                sddl::parse(descriptor, domain.as_ref()).map_err(|error| format!("{descriptor}: {error}"))?;
            return parsed
                .to_bytes()
                .map_err(|error| format!("{descriptor}: {error}"));
        }
        if let Some(name) = text.strip_prefix("dn:") {
            return Ok(self.name(name).into_bytes());
        }
        Ok(text.into_bytes())
    }

    async fn dn(&mut self, template: &str) -> Result<String, String> {
        let text = self.expand(template).await?;
        Ok(self.name(&text))
    }

    /// A name of the case as a full one.
    fn name(&self, name: &str) -> String {
        let unit = &self.masks.unit;
        let full = name.to_ascii_lowercase().ends_with("dc=lab") || name.starts_with('<');
        match name {
            "." => unit.clone(),
            "\"\"" => String::new(),
            _ if full => name.to_owned(),
            relative => format!("{},{unit}", self.plain(relative)),
        }
    }

    fn plain(&self, text: &str) -> String {
        text.replace("{unit}", &self.masks.unit)
            .replace("{parity}", &self.fixture.unit)
            .replace("{domain}", DOMAIN_DN)
            .replace("{id}", &self.masks.id)
    }

    /// Fills in what stands in braces.
    async fn expand(&mut self, template: &str) -> Result<String, String> {
        let text = self.plain(template);
        let (mut result, mut rest) = (String::new(), text.as_str());
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, after) = after
                .split_once('}')
                .ok_or(format!("unclosed brace in {template}"))?;
            result.push_str(before);
            match inside.split_once(' ') {
                Some(("guid", name)) => result.push_str(&self.identify(name).await?.0.to_string()),
                Some(("guid-bytes", name)) => {
                    for byte in self.identify(name).await?.0.to_le_bytes() {
                        let _ = write!(result, "\\{byte:02x}");
                    }
                }
                Some((kind @ ("sid" | "sid-bytes" | "rid"), name)) => {
                    let sid = self.identify(name).await?.1.ok_or(format!("{name} has no SID"))?;
                    result.push_str(&match kind {
                        "sid" => sid.to_string(),
                        "rid" => sid.rid().to_string(),
                        _ => sid.to_ldap_filter(),
                    });
                }
                _ => return Err(format!("unknown {{{inside}}}")),
            }
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }
}

/// Whether an entry is the case's own: in its unit, or deleted from it (deleted names begin with the case's id).
fn belongs(seen: &Seen) -> bool {
    let inside = !seen.dn.contains("{domain}");
    inside || seen.dn.to_lowercase().starts_with("cn={id}") || seen.dn.to_lowercase().starts_with("ou={id}")
}
