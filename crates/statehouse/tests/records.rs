//! Records through the real binary: fire, explain, import, export, audit, on the demo data.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use statehouse_testkit::{Cluster, TestDatabase};

struct World {
    dir: tempfile::TempDir,
    database: TestDatabase,
    keys: Vec<Value>,
}

fn orders() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/orders").canonicalize().expect("the app")
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().expect("a folder");
        let mut world = World { dir, database: Cluster::shared().database("records_cli"), keys: Vec::new() };
        let orders = orders();
        world.run(&["dev", orders.to_str().expect("text"), "--seed", "--ready", "ready.json"]).ended(0);
        let ready = std::fs::read_to_string(world.dir.path().join("ready.json")).expect("written");
        let ready: Value = serde_json::from_str(&ready).expect("JSON");
        world.keys = ready["keys"].as_array().expect("a list").clone();
        world
    }

    fn key(&self, tenant: &str, member: &str) -> &str {
        let key =
            self.keys.iter().find(|key| key["tenant"] == tenant && key["member"].as_str().is_some_and(|name| name.starts_with(member)));
        key.and_then(|key| key["key"].as_str()).expect("a member")
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_statehouse"))
            .current_dir(self.dir.path())
            .env("NO_COLOR", "1")
            .args(arguments)
            .args(["--database-url", &self.database.url("postgres")])
            .output()
            .expect("it runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ended { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

struct Ended {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    #[track_caller]
    fn ended(self, status: i32) -> Ended {
        assert_eq!(self.status, Some(status), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

#[test]
fn a_morning_with_the_demo_orders() {
    let world = World::new();
    let golden = world.database.value_as_superuser("select reference from orders.\"order\" where net = 163740");
    let golden = format!("order/{golden}");
    let (rep, client) = (world.key("nordur", "birkir"), world.key("nordur", "steinunn"));

    world.run(&["audit", "anchor", "--out", "anchor.json"]).ended(0);
    let moved = world.run(&["fire", &golden, "start", "--as", rep]).ended(0);
    assert_eq!(moved.stdout, format!("{golden} is quoting, version 5\n"));
    let refused = world.run(&["fire", &golden, "confirm", "--as", rep]).ended(1);
    assert!(refused.stderr.starts_with("error[SH4002]: `confirm` is not open from `quoting`\n"), "{}", refused.stderr);
    let stale = world.run(&["fire", &golden, "quote", "--seen", "4", "--as", rep, "--json"]).ended(1);
    let body: Value = serde_json::from_str(&stale.stdout).expect("JSON");
    assert_eq!((&body["code"], &body["retry"]), (&"SH4012".into(), &"refresh".into()));
    world.run(&["fire", &golden, "quote", "--as", "sk_nordur_nobody"]).ended(1);
    world.run(&["fire", "ORD-000001", "quote", "--as", rep]).ended(64);

    let why = world.run(&["explain", &golden, "accept", "--as", "steinunn@klettur.example"]).ended(1);
    let expected = "refused: `accept` is not open for Steinunn Örnólfsdóttir (client) [SH4002]\n  \
                    ok    visible      the record is in this member's view\n  \
                    FAIL  state        is quoting, the verb leaves quoted\n  \
                    ok    role         client may fire it\n  \
                    -     still_valid  valid_until empty\n";
    assert!(why.stdout.starts_with(expected), "{}", why.stdout);
    let open = world.run(&["explain", &golden, "quote", "--as", "birkir@nordur.example"]).ended(0);
    assert!(
        open.stdout.starts_with(&format!("open: Birkir Jónsson (rep) may fire `quote` on {golden}; it becomes quoted\n")),
        "{}",
        open.stdout
    );

    let data = orders().join("data/nordur");
    let file = |name: &str| data.join(name).display().to_string();
    let files = [file("orders.csv"), file("orders.lines.csv"), file("orders.json")];
    let again = world.run(&["import", &files[0], &files[1], &files[2], "--entity", "order", "--tenant", "nordur"]).ended(0);
    assert_eq!(again.stdout, "0 added with 0 rows of theirs, 189 were there already\n");
    std::fs::write(world.dir.path().join("bad.csv"), "key,client\nx,nobody\n").expect("written");
    let bad = world.run(&["import", "bad.csv", "--entity", "order", "--tenant", "nordur"]).ended(1);
    assert!(bad.stderr.contains("error[SH1004]: bad.csv:2:0: the row has no `rep`"), "{}", bad.stderr);

    let own = world.run(&["export", "--entity", "order", "--as", client]).ended(0);
    assert_eq!(own.stdout.lines().count(), 2, "a header and the client's one order:\n{}", own.stdout);
    let all = world.run(&["export", "--entity", "order", "--tenant", "baltyk", "--form", "jsonl"]).ended(0);
    assert_eq!(all.stdout.lines().count(), 164);

    let api = world.run(&["export", "openapi", "--role", "client"]).ended(0);
    let api: serde_json::Value = serde_json::from_str(&api.stdout).expect("JSON");
    assert!(api["paths"]["/v1/order/{id}/transitions/accept"].is_object() && api["paths"].get("/v1/settlement").is_none());
    let unknown = world.run(&["export", "openapi", "--role", "clerk"]).ended(64);
    assert!(unknown.stderr.contains("there is no role `clerk`"), "{}", unknown.stderr);

    let whole = world.run(&["audit", "verify", "--anchor", "anchor.json"]).ended(0);
    assert!(whole.stdout.contains(" in order, and against the anchor of "), "{}", whole.stdout);
    world
        .database
        .psql_as_superuser(
            "set session_replication_role = replica; update statehouse.event set actor = gen_random_uuid() where verb = 'start'",
        )
        .ok();
    let broken = world.run(&["audit", "verify"]).ended(1);
    assert!(
        broken.stdout.contains("the event was changed") && broken.stderr.starts_with("error[SH5020]"),
        "{}{}",
        broken.stdout,
        broken.stderr
    );
    std::fs::write(world.dir.path().join("anchor.json"), "{}").expect("written");
    let other = world.run(&["audit", "verify", "--anchor", "anchor.json"]).ended(1);
    assert!(other.stderr.starts_with("error[SH5021]"), "{}", other.stderr);
}
