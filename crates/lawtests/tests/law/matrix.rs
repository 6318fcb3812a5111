//! Every role tries to write every state onto an order in every state; the expectations are a table written by hand.

use std::collections::BTreeMap;

use statehouse_testkit::app::{self, NOON, set_clock};
use statehouse_testkit::orders::{Kind, Wanted, persona};
use statehouse_testkit::people::NORDUR;
use statehouse_testkit::{Cluster, TestDatabase, orders};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::ledger;

const MATRIX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/data/orders_matrix.csv");
/// After every quote of the template has run out.
const LATER: &str = "2026-12-20 12:00:00+00";

#[derive(Debug)]
struct Cell {
    from: String,
    to: String,
    role: String,
    outcome: String,
    via: String,
    fixture: String,
}

impl Cell {
    /// Whose record is tried: one of its own if it will be spent, else the one of its kind and state.
    fn title(&self) -> String {
        if self.outcome == "moved" {
            format!("{}/{}/{}/{}", self.fixture, self.from, self.to, self.role)
        } else {
            format!("{}/{}", self.fixture, self.from)
        }
    }
}

fn cells() -> Vec<Cell> {
    let text = std::fs::read_to_string(MATRIX).unwrap();
    let cells: Vec<Cell> = text
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split(',').map(str::to_owned);
            let mut next = || cells.next().unwrap();
            Cell { from: next(), to: next(), role: next(), outcome: next(), via: next(), fixture: next() }
        })
        .collect();
    assert_eq!(cells.len(), 13 * 13 * 9);
    cells
}

/// A database with a record for every cell.
fn database(cells: &[Cell]) -> TestDatabase {
    let cluster = Cluster::shared();
    let template = cluster.template("orders_matrix", |db| {
        app::build(cluster, db, &app::folder(orders::APP));
        orders::client(db, NORDUR, "Klettur", 1_000_000_000_000);
        let mut wanted = BTreeMap::new();
        for cell in cells {
            let kind = if cell.fixture == "mixed" { Kind::Mixed } else { Kind::PrintOnly };
            wanted.insert(cell.title(), Wanted { title: cell.title(), kind, state: cell.from.clone() });
        }
        orders::make(db, NORDUR, &wanted.into_values().collect::<Vec<_>>());
    });
    cluster.database_from(&template, "matrix")
}

/// What the tables hold about the record, and how many keys there are.
async fn standing(superuser: &Client, title: &str) -> (String, i64, i64, Option<String>) {
    let row = superuser
        .query_one(
            "select md5(concat_ws('/', o::text,
                      (select string_agg(l::text, '/' order by l.position) from orders.order_lines l where l.\"order\" = o.id),
                      (select string_agg(t::text, '/' order by t.verb) from statehouse.timer t where t.record = o.id))),
                    (select count(*) from statehouse.event e where e.record = o.id),
                    (select count(*) from statehouse.effect f where f.record = o.id) + 1000 * (select count(*) from statehouse.key),
                    (select e.verb || ' ' || e.from_state || ' ' || e.to_state from statehouse.event e where e.record = o.id order by e.seq desc limit 1)
               from orders.\"order\" o where o.title = $1",
            &[&title],
        )
        .await
        .unwrap();
    (row.get(0), row.get(1), row.get(2), row.get(3))
}

/// Tries one cell and leaves the move standing only where it was expected.
async fn attempt(client: &Client, schema: &str, cell: &Cell) -> String {
    let input = if cell.via.starts_with("cancel") { ", cancel_reason = 'no longer wanted'" } else { "" };
    let update = format!("update {schema}.\"order\" set state = '{}'{input} where title = '{}'", cell.to, cell.title());
    client.batch_execute("begin").await.unwrap();
    let outcome = match client.simple_query(&update).await {
        Ok(messages) => match messages.last() {
            Some(SimpleQueryMessage::CommandComplete(0)) => "0 rows".into(),
            Some(SimpleQueryMessage::CommandComplete(1)) => "moved".into(),
            other => format!("{other:?}"),
        },
        Err(fault) => match fault.code().map(|code| code.code().to_owned()) {
            Some(code) if code.starts_with('S') => format!("SH{}", &code[1..]),
            code => format!("{code:?}"),
        },
    };
    let unexpected_move = outcome == "moved" && cell.outcome != "moved";
    client.batch_execute(if unexpected_move { "rollback" } else { "commit" }).await.unwrap();
    outcome
}

