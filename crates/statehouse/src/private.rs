//! Files that hold secrets.

use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::failure::Failure;

/// Writes a file that only this user reads, in place of what was there.
///
/// # Errors
/// When it cannot be written.
pub fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let written = || {
        let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
        // One that was there may have been open to others.
        out.set_permissions(Permissions::from_mode(0o600))?;
        out.write_all(text.as_bytes())
    };
    written().map_err(|cause| Failure::file("write", file, &cause))
}
