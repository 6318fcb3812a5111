//! What a worker remembers outside the database: how far it had come.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use statehouse_store::{StoreFault, effects};

use crate::shared::Shared;

/// Greets the database and keeps how far it has come; what the database holds back is told.
pub(crate) struct Witness {
    file: Option<PathBuf>,
    written: Mutex<String>,
}

impl Witness {
    /// Kept in this file; in none where its name is empty.
    pub fn new(file: &str) -> Witness {
        Witness { file: Some(file).filter(|file| !file.is_empty()).map(PathBuf::from), written: Mutex::default() }
    }

    /// Before anything is claimed, after every lost connection, and now and then.
    pub async fn greet(&self, shared: &Shared) -> Result<(), StoreFault> {
        let before = self.file.as_deref().and_then(|file| std::fs::read_to_string(file).ok());
        let before = before.as_deref().map(str::trim).filter(|lsn| is_lsn(lsn));
        let greeting = effects::greet(&shared.db, before).await?;
        if greeting.restored {
            tracing::error!(
                held = greeting.held,
                epoch = greeting.epoch,
                "the database was restored: what was owed is held until somebody says what to do with it"
            );
        }
        self.write(&greeting.lsn);
        Ok(())
    }

    fn write(&self, lsn: &str) {
        let Some(file) = &self.file else { return };
        let mut written = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *written == lsn {
            return;
        }
        match replace(file, lsn) {
            Ok(()) => lsn.clone_into(&mut written),
            Err(cause) => tracing::error!(file = %file.display(), %cause, "how far the database has come is not remembered"),
        }
    }
}

/// Whole or not at all, whenever the machine stops.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let beside = file.with_extension("new");
    std::fs::write(&beside, text)?;
    std::fs::File::open(&beside)?.sync_all()?;
    std::fs::rename(&beside, file)
}

/// `0/16B3748`
fn is_lsn(text: &str) -> bool {
    let hex = |part: &str| !part.is_empty() && part.len() <= 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split_once('/').is_some_and(|(high, low)| hex(high) && hex(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_place_in_a_log_is_not_handed_on() {
        for (text, expected) in
            [("0/16B3748", true), ("FF/0", true), ("", false), ("0/", false), ("0/x", false), ("0/0/0", false), ("123456789/0", false)]
        {
            assert_eq!(is_lsn(text), expected, "{text}");
        }
    }
}
