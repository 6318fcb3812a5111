//! The one question asked of every catalog, and the settings under which its answer is comparable.

/// Reads a snapshot: `$1 text[]` our schemas, `$2 text[]` our roles; rows `(kind, schema, name, part, facts jsonb)`.
pub const CATALOG: &str = include_str!("catalog.sql");

/// To be run before [`CATALOG`]: printed definitions leave out schemas on the search path and print constants in the
/// session's formats.
pub const PREPARE: &str = "\
begin transaction isolation level repeatable read read only;
set local search_path = pg_catalog;
set local quote_all_identifiers = off;
set local timezone = 'UTC';
set local datestyle = 'ISO, YMD';
set local intervalstyle = postgres;
set local extra_float_digits = 1;
set local bytea_output = hex;
set local standard_conforming_strings = on;
";

/// To be run once by the session that carries out steps: bodies may name what a later step makes, names are written
/// in full, and nobody waits behind us for longer than this.
pub const SETTINGS: &str = "\
set check_function_bodies = off;
set search_path = pg_catalog;
set standard_conforming_strings = on;
set lock_timeout = '1s';
";

/// To be run before the first of a row of steps with `own_transaction`: they wait for old transactions to end and
/// hold up nobody while they do. Run [`SETTINGS`] again after the last of them.
pub const SETTINGS_ALONE: &str = "set lock_timeout = 0;";
