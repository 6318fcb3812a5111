//! A crawl of what the server says of itself: every operation of every document, as every role of two tenants. It reads
//! the documents alone; no route is named here.
//!
//! `document` `conform` reading one · `people` who asks · `request` what they send · `strangers` what they may not know ·
//! `steps` the parts of the crawl · `database` whether anything changed · `count` whether anything was left out.

mod conform;
mod count;
mod database;
mod document;
mod people;
mod request;
mod routes;
mod steps;
mod strangers;
mod weakened;

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::json;
use statehouse_http::Settings;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona};
use statehouse_testkit::{Cluster, orders};

use crate::world::World;
use count::Count;
use people::Crawler;

const ROLES: [&str; 5] = ["admin", "rep", "client", "ops", "broker"];

/// Every role of both tenants; the first sees everything of its tenant.
pub struct Everybody {
    pub nordur: BTreeMap<String, Crawler>,
    pub baltyk: BTreeMap<String, Crawler>,
}

impl Everybody {
    async fn enter(world: &World) -> Everybody {
        Everybody { nordur: Crawler::all_of(world, NORDUR, &ROLES).await, baltyk: Crawler::all_of(world, BALTYK, &ROLES).await }
    }

    pub fn all(&self) -> impl Iterator<Item = &Crawler> {
        self.nordur.values().chain(self.baltyk.values())
    }

    /// Who sees everything of the same tenant.
    pub fn admin_of(&self, crawler: &Crawler) -> &Crawler {
        self.tenant(crawler.persona.tenant == NORDUR)
    }

    /// Who sees everything of the other tenant.
    pub fn stranger_to(&self, crawler: &Crawler) -> &Crawler {
        self.tenant(crawler.persona.tenant != NORDUR)
    }

    fn tenant(&self, nordur: bool) -> &Crawler {
        let people = if nordur { &self.nordur } else { &self.baltyk };
        people.get("admin").expect("an admin")
    }

    /// Every pair of somebody and an operation of their document.
    fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        self.all().flat_map(|crawler| crawler.document.operations().map(|operation| (crawler.name(), operation.name())))
    }
}

/// Orders in every state, and a server over them that does not slow a crawler down.
async fn world() -> World {
    let cluster = Cluster::shared();
    let db = cluster.database_from(&orders::in_every_state(cluster), "crawl");
    let mut settings = Settings::default();
    settings.limits.rate_per_key = 1_000_000;
    settings.limits.rate_per_tenant = 1_000_000;
    settings.limits.new_keys_per_address = 1_000_000;
    let world = World::over(db, settings).await;
    scene(&world).await;
    world
}

/// Something of what only HTTP makes, or that is not part of the template: requests from a form, and comments.
async fn scene(world: &World) {
    for tenant in [NORDUR, BALTYK] {
        for name in ["Anna", "Jón", "Kasia"] {
            let request = json!({ "name": name, "phone": "+3545550123", "wanted": "print", "message": "how much" });
            let sent = world.call(Method::POST, &format!("/v1/forms/{}/inquiry_form", tenant.slug), None, Some(&request)).await;
            assert_eq!(sent.status, 202, "{}", sent.body);
        }
        let admin = Persona::member("orders", tenant, "admin");
        let orders = world.call(Method::GET, "/v1/order?limit=200&fields=id", Some(&admin), None).await;
        for order in orders.body["data"].as_array().expect("a page") {
            let comment = json!({ "order": order["id"], "text": "as agreed", "shared": true, "mentions": [] });
            let made = world.call(Method::POST, "/v1/comment", Some(&admin), Some(&comment)).await;
            assert_eq!(made.status, 201, "{}", made.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_as_every_role_of_two_tenants() {
    let world = world().await;
    let everybody = Everybody::enter(&world).await;
    let mut count = Count::default();
    let mut wrong = Vec::new();

    steps::name_things(&everybody).await;
    let before = database::state(&world.db);
    steps::without_credentials(&everybody, &mut count, &mut wrong).await;
    steps::of_others(&everybody, &mut count, &mut wrong).await;
    let changed = database::changed(&before, &database::state(&world.db));
    assert!(changed.is_empty(), "what was refused changed something: {changed:#?}\n{wrong:#?}");

    let before = database::state(&world.db);
    steps::strangers(&everybody, &mut count, &mut wrong).await;
    let changed = database::changed(&before, &database::state(&world.db));
    assert!(changed.is_empty(), "what is not visible was changed: {changed:#?}\n{wrong:#?}");

    let before = database::state(&world.db);
    steps::more_than_asked(&everybody, &mut count, &mut wrong).await;
    let changed = database::changed(&before, &database::state(&world.db));
    assert!(changed.is_empty(), "a key that is not taken changed something: {changed:#?}\n{wrong:#?}");

    steps::as_told(&everybody, &mut count, &mut wrong).await;

    let operations = everybody.pairs().count();
    println!("{operations} operations of {} documents ({} roles × 2 tenants)\n{}", everybody.all().count(), ROLES.len(), count.told());
    for how in count::WAYS {
        let skipped = count.skipped(how, everybody.pairs());
        assert!(skipped.is_empty(), "not {how}: {skipped:#?}");
        assert_eq!(count.of(how), operations);
    }
    for who in ["rep of nordur", "ops of nordur", "broker of nordur"] {
        assert!(
            count.has_done(steps::OUTSIDE, who),
            "{who} has nothing outside the slice: either the slice is everything or nothing was tried"
        );
    }
    let never: Vec<String> =
        everybody.pairs().map(|(_, operation)| operation).filter(|operation| !count.has_succeeded(operation)).collect();
    let never: std::collections::BTreeSet<String> = never.into_iter().collect();
    println!("never carried out for anybody: {never:#?}");
    let moves: Vec<&String> = never.iter().filter(|operation| operation.contains("/transitions/")).collect();
    assert!(moves.is_empty(), "every verb that a document tells moves something for somebody: {moves:#?}");
    assert!(wrong.is_empty(), "{} things are not as told:\n{}", wrong.len(), wrong.join("\n\n"));
}
