//! What is printed: one JSON value, or two tables.

use std::fmt::Write as _;

use serde::Serialize;

use super::world::World;

/// One run, whole.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Rises when a field changes its meaning.
    pub format_version: u32,
    /// Where it ran.
    pub machine: Machine,
    /// Orders in the table.
    pub records: u32,
    /// How wide a move is, for each verb.
    pub arguments: Vec<Arguments>,
    /// Every run of the bare work, in order.
    pub limit1: Vec<LimitRow>,
    /// The cells.
    pub rows: Vec<Row>,
    /// What the moves left behind.
    pub checks: Checks,
    /// What is aimed for.
    pub goals: Vec<Goal>,
}

/// Where it ran.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// Cores this process may use.
    pub cores: u32,
    /// As the kernel calls the processor.
    pub processor: Option<String>,
    /// The server's version.
    pub postgres: String,
    /// `on` or `off`.
    pub data_checksums: String,
}

/// How wide a move is.
#[derive(Debug, Serialize)]
pub struct Arguments {
    /// The verb.
    pub verb: &'static str,
    /// Columns of the record that are not null after the move.
    pub filled_columns: i32,
    /// What the caller hands over.
    pub input_bytes: usize,
    /// What the event keeps.
    pub payload_bytes: i32,
    /// What the effect carries.
    pub effect_bytes: i32,
}

/// One run of the bare work.
#[derive(Debug, Serialize)]
pub struct LimitRow {
    /// Connections.
    pub clients: u32,
    /// Moves a second.
    pub per_s: f64,
    /// Median of a call.
    pub p50_ms: f64,
    /// 99th percentile of a call.
    pub p99_ms: f64,
    /// CPU of the server a move.
    pub pg_cpu_us: Option<f64>,
    /// Log of the server a move.
    pub wal_bytes: f64,
}

/// One cell.
#[derive(Debug, Serialize)]
pub struct Row {
    /// `sql`, `bulk` or `http`.
    pub path: &'static str,
    /// Connections.
    pub clients: u32,
    /// The verb fired.
    pub verb: &'static str,
    /// Whether its guard reads nothing but the row.
    pub row_local: bool,
    /// Moves of one call.
    pub moves_per_call: u32,
    /// Moves that the clients were told of, those that warmed up over HTTP included.
    pub moves: u32,
    /// Moves a second.
    pub per_s: f64,
    /// The bare work, mean of the runs before and after.
    pub limit1_per_s: f64,
    /// `per_s` to `limit1_per_s`.
    pub ratio: f64,
    /// Median of a call.
    pub p50_ms: f64,
    /// 99th percentile of a call.
    pub p99_ms: f64,
    /// CPU of the server a move.
    pub pg_cpu_us: Option<f64>,
    /// CPU of the bare work to ours: what `ratio` would be if nothing but the server's CPU counted.
    pub cpu_ratio: Option<f64>,
    /// Log of the server a move.
    pub wal_bytes: f64,
}

/// Moves the clients were told of, and the rows they left.
#[derive(Debug, Serialize)]
pub struct Checks {
    /// Told.
    pub moves: u32,
    /// Events of the two verbs.
    pub events: i64,
    /// Effects of the two verbs.
    pub effects: i64,
    /// Idempotency keys.
    pub keys: i64,
}

impl Checks {
    /// Whether every move left exactly one of each.
    pub fn equal(&self) -> bool {
        [self.events, self.effects, self.keys].iter().all(|found| *found == i64::from(self.moves))
    }
}

/// What is aimed for, next to what was reached: the worst of the client counts.
#[derive(Debug, PartialEq, Serialize)]
pub struct Goal {
    /// In words.
    pub what: &'static str,
    /// Aim.
    pub goal: f64,
    /// Below this something is wrong.
    pub floor: Option<f64>,
    /// The lowest ratio of the rows it speaks of.
    pub reached: f64,
    /// Whether `reached` is at least `goal`.
    pub met: bool,
}

impl Machine {
    /// The machine under `world`.
    pub fn of(world: &World) -> Machine {
        let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let named = processors.lines().find(|line| line.starts_with("model name"));
        Machine {
            cores: cores(),
            processor: named.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned())),
            postgres: world.version.clone(),
            data_checksums: world.data_checksums.clone(),
        }
    }
}

