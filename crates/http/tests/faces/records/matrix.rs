//! The law over HTTP is the law over SQL: the same verdicts, and of twins that moved, one each way, the same events.

use std::collections::BTreeMap;

use serde_json::Value;
use statehouse_testkit::orders::{Kind, Wanted, persona};
use statehouse_testkit::people::{NORDUR, Persona};
use statehouse_testkit::{Cluster, app, orders};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::scene::{count, fire, order};
use crate::world::World;

const MATRIX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/data/orders_matrix.csv");
const PEOPLE: [&str; 5] = ["client", "rep", "admin", "ops", "broker"];
const REASON: &str = "{\"cancel_reason\":\"no longer wanted\"}";

fn cells() -> Vec<[String; 6]> {
    let text = std::fs::read_to_string(MATRIX).expect("the table");
    let cells: Vec<[String; 6]> =
        text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>().try_into().expect("six cells")).collect();
    cells.into_iter().filter(|cell| PEOPLE.contains(&cell[2].as_str())).collect()
}

/// What SQL says to a verb, undone: `moved`, `0 rows`, or the code with the sentence.
async fn by_sql(client: &Client, who: &Persona, id: &str, verb: &str, input: Option<&str>) -> (String, String) {
    let input = input.map_or("null".into(), |input| format!("'{input}'::jsonb"));
    let update = format!("update {}.\"order\" set fire = '{verb}', input = {input} where id = '{id}'", who.schema);
    client.batch_execute("begin").await.expect("a transaction");
    let answer = client.simple_query(&update).await;
    client.batch_execute("rollback").await.expect("undone");
    match answer {
        Ok(messages) => match messages.last() {
            Some(SimpleQueryMessage::CommandComplete(0)) => ("SH1002".into(), String::new()),
            _ => ("moved".into(), String::new()),
        },
        Err(fault) => {
            let error = fault.as_db_error().expect("an answer");
            (format!("SH{}", &error.code().code()[1..]), error.message().to_owned())
        }
    }
}

fn verbs() -> Vec<(String, Option<String>, bool)> {
    let loaded = statehouse_definition::load(&app::folder("orders")).app.expect("the app");
    let transitions = &loaded.entities["order"].transitions;
    transitions.iter().map(|(verb, one)| (verb.clone(), one.to.clone(), one.input.contains_key("cancel_reason"))).collect()
}

/// Every state, verb and role: what SQL refuses, HTTP refuses with the same code and sentence; what is written by hand
/// as moved is open, and nothing else that changes the state is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verdict_is_the_same() {
    let world = super::scene::world("http_matrix").await;
    let mut by_hand: BTreeMap<(String, String, String), Vec<(String, String)>> = BTreeMap::new();
    for [from, to, role, outcome, via, fixture] in cells() {
        if outcome == "moved" {
            by_hand.entry((fixture, from, role)).or_default().push((via, to));
        }
    }
    let before = (count(&world, "statehouse.event"), count(&world, "statehouse.effect"));
    let (mut asked, mut open, mut found) = (0, 0, BTreeMap::new());
    let states: Vec<String> =
        cells().into_iter().map(|cell| cell[0].clone()).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    for role in PEOPLE {
        let who = persona(NORDUR, role);
        let client = world.db.as_persona(&who).await;
        for fixture in ["mixed", "print_only"] {
            for state in &states {
                let Some(id) = Some(order(&world, &format!("{fixture}/{state}"))).filter(|id| !id.is_empty()) else { continue };
                for (verb, to, reasoned) in verbs() {
                    let input = reasoned.then_some(REASON);
                    let (code, said) = by_sql(&client, &who, &id, &verb, input).await;
                    asked += 1;
                    if code == "moved" {
                        open += 1;
                        if let Some(to) = to {
                            found.entry((fixture.to_owned(), state.clone(), role.to_owned())).or_insert_with(Vec::new).push((verb, to));
                        }
                        continue;
                    }
                    let answer = fire(&world, &who, &id, &verb, &[], input).await;
                    assert_eq!(answer.code(), code, "{fixture}/{state} {verb} by {role}: {:?}", answer.body);
                    if code != "SH1002" {
                        assert_eq!(answer.body["detail"], said.as_str(), "{fixture}/{state} {verb} by {role}");
                    }
                }
            }
        }
    }
    assert!(asked > 2_000 && open > 40, "{asked} asked, {open} open");
    assert_eq!(before, (count(&world, "statehouse.event"), count(&world, "statehouse.effect")), "a refused move left something");
    // What the table says moved is among what is open, verb by verb.
    for (cell, moves) in &by_hand {
        for one in moves {
            assert!(found.get(cell).is_some_and(|open| open.contains(one)), "{cell:?} {one:?} is written as moved: {:?}", found.get(cell));
        }
    }
    // And what is open is in the table, for the kind of order on which the table tries it.
    for ((fixture, state, role), moves) in &found {
        for (verb, to) in moves {
            let written =
                by_hand.iter().any(|((_, from, by), all)| from == state && by == role && all.contains(&(verb.clone(), to.clone())));
            assert!(written, "{fixture}/{state} {verb} by {role} is open, and the table knows nothing of it");
        }
    }
}

