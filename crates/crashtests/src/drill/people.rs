//! What people do: say what happened, try again.

use statehouse_store::effects::{self, Id};
use statehouse_store::record::{Session, enter};

use super::{Drill, Held, TENANTS, holds};
use crate::check::Breach;
use crate::check::Invariant::{Calls, Doubt, Fences, Missing, Once, Quiet};
use crate::scene::APP;

pub(super) async fn run(drill: &mut Drill) -> Held {
    let key = statehouse_testkit::people::Persona::member(APP, TENANTS[0], "admin").key.unwrap_or_default();
    let session = enter(&drill.api, &key).await?;
    resolves(drill, &session).await?;
    replays(drill, &session).await?;
    replays_messages(drill, &session).await?;
    calls(drill).await
}

/// Plain effects of the first tenant in a state.
async fn some(drill: &Drill, state: &str) -> Vec<Id> {
    let found = drill
        .rows
        .value(&format!(
            "select string_agg(replace(record::text, '-', '') || '-' || seq || '-' || n, ' ' order by record, seq, n)
               from statehouse.effect where state = '{state}' and not call and tenant = {}",
            TENANTS[0].number
        ))
        .await;
    found.split(' ').filter_map(Id::parse).collect()
}

/// How many effects stand in each state, of the first tenant and of the second.
async fn count(drill: &Drill) -> String {
    drill.rows.value("select string_agg(s, ', ') from (select tenant || state || count(*) as s from statehouse.effect group by tenant, state order by 1) x").await
}

async fn resolves(drill: &Drill, session: &Session) -> Held {
    let unknown = some(drill, "unknown").await;
    holds(Doubt, unknown.len() >= 4, "too few effects are unknown to try it")?;
    // Beside the first another move of its record has left one of the same number unknown.
    let twin = |one: &&Id| unknown.iter().any(|other| (other.record, other.n) == (one.record, one.n) && other.seq != one.seq);
    let first = *unknown.iter().find(twin).ok_or_else(|| Breach::new(Doubt, "no two moves of a record are unknown"))?;
    let second = *unknown.iter().find(|one| one.record != first.record).ok_or_else(|| Breach::new(Doubt, "one record alone is unknown"))?;
    effects::resolve(&drill.api, session, first, true, "seen in the statement").await?;
    effects::resolve(&drill.api, session, second, false, "not in the statement").await?;
    let stands = async |id: Id| {
        drill.rows.value(&format!("select string_agg(state || coalesce(' ' || code, '') || case when finished_at is null then '' else ' ended' end, ',' order by tenant) from statehouse.effect where record = '{}' and seq = {} and n = {}", id.record, id.seq, id.n)).await
    };
    holds(Doubt, stands(first).await.starts_with("done resolved ended,unknown"), "what a person said has happened is not done, it alone")?;
    holds(
        Doubt,
        stands(second).await.starts_with("failed resolved ended,unknown"),
        "what a person said has not happened has not failed, it alone",
    )?;
    let before = drill.rows.print().await;
    holds(Fences, effects::resolve(&drill.api, session, first, false, "on second thoughts").await.is_err(), "what is done is resolved")?;
    let nobody = Id { record: uuid::Uuid::nil(), ..first };
    holds(Fences, effects::resolve(&drill.api, session, nobody, true, "seen nowhere").await.is_err(), "what is not there is resolved")?;
    drill.unchanged(&before, "a second thought").await?;
    holds(Doubt, some(drill, "unknown").await.len() == unknown.len() - 2, "another was resolved too")
}

async fn replays(drill: &mut Drill, session: &Session) -> Held {
    let dead = some(drill, "dead").await;
    holds(Missing, dead.len() >= 2, "too few effects are dead to try it")?;
    let again = effects::replay(&drill.api, session, &dead[..1]).await?;
    holds(Missing, again.len() == 1 && again[0].due, "what is dead is not tried again")?;
    let before = count(drill).await;
    let again = effects::replay(&drill.api, session, &dead[..1]).await?;
    holds(Once, again.len() == 1 && !again[0].due && count(drill).await == before, "it is tried again twice")?;
    // Of what was done, failed or is unknown nothing is tried again.
    for state in ["done", "failed", "unknown"] {
        let ids: Vec<Id> = some(drill, state).await.into_iter().take(20).collect();
        let again = effects::replay(&drill.api, session, &ids).await?;
        holds(Once, !again.iter().any(|one| one.due), &format!("what is {state} is tried again"))?;
    }
    let claimed = drill.a.claim().await?;
    holds(Quiet, claimed.len() == 1 && claimed[0].id() == dead[0] && claimed[0].tries == 1, "what is tried again is not lent, it alone")?;
    let said = drill.a.send(&claimed, &drill.provider).await?;
    holds(Missing, drill.a.settle(&said).await? == 1, "who holds the lease cannot settle")
}