/// Whoever holds a link comes to each record by a link of its own, made by the salesperson.
async fn follow_link(maker: &Client, holder: &Client, cell: &Cell) {
    let link = format!(
        "select token from statehouse.link_make('accept_quote', (select id from orders_rep.\"order\" where title = '{}'))",
        cell.title()
    );
    let token: String = maker.query_one(&link, &[]).await.unwrap().get(0);
    holder.query_one("select statehouse.link_enter($1)", &[&token]).await.unwrap();
}

/// Tries every cell; what differs from the table, one line each.
async fn differences(db: &TestDatabase, cells: &[Cell]) -> Vec<String> {
    let superuser = db.connect_as_superuser().await;
    let mut differences = Vec::new();
    let mut clients = BTreeMap::new();
    let maker = db.as_persona(&persona(NORDUR, "rep")).await;
    for cell in cells {
        let who = persona(NORDUR, &cell.role);
        if !clients.contains_key(&cell.role) {
            let client = if cell.role == "guest" { db.connect(who.login).await } else { db.as_persona(&who).await };
            clients.insert(cell.role.clone(), client);
        }
        if cell.role == "guest" {
            follow_link(&maker, &clients[&cell.role], cell).await;
        }
        if cell.via == "lapse" {
            set_clock(db, LATER);
        }
        let before = standing(&superuser, &cell.title()).await;
        let outcome = attempt(&clients[&cell.role], &who.schema, cell).await;
        let after = standing(&superuser, &cell.title()).await;
        if cell.via == "lapse" {
            set_clock(db, NOON);
        }
        let name = format!("{} → {} by {}", cell.from, cell.to, cell.role);
        if outcome != cell.outcome {
            differences.push(format!("{name}: expected {}, was {outcome}", cell.outcome));
        } else if outcome == "moved" {
            let event = format!("{} {} {}", cell.via, cell.from, cell.to);
            if after.1 != before.1 + 1 || after.3.as_deref() != Some(event.as_str()) || !(0..=1).contains(&(after.2 - before.2)) {
                differences.push(format!("{name}: expected one event `{event}`: {before:?} became {after:?}"));
            }
        } else if after != before {
            differences.push(format!("{name}: {outcome}, yet something was written: {before:?} became {after:?}"));
        }
    }
    differences
}

#[tokio::test]
async fn every_cell_is_as_written_by_hand() {
    let cells = cells();
    let count = |outcome: &str| cells.iter().filter(|cell| cell.outcome == outcome).count();
    assert_eq!((count("moved"), count("0 rows"), count("SH4007")), (37, 309, 1175));
    let db = database(&cells);
    let differences = differences(&db, &cells).await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(ledger::contradictions(&db, "orders.order"), "");
    assert_eq!(ledger::stray_effects(&db), "0");
}

/// Without the verdict nothing moves as it should.
#[tokio::test]
async fn the_matrix_notices_a_missing_verdict() {
    let cells = cells();
    let db = database(&cells);
    db.psql_as_superuser("drop trigger law_4_verdict on orders.\"order\"").ok();
    let moved: Vec<Cell> = cells.into_iter().filter(|cell| cell.outcome == "moved").collect();
    assert_eq!(differences(&db, &moved).await.len(), moved.len());
}

/// A verb opened to one role too many shows in that role's cell, and nowhere else.
#[tokio::test]
async fn the_matrix_notices_a_widened_verb() {
    let cells = cells();
    let db = database(&cells);
    db.psql_as_superuser(
        "do $$ declare f regproc; t text; begin
           foreach f in array array['orders.order_verdict', 'orders.order_verbs']::regproc[] loop
             t := replace(pg_get_functiondef(f), $q$role_ in ('client', 'rep')$q$, $q$role_ in ('client', 'rep', 'admin')$q$);
             assert t <> pg_get_functiondef(f), f;
             execute t;
           end loop; end $$",
    )
    .ok();
    let quoted: Vec<Cell> = cells.into_iter().filter(|cell| cell.from == "quoted").collect();
    assert_eq!(differences(&db, &quoted).await, ["quoted → accepted by admin: expected SH4007, was moved"]);
}
