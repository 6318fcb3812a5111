//! Storing before acknowledging: R1–R6, R10, R17, R19 of what may go wrong with a webhook.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use statehouse_store::inbox::{self, Filter, Receipt, Received, Verdict};
use statehouse_testkit::people::{BALTYK, NORDUR};
use tokio::sync::Barrier;

use crate::world::{Sent, world};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_are_one_row_and_a_hundred_receipts() {
    let world = Arc::new(world("hundred").await);
    let token = world.endpoint(NORDUR, None).await;
    let barrier = Arc::new(Barrier::new(100));
    let mut all = Vec::new();
    for _ in 0..100 {
        let (world, token, barrier) = (Arc::clone(&world), token.clone(), Arc::clone(&barrier));
        all.push(tokio::spawn(async move {
            barrier.wait().await;
            world.send(&token, Sent { key: "evt_1", kind: "payment.captured", charge: "ch_1" }).await
        }));
    }
    let mut verdicts: BTreeMap<String, usize> = BTreeMap::new();
    let mut ids = std::collections::BTreeSet::new();
    for one in all {
        let Receipt { verdict, id } = one.await.unwrap();
        *verdicts.entry(format!("{verdict:?}")).or_default() += 1;
        ids.insert(id);
    }
    assert_eq!(verdicts, BTreeMap::from([("Again".to_owned(), 99), ("New".to_owned(), 1)]));
    assert_eq!(ids.len(), 1);
    assert_eq!(world.ask("select count(*) from statehouse.message"), "1");
    let clerk = world.member(NORDUR, "clerk").await;
    let listed = inbox::list(&world.api, &clerk, &Filter::default(), 10).await.unwrap();
    assert_eq!((listed.len(), &listed[0]["again"], &listed[0]["state"]), (1, &json!(99), &json!("due")));
}

#[tokio::test]
async fn another_body_under_the_same_key_is_kept_apart_and_never_acted_upon() {
    let world = world("conflict").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    let first = world.arrives(&token, "evt_1", "payment.authorized", "ch_1").await;
    let bad = Sent { key: "evt_1", kind: "payment.authorized", charge: "ch_2" };
    let second = world.send(&token, bad).await;
    assert_eq!(second.verdict, Verdict::Conflict);
    assert_ne!(second.id, first.id);
    assert_eq!(world.send(&token, bad).await, second, "the same conflict again is the same row");
    assert_eq!(world.send(&token, Sent { charge: "ch_1", ..bad }).await, Receipt { verdict: Verdict::Again, id: first.id });
    world.work_off("w").await;
    assert_eq!(world.messages(), "evt_1 done, evt_1 conflict SH7104");
    let clerk = world.member(NORDUR, "clerk").await;
    assert_eq!(inbox::replay(&world.api, &clerk, &[first.id, second.id]).await.unwrap(), [] as [uuid::Uuid; 0], "neither is done again");

    // Nine of them are evidence enough.
    for n in 0..12 {
        world.send(&token, Sent { charge: &format!("ch_{}", 10 + n), ..bad }).await;
    }
    assert_eq!(world.ask("select count(*) || ' ' || max(n) from statehouse.message"), "10 9");
    assert_eq!(world.ask("select count(*) from statehouse.message where state = 'conflict'"), "9");
}

#[tokio::test]
async fn an_address_leads_to_one_tenant_and_one_account_and_can_be_ended() {
    let world = world("address").await;
    let north = world.endpoint(NORDUR, Some("acct_north")).await;
    let clerk = world.member(BALTYK, "clerk").await;
    let made = inbox::make_endpoint(&world.api, &clerk, &world.app, "pay", None, "the second till").await.unwrap();
    let south = made["token"].as_str().unwrap();

    let of = inbox::endpoint_of(&world.server, &north).await.unwrap().unwrap();
    assert_eq!(
        (of.slug.as_str(), of.app.as_str(), of.source.as_str(), of.account.as_deref()),
        ("nordur", "till", "pay", Some("acct_north"))
    );
    assert_eq!(inbox::endpoint_of(&world.server, "in_nothing").await.unwrap(), None);
    assert_eq!(inbox::endpoint_of(&world.server, "in_\0").await.unwrap(), None);

    let message = |token: &'static str, account: Option<&'static str>| Received {
        token,
        key: "evt_1",
        kind: None,
        body: b"{}",
        headers: &serde_json::Value::Null,
        query: "",
        secret: None,
        coverage: "whole",
        account,
        item: None,
    };
    let north: &'static str = north.leak();
    let south: &'static str = south.to_owned().leak();
    let headers = json!({});
    for (account, code) in [(None, "SH7102"), (Some("acct_south"), "SH7102")] {
        let fault = inbox::receive(&world.server, &Received { headers: &headers, ..message(north, account) }).await.unwrap_err();
        assert_eq!(fault.fault().code.code, code);
    }
    assert_eq!(world.ask("select count(*) from statehouse.message"), "0", "what is not for the address leaves no row");
    // What was refused there did not use the key up.
    let stored = inbox::receive(&world.server, &Received { headers: &headers, ..message(north, Some("acct_north")) }).await.unwrap();
    assert_eq!(stored.unwrap().verdict, Verdict::New);
    // The same key of another tenant is another message, and a type may be missing.
    let other = inbox::receive(&world.server, &Received { headers: &headers, ..message(south, Some("any")) }).await.unwrap();
    assert_eq!(other.unwrap().verdict, Verdict::New);

    let listed = inbox::endpoints(&world.api, &clerk).await.unwrap();
    assert_eq!((listed.len(), &listed[0]["label"], listed[0].get("token")), (1, &json!("the second till"), None));
    let id = listed[0]["id"].as_str().unwrap().parse().unwrap();
    let stranger = world.member(NORDUR, "clerk").await;
    assert!(!inbox::revoke_endpoint(&world.api, &stranger, id).await.unwrap(), "another tenant's is not there");
    assert!(inbox::revoke_endpoint(&world.api, &clerk, id).await.unwrap());
    assert!(!inbox::revoke_endpoint(&world.api, &clerk, id).await.unwrap());
    assert_eq!(inbox::receive(&world.server, &Received { headers: &headers, ..message(south, None) }).await.unwrap(), None);
    let fault = inbox::make_endpoint(&world.api, &clerk, &world.app, "fax", None, "").await.unwrap_err();
    assert_eq!(fault.fault().code.code, "SH1001");
}

