//! Ending runs before their time, from outside.

use tokio::sync::watch;

/// Whoever holds a clone can end the runs that were given another; by default nobody does.
#[derive(Debug, Clone, Default)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Ends them: what they do is broken off, their worlds are shut down. There is no way back.
    pub fn now(&self) {
        self.0.send_replace(true);
    }

    /// Whether they are to end.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when they are to end.
    pub(crate) async fn asked(&self) {
        // It cannot fail: the sender is alive as long as `self` is.
        let _ = self.0.subscribe().wait_for(|asked| *asked).await;
    }
}
