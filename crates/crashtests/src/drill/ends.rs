//! What may become of an effect, told and read back.

use std::time::Duration;

use serde_json::json;
use statehouse_definition::model::Class;
use statehouse_store::effects::{Claimed, End, Outcome};

use statehouse_testkit::people::Persona;
use tokio_postgres::NoTls;

use super::{Drill, Held, TENANTS, holds};
use crate::check::Breach;
use crate::check::Invariant::{Attempts, Calls, Doubt, Missing, Result as Results, Waits};
use crate::scene::APP;

const OWE: &str = "insert into proof_admin.parcel (title) values ('ends');
    update proof_admin.parcel set fire = 'tell' where state = 'new' and title <> 'left';
    insert into proof_admin.payment (title) values ('ends');
    update proof_admin.payment set fire = 'charge' where state = 'open';";

pub(super) async fn run(drill: &mut Drill) -> Held {
    again(drill).await?;
    neighbours(drill).await?;
    unsaid(drill).await?;
    for end in [End::Failed { result: json!({ "why": "no" }) }, End::Unknown, End::Dead] {
        told(drill, &end).await?;
    }
    large(drill).await
}

/// All that is owed anew, with one end for each.
async fn say(drill: &Drill, claimed: &[Claimed], end: &End) -> Held<usize> {
    drill.a.mark(claimed).await?;
    let said: Vec<_> = claimed.iter().map(|one| (one.clone(), Outcome::new(one.held, end.clone()))).collect();
    drill.a.settle(&said).await
}

async fn stands(drill: &Drill, claimed: &[Claimed]) -> String {
    let ids: Vec<String> =
        claimed.iter().map(|one| format!("({}, '{}'::uuid, {}, {})", one.held.tenant, one.held.record, one.held.seq, one.held.n)).collect();
    let which = ids.join(", ");
    drill
        .rows
        .value(&format!(
            "select string_agg(distinct state || case when call then ' call' else '' end || coalesce(' ' || (result ->> 'why'), '')
                    || case when finished_at = statehouse.now() then ' ended' when finished_at is not null then ' ended at another time' else '' end, ', ')
               from statehouse.effect where (tenant, record, seq, n) in ({which})"
        ))
        .await
}

/// To be tried again: not before its time, counted or not as was said, and a doubt kept.
async fn again(drill: &mut Drill) -> Held {
    drill.both(OWE).await?;
    let claimed = drill.a.claim().await?;
    holds(Missing, claimed.len() == 10, "the moves do not owe what they should")?;
    // Not a byte was sent, so even class N may be tried again; the first time it does not count.
    let unsent = End::Again { after: Duration::from_secs(300), doubt: false, counts: false };
    holds(Missing, say(drill, &claimed, &unsent).await? == 10, "who holds the lease cannot settle")?;
    drill.pass("299 seconds").await?;
    holds(Waits, drill.a.claim().await?.is_empty(), "what is not due is lent")?;
    // Beside others that are.
    drill
        .both("insert into proof_admin.parcel (title) values ('now'); update proof_admin.parcel set fire = 'tell' where title = 'now'")
        .await?;
    let now = drill.a.claim().await?;
    holds(Waits, now.len() == 8 && now.iter().all(|one| one.held.attempt == 1), "what is not due is lent with others that are")?;
    let sent = drill.a.send(&now, &drill.provider).await?;
    drill.a.settle(&sent).await?;
    drill.pass("2 seconds").await?;
    let second = drill.a.claim().await?;
    holds(Waits, second.len() == 10, "what is due again is not lent")?;
    holds(
        Attempts,
        second.iter().all(|one| one.held.attempt == 2 && one.tries == 1 && !one.doubt),
        "an attempt that does not count counts",
    )?;
    // The answer was lost: a doubt for all.
    let doubted = End::Again { after: Duration::from_secs(300), doubt: true, counts: true };
    holds(Missing, say(drill, &second, &doubted).await? == 10, "who holds the lease cannot settle")?;
    let plain_n: Vec<Claimed> = second.iter().filter(|one| one.class == Class::N && !one.call).cloned().collect();
    holds(Doubt, stands(drill, &plain_n).await == "unknown", "a doubt about class N is not visible")?;
    drill.pass("301 seconds").await?;
    let third = drill.a.claim().await?;
    holds(Doubt, third.len() == 6 && third.iter().all(|one| one.doubt && one.tries == 2), "a doubt is forgotten")?;
    let said: Vec<_> = third
        .iter()
        .map(|one| (one.clone(), Outcome::new(one.held, End::Done { result: json!({ "id": "1", "why": "it did" }) })))
        .collect();
    holds(Missing, drill.a.settle(&said).await? == 6, "who holds the lease cannot settle")?;
    holds(Results, stands(drill, &third).await == "done call it did ended, done it did ended", "what the provider said is not written")
}

