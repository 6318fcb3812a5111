//! Windows with and without poison, in turn: what a message that cannot be worked off does to those beside it. The
//! neighbours of all windows with one kind of poison are taken together, and put next to those of the windows without that
//! surround them; what windows without poison differ by in the same way says how far such a ratio can be believed.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use statehouse_definition::App;
use statehouse_definition::model::{Duration as Span, Fetch, Pattern, Unit};
use statehouse_sandbox::{Mode, Sandbox, Settings, Switch};
use statehouse_store::{StoreFault, inbox};

use super::sender::{Letter, SOURCE, Sender, broken, secret};
use crate::commands::bench::cells::Plan;
use crate::commands::bench::figures::{percentile, quartiles};
use crate::commands::bench::http::Face;
use crate::commands::bench::report::{Machine, round};
use crate::commands::bench::world::World;
use crate::failure::Failure;
use crate::process::Process;

/// The source that asks its sender about each message, who never answers.
const ASKING: &str = "asking";
/// How long an unanswered question is waited for.
const ASKED_FOR_S: u32 = 3;
/// Everything that was sent is worked off within this, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// How often each kind of poison has its window.
    pub rounds: u32,
    /// Neighbours a second.
    pub rate: u32,
    /// How long a window is.
    pub seconds: u32,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Poison {
    /// Its sender, asked about it, accepts the question and never answers.
    Hangs,
    /// The law refuses its move, each time it is tried.
    Refused,
    /// It is almost as large as a message may be.
    Giant,
    /// It is signed by somebody else, and there are many of them.
    Forged,
    /// As the first, more at once than can be worked on side by side.
    HangsInCrowds,
}

const KINDS: [Poison; 5] = [Poison::Hangs, Poison::Refused, Poison::Giant, Poison::Forged, Poison::HangsInCrowds];

impl Poison {
    fn per_second(self) -> u32 {
        match self {
            Poison::Hangs | Poison::Refused | Poison::Giant => 1,
            Poison::Forged | Poison::HangsInCrowds => 50,
        }
    }

    fn letter(self, window: u32, nth: u32) -> Letter {
        let note = if self == Poison::Giant { 1_000_000 } else { 400 };
        let data = json!({ "order": format!("ORD-9{nth:06}"), "note": "x".repeat(note) });
        // Without a number `clear` is refused; there is no such order besides.
        Letter {
            id: format!("p{window}_{nth}"),
            body: json!({ "type": "declaration.cleared", "data": data }),
            signed: self != Poison::Forged,
        }
    }
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    format_version: u32,
    machine: Machine,
    rate_per_s: u32,
    window_s: u32,
    rounds: u32,
    rows: Vec<Row>,
    /// The same between windows without poison: the ratio of one to those around it.
    control: Row,
    /// Neighbours that were sent, and those of them that moved their order.
    neighbours: u32,
    moved: i64,
}

/// Neighbours of one kind of poison, those of all its windows together.
#[derive(Debug, Serialize)]
struct Row {
    poison: Option<Poison>,
    per_s: u32,
    windows: usize,
    /// From when it was due to its acknowledgement.
    ack_p99_ms: f64,
    ack_ratio: Ratio,
    /// From its receipt to its move.
    moved_p99_ms: f64,
    moved_ratio: Ratio,
}

/// 99th percentile of all windows together, to that of all windows around them.
#[derive(Debug, Serialize)]
struct Ratio {
    pooled: f64,
    /// Of the ratios of single windows, which say how far they lie apart.
    quartiles: [f64; 2],
}

/// What each neighbour of a window took, in milliseconds: to its acknowledgement, to its move.
#[derive(Clone, Debug)]
struct Lap([Vec<f64>; 2]);

