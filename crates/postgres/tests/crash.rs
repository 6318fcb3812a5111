//! Whatever is killed, nothing acknowledged is lost and the next start needs no hand.

mod common;

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use common::{Holder, Scratch, eventually, is_root, kill_9, postmaster, psql, run_as, value};
use statehouse_postgres::{Binaries, Options, Server};

#[test]
fn when_the_owner_is_killed_the_server_ends_by_itself_in_order() {
    let scratch = Scratch::new();
    let data = scratch.data();
    let owner = Holder::start(&scratch, &data, None, |_| {});
    let socket_dir = owner.owned_socket_dir();
    value(&socket_dir, "create table kept (n int); insert into kept values (7)");
    owner.kill_9();
    let log = || std::fs::read_to_string(data.join("server.log")).expect("a log");
    eventually("it says it is down", || log().contains("database system is shut down"));
    assert!(log().contains("received fast shutdown request"), "{}", log());
    assert_eq!(postmaster(&data), None, "no pid file is left");

    let server = Server::start_or_attach(&Options::new(&data)).expect("the next start");
    assert!(server.owned());
    assert_eq!(value(server.socket_dir(), "select n from kept"), "7");
}

#[test]
fn the_same_holds_in_a_directory_that_only_root_may_enter() {
    if !is_root() {
        return;
    }
    let scratch = Scratch::new();
    let closed = scratch.0.join("closed");
    std::fs::create_dir(&closed).expect("a directory");
    common::set_mode(&closed, 0o700);
    let data = closed.join("data");
    let owner = Holder::start(&scratch, &data, None, |_| {});
    if owner.line.starts_with("SH0003 ") {
        // User namespaces are not permitted here; another test reads what it says then.
        return;
    }
    value(&owner.owned_socket_dir(), "create table kept (n int); insert into kept values (7)");
    owner.kill_9();
    let log = || std::fs::read_to_string(data.join("server.log")).expect("a log");
    eventually("it says it is down", || log().contains("database system is shut down"));

    let owner = Holder::start(&scratch, &data, None, |_| {});
    kill_9(postmaster(&data).expect("a server process"));
    owner.kill_9();
    let server = Server::start_or_attach(&Options::new(&data)).expect("the next start");
    assert_eq!(value(server.socket_dir(), "select n from kept"), "7");
}

#[test]
fn when_both_are_killed_the_next_start_recovers() {
    let scratch = Scratch::new();
    let data = scratch.data();
    let owner = Holder::start(&scratch, &data, None, |_| {});
    let socket_dir = owner.owned_socket_dir();
    value(&socket_dir, "create table kept (n int)");
    value(&socket_dir, "insert into kept select generate_series(1, 1000)");
    let server = postmaster(&data).expect("a server process");
    // The server first: its owner must not get to start it again.
    kill_9(server);
    owner.kill_9();
    assert!(data.join("pg/postmaster.pid").exists(), "a stale pid file is part of this test");

    let server = Server::start_or_attach(&Options::new(&data)).expect("the next start");
    assert_eq!(value(server.socket_dir(), "select count(*) from kept"), "1000");
    let log = std::fs::read_to_string(data.join("server.log")).expect("a log");
    assert!(log.contains("not properly shut down"), "it did recover: {log}");
}

#[test]
fn an_orphan_is_stopped_in_order_and_taken_over() {
    let scratch = Scratch::new();
    let data = scratch.data();
    Server::prepare(&Options::new(&data)).expect("made");
    let orphan = start_orphan(&data);
    value(&data.join("pg"), "create table kept (n int); insert into kept values (7)");

    let server = Server::start_or_attach(&Options::new(&data)).expect("taken over");
    assert!(server.owned());
    assert_ne!(postmaster(&data), Some(orphan));
    assert!(!psql(&data.join("pg"), "postgres", "select 1").status.success(), "the orphan is gone");
    assert_eq!(value(server.socket_dir(), "select n from kept"), "7");
}

#[test]
fn a_pid_file_that_names_a_stranger_costs_the_stranger_nothing() {
    let scratch = Scratch::new();
    let data = scratch.data();
    Server::prepare(&Options::new(&data)).expect("made");
    let mut stranger = Command::new("sleep");
    stranger.arg("600");
    if is_root() {
        // The same user as the server's: otherwise PostgreSQL itself takes the file for stale.
        run_as(&mut stranger, "postgres");
    }
    let mut stranger = Ended(stranger.spawn().expect("a stranger"));
    let pid_file = format!("{}\n{}\n1\n5432\n/nowhere\n\n 1 1\n", stranger.0.id(), data.join("pg").display());
    std::fs::write(data.join("pg/postmaster.pid"), pid_file).expect("written");

    let server = Server::start_or_attach(&Options::new(&data)).expect("started");
    assert_eq!(value(server.socket_dir(), "select 1"), "1");
    assert_eq!(stranger.0.try_wait().expect("asked"), None, "the stranger still runs");
}

#[test]
fn a_dead_server_that_nobody_reaps_does_not_block_the_start() {
    let scratch = Scratch::new();
    let data = scratch.data();
    Server::prepare(&Options::new(&data)).expect("made");
    let mut zombie = Command::new("true");
    if is_root() {
        run_as(&mut zombie, "postgres");
    }
    let mut zombie = zombie.spawn().expect("started");
    let stat = format!("/proc/{}/stat", zombie.id());
    eventually("it is a zombie", || std::fs::read_to_string(&stat).is_ok_and(|line| line.contains(") Z ")));
    let pid_file = format!("{}\n{}\n1\n5432\n/nowhere\n\n 1 1\n", zombie.id(), data.join("pg").display());
    std::fs::write(data.join("pg/postmaster.pid"), pid_file).expect("written");

    let server = Server::start_or_attach(&Options::new(&data)).expect("started");
    assert_eq!(value(server.socket_dir(), "select 1"), "1");
    zombie.wait().expect("reaped");
}

#[test]
fn a_half_made_cluster_is_made_anew() {
    let scratch = Scratch::new();
    let data = scratch.data();
    std::fs::create_dir_all(data.join("pg.tmp/base")).expect("left over");
    std::fs::write(data.join("pg.tmp/PG_VERSION"), "15\n").expect("left over");
    common::set_mode(&data, 0o711);
    let server = Server::start_or_attach(&Options::new(&data)).expect("started");
    assert_eq!(value(server.socket_dir(), "select 1"), "1");
    assert!(!data.join("pg.tmp").exists());
}

/// A process that ends with the test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that no keeper knows, given away to the system as after a crash without a death signal.
fn start_orphan(data: &std::path::Path) -> nix::unistd::Pid {
    let pg = data.join("pg");
    let postgres = Binaries::find(None).expect("binaries").program("postgres");
    let script = r#""$1" -D "$2" -k "$2" -c listen_addresses= >"$2/orphan.log" 2>&1 & "#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(postgres).arg(&pg).stdin(Stdio::null()).process_group(0);
    if is_root() {
        run_as(&mut shell, "postgres");
    }
    assert!(shell.status().expect("a shell").success());
    eventually("the orphan answers", || psql(&pg, "postgres", "select 1").status.success());
    postmaster(data).expect("its pid file")
}
