//! What goes out by another connector than its own: only while its own provider is away, or where it is on that way
//! already, and never what may have reached a provider.

use std::time::Duration;

use statehouse_store::effects::{self, Claimed, Detour, End, Known, Outcome, Report};

use super::crowd::{held, rest};
use super::{Drill, Hand, Held, LEASE, TENANTS, holds};
use crate::check::Invariant::{Attempts, Doubt, Fences, Key, Missing, Once, Throughput, Waits};
use crate::scene::APP;

const OWE: &str = "insert into proof_admin.parcel (title) values ('way'), ('way'); update proof_admin.parcel set fire = 'tell' where title = 'way'; update proof_admin.parcel set title = 'over' where title = 'way'";
/// What of the first tenant stands where.
const STANDS: &str =
    "select coalesce(string_agg(distinct state || coalesce(' ' || through, '') || case when doubt then ' doubt' else '' end, ', '), '')
   from statehouse.effect where tenant = 1 and connector = 'k' and state in ('due', 'leased')";

pub(super) async fn run(drill: &mut Drill) -> Held {
    drill.pass("1 hour").await?;
    rest(drill).await?;
    goes(drill).await?;
    comes_again(drill).await?;
    dies(drill).await?;
    comes_back(drill).await?;
    in_hand(drill).await?;
    rest(drill).await
}

pub(super) async fn lent(hand: &Hand) -> Held<Vec<Claimed>> {
    let of = Known { app: APP.into(), connector: "k".into(), versions: vec![1], pace: None, most: 64 };
    let detour = Detour { of, through: "q".into(), pace: None };
    Ok(effects::claim_through(&hand.db, &hand.id, &[detour], 100, LEASE).await?)
}

/// Effects of the first tenant and of the second, all of them on their way through the other connector.
fn of(lent: &[Claimed]) -> Option<(usize, usize)> {
    let of = |tenant: i32| lent.iter().filter(|one| one.held.tenant == tenant).count();
    let through = lent.iter().all(|one| one.connector == "k" && one.through.as_deref() == Some("q"));
    through.then(|| (of(TENANTS[0].number), of(TENANTS[1].number)))
}

/// The breaker of the first tenant opens for an hour, or closes.
pub(super) async fn breaker(drill: &Drill, connector: &str, opens: bool) -> Held {
    breaker_of(drill, 1, connector, opens).await
}

async fn breaker_of(drill: &Drill, tenant: i32, connector: &str, opens: bool) -> Held {
    let (good, bad) = if opens { (0, 1) } else { (1, 0) };
    let open = Duration::from_secs(3600);
    let report = Report { tenant, app: APP, connector, good, bad, blocked: None, failures_max: 1, open };
    effects::report_gate(&drill.a.db, &report).await?;
    Ok(())
}

async fn say(drill: &Drill, lent: &[Claimed], end: &End) -> Held<usize> {
    let said: Vec<_> = lent.iter().map(|one| (one.clone(), Outcome::new(one.held, end.clone()))).collect();
    drill.a.settle(&said).await
}

