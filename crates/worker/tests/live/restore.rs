//! A backup that is brought back holds all that was due in it, whatever kind it is of, until somebody lets it go.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use statehouse_sandbox::Wish;
use statehouse_store::record::{Session, enter};
use statehouse_store::{Db, Login, Place, held};
use statehouse_testkit::Cluster;
use statehouse_testkit::people::NORDUR;
use statehouse_worker::Worker;

use crate::messages::{address, comes};
use crate::receiver::{HOST, Receiver};
use crate::world::{World, admin};

const HOUR: Duration = Duration::from_secs(3600);
const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// One of each kind is due in a backup that was brought back: an effect, a message, a timer, a time of a schedule, a poll.
/// Every move that follows from one of them has something sent. The third is the address of the source. `before` is run in the
/// copy before a worker comes to it.
async fn restored(before: &str) -> (World, Worker, String) {
    let world = World::new().await;
    let origin = world.worker("origin").await;
    let token = address(&world, "customs").await;
    world.parcels(&["told", "asked", "timed"]);
    origin.turn().await.expect("a turn");
    world.notes(&["owed"], "tell_q");
    comes(&world, &token, "m1", "declaration.cleared", json!({ "order": "told", "mrn": "MRN1" })).await;
    let with = json!({ "order": "asked", "account": "nordur" });
    world.sandbox.hook(Wish { drop: true, ..Wish::new("customs", "declaration.cleared", with) }).await.expect("it happens");
    drop(origin);
    let copy = Cluster::shared().restored(&world.db, "restored");
    let world = world.over(copy).await;
    world.ask(before).await;
    world.wait(49 * HOUR).await;
    let worker = world.worker("after").await;
    (world, worker, token)
}

fn parcels(world: &World) -> String {
    let stands = "select string_agg(code || ' ' || state || ' ' || reminded, ', ' order by code) from outward_admin.parcel";
    world.db.value_as(&admin(NORDUR), stands)
}

/// What was done at the providers: first at the one that is asked before anything is sent again.
fn sent(world: &World) -> Vec<String> {
    world
        .sends("q")
        .into_iter()
        .chain(world.sends("k"))
        .filter(|line| line.effect)
        .map(|line| line.body["what"].as_str().unwrap_or("?").to_owned())
        .collect()
}

async fn turns(worker: &Worker) {
    for _ in 0..3 {
        worker.turn().await.expect("a turn");
    }
}

async fn keeper(world: &World) -> (Db, Session) {
    let db = Db::open(&Place::parse(&world.db.url("postgres")).expect("a place"), Login::Api, 2).expect("a pool");
    let session = enter(&db, &admin(NORDUR).key.expect("a key")).await.expect("a session");
    (db, session)
}

async fn kinds(db: &Db, session: &Session) -> Vec<String> {
    let page = held::list(db, session, None, None, 200).await.expect("a page");
    let mut kinds: Vec<String> = page.iter().map(|one| one["kind"].as_str().expect("a kind").to_owned()).collect();
    kinds.sort();
    kinds
}

/// The one held thing of a kind, about this.
async fn find(db: &Db, session: &Session, kind: &str, about: &str) -> String {
    let page = held::list(db, session, Some(kind), None, 200).await.expect("a page");
    let ids: Vec<String> = page.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).filter(|id| id.contains(about)).collect();
    assert_eq!(ids.len(), 1, "{page:?}");
    ids[0].clone()
}

