//! Two databases, one reader, one runner: the least that stands in for the store.

use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering};

use statehouse_compile::plan::{CATALOG, Counts, ObjectId, PREPARE, Plan, RoleFacts, SETTINGS, Snapshot};
use statehouse_testkit::{Cluster, TestDatabase};
use tokio_postgres::Client;

const BASE: &str = include_str!("base.sql");

/// Role names of one test, and what the roles must be.
pub struct World {
    prefix: String,
}

/// One database of a world.
pub struct Place {
    pub client: Client,
    // Dropped after the client, and the database with it.
    _database: TestDatabase,
}

impl Place {
    /// A fresh, empty database.
    pub async fn empty(hint: &str) -> Self {
        let database = Cluster::shared().database(hint);
        Self { client: database.connect_as_superuser().await, _database: database }
    }
}

impl World {
    /// Makes the roles.
    pub async fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let world = Self { prefix: format!("w{}_{}_", id(), COUNT.fetch_add(1, Ordering::Relaxed)) };
        let place = world.empty("roles").await;
        let sql = "create role ROLE_owner nologin; create role ROLE_eye nologin; create role ROLE_api login; create role ROLE_worker login; \
                   grant ROLE_eye to ROLE_worker; alter role ROLE_api set statement_timeout = '5s'";
        place.client.batch_execute(&world.names(sql)).await.expect("roles");
        world
    }

    /// ROLE_ in `sql` becomes this world's prefix.
    pub fn names(&self, sql: &str) -> String {
        sql.replace("ROLE_", &self.prefix)
    }

    pub async fn empty(&self, hint: &str) -> Place {
        Place::empty(&format!("{}{hint}", self.prefix)).await
    }

    /// A database with the base, the partitions of `months` and whatever `more` does.
    pub async fn place(&self, hint: &str, months: &[u32], more: &str) -> Place {
        let template = Cluster::shared().template(&format!("plan_{}", self.prefix), |database| {
            database.psql_as_superuser(&self.names(BASE)).ok();
        });
        let database = Cluster::shared().database_from(&template, &format!("{}{hint}", self.prefix));
        let place = Place { client: database.connect_as_superuser().await, _database: database };
        for month in months {
            let partition = format!("engine.event_20260{month}");
            let sql = format!(
                "create table {partition} partition of engine.event for values from ('2026-0{month}-01') to ('2026-0{}-01');
                 alter table {partition} owner to ROLE_owner;
                 alter table {partition} enable row level security; alter table {partition} force row level security;",
                month + 1
            );
            place.client.batch_execute(&self.names(&sql)).await.expect("partition");
        }
        place.client.batch_execute(&self.names(more)).await.expect("more");
        place
    }

    pub async fn snapshot(&self, place: &Place) -> Snapshot {
        place.client.batch_execute(PREPARE).await.expect("prepared");
        let snapshot = self.read(place).await;
        place.client.batch_execute("rollback").await.expect("closed");
        snapshot
    }

    /// What `place` would be after `more`, which does not stay.
    pub async fn imagine(&self, place: &Place, more: &str) -> Snapshot {
        place.client.batch_execute(&format!("begin; {}", self.names(more))).await.expect("more");
        let (_, settings) = PREPARE.split_once(";\n").expect("settings after begin");
        place.client.batch_execute(settings).await.expect("prepared");
        let snapshot = self.read(place).await;
        place.client.batch_execute("rollback").await.expect("closed");
        self.with_roles(snapshot)
    }

    async fn read(&self, place: &Place) -> Snapshot {
        let schemas = ["engine", "app", "app_rep", "app_old"].map(str::to_owned).to_vec();
        let roles = ["owner", "eye", "api", "worker"].map(|role| format!("{}{role}", self.prefix)).to_vec();
        // The facts as text, so that the reader needs no feature of the driver.
        let sql = format!("select kind, schema, name, part, facts::text from (\n{CATALOG}\n) q");
        let rows = place.client.query(&sql, &[&schemas, &roles]).await.expect("catalog");
        let mut snapshot = Snapshot::default();
        for row in rows {
            snapshot.add(row.get(0), row.get(1), row.get(2), row.get(3), row.get(4)).expect("readable");
        }
        snapshot
    }

    /// What a scratch database of the base, and the roles, should be.
    pub async fn desired(&self, place: &Place) -> Snapshot {
        self.with_roles(self.snapshot(place).await)
    }

    fn with_roles(&self, mut snapshot: Snapshot) -> Snapshot {
        let role =
            |name: &str, login: bool| RoleFacts { name: format!("{}{name}", self.prefix), login, inherit: true, ..RoleFacts::default() };
        let mut api = role("api", true);
        api.settings = vec!["statement_timeout=5s".into()];
        let mut worker = role("worker", true);
        worker.member_of = vec![format!("{}eye", self.prefix)];
        snapshot.expect_roles(&[role("owner", false), role("eye", false), api, worker]);
        snapshot
    }
}

/// Carries out a plan: neighbouring steps in one transaction, lonely ones statement by statement.
pub async fn apply(plan: &Plan, place: &Place) -> Result<(), String> {
    place.client.batch_execute(SETTINGS).await.expect("settings");
    let mut open = false;
    for step in &plan.steps {
        if step.own_transaction && open {
            place.client.batch_execute("commit").await.map_err(|cause| format!("commit: {cause:?}"))?;
        } else if !step.own_transaction && !open {
            place.client.batch_execute("begin").await.expect("begun");
        }
        open = !step.own_transaction;
        for sql in &step.sql {
            if let Err(cause) = place.client.batch_execute(sql).await {
                let message = cause.as_db_error().map_or_else(|| cause.to_string(), ToString::to_string);
                place.client.batch_execute("rollback").await.expect("rolled back");
                return Err(format!("{}\n{sql}\n{message}", step.id));
            }
        }
    }
    if open {
        place.client.batch_execute("commit").await.map_err(|cause| format!("commit: {cause:?}"))?;
    }
    Ok(())
}

/// Nothing beyond the facts.
pub fn no_text(_: &ObjectId) -> Option<String> {
    None
}

/// Rows of the tables of the base.
pub fn counts(rows: u64) -> Counts {
    let tables = [("app", "order"), ("app", "line"), ("app", "client"), ("engine", "event")];
    let rows = tables.map(|(schema, table)| ((schema.to_owned(), table.to_owned()), rows)).into();
    Counts { rows, ..Counts::default() }
}
