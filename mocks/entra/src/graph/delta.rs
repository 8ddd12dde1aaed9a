//! `/users/delta` and `/groups/delta`: what changed since a token, at a cost that follows the changes.
//!
//! A token is the number of the last change that was shown. A round without a token shows what exists; a row that
//! changes meanwhile moves to the end and is shown again, so nothing is missed.

use axum::Json;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::GraphError;
use super::groups::GROUP_TYPE;
use super::objects::{USER_DEFAULTS, group_json, user_json};
use super::query::{check_properties, select};
use super::request::Request;
use super::users::{self, USER_TYPE};
use crate::state::{Cloud, Group, Row, Stored, User};

/// Page size of a delta round.
const PAGE: usize = 200;

/// Where a round stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    /// Changes after this number are shown.
    since: u64,
    /// The round began without a token: what is already gone is not reported.
    initial: bool,
    /// Number that the round began from: membership changes after it are reported.
    base: u64,
}

impl Token {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let token = Self {
            initial: match parts.next()? {
                "i" => true,
                "d" => false,
                _ => return None,
            },
            base: parts.next()?.parse().ok()?,
            since: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(token)
    }

    fn write(self) -> String {
        format!(
            "{}-{}-{}",
            if self.initial { "i" } else { "d" },
            self.base,
            self.since
        )
    }
}

/// What delta needs to know of a type.
trait Tracked: Stored {
    const KIND: &'static str;
    fn is_deleted(&self) -> bool;
    /// The object, with membership changes after `base` where the type has them.
    fn show(&self, cloud: &Cloud, token: Token, selection: Option<&[String]>) -> Map<String, Value>;
}

impl Tracked for User {
    const KIND: &'static str = "user";

    fn is_deleted(&self) -> bool {
        self.deleted.is_some()
    }

    fn show(&self, _cloud: &Cloud, _token: Token, selection: Option<&[String]>) -> Map<String, Value> {
        let mut shown = select(user_json(self), selection, &USER_DEFAULTS);
        shown.insert("id".to_owned(), json!(self.id));
        shown
    }
}

impl Tracked for Group {
    const KIND: &'static str = "group";

    fn is_deleted(&self) -> bool {
        self.deleted.is_some()
    }

    fn show(&self, cloud: &Cloud, token: Token, selection: Option<&[String]>) -> Map<String, Value> {
        let mut shown = select(group_json(self), selection, &[]);
        shown.insert("id".to_owned(), json!(self.id));
        let wanted = selection.is_none_or(|names| names.iter().any(|name| name == "members"));
        if !wanted {
            return shown;
        }
        let changed = |changes: &std::collections::BTreeMap<Uuid, u64>| -> Vec<Uuid> {
            changes
                .iter()
                .filter(|(_, change)| **change > token.base)
                .map(|(id, _)| *id)
                .collect()
        };
        let (joined, left) = if token.initial || self.is_new_since(token.base) {
            (self.members.iter().copied().collect(), Vec::new())
        } else {
            (changed(&self.joined), changed(&self.left))
        };
        let member = |id: &Uuid| {
            let known = cloud.users.get(self.tenant, &id.to_string()).is_some();
            let type_name = if known { USER_TYPE } else { GROUP_TYPE };
            json!({"@odata.type": format!("#{type_name}"), "id": id})
        };
        let mut changes: Vec<Value> = joined.iter().map(member).collect();
        changes.extend(left.iter().map(|id| {
            let mut gone = member(id);
            gone["@removed"] = json!({"reason": "deleted"});
            gone
        }));
        if !changes.is_empty() {
            shown.insert("members@delta".to_owned(), Value::Array(changes));
        }
        shown
    }
}

pub(super) async fn users(request: Request) -> Result<Json<Value>, GraphError> {
    answer::<User>(&request, "users")
}

pub(super) async fn groups(request: Request) -> Result<Json<Value>, GraphError> {
    answer::<Group>(&request, "groups")
}

