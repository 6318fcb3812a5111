//! Being woken: whatever owes something rings while somebody sleeps, and nobody rings while nobody does.

use std::time::Duration;

use serde_json::json;
use statehouse_store::Place;
use statehouse_store::effects::{self, Woken};
use statehouse_testkit::TestDatabase;
use statehouse_testkit::people::Persona;

use super::{Drill, Held, TENANTS, holds, messages};
use crate::check::Breach;
use crate::check::Invariant::{Missing, Throughput};
use crate::scene::APP;

/// Whoever rings is heard within this time.
const HEARD: Duration = Duration::from_secs(5);

pub(super) async fn run(drill: &mut Drill, db: &TestDatabase) -> Held {
    drill.both("insert into proof_admin.parcel (title) values ('bell'); insert into proof_admin.payment (title) values ('bell')").await?;
    let place = Place::parse(&db.url("postgres"))?;
    let mut ear = effects::listen(&place).await?;
    // Who fires what; the outcomes of calls in between are worked off by a hand.
    let moves = [
        ("system", "parcel", "remind"),
        ("admin", "parcel", "tell"),
        ("admin", "parcel", "poke"),
        ("connector", "parcel", "scan"),
        ("timer", "parcel", "thank"),
        ("admin", "payment", "charge"),
        ("admin", "payment", "book"),
        ("admin", "payment", "post"),
    ];
    for (kind, entity, verb) in moves {
        let who = Persona::named(APP, TENANTS[0], kind);
        let client = db.as_persona(&who).await;
        ear.lie_down().await?;
        let fire = format!("update {}.{entity} set fire = '{verb}' where title = 'bell'", who.schema);
        client.batch_execute(&fire).await.map_err(|cause| Breach::new(Missing, format!("{fire}: {cause:?}")))?;
        let woken = ear.wait(HEARD).await?;
        holds(Throughput, woken == Woken::Rung, &format!("`{verb}` wakes nobody"))?;
        drill.a.work(&drill.provider).await?;
    }
    ear.lie_down().await?;
    messages::receive(drill, 1, "bell", &json!({ "id": "none" })).await?;
    holds(Throughput, ear.wait(HEARD).await? == Woken::Rung, "a message wakes nobody")?;
    // Nobody sleeps: what rings now would make commits wait for each other.
    drill.both("insert into proof_admin.parcel (title) values ('quiet'); update proof_admin.parcel set fire = 'tell' where title = 'quiet'; update proof_admin.parcel set title = 'over' where title = 'quiet'").await?;
    ear.lie_down().await?;
    let woken = ear.wait(Duration::from_millis(300)).await?;
    holds(Throughput, woken == Woken::Time, "somebody rings while nobody sleeps")?;
    drill.a.work(&drill.provider).await?;
    Ok(())
}
