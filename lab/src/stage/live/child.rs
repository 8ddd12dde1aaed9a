//! A child process that speaks lines: started, listened to, and ended with certainty.

use std::{
    process::{ExitStatus, Stdio},
    time::Duration,
};

use provlab_platform::Trace;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{ChildStdin, Command},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use zeroize::Zeroizing;

use super::line::{MAX_LINE, Said};
use crate::world::WorldError;

/// How much of a child's standard error is kept for the report.
const MAX_COMPLAINT: u64 = 64 * 1024;
/// How long the last words of a process that has ended may take to arrive.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(5);

/// How a process ended.
pub(super) struct Ended {
    /// Its exit status.
    pub(super) status: ExitStatus,
    /// What it wrote to standard error.
    pub(super) complaint: String,
}

/// A running child. Dropping it kills the process.
pub(super) struct Child {
    name: String,
    process: tokio::process::Child,
    stdin: Option<ChildStdin>,
    heard: mpsc::UnboundedReceiver<Said>,
    reader: JoinHandle<()>,
    complaint: JoinHandle<String>,
}

impl Child {
    /// Starts a process. Its events go into `trace` as they arrive, in the lab's time; of all that it says,
    /// what is `wanted` waits for [`Child::hear`].
    pub(super) fn start(
        name: &str,
        mut command: Command,
        trace: &Trace,
        wanted: fn(&Said) -> bool,
    ) -> Result<Self, WorldError> {
        let broken = |detail: String| WorldError::Process {
            name: name.into(),
            detail,
        };
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| broken(format!("cannot be started: {error}")))?;
        let missing = |what: &str| broken(format!("it has no {what}"));
        let stdin = process.stdin.take().ok_or_else(|| missing("standard input"))?;
        let stdout = process.stdout.take().ok_or_else(|| missing("standard output"))?;
        let stderr = process.stderr.take().ok_or_else(|| missing("standard error"))?;
        let (say, heard) = mpsc::unbounded_channel();
        let reader = tokio::spawn(listen(BufReader::new(stdout), trace.clone(), wanted, say));
        let complaint = tokio::spawn(async move {
            let mut text = Vec::new();
            let mut bounded = stderr.take(MAX_COMPLAINT);
            let _ = bounded.read_to_end(&mut text).await;
            // What is beyond the bound is drained, so that the child never blocks on it.
            let _ = tokio::io::copy(&mut bounded.into_inner(), &mut tokio::io::sink()).await;
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok(Self {
            name: name.into(),
            process,
            stdin: Some(stdin),
            heard,
            reader,
            complaint,
        })
    }

    /// The next wanted line; `None` when there will be no more.
    pub(super) async fn hear(&mut self) -> Option<Said> {
        self.heard.recv().await
    }

    /// Writes one line to the child.
    pub(super) async fn say(&mut self, line: &impl serde::Serialize) -> Result<(), WorldError> {
        // A command may carry a password.
        let mut text = Zeroizing::new(serde_json::to_vec(line).map_err(|error| self.broken(error))?);
        text.push(b'\n');
        let Some(stdin) = self.stdin.as_mut() else {
            return Err(self.broken("its input is closed"));
        };
        let written = async {
            stdin.write_all(&text).await?;
            stdin.flush().await
        };
        written.await.map_err(|error| self.broken(error))
    }

    /// Waits for the process to end by itself, and for its last words.
    pub(super) async fn ended(&mut self) -> Result<Ended, WorldError> {
        let status = self.process.wait().await.map_err(|error| self.broken(error))?;
        let _ = timeout(LAST_WORDS_LIMIT, &mut self.reader).await;
        let complaint = timeout(LAST_WORDS_LIMIT, &mut self.complaint).await;
        let complaint = complaint.ok().and_then(Result::ok).unwrap_or_default();
        Ok(Ended {
            status,
            complaint: complaint.trim().to_owned(),
        })
    }

    /// Closes the child's input, which asks it to end in order; after `limit` it is killed.
    pub(super) async fn close(&mut self, limit: Duration) {
        self.stdin.take();
        match timeout(limit, self.process.wait()).await {
            // Its last events are still in the pipe.
            Ok(_) => drop(timeout(LAST_WORDS_LIMIT, &mut self.reader).await),
            Err(_) => self.kill().await,
        }
    }

    /// Ends the process without a warning, and waits until it is gone.
    pub(super) async fn kill(&mut self) {
        let _ = self.process.kill().await;
        let _ = timeout(LAST_WORDS_LIMIT, &mut self.reader).await;
    }

    /// Makes the process stand still where it is.
    pub(super) fn pause(&self) -> Result<(), WorldError> {
        self.signal(Signal::STOP)
    }

    /// Lets a paused process go on.
    pub(super) fn resume(&self) -> Result<(), WorldError> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), WorldError> {
        let process = self
            .process
            .id()
            .and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let process = process.ok_or_else(|| self.broken("it has ended"))?;
        kill_process(process, signal).map_err(|error| self.broken(error))
    }

