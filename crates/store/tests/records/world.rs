//! A database with the orders app, its people and its demo data.

use std::path::{Path, PathBuf};

use statehouse_compile::plan::Mapping;
use statehouse_definition::App;
use statehouse_store::import::{Import, Report, RuleImport, Source, import, import_rules};
use statehouse_store::people::{self, Instead, Key, People, Tenant};
use statehouse_store::record::{Session, enter};
use statehouse_store::{Db, Login, Place, apply};
use statehouse_testkit::{Cluster, TestDatabase};
use tokio_postgres::Client;

pub struct World {
    /// Dropped with the world.
    _database: TestDatabase,
    pub place: Place,
    pub app: App,
    pub api: Db,
    pub keys: Vec<Key>,
}

pub fn orders() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/orders")
}

pub fn app() -> App {
    statehouse_definition::load(&orders()).app.unwrap()
}

pub fn read(name: &str) -> Source {
    let text = std::fs::read_to_string(orders().join("data").join(name)).unwrap();
    Source { name: name.into(), text }
}

/// With people and rule tables, without records.
pub async fn empty(hint: &str) -> World {
    world("orders people", hint, false).await
}

/// With all the demo data of `nordur`.
pub async fn full(hint: &str) -> World {
    world("orders data", hint, true).await
}

async fn world(template: &str, hint: &str, data: bool) -> World {
    let (template, hint) = (template.to_owned(), hint.to_owned());
    // Making a template blocks on a lock between processes, and starts a runtime of its own.
    let made = tokio::task::spawn_blocking(move || {
        let cluster = Cluster::shared();
        let name = cluster.template(&template, |database| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(fill(database, data));
        });
        cluster.database_from(&name, &hint)
    });
    let database = made.await.unwrap();
    let place = Place::parse(&database.url("postgres")).unwrap();
    let mut admin = place.connect_admin().await.unwrap();
    let keys = people::issue_keys(&mut admin, "orders", "test", Instead::OfNone).await.unwrap();
    let api = Db::open(&place, Login::Api, 8).unwrap();
    World { _database: database, place, app: app(), api, keys }
}

async fn fill(database: &TestDatabase, data: bool) {
    let place = Place::parse(&database.url("postgres")).unwrap();
    let app = app();
    apply::apply_now(&place, &app, &Mapping::default(), &[]).await.unwrap();
    let mut admin = place.connect_admin().await.unwrap();
    people::ensure(&mut admin, &app, &demo_people()).await.unwrap();
    if data {
        let report = bring(&place, &app, "client", &["nordur/clients.csv"]).await;
        assert_eq!((report.added, &report.bad[..]), (34, &[][..]));
        let files = ["nordur/orders.csv", "nordur/orders.lines.csv", "nordur/orders.json"];
        let report = bring(&place, &app, "order", &files).await;
        assert_eq!((report.added, &report.bad[..]), (189, &[][..]));
    }
    let tariff = RuleImport { app: &app, table: "tariff", tenant: "baltyk" };
    let report = import_rules(&mut admin, tariff, &read("baltyk/tariff.csv")).await.unwrap();
    assert_eq!((report.added, report.bad.len()), (1, 0));
}

/// The names of `people.yaml` that these tests speak of; the file itself is read by the binary.
fn demo_people() -> People {
    let member = |name: &str, email: &str, role: &str| people::Member {
        name: name.into(),
        email: email.into(),
        role: role.into(),
        extra: vec![],
        revoked: vec![],
    };
    let tenant = |slug: &str, market: &str, members: Vec<people::Member>| Tenant {
        slug: slug.into(),
        name: slug.into(),
        market: Some(market.into()),
        members,
    };
    let mut nordur = vec![member("Sigríður Halldórsdóttir", "sigridur@nordur.example", "admin")];
    for name in ["birkir", "thordis", "annalind", "michael"] {
        nordur.push(member(name, &format!("{name}@nordur.example"), "rep"));
    }
    nordur.push(member("Guðmundur Steinar Pálsson", "gudmundur@nordur.example", "ops"));
    nordur.push(member("Hrafnkell Bergþórsson", "hrafnkell@tollmidlun.example", "broker"));
    for email in [
        "steinunn@klettur.example",
        "egill@nordanatt.example",
        "ragnhildur@stapaborg.example",
        "oliver.prescott@harrowlane.example",
        "beata@mechanik-kef.example",
        "jokull@heidalond.example",
    ] {
        nordur.push(member(email, email, "client"));
    }
    let baltyk = vec![
        member("Małgorzata Sikorska", "malgorzata.sikorska@baltyk.example", "admin"),
        member("Krzysztof Domański", "krzysztof.domanski@baltyk.example", "rep"),
    ];
    People { tenants: vec![tenant("nordur", "IS", nordur), tenant("baltyk", "PL", baltyk)] }
}

pub async fn bring(place: &Place, app: &App, entity: &str, files: &[&str]) -> Report {
    let sources: Vec<Source> = files.iter().map(|name| read(name)).collect();
    bring_text(place, app, entity, &sources).await
}

pub async fn bring_text(place: &Place, app: &App, entity: &str, sources: &[Source]) -> Report {
    let admin = place.connect_admin().await.unwrap();
    let mut worker = place.connect(Login::Worker).await.unwrap();
    import(&admin, &mut worker, Import { app, entity, tenant: "nordur", partial: false }, sources).await.unwrap()
}

impl World {
    pub async fn admin(&self) -> Client {
        self.place.connect_admin().await.unwrap()
    }

    /// Enters as the member whose address begins so.
    pub async fn enter(&self, member: &str) -> Session {
        let key = self.keys.iter().find(|key| key.member.starts_with(member)).unwrap();
        enter(&self.api, &key.key).await.unwrap()
    }

    pub async fn admin_value<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, text: &str) -> T {
        self.admin().await.query_one(text, &[]).await.unwrap().get(0)
    }
}
