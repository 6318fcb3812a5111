//! Leases: kept while somebody works, noticed when nobody does any more.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use tokio_postgres::types::Json;
use uuid::Uuid;

use super::held::{self, Held, Id};
use crate::{Db, StoreFault};

/// What became of an effect whose lease ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It is due again, and nothing had been sent, or the same key may be sent again.
    Due,
    /// It is due again, and a send may have reached the provider.
    Doubted,
    /// Nobody can tell; a person has to.
    Unknown,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The tenant.
    pub tenant: i32,
    /// The effect.
    pub effect: Id,
    /// What became of it.
    pub became: Became,
}

/// Keeps those of `held` that still are the worker's for `lease` from now; says which those are. Whoever is not among
/// them must not be sent, and not be sent on.
///
/// # Errors
/// Faults of storage: then none is known to be kept.
pub async fn beat(db: &Db, worker: &str, held: &[Held], lease: Duration) -> Result<Vec<Held>, StoreFault> {
    let client = db.lean().await?;
    let statement = client.prepare_cached(include_str!("../../queries/effect_beat.sql")).await?;
    statehouse_fault::point!("store.beat_effects:before");
    let rows =
        client.query(&statement, &[&worker, &held::all(held), &lease.as_secs_f64()]).await.map_err(StoreFault::doing("keeping effects"))?;
    statehouse_fault::point!("store.beat_effects:after");
    Ok(rows.iter().map(Held::of).collect())
}

/// Writes down, for effects of class N, that their one send is about to happen; says for which it may. Whoever is not
/// among them must not be sent: the lease is lost, or a send was written down before.
///
/// # Errors
/// Faults of storage: then none may be sent under this claim.
pub async fn mark_sending(db: &Db, worker: &str, held: &[Held]) -> Result<Vec<Held>, StoreFault> {
    let client = db.lean().await?;
    let statement = client.prepare_cached(include_str!("../../queries/effect_mark_sending.sql")).await?;
    statehouse_fault::point!("store.mark_sending:before");
    let rows = client.query(&statement, &[&worker, &held::all(held)]).await.map_err(StoreFault::doing("writing a send down"))?;
    statehouse_fault::point!("store.mark_sending:after");
    Ok(rows.iter().map(Held::of).collect())
}

/// How long, in seconds, a doubt rests before a provider is asked about it: of each connector of class Q, `app.connector`.
pub type Rests = BTreeMap<String, f64>;

/// Takes up at most `most` effects whose lease ran out, those that ran out since `since` or ever. A call is never left
/// unknown here: it becomes due in doubt, so that whoever claims it next fires the verb that says so. What is to be asked
/// about rests first, from the end of its lease: its last send may be as late.
///
/// # Errors
/// Faults of storage.
pub async fn recover(db: &Db, since: Option<SystemTime>, most: i32, rests: &Rests) -> Result<Vec<Recovered>, StoreFault> {
    let client = db.lean().await?;
    let statement = client.prepare_cached(include_str!("../../queries/effect_recover.sql")).await?;
    statehouse_fault::point!("store.recover_effects:before");
    let rows = client.query(&statement, &[&most, &since, &Json(rests)]).await.map_err(StoreFault::doing("taking up lost effects"))?;
    statehouse_fault::point!("store.recover_effects:after");
    Ok(rows.iter().map(read).collect())
}

fn read(row: &tokio_postgres::Row) -> Recovered {
    Recovered {
        tenant: row.get("tenant"),
        effect: Id { record: row.get::<_, Uuid>("record"), seq: row.get("seq"), n: row.get("n") },
        became: match row.get::<_, &str>("became") {
            "due" => Became::Due,
            "doubted" => Became::Doubted,
            _ => Became::Unknown,
        },
    }
}

/// How far one process has looked for leases that ran out. Looking from the beginning each time would read, while
/// somebody holds an old snapshot, the index entry of every lease there has been since.
#[derive(Debug, Default)]
pub struct Leases {
    looked: Option<(SystemTime, Instant)>,
}

/// A transaction that leases for longer than this ago is found by the next look at all.
const GRACE: Duration = Duration::from_secs(10);
/// At least this often all leases are looked at.
const WHOLE_EVERY: Duration = Duration::from_secs(60);

impl Leases {
    /// As [`recover`], from where the last look ended.
    ///
    /// # Errors
    /// Faults of storage.
    pub async fn recover(&mut self, db: &Db, most: i32, rests: &Rests) -> Result<Vec<Recovered>, StoreFault> {
        let whole = self.looked.is_none_or(|(_, at)| at.elapsed() >= WHOLE_EVERY);
        let since = self.looked.filter(|_| !whole).map(|(until, _)| until - GRACE);
        let now = super::greet::now(db).await?;
        let found = recover(db, since, most, rests).await?;
        // What did not fit is found from the same place again.
        if (found.len() as i32) < most {
            self.looked = Some((now, if whole { Instant::now() } else { self.looked.map_or_else(Instant::now, |(_, at)| at) }));
        }
        Ok(found)
    }
}
