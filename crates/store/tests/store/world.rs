//! Small apps as text, and databases to apply them to.

use std::path::Path;

use statehouse_compile::plan::Mapping;
use statehouse_definition::{App, Severity, SourceFile, check, read};
use statehouse_store::apply::{self, Applied, Proposal, propose};
use statehouse_store::{Place, StoreFault};
use statehouse_testkit::{Cluster, TestDatabase};

pub const SHOP: &str = "\
app: shop
locales: [en]
currency: EUR
time_zone: UTC
roles: { rep: {}, admin: { capabilities: [order.hurry] } }
capabilities: { order.hurry: { en: Hurry } }
";

pub const ORDER: &str = "\
entity: order
fields:
  rep: { type: member, required: true }
  title: { type: text, required: true }
  urgent: { type: bool, required: true, default: \"false\" }
  note: { type: text }
states:
  open: { initial: true, owner: rep, may_wait: forever }
  packed: { owner: rep, may_wait: forever }
  done: { final: true }
transitions:
  pack: { from: open, to: packed, by: [rep] }
  finish: { from: packed, to: done, by: [rep, order.hurry] }
access:
  admin: { see: all, create: true, edit: all }
  rep: { see: \"rep = actor()\", create: true, edit: { open: [title, urgent, note] } }
";

/// The app of these two files; it must be sound.
pub fn app(shop: &str, order: &str) -> App {
    let files =
        [("app.yaml", shop), ("entities/order.yaml", order)].map(|(path, text)| SourceFile { path: path.into(), text: text.into() });
    let loaded = read(&files);
    let app = loaded.app.unwrap_or_else(|| panic!("{:#?}", loaded.findings));
    let errors: Vec<_> = check(&app).into_iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    app
}

/// The orders app of this repository.
pub fn orders() -> App {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/orders");
    statehouse_definition::load(&folder).app.expect("the orders app is sound")
}

/// An empty database of its own.
pub struct World {
    pub place: Place,
    pub database: TestDatabase,
}

impl World {
    pub fn new(hint: &str) -> World {
        World::on(Cluster::shared(), hint)
    }

    pub fn on(cluster: &Cluster, hint: &str) -> World {
        let database = cluster.database(hint);
        let place = Place::parse(&database.url("postgres")).expect("a URL");
        World { place, database }
    }

    /// With `app` applied.
    pub async fn with(hint: &str, app: &App) -> World {
        let world = World::new(hint);
        world.apply(app).await.expect("applied");
        world
    }

    pub async fn apply(&self, app: &App) -> Result<Applied, StoreFault> {
        apply::apply_now(&self.place, app, &Mapping::default(), &[]).await
    }

    pub async fn propose(&self, app: &App) -> Proposal {
        propose(&self.place, app, &Mapping::default()).await.expect("proposed")
    }

    /// Fails with the plan unless nothing is to be done.
    pub async fn settled(&self, app: &App) {
        let proposal = self.propose(app).await;
        assert!(!proposal.has_changes(), "{}", statehouse_compile::plan::render(&proposal.plan));
        assert_eq!(proposal.plan.unmanaged, []);
    }

    pub fn tamper(&self, sql: &str) {
        self.database.psql_as_superuser(sql).ok();
    }
}

/// The code of a refusal.
pub fn code<T: std::fmt::Debug>(result: Result<T, StoreFault>) -> &'static str {
    let fault = result.expect_err("a refusal");
    let code = fault.fault().code.code;
    if code == "SH5001" {
        panic!("{fault:?}");
    }
    code
}
