//! The server killed while moves are under way: sent again with their keys, each is made once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use statehouse_testkit::orders::{self, Kind, Wanted, persona};
use statehouse_testkit::people::NORDUR;
use statehouse_testkit::{Cluster, TestDatabase, app};

const CALLERS: usize = 50;
/// A round in which no move was committed and not answered shows nothing; so many are tried at most.
const ROUNDS_MAX: usize = 30;

struct Server {
    address: SocketAddr,
    child: Child,
}

impl Server {
    fn start(db: &TestDatabase) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_statehouse"))
            .args(["--json", "--database-url", &db.url("postgres"), "serve", "--listen", "127.0.0.1:0"])
            .env("STATEHOUSE_LOG__ACCESS", "false")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let mut said = String::new();
        for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
            said.push_str(&line.expect("text"));
            if let Ok(value) = serde_json::from_str::<serde_json::Value>(&said) {
                let api = value["api"].as_str().and_then(|api| api.strip_prefix("http://")).expect("an address");
                return Server { address: api.parse().expect("an address"), child };
            }
        }
        panic!("it ended: {:?}\n{said}", child.wait());
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }
}

/// One move over a connection of its own; the head of the answer, if one came.
fn fire(address: SocketAddr, id: &str, verb: &str, key: &str) -> Option<String> {
    let who = persona(NORDUR, "rep");
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let request = format!(
        "POST /v1/order/{id}/transitions/{verb} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: {key}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        who.key.expect("a member")
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let head = answer.split_once("\r\n\r\n")?.0.to_owned();
    head.starts_with("HTTP/1.1 ").then_some(head)
}

fn events(db: &TestDatabase) -> usize {
    db.value_as_superuser("select count(*) from statehouse.event").parse().expect("a number")
}

#[test]
fn a_move_that_was_committed_and_not_answered_is_not_made_again() {
    let cluster = Cluster::shared();
    let template = cluster.template("orders_crash", |db| {
        app::build(cluster, db, &app::folder(orders::APP));
        orders::client(db, NORDUR, "Klettur", 1_000_000_000);
        let wanted = |n| Wanted { title: format!("crash/{n}"), kind: Kind::PrintOnly, state: "quoting".into() };
        orders::make(db, NORDUR, &(0..CALLERS).map(wanted).collect::<Vec<_>>());
    });
    let db = cluster.database_from(&template, "crash");
    let ids: Vec<String> = db.value_as_superuser("select id from orders.\"order\" order by id").lines().map(str::to_owned).collect();
    assert_eq!(ids.len(), CALLERS);
    let mut shown = 0;
    for round in 0..ROUNDS_MAX {
        let verb = if round % 2 == 0 { "quote" } else { "requote" };
        let before = events(&db);
        let (answered, committed) = broken_off(&db, &ids, verb, round, before);
        shown += usize::from(committed > answered);
        // Everything again, with the same keys.
        let server = Server::start(&db);
        let heads: Vec<Option<String>> =
            together(server.address, &ids, verb, round).into_iter().map(|caller| caller.join().expect("ran")).collect();
        let replayed = heads.iter().flatten().filter(|head| head.contains("idempotency-replayed: true")).count();
        for head in &heads {
            assert!(head.as_deref().is_some_and(|head| head.starts_with("HTTP/1.1 200")), "round {round}: {head:?}");
        }
        assert_eq!(events(&db), before + CALLERS, "round {round}: one move each");
        assert_eq!(replayed, committed, "round {round}: what was committed is answered, the rest is moved");
        assert!(answered <= committed, "round {round}: {answered} acknowledged, {committed} committed");
        server.kill();
        if shown >= 3 {
            break;
        }
    }
    assert!(shown >= 3, "the kill never fell between a commit and its answer");
    let effects = db.value_as_superuser(
        "select count(*) from statehouse.event e where e.verb = 'quote' and not exists (select from statehouse.effect f where f.record = e.record and f.seq = e.seq)",
    );
    assert_eq!(effects, "0", "a move without its effect");
    assert_eq!(db.value_as_superuser("select count(*) - count(distinct (record, seq, n)) from statehouse.effect"), "0");
}

/// Callers at once; the server is killed as soon as one move is there. How many were answered, how many were committed.
fn broken_off(db: &TestDatabase, ids: &[String], verb: &str, round: usize, before: usize) -> (usize, usize) {
    let server = Server::start(db);
    // A first request enters the session, so that the others meet in their moves.
    let _ = fire(server.address, "nothing", verb, &format!("warm-{round}"));
    let callers = together(server.address, ids, verb, round);
    let began = Instant::now();
    while events(db) <= before + round % 7 {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing moved");
    }
    server.kill();
    let answered =
        callers.into_iter().filter_map(|caller| caller.join().expect("ran")).filter(|head| head.starts_with("HTTP/1.1 200")).count();
    // A statement that was under way may still commit after its client is gone.
    let began = Instant::now();
    while db.value_as_superuser("select count(*) from pg_stat_activity where usename = 'statehouse_api' and datname = current_database()")
        != "0"
    {
        assert!(began.elapsed() < Duration::from_secs(30), "connections of a dead server stay");
    }
    (answered, events(db) - before)
}

fn together(address: SocketAddr, ids: &[String], verb: &str, round: usize) -> Vec<thread::JoinHandle<Option<String>>> {
    let call = |(n, id): (usize, &String)| {
        let (id, verb, key) = (id.clone(), verb.to_owned(), format!("r{round}-{n}"));
        thread::spawn(move || fire(address, &id, &verb, &key))
    };
    ids.iter().enumerate().map(call).collect()
}
