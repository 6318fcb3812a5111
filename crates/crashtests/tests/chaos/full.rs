//! The disk of the database is full: nobody is told yes, and everything goes on once there is room. The files lie on a
//! small file system of their own, which only a mount namespace sees.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;
use statehouse_crashtests::wait;

use crate::caller::Caller;
use crate::facts::facts;
use crate::judge::judge;
use crate::load::Load;
use crate::postgres::{Mode, Postgres};
use crate::works::{BOUND, Works};

const CALLERS: usize = 16;
/// So many are always asked for and not yet answered.
const AHEAD: usize = 24;
/// So many refusals are waited for while there is no room.
const REFUSALS: u32 = 40;

/// Which files have no room.
#[derive(Debug, Clone, Copy)]
enum Full {
    /// Tables and indexes: a statement that needs another page fails.
    Data,
    /// The log: the server ends, and does not come back while there is none.
    Log,
}

/// A server below a mount that nobody else sees, kept by a process that sleeps in the namespace.
struct Small {
    keeper: std::process::Child,
    /// The file system, as seen from outside.
    seen: PathBuf,
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

impl Small {
    /// Mounts a file system of so many bytes over `dir`, in a namespace of its own; why not, where that is not possible.
    fn over(dir: &Path, bytes: u64) -> Result<Small, String> {
        if !geteuid().is_root() {
            return Err("only root may mount".into());
        }
        let script = format!("mount -t tmpfs -o size={bytes},mode=0700 tmpfs '{}' && echo mounted && exec sleep infinity", dir.display());
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &script]);
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
        let mut keeper = command.spawn().map_err(|cause| format!("no `unshare`: {cause}"))?;
        let mut said = String::new();
        let out = keeper.stdout.take().ok_or("no output")?;
        let _ = std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut said);
        let seen = PathBuf::from(format!("/proc/{}/root{}", keeper.id(), dir.display()));
        let small = Small { keeper, seen };
        if said.trim() == "mounted" { Ok(small) } else { Err("a mount namespace is not permitted".into()) }
    }

    /// Takes what room there is, to the last page.
    fn fill(&self) {
        let mut file = fs::File::create(self.seen.join("filler")).expect("a file");
        for piece in [1 << 20, 4096] {
            while std::io::Write::write_all(&mut file, &vec![1; piece]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.seen.join("filler")).expect("removed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_room_for_tables() {
    full(Full::Data).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_room_for_the_log() {
    full(Full::Log).await;
}

async fn full(which: Full) {
    // Small segments, so that the log takes room in small steps.
    let mut postgres =
        Postgres::prepare(&["--wal-segsize=1"], &[("max_wal_size", "8MB"), ("min_wal_size", "2MB"), ("shared_buffers", "32MB")]);
    let part = match which {
        Full::Data => postgres.data().join("base"),
        Full::Log => postgres.data().join("pg_wal"),
    };
    let small = match Small::over(&part, 192 << 20) {
        Ok(small) => small,
        Err(why) => {
            println!("disk full ({which:?}): skipped: {why}");
            return;
        }
    };
    // What lay there lies below the mount now: copied into it, as the server's.
    let copied = Command::new("sh").arg("-c").arg(format!("cp -a '{}/.' '{}'", part.display(), small.seen.display())).status();
    assert!(copied.is_ok_and(|status| status.success()), "the files are not copied");
    postgres.own(&small.seen);
    postgres.inside(small.keeper.id());
    postgres.ctl(&["start"]);
    let mut works = Works::over(postgres, &[]).await;
    let worker = works.work(&[]).await;
    let load = Load::start(&works, CALLERS);
    let ask = |load: &Load| load.offer(AHEAD.saturating_sub(load.offered() - load.acked()));
    assert!(
        wait::within(BOUND, async || {
            ask(&load);
            load.acked() >= 60
        })
        .await,
        "nothing is acknowledged"
    );

    small.fill();
    let before = load.told();
    let refused = || load.told().refusals.iter().filter(|(what, _)| what.starts_with("503")).map(|(_, many)| *many).sum::<u32>();
    let earlier = before.refusals.values().sum::<u32>();
    let many = wait::within(BOUND, async || {
        ask(&load);
        refused() >= earlier + REFUSALS
    })
    .await;
    assert!(many, "there is room still: {:?}", load.told());
    let acked = load.acked();
    let live = Caller::new(works.address).ask("GET", "/health/live", &[], "").await;
    assert!(live.is_ok_and(|answer| answer.status == 200), "the process does not live");
    let during = load.told();

    small.free();
    if matches!(which, Full::Log) {
        // Whoever looks after the server starts it again.
        tokio::task::block_in_place(|| {
            let _ = works.postgres.try_ctl(&["stop", "--mode", Mode::Immediate.name()]);
            works.postgres.ctl(&["start"]);
        });
    }
    let goes_on = wait::within(BOUND, async || {
        ask(&load);
        load.acked() >= acked + 60
    })
    .await;
    assert!(goes_on, "it does not go on: {:?}", load.told());
    let (acked, told) = load.stop().await;
    works.rests().await;
    let verdict = judge(&facts(&mut works, acked).await);
    println!("disk full ({which:?}): callers were told {:?}; with room again {verdict}", during.refusals);
    verdict.assert();
    assert!(told.is_passing() && told.rude.is_empty(), "{told:?}");
    drop(worker);
    works.server.signal(nix::sys::signal::Signal::SIGKILL);
    works.postgres.stop(Mode::Immediate);
    drop(small);
}
