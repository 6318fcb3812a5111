//! The shipped processes around a Postgres of their own: the server, workers, and the sandbox as every provider.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use nix::sys::signal::Signal;
use statehouse_crashtests::process::Process;
use statehouse_crashtests::provider::Provider;
use statehouse_crashtests::{program, wait};
use statehouse_store::people::{self, Instead, Member, People, Tenant};
use statehouse_store::subscription::Secret;
use statehouse_store::{Place, apply, inbox};
use tokio::process::Command;
use tokio_postgres::Client;

use crate::postgres::Postgres;

/// The app, its database and its folder's name.
pub const APP: &str = "outage";
/// A process that dies is noticed after this.
pub const LEASE_S: u32 = 5;
/// How long anything may take that has to happen.
pub const BOUND: Duration = Duration::from_secs(30);
/// Parcels, told of in turn.
const PARCELS: u32 = 64;
/// Payments, each charged once.
const PAYMENTS: u32 = 4_000;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// All of it; whatever runs is killed when the value is dropped.
#[derive(Debug)]
pub struct Works {
    /// The server of the API.
    pub server: Process,
    /// The providers.
    pub provider: Provider,
    /// Where the API answers.
    pub address: SocketAddr,
    /// The administrator's API key.
    pub key: String,
    /// The address of the carrier's messages.
    pub token: String,
    /// What they are signed with.
    pub secret: Secret,
    /// Ids.
    pub parcels: Vec<String>,
    /// Ids.
    pub payments: Vec<String>,
    dir: tempfile::TempDir,
    started: u32,
    /// The database's server; it goes last.
    pub postgres: Postgres,
}

/// The binary under test: what `STATEHOUSE_TEST_PROGRAM` names, else this tree's, built now.
pub fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        if let Some(named) = std::env::var_os("STATEHOUSE_TEST_PROGRAM").filter(|name| !name.is_empty()) {
            return named.into();
        }
        let target = program::target();
        let mut command = std::process::Command::new(env!("CARGO"));
        command.args(["build", "--quiet", "--locked", "--package", "statehouse", "--bin", "statehouse"]).env("CARGO_TARGET_DIR", &target);
        let output = command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).output().expect("cargo runs");
        crate::postgres::ended_well(output, "the build");
        target.join("debug/statehouse")
    })
}

/// A process of the program over a database, and the directory it runs in.
pub fn command(dir: &Path, arguments: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).current_dir(dir).env("STATEHOUSE_LOG__ACCESS", "false").env("STATEHOUSE_SECRET_CARRIER_HOOK", SECRET);
    command.env_remove("DATABASE_URL").envs(env.iter().copied());
    command
}

impl Works {
    /// All but workers; `env` are settings of the server.
    pub async fn open(env: &[(&str, &str)]) -> Works {
        Works::over(Postgres::start(&[]), env).await
    }

    /// The same over a server that runs.
    pub async fn over(postgres: Postgres, env: &[(&str, &str)]) -> Works {
        let dir = tempfile::tempdir().expect("a directory");
        let provider = Provider::start(program(), dir.path()).await.expect("a sandbox");
        let bases = ["k", "q"].map(|name| format!("  {name}: {{ base: \"{}\" }}\n", provider.base(name))).concat();
        let settings = format!("worker: {{ lease_s: {LEASE_S}, poll_ms: 100, drain_s: 5 }}\nconnectors:\n{bases}");
        std::fs::write(dir.path().join("statehouse.yaml"), settings).expect("settings");
        let (key, token) = install(&postgres).await;
        let ids = |entity: &str| format!("select id::text from outage.{entity} order by title");
        let admin = postgres.connect("postgres", APP).await;
        let (parcels, payments) = (column(&admin, &ids("parcel")).await, column(&admin, &ids("payment")).await);
        let limits = [
            ("STATEHOUSE_LIMITS__RATE_PER_KEY", "1000000"),
            ("STATEHOUSE_LIMITS__RATE_PER_TENANT", "1000000"),
            ("STATEHOUSE_INBOUND__RATE_PER_ENDPOINT", "1000000"),
        ];
        let env: Vec<(&str, &str)> = limits.iter().chain(env).copied().collect();
        let url = postgres.url("postgres", APP);
        let serve = command(dir.path(), &["--json", "--database-url", &url, "serve", "--listen", "127.0.0.1:0"], &env);
        let mut server = Process::spawn(serve, &dir.path().join("serve.said")).expect("a server");
        let address = server.says(|line| line.split_once("http://")?.1.split('"').next()?.parse().ok()).await;
        let secret = Secret::parse(SECRET).expect("a secret");
        Works { server, provider, address, key, token, secret, parcels, payments, dir, started: 0, postgres }
    }

