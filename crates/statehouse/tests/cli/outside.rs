//! `endpoint`, `effects` and `messages`: addresses by the operator, the rest as a member who looks after it.

use statehouse_testkit::{Cluster, TestDatabase, orders};

use crate::binary::{Run, folder, run};

const KEY: &str = "key-orders-nordur-admin-1";

fn database(name: &str) -> TestDatabase {
    let cluster = Cluster::shared();
    cluster.database_from(&orders::in_every_state(cluster), name)
}

fn with(db: &TestDatabase, arguments: &[&str]) -> Run {
    run(folder().path(), &[arguments, &["--database-url", &db.url("postgres")]].concat())
}

/// The token of an address that was printed.
fn token(url: &str) -> &str {
    url.trim().rsplit('/').next().unwrap_or_default()
}

#[test]
fn an_address_is_printed_once_listed_and_ended() {
    let db = database("cli_endpoint");
    let added = with(&db, &["endpoint", "add", "nordur", "customs", "--account", "acct_1"]).ended(0);
    assert!(added.stdout.starts_with("http://127.0.0.1:8321/v1/in/in_"), "{}", added.stdout);
    assert!(added.stderr.contains("public_url"), "{}", added.stderr);
    let asked = format!("select slug, app, source, account from statehouse.endpoint_of('{}')", token(&added.stdout));
    assert_eq!(db.value("statehouse_server", &asked), "nordur|orders|customs|acct_1");
    let second = with(&db, &["endpoint", "add", "baltyk", "customs", "--json"]).ended(0).json();
    assert_eq!((&second["tenant"], &second["account"]), (&"baltyk".into(), &serde_json::Value::Null));

    let listed = with(&db, &["endpoint", "list"]).ended(0);
    assert_eq!(listed.stdout.lines().count(), 2, "{}", listed.stdout);
    assert!(!listed.stdout.contains(token(&added.stdout)), "{}", listed.stdout);
    let one = with(&db, &["endpoint", "list", "nordur", "--json"]).ended(0).json();
    let id = one[0]["id"].as_str().expect("an id").to_owned();
    with(&db, &["endpoint", "revoke", &id]).ended(0);
    assert_eq!(db.value("statehouse_server", &asked), "");
    let twice = with(&db, &["endpoint", "revoke", &id]).ended(1);
    assert!(twice.stderr.contains("error[SH1002]"), "{}", twice.stderr);
    assert!(with(&db, &["endpoint", "list", "nordur"]).stdout.contains("revoked 20"));

    let empty = with(&db, &["endpoint", "list", "baltyk", "--json"]).ended(0).json();
    with(&db, &["endpoint", "revoke", empty[0]["id"].as_str().expect("an id")]).ended(0);
    for wrong in [&["endpoint", "list", "nosuch"][..], &["endpoint", "add", "nosuch", "customs"]] {
        let refused = with(&db, wrong).ended(64);
        assert!(refused.stderr.contains("there is no tenant `nosuch`; there are `nordur`, `baltyk`"), "{}", refused.stderr);
        assert!(!refused.stderr.contains("--tenant"), "{}", refused.stderr);
    }
    for wrong in [["endpoint", "add", "nobody", "customs"], ["endpoint", "add", "nordur", "unheard_of"]] {
        let refused = with(&db, &wrong);
        assert!(refused.status != Some(0) && refused.stderr.contains("error[SH"), "{wrong:?}: {}", refused.stderr);
    }
}

