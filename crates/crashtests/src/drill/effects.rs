//! Claims, heartbeats, deaths and sleepers.

use std::collections::BTreeMap;

use serde_json::json;
use statehouse_definition::model::Class;
use statehouse_store::effects::{Became, Claimed, End, Outcome};

use super::{Drill, Held, holds};
use crate::check::Invariant::{Attempts, Fences, Missing, Once, Quiet};
use crate::facts::Effect;

/// A round's moves: parcels of three effects each, payments that go one step further.
const OWE: &str = "update proof_admin.payment set fire = 'post' where state = 'booked';
    update proof_admin.payment set fire = 'book' where state = 'charged';
    insert into proof_admin.parcel (title) values ('one'), ('two');
    update proof_admin.parcel set fire = 'tell' where state = 'new';
    update proof_admin.parcel set fire = 'poke' where title = 'one';
    update proof_admin.parcel set fire = 'poke' where title = 'one';
    update proof_admin.parcel set title = 'over' where title = 'one';
    insert into proof_admin.payment (title) values ('one'), ('two');
    update proof_admin.payment set fire = 'charge' where state = 'open';";

/// What the first round owes: of each tenant two tellings of four, two pokes of two, two charges.
const OWED: u64 = 2 * (8 + 4 + 2);

pub(super) async fn run(drill: &mut Drill) -> Held {
    undisturbed(drill).await?;
    // From here on every round has calls of all three classes.
    for _ in 0..2 {
        drill.both(OWE).await?;
        drill.a.work(&drill.provider).await?;
    }
    drill.check(&[]).await?;
    dies(drill, Dies::Claimed).await?;
    dies(drill, Dies::Marked).await?;
    dies(drill, Dies::Sent).await?;
    dies(drill, Dies::PartlySettled).await?;
    sleeps(drill).await?;
    sleeps_while_others_work(drill).await?;
    one_at_a_time(drill).await
}

