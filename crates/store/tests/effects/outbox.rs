//! What people see of what is owed, and what they do about it.

use serde_json::json;
use statehouse_store::effects::{self, After, End, Id, Outcome};
use statehouse_testkit::people::{BALTYK, NORDUR};

use crate::world::{APP, world};

#[tokio::test]
async fn pages_of_what_is_owed() {
    let world = world("outbox_pages").await;
    let keeper = world.enter(NORDUR, "keeper").await;
    for verb in ["post", "text", "ring"] {
        world.sales(verb, 3).await;
        world.later(60).await;
    }
    world.sales_of(BALTYK, "post", 4).await;
    for one in world.claim("w1", &["text"], 10).await {
        assert!(world.settle("w1", one.held, End::Dead).await);
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = effects::outbox(&world.api, &keeper, &["due", "dead", "due", "nonsense"], after, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(After { due_at: last.due_at, id: last.id });
        seen.extend(page);
    }
    let found: Vec<String> = seen.iter().map(|one| format!("{} {}", one.connector, one.state)).collect();
    assert_eq!(found, [["bell due"; 3], ["text dead"; 3], ["post due"; 3]].concat(), "newest first, each once, of one tenant");
    assert_eq!(effects::outbox(&world.api, &keeper, &["dead"], None, 100).await.unwrap().len(), 3);
    assert_eq!(effects::outbox(&world.api, &keeper, &[], None, 100).await.unwrap().len(), 9, "all states where none is named");
    assert!(!format!("{seen:?}").contains("S-00000"), "an argument is shown");
}

/// Held and dead effects go out again, each once, however often somebody asks.
#[tokio::test]
async fn replayed_twice_is_due_once() {
    let world = world("outbox_replay").await;
    let keeper = world.enter(NORDUR, "keeper").await;
    world.sales("post", 3).await;
    world.sales_of(BALTYK, "post", 1).await;
    let claimed = world.claim("w1", &["post"], 10).await;
    let (theirs, mut ours): (Vec<_>, Vec<_>) = claimed.into_iter().partition(|one| one.slug == "baltyk");
    let done = ours.pop().unwrap();
    for one in ours.iter().chain(&theirs) {
        assert!(world.settle("w1", one.held, End::Dead).await);
    }
    assert!(world.settle("w1", done.held, End::Done { result: json!({}) }).await);
    let unknown = Id { n: 9, ..done.id() };
    let ids: Vec<Id> = [ours[0].id(), ours[0].id(), done.id(), theirs[0].id(), unknown].to_vec();
    let replayed = effects::replay(&world.api, &keeper, &ids).await.unwrap();
    assert_eq!(replayed.iter().filter(|one| one.due).map(|one| one.id).collect::<Vec<_>>(), [ours[0].id()]);
    assert_eq!(effects::replay(&world.api, &keeper, &ids).await.unwrap().iter().filter(|one| one.due).count(), 0);
    assert_eq!(effects::replay(&world.api, &keeper, &[ours[1].id()]).await.unwrap().iter().filter(|one| one.due).count(), 1);
    let again = world.claim("w1", &["post"], 10).await;
    assert_eq!(again.iter().map(|one| (one.held.attempt, one.tries)).collect::<Vec<_>>(), [(2, 1); 2], "its attempts begin anew");
    let many = vec![unknown; 201];
    assert_eq!(effects::replay(&world.api, &keeper, &many).await.unwrap_err().fault().code.code, "SH8002");
    // Of a forgotten subject nothing is left to send.
    assert!(world.settle("w1", again[0].held, End::Dead).await);
    world.admin.batch_execute("update statehouse.effect set args = '{}', code = 'erased' where state = 'dead'").await.unwrap();
    assert_eq!(effects::replay(&world.api, &keeper, &[again[0].id()]).await.unwrap().iter().filter(|one| one.due).count(), 0);
}

#[tokio::test]
async fn a_person_says_what_happened() {
    let world = world("outbox_resolve").await;
    let keeper = world.enter(NORDUR, "keeper").await;
    let other = world.enter(BALTYK, "keeper").await;
    let code = async |who, id, happened, words: &str| match effects::resolve(&world.api, who, id, happened, words).await {
        Ok(()) => "ok",
        Err(fault) => fault.fault().code.code,
    };
    for (happened, state) in [(true, "done 1 doubt"), (false, "failed 1 doubt")] {
        let sale = world.sales("ring", 1).await[0];
        let claimed = world.take("w1", "bell").await;
        let id = claimed.id();
        assert_eq!(code(&keeper, id, happened, "the log").await, "SH7021", "it is in somebody's hands");
        let outcome = Outcome { code: Some("SH7006".into()), ..Outcome::new(claimed.held, End::Unknown) };
        assert_eq!(effects::settle(&world.worker, "w1", &[outcome]).await.unwrap().len(), 1);
        assert_eq!(code(&keeper, id, happened, " x ").await, "SH7022");
        assert_eq!(code(&other, id, happened, "the log").await, "SH1002", "of another tenant it is not there");
        assert_eq!(code(&keeper, id, happened, "the log of 12 March").await, "ok");
        assert_eq!(world.stands(sale).await, state);
        assert_eq!(code(&keeper, id, happened, "the log of 12 March").await, "SH7021", "once");
        let said = format!("select tried -> -1 ->> 'evidence' from statehouse.effect where record = '{sale}'");
        assert_eq!(world.text(&said).await, "the log of 12 March");
    }
    // A call is resolved by its record's own verbs.
    world.sales("charge", 1).await;
    let call = world.take("w1", "bank").await;
    let fired = effects::Move { app: APP, entity: "sale", verb: "charge.unknown", input: None };
    effects::settle_call(&world.worker, "w1", &Outcome::new(call.held, End::Unknown), &fired).await.unwrap();
    assert_eq!(code(&keeper, call.id(), true, "the log").await, "SH7021");
}

#[tokio::test]
async fn only_whoever_holds_the_capability() {
    let world = world("outbox_rights").await;
    let clerk = world.enter(NORDUR, "clerk").await;
    world.sales("post", 2).await;
    let id = world.take_any().await;
    let refused = [
        effects::outbox(&world.api, &clerk, &["due"], None, 10).await.unwrap_err(),
        effects::gates(&world.api, &clerk).await.unwrap_err(),
        effects::replay(&world.api, &clerk, &[id]).await.unwrap_err(),
        effects::resolve(&world.api, &clerk, id, true, "the log").await.unwrap_err(),
    ];
    assert_eq!(refused.map(|fault| fault.fault().code.code), ["SH6505"; 4]);
    let keeper = world.enter(NORDUR, "keeper").await;
    let gates = effects::gates(&world.api, &keeper).await.unwrap();
    let seen: Vec<String> = gates.iter().map(|gate| format!("{} {} {}", gate.connector, gate.state, gate.due)).collect();
    assert_eq!(seen, ["bank closed 0", "bell closed 0", "post closed 1", "teller closed 0", "text closed 0"]);
}
