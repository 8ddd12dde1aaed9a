//! What a package holds: who, what, and the passwords. Compact, because a message is to stay under 1 KB (CS 8.2).

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::guid::Guid;
use crate::immutable_id::ImmutableId;

/// Longest password, in bytes of UTF-8. Two of them fit into a package.
pub const MAX_PASSWORD_BYTES: usize = 256;
/// The layout; the first byte.
const LAYOUT: u8 = 1;

/// What is asked for (CS 8.2).
#[derive(Debug, Clone)]
pub enum Action {
    /// The user has forgotten the password: it is replaced, and the account unlocked with it.
    SelfServiceReset {
        /// The new password.
        new: SecretString,
    },
    /// The user changes the password.
    VoluntaryChange {
        /// The present one.
        old: SecretString,
        /// The new one.
        new: SecretString,
    },
    /// The user has to change an expired password before going on.
    ForcedChange {
        /// The present one.
        old: SecretString,
        /// The new one.
        new: SecretString,
    },
    /// An administrator replaces the password; the user has to change it at the next logon.
    AdminReset {
        /// The new password.
        new: SecretString,
    },
    /// The account is unlocked and keeps its password.
    Unlock,
}

impl Action {
    const fn tag(&self) -> u8 {
        match self {
            Self::SelfServiceReset { .. } => 1,
            Self::VoluntaryChange { .. } => 2,
            Self::ForcedChange { .. } => 3,
            Self::AdminReset { .. } => 4,
            Self::Unlock => 5,
        }
    }

    /// Word for logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SelfServiceReset { .. } => "self-service-reset",
            Self::VoluntaryChange { .. } => "voluntary-change",
            Self::ForcedChange { .. } => "forced-change",
            Self::AdminReset { .. } => "admin-reset",
            Self::Unlock => "unlock",
        }
    }

    /// The new password; none for an unlock.
    #[must_use]
    pub const fn new_password(&self) -> Option<&SecretString> {
        match self {
            Self::SelfServiceReset { new }
            | Self::VoluntaryChange { new, .. }
            | Self::ForcedChange { new, .. }
            | Self::AdminReset { new } => Some(new),
            Self::Unlock => None,
        }
    }

    /// The present password, where the user gave it.
    #[must_use]
    pub const fn old_password(&self) -> Option<&SecretString> {
        match self {
            Self::VoluntaryChange { old, .. } | Self::ForcedChange { old, .. } => Some(old),
            _ => None,
        }
    }
}

/// One request of the cloud.
#[derive(Debug, Clone)]
pub struct WritebackRequest {
    /// The user, by the source anchor (how the product's agent finds the user is not public).
    pub anchor: ImmutableId,
    /// What to do.
    pub action: Action,
}

/// Why a request is none. Never tells any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A password is empty.
    #[error("the password is empty")]
    Empty,
    /// A password is too long.
    #[error("the password is longer than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    /// It is of another layout, or cut off.
    #[error("the request cannot be read")]
    Malformed,
}

impl WritebackRequest {
    /// The request as bytes.
    ///
    /// # Errors
    /// A password is empty or longer than [`MAX_PASSWORD_BYTES`].
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, RequestError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(22 + 2 * MAX_PASSWORD_BYTES));
        bytes.extend([LAYOUT, self.action.tag()]);
        bytes.extend(self.anchor.guid().to_le_bytes());
        for password in [self.action.old_password(), self.action.new_password()]
            .into_iter()
            .flatten()
        {
            let text = password.expose_secret();
            check(text.len())?;
            let length = u16::try_from(text.len()).map_err(|_| RequestError::TooLong)?;
            bytes.extend(length.to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        Ok(bytes)
    }

    /// Reads the bytes of a request.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RequestError> {
        let (&[layout, tag], rest) = bytes.split_first_chunk().ok_or(RequestError::Malformed)?;
        let (anchor, mut rest) = rest.split_first_chunk::<16>().ok_or(RequestError::Malformed)?;
        if layout != LAYOUT {
            return Err(RequestError::Malformed);
        }
        let mut next = || password(&mut rest);
        let action = match tag {
            1 => Action::SelfServiceReset { new: next()? },
            2 => Action::VoluntaryChange {
                old: next()?,
                new: next()?,
            },
            3 => Action::ForcedChange {
                old: next()?,
                new: next()?,
            },
            4 => Action::AdminReset { new: next()? },
            5 => Action::Unlock,
            _ => return Err(RequestError::Malformed),
        };
        if !rest.is_empty() {
            return Err(RequestError::Malformed);
        }
        Ok(Self {
            anchor: Guid::from_le_bytes(*anchor).into(),
            action,
        })
    }
}

fn password(rest: &mut &[u8]) -> Result<SecretString, RequestError> {
    let (length, tail) = rest.split_first_chunk::<2>().ok_or(RequestError::Malformed)?;
    let length = usize::from(u16::from_be_bytes(*length));
    check(length)?;
    let (text, tail) = tail.split_at_checked(length).ok_or(RequestError::Malformed)?;
    *rest = tail;
    let text = std::str::from_utf8(text).map_err(|_| RequestError::Malformed)?;
    Ok(SecretString::from(text))
}

fn check(length: usize) -> Result<(), RequestError> {
    match length {
        0 => Err(RequestError::Empty),
        1..=MAX_PASSWORD_BYTES => Ok(()),
        _ => Err(RequestError::TooLong),
    }
}
