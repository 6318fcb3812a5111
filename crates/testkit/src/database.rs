//! A database that lives as long as its test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use statehouse_postgres::{PORT, SUPERUSER};
use tokio_postgres::{Client, Config, NoTls};

use crate::asker;
use crate::psql::{self, Asker, PsqlRun, Target, Verbosity};

/// One database of a test; dropped, with whoever is still connected, when the value is.
#[derive(Debug)]
pub struct TestDatabase {
    socket_dir: PathBuf,
    psql: PathBuf,
    name: String,
    kept: AtomicBool,
}

impl TestDatabase {
    pub(crate) fn new(socket_dir: PathBuf, psql: PathBuf, name: String) -> Self {
        Self { socket_dir, psql, name, kept: AtomicBool::new(false) }
    }

    /// Its name on the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection URL for the program under test. Nothing checks who asks there.
    #[must_use]
    pub fn url(&self, role: &str) -> String {
        statehouse_postgres::url(&self.socket_dir, role, &self.name)
    }

    /// Connection options for a pool under test. Nothing checks who asks there.
    #[must_use]
    pub fn config(&self, role: &str) -> Config {
        let mut config = Config::new();
        config.host_path(&self.socket_dir).port(PORT).user(role).dbname(&self.name);
        config
    }

    /// Runs `script` by the real psql as `role`.
    ///
    /// # Panics
    /// Unless the session is `role`, unprivileged.
    #[must_use]
    #[track_caller]
    pub fn psql(&self, role: &str, script: &str) -> PsqlRun {
        self.psql_with(role, Verbosity::Default, script)
    }

    /// As [`TestDatabase::psql`], with psql's errors as `verbosity` says.
    ///
    /// # Panics
    /// Unless the session is `role`, unprivileged.
    #[must_use]
    #[track_caller]
    pub fn psql_with(&self, role: &str, verbosity: Verbosity, script: &str) -> PsqlRun {
        psql::run(&self.target(), &Asker::Unprivileged(role), verbosity, script)
    }

    /// Runs `script` as `role` with every line echoed, and returns what a person at the prompt would have read,
    /// errors in their place.
    ///
    /// # Panics
    /// Unless the session is `role`, unprivileged.
    #[must_use]
    #[track_caller]
    pub fn transcript(&self, role: &str, verbosity: Verbosity, script: &str) -> String {
        psql::transcript(&self.target(), &Asker::Unprivileged(role), verbosity, script)
    }

    /// The bare output of one statement as `role`: rows as lines, columns split by `|`.
    ///
    /// # Panics
    /// Unless the session is `role`, unprivileged, and the statement succeeds.
    #[must_use]
    #[track_caller]
    pub fn value(&self, role: &str, statement: &str) -> String {
        psql::value(&self.target(), &Asker::Unprivileged(role), statement)
    }

    /// The bare output of one statement as the superuser, to look behind the scene.
    ///
    /// # Panics
    /// Unless the session is the superuser and the statement succeeds.
    #[must_use]
    #[track_caller]
    pub fn value_as_superuser(&self, statement: &str) -> String {
        psql::value(&self.target(), &Asker::Superuser, statement)
    }

    /// Runs `script` as the superuser: to set a scene or to tamper, never to show what a role may do.
    ///
    /// # Panics
    /// Unless the session is the superuser.
    #[must_use]
    #[track_caller]
    pub fn psql_as_superuser(&self, script: &str) -> PsqlRun {
        psql::run(&self.target(), &Asker::Superuser, Verbosity::Default, script)
    }

    /// A connection as `role`, inside a tokio runtime.
    ///
    /// # Panics
    /// Unless it is made and the session is `role`, unprivileged.
    pub async fn connect(&self, role: &str) -> Client {
        self.open(role, &asker::unprivileged(role)).await
    }

    /// A connection as the superuser, inside a tokio runtime.
    ///
    /// # Panics
    /// Unless it is made.
    pub async fn connect_as_superuser(&self) -> Client {
        self.open(SUPERUSER, &asker::superuser()).await
    }

    async fn open(&self, role: &str, check: &str) -> Client {
        let connected = self.config(role).connect(NoTls).await;
        let (client, connection) = connected.unwrap_or_else(|cause| panic!("could not connect as `{role}`: {cause:?}"));
        tokio::spawn(async move {
            // The client sees the loss as an error of its next call.
            let _ = connection.await;
        });
        let checked = client.batch_execute(check).await;
        checked.unwrap_or_else(|cause| panic!("connected as somebody other than an unprivileged `{role}`: {cause:?}"));
        client
    }

    /// Lets it outlive the value.
    pub(crate) fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    fn target(&self) -> Target<'_> {
        Target { psql: &self.psql, socket_dir: &self.socket_dir, database: &self.name }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.kept.load(Ordering::Relaxed) {
            return;
        }
        let target = Target { database: SUPERUSER, ..self.target() };
        // Not a panic: this may run while a failed test unwinds, and the server is thrown away anyway.
        if let Err(why) = psql::drop_database(&target, &self.name) {
            eprintln!("testkit: could not drop `{}`: {why}", self.name);
        }
    }
}
