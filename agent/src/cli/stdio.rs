//! Standard input as lines and as a lifeline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::sync::{Mutex, mpsc, watch};

/// Longest line that is read.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// Lines that wait to be read.
const WAITING_LINES: usize = 16;

/// Standard input; nothing is read before [`Input::start`].
#[derive(Clone)]
pub(super) struct Input {
    started: Arc<AtomicBool>,
    sender: mpsc::Sender<String>,
    lines: Arc<Mutex<mpsc::Receiver<String>>>,
    end: Arc<watch::Sender<bool>>,
}

impl Default for Input {
    fn default() -> Self {
        let (sender, lines) = mpsc::channel(WAITING_LINES);
        Self {
            started: Arc::default(),
            sender,
            lines: Arc::new(Mutex::new(lines)),
            end: Arc::new(watch::Sender::new(false)),
        }
    }
}

impl Input {
    /// Becomes true when standard input is closed.
    pub(super) fn end(&self) -> watch::Receiver<bool> {
        self.end.subscribe()
    }

    /// Begins to read; calling it again does nothing.
    pub(super) fn start(&self) {
        if self.started.swap(true, Ordering::SeqCst) {
            return;
        }
        let (sender, end) = (self.sender.clone(), Arc::clone(&self.end));
        tokio::spawn(async move {
            let mut input = BufReader::new(tokio::io::stdin());
            loop {
                let mut line = String::new();
                let read = (&mut input).take(MAX_LINE_BYTES).read_line(&mut line).await;
                if !matches!(read, Ok(count) if count > 0) {
                    break;
                }
                // Lines that nobody waits for are dropped: standard input is then a lifeline only.
                let _ = sender.try_send(line.trim_end_matches(['\r', '\n']).to_owned());
            }
            end.send_replace(true);
        });
    }

    /// The next line; `None` at the end.
    pub(super) async fn line(&self) -> Option<String> {
        let mut end = self.end();
        let mut lines = self.lines.lock().await;
        tokio::select! {
            biased;
            line = lines.recv() => line,
            _ = end.wait_for(|end| *end) => lines.try_recv().ok(),
        }
    }
}