fn twins() -> Vec<(String, [String; 6])> {
    let moved = cells().into_iter().filter(|cell| cell[3] == "moved");
    moved.map(|cell| (format!("{}/{}/{}/{}", cell[5], cell[0], cell[1], cell[2]), cell)).collect()
}

async fn two_of_each() -> World {
    let cluster = Cluster::shared();
    let template = cluster.template("orders_twins", |db| {
        app::build(cluster, db, &app::folder(orders::APP));
        orders::client(db, NORDUR, "Klettur", 1_000_000_000_000);
        let mut wanted = Vec::new();
        for (title, cell) in twins() {
            let kind = if cell[5] == "mixed" { Kind::Mixed } else { Kind::PrintOnly };
            wanted.extend(["sql", "http"].map(|way| Wanted { title: format!("{title}/{way}"), kind, state: cell[0].clone() }));
        }
        orders::make(db, NORDUR, &wanted);
    });
    World::over(cluster.database_from(&template, "twins"), statehouse_http::Settings::default()).await
}

/// The last event of a record as bytes, without what tells one record from its twin.
fn last_event(world: &World, id: &str) -> String {
    world.db.value_as_superuser(&format!(
        "select concat_ws('|', e.entity, e.seq, e.at, e.verb, e.from_state, e.to_state, e.actor, e.kind, coalesce(e.cause, '-'), e.definition, e.payload::text, encode(e.payload_hash, 'hex'))
           from statehouse.event e where e.record = '{id}' order by e.seq desc limit 1"
    ))
}

/// What the record owes, without its own reference.
fn owed(world: &World, id: &str) -> String {
    world.db.value_as_superuser(&format!(
        "select coalesce((select string_agg(concat_ws('|', f.seq, f.n, f.verb, f.connector, f.action, f.version, f.class, (f.args - 'order')::text, f.state, f.due_at), '/' order by f.seq, f.n) from statehouse.effect f where f.record = '{id}'), '-')
             || coalesce((select string_agg(concat_ws('|', t.verb, t.seq, t.due_at), '/' order by t.verb) from statehouse.timer t where t.record = '{id}'), '-')"
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twins_leave_the_same_event() {
    let world = two_of_each().await;
    let mut compared = 0;
    for (title, [from, to, role, _, via, _]) in twins() {
        let who = persona(NORDUR, &role);
        let input = via.starts_with("cancel").then_some(REASON);
        let (mine, twin) = (order(&world, &format!("{title}/sql")), order(&world, &format!("{title}/http")));
        let given = input.map_or("null".into(), |input| format!("'{input}'::jsonb"));
        let update = format!("update {}.\"order\" set fire = '{via}', input = {given} where id = '{mine}'", who.schema);
        world.db.psql_as(&who, &update).ok();
        let answer = fire(&world, &who, &twin, &via, &[], input).await;
        assert_eq!((answer.status, &answer.body["state"]), (200, &Value::from(to.as_str())), "{from} {via} by {role}: {:?}", answer.body);
        let events = (last_event(&world, &mine), last_event(&world, &twin));
        assert!(events.0.contains(&format!("|{via}|{from}|{to}|")), "{}", events.0);
        assert_eq!(events.0, events.1, "{from} {via} by {role}");
        assert_eq!(owed(&world, &mine), owed(&world, &twin), "{from} {via} by {role}");
        compared += 1;
    }
    assert_eq!(compared, 30, "every cell of a member that is written as moved");
}

/// The comparison sees a difference of one byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twins_that_differ_are_told_apart() {
    let world = two_of_each().await;
    let title = "mixed/quoted/cancelled/rep";
    let (mine, twin) = (order(&world, &format!("{title}/sql")), order(&world, &format!("{title}/http")));
    let who = persona(NORDUR, "rep");
    let update = format!(
        "update orders_rep.\"order\" set fire = 'cancel', input = '{{\"cancel_reason\":\"No longer wanted\"}}' where id = '{mine}'"
    );
    world.db.psql_as(&who, &update).ok();
    assert_eq!(fire(&world, &who, &twin, "cancel", &[], Some(REASON)).await.status, 200);
    assert_ne!(last_event(&world, &mine), last_event(&world, &twin));
}
