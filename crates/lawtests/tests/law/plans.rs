//! What EXPLAIN ANALYZE tells: rows that a filter threw away are counted, so rows of others must not be looked at.

use statehouse_testkit::TestDatabase;
use statehouse_testkit::people::{NORDUR, Persona};
use tokio_postgres::Client;

use crate::attacks::ask;
use crate::world;

/// Records of another tenant, many more than the first has of anything.
const STRANGERS: i64 = 4000;

/// A second tenant of some size; the first has the orders in every state.
fn crowded() -> TestDatabase {
    let db = world::fresh("crowded");
    let door = r#"{"session": 0, "tenant": 2, "actor": "00000000-0000-0000-0000-000000000000", "role": "system", "kind": "import", "app": "orders", "capabilities": []}"#;
    db.psql_as_superuser(&format!(
        "begin;
         select statehouse.open_door(jsonb_populate_record(null::statehouse.context,
           '{door}'));
         insert into orders.client (name, phone, rep) select 'one of many', '+3545550100', (select rep from orders.client where tenant = 2 limit 1) from generate_series(1, {STRANGERS});
         insert into orders.\"order\" (client, rep, title, state) select c.id, c.rep, 'one of many', 'inquiry' from orders.client c where c.tenant = 2;
         insert into orders.order_lines (\"order\", vertical, description) select o.id, 'print', 'one of many' from orders.\"order\" o where o.tenant = 2;
         insert into orders.settlement (rep, month) select (select rep from orders.client where tenant = 2 limit 1), d from generate_series('1700-01-01'::date, '2020-01-01', '1 month') d;
         commit;
         analyze"
    ))
    .ok();
    db
}

/// The views of a persona and the first column of each.
async fn views(client: &Client, schema: &str) -> Vec<(String, String)> {
    let rows = client
        .query(
            "select c.relname::text, a.attname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum = 1
              where c.relnamespace = to_regnamespace($1) and c.relkind = 'v' order by 1",
            &[&schema],
        )
        .await
        .unwrap();
    rows.iter().map(|row| (format!("{schema}.\"{}\"", row.get::<_, String>(0)), row.get(1))).collect()
}

/// The greatest number of rows that one node of the plan read or threw away, and the plan.
async fn most(client: &Client, sql: &str) -> (i64, String) {
    let explained = client.simple_query(&format!("explain (analyze, timing off, summary off) {sql}")).await.unwrap();
    let mut plan = String::new();
    for message in &explained {
        if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
            plan.push_str(row.get(0).unwrap_or_default());
            plan.push('\n');
        }
    }
    // `(actual rows=22 loops=1)` and `Rows Removed by Filter: 3`.
    let number = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<i64>().ok();
    let after = |mark: &'static str| plan.split(mark).skip(1).filter_map(&number).collect::<Vec<_>>();
    let read = after("actual rows=");
    let removed = ["Filter: ", "Recheck: "].iter().flat_map(|mark| after(mark));
    (read.into_iter().chain(removed).max().unwrap_or_default(), plan)
}

#[tokio::test]
async fn no_row_of_another_tenant_is_counted() {
    let db = crowded();
    let own: i64 = db
        .value_as_superuser(
            "select greatest((select count(*) from orders.\"order\" where tenant = 1), (select count(*) from orders.order_lines where tenant = 1),
                             (select count(*) from statehouse.event where tenant = 1))",
        )
        .parse()
        .unwrap();
    assert!(own < STRANGERS / 2, "else this proves nothing");
    let mut surprises = Vec::new();
    let mut asked = 0;
    for role in ["admin", "rep", "client", "ops", "broker"] {
        let persona = Persona::member("orders", NORDUR, role);
        let client = db.as_persona(&persona).await;
        for (view, column) in views(&client, &persona.schema).await {
            let theirs = db.value_as_superuser("select id from orders.\"order\" where tenant = 2 limit 1");
            let statement = format!("select * from {view} where {column} = '{theirs}'");
            asked += 1;
            let (most, plan) = most(&client, &statement).await;
            if most > own {
                surprises.push(format!("{statement}: {most} rows, the tenant has {own}\n{plan}"));
            }
        }
    }
    assert!(asked >= 15, "{asked} statements");
    assert!(surprises.is_empty(), "{} surprises\n{}", surprises.len(), surprises.join("\n"));
}

/// What remains: a caller who forbids the index has the whole table counted. How many, never who or what.
#[tokio::test]
async fn the_size_of_the_table_is_not_hidden() {
    let db = crowded();
    let client = db.as_persona(&Persona::member("orders", NORDUR, "admin")).await;
    client.batch_execute("set enable_indexscan = off; set enable_bitmapscan = off; set enable_indexonlyscan = off").await.unwrap();
    let (most, plan) = most(&client, "select * from orders_admin.\"order\" where title = 'one of many'").await;
    assert!(most >= STRANGERS, "hidden by now; say so in docs/law.md\n{plan}");
    let catalog = "select reltuples::bigint from pg_class where oid = 'orders_admin.\"order\"'::regclass";
    assert!(ask(&client, catalog).await.parse::<i64>().is_ok());
}
