//! Slots: a verb owed to many records at a time of a schedule. Which times those are is worked out by the caller.

use std::time::{Duration, SystemTime};

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::record::{crossed, pause};
use crate::{Db, StoreFault};

/// Crossed with other moves, a batch is tried again this often.
const RETRIES_MAX: u32 = 3;

/// How far the slots of a schedule have come in a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The tenant.
    pub tenant: i32,
    /// Its short name.
    pub slug: String,
    /// The last of its slots; none before the first.
    pub last: Option<SystemTime>,
}

/// The tenants a schedule is for, over a pool of `statehouse_worker`: those that are not suspended and have members in
/// the app. For one without a slot, open the first as skipped: from there on times count.
///
/// # Errors
/// Faults of storage.
pub async fn slots_standing(worker_db: &Db, app: &str, schedule: &str) -> Result<Vec<Standing>, StoreFault> {
    let client = worker_db.lean().await?;
    let list = client.prepare_cached(include_str!("../../queries/slot_standing.sql")).await?;
    let rows = client.query(&list, &[&app, &schedule]).await.map_err(StoreFault::doing("listing schedules"))?;
    Ok(rows.iter().map(|row| Standing { tenant: row.get("tenant"), slug: row.get("slug"), last: row.get("last") }).collect())
}

/// Writes down that a time of a schedule has come for a tenant, or (`skipped`) that it is left out; false where it was
/// written before, by whomever.
///
/// # Errors
/// Faults of storage.
pub async fn open_slot(
    worker_db: &Db,
    tenant: i32,
    app: &str,
    schedule: &str,
    slot: SystemTime,
    skipped: bool,
) -> Result<bool, StoreFault> {
    let client = worker_db.lean().await?;
    let open = client.prepare_cached(include_str!("../../queries/slot_open.sql")).await?;
    let given: [&(dyn ToSql + Sync); 5] = [&tenant, &app, &schedule, &slot, &skipped];
    statehouse_fault::point!("store.open_slot:before");
    let row = client.query_one(&open, &given).await.map_err(StoreFault::doing("opening a slot"))?;
    statehouse_fault::point!("store.open_slot:after");
    Ok(row.get(0))
}

/// A slot lent to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The tenant.
    pub tenant: i32,
    /// The app.
    pub app: String,
    /// The schedule.
    pub schedule: String,
    /// The time it is for.
    pub slot: SystemTime,
    /// Number of the claim: the fence.
    pub attempt: i32,
    /// The last record that was seen to.
    pub cursor: Option<Uuid>,
}

/// Lends a worker one slot of these apps that is due, or that somebody left in the middle; none where there is none.
///
/// # Errors
/// Faults of storage.
pub async fn claim_slot(worker_db: &Db, worker: &str, apps: &[String], lease: Duration) -> Result<Option<Slot>, StoreFault> {
    let client = worker_db.lean().await?;
    let claim = client.prepare_cached(include_str!("../../queries/slot_claim.sql")).await?;
    statehouse_fault::point!("store.claim_slot:before");
    let row = client.query_opt(&claim, &[&worker, &apps, &lease.as_secs_f64()]).await.map_err(StoreFault::doing("claiming a slot"))?;
    statehouse_fault::point!("store.claim_slot:after");
    Ok(row.map(|row| Slot {
        tenant: row.get("tenant"),
        app: row.get("app"),
        schedule: row.get("schedule"),
        slot: row.get("slot"),
        attempt: row.get("attempt"),
        cursor: row.get("cursor"),
    }))
}

/// What a schedule fires.
#[derive(Clone, Copy, Debug)]
pub struct Firing<'a> {
    /// Whose records, without the app.
    pub entity: &'a str,
    /// The verb.
    pub verb: &'a str,
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Records moved.
    pub moved: i32,
    /// Records whose move was refused; they are passed.
    pub refused: i32,
    /// No record is left: the slot is done.
    pub finished: bool,
}

/// Fires a slot's verb on the next `most` of its records, each once, and writes down how far it has come, in one
/// transaction; the lease runs on for `lease`. None where the slot is no longer the worker's.
///
/// # Errors
/// `SH5002` where it crossed with others more than three times, faults of storage: nothing was done then.
pub async fn slot_batch(
    worker_db: &Db,
    worker: &str,
    slot: &Slot,
    firing: Firing<'_>,
    most: i32,
    lease: Duration,
) -> Result<Option<Batch>, StoreFault> {
    let mut tried = 0;
    loop {
        statehouse_fault::point!("store.slot_batch:before");
        let answered = attempt(worker_db, worker, slot, firing, most, lease).await;
        statehouse_fault::point!("store.slot_batch:after");
        match answered {
            Err(fault) if tried < RETRIES_MAX && crossed(&fault) => {
                tried += 1;
                tokio::time::sleep(pause(tried)).await;
            }
            other => return other,
        }
    }
}

async fn attempt(
    worker_db: &Db,
    worker: &str,
    slot: &Slot,
    firing: Firing<'_>,
    most: i32,
    lease: Duration,
) -> Result<Option<Batch>, StoreFault> {
    let client = worker_db.lean().await?;
    let doing = || StoreFault::doing(format!("firing `{}` for the schedule `{}`", firing.verb, slot.schedule));
    let batch = client.prepare_cached(include_str!("../../queries/slot_batch.sql")).await.map_err(doing())?;
    let lease_s = lease.as_secs_f64();
    let given: [&(dyn ToSql + Sync); 10] =
        [&worker, &slot.tenant, &slot.app, &slot.schedule, &slot.slot, &slot.attempt, &firing.entity, &firing.verb, &most, &lease_s];
    let row = client.query_one(&batch, &given).await.map_err(doing())?;
    let held: bool = row.get("held");
    Ok(held.then(|| Batch { moved: row.get("moved"), refused: row.get("refused"), finished: row.get("finished") }))
}
