//! `bench` on the real binary: the shape of its answers, and that every move and message left its rows.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn bench(arguments: &[&str]) -> (Option<i32>, String, String) {
    bench_of("transitions", arguments)
}

fn bench_of(what: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_statehouse"));
    command.current_dir(root).args(["bench", what]).args(arguments).env_remove("DATABASE_URL");
    let output = command.output().expect("the binary runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn number(row: &Value, field: &str) -> f64 {
    row[field].as_f64().unwrap_or_else(|| panic!("`{field}` is no number in {row}"))
}

#[test]
fn a_short_run_leaves_one_event_one_effect_and_one_key_a_move() {
    let (code, said, complaints) = bench(&["--quick", "--json"]);
    assert_eq!(code, Some(0), "{said}{complaints}");
    let report: Value = serde_json::from_str(&said).expect("one JSON value");
    assert_eq!(report["format_version"], 1);
    assert_eq!(report["records"], 10_000);

    let rows = report["rows"].as_array().expect("rows");
    let mut cells: Vec<(String, u64, bool)> =
        rows.iter().map(|row| (row["path"].to_string(), row["clients"].as_u64().unwrap_or(0), row["row_local"] == true)).collect();
    cells.sort();
    let wanted: Vec<(String, u64, bool)> = [("\"bulk\"", false), ("\"bulk\"", true), ("\"sql\"", true), ("\"http\"", true)]
        .iter()
        .flat_map(|(path, local)| [1, 16, 64].map(|clients| ((*path).to_owned(), clients, *local)))
        .collect();
    let mut wanted = wanted;
    wanted.sort();
    assert_eq!(cells, wanted);

    for row in rows {
        for field in ["moves", "per_s", "limit1_per_s", "ratio", "p50_ms", "p99_ms", "wal_bytes"] {
            assert!(number(row, field) > 0.0, "`{field}` of {row}");
        }
        assert!(number(row, "p50_ms") <= number(row, "p99_ms"), "{row}");
    }
    // 200 + 16 × 20 + 64 × 10 single moves; 8 + 16 × 2 + 64 calls of 16 for each of two verbs; over HTTP 100 + 16 × 10 +
    // 64 × 5, and 6 of each of the 81 connections to warm up.
    let told = 1_160 + 2 * 104 * 16 + 580 + 81 * 6;
    assert_eq!(rows.iter().map(|row| number(row, "moves") as u64).sum::<u64>(), told);
    for left in ["moves", "events", "effects", "keys"] {
        assert_eq!(report["checks"][left], told, "{left}");
    }

    // Five runs of the bare work around the four cells of each client count.
    assert_eq!(report["limit1"].as_array().map(Vec::len), Some(15));
    assert_eq!(report["goals"].as_array().map(Vec::len), Some(4));
    let clear = &report["arguments"][0];
    assert!(number(clear, "filled_columns") >= 20.0 && number(clear, "input_bytes") >= 300.0, "{clear}");
    assert!(number(clear, "payload_bytes") >= 300.0, "{clear}");
}

#[test]
fn too_few_orders_are_wrong_usage() {
    let (code, _, complaints) = bench(&["--quick", "--records", "100"]);
    assert_eq!(code, Some(64), "{complaints}");
    assert!(complaints.contains("--records"), "{complaints}");
}

#[test]
fn every_message_is_thanked_for_and_stored_once() {
    let (code, said, complaints) = bench_of("messages", &["--quick", "--rate", "50", "--json"]);
    assert_eq!(code, Some(0), "{said}{complaints}");
    let report: Value = serde_json::from_str(&said).expect("one JSON value");
    assert_eq!((&report["format_version"], &report["rate_per_s"], &report["goal_p99_ms"]), (&1.into(), &50.into(), &50.0.into()));
    assert_eq!((&report["thanked"], &report["stored"]), (&150.into(), &150.into()));
    assert!(number(&report, "p50_ms") > 0.0 && number(&report, "p50_ms") <= number(&report, "p99_ms"), "{report}");
    assert!(number(&report, "p99_ms") <= number(&report, "max_ms"), "{report}");
    assert_eq!(report["met"], number(&report, "p99_ms") <= 50.0);
}
