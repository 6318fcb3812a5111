//! A Postgres of one scenario's own, stopped and started by `pg_ctl`.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::unistd::{User, chown, geteuid};
use statehouse_postgres::{Binaries, PORT, SUPERUSER};
use tokio_postgres::{Client, Config, NoTls};

/// What the server is told on top of what it is by itself; its durability is left as it comes.
const SETTINGS: [(&str, &str); 8] = [
    ("listen_addresses", ""),
    ("max_connections", "60"),
    ("max_wal_size", "2GB"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
    ("recovery_init_sync_method", "syncfs"),
];

/// How a server is told to stop.
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    /// Sessions end, what is in memory is written.
    Fast,
    /// As a power cut would: nothing is written, the next start recovers from the log.
    Immediate,
}

impl Mode {
    /// As `pg_ctl` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Fast => "fast",
            Mode::Immediate => "immediate",
        }
    }
}

/// A server; stopped, and its files removed, when the value is dropped.
#[derive(Debug)]
pub struct Postgres {
    dir: tempfile::TempDir,
    bin: Binaries,
    /// As whom it runs: it refuses to be root.
    user: Option<(u32, u32)>,
    /// In whose mount namespace.
    inside: Option<u32>,
}

impl Postgres {
    /// Makes a cluster and starts it; `more` settings win.
    pub fn start(more: &[(&str, &str)]) -> Postgres {
        let postgres = Postgres::prepare(&[], more);
        postgres.ctl(&["start"]);
        postgres
    }

    /// Makes a cluster without starting it; `flags` are for `initdb`.
    pub fn prepare(flags: &[&str], more: &[(&str, &str)]) -> Postgres {
        let dir = tempfile::Builder::new().prefix("sh-chaos-").tempdir().expect("a directory");
        fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).expect("passable");
        let user = geteuid().is_root().then(|| {
            let known = |name| User::from_name(name).ok().flatten();
            let user = known("postgres").or_else(|| known("nobody")).expect("an unprivileged user");
            (user.uid.as_raw(), user.gid.as_raw())
        });
        let postgres = Postgres { dir, bin: Binaries::find(None).expect("binaries"), user, inside: None };
        for part in ["pg", "run"] {
            let path = postgres.dir.path().join(part);
            fs::create_dir(&path).expect("a directory");
            fs::set_permissions(&path, Permissions::from_mode(0o700)).expect("closed");
            postgres.own(&path);
        }
        let mut initdb = postgres.tool("initdb");
        initdb.args(["--username", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--data-checksums", "--no-sync"]);
        ended_well(initdb.args(flags).arg("--pgdata").arg(postgres.data()).output().expect("initdb runs"), "initdb");
        postgres.set(more);
        postgres
    }

    /// Writes the settings of the next start.
    pub fn set(&self, more: &[(&str, &str)]) {
        let mut text = format!("include = 'postgresql.conf'\nport = {PORT}\nunix_socket_directories = '{}'\n", self.socket_dir().display());
        for (name, value) in SETTINGS.iter().chain(more) {
            let _ = writeln!(text, "{name} = '{value}'");
        }
        let path = self.data().join("chaos.conf");
        fs::write(&path, text).expect("written");
        self.own(&path);
    }

    /// `pg_ctl …`, waiting for what it brings about; the program's own way of telling that it worked.
    pub fn ctl(&self, args: &[&str]) {
        assert!(self.try_ctl(args), "`pg_ctl {}` failed:\n{}", args.join(" "), self.log());
    }

    /// The same, where it may fail.
    pub fn try_ctl(&self, args: &[&str]) -> bool {
        let mut ctl = self.tool("pg_ctl");
        ctl.args(args).args(["--wait", "--timeout", "60", "--silent", "--pgdata"]).arg(self.data());
        ctl.arg("--log").arg(self.data().join("server.log"));
        ctl.arg("--options").arg(format!("-c config_file={}", self.data().join("chaos.conf").display()));
        // Not by a pipe: the server inherits it, and whoever reads to its end waits for ever.
        ctl.status().is_ok_and(|status| status.success())
    }

    /// Stops it.
    pub fn stop(&self, mode: Mode) {
        self.ctl(&["stop", "--mode", mode.name()]);
    }

    /// Stops it and starts it again.
    pub fn restart(&self, mode: Mode) {
        self.ctl(&["restart", "--mode", mode.name()]);
    }

    /// The end of what it said.
    pub fn log(&self) -> String {
        crate::works::end_of(&fs::read_to_string(self.data().join("server.log")).unwrap_or_default())
    }

    /// Where its files are.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("pg")
    }

    /// The directory of the socket.
    pub fn socket_dir(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// A connection URL.
    pub fn url(&self, role: &str, database: &str) -> String {
        statehouse_postgres::url(&self.socket_dir(), role, database)
    }

    /// A connection, once it is let in; the server may be on its way.
    pub async fn connect(&self, role: &str, database: &str) -> Client {
        self.try_connect(role, database).await.unwrap_or_else(|cause| panic!("no connection as `{role}`: {cause:?}\n{}", self.log()))
    }

    /// The same, where it may be refused.
    pub async fn try_connect(&self, role: &str, database: &str) -> Result<Client, tokio_postgres::Error> {
        let mut config = Config::new();
        config.host_path(self.socket_dir()).port(PORT).user(role).dbname(database).application_name("chaos");
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// From now on its programs run in the mount namespace of this process.
    pub fn inside(&mut self, process: u32) {
        self.inside = Some(process);
    }

    /// One of its programs, as its user.
    fn tool(&self, name: &str) -> Command {
        let program = self.bin.program(name);
        let mut command = match (self.inside, self.user) {
            (Some(process), Some((uid, gid))) => {
                let mut command = Command::new("nsenter");
                command.args(["--mount", "--target", &process.to_string(), "--setuid", &uid.to_string(), "--setgid", &gid.to_string()]);
                command.arg(program);
                command
            }
            _ => {
                let mut command = Command::new(program);
                if let Some((uid, gid)) = self.user {
                    command.uid(uid).gid(gid);
                }
                command
            }
        };
        command.current_dir("/").stdin(std::process::Stdio::null());
        command
    }

    /// Hands a file to whoever the server runs as.
    pub fn own(&self, path: &Path) {
        if let Some((uid, gid)) = self.user {
            chown(path, Some(uid.into()), Some(gid.into())).expect("handed over");
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            let _ = self.try_ctl(&["stop", "--mode", "immediate"]);
        }
    }
}

/// What it said, where it failed.
pub fn ended_well(output: Output, what: &str) {
    assert!(output.status.success(), "{what} failed:\n{}", String::from_utf8_lossy(&output.stderr));
}
