//! Secrets that are read again when their file has changed, so that a new value needs no restart.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::{Secrets, Unreadable};

/// How long what was read is used without a look at the file.
const LOOK: Duration = Duration::from_secs(2);

/// What is told of a file that has changed: the secrets that are in force now, or why it is not followed.
pub type Told = dyn Fn(Result<&Secrets, &Unreadable>) + Send + Sync;

/// Secrets as they stand. The file is looked at again, at most every two seconds; one that cannot be read, perhaps because
/// it is just being written, leaves those before in force.
pub struct Watched {
    file: Option<PathBuf>,
    environment: Vec<(String, String)>,
    every: Duration,
    told: Box<Told>,
    state: Mutex<State>,
}

struct State {
    secrets: Arc<Secrets>,
    looked: Instant,
    seen: Option<Stamp>,
}

/// What tells one writing of a file from another.
#[derive(PartialEq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    place: u64,
}

impl Watched {
    /// Reads the file, if there is one, and the environment, whose values take the place of the file's; `told` hears of
    /// every change of the file.
    ///
    /// # Errors
    /// Why they cannot be read now.
    pub fn open(
        file: Option<PathBuf>,
        environment: impl Iterator<Item = (String, String)>,
        told: impl Fn(Result<&Secrets, &Unreadable>) + Send + Sync + 'static,
    ) -> Result<Watched, Unreadable> {
        let environment: Vec<_> = environment.filter(|(variable, _)| variable.starts_with(super::PREFIX)).collect();
        let seen = file.as_deref().and_then(Stamp::of);
        let secrets = Arc::new(Secrets::read(file.as_deref(), environment.iter().cloned())?);
        let state = Mutex::new(State { secrets, looked: Instant::now(), seen });
        Ok(Watched { file, environment, every: LOOK, told: Box::new(told), state })
    }

    /// The same, looking this often.
    pub fn every(self, every: Duration) -> Watched {
        Watched { every, ..self }
    }

    /// The secrets as they stand now.
    pub fn now(&self) -> Arc<Secrets> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = self.file.as_deref().filter(|_| state.looked.elapsed() >= self.every) {
            state.looked = Instant::now();
            let stamp = Stamp::of(file);
            if stamp != state.seen {
                state.seen = stamp;
                let read = Secrets::read(Some(file), self.environment.iter().cloned());
                (self.told)(read.as_ref());
                if let Ok(secrets) = read {
                    state.secrets = Arc::new(secrets);
                }
            }
        }
        Arc::clone(&state.secrets)
    }
}

impl Stamp {
    /// None where there is no file.
    fn of(file: &std::path::Path) -> Option<Stamp> {
        let about = std::fs::metadata(file).ok()?;
        #[cfg(unix)]
        let place = std::os::unix::fs::MetadataExt::ino(&about);
        #[cfg(not(unix))]
        let place = 0;
        Some(Stamp { modified: about.modified().ok(), length: about.len(), place })
    }
}

/// Secrets that never change.
impl From<Secrets> for Watched {
    fn from(secrets: Secrets) -> Watched {
        let state = Mutex::new(State { secrets: Arc::new(secrets), looked: Instant::now(), seen: None });
        Watched { file: None, environment: Vec::new(), every: LOOK, told: Box::new(|_| {}), state }
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.now().fmt(f)
    }
}
