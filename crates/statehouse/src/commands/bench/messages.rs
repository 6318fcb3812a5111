//! `statehouse bench messages`: how soon a sender is thanked while nothing works the messages off; with `--poison`, what
//! messages that cannot be worked off do to those beside them.

mod poison;
mod sender;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use statehouse_definition::App;
use statehouse_postgres::{Options, SUPERUSER, Server};
use statehouse_store::people::{self, Member, People, Tenant};
use statehouse_store::{Place, StoreFault, apply, inbox};

use super::figures::percentile;
use super::http::Face;
use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::folder::Folder;
use crate::scratch::Scratch;
use sender::{Letter, Ran, SOURCE, Sender, secret};

/// A sender is thanked within so many milliseconds, ninety-nine times of a hundred.
const GOAL_MS: f64 = 50.0;
/// Sent before anything is counted.
const WARMING: u32 = 50;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the orders app
    #[arg(long, value_name = "DIR", default_value = "apps/orders")]
    app: PathBuf,
    /// Messages a second [default: 500, beside poison 100]
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// For so many seconds [default: 60, a window of poison 5]
    #[arg(long, value_name = "N")]
    seconds: Option<u32>,
    /// Work them off as well, and send messages among them that cannot be
    #[arg(long)]
    poison: bool,
    /// How often each kind of poison is measured
    #[arg(long, value_name = "N", default_value_t = 6, requires = "poison")]
    rounds: u32,
    /// A short run of three seconds; its figures mean little
    #[arg(long)]
    quick: bool,
    /// Exit with 1 when the goal is missed
    #[arg(long)]
    strict: bool,
    /// Where the private server is made, for as long as this runs [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    format_version: u32,
    cores: usize,
    optimised: bool,
    rate_per_s: u32,
    seconds: u32,
    /// Sent and answered with 200.
    thanked: u32,
    /// Rows that are there afterwards.
    stored: i64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    /// How late the sender itself was, at the worst: beyond a few milliseconds the figures are the sender's.
    sender_late_ms: f64,
    goal_p99_ms: f64,
    met: bool,
}

/// Runs it. Ctrl-C stops the server and removes its files too.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    tokio::select! {
        exit = async { if args.poison { poisoned(&args, cx).await } else { thanked(&args, cx).await } } => exit,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(statehouse_fault::SH5007, "interrupted")),
    }
}

async fn poisoned(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let (rounds, seconds) = if args.quick { (1, 1) } else { (args.rounds, args.seconds.unwrap_or(5)) };
    let size = poison::Size { rounds, rate: args.rate.unwrap_or(100), seconds };
    if !(1..=1_000).contains(&size.rate) || !(1..=60).contains(&size.seconds) || !(1..=100).contains(&size.rounds) {
        return Err(Failure::usage("beside poison `--rate` is 1 to 1000, `--seconds` 1 to 60 and `--rounds` 1 to 100"));
    }
    let app = Folder::sound(&args.app, cx)?;
    let report = poison::run(&args.scratch.clone().unwrap_or_else(std::env::temp_dir), &app, &size).await?;
    if !cx.print_json(&report) {
        say!("{}", report.table());
    }
    Ok(if report.whole() && (report.met() || !args.strict) { Exit::Fine } else { Exit::Refused })
}

async fn thanked(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let (rate, seconds) = (args.rate.unwrap_or(500), if args.quick { 3 } else { args.seconds.unwrap_or(60) });
    if !(1..=100_000).contains(&rate) || !(1..=3600).contains(&seconds) {
        return Err(Failure::usage("`--rate` is 1 to 100000 and `--seconds` 1 to 3600"));
    }
    let report = measured(args, &Folder::sound(&args.app, cx)?, rate, seconds).await?;
    if !cx.print_json(&report) {
        sayln!(
            "{} messages at {}/s: thanked after p50 {:.1} ms, p99 {:.1} ms, at the worst {:.1} ms",
            report.thanked,
            report.rate_per_s,
            report.p50_ms,
            report.p99_ms,
            report.max_ms
        );
        sayln!(
            "{} stored; the sender was late by {:.1} ms at the worst; p99 is to be at most {} ms",
            report.stored,
            report.sender_late_ms,
            report.goal_p99_ms
        );
    }
    let kept = i64::from(report.thanked) == report.stored;
    Ok(if kept && (report.met || !args.strict) { Exit::Fine } else { Exit::Refused })
}

async fn measured(args: &Args, app: &App, rate: u32, seconds: u32) -> Result<Report, Failure> {
    let folder = Scratch::make(&args.scratch.clone().unwrap_or_else(std::env::temp_dir), "bench")?;
    let server = Server::start_or_attach(&Options::new(folder.path().join("data")).with("max_wal_size", "8GB"))?;
    let place = Place::parse(&server.url(SUPERUSER, &app.name))?;
    apply::apply_now(&place, app, &Default::default(), &[]).await?;
    let mut admin = place.connect_admin().await?;
    let first = app.roles.keys().next().cloned().unwrap_or_default();
    let member = Member { name: "Bench".into(), email: "bench@bench.example".into(), role: first, extra: Vec::new(), revoked: Vec::new() };
    let tenant = Tenant { slug: "bench".into(), name: "Bench".into(), market: None, members: vec![member] };
    people::ensure(&mut admin, app, &People { tenants: vec![tenant] }).await?;
    let made = inbox::issue(&mut admin, app, "bench", SOURCE, None).await?;
    let (secret, file) = secret(folder.path())?;
    let environment =
        [("STATEHOUSE_SECRETS__FILE", file.display().to_string()), ("STATEHOUSE_INBOUND__RATE_PER_ENDPOINT", "1000000".to_owned())];
    let face = Face::over(&server.url(SUPERUSER, &app.name), &environment)?;
    let sender = Arc::new(Sender::new(&face, &made.token, &secret, Ipv4Addr::LOCALHOST));
    for nth in 0..WARMING {
        sender.send(&letter(nth)).await?;
    }
    let ran = sender.paced(rate, rate * seconds, |nth| letter(WARMING + nth)).await?;
    let stored = admin.query_one("select count(*) from statehouse.message", &[]).await.map_err(StoreFault::doing("counting"))?;
    Ok(report(rate, seconds, &ran, stored.get::<_, i64>(0) - i64::from(WARMING)))
}

/// A message that was never sent before.
fn letter(nth: u32) -> Letter {
    let data = json!({ "order": format!("ORD-{nth:06}"), "mrn": "26IS00000E1234567", "note": "x".repeat(400) });
    Letter { id: format!("bench_{nth}"), body: json!({ "type": "declaration.cleared", "data": data }), signed: true }
}

fn report(rate_per_s: u32, seconds: u32, ran: &Ran, stored: i64) -> Report {
    let ms = |span: Duration| span.as_secs_f64() * 1e3;
    let at = |of_hundred| ms(percentile(&ran.took, of_hundred).unwrap_or_default());
    Report {
        format_version: 1,
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        optimised: !cfg!(debug_assertions),
        rate_per_s,
        seconds,
        thanked: u32::try_from(ran.took.len()).unwrap_or(u32::MAX),
        stored,
        p50_ms: at(50),
        p99_ms: at(99),
        max_ms: at(100),
        sender_late_ms: ms(ran.sender_late),
        goal_p99_ms: GOAL_MS,
        met: at(99) <= GOAL_MS,
    }
}
