//! Why a verb is refused, shown to whom.

use statehouse_store::explain::{Answer, Outcome, Question, Verdict, Who, explain};
use statehouse_store::import::record_id;
use statehouse_store::record::{Move, Target, fire};

use crate::world::{self, World};

async fn ask(world: &World, member: &str, verb: &str) -> Answer {
    let id = record_id("nordur", "orders", "order", "golden-q2o-1");
    let who = Who::Member { member, tenant: Some("nordur") };
    let question = Question { app: &world.app, entity: "order", record: Target::Id(id), verb, input: None, who };
    explain(&mut world.admin().await, question).await.unwrap()
}

fn lines(answer: &Answer) -> Vec<String> {
    let word = |verdict| match verdict {
        Verdict::Ok => "ok",
        Verdict::Fail => "FAIL",
        Verdict::NotReached => "-",
    };
    answer.checks.iter().map(|check| format!("{} {}: {}", word(check.verdict), check.name, check.detail)).collect()
}

#[tokio::test]
async fn each_condition_is_told_with_what_the_member_sees() {
    let world = world::full("explain").await;
    let before: i64 = world.admin_value("select count(*) from statehouse.event").await;
    let open = ask(&world, "birkir@nordur.example", "start").await;
    assert_eq!(open.outcome, Outcome::Open("quoting".into()));
    assert_eq!(
        lines(&open),
        ["ok visible: the record is in this member's view", "ok state: is inquiry", "ok role: rep may fire it", "ok has_lines: 3 lines"]
    );
    let closed = ask(&world, "steinunn@klettur.example", "quote").await;
    assert_eq!(
        lines(&closed),
        [
            "ok visible: the record is in this member's view",
            "FAIL state: is inquiry, the verb leaves quoting",
            "FAIL role: client may not; it is for rep",
            "- priced: 3 lines, lines.net empty empty empty",
            "- prices_current: 3 lines",
        ]
    );
    assert!(closed.who_can.contains(&"birkir (rep)".to_owned()), "{:?}", closed.who_can);
    let unseen = ask(&world, "michael@nordur.example", "start").await;
    assert_eq!(
        (unseen.outcome.clone(), lines(&unseen)),
        (Outcome::Unseen, vec!["FAIL visible: no such record in this member's view".to_owned()])
    );
    assert_eq!(world.admin_value::<i64>("select count(*) from statehouse.event").await, before, "nothing stays behind");
    assert_eq!(
        world
            .admin_value::<i64>("select count(*) from statehouse.session where expires < now() + interval '1 hour' and kind = 'member'")
            .await,
        0
    );
}

#[tokio::test]
async fn a_guard_that_fails_shows_its_figures() {
    let world = world::full("explain_guard").await;
    let id = record_id("nordur", "orders", "order", "golden-q2o-1");
    let rep = world.enter("birkir").await;
    for verb in ["start", "quote", "accept"] {
        fire(&world.api, &rep, &Move::new("order", Target::Id(id), verb)).await.unwrap();
    }
    world.admin().await.batch_execute("set session_replication_role = replica; update orders.client set credit_limit = 100").await.unwrap();
    let refused = ask(&world, "sigridur@nordur.example", "confirm").await;
    assert!(matches!(refused.outcome, Outcome::Refused(_)));
    assert_eq!(
        lines(&refused).last().unwrap(),
        "FAIL covered: Above the client's credit; a deposit of one fifth is needed: deposit 0, gross 203038, net 163740, client.credit_limit 100"
    );
}