/// Two moves of a record owe effects of the same number and of other classes: what is said of one is judged by its own.
async fn neighbours(drill: &mut Drill) -> Held {
    drill
        .both("insert into proof_admin.parcel (title) values ('beside'); update proof_admin.parcel set fire = 'tell' where title = 'beside'; update proof_admin.parcel set fire = 'poke' where title = 'beside'; update proof_admin.parcel set title = 'over' where title = 'beside'")
        .await?;
    let claimed = drill.a.claim().await?;
    holds(Missing, claimed.len() == 12, "the moves do not owe what they should")?;
    let doubted = End::Again { after: Duration::ZERO, doubt: true, counts: true };
    for one in &claimed {
        let alone = std::slice::from_ref(one);
        holds(Missing, say(drill, alone, &doubted).await? == 1, "who holds the lease cannot settle")?;
        let expected = if one.class == Class::N { "unknown" } else { "due" };
        let stands = stands(drill, alone).await;
        holds(Doubt, stands == expected, &format!("one of class {:?} in doubt is {stands}", one.class))?;
    }
    let again = drill.a.claim().await?;
    let said: Vec<_> = again.iter().map(|one| (one.clone(), Outcome::new(one.held, End::Done { result: json!({ "id": "1" }) }))).collect();
    holds(Missing, said.len() == 6 && drill.a.settle(&said).await? == 6, "what is in doubt is not lent again")
}

/// Nobody may say that a call has ended but whoever settles it in the same transaction.
async fn unsaid(drill: &mut Drill) -> Held {
    let failed = |cause: tokio_postgres::Error| Breach::new(Missing, format!("{cause:?}"));
    let (connector, connection) = drill.config.clone().user("statehouse_worker").connect(NoTls).await.map_err(failed)?;
    tokio::spawn(connection);
    connector.batch_execute(&Persona::engine(APP, TENANTS[0], "connector").enter()).await.map_err(failed)?;
    drill.both("insert into proof_admin.payment (title) values ('unsaid')").await?;
    for verb in ["charge", "book", "post"] {
        drill.both(&format!("update proof_admin.payment set fire = '{verb}' where title = 'unsaid'")).await?;
        let mut claimed = Vec::new();
        for lent in [false, true] {
            if lent {
                claimed = drill.a.claim().await?;
                holds(Missing, claimed.len() == 2, "a call is not lent")?;
            }
            for kind in ["done", "failed", "unknown"] {
                let fire = format!("update proof_system.payment set fire = '{verb}.{kind}' where title = 'unsaid'");
                holds(Calls, connector.batch_execute(&fire).await.is_err(), &format!("`{verb}.{kind}` is believed"))?;
            }
        }
        let said = drill.a.send(&claimed, &drill.provider).await?;
        holds(Missing, drill.a.settle(&said).await? == 2, "who holds the lease cannot settle")?;
    }
    Ok(())
}

async fn told(drill: &mut Drill, end: &End) -> Held {
    drill.both(OWE).await?;
    let claimed = drill.a.claim().await?;
    holds(Missing, say(drill, &claimed, end).await? == claimed.len(), "who holds the lease cannot settle")?;
    let stands = stands(drill, &claimed).await;
    let expected = match end {
        End::Failed { .. } => "failed call no ended, failed no ended",
        End::Unknown => "unknown, unknown call",
        _ => "dead, dead call",
    };
    holds(Missing, stands == expected, &format!("told {end:?}, effects are {stands}"))?;
    let records = drill.rows.value("select string_agg(distinct state, ' ') from proof.payment where title = 'ends'").await;
    let expected = match end {
        End::Failed { .. } => "charged open",
        _ => "charged charging",
    };
    holds(Calls, records == expected, &format!("told {end:?}, records are {records}"))?;
    holds(Waits, drill.a.claim().await?.is_empty(), "what has ended is lent")?;
    // Those that failed are left alone by what comes.
    drill.superuser("select 1").await?;
    drill.both("update proof_admin.payment set title = 'over' where title = 'ends' and state = 'open'").await
}

/// An answer too large to keep is no reason to forget that it was given.
async fn large(drill: &mut Drill) -> Held {
    drill.both("insert into proof_admin.parcel (title) values ('large'); update proof_admin.parcel set fire = 'tell' where state = 'new' and title <> 'left'").await?;
    let claimed = drill.a.claim().await?;
    let end = End::Done { result: json!({ "id": "x".repeat(20_000) }) };
    holds(Missing, say(drill, &claimed, &end).await? == claimed.len(), "an answer that is large cannot be settled")?;
    holds(Results, stands(drill, &claimed).await == "done ended", "an answer that is large is not noted")
}
