//! Who used the processors, so that a figure can be told from the noise of a machine that others use too.

use std::fmt;
use std::fs;

/// Clock ticks of user and system time since each began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    server: u64,
    callers: u64,
    database: u64,
    machine: u64,
    /// All that there was to use on every processor.
    total: u64,
}

impl Used {
    /// What has been used until now. The callers are this process, the database every process called `postgres`.
    pub fn now(server: u32) -> Used {
        let mut used = Used { server: ticks(server), callers: ticks(std::process::id()), ..Used::default() };
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(number) = number
                && fs::read_to_string(format!("/proc/{number}/comm")).is_ok_and(|name| name.trim() == "postgres")
            {
                used.database += ticks(number);
            }
        }
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let fields: Vec<u64> = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).flat_map(str::parse).collect();
        // user, nice, system, idle, waiting for a disk, and what interrupts took.
        used.total = fields.iter().take(8).sum();
        used.machine = used.total - fields.iter().skip(3).take(2).sum::<u64>();
        used
    }

    /// What has been used since an earlier moment.
    pub fn since(self, before: Used) -> Used {
        Used {
            server: self.server.saturating_sub(before.server),
            callers: self.callers.saturating_sub(before.callers),
            database: self.database.saturating_sub(before.database),
            machine: self.machine.saturating_sub(before.machine),
            total: self.total.saturating_sub(before.total),
        }
    }
}

impl fmt::Display for Used {
    /// In hundredths of one processor.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
        let of_one = |ticks: u64| ticks * processors * 100 / self.total.max(1);
        let others = self.machine.saturating_sub(self.server + self.callers + self.database);
        let [server, callers, database, others] = [self.server, self.callers, self.database, others].map(of_one);
        write!(f, "server {server}, database {database}, callers {callers}, others {others}")
    }
}

fn ticks(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // After the name, which may hold anything, state is the first field; the twelfth and on are user and system time, of
    // the process and of its children that have ended.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(4);
    fields.flat_map(str::parse::<u64>).sum()
}
