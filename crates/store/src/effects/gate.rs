//! The gate of a connector for one tenant: how it fares, how fast it may be called, until when it asked to be left alone.

use std::time::Duration;

use crate::{Db, StoreFault};

/// What a round of calls showed of one gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    /// The tenant.
    pub tenant: i32,
    /// The app.
    pub app: &'a str,
    /// The connector.
    pub connector: &'a str,
    /// Calls that were answered, yes or no.
    pub good: i32,
    /// Calls that were not, or with a failure of the provider's own.
    pub bad: i32,
    /// How long from now it asked to be left alone.
    pub blocked: Option<Duration>,
    /// Failures in a row that open the breaker.
    pub failures_max: i32,
    /// How long it stays open before one call is tried.
    pub open: Duration,
}

/// Makes the gates that are missing, one per tenant for each of the app's connectors; says how many. Without its gate
/// nothing is claimed, so this is asked at the start, after a new definition, and now and then for new tenants.
///
/// # Errors
/// Faults of storage.
pub async fn open_gates(db: &Db, app: &str, connectors: &[&str]) -> Result<i32, StoreFault> {
    let client = db.lean().await?;
    let statement = client.prepare_cached(include_str!("../../queries/gate_open.sql")).await?;
    statehouse_fault::point!("store.open_gates:before");
    let row = client.query_one(&statement, &[&app, &connectors]).await.map_err(StoreFault::doing("opening gates"))?;
    statehouse_fault::point!("store.open_gates:after");
    Ok(row.get(0))
}

/// Tells a gate how its calls went; says in which state that leaves its breaker: `closed`, `open` or `probing`.
///
/// # Errors
/// Faults of storage.
pub async fn report_gate(db: &Db, report: &Report<'_>) -> Result<String, StoreFault> {
    let Report { tenant, app, connector, good, bad, blocked, failures_max, open } = report;
    let blocked = blocked.map(|blocked| blocked.as_secs_f64());
    let client = db.lean().await?;
    let statement = client.prepare_cached(include_str!("../../queries/gate_report.sql")).await?;
    statehouse_fault::point!("store.report_gate:before");
    let row = client
        .query_one(&statement, &[tenant, app, connector, good, bad, &blocked, failures_max, &open.as_secs_f64()])
        .await
        .map_err(StoreFault::doing("reporting to a gate"))?;
    statehouse_fault::point!("store.report_gate:after");
    Ok(row.get::<_, Option<String>>(0).unwrap_or_else(|| "closed".to_owned()))
}
