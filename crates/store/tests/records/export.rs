//! What is written out is what the session sees.

use statehouse_store::Login;
use statehouse_store::export::{Form, events, records};

use crate::world;

#[tokio::test]
async fn a_client_exports_own_orders_without_what_is_hidden() {
    let world = world::full("export").await;
    let session = world.enter("steinunn").await;
    let mut client = world.place.connect(Login::Api).await.unwrap();
    let (mut csv, mut json) = (Vec::new(), Vec::new());
    let lines = records(&mut client, &session, &world.app, "order", Form::Csv, &mut csv).await.unwrap();
    let objects = records(&mut client, &session, &world.app, "order", Form::Jsonl, &mut json).await.unwrap();
    assert_eq!((lines, objects), (1, 1), "only the golden order is Klettur's");
    let csv = String::from_utf8(csv).unwrap();
    let header = csv.lines().next().unwrap();
    assert!(header.starts_with("id,reference,client,title,") && !header.contains("commission") && !header.contains("seen_by"), "{header}");
    let order: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(order["gross"], serde_json::Value::Null, "amounts are masked before the quote");
    assert_eq!(order["lines"].as_array().unwrap().len(), 3);
    assert!(order["lines"][0].get("cost").is_none());
}

#[tokio::test]
async fn events_of_one_tenant_alone() {
    let world = world::full("export_events").await;
    let mut out = Vec::new();
    let written = events(&mut world.admin().await, "nordur", &mut out).await.unwrap();
    let there: i64 = world.admin_value("select count(*) from statehouse.event").await;
    assert_eq!((written as i64, out.iter().filter(|byte| **byte == b'\n').count() as i64), (there, there));
    let mut none = Vec::new();
    assert_eq!(events(&mut world.admin().await, "baltyk", &mut none).await.unwrap(), 0);
}
