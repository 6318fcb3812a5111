//! Calls to subscribers: signed, made once more where they were not taken, and ended where nobody takes them.

use std::sync::Arc;
use std::time::Duration;

use statehouse_connect::verify;
use statehouse_store::subscription::Master;
use statehouse_testkit::people::NORDUR;
use statehouse_worker::Worker;

use crate::receiver::{Came, HOST, Receiver};
use crate::world::{World, admin};

const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const HOUR: Duration = Duration::from_secs(3600);

struct Subscribed {
    world: World,
    receiver: Receiver,
    worker: Worker,
    id: uuid::Uuid,
}

impl Subscribed {
    /// The administrator of the first tenant wants to know what happens to notes.
    async fn new() -> Subscribed {
        let mut world = World::new().await;
        let receiver = Receiver::start().await;
        world.settings.webhooks.master_secret = MASTER.into();
        world.network = Arc::new(receiver.clone());
        world.roots = Some(receiver.roots.clone());
        for connector in world.settings.connectors.values_mut() {
            // Effects are not looked at here, and their providers are not on this network.
            connector.base = "http://127.0.0.1:9/nowhere".into();
        }
        let subscribe = format!("select id from statehouse.subscribe('ours', 'https://{HOST}/in', array['note.*'])");
        let id = world.db.value_as(&admin(NORDUR), &subscribe).parse().expect("an id");
        let worker = world.worker("one").await;
        Subscribed { world, receiver, worker, id }
    }

    fn happens(&self, title: &str) {
        self.world.db.psql_as(&admin(NORDUR), &format!("insert into outward_admin.note (title) values ('{title}');")).ok();
    }

    /// Turns until so many calls have come: others on the same server may hold the horizon of the feed.
    async fn until(&self, calls: usize) -> Vec<Came> {
        let turning = async {
            while self.receiver.came().len() < calls {
                self.worker.turn().await.expect("a turn");
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(60), turning).await.is_ok(), "{} came", self.receiver.came().len());
        self.receiver.came()
    }

    /// What the database says of the subscription's messages: `done 1, due 2`.
    async fn owed(&self) -> String {
        self.world.ask("select coalesce(string_agg(state || ' ' || n, ', ' order by state), '') from (select state, count(*) n from statehouse.delivery group by 1) s").await
    }

    async fn wait(&self, span: Duration) {
        self.world.wait(span).await;
    }
}

