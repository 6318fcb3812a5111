//! The worker, its provider, and moves whose messages are waited for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use statehouse_fault::SH9001;
use statehouse_sandbox::{Sandbox, Settings};
use statehouse_store::record::{Move, Session, Target, fire};
use statehouse_store::{Db, Login, Place, StoreFault};
use tokio::task::JoinSet;

use super::backlog;
use crate::commands::bench::meter::cpu_us_of;
use crate::commands::bench::world::World;
use crate::failure::Failure;
use crate::process::Process;

/// Callers that move as fast as it goes.
const CALLERS: u32 = 16;
/// One move every so often, where each is timed.
const PACE: Duration = Duration::from_millis(10);
/// Everything that was moved is delivered within this, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running `statehouse work` and the stand-in it sends to; both end with the value.
pub struct Post {
    worker: Process,
    sandbox: Sandbox,
    db: Db,
    broker: Arc<Session>,
}

/// How long a number of moves took.
#[derive(Debug)]
pub struct Delivered {
    /// Until the last was acknowledged.
    pub moved: Duration,
    /// Until the last effect was known to be done.
    pub done: Duration,
}

impl Post {
    /// Starts both.
    pub async fn start(world: &World) -> Result<Post, Failure> {
        let log = world.folder().join("sandbox.jsonl");
        let sandbox = Sandbox::start(Settings { log: Some(log), ..Settings::default() }).await?;
        let environment = [
            ("STATEHOUSE_CONNECTORS__SMS__BASE", sandbox.base("twilio")),
            ("STATEHOUSE_CONNECTORS__SMS__SETTINGS__SMS_FROM", "+3545550100".to_owned()),
            ("STATEHOUSE_SECRET_TWILIO_ACCOUNT", "AC00000000000000000000000000000001".to_owned()),
            ("STATEHOUSE_SECRET_TWILIO_TOKEN", "bench".to_owned()),
        ];
        let worker = Process::start(&world.admin_url(), &["work"], &environment)
            .map_err(|cause| Failure::new(SH9001, format!("the worker of the bench: {cause}")))?;
        let db = Db::open(&Place::parse(&world.api_url())?, Login::Api, CALLERS as usize)?;
        Ok(Post { worker, sandbox, db, broker: Arc::new(world.broker.clone()) })
    }

    /// Moves so many orders from the one of this number on, all callers at once, and waits until every message is done.
    pub async fn fast(&self, world: &World, first: u32, many: u32) -> Result<Delivered, Failure> {
        let began = Instant::now();
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let (db, broker) = (self.db.clone(), Arc::clone(&self.broker));
            callers.spawn(async move {
                for number in (first + caller..first + many).step_by(CALLERS as usize) {
                    clear(&db, &broker, number).await?;
                }
                Ok::<_, Failure>(())
            });
        }
        while let Some(ended) = callers.join_next().await {
            ended.map_err(|cause| Failure::new(SH9001, format!("a caller broke off: {cause}")))??;
        }
        let moved = began.elapsed();
        delivered(world).await?;
        Ok(Delivered { moved, done: began.elapsed() })
    }

    /// Moves so many orders one by one; for each, from its acknowledgement to the provider's log, in milliseconds, the quickest first.
    pub async fn paced(&self, world: &World, first: u32, many: u32) -> Result<Vec<f64>, Failure> {
        let mut moved = HashMap::new();
        let mut turn = tokio::time::interval(PACE);
        for number in first..first + many {
            turn.tick().await;
            clear(&self.db, &self.broker, number).await?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            moved.insert(reference(number), now.as_secs_f64());
        }
        delivered(world).await?;
        let (names, times): (Vec<String>, Vec<String>) = said(&self.sandbox, &moved).into_iter().unzip();
        let asked = "select extract(epoch from t.at::timestamptz)::float8 from unnest($1::text[]) with ordinality t (at, n) order by t.n";
        let rows = world.admin.query(asked, &[&times]).await.map_err(StoreFault::doing("reading times"))?;
        let mut took: Vec<f64> =
            names.iter().zip(&rows).map(|(name, row)| ((row.get::<_, f64>(0) - moved[name]) * 1000.0).max(0.0)).collect();
        took.sort_by(f64::total_cmp);
        Ok(took)
    }

    /// User and system time of the worker up to now; nothing where the system has no `/proc`.
    pub fn worker_cpu_us(&self) -> Option<f64> {
        cpu_us_of(self.worker.id())
    }

    /// Texts the provider sent.
    pub fn sent(&self) -> usize {
        self.sandbox.effects("twilio").values().sum()
    }

    /// Texts it sent more than once.
    pub fn sent_twice(&self) -> usize {
        self.sandbox.effects("twilio").values().filter(|times| **times > 1).count()
    }
}

/// Waits until nothing that was moved is still to be delivered.
async fn delivered(world: &World) -> Result<(), Failure> {
    let began = Instant::now();
    while backlog::owed(world).await? {
        if began.elapsed() > PATIENCE {
            return Err(Failure::new(SH9001, "messages are not delivered"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

fn reference(number: u32) -> String {
    format!("ORD-{number:06}")
}

/// When the messages about these orders arrived.
fn said(handle: &statehouse_sandbox::Handle, moved: &HashMap<String, f64>) -> HashMap<String, String> {
    let lines = handle.log("twilio").into_iter().filter(|line| line.effect);
    let about = |text: &str| text.find("ORD-").and_then(|at| text.get(at..at + 10)).map(str::to_owned);
    lines
        .filter_map(|line| about(line.body["Body"].as_str()?).map(|name| (name, line.at)))
        .filter(|(name, _)| moved.contains_key(name))
        .collect()
}

async fn clear(db: &Db, broker: &Session, number: u32) -> Result<(), Failure> {
    let input = json!({ "customs_ref": format!("26IS{number:014}") });
    let name = reference(number);
    fire(db, broker, &Move::new("order", Target::Reference(&name), "clear").with(&input)).await?;
    Ok(())
}
