//! What is drawn, and with which exit code.

use std::time::{Duration, Instant};

use crate::binary::{command, edit, folder, run, stay};

const DRAWN: &str = "\
error[SH3012]: no role or capability `hosts`
  --> entities/booking.yaml:26:10
   |
26 |     by: [hosts]
   |          ^^^^^ not declared in app.yaml
   |
   = help: did you mean `host`?
   = more: statehouse explain SH3012

1 error
";

#[test]
fn a_finding_is_drawn_under_the_authors_own_text() {
    let dir = folder();
    let app = stay(dir.path());
    edit(&app.join("entities/booking.yaml"), "to: booked\n    by: [host]", "to: booked\n    by: [hosts]");
    let said = run(dir.path(), &["check", "stay"]).ended(1);
    assert_eq!(said.stderr, DRAWN);
    assert_eq!(said.stdout, "");

    let json = run(dir.path(), &["check", "stay", "--json"]).ended(1).json();
    assert_eq!((&json["errors"], &json["warnings"]), (&1.into(), &0.into()));
    let finding = &json["findings"][0];
    assert_eq!((&finding["code"], &finding["at"]["line"], &finding["at"]["column"]), (&"SH3012".into(), &26.into(), &10.into()));
    assert_eq!(finding["help"], "did you mean `host`?");
}

#[test]
fn the_orders_app_is_checked_within_150_ms() {
    let orders = concat!(env!("CARGO_MANIFEST_DIR"), "/../../apps/orders");
    let dir = folder();
    // The quickest of a few: other tests may be using the processors.
    let quickest = (0..5).map(|_| {
        let begun = Instant::now();
        let said = run(dir.path(), &["check", orders]).ended(0);
        assert_eq!(said.stdout, "`orders` is in order\n");
        begun.elapsed()
    });
    assert!(quickest.min().expect("five runs") < Duration::from_millis(150));
}

#[test]
fn usage_codes_and_pages() {
    let dir = folder();
    run(dir.path(), &["chekc"]).ended(64);
    run(dir.path(), &["plan", "--mapping"]).ended(64);
    let help = run(dir.path(), &["help"]).ended(0).stdout;
    for word in ["init", "dev", "plan", "apply", "check", "fire", "explain", "import", "export", "audit", "bench", "doctor"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(word)), "{word} in\n{help}");
    }
    let page = run(dir.path(), &["explain", "SH4004"]).ended(0).stdout;
    assert!(page.starts_with("# SH4004 guard refused"), "{page}");
}

#[test]
fn no_app_is_said_once_and_nothing_is_made() {
    let dir = folder();
    std::fs::write(dir.path().join("notes.yaml"), "a: b").expect("written");
    for (folder, says) in [
        (".", "`.` is no app's folder: there is no `app.yaml`"),
        ("nodir", "there is no folder `nodir`"),
        ("notes.yaml", "`notes.yaml` is a file"),
    ] {
        let json = run(dir.path(), &["check", folder, "--json"]).ended(1).json();
        assert_eq!(json["findings"].as_array().map(Vec::len), Some(1), "{json}");
        assert_eq!(json["findings"][0]["message"], says);
        let plan = run(dir.path(), &["plan", folder]).ended(1);
        assert_eq!(plan.stderr.matches("error[").count(), 1, "{}", plan.stderr);
    }
    for arguments in [&["fire", "order/A-1", "start", "--as", "key"][..], &["export", "--definition"], &["audit", "verify"]] {
        let said = run(dir.path(), arguments).ended(69);
        assert!(said.stderr.starts_with("error[SH0010]: there is no database in `data`\n"), "{}", said.stderr);
    }
    let said = run(dir.path(), &["import", "none.csv", "--entity", "order", "--tenant", "a"]).ended(64);
    assert!(said.stderr.starts_with("error[SH1001]: could not read `none.csv`"), "{}", said.stderr);
    assert_eq!(run(dir.path(), &["chekc", "--json"]).ended(64).json()["code"], "SH1001");
    assert_eq!(std::fs::read_dir(dir.path()).expect("read").count(), 1);
}

#[test]
fn what_is_typed_wins_over_the_environment() {
    let dir = folder();
    let with = |arguments: &[&str]| {
        let said = command(dir.path())
            .args(arguments)
            .env("DATABASE_URL", "postgresql://127.0.0.1:1/none")
            .env("STATEHOUSE_DATA", "elsewhere")
            .output();
        String::from_utf8(said.expect("run").stderr).expect("UTF-8")
    };
    assert!(with(&["audit", "verify"]).starts_with("error[SH0008]"));
    assert!(with(&["audit", "verify", "--data", "here"]).starts_with("error[SH0010]: there is no database in `here`"));
    assert!(with(&["audit", "verify", "--database-url", "bogus"]).starts_with("error[SH0009]"));
}

#[test]
fn a_reader_who_has_gone_is_no_fault() {
    let dir = folder();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let said = command(dir.path()).args(["explain", "SH4004"]).stdout(writer).output().expect("run");
    assert_eq!((said.status.code(), String::from_utf8_lossy(&said.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn an_unreachable_database_ends_with_69_and_the_one_body() {
    let dir = folder();
    stay(dir.path());
    let said = run(dir.path(), &["plan", "stay", "--json", "--database-url", "postgresql://127.0.0.1:1/none"]).ended(69);
    let body = said.json();
    let keys: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["code", "title", "detail", "help", "retry", "refused_by", "request_id"]);
    assert_eq!(body["code"], "SH0008");
}

#[test]
fn colours_only_for_a_terminal() {
    let dir = folder();
    let said = command(dir.path()).args(["check", "nowhere"]).env("CLICOLOR_FORCE", "1").output().expect("run");
    assert!(!said.stderr.contains(&0x1b));
}
