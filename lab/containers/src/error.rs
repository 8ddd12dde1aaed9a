//! What can go wrong between asking for a directory and having it.

use std::fmt;
use std::time::Duration;

use testcontainers::TestcontainersError;
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::core::error::ClientError;

use crate::Unavailable;
use crate::server::Kind;

/// Last lines of a build or of a container's log that an error quotes.
pub const MAX_QUOTED_LINES: usize = 30;

/// Longest text of the engine's own that an error quotes, in bytes.
pub const MAX_QUOTED_BYTES: usize = 8 << 10;

/// A container could not be had, or was lost.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// There is no engine to ask.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The engine answered with an error.
    #[error(
        "the container engine refused to {doing}: {detail}\nhelp: its own log says more (`journalctl -u docker`)"
    )]
    Refused {
        /// What was asked of it, as an infinitive.
        doing: String,
        /// The engine's text.
        detail: String,
    },
    /// The engine's disk is full.
    #[error(
        "the container engine's disk is full: it could not {doing}: {detail}\n\
         help: make room (`docker system df` shows what takes it, `docker system prune` removes what is unused), \
         then run again"
    )]
    DiskFull {
        /// What was asked of it, as an infinitive.
        doing: String,
        /// The engine's text.
        detail: String,
    },
    /// A port on loopback that the container needs belongs to somebody else.
    #[error(
        "a port of the {kind} container is taken: {detail}\n\
         help: end what listens there (`ss -ltnp` shows it) and run again"
    )]
    PortTaken {
        /// The kind of server.
        kind: Kind,
        /// The engine's text.
        detail: String,
    },
    /// There is no base image and no way to make one.
    #[error("there is no base image: {0}")]
    NoBaseImage(#[from] crate::image::NoBaseImage),
    /// A recipe did not build.
    #[error("building the image {tag} failed: {detail}{output}")]
    Build {
        /// The image's tag.
        tag: String,
        /// The engine's text.
        detail: String,
        /// The last lines that the build printed.
        output: Tail,
    },
    /// The container ended by itself.
    #[error("the {kind} container ended by itself with exit status {status}{log}")]
    Died {
        /// The kind of server.
        kind: Kind,
        /// Exit status; 128 and a signal's number if one ended it.
        status: i64,
        /// The last lines of its log.
        log: Tail,
    },
    /// The server did not become ready in time.
    #[error("the {kind} container was not ready within {limit:?}: {detail}{log}")]
    NotReady {
        /// The kind of server.
        kind: Kind,
        /// How long it was given.
        limit: Duration,
        /// What the last attempt met.
        detail: String,
        /// The last lines of its log.
        log: Tail,
    },
    /// The server is there, but refused what the lab needs of it.
    #[error("the {kind} server refused to {doing}: {detail}")]
    Server {
        /// The kind of server.
        kind: Kind,
        /// What was asked of it, as an infinitive.
        doing: &'static str,
        /// Its answer.
        detail: String,
    },
    /// A name cannot be used for a domain or a host.
    #[error("{what} cannot be `{given}`: {rule}")]
    Name {
        /// What the name is for.
        what: &'static str,
        /// The name.
        given: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// The server's certificate could not be made.
    #[error("cannot make the server's certificate: {0}")]
    Certificate(String),
    /// This machine refused something.
    #[error("cannot {doing}: {source}")]
    Machine {
        /// What was tried, as an infinitive.
        doing: String,
        /// Why not.
        source: std::io::Error,
    },
}

/// The last lines of an output, as an error shows them: on lines of their own, or nothing at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tail(String);

impl Tail {
    /// The last [`MAX_QUOTED_LINES`] lines of `text`, within [`MAX_QUOTED_BYTES`].
    #[must_use]
    pub fn of(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let kept = lines[lines.len().saturating_sub(MAX_QUOTED_LINES)..].join("\n");
        let from = kept.ceil_char_boundary(kept.len().saturating_sub(MAX_QUOTED_BYTES));
        Self(kept[from..].to_owned())
    }

    /// The lines.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_str("; the last lines of its output:")?;
        self.0.lines().try_for_each(|line| write!(f, "\n  | {line}"))
    }
}

/// What the engine says when its disk is full; it has no status of its own.
const DISK_FULL: [&str; 2] = ["no space left on device", "disk quota exceeded"];

/// What the engine says when a port is taken: its own allocator's words, then the kernel's.
const PORT_TAKEN: [&str; 2] = ["port is already allocated", "address already in use"];

fn says(text: &str, any_of: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    any_of.iter().any(|phrase| text.contains(phrase))
}

/// The engine's text without the client library's frame, bounded.
pub(crate) fn engine_text(error: &EngineError) -> String {
    let text = match error {
        EngineError::DockerResponseServerError { message, status_code } => {
            format!("{} (HTTP status {status_code})", message.trim())
        }
        other => chain(other),
    };
    text[..text.floor_char_boundary(MAX_QUOTED_BYTES)].to_owned()
}

/// An error and what caused it, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

impl ContainerError {
    /// The error that the engine answered with while it was asked to do something.
    pub(crate) fn engine(doing: impl Into<String>, error: &EngineError) -> Self {
        Self::from_text(doing, engine_text(error))
    }

    fn from_text(doing: impl Into<String>, detail: String) -> Self {
        let doing = doing.into();
        match says(&detail, &DISK_FULL) {
            true => Self::DiskFull { doing, detail },
            false => Self::Refused { doing, detail },
        }
    }

    /// The error that starting a container of `kind` ended with.
    pub(crate) fn starting(kind: Kind, detail: String) -> Self {
        match says(&detail, &PORT_TAKEN) {
            true => Self::PortTaken { kind, detail },
            false => Self::from_text(format!("start the {kind} container"), detail),
        }
    }

    /// Whether a full disk stopped it.
    pub(crate) fn is_disk_full(text: &str) -> bool {
        says(text, &DISK_FULL)
    }

    pub(crate) fn machine(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Machine { doing, source }
    }
}

/// The engine's text inside an error of the library that starts containers.
pub(crate) fn library_text(error: &TestcontainersError) -> String {
    use ClientError as C;
    match error {
        TestcontainersError::Client(
            C::Init(e)
            | C::CreateContainer(e)
            | C::StartContainer(e)
            | C::UploadToContainerError(e)
            | C::InspectContainer(e)
            | C::StopContainer(e)
            | C::PauseContainer(e)
            | C::UnpauseContainer(e)
            | C::RemoveContainer(e),
        ) => engine_text(e),
        other => chain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_last_lines_within_bounds() {
        let text: String = (0..100).map(|line| format!("line {line}\n\n")).collect();
        let tail = Tail::of(&text);
        assert_eq!(tail.as_str().lines().count(), MAX_QUOTED_LINES);
        assert!(tail.as_str().ends_with("line 99"));
        assert_eq!(
            Tail::of(&"\u{e9}".repeat(MAX_QUOTED_BYTES)).as_str().len(),
            MAX_QUOTED_BYTES
        );
        assert_eq!(Tail::of(" \n").to_string(), "");
        assert!(Tail::of("x").to_string().ends_with("\n  | x"));
    }
}
