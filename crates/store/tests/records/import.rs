//! What files become.

use statehouse_store::import::{RuleImport, Source, import_rules, record_id};

use crate::world;

fn source(name: &str, text: &str) -> Source {
    Source { name: name.into(), text: text.into() }
}

#[tokio::test]
async fn a_second_import_changes_nothing() {
    let world = world::full("import_twice").await;
    let before: (i64, i64) = counts(&world).await;
    let files = ["nordur/orders.csv", "nordur/orders.lines.csv", "nordur/orders.json"];
    let report = world::bring(&world.place, &world.app, "order", &files).await;
    assert_eq!((report.added, report.present, report.bad.len()), (0, 189, 0));
    assert_eq!(counts(&world).await, before);
    assert_eq!(world.admin_value::<i64>("select count(*) from orders.order_lines").await, 604, "lines in both files of nordur");
}

async fn counts(world: &world::World) -> (i64, i64) {
    (world.admin_value("select count(*) from statehouse.event").await, world.admin_value("select count(*) from orders.\"order\"").await)
}

#[tokio::test]
async fn timers_are_armed_and_nothing_goes_out() {
    let world = world::full("import_owed").await;
    assert_eq!(world.admin_value::<i64>("select count(*) from statehouse.effect").await, 0);
    let armed = "select count(*) from statehouse.timer where verb = 'nudge_admin'";
    assert_eq!(world.admin_value::<i64>(armed).await, 189);
    let kinds = "select string_agg(distinct kind || ' ' || verb, ', ' order by kind || ' ' || verb) from statehouse.event";
    assert_eq!(world.admin_value::<String>(kinds).await, "import edited, import imported");
}

#[tokio::test]
async fn bad_cells_are_named_and_nothing_is_written() {
    let world = world::full("import_bad").await;
    let before = counts(&world).await;
    let orders = "key,client,rep,title,discount_pct,colour\n\
                  a,klettur-bilar,birkir@nordur.example,Fine,0,\n\
                  b,nobody-at-all,birkir@nordur.example,No such client,0,\n\
                  c,klettur-bilar,nobody@nordur.example,\"No such\nmember\",0,\n\
                  d,klettur-bilar,birkir@nordur.example,Discount,a lot,\n\
                  e,klettur-bilar,birkir@nordur.example,,0,\n\
                  a,klettur-bilar,birkir@nordur.example,Twice,0,\n\
                  f,klettur-bilar,birkir@nordur.example,Colour,0,red\n\
                  g,klettur-bilar,birkir@nordur.example,Discount above,140,\n";
    let lines = "order,vertical,description,quantity\n\
                 a,print,Fine,2\n\
                 a,paint,No such kind,2\n\
                 z,print,No such order,2\n\
                 g,print,Nothing of it,1\n";
    let sources = [source("o.csv", orders), source("o.lines.csv", lines)];
    let report = world::bring_text(&world.place, &world.app, "order", &sources).await;
    let said: Vec<String> = report.bad.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "o.csv:3:2: no client has the key `nobody-at-all`",
            "o.csv:4:3: `nobody@nordur.example` is no member of this tenant",
            "o.csv:6:5: `discount_pct` cannot be `a lot`",
            "o.csv:7:0: the row has no `title`",
            "o.csv:8:1: the key `a` stands twice",
            "o.csv:9:6: there is no field `colour`",
            "o.lines.csv:3:2: `vertical` cannot be `paint`",
            "o.lines.csv:4:1: no order has the key `z`",
        ]
    );
    assert_eq!(counts(&world).await, before);
}

#[tokio::test]
async fn what_only_postgres_knows_is_named_by_its_row() {
    let world = world::full("import_refused").await;
    let clients = "key,name,lang,phone,country\none,One,is,+3545550001,IS\ntwo,Two,is,+3545550002,Iceland\nthree,Three,is,+3545550003,IS\n";
    let report = world::bring_text(&world.place, &world.app, "client", &[source("c.csv", clients)]).await;
    assert_eq!(report.bad.len(), 1);
    assert_eq!(report.bad[0].to_string(), "c.csv:3:0: the values break `client_country_holds`");
    assert_eq!(world.admin_value::<i64>("select count(*) from orders.client where name in ('One', 'Three')").await, 0);
}

#[tokio::test]
async fn a_record_enters_in_the_middle_with_its_timer() {
    let world = world::full("import_middle").await;
    let orders = r#"[{"key": "mid", "client": "klettur-bilar", "rep": "birkir@nordur.example", "title": "In customs already", "state": "customs",
      "entered_at": "2026-11-01T08:00:00Z", "tracking": "1Z999",
      "lines": [{"vertical": "print", "description": "Cards", "quantity": 10, "imported": true}]}]"#;
    let report = world::bring_text(&world.place, &world.app, "order", &[source("m.json", orders)]).await;
    assert_eq!((report.added, report.children, report.bad.len()), (1, 1, 0));
    let id = record_id("nordur", "orders", "order", "mid");
    let row = world.admin().await;
    let row = row
        .query_one(
            "select o.state, t.verb, t.due_at = '2026-11-06 08:00:00Z', o.gross from orders.\"order\" o
               join statehouse.timer t on t.record = o.id where o.id = $1",
            &[&id],
        )
        .await
        .unwrap();
    let found: (String, String, bool, i64) = (row.get(0), row.get(1), row.get(2), row.get(3));
    // 9,500 + 10 × 131.25 = 10,812.5 → 10,813; with 24 % added 13,408.
    assert_eq!(found, ("customs".into(), "escalate_customs".into(), true, 13_408));
}

#[tokio::test]
async fn a_tenants_own_prices_are_added_once_and_never_changed() {
    let world = world::empty("import_rules").await;
    let rules = RuleImport { app: &world.app, table: "tariff", tenant: "baltyk" };
    let mut admin = world.admin().await;
    let again = import_rules(&mut admin, rules, &world::read("baltyk/tariff.csv")).await.unwrap();
    assert_eq!((again.added, again.present, again.bad.len()), (0, 1, 0));
    let header = "item,amount,valid_from,source,checked_on\n";
    let other = source("t.csv", &format!("{header}handling,5000,2026-01-01,x,2026-11-20\nprint_setup,99,2026-01-01,x,2026-11-20\n"));
    let refused = import_rules(&mut admin, rules, &other).await.unwrap();
    assert_eq!(refused.bad[0].to_string(), "t.csv:3:0: another row with other values begins on this day");
    assert_eq!(world.admin_value::<i64>("select count(*) from orders.tariff where tenant is not null").await, 1, "all or nothing");
}
