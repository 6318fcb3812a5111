//! What the database holds, as one text: a change anywhere changes it.

use statehouse_testkit::TestDatabase;

/// Tables in which asking leaves a trace, and refusing too; nothing in them is a record, an event or owed.
const TRACES: [&str; 3] = ["statehouse.session", "statehouse.refusal", "statehouse.clock"];

/// One line a table of the app and the engine: how many rows, and a sum over their content, versions included.
pub fn state(db: &TestDatabase) -> String {
    let skipped = TRACES.map(|table| format!("'{table}'")).join(", ");
    db.value_as_superuser(&format!(
        "select string_agg(t.name || ' ' || (xpath('/row/h/text()', query_to_xml(
             'select count(*) || '' '' || coalesce(sum(hashtextextended(r::text, 0)::numeric), 0) as h from ' || t.name || ' r', false, true, '')))[1]::text,
           E'\\n' order by t.name)
         from (select format('%I.%I', n.nspname, c.relname) as name
                 from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where n.nspname in ('orders', 'statehouse') and c.relkind = 'r') t
        where t.name not in ({skipped})"
    ))
}

/// The lines that are not in both.
pub fn changed(before: &str, after: &str) -> Vec<String> {
    let missing = |from: &str, there: &str, sign: char| {
        let lines: Vec<&str> = there.lines().collect();
        from.lines().filter(|line| !lines.contains(line)).map(|line| format!("{sign}{line}")).collect::<Vec<_>>()
    };
    [missing(before, after, '-'), missing(after, before, '+')].concat()
}
