//! Waiting for a server: until it answers, and until it ends.

use std::time::Instant;

use futures_util::StreamExt;
use provlab_platform::event;
use provlab_platform::trace::Part;
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::bollard::query_parameters::{LogsOptionsBuilder, WaitContainerOptions};

use super::{Meant, READY_LIMIT, Server};
use crate::ContainerError;
use crate::error::Tail;
use crate::ready::{ATTEMPT_EVERY, Attempt, is_open};

/// Lines of a container's log that [`Server::logs`] gives, the last ones.
pub const MAX_LOG_LINES: usize = 1000;

/// Bytes that those lines may have together.
const MAX_LOG_BYTES: usize = 1 << 20;

impl Server {
    /// The last [`MAX_LOG_LINES`] lines that the server has written; empty if the engine does not give them.
    pub async fn logs(&self) -> String {
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .tail(&MAX_LOG_LINES.to_string())
            .build();
        let mut frames = self.engine.docker.logs(self.container.id(), Some(options));
        let mut text = String::new();
        while let Some(Ok(frame)) = frames.next().await {
            text.push_str(&String::from_utf8_lossy(&frame.into_bytes()));
            let surplus = text.len().saturating_sub(MAX_LOG_BYTES);
            text.drain(..text.ceil_char_boundary(surplus));
        }
        text
    }

    /// Waits until the server ends without having been told to, and says how. Being stopped or killed through this value
    /// is no such end.
    pub async fn died(&self) -> ContainerError {
        let mut meant = self.meant.subscribe();
        loop {
            if meant.wait_for(|meant| *meant == Meant::Running).await.is_err() {
                return std::future::pending().await;
            }
            tokio::select! {
                biased;
                _ = meant.wait_for(|meant| *meant == Meant::Stopped) => {}
                ended = self.ended() => {
                    // It may have ended because it was stopped just now.
                    if *self.meant.borrow() == Meant::Running {
                        return match ended {
                            Ok(status) => self.died_with(status).await,
                            Err(error) => error,
                        };
                    }
                }
            }
        }
    }

    /// Puts the last lines of its log into the trace, as `container.log`.
    pub async fn trace_log(&self) {
        self.tell_log("container.log", &Tail::of(&self.logs().await));
    }

    async fn ended(&self) -> Result<i64, ContainerError> {
        let mut waiting = self
            .engine
            .docker
            .wait_container(self.container.id(), None::<WaitContainerOptions>);
        match waiting.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            Some(Err(EngineError::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(e)) => Err(self.engine_error("wait for", &e)),
            None => Err(ContainerError::Refused {
                doing: format!("wait for the {} container", self.kind),
                detail: "it closed the connection".to_owned(),
            }),
        }
    }

    async fn died_with(&self, status: i64) -> ContainerError {
        let log = Tail::of(&self.logs().await);
        self.tell_log("container.died", &log);
        ContainerError::Died {
            kind: self.kind,
            status,
            log,
        }
    }

    fn tell_log(&self, name: &str, log: &Tail) {
        event!(
            self.trace,
            Part::Directory,
            name,
            kind = self.kind.as_str(),
            log = log.as_str()
        );
    }

    /// Tries to bind until the server answers in any way, and on all its ports.
    pub(super) async fn wait_answer(&self) -> Result<Attempt, ContainerError> {
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            let detail = match self.administrator.bind().await {
                Attempt::Unreached(detail) => detail,
                answer => match self.closed_port().await {
                    None => return Ok(answer),
                    Some(port) => format!("nothing listens on port {port}"),
                },
            };
            if let Some(status) = self.exit_status().await? {
                return Err(self.died_with(status).await);
            }
            if Instant::now() >= deadline {
                let log = Tail::of(&self.logs().await);
                self.tell_log("container.not-ready", &log);
                return Err(ContainerError::NotReady {
                    kind: self.kind,
                    limit: READY_LIMIT,
                    detail,
                    log,
                });
            }
            tokio::time::sleep(ATTEMPT_EVERY).await;
        }
    }

    /// The first port behind which nothing listens: Samba's services begin side by side, LDAP is not always the last.
    async fn closed_port(&self) -> Option<u16> {
        let open = self
            .published
            .iter()
            .map(|(known, at)| async move { (known, is_open(at).await) });
        let found = futures_util::future::join_all(open).await;
        found.into_iter().find(|(_, open)| !open).map(|(known, _)| known)
    }

    async fn exit_status(&self) -> Result<Option<i64>, ContainerError> {
        let found = self
            .engine
            .docker
            .inspect_container(self.container.id(), None)
            .await;
        let state = found
            .map_err(|e| self.engine_error("look at", &e))?
            .state
            .unwrap_or_default();
        Ok((state.running == Some(false)).then_some(state.exit_code.unwrap_or(0)))
    }
}
