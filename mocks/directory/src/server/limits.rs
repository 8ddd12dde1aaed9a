//! Every bound of the LDAP server in one place; where AD has the bound as an LDAP policy, its name and default.

use std::time::Duration;

/// Largest request (`MaxReceiveBuffer`).
pub const MAX_MESSAGE_BYTES: usize = 10 * 1_024 * 1_024;
/// Most connections at once. AD's `MaxConnections` is 5000; a lab needs fewer and is protected sooner.
pub const MAX_CONNECTIONS: usize = 1_000;
/// A connection without any request for this long after its start is closed (`InitRecvTimeout`).
pub const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// A connection without any request for this long is closed (`MaxConnIdleTime`).
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(900);
/// A request that has begun must be complete within this time.
pub const FRAME_TIMEOUT: Duration = Duration::from_secs(30);
/// A client must take an answer within this time (`MaxQueryDuration`).
pub const SEND_TIMEOUT: Duration = Duration::from_secs(120);
/// Paged and sorted searches that a connection may have open (`MaxResultSetsPerConn` is 10).
pub const MAX_OPEN_PAGES: usize = 10;

/// The policies as rootDSE and the default query policy name them, with the values served here.
pub const POLICIES: [(&str, u64); 13] = [
    ("MaxPoolThreads", 4),
    ("MaxPercentDirSyncRequests", 0),
    ("MaxDatagramRecv", 4_096),
    ("MaxReceiveBuffer", MAX_MESSAGE_BYTES as u64),
    ("InitRecvTimeout", FIRST_REQUEST_TIMEOUT.as_secs()),
    ("MaxConnections", MAX_CONNECTIONS as u64),
    ("MaxConnIdleTime", IDLE_TIMEOUT.as_secs()),
    ("MaxPageSize", 1_000),
    ("MaxQueryDuration", SEND_TIMEOUT.as_secs()),
    ("MaxTempTableSize", 10_000),
    ("MaxResultSetSize", 262_144),
    ("MaxResultSetsPerConn", MAX_OPEN_PAGES as u64),
    ("MaxValRange", 1_500),
];
