//! The server, the app, its people and its orders; gone when the value is.

use std::path::{Path, PathBuf};

use statehouse_definition::App;
use statehouse_postgres::{Options, SUPERUSER, Server};
use statehouse_store::people::{self, Instead, Member, People, Tenant};
use statehouse_store::record::{self, Session};
use statehouse_store::{Db, Login, Place, StoreFault, apply};
use uuid::Uuid;

use super::cells::{Kind, Plan};
use super::measure::INPUT_TEXT_BYTES;
use super::report::{Arguments, Checks};
use crate::failure::Failure;
use crate::scratch::Scratch;

/// Orders written in one transaction: each rewrites the counter's row, and old copies of it pile up until the commit.
const BLOCK: u32 = 500;
/// Orders whose lines are written in one transaction.
const LINES_BLOCK: u32 = 100;

/// Everything a cell needs.
#[derive(Debug)]
pub struct World {
    /// A superuser's connection.
    pub admin: tokio_postgres::Client,
    /// Fires `clear`.
    pub broker: Session,
    /// The key `broker` entered with.
    pub broker_key: String,
    /// Fires `dispatch`.
    pub ops: Session,
    /// The server's version.
    pub version: String,
    /// `on` or `off`.
    pub data_checksums: String,
    /// The server's first process.
    pub postmaster: u32,
    effect_args: String,
    // Dropped in this order: the server before its files.
    server: Server,
    folder: Scratch,
}

impl World {
    /// Starts a server below `scratch`, applies `app` and loads what `plan` moves.
    ///
    /// # Errors
    /// When it cannot, or the server would not keep what it says it kept.
    pub async fn make(scratch: &Path, app: &App, plan: &Plan) -> Result<World, Failure> {
        let folder = Scratch::make(scratch, "bench")?;
        let options = Options::new(folder.path().join("data"))
            .with("shared_buffers", "1GB")
            .with("max_wal_size", "8GB")
            // What was written before a checkpoint is written over afterwards: new files cost more than used ones.
            .with("min_wal_size", "1GB")
            .with("checkpoint_timeout", "30min")
            .with("track_wal_io_timing", "on")
            // It would fall on whichever cell is running; the load ends with a vacuum of its own.
            .with("autovacuum", "off");
        let server = Server::start_or_attach(&options)?;
        let place = Place::parse(&server.url(SUPERUSER, &app.name))?;
        apply::apply_now(&place, app, &Default::default(), &[]).await?;
        let mut admin = place.connect_admin().await?;
        people::ensure(&mut admin, app, &people()).await?;
        let keys = people::issue_keys(&mut admin, &app.name, "bench", Instead::OfOlder).await?;
        let db = Db::open(&place, Login::Api, 1)?;
        let (mut broker, mut ops) = (None, None);
        for key in &keys {
            match key.role.as_str() {
                "broker" => broker = Some((record::enter(&db, &key.key).await?, key.key.clone())),
                "ops" => ops = Some(record::enter(&db, &key.key).await?),
                _ => {}
            }
        }
        let (Some((broker, broker_key)), Some(ops)) = (broker, ops) else {
            return Err(Failure::usage("this measures the orders app, which has the roles `broker` and `ops`"));
        };
        let facts = admin.query_one(include_str!("sql/facts.sql"), &[]).await.map_err(StoreFault::doing("asking the server"))?;
        if facts.get::<_, &str>(0) != "ononon" {
            return Err(Failure::new(
                statehouse_fault::SH0009,
                "`fsync`, `synchronous_commit` or `full_page_writes` is off: nothing is measured",
            ));
        }
        let postmaster = u32::try_from(facts.get::<_, i32>(3)).unwrap_or_default();
        let (version, data_checksums) = (facts.get(1), facts.get(2));
        let effect_args = effect_args();
        let world = World { admin, broker, broker_key, ops, version, data_checksums, postmaster, effect_args, server, folder };
        world.load(plan).await?;
        Ok(world)
    }

    /// The directory for logs, on the same disk as the server.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program.
    pub fn pgbench(&self) -> PathBuf {
        self.server.binaries().program("pgbench")
    }

    /// Where clients connect.
    pub fn api_url(&self) -> String {
        self.server.url(Login::Api.name(), &self.broker.app)
    }

    /// Where the shipped server finds its database.
    pub fn admin_url(&self) -> String {
        self.server.url(SUPERUSER, &self.broker.app)
    }

    /// What `clear` is handed: a customs declaration as text.
    pub fn input(&self) -> String {
        format!(
            r#"{{"customs_ref": "{}"}}"#,
            "26IS00000E1234567 ".repeat(INPUT_TEXT_BYTES / 18 + 1).get(..INPUT_TEXT_BYTES).unwrap_or_default()
        )
    }

    /// What the bare work writes as its effect: the same bytes as the app's.
    pub fn effect_args(&self) -> &str {
        &self.effect_args
    }

    /// A line for whoever waits.
    pub fn say(&self, what: &str) {
        eprintln!("{what}");
    }