#[test]
fn effects_are_listed_tried_again_and_resolved_by_who_may() {
    let db = database("cli_effects");
    let first = "select record, seq, n from statehouse.effect where tenant = 1 order by due_at, record limit 1";
    let put = |state: &str| {
        let set = format!(
            "set session_replication_role = replica;\nupdate statehouse.effect set state = '{state}' where (record, seq, n) in ({first})"
        );
        db.psql_as_superuser(&set).ok();
    };
    assert_eq!(with(&db, &["effects", "list", "--as", KEY]).ended(0).stdout, "nothing in state unknown, held, dead\n", "none to look at");
    assert_eq!(with(&db, &["effects", "list", "--as", KEY, "--json"]).ended(0).json(), serde_json::json!([]));
    let bogus = with(&db, &["effects", "list", "--state", "dead,bogus", "--as", KEY]).ended(64);
    assert!(bogus.stderr.contains("bogus") && bogus.stderr.contains("unknown, held, dead"), "{}", bogus.stderr);
    assert!(with(&db, &["effects", "replay", "x", "--as", KEY]).ended(64).stderr.contains("`x` names no effect"));
    let nobodys = "0199a0000000700080000000000d1ce5-7-2";
    let told = with(&db, &["effects", "replay", nobodys, "--as", KEY]).ended(1);
    assert_eq!(told.stdout, format!("there is no effect `{nobodys}` that you can see\n"));
    put("dead");
    let listed = with(&db, &["effects", "list", "--as", KEY, "--json"]).ended(0).json();
    let id = listed[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["state"]), (Some(1), &"dead".into()));
    assert!(with(&db, &["effects", "replay", &id, "--as", KEY]).ended(0).stdout.contains("is due again"));
    assert!(with(&db, &["effects", "replay", &id, "--as", KEY]).ended(0).stdout.contains("stays as it is"));
    put("unknown");
    let resolve = ["effects", "resolve", id.as_str(), "--did-not", "--evidence", "nothing in their log", "--as", KEY];
    assert_eq!(with(&db, &resolve).ended(0).stdout, format!("{id} is failed\n"));
    assert!(with(&db, &resolve).ended(1).stderr.contains("error[SH7021]"));
    assert!(with(&db, &["effects", "list", "--as", "key-orders-nordur-rep-1"]).stderr.contains("error[SH6505]"));
    with(&db, &["effects", "list"]).ended(64);
    with(&db, &["effects", "resolve", &id, "--evidence", "x", "--as", KEY]).ended(64);
}

#[test]
fn messages_are_listed_shown_and_looked_at_again() {
    let db = database("cli_messages");
    let url = with(&db, &["endpoint", "add", "nordur", "customs"]).ended(0).stdout;
    let receive = format!(
        "select id from statehouse.receive_message('{}', 'msg_1', 'declaration.cleared', '{{\"a\":1}}', '{{\"webhook-id\":\"msg_1\"}}', '', 'customs_hook', 'whole', null)",
        token(&url)
    );
    let id = db.value("statehouse_server", &receive);
    let listed = with(&db, &["messages", "list", "--as", KEY]).ended(0).stdout;
    assert_eq!(listed, "nothing in state waiting, late, quarantined, conflict, dead\n", "none that waits for anything");
    let listed = with(&db, &["messages", "list", "--source", "customs", "--state", "dead", "--as", KEY]).ended(0).stdout;
    assert_eq!(listed, "nothing of `customs` in state dead\n");
    let bogus = with(&db, &["messages", "list", "--state", "bogus", "--as", KEY]).ended(64);
    assert!(bogus.stderr.contains("bogus") && bogus.stderr.contains("quarantined, conflict, dead"), "{}", bogus.stderr);
    let nosuch = with(&db, &["messages", "list", "--source", "nosuch", "--as", KEY]).ended(64);
    assert!(nosuch.stderr.contains("takes no messages of `nosuch`; its sources are `customs`"), "{}", nosuch.stderr);
    with(&db, &["messages", "replay", "x", "--as", KEY]).ended(64);
    let nobodys = "0199a000-0000-7000-8000-0000000d1ce5";
    let told = with(&db, &["messages", "replay", nobodys, "--as", KEY]).ended(1);
    assert_eq!(told.stdout, format!("there is no message `{nobodys}` that you can see\n"));
    assert_eq!(with(&db, &["held", "discard", &format!("message:{nobodys}"), "--evidence", "none such", "--as", KEY]).ended(1).stderr, "");
    db.psql_as_superuser("set session_replication_role = replica;\nupdate statehouse.message set state = 'dead', due_at = null, code = 'SH7108', why = 'it died'").ok();
    let listed = with(&db, &["messages", "list", "--as", KEY]).ended(0);
    assert!(listed.stdout.contains(&id) && listed.stdout.contains("dead  SH7108 it died"), "{}", listed.stdout);
    let shown = with(&db, &["messages", "show", &id, "--as", KEY]).ended(0);
    assert!(shown.stdout.ends_with("\n\n{\"a\":1}\n") && shown.stdout.contains("msg_1"), "{}", shown.stdout);
    assert!(with(&db, &["messages", "replay", &id, "--as", KEY]).ended(0).stdout.contains("is looked at again"));
    assert!(with(&db, &["messages", "replay", &id, "--as", KEY]).ended(0).stdout.contains("stays as it is"));
    // One in conflict is not looked at again, only put away: `doctor` says so, and so does whoever tries.
    db.psql_as_superuser(
        "set session_replication_role = replica;\nupdate statehouse.message set state = 'conflict', n = 1, due_at = null, code = 'SH7104'",
    )
    .ok();
    let told = with(&db, &["messages", "replay", &id, "--as", KEY]).ended(0);
    let way = format!("statehouse held discard message:{id} --evidence");
    assert!(told.stdout.contains(&way), "{}", told.stdout);
    let discard = ["held", "discard", &format!("message:{id}"), "--evidence", "the first was right", "--as", KEY];
    assert_eq!(with(&db, &discard).ended(0).stdout, format!("message:{id} is put away\n"));
    assert_eq!(with(&db, &discard).ended(0).stdout, format!("message:{id} stays as it is\n"));
    let theirs = with(&db, &["messages", "show", &id, "--as", "key-orders-baltyk-admin-1"]).ended(1);
    assert!(theirs.stderr.contains("error[SH1002]"), "{}", theirs.stderr);
}

