//! Whoever holds a link sees one record and fires what the link is for, until it ends.

use statehouse_testkit::TestDatabase;
use statehouse_testkit::app::{NOON, set_clock};
use tokio_postgres::Client;

use super::{Who, ask, attack, hold, never, nordur, patched};
use crate::world;

/// A connection that came by a link, and nothing else.
pub async fn holder(db: &TestDatabase, purpose: &str, title: &str) -> Client {
    let token = token(db, purpose, title, "null").await;
    let client = db.connect("statehouse_api").await;
    client.query_one("select statehouse.link_enter($1)", &[&token]).await.unwrap();
    client
}

/// The token of a new link, made by the salesperson of `nordur`.
async fn token(db: &TestDatabase, purpose: &str, title: &str, uses: &str) -> String {
    let Who::Persona(rep) = nordur("rep") else { unreachable!() };
    let maker = db.as_persona(&rep).await;
    let make = format!(
        "select token from statehouse.link_make('{purpose}', (select id from orders_rep.\"order\" where title = '{title}'), {uses})"
    );
    maker.query_one(&make, &[]).await.unwrap().get(0)
}

const QUOTED: Who = Who::Link("accept_quote", "mixed/quoted");
const TRACKED: Who = Who::Link("track", "mixed/quoted");
/// The holder's rule without the record.
const ANY_RECORD: &str = "alter policy guest_sees on orders.\"order\" using (tenant = (select statehouse.tenant_as('orders', 'guest')))";
const ANY_MAKER: &str = "create or replace function statehouse.may_link(c statehouse.context, terms statehouse.link_terms) returns boolean language sql as 'select true'";

fn accept_for_any_purpose() -> String {
    let purpose = "role_ = 'guest' and current_setting('statehouse.capabilities')::text[] && '{link.accept_quote}'::text[]";
    let asked = "role_ = 'guest' and capabilities_ && '{link.accept_quote}'::text[]";
    patched("orders.order_verdict()", purpose, "role_ = 'guest'")
        + &patched("orders.order_verbs(text,text,text,text,text[])", asked, "role_ = 'guest'")
}

