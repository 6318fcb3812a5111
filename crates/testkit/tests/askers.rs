//! A test database, and the checks that make a test about roles mean something.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use statehouse_testkit::{Cluster, TestDatabase, Verbosity};

#[test]
fn a_database_is_fresh_and_gone_after_its_test() {
    let cluster = Cluster::shared();
    let (one, two) = (cluster.database("It's fresh!"), cluster.database("It's fresh!"));
    assert_ne!(one.name(), two.name());
    one.psql_as_superuser("create table kept ()").ok();
    assert_eq!(two.value_as_superuser("select to_regclass('kept') is null"), "t");
    let name = one.name().to_owned();
    drop(one);
    assert_eq!(two.value_as_superuser(&format!("select count(*) from pg_database where datname = '{name}'")), "0");
}

#[test]
fn fsync_is_on() {
    let database = Cluster::shared().database("fsync");
    assert_eq!(database.value_as_superuser("show fsync"), "on");
}

#[test]
fn psql_runs_as_the_role_and_shows_its_errors() {
    let cluster = Cluster::shared();
    cluster.login_role("testkit_reader");
    let database = cluster.database("errors");
    database.psql_as_superuser("create table closed (n int)").ok();
    let run = database.psql("testkit_reader", "select session_user;\nselect n from closed;\nselect 'after';");
    assert_eq!(run.stdout, "  session_user  \n----------------\n testkit_reader\n(1 row)\n\n ?column? \n----------\n after\n(1 row)\n\n");
    assert_eq!(run.stderr, "ERROR:  permission denied for table closed\n");
    assert_eq!(run.status, 0);
    assert_panics("permission denied for table closed", || _ = run.ok());
    assert_panics("permission denied for table closed", || _ = database.value("testkit_reader", "select n from closed"));
    assert_eq!(database.value("testkit_reader", "select 'Zamówienie', 2 union all select 'b', 3"), "Zamówienie|2\nb|3");

    let run = database.psql_with("testkit_reader", Verbosity::Sqlstate, "select n from closed");
    assert_eq!(run.stderr, "ERROR:  42501\n");
    let text = database.transcript("testkit_reader", Verbosity::Terse, "select 1 as one;\nselect n from closed;\nselect 2 as two;");
    assert_eq!(
        text,
        "select 1 as one;\n one \n-----\n   1\n(1 row)\n\nselect n from closed;\nERROR:  permission denied for table closed\n\
         select 2 as two;\n two \n-----\n   2\n(1 row)\n\n"
    );
}

#[test]
fn a_role_that_proves_nothing_is_refused() {
    let cluster = Cluster::shared();
    let database = cluster.database("askers");
    // The owner of an engine installed here never logs in; this one does, and must be turned away all the same.
    let own_roles = "do $$ begin
        perform pg_advisory_xact_lock(hashtext('testkit role'));
        if to_regrole('statehouse_owner') is null then create role statehouse_owner nologin; end if;
        if to_regrole('testkit_bypass') is null then create role testkit_bypass login bypassrls; end if;
        if to_regrole('testkit_super') is null then create role testkit_super login superuser; end if;
        if to_regrole('testkit_heir') is null then create role testkit_heir login; grant statehouse_owner to testkit_heir; end if;
        if to_regrole('testkit_masked') is null then
            create role testkit_masked login; grant pg_monitor to testkit_masked; alter role testkit_masked set role = 'pg_monitor';
        end if;
    end $$";
    database.psql_as_superuser(own_roles).ok();
    for (role, why) in [
        ("testkit_bypass", "has privileges"),
        ("testkit_super", "has privileges"),
        ("postgres", "has privileges"),
        ("testkit_heir", "may act as"),
        ("testkit_masked", "which is not"),
        ("testkit_nobody", "does not exist"),
    ] {
        assert_panics(why, || drop(database.psql(role, "select 1")));
        assert_panics(why, || drop(connect(&database, role)));
    }
    // Roles belong to the whole server: an heir of the owner would stand in everybody's plan.
    database.psql_as_superuser("drop role testkit_heir, testkit_bypass, testkit_super, testkit_masked").ok();
}

#[test]
fn a_connection_is_the_role_and_does_not_keep_its_database() {
    let cluster = Cluster::shared();
    cluster.login_role("testkit_reader");
    let database = cluster.database("connected");
    let runtime = runtime();
    runtime.block_on(async {
        let client = database.connect("testkit_reader").await;
        let row = client.query_one("select current_user::text, current_database()::text", &[]).await.expect("a row");
        assert_eq!(row.get::<_, String>(0), "testkit_reader");
        assert_eq!(row.get::<_, String>(1), database.name());
        drop(database);
        assert!(client.query_one("select 1", &[]).await.is_err(), "the database went under the connection");
    });
}

#[test]
fn a_template_is_made_once_and_copied() {
    static BUILT: AtomicU32 = AtomicU32::new(0);
    let cluster = Cluster::shared();
    let title = format!("askers {}", std::process::id());
    let build = |database: &TestDatabase| {
        BUILT.fetch_add(1, Ordering::Relaxed);
        database.psql_as_superuser("create table seeded as select 7 as n").ok();
    };
    assert_panics("half way", || drop(cluster.template(&title, |_| panic!("half way"))));
    let first = cluster.template(&title, build);
    let second = cluster.template(&title, build);
    assert_eq!((first.as_str(), BUILT.load(Ordering::Relaxed)), (second.as_str(), 1));
    let copies = [cluster.database_from(&first, "copy"), cluster.database_from(&first, "copy")];
    copies[0].psql_as_superuser("update seeded set n = 8").ok();
    assert_eq!(copies[1].psql_as_superuser("select n from seeded").ok(), " n \n---\n 7\n(1 row)\n\n");
}

fn connect(database: &TestDatabase, role: &str) -> tokio_postgres::Client {
    runtime().block_on(database.connect(role))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Runs `act`, which must panic with `why` in its message.
#[track_caller]
fn assert_panics(why: &str, act: impl FnOnce()) {
    let panic = catch_unwind(AssertUnwindSafe(act)).expect_err("a panic");
    let message = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|&text| text.into()));
    let message = message.unwrap_or_default();
    assert!(message.contains(why), "`{message}` does not say `{why}`");
}