    /// Starts a worker and waits until it works; `env` are settings of its own.
    pub async fn work(&mut self, env: &[(&str, &str)]) -> Process {
        let mut worker = self.work_soon(env);
        worker.says(|line| line.contains("works for").then_some(())).await;
        worker
    }

    /// Starts a worker.
    pub fn work_soon(&mut self, env: &[(&str, &str)]) -> Process {
        self.started += 1;
        let said = self.dir.path().join(format!("worker-{}.said", self.started));
        let url = self.postgres.url("statehouse_worker", APP);
        Process::spawn(command(self.dir.path(), &["--database-url", &url, "work"], env), &said).expect("a worker")
    }

    /// The directory of what belongs to it.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Waits until nothing is owed any more, and nothing is in anybody's hands.
    pub async fn rests(&self) {
        let open = "select (select count(*) from statehouse.effect where state in ('due', 'leased'))
                         + (select count(*) from statehouse.message where state in ('due', 'leased', 'waiting'))";
        let admin = self.postgres.connect("postgres", APP).await;
        let rests = wait::within(BOUND, async || number(&admin, open).await == 0).await;
        assert!(rests, "it does not come to rest; {}", standing(&admin).await);
    }
}

impl Drop for Works {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let worker = std::fs::read_to_string(self.dir.path().join(format!("worker-{}.said", self.started))).unwrap_or_default();
            eprintln!("{}", self.postgres.log());
            eprintln!("── the server said:\n{}\n── the last worker said:\n{}", end_of(&self.server.said()), end_of(&worker));
        }
        self.server.signal(Signal::SIGKILL);
    }
}

/// Applies the app; the administrator's key and the address of the carrier's messages.
async fn install(postgres: &Postgres) -> (String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps").join(APP);
    let loaded = statehouse_definition::load(&folder);
    let app = loaded.app.unwrap_or_else(|| panic!("{:#?}", loaded.findings));
    let place = Place::parse(&postgres.url("postgres", APP)).expect("a place");
    apply::apply_now(&place, &app, &Default::default(), &[]).await.unwrap_or_else(|fault| panic!("{fault:?}"));
    let mut admin = place.connect_admin().await.expect("let in");
    let member = Member { name: "Admin".into(), email: "admin@north.example".into(), role: "admin".into(), extra: vec![], revoked: vec![] };
    let tenant = Tenant { slug: "north".into(), name: "North".into(), market: None, members: vec![member] };
    people::ensure(&mut admin, &app, &People { tenants: vec![tenant] }).await.expect("people");
    let keys = people::issue_keys(&mut admin, APP, "chaos", Instead::OfNone).await.expect("keys");
    let made = inbox::issue(&mut admin, &app, "north", "carrier", None).await.expect("an address");
    let key = keys.first().expect("a key").key.clone();
    let member = postgres.connect("statehouse_api", APP).await;
    let script = format!(
        "select statehouse.enter('{key}');
         insert into outage_admin.parcel (title) select 'parcel ' || n from generate_series(1, {PARCELS}) n;
         insert into outage_admin.payment (title) select 'payment ' || n from generate_series(1, {PAYMENTS}) n;"
    );
    member.batch_execute(&script).await.unwrap_or_else(|cause| panic!("{cause:?}"));
    admin.batch_execute("analyze").await.expect("analyzed");
    (key, made.token)
}

/// The first column, as texts.
pub async fn column(client: &Client, statement: &str) -> Vec<String> {
    let rows = client.query(statement, &[]).await.unwrap_or_else(|cause| panic!("{statement}: {cause:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

/// One number.
pub async fn number(client: &Client, statement: &str) -> i64 {
    client.query_one(statement, &[]).await.unwrap_or_else(|cause| panic!("{statement}: {cause:?}")).get(0)
}

/// The last lines of it.
pub fn end_of(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// What is owed, in words.
async fn standing(admin: &Client) -> String {
    let text = "select coalesce(string_agg(format('%s %s: %s', connector, state, c), ', '), 'no effect') from
        (select connector, state, count(*) c from statehouse.effect group by 1, 2) x
        union all select coalesce(string_agg(format('messages %s: %s', state, c), ', '), 'no message') from
        (select state, count(*) c from statehouse.message group by 1) x";
    column(admin, text).await.join("; ")
}
