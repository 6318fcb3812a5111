//! `statehouse once`: the orders of two tenants from their files to closed or cancelled, and whether every number holds.
//!
//! `cast` who plays and what is played with · `face` the API they speak to · `served` its server and the worker, killed
//! once in the middle · `outside` the providers, which misbehave · `drive` the days of an order · `mischief` what must not work · `watch` who sees what · `figures` the
//! numbers · `report` what a person reads.

mod cast;
mod drive;
mod face;
mod figures;
mod mischief;
mod outside;
mod report;
mod served;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use statehouse_store::audit::{anchor, verify};
use statehouse_store::people::{self, Instead, People};
use statehouse_store::rehearsal::Stage;

use crate::commands::import;
use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::folder::{self, Folder};
use crate::scratch::Scratch;
use cast::Cast;
use drive::Day;
use face::Face;
use outside::Outside;
use served::Served;

/// When the rehearsal begins; prices and rates of the demo data hold from 2026 on.
const BEGINS: &str = "2026-11-20 09:00:00+00";

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The orders app's folder
    #[arg(default_value = "apps/orders")]
    app: PathBuf,
}

/// Runs it: 0 only if every number holds.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let started = Instant::now();
    let app = Folder::sound(&args.app, cx)?;
    let reached = cx.reach(&format!("{}_once", app.name))?;
    eprintln!("a fresh database, the people, the files …");
    let mut stage = Stage::set(&reached.place, &app, BEGINS).await?;
    let people: People = folder::yaml(&args.app.join("data/people.yaml"))?;
    people::ensure(stage.admin(), &app, &people).await?;
    let keys = people::issue_keys(stage.admin(), &app.name, "once", Instead::OfNone).await?;
    let imported = import::seed(&args.app, &app, &reached).await?;
    let scratch = Scratch::make(&std::env::temp_dir(), "once")?;
    let tenants: Vec<String> = people.tenants.iter().map(|tenant| tenant.slug.clone()).collect();
    let outside = Outside::start(scratch.path().to_owned(), &tenants).await?;
    let mut served = Served::start(&reached.url_admin(), outside.settings()).await?;
    outside.introduce(&mut stage, &app, &tenants, served.address()).await?;
    outside.misbehave()?;
    let cast = Arc::new(Cast::gather(&app.name, &reached, &stage, &keys, Face::at(served.address()), outside).await?);
    let anchored = anchor(stage.admin()).await?;
    let ready = started.elapsed();

    let mut watched = watch::Watched::default();
    for (days, wait) in [
        (&[Day::Quote][..], "25 hours"),
        (&[Day::QuoteLate, Day::Accept], "74 hours"),
        (&[Day::ConfirmLate, Day::Fulfil], "6 days"),
        (&[Day::Deliver], "15 days"),
        (&[Day::TooLate], "20 days"),
    ] {
        for day in days {
            eprintln!("{} …", day.says());
            cast.read_clock(&stage).await?;
            match day {
                Day::Fulfil => interrupted(&cast, *day, &mut served).await?,
                _ => drive::day(&cast, *day).await,
            }
            cast.outside.quiet(&stage).await?;
            watched.look(&cast, &stage).await?;
        }
        stage.wait(wait).await?;
        cast.outside.quiet(&stage).await?;
    }
    drive::settle(&cast, &stage).await?;
    watched.peek(&cast).await?;
    let mut checks = figures::checks(&cast, &stage).await?;
    checks.extend(cast.outside.checks(&stage).await?);
    checks.extend(watched.checks());
    let audit = verify(stage.admin(), Some(&anchored)).await?;
    checks.push(figures::Check::new(
        "the chain of events is whole, and continues the anchor taken after the import",
        0,
        audit.findings.len(),
    ));
    let report = report::Report::gather(&stage, &cast, &watched, checks, imported, &audit, (ready, started.elapsed())).await?;
    let fine = report.holds();
    if !cx.print_json(&report) {
        say!("{report}");
    }
    drop(served);
    if let Some(server) = reached.server {
        server.stop()?;
    }
    Ok(if fine { Exit::Fine } else { Exit::Refused })
}

/// The server is killed when this many moves of the day have been acknowledged.
const KILLED_AFTER: u64 = 100;

/// A day in the middle of which the server is killed and started again.
async fn interrupted(cast: &Arc<Cast>, day: Day, served: &mut Served) -> Result<(), Failure> {
    let until = cast.acknowledged() + KILLED_AFTER;
    cast.outside.hang()?;
    let all = drive::day(cast, day);
    let killed = async {
        while cast.acknowledged() < until {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        served.kill_and_restart().await
    };
    tokio::pin!(all, killed);
    tokio::select! {
        ended = &mut killed => {
            ended?;
            all.await;
        }
        // A day too short to be interrupted; the report says that nothing broke off.
        () = &mut all => {}
    }
    Ok(())
}