#[tokio::test]
async fn a_link_opens_one_record() {
    let look = |from: &str, what: &str| format!("select count(distinct {what}) from orders_guest.{from}");
    hold(vec![
        attack("all orders", QUOTED, &look("\"order\"", "id"), "1", ANY_RECORD, "*"),
        attack("all lines", QUOTED, &look("order_lines", "\"order\""), "1", ANY_RECORD, "*"),
        attack("all histories", QUOTED, &look("order_history", "record"), "1", ANY_RECORD, "*"),
        attack(
            "a move of another order",
            QUOTED,
            "update orders_guest.\"order\" set fire = 'accept' where id = '{theirs}'",
            "0 rows",
            ANY_RECORD,
            "S2005", // the door asks for the record once more
        ),
        attack(
            "the view of a salesperson",
            QUOTED,
            "select count(*) from orders_rep.\"order\"",
            "0",
            "alter policy rep_sees on orders.\"order\" using (true)",
            "*",
        ),
        attack(
            "clients",
            QUOTED,
            "select count(*) from orders_client.client",
            "0",
            "alter policy client_sees on orders.client using (true)",
            "*",
        ),
        never("its own view of clients", QUOTED, "select count(*) from orders_guest.client", "42P01", "there is no such view"),
        never("the commission", QUOTED, "select commission from orders_guest.\"order\"", "42703", "the view has no such column"),
        never("an edit", QUOTED, "update orders_guest.\"order\" set title = 'mine'", "42501", "the grant and the law both refuse it"),
        never("many at once", QUOTED, "select orders_guest.order_bulk('{}', 'accept')", "42883", "the role has no such door"),
        never(
            "a claim to another record",
            QUOTED,
            "update orders_guest.\"order\" set seen_by = null",
            "42501",
            "the grant and the door both refuse it",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_link_is_for_its_purpose() {
    let cancel = "role_ in ('rep', 'admin')";
    hold(vec![
        attack(
            "another verb",
            QUOTED,
            "update orders_guest.\"order\" set fire = 'cancel', input = '{\"cancel_reason\": \"mine\"}'",
            "S4003",
            &patched("orders.order_verdict()", cancel, "true"),
            "1 rows",
        ),
        attack(
            "a verb of another purpose",
            TRACKED,
            "update orders_guest.\"order\" set fire = 'accept'",
            "S4003",
            &accept_for_any_purpose(),
            "1 rows",
        ),
        attack(
            "the state it leads to",
            TRACKED,
            "update orders_guest.\"order\" set state = 'accepted'",
            "S4007",
            &accept_for_any_purpose(),
            "1 rows",
        ),
        attack(
            "a link of its own",
            QUOTED,
            "select statehouse.link_make('track', id) is not null from orders_guest.\"order\"",
            "S6303",
            ANY_MAKER,
            "23503", // a link is made by somebody who belongs to the tenant
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_link_is_made_by_who_may_and_sees() {
    let forever = "select expires <= statehouse.now() + interval '14 days' from statehouse.link_make('accept_quote', (select id from orders_rep.\"order\" where title = 'mixed/quoted'), null, interval '10 years')";
    hold(vec![
        attack(
            "to an unseen order",
            nordur("rep"),
            "select link is not null from statehouse.link_make('accept_quote', '{theirs}')",
            "S1002",
            "create or replace function statehouse.sees(c statehouse.context, entity text, record uuid) returns boolean language sql as 'select true'",
            "t",
        ),
        never("to no order", nordur("rep"), "select statehouse.link_make('accept_quote', gen_random_uuid())", "S1002", "it reads as one that is not seen"),
        never("to another tenant's", nordur("rep"), "select statehouse.link_make('accept_quote', '{other order}')", "S1002", "sight and tenant both refuse it"),
        attack(
            "by another role",
            nordur("ops"),
            "select link is not null from statehouse.link_make('accept_quote', (select id from orders_ops.\"order\" limit 1))",
            "S6303",
            ANY_MAKER,
            "t",
        ),
        never("for nothing declared", nordur("rep"), "select statehouse.link_make('admin', '{theirs}')", "S6302", "there is nothing it could be for"),
        attack("for longer than declared", nordur("rep"), forever, "t", &patched("statehouse.link_make(text,uuid,int,interval)", "least(wanted_lasts, terms.lasts)", "wanted_lasts"), "f"),
        never("without a session", Who::Login("statehouse_api"), "select statehouse.link_make('track', '{theirs}')", "S2001", "there is nobody who makes it"),
    ])
    .await;
}

/// What the holder of `token` is told, whole: a difference would tell ended links from unknown ones.
async fn refusal(db: &TestDatabase, token: &str) -> String {
    let client = db.connect("statehouse_api").await;
    match client.query_one("select statehouse.link_enter($1)", &[&token]).await {
        Ok(_) => "entered".into(),
        Err(fault) => {
            let error = fault.as_db_error().unwrap();
            format!(
                "{} {} {} {}",
                error.code().code(),
                error.message(),
                error.detail().unwrap_or_default(),
                error.hint().unwrap_or_default()
            )
        }
    }
}

const ENDED: &str = "S6301 the link is not accepted {\"code\": \"SH6301\"} ask whoever sent it for a new one";

#[tokio::test]
async fn ended_links_are_told_nothing_apart() {
    // How it ends, and the one condition that keeps it out then.
    let ends: [(&str, &str); 4] = [
        ("update statehouse.link set revoked_at = now()", "l.revoked_at is null and "),
        ("update statehouse.link set used = uses", " and (l.uses is null or l.used < l.uses)"),
        ("update statehouse.clock set now = '2026-12-04 12:00:00+00'", " and l.expires > statehouse.now()"),
        ("update statehouse.tenant set suspended_at = now() where slug = 'nordur'", " and t.suspended_at is null"),
    ];
    for (end, condition) in ends {
        let db = world::fresh("ended");
        let token = token(&db, "accept_quote", "mixed/quoted", "5").await;
        assert_eq!(refusal(&db, &token).await, "entered");
        db.psql_as_superuser(end).ok();
        assert_eq!(refusal(&db, &token).await, ENDED, "{end}");
        assert_eq!(refusal(&db, &token.replace(&token[5..6], if &token[5..6] == "0" { "1" } else { "0" })).await, ENDED);
        assert_eq!(refusal(&db, "").await, ENDED);
        db.psql_as_superuser(&patched("statehouse.link_enter(text)", condition, "")).ok();
        let open = refusal(&db, &token).await;
        // A session that would have run out with the link is not even written.
        assert!(open != ENDED, "still refused without `{condition}`");
        set_clock(&db, NOON);
    }
}

#[tokio::test]
async fn a_revoked_link_ends_what_it_opened() {
    let db = world::fresh("revoked");
    let look = "select count(*) from orders_guest.\"order\"";
    let revoke = "update statehouse.link set revoked_at = now() where revoked_at is null";
    let client = holder(&db, "accept_quote", "mixed/quoted").await;
    assert_eq!(ask(&client, look).await, "1");
    db.psql_as_superuser(revoke).ok();
    assert_eq!(ask(&client, look).await, "S2002");
    db.psql_as_superuser("drop trigger end_link on statehouse.link").ok();
    let client = holder(&db, "accept_quote", "mixed/quoted").await;
    db.psql_as_superuser(revoke).ok();
    assert_eq!(ask(&client, look).await, "1", "without its protection");
    // The move asks the link itself.
    assert_eq!(ask(&client, "update orders_guest.\"order\" set fire = 'accept'").await, "S6301");
}

#[tokio::test]
async fn members_revoke_the_links_they_may_make() {
    let db = world::fresh("revoking");
    let token = token(&db, "accept_quote", "mixed/quoted", "null").await;
    let link = db.value_as_superuser("select link from statehouse.link");
    let (Who::Persona(rep), Who::Persona(client)) = (nordur("rep"), nordur("client")) else { unreachable!() };
    for who in [client, statehouse_testkit::people::Persona::second("orders", statehouse_testkit::people::NORDUR, "rep")] {
        let stranger = db.as_persona(&who).await;
        assert_eq!(ask(&stranger, &format!("select count(*) from statehouse.link_find('{link}')")).await, "0", "{who:?}");
        assert_eq!(ask(&stranger, &format!("select statehouse.link_revoke('{link}')")).await, "f", "{who:?}");
    }
    assert_eq!(refusal(&db, &token).await, "entered");
    let rep = db.as_persona(&rep).await;
    assert_eq!(ask(&rep, &format!("select purpose, used, revoked_at from statehouse.link_find('{link}')")).await, "accept_quote|0|null");
    assert_eq!(ask(&rep, &format!("select statehouse.link_revoke('{link}')")).await, "t");
    assert_eq!(refusal(&db, &token).await, ENDED);
}

#[tokio::test]
async fn a_link_is_used_up_by_moves_and_not_by_looking() {
    let db = world::fresh("used");
    let token = token(&db, "accept_quote", "mixed/quoted", "1").await;
    for _ in 0..3 {
        assert_eq!(refusal(&db, &token).await, "entered");
    }
    let client = db.connect("statehouse_api").await;
    client.query_one("select statehouse.link_enter($1)", &[&token]).await.unwrap();
    // A refused move gives it back.
    assert_eq!(ask(&client, "update orders_guest.\"order\" set fire = 'confirm'").await, "S4002");
    assert_eq!(ask(&client, "update orders_guest.\"order\" set fire = 'accept'").await, "1 rows");
    assert_eq!(ask(&client, "update orders_guest.\"order\" set fire = 'decline'").await, "S6301");
    assert_eq!(refusal(&db, &token).await, ENDED);
    let actor = db.value_as_superuser(
        "select e.kind, e.actor = l.link from statehouse.event e, statehouse.link l where e.verb = 'accept' and e.kind = 'link'",
    );
    assert_eq!(actor, "link|t");
    assert_eq!(crate::ledger::contradictions(&db, "orders.order"), "");
}

/// The session of a link ends with the link even where nobody revokes it.
#[tokio::test]
async fn a_session_does_not_outlive_its_link() {
    let db = world::fresh("short");
    let token = token(&db, "accept_quote", "mixed/quoted", "null").await;
    set_clock(&db, "2026-12-04 11:59:00+00");
    assert_eq!(refusal(&db, &token).await, "entered");
    let left = db.value_as_superuser("select expires - created_at <= interval '61 seconds' from statehouse.session where kind = 'link'");
    assert_eq!(left, "t");
    set_clock(&db, NOON);
}

/// A member who is put into the role of a link by hand holds no link.
#[tokio::test]
async fn a_role_of_links_has_no_members() {
    let db = world::fresh("guests");
    db.psql_as_superuser(
        "update statehouse.membership set role = 'guest', extra = '{link.accept_quote}' where tenant = 1 and role = 'broker'",
    )
    .ok();
    let client = db.connect("statehouse_api").await;
    let Who::Persona(broker) = nordur("broker") else { unreachable!() };
    ask(&client, &broker.enter()).await;
    assert_eq!(ask(&client, "select count(*) from orders_guest.\"order\"").await, "0");
    assert_eq!(ask(&client, "update orders_guest.\"order\" set fire = 'accept'").await, "0 rows");
    db.psql_as_superuser(ANY_RECORD).ok();
    assert_eq!(ask(&client, "update orders_guest.\"order\" set fire = 'accept' where title = 'mixed/quoted'").await, "S2006");
}
