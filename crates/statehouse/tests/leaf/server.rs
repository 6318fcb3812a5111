//! The binary, serving orders.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use statehouse_testkit::{Cluster, TestDatabase, app};

/// A server over a database of its own.
pub struct Server {
    /// Where it listens.
    pub address: String,
    /// Its database.
    pub db: TestDatabase,
    child: Option<Child>,
    _dir: tempfile::TempDir,
}

/// A started binary, with nothing set but `variables`.
pub fn start(variables: &[(&str, &str)]) -> (Child, TestDatabase, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let cluster = Cluster::shared();
    let db = cluster.database_from(&app::template(cluster, &app::folder("orders")), "leaf");
    let child = Command::new(env!("CARGO_BIN_EXE_statehouse"))
        .current_dir(dir.path())
        .env_remove("DATABASE_URL")
        .envs(variables.iter().copied())
        .args(["--database-url", &db.url("postgres"), "serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    (child, db, dir)
}

impl Server {
    /// Started with these settings.
    pub fn with(variables: &[(&str, &str)]) -> Server {
        let (mut child, db, dir) = start(variables);
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("text");
        let Some(address) = line.trim().strip_prefix("`orders` version 1 answers at http://") else {
            let said = child.wait_with_output().expect("it ends");
            panic!("{line}{}", String::from_utf8_lossy(&said.stderr));
        };
        Server { address: address.to_owned(), db, child: Some(child), _dir: dir }
    }

    /// What it says to one request; `lines` are headers, each ending in CR LF.
    pub fn say(&self, first: &str, lines: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream
            .write_all(format!("{first} HTTP/1.1\r\nhost: {}\r\n{lines}connection: close\r\n\r\n", self.address).as_bytes())
            .expect("sent");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("answered");
        said
    }

    /// Tells it to stop, and gives back its log.
    pub fn stop(mut self) -> String {
        let child = self.child.take().expect("it runs");
        kill(Pid::from_raw(i32::try_from(child.id()).expect("an id")), Signal::SIGTERM).expect("signalled");
        let ended = child.wait_with_output().expect("it ends");
        let log = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(0), "{log}");
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
