//! Whoever fills in a form makes one record of its fields, and sees nothing.

use statehouse_testkit::TestDatabase;
use tokio_postgres::Client;

use super::{Who, ask, attack, hold, never, patched};
use crate::world;

const FORM: Who = Who::Form("inquiry_form");
const SENT: &str = "insert into orders_visitor.request (name, phone, wanted, message) values ('Jón', '+3545550199', 'print', 'Leaflets')";

fn enter(address: &str, key: &str) -> String {
    format!("select statehouse.form_enter('orders', 'inquiry_form', 'nordur', '{address}', {key}) is not null")
}

/// A connection on which a form is open, after somebody else has sent one.
pub async fn visitor(db: &TestDatabase, form: &str) -> Client {
    let other = db.connect("statehouse_api").await;
    let client = db.connect("statehouse_api").await;
    for (client, address) in
        [(&other, "'192.0.2.' || floor(random() * 250)::text"), (&client, "'198.51.100.' || floor(random() * 250)::text")]
    {
        client.query_one(&format!("select statehouse.form_enter('orders', '{form}', 'nordur', {address})"), &[]).await.unwrap();
    }
    other.batch_execute(SENT).await.unwrap();
    client
}

#[tokio::test]
async fn a_form_shows_nothing() {
    let any = |table: &str, policy: &str| format!("alter policy {policy} on orders.{table} using (true)");
    hold(vec![
        attack("what others sent", FORM, "select count(*) from orders_visitor.request", "0", &any("request", "visitor_sees"), "*"),
        attack(
            "what others sent, as a salesperson",
            FORM,
            "select count(*) from orders_rep.request",
            "0",
            &any("request", "rep_sees"),
            "*",
        ),
        attack("orders", FORM, "select count(*) from orders_rep.\"order\"", "0", &any("\"order\"", "rep_sees"), "*"),
        attack("what a link opens", FORM, "select count(*) from orders_guest.\"order\"", "0", &any("\"order\"", "guest_sees"), "*"),
        never(
            "what it has written",
            FORM,
            &format!("{SENT}; select count(*) from orders_visitor.request"),
            "S2002",
            "sight and session both end",
        ),
        never("who takes it", FORM, "select taken_by from orders_visitor.request", "42703", "the view has no such column"),
        never("what happened to it", FORM, "select count(*) from orders_visitor.request_history", "42P01", "there is no such view"),
    ])
    .await;
}

#[tokio::test]
async fn a_form_makes_one_record_of_its_fields() {
    let spent = "create or replace function statehouse.spend(c statehouse.context, wanted_entity text) returns void language plpgsql as 'begin end'";
    let two = SENT.replace("values ", "values ('Ari', '+3545550198', 'auto', 'Brakes'), ");
    hold(vec![
        attack("two, one after the other", FORM, &format!("{SENT}; {SENT}"), "S2002", spent, "1 rows"),
        attack("two at once", FORM, &two, "S2002", spent, "2 rows"),
        never(
            "a state",
            FORM,
            &SENT.replace("(name,", "(state, name,").replace("('Jón'", "('done', 'Jón'"),
            "42501",
            "the grant and the law both refuse it",
        ),
        never(
            "who takes it",
            FORM,
            &SENT.replace("(name,", "(taken_by, name,").replace("('Jón'", "(gen_random_uuid(), 'Jón'"),
            "42703",
            "the view has no such column",
        ),
        never("a move", FORM, "update orders_visitor.request set fire = 'take'", "55000", "there is no door for it"),
        never(
            "an order",
            FORM,
            "insert into orders_rep.\"order\" (title) values ('mine')",
            "S2006",
            "the door, its grants and the law all refuse it",
        ),
        never("a link", FORM, "select statehouse.link_make('track', '{theirs}')", "S6303", "maker and sight both refuse it"),
    ])
    .await;
}

/// A form is for its own entity, whatever else its role could make.
#[tokio::test]
async fn a_form_is_for_its_own_entity() {
    let db = world::fresh("other");
    let client = visitor(&db, "inquiry_form").await;
    db.psql_as_superuser("update statehouse.session set entity = 'order' where kind = 'anonymous'").ok();
    assert_eq!(ask(&client, SENT).await, "S2006");
    db.psql_as_superuser(&patched("statehouse.spend(statehouse.context,text)", " and s.entity = wanted_entity", "")).ok();
    assert_eq!(ask(&client, SENT).await, "1 rows", "without its protection");
}

