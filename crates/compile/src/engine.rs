//! The engine's own schema: who asks, what happened, what is owed. Installed once per database, before any app.

/// A file of the engine, in the order they are run.
#[derive(Clone, Copy, Debug)]
pub struct EngineFile {
    /// File name, for messages.
    pub name: &'static str,
    /// Its statements.
    pub sql: &'static str,
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(EngineFile { name: $name, sql: include_str!(concat!("../engine/", $name)) }),*]
    };
}

/// Version of the engine's schema; the database remembers the one it has.
pub const SCHEMA_VERSION: u32 = 1;

/// Files run as the owner after `01_roles.sql`, which needs a role that may create roles.
pub const FILES: &[EngineFile] = files![
    "02_time.sql",
    "03_session.sql",
    "04_event.sql",
    "05_owed.sql",
    "06_law.sql",
    "07_security.sql",
    "08_file.sql",
    "08_feed.sql",
    "09_subscription.sql",
    "08_server.sql",
    "09_outside.sql",
    "10_people.sql",
    "11_rules.sql",
    "12_effect.sql",
    "13_message.sql",
    "14_timer.sql",
    "15_queue.sql",
    "16_delivery.sql",
    "17_held.sql",
    "18_through.sql"
];

/// Roles and the schema: run as a superuser or an administrator with CREATEROLE.
pub const ROLES: &str = include_str!("../engine/01_roles.sql");

/// Replaces the clock of a test database by one that is set by hand; never part of production.
pub const TEST_CLOCK: &str = include_str!("../engine/test_clock.sql");

/// The whole installation as one script, ending as the caller it began with.
pub fn install() -> String {
    let mut script = String::from(ROLES);
    script.push_str(
        "\nalter default privileges for role statehouse_owner revoke execute on functions from public;\nset role statehouse_owner;\n",
    );
    for file in FILES {
        script.push_str(file.sql);
    }
    script.push_str("\nreset role;\n");
    script
}
