//! Commands in a container.

use std::time::Duration;

use futures_util::StreamExt;
use testcontainers::bollard::Docker;
use testcontainers::bollard::container::LogOutput;
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use tokio::io::AsyncWriteExt;

use crate::ContainerError;

/// Most output of a command that is kept, in bytes; what follows is read and forgotten.
pub const MAX_OUTPUT_BYTES: usize = 4 << 20;

/// Pause between two questions whether a command has ended.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// What a command printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit status.
    pub status: i64,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Whether the exit status says success.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == 0
    }
}

/// Runs `command` as root in the container, with `input` on its standard input.
///
/// Secrets belong into `input`: a command line is visible to every process of the container.
pub(crate) async fn exec(
    docker: &Docker,
    container: &str,
    command: &[&str],
    input: &[u8],
) -> Result<Output, ContainerError> {
    let doing = || format!("run `{}` in a container", command.first().unwrap_or(&""));
    let options = CreateExecOptions {
        cmd: Some(command.to_vec()),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let id = docker
        .create_exec(container, options)
        .await
        .map_err(|e| ContainerError::engine(doing(), &e))?
        .id;
    let started = docker
        .start_exec(&id, None::<StartExecOptions>)
        .await
        .map_err(|e| ContainerError::engine(doing(), &e))?;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    if let StartExecResults::Attached {
        mut output,
        input: mut stdin,
    } = started
    {
        let feed = async {
            // A command that does not read its input closes it; its exit status says whether that was right.
            let _ = stdin.write_all(input).await;
            let _ = stdin.shutdown().await;
        };
        let drain = async {
            while let Some(frame) = output.next().await {
                match frame.map_err(|e| ContainerError::engine(doing(), &e))? {
                    LogOutput::StdErr { message } => keep(&mut stderr, &message),
                    frame => keep(&mut stdout, &frame.into_bytes()),
                }
            }
            Ok::<_, ContainerError>(())
        };
        tokio::join!(feed, drain).1?;
    }
    Ok(Output {
        status: exit_status(docker, &id)
            .await
            .map_err(|e| ContainerError::engine(doing(), &e))?,
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}

/// The streams end a moment before the engine has noticed the end of the process, and it tells that to nobody.
async fn exit_status(docker: &Docker, exec: &str) -> Result<i64, EngineError> {
    loop {
        if let Some(status) = docker.inspect_exec(exec).await?.exit_code {
            return Ok(status);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn keep(into: &mut Vec<u8>, bytes: &[u8]) {
    let room = MAX_OUTPUT_BYTES.saturating_sub(into.len());
    into.extend_from_slice(&bytes[..bytes.len().min(room)]);
}
