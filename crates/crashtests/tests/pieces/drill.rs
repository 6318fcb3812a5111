//! The drill on an engine without bugs.

use statehouse_crashtests::{drill, scene};
use statehouse_testkit::{Cluster, app};

#[tokio::test(flavor = "multi_thread")]
async fn every_door_holds() {
    let cluster = Cluster::shared();
    let db = cluster.database_from(&app::template(cluster, &scene::folder()), "drill");
    if let Err(breach) = drill::run(&db).await {
        panic!("{breach}");
    }
}
