//! Orders in every state, and people who ask for them.

use axum::http::{Method, Request};
use serde_json::Value;
use statehouse_testkit::people::{NORDUR, Persona};
use statehouse_testkit::{Cluster, orders};

use crate::world::{Answer, World};

/// A server over orders in every state.
pub async fn world(hint: &str) -> World {
    let cluster = Cluster::shared();
    let db = cluster.database_from(&orders::in_every_state(cluster), hint);
    World::over(db, statehouse_http::Settings::default()).await
}

pub fn member(role: &str) -> Persona {
    Persona::member("orders", NORDUR, role)
}

/// One request with headers.
pub async fn ask(world: &World, who: &Persona, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(world.url(path));
    request = request.header("authorization", format!("Bearer {}", who.key.as_deref().unwrap_or_default()));
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(body.unwrap_or_default().to_owned().into()).expect("a request")).await
}

pub async fn get(world: &World, who: &Persona, path: &str) -> Answer {
    ask(world, who, Method::GET, path, &[], None).await
}

/// Fires a verb with headers.
pub async fn fire(world: &World, who: &Persona, id: &str, verb: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
    ask(world, who, Method::POST, &format!("/v1/order/{id}/transitions/{verb}"), headers, body).await
}

/// The id of the order with this title.
pub fn order(world: &World, title: &str) -> String {
    world.db.value_as_superuser(&format!("select id from orders.\"order\" where title = '{title}'"))
}

pub fn count(world: &World, from: &str) -> i64 {
    world.db.value_as_superuser(&format!("select count(*) from {from}")).parse().expect("a number")
}

pub fn titles(answer: &Answer) -> Vec<String> {
    let title = |record: &Value| record["title"].as_str().unwrap_or_default().to_owned();
    answer.body["data"].as_array().map(|all| all.iter().map(title).collect()).unwrap_or_default()
}
