//! Timers and slots: each once, whoever rings, and each record of a slot once, whoever dies over it.

use std::time::{Duration, SystemTime};

use statehouse_store::time::{self, Firing};

use super::{Drill, Held, LEASE, TENANTS, holds};
use crate::check::Invariant::{Fences, Missing, Once, Quiet, Restored, Waits};
use crate::scene::APP;

pub(super) async fn run(drill: &mut Drill) -> Held {
    timers(drill).await?;
    refused(drill).await?;
    slots(drill).await
}

async fn timers(drill: &mut Drill) -> Held {
    drill.both("insert into proof_admin.parcel (title) values ('timed'), ('timed'); update proof_admin.parcel set fire = 'tell' where state = 'new'").await?;
    drill.a.work(&drill.provider).await?;
    let thanked = "select count(*) from statehouse.event where verb = 'thank'";
    let apps = [APP.to_owned()];
    // Of the drill so far some are due; all of these are rung, and then those of now are not.
    ring(drill, &apps).await?;
    let before = drill.count(thanked).await;
    holds(
        Missing,
        drill.count("select count(*) from statehouse.timer where due_at > statehouse.now()").await == 4,
        "a timer rang before its time",
    )?;
    drill.pass("59 minutes").await?;
    ring(drill, &apps).await?;
    holds(Missing, drill.count(thanked).await == before, "a timer rang before its time")?;
    drill.pass("2 minutes").await?;
    let older = drill.in_another_epoch(&format!("statehouse.ring_timer(array['{APP}'])")).await;
    holds(Restored, older == 0, "a timer of an older epoch rings")?;
    ring(drill, &apps).await?;
    holds(Once, drill.count(thanked).await == before + 4, "a timer did not ring once")?;
    let left = "select count(*) from statehouse.timer";
    holds(Quiet, drill.count(left).await == 0, "a timer stays after it rang")?;
    drill.a.work(&drill.provider).await?;
    Ok(())
}

/// One that the law refuses is put off, a minute and then two, and rings once the law lets it.
async fn refused(drill: &mut Drill) -> Held {
    drill
        .superuser(
            "create function statehouse.drill_refuses() returns trigger language plpgsql as $$
             begin if old.state = 'told' and new.state = 'thanked' then perform statehouse.refuse('SH4004', 'not now', '{}', 'wait'); end if; return null; end $$;
             create trigger drill_refuses after update on proof.parcel for each row execute function statehouse.drill_refuses()",
        )
        .await?;
    drill.both("insert into proof_admin.parcel (title) values ('refused'); update proof_admin.parcel set fire = 'tell' where state = 'new' and title = 'refused'").await?;
    drill.a.work(&drill.provider).await?;
    let apps = [APP.to_owned()];
    let rung = async |hand: &super::Hand| -> Held<usize> {
        let mut rung = 0;
        while let Some(one) = time::ring_one(&hand.db, &apps).await? {
            holds(Missing, !one.moved && one.code.as_deref() == Some("SH4004"), &format!("a timer that is refused is {one:?}"))?;
            rung += 1;
            holds(Quiet, rung <= 2, "a timer that is refused rings for ever")?;
        }
        Ok(rung)
    };
    for (span, expected) in [("61 minutes", 2), ("59 seconds", 0), ("2 seconds", 2), ("119 seconds", 0), ("2 seconds", 2)] {
        drill.pass(span).await?;
        let rung = rung(&drill.b).await?;
        holds(Waits, rung == expected, &format!("{rung} of {expected} timers that were refused ring again after {span}"))?;
    }
    let since = "select count(*) from statehouse.timer where attempt = 3 and since < due_at and code = 'SH4004'";
    holds(Missing, drill.count(since).await == 2, "how often a timer was refused is not counted")?;
    drill.superuser("drop trigger drill_refuses on proof.parcel").await?;
    drill.pass("5 minutes").await?;
    ring(drill, &apps).await?;
    holds(Quiet, drill.count("select count(*) from statehouse.timer").await == 0, "a timer that was refused does not ring")?;
    drill.a.work(&drill.provider).await?;
    Ok(())
}