/// As a receiver would judge it, by the published scheme and the one secret it was shown.
fn is_ours(came: &Came, secret: &str) -> bool {
    let received = verify::Received { url: "", headers: &came.headers, body: &came.body, certificate: None };
    let at: i64 = came.headers["webhook-timestamp"].to_str().expect("text").parse().expect("seconds");
    let scheme = verify::scheme("standard_webhooks").expect("a scheme");
    scheme.verify(&received, &[verify::Secret::new("ours", secret)], at).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told_once_and_signed() {
    let s = Subscribed::new().await;
    for title in ["a", "b", "c"] {
        s.happens(title);
    }
    let came = s.until(3).await;
    s.worker.turn().await.expect("a turn");
    assert_eq!(s.receiver.came().len(), 3);
    assert_eq!(s.owed().await, "done 3");
    let secret = |number| Master::read(MASTER).expect("a secret").secret(NORDUR.number, s.id, number).reveal();
    let ids: std::collections::BTreeSet<_> = came.iter().map(|one| one.headers["webhook-id"].clone()).collect();
    assert_eq!(ids.len(), 3);
    for one in &came {
        assert!(is_ours(one, &secret(1)) && !is_ours(one, &secret(2)), "{one:?}");
        let body: serde_json::Value = serde_json::from_slice(&one.body).expect("JSON");
        assert_eq!((body["type"].as_str(), one.headers["content-type"].to_str().ok()), (Some("note.created"), Some("application/json")));
    }
    // While a secret is being changed, either of the two will do.
    s.world.db.psql_as(&admin(NORDUR), &format!("select statehouse.rotate_secret('{}', interval '1 hour');", s.id)).ok();
    s.happens("d");
    let last = s.until(4).await.remove(3);
    assert!(is_ours(&last, &secret(1)) && is_ours(&last, &secret(2)) && !is_ours(&last, &secret(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_is_told_again() {
    let s = Subscribed::new().await;
    s.receiver.answer("500 Oops");
    s.happens("a");
    s.until(1).await;
    s.wait(Duration::from_millis(3_900)).await;
    s.worker.turn().await.expect("a turn");
    assert_eq!((s.receiver.came().len(), s.owed().await.as_str()), (1, "due 1"));
    s.wait(Duration::from_millis(2_200)).await;
    let came = s.until(2).await;
    assert_eq!(came[0].headers["webhook-id"], came[1].headers["webhook-id"], "its receiver knows it again");
    assert_eq!(came[0].body, came[1].body);
    assert_ne!(came[0].headers["webhook-timestamp"], came[1].headers["webhook-timestamp"]);
    assert_eq!(s.owed().await, "done 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_asks_for_quiet_has_it() {
    let s = Subscribed::new().await;
    s.receiver.answer("429 Slow Down\r\nretry-after: 600");
    s.happens("a");
    s.until(1).await;
    for title in ["b", "c"] {
        s.happens(title);
    }
    for _ in 0..11 {
        s.wait(Duration::from_secs(54)).await;
        s.worker.turn().await.expect("a turn");
        assert_eq!(s.receiver.came().len(), 1);
    }
    s.wait(Duration::from_secs(10)).await;
    s.until(3).await;
    s.wait(HOUR).await;
    s.until(3).await;
    assert_eq!(s.owed().await, "done 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_gone_is_told_nothing_more() {
    let s = Subscribed::new().await;
    s.receiver.answer("410 Gone");
    s.happens("a");
    s.until(1).await;
    let told = s.world.ask("select state || ': ' || ended_why from statehouse.subscription").await;
    assert_eq!((told.as_str(), s.owed().await.as_str()), ("ended: its receiver says that it is gone", "dead 1"));
    s.happens("b");
    s.worker.turn().await.expect("a turn");
    assert_eq!((s.receiver.came().len(), s.owed().await.as_str()), (1, "dead 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_nothing_for_five_days_is_given_up() {
    let s = Subscribed::new().await;
    for _ in 0..200 {
        s.receiver.answer("503 Service Unavailable");
    }
    s.happens("a");
    s.until(1).await;
    let state = "select state || coalesce(': ' || ended_why, '') from statehouse.subscription";
    for day in 0..10 {
        s.wait(12 * HOUR).await;
        s.happens(&format!("more {day}"));
        let before = s.receiver.came().len();
        let turning = async {
            while s.receiver.came().len() == before && s.world.ask(state).await == "active" {
                s.worker.turn().await.expect("a turn");
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(60), turning).await.is_ok(), "half day {day}");
        if day < 9 {
            assert_eq!(s.world.ask(state).await, "active", "half day {day}");
        }
    }
    s.wait(HOUR).await;
    s.worker.turn().await.expect("a turn");
    assert_eq!(s.world.ask(state).await, "ended: its receiver took nothing for five days");
    let open = "select coalesce(string_agg(concat_ws(' ', state, type, attempt, code), ', '), '') from statehouse.delivery where state in ('due', 'leased')";
    assert_eq!(s.world.ask(open).await, "");
}

/// The law of a message that is owed, and that it is what refuses.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_rewrites_what_is_owed() {
    let s = Subscribed::new().await;
    s.happens("a");
    s.until(1).await;
    s.worker.turn().await.expect("a turn");
    assert_eq!(s.owed().await, "done 1");
    let again = "update statehouse.delivery set state = 'due'";
    let refused = s.world.db.psql_as_superuser(again);
    assert!(
        refused.stderr.contains("a message that is `done` under attempt 1 does not become `due` under 1")
            && refused.stderr.contains("SH7026"),
        "{}",
        refused.stderr
    );
    let other = s.world.db.psql_as_superuser("update statehouse.delivery set body = 'x'");
    assert!(other.stderr.contains("SH4014"), "{}", other.stderr);
    s.world.db.psql_as_superuser(&format!("begin; alter table statehouse.delivery disable trigger law; {again}; rollback;")).ok();
}
