//! Calls to subscribers: each message is lent once, whoever dies or sleeps over it; a receiver that fails rests and is
//! asked by one message, and one that is gone is left alone.

use std::time::{Duration, Instant};

use statehouse_store::subscription::{self, Call, Delivery, Taken};

use super::{Drill, Hand, Held, LEASE, TENANTS, holds};
use crate::check::Invariant::{Attempts, Fences, Missing, Once, Quiet, Restored, Throughput, Waits};

/// Others on the same server may hold the horizon of the feed for a while.
const TAKEN_UP: Duration = Duration::from_secs(30);
const STANDS: &str = "select coalesce(string_agg(s, ', ' order by s), '') from (select tenant || ' ' || state || ' ' || count(*) as s from statehouse.delivery group by tenant, state) x";

pub(super) async fn run(drill: &mut Drill) -> Held {
    drill.both("select statehouse.subscribe('ours', 'https://ours.example/in', array['parcel.tell'])").await?;
    // Its place is behind all that still runs anywhere on the server; here it begins with what comes now.
    drill.superuser("update statehouse.subscription set xid = pg_current_xact_id(), n = 0").await?;
    taken_up(drill).await?;
    undisturbed(drill).await?;
    dies(drill).await?;
    one_at_a_time(drill).await?;
    some_run_out(drill).await?;
    rests(drill).await?;
    in_hand(drill).await?;
    suspended(drill).await?;
    given_up(drill).await?;
    even_shares(drill).await?;
    forgotten(drill).await
}

/// Each event that it wants becomes one message.
async fn taken_up(drill: &Drill) -> Held {
    let told = "insert into proof_admin.parcel (title) values ('heard'), ('heard'); update proof_admin.parcel set fire = 'tell' where title = 'heard'";
    drill.both(told).await?;
    let subscriptions = subscription::active(&drill.a.db, None, 10).await?;
    holds(Missing, subscriptions.len() == 2, "a subscription is not there")?;
    let (mut written, until) = (0, Instant::now() + TAKEN_UP);
    while written < 4 && Instant::now() < until {
        for (tenant, id) in &subscriptions {
            written += subscription::fan_out(&drill.b.db, *tenant, *id, 1).await?;
        }
    }
    holds(Missing, written == 4, &format!("of 4 events {written} messages were made"))?;
    for (tenant, id) in &subscriptions {
        holds(Once, subscription::fan_out(&drill.a.db, *tenant, *id, 100).await? == 0, "an event is taken up twice")?;
    }
    holds(Missing, drill.rows.value(STANDS).await == "1 due 2, 2 due 2", "one tenant hears of another's events")?;
    let said = told_all(&claim(&drill.a, 32).await?, &Taken::Yes);
    holds(Missing, settle(&drill.a, &said).await? == 4, "who holds the lease cannot settle")?;
    drill.a.work(&drill.provider).await?;
    Ok(())
}

/// Owes each tenant so many messages; both have the same places.
async fn owe(drill: &Drill, count: usize) -> Held {
    for _ in 0..count {
        let test =
            "select statehouse.test_subscription(id) from statehouse.subscriptions() where state = 'active' order by id desc limit 1";
        drill.admins[0].batch_execute(test).await.map_err(|cause| crate::check::Breach::new(Missing, format!("{test}: {cause:?}")))?;
    }
    drill
        .superuser("insert into statehouse.delivery (tenant, subscription, xid, n, type, body) select 2, subscription, xid, n, type, body from statehouse.delivery d where tenant = 1 and state = 'due' and n = 0 on conflict do nothing")
        .await
}

async fn claim(hand: &Hand, most: i32) -> Held<Vec<Delivery>> {
    Ok(subscription::claim(&hand.db, &hand.id, most, LEASE).await?)
}

async fn settle(hand: &Hand, said: &[Call]) -> Held<i32> {
    Ok(subscription::settle(&hand.db, &hand.id, said).await?)
}

fn told(delivery: &Delivery, taken: Taken) -> Call {
    let status = if taken == Taken::Yes { 200 } else { 500 };
    Call { delivery: delivery.clone(), taken, code: Some("SH7004".into()), status: Some(status) }
}

fn told_all(lent: &[Delivery], taken: &Taken) -> Vec<Call> {
    lent.iter().map(|one| told(one, taken.clone())).collect()
}

