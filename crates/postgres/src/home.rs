//! The data directory: what lies where, and who may read it.
//!
//! ```text
//! DATA/statehouse.lock   held by the one process that owns the server
//! DATA/pg                what PostgreSQL writes; `pg.tmp` while it is being made
//! DATA/run               the socket, mode 0700
//! DATA/socket            the socket directory, when the name DATA/run would not do
//! DATA/postgres.conf     written at every start, as is DATA/pg_hba.conf
//! DATA/server.log      what the server says
//! ```
//!
//! The program writes in DATA, the server in DATA/pg and the socket directory only: when root
//! runs the program, no file that root writes lies in a directory the server's user controls.

use std::fs::{self, DirBuilder, File, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::identity::Identity;
use crate::{PORT, PostgresFault};

/// `sun_path` holds 108 bytes on Linux with the closing zero; one more is kept free.
const SOCKET_BYTES_MAX: usize = 106;
const LOG_TAIL_BYTES: u64 = 2_000;

/// The paths of one data directory.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    data: PathBuf,
}

impl Home {
    /// Makes the directory where needed and resolves it.
    pub(crate) fn open(data: &Path) -> Result<Self, PostgresFault> {
        if !data.exists() {
            if let Some(parent) = data.parent() {
                fs::create_dir_all(parent).map_err(PostgresFault::file("create", parent))?;
            }
            // The server's user must pass through a directory made by root, not list it.
            let mode = if nix::unistd::geteuid().is_root() { 0o711 } else { 0o700 };
            DirBuilder::new().recursive(true).create(data).map_err(PostgresFault::file("create", data))?;
            fs::set_permissions(data, Permissions::from_mode(mode)).map_err(PostgresFault::file("open", data))?;
        }
        let data = data.canonicalize().map_err(PostgresFault::file("open", data))?;
        Ok(Self { data })
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn pg(&self) -> PathBuf {
        self.data.join("pg")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    /// Opens the lock file, without taking the lock.
    pub(crate) fn lock_file(&self) -> Result<File, PostgresFault> {
        let path = self.path("statehouse.lock");
        let opened = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        opened.map_err(|cause| match cause.kind() {
            io::ErrorKind::PermissionDenied => self.foreign(&path),
            _ => PostgresFault::File { doing: "open", path, cause },
        })
    }

    /// The major version of the existing cluster.
    pub(crate) fn major(&self) -> Result<Option<u32>, PostgresFault> {
        let path = self.pg().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => Err(self.foreign(&path)),
            Err(cause) => Err(PostgresFault::File { doing: "read", path, cause }),
        }
    }

    /// Writes one of the files that the server only reads.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, PostgresFault> {
        let path = self.path(name);
        let partial = self.path(&format!("{name}.tmp"));
        fs::write(&partial, text)
            .and_then(|()| fs::set_permissions(&partial, Permissions::from_mode(0o644)))
            .and_then(|()| fs::rename(&partial, &path))
            .map_err(PostgresFault::file("write", &path))?;
        Ok(path)
    }

    /// Where a running server's socket is said to be.
    pub(crate) fn recorded_socket_dir(&self) -> PathBuf {
        match fs::read(self.path("socket")) {
            Ok(bytes) => PathBuf::from(std::ffi::OsStr::from_bytes(bytes.trim_ascii_end())),
            Err(_) => self.path("run"),
        }
    }

    /// Makes the socket directory: closed to everybody but `identity` (and root).
    pub(crate) fn socket_dir(&self, identity: &Identity) -> Result<PathBuf, PostgresFault> {
        let run = self.path("run");
        if fits(&run) {
            let _ = fs::remove_file(self.path("socket"));
            close(&run, identity)?;
            return Ok(run);
        }
        let recorded = self.recorded_socket_dir();
        if fits(&recorded) && is_closed(&recorded, identity) {
            return Ok(recorded);
        }
        let short = short_dir(identity)?;
        close(&short, identity)?;
        let path = self.path("socket");
        fs::write(&path, short.as_os_str().as_bytes()).map_err(PostgresFault::file("write", &path))?;
        Ok(short)
    }