fn answer<R: Tracked>(request: &Request, collection: &str) -> Result<Json<Value>, GraphError> {
    let context = request.context(&format!("{collection}(@delta)"));
    if R::KIND == "user" {
        check_properties(&request.options, &users::shape(&context, &request.address))?;
    }
    let sent = request
        .options
        .delta_token
        .as_deref()
        .or(request.options.skip_token.as_deref());
    request.shared.db.read(|cloud| {
        let token = match sent {
            None => Token {
                since: 0,
                initial: true,
                base: 0,
            },
            Some("latest") => Token {
                since: last_change::<R>(cloud, request.tenant),
                initial: true,
                base: 0,
            },
            Some(text) => Token::read(text).ok_or_else(|| {
                GraphError::bad_request(
                    "The token is not valid; follow @odata.nextLink or @odata.deltaLink as it is.",
                )
            })?,
        };
        let round = Round::<R>::read(cloud, request, token);
        let mut body = Map::new();
        body.insert("@odata.context".to_owned(), json!(context));
        let link =
            |name: &str, token: Token| json!(request.options.link(&request.address, name, &token.write()));
        if round.more {
            body.insert(
                "@odata.nextLink".to_owned(),
                link(
                    "$skiptoken",
                    Token {
                        since: round.last,
                        ..token
                    },
                ),
            );
        } else {
            let next = Token {
                since: round.last,
                initial: false,
                base: round.last,
            };
            body.insert("@odata.deltaLink".to_owned(), link("$deltatoken", next));
        }
        body.insert("value".to_owned(), Value::Array(round.shown));
        Ok(Json(Value::Object(body)))
    })
}

fn last_change<R: Tracked>(cloud: &Cloud, tenant: Uuid) -> u64 {
    R::table(cloud)
        .changed_since(tenant, 0)
        .filter_map(Row::change)
        .last()
        .unwrap_or(0)
}

/// One page: live and soft-deleted rows merged with those gone for good, in the order of their changes.
struct Round<R> {
    shown: Vec<Value>,
    last: u64,
    more: bool,
    kind: std::marker::PhantomData<R>,
}

impl<R: Tracked> Round<R> {
    fn read(cloud: &Cloud, request: &Request, token: Token) -> Self {
        let limit = request.options.top.unwrap_or(PAGE);
        let mut rows = R::table(cloud)
            .changed_since(request.tenant, token.since)
            .peekable();
        let mut gone = cloud
            .removed
            .changed_since(request.tenant, token.since)
            .filter(|row| row.kind == R::KIND)
            .peekable();
        let (mut shown, mut last, mut more) = (Vec::new(), token.since, false);
        loop {
            let (row, removed) = (
                rows.peek().and_then(|row| row.change()),
                gone.peek().map(|row| row.change),
            );
            let from_rows = match (row, removed) {
                (None, None) => break,
                (Some(row), Some(removed)) => row < removed,
                (row, _) => row.is_some(),
            };
            if shown.len() >= limit {
                more = true;
                break;
            }
            if from_rows {
                if let Some(row) = rows.next() {
                    last = row.change().unwrap_or(last);
                    if !row.is_deleted() {
                        shown.push(Value::Object(row.show(
                            cloud,
                            token,
                            request.options.select.as_deref(),
                        )));
                    } else if !token.initial {
                        shown.push(json!({"id": row.id(), "@removed": {"reason": "changed"}}));
                    }
                }
            } else if let Some(row) = gone.next() {
                last = row.change;
                if !token.initial {
                    shown.push(json!({"id": row.id, "@removed": {"reason": "deleted"}}));
                }
            }
        }
        Self {
            shown,
            last,
            more,
            kind: std::marker::PhantomData,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Token;

    #[test]
    fn a_token_reads_back() {
        let token = Token {
            since: 9,
            initial: true,
            base: 3,
        };
        assert_eq!(Token::read(&token.write()), Some(token));
    }

    proptest! {
        #[test]
        fn any_token_is_answered(text in ".{0,40}") {
            let _ = Token::read(&text);
        }
    }
}
