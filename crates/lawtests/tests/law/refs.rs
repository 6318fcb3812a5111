//! A ref that a person hands in names a record that the person sees, whichever way it is handed in.

use std::path::Path;

use statehouse_testkit::people::{BALTYK, NORDUR, Persona};
use statehouse_testkit::{Cluster, TestDatabase, app};

use crate::attacks::{ask, patched};
use crate::ledger;

const DESK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/apps/desk");
/// An id nobody ever gave.
const NOWHERE: &str = "00000000-0000-7000-8000-0000000000aa";

/// A site each for two salespeople of one tenant and one of the other, and a planned visit with one stop.
fn desk(hint: &str) -> TestDatabase {
    let cluster = Cluster::shared();
    let template = cluster.template("desk_with_sites", |db| {
        app::build(cluster, db, Path::new(DESK));
        for (tenant, name, rep) in [
            (NORDUR, "mine", Persona::member("desk", NORDUR, "rep")),
            (NORDUR, "also mine", Persona::member("desk", NORDUR, "rep")),
            (NORDUR, "theirs", Persona::second("desk", NORDUR, "rep")),
            (BALTYK, "far", Persona::member("desk", BALTYK, "rep")),
        ] {
            let site = format!("insert into desk_admin.site (name, rep, worth) values ('{name}', '{}', 500)", rep.id());
            db.psql_as(&Persona::member("desk", tenant, "admin"), &site).ok();
        }
        let visit = "insert into desk_rep.visit (site, note) select id, 'first' from desk_rep.site where name = 'mine';
             insert into desk_rep.visit_stops (visit, what) select id, 'coffee' from desk_rep.visit;";
        db.psql_as(&Persona::member("desk", NORDUR, "rep"), visit).ok();
    });
    cluster.database_from(&template, hint)
}

/// Every way to hand a site in, with the function that looks, and what it answers when all is well.
const WAYS: &[(&str, &str, &str, &str)] = &[
    ("a new record", "insert into desk_rep.visit (site) values ('{site}')", "visit_rep_insert", "1 rows"),
    ("a new record, the second ref", "insert into desk_rep.visit (site, second) values ('{mine}', '{site}')", "visit_rep_insert", "1 rows"),
    ("an edit", "update desk_rep.visit set second = '{site}' where note = 'first'", "visit_rep_update", "1 rows"),
    (
        "an input",
        "update desk_rep.visit set fire = 'redirect', input = '{\"second\": \"{site}\"}' where note = 'first'",
        "visit_rep_update",
        "1 rows",
    ),
    (
        "an edit beside a move",
        "update desk_rep.visit set fire = 'redirect', second = '{site}' where note = 'first'",
        "visit_rep_update",
        "1 rows",
    ),
    (
        "an input of many",
        "select coalesce(errcode, outcome) from desk_rep.visit_bulk(array(select id from desk_rep.visit where note = 'first'), 'redirect', '{\"second\": \"{site}\"}')",
        "visit_rep_bulk",
        "moved",
    ),
    (
        "a new row",
        "insert into desk_rep.visit_stops (visit, site) select id, '{site}' from desk_rep.visit where note = 'first'",
        "visit_rep_stops_insert",
        "1 rows",
    ),
    ("a changed row", "update desk_rep.visit_stops set site = '{site}' where what = 'coffee'", "visit_rep_stops_update", "1 rows"),
];

fn site(db: &TestDatabase, name: &str) -> String {
    db.value_as_superuser(&format!("select id from desk.site where name = '{name}'"))
}

/// What `script` answers to the salesperson; nothing of it stays.
async fn tried(db: &TestDatabase, script: &str) -> String {
    let client = db.as_persona(&Persona::member("desk", NORDUR, "rep")).await;
    client.batch_execute("begin").await.unwrap();
    let answer = ask(&client, script).await;
    client.batch_execute("rollback").await.unwrap();
    answer
}

