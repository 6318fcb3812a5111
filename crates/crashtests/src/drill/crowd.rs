//! Many at once: nobody waits for a row that somebody else has in hand, nobody gets it twice, and no tenant has it all.

use std::time::{Duration, SystemTime};

use serde_json::json;
use statehouse_store::effects::{self, Claimed, Known, Report};
use statehouse_store::{inbox, time};
use statehouse_testkit::people::Persona;
use tokio_postgres::{Client, NoTls};

use super::{Drill, Hand, Held, LEASE, TENANTS, holds, messages};
use crate::check::Breach;
use crate::check::Invariant::{Missing, Once, Throughput, Waits};
use crate::provider::NAMES;
use crate::scene::APP;

/// Nobody is made to wait so long by a lock.
const AT_ONCE: Duration = Duration::from_secs(4);
const OWE: &str = "insert into proof_admin.parcel (title) values ('crowd'), ('crowd'); update proof_admin.parcel set fire = 'tell' where title = 'crowd'; update proof_admin.parcel set title = 'over' where title = 'crowd'";

pub(super) async fn run(drill: &mut Drill) -> Held {
    let other = drill.another().await?;
    drill.pass("1 hour").await?;
    rest(drill).await?;
    rows_in_hand(drill, &other).await?;
    half_open(drill, &other).await?;
    suspended(drill).await?;
    even_shares(drill).await
}

