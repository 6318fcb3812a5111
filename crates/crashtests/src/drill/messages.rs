//! Messages: stored once, applied once, whoever dies over them; and sources that are asked.

use std::time::Duration;

use serde_json::{Value, json};
use statehouse_definition::App;
use statehouse_definition::model::Late;
use statehouse_store::inbox::{self, Applied, Claimed, End, Item, Outcome, Received, Verdict, Wanted};
use statehouse_testkit::people::Persona;

use super::{Drill, Hand, Held, LEASE, TENANTS, holds};
use crate::check::Breach;
use crate::check::Invariant::{Fences, Missing, Once, Quiet, Restored};
use crate::scene::{self, APP};

pub(super) const SOURCE: &str = "carrier";

pub(super) async fn run(drill: &mut Drill) -> Held {
    let app = statehouse_definition::load(&scene::folder()).app.ok_or_else(|| Breach::new(Missing, "the app does not load"))?;
    for tenant in TENANTS {
        drill
            .superuser(&format!(
                "insert into statehouse.endpoint (tenant, token_hash, app, source) values ({0}, sha256('token {0}'), '{APP}', '{SOURCE}')",
                tenant.number
            ))
            .await?;
    }
    received(drill).await?;
    contradicted(drill).await?;
    applied(drill, &app).await?;
    waits(drill, &app).await?;
    settled(drill).await?;
    polled(drill).await
}

pub(super) async fn receive(drill: &Drill, tenant: i32, key: &str, body: &Value) -> Held<Verdict> {
    let (token, bytes, headers) = (format!("token {tenant}"), body.to_string().into_bytes(), json!({ "webhook-id": key }));
    let received = Received {
        token: &token,
        key,
        kind: Some("parcel.scanned"),
        body: &bytes,
        headers: &headers,
        query: "",
        secret: Some("carrier_hook"),
        coverage: "whole",
        account: None,
        item: None,
    };
    let receipt = inbox::receive(&drill.server, &received).await?;
    receipt.map(|receipt| receipt.verdict).ok_or_else(|| Breach::new(Missing, "a message to a known address is not taken"))
}

async fn received(drill: &Drill) -> Held {
    let from = drill.rows.value("select last_value from statehouse.drill_ids").await;
    for tenant in TENANTS.map(|tenant| tenant.number) {
        // Both tenants have messages of the same ids.
        drill.superuser(&format!("select setval('statehouse.drill_ids', {from})")).await?;
        let (first, other) = (json!({ "n": 1 }), json!({ "n": 2 }));
        holds(Missing, receive(drill, tenant, "same", &first).await? == Verdict::New, "a new message is not new")?;
        holds(Once, receive(drill, tenant, "same", &first).await? == Verdict::Again, "a message is stored twice")?;
        holds(Once, receive(drill, tenant, "same", &other).await? == Verdict::Conflict, "another message under its key is the same")?;
        holds(Once, receive(drill, tenant, "same", &other).await? == Verdict::Conflict, "another message under its key is the same")?;
    }
    let stored = drill.rows.value("select string_agg(tenant || state || n, ' ' order by tenant, n) from statehouse.message").await;
    holds(Missing, stored == "1due0 1conflict1 2due0 2conflict1", &format!("stored are {stored}"))?;
    holds(Once, drill.count("select sum(count) from statehouse.message_doublet").await == 4, "doublets are not counted")?;
    // What was seen of one tenant's messages says nothing of another's.
    for (other, tenant) in [(1, 2), (2, 1)] {
        // Whichever of the two rows lies first.
        let alone = format!(
            "begin; update statehouse.inflow set floor = statehouse.now() + interval '1 day', sweep_at = clock_timestamp() + interval '1 hour' where tenant = {other};
             update statehouse.inflow set floor = '-infinity', sweep_at = '-infinity' where tenant = {tenant};
             select count(*) from statehouse.claim_messages_of('a', {tenant}, array['{APP}'], 100, '60 seconds'); rollback"
        );
        holds(Missing, drill.count(&alone).await == 1, "a message of one tenant is not lent, it alone")?;
    }
    let older = drill.in_another_epoch(&format!("statehouse.claim_messages('a', array['{APP}'], 100, '60 seconds')")).await;
    let each = drill.in_another_epoch(&format!("statehouse.claim_messages_of('a', 1, array['{APP}'], 100, '60 seconds')")).await;
    holds(Restored, older + each == 0, "a message of an older epoch is lent")?;
    let seen = format!(
        "begin; update statehouse.inflow set floor = '-infinity', sweep_at = '-infinity';
         do $$ begin perform statehouse.claim_messages_of('a', 1, array['{APP}'], 100, '60 seconds'); end $$;
         select string_agg((floor = '-infinity')::text, ' ' order by tenant) from statehouse.inflow; rollback"
    );
    let seen = drill.rows.value(&seen).await;
    holds(Missing, seen == "false true", "what was seen of one tenant's messages is written down for another")?;
    let all = claim(&drill.a).await?;
    holds(Missing, all.len() == 2, "one in conflict is worked on, or one that is due is not")?;
    for one in &all {
        let settled = inbox::settle(&drill.a.db, &drill.a.id, &[Outcome::new(one.held, End::Ignored)]).await?;
        holds(Missing, settled.len() == 1, "a message is not settled, it alone")?;
    }
    Ok(())
}

