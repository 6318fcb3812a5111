//! The law while a state is being renamed: records that have not moved on yet are judged as standing where they will.

use std::path::Path;

use statehouse_compile::object::Kind;
use statehouse_compile::plan::{Mapping, One, Target};
use statehouse_compile::{Compiled, compile, compile_while};
use statehouse_definition::{App, SourceFile, read};
use statehouse_testkit::people::{NORDUR, Persona};
use statehouse_testkit::{Cluster, TestDatabase, app};

use crate::attacks::ask;

const HALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/apps/hall");

/// The hall's app, in which a booking is `kept` where it was `held`.
fn renamed() -> App {
    let mut files = Vec::new();
    for path in ["app.yaml", "entities/hall.yaml", "entities/booking.yaml", "connectors/sms.yaml"] {
        let text = std::fs::read_to_string(Path::new(HALL).join(path)).unwrap();
        files.push(SourceFile { path: path.into(), text: text.replace("held", "kept") });
    }
    read(&files).app.unwrap()
}

/// A small hall with one booking held and one asked for, too many for both; then the functions of the new law.
fn hall(hint: &str, law: &Compiled) -> TestDatabase {
    let cluster = Cluster::shared();
    let db = cluster.database_from(&app::template(cluster, Path::new(HALL)), hint);
    let (admin, clerk) = (Persona::member("hall", NORDUR, "admin"), Persona::member("hall", NORDUR, "clerk"));
    let guest = Persona::member("hall", NORDUR, "guest").id();
    let scene = format!(
        "insert into hall_admin.hall (name, capacity) values ('Small', 10);
         insert into hall_admin.booking (hall, guest, clerk, phone, seats) select id, '{guest}', '{}', '+3545550001', s from hall_admin.hall, unnest(array[8, 5]) s;",
        clerk.id()
    );
    db.psql_as(&admin, &scene).ok();
    db.psql_as(&clerk, "update hall_clerk.booking set fire = 'hold' where seats = 8").ok();
    let functions = law.objects.iter().filter(|object| object.id.kind == Kind::Function && object.id.schema == "hall");
    let anew: String = functions.map(|object| object.sql.as_str()).collect();
    let anew = anew.replace("create function", "create or replace function").replace("create trigger", "create or replace trigger");
    let switch = format!("alter table hall.booking drop constraint booking_state_known; set role statehouse_owner; {anew}");
    db.psql_as_superuser(&switch).ok();
    db
}

async fn hold(db: &TestDatabase) -> String {
    let clerk = db.as_persona(&Persona::member("hall", NORDUR, "clerk")).await;
    ask(&clerk, "update hall_clerk.booking set fire = 'hold' where seats = 5").await
}

#[tokio::test]
async fn a_guard_over_others_counts_who_has_not_moved_on() {
    let app = renamed();
    let kept = [("held".to_owned(), Target::One(One { to: "kept".to_owned() }))];
    let mapping = Mapping([("booking".to_owned(), kept.into())].into());
    let db = hall("changing", &compile_while(&app, &mapping).unwrap());
    assert_eq!(db.value_as_superuser("select string_agg(state, ' ' order by seats) from hall.booking"), "asked held");
    assert_eq!(hold(&db).await, "S4004");

    let unmapped = hall("unmapped", &compile(&app).unwrap());
    assert_eq!(hold(&unmapped).await, "1 rows", "without the mapping the hall is overbooked");
}