/// Works off what is due.
pub(super) async fn rest(drill: &Drill) -> Held {
    for _ in 0..10 {
        drill.a.recover().await?;
        if drill.a.work(&drill.provider).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// Holds what a statement names, while `door` is gone through.
pub(super) async fn held<T>(other: &Client, which: &str, door: impl Future<Output = Held<T>>) -> Held<T> {
    let failed = |cause: tokio_postgres::Error| Breach::new(Missing, format!("{which}: {cause:?}"));
    other.batch_execute(&format!("begin; {which}")).await.map_err(failed)?;
    let gone = tokio::time::timeout(AT_ONCE, door).await;
    other.batch_execute("rollback").await.map_err(failed)?;
    gone.unwrap_or_else(|_| Err(Breach::new(Throughput, format!("a door waits for somebody who has a row in hand: {which}"))))
}

async fn rows_in_hand(drill: &mut Drill, other: &Client) -> Held {
    drill.both(OWE).await?;
    let due = "select from statehouse.effect where state = 'due' and connector = 'k' and tenant = 1 order by record limit 1 for update";
    let claimed = held(other, due, drill.a.claim()).await?;
    holds(Throughput, claimed.len() == 15, &format!("beside one in hand {} of 15 are lent", claimed.len()))?;
    drill.a.settle(&drill.a.send(&claimed, &drill.provider).await?).await?;
    drill.both(OWE).await?;
    let gate = "select from statehouse.gate where connector = 'k' and tenant = 1 for update";
    let claimed = held(other, gate, drill.a.claim()).await?;
    holds(Throughput, claimed.len() == 14, &format!("beside a gate in hand {} of 14 are lent", claimed.len()))?;
    drill.pass("61 seconds").await?;
    let lost = "select from statehouse.effect where state = 'leased' order by leased_until, record limit 1 for update";
    let taken = held(other, lost, drill.b.recover()).await?;
    holds(Throughput, taken == 13, &format!("beside one in hand {taken} of 13 leases are taken up"))?;
    rest(drill).await?;
    messages_in_hand(drill, other).await?;
    let at = SystemTime::now() - Duration::from_secs(3600);
    for tenant in TENANTS {
        time::open_slot(&drill.a.db, tenant.number, APP, "morning", at, false).await?;
    }
    let slot = "select from statehouse.slot where state = 'due' and tenant = 1 for update";
    let apps = [APP.to_owned()];
    let lent = held(other, slot, async { Ok(time::claim_slot(&drill.a.db, &drill.a.id, &apps, LEASE).await?) }).await?;
    holds(Throughput, lent.is_some_and(|slot| slot.tenant == 2), "beside a slot in hand the other is not lent")?;
    drill.superuser("update statehouse.poll set due_at = statehouse.now()").await?;
    let poll = "select from statehouse.poll where tenant = 1 for update";
    let known = [(APP.to_owned(), messages::SOURCE.to_owned())];
    let lent = held(other, poll, async { Ok(inbox::claim_poll(&drill.a.db, &drill.a.id, &known, LEASE).await?) }).await?;
    holds(Throughput, lent.is_some_and(|poll| poll.tenant == 2), "beside a source in hand the other is not lent")
}

async fn messages_in_hand(drill: &Drill, other: &Client) -> Held {
    let ignored = async |hand: &Hand, lent: &[inbox::Claimed]| -> Held {
        let said: Vec<inbox::Outcome> = lent.iter().map(|one| inbox::Outcome::new(one.held, inbox::End::Ignored)).collect();
        inbox::settle(&hand.db, &hand.id, &said).await?;
        Ok(())
    };
    ignored(&drill.a, &messages::claim(&drill.a).await?).await?;
    for key in ["crowd one", "crowd two"] {
        messages::receive(drill, 1, key, &json!({ "id": "none" })).await?;
    }
    let due = "select from statehouse.message where state = 'due' and key = 'crowd one' for update";
    let lent = held(other, due, messages::claim(&drill.a)).await?;
    holds(Throughput, lent.len() == 1 && lent[0].key == "crowd two", "beside a message in hand the other is not lent")?;
    let rest = messages::claim(&drill.a).await?;
    holds(Missing, rest.len() == 1, "a message that was in hand is not lent")?;
    // Nor for where somebody else writes down what was seen.
    drill.superuser("update statehouse.inflow set floor = statehouse.now() - interval '1 day', sweep_at = '-infinity'").await?;
    let seen = "select from statehouse.inflow where tenant = 1 for update";
    holds(Missing, held(other, seen, messages::claim(&drill.a)).await?.is_empty(), "what is lent is lent again")?;
    drill.pass("61 seconds").await?;
    let lost = "select from statehouse.message where state = 'leased' and key = 'crowd one' for update";
    let taken = held(other, lost, async { Ok(inbox::recover(&drill.b.db, 100).await?) }).await?;
    holds(Throughput, taken.len() == 1, "beside a message in hand the other is not taken up")?;
    inbox::recover(&drill.b.db, 100).await?;
    drill.pass("7 hours").await?;
    ignored(&drill.a, &messages::claim(&drill.a).await?).await
}

/// Two come at once to a gate that is half open: one call is tried.
async fn half_open(drill: &mut Drill, other: &Client) -> Held {
    drill.both(OWE).await?;
    let report = |good: i32, bad: i32| Report {
        tenant: 1,
        app: APP,
        connector: "k",
        good,
        bad,
        blocked: None,
        failures_max: 1,
        open: Duration::from_secs(30),
    };
    effects::report_gate(&drill.a.db, &report(0, 1)).await?;
    drill.pass("31 seconds").await?;
    let failed = |cause: tokio_postgres::Error| Breach::new(Missing, format!("{cause:?}"));
    let known = "[{\"app\": \"proof\", \"connector\": \"k\", \"versions\": [1], \"most\": 64}]";
    other.batch_execute("begin; set local role statehouse_worker").await.map_err(failed)?;
    let first = other
        .query(&format!("select * from statehouse.claim_effects('a', '{known}', 100, interval '60 seconds') where tenant = 1"), &[])
        .await
        .map_err(failed)?;
    let second = tokio::spawn({
        let (db, id) = (drill.b.db.clone(), drill.b.id.clone());
        let known = [Known { app: APP.into(), connector: NAMES[0].into(), versions: vec![1], pace: None, most: 64 }];
        async move { effects::claim(&db, &id, &known, 100, LEASE).await }
    });
    // It waits for the gate, or has what it wants already; either way the first one ends.
    let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    let looked = tokio::time::timeout(AT_ONCE, async { while !second.is_finished() && drill.count(waits).await == 0 {} }).await;
    other.batch_execute("commit").await.map_err(failed)?;
    holds(Throughput, looked.is_ok(), "a second claim neither waits nor ends")?;
    let second = second.await.map_err(|cause| Breach::new(Missing, format!("{cause:?}")))??;
    let probes = first.len() + second.iter().filter(|one| one.held.tenant == 1).count();
    holds(Waits, probes == 1, &format!("a breaker that is half open lets {probes} through"))?;
    effects::report_gate(&drill.a.db, &report(1, 0)).await?;
    drill.pass("61 seconds").await?;
    rest(drill).await
}

/// Nothing of a suspended tenant goes out, and all of it does once it goes on.
async fn suspended(drill: &mut Drill) -> Held {
    drill.both(OWE).await?;
    messages::receive(drill, 2, "suspended", &json!({ "id": "none" })).await?;
    let at = SystemTime::now() - Duration::from_secs(7200);
    time::open_slot(&drill.a.db, 2, APP, "morning", at, false).await?;
    drill.superuser("update statehouse.poll set due_at = statehouse.now(), worker = null, leased_until = null; update statehouse.tenant set suspended_at = statehouse.now() where tenant = 2").await?;
    let claimed = drill.a.claim().await?;
    holds(Once, claimed.len() == 8 && claimed.iter().all(|one| one.held.tenant == 1), "what a suspended tenant owes is lent")?;
    holds(Once, messages::claim(&drill.a).await?.is_empty(), "a message of a suspended tenant is lent")?;
    let (apps, known) = ([APP.to_owned()], [(APP.to_owned(), messages::SOURCE.to_owned())]);
    let polls = [
        inbox::claim_poll(&drill.a.db, &drill.a.id, &known, LEASE).await?,
        inbox::claim_poll(&drill.a.db, &drill.a.id, &known, LEASE).await?,
    ];
    holds(Once, polls.iter().flatten().all(|poll| poll.tenant == 1), "a source of a suspended tenant is lent")?;
    let mut slots = Vec::new();
    while let Some(slot) = time::claim_slot(&drill.a.db, &drill.a.id, &apps, LEASE).await? {
        slots.push(slot);
        holds(Once, slots.len() < 10, "a slot is lent for ever")?;
    }
    holds(Once, slots.iter().all(|slot| slot.tenant == 1), "a slot of a suspended tenant is lent")?;
    drill.superuser("update statehouse.tenant set suspended_at = null where tenant = 2").await?;
    let enter = Persona::member(APP, TENANTS[1], "admin").enter();
    drill.admins[1].batch_execute(&enter).await.map_err(|cause| Breach::new(Missing, format!("{cause:?}")))?;
    drill.a.settle(&drill.a.send(&claimed, &drill.provider).await?).await?;
    let claimed = drill.a.claim().await?;
    holds(Missing, claimed.len() == 8, "what a tenant owes is not lent once it goes on")?;
    drill.a.settle(&drill.a.send(&claimed, &drill.provider).await?).await?;
    let lent = messages::claim(&drill.a).await?;
    holds(Missing, lent.len() == 1, "a message of a tenant is not lent once it goes on")?;
    let said = inbox::Outcome::new(lent[0].held, inbox::End::Ignored);
    inbox::settle(&drill.a.db, &drill.a.id, &[said]).await?;
    Ok(())
}

/// One tenant's hundreds do not come before another's one.
async fn even_shares(drill: &mut Drill) -> Held {
    for key in 0..20 {
        messages::receive(drill, 1, &format!("many {key}"), &json!({ "id": "none" })).await?;
    }
    drill.pass("1 second").await?;
    messages::receive(drill, 2, "few", &json!({ "id": "none" })).await?;
    let lent = inbox::claim(&drill.a.db, &drill.a.id, &[APP.to_owned()], 6, LEASE).await?;
    let of = |tenant: i32| lent.iter().filter(|one| one.held.tenant == tenant).count();
    holds(Throughput, of(2) == 1 && of(1) >= 3, &format!("of six messages {} are of one tenant and {} of the other", of(1), of(2)))?;
    let admin = &drill.admins[0];
    let many = "insert into proof_admin.parcel (title) select 'many' from generate_series(1, 20); update proof_admin.parcel set fire = 'tell' where title = 'many'; update proof_admin.parcel set title = 'over' where title = 'many'";
    admin.batch_execute(many).await.map_err(|cause| Breach::new(Missing, format!("{cause:?}")))?;
    drill.pass("1 second").await?;
    let admin = &drill.admins[1];
    admin.batch_execute(&many.replace("20", "1")).await.map_err(|cause| Breach::new(Missing, format!("{cause:?}")))?;
    let known = [Known { app: APP.into(), connector: "k".into(), versions: vec![1], pace: None, most: 64 }];
    let lent: Vec<Claimed> = effects::claim(&drill.a.db, &drill.a.id, &known, 6, LEASE).await?;
    let of = |tenant: i32| lent.iter().filter(|one| one.held.tenant == tenant).count();
    holds(Throughput, of(2) == 1 && of(1) >= 3, &format!("of six effects {} are of one tenant and {} of the other", of(1), of(2)))?;
    let said: Vec<inbox::Outcome> =
        messages::claim(&drill.a).await?.iter().map(|one| inbox::Outcome::new(one.held, inbox::End::Ignored)).collect();
    inbox::settle(&drill.a.db, &drill.a.id, &said).await?;
    drill.pass("7 hours").await?;
    inbox::recover(&drill.a.db, 100).await?;
    rest(drill).await
}

impl Drill {
    /// A second connection of the superuser, for whoever has rows in hand.
    pub(super) async fn another(&self) -> Held<Client> {
        let (client, connection) = self.config.connect(NoTls).await.map_err(|cause| Breach::new(Missing, format!("{cause:?}")))?;
        tokio::spawn(connection);
        Ok(client)
    }
}