async fn record(world: &World, code: &str) -> String {
    world.ask(&format!("select id from outward.parcel where code = '{code}'")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_does_nothing_by_itself() {
    let (world, worker, token) = restored("select 1").await;
    let before = parcels(&world);
    for _ in 0..6 {
        turns(&worker).await;
        world.wait(12 * HOUR).await;
    }
    assert_eq!((sent(&world), parcels(&world)), (Vec::new(), before), "nothing moves and nothing is sent");
    let (db, keeper) = keeper(&world).await;
    // The source was asked, as that only looks; what it said is held with the rest.
    assert_eq!(
        kinds(&db, &keeper).await,
        ["effect", "message", "message", "schedule", "source", "timer", "timer", "timer"],
        "one of each is told"
    );

    // What people do from now on goes on as ever: its effects, its timers, its messages.
    world.notes(&["mine"], "tell_k");
    world.parcels(&["new", "newer"]);
    comes(&world, &token, "m2", "declaration.cleared", json!({ "order": "newer", "mrn": "MRN2" })).await;
    turns(&worker).await;
    // They go out side by side, so either may be the first.
    let mut of_now = sent(&world);
    of_now.sort();
    assert_eq!(of_now, ["mine", "newer cleared"]);
    world.wait(49 * HOUR).await;
    turns(&worker).await;
    assert_eq!(sent(&world)[2..], ["new lost"]);

    // One let go is one let go, and to say it twice does it once.
    let timed = format!("timer:{}:lose", record(&world, "timed").await);
    for (id, then) in [
        (find(&db, &keeper, "message", &world.ask("select id from statehouse.message where key = 'm1'").await).await, "told cleared"),
        (
            find(&db, &keeper, "message", &world.ask("select id from statehouse.message where coverage = 'polled'").await).await,
            "asked cleared",
        ),
        (timed, "timed lost"),
    ] {
        assert_eq!(held::release(&db, &keeper, std::slice::from_ref(&id)).await.expect("an answer"), std::slice::from_ref(&id));
        assert!(held::release(&db, &keeper, std::slice::from_ref(&id)).await.expect("an answer").is_empty(), "{id} twice");
        turns(&worker).await;
        assert_eq!(sent(&world).last().map(String::as_str), Some(then), "{id}");
    }
    let owed = find(&db, &keeper, "effect", "").await;
    assert_eq!(held::release(&db, &keeper, &[owed]).await.expect("an answer").len(), 1);
    turns(&worker).await;
    assert_eq!((sent(&world)[0].as_str(), sent(&world).len()), ("owed", 7), "asked about, and then sent");
    // Then all the rest: the schedule makes up for what it missed once, as it says.
    world.parcels(&["last"]);
    let left = kinds(&db, &keeper).await;
    assert_eq!(left, ["schedule", "source"], "the other timers went with their records' moves");
    assert_eq!(held::release_some(&db, &keeper, None).await.expect("an answer"), 2);
    assert_eq!(held::release_some(&db, &keeper, None).await.expect("an answer"), 0);
    turns(&worker).await;
    assert_eq!(sent(&world)[7..], ["last"], "reminded once");
    assert!(kinds(&db, &keeper).await.is_empty());
}

/// Where it is not noticed that another epoch begins, every kind of thing goes on by itself, and it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_nobody_notices_acts() {
    let unnoticed = r"do $$ begin execute replace(pg_get_functiondef('statehouse.greet_worker'::regproc), 'was not in ('''', home) or was <> '''' and not kept', 'was is null'); end $$";
    let (world, worker, _) = restored(unnoticed).await;
    turns(&worker).await;
    let found = sent(&world);
    assert!(found.contains(&"owed".to_owned()) && found.iter().any(|what| what.ends_with("lost")), "{found:?}");
    assert_ne!(world.ask("select count(*) from statehouse.slot where state = 'done'").await, "0", "the schedule fired");
    assert_ne!(world.ask("select count(*) from statehouse.message where settled_at is not null").await, "0", "messages were looked at");
}

/// A backup, and what was done since it was made: an effect was sent, and a message and a timer moved their parcels. The
/// worker that did so, and the time of the backup, are over.
async fn done_since() -> (World, Vec<u8>) {
    let world = World::new().await;
    let worker = world.worker("one").await;
    let token = address(&world, "customs").await;
    world.parcels(&["told", "timed"]);
    turns(&worker).await;
    world.notes(&["owed"], "tell_q");
    comes(&world, &token, "m1", "declaration.cleared", json!({ "order": "told", "mrn": "MRN1" })).await;
    let backup = Cluster::shared().backup(&world.db);
    // In this order, or the timer of the one that is told would ring as well.
    turns(&worker).await;
    world.wait(49 * HOUR).await;
    turns(&worker).await;
    let mut done = sent(&world);
    done.sort();
    assert_eq!(done, ["owed", "timed lost", "told cleared"]);
    (world, backup)
}

/// All rows go, and those of the backup come into the same tables.
async fn rows_alone(world: &World, backup: &[u8]) {
    let empty = r"do $$ begin
        set local session_replication_role = replica;
        execute (select 'truncate ' || string_agg(format('%I.%I', n.nspname, c.relname), ', ')
                   from pg_class c join pg_namespace n on n.oid = c.relnamespace
                  where n.nspname in ('statehouse', 'outward') and c.relkind in ('r', 'p') and not c.relispartition);
      end $$";
    world.ask(empty).await;
    Cluster::shared().bring_back(&world.db, backup, &["--data-only", "--disable-triggers"]);
}

/// The backup comes back into the database it was made of, on the server that never stopped: nothing of it is done again.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_brought_back_where_it_was_made_does_nothing_by_itself() {
    for clean in [true, false] {
        let (world, backup) = done_since().await;
        let was = world.ask("select statehouse.home()").await;
        match clean {
            true => Cluster::shared().bring_back(&world.db, &backup, &["--clean", "--if-exists"]),
            false => rows_alone(&world, &backup).await,
        }
        assert_eq!(world.ask("select statehouse.home()").await == was, !clean, "tables that were made anew are others");
        let claim = "select statehouse.claim_messages('w', array['outward'], 10, '1 minute');";
        let refused = world.db.psql("statehouse_worker", claim);
        assert!(refused.stderr.contains("SH7025"), "nobody has greeted it: {}", refused.stderr);
        world.wait(49 * HOUR).await;
        let worker = world.worker("after").await;
        turns(&worker).await;
        assert_eq!(sent(&world).len(), 3, "clean: {clean}: {:?}", sent(&world));
        assert_eq!(parcels(&world), "timed sent 0, told sent 0", "clean: {clean}");
        let (db, keeper) = keeper(&world).await;
        let held = kinds(&db, &keeper).await;
        for kind in ["effect", "message", "timer"] {
            assert!(held.contains(&kind.to_owned()), "clean: {clean}: {kind} is not held: {held:?}");
        }
        // It is noticed once: who greets it after that is at home, whatever tidies the rows.
        world.ask("vacuum (freeze) statehouse.setting").await;
        world.ask("vacuum (full) statehouse.setting").await;
        let again = world.worker("again").await;
        turns(&again).await;
        assert_eq!(world.ask("select value from statehouse.setting where name = 'epoch'").await, "2");
    }
}

