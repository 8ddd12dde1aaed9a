//! What can go wrong with a connection, in the words of a person who has to find out why.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use super::Endpoint;

/// What kind of failure; the trace shows it in kebab case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetErrorKind {
    /// The world's table has no such name.
    HostUnknown,
    /// The host is there, but nothing listens on the port.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The other side, or something between, broke the connection.
    Reset,
    /// There is no way to the host, or none that is allowed.
    Unreachable,
    /// The server's certificate is for another name, expired, or from an authority that is not trusted.
    CertificateInvalid,
    /// The TLS handshake failed for another reason.
    TlsFailed,
    /// Something listens there already.
    AddressInUse,
    /// Anything else that the operating system reports.
    Io,
}

impl NetErrorKind {
    /// The word of the trace.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HostUnknown => "host-unknown",
            Self::Refused => "refused",
            Self::TimedOut => "timed-out",
            Self::Reset => "reset",
            Self::Unreachable => "unreachable",
            Self::CertificateInvalid => "certificate-invalid",
            Self::TlsFailed => "tls-failed",
            Self::AddressInUse => "address-in-use",
            Self::Io => "io",
        }
    }
}

/// A connection could not be made, secured or kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct NetError {
    /// What kind of failure.
    pub kind: NetErrorKind,
    /// The end that was to be reached, or that was listened on.
    pub endpoint: Endpoint,
    /// What happened, for a person.
    pub detail: String,
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.detail)
    }
}

impl NetError {
    /// An error at `endpoint`.
    #[must_use]
    pub fn new(kind: NetErrorKind, endpoint: &Endpoint, detail: impl Into<String>) -> Self {
        Self {
            kind,
            endpoint: endpoint.clone(),
            detail: detail.into(),
        }
    }

    /// What the operating system (or the simulated one) reported at `endpoint`.
    #[must_use]
    pub fn from_io(endpoint: &Endpoint, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionRefused => NetErrorKind::Refused,
            io::ErrorKind::TimedOut => NetErrorKind::TimedOut,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => NetErrorKind::Reset,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => NetErrorKind::Unreachable,
            io::ErrorKind::AddrInUse => NetErrorKind::AddressInUse,
            _ => NetErrorKind::Io,
        };
        Self::new(kind, endpoint, error.to_string())
    }
}

impl From<NetError> for io::Error {
    fn from(error: NetError) -> Self {
        let kind = match error.kind {
            NetErrorKind::HostUnknown => io::ErrorKind::NotFound,
            NetErrorKind::Refused => io::ErrorKind::ConnectionRefused,
            NetErrorKind::TimedOut => io::ErrorKind::TimedOut,
            NetErrorKind::Reset => io::ErrorKind::ConnectionReset,
            NetErrorKind::Unreachable => io::ErrorKind::HostUnreachable,
            NetErrorKind::CertificateInvalid | NetErrorKind::TlsFailed => io::ErrorKind::InvalidData,
            NetErrorKind::AddressInUse => io::ErrorKind::AddrInUse,
            NetErrorKind::Io => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_trace_word_is_the_serialized_one() {
        for kind in [
            NetErrorKind::HostUnknown,
            NetErrorKind::Refused,
            NetErrorKind::TimedOut,
            NetErrorKind::Reset,
            NetErrorKind::Unreachable,
            NetErrorKind::CertificateInvalid,
            NetErrorKind::TlsFailed,
            NetErrorKind::AddressInUse,
            NetErrorKind::Io,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn the_message_names_the_end() {
        let error = NetError::new(
            NetErrorKind::Refused,
            &Endpoint::new("dc1", 636),
            "nothing listens there",
        );
        assert_eq!(error.to_string(), "dc1:636: nothing listens there");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ConnectionRefused);
    }
}
