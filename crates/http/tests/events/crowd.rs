//! Two hundred readers of four roles and two tenants during twenty thousand moves, coming and going at random, while one
//! transaction stays open and records change hands. What each saw is compared with what its own views show afterwards,
//! asked by plain SQL in its own name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use statehouse_http::Settings;
use statehouse_testkit::TestDatabase;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona, Tenant};
use tokio::sync::watch;
use tokio_postgres::Client;

use super::reader::{Message, open, place};
use super::scene::{self, Member, ORDERS};
use crate::world::World;

const WRITERS: usize = 4;
const BATCH: usize = 25;
const BOUND: Duration = Duration::from_secs(150);

type Place = (u64, i64);

/// What one reader saw.
#[derive(Default)]
struct Seen {
    start: Place,
    events: Vec<(Place, Row)>,
    longest_lag_s: u64,
    streams: usize,
    saw_long_at: Option<Instant>,
}

/// Entity, record, seq, verb, from, to.
type Row = (String, String, i64, String, String, String);

/// Numbers without a pattern; the seed is printed by a failing run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

fn row(message: &Message) -> Row {
    let text = |key: &str| message.data[key].as_str().unwrap_or_default().to_owned();
    (text("entity"), text("record"), message.data["seq"].as_i64().unwrap(), text("verb"), text("from"), text("to"))
}

/// Reads until it stands where the feed ended, leaving and coming back at random.
async fn reader(
    address: SocketAddr,
    member: Member,
    seed: u64,
    ready: Arc<AtomicUsize>,
    lagging: Arc<AtomicUsize>,
    farthest: Arc<AtomicU64>,
    mut done: watch::Receiver<Option<u64>>,
) -> Seen {
    let mut dice = Dice(seed);
    let mut seen = Seen::default();
    let mut last: Option<String> = None;
    loop {
        let query = if last.is_some() { "" } else { "?after=now" };
        let mut stream = match open(address, &member.key, query, last.as_deref()).await {
            Ok(stream) => stream,
            // Two hundred at once on a busy machine: told to come again, and they do.
            Err((429 | 503, _)) => {
                tokio::time::sleep(Duration::from_millis(200 + dice.below(600))).await;
                continue;
            }
            Err(refused) => panic!("{member:?}: {refused:?}"),
        };
        if seen.streams == 0 {
            seen.start = place(&stream.id);
            ready.fetch_add(1, Ordering::SeqCst);
        }
        seen.streams += 1;
        let stay = 50 + dice.below(2_000);
        let mut taken = 0;
        loop {
            let message = tokio::select! {
                message = stream.next() => message,
                // The end is known: go on only as long as the place is not reached.
                _ = done.changed() => continue,
                () = tokio::time::sleep(Duration::from_millis(250)) => {
                    if let Some(end) = *done.borrow() && place(&stream.id).0 > end {
                        return seen;
                    }
                    if dice.below(60) == 0 {
                        break;
                    }
                    continue;
                }
            };
            let Some(message) = message else { break };
            if message.event == "lag" {
                let seconds = message.data["seconds"].as_u64().unwrap();
                if seen.longest_lag_s == 0 && seconds >= 2 {
                    lagging.fetch_add(1, Ordering::SeqCst);
                }
                seen.longest_lag_s = seen.longest_lag_s.max(seconds);
                continue;
            }
            assert_ne!(message.event, "end", "{member:?} was ended: {message:?}");
            if message.data["payload"]["paid"] == 777 {
                seen.saw_long_at.get_or_insert_with(Instant::now);
            }
            assert_eq!(message.data["cursor"], message.id.as_str());
            if (member.tenant, member.role) == (NORDUR, "admin") {
                farthest.fetch_max(place(&message.id).0, Ordering::SeqCst);
            }
            seen.events.push((place(&message.id), row(&message)));
            taken += 1;
            if taken == stay {
                break;
            }
        }
        last = Some(stream.id.clone());
    }
}

/// Orders of a tenant by number, so that each writer has its own.
fn ids(db: &TestDatabase, tenant: Tenant) -> Vec<String> {
    let text = format!("select id from orders.\"order\" where tenant = {} order by reference", tenant.number);
    db.value_as_superuser(&text).lines().map(str::to_owned).collect()
}

fn list(ids: &[&str]) -> String {
    format!("array[{}]::uuid[]", ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", "))
}

async fn bulk(client: &Client, ids: &[&str], verb: &str, input: &str) -> usize {
    let text = format!(
        "select count(*) filter (where outcome = 'moved') from orders_admin.order_bulk({}, '{verb}', '{input}'::jsonb, null, null)",
        list(ids)
    );
    let moved: i64 = client.query_one(&text, &[]).await.unwrap_or_else(|e| panic!("{verb}: {e:?}")).get(0);
    usize::try_from(moved).unwrap()
}

