//! What the lab and its child processes say to each other: one JSON object a line.
//!
//! A child ends when its standard input does. So nothing outlives the lab, not even when the lab is killed.

use provlab_platform::{Event, net::real::NameTable};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest line either side reads; a dump of a large directory is one line.
pub(super) const MAX_LINE: usize = 256 * 1024 * 1024;

/// A control command from the lab to a mock; the answer carries the same id.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Control<C> {
    /// Number of the command.
    pub(super) id: u64,
    /// The mock's own command.
    pub(super) command: C,
}

/// From a mock to the lab.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FromMock {
    /// The mock listens; these are its names.
    Ready(NameTable),
    /// The mock could not start.
    Failed(String),
    /// The answer to a command.
    Reply {
        /// Number of the command.
        id: u64,
        /// The mock's own answer.
        reply: Value,
    },
    /// A command was refused.
    Refused {
        /// Number of the command.
        id: u64,
        /// Why.
        message: String,
    },
}

/// The wizard waits before a page until a line is said to it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pause {
    /// Title of the page that is not yet entered.
    pub(super) pause_before_page: String,
}

/// One line of a child's standard output.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// Something happened.
    Event(Event),
    /// A mock speaks to the lab.
    Mock(FromMock),
    /// The wizard waits.
    Page(String),
    /// A line for people.
    Text(String),
}

impl Said {
    /// Reads a line; what is nothing else is text.
    pub(super) fn parse(line: &[u8]) -> Self {
        if let Ok(event) = serde_json::from_slice(line) {
            return Self::Event(event);
        }
        if let Ok(said) = serde_json::from_slice(line) {
            return Self::Mock(said);
        }
        if let Ok(Pause { pause_before_page }) = serde_json::from_slice(line) {
            return Self::Page(pause_before_page);
        }
        Self::Text(String::from_utf8_lossy(line).trim().to_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_of_line_is_told_from_the_others() {
        let event =
            br#"{"atMicros":5,"host":"dc1","part":"directory","name":"ldap.bind","fields":{"result":49}}"#;
        let Said::Event(event) = Said::parse(event) else {
            panic!("no event")
        };
        assert_eq!((event.at_micros, event.name.as_str()), (5, "ldap.bind"));
        let reply = serde_json::to_vec(&FromMock::Reply {
            id: 7,
            reply: "done".into(),
        })
        .unwrap();
        assert_eq!(
            Said::parse(&reply),
            Said::Mock(FromMock::Reply {
                id: 7,
                reply: "done".into()
            })
        );
        assert_eq!(
            Said::parse(
                br#"{"pauseBeforePage":"Connect Active Directory","key":"connect-active-directory"}"#
            ),
            Said::Page("Connect Active Directory".into())
        );
        assert_eq!(Said::parse(b"Installed. \n"), Said::Text("Installed.".into()));
    }

    proptest! {
        #[test]
        fn any_line_is_survived(line in any::<Vec<u8>>()) {
            let _ = Said::parse(&line);
        }
    }
}