/// The same where the copy is taken for what it is a copy of: all of it is done again.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_passes_for_the_original_does_all_of_it_again() {
    for clean in [true, false] {
        let (world, backup) = done_since().await;
        match clean {
            true => Cluster::shared().bring_back(&world.db, &backup, &["--clean", "--if-exists"]),
            false => rows_alone(&world, &backup).await,
        }
        world.ask("update statehouse.setting set value = statehouse.home() || ' ' || statehouse.run() where name = 'home'").await;
        world
            .ask("update statehouse.setting set value = (select xmin::text from statehouse.setting where name = 'home') where name = 'home_written'")
            .await;
        let worker = world.worker("after").await;
        turns(&worker).await;
        world.wait(49 * HOUR).await;
        turns(&worker).await;
        let owed = sent(&world).iter().filter(|what| *what == "owed").count();
        assert_eq!((owed, parcels(&world).as_str()), (2, "timed lost 0, told cleared 0"), "clean: {clean}");
    }
}

/// Before anybody has greeted the database where it is now, nothing at all is claimed or moved.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_there_before_does_nothing_either() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    let token = address(&world, "customs").await;
    world.parcels(&["a"]);
    comes(&world, &token, "m1", "declaration.cleared", json!({ "order": "a", "mrn": "MRN1" })).await;
    world.wait(49 * HOUR).await;
    // As if another database had taken the place of the one this worker knows.
    world.ask("update statehouse.setting set value = 'elsewhere' where name = 'home'").await;
    let refused = worker.turn().await.expect_err("nobody has greeted it");
    assert_eq!(refused.fault().code.code, "SH7025");
    for call in [
        "statehouse.claim_messages('w', array['outward'], 10, '1 minute')",
        "statehouse.ring_timer(array['outward'])",
        "statehouse.claim_slot('w', array['outward'], '1 minute')",
        "statehouse.claim_poll('w', '[[\"outward\", \"customs\"]]', '1 minute')",
        "statehouse.claim_deliveries('w', 10, '1 minute')",
        "statehouse.mark_sending('w', '[]')",
        "statehouse.enter_for('timer', 1, 'outward')",
    ] {
        let run = world.db.psql("statehouse_worker", &format!("select * from {call};"));
        assert!(run.stderr.contains("SH7025"), "{call}: {}", run.stderr);
    }
    assert_eq!(parcels(&world), "a sent 0");
}

/// What happened before the restore is told to subscribers when somebody lets it go; what happens since, at once.
#[tokio::test(flavor = "multi_thread")]
async fn subscribers_are_told_what_happens_since() {
    let mut world = World::new().await;
    let receiver = Receiver::start().await;
    world.settings.webhooks.master_secret = MASTER.into();
    world.network = Arc::new(receiver.clone());
    world.roots = Some(receiver.roots.clone());
    let origin = world.worker("origin").await;
    let note = |world: &World, title: &str| {
        world.db.psql_as(&admin(NORDUR), &format!("insert into outward_admin.note (title) values ('{title}');")).ok();
    };
    let subscribe = format!("select id from statehouse.subscribe('ours', 'https://{HOST}/in', array['note.*'])");
    assert!(!world.db.value_as(&admin(NORDUR), &subscribe).is_empty());
    drop(origin);
    note(&world, "before");
    let copy = Cluster::shared().restored(&world.db, "restored");
    let world = world.over(copy).await;
    let worker = world.worker("after").await;
    world.wait(HOUR).await;
    note(&world, "since");
    let told = |receiver: &Receiver| -> Vec<String> {
        let body = |came: &crate::receiver::Came| serde_json::from_slice::<serde_json::Value>(&came.body).expect("JSON");
        receiver.came().iter().map(|came| body(came)["data"]["payload"]["title"].as_str().unwrap_or("?").to_owned()).collect()
    };
    let until = async |calls: usize| {
        for _ in 0..2000 {
            worker.turn().await.expect("a turn");
            if receiver.came().len() >= calls {
                break;
            }
        }
        turns(&worker).await;
    };
    until(1).await;
    assert_eq!(told(&receiver), ["since"]);
    let (db, keeper) = keeper(&world).await;
    let id = find(&db, &keeper, "delivery", "msg_").await;
    assert_eq!(held::release(&db, &keeper, &[id]).await.expect("an answer").len(), 1);
    until(2).await;
    assert_eq!(told(&receiver), ["since", "before"]);
}
