//! Users, directories and binaries as they come.

mod common;

use common::{Holder, Scratch, is_root, psql, psql_command, run_as, set_mode, value};
use statehouse_postgres::{Binaries, Options, Server};

#[test]
fn an_ordinary_user_owns_everything_itself() {
    if !is_root() {
        // Every other test is this one then.
        return;
    }
    for name in ["nobody", "postgres"] {
        let scratch = Scratch::new();
        let home = scratch.0.join("home");
        std::fs::create_dir(&home).expect("a home");
        let owner = common::user(name);
        std::os::unix::fs::chown(&home, Some(owner.uid.as_raw()), Some(owner.gid.as_raw())).expect("given");
        set_mode(&home, 0o700);
        let holder = Holder::start(&scratch, &home.join("data"), Some(name), |_| {});
        let sql = "select system_user_is from (select current_user as system_user_is) x";
        assert_eq!(value(&holder.owned_socket_dir(), sql), "postgres");
        assert_eq!(server_user(&home.join("data")), owner.uid.as_raw());
        assert_eq!(holder.release(), Some(0));

        // Root finds a cluster with an owner and runs it as that owner, whose home is closed to nobody but others.
        let server = Server::start_or_attach(&Options::new(home.join("data"))).expect("as its owner");
        assert_eq!(server_user(&home.join("data")), owner.uid.as_raw());
        assert_eq!(value(server.socket_dir(), "select 1"), "1");
    }
}

#[test]
fn every_login_role_made_later_may_enter_and_other_users_may_not() {
    let scratch = Scratch::new();
    let server = Server::start_or_attach(&Options::new(scratch.data())).expect("a server");
    for role in ["statehouse_api", "statehouse_worker", "statehouse_read", "statehouse_agent"] {
        value(server.socket_dir(), &format!("create role {role} login"));
        let output = psql(server.socket_dir(), role, "select session_user");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), role);
    }
    if !is_root() {
        return;
    }
    let ask = || {
        let mut command = psql_command(server.socket_dir(), "statehouse_read", "select 1");
        run_as(&mut command, "nobody");
        command.output().expect("psql ran")
    };
    let refused = ask();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Permission denied"), "{refused:?}");

    // The socket's own mode is a second lock behind the directory's.
    set_mode(server.socket_dir(), 0o755);
    let refused = ask();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Permission denied"), "{refused:?}");

    // With both opened the same user gets in: the refusals above came from these two and nothing else.
    set_mode(&server.socket_dir().join(".s.PGSQL.5432"), 0o777);
    assert!(ask().status.success());
}

#[test]
fn another_user_is_told_whose_directory_it_is() {
    if !is_root() {
        return;
    }
    let scratch = Scratch::new();
    let server = Server::start_or_attach(&Options::new(scratch.data())).expect("a server");
    let stranger = Holder::start(&scratch, &scratch.data(), Some("nobody"), |_| {});
    assert!(stranger.line.starts_with("SH0003 "), "{}", stranger.line);
    assert!(stranger.line.contains("`nobody`") && stranger.line.contains("`root`"), "{}", stranger.line);
    assert_eq!(stranger.release(), Some(2));
    assert_eq!(value(server.socket_dir(), "select 1"), "1");
}

#[test]
fn a_directory_closed_to_others_still_serves_root() {
    if !is_root() {
        return;
    }
    let scratch = Scratch::new();
    let closed = scratch.0.join("closed");
    std::fs::create_dir(&closed).expect("a directory");
    set_mode(&closed, 0o700);
    let data = closed.join("data");
    match Server::start_or_attach(&Options::new(&data)) {
        Ok(server) => {
            assert_eq!(value(server.socket_dir(), "select 1"), "1");
            server.stop().expect("stopped");
            let mode = std::os::unix::fs::PermissionsExt::mode(&closed.metadata().expect("there").permissions());
            assert_eq!(mode & 0o777, 0o700, "the parent stays closed");
            // Opened later, the cluster changes hands to the unprivileged user.
            set_mode(&closed, 0o755);
            let server = Server::start_or_attach(&Options::new(&data)).expect("as the unprivileged user");
            assert_eq!(value(server.socket_dir(), "select 1"), "1");
            assert_ne!(server_user(&data), 0);
        }
        // Where user namespaces are not permitted, it says what to do.
        Err(fault) => {
            assert_eq!(fault.code(), "SH0003");
            assert!(fault.help().contains("--data"), "{}", fault.help());
        }
    }
}