/// Of a dozen others under one key nine are kept, and none is acted upon.
async fn contradicted(drill: &Drill) -> Held {
    for n in 0..=12 {
        let expected = if n == 0 { Verdict::New } else { Verdict::Conflict };
        holds(Once, receive(drill, 1, "many", &json!({ "n": n })).await? == expected, "another message under its key is the same")?;
    }
    let kept = drill.rows.value("select string_agg(state || n, ' ' order by n) from statehouse.message where key = 'many'").await;
    let expected = "due0 conflict1 conflict2 conflict3 conflict4 conflict5 conflict6 conflict7 conflict8 conflict9";
    holds(Once, kept == expected, &format!("of a dozen in conflict these are kept: {kept}"))?;
    let all = claim(&drill.a).await?;
    holds(Missing, all.len() == 1, "one in conflict is worked on, or one that is due is not")?;
    let settled = inbox::settle(&drill.a.db, &drill.a.id, &[Outcome::new(all[0].held, End::Ignored)]).await?;
    holds(Missing, settled.len() == 1, "who holds the lease cannot settle")?;
    at_once(drill).await?;
    // Of a tenant that is no more nothing is taken.
    drill.superuser("update statehouse.tenant set suspended_at = statehouse.now(), erased_at = statehouse.now() where tenant = 2").await?;
    let taken = receive(drill, 2, "erased", &json!({ "n": 1 })).await;
    drill.superuser("update statehouse.tenant set suspended_at = null, erased_at = null where tenant = 2").await?;
    let enter = Persona::member(APP, TENANTS[1], "admin").enter();
    drill.admins[1].batch_execute(&enter).await.map_err(|cause| Breach::new(Missing, format!("{cause:?}")))?;
    holds(Missing, taken.is_err(), "a message of a tenant that is no more is taken")
}

/// Two others come under one key at once: whoever is second waits for the first, and is kept beside it.
async fn at_once(drill: &Drill) -> Held {
    let failed = |cause: tokio_postgres::Error| Breach::new(Missing, format!("{cause:?}"));
    let other = drill.another().await?;
    receive(drill, 1, "at once", &json!({ "n": 0 })).await?;
    let first = "begin; insert into statehouse.message select (jsonb_populate_record(x, jsonb_build_object('id', gen_random_uuid(), 'n', 1, 'state', 'conflict', 'due_at', null, 'fingerprint', sha256('')))).*
                   from (select e as x from statehouse.message e where key = 'at once') y";
    other.batch_execute(first).await.map_err(failed)?;
    let body = json!({ "n": 1 });
    let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    let looked = async {
        for _ in 0..2000 {
            if drill.count(waits).await > 0 {
                break;
            }
        }
        other.batch_execute("commit").await
    };
    let (second, ended) = tokio::join!(receive(drill, 1, "at once", &body), looked);
    ended.map_err(failed)?;
    holds(Once, second? == Verdict::Conflict, "of two at once the second is not in conflict")?;
    let kept = drill.rows.value("select string_agg(state || n, ' ' order by n) from statehouse.message where key = 'at once'").await;
    holds(Once, kept == "due0 conflict1 conflict2", &format!("of two at once these are kept: {kept}"))?;
    let all = claim(&drill.a).await?;
    let said: Vec<Outcome> = all.iter().map(|one| Outcome::new(one.held, End::Ignored)).collect();
    holds(Missing, inbox::settle(&drill.a.db, &drill.a.id, &said).await?.len() == 1, "who holds the lease cannot settle")
}

