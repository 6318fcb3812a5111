//! The server that the tests of one run share.

use std::hash::{BuildHasher, RandomState};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use statehouse_postgres::{Binaries, Options, PORT, PostgresFault, SUPERUSER, Server};

use crate::asker::{literal, name};
use crate::database::TestDatabase;
use crate::place;
use crate::psql::{self, Asker};

const CLUSTER_VARIABLE: &str = "STATEHOUSE_TEST_CLUSTER";
/// PostgreSQL cuts names at 63 bytes; the rest of the name takes about 25.
const HINT_BYTES_MAX: usize = 32;

/// A running server for tests.
#[derive(Debug)]
pub struct Cluster {
    socket_dir: PathBuf,
    psql: PathBuf,
    // Kept for its life: dropping it stops the server.
    server: Option<Server>,
}

impl Cluster {
    /// The server of this run: the one that `STATEHOUSE_TEST_CLUSTER` names, else one of this process's own.
    ///
    /// # Panics
    /// When there is none and none can be started.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            let found = match std::env::var_os(CLUSTER_VARIABLE).filter(|dir| !dir.is_empty()) {
                Some(dir) => Self::attach(PathBuf::from(dir)),
                None => Self::start(&place::fresh_data(&place::base())),
            };
            found.unwrap_or_else(|fault| panic!("{} {fault}\nhelp: {}", fault.code(), fault.help()))
        })
    }

    /// Starts a server for tests in `data`.
    ///
    /// # Errors
    /// Any [`PostgresFault`].
    pub fn start(data: &Path) -> Result<Self, PostgresFault> {
        // Room for many test processes at once, and for tables of many partitions in one transaction.
        let options = Options::new(data).with("max_connections", "400").with("max_locks_per_transaction", "256");
        let server = Server::start_or_attach(&options)?;
        let psql = server.binaries().program("psql");
        Ok(Self { socket_dir: server.socket_dir().into(), psql, server: Some(server) })
    }

    /// Uses the running server whose socket lies in `socket_dir`.
    ///
    /// # Errors
    /// `BinariesMissing` when there is no psql to ask with.
    pub fn attach(socket_dir: PathBuf) -> Result<Self, PostgresFault> {
        let psql = Binaries::find(None)?.program("psql");
        Ok(Self { socket_dir, psql, server: None })
    }

    /// The directory of the socket.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// Whether this value started the server, and will stop it.
    #[must_use]
    pub fn owned(&self) -> bool {
        self.server.as_ref().is_some_and(Server::owned)
    }

    /// A fresh, empty database; `hint` becomes part of its name.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn database(&self, hint: &str) -> TestDatabase {
        self.create(&unique(hint), "template1")
    }

    /// A fresh copy of `template`, as made by [`Cluster::template`].
    ///
    /// # Panics
    /// When it cannot be made, such as when somebody is connected to the template.
    #[must_use]
    pub fn database_from(&self, template: &str, hint: &str) -> TestDatabase {
        self.create(&unique(hint), template)
    }

    /// A database brought back from a backup of another, by the real `pg_dump` and `pg_restore`.
    ///
    /// # Panics
    /// When the backup cannot be made or brought back whole.
    #[must_use]
    pub fn restored(&self, of: &TestDatabase, hint: &str) -> TestDatabase {
        let into = self.database(hint);
        let mut dump = self.tool("pg_dump").args(["--format", "custom", of.name()]).stdout(Stdio::piped()).spawn().expect("pg_dump starts");
        let backup = dump.stdout.take().expect("its output");
        let loaded = self.tool("pg_restore").args(["--exit-on-error", "--dbname", into.name()]).stdin(backup).status();
        let dumped = dump.wait();
        assert!(dumped.is_ok_and(|status| status.success()), "the backup is not whole");
        assert!(loaded.is_ok_and(|status| status.success()), "the backup cannot be brought back");
        into
    }

    /// A backup of a database, as `pg_dump --format custom` makes it.
    ///
    /// # Panics
    /// When it cannot be made whole.
    #[must_use]
    pub fn backup(&self, of: &TestDatabase) -> Vec<u8> {
        let made = self.tool("pg_dump").args(["--format", "custom", of.name()]).output().expect("pg_dump starts");
        assert!(made.status.success(), "the backup is not whole: {}", String::from_utf8_lossy(&made.stderr));
        made.stdout
    }

    /// Brings a backup back into a database that is there, by `pg_restore` with these options. What is told of a primary key of a
    /// partition, which goes with its table and not before, is no harm.
    ///
    /// # Panics
    /// When it cannot be brought back whole.
    pub fn bring_back(&self, into: &TestDatabase, backup: &[u8], options: &[&str]) {
        let mut command = self.tool("pg_restore");
        command.args(["--dbname", into.name()]).args(options).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut load = command.spawn().expect("pg_restore starts");
        let written = load.stdin.take().expect("its input").write_all(backup);
        let loaded = load.wait_with_output().expect("pg_restore ends");
        let told = String::from_utf8_lossy(&loaded.stderr);
        let harm = told.lines().filter(|line| line.contains("error:") && !line.contains("cannot drop inherited constraint"));
        assert!(written.is_ok() && harm.count() == 0, "{told}");
    }

    /// A program of Postgres that is led to this server.
    fn tool(&self, name: &str) -> Command {
        let binaries = Binaries::find(None).unwrap_or_else(|fault| panic!("{} {fault}", fault.code()));
        let mut command = Command::new(binaries.program(name));
        command.arg("--host").arg(&self.socket_dir).args(["--username", SUPERUSER, "--port", &PORT.to_string()]);
        command
    }

    /// Makes a template once for all processes that share this server, by `build`, and returns its name.
    ///
    /// # Panics
    /// When it cannot be made; a `build` that panics leaves no template behind.
    pub fn template(&self, title: &str, build: impl FnOnce(&TestDatabase)) -> String {
        let title = format!("template_{}", tidy(title));
        // In the socket's directory, so that the lock is as wide and lives as long as the server.
        let _one_at_a_time = place::lock(&self.socket_dir, &format!("lock-{title}"));
        let made = format!("select count(*) from pg_database where datname = {} and datistemplate", literal(&title));
        if self.administer(&made) == "1" {
            return title;
        }
        self.administer(&format!("drop database if exists {} with (force)", name(&title)));
        let database = self.create(&title, "template1");
        build(&database);
        database.keep();
        // Closed to connections, so that copying it never waits for or fails on one.
        self.administer(&format!("alter database {} with is_template true allow_connections false", name(&title)));
        title
    }

    /// Makes an unprivileged login role unless it exists; roles belong to the whole server.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn login_role(&self, role: &str) {
        let exists = format!("select from pg_roles where rolname = {}", literal(role));
        // Two tests may ask at once.
        self.administer(&format!(
            "do $$ begin perform pg_advisory_xact_lock(hashtext('testkit role')); \
             if not exists ({exists}) then create role {} login; end if; end $$",
            name(role)
        ));
    }

    fn create(&self, database: &str, template: &str) -> TestDatabase {
        self.administer(&format!("create database {} template {}", name(database), name(template)));
        TestDatabase::new(self.socket_dir.clone(), self.psql.clone(), database.to_owned())
    }

    /// Runs one statement in the maintenance database; its bare output.
    fn administer(&self, statement: &str) -> String {
        let target = psql::Target { psql: &self.psql, socket_dir: &self.socket_dir, database: SUPERUSER };
        psql::value(&target, &Asker::Superuser, statement)
    }
}

fn tidy(hint: &str) -> String {
    let plain = hint.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    plain.take(HINT_BYTES_MAX).collect()
}

fn unique(hint: &str) -> String {
    let tail = RandomState::new().hash_one(std::process::id());
    format!("t_{}_{tail:016x}", tidy(hint))
}