/// Everything that is due, by two who take turns.
async fn ring(drill: &Drill, apps: &[String]) -> Held {
    for turn in 0..1000 {
        let hand = if turn % 2 == 0 { &drill.a } else { &drill.b };
        let Some(rung) = time::ring_one(&hand.db, apps).await? else { return Ok(()) };
        holds(Missing, rung.moved, &format!("a timer is refused: {rung:?}"))?;
    }
    holds(Quiet, false, "timers ring for ever")
}

async fn slots(drill: &mut Drill) -> Held {
    drill.both("insert into proof_admin.parcel (title) select 'left' from generate_series(1, 5)").await?;
    let reminded = "select count(*) from statehouse.event where verb = 'remind'";
    let at = SystemTime::now();
    for tenant in TENANTS.map(|tenant| tenant.number) {
        holds(Missing, time::open_slot(&drill.a.db, tenant, APP, "morning", at, false).await?, "a slot does not open")?;
        holds(Once, !time::open_slot(&drill.b.db, tenant, APP, "morning", at, false).await?, "a slot opens twice")?;
    }
    let older = drill.in_another_epoch(&format!("statehouse.claim_slot('a', array['{APP}'], '60 seconds')")).await;
    holds(Restored, older == 0, "a slot of an older epoch is lent")?;
    let apps = [APP.to_owned()];
    let firing = Firing { entity: "parcel", verb: "remind" };
    let mut early = Vec::new();
    while let Some(slot) = time::claim_slot(&drill.a.db, &drill.a.id, &apps, LEASE).await? {
        early.push(slot);
        holds(Once, early.len() <= 2, "a slot is lent twice")?;
    }
    holds(Missing, early.len() == 2 && early.iter().all(|slot| slot.attempt == 1), "a slot is not lent, once")?;
    holds(
        Fences,
        time::slot_batch(&drill.b.db, &drill.b.id, &early[0], firing, 2, LEASE).await?.is_none(),
        "who holds no slot works on it",
    )?;
    for slot in &early {
        let batch = time::slot_batch(&drill.a.db, &drill.a.id, slot, firing, 2, LEASE).await?;
        holds(Missing, batch.is_some_and(|batch| batch.moved == 2 && !batch.finished), "a slot's batch is not what was asked for")?;
    }
    // It dies; another goes on where it stood, and it wakes.
    drill.pass("61 seconds").await?;
    let mut later = Vec::new();
    while let Some(slot) = time::claim_slot(&drill.a.db, &drill.a.id, &apps, LEASE).await? {
        later.push(slot);
        holds(Once, later.len() <= 2, "a slot is lent twice")?;
    }
    holds(
        Quiet,
        later.len() == 2 && later.iter().all(|slot| slot.attempt == 2 && slot.cursor.is_some()),
        "a slot left by the dead is not lent where it stood",
    )?;
    let before = drill.rows.print().await;
    for slot in &early {
        holds(
            Fences,
            time::slot_batch(&drill.a.db, &drill.a.id, slot, firing, 2, Duration::from_secs(600)).await?.is_none(),
            "a sleeper works on a slot",
        )?;
    }
    drill.unchanged(&before, "a sleeper").await?;
    for slot in &later {
        let mut finished = false;
        for _ in 0..10 {
            if finished {
                break;
            }
            finished = time::slot_batch(&drill.a.db, &drill.a.id, slot, firing, 2, LEASE).await?.is_some_and(|batch| batch.finished);
        }
        holds(Quiet, finished, "a slot does not end")?;
    }
    holds(Once, drill.count(reminded).await == 10, "a slot does not see to each record once")?;
    holds(Once, time::claim_slot(&drill.a.db, &drill.a.id, &apps, LEASE).await?.is_none(), "a slot that is done is lent")?;
    drill.b.work(&drill.provider).await?;
    Ok(())
}
