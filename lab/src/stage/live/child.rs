//! A child process that speaks lines: started, asked, listened to, and ended with certainty.

use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use provlab_platform::{Event, Trace, net::NameTable};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{ChildStdin, Command},
    sync::{Mutex as AsyncMutex, oneshot},
    task::JoinHandle,
};

use super::line::{FromChild, MAX_LINE, ToMock};
use crate::world::WorldError;

/// How long a mock may take to listen; a debug build with a large population is slow.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// How long a command may take.
const REPLY_LIMIT: Duration = Duration::from_secs(120);
/// How much of a child's standard error is kept for the report.
const MAX_COMPLAINT: u64 = 64 * 1024;

type Waiting = Arc<Mutex<BTreeMap<u64, oneshot::Sender<Result<Value, String>>>>>;

/// A running child. Dropping it kills the process.
pub(super) struct Child {
    name: String,
    process: tokio::process::Child,
    stdin: AsyncMutex<Option<ChildStdin>>,
    waiting: Waiting,
    next: Mutex<u64>,
    reader: JoinHandle<()>,
    complaint: JoinHandle<String>,
    ready: AsyncMutex<Option<oneshot::Receiver<Result<NameTable, String>>>>,
}

impl Child {
    /// Starts a process; its events go into `trace` as they arrive, in the lab's time.
    pub(super) fn start(name: &str, mut command: Command, trace: &Trace) -> Result<Self, WorldError> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| WorldError::Process { name: name.into(), detail: error.to_string() })?;
        let missing = |what: &str| WorldError::Process { name: name.into(), detail: format!("no {what}") };
        let stdin = process.stdin.take().ok_or_else(|| missing("standard input"))?;
        let stdout = process.stdout.take().ok_or_else(|| missing("standard output"))?;
        let stderr = process.stderr.take().ok_or_else(|| missing("standard error"))?;
        let waiting = Waiting::default();
        let (ready_out, ready_in) = oneshot::channel();
        let reader = tokio::spawn(listen(BufReader::new(stdout), Arc::clone(&waiting), ready_out, trace.clone()));
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
            stdin: AsyncMutex::new(Some(stdin)),
            waiting,
            next: Mutex::new(0),
            reader,
            complaint,
            ready: AsyncMutex::new(Some(ready_in)),
        })
    }

    /// Waits until the mock listens and says where.
    pub(super) async fn ready(&mut self) -> Result<NameTable, WorldError> {
        let Some(ready) = self.ready.lock().await.take() else {
            return Err(self.broken("it was awaited twice"));
        };
        match tokio::time::timeout(READY_LIMIT, ready).await {
            Ok(Ok(Ok(table))) => Ok(table),
            Ok(Ok(Err(message))) => Err(self.broken(&message)),
            Ok(Err(_)) => {
                let _ = self.process.wait().await;
                let complaint = (&mut self.complaint).await.unwrap_or_default();
                Err(self.broken(&format!("it ended before it listened: {}", complaint.trim())))
            }
            Err(_) => Err(self.broken(&format!("it did not listen within {READY_LIMIT:?}"))),
        }
    }

    /// Sends a command and waits for the answer.
    pub(super) async fn ask(&self, command: Value) -> Result<Value, WorldError> {
        let id = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next += 1;
            *next
        };
        let (reply_out, reply_in) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, reply_out);
        self.say(&ToMock::Control { id, command }).await?;
        match tokio::time::timeout(REPLY_LIMIT, reply_in).await {
            Ok(Ok(Ok(reply))) => Ok(reply),
            Ok(Ok(Err(message))) => Err(WorldError::Refused { by: self.name.clone(), message }),
            Ok(Err(_)) => Err(self.broken("it ended while a command was under way")),
            Err(_) => Err(self.broken(&format!("it did not answer within {REPLY_LIMIT:?}"))),
        }
    }

    /// Writes one line to the child.
    pub(super) async fn say(&self, line: &impl serde::Serialize) -> Result<(), WorldError> {
        let mut text = serde_json::to_vec(line).map_err(|error| self.broken(&error.to_string()))?;
        text.push(b'\n');
        let mut stdin = self.stdin.lock().await;
        let stdin = stdin.as_mut().ok_or_else(|| self.broken("its input is closed"))?;
        stdin.write_all(&text).await.map_err(|error| self.broken(&error.to_string()))?;
        stdin.flush().await.map_err(|error| self.broken(&error.to_string()))
    }

    /// SIGKILL, and waits until the process is gone.
    pub(super) async fn kill(&mut self) {
        let _ = self.process.kill().await;
        self.reader.abort();
    }

    /// Closes the child's input and waits for its orderly end; after `limit` it is killed.
    pub(super) async fn end(&mut self, limit: Duration) -> Option<std::process::ExitStatus> {
        self.stdin.lock().await.take();
        match tokio::time::timeout(limit, self.process.wait()).await {
            Ok(status) => {
                // Its last events are still in the pipe.
                let _ = tokio::time::timeout(limit, &mut self.reader).await;
                status.ok()
            }
            Err(_) => {
                self.kill().await;
                None
            }
        }
    }

    /// Waits for the process to end by itself.
    pub(super) async fn wait(&mut self) -> Result<std::process::ExitStatus, WorldError> {
        let status = self.process.wait().await.map_err(|error| self.broken(&error.to_string()))?;
        let _ = (&mut self.reader).await;
        Ok(status)
    }

    /// Whether the process still runs.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    fn broken(&self, detail: &str) -> WorldError {
        WorldError::Process { name: self.name.clone(), detail: detail.into() }
    }
}

async fn listen(
    mut lines: impl tokio::io::AsyncBufRead + Unpin,
    waiting: Waiting,
    ready: oneshot::Sender<Result<NameTable, String>>,
    trace: Trace,
) {
    let mut ready = Some(ready);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut bounded = (&mut lines).take(MAX_LINE as u64);
        match bounded.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        // A line of another kind is a library's word on standard output: not ours to judge.
        let Ok(said) = serde_json::from_slice::<FromChild>(&line) else { continue };
        match said {
            FromChild::Ready(table) => {
                if let Some(ready) = ready.take() {
                    let _ = ready.send(Ok(table));
                }
            }
            FromChild::Failed(message) => {
                if let Some(ready) = ready.take() {
                    let _ = ready.send(Err(message));
                }
            }
            FromChild::Reply { id, reply } => answer(&waiting, id, Ok(reply)),
            FromChild::Refused { id, message } => answer(&waiting, id, Err(message)),
            FromChild::Event(event) => forward(&trace, event),
        }
    }
    // Whoever still waits learns that no answer will come.
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

fn answer(waiting: &Waiting, id: u64, answer: Result<Value, String>) {
    if let Some(waiting) = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id) {
        let _ = waiting.send(answer);
    }
}

/// Records a child's event at the lab's time: the clocks of processes do not start together.
fn forward(trace: &Trace, event: Event) {
    trace.for_host(&event.host).emit(event.part, &event.name, event.fields);
}
