//! Gates: a provider that asked to be left alone is, and one that fails is tried by one call.

use std::time::Duration;

use statehouse_store::effects::{self, Claimed, End, Outcome, Report};

use super::{Drill, Held, TENANTS, holds};
use crate::check::Invariant::{Missing, Throughput, Waits};
use crate::scene::APP;

const OWE: &str = "insert into proof_admin.parcel (title) values ('gate one'), ('gate two'); update proof_admin.parcel set fire = 'tell' where state = 'new' and title <> 'left'";

pub(super) async fn run(drill: &mut Drill) -> Held {
    drill.both(OWE).await?;
    report(drill, 0, 0, Some(Duration::from_secs(600))).await?;
    // Another who asks for less does not shorten it.
    report(drill, 0, 0, Some(Duration::from_secs(60))).await?;
    // Nor by whoever waits for the gate because others have all the rest in hand.
    let waits = |tenant: i32| {
        format!(
            "begin; select count(*) from statehouse.claim_gate('a', {tenant}, '{APP}', 'k', array[1], null, null, 100, '60 seconds', true); rollback"
        )
    };
    let both = [drill.count(&waits(1)).await, drill.count(&waits(2)).await];
    holds(Waits, both == [0, 2], &format!("of each tenant {both:?} are lent to who waits, and the first asked to be left alone"))?;
    holds(Waits, of_k(&drill.a.claim().await?) == (0, 4), "a provider that asked to be left alone is called")?;
    drill.pass("599 seconds").await?;
    holds(Waits, of_k(&drill.b.claim().await?) == (0, 0), "a provider that asked to be left alone is called")?;
    drill.pass("2 seconds").await?;
    let claimed = drill.b.claim().await?;
    holds(Throughput, of_k(&claimed) == (2, 0), "a provider is left alone for longer than it asked")?;
    back(drill, &claimed).await?;
    // Three failures in a row open it, of one tenant.
    report(drill, 0, 2, None).await?;
    holds(Throughput, state(drill).await == "closed closed", "two failures open a breaker of three")?;
    report(drill, 0, 1, None).await?;
    holds(Throughput, state(drill).await == "open closed", "three failures do not open a breaker of three")?;
    holds(Waits, of_k(&drill.b.claim().await?) == (0, 0), "an open breaker lets something through")?;
    drill.pass("31 seconds").await?;
    let probe = drill.b.claim().await?;
    holds(Throughput, of_k(&probe) == (1, 0) && probe.iter().all(|one| one.probe), "a breaker that is half open does not let one through")?;
    holds(Waits, drill.a.claim().await?.is_empty(), "a breaker that is half open lets a second through")?;
    back(drill, &probe).await?;
    report(drill, 0, 1, None).await?;
    holds(Throughput, state(drill).await == "open closed", "a probe that fails does not open it again")?;
    drill.pass("31 seconds").await?;
    let probe = drill.b.claim().await?;
    holds(Throughput, of_k(&probe) == (1, 0), "it is not tried again")?;
    report(drill, 1, 0, None).await?;
    holds(Throughput, state(drill).await == "closed closed", "a probe that is answered does not close it")?;
    holds(Throughput, of_k(&drill.b.claim().await?) == (1, 0), "a closed breaker keeps something back")
}

/// Effects of the connector k, of the first tenant and of the second.
fn of_k(claimed: &[Claimed]) -> (usize, usize) {
    let of = |tenant: i32| claimed.iter().filter(|one| one.connector == "k" && one.held.tenant == tenant).count();
    (of(TENANTS[0].number), of(TENANTS[1].number) * 2)
}

async fn report(drill: &Drill, good: i32, bad: i32, blocked: Option<Duration>) -> Held {
    let report =
        Report { tenant: TENANTS[0].number, app: APP, connector: "k", good, bad, blocked, failures_max: 3, open: Duration::from_secs(30) };
    effects::report_gate(&drill.a.db, &report).await?;
    Ok(())
}

async fn state(drill: &Drill) -> String {
    drill.rows.value("select string_agg(state, ' ' order by tenant) from statehouse.gate where connector = 'k'").await
}

/// Given back unsent.
async fn back(drill: &Drill, claimed: &[Claimed]) -> Held {
    let unsent = End::Again { after: Duration::ZERO, doubt: false, counts: false };
    let said: Vec<_> = claimed.iter().map(|one| (one.clone(), Outcome::new(one.held, unsent.clone()))).collect();
    holds(Missing, drill.b.settle(&said).await? == claimed.len(), "who holds the lease cannot settle")
}
