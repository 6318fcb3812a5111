//! What a message said goes with whom it was about; that it came stays, so that it is known when it comes again.

use serde_json::json;
use statehouse_store::audit::{self, Subject};
use statehouse_store::inbox::Verdict;
use statehouse_store::people;
use statehouse_testkit::people::{BALTYK, NORDUR};

use crate::world::{Sent, world};

#[tokio::test]
async fn a_person_is_forgotten_in_messages_too() {
    let world = world("forgotten").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    world.payment(NORDUR, "ch_2", 100);
    let said = |charge: &str| json!({"data": {"id": charge, "payer": "Steinunn", "input": {"amount": 120}}}).to_string();
    for (key, charge) in [("evt_1", "ch_1"), ("evt_2", "ch_2")] {
        world.send_bytes(&token, key, "payment.authorized", said(charge).as_bytes()).await;
    }
    world.work_off("w").await;
    let record = world.ask("select id from till.payment where charge = 'ch_1'").parse().unwrap();
    let mut admin = world.place.connect_admin().await.unwrap();
    audit::erase(&mut admin, Subject { app: "till", tenant: "nordur", entity: "payment", record }).await.unwrap();
    assert_eq!(
        world.ask("select string_agg(key || ' ' || octet_length(body) || ' ' || headers::text || ' ' || coalesce(input::text, '-') || ' ' || state, ', ' order by key) from statehouse.message"),
        format!("evt_1 0 {{}} - done, evt_2 {} {{\"content-type\": \"application/json\"}} {{\"amount\": 120}} done", said("ch_2").len())
    );
    let again = world.send_bytes(&token, "evt_1", "payment.authorized", said("ch_1").as_bytes()).await;
    assert_eq!(again.verdict, Verdict::Again, "it is still known");
}

#[tokio::test]
async fn an_erased_tenant_leaves_no_message() {
    let world = world("erased").await;
    let (north, south) = (world.endpoint(NORDUR, None).await, world.endpoint(BALTYK, None).await);
    for token in [&north, &south] {
        world.send(token, Sent { key: "evt_1", kind: "payment.captured", charge: "ch_1" }).await;
        world.send(token, Sent { key: "evt_1", kind: "payment.captured", charge: "ch_1" }).await;
    }
    world.bill(10);
    let mut admin = world.place.connect_admin().await.unwrap();
    people::erase::erase(&mut admin, "nordur").await.unwrap();
    for table in ["endpoint", "message", "message_doublet", "poll"] {
        assert_eq!(world.ask(&format!("select string_agg(distinct tenant::text, ' ') from statehouse.{table}")), "2", "{table}");
    }
    assert_eq!(world.ask("select count(*) from statehouse.timer"), "0");
}
