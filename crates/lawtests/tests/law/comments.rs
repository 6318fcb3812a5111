//! Comments: an ordinary entity, whose rows are seen with the order they speak of.

use statehouse_testkit::people::{BALTYK, NORDUR, Persona};

use crate::attacks::ask;
use crate::world;

#[tokio::test]
async fn a_comment_is_seen_with_its_order_and_by_the_client_if_shared() {
    let db = world::fresh("comments");
    let rep = Persona::member("orders", NORDUR, "rep");
    let say = |shared: bool, text: &str, title: &str| {
        format!(
            "insert into orders_rep.comment (\"order\", text, shared, mentions) select id, '{text}', {shared}, '[]' from orders_rep.\"order\" where title = '{title}'"
        )
    };
    let client = db.as_persona(&rep).await;
    for (shared, text, title) in
        [(true, "ready on Friday", "mixed/quoted"), (false, "margin is thin", "mixed/quoted"), (true, "on its way", "mixed/shipped")]
    {
        assert_eq!(ask(&client, &say(shared, text, title)).await, "1 rows");
    }
    // Of an order that is not seen nobody says anything.
    let theirs = db.value_as_superuser("select id from orders.\"order\" where title = 'theirs'");
    let unseen = format!("insert into orders_rep.comment (\"order\", text, shared, mentions) values ('{theirs}', 'mine', true, '[]')");
    assert_eq!(ask(&client, &unseen).await, "S4020");
    // In the name of another.
    let ops = Persona::member("orders", NORDUR, "ops").id();
    let forged = say(true, "signed by ops", "mixed/quoted")
        .replace("(\"order\",", "(author, \"order\",")
        .replace("select id,", &format!("select '{ops}', id,"));
    assert_eq!(ask(&client, &forged).await, "42501");
    for (who, seen) in [
        (rep, "margin is thin,on its way,ready on Friday"),
        (Persona::second("orders", NORDUR, "rep"), ""),
        (Persona::member("orders", NORDUR, "client"), "on its way,ready on Friday"),
        (Persona::second("orders", NORDUR, "client"), ""),
        (Persona::member("orders", NORDUR, "ops"), "on its way"),
        (Persona::member("orders", NORDUR, "admin"), "margin is thin,on its way,ready on Friday"),
        (Persona::member("orders", BALTYK, "admin"), ""),
    ] {
        let look = format!("select coalesce(string_agg(text, ',' order by text), '') from {}.comment", who.schema);
        assert_eq!(ask(&db.as_persona(&who).await, &look).await, seen, "{who:?}");
    }
    let client = db.as_persona(&Persona::member("orders", NORDUR, "client")).await;
    assert_eq!(ask(&client, "select author from orders_client.comment").await, "42703");
    assert_eq!(ask(&client, "select count(*) from orders_client.comment_history where payload ?| '{author,mentions}'").await, "0");
    assert_eq!(ask(&client, "update orders_client.comment set fire = 'withdraw'").await, "S4003");
    // What is withdrawn the client sees no more; only its author withdraws it.
    let rep = db.as_persona(&Persona::member("orders", NORDUR, "rep")).await;
    let ops = db.as_persona(&Persona::member("orders", NORDUR, "ops")).await;
    assert_eq!(ask(&ops, "update orders_ops.comment set fire = 'withdraw' where text = 'on its way'").await, "S4004");
    assert_eq!(ask(&rep, "update orders_rep.comment set fire = 'withdraw' where text = 'on its way'").await, "1 rows");
    assert_eq!(ask(&client, "select string_agg(text, ',') from orders_client.comment").await, "ready on Friday");
    // Without its protection the client reads what is not shared.
    db.psql_as_superuser("alter policy client_sees on orders.comment using (tenant = (select statehouse.tenant_as('orders', 'client')))")
        .ok();
    assert_eq!(ask(&client, "select count(*) from orders_client.comment").await, "3");
}
