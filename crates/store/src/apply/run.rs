//! Carries out the steps of a plan: neighbours in one transaction, lonely ones statement by statement.

use std::time::Duration;

use statehouse_compile::plan::{Mapping, SETTINGS, SETTINGS_ALONE, Step};
use statehouse_definition::App;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::migrate;
use super::propose::Proposal;
use crate::{StoreFault, definition};

/// How often a transaction that waited too long for a lock is tried; others went first each time.
const TRIES_MOST: u32 = 8;

/// A version of the definition to be stored.
#[derive(Clone, Copy)]
struct Version<'a> {
    app: &'a App,
    mapping: &'a Mapping,
    version: i32,
}

/// Runs every step; returns how many, and how many records were moved.
pub(super) async fn all(client: &mut Client, app: &App, proposal: &Proposal) -> Result<(usize, u64), StoreFault> {
    client.batch_execute(SETTINGS).await?;
    // With the first steps, so that what happens under the new law says so.
    let mut store = proposal.is_new().then_some(Version { app, mapping: &proposal.mapping, version: proposal.version });
    let mut moved = 0;
    for group in groups(&proposal.plan.steps) {
        if let Some(migration) = group.first().and_then(|step| step.migration.as_ref()) {
            moved += migrate::run(client, app, migration).await?;
        } else if group.first().is_some_and(|step| step.own_transaction) {
            alone(client, group).await?;
        } else {
            let store = store.take();
            patiently(50, async || once(client, group, store).await).await?;
        }
    }
    if let Some(new) = store {
        definition::insert(client, new.app, new.mapping, new.version).await?;
    }
    client.batch_execute("reset all").await?;
    Ok((proposal.plan.steps.len(), moved))
}

/// Steps that share a transaction, or one that runs on its own.
fn groups(steps: &[Step]) -> Vec<&[Step]> {
    steps
        .chunk_by(|one, next| !one.own_transaction && !next.own_transaction && one.migration.is_none() && next.migration.is_none())
        .collect()
}

/// One transaction, tried again where somebody held a lock for too long. Nothing of a failed try stays. The first pause
/// is of `pause_ms` milliseconds doubled, and it doubles with each.
pub(super) async fn patiently<T>(pause_ms: u64, mut once: impl AsyncFnMut() -> Result<T, StoreFault>) -> Result<T, StoreFault> {
    let mut tries = 1;
    loop {
        match once().await {
            Err(fault) if tries < TRIES_MOST && crossed(&fault) => {
                tokio::time::sleep(Duration::from_millis(pause_ms << tries.min(5))).await;
                tries += 1;
            }
            done => return done,
        }
    }
}

async fn once(client: &mut Client, steps: &[Step], store: Option<Version<'_>>) -> Result<(), StoreFault> {
    let transaction = client.transaction().await?;
    if let Some(new) = store {
        definition::insert(&transaction, new.app, new.mapping, new.version).await?;
    }
    for step in steps {
        for sql in &step.sql {
            transaction.batch_execute(sql).await.map_err(StoreFault::doing(format!("step `{}`", step.id)))?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// Somebody else went first; the same transaction may succeed now.
fn crossed(fault: &StoreFault) -> bool {
    let states = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE];
    fault.sqlstate().is_some_and(|found| states.iter().any(|state| state.code() == found))
}

async fn alone(client: &Client, steps: &[Step]) -> Result<(), StoreFault> {
    client.batch_execute(SETTINGS_ALONE).await?;
    for step in steps {
        for sql in &step.sql {
            client.batch_execute(sql).await.map_err(StoreFault::doing(format!("step `{}`", step.id)))?;
        }
    }
    client.batch_execute(SETTINGS).await?;
    Ok(())
}
