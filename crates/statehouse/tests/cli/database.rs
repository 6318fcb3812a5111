//! Plan, apply and doctor against a database of one's own.

use statehouse_testkit::Cluster;

use crate::binary::{edit, folder, run, stay};

#[test]
fn plan_apply_and_doctor_end_as_promised() {
    let dir = folder();
    let app = stay(dir.path());
    let database = Cluster::shared().database("cli");
    let url = database.url("postgres");
    let with = |arguments: &[&str]| run(dir.path(), &[arguments, &["--database-url", &url]].concat());

    let first = with(&["plan", "stay", "--exit-code"]).ended(2);
    assert!(first.stdout.contains("Plan: the engine and `stay` are made for the first time."), "{}", first.stdout);
    with(&["doctor", "stay"]).ended(1);
    with(&["apply", "stay"]).ended(0);
    let again = with(&["plan", "stay", "--exit-code"]).ended(0);
    assert_eq!(again.stdout, "no changes\n");
    with(&["doctor", "stay"]).ended(0);

    let applied = with(&["apply", "stay", "--json"]).ended(0).json();
    assert_eq!((&applied["changed"], &applied["applied"]["version"]), (&false.into(), &1.into()));

    database.psql_as_superuser("alter table stay.booking no force row level security").ok();
    let drift = with(&["plan", "stay", "--exit-code"]).ended(2);
    assert!(drift.stdout.contains("DRIFT, will be restored"), "{}", drift.stdout);
    let doctor = with(&["doctor", "stay"]).ended(1);
    assert!(doctor.stdout.contains("FAIL definition             version 1, 1 steps of drift"), "{}", doctor.stdout);
    with(&["apply", "stay"]).ended(0);

    database
        .psql_as_superuser(
            "set session_replication_role = replica; insert into statehouse.tenant (slug, name) values ('a', 'A');
             insert into stay.booking (tenant, id, number, reference, guest, room, arrives, leaves, people, nights, state, entered_at, changed_at, version, verb, head)
             values (1, gen_random_uuid(), 1, 'B-00001', gen_random_uuid(), gen_random_uuid(), '2026-01-01', '2026-01-02', 1, 1, 'stayed', now(), now(), 1, 'created', sha256(''))",
        )
        .ok();
    edit(
        &app.join("entities/booking.yaml"),
        "  people:  { type: integer, required: true, default: \"1\", check: \"people > 0\", label: { en: People } }\n",
        "",
    );
    edit(&app.join("entities/booking.yaml"), "[arrives, leaves, people]", "[arrives, leaves]");
    let planned = with(&["plan", "stay", "--json"]).json();
    let planned = planned["plan"]["fingerprint"].as_str().expect("a fingerprint").to_owned();
    edit(&app.join("app.yaml"), "en: Bookings", "en: Stays");
    let stale = with(&["apply", "stay", "--planned", &planned, "--allow-destroy", "booking.people"]).ended(1);
    assert!(stale.stderr.contains("error[SH3053]"), "{}", stale.stderr);
    let refused = with(&["apply", "stay"]).ended(3);
    assert!(refused.stderr.contains("error[SH3051]") && refused.stderr.contains("--allow-destroy booking.people"), "{}", refused.stderr);
    assert_eq!(database.value_as_superuser("select people from stay.booking"), "1");
    with(&["apply", "stay", "--allow-destroy", "booking.people"]).ended(0);
    assert_eq!(with(&["plan", "stay"]).ended(0).stdout, "no changes\n");
}