pub(super) async fn claim(hand: &Hand) -> Held<Vec<Claimed>> {
    Ok(inbox::claim(&hand.db, &hand.id, &[APP.to_owned()], 100, LEASE).await?)
}

async fn apply(app: &App, hand: &Hand, one: &Claimed) -> Held<Applied> {
    let body: Value = serde_json::from_slice(&one.body).unwrap_or_default();
    let id = body["id"].as_str().unwrap_or_default().to_owned();
    let wanted =
        Wanted { app, entity: "parcel", find: ("id", &id), verb: "scan", input: None, wait_s: 3600.0, late: Late::Queue, fetched: None };
    Ok(inbox::apply_message(&hand.db, &hand.id, one, &wanted).await?)
}

/// A parcel of each tenant that has just been told of; both have the same id.
async fn parcel(drill: &Drill, told: bool) -> Held<String> {
    drill.both("insert into proof_admin.parcel (title) values ('scanned')").await?;
    if told {
        drill.both("update proof_admin.parcel set fire = 'tell' where state = 'new'").await?;
    }
    Ok(drill.rows.value("select id from proof.parcel where title = 'scanned' order by version, id desc limit 1").await)
}

async fn scans(drill: &Drill) -> u64 {
    drill.count("select count(*) from statehouse.event where verb = 'scan'").await
}

async fn applied(drill: &mut Drill, app: &App) -> Held {
    let id = parcel(drill, true).await?;
    for tenant in TENANTS {
        for key in ["one", "two", "three"] {
            receive(drill, tenant.number, key, &json!({ "id": id, "key": key })).await?;
        }
    }
    let early = claim(&drill.a).await?;
    let slugs = early.iter().all(|one| TENANTS.iter().any(|tenant| tenant.number == one.held.tenant && tenant.slug == one.slug));
    holds(Missing, slugs, "a message is lent with the name of another tenant")?;
    holds(Missing, early.len() == 6 && early.iter().all(|one| one.held.attempt == 1), "what is due is not lent, once")?;
    holds(Once, claim(&drill.b).await?.is_empty(), "what is lent is lent again")?;
    let held: Vec<_> = early.iter().map(|one| one.held).collect();
    drill.pass("40 seconds").await?;
    holds(Fences, inbox::beat(&drill.a.db, &drill.a.id, &held, LEASE).await? == held, "who holds a lease does not keep it")?;
    holds(Fences, inbox::beat(&drill.b.db, &drill.b.id, &held, LEASE).await?.is_empty(), "who holds no lease keeps it")?;
    drill.pass("40 seconds").await?;
    holds(Once, inbox::recover(&drill.b.db, 100).await?.is_empty(), "a lease that runs is taken away")?;
    // One is applied, then it dies; the rest is another's.
    holds(Missing, matches!(apply(app, &drill.a, &early[0]).await?, Applied::Moved { .. }), "a message moves nothing")?;
    let before = drill.rows.print().await;
    let theirs: Vec<Outcome> = early.iter().map(|one| Outcome::new(one.held, End::Done)).collect();
    holds(Fences, inbox::settle(&drill.b.db, &drill.b.id, &theirs).await?.is_empty(), "who holds no lease settles")?;
    holds(Once, apply(app, &drill.a, &early[0]).await? == Applied::Lost, "a message is applied twice")?;
    holds(Fences, apply(app, &drill.b, &early[1]).await? == Applied::Lost, "who holds no lease applies")?;
    drill.unchanged(&before, "somebody without a lease").await?;
    drill.pass("61 seconds").await?;
    holds(Quiet, inbox::recover(&drill.b.db, 100).await?.len() == 5, "leases of the dead are not taken up")?;
    late(drill, app, &early, "a sleeper whose lease was taken up").await?;
    let again = claim(&drill.a).await?;
    holds(Missing, again.len() == 5 && again.iter().all(|one| one.held.attempt == 2), "a claim is not counted once")?;
    late(drill, app, &early, "a sleeper under its older attempt").await?;
    for one in &again {
        holds(Missing, matches!(apply(app, &drill.a, one).await?, Applied::Moved { .. }), "a message moves nothing")?;
    }
    late(drill, app, &early, "a sleeper after all is done").await?;
    holds(Once, scans(drill).await == 6, "a message is not applied once")?;
    drill.a.work(&drill.provider).await?;
    Ok(())
}

