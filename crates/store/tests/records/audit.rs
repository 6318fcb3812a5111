//! A superuser who tampers, with triggers off, and what the audit says.

use std::collections::HashSet;

use statehouse_store::audit::{Anchor, Subject, What, anchor, erase, verify};
use statehouse_store::import::record_id;
use statehouse_store::record::{Move, Target, fire};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::world::{self, World};

/// A small generator, so that a failing run can be repeated from the seed it prints.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }
}

/// Every order of the demo data begun, so that chains are a few events long.
async fn moved(hint: &str) -> World {
    let world = world::full(hint).await;
    let reps = [world.enter("birkir").await, world.enter("thordis").await, world.enter("annalind").await, world.enter("michael").await];
    let admin = world.admin().await;
    for row in admin.query("select id, rep from orders.\"order\" order by id", &[]).await.unwrap() {
        let rep = reps.iter().find(|rep| rep.actor == row.get::<_, Uuid>(1)).unwrap();
        fire(&world.api, rep, &Move::new("order", Target::Id(row.get(0)), "start")).await.unwrap();
    }
    world
}

/// A superuser to whom no trigger applies.
async fn tamperer(world: &World) -> Client {
    let client = world.admin().await;
    client.batch_execute("set session_replication_role = replica").await.unwrap();
    client
}

async fn findings(world: &World, anchor: Option<&Anchor>) -> Vec<(Uuid, What)> {
    let report = verify(&mut world.admin().await, anchor).await.unwrap();
    report.findings.into_iter().map(|finding| (finding.record, finding.what)).collect()
}

fn says(found: &[(Uuid, What)], record: Uuid, wanted: impl Fn(&What) -> bool) -> bool {
    found.iter().any(|(other, what)| *other == record && wanted(what))
}

/// Each column of an event that the chain covers, changed to something else of its type.
const EDITS: [&str; 12] = [
    "verb = verb || 'x'",
    "from_state = coalesce(from_state || 'x', '')",
    "to_state = to_state || 'x'",
    "actor = gen_random_uuid()",
    "at = at + interval '1 microsecond'",
    "definition = definition + 1",
    "payload = coalesce(payload, '{}') || '{\"x\": 1}'",
    "payload = null",
    "payload_hash = sha256(payload_hash)",
    "previous = sha256(previous)",
    "head = sha256(head)",
    "seq = seq + 100",
];

const SWAP: &str = "update statehouse.event e
    set payload = o.payload, payload_hash = o.payload_hash, verb = o.verb, from_state = o.from_state, to_state = o.to_state, actor = o.actor
   from statehouse.event o
  where e.record = $1 and o.record = $1 and ((e.seq, o.seq) = ($2::int, $3::int) or (e.seq, o.seq) = ($3, $2))";

