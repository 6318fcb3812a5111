//! The promise of the template: a room is never confirmed twice for one night, however many confirm at once.

use statehouse_testkit::Cluster;

use crate::binary::{folder, run, stay};

/// Pairs of bookings, each pair for one room and overlapping nights, confirmed at the same moment.
const PAIRS: usize = 20;

#[test]
fn two_who_confirm_one_room_at_once_never_both_succeed() {
    let dir = folder();
    stay(dir.path());
    let database = Cluster::shared().database("booking");
    run(dir.path(), &["dev", "stay", "--ready", "ready.json", "--database-url", &database.url("postgres")]).ended(0);
    let ready = std::fs::read_to_string(dir.path().join("ready.json")).expect("written");
    let ready: serde_json::Value = serde_json::from_str(&ready).expect("JSON");
    let keys = ready["keys"].as_array().expect("a list");
    let host = keys.iter().find(|key| key["member"] == "helga@seaside.example").and_then(|key| key["key"].as_str()).expect("a host");
    let as_host = |sql: &str| database.psql("statehouse_api", &format!("select statehouse.enter('{host}'); {sql}"));
    as_host(&format!(
        "insert into stay_host.room (name) select 'room ' || n from generate_series(1, {PAIRS}) n;
         insert into stay_host.booking (guest, room, arrives, leaves)
         select statehouse.actor(), r.id, date '2030-01-01' + late, date '2030-01-03' + late from stay_host.room r, generate_series(0, 1) late;"
    ))
    .ok();
    let booked = |room: usize| {
        database.value_as_superuser(&format!(
            "select count(*) from stay.booking b join stay.room r on r.id = b.room where r.name = 'room {room}' and b.state = 'booked'"
        ))
    };
    for room in 1..=PAIRS {
        let gate = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for day in ["2030-01-01", "2030-01-02"] {
                let (gate, as_host) = (&gate, &as_host);
                scope.spawn(move || {
                    gate.wait();
                    // Each stays in its transaction for a while after the guard said yes, so that the other one comes in between.
                    as_host(&format!(
                        "begin; update stay_host.booking b set fire = 'confirm' from stay_host.room r
                         where r.id = b.room and r.name = 'room {room}' and b.arrives = '{day}'; select pg_sleep(0.05); commit"
                    ));
                });
            }
        });
        assert_eq!(booked(room), "1", "room {room}");
    }
}