/// Moves its own orders: mostly payments, some handed to another salesperson, some confirmed, some taken back.
async fn writer(world: Arc<World>, share: usize, tenant: Tenant, mine: Vec<String>, reps: Vec<String>, seed: u64, moved: Arc<AtomicUsize>) {
    let client = world.db.as_persona(&Persona::member("orders", tenant, "admin")).await;
    let mut dice = Dice(seed);
    let (mut made, mut turn) = (0, 0);
    // Each of these happens once to a record.
    let (mut handed, mut confirmed) = (0, mine.len() / 2);
    while made < share {
        turn += 1;
        let from = usize::try_from(dice.below((mine.len() - BATCH) as u64)).unwrap();
        let some: Vec<&str> = mine[from..from + BATCH].iter().map(String::as_str).collect();
        let n = match dice.below(12) {
            0 if handed < mine.len() / 2 => {
                handed += 1;
                let to = &reps[usize::try_from(dice.below(reps.len() as u64)).unwrap()];
                bulk(&client, &[&mine[handed - 1]], "hand_over", &format!("{{\"rep\": \"{to}\"}}")).await
            }
            1 if confirmed < mine.len() => {
                confirmed += 1;
                bulk(&client, &[&mine[confirmed - 1]], "confirm", "{}").await
            }
            2 => {
                client.batch_execute("begin").await.unwrap();
                bulk(&client, &some, "receive_payment", "{\"paid\": 1}").await;
                client.batch_execute("rollback").await.unwrap();
                0
            }
            3 => {
                // Several statements in one transaction: it commits after others that began later.
                client.batch_execute("begin").await.unwrap();
                let n = bulk(&client, &some[..5], "receive_payment", "{\"paid\": 2}").await;
                client.query_one("select count(*) from generate_series(1, 100000)", &[]).await.unwrap();
                let n = n + bulk(&client, &some[5..], "receive_payment", "{\"paid\": 3}").await;
                client.batch_execute("commit").await.unwrap();
                n
            }
            _ => bulk(&client, &some, "receive_payment", &format!("{{\"paid\": {turn}}}")).await,
        };
        made += n;
        moved.fetch_add(n, Ordering::SeqCst);
    }
}