/// A call that is unknown is ended by its record's own verbs, and waits for them.
async fn calls(drill: &Drill) -> Held {
    let unknown = "select count(*) from statehouse.effect where call and state = 'unknown'";
    let before = drill.count(unknown).await;
    holds(Calls, before >= 2, "too few calls are unknown to try it")?;
    let which = "(select e.record from statehouse.effect e where e.call and e.state = 'unknown' and e.tenant = 1 and e.verb = 'charge' order by e.record limit 1)";
    let record = drill.rows.value(&format!("select {which}")).await;
    let fire = |verb: &str| {
        format!(
            "update proof_admin.payment set fire = '{verb}', input = '{{\"charge_evidence\": \"in the statement\"}}' where id = '{record}'"
        )
    };
    let admin = &drill.admins[0];
    holds(Calls, admin.batch_execute(&fire("book")).await.is_err(), "a record whose call is unknown goes on")?;
    admin
        .batch_execute(&fire("charge.resolve_done"))
        .await
        .map_err(|cause| Breach::new(Calls, format!("a person cannot resolve a call: {cause:?}")))?;
    let stands = drill.rows.value(&format!("select e.state || ' ' || p.state from statehouse.effect e join proof.payment p on p.tenant = e.tenant and p.id = e.record where e.tenant = 1 and e.record = '{record}' and e.verb = 'charge' order by e.seq desc limit 1")).await;
    holds(Calls, stands == "done charged", &format!("resolved as done, call and record are {stands}"))?;
    holds(Calls, drill.count(unknown).await == before - 1, "another call was resolved too")?;
    holds(Calls, admin.batch_execute(&fire("charge.resolve_failed")).await.is_err(), "a call is resolved twice")?;
    let record = drill.rows.value(&format!("select {which}")).await;
    let fire = |verb: &str| {
        format!(
            "update proof_admin.payment set fire = '{verb}', input = '{{\"charge_evidence\": \"in the statement\"}}' where id = '{record}'"
        )
    };
    admin
        .batch_execute(&fire("charge.resolve_failed"))
        .await
        .map_err(|cause| Breach::new(Calls, format!("a person cannot resolve a call: {cause:?}")))?;
    let stands = drill.rows.value(&format!("select e.state || ' ' || p.state from statehouse.effect e join proof.payment p on p.tenant = e.tenant and p.id = e.record where e.tenant = 1 and e.record = '{record}' and e.verb = 'charge' order by e.seq desc limit 1")).await;
    holds(Calls, stands == "failed open", &format!("resolved as failed, call and record are {stands}"))
}

/// Messages that nobody acted on are looked at again, and those that were are not.
async fn replays_messages(drill: &Drill, session: &Session) -> Held {
    let states = "select string_agg(distinct state, ' ' order by state) from statehouse.message where tenant = 1";
    holds(Missing, drill.rows.value(states).await == "conflict dead done ignored quarantined", "too few states of messages to try it")?;
    let ids = drill.rows.value("select string_agg(id::text, ' ') from statehouse.message where tenant = 1").await;
    let ids: Vec<uuid::Uuid> = ids.split(' ').filter_map(|id| id.parse().ok()).collect();
    let theirs = drill.count("select count(*) from statehouse.message where tenant = 2 and state = 'due'").await;
    let before =
        drill.count("select count(*) from statehouse.message where tenant = 1 and state in ('dead', 'ignored', 'quarantined')").await;
    let replayed = statehouse_store::inbox::replay(&drill.api, session, &ids).await?.len() as u64;
    holds(
        Once,
        replayed == before && statehouse_store::inbox::replay(&drill.api, session, &ids).await?.is_empty(),
        "messages are not replayed once",
    )?;
    let due = drill.count("select count(*) from statehouse.message where tenant = 1 and state = 'due'").await;
    holds(Once, due == before, &format!("{due} of {before} messages are looked at again"))?;
    holds(Once, drill.rows.value(states).await == "conflict done due", "what was done or is in conflict is looked at again")?;
    holds(
        Missing,
        drill.count("select count(*) from statehouse.message where tenant = 2 and state = 'due'").await == theirs,
        "those of another tenant are too",
    )
}
