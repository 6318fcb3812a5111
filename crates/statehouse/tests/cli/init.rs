//! The app that `init` writes.

use std::fs;

use crate::binary::{folder, run, stay};

#[test]
fn writes_an_app_that_passes_check_and_nothing_over_another() {
    let dir = folder();
    let said = run(dir.path(), &["init", "stay"]).ended(0);
    let next: Vec<&str> = said.stdout.lines().skip(1).map(str::trim).collect();
    assert_eq!(next, ["statehouse check stay", "statehouse dev stay --data stay/.data", "statehouse plan stay --data stay/.data"]);
    for file in ["README.md", ".gitignore", ".statehouse/entity.schema.json", "entities/room.yaml", "entities/booking.yaml", "app.yaml"] {
        assert!(dir.path().join("stay").join(file).exists(), "{file}");
    }
    let checked = run(dir.path(), &["check", "stay"]).ended(0);
    assert_eq!((checked.stdout.as_str(), checked.stderr.as_str()), ("`stay` is in order\n", ""));

    let app = dir.path().join("stay/app.yaml");
    fs::write(&app, "mine").expect("written");
    run(dir.path(), &["init", "stay"]).ended(64);
    assert_eq!(fs::read_to_string(&app).expect("read"), "mine");
}

#[test]
fn the_schema_completes_this_apps_own_states() {
    let dir = folder();
    let app = stay(dir.path());
    let schema = fs::read_to_string(app.join(".statehouse/entity.schema.json")).expect("read");
    for word in ["asked", "booked", "host", "guest"] {
        assert!(schema.contains(&format!("\"{word}\"")), "{word}");
    }
}

#[test]
fn a_name_that_cannot_be_a_schema_is_refused() {
    let dir = folder();
    let said = run(dir.path(), &["init", "My-App"]).ended(1);
    assert!(said.stderr.starts_with("error[SH3007]"), "{}", said.stderr);
    assert!(!dir.path().join("My-App").exists());
    let said = run(dir.path(), &["init", "statehouse"]).ended(1);
    assert!(said.stderr.starts_with("error[SH3007]"), "{}", said.stderr);
    assert!(!dir.path().join("statehouse").exists());
}
