//! A database with the engine, one app, its people and a clock set by hand.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::{Path, PathBuf};

use statehouse_compile::{compile, engine, pricing};
use statehouse_definition::App;
use statehouse_definition::model::Through;

use crate::asker::{literal, name};
use crate::cluster::Cluster;
use crate::database::TestDatabase;
use crate::people;
use crate::place;

/// The time at which every template stands still.
pub const NOON: &str = "2026-11-20 12:00:00+00";

/// The folder of an app that comes with the project.
#[must_use]
pub fn folder(app: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps").join(app)
}

/// The template of the app in `folder`: engine, law, rule rows, people of two tenants, a hand-held clock at [`NOON`].
/// Made once for all processes that share the server.
///
/// # Panics
/// When the app does not compile or cannot be installed.
#[must_use]
pub fn template(cluster: &Cluster, folder: &Path) -> String {
    let title = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // Apps of one name stand in several places; for one place every process makes the same name.
    let place = BuildHasherDefault::<DefaultHasher>::default().hash_one(folder) & 0xffff_ffff;
    cluster.template(&format!("app_{title}_{place:08x}"), |db| build(cluster, db, folder))
}

/// What [`template`] puts into an empty database.
///
/// # Panics
/// When the app does not compile or cannot be installed.
pub fn build(cluster: &Cluster, db: &TestDatabase, folder: &Path) {
    let app = load(folder);
    // Roles belong to the whole server; two templates at once would trip over each other's comments on them.
    let _one_at_a_time = place::lock(cluster.socket_dir(), "lock-roles");
    install(db, &app);
    people::seed(db, &app);
}

/// Sets the hand-held clock, as the superuser.
///
/// # Panics
/// When the database has none.
pub fn set_clock(db: &TestDatabase, at: &str) {
    db.psql_as_superuser(&format!("update statehouse.clock set now = {}", literal(at))).ok();
}

/// Reads and checks nothing but that the files can be read; the compiler refuses the rest.
fn load(folder: &Path) -> App {
    let loaded = statehouse_definition::load(folder);
    loaded.app.unwrap_or_else(|| panic!("`{}` does not load: {:#?}", folder.display(), loaded.findings))
}

fn install(db: &TestDatabase, app: &App) {
    let compiled = compile(app).unwrap_or_else(|fault| panic!("`{}` does not compile: {fault:?}", app.name));
    let mut script = String::from("\\set ON_ERROR_STOP on\nset client_min_messages = warning;\n");
    script.push_str(&engine::install());
    script.push_str(&format!(
        "insert into statehouse.definition (app, version, sha256, body) values ({}, 1, sha256(''), jsonb_build_object('text', {}));\n",
        literal(&app.name),
        literal(&serde_json::to_string(app).unwrap_or_else(|cause| panic!("`{}` has no JSON form: {cause}", app.name)))
    ));
    script.push_str(&compiled.script());
    script.push_str("set role statehouse_owner;\n");
    script.push_str(engine::TEST_CLOCK);
    script.push_str(&format!(
        "update statehouse.clock set now = {};\n\
         select statehouse.ensure_event_partition(month::date) from generate_series({0}::timestamptz, {0}::timestamptz + interval '2 months', '1 month') month;\n\
         reset role;\n",
        literal(NOON)
    ));
    for (role, preset) in app.roles.iter().filter(|(_, role)| role.by == Through::Membership) {
        let held: Vec<String> = preset.capabilities.iter().map(|c| literal(c)).collect();
        script.push_str(&format!(
            "insert into statehouse.role_preset (app, role, capabilities) values ({}, {}, array[{}]::text[]);\n",
            literal(&app.name),
            literal(role),
            held.join(", ")
        ));
    }
    for rules in pricing::rows(app) {
        let columns: Vec<String> = rules.columns.iter().map(|(column, _)| name(column)).collect();
        for row in &rules.rows {
            let cells = row.iter().map(|cell| cell.as_deref().map_or("null".into(), literal));
            script.push_str(&format!(
                "insert into {}.{} ({}) values ({});\n",
                name(&rules.schema),
                name(&rules.table),
                columns.join(", "),
                cells.collect::<Vec<_>>().join(", ")
            ));
        }
    }
    db.psql_as_superuser(&script).ok();
}
