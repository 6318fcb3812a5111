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

/// Whoever holds a login may change what all who share it begin with, but not what the server begins with.
#[tokio::test]
async fn the_server_begins_with_its_own_settings() {
    let world = World::with("steady", &app(SHOP, ORDER)).await;
    let somebody = world.database.connect("statehouse_api").await;
    let name = world.database.name();
    for (setting, value, expected) in [
        ("search_path", "nowhere", "pg_catalog,pg_temp"),
        ("row_security", "off", "on"),
        ("default_transaction_isolation", "serializable", "read committed"),
        ("default_transaction_read_only", "on", "off"),
        ("statement_timeout", "1", "0"),
        ("lock_timeout", "1", "0"),
        ("idle_in_transaction_session_timeout", "1", "0"),
        ("idle_session_timeout", "10000", "0"),
        ("timezone", "Asia/Tokyo", "UTC"),
        ("datestyle", "German", "ISO, MDY"),
        ("bytea_output", "escape", "hex"),
        ("standard_conforming_strings", "off", "on"),
        ("plan_cache_mode", "force_generic_plan", "auto"),
        ("local_preload_libraries", "nowhere", ""),
    ] {
        somebody.batch_execute(&format!("alter role statehouse_api in database {name} set {setting} = '{value}'")).await.expect(setting);
        let db = Db::open(&world.place, Login::Api, 1).expect("a pool");
        let server = db.get().await.expect(setting);
        let said: String = server.query_one("select current_setting($1)", &[&setting]).await.expect("said").get(0);
        assert_eq!(said, expected, "{setting}");
        // Another client does begin with it, else this proves nothing.
        let client = world.database.config("statehouse_api").connect(tokio_postgres::NoTls).await;
        match client {
            Err(fault) => assert_eq!(setting, "local_preload_libraries", "{fault:?}"),
            Ok((client, connection)) => {
                let asked = async { client.simple_query(&format!("select current_setting('{setting}')")).await };
                tokio::select! {
                    _ = connection => panic!("{setting}: the connection ended"),
                    said = asked => assert!(!format!("{said:?}").contains(&format!("Some(\"{expected}\")")), "{setting}: {said:?}"),
                }
            }
        }
        somebody.batch_execute(&format!("alter role statehouse_api in database {name} reset all")).await.expect("reset");
    }
}
