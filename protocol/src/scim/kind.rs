//! Reads which operation it is. Kinds may be added within a version, so one that is not known is no broken message.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::operation::Operation;

/// So much of an unknown kind's name is kept.
const MAX_UNKNOWN_CHARS: usize = 64;

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OneMember)
    }
}

struct OneMember;

impl<'de> Visitor<'de> for OneMember {
    type Value = Operation;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object with one member, the operation")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Operation, A::Error> {
        let kind: String = map
            .next_key()?
            .ok_or_else(|| A::Error::custom("the operation is empty"))?;
        let operation = match kind.as_str() {
            "query" => Operation::Query(map.next_value()?),
            "get" => Operation::Get(map.next_value()?),
            "ping" => Operation::Ping(map.next_value()?),
            "putGroup" => Operation::PutGroup(map.next_value()?),
            "deleteGroup" => Operation::DeleteGroup(map.next_value()?),
            "listMembers" => Operation::ListMembers(map.next_value()?),
            "discover" => Operation::Discover(map.next_value()?),
            "queryCredentials" => Operation::QueryCredentials(map.next_value()?),
            "configureWriteback" => Operation::ConfigureWriteback(map.next_value()?),
            "writeback" => Operation::Writeback(map.next_value()?),
            other => {
                map.next_value::<IgnoredAny>()?;
                Operation::Unknown(other.chars().take(MAX_UNKNOWN_CHARS).collect())
            }
        };
        if map.next_key::<IgnoredAny>()?.is_some() {
            return Err(A::Error::custom("an operation has one member"));
        }
        Ok(operation)
    }
}
