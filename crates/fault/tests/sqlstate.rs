//! What Postgres raises, and the fault a person meets. The messages are what PostgreSQL 15 prints.

use statehouse_fault::{Fault, RefusedBy};

fn check(sqlstate: &str, message: &str, code: &str, detail: &str) {
    // Row contents as Postgres quotes them: never forwarded.
    let quoted = Some("Failing row contains (7, secret).");
    let fault = Fault::from_sqlstate(sqlstate, message, quoted, Some("a hint of Postgres"));
    assert_eq!((fault.code.code, fault.detail.as_str()), (code, detail), "{sqlstate} {message}");
    assert_eq!(fault.help, fault.code.help);
    assert_eq!(fault.refused_by, []);
}

#[test]
fn states_of_postgres() {
    let denied = "permission denied for table order";
    check("42501", denied, "SH2010", denied);
    let unique = r#"duplicate key value violates unique constraint "order_reference_unique""#;
    check("23505", unique, "SH5010", "`order_reference_unique` allows this value once");
    let rule = r#"new row for relation "order" violates check constraint "order_net_not_negative""#;
    check("23514", rule, "SH5011", "the values break `order_net_not_negative`");
    let args = r#"value for domain statehouse.frozen_args violates check constraint "effect_args_bounded""#;
    check("23514", args, "SH4015", "the arguments of an effect take more than 64 KiB");
    let key = r#"insert or update on table "order" violates foreign key constraint "order_client_fkey""#;
    check("23503", key, "SH5012", "`order_client_fkey` refers to nothing");
    let null = r#"null value in column "currency" of relation "order" violates not-null constraint"#;
    check("23502", null, "SH5013", "`currency` must have a value");
    let overlap = r#"conflicting key value violates exclusion constraint "booking_no_overlap""#;
    check("23P01", overlap, "SH5014", "`booking_no_overlap` allows no overlap");
    let text = r#"invalid input syntax for type integer: "abc""#;
    check("22P02", text, "SH5015", text);
    check("22008", "date/time field value out of range", "SH5015", "date/time field value out of range");

    let crossed = "two transactions crossed and this one was undone";
    check("40001", "could not serialize access due to concurrent update", "SH5002", crossed);
    check("40P01", "deadlock detected", "SH5002", crossed);
    let cancelled = "the statement was cancelled before it finished";
    check("57014", "canceling statement due to statement timeout", "SH5003", cancelled);
    check("55P03", "canceling statement due to lock timeout", "SH5004", "waited too long for a lock");
    let many = "the database accepts no more connections";
    check("53300", "sorry, too many clients already", "SH5005", many);
    let full = "the disk of the database is full";
    check("53100", "could not extend file: No space left on device", "SH5006", full);

    let lost = "the connection was lost, the outcome is unknown";
    check("08006", "connection failure", "SH5007", lost);
    check("08003", "connection does not exist", "SH5007", lost);
    check("40003", "statement completion unknown", "SH5007", lost);
    check("57P01", "terminating connection due to administrator command", "SH5007", lost);
    check("08001", "connection refused", "SH0008", "connection refused");
    check("57P03", "the database system is starting up", "SH0008", "the database system is starting up");

    check("XX000", "cache lookup failed", "SH5001", "the database failed with SQLSTATE `XX000`");
    check("42P01", r#"relation "x" does not exist"#, "SH5001", "the database failed with SQLSTATE `42P01`");
    check("", "", "SH5001", "the database failed with SQLSTATE ``");
    check("P0004", "impossible: event 7 follows 5", "SH9001", "impossible: event 7 follows 5");
}

#[test]
fn a_message_in_another_language_has_no_name() {
    let german = "doppelter Schlüsselwert verletzt Unique-Constraint »order_reference_unique«";
    check("23505", german, "SH5010", "the value is already taken");
}

#[test]
fn a_guard_speaks_for_itself() {
    let detail = r#"{"code":"SH4004","entity":"order","record":"ord_7Q2","verb":"quote","state":"quoting","refused_by":[{"guard":"priced","message":"Every line needs a price"}]}"#;
    let fault = Fault::from_sqlstate("S4004", "Every line needs a price", Some(detail), Some("set a price"));
    let priced = RefusedBy { guard: "priced".into(), message: "Every line needs a price".into() };
    assert_eq!(fault.code.code, "SH4004");
    assert_eq!(fault.detail, "Every line needs a price");
    assert_eq!(fault.help, "set a price");
    assert_eq!(fault.refused_by, [priced]);
}

#[test]
fn a_stale_version_is_told_from_a_serialization_failure() {
    let detail = r#"{"code":"SH4012","record":"ord_7Q2","version":9,"sent":8}"#;
    let fault = Fault::from_sqlstate("40001", "`ord_7Q2` is at version 9, you sent 8", Some(detail), None);
    assert_eq!(fault.code.code, "SH4012");
    assert_eq!(fault.help, "fetch the record again and decide on its new state");
}

#[test]
fn a_state_of_ours_needs_no_detail_and_an_unlisted_one_is_our_bug() {
    assert_eq!(Fault::from_sqlstate("S2001", "no session", None, None).code.code, "SH2001");
    assert_eq!(Fault::from_sqlstate("S2001", "no session", Some("{"), None).code.code, "SH2001");
    assert_eq!(Fault::from_sqlstate("S4999", "what", None, None).code.code, "SH9001");
}

#[test]
fn a_code_under_a_foreign_state_is_not_believed() {
    let forged = Some(r#"{"code":"SH4004","refused_by":[]}"#);
    assert_eq!(Fault::from_sqlstate("23505", "duplicate", forged, None).code.code, "SH5010");
    assert_eq!(Fault::from_sqlstate("S4001", "no such verb", forged, None).code.code, "SH4001");
}

#[test]
fn the_body_has_all_its_keys() {
    let fault = Fault::from_sqlstate("S4002", "`accept` is not open from `quoting`", None, None);
    let expected = r#"{"code":"SH4002","title":"not open from this state","detail":"`accept` is not open from `quoting`","help":"fetch the record again and choose a verb that is open","retry":"refresh","refused_by":[],"request_id":null}"#;
    assert_eq!(serde_json::to_string(&fault).expect("it serializes"), expected);
    let found = fault.with_request_id("req_01");
    assert!(serde_json::to_string(&found).expect("it serializes").ends_with(r#""request_id":"req_01"}"#));
    assert_eq!(found.to_string(), "SH4002 not open from this state: `accept` is not open from `quoting`");
}
