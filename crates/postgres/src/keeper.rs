//! The thread that starts the server, lives as long as it, and stops it.
//!
//! The kernel's "tell me when my parent ends" is bound to the thread that forks, so the server
//! is a child of a thread that does nothing else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{fs::File, io::Write as _, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::home::{Home, socket_in};
use crate::identity::Identity;
use crate::probe::{self, Answer};
use crate::{Binaries, PORT, PostgresFault, child, options, orphan, wait};

const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
/// Replaying a full `max_wal_size` on a slow disk takes minutes, and says so all the while.
const RECOVERS_WITHIN: Duration = Duration::from_secs(30 * 60);
const FAST_STOP_WITHIN: Duration = Duration::from_secs(20);
const HARD_STOP_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);

/// Everything needed to start the server again.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) home: Home,
    pub(crate) identity: Identity,
    pub(crate) binaries: Binaries,
    pub(crate) socket_dir: PathBuf,
}

/// A running server and its thread.
#[derive(Debug)]
pub(crate) struct Keeper {
    // Dropping the sender is the order to stop.
    orders: Sender<()>,
    thread: JoinHandle<Result<(), PostgresFault>>,
}

impl Keeper {
    /// Starts the server and returns once it answers. `lock` is held until it is gone again.
    pub(crate) fn start(plan: Plan, lock: File) -> Result<Self, PostgresFault> {
        let (orders, inbox) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let data = plan.home.data().to_owned();
        let run = move || {
            let ended = keep(&plan, &inbox, tell);
            drop(lock);
            ended
        };
        let thread = thread::Builder::new().name("postgres-keeper".into()).spawn(run);
        let thread = thread.map_err(PostgresFault::file("start a thread for", &data))?;
        match told.recv() {
            Ok(()) => Ok(Self { orders, thread }),
            // The thread ended before the server answered; it returns why.
            Err(_) => Err(ended(thread, &data).err().unwrap_or_else(|| failed(&data, "did not start", "it ended"))),
        }
    }

    /// Stops the server: fast, then hard, each within a bound.
    pub(crate) fn stop(self, data: &Path) -> Result<(), PostgresFault> {
        drop(self.orders);
        ended(self.thread, data)
    }
}

fn ended(thread: JoinHandle<Result<(), PostgresFault>>, data: &Path) -> Result<(), PostgresFault> {
    thread.join().unwrap_or_else(|_| Err(failed(data, "did not stop", "its keeper panicked")))
}

fn failed(data: &Path, what: &'static str, log: &str) -> PostgresFault {
    PostgresFault::ServerFailed { data: data.into(), what, log: log.into() }
}

fn keep(plan: &Plan, inbox: &Receiver<()>, tell: Sender<()>) -> Result<(), PostgresFault> {
    let mut server = launch(plan)?;
    // The starter may have gone away; then the inbox says so below.
    let _ = tell.send(());
    drop(tell);
    let mut back_off = LOOK_EVERY;
    loop {
        match inbox.recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return stop(plan, &mut server),
        }
        if let Ok(Some(status)) = server.try_wait() {
            note(plan, &format!("the server ended ({status}), starting it again"));
            match launch(plan) {
                Ok(again) => (server, back_off) = (again, LOOK_EVERY),
                Err(fault) => {
                    note(plan, &format!("{} {fault}", fault.code()));
                    if inbox.recv_timeout(back_off) != Err(RecvTimeoutError::Timeout) {
                        return Ok(());
                    }
                    back_off = (back_off * 2).min(BACK_OFF_MAX);
                }
            }
        }
    }
}

fn note(plan: &Plan, line: &str) {
    // The log is the only place to say it; where it cannot be written, nobody can be told.
    let _ = plan.home.log().and_then(|mut log| writeln!(log, "statehouse: {line}").map_err(PostgresFault::file("write", plan.home.data())));
}

fn launch(plan: &Plan) -> Result<Child, PostgresFault> {
    let Plan { home, identity, binaries, socket_dir, .. } = plan;
    orphan::clear(home, socket_dir)?;
    let log = home.log()?;
    let log_start = log.metadata().map_or(0, |found| found.len());
    let mut command = identity.command(&binaries.program("postgres"), socket_dir);
    command.arg("-D").arg(home.pg());
    command.arg("-c").arg(setting("config_file", &home.path("postgres.conf")));
    command.arg("-c").arg(setting("hba_file", &home.path("pg_hba.conf")));
    command.arg("-c").arg(setting("unix_socket_directories", socket_dir)).args(["-c", &format!("port={PORT}")]);
    command.args(options::fixed_arguments());
    let copy = log.try_clone().map_err(PostgresFault::file("open", home.data()))?;
    command.stdout(copy).stderr(log);
    child::bind(&mut command);
    let mut server = command.spawn().map_err(PostgresFault::file("run", &binaries.program("postgres")))?;
    match ready(&mut server, socket_dir) {
        Ok(()) => Ok(server),
        Err(why) => {
            let _ = stop(plan, &mut server);
            let log = format!("{why}\n{}", home.log_since(log_start));
            Err(failed(home.data(), "did not start", log.trim()))
        }
    }
}

fn setting(name: &str, path: &Path) -> OsString {
    let mut text = OsString::from(format!("{name}="));
    text.push(path);
    text
}

/// Waits until the server opens a session, or ends, or has been silent too long.
fn ready(server: &mut Child, socket_dir: &Path) -> Result<(), String> {
    let socket = socket_in(socket_dir);
    let mut silent_since = Instant::now();
    let answer = wait::until(RECOVERS_WITHIN, || {
        if let Ok(Some(status)) = server.try_wait() {
            return Some(Err(format!("it ended with {status}")));
        }
        match probe::ask(&socket) {
            Answer::Ready => return Some(Ok(())),
            Answer::Refused(why) => return Some(Err(why)),
            Answer::Closed => {
                return Some(Err(format!("permission denied on `{}`", socket.display())));
            }
            Answer::NotYet => silent_since = Instant::now(),
            Answer::Silent => {}
        }
        (silent_since.elapsed() > ANSWERS_WITHIN).then(|| Err(format!("no answer within {} s", ANSWERS_WITHIN.as_secs())))
    });
    answer.unwrap_or_else(|| Err(format!("still recovering after {} s", RECOVERS_WITHIN.as_secs())))
}

fn stop(plan: &Plan, server: &mut Child) -> Result<(), PostgresFault> {
    let pid = i32::try_from(server.id()).map(Pid::from_raw);
    for (signal, bound) in [(Signal::SIGINT, FAST_STOP_WITHIN), (Signal::SIGQUIT, HARD_STOP_WITHIN)] {
        // Not reaped yet, so the number is still this server's.
        if let (Ok(pid), Ok(None)) = (pid, server.try_wait()) {
            let _ = kill(pid, signal);
        }
        let ended: Option<ExitStatus> = wait::until(bound, || server.try_wait().ok().flatten());
        if ended.is_some() {
            return Ok(());
        }
    }
    Err(failed(plan.home.data(), "did not stop", &plan.home.log_since(0)))
}
