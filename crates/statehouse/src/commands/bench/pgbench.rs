//! Runs pgbench and reads what it says and logs.

use std::path::Path;
use std::process::Command;

use super::figures::percentile;
use super::world::World;
use crate::failure::Failure;

/// Calls of each connection that are taken back and not counted: Postgres settles on a plan after five.
pub const WARMING: u32 = 6;

/// One run to come.
#[derive(Debug)]
pub struct Run<'a> {
    /// The script's text.
    pub script: &'a str,
    /// Connections.
    pub clients: u32,
    /// Calls of each connection.
    pub calls_each: u32,
    /// Variables of the script.
    pub variables: Vec<(&'a str, String)>,
    /// The token every connection brings, if any.
    pub session: Option<&'a str>,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    /// Calls that pgbench says were processed.
    pub calls: u32,
    /// Calls a second, without the time to connect.
    pub per_s: f64,
    /// The call that half of all were faster than.
    pub p50_ms: f64,
    /// The call that ninety-nine of a hundred were faster than.
    pub p99_ms: f64,
}

/// Runs it as `statehouse_api`, prepared, every call timed. Each connection makes [`WARMING`] calls that are taken back, then
/// `calls_each`; none of those is no figure.
///
/// # Errors
/// When there is no pgbench, or one call failed: a figure of a run with failures means nothing.
pub fn run(world: &World, run: &Run<'_>, calls_each: u32) -> Result<Option<Ran>, Failure> {
    let logs = world.folder().join("calls");
    std::fs::create_dir(&logs).map_err(|cause| Failure::file("create", &logs, &cause))?;
    let script = logs.join("script");
    std::fs::write(&script, run.script).map_err(|cause| Failure::file("write", &script, &cause))?;
    let output = command(world, run, calls_each, &logs)
        .output()
        .map_err(|cause| Failure::new(statehouse_fault::SH0001, format!("`pgbench` cannot be run: {cause}")))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let first = complaints.lines().find(|line| line.contains("ERROR")).unwrap_or(complaints.trim());
        return Err(Failure::new(statehouse_fault::SH5001, format!("`pgbench` failed: {first}")));
    }
    let calls = logged(&logs)?;
    std::fs::remove_dir_all(&logs).map_err(|cause| Failure::file("remove", &logs, &cause))?;
    let told = processed(&said);
    if told != Some(calls.len()) {
        return Err(Failure::new(statehouse_fault::SH9001, format!("`pgbench` logged {} calls and says: {said}", calls.len())));
    }
    Ok(figures(calls, WARMING))
}

fn command(world: &World, run: &Run<'_>, calls_each: u32, logs: &Path) -> Command {
    let mut command = Command::new(world.pgbench());
    command.args(["--no-vacuum", "--protocol=prepared", "--log"]);
    command.arg("--log-prefix").arg(logs.join("call")).arg("--file").arg(logs.join("script"));
    command.args(["--client", &run.clients.to_string(), "--transactions", &(calls_each + WARMING).to_string()]);
    command.args(["--jobs", &run.clients.min(super::report::cores()).to_string()]);
    for (name, value) in &run.variables {
        command.arg("--define").arg(format!("{name}={value}"));
    }
    command.args(["--define", "i=0", "--define"]).arg(format!("per={}", run.calls_each));
    command.arg("--define").arg(format!("warming={WARMING}"));
    command.arg(world.api_url());
    match run.session {
        Some(token) => command.env("PGOPTIONS", format!("-c statehouse.session={token}")),
        None => command.env_remove("PGOPTIONS"),
    };
    command
}

fn processed(said: &str) -> Option<usize> {
    let told = said.lines().find_map(|line| line.strip_prefix("number of transactions actually processed: "))?;
    told.split('/').next()?.trim().parse().ok()
}

/// One line of the log: `client call microseconds script second microsecond`; the last two say when it ended.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Which of its connection's.
    pub nth: u32,
    /// How long it took.
    pub took_us: u64,
    /// When it ended, since 1970.
    pub ended_us: u64,
}

fn call(line: &str) -> Option<Call> {
    let mut words = line.split(' ').skip(1);
    let mut number = || words.next()?.parse::<u64>().ok();
    let (nth, took_us) = (number()?, number()?);
    number()?;
    Some(Call { nth: u32::try_from(nth).ok()?, took_us, ended_us: number()? * 1_000_000 + number()? })
}

fn logged(logs: &Path) -> Result<Vec<Call>, Failure> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(logs).map_err(|cause| Failure::file("read", logs, &cause))?;
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("call.")) {
        let text = std::fs::read_to_string(entry.path()).map_err(|cause| Failure::file("read", &entry.path(), &cause))?;
        found.extend(text.lines().filter_map(call));
    }
    Ok(found)
}

/// The rate is that of calls ended after the last connection was warm; latencies are those of all calls but the first
/// `warming` of each connection.
pub fn figures(mut calls: Vec<Call>, warming: u32) -> Option<Ran> {
    let counts_from = calls.iter().map(|call| call.nth).min()? + warming;
    let warm_us = calls.iter().filter(|call| call.nth < counts_from).map(|call| call.ended_us).max()?;
    calls.retain(|call| call.nth >= counts_from);
    let ended_us = calls.iter().map(|call| call.ended_us).max()?;
    let counted = calls.iter().filter(|call| call.ended_us > warm_us).count();
    calls.sort_unstable_by_key(|call| call.took_us);
    let at = |of_hundred| Some(percentile(&calls, of_hundred)?.took_us);
    // A run lasts far less than 2^53 microseconds.
    #[allow(clippy::cast_precision_loss)]
    let (per_s, ms) = (counted as f64 * 1e6 / ended_us.checked_sub(warm_us)? as f64, |us: u64| us as f64 / 1000.0);
    Some(Ran { calls: u32::try_from(calls.len()).ok()?, per_s, p50_ms: ms(at(50)?), p99_ms: ms(at(99)?) })
}

#[cfg(test)]
mod tests {
    use super::{call, figures, processed};

    // As pgbench 15 prints and logs.
    const SAID: &str = "transaction type: x\nnumber of clients: 1\nnumber of transactions actually processed: 100/100\n\
        number of failed transactions: 0 (0.000%)\ntps = 1835.793419 (without initial connection time)\n";

    #[test]
    fn reads_how_many_calls_were_made() {
        assert_eq!(processed(SAID), Some(100));
        assert_eq!(processed("number of clients: 1"), None);
    }

    #[test]
    fn the_first_call_of_a_connection_counts_for_nothing() {
        // Connection 0 is warm after one second, connection 1 after two; then one call each half second.
        let log = [
            "0 0 900000 0 1700000001 0",
            "1 0 1900000 0 1700000002 0",
            "0 1 500000 0 1700000001 500000",
            "0 2 500000 0 1700000002 0",
            "0 3 400000 0 1700000002 500000",
            "1 1 300000 0 1700000003 0",
        ];
        let ran = figures(log.iter().map(|line| call(line).expect("a line")).collect(), 1).expect("figures");
        assert_eq!(ran.calls, 4);
        // Two calls ended in the second after the last connection was warm.
        assert!((ran.per_s - 2.0).abs() < 1e-9, "{}", ran.per_s);
        assert_eq!((ran.p50_ms, ran.p99_ms), (400.0, 500.0));
    }

    #[test]
    fn a_run_that_only_warms_up_has_no_figures() {
        assert!(figures(vec![call("0 0 900000 0 1700000001 0").expect("a line")], 1).is_none());
    }
}