/// Cores this process may use.
pub fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// Compares the cells with the aims.
pub fn goals(rows: &[Row]) -> Vec<Goal> {
    [
        ("one move at a time", "sql", true, 0.65, Some(0.40)),
        ("one move a request", "http", true, 0.45, Some(0.30)),
        ("bulk, row-local", "bulk", true, 2.0, None),
        ("bulk, guards that look further", "bulk", false, 1.3, None),
    ]
    .into_iter()
    .map(|(what, path, row_local, goal, floor)| {
        let ratios = rows.iter().filter(|row| row.path == path && row.row_local == row_local).map(|row| row.ratio);
        let lowest = ratios.fold(f64::INFINITY, f64::min);
        let reached = if lowest.is_finite() { lowest } else { 0.0 };
        Goal { what, goal, floor, reached, met: reached >= goal }
    })
    .collect()
}

/// `value` with so many places.
pub fn round(value: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    (value * scale).round() / scale
}

/// The report for a person.
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let Machine { cores, postgres, .. } = &report.machine;
    let _ = writeln!(text, "{} orders, PostgreSQL {postgres}, {cores} cores\n", report.records);
    let _ = writeln!(text, "path verb      clients   moves  moves/s  limit1/s  ratio    p50 ms    p99 ms  cpu µs  cpu ratio  wal B");
    for row in &report.rows {
        let or_dash = |value: Option<f64>, places: usize| value.map_or_else(|| "-".into(), |value| format!("{value:.places$}"));
        let _ = writeln!(
            text,
            "{:<4} {:<9} {:>7} {:>7} {:>8.0} {:>9.0} {:>6.2} {:>9.2} {:>9.2} {:>7} {:>10} {:>6.0}",
            row.path,
            row.verb,
            row.clients,
            row.moves,
            row.per_s,
            row.limit1_per_s,
            row.ratio,
            row.p50_ms,
            row.p99_ms,
            or_dash(row.pg_cpu_us, 0),
            or_dash(row.cpu_ratio, 2),
            row.wal_bytes
        );
    }
    let _ = writeln!(text);
    for sizes in &report.arguments {
        let _ = writeln!(
            text,
            "{}: {} columns filled, {} bytes handed over, {} kept by the event, {} sent by the effect",
            sizes.verb, sizes.filled_columns, sizes.input_bytes, sizes.payload_bytes, sizes.effect_bytes
        );
    }
    let Checks { moves, events, effects, keys } = &report.checks;
    let verdict = if report.checks.equal() { "equal" } else { "NOT EQUAL" };
    let _ = writeln!(text, "moves {moves}, events {events}, effects {effects}, keys {keys}: {verdict}");
    for goal in &report.goals {
        let floor = goal.floor.map_or_else(String::new, |floor| format!(" (floor {floor})"));
        let _ = writeln!(
            text,
            "{}: {:.2} × limit1, goal {}{floor}: {}",
            goal.what,
            goal.reached,
            goal.goal,
            if goal.met { "met" } else { "missed" }
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_too_few_is_not_equal() {
        let checks = |events, effects, keys| Checks { moves: 7, events, effects, keys }.equal();
        assert!(checks(7, 7, 7));
        assert!(!checks(6, 7, 7) && !checks(7, 8, 7) && !checks(7, 7, 0));
    }

    #[test]
    fn a_goal_is_judged_by_its_worst_row() {
        let row = |path, row_local, ratio| Row {
            path,
            clients: 1,
            verb: "clear",
            row_local,
            moves_per_call: 1,
            moves: 1,
            per_s: 1.0,
            limit1_per_s: 1.0,
            ratio,
            p50_ms: 1.0,
            p99_ms: 1.0,
            pg_cpu_us: None,
            cpu_ratio: None,
            wal_bytes: 1.0,
        };
        let goals = goals(&[
            row("sql", true, 0.7),
            row("sql", true, 0.5),
            row("http", true, 0.46),
            row("bulk", true, 2.0),
            row("bulk", false, 1.2),
        ]);
        let said: Vec<(f64, bool)> = goals.iter().map(|goal| (goal.reached, goal.met)).collect();
        assert_eq!(said, [(0.5, false), (0.46, true), (2.0, true), (1.2, false)]);
    }
}