#[test]
fn a_long_path_gets_a_short_socket_that_the_next_process_finds() {
    let scratch = Scratch::new();
    let data = scratch.0.join("d".repeat(60)).join("e".repeat(60));
    let server = Server::start_or_attach(&Options::new(&data)).expect("a server");
    let socket_dir = server.socket_dir().to_owned();
    assert!(!socket_dir.starts_with(&scratch.0));
    assert_eq!(value(&socket_dir, "select 1"), "1");
    let second = Holder::start(&scratch, &data, None, |_| {});
    assert_eq!(second.line, format!("attached {}", socket_dir.display()));
    drop(second);
    server.stop().expect("stopped");

    let server = Server::start_or_attach(&Options::new(&data)).expect("a server again");
    assert_eq!(server.socket_dir(), socket_dir, "the recorded directory is used again");
    server.stop().expect("stopped");

    // A directory of that name which somebody else could have made is not used.
    set_mode(&socket_dir, 0o777);
    let server = Server::start_or_attach(&Options::new(&data)).expect("a server again");
    assert_ne!(server.socket_dir(), socket_dir);
    let _ = std::fs::remove_dir_all(&socket_dir);
    let last = server.socket_dir().to_owned();
    server.stop().expect("stopped");
    let _ = std::fs::remove_dir_all(last);
}

#[test]
fn a_bad_bindir_says_what_to_install() {
    let scratch = Scratch::new();
    let holder = Holder::start(&scratch, &scratch.data(), None, |command| {
        command.env("STATEHOUSE_PG_BINDIR", &scratch.0);
    });
    assert!(holder.line.starts_with("SH0001 "), "{}", holder.line);
    assert!(holder.line.contains(&scratch.0.display().to_string()), "{}", holder.line);
    assert_eq!(holder.release(), Some(2));
}

#[test]
fn only_a_version_that_fits_is_taken() {
    let scratch = Scratch::new();
    let fake = |name: &str, version: &str| {
        let dir = scratch.0.join(name);
        std::fs::create_dir(&dir).expect("a directory");
        for program in ["initdb", "postgres"] {
            std::fs::write(dir.join(program), format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).expect("written");
            set_mode(&dir.join(program), 0o755);
        }
        dir
    };
    let (old, new) = (fake("old", "14.9"), fake("new", "17.2"));
    let fault = Binaries::choose(std::slice::from_ref(&old), None).expect_err("too old");
    assert_eq!(fault.code(), "SH0002");
    assert!(fault.to_string().contains("14"), "{fault}");

    let chosen = Binaries::choose(&[old.clone(), new.clone()], None).expect("the newer");
    assert_eq!((chosen.dir(), chosen.major()), (new.as_path(), 17));
    // An existing cluster asks for its own major, whatever the floor.
    assert_eq!(Binaries::choose(&[new.clone(), old.clone()], Some(14)).expect("the same").dir(), old);
    assert_eq!(Binaries::choose(&[new], Some(16)).expect_err("another").code(), "SH0002");
}

/// What stands where the socket's directory should be is not removed: it is somebody's.
#[test]
fn a_file_in_the_place_of_the_socket_directory_is_left_alone() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.data()).expect("a data directory");
    drop(Server::start_or_attach(&Options::new(scratch.data())).expect("a server"));
    let run = scratch.data().join("run");
    let _ = std::fs::remove_dir_all(&run);
    std::fs::write(&run, "mine").expect("written");
    let fault = Server::start_or_attach(&Options::new(scratch.data())).expect_err("refused");
    assert_eq!(fault.code(), "SH0007", "{fault}");
    assert_eq!(std::fs::read_to_string(&run).expect("read"), "mine");
}

/// The operating system user of the running server.
fn server_user(data: &std::path::Path) -> u32 {
    let pid = common::postmaster(data).expect("a server process");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).expect("its user");
    line.split_whitespace().next().expect("a number").parse().expect("a number")
}
