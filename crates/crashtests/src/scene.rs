//! A database, providers and workers: what is killed, and what looks on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use statehouse_testkit::people::{NORDUR, Persona};
use statehouse_testkit::{Cluster, TestDatabase, app};
use tokio::process::Command;
use tokio_postgres::Client;

use crate::facts::{Call, Effect, Facts};
use crate::points::Points;
use crate::process::Process;
use crate::provider::{NAMES, Provider};
use crate::rows::{Part, Rows};
use crate::wait;

/// The name of the app.
pub const APP: &str = "proof";
/// The token of the address at which customs tell something.
pub const CUSTOMS: &str = "in_customs-tell-it-here-and-nowhere-else";
/// The secret by which they sign it.
pub const CUSTOMS_SECRET: &str = "whsec_c2VjcmV0IG9mIHRoZSBjdXN0b21zIG9mIGFsbA==";
/// How long the worker says that what it claims is its own, by the database's clock.
pub const LEASE_S: u32 = 60;
/// How long anything may take that has to happen.
pub const BOUND: Duration = Duration::from_secs(30);

/// So often is looked again where something has moved meanwhile.
const LOOKS_MAX: u32 = 10;

/// How a worker is run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Whether it asks at its points.
    pub points: bool,
    /// Settings of its own, as `STATEHOUSE_…`.
    pub env: Vec<(String, String)>,
    /// Another socket to reach the database by.
    pub through: Option<PathBuf>,
}

impl Default for Run {
    fn default() -> Run {
        Run { points: true, env: Vec::new(), through: None }
    }
}

/// A worker process and the name it has in leases.
#[derive(Debug)]
pub struct Worker {
    /// The process.
    pub process: Process,
    /// Its name in leases.
    pub id: String,
}

/// All of it; whatever runs is killed when the value is dropped.
#[derive(Debug)]
pub struct Scene {
    /// The database.
    pub db: TestDatabase,
    /// Everything in it.
    pub rows: Rows,
    /// The providers.
    pub provider: Provider,
    /// Who stands where.
    pub points: Points,
    admin: Client,
    program: PathBuf,
    dir: tempfile::TempDir,
    started: u32,
    owed: u32,
    since: Mark,
    before: BTreeMap<String, Effect>,
}

/// Where a run began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Mark {
    event: i64,
    call: usize,
}

/// The folder of the proof's app.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("apps").join(APP)
}

impl Scene {
    /// A fresh one; `program` is the binary under test.
    ///
    /// # Panics
    /// When anything of it cannot be made.
    pub async fn new(program: &Path, hint: &str) -> Scene {
        Scene::on(Cluster::shared(), program, hint).await
    }

    /// As [`Scene::new`], on a server of one's own.
    ///
    /// # Panics
    /// When anything of it cannot be made.
    pub async fn on(cluster: &Cluster, program: &Path, hint: &str) -> Scene {
        let db = cluster.database_from(&app::template(cluster, &folder()), hint);
        let dir = tempfile::tempdir().unwrap_or_else(|cause| panic!("no directory: {cause}"));
        let provider = Provider::start(program, dir.path()).await.unwrap_or_else(|cause| panic!("no sandbox: {cause}"));
        let points = Points::listen(&dir.path().join("points")).unwrap_or_else(|cause| panic!("no socket: {cause}"));
        let mut settings = format!("worker: {{ lease_s: {LEASE_S}, poll_ms: 50, drain_s: 5 }}\nconnectors:\n");
        for name in NAMES.into_iter().chain(["customs"]) {
            let _ = writeln!(settings, "  {name}: {{ base: \"{}\" }}", provider.base(name));
        }
        std::fs::write(dir.path().join("settings.yaml"), settings).unwrap_or_else(|cause| panic!("no settings: {cause}"));
        let rows = Rows::connect(&db).await;
        let admin = db.as_persona(&Persona::member(APP, NORDUR, "admin")).await;
        for statement in [
            format!(
                "insert into statehouse.endpoint (tenant, token_hash, app, source)
                   values ({0}, sha256('token'), '{APP}', 'carrier'), ({0}, sha256('{CUSTOMS}'), '{APP}', 'customs')",
                NORDUR.number
            ),
            // The administrator looks on for days of the hand-held clock; what waits for the morning is there from the start.
            "update statehouse.session set expires = expires + interval '1 year'".to_owned(),
        ] {
            rows.run(&statement).await;
        }
        admin
            .batch_execute("insert into proof_admin.parcel (title) values ('left'), ('left')")
            .await
            .unwrap_or_else(|cause| panic!("{cause:?}"));
        Scene {
            db,
            rows,
            provider,
            points,
            admin,
            program: program.to_owned(),
            dir,
            started: 0,
            owed: 0,
            since: Mark::default(),
            before: BTreeMap::new(),
        }
    }

