//! Starting, attaching, settings, stopping.

mod common;

use common::{Holder, Scratch, eventually, postmaster, value};
use statehouse_postgres::{Options, Server};

#[test]
fn starts_answers_stops_and_keeps_what_was_stored() {
    let scratch = Scratch::new();
    let server = Server::start_or_attach(&Options::new(scratch.data())).expect("a server");
    assert!(server.owned());
    assert_eq!(server.socket_dir(), scratch.data().join("run"));
    value(server.socket_dir(), "create table kept (n int); insert into kept values (7)");
    server.stop().expect("stopped");
    assert_eq!(postmaster(&scratch.data()), None, "a stopped server leaves no pid file");

    let server = Server::start_or_attach(&Options::new(scratch.data())).expect("a server again");
    assert_eq!(value(server.socket_dir(), "select n from kept"), "7");
    let log = std::fs::read_to_string(scratch.data().join("server.log")).expect("a log");
    assert!(!log.contains("not properly shut down"), "the stop was in order: {log}");
}

#[test]
fn is_private_and_durable() {
    let scratch = Scratch::new();
    let options = Options::new(scratch.data()).with("max_connections", "37").with("cluster_name", "it's \\ quoted");
    let server = Server::start_or_attach(&options).expect("a server");
    let show = |name: &str| value(server.socket_dir(), &format!("show {name}"));
    for (name, expected) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("lc_collate", "C"),
        ("server_encoding", "UTF8"),
        ("shared_buffers", "256MB"),
        ("max_wal_size", "8GB"),
        ("checkpoint_timeout", "30min"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("max_connections", "37"),
    ] {
        assert_eq!(show(name), expected, "{name}");
    }
    assert_eq!(show("cluster_name"), "it's \\ quoted");
    assert_ne!(show("wal_compression"), "off");
    if cfg!(target_os = "linux") {
        assert_eq!(show("recovery_init_sync_method"), "syncfs");
    }
    // Neither can the superuser make it less durable for the next start.
    value(server.socket_dir(), "alter system set fsync = off");
    server.stop().expect("stopped");
    let server = Server::start_or_attach(&options).expect("a server again");
    assert_eq!(value(server.socket_dir(), "show fsync"), "on");
}

#[test]
fn fixed_settings_are_refused_before_anything_is_made() {
    for name in ["fsync", "Listen_Addresses", "hba_file", "port", "x = 1\nfsync", ""] {
        let scratch = Scratch::new();
        let fault = Server::start_or_attach(&Options::new(scratch.data()).with(name, "off")).expect_err("a fixed setting");
        assert_eq!(fault.code(), "SH0009", "{name}");
        assert!(!scratch.data().join("pg").exists());
    }
}

#[test]
fn a_setting_the_server_refuses_is_shown_from_its_log() {
    let scratch = Scratch::new();
    let fault = Server::start_or_attach(&Options::new(scratch.data()).with("shared_buffers", "much")).expect_err("nonsense");
    assert_eq!(fault.code(), "SH0005");
    assert!(fault.to_string().contains("shared_buffers"), "{fault}");
    Server::start_or_attach(&Options::new(scratch.data())).expect("the directory is not spoilt");
}

#[test]
fn a_second_process_attaches_and_does_not_stop_it() {
    let scratch = Scratch::new();
    let server = Server::start_or_attach(&Options::new(scratch.data())).expect("a server");
    let pid = postmaster(&scratch.data());
    let second = Holder::start(&scratch, &scratch.data(), None, |_| {});
    assert_eq!(second.line, format!("attached {}", server.socket_dir().display()));
    assert_eq!(second.release(), Some(0));
    assert_eq!(postmaster(&scratch.data()), pid, "the same server runs on");
    assert_eq!(value(server.socket_dir(), "select 1"), "1");

    let fault = Server::prepare(&Options::new(scratch.data())).expect_err("it is owned");
    assert_eq!(fault.code(), "SH0006");
    assert!(fault.to_string().contains(&std::process::id().to_string()), "names the owner: {fault}");
}

#[test]
fn of_many_at_once_one_owns_and_all_reach_it() {
    let scratch = Scratch::new();
    Server::prepare(&Options::new(scratch.data())).expect("made");
    let first = Holder::start(&scratch, &scratch.data(), None, |_| {});
    drop(first);
    let holders: Vec<Holder> = std::thread::scope(|scope| {
        let start = || Holder::start(&scratch, &scratch.data(), None, |_| {});
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().expect("started")).collect()
    });
    let owners = holders.iter().filter(|holder| holder.line.starts_with("owned ")).count();
    assert_eq!(owners, 1);
    for holder in &holders {
        assert_eq!(value(&holder.socket_dir(), "select 1"), "1");
    }
}

#[test]
fn a_server_that_dies_is_started_again() {
    let scratch = Scratch::new();
    let server = Server::start_or_attach(&Options::new(scratch.data())).expect("a server");
    value(server.socket_dir(), "create table kept (n int); insert into kept values (7)");
    let first = postmaster(&scratch.data()).expect("a server process");
    common::kill_9(first);
    eventually("another server process", || postmaster(&scratch.data()).is_some_and(|pid| pid != first));
    eventually("it answers", || common::psql(server.socket_dir(), "postgres", "select 1").status.success());
    assert_eq!(value(server.socket_dir(), "select n from kept"), "7");
    server.stop().expect("stopped");
}

#[test]
fn its_url_is_one_that_psql_takes() {
    let scratch = Scratch::new();
    let server = Server::start_or_attach(&Options::new(scratch.0.join("b & c% \\d"))).expect("a server");
    assert!(server.socket_dir().starts_with(&scratch.0));
    value(server.socket_dir(), "create role \"o'role\" login");
    let psql = server.binaries().program("psql");
    let output = std::process::Command::new(psql)
        .args(["-X", "-A", "-t", "-c", "select current_user, inet_server_addr() is null"])
        .arg(server.url("o'role", "postgres"))
        .output()
        .expect("psql ran");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "o'role|t\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_path_that_libpq_would_split_gets_another_socket() {
    let scratch = Scratch::new();
    let server = Server::start_or_attach(&Options::new(scratch.0.join("a, \"b\""))).expect("a server");
    let socket_dir = server.socket_dir().to_owned();
    assert_eq!(value(&socket_dir, "select 1"), "1");
    server.stop().expect("stopped");
    std::fs::remove_dir_all(socket_dir).expect("removed");
}
