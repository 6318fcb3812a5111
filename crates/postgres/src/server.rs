//! One private server: owned by the process that holds the lock, attached to by all others.

use std::fmt::Write as _;
use std::fs::{File, TryLockError};
use std::io::{Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::home::{Home, socket_in};
use crate::identity::Identity;
use crate::keeper::{Keeper, Plan};
use crate::probe::{self, Answer};
use crate::{Binaries, Options, PORT, PostgresFault, initialize, options, wait};

/// An owner may be making its cluster, or be stopping it, while we wait to attach or to take over.
const ATTACH_WITHIN: Duration = Duration::from_secs(120);

/// Who may log in is decided by the socket's directory; see the crate's README.
const LOGIN_RULES: &str = "# Written at every start. The socket's directory decides who gets here.\nlocal all all trust\n";

/// A server that answers. Dropping the owner's value stops it.
#[derive(Debug)]
pub struct Server {
    home: Home,
    binaries: Binaries,
    socket_dir: PathBuf,
    keeper: Option<Keeper>,
}

impl Server {
    /// Takes the lock and starts the server, or attaches to the one that the lock's holder runs.
    /// Returns once it answers. An attached server is never stopped, and its settings are the owner's.
    ///
    /// # Errors
    /// Any [`PostgresFault`].
    pub fn start_or_attach(options: &Options) -> Result<Self, PostgresFault> {
        let home = Home::open(&options.data)?;
        let lock = home.lock_file()?;
        let found = wait::until(ATTACH_WITHIN, || match lock.try_lock() {
            Ok(()) => Some(Ok(None)),
            Err(TryLockError::WouldBlock) => attach(&home).transpose().map(|attached| attached.map(Some)),
            Err(TryLockError::Error(cause)) => Some(Err(PostgresFault::File { doing: "lock", path: home.path("statehouse.lock"), cause })),
        });
        match found {
            Some(Ok(Some(attached))) => Ok(attached),
            Some(Ok(None)) => own(options, home, lock),
            Some(Err(fault)) => Err(fault),
            None => Err(held(&home, "whose server does not answer")),
        }
    }

    /// Makes the cluster in `options.data` without starting it.
    ///
    /// # Errors
    /// Any [`PostgresFault`]; `Held` when a living process owns it.
    pub fn prepare(options: &Options) -> Result<(), PostgresFault> {
        let home = Home::open(&options.data)?;
        let lock = home.lock_file()?;
        match lock.try_lock() {
            Ok(()) => plan(options, &home, &lock).map(drop),
            Err(TryLockError::WouldBlock) => Err(held(&home, "which owns it")),
            Err(TryLockError::Error(cause)) => Err(PostgresFault::File { doing: "lock", path: home.path("statehouse.lock"), cause }),
        }
    }

    /// The directory of the socket: what libpq calls `host`.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The number in the socket's name.
    #[must_use]
    pub fn port(&self) -> u16 {
        PORT
    }

    /// Whether this process owns the server, rather than being attached to another's.
    #[must_use]
    pub fn owned(&self) -> bool {
        self.keeper.is_some()
    }

    /// The server's programs, `psql` among them where it is installed.
    #[must_use]
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The directory of the server's programs.
    #[must_use]
    pub fn bindir(&self) -> &Path {
        self.binaries.dir()
    }

    /// A connection URL for psql, libpq and tokio-postgres alike.
    #[must_use]
    pub fn url(&self, role: &str, database: &str) -> String {
        url(&self.socket_dir, role, database)
    }

    /// Stops an owned server in order and releases the data directory; only lets go of an attached one.
    ///
    /// # Errors
    /// `ServerFailed` when it does not stop within its bounds.
    pub fn stop(mut self) -> Result<(), PostgresFault> {
        self.keeper.take().map_or(Ok(()), |keeper| keeper.stop(self.home.data()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            // Nobody is left to be told; the log has it.
            let _ = keeper.stop(self.home.data());
        }
    }
}

/// The connection URL of `database` as `role`, on the server whose socket lies in `socket_dir`.
#[must_use]
pub fn url(socket_dir: &Path, role: &str, database: &str) -> String {
    let host = escape(socket_dir.as_os_str().as_bytes());
    let (role, database) = (escape(role.as_bytes()), escape(database.as_bytes()));
    format!("postgresql:///{database}?host={host}&port={PORT}&user={role}")
}

/// Attaches to the lock holder's server; nothing while it does not answer yet.
fn attach(home: &Home) -> Result<Option<Server>, PostgresFault> {
    let socket_dir = home.recorded_socket_dir();
    match probe::ask(&socket_in(&socket_dir)) {
        Answer::Silent | Answer::NotYet => Ok(None),
        Answer::Closed => Err(held(home, "whose socket is closed to us")),
        Answer::Refused(why) => Err(held(home, &format!("whose server refuses: {why}"))),
        Answer::Ready => {
            let binaries = Binaries::find(home.major()?)?;
            Ok(Some(Server { home: home.clone(), binaries, socket_dir, keeper: None }))
        }
    }
}

fn own(options: &Options, home: Home, lock: File) -> Result<Server, PostgresFault> {
    let plan = plan(options, &home, &lock)?;
    let (binaries, socket_dir) = (plan.binaries.clone(), plan.socket_dir.clone());
    let keeper = Keeper::start(plan, lock)?;
    Ok(Server { home, binaries, socket_dir, keeper: Some(keeper) })
}

/// Everything up to the start, under the lock.
fn plan(options: &Options, home: &Home, mut lock: &File) -> Result<Plan, PostgresFault> {
    // Refused before anything is made.
    options::configuration(options, "on")?;
    let binaries = Binaries::find(home.major()?)?;
    let identity = Identity::choose(home, &binaries)?;
    initialize::ensure(home, &identity, &binaries)?;
    let socket_dir = home.socket_dir(&identity)?;
    let compression = wal_compression(home, &identity, &binaries);
    home.write("postgres.conf", &options::configuration(options, compression)?)?;
    home.write("pg_hba.conf", LOGIN_RULES)?;
    let path = home.path("statehouse.lock");
    lock.set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .map_err(PostgresFault::file("write", &path))?;
    Ok(Plan { home: home.clone(), identity, binaries, socket_dir })
}

/// lz4 where the server was built with it: it refuses the value otherwise.
fn wal_compression(home: &Home, identity: &Identity, binaries: &Binaries) -> &'static str {
    let mut command = identity.command(&binaries.program("postgres"), Path::new("/"));
    command.arg("-D").arg(home.pg()).args(["-c", "config_file=/dev/null", "-c", "wal_compression=lz4", "-C", "wal_compression"]);
    let asked = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if asked.is_ok_and(|status| status.success()) { "lz4" } else { "on" }
}

fn held(home: &Home, why: &str) -> PostgresFault {
    let owner = std::fs::read_to_string(home.path("statehouse.lock")).unwrap_or_default();
    let holder = match owner.trim() {
        "" => format!("another process, {why}"),
        id => format!("process {id}, {why}"),
    };
    PostgresFault::Held { data: home.data().into(), holder }
}

/// Percent-encodes what would end or split a URL's part; `/` stays readable.
fn escape(text: &[u8]) -> String {
    let mut out = String::new();
    for byte in text {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