/// The 99th percentile of these windows' neighbours, all together.
fn p99<'a>(laps: impl IntoIterator<Item = &'a Lap>, which: usize) -> f64 {
    let mut all: Vec<f64> = laps.into_iter().flat_map(|lap| &lap.0[which]).copied().collect();
    all.sort_by(f64::total_cmp);
    percentile(&all, 99).unwrap_or_default()
}

/// A window, and the two around it.
type Beside<'a> = (&'a Lap, [&'a Lap; 2]);

impl Ratio {
    fn of(windows: &[Beside<'_>], which: usize) -> Ratio {
        let around = windows.iter().flat_map(|(_, around)| *around);
        let pooled = p99(windows.iter().map(|(lap, _)| *lap), which) / p99(around, which);
        let single = windows.iter().map(|(lap, around)| p99([*lap], which) / p99(*around, which));
        Ratio { pooled: round(pooled, 3), quartiles: quartiles(single).map(|value| round(value, 3)) }
    }
}

impl Report {
    /// Whether every neighbour moved its order.
    pub fn whole(&self) -> bool {
        i64::from(self.neighbours) == self.moved
    }

    /// Whether no kind of poison made neighbours slower by more than a twentieth.
    pub fn met(&self) -> bool {
        self.rows.iter().all(|row| row.ack_ratio.pooled <= 1.05 && row.moved_ratio.pooled <= 1.05)
    }

    /// For a person.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:>16} {:>5} {:>8} {:>10}  {:<22} {:>10}  ratio (quartiles)\n",
            "poison", "per s", "windows", "ack p99", "ratio (quartiles)", "moved p99"
        );
        let ratio = |ratio: &Ratio| format!("{:.3} ({:.2}–{:.2})", ratio.pooled, ratio.quartiles[0], ratio.quartiles[1]);
        for row in self.rows.iter().chain([&self.control]) {
            let name = row.poison.map_or_else(|| "none".to_owned(), |poison| format!("{poison:?}"));
            text.push_str(&format!(
                "{name:>16} {:>5} {:>8} {:>10.2}  {:<22} {:>10.2}  {}\n",
                row.per_s,
                row.windows,
                row.ack_p99_ms,
                ratio(&row.ack_ratio),
                row.moved_p99_ms,
                ratio(&row.moved_ratio)
            ));
        }
        text.push_str(&format!("{} neighbours at {}/s, {} moved", self.neighbours, self.rate_per_s, self.moved));
        text
    }
}

/// Measures it on a server below `scratch`.
pub async fn run(scratch: &Path, app: &App, size: &Size) -> Result<Report, Failure> {
    let bench = Bench::make(scratch, app, size).await?;
    let mut next = 1;
    bench.window(&mut next, 0, None, size).await?;
    let mut clean = vec![bench.window(&mut next, 1, None, size).await?];
    let mut poisoned = Vec::new();
    for nth in 0..size.rounds * KINDS.len() as u32 {
        let kind = KINDS[nth as usize % KINDS.len()];
        eprintln!("window {} of {}: {kind:?}", nth + 1, size.rounds * KINDS.len() as u32);
        poisoned.push((kind, bench.window(&mut next, 2 + 2 * nth, Some(kind), size).await?));
        clean.push(bench.window(&mut next, 3 + 2 * nth, None, size).await?);
    }
    let (sent, moved) = (next - 1, bench.moved("n%").await?);
    let of = |kind: Poison| -> Vec<Beside<'_>> {
        let own = poisoned.iter().enumerate().filter(|(_, (of, _))| *of == kind);
        own.map(|(at, (_, lap))| (lap, [&clean[at], &clean[at + 1]])).collect()
    };
    let rows = KINDS.map(|kind| row(Some(kind), &of(kind))).into();
    // Each second one, so that none is put next to itself.
    let control: Vec<Beside<'_>> = clean.windows(3).step_by(2).map(|three| (&three[1], [&three[0], &three[2]])).collect();
    let control = row(None, &control);
    let machine = Machine::of(&bench.world);
    Ok(Report {
        format_version: 1,
        machine,
        rate_per_s: size.rate,
        window_s: size.seconds,
        rounds: size.rounds,
        rows,
        control,
        neighbours: sent,
        moved,
    })
}

