//! The secrets of a worker's process, followed as their file changes.

use std::path::PathBuf;

use statehouse_connect::secrets::{Secrets, Unreadable, Watched};
use statehouse_settings::Settings;

/// The secrets that the settings name, and those of the environment; the log is told when the file has changed.
///
/// # Errors
/// Why they cannot be read now.
pub fn secrets(settings: &Settings) -> Result<Watched, Unreadable> {
    let file = Some(PathBuf::from(&settings.secrets.file)).filter(|file| !file.as_os_str().is_empty());
    Watched::open(file, std::env::vars(), told)
}

fn told(read: Result<&Secrets, &Unreadable>) {
    match read {
        Ok(_) => tracing::info!("the secrets were read again"),
        Err(why) => tracing::error!(%why, "the secrets have changed and are not followed"),
    }
}
