//! A database of its own, a sandbox of its own, and workers over both.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use statehouse_connect::egress::{Client, Network, System};
use statehouse_connect::secrets::Secrets;
use statehouse_sandbox::{Line, Sandbox};
use statehouse_settings::{Connector, Settings};
use statehouse_store::Place;
use statehouse_testkit::people::{NORDUR, Persona, Tenant};
use statehouse_testkit::{Cluster, TestDatabase, app};
use statehouse_worker::{Turned, Worker};

/// The app of these tests.
pub const APP: &str = "outward";
/// When every test begins, in microseconds since 1970: noon of 2026-11-20.
const NOON_US: i64 = 1_795_176_000_000_000;
/// What customs signs with; the scheme wants this form.
pub const HOOK_SECRET: &str = "whsec_c3RhdGVob3VzZSB3b3JrZXIgdGVzdHMgMjQ=";

/// A database, a sandbox, and how a worker reaches both.
pub struct World {
    /// The database.
    pub db: TestDatabase,
    /// The providers.
    pub sandbox: Sandbox,
    /// How workers are set.
    pub settings: Settings,
    /// What workers reach others by.
    pub network: Arc<dyn Network>,
    /// Authorities that they trust.
    pub roots: Option<Vec<u8>>,
    scene: tokio_postgres::Client,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/outward")
}

impl World {
    /// Both tenants with no record. The clocks of the database and of the sandbox stand at the same moment.
    pub async fn new() -> World {
        let cluster = Cluster::shared();
        let template = app::template(cluster, &folder());
        let db = cluster.database_from(&template, "worker");
        let sandbox = Sandbox::start(statehouse_sandbox::Settings::default()).await.expect("a sandbox");
        sandbox.clock().hold(NOON_US);
        let mut settings = Settings::default();
        settings.worker.poll_ms = 50;
        for (connector, provider) in [("k", "k"), ("q", "q"), ("n", "n"), ("l", "k"), ("customs", "customs")] {
            settings.connectors.insert(connector.into(), Connector { base: sandbox.base(provider), ..Connector::default() });
        }
        let text = Connector { base: sandbox.base("k"), settings: [("sender".to_owned(), "us".to_owned())].into() };
        settings.connectors.insert("text".into(), text);
        let scene = db.connect_as_superuser().await;
        World { db, sandbox, settings, network: Arc::new(System), roots: None, scene }
    }

    /// The same world over another database.
    pub async fn over(self, db: TestDatabase) -> World {
        let scene = db.connect_as_superuser().await;
        World { db, scene, ..self }
    }

    /// A worker by the name of `id`.
    pub async fn worker(&self, id: &str) -> Worker {
        let mut settings = self.settings.clone();
        settings.worker.id = id.into();
        let place = Place::parse(&self.db.url("postgres")).expect("a place");
        let client = Client::new(Arc::clone(&self.network), self.roots.as_deref()).expect("a client");
        let named = [("CUSTOMS_KEY", "account_nordur"), ("CUSTOMS_HOOK", HOOK_SECRET)];
        let secrets = Secrets::read(None, named.into_iter().map(|(name, value)| (format!("STATEHOUSE_SECRET_{name}"), value.to_owned())));
        Worker::new(&settings, place, secrets.expect("secrets"), client).await.expect("a worker")
    }

    /// Somebody of the first tenant makes notes of these titles and fires a verb on each.
    pub fn notes(&self, titles: &[&str], verb: &str) {
        self.made(NORDUR, "note", titles, verb);
    }

    /// The same in another tenant.
    pub fn notes_of(&self, tenant: Tenant, titles: &[&str], verb: &str) {
        self.made(tenant, "note", titles, verb);
    }

    /// A payment of this title, with a verb fired on it.
    pub fn payment(&self, title: &str, verb: &str) {
        self.made(NORDUR, "payment", &[title], verb);
    }

    fn made(&self, tenant: Tenant, entity: &str, titles: &[&str], verb: &str) {
        let list: Vec<String> = titles.iter().map(|title| format!("'{title}'")).collect();
        let list = format!("array[{}]::text[]", list.join(", "));
        let script = format!(
            "insert into outward_admin.{entity} (title) select unnest({list});\n\
             update outward_admin.{entity} set fire = '{verb}' where title = any ({list});"
        );
        self.db.psql_as(&admin(tenant), &script).ok();
    }

    /// Parcels of the first tenant by these codes.
    pub fn parcels(&self, codes: &[&str]) {
        let list: Vec<String> = codes.iter().map(|code| format!("('{code}')")).collect();
        self.db.psql_as(&admin(NORDUR), &format!("insert into outward_admin.parcel (code) values {};", list.join(", "))).ok();
    }

    /// Where a payment stands: `state|ref|why`.
    pub fn stands(&self, title: &str) -> String {
        self.db.value_as(&admin(NORDUR), &format!("select state, ref, why from outward_admin.payment where title = '{title}'"))
    }

    /// How many effects are in each state: `done 3, due 1`.
    pub async fn states(&self) -> String {
        self.ask("select coalesce(string_agg(state || ' ' || n, ', ' order by state), '') from (select state, count(*) n from statehouse.effect group by 1) s").await
    }

    /// One text, asked behind the scene.
    pub async fn ask(&self, question: &str) -> String {
        let rows = self.scene.simple_query(question).await.expect("an answer");
        let row = rows.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        });
        row.unwrap_or_default()
    }

    /// Moves both clocks on.
    pub async fn wait(&self, span: Duration) {
        self.ask(&format!("update statehouse.clock set now = now + interval '{} microseconds'", span.as_micros())).await;
        self.sandbox.clock().advance(span);
    }

    /// Turns the worker until nothing more is due within `within`, with the clocks moved to what is due next.
    pub async fn settle(&self, worker: &Worker, within: Duration) -> Turned {
        let mut turned = worker.turn().await.expect("a turn");
        let mut waited = Duration::ZERO;
        for _ in 0..1000 {
            let Some(next) = worker.next().await.expect("an answer") else { return turned };
            // A little more, since a pause ends between two moments of the clock.
            let next = next + Duration::from_micros(1);
            if waited + next > within {
                return turned;
            }
            waited += next;
            self.wait(next).await;
            turned += worker.turn().await.expect("a turn");
        }
        panic!("it never ends: {turned:?}");
    }

    /// How often something happened at a provider, by key or reference.
    pub fn effects(&self, provider: &str) -> Vec<usize> {
        self.sandbox.effects(provider).into_values().collect()
    }

    /// The requests that came to a provider to have something done.
    pub fn sends(&self, provider: &str) -> Vec<Line> {
        self.sandbox.log(provider).into_iter().filter(|line| line.op == "send").collect()
    }
}

/// The administrator of a tenant.
pub fn admin(tenant: Tenant) -> Persona {
    Persona::member(APP, tenant, "admin")
}
