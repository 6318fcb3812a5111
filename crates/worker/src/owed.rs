//! What the calendar owes: timers of records, and times of schedules.

use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use statehouse_store::StoreFault;
use statehouse_store::effects;
use statehouse_store::time::{self, Firing, Slot};

use crate::running::Installed;
use crate::schedule::Times;
use crate::shared::Shared;

/// Timers that ring in one go.
const TIMERS_MAX: u32 = 1000;
/// Records that are moved in one transaction of a slot.
const BATCH: i32 = 100;
/// Slots that are worked through in one go.
const SLOTS_MAX: u32 = 100;

/// Rings every timer that is due, one after the other, at most a thousand; how many rang.
pub(crate) async fn ring(shared: &Shared) -> Result<u32, StoreFault> {
    let apps = shared.running().names();
    let mut rung = 0;
    while rung < TIMERS_MAX && !shared.is_stopping() && !apps.is_empty() {
        let Some(one) = time::ring_one(&shared.db, &apps).await? else { break };
        if !one.moved {
            tracing::warn!(tenant = one.tenant, app = %one.app, entity = %one.entity, record = %one.record, verb = %one.verb, code = one.code.as_deref().unwrap_or_default(), "a timer was refused and is put off");
        }
        rung += 1;
    }
    Ok(rung)
}

/// Writes down times of schedules that have come, for every tenant. A time that is written twice is one.
pub(crate) async fn open_slots(shared: &Shared) -> Result<(), StoreFault> {
    let running = shared.running();
    if running.all().all(|installed| installed.times.is_empty()) {
        return Ok(());
    }
    let now = effects::now(&shared.db).await?;
    for installed in running.all() {
        for (name, times) in &installed.times {
            open(shared, installed, name, times, now).await?;
        }
    }
    Ok(())
}

async fn open(shared: &Shared, installed: &Installed, name: &str, times: &Times, now: SystemTime) -> Result<(), StoreFault> {
    let app = &installed.app.name;
    for standing in time::slots_standing(&shared.db, app, name).await? {
        let Some(last) = standing.last else {
            // From now on times count; those before nobody asked for.
            time::open_slot(&shared.db, standing.tenant, app, name, now, true).await?;
            continue;
        };
        // Nor for those before it had the times it has.
        let last = installed.since(name).filter(|since| *since <= now).map_or(last, |since| since.max(last));
        let (Ok(last), Ok(now)) = (Timestamp::try_from(last), Timestamp::try_from(now)) else { continue };
        for slot in times.owed(last, now) {
            time::open_slot(&shared.db, standing.tenant, app, name, slot.into(), false).await?;
        }
    }
    Ok(())
}

/// Works through slots that are due, batch by batch; how many were finished.
pub(crate) async fn work_slots(shared: &Arc<Shared>) -> Result<u32, StoreFault> {
    let running = shared.running();
    let apps = running.names();
    let mut finished = 0;
    while finished < SLOTS_MAX && !shared.is_stopping() && !apps.is_empty() {
        let Some(slot) = time::claim_slot(&shared.db, &shared.id, &apps, shared.settings.lease()).await? else { break };
        let Some(installed) = running.get(&slot.app) else { break };
        if !work(shared, installed, &slot).await? {
            break;
        }
        finished += 1;
    }
    Ok(finished)
}

/// Whether it is done.
async fn work(shared: &Shared, installed: &Installed, slot: &Slot) -> Result<bool, StoreFault> {
    let Some(schedule) = installed.app.schedules.get(&slot.schedule) else {
        tracing::error!(app = %slot.app, schedule = %slot.schedule, "a time has come for a schedule that is no more");
        return Ok(false);
    };
    let firing = Firing { entity: &schedule.fire.entity, verb: &schedule.fire.verb };
    loop {
        let batch = time::slot_batch(&shared.db, &shared.id, slot, firing, BATCH, shared.settings.lease()).await?;
        let Some(batch) = batch else { return Ok(false) };
        if batch.refused > 0 {
            tracing::warn!(app = %slot.app, schedule = %slot.schedule, tenant = slot.tenant, moved = batch.moved, refused = batch.refused, "records were refused the move of a schedule");
        }
        if batch.finished {
            return Ok(true);
        }
        if shared.is_stopping() {
            return Ok(false);
        }
    }
}
