//! `serve`: what it answers from, and settings that stop it.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use statehouse_testkit::{Cluster, app};

use crate::binary::{answer, command, folder, run};

#[test]
fn it_answers_over_a_database_and_stops_in_order() {
    let dir = folder();
    let cluster = Cluster::shared();
    let db = cluster.database_from(&app::template(cluster, &app::folder("orders")), "serve");
    std::fs::write(dir.path().join("statehouse.yaml"), "limits: { rate_per_key: 7 }\nlisten: 127.0.0.1:1\n").expect("written");
    let mut child = command(dir.path())
        .args(["--database-url", &db.url("postgres"), "serve", "--listen", "127.0.0.1:0"])
        .env("STATEHOUSE_LOG__FORM", "json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("text");
    let address = line.trim().strip_prefix("`orders` version 1 answers at http://").unwrap_or_else(|| panic!("{line}"));
    let said = answer(address, "/v1/order", "key-orders-nordur-rep-1");
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("ratelimit-policy: \"key\";q=7;w=1"), "{said}");
    kill(Pid::from_raw(i32::try_from(child.id()).expect("an id")), Signal::SIGTERM).expect("signalled");
    let ended = child.wait_with_output().expect("it ends");
    let log = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(0), "{log}");
    let access = log.lines().find(|line| line.contains("/v1/{entity}")).unwrap_or_else(|| panic!("no line of the request in\n{log}"));
    let access: serde_json::Value = serde_json::from_str(access).expect("JSON");
    assert_eq!((&access["status"], &access["method"]), (&200.into(), &"GET".into()));
    assert!(!log.contains("key-orders-nordur"), "a key in the log:\n{log}");
}

#[test]
fn settings_that_cannot_be_used_stop_it() {
    let dir = folder();
    for (text, said) in [("limit: 3\n", "limit"), ("limits:\n  body_max_bytes: many\n", "line 2"), ("listen: here\n", "listen")] {
        std::fs::write(dir.path().join("statehouse.yaml"), text).expect("written");
        let ended = run(dir.path(), &["--database-url", "postgresql:///nowhere?host=/nowhere", "serve"]).ended(64);
        assert!(ended.stderr.contains("SH0009") && ended.stderr.contains(said), "{}", ended.stderr);
    }
    std::fs::remove_file(dir.path().join("statehouse.yaml")).expect("removed");
    let ended = run(dir.path(), &["--database-url", "postgresql:///nowhere?host=/nowhere", "serve", "--settings", "none.yaml"]).ended(64);
    assert!(ended.stderr.contains("none.yaml"), "{}", ended.stderr);
}