    /// The log, for appending.
    pub(crate) fn log(&self) -> Result<File, PostgresFault> {
        let path = self.path("server.log");
        let opened = File::options().append(true).create(true).mode(0o640).open(&path);
        opened.map_err(PostgresFault::file("open", &path))
    }

    /// The end of the log, from byte `from` on.
    pub(crate) fn log_since(&self, from: u64) -> String {
        let mut bytes = Vec::new();
        let read = File::open(self.path("server.log")).and_then(|mut file| {
            let start = from.max(file.metadata()?.len().saturating_sub(LOG_TAIL_BYTES));
            file.seek(SeekFrom::Start(start))?;
            file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)
        });
        match read {
            Ok(_) => String::from_utf8_lossy(&bytes).trim().to_owned(),
            Err(cause) => format!("its log cannot be read: {cause}"),
        }
    }

    fn foreign(&self, path: &Path) -> PostgresFault {
        let owner = fs::metadata(&self.data).map(|data| crate::identity::name_of(data.uid()));
        PostgresFault::DataUnreachable {
            data: self.data.clone(),
            user: crate::identity::current_name(),
            reason: match owner {
                Ok(owner) => format!("`{}` is closed to it, the directory belongs to `{owner}`", path.display()),
                Err(_) => format!("`{}` is closed to it", path.display()),
            },
        }
    }
}

/// The socket's path in `dir`.
pub(crate) fn socket_in(dir: &Path) -> PathBuf {
    dir.join(format!(".s.PGSQL.{PORT}"))
}

/// Short enough, and plain: the server and libpq both read a comma as the end of one directory, and quotes as quotes.
fn fits(dir: &Path) -> bool {
    let plain = dir.to_str().is_some_and(|text| !text.contains([',', '"', '\'']) && !text.contains(char::is_control));
    // A leading or trailing space would be cut off a list's entry.
    plain && dir.to_str().is_some_and(|text| text.trim() == text) && socket_in(dir).as_os_str().len() <= SOCKET_BYTES_MAX
}

/// Whether `dir` is a real directory of `identity` that nobody else may enter.
fn is_closed(dir: &Path, identity: &Identity) -> bool {
    fs::symlink_metadata(dir).is_ok_and(|found| found.is_dir() && found.uid() == identity.uid() && found.mode() & 0o077 == 0)
}

fn close(dir: &Path, identity: &Identity) -> Result<(), PostgresFault> {
    if !dir.exists() {
        DirBuilder::new().mode(0o700).create(dir).map_err(PostgresFault::file("create", dir))?;
    }
    let found = fs::symlink_metadata(dir).map_err(PostgresFault::file("open", dir))?;
    if !found.is_dir() {
        return Err(PostgresFault::SocketPath { dir: dir.into(), reason: "it is not a directory".into() });
    }
    fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(PostgresFault::file("close", dir))?;
    identity.own(dir)?;
    if is_closed(dir, identity) {
        return Ok(());
    }
    Err(PostgresFault::SocketPath { dir: dir.into(), reason: format!("it does not belong to `{}`", identity.name()) })
}

/// A new directory with a short, unpredictable name: nobody can have made it before us.
fn short_dir(identity: &Identity) -> Result<PathBuf, PostgresFault> {
    let mut last = PathBuf::new();
    for parent in [std::env::temp_dir(), PathBuf::from("/tmp")] {
        let dir = parent.join(format!("statehouse-{:08x}", RandomState::new().hash_one(0) & 0xffff_ffff));
        if fits(&dir) && identity.blocked_at(&parent).is_none() && DirBuilder::new().mode(0o700).create(&dir).is_ok() {
            return Ok(dir);
        }
        last = dir;
    }
    Err(PostgresFault::SocketPath {
        dir: last,
        reason: format!("a socket's path has at most {SOCKET_BYTES_MAX} bytes and its parents must let `{}` pass", identity.name()),
    })
}
