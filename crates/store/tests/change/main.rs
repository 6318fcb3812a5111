//! A definition changes while the orders it is about are being moved: a state renamed, another split.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use statehouse_compile::plan::{Branch, Many, Mapping, One, Target};
use statehouse_definition::{App, SourceFile, read, sources};
use statehouse_store::Place;
use statehouse_store::apply::{apply, apply_now, propose};
use statehouse_testkit::{Cluster, TestDatabase};

/// Orders that stand in the states that go away, and those that do not.
const ORDERS: usize = 100_000;
/// People who ship orders all the while.
const CALLERS: usize = 4;
/// Nobody may wait longer than this for one move.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The orders app with `edits` made to the text of its order.
fn orders(edits: &[(&str, &str)]) -> App {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/orders");
    let (files, findings) = sources(&folder);
    assert!(findings.is_empty(), "{findings:#?}");
    let edited: Vec<SourceFile> = files
        .into_iter()
        .map(|file| match file.path.ends_with("order.yaml") {
            true => SourceFile { text: edits.iter().fold(file.text.clone(), |text, (old, new)| text.replace(old, new)), ..file },
            false => file,
        })
        .collect();
    let loaded = read(&edited);
    loaded.app.unwrap_or_else(|| panic!("{:#?}", loaded.findings))
}

/// `sourcing` becomes `buying`; `production` becomes `printing` and, for what is urgent, `rush`.
fn changed() -> App {
    orders(&[
        ("'sourcing'", "'buying'"),
        ("sourcing", "buying"),
        ("'production'", "'printing', 'rush'"),
        ("to: production", "to: printing"),
        ("      production: [", "      rush: [ship_to, note, tracking]\n      printing: ["),
        ("  production:       {", "  rush: { owner: ops, may_wait: forever }\n  printing:       {"),
        ("buying, production", "buying, printing, rush"),
        ("priority:      {", "priority:      {"),
    ])
}

fn mapping() -> Mapping {
    let split = vec![Branch { when: Some("priority = 'urgent'".into()), to: "rush".into() }, Branch { when: None, to: "printing".into() }];
    let moves = BTreeMap::from([
        ("sourcing".to_owned(), Target::One(One { to: "buying".into() })),
        ("production".to_owned(), Target::Many(Many { split })),
    ]);
    Mapping(BTreeMap::from([("order".to_owned(), moves)]))
}

const PEOPLE: &str = "
insert into statehouse.tenant (slug, name) values ('nordur', 'Norður');
insert into statehouse.member (member, name) values ('00000000-0000-7000-8000-000000000001', 'Sigrún');
insert into statehouse.membership (tenant, member, app, role) values (1, '00000000-0000-7000-8000-000000000001', 'orders', 'ops');
insert into statehouse.session (token_hash, tenant, actor, role, kind, app, expires)
values (sha256('ops'), 1, '00000000-0000-7000-8000-000000000001', 'ops', 'member', 'orders', now() + interval '1 day');
begin;
select statehouse.open_door(row(0, 1, '00000000-0000-0000-0000-000000000000', 'system', 'import', 'orders', '{}', null)::statehouse.context);
insert into orders.client (name, lang, phone) values ('Klettur', 'is', '+3545550100');
commit;
";

/// Imported as they stand, by the owner's law, a thousand in a transaction.
fn import(db: &TestDatabase) {
    db.psql_as_superuser(PEOPLE).ok();
    let mut script = String::new();
    for first in (0..ORDERS).step_by(1000) {
        script.push_str(&format!(
            "begin;
select statehouse.open_door(row(0, 1, '00000000-0000-0000-0000-000000000000', 'system', 'import', 'orders', '{{}}', null)::statehouse.context);
insert into orders.\"order\" (client, rep, title, priority, state)
select (select id from orders.client), '00000000-0000-7000-8000-000000000001', 'Order ' || g,
       case when g % 3 = 0 then 'urgent' else 'normal' end, case g % 4 when 0 then 'production' when 1 then 'confirmed' else 'sourcing' end
from generate_series({}, {}) g;
commit;
",
            first + 1,
            first + 1000
        ));
    }
    db.psql_as_superuser(&script).ok();
    db.psql_as_superuser("analyze").ok();
}

/// What one person saw while shipping.
#[derive(Default)]
struct Saw {
    moved: usize,
    conflicts: usize,
    refused: Vec<String>,
    longest: Duration,
}