fn later(after_s: u64, rest_s: u64) -> Taken {
    Taken::Later { after: Duration::from_secs(after_s), rest: Duration::from_secs(rest_s) }
}

/// Whatever was said by somebody who holds nothing changes nothing.
async fn late(drill: &Drill, hand: &Hand, lent: &[Delivery], who: &str) -> Held {
    let before = drill.rows.print().await;
    for taken in [Taken::Yes, later(0, 0), Taken::Never, Taken::Gone] {
        holds(Fences, settle(hand, &told_all(lent, &taken)).await? == 0, &format!("{who} says what became of a message"))?;
    }
    drill.unchanged(&before, who).await
}

async fn undisturbed(drill: &Drill) -> Held {
    owe(drill, 2).await?;
    let older = drill.in_another_epoch("statehouse.claim_deliveries('a', 32, '60 seconds')").await;
    let each = "statehouse.subscription s, statehouse.claim_deliveries_of('a', s.tenant, s.id, 32, '60 seconds')";
    holds(Restored, older + drill.in_another_epoch(each).await == 0, "a message of an older epoch is lent")?;
    let lent = claim(&drill.a, 32).await?;
    holds(Missing, lent.len() == 4 && lent.iter().all(|one| one.attempt == 1), "a message that is due is not lent, once")?;
    holds(Once, claim(&drill.b, 32).await?.is_empty(), "a message that is lent is lent again")?;
    late(drill, &drill.b, &lent, "who holds no message").await?;
    holds(Missing, settle(&drill.a, &told_all(&lent, &Taken::Yes)).await? == 4, "who holds the lease cannot settle")?;
    holds(Missing, drill.rows.value(STANDS).await == "1 done 4, 2 done 4", "what was taken is not done")?;
    let ended = "select count(*) from statehouse.delivery where finished_at = statehouse.now() and status = 200 and n = 0";
    holds(Missing, drill.count(ended).await == 4, "a message that was taken has not ended")?;
    late(drill, &drill.a, &lent, "who has settled it already").await
}

/// One that dies, and one that sleeps past its lease: also while another, or the same under a newer claim, is at it.
async fn dies(drill: &Drill) -> Held {
    for same in [false, true] {
        owe(drill, 2).await?;
        let early = claim(&drill.a, 32).await?;
        holds(Missing, early.len() == 4, "a message that is due is not lent, once")?;
        drill.pass("59 seconds").await?;
        holds(Once, subscription::recover(&drill.b.db).await? == 0, "a lease that runs is taken away")?;
        holds(Once, claim(&drill.b, 32).await?.is_empty(), "a message that is lent is lent again")?;
        drill.pass("2 seconds").await?;
        holds(Quiet, subscription::recover(&drill.b.db).await? == 4, "messages of the dead are not taken up")?;
        holds(Quiet, subscription::recover(&drill.b.db).await? == 0, "a message is taken up twice")?;
        late(drill, &drill.a, &early, "a sleeper whose message was taken up").await?;
        let now = if same { &drill.a } else { &drill.b };
        let lent = claim(now, 32).await?;
        let newer = lent.iter().all(|one| early.iter().any(|old| old.id == one.id && one.attempt == old.attempt + 1));
        holds(Attempts, lent.len() == 4 && newer, "a claim is not counted once")?;
        late(drill, &drill.a, &early, "a sleeper whose message another has").await?;
        holds(Missing, settle(now, &told_all(&lent, &Taken::Yes)).await? == 4, "who holds the lease cannot settle")?;
        late(drill, &drill.a, &early, "a sleeper after all is done").await?;
    }
    Ok(())
}

/// What is said of one is said of it alone.
async fn one_at_a_time(drill: &Drill) -> Held {
    owe(drill, 2).await?;
    let lent = claim(&drill.a, 32).await?;
    for (one, left) in lent.iter().zip((0..lent.len() as u64).rev()) {
        holds(Missing, settle(&drill.a, &[told(one, Taken::Yes)]).await? == 1, "it is not settled, and it alone")?;
        let leased = drill.count("select count(*) from statehouse.delivery where state = 'leased'").await;
        holds(Missing, leased == left, "another was settled too")?;
    }
    // Those that are over stay so, whoever is taken up after them.
    owe(drill, 1).await?;
    let lent = claim(&drill.a, 32).await?;
    let over = "select md5(string_agg(d::text, ',' order by d::text)) from statehouse.delivery d where state = 'done'";
    let before = drill.rows.value(over).await;
    drill.pass("61 seconds").await?;
    holds(Quiet, subscription::recover(&drill.b.db).await? == lent.len() as i32, "messages of the dead are not taken up")?;
    holds(Fences, drill.rows.value(over).await == before, "what had ended was written again")?;
    let lent = claim(&drill.a, 32).await?;
    holds(Missing, settle(&drill.a, &told_all(&lent, &Taken::Yes)).await? == 2, "who holds the lease cannot settle")
}

