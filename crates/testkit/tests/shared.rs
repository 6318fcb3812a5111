//! One server for many processes, by the program that `./test` starts.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use statehouse_testkit::Cluster;

fn start(dir: &std::path::Path) -> (Child, PathBuf) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_testkit-cluster"))
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its line");
    (child, PathBuf::from(line.trim()))
}

#[test]
fn the_program_serves_until_its_input_closes() {
    let dir = std::env::temp_dir().join(format!("testkit-shared-{}", std::process::id()));
    let (mut first, socket_dir) = start(&dir);
    let cluster = Cluster::attach(socket_dir).expect("attached");
    assert!(!cluster.owned());
    let database = cluster.database("shared");
    assert_eq!(database.psql_as_superuser("select 1 as one").ok(), " one \n-----\n   1\n(1 row)\n\n");

    // A second one on the same directory says so instead of sharing the first one's fate.
    let (mut second, nothing) = start(&dir);
    assert_eq!((second.wait().expect("it ends").code(), nothing), (Some(2), PathBuf::new()));

    drop(database);
    drop(first.stdin.take());
    assert!(first.wait().expect("it ends").success());
    assert!(!dir.join("pg/postmaster.pid").exists(), "the server is gone");
    std::fs::remove_dir_all(&dir).expect("removed");
}
