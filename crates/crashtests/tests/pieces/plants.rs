//! Planting bugs in a database of the proof's app.

use statehouse_crashtests::operator::{self, Kind};
use statehouse_crashtests::rows::Rows;
use statehouse_crashtests::{plant, scene};
use statehouse_testkit::{Cluster, app};

#[tokio::test(flavor = "multi_thread")]
async fn each_can_be_planted_and_each_operator_finds_a_place() {
    let cluster = Cluster::shared();
    let db = cluster.database_from(&app::template(cluster, &scene::folder()), "plants");
    let rows = Rows::connect(&db).await;
    let plants = plant::all(&rows).await;
    let mut broken = Vec::new();
    for one in &plants {
        // As they will be: by the superuser, and taken back.
        let planted = rows.client().batch_execute(&format!("begin; {}; rollback", one.sql)).await;
        if let Err(cause) = planted {
            broken.push(format!(
                "{}: {}",
                one.name,
                cause.as_db_error().map_or_else(|| cause.to_string(), |error| error.message().to_owned())
            ));
            rows.client().batch_execute("rollback").await.expect("rolled back");
        }
    }
    let idle: Vec<String> = operator::all()
        .into_iter()
        .filter(|operator| operator.kind != Kind::Source && !plants.iter().any(|plant| plant.operator.id == operator.id))
        .map(|operator| operator.id)
        .collect();
    let nowhere: Vec<String> =
        include_str!("../../data/nowhere.csv").lines().skip(1).filter_map(|line| Some(line.split(',').next()?.to_owned())).collect();
    assert!(broken.is_empty(), "these are not even SQL: {broken:#?}");
    assert_eq!(idle, nowhere, "these operators find no place, and these are listed so");
}