async fn late(drill: &Drill, app: &App, early: &[Claimed], who: &str) -> Held {
    let before = drill.rows.print().await;
    let held: Vec<_> = early.iter().map(|one| one.held).collect();
    holds(Fences, inbox::beat(&drill.a.db, &drill.a.id, &held, LEASE).await?.is_empty(), &format!("{who} keeps a lease"))?;
    for end in [End::Done, End::Ignored, End::Again { after: None }] {
        let said: Vec<Outcome> = early.iter().map(|one| Outcome::new(one.held, end.clone())).collect();
        holds(Fences, inbox::settle(&drill.a.db, &drill.a.id, &said).await?.is_empty(), &format!("{who} settles"))?;
    }
    for one in early {
        holds(Fences, apply(app, &drill.a, one).await? == Applied::Lost, &format!("{who} applies"))?;
    }
    drill.unchanged(&before, who).await
}

/// One that comes before its parcel is told of waits, and is woken by the move that lets it act.
async fn waits(drill: &mut Drill, app: &App) -> Held {
    let (id, before) = (parcel(drill, false).await?, scans(drill).await);
    for tenant in TENANTS {
        receive(drill, tenant.number, "early", &json!({ "id": id })).await?;
    }
    for one in claim(&drill.a).await? {
        holds(Missing, matches!(apply(app, &drill.a, &one).await?, Applied::Waiting { .. }), "what is too early does not wait")?;
    }
    let due = "select count(*) from statehouse.message where state = 'due' and due_at <= statehouse.now()";
    holds(Quiet, drill.count(due).await == 0 && claim(&drill.a).await?.is_empty(), "what waits is lent")?;
    // Of the first tenant alone.
    drill.admins[0]
        .batch_execute("update proof_admin.parcel set fire = 'tell' where state = 'new'")
        .await
        .map_err(|cause| Breach::new(Missing, format!("{cause:?}")))?;
    let woken = claim(&drill.a).await?;
    holds(Quiet, woken.len() == 1 && woken[0].held.tenant == TENANTS[0].number, "what may act now is not woken, or another is")?;
    holds(Missing, matches!(apply(app, &drill.a, &woken[0]).await?, Applied::Moved { .. }), "what was woken moves nothing")?;
    drill.admins[1]
        .batch_execute("update proof_admin.parcel set fire = 'tell' where state = 'new'")
        .await
        .map_err(|cause| Breach::new(Missing, format!("{cause:?}")))?;
    for one in claim(&drill.b).await? {
        apply(app, &drill.b, &one).await?;
    }
    holds(Once, scans(drill).await == before + 2, "a message that waited is not applied once")?;
    drill.a.work(&drill.provider).await?;
    Ok(())
}

/// Every end that is no move, and a death that is counted.
async fn settled(drill: &Drill) -> Held {
    for (key, end, state) in [
        ("ends done", End::Done, "done"),
        ("ends quarantined", End::Quarantined, "quarantined"),
        ("ends dead", End::Dead, "dead"),
        ("ends again", End::Again { after: Some(Duration::from_secs(600)) }, "due"),
        ("ends waiting", End::Waiting { after: Duration::from_secs(600), wait: Duration::from_secs(6000) }, "waiting"),
    ] {
        receive(drill, 1, key, &json!({ "id": "none" })).await?;
        let claimed = claim(&drill.a).await?;
        holds(Missing, claimed.len() == 1, "one message is not lent alone")?;
        let said = Outcome::new(claimed[0].held, end).because("SH7101", "for the drill");
        holds(Missing, inbox::settle(&drill.a.db, &drill.a.id, &[said]).await?.len() == 1, "who holds the lease cannot settle")?;
        let stands = drill.rows.value(&format!("select state from statehouse.message where key = '{key}'")).await;
        holds(Missing, stands == state, &format!("told to be {state}, a message is {stands}"))?;
        holds(Missing, claim(&drill.a).await?.is_empty(), "what is not due is lent")?;
    }
    drill.pass("601 seconds").await?;
    let due = claim(&drill.a).await?;
    holds(Missing, due.len() == 2, "what is due again is not lent")?;
    let said: Vec<Outcome> = due.iter().map(|one| Outcome::new(one.held, End::Ignored)).collect();
    inbox::settle(&drill.a.db, &drill.a.id, &said).await?;
    // A message over which every worker dies is given up.
    receive(drill, 1, "poison", &json!({ "id": "none" })).await?;
    for death in 1..=inbox::TRIES_MAX {
        let claimed = claim(&drill.a).await?;
        holds(Quiet, claimed.len() == 1 && claimed[0].tries == death, "a death is not counted")?;
        drill.pass("61 seconds").await?;
        let recovered = inbox::recover(&drill.b.db, 100).await?;
        holds(Quiet, recovered.len() == 1 && recovered[0].dead == (death == inbox::TRIES_MAX), "a poisonous message is not given up")?;
        drill.pass("7 hours").await?;
    }
    holds(Quiet, claim(&drill.a).await?.is_empty(), "what was given up is lent")
}