async fn undisturbed(drill: &mut Drill) -> Held {
    drill.both(OWE).await?;
    let owed = drill.count("select count(*) from statehouse.effect where state = 'due'").await;
    holds(Missing, owed == OWED, "the moves do not owe what they should")?;
    let claimed = drill.a.claim().await?;
    holds(Missing, claimed.len() as u64 == OWED && claimed.iter().all(|one| one.held.attempt == 1), "what is due is not lent, once")?;
    holds(Once, drill.b.claim().await?.is_empty(), "what is lent is lent again")?;
    let held: Vec<_> = claimed.iter().map(|one| one.held).collect();
    drill.pass("40 seconds").await?;
    holds(Once, drill.b.recover().await? == 0, "a lease that runs is taken away")?;
    // Nor by whoever found it before a heartbeat came.
    let found = "select coalesce(string_agg(statehouse.recover_effect(tenant, record, seq, n), ' '), '') from statehouse.effect where state = 'leased'";
    holds(Once, drill.rows.value(found).await.is_empty(), "a lease that was kept since somebody looked is taken away")?;
    holds(Fences, drill.a.beat(&held).await? == held, "who holds a lease does not keep it")?;
    holds(Fences, drill.b.beat(&held).await?.is_empty(), "who holds no lease keeps it")?;
    drill.pass("40 seconds").await?;
    holds(Once, drill.b.recover().await? == 0, "a lease that was kept is taken away")?;
    let slugs = claimed.iter().all(|one| super::TENANTS.iter().any(|tenant| tenant.number == one.held.tenant && tenant.slug == one.slug));
    holds(Missing, slugs, "an effect is lent with the name of another tenant")?;
    holds(Fences, drill.b.mark(&claimed).await?.is_empty(), "who holds no lease begins a send")?;
    let said = drill.a.send(&claimed, &drill.provider).await?;
    holds(Missing, said.len() as u64 == OWED, "a send is refused to who holds the lease")?;
    holds(Fences, drill.a.mark(&claimed).await?.is_empty(), "one send is written down twice")?;
    let before = drill.rows.print().await;
    holds(Fences, drill.b.settle(&said).await? == 0, "who holds no lease settles")?;
    drill.unchanged(&before, "somebody without a lease").await?;
    holds(Missing, drill.a.settle(&said).await? as u64 == OWED, "who holds the lease cannot settle")?;
    let before = drill.rows.print().await;
    holds(Fences, drill.a.settle(&said).await? == 0, "it is settled twice")?;
    drill.unchanged(&before, "a second settling").await?;
    drill.check(&[]).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dies {
    Claimed,
    Marked,
    Sent,
    PartlySettled,
}

async fn dies(drill: &mut Drill, when: Dies) -> Held {
    drill.both(OWE).await?;
    let claimed = drill.a.claim().await?;
    match when {
        Dies::Claimed => {}
        Dies::Marked => _ = drill.a.mark(&claimed).await?,
        Dies::Sent => _ = drill.a.send(&claimed, &drill.provider).await?,
        Dies::PartlySettled => {
            let said = drill.a.send(&claimed, &drill.provider).await?;
            // Of a move with several some are settled and some are not.
            let some: Vec<_> = said.into_iter().step_by(2).collect();
            holds(Missing, drill.a.settle(&some).await? == some.len(), "who holds the lease cannot settle")?;
        }
    }
    let at_death = drill.rows.effects().await;
    let left = at_death.iter().filter(|effect| effect.state == "leased").count();
    drill.pass("59 seconds").await?;
    holds(Once, drill.b.recover().await? == 0 && drill.b.claim().await?.is_empty(), "a lease that runs is taken away")?;
    drill.pass("2 seconds").await?;
    // What was settled since somebody looked stays so, whatever becomes of others of its record.
    let settled =
        "select coalesce(string_agg(distinct coalesce(statehouse.recover_effect(d.tenant, d.record, d.seq, d.n), 'left'), ' '), '')
        from statehouse.effect d join statehouse.effect l using (tenant, record)
       where d.state = 'done' and l.state = 'leased' and (d.n = l.n and d.seq <> l.seq or d.seq = l.seq and d.n <> l.n)";
    holds(Fences, drill.rows.value(settled).await == "left", "what was settled since somebody looked is taken up")?;
    let recovered = statehouse_store::effects::recover(&drill.b.db, None, 1000, &statehouse_store::effects::Rests::new()).await?;
    holds(Quiet, recovered.len() == left, "leases of the dead are not taken up")?;
    let effects = drill.rows.effects().await;
    let effects: BTreeMap<(i32, String), &Effect> = effects.iter().map(|effect| ((effect.tenant, effect.key()), effect)).collect();
    for one in &recovered {
        let stands = effects.get(&(one.tenant, one.effect.to_string()));
        let said = match one.became {
            Became::Unknown => ("unknown", true),
            Became::Doubted => ("due", true),
            Became::Due => ("due", false),
        };
        let is = stands.map(|effect| (effect.state.as_str(), effect.doubt));
        holds(crate::check::Invariant::Doubt, is == Some(said), &format!("{is:?} is told as {one:?}"))?;
    }
    holds(Quiet, drill.b.recover().await? == 0, "a lease is taken up twice")?;
    drill.b.work(&drill.provider).await?;
    holds(Quiet, drill.b.claim().await?.is_empty(), "something is still due")?;
    drill.check(&[at_death]).await
}

/// One that sleeps past its lease finds everything done by another.
async fn sleeps(drill: &mut Drill) -> Held {
    drill.both(OWE).await?;
    let claimed = drill.a.claim().await?;
    // One of class N is written down as being sent, the others of it are not.
    let first: Vec<Claimed> = claimed.iter().filter(|one| one.class == Class::N).take(1).cloned().collect();
    drill.a.mark(&first).await?;
    let at_death = drill.rows.effects().await;
    drill.pass("61 seconds").await?;
    // Its lease is over, and nobody has taken it up yet: it must not begin now.
    holds(Fences, drill.a.mark(&claimed).await?.is_empty(), "a send begins after the lease")?;
    drill.b.recover().await?;
    drill.b.work(&drill.provider).await?;
    late(drill, &drill.a, &claimed, "a sleeper").await?;
    drill.check(&[at_death]).await
}

/// The same while another still works on it, and while it is the same worker under a newer attempt.
async fn sleeps_while_others_work(drill: &mut Drill) -> Held {
    for same in [false, true] {
        drill.both(OWE).await?;
        let early = drill.a.claim().await?;
        let at_death = drill.rows.effects().await;
        drill.pass("61 seconds").await?;
        drill.b.recover().await?;
        late(drill, &drill.a, &early, "a sleeper whose lease was taken up").await?;
        let now = if same { &drill.a } else { &drill.b };
        let claimed = now.claim().await?;
        let newer = claimed.iter().all(|one| {
            early.iter().any(|old| old.id() == one.id() && one.held.tenant == old.held.tenant && one.held.attempt == old.held.attempt + 1)
        });
        holds(Attempts, claimed.len() == early.len() && newer, "a claim is not counted once")?;
        let aged = claimed.iter().all(|one| early.iter().any(|old| old.id() == one.id() && old.first_at == one.first_at));
        holds(crate::check::Invariant::Key, aged, "the key of a second attempt is young again")?;
        late(drill, &drill.a, &early, "a sleeper whose effect another has").await?;
        let said = now.send(&claimed, &drill.provider).await?;
        late(drill, &drill.a, &early, "a sleeper whose effect another has sent").await?;
        holds(Missing, now.settle(&said).await? == claimed.len(), "who holds the lease cannot settle")?;
        drill.check(&[at_death]).await?;
    }
    Ok(())
}

/// Whatever somebody says under an older claim changes nothing.
async fn late(drill: &Drill, hand: &super::Hand, early: &[Claimed], who: &str) -> Held {
    let before = drill.rows.print().await;
    let held: Vec<_> = early.iter().map(|one| one.held).collect();
    holds(Fences, hand.beat(&held).await?.is_empty(), &format!("{who} keeps a lease"))?;
    holds(Fences, hand.mark(early).await?.is_empty(), &format!("{who} begins a send"))?;
    let lie = json!({ "id": "late" });
    let ends = [
        End::Done { result: lie.clone() },
        End::Failed { result: lie },
        End::Unknown,
        End::Again { after: super::LEASE, doubt: false, counts: true },
    ];
    for end in ends {
        let said: Vec<_> = early.iter().map(|one| (one.clone(), Outcome::new(one.held, end.clone()))).collect();
        holds(Fences, hand.settle(&said).await? == 0, &format!("{who} settles"))?;
    }
    drill.unchanged(&before, who).await
}

/// What is said of one effect changes no other: not its neighbours in the move, not those of other moves and tenants.
async fn one_at_a_time(drill: &mut Drill) -> Held {
    drill.both(OWE).await?;
    let claimed = drill.a.claim().await?;
    let leased = "select count(*) from statehouse.effect where state = 'leased'";
    let (mut left, mut marked) = (claimed.len() as u64, 0);
    for one in &claimed {
        let alone = std::slice::from_ref(one);
        drill.pass("1 second").await?;
        let before = drill
            .count(
                "select count(*) from statehouse.effect where state = 'leased' and leased_until = statehouse.now() + interval '60 seconds'",
            )
            .await;
        holds(Fences, drill.a.beat(&[one.held]).await? == [one.held], "who holds a lease does not keep it")?;
        let after = drill
            .count(
                "select count(*) from statehouse.effect where state = 'leased' and leased_until = statehouse.now() + interval '60 seconds'",
            )
            .await;
        holds(Missing, after == before + 1, "more than one lease is kept")?;
        let said = drill.a.send(alone, &drill.provider).await?;
        marked += u64::from(one.class == Class::N);
        let sending = drill.count("select count(*) from statehouse.effect where sending and state = 'leased'").await;
        holds(Missing, sending == u64::from(one.class == Class::N), "another send is written down")?;
        holds(Missing, drill.a.settle(&said).await? == 1, "it is not settled, and it alone")?;
        left -= 1;
        holds(Missing, drill.count(leased).await == left, "another was settled too")?;
    }
    holds(Missing, marked > 0, "no effect of class N came up")?;
    let early = drill.rows.effects().await;
    // The same for those that are taken up one by one.
    drill.both(OWE).await?;
    let claimed = drill.a.claim().await?;
    drill.a.mark(&claimed).await?;
    let at_death = drill.rows.effects().await;
    drill.pass("61 seconds").await?;
    for left in (0..claimed.len() as u64).rev() {
        statehouse_store::effects::recover(&drill.b.db, None, 1, &statehouse_store::effects::Rests::new()).await?;
        holds(Missing, drill.count(leased).await == left, "more than one lease is taken up")?;
    }
    drill.b.work(&drill.provider).await?;
    let kept = drill.rows.effects().await;
    let moved = early.iter().any(|then| kept.iter().any(|now| now.tenant == then.tenant && now.key() == then.key() && now != then));
    holds(Fences, !moved, "what had ended was written again")?;
    drill.check(&[at_death]).await
}