#[tokio::test]
async fn a_ref_out_of_sight_is_one_that_is_not_there() {
    let db = desk("refs");
    let mine = site(&db, "mine");
    let mut surprises = Vec::new();
    for (way, script, _, well) in WAYS {
        for (whose, id) in
            [("mine", site(&db, "also mine")), ("theirs", site(&db, "theirs")), ("far", site(&db, "far")), ("nowhere", NOWHERE.into())]
        {
            let answer = tried(&db, &script.replace("{site}", &id).replace("{mine}", &mine)).await;
            let expected = if whose == "mine" { *well } else { "S4020" };
            if answer != expected {
                surprises.push(format!("{way}, {whose}: expected {expected}, was {answer}"));
            }
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// Without the look each way lets the colleague's site in.
#[tokio::test]
async fn without_the_look_it_goes_through() {
    let mut functions: Vec<&str> = WAYS.iter().map(|way| way.2).collect();
    functions.dedup();
    let db = desk("unlooked");
    for function in functions {
        let whole = db.value_as_superuser(&format!(
            "select oid::regprocedure from pg_proc where pronamespace = 'desk'::regnamespace and proname = '{function}'"
        ));
        db.psql_as_superuser(&patched(&whole, "perform statehouse.refuse_ref(", "perform format('%s', ")).ok();
    }
    let (mine, theirs) = (site(&db, "mine"), site(&db, "theirs"));
    for (way, script, _, well) in WAYS {
        let answer = tried(&db, &script.replace("{site}", &theirs).replace("{mine}", &mine)).await;
        assert_eq!(answer, *well, "{way}");
    }
}

/// The two refusals are the same to the letter, but for what the caller wrote.
#[test]
fn the_words_tell_nothing() {
    let db = desk("words");
    let rep = Persona::member("desk", NORDUR, "rep");
    let said = |id: &str| {
        let run = db.psql_as(&rep, &format!("insert into desk_rep.visit (site) values ('{id}')"));
        assert!(run.stderr.contains("S4020"), "{}", run.stderr);
        assert!(!run.stderr.contains(id), "{}", run.stderr);
        run.stderr
    };
    let (theirs, far) = (said(&site(&db, "theirs")), said(&site(&db, "far")));
    assert_eq!(theirs, said(NOWHERE));
    assert_eq!(far, said(NOWHERE));
}

/// Sight may come by a capability; a role that sees no site can give none; what somebody else set may stay.
#[tokio::test]
async fn sight_is_that_of_the_view() {
    let db = desk("sight");
    let (mine, theirs) = (site(&db, "mine"), site(&db, "theirs"));
    let give = |id: &str| format!("insert into desk_rep.visit (site, note) values ('{id}', 'given')");
    assert_eq!(tried(&db, &give(&theirs)).await, "S4020");
    let porter = db.as_persona(&Persona::member("desk", NORDUR, "porter")).await;
    assert_eq!(ask(&porter, &format!("insert into desk_porter.visit (site) values ('{mine}')")).await, "S4020");

    let admin = db.as_persona(&Persona::member("desk", NORDUR, "admin")).await;
    assert_eq!(ask(&admin, &format!("update desk_admin.visit set site = '{theirs}' where note = 'first'")).await, "1 rows");
    assert_eq!(ask(&admin, &format!("update desk_admin.visit set site = '{NOWHERE}' where note = 'first'")).await, "S4020");
    let rep = db.as_persona(&Persona::member("desk", NORDUR, "rep")).await;
    let edit = format!("update desk_rep.visit set site = '{theirs}', second = '{mine}' where note = 'first'");
    assert_eq!(ask(&rep, &edit).await, "1 rows");

    let id = Persona::member("desk", NORDUR, "rep").id();
    db.psql_as_superuser(&format!("update statehouse.membership set extra = '{{site.any}}' where member = '{id}'")).ok();
    assert_eq!(tried(&db, &give(&theirs)).await, "1 rows");
    assert_eq!(tried(&db, &give(&site(&db, "far"))).await, "S4020");
    assert_eq!(ledger::contradictions(&db, "desk.visit"), "");
}

/// An import brings a whole tenant's records, so it refers to what is there, seen by whomever.
#[tokio::test]
async fn an_import_refers_to_what_is_there() {
    let db = desk("imported");
    let import = db.as_persona(&Persona::engine("desk", NORDUR, "import")).await;
    let rep = Persona::member("desk", NORDUR, "rep").id();
    let brings = |site: &str| format!("insert into desk_system.visit (site, rep, note) values ('{site}', '{rep}', 'imported')");
    assert_eq!(ask(&import, &brings(&site(&db, "theirs"))).await, "1 rows");
    assert_eq!(ask(&import, &brings(NOWHERE)).await, "23503");
}

/// A child that is hidden whole is nowhere: no view, no privilege, no word in the history.
#[tokio::test]
async fn a_hidden_child_is_not_there() {
    let db = desk("hidden_child");
    let auditor = db.as_persona(&Persona::member("desk", NORDUR, "auditor")).await;
    assert_eq!(ask(&auditor, "select count(*) from desk_auditor.visit").await, "1");
    assert_eq!(ask(&auditor, "select count(*) from desk_auditor.visit_stops").await, "42P01");
    let told = |role: &str| format!("select count(*) from desk_{role}.visit_history where payload ? 'stops'");
    let rep = db.as_persona(&Persona::member("desk", NORDUR, "rep")).await;
    assert_eq!((ask(&rep, &told("rep")).await.as_str(), ask(&auditor, &told("auditor")).await.as_str()), ("1", "0"));
    let reached = "select count(*) from information_schema.role_table_grants where table_name = 'visit_stops' and grantee ~ 'auditor'";
    assert_eq!(db.value_as_superuser(reached), "0");
    let policies = "select count(*) from pg_policies where tablename = 'visit_stops' and policyname ~ 'auditor'";
    assert_eq!(db.value_as_superuser(policies), "0");
}

/// A child that is hidden in a state has no rows there, and none in the history.
#[tokio::test]
async fn a_child_hidden_in_a_state_has_no_rows_there() {
    let db = desk("masked_child");
    let admin = db.as_persona(&Persona::member("desk", NORDUR, "admin")).await;
    let looks = ["select count(*) from desk_admin.visit_stops", "select count(*) from desk_admin.visit_history where payload ? 'stops'"];
    for look in looks {
        assert_eq!(ask(&admin, look).await, "1", "{look}");
    }
    let rep = db.as_persona(&Persona::member("desk", NORDUR, "rep")).await;
    assert_eq!(ask(&rep, "update desk_rep.visit set fire = 'finish'").await, "1 rows");
    for look in looks {
        assert_eq!(ask(&admin, look).await, "0", "{look}");
    }
    assert_eq!(ask(&rep, "select count(*) from desk_rep.visit_stops").await, "1");
}

/// A text in an expression arrives as it was written: line breaks, the deeper line, and words that elsewhere are calls.
#[tokio::test]
async fn a_text_survives_the_printing() {
    let db = desk("texts");
    let rep = db.as_persona(&Persona::member("desk", NORDUR, "rep")).await;
    let stop = "insert into desk_rep.visit_stops (visit) select id from desk_rep.visit where note = 'first' returning what";
    assert_eq!(ask(&rep, stop).await, "first\n  second");
    assert_eq!(ask(&rep, "update desk_rep.visit set note = 'statehouse.actor()' where note = 'first'").await, "1 rows");
    assert_eq!(ask(&rep, "update desk_rep.visit set fire = 'confirm'").await, "S4004");
    assert_eq!(ask(&rep, "update desk_rep.visit set note = 'statehouse.acting()'").await, "1 rows");
    assert_eq!(ask(&rep, "update desk_rep.visit set fire = 'confirm'").await, "1 rows");
    let finish = "update desk_rep.visit set fire = 'finish' returning note";
    assert_eq!(ask(&rep, finish).await, "by statehouse.actor()\n  or statehouse.role()\n\n\\n is no line");
    assert_eq!(ledger::contradictions(&db, "desk.visit"), "");
}

/// A state that requires a field is not entered without it.
#[tokio::test]
async fn a_state_has_what_it_requires() {
    let db = desk("required");
    let mine = site(&db, "also mine");
    let rep = db.as_persona(&Persona::member("desk", NORDUR, "rep")).await;
    let seal = "update desk_rep.visit set fire = 'seal'";
    assert_eq!(ask(&rep, seal).await, "S4006");
    assert_eq!(ask(&rep, &format!("update desk_rep.visit set second = '{mine}'")).await, "1 rows");
    assert_eq!(ask(&rep, seal).await, "1 rows");
}