#[tokio::test]
async fn a_suspended_tenant_loses_nothing_and_moves_nothing() {
    let world = world("suspended").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    world.tamper("update statehouse.tenant set suspended_at = now() where slug = 'nordur'");
    world.arrives(&token, "evt_1", "payment.authorized", "ch_1").await;
    assert_eq!(world.work_off("w").await, vec![]);
    assert_eq!(world.state("ch_1"), "pending");
    world.tamper("update statehouse.tenant set suspended_at = null where slug = 'nordur'");
    world.work_off("w").await;
    assert_eq!(world.state("ch_1"), "authorized");
}

#[tokio::test]
async fn suspended_after_the_claim_waits() {
    let world = world("suspended_later").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    world.arrives(&token, "evt_1", "payment.authorized", "ch_1").await;
    let claimed = world.claim("w", 1).await;
    world.tamper("update statehouse.tenant set suspended_at = now() where slug = 'nordur'");
    assert_eq!(world.apply("w", &claimed[0]).await, inbox::Applied::Waiting { code: "SH2011".into() });
    world.tamper("update statehouse.tenant set suspended_at = null where slug = 'nordur'");
    world.later("2 minutes");
    world.work_off("w").await;
    assert_eq!(world.state("ch_1"), "authorized");
}

#[tokio::test]
async fn items_of_one_body_are_known_by_themselves() {
    let world = world("items").await;
    let token = world.endpoint(NORDUR, None).await;
    let headers = json!({});
    let send = async |key: &str, body: &str, at: i32, item: &str| {
        let received = Received {
            token: &token,
            key,
            kind: Some("payment.authorized"),
            body: body.as_bytes(),
            headers: &headers,
            query: "",
            secret: None,
            coverage: "none",
            account: None,
            item: Some((at, item.as_bytes())),
        };
        inbox::receive(&world.server, &received).await.unwrap().unwrap().verdict
    };
    let (one, two) = (r#"{"id":1}"#, r#"{"id":2}"#);
    let (both, second) = (format!("[{one},{two}]"), format!("[{two}]"));
    assert_eq!(send("e1", &both, 0, one).await, Verdict::New);
    assert_eq!(send("e2", &both, 1, two).await, Verdict::New);
    assert_eq!(send("e2", &second, 0, two).await, Verdict::Again, "the same item in another batch");
    assert_eq!(send("e2", &second, 0, r#"{"id":2,"more":1}"#).await, Verdict::Conflict);
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_nothing_is_stored() {
    let world = world("large").await;
    let token = world.endpoint(NORDUR, None).await;
    let (headers, large) = (json!({}), vec![b' '; 1 << 20]);
    let received = |body, key| Received {
        token: &token,
        key,
        kind: None,
        body,
        headers: &headers,
        query: "",
        secret: None,
        coverage: "whole",
        account: None,
        item: None,
    };
    assert!(inbox::receive(&world.server, &received(&large, "most")).await.is_ok());
    let larger = [&large[..], b" "].concat();
    for (body, key) in [(&larger[..], "k"), (b"{}", ""), (b"{}", &"k".repeat(501))] {
        assert_eq!(inbox::receive(&world.server, &received(body, key)).await.unwrap_err().fault().code.code, "SH5011");
    }
    assert_eq!(world.ask("select count(*) from statehouse.message"), "1");
}
