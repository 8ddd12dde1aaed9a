//! What can go wrong between a reader of passwords and a domain controller.

use std::time::Duration;

use provlab_platform::{Endpoint, NetError};
use provlab_protocol::dcerpc::FaultStatus;
use provlab_protocol::drsuapi::DrsError;
use thiserror::Error;

/// No answer, or none of use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DrsuapiError {
    /// The DC locator knows no server of that domain.
    #[error("the specified domain either does not exist or could not be contacted: {0}")]
    NoController(String),
    /// No connection.
    #[error("{0}")]
    Unreachable(NetError),
    /// The connection broke.
    #[error("{endpoint}: the connection broke: {detail}")]
    Broken {
        /// The server.
        endpoint: Endpoint,
        /// What the system says.
        detail: String,
    },
    /// No answer in time.
    #[error("{endpoint}: {doing} took longer than {} seconds", after.as_secs())]
    TimedOut {
        /// The server.
        endpoint: Endpoint,
        /// What was waited for.
        doing: &'static str,
        /// How long.
        after: Duration,
    },
    /// The server says something that is no DCE/RPC or makes no sense.
    #[error("{endpoint}: {detail}")]
    Protocol {
        /// The server.
        endpoint: Endpoint,
        /// What is wrong.
        detail: String,
    },
    /// The endpoint mapper does not know the interface.
    #[error("{server} does not serve replication (DRSUAPI); is it a domain controller?")]
    NotServed {
        /// The server.
        server: String,
    },
    /// The server takes no call after the logon.
    #[error(
        "{server} refused the logon of {user} for replication: {detail}. Check the account's password, and that it is neither \
         disabled nor locked out"
    )]
    LogonRefused {
        /// The server.
        server: String,
        /// Who.
        user: String,
        /// In the server's words.
        detail: String,
    },
    /// A call was answered by a fault.
    #[error("{server}: {call} was answered by {status}")]
    Fault {
        /// The server.
        server: String,
        /// The call.
        call: &'static str,
        /// Which fault.
        status: FaultStatus,
    },
    /// A call was answered by an error.
    #[error("{server}: {call} failed with {error}{}", advice(*error))]
    Failed {
        /// The server.
        server: String,
        /// The call.
        call: &'static str,
        /// Which error.
        error: DrsError,
    },
}

fn advice(error: DrsError) -> &'static str {
    match error {
        DrsError::DRA_ACCESS_DENIED => {
            ". The account needs Replicating Directory Changes and Replicating Directory Changes All on the domain"
        }
        _ => "",
    }
}

impl DrsuapiError {
    /// Whether the connection is of no further use.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Failed { .. } | Self::Fault { .. })
    }

    /// Whether another server may do better, or the same one later: nobody refused.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::Broken { .. } | Self::TimedOut { .. } | Self::Protocol { .. }
        )
    }

    /// The error of replication that a call was answered with.
    #[must_use]
    pub fn replication_error(&self) -> Option<DrsError> {
        match self {
            Self::Failed { error, .. } => Some(*error),
            _ => None,
        }
    }
}
