//! What can be done to a server on purpose, and undone.

use std::time::Instant;

use testcontainers::bollard::query_parameters::{
    KillContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
};

use super::{Meant, Server};
use crate::ContainerError;
use crate::error::{engine_text, library_text};

/// How long a server may take to end by itself before it is killed, in seconds.
const STOP_LIMIT_SECONDS: i32 = 10;

impl Server {
    /// Freezes every process of the server: connections stay open and nothing answers.
    ///
    /// # Errors
    /// [`ContainerError::Refused`] by the engine, as for all that follow.
    pub async fn pause(&self) -> Result<(), ContainerError> {
        let done = self.engine.docker.pause_container(self.container.id()).await;
        done.map_err(|e| self.engine_error("pause", &e))
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// [`ContainerError::Refused`].
    pub async fn unpause(&self) -> Result<(), ContainerError> {
        let done = self.engine.docker.unpause_container(self.container.id()).await;
        done.map_err(|e| self.engine_error("unpause", &e))
    }

    /// Shuts the server down in order.
    ///
    /// # Errors
    /// [`ContainerError::Refused`].
    pub async fn stop(&self) -> Result<(), ContainerError> {
        self.meant.send_replace(Meant::Stopped);
        let options = StopContainerOptionsBuilder::new().t(STOP_LIMIT_SECONDS).build();
        let done = self
            .engine
            .docker
            .stop_container(self.container.id(), Some(options))
            .await;
        done.map_err(|e| self.engine_error("stop", &e))
    }

    /// Ends every process of the server at once, as a power failure does.
    ///
    /// # Errors
    /// [`ContainerError::Refused`].
    pub async fn kill(&self) -> Result<(), ContainerError> {
        self.meant.send_replace(Meant::Stopped);
        let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        let done = self
            .engine
            .docker
            .kill_container(self.container.id(), Some(options))
            .await;
        done.map_err(|e| self.engine_error("kill", &e))
    }

    /// Starts a server that was stopped or killed, with its data and at its old addresses, and waits until it answers.
    ///
    /// # Errors
    /// [`ContainerError::PortTaken`] if somebody has one of its ports now; [`ContainerError::NotReady`] and
    /// [`ContainerError::Died`] with the last lines of its log.
    pub async fn start(&self) -> Result<(), ContainerError> {
        let started = Instant::now();
        let done = self
            .engine
            .docker
            .start_container(self.container.id(), None::<StartContainerOptions>)
            .await;
        done.map_err(|e| ContainerError::starting(self.kind, engine_text(&e)))?;
        self.meant.send_replace(Meant::Running);
        // The administrator's password may be another by now: an answer is enough.
        self.wait_answer().await?;
        self.ready_since(started);
        self.announce();
        Ok(())
    }

    /// [`Server::stop`] and [`Server::start`].
    ///
    /// # Errors
    /// Theirs.
    pub async fn restart(&self) -> Result<(), ContainerError> {
        self.stop().await?;
        self.start().await
    }

    /// Removes the container now, and says if that failed.
    ///
    /// # Errors
    /// [`ContainerError::Refused`].
    pub async fn remove(self) -> Result<(), ContainerError> {
        self.meant.send_replace(Meant::Stopped);
        let kind = self.kind;
        self.container.rm().await.map_err(|e| ContainerError::Refused {
            doing: format!("remove the {kind} container"),
            detail: library_text(&e),
        })
    }
}
