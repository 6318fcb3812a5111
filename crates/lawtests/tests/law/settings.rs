//! Settings of a connection belong to whoever asks; the law reads the same under any of them.

use statehouse_testkit::people::{NORDUR, Persona};
use statehouse_testkit::{Cluster, app};

use crate::attacks::ask;
use crate::ledger;

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
