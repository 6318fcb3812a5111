//! Where servers of test processes live, and what ended ones left there.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, geteuid};
use statehouse_postgres::{Binaries, Options, PostgresFault, Server};

/// The directory of this user's test servers.
pub(crate) fn base() -> PathBuf {
    let uid = geteuid().as_raw();
    let base = match std::env::var_os("STATEHOUSE_TEST_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => std::env::temp_dir().join(format!("statehouse-test-{uid}")),
    };
    // Others may pass, for the server's user is another when we are root; they may not list or write.
    match DirBuilder::new().recursive(true).mode(0o711).create(&base) {
        Ok(()) => {}
        Err(cause) => panic!("could not create `{}`: {cause}", base.display()),
    }
    let found = fs::symlink_metadata(&base).unwrap_or_else(|cause| panic!("could not open `{}`: {cause}", base.display()));
    assert!(found.is_dir() && found.uid() == uid, "`{}` is not a directory of our own", base.display());
    base
}

/// Locks a file of `dir` until the value is dropped.
pub(crate) fn lock(dir: &Path, name: &str) -> File {
    let path = dir.join(name);
    let opened = File::options().write(true).create(true).truncate(false).open(&path);
    let locked = opened.and_then(|file| file.lock().map(|()| file));
    locked.unwrap_or_else(|cause| panic!("could not lock `{}`: {cause}", path.display()))
}

/// A data directory for this process, with a cluster that was never started.
pub(crate) fn fresh_data(base: &Path) -> PathBuf {
    let _one_at_a_time = lock(base, "lock");
    sweep(base);
    let template = template(base).unwrap_or_else(|fault| panic!("{fault}\nhelp: {}", fault.help()));
    let data = base.join(format!("run-{}", std::process::id()));
    let made = fs::create_dir(&data).and_then(|()| fs::set_permissions(&data, Permissions::from_mode(0o711)));
    made.unwrap_or_else(|cause| panic!("could not create `{}`: {cause}", data.display()));
    let status = Command::new("cp").arg("-Rp").arg(template.join("pg")).arg(data.join("pg")).status();
    assert!(status.is_ok_and(|status| status.success()), "could not copy the prepared cluster to `{}`", data.display());
    data
}

/// A cluster made once per major version.
fn template(base: &Path) -> Result<PathBuf, PostgresFault> {
    let major = Binaries::find(None)?.major();
    let template = base.join(format!("template-{major}"));
    if !template.join("pg/PG_VERSION").exists() {
        Server::prepare(&Options::new(&template))?;
    }
    Ok(template)
}

/// Removes the data directories of ended processes whose servers have ended too.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(owner) = name.to_str().and_then(|name| name.strip_prefix("run-")?.parse().ok()) else {
            continue;
        };
        let server = fs::read_to_string(entry.path().join("pg/postmaster.pid")).ok();
        let server = server.and_then(|text| text.lines().next()?.trim().parse().ok());
        let own = owner == i32::try_from(std::process::id()).unwrap_or(0);
        if (own || !lives(owner)) && !server.is_some_and(lives) {
            match fs::remove_dir_all(entry.path()) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    eprintln!("testkit: could not remove `{}`: {cause}", entry.path().display());
                }
                _ => {}
            }
        }
    }
}

fn lives(pid: i32) -> bool {
    pid > 0 && kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}