/// While its own provider is there nothing goes another way; once it is away, what is due does, of this tenant alone.
async fn goes(drill: &mut Drill) -> Held {
    drill.both(OWE).await?;
    holds(Once, lent(&drill.a).await?.is_empty(), "what its own provider may have goes another way")?;
    breaker(drill, "k", true).await?;
    // A breaker is of one tenant, whichever of its two connectors is looked at.
    let direct = |tenant: i32| {
        format!(
            "begin; select count(*) from statehouse.claim_through_gate('a', {tenant}, '{APP}', 'k', 'q', array[1], null, null, 100, '60 seconds'); rollback"
        )
    };
    let both = [drill.count(&direct(1)).await, drill.count(&direct(2)).await];
    holds(Once, both == [2, 0], &format!("of each tenant {both:?} go another way, and one provider of the first is away"))?;
    for (blocked, expected) in [(1, [0, 0]), (2, [2, 0])] {
        let blocks = format!(
            "update statehouse.gate set blocked_until = statehouse.now() + interval '1 hour' where tenant = {blocked} and connector = 'q'"
        );
        let ask = |tenant| direct(tenant).replacen("begin;", &format!("begin; {blocks};"), 1);
        let both = [drill.count(&ask(1)).await, drill.count(&ask(2)).await];
        holds(Waits, both == expected, &format!("of each tenant {both:?} go a way that is blocked for tenant {blocked}"))?;
    }
    let suspended =
        direct(1).replacen("begin;", "begin; update statehouse.tenant set suspended_at = statehouse.now() where tenant = 1;", 1);
    holds(Once, drill.count(&suspended).await == 0, "what a suspended tenant owes goes another way")?;
    let first = lent(&drill.a).await?;
    let counted = first.iter().all(|one| one.held.attempt == 1 && one.tries == 1 && one.slug == TENANTS[0].slug);
    holds(Missing, of(&first) == Some((2, 0)) && counted, &format!("what its own provider cannot have goes {:?}", of(&first)))?;
    holds(Once, lent(&drill.b).await?.is_empty(), "what is lent is lent again")?;
    let said = drill.a.send(&first, &drill.provider).await?;
    let before = drill.rows.print().await;
    holds(Fences, drill.b.settle(&said).await? == 0, "who holds no lease settles")?;
    drill.unchanged(&before, "somebody without a lease").await?;
    holds(Missing, drill.a.settle(&said).await? == 2, "who holds the lease cannot settle")?;
    breaker(drill, "k", false).await?;
    breaker_of(drill, 2, "k", true).await?;
    let second = lent(&drill.a).await?;
    let named = second.iter().all(|one| one.slug == TENANTS[1].slug);
    holds(Missing, of(&second) == Some((0, 2)) && named, "an effect is lent with the name of another tenant")?;
    drill.a.settle(&drill.a.send(&second, &drill.provider).await?).await?;
    breaker_of(drill, 2, "k", false).await?;
    rest(drill).await
}

/// What was given back unsent stays on its way, whether or not its own provider is there again, and not before its time.
async fn comes_again(drill: &mut Drill) -> Held {
    drill.both(OWE).await?;
    breaker(drill, "k", true).await?;
    let first = lent(&drill.a).await?;
    let unsent = End::Again { after: Duration::from_secs(300), doubt: false, counts: false };
    holds(Missing, say(drill, &first, &unsent).await? == 2, "who holds the lease cannot settle")?;
    breaker(drill, "k", false).await?;
    drill.pass("299 seconds").await?;
    holds(Waits, lent(&drill.a).await?.is_empty(), "what is not due is lent")?;
    drill.both(OWE).await?;
    breaker(drill, "k", true).await?;
    let others = lent(&drill.a).await?;
    holds(Waits, of(&others) == Some((2, 0)), "what is not due is lent with others that are")?;
    drill.a.settle(&drill.a.send(&others, &drill.provider).await?).await?;
    breaker(drill, "k", false).await?;
    drill.pass("2 seconds").await?;
    let own = drill.b.claim().await?;
    holds(Once, own.iter().all(|one| one.through.is_none()), "what goes another way is lent to its own")?;
    drill.b.settle(&drill.b.send(&own, &drill.provider).await?).await?;
    let again = lent(&drill.a).await?;
    let counted = again.iter().all(|one| one.held.attempt == 2 && one.tries == 1);
    holds(
        Attempts,
        of(&again) == Some((2, 0)) && counted,
        &format!("on its way are {:?}, and each claim is not counted once", of(&again)),
    )?;
    let aged = again.iter().all(|one| first.iter().any(|old| old.id() == one.id() && old.first_at == one.first_at));
    holds(Key, aged, "the key of a second attempt is young again")?;
    holds(Missing, drill.a.settle(&drill.a.send(&again, &drill.provider).await?).await? == 2, "who holds the lease cannot settle")?;
    rest(drill).await
}