    /// Number and id of so many orders after the one of this number, in turn.
    ///
    /// # Errors
    /// What Postgres said.
    pub async fn orders(&self, after: u32, many: u32) -> Result<Vec<(i64, Uuid)>, Failure> {
        let text = "select number, id from orders.\"order\" where number > $1 and number <= $2 order by number";
        let (after, last) = (i64::from(after), i64::from(after + many));
        let rows = self.admin.query(text, &[&after, &last]).await.map_err(StoreFault::from)?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Counts what the moves left behind.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn count(&self, moves: u32) -> Result<Checks, Failure> {
        let verbs = vec![Kind::Single.verb(), Kind::BulkAlone.verb()];
        let row = self.admin.query_one(include_str!("sql/checks.sql"), &[&verbs]).await.map_err(StoreFault::doing("counting"))?;
        Ok(Checks { moves, events: row.get(0), effects: row.get(1), keys: row.get(2) })
    }

    /// How wide the moves were, read back from one of each.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn sizes(&self) -> Result<Vec<Arguments>, Failure> {
        let mut found = Vec::new();
        for kind in [Kind::Single, Kind::BulkAlone] {
            let verb = kind.verb();
            let row = self.admin.query_one(include_str!("sql/sizes.sql"), &[&verb]).await.map_err(StoreFault::doing("measuring a move"))?;
            let input_bytes = if kind == Kind::BulkAlone { 0 } else { self.input().len() };
            found.push(Arguments { verb, filled_columns: row.get(0), input_bytes, payload_bytes: row.get(1), effect_bytes: row.get(2) });
        }
        Ok(found)
    }

    async fn load(&self, plan: &Plan) -> Result<(), Failure> {
        self.say(&format!("loading {} orders", plan.records));
        let doing = || StoreFault::doing("loading orders");
        self.admin.batch_execute("set role statehouse_owner").await.map_err(doing())?;
        self.admin.execute(include_str!("sql/import_door.sql"), &[&self.ops.tenant.to_string()]).await.map_err(doing())?;
        self.admin.execute(include_str!("sql/load_clients.sql"), &[]).await.map_err(doing())?;
        let orders = self.admin.prepare(include_str!("sql/load_orders.sql")).await.map_err(doing())?;
        for (first, last, state) in [(1, plan.in_customs, "customs"), (plan.in_customs + 1, plan.records, "shipped")] {
            for (from, to) in blocks(first, last, BLOCK) {
                self.admin.execute(&orders, &[&from, &to, &state]).await.map_err(doing())?;
            }
        }
        let lines = self.admin.prepare(include_str!("sql/load_lines.sql")).await.map_err(doing())?;
        for (at, (from, to)) in blocks(plan.in_customs + 1, plan.records, LINES_BLOCK).enumerate() {
            self.admin.execute(&lines, &[&i64::from(from), &i64::from(to)]).await.map_err(doing())?;
            if at == 0 {
                // Plans made for empty tables would be kept, and read the growing ones whole.
                self.admin.batch_execute("reset role; analyze; set role statehouse_owner").await.map_err(doing())?;
            }
        }
        self.admin.batch_execute("reset role").await.map_err(doing())?;
        self.batches(plan).await?;
        self.admin.batch_execute(include_str!("sql/limit1_schema.sql")).await.map_err(doing())?;
        let records = i32::try_from(plan.records).unwrap_or(i32::MAX);
        self.admin.execute(include_str!("sql/limit1_fill.sql"), &[&records]).await.map_err(doing())?;
        self.admin.batch_execute("vacuum analyze").await.map_err(doing())?;
        Ok(())
    }

    async fn batches(&self, plan: &Plan) -> Result<(), Failure> {
        let doing = || StoreFault::doing("making batches");
        self.admin.batch_execute(include_str!("sql/batch_schema.sql")).await.map_err(doing())?;
        let fill = self.admin.prepare(include_str!("sql/batch_fill.sql")).await.map_err(doing())?;
        let warming =
            [Kind::BulkLocal, Kind::BulkAlone].map(|kind| (kind, plan.warm_order(kind), plan.warm_order(kind), 1, kind.warm_batch()));
        let cells = plan.cells.iter().filter(|cell| cell.kind != Kind::Single);
        let measured =
            cells.map(|cell| (cell.kind, cell.orders_base + 1, cell.orders_base + cell.moves(), cell.moves_per_call, cell.base + 1));
        let small = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        for (kind, first, last, per_call, number) in warming.into_iter().chain(measured) {
            let (first, last) = (i64::from(first), i64::from(last));
            self.admin.execute(&fill, &[&first, &last, &small(per_call), &small(number), &kind.verb()]).await.map_err(doing())?;
        }
        Ok(())
    }
}

/// `first` to `last` in pieces of `size`, as Postgres counts.
fn blocks(first: u32, last: u32, size: u32) -> impl Iterator<Item = (i32, i32)> {
    let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    (first..=last).step_by(size as usize).map(move |from| (number(from), number((from + size - 1).min(last))))
}

/// The arguments of `sms.cleared`, byte for byte as long.
fn effect_args() -> String {
    r#"{"to": "+3545550110", "lang": "is", "order": "ORD-000001"}"#.into()
}

fn people() -> People {
    let member = |role: &str| Member {
        name: role.to_owned(),
        email: format!("{role}@bench.example"),
        role: role.to_owned(),
        extra: Vec::new(),
        revoked: Vec::new(),
    };
    let members = ["rep", "ops", "broker"].map(member).into();
    People { tenants: vec![Tenant { slug: "bench".into(), name: "Bench".into(), market: Some("IS".into()), members }] }
}