/// Of two leases of one tenant one has run out.
async fn some_run_out(drill: &Drill) -> Held {
    owe(drill, 2).await?;
    let early = claim(&drill.a, 2).await?;
    drill.pass("30 seconds").await?;
    let late = claim(&drill.a, 2).await?;
    drill.pass("31 seconds").await?;
    holds(Once, subscription::recover(&drill.b.db).await? == early.len() as i32, "a lease that runs is taken away with one that ran out")?;
    holds(Missing, settle(&drill.a, &told_all(&late, &Taken::Yes)).await? == late.len() as i32, "who holds the lease cannot settle")?;
    let again = claim(&drill.b, 32).await?;
    holds(Missing, early.len() == 2 && again.len() == 2, "messages of the dead are not lent")?;
    holds(Missing, settle(&drill.b, &told_all(&again, &Taken::Yes)).await? == 2, "who holds the lease cannot settle")
}

/// Of the first tenant's one is not taken: all of its wait, then one is tried, and what it says holds for the others.
async fn rests(drill: &Drill) -> Held {
    owe(drill, 3).await?;
    let lent = claim(&drill.a, 2).await?;
    let ours = |lent: &[Delivery]| lent.iter().filter(|one| one.tenant == TENANTS[0].number).count();
    holds(
        Throughput,
        lent.len() == 2 && ours(&lent) == 1,
        &format!("of two messages {} are lent, {} of them of one tenant", lent.len(), ours(&lent)),
    )?;
    let said: Vec<Call> =
        lent.iter().map(|one| told(one, if one.tenant == TENANTS[0].number { later(300, 30) } else { Taken::Yes })).collect();
    holds(Missing, settle(&drill.a, &said).await? == 2, "who holds the lease cannot settle")?;
    let theirs = claim(&drill.a, 32).await?;
    holds(Waits, theirs.len() == 2 && ours(&theirs) == 0, "a receiver that fails is not left alone, or another is")?;
    settle(&drill.a, &told_all(&theirs, &Taken::Yes)).await?;
    drill.pass("29 seconds").await?;
    holds(Waits, claim(&drill.b, 32).await?.is_empty(), "a receiver that fails is not left alone")?;
    drill.pass("2 seconds").await?;
    let probe = claim(&drill.b, 32).await?;
    holds(Throughput, probe.len() == 1 && probe[0].attempt == 1, "a receiver that fails is not asked by one message that is due")?;
    holds(Waits, claim(&drill.a, 32).await?.is_empty(), "a receiver that fails is asked by a second message")?;
    holds(Missing, settle(&drill.b, &[told(&probe[0], later(300, 0))]).await? == 1, "who holds the lease cannot settle")?;
    drill.pass("61 seconds").await?;
    let probe = claim(&drill.b, 32).await?;
    holds(Throughput, probe.len() == 1 && probe[0].attempt == 1, "a receiver that fails is not asked again")?;
    settle(&drill.b, &[told(&probe[0], Taken::Yes)]).await?;
    owe(drill, 1).await?;
    let others = claim(&drill.b, 32).await?;
    holds(Waits, others.len() == 2, "what is to be told later is told with what is due now")?;
    settle(&drill.b, &told_all(&others, &Taken::Yes)).await?;
    drill.pass("300 seconds").await?;
    let again = claim(&drill.a, 32).await?;
    holds(Quiet, again.len() == 2 && again.iter().all(|one| one.attempt == 2), "what is to be told later is not told")?;
    holds(Missing, settle(&drill.a, &told_all(&again, &Taken::Yes)).await? == 2, "who holds the lease cannot settle")?;
    let healed = drill.count("select count(*) from statehouse.subscription where failing_since is null and rest_until is null").await;
    holds(Throughput, healed == 2, "a receiver that takes messages again still counts as failing")
}

