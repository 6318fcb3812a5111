//! Directories, holders and psql for the tests of the private server.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use statehouse_postgres::Binaries;

/// A directory that everybody may pass, removed at the end.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("sh-pg-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a new directory");
        set_mode(&path, 0o755);
        Self(path.canonicalize().expect("its real name"))
    }

    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A failed test may leave a server without an owner.
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let inside = std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&self.0));
            if let (true, Some(pid)) = (inside, entry.file_name().to_str().and_then(|name| name.parse().ok())) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
}

pub fn is_root() -> bool {
    geteuid().is_root()
}

pub fn user(name: &str) -> User {
    User::from_name(name).expect("a lookup").expect("a user")
}

pub fn run_as(command: &mut Command, name: &str) {
    let user = user(name);
    command.uid(user.uid.as_raw()).gid(user.gid.as_raw()).current_dir("/");
}

/// Runs SQL by the real psql, without its start-up file.
pub fn psql(socket_dir: &Path, role: &str, sql: &str) -> Output {
    psql_command(socket_dir, role, sql).output().expect("psql ran")
}

pub fn psql_command(socket_dir: &Path, role: &str, sql: &str) -> Command {
    let mut command = Command::new(Binaries::find(None).expect("binaries").program("psql"));
    command.args(["-X", "-A", "-t", "-U", role, "-d", "postgres", "-c", sql]).arg("-h").arg(socket_dir);
    command.env_remove("PGPORT").env("PGCONNECT_TIMEOUT", "10");
    command
}

/// The one value of a query that must succeed.
pub fn value(socket_dir: &Path, sql: &str) -> String {
    let output = psql(socket_dir, "postgres", sql);
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub fn postmaster(data: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(data.join("pg/postmaster.pid")).ok()?;
    Some(Pid::from_raw(text.lines().next()?.trim().parse().ok()?))
}

pub fn kill_9(pid: Pid) {
    kill(pid, Signal::SIGKILL).expect("the process was there");
}

/// Asks until it is so; fails after 30 s.
pub fn eventually(what: &str, so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !so() {
        assert!(Instant::now() < end, "not within 30 s: {what}");
        std::thread::yield_now();
    }
}

/// A process that holds the server of one data directory.
pub struct Holder {
    pub line: String,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Holder {
    /// Starts `hold DATA …` and reads its one line.
    pub fn start(scratch: &Scratch, data: &Path, name: Option<&str>, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(program(scratch));
        command.arg(data).stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(name) = name {
            run_as(&mut command, name);
        }
        change(&mut command);
        let mut child = command.spawn().expect("the holder starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its line");
        let stdin = child.stdin.take();
        Self { line: line.trim().to_owned(), child, stdin }
    }

    pub fn socket_dir(&self) -> PathBuf {
        let dir = self.line.split_once(' ').unwrap_or_else(|| panic!("no socket in `{}`", self.line)).1;
        PathBuf::from(dir)
    }

    pub fn owned_socket_dir(&self) -> PathBuf {
        assert!(self.line.starts_with("owned "), "{}", self.line);
        self.socket_dir()
    }

    /// As the kernel would on a lack of memory.
    pub fn kill_9(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }

    /// Lets it end in order; its exit code.
    pub fn release(mut self) -> Option<i32> {
        drop(self.stdin.take());
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// The example, copied to where every user may run it.
fn program(scratch: &Scratch) -> PathBuf {
    let copy = scratch.0.join("hold");
    if !copy.exists() {
        let test = std::env::current_exe().expect("this test");
        let built = test.ancestors().nth(2).expect("the profile's directory").join("examples/hold");
        let partial = scratch.0.join("hold.tmp");
        std::fs::copy(&built, &partial).expect("the example is built with the tests");
        set_mode(&partial, 0o755);
        std::fs::rename(&partial, &copy).expect("in place");
    }
    copy
}