/// One move in a transaction that stays open until readers have been told; when it was committed.
async fn long(world: Arc<World>, order: String, begin: impl FnMut() -> bool, mut commit: impl FnMut(u64) -> bool) -> Instant {
    let client = world.db.as_persona(&Persona::member("orders", NORDUR, "admin")).await;
    until("the moves are under way", begin).await;
    client.batch_execute("begin").await.unwrap();
    assert_eq!(bulk(&client, &[&order], "receive_payment", "{\"paid\": 777}").await, 1);
    let own: String = client.query_one("select pg_current_xact_id()::text", &[]).await.unwrap().get(0);
    let own = own.parse().unwrap();
    until("it has been open for long", || commit(own)).await;
    let at = Instant::now();
    client.batch_execute("commit").await.unwrap();
    at
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    let bound = tokio::time::timeout(BOUND, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(bound.await.is_ok(), "not within {BOUND:?}: {what}");
    println!("{what}: {:?}", began.elapsed());
}

struct Run {
    world: Arc<World>,
    members: Vec<Member>,
    seen: Vec<Seen>,
    committed: Instant,
}

/// Everything at once: `moves` of eight writers, a long transaction, and every `nth` member of the crowd as a reader.
async fn run(plant: &str, moves: usize, nth: usize) -> Run {
    let mut settings = Settings::default();
    settings.feed.heartbeat_s = 4;
    let world = Arc::new(World::with(settings).await);
    let all = scene::crowd(&world.db);
    scene::orders(&world.db);
    world.db.psql_as_superuser(plant).ok();
    let members: Vec<Member> = all.iter().step_by(nth).cloned().collect();
    let seed = u64::from(std::process::id()) * 0x9e37_79b9 + 1;
    println!("seed {seed}");

    let (ready, lagging, moved) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let farthest = Arc::new(AtomicU64::new(0));
    let (end, done) = watch::channel(None);
    let reads = |(seed, member): (u64, &Member)| {
        tokio::spawn(reader(world.address, member.clone(), seed, ready.clone(), lagging.clone(), farthest.clone(), done.clone()))
    };
    let readers: Vec<_> = (seed..).zip(&members).map(reads).collect();
    until("everybody reads", || ready.load(Ordering::SeqCst) == members.len()).await;

    let mut writers = Vec::new();
    let mut first = String::new();
    for (tenant, seed) in [(NORDUR, seed ^ 0xa5a5), (BALTYK, seed ^ 0x5a5a)] {
        let mut orders = ids(&world.db, tenant);
        assert_eq!(orders.len(), ORDERS);
        // One a tenant belongs to no writer.
        let one = orders.remove(0);
        if tenant == NORDUR {
            first = one;
        }
        let reps: Vec<String> = all.iter().filter(|m| m.tenant == tenant && m.role == "rep").map(|m| m.id.clone()).collect();
        for (n, mine) in (0u64..).zip(orders.chunks(ORDERS / WRITERS).take(WRITERS)) {
            writers.push(tokio::spawn(writer(
                world.clone(),
                moves / (2 * WRITERS),
                tenant,
                mine.to_vec(),
                reps.clone(),
                seed + n,
                moved.clone(),
            )));
        }
    }
    let committed = {
        let at_first = moved.clone();
        let readers = members.len();
        let planted = !plant.is_empty();
        let told = move |own| {
            // Without a horizon nobody is told: somebody who will see the move has read past it.
            if planted { farthest.load(Ordering::SeqCst) > own } else { lagging.load(Ordering::SeqCst) >= readers / 2 }
        };
        tokio::spawn(long(world.clone(), first, move || at_first.load(Ordering::SeqCst) > moves / 10, told))
    };
    for writer in writers {
        writer.await.unwrap();
    }
    let committed = committed.await.unwrap();
    let last = world.db.value_as_superuser("select max(xid) from statehouse.event").parse().unwrap();
    end.send_replace(Some(last));
    let mut seen = Vec::new();
    for reader in readers {
        seen.push(tokio::time::timeout(BOUND, reader).await.expect("every reader reaches the end").unwrap());
    }
    Run { world, members, seen, committed }
}

/// What happened to records whose sight changed: place and seq of all their events, and at which seq it changed.
struct Changed {
    log: Vec<(Place, i64)>,
    at: i64,
    tenant: i32,
    before: String,
    after: String,
}

/// By record: handed from one salesperson to another, or confirmed and so shown to operations.
fn changed(db: &TestDatabase, verb: &str) -> BTreeMap<String, Changed> {
    let text = format!(
        "select c.record, e.xid, e.n, e.seq, c.seq, case c.verb when 'hand_over' then b.payload ->> 'rep' else '' end, coalesce(c.payload ->> 'rep', ''), c.tenant
           from statehouse.event c join statehouse.event b on (b.tenant, b.entity, b.record, b.seq) = (c.tenant, c.entity, c.record, 1)
           join statehouse.event e on (e.tenant, e.entity, e.record) = (c.tenant, c.entity, c.record)
          where c.verb = '{verb}' order by c.record, e.xid, e.n"
    );
    let mut changed: BTreeMap<String, Changed> = BTreeMap::new();
    for line in db.value_as_superuser(&text).lines() {
        let cell: Vec<&str> = line.split('|').collect();
        let entry = changed.entry(cell[0].to_owned()).or_insert_with(|| Changed {
            log: Vec::new(),
            at: cell[4].parse().unwrap(),
            before: cell[5].to_owned(),
            after: cell[6].to_owned(),
            tenant: cell[7].parse().unwrap(),
        });
        entry.log.push(((cell[1].parse().unwrap(), cell[2].parse().unwrap()), cell[3].parse().unwrap()));
    }
    changed
}

/// What the member's own views show of everything after `start`, by plain SQL in the member's own name.
async fn shown(client: &Client, member: &Member, views: &[(String, String)], start: Place) -> Vec<(Place, Row)> {
    client.query_one("select statehouse.enter($1)", &[&member.key]).await.unwrap();
    let mut all = Vec::new();
    for (view, entity) in views {
        let text = format!(
            "select xid::text, n, record::text, seq::int8, verb, coalesce(from_state, ''), to_state from {view} where (xid, n) > ('{}', {})",
            start.0, start.1
        );
        for r in client.query(&text, &[]).await.unwrap() {
            let place = (r.get::<_, String>(0).parse().unwrap(), r.get(1));
            all.push((place, (entity.clone(), r.get(2), r.get(3), r.get(4), r.get(5), r.get(6))));
        }
    }
    all.sort();
    all
}

/// Everything that is wrong with what the readers saw.
async fn complaints(run: &Run) -> Vec<String> {
    let db = &run.world.db;
    let (handed, confirmed) = (changed(db, "hand_over"), changed(db, "confirm"));
    let client = db.connect("statehouse_api").await;
    let mut wrong = Vec::new();
    for (member, seen) in run.members.iter().zip(&run.seen) {
        let who = format!("{} {}", member.tenant.slug, member.key);
        if !seen.events.is_sorted_by(|a, b| a.0 < b.0) {
            wrong.push(format!("{who}: out of order or twice"));
        }
        let list = format!(
            "select c.oid::regclass, left(c.relname, -8) from pg_class c where c.relnamespace = 'orders_{}'::regnamespace and c.relname like '%\\_history'",
            member.role
        );
        let views: Vec<(String, String)> = db
            .value_as_superuser(&list)
            .lines()
            .map(|line| line.split_once('|').unwrap())
            .map(|(v, e)| (v.to_owned(), e.to_owned()))
            .collect();
        let shown = shown(&client, member, &views, seen.start).await;
        let changed = match member.role {
            "rep" => &handed,
            "ops" => &confirmed,
            _ => &BTreeMap::new(),
        };
        // A record whose sight did not change: exactly what the views show.
        let steady = |rows: &[(Place, Row)]| {
            rows.iter()
                .filter(|(_, row)| changed.get(&row.1).is_none_or(|c| !c.before.is_empty() && c.before == c.after))
                .cloned()
                .collect::<BTreeSet<_>>()
        };
        let (expected, got) = (steady(&shown), steady(&seen.events));
        if let Some(missing) = expected.difference(&got).next() {
            wrong.push(format!("{who}: {} missing, such as {missing:?}", expected.difference(&got).count()));
        }
        if let Some(beyond) = got.difference(&expected).next() {
            wrong.push(format!("{who}: {} beyond sight, such as {beyond:?}", got.difference(&expected).count()));
        }
        for (record, change) in changed.iter().filter(|(_, c)| c.before.is_empty() || c.before != c.after) {
            wrong.extend(change_seen(member, seen, record, change).map(|what| format!("{who}: {record} {what}")));
        }
    }
    wrong
}

/// Sight is that of the moment of reading. So who gained a record has seen everything from the change on, and perhaps
/// some of what came before, without a hole; who lost it has seen an unbroken beginning, and nothing from the change on;
/// anybody else has seen nothing.
fn change_seen(member: &Member, seen: &Seen, record: &str, change: &Changed) -> Option<String> {
    let got: Vec<i64> = seen.events.iter().filter(|(_, row)| row.1 == record).map(|(_, row)| row.2).collect();
    let log: Vec<i64> = change.log.iter().filter(|(place, _)| *place > seen.start).map(|(_, seq)| *seq).collect();
    let gains = if member.role == "ops" { change.tenant == member.tenant.number } else { change.after == member.id };
    if gains {
        let from = log.iter().position(|seq| *seq == change.at).unwrap_or(0);
        let fits = got.len() >= log.len() - from && log.ends_with(&got);
        return (!fits).then(|| format!("missing after it was gained at {}: {got:?} of {log:?}", change.at));
    }
    if change.before == member.id {
        let fits = log.starts_with(&got) && got.iter().all(|seq| *seq < change.at);
        return (!fits).then(|| format!("beyond sight after it was lost at {}: {got:?} of {log:?}", change.at));
    }
    (!got.is_empty()).then(|| format!("beyond sight: {got:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_readers_see_what_their_views_show() {
    let began = Instant::now();
    let run = run("", 20_000, 1).await;
    let ran = began.elapsed();
    assert_eq!(run.members.len(), 200);
    let wrong = complaints(&run).await;
    assert!(wrong.is_empty(), "{} complaints\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    let (streams, events): (usize, usize) = run.seen.iter().fold((0, 0), |(s, e), seen| (s + seen.streams, e + seen.events.len()));
    println!("{events} events over {streams} streams in {ran:?}; compared in {:?}", began.elapsed() - ran);
    assert!(streams > 400, "only {streams} streams: nobody left and came back");
    assert!(run.seen.iter().filter(|seen| seen.longest_lag_s >= 2).count() >= 100);
    // The long transaction's own move: seen by every administrator of its tenant, by nobody before it was committed.
    let long: Vec<Instant> = run.seen.iter().filter_map(|seen| seen.saw_long_at).collect();
    assert!(long.len() >= 10 && long.iter().all(|at| *at >= run.committed), "{} saw it", long.len());
    for (verb, least) in [("hand_over", 50), ("confirm", 50)] {
        assert!(changed(&run.world.db, verb).len() > least, "few records changed sight by `{verb}`");
    }
}

/// The same oracle, over a reader that goes on from the last place it saw and asks no horizon.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_without_a_horizon_is_caught() {
    let plant = "create or replace function statehouse.feed_horizon() returns xid8 language sql stable parallel restricted return pg_snapshot_xmax(pg_current_snapshot())";
    let run = run(plant, 3_000, 5).await;
    let wrong = complaints(&run).await;
    assert!(wrong.iter().any(|what| what.contains("missing")), "nothing was missed: {wrong:?}");
    assert!(!wrong.iter().any(|what| what.contains("beyond sight")), "{wrong:?}");
}
