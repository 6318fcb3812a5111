//! A message becomes a move, or says why not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use statehouse_store::inbox::{self, Applied, Filter};
use statehouse_testkit::people::{NORDUR, Persona};

use crate::world::{World, world};

fn moved(applied: &Applied) -> &str {
    match applied {
        Applied::Moved { state, .. } => state,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_moves_its_record_as_the_connector() {
    let world = world("moves").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    let body = json!({"data": {"id": "ch_1", "input": {"amount": 250}}}).to_string();
    world.send_bytes(&token, "evt_1", "payment.authorized", body.as_bytes()).await;
    let applied = world.work_off("w").await;
    assert_eq!(applied.iter().map(moved).collect::<Vec<_>>(), ["authorized"]);
    assert_eq!(world.ask("select amount from till.payment"), "250");
    assert_eq!(
        world.ask("select verb || ' ' || kind from statehouse.event where entity = 'till.payment' order by seq desc limit 1"),
        "authorize connector"
    );
    assert_eq!(
        world.ask("select state || ' ' || attempt || ' ' || verb || ' ' || entity || ' ' || (record = (select id from till.payment)) || ' ' || input::text from statehouse.message"),
        "done 1 authorize till.payment true {\"amount\": 250}"
    );
    assert_eq!(world.ask("select count(*) from statehouse.session where role = 'system'"), "0", "no session is left behind");
}

#[tokio::test]
async fn an_early_message_waits_and_is_woken_by_the_move_itself() {
    let world = world("early").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    world.arrives(&token, "evt_1", "payment.captured", "ch_1").await;
    assert_eq!(world.work_off("w").await, [Applied::Waiting { code: "SH4002".into() }]);
    assert_eq!(world.work_off("w").await, [], "nothing is looked at again before something has changed");
    world.arrives(&token, "evt_2", "payment.authorized", "ch_1").await;
    let claimed = world.claim("w", 5).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(moved(&world.apply("w", &claimed[0]).await), "authorized");
    assert_eq!(world.messages(), "evt_1 due SH4002, evt_2 done", "woken in the transaction of the move");
    world.work_off("w").await;
    assert_eq!(world.state("ch_1"), "captured");
    assert_eq!(world.messages(), "evt_1 done, evt_2 done");
}

/// The move that would wake it commits between the refusal and the verdict to wait: without the lock of the record the
/// message would wait for a move that has been.
#[tokio::test]
async fn a_move_under_way_is_not_missed() {
    let world = Arc::new(world("crossing").await);
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    world.arrives(&token, "evt_1", "payment.captured", "ch_1").await;
    let claimed = world.claim("w", 1).await;
    // Somebody moves the record and has not committed.
    let mover = world.database.as_persona(&Persona::engine("till", NORDUR, "connector")).await;
    mover.batch_execute("begin; update till_system.payment set fire = 'authorize' where charge = 'ch_1'").await.unwrap();
    let (applying, one) = (Arc::clone(&world), claimed[0].clone());
    let applied = tokio::spawn(async move { applying.apply("w", &one).await });
    waits_for_a_lock(&world).await;
    mover.batch_execute("commit").await.unwrap();
    assert_eq!(moved(&applied.await.unwrap()), "captured", "what crossed is tried again at once");
    assert_eq!(world.state("ch_1"), "captured");
}

/// Bounded: 20 seconds.
async fn waits_for_a_lock(world: &World) {
    let admin = world.place.connect_admin().await.unwrap();
    for _ in 0..2000 {
        let waiting: i64 = admin
            .query_one("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'", &[])
            .await
            .unwrap()
            .get(0);
        if waiting > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody waits for a lock");
}

#[tokio::test]
async fn what_has_happened_is_a_repeat() {
    let world = world("repeat").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    for (key, kind) in [("evt_1", "authorized"), ("evt_2", "captured"), ("evt_3", "captured"), ("evt_4", "authorized")] {
        world.arrives(&token, key, &format!("payment.{kind}"), "ch_1").await;
        world.work_off("w").await;
    }
    assert_eq!(world.messages(), "evt_1 done, evt_2 done, evt_3 done SH7105, evt_4 done SH7105");
    assert_eq!(world.ask("select count(*) from statehouse.event where verb = 'capture'"), "1");
}

/// Money that came a second time is another fact, though its record has made that move: somebody has to look at it.
#[tokio::test]
async fn another_fact_is_no_repeat() {
    let world = world("another").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    for (key, amount) in [("evt_1", 250), ("evt_2", 250), ("evt_3", 99)] {
        let body = json!({"data": {"id": "ch_1", "input": {"amount": amount}}}).to_string();
        world.send_bytes(&token, key, "payment.authorized", body.as_bytes()).await;
        world.work_off("w").await;
    }
    assert_eq!(world.messages(), "evt_1 done, evt_2 done SH7105, evt_3 late SH7106");
    assert_eq!(world.ask("select amount from till.payment"), "250");
    // Once what the first said is forgotten nobody can tell, and nothing is made of it.
    world.tamper(
        "set session_replication_role = replica;
         update statehouse.message set body = '', headers = '{}', query = '', input = null, fetched = null, forgotten_at = now() where state = 'done'",
    );
    let body = json!({"data": {"id": "ch_1", "input": {"amount": 98}}}).to_string();
    world.send_bytes(&token, "evt_4", "payment.authorized", body.as_bytes()).await;
    world.work_off("w").await;
    assert!(world.messages().ends_with("evt_4 done SH7105"), "{}", world.messages());
}

#[tokio::test]
async fn what_comes_too_late_is_told_or_put_away_as_the_mapping_says() {
    let world = world("late").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    world.fire(NORDUR, "ch_1", "void");
    world.arrives(&token, "evt_1", "payment.captured", "ch_1").await;
    world.arrives(&token, "evt_2", "payment.expired", "ch_1").await;
    assert_eq!(world.work_off("w").await.len(), 2);
    assert_eq!(world.messages(), "evt_1 late SH7106, evt_2 ignored SH7106");
    assert_eq!(world.ask("select why from statehouse.message where key = 'evt_1'"), "`capture` is not open from `refunded`");

    // A person has it looked at again: twice is once, and it is late all the same.
    let clerk = world.member(NORDUR, "clerk").await;
    let late = inbox::list(&world.api, &clerk, &Filter { states: Some(&["late".into()]), ..Filter::default() }, 10).await.unwrap();
    let id = late[0]["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(inbox::replay(&world.api, &clerk, &[id]).await.unwrap(), vec![id]);
    assert_eq!(inbox::replay(&world.api, &clerk, &[id]).await.unwrap(), [] as [uuid::Uuid; 0]);
    assert_eq!(world.work_off("w").await, [Applied::Late]);
}

#[tokio::test]
async fn a_wait_has_an_end() {
    let world = world("wait_ends").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    world.arrives(&token, "evt_1", "payment.captured", "ch_1").await;
    assert_eq!(world.work_off("w").await, [Applied::Waiting { code: "SH4002".into() }]);
    world.later("2 days 23 hours");
    assert_eq!(world.work_off("w").await, []);
    world.later("1 hour");
    assert_eq!(world.work_off("w").await, [Applied::Late], "three days after its first wait");
    // Replayed, it waits anew.
    let clerk = world.member(NORDUR, "clerk").await;
    let id = world.ask("select id from statehouse.message").parse().unwrap();
    inbox::replay(&world.api, &clerk, &[id]).await.unwrap();
    assert_eq!(world.work_off("w").await, [Applied::Waiting { code: "SH4002".into() }]);
    world.fire(NORDUR, "ch_1", "void");
    world.later("3 days");
    assert_eq!(world.work_off("w").await, [Applied::Late]);
}

#[tokio::test]
async fn a_guard_is_asked_again_and_an_edit_wakes() {
    let world = world("guarded").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 90);
    world.arrives(&token, "evt_1", "payment.authorized", "ch_1").await;
    world.work_off("w").await;
    world.arrives(&token, "evt_2", "payment.captured", "ch_1").await;
    world.work_off("w").await;
    assert_eq!(world.messages(), "evt_1 done, evt_2 waiting SH4004");
    assert_eq!(world.ask("select why from statehouse.message where key = 'evt_2'"), "`capture` is refused: The amount is not whole");
    world.later("3 seconds");
    assert_eq!(world.work_off("w").await, [Applied::Waiting { code: "SH4004".into() }], "after two seconds");
    world.later("3 seconds");
    assert_eq!(world.work_off("w").await, [], "after twice as long");
    let clerk = Persona::member("till", NORDUR, "clerk");
    world.database.psql_as(&clerk, "update till_clerk.payment set fire = 'correct', input = '{\"amount\": 100}'").ok();
    assert_eq!(world.work_off("w").await.iter().map(moved).collect::<Vec<_>>(), ["captured"]);
}

#[tokio::test]
async fn a_guard_that_never_holds_ends_in_the_dead_letters_with_the_refusal() {
    let world = world("refused").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 90);
    world.arrives(&token, "evt_1", "payment.authorized", "ch_1").await;
    world.arrives(&token, "evt_2", "payment.captured", "ch_1").await;
    world.work_off("w").await;
    // More than eight looks: what the law says is no failure of whoever asks.
    for _ in 0..20 {
        world.later("2 hours");
        assert_eq!(world.work_off("w").await, [Applied::Waiting { code: "SH4004".into() }]);
    }
    world.later("2 days");
    assert_eq!(world.work_off("w").await, [Applied::Dead { code: "SH4004".into() }]);
    assert_eq!(world.messages(), "evt_1 done, evt_2 dead SH4004");
}

#[tokio::test]
async fn an_input_that_means_nothing_is_told_in_the_end() {
    let world = world("input").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 90);
    for (key, input, code) in [("evt_1", json!({"amount": "lots"}), "SH5015"), ("evt_2", json!({"colour": 1}), "SH4009")] {
        let body = json!({"data": {"id": "ch_1", "input": input}}).to_string();
        world.send_bytes(&token, key, "payment.authorized", body.as_bytes()).await;
        assert_eq!(world.work_off("w").await, [Applied::Waiting { code: code.into() }], "{key}");
        world.later("8 days");
        assert_eq!(world.work_off("w").await, [Applied::Dead { code: code.into() }], "{key}");
    }
    assert_eq!(world.state("ch_1"), "pending");
}

/// A body may hold what no text of the database does.
#[tokio::test]
async fn a_character_zero_stops_nothing() {
    let world = world("zero").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    for (key, charge, expected) in [("evt_1", "ch_\0", "SH7107"), ("evt_2", "ch_1", "SH4009")] {
        let body = json!({"data": {"id": charge, "input": {"a\0": "b\0"}}}).to_string();
        world.send_bytes(&token, key, "payment.authorized", body.as_bytes()).await;
        assert_eq!(world.work_off("w").await, [Applied::Waiting { code: expected.into() }], "{key}");
    }
    world.later("1 minute");
    let claimed = world.claim("w", 2).await;
    let told = inbox::Outcome { fetched: Some(json!({"a": "\0"})), ..inbox::Outcome::new(claimed[0].held, inbox::End::Dead) };
    assert_eq!(inbox::settle(&world.worker, "w", &[told.because("SH7121", "\0")]).await.unwrap(), [claimed[0].held]);
}

#[tokio::test]
async fn a_record_may_come_after_its_message_or_never() {
    let world = world("no_record").await;
    let token = world.endpoint(NORDUR, None).await;
    world.arrives(&token, "evt_1", "payment.authorized", "ch_1").await;
    world.arrives(&token, "evt_2", "payment.authorized", "ch_never").await;
    assert_eq!(world.work_off("w").await, vec![Applied::Waiting { code: "SH7107".into() }; 2]);
    world.payment(NORDUR, "ch_1", 100);
    world.later("3 seconds");
    let applied = world.work_off("w").await;
    assert_eq!(applied.iter().filter(|one| matches!(one, Applied::Moved { .. })).count(), 1, "{applied:?}");
    world.later("7 days");
    assert_eq!(world.work_off("w").await, [Applied::Quarantined]);
    assert_eq!(world.messages(), "evt_1 done, evt_2 quarantined SH7107");
    assert_eq!(world.ask("select why from statehouse.message where key = 'evt_2'"), "there is no `payment` whose `charge` is `ch_never`");
}

/// A charge of another tenant is not there.
#[tokio::test]
async fn a_message_reaches_its_own_tenant_alone() {
    let world = world("own_tenant").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(statehouse_testkit::people::BALTYK, "ch_1", 100);
    world.arrives(&token, "evt_1", "payment.authorized", "ch_1").await;
    assert_eq!(world.work_off("w").await, [Applied::Waiting { code: "SH7107".into() }]);
    assert_eq!(world.state("ch_1"), "pending");
}

#[tokio::test]
async fn a_value_that_is_no_id_is_no_record() {
    let world = world("no_id").await;
    let token = world.endpoint(NORDUR, None).await;
    world.arrives(&token, "evt_1", "payment.authorized", "ch_1").await;
    let claimed = world.claim("w", 1).await;
    let wanted = |find| inbox::Wanted {
        app: &world.app,
        entity: "payment",
        find,
        verb: "authorize",
        input: None,
        wait_s: 60.0,
        late: statehouse_definition::model::Late::Queue,
        fetched: None,
    };
    let applied = inbox::apply_message(&world.worker, "w", &claimed[0], &wanted(("id", "not-a-uuid"))).await.unwrap();
    assert_eq!(applied, Applied::Waiting { code: "SH7107".into() });
    world.later("3 seconds");
    let claimed = world.claim("w", 1).await;
    let applied = inbox::apply_message(&world.worker, "w", &claimed[0], &wanted(("colour", "red"))).await.unwrap();
    assert_eq!(applied, Applied::Waiting { code: "SH1003".into() }, "a definition that the database does not have yet");
}

#[tokio::test]
async fn one_message_shows_what_it_says_and_only_to_those_who_look_after_it() {
    let world = world("shown").await;
    let token = world.endpoint(NORDUR, None).await;
    let text = world.arrives(&token, "evt_1", "payment.captured", "ch_1").await;
    let bytes = world.send_bytes(&token, "evt_2", "payment.captured", &[0xff, 0x00]).await;
    let clerk = world.member(NORDUR, "clerk").await;
    let shown = inbox::one(&world.api, &clerk, text.id).await.unwrap().unwrap();
    assert_eq!(shown["body"], json!(r#"{"type":"payment.captured","data":{"id":"ch_1"}}"#));
    assert_eq!(shown["headers"], json!({"content-type": "application/json"}));
    assert_eq!((&shown["key"], &shown["coverage"], &shown["again"]), (&json!("evt_1"), &json!("whole"), &json!(0)));
    let shown = inbox::one(&world.api, &clerk, bytes.id).await.unwrap().unwrap();
    assert_eq!((shown.get("body"), &shown["body_base64"]), (None, &json!("/wA=")));
    let stranger = world.member(statehouse_testkit::people::BALTYK, "clerk").await;
    assert_eq!(inbox::one(&world.api, &stranger, text.id).await.unwrap(), None);
    assert_eq!(inbox::list(&world.api, &stranger, &Filter::default(), 10).await.unwrap(), Vec::<serde_json::Value>::new());
    let guest = world.member(NORDUR, "guest").await;
    assert_eq!(inbox::one(&world.api, &guest, text.id).await.unwrap_err().fault().code.code, "SH6505");
    assert_eq!(inbox::list(&world.api, &guest, &Filter::default(), 10).await.unwrap_err().fault().code.code, "SH6505");
    assert_eq!(inbox::replay(&world.api, &guest, &[text.id]).await.unwrap_err().fault().code.code, "SH6505");
    // Page by page, the newest first.
    let page = inbox::list(&world.api, &clerk, &Filter::default(), 1).await.unwrap();
    assert_eq!(page[0]["key"], json!("evt_2"));
    let next = inbox::list(&world.api, &clerk, &Filter { before: Some(bytes.id), ..Filter::default() }, 1).await.unwrap();
    assert_eq!(next[0]["key"], json!("evt_1"));
}
