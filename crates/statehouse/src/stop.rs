//! Being told to stop: Ctrl-C, or a signal of whoever runs us.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Listens from the moment it is made, so that no signal is lost while something else is being prepared.
#[derive(Debug)]
pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// Begins to listen.
    ///
    /// # Errors
    /// `SH9001` when no signals can be received.
    pub fn listen() -> Result<Stop, Failure> {
        let of =
            |kind| signal(kind).map_err(|cause| Failure::new(statehouse_fault::SH9001, format!("no signals can be received: {cause}")));
        Ok(Stop { interrupt: of(SignalKind::interrupt())?, terminate: of(SignalKind::terminate())? })
    }

    /// Waits until somebody says so.
    pub async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
