//! What one caller leaves on a pooled connection, the next does not find.

use statehouse_store::{Db, Login};

use crate::world::{ORDER, SHOP, World, app};

#[tokio::test]
async fn a_connection_dropped_in_a_transaction_comes_back_clean() {
    let world = World::with("pool", &app(SHOP, ORDER)).await;
    let db = Db::open(&world.place, Login::Api, 1).expect("a pool");
    let leave = [
        "begin; select pg_advisory_xact_lock(7)",
        "set statehouse.session = 'somebody else''s'",
        "select pg_advisory_lock(8)",
        "listen news",
    ];
    for sql in leave {
        let first = db.get().await.expect("a connection");
        let mine: i32 = first.query_one("select pg_backend_pid()", &[]).await.expect("an id").get(0);
        first.batch_execute(sql).await.expect("left behind");
        drop(first);

        let second = db.get().await.expect("a connection");
        let row = second
            .query_one(
                "select pg_backend_pid(), (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
                        coalesce(current_setting('statehouse.session', true), ''), (select count(*) from pg_listening_channels())",
                &[],
            )
            .await
            .expect("asked");
        assert_eq!(row.get::<_, i32>(0), mine, "the same connection, else this proves nothing");
        assert_eq!((row.get::<_, i64>(1), row.get::<_, String>(2), row.get::<_, i64>(3)), (0, String::new(), 0), "{sql}");
    }
}

#[tokio::test]
async fn a_connection_dropped_in_a_failed_transaction_is_not_used_again() {
    let world = World::with("pool", &app(SHOP, ORDER)).await;
    let db = Db::open(&world.place, Login::Api, 1).expect("a pool");
    let first = db.get().await.expect("a connection");
    first.batch_execute("begin; select 1 / 0").await.expect_err("a failure");
    drop(first);
    let second = db.get().await.expect("a connection");
    assert_eq!(second.query_one("select 1", &[]).await.expect("usable").get::<_, i32>(0), 1);
}