/// Beside what somebody has in hand the rest goes out.
async fn in_hand(drill: &Drill) -> Held {
    let other = drill.another().await?;
    owe(drill, 2).await?;
    let one = "select from statehouse.delivery where state = 'due' and tenant = 1 order by due_at, xid limit 1 for update";
    let lent = super::crowd::held(&other, one, claim(&drill.a, 32)).await?;
    holds(Throughput, lent.len() == 3, &format!("beside one in hand {} of 3 are lent", lent.len()))?;
    settle(&drill.a, &told_all(&lent, &Taken::Yes)).await?;
    owe(drill, 1).await?;
    let subscriber = "select from statehouse.subscription where tenant = 1 for update";
    let lent = super::crowd::held(&other, subscriber, claim(&drill.a, 32)).await?;
    holds(Throughput, lent.len() == 1 && lent[0].tenant == 2, "beside a subscriber in hand the other's are not lent, they alone")?;
    settle(&drill.a, &told_all(&lent, &Taken::Yes)).await?;
    let lent = claim(&drill.a, 32).await?;
    holds(Missing, lent.len() == 2, "what was in hand is not lent")?;
    holds(Missing, settle(&drill.a, &told_all(&lent, &Taken::Yes)).await? == 2, "who holds the lease cannot settle")
}

async fn suspended(drill: &Drill) -> Held {
    owe(drill, 1).await?;
    drill.superuser("update statehouse.tenant set suspended_at = statehouse.now() where tenant = 2").await?;
    let lent = claim(&drill.a, 32).await?;
    holds(Once, lent.len() == 1 && lent[0].tenant == 1, "a message of a suspended tenant is lent")?;
    drill.superuser("update statehouse.tenant set suspended_at = null where tenant = 2").await?;
    let enter = statehouse_testkit::people::Persona::member(crate::scene::APP, TENANTS[1], "admin").enter();
    drill.admins[1].batch_execute(&enter).await.map_err(|cause| crate::check::Breach::new(Missing, format!("{cause:?}")))?;
    settle(&drill.a, &told_all(&lent, &Taken::Yes)).await?;
    let lent = claim(&drill.a, 32).await?;
    holds(Missing, lent.len() == 1 && lent[0].tenant == 2, "a message of a tenant is not lent once it goes on")?;
    holds(Missing, settle(&drill.a, &told_all(&lent, &Taken::Yes)).await? == 1, "who holds the lease cannot settle")
}

/// One message is given up; then a receiver that is gone, and one that took nothing for five days.
async fn given_up(drill: &Drill) -> Held {
    let over = "select string_agg(tenant || state || coalesce(' ' || ended_why, ''), ', ' order by tenant) from statehouse.subscription where id = (select max(id::text)::uuid from statehouse.subscription)";
    owe(drill, 2).await?;
    let lent = claim(&drill.a, 2).await?;
    holds(Missing, settle(&drill.a, &told_all(&lent, &Taken::Never)).await? == 2, "who holds the lease cannot settle")?;
    let dead = "select count(*) from statehouse.delivery where state = 'dead' and finished_at = statehouse.now()";
    holds(Missing, drill.count(dead).await == 2, "a message that is given up is not dead, it alone")?;
    let lent = claim(&drill.a, 32).await?;
    holds(Throughput, lent.len() == 2, "one message that is given up takes others with it")?;
    settle(&drill.a, &told_all(&lent, &Taken::Yes)).await?;
    owe(drill, 2).await?;
    let lent = claim(&drill.a, 2).await?;
    let gone: Vec<Call> =
        lent.iter().map(|one| told(one, if one.tenant == TENANTS[0].number { Taken::Gone } else { Taken::Yes })).collect();
    holds(Missing, settle(&drill.a, &gone).await? == 2, "who holds the lease cannot settle")?;
    let stands = drill.rows.value(over).await;
    holds(Quiet, stands == "1ended its receiver says that it is gone, 2active", &format!("of a receiver that is gone there is: {stands}"))?;
    let lent = claim(&drill.a, 32).await?;
    holds(Quiet, lent.len() == 1 && lent[0].tenant == 2, "a receiver that is gone is called, or another is not")?;
    let left = "select count(*) from statehouse.delivery where tenant = 1 and state in ('due', 'leased')";
    holds(Quiet, drill.count(left).await == 0, "something is owed to a receiver that is gone")?;
    // The other fails, for a little less than five days and then for five.
    settle(&drill.a, &[told(&lent[0], later(0, 0))]).await?;
    for (hours, expected) in [(119, "2active"), (1, "2ended its receiver took nothing for five days")] {
        drill.pass("61 seconds").await?;
        drill.superuser(&format!("update statehouse.subscription set failing_since = failing_since - interval '{hours} hours' where tenant = 2 and failing_since is not null")).await?;
        let lent = claim(&drill.a, 32).await?;
        holds(Quiet, lent.len() == 1, "a receiver that fails is not asked again")?;
        settle(&drill.a, &[told(&lent[0], later(0, 0))]).await?;
        let stands = drill.rows.value(over).await;
        holds(Quiet, stands.ends_with(expected), &format!("after days of failures there is: {stands}"))?;
    }
    holds(
        Quiet,
        drill.rows.value("select count(*) from statehouse.delivery where state in ('due', 'leased')").await == "0",
        "something is owed to a receiver that has ended",
    )
}

