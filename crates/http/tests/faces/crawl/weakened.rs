//! A crawl that finds nothing is worth as much as what it finds where something is wrong.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::json;
use statehouse_testkit::people::{NORDUR, Persona};

use super::people::{Ask, Crawler};
use super::strangers::{Variant, compare, timed};
use super::{Everybody, steps, world};

const HIDDEN: &str = "0199a000-0000-7000-8000-000000000001";
const MISSING: &str = "0199a000-0000-7000-8000-000000000002";

fn variants(path: &str) -> Vec<Variant> {
    [("an id that is not there", MISSING), ("an id outside the slice", HIDDEN)]
        .into_iter()
        .map(|(what, id)| (what, id.to_owned(), Ask::get(format!("{path}/{id}"))))
        .collect()
}

/// A server whose 404 differs where something is hidden: in a word, in a header, in its status, in its time; or not at all.
async fn leaky() -> Crawler {
    let told = |id: &str, hidden: &str| json!({ "detail": if id == HIDDEN { hidden } else { "there is none" } }).to_string();
    let router =
        Router::new()
            .route("/openapi.json", get(|| async { axum::Json(json!({ "paths": {} })) }))
            .route("/same/{id}", get(move |Path(id): Path<String>| async move { (StatusCode::NOT_FOUND, told(&id, "there is none")) }))
            .route(
                "/word/{id}",
                get(move |Path(id): Path<String>| async move { (StatusCode::NOT_FOUND, told(&id, "there is none of yours")) }),
            )
            .route(
                "/echo/{id}",
                get(|Path(id): Path<String>| async move { (StatusCode::NOT_FOUND, if id == HIDDEN { id } else { String::new() }) }),
            )
            .route(
                "/header/{id}",
                get(|Path(id): Path<String>| async move {
                    (StatusCode::NOT_FOUND, [("x-cache", if id == HIDDEN { "hit" } else { "miss" })], "")
                }),
            )
            .route(
                "/status/{id}",
                get(|Path(id): Path<String>| async move { if id == HIDDEN { StatusCode::FORBIDDEN } else { StatusCode::NOT_FOUND } }),
            )
            .route(
                "/time/{id}",
                get(|Path(id): Path<String>| async move {
                    // What is planted is the time itself: as much as a busy machine does not hide.
                    tokio::time::sleep(std::time::Duration::from_millis(if id == HIDDEN { 40 } else { 1 })).await;
                    StatusCode::NOT_FOUND
                }),
            );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    Crawler::over(format!("http://{address}"), Persona::member("orders", NORDUR, "rep")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_404_that_tells_is_noticed() {
    let crawler = leaky().await;
    assert_eq!(compare(&crawler, "same", &variants("/same")).await, None);
    for telling in ["/word", "/header", "/status", "/echo"] {
        assert!(compare(&crawler, telling, &variants(telling)).await.is_some(), "{telling} was not noticed");
    }
    let mut seen = Vec::new();
    assert_eq!(timed(&crawler, "same", &variants("/same"), &mut seen).await, None);
    assert!(timed(&crawler, "time", &variants("/time"), &mut seen).await.is_some(), "the time was not noticed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_was_widened_is_noticed() {
    let world = world().await;
    let everybody = Everybody::enter(&world).await;
    let rep = everybody.nordur.get("rep").expect("a rep");
    let mut all = Vec::new();
    for operation in rep.document.operations() {
        for variants in steps::unknown(&everybody, rep, operation).await {
            all.push((operation.name(), variants));
        }
    }
    let told = async || {
        let mut wrong = Vec::new();
        for (name, variants) in &all {
            wrong.extend(compare(rep, name, variants).await);
        }
        wrong
    };
    assert_eq!(told().await, Vec::<String>::new());
    world.db.psql_as_superuser("alter policy rep_sees on orders.\"order\" using (true);").ok();
    let wrong = told().await;
    assert!(wrong.iter().any(|one| one.contains("get /v1/order/{id} ")), "a widened policy was not noticed: {wrong:#?}");
}
