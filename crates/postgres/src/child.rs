//! What a server process does to itself between fork and exec.
//!
//! The one file that needs `unsafe`: the standard library marks `pre_exec` so, because the
//! child of a threaded program may only make calls that take no lock and no memory.
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Detaches `command` from the terminal's signals and ties its life to the calling thread:
/// when that thread ends, however it ends, the kernel sends the server a fast shutdown.
pub(crate) fn bind(command: &mut Command) {
    // Ctrl-C reaches the program alone, which then stops the server in order.
    command.process_group(0);
    #[cfg(target_os = "linux")]
    {
        use nix::sys::{prctl, signal::Signal};
        use nix::unistd::{Pid, getppid};
        let parent = Pid::this();
        // SAFETY: the closure makes two system calls (prctl, getppid) and compares integers;
        // it allocates nothing and takes no lock.
        unsafe {
            command.pre_exec(move || {
                prctl::set_pdeathsig(Signal::SIGINT)?;
                // The parent may have died before the line above: then nobody would send the signal.
                if getppid() == parent { Ok(()) } else { Err(std::io::ErrorKind::BrokenPipe.into()) }
            });
        }
    }
}

/// Runs `command` in a user namespace without mappings: it sees itself as `nobody`, while the
/// kernel still judges its file accesses as the caller.
#[cfg(target_os = "linux")]
pub(crate) fn unshare_user(command: &mut Command) {
    use nix::sched::{CloneFlags, unshare};
    // SAFETY: the closure makes one system call (unshare); it allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(|| Ok(unshare(CloneFlags::CLONE_NEWUSER)?));
    }
}

/// Other systems have no user namespaces.
#[cfg(not(target_os = "linux"))]
pub(crate) fn unshare_user(command: &mut Command) {
    // SAFETY: the closure only builds an error from a constant.
    unsafe {
        command.pre_exec(|| Err(std::io::ErrorKind::Unsupported.into()));
    }
}