fn row(poison: Option<Poison>, windows: &[Beside<'_>]) -> Row {
    let p99 = |which: usize| round(p99(windows.iter().map(|(lap, _)| *lap), which), 2);
    Row {
        poison,
        per_s: poison.map_or(0, Poison::per_second),
        windows: windows.len(),
        ack_p99_ms: p99(0),
        ack_ratio: Ratio::of(windows, 0),
        moved_p99_ms: p99(1),
        moved_ratio: Ratio::of(windows, 1),
    }
}

/// The shipped server and worker, and the outside system they ask.
struct Bench {
    neighbours: Arc<Sender>,
    stranger: Arc<Sender>,
    asking: Arc<Sender>,
    sandbox: Sandbox,
    _worker: Process,
    _face: Face,
    world: World,
}

impl Bench {
    async fn make(scratch: &Path, app: &App, size: &Size) -> Result<Bench, Failure> {
        let app = asking(app)?;
        let windows = 2 + 2 * size.rounds * KINDS.len() as u32;
        let orders = windows * size.rate * size.seconds;
        let plan = Plan { records: orders + 1, in_customs: orders, cells: Vec::new(), limit_calls_each: [0; 3] };
        let mut world = World::make(scratch, &app, &plan).await?;
        let sandbox = Sandbox::start(Settings::default()).await?;
        let (secret, file) = secret(world.folder())?;
        let settings = [
            ("STATEHOUSE_SECRETS__FILE", file.display().to_string()),
            ("STATEHOUSE_INBOUND__RATE_PER_ENDPOINT", "1000000".to_owned()),
            ("STATEHOUSE_CONNECTORS__CUSTOMS__BASE", sandbox.base("customs")),
            ("STATEHOUSE_SECRET_CUSTOMS_KEY", "bench".to_owned()),
        ];
        let face = Face::over(&world.admin_url(), &settings)?;
        let worker = Process::start(&world.admin_url(), &["work"], &settings).map_err(|cause| broken(&cause.to_string()))?;
        let own = inbox::issue(&mut world.admin, &app, "bench", SOURCE, None).await?;
        let other = inbox::issue(&mut world.admin, &app, "bench", ASKING, None).await?;
        let sender = |token: &str, from: Ipv4Addr| Arc::new(Sender::new(&face, token, &secret, from));
        let neighbours = sender(&own.token, Ipv4Addr::LOCALHOST);
        // A network address that sends forged messages is not listened to for a while, so these come from their own.
        let stranger = sender(&own.token, Ipv4Addr::new(127, 0, 0, 2));
        let asking = sender(&other.token, Ipv4Addr::new(127, 0, 0, 2));
        Ok(Bench { neighbours, stranger, asking, sandbox, _worker: worker, _face: face, world })
    }

    /// One window, from its first message until every neighbour has moved its order and no poison is left.
    async fn window(&self, next: &mut u32, window: u32, poison: Option<Poison>, size: &Size) -> Result<Lap, Failure> {
        let (first, many) = (*next, size.rate * size.seconds);
        *next += many;
        self.sandbox.fault(Switch::new("customs", Mode::AcceptThenHang).on("*"))?;
        let letter = move |nth: u32| {
            let (order, mrn) = (format!("ORD-{:06}", first + nth), format!("26IS{:014}", first + nth));
            let data = json!({ "order": order, "mrn": mrn, "note": "x".repeat(400) });
            Letter { id: format!("n{window}_{nth}"), body: json!({ "type": "declaration.cleared", "data": data }), signed: true }
        };
        let poisoned = async {
            let Some(kind) = poison else { return Ok(()) };
            let hangs = matches!(kind, Poison::Hangs | Poison::HangsInCrowds);
            let sender = if hangs { &self.asking } else { &self.stranger };
            sender.paced(kind.per_second(), kind.per_second() * size.seconds, |nth| kind.letter(window, nth)).await.map(|_| ())
        };
        let (ran, poisoned) = tokio::join!(self.neighbours.paced(size.rate, many, letter), poisoned);
        poisoned?;
        let acked = ran?.took.iter().map(|took| took.as_secs_f64() * 1e3).collect();
        let own = format!("n{window}\\_%");
        let began = Instant::now();
        while self.owed(&own).await? {
            if began.elapsed() > PATIENCE {
                return Err(broken("messages are not worked off"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let asked = "select extract(epoch from m.settled_at - m.received_at)::float8 * 1000 from statehouse.message m where m.key like $1";
        let rows = self.world.admin.query(asked, &[&own]).await.map_err(StoreFault::doing("reading times"))?;
        let moved = rows.iter().map(|row| row.get(0)).collect();
        self.cleaned().await?;
        Ok(Lap([acked, moved]))
    }

    /// Whether any whose key is like this is still to be worked off.
    async fn owed(&self, keys: &str) -> Result<bool, Failure> {
        let asked = "select exists (select from statehouse.message m where m.state = 'due' and m.key like $1)
                         or exists (select from statehouse.message m where m.state = 'leased' and m.key like $1)";
        Ok(self.world.admin.query_one(asked, &[&keys]).await.map_err(StoreFault::doing("counting"))?.get(0))
    }

    /// Messages whose keys are like this that moved their order.
    async fn moved(&self, keys: &str) -> Result<i64, Failure> {
        let asked = "select count(*) from statehouse.message m where m.key like $1 and m.state = 'done'";
        Ok(self.world.admin.query_one(asked, &[&keys]).await.map_err(StoreFault::doing("counting"))?.get(0))
    }

    /// Takes what is left of poison out of the way of the next window, and waits until nobody is asked any more.
    async fn cleaned(&self) -> Result<(), Failure> {
        self.sandbox.clear_faults();
        let away = "set session_replication_role = replica;
                    update statehouse.message set state = 'dead', code = 'SH9001', due_at = null, worker = null, leased_until = null, settled_at = now()
                     where state in ('due', 'waiting', 'leased');
                    reset session_replication_role";
        let began = Instant::now();
        loop {
            self.world.admin.batch_execute(away).await.map_err(StoreFault::doing("putting poison away"))?;
            if self.sandbox.hanging() == 0 || began.elapsed() > PATIENCE {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // As autovacuum would, which does not run here: the planner still takes the table for an empty one.
        Ok(self.world.admin.batch_execute("vacuum analyze statehouse.message").await.map_err(StoreFault::doing("vacuuming"))?)
    }
}

/// The app with one more source, whose messages prove nothing before their sender was asked, and without what else would
/// be done meanwhile: polls, and texts about what moved.
fn asking(app: &App) -> Result<App, Failure> {
    let mut app = app.clone();
    let missing = || Failure::usage("this measures the orders app, which has the inbox `customs` that asks `customs.declarations`");
    let wire = app.connectors.get_mut("customs").and_then(|connector| connector.wire.as_mut()).ok_or_else(missing)?;
    wire.timeout = Span { count: ASKED_FOR_S, unit: Unit::Seconds };
    let customs = app.inboxes.get_mut(SOURCE).ok_or_else(missing)?;
    let list = customs.reconcile.take().ok_or_else(missing)?.list;
    let mut asking = customs.clone();
    let since = [("since".to_owned(), Pattern::text("2026-01-01T00:00:00Z"))].into_iter().collect();
    asking.fetch = Some(Fetch { args: since, ..list });
    app.inboxes.insert(ASKING.to_owned(), asking);
    for entity in app.entities.values_mut() {
        for transition in entity.transitions.values_mut() {
            transition.effects.clear();
        }
    }
    Ok(app)
}