#[tokio::test]
async fn two_hundred_edits_deletions_and_swaps() {
    let world = moved("tamper").await;
    let before = findings(&world, None).await;
    assert_eq!(before, [], "an untouched database");
    let client = tamperer(&world).await;
    let seed = 0x5eed_0002;
    let mut dice = Dice(seed);
    let events: Vec<(Uuid, i32, i64)> = client
        .query("select record, seq, count(*) over (partition by entity, record) from statehouse.event order by entity, record, seq", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let mut touched = HashSet::new();
    let mut kinds = [0; 3];
    while touched.len() < 200 {
        let (record, seq, of) = events[dice.next(events.len())];
        if !touched.insert(record) {
            continue;
        }
        let kind = if of > 1 { dice.next(3) } else { dice.next(2) };
        kinds[kind] += 1;
        let done = match kind {
            0 => {
                let edit = EDITS[dice.next(EDITS.len())];
                client.execute(&format!("update statehouse.event set {edit} where record = $1 and seq = $2"), &[&record, &seq]).await
            }
            1 => client.execute("delete from statehouse.event where record = $1 and seq = $2", &[&record, &seq]).await,
            // Two events of a record change places: each says what the other said, under its own hashes.
            _ => client.execute(SWAP, &[&record, &seq, &(if seq == 1 { 2 } else { 1 })]).await.map(|changed| changed / 2),
        };
        assert_eq!(done.unwrap(), 1, "seed {seed:#x}: nothing was changed in {record}");
    }
    assert!(kinds.iter().all(|count| *count > 20), "{kinds:?}");
    let found: HashSet<Uuid> = findings(&world, None).await.into_iter().map(|(record, _)| record).collect();
    let missed: Vec<_> = touched.difference(&found).collect();
    assert_eq!(missed, Vec::<&Uuid>::new(), "seed {seed:#x}");
    assert_eq!(found.difference(&touched).collect::<Vec<_>>(), Vec::<&Uuid>::new(), "seed {seed:#x}: blamed though untouched");
}

async fn longest(client: &Client, how_many: i64, skip: i64) -> Vec<Uuid> {
    let text = "select id from orders.\"order\" where version > 2 order by id limit $1 offset $2";
    let rows = client.query(text, &[&how_many, &skip]).await.unwrap();
    assert_eq!(rows.len() as i64, how_many);
    rows.iter().map(|row| row.get(0)).collect()
}

fn none_of(found: &[(Uuid, What)], records: &[Uuid]) {
    let told: Vec<_> = found.iter().filter(|(record, _)| records.contains(record)).collect();
    assert!(told.is_empty(), "told without an anchor: {told:?}");
}

#[tokio::test]
async fn cut_tails_rewritten_chains_and_a_record_gone() {
    let world = moved("tamper_anchor").await;
    let taken = anchor(&mut world.admin().await).await.unwrap();
    // What is read back from the file is the same, and a changed file is noticed.
    let taken = Anchor::parse(&taken.text()).unwrap();
    let forged = taken.text().replacen(" 1 ", " 2 ", 1);
    assert_eq!(Anchor::parse(&forged).unwrap_err().fault().code.code, "SH5021");
    assert_eq!(findings(&world, Some(&taken)).await, []);

    // A move after the anchor is no finding.
    let admin = world.enter("sigridur").await;
    let client = tamperer(&world).await;
    let cancelled = longest(&client, 1, 60).await[0];
    let why = serde_json::json!({"cancel_reason": "moved on"});
    fire(&world.api, &admin, &Move::new("order", Target::Id(cancelled), "cancel").with(&why)).await.unwrap();
    assert_eq!(findings(&world, Some(&taken)).await, []);

    // Tails cut so well that nothing inside the database shows it: the record is set back too.
    let cut = longest(&client, 20, 0).await;
    for record in &cut {
        client
            .execute(
                "delete from statehouse.event e using orders.\"order\" o where e.record = $1 and o.id = $1 and e.seq = o.version",
                &[record],
            )
            .await
            .unwrap();
        client
            .execute(
                "update orders.\"order\" o set version = e.seq, head = e.head, state = e.to_state, verb = e.verb
                   from (select * from statehouse.event where record = $1 order by seq desc limit 1) e where o.id = $1",
                &[record],
            )
            .await
            .unwrap();
    }
    // Chains written anew from their second event, every hash right.
    let rewritten = longest(&client, 20, 30).await;
    for record in &rewritten {
        client
            .execute("update statehouse.event set actor = '00000000-0000-7000-8000-00000000dead' where record = $1 and seq = 2", &[record])
            .await
            .unwrap();
        rehash(&client, *record).await;
    }
    // A record deleted with everything that says it ever was.
    let gone = longest(&client, 1, 70).await[0];
    for table in ["statehouse.event where record", "orders.order_lines where \"order\"", "orders.\"order\" where id"] {
        assert!(client.execute(&format!("delete from {table} = $1"), &[&gone]).await.unwrap() > 0);
    }

    let blind = findings(&world, None).await;
    none_of(&blind, &[&cut[..], &rewritten[..], &[gone]].concat());
    let found = findings(&world, Some(&taken)).await;
    for record in &cut {
        assert!(says(&found, *record, |what| matches!(what, What::TailCut { .. })), "{record} was cut");
    }
    for record in &rewritten {
        assert!(says(&found, *record, |what| *what == What::Rewritten), "{record} was written anew");
    }
    assert!(says(&found, gone, |what| *what == What::Gone), "{gone} is gone");
    assert_eq!(found.len(), 41);
}

/// What a careful forger does: each head from the one before, then the record's.
async fn rehash(client: &Client, record: Uuid) {
    let text = "do $$ declare e record; before bytea := '\\x0000000000000000000000000000000000000000000000000000000000000000'; made bytea; begin
        for e in select * from statehouse.event where record = 'RECORD' order by seq loop
          made := statehouse.chain(before, e.tenant, e.entity, e.record, e.seq, e.verb, e.from_state, e.to_state, e.actor, e.at, e.definition, e.payload_hash, e.kind, e.cause);
          update statehouse.event set previous = before, head = made where record = e.record and seq = e.seq;
          before := made;
        end loop;
        update orders.\"order\" set head = before where id = 'RECORD'; end $$";
    client.batch_execute(&text.replace("RECORD", &record.to_string())).await.unwrap();
}

#[tokio::test]
async fn records_and_events_that_stand_alone() {
    let world = moved("tamper_alone").await;
    let client = tamperer(&world).await;
    let some = longest(&client, 5, 0).await;
    client.execute("delete from orders.order_lines where \"order\" = $1", &[&some[0]]).await.unwrap();
    client.execute("delete from orders.\"order\" where id = $1", &[&some[0]]).await.unwrap();
    client.execute("delete from statehouse.event where record = $1", &[&some[1]]).await.unwrap();
    client.execute("update orders.\"order\" set version = version + 1 where id = $1", &[&some[2]]).await.unwrap();
    client.execute("update orders.\"order\" set state = 'closed', closed_on = '2026-11-20' where id = $1", &[&some[3]]).await.unwrap();
    client.execute("update orders.\"order\" set head = sha256(head) where id = $1", &[&some[4]]).await.unwrap();
    let mut found = findings(&world, None).await;
    let version: i32 = client.query_one("select version from orders.\"order\" where id = $1", &[&some[2]]).await.unwrap().get(0);
    let mut expected = vec![
        (some[0], What::Orphan),
        (some[1], What::NoEvents),
        (some[2], What::VersionDiffers { version }),
        (some[3], What::RecordStateDiffers),
        (some[4], What::RecordHeadDiffers),
    ];
    let by = |found: &(Uuid, What)| found.0;
    found.sort_by_key(by);
    expected.sort_by_key(by);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn an_erased_subject_leaves_a_whole_chain() {
    let world = moved("erase").await;
    let taken = anchor(&mut world.admin().await).await.unwrap();
    let (client, order) =
        (record_id("nordur", "orders", "client", "klettur-bilar"), record_id("nordur", "orders", "order", "golden-q2o-1"));
    for (entity, record) in [("client", client), ("order", order)] {
        erase(&mut world.admin().await, Subject { app: "orders", tenant: "nordur", entity, record }).await.unwrap();
    }
    let report = verify(&mut world.admin().await, Some(&taken)).await.unwrap();
    assert_eq!(report.findings, []);
    // One event of the client, five of the order (three lines and a move after its birth) lost their payloads.
    assert_eq!(report.erased, 6);
    let left: i64 = world.admin_value(&format!("select count(*) from orders.client where id = '{client}' and (name like 'Klettur%' or phone = '+3540007001' or email is not null)")).await;
    let shipped: i64 =
        world.admin_value(&format!("select count(*) from orders.\"order\" where id = '{order}' and ship_to is not null")).await;
    assert_eq!((left, shipped), (0, 0));
    // Erasing is no way to hide: what is emptied without an `erased` event after it is found.
    let forger = tamperer(&world).await;
    forger.execute("update statehouse.event set payload = null where record = $1 and verb = 'erased'", &[&client]).await.unwrap();
    assert_eq!(findings(&world, Some(&taken)).await, []);
    let other = longest(&forger, 1, 40).await[0];
    forger.execute("update statehouse.event set payload = null where record = $1 and seq = 1", &[&other]).await.unwrap();
    assert_eq!(findings(&world, Some(&taken)).await, [(other, What::PayloadMissing)]);
    let nobody = erase(&mut world.admin().await, Subject { app: "orders", tenant: "baltyk", entity: "client", record: client }).await;
    assert_eq!(nobody.unwrap_err().fault().code.code, "SH1002", "another tenant's record is not there");
}