/// Ships order after order; a conflict is tried again, anything else is a refusal of a legal move.
async fn ship(db: Arc<TestDatabase>, mine: Vec<String>, over: Arc<AtomicBool>, moves: Arc<AtomicUsize>) -> Saw {
    let client = db.connect("statehouse_api").await;
    client.batch_execute("set statehouse.session = 'ops'").await.expect("a session");
    let statement = "update orders_ops.\"order\" set fire = 'ship', input = '{\"tracking\": \"1Z999AA10123456784\"}' where reference = $1";
    let mut saw = Saw::default();
    for reference in mine {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let began = Instant::now();
        loop {
            match client.execute(statement, &[&reference]).await {
                Ok(1) => {
                    saw.moved += 1;
                    moves.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                Ok(rows) => {
                    saw.refused.push(format!("{reference}: {rows} rows"));
                    break;
                }
                Err(error) if error.code().is_some_and(|code| ["40001", "40P01"].contains(&code.code())) => saw.conflicts += 1,
                Err(error) => {
                    saw.refused.push(format!("{reference}: {}", error.as_db_error().map_or(error.to_string(), ToString::to_string)));
                    break;
                }
            }
        }
        saw.longest = saw.longest.max(began.elapsed());
    }
    saw
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_is_renamed_and_another_split_while_orders_move() {
    let db = Arc::new(Cluster::shared().database("change"));
    let place = Place::parse(&db.url("postgres")).expect("a URL");
    apply_now(&place, &orders(&[]), &Mapping::default(), &[]).await.expect("applied");
    import(&db);
    let references = db.value_as_superuser("select string_agg(reference, ' ' order by n) from (select reference, row_number() over (order by id) % 97 as n from orders.\"order\" where state <> 'confirmed') o");
    let references: Vec<String> = references.split_whitespace().map(str::to_owned).collect();
    assert_eq!(references.len(), ORDERS / 4 * 3);

    let (over, moves) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let mine = references.iter().skip(caller).step_by(CALLERS).cloned().collect();
            tokio::spawn(ship(Arc::clone(&db), mine, Arc::clone(&over), Arc::clone(&moves)))
        })
        .collect();
    reached(&moves, 200).await;

    let app = changed();
    let proposal = propose(&place, &app, &mapping()).await.expect("proposed");
    let before = moves.load(Ordering::Relaxed);
    let began = Instant::now();
    let applied = apply(&place, &app, &proposal, &[]).await.expect("applied");
    let took = began.elapsed();
    let during = moves.load(Ordering::Relaxed) - before;
    reached(&moves, before + during + 200).await;
    over.store(true, Ordering::Relaxed);

    let mut total = Saw::default();
    for caller in callers {
        let saw = caller.await.expect("a caller");
        total.moved += saw.moved;
        total.conflicts += saw.conflicts;
        total.longest = total.longest.max(saw.longest);
        total.refused.extend(saw.refused);
    }
    println!(
        "applied in {took:?}: {} records migrated, {during} moves meanwhile, {} conflicts tried again, longest wait {:?}",
        applied.migrated, total.conflicts, total.longest
    );
    assert_eq!(total.refused, Vec::<String>::new(), "a legal move was refused");
    assert!(during > 0, "nothing was moved while the definition changed");
    assert!(total.longest <= LONGEST_WAIT, "somebody waited {:?}", total.longest);
    assert!(applied.migrated > 0);
    standing(&db, total.moved);
    assert!(!propose(&place, &app, &Mapping::default()).await.expect("proposed").has_changes(), "a second plan finds changes");
}

/// Every order stands where the mapping or its own move took it, and every step of the way is an event.
fn standing(db: &TestDatabase, shipped: usize) {
    let one = |statement: &str| db.value_as_superuser(statement);
    assert_eq!(one("select count(*) from orders.\"order\" where state in ('sourcing', 'production')"), "0");
    assert_eq!(one("select count(*) from orders.\"order\" where state = 'shipped'"), shipped.to_string());
    assert_eq!(
        one(
            "select count(*) from orders.\"order\" where state = 'rush' and priority <> 'urgent' or state = 'printing' and priority = 'urgent'"
        ),
        "0"
    );
    assert_eq!(
        one("select count(*) from orders.\"order\" where state in ('confirmed', 'buying', 'printing', 'rush')"),
        (ORDERS - shipped).to_string()
    );
    assert_eq!(
        one(
            "select count(*) from orders.\"order\" o where o.version <> (select count(*) from statehouse.event e where e.tenant = o.tenant and e.entity = 'orders.order' and e.record = o.id)"
        ),
        "0"
    );
    assert_eq!(one("select count(*) from statehouse.event where verb = 'ship'"), shipped.to_string());
    assert_eq!(one("select count(*) from statehouse.effect where verb = 'ship'"), shipped.to_string());
}

async fn reached(moves: &AtomicUsize, wanted: usize) {
    let began = Instant::now();
    while moves.load(Ordering::Relaxed) < wanted {
        assert!(began.elapsed() < Duration::from_secs(60), "the callers stand still");
        tokio::task::yield_now().await;
    }
}