async fn polled(drill: &Drill) -> Held {
    // A tenant at whose address nobody tells anything any more asks for nothing either.
    let ask = format!("select tenant from statehouse.claim_poll('a', '[[\"{APP}\", \"{SOURCE}\"]]', '60 seconds')");
    for (gone, left) in [(1, "2"), (2, "1")] {
        let revoked = format!(
            "begin; update statehouse.endpoint set revoked_at = statehouse.now() where tenant = {gone};
             select string_agg(tenant::text, ' ') from ({ask} union all {ask}) x; rollback"
        );
        let lent = drill.rows.value(&revoked).await;
        holds(Missing, lent == left, &format!("without an address of tenant {gone} sources of {lent} are asked"))?;
    }
    let known = [(APP.to_owned(), SOURCE.to_owned())];
    let mut first = Vec::new();
    while let Some(poll) = inbox::claim_poll(&drill.a.db, &drill.a.id, &known, LEASE).await? {
        first.push(poll);
        holds(Once, first.len() <= 2, "a source is lent twice")?;
    }
    holds(Missing, first.len() == 2 && first.iter().all(|poll| poll.attempt == 1), "a source that is due is not lent, once")?;
    let slugs = first.iter().all(|one| TENANTS.iter().any(|tenant| tenant.number == one.tenant && tenant.slug == one.slug));
    holds(Missing, slugs, "a source is lent with the name of another tenant")?;
    drill.pass("61 seconds").await?;
    let mut second = Vec::new();
    while let Some(poll) = inbox::claim_poll(&drill.b.db, &drill.b.id, &known, LEASE).await? {
        second.push(poll);
        holds(Once, second.len() <= 2, "a source is lent twice")?;
    }
    holds(Quiet, second.len() == 2 && second.iter().all(|poll| poll.attempt == 2), "a source left by the dead is not lent")?;
    let item = Item { key: "item", kind: "parcel.scanned", body: b"{}" };
    let before = drill.rows.print().await;
    for poll in &first {
        holds(Fences, inbox::receive_item(&drill.a.db, &drill.a.id, poll, &item).await?.is_none(), "a sleeper stores an item")?;
        holds(Fences, !inbox::finish_poll(&drill.a.db, &drill.a.id, poll, true, LEASE, None).await?, "a sleeper ends a poll")?;
    }
    drill.unchanged(&before, "a sleeper").await?;
    for poll in &second {
        let verdict = |receipt: Option<inbox::Receipt>| receipt.map(|receipt| receipt.verdict);
        let stored = verdict(inbox::receive_item(&drill.b.db, &drill.b.id, poll, &item).await?);
        holds(Missing, stored == Some(Verdict::New), "an item is not stored")?;
        let stored = verdict(inbox::receive_item(&drill.b.db, &drill.b.id, poll, &item).await?);
        holds(Once, stored == Some(Verdict::Again), "an item is stored twice")?;
        holds(Missing, inbox::finish_poll(&drill.b.db, &drill.b.id, poll, true, LEASE, None).await?, "a poll cannot be ended")?;
    }
    holds(Missing, inbox::claim_poll(&drill.a.db, &drill.a.id, &known, LEASE).await?.is_none(), "a source is asked before its time")?;
    // They are about nothing.
    let said: Vec<Outcome> = claim(&drill.a).await?.iter().map(|one| Outcome::new(one.held, End::Ignored)).collect();
    holds(Missing, inbox::settle(&drill.a.db, &drill.a.id, &said).await?.len() == 2, "items of both tenants are not lent")
}
