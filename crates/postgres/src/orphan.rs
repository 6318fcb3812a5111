//! A server without a living owner: found by its working directory, stopped in order.
//!
//! Called only under the lock, so whatever still runs in `DATA/pg` belongs to nobody.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::home::{Home, socket_in};
use crate::{PORT, PostgresFault, wait};

const FAST_STOP_WITHIN: Duration = Duration::from_secs(20);
const HARD_STOP_WITHIN: Duration = Duration::from_secs(10);

/// What a process number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Gone,
    /// Ended, not yet reaped: it still answers signals, and PostgreSQL would take it for alive.
    Zombie,
    /// Runs in this data directory.
    Ours,
    /// A number that was given to somebody else.
    Stranger,
}

/// Leaves no process in `DATA/pg` and no lock file that would keep a server from starting in `socket_dir`.
pub(crate) fn clear(home: &Home, socket_dir: &Path) -> Result<(), PostgresFault> {
    let pg = home.pg();
    let postmaster = postmaster(&pg);
    let ours = postmaster.filter(|pid| standing(*pid, &pg) == Standing::Ours);
    if let Some(pid) = ours {
        signal(pid, Signal::SIGINT);
    }
    // Backends outlive a killed postmaster by moments, and its shared memory lives as long.
    let empty = || (processes_in(&pg).is_empty() && ours.is_none_or(|pid| standing(pid, &pg) != Standing::Ours)).then_some(());
    let stopped = wait::until(FAST_STOP_WITHIN, empty).or_else(|| {
        processes_in(&pg).into_iter().chain(ours).for_each(|pid| signal(pid, Signal::SIGQUIT));
        wait::until(HARD_STOP_WITHIN, empty)
    });
    if stopped.is_none() {
        let holder = ours.map_or("a process".into(), |pid| format!("the server process {pid}"));
        return Err(PostgresFault::Held { data: home.data().into(), holder: format!("{holder}, which does not stop") });
    }
    if let Some(Standing::Zombie | Standing::Stranger) = postmaster.map(|pid| standing(pid, &pg)) {
        remove(&pg.join("postmaster.pid"))?;
    }
    // The directory is this server's alone, so what lies there now is left over; its lock names a process as the pid file does.
    let socket = socket_in(socket_dir);
    remove(&socket)?;
    remove(&socket.with_extension(format!("{PORT}.lock")))
}

/// The process number in `postmaster.pid`.
fn postmaster(pg: &Path) -> Option<Pid> {
    let text = fs::read_to_string(pg.join("postmaster.pid")).ok()?;
    let number: i32 = text.lines().next()?.trim().parse().ok()?;
    (number > 1).then(|| Pid::from_raw(number))
}

fn signal(pid: Pid, signal: Signal) {
    // It may be gone by now, which is what the signal was for.
    let _ = kill(pid, signal);
}

fn remove(path: &Path) -> Result<(), PostgresFault> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(PostgresFault::File { doing: "remove", path: path.into(), cause }),
        _ => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn standing(pid: Pid, pg: &Path) -> Standing {
    let entry = Path::new("/proc").join(pid.to_string());
    let Ok(stat) = fs::read_to_string(entry.join("stat")) else {
        return Standing::Gone;
    };
    // The state follows the command's name, which may itself hold brackets.
    if stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X'])) {
        return Standing::Zombie;
    }
    let ours = match fs::read_link(entry.join("cwd")) {
        Ok(cwd) => cwd == pg,
        // A container's root may not look into other users' processes; the command line is open to all.
        Err(_) => fs::read(entry.join("cmdline")).is_ok_and(|line| starts_server_in(&line, pg)),
    };
    if ours { Standing::Ours } else { Standing::Stranger }
}

#[cfg(target_os = "linux")]
fn starts_server_in(line: &[u8], pg: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    words.windows(2).any(|pair| pair == [b"-D".as_slice(), pg.as_os_str().as_bytes()])
}

#[cfg(target_os = "linux")]
fn processes_in(pg: &Path) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let inside = entries.filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == pg));
    inside.filter_map(|entry| Some(Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))).collect()
}

/// Without /proc the command line tells.
#[cfg(not(target_os = "linux"))]
fn standing(pid: Pid, pg: &Path) -> Standing {
    let output = std::process::Command::new("ps").args(["-o", "stat=,command=", "-p", &pid.to_string()]).output();
    let Ok(output) = output else {
        return Standing::Gone;
    };
    let line = String::from_utf8_lossy(&output.stdout);
    match line.trim() {
        "" => Standing::Gone,
        zombie if zombie.starts_with('Z') => Standing::Zombie,
        ours if ours.contains(&*pg.to_string_lossy()) => Standing::Ours,
        _ => Standing::Stranger,
    }
}

#[cfg(not(target_os = "linux"))]
fn processes_in(_pg: &Path) -> Vec<Pid> {
    Vec::new()
}