#[test]
fn what_a_restore_holds_is_listed_let_go_and_put_away() {
    let db = database("cli_held");
    db.psql_as_superuser("update statehouse.setting set value = '2' where name = 'epoch'").ok();
    let held = || with(&db, &["held", "list", "--most", "200", "--as", KEY, "--json"]).ended(0).json();
    let all = held();
    let [one, two] = [0, 1].map(|nth| all[nth]["id"].as_str().expect("two timers at least").to_owned());
    assert!(with(&db, &["held", "list", "--as", KEY]).ended(0).stdout.contains(&one));
    assert_eq!(with(&db, &["held", "release", &one, "--as", KEY]).ended(0).stdout, format!("{one} goes on\n"));
    assert!(with(&db, &["held", "release", &one, "--as", KEY]).ended(0).stdout.contains("stays as it is"));
    assert!(with(&db, &["held", "discard", &two, "--evidence", "x", "--as", KEY]).ended(1).stderr.contains("error[SH7022]"));
    let discard = ["held", "discard", two.as_str(), "--evidence", "done by telephone", "--as", KEY];
    assert_eq!(with(&db, &discard).ended(0).stdout, format!("{two} is put away\n"));
    let left = all.as_array().map_or(0, Vec::len) - 2;
    assert_eq!(with(&db, &["held", "release", "--all", "--as", KEY]).ended(0).stdout, format!("{left} go on\n"));
    assert_eq!(held().as_array().map(Vec::len), Some(0));
    assert_eq!(with(&db, &["held", "list", "--as", KEY]).ended(0).stdout, "nothing is held\n");
    assert_eq!(with(&db, &["held", "list", "--kind", "timer", "--as", KEY]).ended(0).stdout, "nothing of kind `timer` is held\n");
    for wrong in ["x", "message:x", "timer:x:lapse", "other:1", "effect:7"] {
        let refused = with(&db, &["held", "discard", wrong, "--evidence", "by telephone", "--as", KEY]).ended(64);
        assert!(refused.stderr.contains(&format!("`{wrong}` names nothing that can be held")), "{}", refused.stderr);
        with(&db, &["held", "release", wrong, "--as", KEY]).ended(64);
    }
    assert!(with(&db, &["held", "list", "--as", "key-orders-nordur-rep-1"]).stderr.contains("error[SH6505]"));
    with(&db, &["held", "release", "--as", KEY]).ended(64);
    with(&db, &["held", "release", &one, "--all", "--as", KEY]).ended(64);
    with(&db, &["held", "list", "--kind", "other", "--as", KEY]).ended(64);
}
