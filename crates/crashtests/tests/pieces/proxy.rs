//! The proxy against a real server.

use std::time::Duration;

use statehouse_crashtests::proxy::{Cut, Proxy};
use statehouse_testkit::{Cluster, TestDatabase};
use tokio_postgres::{Client, NoTls};

const ROLE: &str = "crash_client";

struct Scene {
    db: TestDatabase,
    proxy: Proxy,
    _dir: tempfile::TempDir,
}

fn scene(hint: &str) -> Scene {
    let cluster = Cluster::shared();
    cluster.login_role(ROLE);
    let db = cluster.database(hint);
    db.psql_as_superuser("create table public.thing (id int primary key); grant select, insert on public.thing to crash_client").ok();
    let dir = tempfile::tempdir().expect("a directory");
    let proxy = Proxy::start(dir.path(), cluster.socket_dir()).expect("a proxy");
    Scene { db, proxy, _dir: dir }
}

impl Scene {
    async fn client(&self) -> Client {
        let mut config = self.db.config(ROLE);
        config = {
            let mut through = tokio_postgres::Config::new();
            through.host_path(self.proxy.dir()).port(5432).user(ROLE).dbname(config.get_dbname().expect("a name"));
            through
        };
        let (client, connection) = config.connect(NoTls).await.expect("the proxy connects");
        tokio::spawn(connection);
        client
    }

    /// How many rows there are once nobody is in the middle of anything.
    fn rows(&self) -> String {
        let busy =
            "select count(*) from pg_stat_activity where usename = 'crash_client' and datname = current_database() and state <> 'idle'";
        let quiet = (0..500).any(|_| self.db.value_as_superuser(busy) == "0");
        assert!(quiet, "a session is left in the middle of something");
        self.db.value_as_superuser("select count(*) from public.thing")
    }
}

async fn pipelined(client: &Client) -> Result<(), tokio_postgres::Error> {
    let insert = client.prepare("insert into public.thing values ($1)").await?;
    let (begun, inserted, ended) =
        tokio::join!(client.batch_execute("begin"), client.execute(&insert, &[&1_i32]), client.batch_execute("commit"));
    begun?;
    inserted?;
    ended
}

async fn check(hint: &str, cut: Cut, expected: &str) {
    let scene = scene(hint);
    for pipeline in [true, false] {
        scene.db.psql_as_superuser("truncate public.thing").ok();
        let client = scene.client().await;
        scene.proxy.arm(cut, "insert into public.thing");
        let before = scene.proxy.cuts();
        let told = if pipeline {
            pipelined(&client).await
        } else {
            client.execute("insert into public.thing values ($1)", &[&1_i32]).await.map(drop)
        };
        assert!(told.is_err(), "{cut:?}: the client was told that it is written");
        tokio::time::timeout(Duration::from_secs(20), scene.proxy.has_cut(before + 1)).await.expect("it cuts");
        assert_eq!(scene.rows(), expected, "{cut:?}, pipelined: {pipeline}");
        let again = scene.client().await;
        let read = again.query_one("select count(*) from public.thing", &[]).await.expect("a new line is whole");
        assert_eq!(read.get::<_, i64>(0).to_string(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_it_is_forwarded_nothing_is_written() {
    check("cut_before", Cut::BeforeForward, "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_it_is_forwarded_it_is_written_and_nobody_hears_of_it() {
    check("cut_after", Cut::AfterForward, "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_it_is_relayed_it_is_written() {
    check("cut_relay", Cut::BeforeRelay, "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cut_nothing_is_noticed_and_a_refusal_is_relayed() {
    let scene = scene("cut_never");
    let client = scene.client().await;
    pipelined(&client).await.expect("it is written");
    scene.proxy.arm(Cut::BeforeRelay, "insert into public.thing");
    let refused = pipelined(&client).await.expect_err("the same row twice");
    assert_eq!(refused.code().map(|code| code.code().to_owned()).as_deref(), Some("23505"));
    client.batch_execute("rollback").await.expect("the line is whole");
    assert_eq!((scene.rows().as_str(), scene.proxy.cuts()), ("1", 0));
}
