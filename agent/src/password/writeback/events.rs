//! The events of the source PasswordResetService (CS 8.5, PR 17.3). They are Entra Connect's: that the cloud sync agent logs the same ones is
//! inferred.

use provlab_platform::Part;
use provlab_protocol::writeback::{Action, Outcome};

use crate::host::{EventLevel, EventLog, HostMachine};

/// Source of the entries.
const SOURCE: &str = "PasswordResetService";

/// What went on, or wrong, apart from a single request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The service follows the feature.
    Started,
    /// It does not any more.
    Stopped,
    /// The cloud is told the key.
    OnboardingStart,
    /// It knows it.
    OnboardingSuccess,
    /// The feature goes off.
    OffboardingStart,
    /// It is off.
    OffboardingSuccess,
    /// A key pair was made.
    KeyPair,
    /// The cloud has taken a heartbeat.
    Heartbeat,
    /// The cloud's reset service is not reached.
    Service,
    /// A request is out of bounds.
    Input,
    /// A package cannot be opened.
    Decryption,
    /// Key, journal or registry fail.
    Configuration,
}

impl Source {
    const fn row(self) -> (u32, &'static str) {
        match self {
            Self::Started => (31_015, "WriteBackServiceStarted"),
            Self::Stopped => (31_016, "WriteBackServiceStopped"),
            Self::OnboardingStart => (31_004, "OnboardingEventStart"),
            Self::OnboardingSuccess => (31_005, "OnboardingEventSuccess"),
            Self::OffboardingStart => (31_012, "OffboardingEventStart"),
            Self::OffboardingSuccess => (31_013, "OffboardingEventSuccess"),
            Self::KeyPair => (31_018, "KeyPairCreationSuccess"),
            Self::Heartbeat => (31_019, "ServiceBusHeartBeat"),
            Self::Service => (32_001, "ServiceError"),
            Self::Input => (32_003, "InPutValidationError"),
            Self::Decryption => (32_004, "DecryptionError"),
            Self::Configuration => (32_005, "ConfigurationError"),
        }
    }
}

/// Start, success and failure of a kind of request. An unlock counts as a reset (inferred: it has no ids of its own).
const fn ids(action: &Action) -> ([u32; 3], &'static str) {
    match action {
        Action::SelfServiceReset { .. } | Action::Unlock => ([31_001, 31_002, 31_003], "PasswordReset"),
        Action::VoluntaryChange { .. } | Action::ForcedChange { .. } => {
            ([31_006, 31_007, 31_008], "ChangePassword")
        }
        Action::AdminReset { .. } => ([31_009, 31_010, 31_011], "ResetUserPasswordByAdmin"),
    }
}

/// Writes the entries.
pub(crate) struct Writer(EventLog);

impl Writer {
    pub(super) fn new(host: &HostMachine) -> Self {
        Self(host.event_log(Part::Agent))
    }

    pub(crate) fn note(&self, source: Source) {
        let (id, name) = source.row();
        self.0.write(id, SOURCE, EventLevel::Information, name);
    }

    pub(crate) fn failure(&self, source: Source, detail: &str) {
        let (id, name) = source.row();
        self.0
            .write(id, SOURCE, EventLevel::Error, &format!("{name}: {detail}"));
    }

    pub(super) fn start(&self, action: &Action) {
        let ([id, ..], name) = ids(action);
        self.0
            .write(id, SOURCE, EventLevel::Information, &format!("{name}Start"));
    }

    /// A failure is told twice, as the product does: that the request failed, and why.
    pub(super) fn end(&self, action: &Action, outcome: &Outcome) {
        let ([_, success, fail], name) = ids(action);
        match outcome {
            Outcome::Success => {
                let text = format!("{name}Success");
                self.0.write(success, SOURCE, EventLevel::Information, &text);
            }
            Outcome::Failed(failure) => {
                let text = format!("{}: {}", failure.code.name(), failure.detail);
                self.0
                    .write(failure.code.number(), SOURCE, EventLevel::Error, &text);
                let text = format!("{name}Fail");
                self.0.write(fail, SOURCE, EventLevel::Error, &text);
            }
        }
    }
}
