//! Making a cluster, whole or not at all.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;

use crate::home::Home;
use crate::identity::Identity;
use crate::{Binaries, PostgresFault, SUPERUSER};

/// Makes `DATA/pg` unless it exists. A crash on the way leaves `DATA/pg.tmp`, which the next start removes.
pub(crate) fn ensure(home: &Home, identity: &Identity, binaries: &Binaries) -> Result<(), PostgresFault> {
    let (pg, partial) = (home.pg(), home.path("pg.tmp"));
    if pg.join("PG_VERSION").exists() {
        return identity.own(&pg);
    }
    match fs::remove_dir_all(&partial) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            return Err(PostgresFault::File { doing: "remove", path: partial, cause });
        }
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(&partial).map_err(PostgresFault::file("create", &partial))?;
    identity.own(&partial)?;
    let output = identity
        .command(&binaries.program("initdb"), &partial)
        .args(["--username", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--data-checksums", "--no-sync"])
        .arg("--pgdata")
        .arg(&partial)
        .output()
        .map_err(PostgresFault::file("run", &binaries.program("initdb")))?;
    if !output.status.success() {
        let _ = fs::remove_dir_all(&partial);
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(PostgresFault::InitdbFailed { data: home.data().into(), output: said });
    }
    flush(&partial)?;
    fs::rename(&partial, &pg).map_err(PostgresFault::file("rename", &partial))?;
    let parent = home.data();
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(PostgresFault::file("flush", parent))
}

/// One flush of the file system is seconds faster than initdb's file by file.
#[cfg(target_os = "linux")]
fn flush(dir: &std::path::Path) -> Result<(), PostgresFault> {
    let opened = File::open(dir).map_err(PostgresFault::file("open", dir))?;
    nix::unistd::syncfs(&opened).map_err(io::Error::from).map_err(PostgresFault::file("flush", dir))
}

/// Without syncfs the whole system is flushed.
#[cfg(not(target_os = "linux"))]
fn flush(_dir: &std::path::Path) -> Result<(), PostgresFault> {
    nix::unistd::sync();
    Ok(())
}
