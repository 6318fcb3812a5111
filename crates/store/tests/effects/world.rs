//! A till: sales that owe something to providers of each class, and one that takes money.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use statehouse_store::effects::{self, Claimed, End, Held, Id, Known, Outcome};
use statehouse_store::record::{self, Move, Session, Target};
use statehouse_store::{Db, Login, Place};
use statehouse_testkit::people::{NORDUR, Persona, Tenant};
use statehouse_testkit::{Cluster, TestDatabase, app};
use tokio_postgres::Client;
use uuid::Uuid;

pub const APP: &str = "till";
pub const LEASE: Duration = Duration::from_secs(60);
/// The connectors of the app.
pub const CONNECTORS: [&str; 5] = ["bank", "bell", "post", "teller", "text"];

pub struct World {
    pub db: TestDatabase,
    pub place: Place,
    pub worker: Db,
    pub api: Db,
    pub admin: Client,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../lawtests/apps/till")
}

/// A database of the test's own, greeted, with its gates open.
pub async fn world(hint: &str) -> World {
    let world = ungreeted(hint).await;
    assert!(!effects::greet(&world.worker, None).await.unwrap().restored);
    effects::open_gates(&world.worker, APP, &CONNECTORS).await.unwrap();
    world
}

/// A database that no worker has come to.
pub async fn ungreeted(hint: &str) -> World {
    let hint = hint.to_owned();
    // Making a template blocks on a lock between processes.
    let made = tokio::task::spawn_blocking(move || {
        let cluster = Cluster::shared();
        cluster.database_from(&app::template(cluster, &folder()), &hint)
    });
    let db = made.await.unwrap();
    let place = Place::parse(&db.url("postgres")).unwrap();
    let worker = Db::open(&place, Login::Worker, 16).unwrap();
    let api = Db::open(&place, Login::Api, 4).unwrap();
    let admin = db.connect_as_superuser().await;
    World { db, place, worker, api, admin }
}

/// What a worker knows to speak to, at any pace.
pub fn known(connectors: &[&str]) -> Vec<Known> {
    connectors.iter().map(|name| Known { app: APP.into(), connector: (*name).into(), versions: vec![1], pace: None, most: 1000 }).collect()
}

impl World {
    pub async fn enter(&self, tenant: Tenant, role: &str) -> Session {
        record::enter(&self.api, Persona::member(APP, tenant, role).key.as_deref().unwrap()).await.unwrap()
    }

    /// So many sales of `nordur`, made and moved by `verb` by a clerk; their ids.
    pub async fn sales(&self, verb: &str, count: i32) -> Vec<Uuid> {
        self.sales_of(NORDUR, verb, count).await
    }

    pub async fn sales_of(&self, tenant: Tenant, verb: &str, count: i32) -> Vec<Uuid> {
        let client = self.db.as_persona(&Persona::member(APP, tenant, "clerk")).await;
        let made = client
            .query("insert into till_clerk.sale (amount) select n from generate_series(1, $1) n returning id", &[&count])
            .await
            .unwrap();
        let ids: Vec<Uuid> = made.iter().map(|row| row.get(0)).collect();
        for id in &ids {
            client.execute("update till_clerk.sale set fire = $2 where id = $1", &[id, &verb]).await.unwrap();
        }
        ids
    }

    pub async fn claim(&self, worker: &str, connectors: &[&str], most: i32) -> Vec<Claimed> {
        effects::claim(&self.worker, worker, &known(connectors), most, LEASE).await.unwrap()
    }

    /// Claims the one effect that is due for `connector`.
    pub async fn take(&self, worker: &str, connector: &str) -> Claimed {
        let mut claimed = self.claim(worker, &[connector], 10).await;
        assert_eq!(claimed.len(), 1, "one effect should be due for {connector}");
        claimed.remove(0)
    }

    /// Gives one effect of class K up, and says which.
    pub async fn take_any(&self) -> Id {
        let claimed = self.claim("w1", &["post"], 1).await.remove(0);
        assert!(self.settle("w1", claimed.held, End::Dead).await);
        claimed.id()
    }

    pub async fn settle(&self, worker: &str, held: Held, end: End) -> bool {
        effects::settle(&self.worker, worker, &[Outcome::new(held, end)]).await.unwrap() == [held]
    }

    /// Moves the hand-held clock.
    pub async fn later(&self, seconds: i32) {
        self.admin.execute("update statehouse.clock set now = now + make_interval(secs => $1::int)", &[&seconds]).await.unwrap();
    }

    /// One value as text, asked by the superuser.
    pub async fn text(&self, query: &str) -> String {
        let rows = self.admin.query(&format!("select coalesce(string_agg(v::text, ' '), '') from ({query}) q (v)"), &[]).await.unwrap();
        rows[0].get(0)
    }

    /// `state attempt doubt` of the newest effect of a record.
    pub async fn stands(&self, record: Uuid) -> String {
        let text = format!(
            "select state || ' ' || attempt || case when doubt then ' doubt' else '' end from statehouse.effect where record = '{record}' order by seq desc limit 1"
        );
        self.text(&text).await
    }

    /// Waits until a query says so.
    pub async fn until(&self, query: &str, wanted: &str) {
        for _ in 0..500 {
            if self.text(query).await == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("`{query}` never became {wanted}");
    }

    /// Rewrites a function of the engine: `text` stands in it once, and is `other` from now on.
    pub async fn rewrite(&self, function: &str, text: &str, other: &str) {
        let find = "select pg_get_functiondef(p.oid) from pg_proc p where p.pronamespace = 'statehouse'::regnamespace and p.proname = $1";
        let source: String = self.admin.query_one(find, &[&function]).await.unwrap().get(0);
        assert_eq!(source.matches(text).count(), 1, "`{text}` does not stand once in {function}");
        self.admin.batch_execute(&source.replace(text, other)).await.unwrap();
    }

    pub async fn state(&self, record: Uuid) -> String {
        self.text(&format!("select state from till.sale where id = '{record}'")).await
    }

    pub async fn fire(&self, who: &Session, record: Uuid, verb: &str, input: Option<&Value>) -> Result<String, String> {
        let moved = record::fire(&self.api, who, &Move { input, ..Move::new("sale", Target::Id(record), verb) }).await;
        moved.map(|moved| moved.state).map_err(|fault| fault.fault().code.code.to_owned())
    }
}
