//! Settings of a connection belong to whoever asks; the law reads the same under any of them.

use statehouse_testkit::people::{NORDUR, Persona};
use statehouse_testkit::{Cluster, app};

use crate::attacks::ask;
use crate::{ledger, world};

const GATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/apps/gate");

/// What any client may set, one line each.
const SETTINGS: &[&str] = &[
    "standard_conforming_strings = off",
    "timezone = 'Pacific/Kiritimati'",
    "timezone = '<far>-167'",
    "datestyle = 'German, DMY'",
    "intervalstyle = 'sql_standard'",
    "transform_null_equals = on",
    "array_nulls = off",
    "extra_float_digits = -15",
    "bytea_output = 'escape'",
    "search_path = pg_temp, gate_guest, gate, statehouse",
    "quote_all_identifiers = on",
    "lc_monetary = 'C'",
    "plan_cache_mode = force_generic_plan",
    "xmloption = document",
    "row_security = on",
    "check_function_bodies = off",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_deferrable = on",
    "synchronous_commit = off",
    "lc_numeric = 'C'",
    "lc_time = 'C'",
    "backslash_quote = off",
    "escape_string_warning = off",
    "default_tablespace = ''",
    "temp_tablespaces = ''",
    "constraint_exclusion = on",
    "gin_fuzzy_search_limit = 1",
    "enable_seqscan = off",
    "enable_indexscan = off",
    "work_mem = '64kB'",
    "jit = off",
    "xmlbinary = 'hex'",
    "statehouse.locale = 'xx'",
    "statehouse.depth = 'none'",
    "statehouse.tenant = 'none'",
    "statehouse.capabilities = '{{'",
];

/// A visit with a wrong code, one to a gate that opens tomorrow, and one that may enter.
#[tokio::test]
async fn the_law_reads_the_same_under_any_setting() {
    let cluster = Cluster::shared();
    let template = app::template(cluster, std::path::Path::new(GATE));
    let db = cluster.database_from(&template, "settings");
    let guest = Persona::member("gate", NORDUR, "guest");
    let mut surprises = Vec::new();
    for setting in [""].iter().chain(SETTINGS) {
        for (code, opens_on, expected) in
            [("dddd", "2026-11-01", "S4004"), ("1234", "2026-11-21", "S4004"), ("1234", "2026-11-20", "1 rows")]
        {
            let made = format!("insert into gate_guest.visit (code, opens_on) values ('{code}', '{opens_on}') returning id");
            let id = db.value_as(&guest, &made);
            // A connection of its own: a function is read when it is first called.
            let client = db.as_persona(&guest).await;
            if !setting.is_empty() {
                client.batch_execute(&format!("set {setting}")).await.unwrap();
            }
            let entered = ask(&client, &format!("update gate_guest.visit set fire = 'enter' where id = '{id}'")).await;
            if entered != expected {
                surprises.push(format!("`{setting}`, {code} on {opens_on}: expected {expected}, was {entered}"));
            }
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert_eq!(ledger::contradictions(&db, "gate.visit"), "");
}

/// Whoever holds a login may set what all who share it begin with. No such default makes the law read differently, shows a
/// row more, or lends a session; the worst it does is to refuse.
#[tokio::test]
async fn a_login_s_defaults_reach_no_guarantee() {
    let db = world::fresh("defaults");
    let somebody = db.connect("statehouse_api").await;
    let alter = |what: &str| format!("alter role statehouse_api in database {} {what}", db.name());
    // What would speak for somebody, or past the law.
    for setting in
        ["statehouse.session = 'mine'", "statehouse.tenant = '2'", "statehouse.role = 'admin'", "session_replication_role = replica"]
    {
        assert_eq!(ask(&somebody, &alter(&format!("set {setting}"))).await, "42501", "{setting}");
    }
    assert_eq!(ask(&somebody, "alter role statehouse_worker set search_path = 'x'").await, "42501", "another login");
    let rep = Persona::member("orders", NORDUR, "rep");
    let seen = "select count(*) from orders_rep.\"order\"";
    let (all, other) = (db.value_as(&rep, seen), "select count(*) from orders_rep.\"order\" where rep <> statehouse.actor()");
    for setting in [
        "search_path = 'pg_temp, orders, statehouse'",
        "default_transaction_isolation = 'serializable'",
        "standard_conforming_strings = off",
        "transform_null_equals = on",
        "timezone = 'Pacific/Kiritimati'",
        "datestyle = 'German'",
        "plan_cache_mode = 'force_generic_plan'",
        "enable_indexscan = off",
        "synchronous_commit = off",
    ] {
        assert_eq!(ask(&somebody, &alter(&format!("set {setting}"))).await, "0 rows", "{setting}");
        let client = db.as_persona(&rep).await;
        assert_eq!((ask(&client, seen).await, ask(&client, other).await), (all.clone(), "0".to_owned()), "{setting}");
        assert_eq!(
            ask(&client, "update orders_rep.\"order\" set fire = 'confirm' where title = 'mixed/accepted'").await,
            "S4003",
            "{setting}"
        );
        assert_eq!(
            ask(&client, "update orders_rep.\"order\" set note = 'x' || now() where title = 'mixed/quoting'").await,
            "1 rows",
            "{setting}"
        );
        assert_eq!(ask(&somebody, &alter("reset all")).await, "0 rows");
    }
    // Row rules are asked for or the statement fails; they are never skipped.
    assert_eq!(ask(&somebody, &alter("set row_security = off")).await, "0 rows");
    let unfiltered = db.connect("statehouse_api").await;
    assert_eq!(ask(&unfiltered, &rep.enter()).await, "42501");
    unfiltered.batch_execute("set row_security = on").await.unwrap();
    assert!(!ask(&unfiltered, &rep.enter()).await.starts_with("42"), "a client may say otherwise for itself");
    unfiltered.batch_execute("set row_security = off").await.unwrap();
    assert_eq!(ask(&unfiltered, seen).await, "42501");
    assert_eq!(ledger::contradictions(&db, "orders.order"), "");
}