    /// The directory of what belongs to it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Starts a server of the API that asks at its points and listens at `address`; says where that is, should its port have
    /// been 0.
    ///
    /// # Panics
    /// When it cannot be run.
    pub async fn serve(&mut self, address: &str) -> (Process, String) {
        self.started += 1;
        let mut command = self.program(&["--database-url", &self.db.url("postgres"), "serve", "--listen", address]);
        command.env("STATEHOUSE_POINTS", self.points.socket());
        let said = self.dir.path().join(format!("s{}.said", self.started));
        let mut process = Process::spawn(command, &said).unwrap_or_else(|cause| panic!("no server: {cause}"));
        let address = process.says(|line| Some(line.split_once("answers at http://")?.1.to_owned())).await;
        (process, address)
    }

    /// Runs a command of the administrator that asks at its points.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn administer(&mut self, arguments: &[&str]) -> Process {
        self.started += 1;
        let url = self.db.url("postgres");
        let mut command = self.program(&[&["--database-url", url.as_str()], arguments].concat());
        command.env("STATEHOUSE_POINTS", self.points.socket());
        let said = self.dir.path().join(format!("a{}.said", self.started));
        Process::spawn(command, &said).unwrap_or_else(|cause| panic!("no command: {cause}"))
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.dir.path()).env("STATEHOUSE_SETTINGS", self.dir.path().join("settings.yaml"));
        command.env("STATEHOUSE_SECRET_CUSTOMS_KEY", "key").env("STATEHOUSE_SECRET_CUSTOMS_HOOK", CUSTOMS_SECRET);
        command
    }

    /// Starts a worker.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn worker(&mut self, run: &Run) -> Worker {
        self.started += 1;
        let id = format!("w{}", self.started);
        let mut url = self.db.url("statehouse_worker");
        if let Some(dir) = &run.through {
            url = statehouse_postgres::url(dir, "statehouse_worker", self.db.name());
        }
        let mut command = self.program(&["work", "--database-url", &url]);
        command.env("STATEHOUSE_WORKER__ID", &id);
        if run.points {
            command.env("STATEHOUSE_POINTS", self.points.socket());
        }
        command.envs(run.env.iter().map(|(name, value)| (name, value)));
        let said = self.dir.path().join(format!("{id}.said"));
        let process = Process::spawn(command, &said).unwrap_or_else(|cause| panic!("no worker: {cause}"));
        Worker { process, id }
    }

    /// Makes records and fires what they owe: `parcels` of three plain effects each, `payments` that are charged; those
    /// payments that were charged before are booked, and those booked posted. Returns how many effects there are now
    /// that nobody has dealt with.
    ///
    /// # Panics
    /// When a legal move is refused.
    pub async fn owe(&mut self, parcels: u32, payments: u32) -> usize {
        self.owed += 1;
        let title = format!("round {}", self.owed);
        let script = format!(
            "update proof_admin.payment set fire = 'post' where state = 'booked';
             update proof_admin.payment set fire = 'book' where state = 'charged';
             insert into proof_admin.parcel (title) select '{title}, ' || n from generate_series(1, {parcels}) n;
             update proof_admin.parcel set fire = 'tell' where state = 'new' and title <> 'left';
             insert into proof_admin.payment (title) select '{title}, ' || n from generate_series(1, {payments}) n;
             update proof_admin.payment set fire = 'charge' where state = 'open';"
        );
        self.admin.batch_execute(&script).await.unwrap_or_else(|cause| panic!("a legal move is refused: {cause:?}"));
        // The carrier has scanned some of them, twice each, and tells so twice each; and it has seen one, which nobody minds.
        for _ in 0..2 {
            self.rows
                .run(&format!(
                    "select statehouse.receive_message('token', p.id || ' ' || n, kind, convert_to(jsonb_build_object('type', kind, 'id', p.id, 'n', n)::text, 'UTF8'),
                                                       '{{}}', '', 'carrier_hook', 'whole', null)
                       from proof.parcel p, (values (1, 'parcel.scanned'), (2, 'parcel.scanned'), (3, 'parcel.seen')) said (n, kind)
                      where p.title = '{title}, 1' and n < 4 or p.title = '{title}, 2' and n < 3"
                ))
                .await;
        }
        self.open().await
    }

    /// Customs clear two parcels of the last round, and tell nobody.
    pub async fn cleared(&self) {
        let at = self.rows.value("select to_char(statehouse.now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')").await;
        for order in self.last_parcels(3).await.iter().take(2) {
            self.provider.clears(order, &at).await;
        }
    }

    /// The parcels of the last round from the `first` on, by their ids.
    pub async fn last_parcels(&self, first: u32) -> Vec<String> {
        let round = format!("round {}, ", self.owed);
        let of = format!(
            "select string_agg(id::text, ' ' order by n) from (
               select id, substr(title, {} + 1)::int as n from proof.parcel where starts_with(title, '{round}')) x where n >= {first}",
            round.len()
        );
        self.rows.value(&of).await.split(' ').map(str::to_owned).collect()
    }

    /// Moves the hand-held clock forward.
    pub async fn pass(&self, interval: &str) {
        self.rows.value(&format!("update statehouse.clock set now = now + '{interval}'::interval returning now")).await;
    }

    /// Whether no worker has a statement under way.
    pub async fn is_idle(&self) -> bool {
        let busy = "select count(*) from pg_stat_activity where usename = 'statehouse_worker' and datname = current_database() and state = 'active'";
        self.count(busy).await == 0
    }

    /// How many effects are due or leased.
    pub async fn open(&self) -> usize {
        self.count("select count(*) from statehouse.effect where state in ('due', 'leased')").await
    }

    /// One number.
    ///
    /// # Panics
    /// When it is none.
    pub async fn count(&self, statement: &str) -> usize {
        self.rows.value(statement).await.parse().unwrap_or_else(|cause| panic!("{statement}: {cause}"))
    }

    /// Kills a worker, waits until the server has ended its sessions, and returns the effects as they stand then.
    ///
    /// # Panics
    /// When its sessions do not end.
    pub async fn kill(&mut self, worker: Worker) -> Vec<Effect> {
        worker.process.kill().await;
        self.points.forget();
        let busy = "select count(*) from pg_stat_activity where usename = 'statehouse_worker' and datname = current_database()";
        let gone = wait::within(BOUND, async || self.count(busy).await == 0).await;
        assert!(gone, "the sessions of a dead worker do not end");
        self.rows.effects_of(self.part()).await
    }

    /// A run begins: all is at rest, and what is judged from now on is what belongs to the run.
    pub async fn begin(&mut self) {
        self.quiet().await;
        let mut since = self.mark().await;
        // A schedule fires by itself: what it has begun belongs to the run before.
        for _ in 0..LOOKS_MAX {
            self.quiet().await;
            let again = self.mark().await;
            if again == since {
                break;
            }
            since = again;
        }
        self.since = since;
    }

    async fn mark(&mut self) -> Mark {
        Mark { event: self.rows.last_event().await, call: self.provider.calls().len() }
    }

    fn part(&self) -> Part {
        match self.since.event {
            0 => Part::All,
            n => Part::After(n),
        }
    }

    /// What there is to judge of the run, and its effects as they stood when they were judged before.
    pub async fn facts_of_run(&mut self) -> (Facts, Vec<Effect>) {
        let facts = self.rows_of(self.part()).await;
        let keys: BTreeSet<String> = facts.effects.iter().map(Effect::key).collect();
        let since = self.since.call;
        let of = |(at, call): &(usize, &Call)| *at >= since || call.of().is_some_and(|key| keys.contains(key));
        let calls = self.provider.calls().iter().enumerate().filter(of).map(|(_, call)| call.clone()).collect();
        let before = keys.iter().filter_map(|key| self.before.get(key).cloned()).collect();
        (Facts { calls, ..facts }, before)
    }

    /// The rows of a part, read while nothing moved between the first look and the last, the log too: a schedule fires by
    /// itself, and a judge who sees its move without what it owes sees something that never was.
    async fn rows_of(&mut self, part: Part) -> Facts {
        let mut before = self.mark().await;
        let mut facts = self.rows.facts_of(part).await;
        for _ in 0..LOOKS_MAX {
            let after = self.mark().await;
            if after == before && facts.open() == 0 {
                break;
            }
            self.quiet().await;
            before = self.mark().await;
            facts = self.rows.facts_of(part).await;
        }
        facts
    }

    /// The effects of the run were judged; they stay as they are.
    pub fn keep(&mut self, effects: &[Effect]) {
        self.before.extend(effects.iter().map(|effect| (effect.key(), effect.clone())));
    }

    /// All effects as they stood when their runs were judged.
    #[must_use]
    pub fn kept(&self) -> Vec<Effect> {
        self.before.values().cloned().collect()
    }

    /// Everything there is to judge.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn facts(&mut self) -> Facts {
        let rows = self.rows_of(Part::All).await;
        let calls = self.provider.calls().to_vec();
        let mut admin = self.db.config("postgres").connect(tokio_postgres::NoTls).await.map(|(client, connection)| {
            tokio::spawn(connection);
            client
        });
        let audit = match &mut admin {
            Ok(admin) => statehouse_store::audit::verify(admin, None).await.map(|report| report.findings),
            Err(cause) => panic!("no connection: {cause}"),
        };
        let audit = audit.unwrap_or_else(|cause| panic!("the audit cannot be made: {cause:?}"));
        Facts { calls, audit: audit.iter().map(|finding| format!("{finding:?}")).collect(), ..rows }
    }
}
