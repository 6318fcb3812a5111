//! What a person reads.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use statehouse_store::audit;
use statehouse_store::rehearsal::{Stage, Texted};

use super::cast::Cast;
use super::figures::Check;
use super::watch::Watched;
use crate::failure::Failure;

const STATES: [&str; 13] = [
    "inquiry",
    "quoting",
    "quoted",
    "accepted",
    "confirmed",
    "sourcing",
    "production",
    "shipped",
    "customs",
    "out_for_delivery",
    "delivered",
    "closed",
    "cancelled",
];
const ROLES: [&str; 5] = ["admin", "rep", "ops", "broker", "client"];

/// The whole rehearsal in figures.
#[derive(Debug, Serialize)]
pub struct Report {
    imported: u64,
    moves: u64,
    repelled: u64,
    events: u64,
    states: Vec<Texted>,
    money: Vec<Texted>,
    commission: Vec<Texted>,
    settled: Vec<Texted>,
    messages: Vec<Texted>,
    refused: Vec<(String, u64)>,
    seen: Vec<(String, Vec<u64>)>,
    checks: Vec<Check>,
    wrong: Vec<String>,
    ready_s: f64,
    all_s: f64,
}

impl Report {
    /// Reads what is not known yet.
    pub async fn gather(
        stage: &Stage,
        cast: &Cast,
        watched: &Watched,
        checks: Vec<Check>,
        imported: u64,
        audit: &audit::Report,
        (ready, all): (Duration, Duration),
    ) -> Result<Report, Failure> {
        let states = stage.rows(include_str!("states.sql")).await?;
        let money = stage.rows(include_str!("money.sql")).await?;
        let commission = stage.rows(include_str!("commission.sql")).await?;
        let settled = stage.rows(include_str!("settled.sql")).await?;
        let messages = stage.rows(include_str!("messages.sql")).await?;
        let seen = |role: &str| {
            STATES.iter().map(|state| watched.seen.get(&(role.to_owned(), (*state).to_owned())).copied().unwrap_or(0)).collect()
        };
        let tally = cast.tally();
        Ok(Report {
            imported,
            moves: tally.moved.values().sum(),
            repelled: tally.repelled,
            events: audit.events,
            states,
            money,
            commission,
            settled,
            messages,
            refused: tally.refused.iter().map(|(why, count)| (why.clone(), *count)).collect(),
            seen: ROLES.iter().map(|role| ((*role).to_owned(), seen(role))).collect(),
            checks,
            wrong: tally.wrong.clone(),
            ready_s: ready.as_secs_f64(),
            all_s: all.as_secs_f64(),
        })
    }

    /// Whether every number does.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(Check::holds)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nORDERS FROM INQUIRY TO THE END\n")?;
        writeln!(
            f,
            "{} records imported, {} moves made, {} attempts repelled that had to be, {} events",
            self.imported, self.moves, self.repelled, self.events
        )?;
        table(f, "Orders by state", &["tenant", "state", "orders"], &self.states)?;
        table(f, "Money of closed orders, in krónur", &["tenant", "orders", "turnover", "VAT", "gross", "paid"], &self.money)?;
        table(f, "Commission of closed orders", &["tenant", "salesperson", "orders", "turnover", "commission"], &self.commission)?;
        table(f, "Months settled by bands", &["tenant", "salesperson", "month", "turnover", "payout"], &self.settled)?;
        table(f, "Text messages owed, one for each move", &["message", "count"], &self.messages)?;
        let refused: Vec<Texted> = self.refused.iter().map(|(why, count)| vec![why.clone(), count.to_string()]).collect();
        table(f, "Refused, by reason", &["reason", "attempts"], &refused)?;
        let mut head = vec!["role"];
        head.extend(STATES);
        let seen: Vec<Texted> = self
            .seen
            .iter()
            .map(|(role, counts)| {
                [role.clone()]
                    .into_iter()
                    .chain(counts.iter().map(|count| if *count == 0 { "·".into() } else { count.to_string() }))
                    .collect()
            })
            .collect();
        table(f, "Who saw orders in which state, the most at one look", &head, &seen)?;
        self.judgment(f)
    }
}

impl Report {
    fn judgment(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: Vec<&Check> = self.checks.iter().filter(|check| !check.holds()).collect();
        writeln!(f, "\nNumbers that must hold: {} of {} do", self.checks.len() - failed.len(), self.checks.len())?;
        for check in self.checks.iter().filter(|check| !check.what.starts_with("golden") && !check.what.starts_with('`')) {
            let verdict = if check.holds() { "ok  " } else { "FAIL" };
            writeln!(f, "  {verdict}  {}: {}", check.what, check.found)?;
        }
        let rest = self.checks.iter().filter(|check| check.what.starts_with("golden") || check.what.starts_with('`'));
        let goldens = rest.clone().filter(|check| check.what.starts_with("golden"));
        writeln!(f, "  {} golden figures exact: {}", goldens.clone().count(), goldens.filter(|check| check.holds()).count())?;
        for check in rest.filter(|check| !check.holds()) {
            writeln!(f, "  FAIL  {}: {} instead of {}", check.what, check.found, check.expected)?;
        }
        for check in failed.iter().filter(|check| !check.what.starts_with("golden") && !check.what.starts_with('`')) {
            writeln!(f, "  {}: {} was expected, {} found", check.what, check.expected, check.found)?;
        }
        for wrong in self.wrong.iter().take(20) {
            writeln!(f, "  surprise: {wrong}")?;
        }
        writeln!(
            f,
            "\n{} in {:.1} s, {:.1} s of them to import",
            if self.holds() { "Every number holds" } else { "NOT EVERY NUMBER HOLDS" },
            self.all_s,
            self.ready_s
        )
    }
}

/// Columns as wide as their longest cell; numbers to the right, in groups of three.
fn table(f: &mut fmt::Formatter<'_>, title: &str, head: &[&str], rows: &[Texted]) -> fmt::Result {
    let number = |cell: &str| !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
    let shown = |cell: &String| if number(cell) { grouped(cell) } else { cell.clone() };
    let width = |at: usize| rows.iter().map(|row| shown(&row[at]).chars().count()).chain([head[at].chars().count()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let right: Vec<bool> = (0..head.len()).map(|at| rows.iter().any(|row| number(&row[at]))).collect();
    writeln!(f, "\n{title}")?;
    let line = |f: &mut fmt::Formatter<'_>, cells: Vec<String>| {
        let mut text = String::from(" ");
        for (at, cell) in cells.iter().enumerate() {
            let pad = " ".repeat(widths[at] - cell.chars().count());
            text.push_str(&if right[at] { format!(" {pad}{cell} ") } else { format!(" {cell}{pad} ") });
        }
        writeln!(f, "{}", text.trim_end())
    };
    line(f, head.iter().map(|name| (*name).to_owned()).collect())?;
    rows.iter().try_for_each(|row| line(f, row.iter().map(shown).collect()))
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