    /// Whether the process still runs.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// A failure of this process.
    pub(super) fn broken(&self, detail: impl std::fmt::Display) -> WorldError {
        WorldError::Process {
            name: self.name.clone(),
            detail: detail.to_string(),
        }
    }
}

async fn listen(
    mut lines: impl AsyncBufRead + Unpin,
    trace: Trace,
    wanted: fn(&Said) -> bool,
    say: mpsc::UnboundedSender<Said>,
) {
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut bounded = (&mut lines).take(MAX_LINE as u64);
        match bounded.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            // Whoever waits for such a line learns that no more will come.
            Ok(MAX_LINE) => return,
            Ok(_) => {}
        }
        let said = Said::parse(&line);
        if let Said::Event(event) = &said {
            // In the lab's time: the clocks of processes do not start together.
            trace
                .for_host(&event.host)
                .emit(event.part, &event.name, event.fields.clone());
        }
        if wanted(&said) {
            let _ = say.send(said);
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const EVENT: &str = r#"{"atMicros":1,"host":"dc1","part":"directory","name":"ldap.bind","fields":{}}"#;

    #[tokio::test]
    async fn events_reach_the_trace_and_the_rest_whoever_listens() {
        let (trace, log) = Trace::memory();
        let script = format!(
            "echo '{EVENT}'; echo '{{\"pauseBeforePage\":\"Welcome\"}}'; read line; echo \"$line\"; echo no >&2; exit 3"
        );
        let mut child = Child::start("sh", shell(&script), &trace, |said| {
            !matches!(said, Said::Event(_))
        })
        .unwrap();
        assert_eq!(child.hear().await, Some(Said::Page("Welcome".into())));
        assert_eq!(
            (log.events()[0].host.as_str(), log.events()[0].name.as_str()),
            ("dc1", "ldap.bind")
        );
        child.say(&"go").await.unwrap();
        assert_eq!(child.hear().await, Some(Said::Text("\"go\"".into())));
        assert_eq!(child.hear().await, None);
        let ended = child.ended().await.unwrap();
        assert_eq!((ended.status.code(), ended.complaint.as_str()), (Some(3), "no"));
        assert!(!child.is_running());
        assert!(child.say(&"more").await.is_err());
    }

    #[tokio::test]
    async fn a_child_ends_with_its_input_or_is_killed() {
        let trace = Trace::discard();
        let mut tied = Child::start("cat", Command::new("cat"), &trace, |_| false).unwrap();
        assert!(tied.is_running());
        tied.close(Duration::from_secs(10)).await;
        assert!(!tied.is_running());
        let mut stubborn = Child::start("sh", shell("exec sleep 600"), &trace, |_| false).unwrap();
        stubborn.close(Duration::from_millis(50)).await;
        assert!(!stubborn.is_running());
    }

    #[tokio::test]
    async fn a_paused_child_answers_when_it_goes_on() {
        let mut child = Child::start("cat", Command::new("cat"), &Trace::discard(), |_| true).unwrap();
        child.pause().unwrap();
        child.say(&"hello").await.unwrap();
        let silence = timeout(Duration::from_millis(100), child.hear()).await;
        assert!(silence.is_err(), "{silence:?}");
        child.resume().unwrap();
        assert_eq!(child.hear().await, Some(Said::Text("\"hello\"".into())));
        child.kill().await;
        assert!(child.pause().is_err(), "there is nothing left to pause");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_told_by_name() {
        let nothing = Command::new("/nonexistent/program");
        let error = Child::start("the cloud", nothing, &Trace::discard(), |_| false)
            .err()
            .unwrap();
        assert!(
            error
                .to_string()
                .starts_with("process the cloud: cannot be started"),
            "{error}"
        );
    }
}
