//! A folder that is gone with its value.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A directory that is removed with its value.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one below `place`, named after its purpose and this process.
    ///
    /// # Errors
    /// When it cannot be made, such as when it is there already.
    pub fn make(place: &Path, purpose: &str) -> Result<Scratch, Failure> {
        let path = place.join(format!("statehouse-{purpose}-{}", std::process::id()));
        std::fs::create_dir(&path).map_err(|cause| Failure::file("create", &path, &cause))?;
        Ok(Scratch(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left is in the temporary directory, and nobody can be told.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
