//! A process of the program under test, and the signals it is sent.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// How long a process may take to end after it was killed, or to say that it is there.
const BOUND: Duration = Duration::from_secs(30);

/// A child that dies with this value, by SIGKILL.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: Pid,
    said: PathBuf,
}

impl Process {
    /// Runs `command`; what it says goes to the file `said`.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn spawn(mut command: Command, said: &Path) -> io::Result<Process> {
        let out = File::create(said)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).kill_on_drop(true);
        let child = command.spawn()?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).ok_or(io::ErrorKind::NotFound)?;
        Ok(Process { child, pid: Pid::from_raw(pid), said: said.to_owned() })
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Sends a signal; only a child that was not waited for yet has this number.
    pub fn signal(&self, signal: Signal) {
        if self.child.id().is_some() {
            let _ = kill(self.pid, signal);
        }
    }

    /// SIGKILL, now. Nothing of it runs any more when this returns.
    ///
    /// # Panics
    /// When the kernel does not end it.
    pub async fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.ends().await;
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end within half a minute.
    pub async fn ends(&mut self) -> ExitStatus {
        match tokio::time::timeout(BOUND, self.child.wait()).await {
            Ok(Ok(status)) => status,
            other => panic!("process {} does not end: {other:?}\n{}", self.pid, self.said()),
        }
    }

    /// Whether it is still there.
    pub fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What it has said so far.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// The first line it has said that `wanted` takes.
    ///
    /// # Panics
    /// When it ends, or is silent for half a minute.
    pub async fn says<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        let began = tokio::time::Instant::now();
        loop {
            if let Some(found) = self.said().lines().find_map(&wanted) {
                return found;
            }
            assert!(self.lives() && began.elapsed() < BOUND, "it did not say what was expected:\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
