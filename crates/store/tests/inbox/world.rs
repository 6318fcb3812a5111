//! A till: payments that outside systems move, bills that wait for their time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use statehouse_definition::App;
use statehouse_definition::model::Late;
use statehouse_store::inbox::{self, Applied, Claimed, Receipt, Received, Verdict, Wanted};
use statehouse_store::record::{Session, enter};
use statehouse_store::{Db, Login, Place};
use statehouse_testkit::people::{NORDUR, Persona, Tenant};
use statehouse_testkit::{Cluster, TestDatabase, app};

pub const LEASE: Duration = Duration::from_secs(60);

pub struct World {
    pub database: TestDatabase,
    pub app: App,
    pub place: Place,
    pub worker: Db,
    pub server: Db,
    pub api: Db,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inbox/till")
}

pub async fn world(hint: &str) -> World {
    let hint = hint.to_owned();
    // Making a template blocks on a lock between processes.
    let made = tokio::task::spawn_blocking(move || {
        let cluster = Cluster::shared();
        cluster.database_from(&app::template(cluster, &folder()), &hint)
    });
    let database = made.await.unwrap();
    let place = Place::parse(&database.url("postgres")).unwrap();
    let worker = Db::open(&place, Login::Worker, 10).unwrap();
    assert!(!statehouse_store::effects::greet(&worker, None).await.unwrap().restored);
    World {
        app: statehouse_definition::load(&folder()).app.unwrap(),
        worker,
        server: Db::open(&place, Login::Server, 20).unwrap(),
        api: Db::open(&place, Login::Api, 8).unwrap(),
        place,
        database,
    }
}

/// A message as these tests send it.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    pub key: &'a str,
    pub kind: &'a str,
    pub charge: &'a str,
}

impl World {
    /// The token of a new address of the tenant.
    pub async fn endpoint(&self, tenant: Tenant, account: Option<&str>) -> String {
        let mut admin = self.place.connect_admin().await.unwrap();
        inbox::issue(&mut admin, &self.app, tenant.slug, "pay", account).await.unwrap().token
    }

    pub async fn member(&self, tenant: Tenant, role: &str) -> Session {
        enter(&self.api, &Persona::member("till", tenant, role).key.unwrap()).await.unwrap()
    }

    pub async fn send_bytes(&self, token: &str, key: &str, kind: &str, body: &[u8]) -> Receipt {
        let received = Received {
            token,
            key,
            kind: Some(kind),
            body,
            headers: &json!({"content-type": "application/json"}),
            query: "",
            secret: Some("s1"),
            coverage: "whole",
            account: None,
            item: None,
        };
        inbox::receive(&self.server, &received).await.unwrap().unwrap()
    }

    pub async fn send(&self, token: &str, sent: Sent<'_>) -> Receipt {
        let body = json!({"type": sent.kind, "data": {"id": sent.charge}}).to_string();
        self.send_bytes(token, sent.key, sent.kind, body.as_bytes()).await
    }

    /// Sends a new message about a charge.
    pub async fn arrives(&self, token: &str, key: &str, kind: &str, charge: &str) -> Receipt {
        let receipt = self.send(token, Sent { key, kind, charge }).await;
        assert_eq!(receipt.verdict, Verdict::New);
        receipt
    }

    pub async fn claim(&self, worker: &str, most: i32) -> Vec<Claimed> {
        inbox::claim(&self.worker, worker, &["till".into()], most, LEASE).await.unwrap()
    }

    /// As the worker does it: the mapping of the inbox, found by the type.
    pub async fn apply(&self, worker: &str, claimed: &Claimed) -> Applied {
        let mapping = &self.app.inboxes["pay"].messages[claimed.kind.as_deref().unwrap()];
        let body: Value = serde_json::from_slice(&claimed.body).unwrap();
        let data = if claimed.coverage == "polled" { &body } else { &body["data"] };
        let charge = data["id"].as_str().unwrap();
        let wanted = Wanted {
            app: &self.app,
            entity: &mapping.entity,
            find: (&mapping.find.0, charge),
            verb: &mapping.verb,
            input: data.get("input"),
            wait_s: mapping.wait.seconds() as f64,
            late: mapping.late,
            fetched: None,
        };
        inbox::apply_message(&self.worker, worker, claimed, &wanted).await.unwrap()
    }

    /// Claims and applies until nothing is due.
    pub async fn work_off(&self, worker: &str) -> Vec<Applied> {
        let mut all = Vec::new();
        for _ in 0..1000 {
            let claimed = self.claim(worker, 5).await;
            if claimed.is_empty() {
                return all;
            }
            for one in &claimed {
                all.push(self.apply(worker, one).await);
            }
        }
        panic!("there is always something due: {all:?}")
    }

    /// A payment of the tenant in its first state.
    pub fn payment(&self, tenant: Tenant, charge: &str, amount: i64) {
        let clerk = Persona::member("till", tenant, "clerk");
        self.database.psql_as(&clerk, &format!("insert into till_clerk.payment (charge, amount) values ('{charge}', {amount})")).ok();
    }

    /// A bill of the first tenant.
    pub fn bill(&self, gross: i64) -> String {
        let clerk = Persona::member("till", NORDUR, "clerk");
        self.database.psql_as(&clerk, &format!("insert into till_clerk.bill (gross) values ({gross})")).ok();
        self.ask("select id from till.bill order by id desc limit 1")
    }

    pub fn fire(&self, tenant: Tenant, charge: &str, verb: &str) {
        let clerk = Persona::member("till", tenant, "clerk");
        self.database.psql_as(&clerk, &format!("update till_clerk.payment set fire = '{verb}' where charge = '{charge}'")).ok();
    }

    pub fn state(&self, charge: &str) -> String {
        self.ask(&format!("select state from till.payment where charge = '{charge}'"))
    }

    /// As the superuser.
    pub fn ask(&self, statement: &str) -> String {
        self.database.value_as_superuser(statement)
    }

    /// Moves the clock on.
    pub fn later(&self, span: &str) {
        self.database.psql_as_superuser(&format!("update statehouse.clock set now = now + interval '{span}'")).ok();
    }

    pub fn tamper(&self, sql: &str) {
        self.database.psql_as_superuser(sql).ok();
    }

    /// `state code` of each message by key.
    pub fn messages(&self) -> String {
        self.ask("select string_agg(key || ' ' || state || coalesce(' ' || code, ''), ', ' order by key, n) from statehouse.message")
    }
}

/// Whether this crate still means what the fixture says.
#[tokio::test]
async fn the_till_is_as_it_says() {
    let world = world("till").await;
    let errors: Vec<_> = statehouse_definition::check(&world.app);
    let errors: Vec<_> = errors.iter().filter(|finding| finding.severity == statehouse_definition::Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(world.app.inboxes["pay"].messages["payment.expired"].late, Late::Ignore);
}
