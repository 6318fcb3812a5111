//! Runs the binary.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What one run of the binary said.
pub struct Run {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Fails with everything it said unless it ended with `status`.
    #[track_caller]
    pub fn ended(self, status: i32) -> Run {
        assert_eq!(self.status, Some(status), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|cause| panic!("{cause}\n{}\n{}", self.stdout, self.stderr))
    }
}

/// The binary in `dir`, with nothing of ours in its environment.
pub fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_statehouse"));
    command.current_dir(dir).env_remove("DATABASE_URL").env_remove("NO_COLOR");
    command
}

pub fn run(dir: &Path, arguments: &[&str]) -> Run {
    let Output { status, stdout, stderr } = command(dir).args(arguments).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Run { status: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A folder with an app made by `init`.
pub fn stay(dir: &Path) -> PathBuf {
    run(dir, &["init", "stay"]).ended(0);
    dir.join("stay")
}

/// Changes one file of the app.
pub fn edit(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).expect("readable");
    assert!(text.contains(from), "{from}");
    std::fs::write(file, text.replace(from, to)).expect("written");
}

/// What a server says to one request, head and all.
pub fn answer(address: &str, path: &str, key: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("answered");
    said
}
