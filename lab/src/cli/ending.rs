//! SIGINT and SIGTERM while worlds of processes and containers stand: the runs end, their worlds are shut down, and the
//! exit status says which signal it was.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use super::Exit;
use crate::run::Stop;

/// What the signals of this process have done.
pub(super) struct Ending {
    stop: Stop,
    cause: Arc<OnceLock<Exit>>,
}

impl Ending {
    /// From here on the first signal ends the runs, and a second one the process.
    ///
    /// # Errors
    /// If the system does not let a process listen for signals.
    pub(super) fn watch() -> io::Result<Self> {
        let (stop, cause) = (Stop::default(), Arc::new(OnceLock::new()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        // Listening begins here and not in the thread, which may get its turn late.
        let mut signals = {
            let _inside = runtime.enter();
            Signals::listen()?
        };
        let (asked, told) = (stop.clone(), Arc::clone(&cause));
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                runtime.block_on(async {
                    let exit = signals.next().await;
                    eprintln!("ending what runs; another signal ends the lab at once and leaves the rest to `lab gc`");
                    let _ = told.set(exit);
                    asked.now();
                    std::process::exit(i32::from(signals.next().await as u8));
                });
            })?;
        Ok(Self { stop, cause })
    }

    /// What ends the runs.
    pub(super) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// How the process ends, where a signal asked it to.
    pub(super) fn exit(&self) -> Option<Exit> {
        self.cause.get().copied()
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Exit {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Exit::Terminated,
            _ = self.interrupt.recv() => Exit::Interrupted,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Exit {
        let _ = tokio::signal::ctrl_c().await;
        Exit::Interrupted
    }
}
