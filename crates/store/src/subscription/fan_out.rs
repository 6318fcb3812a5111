//! Events become deliveries. Nothing is sent here: sending belongs to whoever works off what is owed.

use uuid::Uuid;

use crate::{Db, StoreFault};

/// The subscriptions that take up events, of all tenants, over a pool of `statehouse_worker`; at most `most`, after one.
///
/// # Errors
/// Faults of storage.
pub async fn active(worker: &Db, after: Option<(i32, Uuid)>, most: i64) -> Result<Vec<(i32, Uuid)>, StoreFault> {
    let client = worker.get().await?;
    let (tenant, id) = after.unwrap_or((i32::MIN, Uuid::nil()));
    let list = client.prepare_cached(include_str!("../../queries/subscription_active.sql")).await?;
    let rows = client.query(&list, &[&tenant, &id, &most]).await.map_err(StoreFault::doing("listing subscriptions"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Takes up the next stretch of the feed for one subscription, of at most `places_max` events of each entity: one
/// transaction that writes what is owed and moves its place. How much was written; none where another worker is at it.
///
/// # Errors
/// Faults of storage; nothing was done then.
pub async fn fan_out(worker: &Db, tenant: i32, subscription: Uuid, places_max: i32) -> Result<i32, StoreFault> {
    let client = worker.get().await?;
    let take = client.prepare_cached(include_str!("../../queries/subscription_fan_out.sql")).await?;
    statehouse_fault::point!("store.fan_out:before");
    let row = client.query_one(&take, &[&tenant, &subscription, &places_max]).await.map_err(StoreFault::doing("taking up events"))?;
    statehouse_fault::point!("store.fan_out:after");
    Ok(row.get(0))
}
