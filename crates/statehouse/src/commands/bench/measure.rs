//! Measures every cell between two runs of the bare work at the same number of clients: machines are noisy.

use statehouse_store::StoreFault;

use super::cells::{CLIENTS, Cell, Kind, Plan};
use super::http::Face;
use super::meter::{Reading, Spent};
use super::pgbench::{self, Ran, Run};
use super::report::{LimitRow, Row, round};
use super::world::World;
use crate::failure::Failure;

/// What the declaration's text is made of; with its field's name it is the input of `clear`.
pub const INPUT_TEXT_BYTES: usize = 300;

/// Measures all of them: every run of the bare work, and the cells.
pub async fn all(world: &World, plan: &Plan) -> Result<(Vec<LimitRow>, Vec<Row>), Failure> {
    let (mut limits, mut rows) = (Vec::new(), Vec::new());
    let face = Face::start(world)?;
    for (at, clients) in CLIENTS.into_iter().enumerate() {
        let calls_each = plan.limit_calls_each[at];
        let mut before = limit1(world, plan, clients, calls_each, &mut limits).await?;
        for cell in plan.cells.iter().filter(|cell| cell.clients == clients) {
            world.say(&format!("{} {} clients {}", cell.kind.path(), cell.kind.verb(), clients));
            let (ran, spent) = match cell.kind {
                Kind::Http => asked(world, &face, cell).await?,
                _ => measured(world, &moves(world, plan, cell)).await?,
            };
            let after = limit1(world, plan, clients, calls_each, &mut limits).await?;
            rows.push(row(cell, &ran, &spent, &before.mean(&after)));
            before = after;
        }
    }
    Ok((limits, rows))
}

/// The bare work, next to which a cell is put.
#[derive(Clone, Copy)]
struct Limit {
    per_s: f64,
    cpu_us: Option<f64>,
}

impl Limit {
    fn mean(&self, other: &Limit) -> Limit {
        let cpu_us = self.cpu_us.zip(other.cpu_us).map(|(one, two)| f64::midpoint(one, two));
        Limit { per_s: f64::midpoint(self.per_s, other.per_s), cpu_us }
    }
}

async fn limit1(world: &World, plan: &Plan, clients: u32, calls_each: u32, into: &mut Vec<LimitRow>) -> Result<Limit, Failure> {
    // Each run takes other rows, as each cell does.
    let base = u32::try_from(into.len()).unwrap_or(0) * 7_919;
    let run = Run {
        script: include_str!("sql/limit1.pgbench"),
        clients,
        calls_each,
        variables: vec![
            ("base", base.to_string()),
            ("records", plan.records.to_string()),
            ("payload", world.input()),
            ("args", world.effect_args().to_owned()),
        ],
        session: None,
    };
    let (ran, spent) = measured(world, &run).await?;
    let moves = f64::from(ran.calls);
    let limit = Limit { per_s: ran.per_s, cpu_us: spent.cpu_us.map(|cpu_us| cpu_us / moves) };
    into.push(LimitRow {
        clients,
        per_s: round(ran.per_s, 0),
        p50_ms: round(ran.p50_ms, 3),
        p99_ms: round(ran.p99_ms, 3),
        pg_cpu_us: limit.cpu_us.map(|cpu_us| round(cpu_us, 0)),
        wal_bytes: round(spent.wal_bytes / moves, 0),
    });
    Ok(limit)
}

fn moves<'a>(world: &'a World, plan: &Plan, cell: &Cell) -> Run<'a> {
    let (script, session) = match cell.kind {
        Kind::Single | Kind::Http => (include_str!("sql/single.pgbench"), &world.broker),
        Kind::BulkLocal => (include_str!("sql/bulk_clear.pgbench"), &world.broker),
        Kind::BulkAlone => (include_str!("sql/bulk_dispatch.pgbench"), &world.ops),
    };
    let warm = if cell.kind.is_single() { plan.warm_order(cell.kind) } else { cell.kind.warm_batch() };
    let variables = vec![("base", cell.base.to_string()), ("warm", warm.to_string()), ("input", world.input())];
    Run { script, clients: cell.clients, calls_each: cell.calls_each, variables, session: Some(session.token()) }
}

/// What connecting and warming up cost is measured by itself and taken off: connections live for hours, runs for seconds.
async fn measured(world: &World, run: &Run<'_>) -> Result<(Ran, Spent), Failure> {
    let (_, warming) = metered(world, run, 0).await?;
    let (ran, spent) = metered(world, run, run.calls_each).await?;
    let ran = ran.ok_or_else(|| Failure::new(statehouse_fault::SH9001, "`pgbench` logged no call"))?;
    Ok((ran, spent.without(&warming)))
}

/// What a cell spent over HTTP, from the moment all its connections are warm.
async fn asked(world: &World, face: &Face, cell: &Cell) -> Result<(Ran, Spent), Failure> {
    let mut before = None;
    let ran = face
        .run(world, cell, async || {
            world.admin.batch_execute("checkpoint").await.map_err(StoreFault::doing("a checkpoint"))?;
            before = Some(Reading::take(world).await?);
            Ok(())
        })
        .await?;
    let before = before.ok_or_else(|| Failure::new(statehouse_fault::SH9001, "the connections never were warm"))?;
    Ok((ran, Reading::take(world).await?.since(&before)))
}

/// Begins at a checkpoint, so that each run pays for its own first touch of every page.
async fn metered(world: &World, run: &Run<'_>, calls_each: u32) -> Result<(Option<Ran>, Spent), Failure> {
    world.admin.batch_execute("checkpoint").await.map_err(StoreFault::doing("a checkpoint"))?;
    let before = Reading::take(world).await?;
    let ran = pgbench::run(world, run, calls_each)?;
    let spent = Reading::take(world).await?.since(&before);
    Ok((ran, spent))
}

fn row(cell: &Cell, ran: &Ran, spent: &Spent, limit: &Limit) -> Row {
    let (counted, moves) = (ran.calls * cell.moves_per_call, cell.moves());
    let per_s = ran.per_s * f64::from(cell.moves_per_call);
    let cpu_us = spent.cpu_us.map(|cpu_us| cpu_us / f64::from(counted));
    Row {
        path: cell.kind.path(),
        clients: cell.clients,
        verb: cell.kind.verb(),
        row_local: cell.kind.row_local(),
        moves_per_call: cell.moves_per_call,
        moves,
        per_s: round(per_s, 0),
        limit1_per_s: round(limit.per_s, 0),
        ratio: round(per_s / limit.per_s, 3),
        p50_ms: round(ran.p50_ms, 3),
        p99_ms: round(ran.p99_ms, 3),
        pg_cpu_us: cpu_us.map(|cpu_us| round(cpu_us, 0)),
        cpu_ratio: limit.cpu_us.zip(cpu_us).map(|(limit, cell)| round(limit / cell, 3)),
        wal_bytes: round(spent.wal_bytes / f64::from(counted), 0),
    }
}