#[tokio::test]
async fn an_unknown_form_is_told_nothing() {
    let db = world::fresh("forms");
    let client = db.connect("statehouse_api").await;
    for (app, form, tenant) in [
        ("orders", "inquiry", "nordur"),
        ("orders", "inquiry_form", "sudur"),
        ("hall", "inquiry_form", "nordur"),
        ("statehouse", "inquiry_form", "nordur"),
        ("orders", "accept_quote", "nordur"),
    ] {
        assert_eq!(
            ask(&client, &format!("select statehouse.form_enter('{app}', '{form}', '{tenant}', '192.0.2.1')")).await,
            "S6304",
            "{app}/{form}/{tenant}"
        );
    }
    db.psql_as_superuser("update statehouse.tenant set suspended_at = now() where slug = 'nordur'").ok();
    assert_eq!(ask(&client, &enter("192.0.2.1", "null")).await, "S6304");
}

/// Five an hour from one address, two hundred a day in all; who sends too often uses up nothing of the others'.
#[tokio::test]
async fn a_form_is_counted_by_address_and_in_all() {
    let db = world::fresh("counted");
    let client = db.connect("statehouse_api").await;
    for _ in 0..5 {
        assert_eq!(ask(&client, &enter("192.0.2.1", "null")).await, "t");
    }
    for _ in 0..3 {
        assert_eq!(ask(&client, &enter("192.0.2.1", "null")).await, "S6305");
    }
    let count = "select n from statehouse.form_count where who = ''";
    assert_eq!(db.value_as_superuser(count), "5");
    statehouse_testkit::app::set_clock(&db, "2026-11-20 13:00:00+00");
    assert_eq!(ask(&client, &enter("192.0.2.1", "null")).await, "t", "another hour");
    let many = "select count(statehouse.form_enter('orders', 'inquiry_form', 'nordur', '2001:db8::' || n)) from generate_series(1, 194) n";
    assert_eq!(ask(&client, many).await, "194");
    assert_eq!(ask(&client, &enter("203.0.113.9", "null")).await, "S6305");
    assert_eq!(
        ask(&client, "select statehouse.form_enter('orders', 'inquiry_form', 'baltyk', '203.0.113.9') is not null").await,
        "t",
        "another tenant"
    );
    let rows: i64 = db.value_as_superuser("select count(*) from statehouse.form_count where tenant = 1").parse().unwrap();
    assert!(rows <= 201, "{rows} rows");
    assert_eq!(
        db.value_as_superuser(
            "select count(*) from statehouse.form_count where encode(who, 'escape') like '%192.0.2%' or length(who) not in (0, 32)"
        ),
        "0"
    );
    statehouse_testkit::app::set_clock(&db, "2026-11-23 09:00:00+00");
    assert_eq!(ask(&client, &enter("203.0.113.9", "null")).await, "t", "another day");
    assert_eq!(db.value_as_superuser("select count(*) from statehouse.form_count where tenant = 1"), "2", "what is past is gone");
    db.psql_as_superuser(&patched("statehouse.count_form(int,text,text,bytea,text,int)", " where f.n < most", "")).ok();
    assert_eq!(ask(&client, &many.replace("194", "300")).await, "300", "without its protection");
}

/// The same form sent twice under one key, as a browser does that was told nothing, makes one record.
#[tokio::test]
async fn a_key_writes_once() {
    let db = world::fresh("keyed");
    let sent = SENT.replace("(name,", "(key, name,").replace("('Jón'", "('k-1', 'Jón'");
    let client = db.connect("statehouse_api").await;
    for (key, rows) in [("'k-1'", "1"), ("'k-1'", "1"), ("'k-2'", "2")] {
        assert_eq!(ask(&client, &enter("192.0.2.7", key)).await, "t");
        let sent = sent.replace("'k-1'", key);
        assert_eq!(ask(&client, &sent).await, "1 rows");
        assert_eq!(db.value_as_superuser("select count(*) from orders.request"), rows);
    }
    // Another text under the same key is another request.
    assert_eq!(ask(&client, &enter("192.0.2.7", "'k-1'")).await, "t");
    assert_eq!(ask(&client, &sent.replace("Leaflets", "Posters")).await, "S4018");
    // Without the key each sending is a record.
    assert_eq!(ask(&client, &enter("192.0.2.7", "null")).await, "t");
    assert_eq!(ask(&client, SENT).await, "1 rows");
    assert_eq!(db.value_as_superuser("select count(*) from orders.request"), "3");
}