/// Who dies on that way leaves a doubt, and what is in doubt changes its way no more.
async fn dies(drill: &mut Drill) -> Held {
    drill.both(OWE).await?;
    let own = drill.b.claim().await?;
    drill.pass("61 seconds").await?;
    drill.b.recover().await?;
    breaker(drill, "k", true).await?;
    holds(Doubt, !own.is_empty() && lent(&drill.a).await?.is_empty(), "what its own provider may have had goes to another")?;
    drill.both(OWE).await?;
    holds(Missing, of(&lent(&drill.a).await?) == Some((2, 0)), "what its own provider cannot have does not go")?;
    drill.pass("61 seconds").await?;
    drill.b.recover().await?;
    breaker(drill, "q", true).await?;
    breaker(drill, "k", false).await?;
    lent(&drill.a).await?;
    let stands = drill.rows.value(STANDS).await;
    holds(Doubt, stands == "due doubt, due q doubt", &format!("what may have been sent is {stands}"))?;
    breaker(drill, "q", false).await?;
    let again = lent(&drill.b).await?;
    holds(Doubt, of(&again) == Some((2, 0)) && again.iter().all(|one| one.doubt), "what is in doubt does not stay on its way")?;
    drill.b.settle(&drill.b.send(&again, &drill.provider).await?).await?;
    rest(drill).await
}

/// Where the other provider is away too, what waits for it goes back to its own; and one call tries whether it is there.
async fn comes_back(drill: &mut Drill) -> Held {
    let unsent = End::Again { after: Duration::ZERO, doubt: false, counts: false };
    for both_away in [true, false] {
        drill.both(OWE).await?;
        breaker(drill, "k", true).await?;
        let first = lent(&drill.a).await?;
        say(drill, &first, &unsent).await?;
        breaker(drill, "q", true).await?;
        if !both_away {
            breaker(drill, "k", false).await?;
        }
        holds(Waits, lent(&drill.a).await?.is_empty(), "an open breaker lets something through")?;
        let (stands, expected) = (drill.rows.value(STANDS).await, if both_away { "due q" } else { "due" });
        holds(Throughput, stands == expected, &format!("what waits for a provider that is away is {stands}"))?;
        if both_away {
            drill.pass("61 minutes").await?;
            breaker(drill, "k", false).await?;
            breaker(drill, "k", true).await?;
            let probe = lent(&drill.a).await?;
            holds(Waits, of(&probe) == Some((1, 0)) && probe[0].probe, "a breaker that is half open does not let one through")?;
            let gates = drill.rows.value("select string_agg(state, ' ' order by tenant) from statehouse.gate where connector = 'q'").await;
            holds(Throughput, gates == "probing closed", &format!("while one call is tried the gates are {gates}"))?;
            holds(Waits, lent(&drill.b).await?.is_empty(), "a breaker that is half open lets a second through")?;
            drill.a.settle(&drill.a.send(&probe, &drill.provider).await?).await?;
        }
        breaker(drill, "q", false).await?;
        breaker(drill, "k", false).await?;
        let left = lent(&drill.a).await?;
        let expected = usize::from(both_away);
        holds(Missing, left.len() == expected, &format!("on its way is {expected}, and lent are {}", left.len()))?;
        drill.a.settle(&drill.a.send(&left, &drill.provider).await?).await?;
        rest(drill).await?;
    }
    Ok(())
}

/// Nobody waits for a row that somebody else has in hand.
async fn in_hand(drill: &mut Drill) -> Held {
    let other = drill.another().await?;
    let back = End::Again { after: Duration::ZERO, doubt: false, counts: false };
    drill.both(OWE).await?;
    breaker(drill, "k", true).await?;
    let gate = "select from statehouse.gate where connector = 'q' and tenant = 1 for update";
    holds(Throughput, held(&other, gate, lent(&drill.a)).await?.is_empty(), "beside a gate in hand something is lent")?;
    let due = "select from statehouse.effect where state = 'due' and connector = 'k' and tenant = 1 order by record limit 1 for update";
    let one = held(&other, due, lent(&drill.a)).await?;
    holds(Throughput, one.len() == 1, &format!("beside one in hand {} of 1 are lent", one.len()))?;
    say(drill, &one, &back).await?;
    let two = lent(&drill.a).await?;
    say(drill, &two, &back).await?;
    breaker(drill, "q", true).await?;
    breaker(drill, "k", false).await?;
    held(&other, due, lent(&drill.a)).await?;
    let stands = drill.rows.value(STANDS).await;
    holds(Throughput, stands == "due, due q", &format!("beside one in hand what goes back is {stands}"))?;
    breaker(drill, "q", false).await?;
    drill.a.settle(&drill.a.send(&lent(&drill.a).await?, &drill.provider).await?).await?;
    Ok(())
}
