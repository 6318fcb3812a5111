//! The engine and the first app, as large and odd as they are, made by a plan alone.

use std::path::Path;

use statehouse_compile::plan::{CATALOG, Kind, PREPARE, Snapshot, diff, render};

use crate::world::{Place, apply, no_text};

async fn read(place: &Place) -> Snapshot {
    let ours = "select coalesce(array_agg(nspname::text), '{}') from pg_namespace where nspname ~ '^(statehouse|orders)'";
    let schemas: Vec<String> = place.client.query_one(ours, &[]).await.expect("schemas").get(0);
    let roles = vec!["statehouse_owner".to_owned()];
    place.client.batch_execute(PREPARE).await.expect("prepared");
    let sql = format!("select kind, schema, name, part, facts::text from (\n{CATALOG}\n) q");
    let rows = place.client.query(&sql, &[&schemas, &roles]).await.expect("catalog");
    place.client.batch_execute("rollback").await.expect("closed");
    let mut snapshot = Snapshot::default();
    for row in rows {
        snapshot.add(row.get(0), row.get(1), row.get(2), row.get(3), row.get(4)).expect("readable");
    }
    snapshot
}

/// The engine, then the app as its compiler orders it.
async fn install(place: &Place) {
    place.client.batch_execute(&statehouse_compile::engine::install()).await.expect("engine");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/orders");
    let app = statehouse_definition::load(&folder).app.expect("a sound app");
    for object in statehouse_compile::compile(&app).expect("compiled").objects {
        if let Err(cause) = place.client.batch_execute(&object.sql).await {
            panic!("{}: {cause:?}\n{}", object.id, object.sql);
        }
    }
}

#[tokio::test]
async fn a_plan_makes_what_the_scripts_make() {
    let scratch = Place::empty("plan_orders_scratch").await;
    install(&scratch).await;
    let desired = read(&scratch).await;
    for schema in ["statehouse", "orders", "orders_rep"] {
        let relations = desired.objects.keys().filter(|id| id.schema == schema && matches!(id.kind, Kind::Table | Kind::View)).count();
        assert!(relations > 1, "`{schema}` has relations: {relations}");
    }
    let live = Place::empty("plan_orders_live").await;
    let found = diff(&read(&live).await, &desired, &no_text, None);
    apply(&found, &live).await.unwrap_or_else(|why| panic!("{why}\n{}", render(&found)));
    let again = diff(&read(&live).await, &desired, &no_text, None);
    assert!(again.is_empty() && again.unmanaged.is_empty(), "{}\n{:#?}", render(&again), again.steps);
}