/// One subscriber's many do not come before another's one.
async fn even_shares(drill: &Drill) -> Held {
    drill.both("select statehouse.subscribe('next', 'https://ours.example/in', array['*'])").await?;
    owe(drill, 6).await?;
    drill.superuser("delete from statehouse.delivery d where d.tenant = 2 and d.state = 'due' and (d.xid, d.n) not in (select e.xid, e.n from statehouse.delivery e where e.tenant = 2 and e.state = 'due' order by e.xid limit 1)").await?;
    let lent = claim(&drill.a, 4).await?;
    let of = |tenant: i32| lent.iter().filter(|one| one.tenant == tenant).count();
    holds(Throughput, of(2) == 1 && of(1) >= 2, &format!("of four messages {} are of one tenant and {} of the other", of(1), of(2)))?;
    settle(&drill.a, &told_all(&lent, &Taken::Yes)).await?;
    let lent = claim(&drill.a, 32).await?;
    settle(&drill.a, &told_all(&lent, &Taken::Yes)).await?;
    // Its maker ends it while messages are in hand: whatever comes of them, that is why it has ended.
    owe(drill, 2).await?;
    let lent = claim(&drill.a, 2).await?;
    drill.both("select statehouse.unsubscribe(id) from statehouse.subscriptions() where state = 'active'").await?;
    let ended = "select count(*) from statehouse.subscription where ended_why = 'removed' and state = 'ended'";
    let said: Vec<Call> = lent.iter().map(|one| told(one, if one.tenant == 1 { Taken::Gone } else { later(0, 0) })).collect();
    holds(Missing, settle(&drill.a, &said).await? == 2 && drill.count(ended).await == 2, "a subscription that was ended ends again")?;
    holds(Quiet, claim(&drill.a, 32).await?.is_empty(), "a subscriber that wants nothing any more is called")?;
    let left = "select count(*) from statehouse.delivery where state in ('due', 'leased')";
    holds(Quiet, drill.count(left).await == 0, "something is owed to a subscriber that wants nothing any more")
}

/// What ended long ago goes, and nothing else.
async fn forgotten(drill: &Drill) -> Held {
    let all = drill.count("select count(*) from statehouse.delivery").await;
    holds(Missing, subscription::purge(&drill.b.db, 1000).await? == 0, "a message that has just ended is forgotten")?;
    drill.superuser("update statehouse.delivery set finished_at = finished_at - interval '8 days' where tenant = 1").await?;
    let old = drill.count("select count(*) from statehouse.delivery where tenant = 1 and state = 'done'").await;
    holds(Missing, subscription::purge(&drill.b.db, 1).await? == 1, "more messages are forgotten than was asked for")?;
    holds(
        Missing,
        u64::from(subscription::purge(&drill.b.db, 1000).await?.unsigned_abs()) == old - 1,
        "messages that ended a week ago are not forgotten, they alone",
    )?;
    drill.superuser("update statehouse.delivery set finished_at = finished_at - interval '23 days' where tenant = 1").await?;
    let dead =
        drill.count("select count(*) from statehouse.delivery where tenant = 1 and state = 'dead' and finished_at is not null").await;
    holds(
        Missing,
        dead > 0 && u64::from(subscription::purge(&drill.b.db, 1000).await?.unsigned_abs()) == dead,
        "messages that were given up a month ago are not forgotten, they alone",
    )?;
    let kept = drill.count("select count(*) from statehouse.delivery").await;
    holds(Missing, kept == all - old - dead, "a message is forgotten before its time")
}
