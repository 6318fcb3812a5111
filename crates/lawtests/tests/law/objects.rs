//! Everything the catalog holds, tried by every login role: relations, columns, sequences, functions, schemas.

use std::collections::{BTreeMap, BTreeSet};

use statehouse_testkit::TestDatabase;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona};
use tokio_postgres::Client;

use crate::attacks::ask;
use crate::world;

const OBJECTS: &str = include_str!("../../data/objects.csv");
const LOGINS: [&str; 5] = ["statehouse_api", "statehouse_agent", "statehouse_worker", "statehouse_read", "statehouse_server"];
const OURS: &str = "~ '^(statehouse|orders)(_|$)'";
/// Written by the law alone, whatever a role may write beside it.
const THE_LAWS_OWN: &[&str] = &[
    "tenant",
    "id",
    "number",
    "reference",
    "verb",
    "head",
    "entered_at",
    "changed_at",
    "seen_by",
    "subtotal",
    "discount",
    "net",
    "vat",
    "gross",
    "commission",
    "unit_price",
    "cost",
    "trace",
    "turnover",
    "payout",
    "order",
];
/// A permission the server refuses; a view without a door says the next two.
const REFUSED: [&str; 3] = ["42501", "55000", "42809"];

struct Entry {
    kind: &'static str,
    name: &'static str,
    allowed: [&'static str; 5],
}

/// An object of the database and the statements that need a privilege on it.
#[derive(Debug)]
struct Object {
    kind: String,
    name: String,
    /// Letter of the privilege, statement.
    attempts: Vec<(char, String)>,
}

fn entries() -> Vec<Entry> {
    let rows = OBJECTS.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    rows.map(|cells| Entry {
        kind: cells[0],
        name: cells[1],
        allowed: [cells[2], cells[3], cells[4], cells[5], cells.get(6).copied().unwrap_or("-")],
    })
    .collect()
}

/// Whether `name` is what `pattern`, with its stars, means.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|tail| (0..=tail.len()).any(|at| fits(rest, &tail[at..]))),
    }
}

/// The objects of the database, with everything one may try on each.
fn objects(db: &TestDatabase) -> Vec<Object> {
    let mut objects = Vec::new();
    let list = |query: &str| {
        db.value_as_superuser(query).lines().map(|line| line.split('|').map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    for row in list(&format!("select nspname from pg_namespace where nspname {OURS} order by 1")) {
        let attempts = vec![('C', format!("create table {}.mine (n int)", row[0]))];
        objects.push(Object { kind: "schema".into(), name: row[0].clone(), attempts });
    }
    for row in list(&format!(
        "select n.nspname || '.' || c.relname, c.oid::regclass, string_agg(quote_ident(a.attname), ' ' order by a.attnum) from pg_class c join pg_namespace n on n.oid = c.relnamespace
           join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          where n.nspname {OURS} and c.relkind not in ('i', 'I', 'S', 'c', 't') group by 1, 2 order by 1"
    )) {
        let r = &row[1];
        let mut attempts = vec![
            ('r', format!("select * from {r} limit 1")),
            ('r', format!("select count(*) from {r}")),
            ('a', format!("insert into {r} default values")),
            ('d', format!("delete from {r} where false")),
            ('D', format!("truncate {r}")),
            ('l', format!("lock table {r} in access exclusive mode")),
            ('t', format!("create trigger mine before insert on {r} for each statement execute function suppress_redundant_updates_trigger()")),
            ('o', format!("alter table {r} rename to mine")),
            ('o', format!("comment on {} {r} is 'mine'", if row[0].starts_with("orders_") { "view" } else { "table" })),
        ];
        attempts.extend(row[2].split(' ').map(|column| ('w', format!("update {r} set {column} = default where false"))));
        objects.push(Object { kind: "relation".into(), name: row[0].clone(), attempts });
    }
    for row in list(&format!(
        "select n.nspname || '.' || c.relname, c.oid::regclass from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname {OURS} and c.relkind = 'S' order by 1"
    )) {
        let attempts =
            ["nextval('{}')", "setval('{}', 1)", "currval('{}')"].map(|call| ('U', format!("select {}", call.replace("{}", &row[1]))));
        let attempts = attempts.into_iter().chain([('r', format!("select last_value from {}", row[1]))]).collect();
        objects.push(Object { kind: "sequence".into(), name: row[0].clone(), attempts });
    }
    for row in list(&format!(
        "select n.nspname || '.' || p.proname, format('select %I.%I(%s)', n.nspname, p.proname, (select string_agg('null::' || format_type(t, null), ', ' order by i) from unnest(p.proargtypes) with ordinality a (t, i)))
           from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname {OURS} order by 1, 2"
    )) {
        objects.push(Object { kind: "function".into(), name: row[0].clone(), attempts: vec![('X', row[1].clone())] });
    }
    objects
}

/// Tries one statement and takes it back.
async fn attempt(client: &Client, statement: &str) -> String {
    client.batch_execute("begin").await.unwrap();
    let answer = ask(client, statement).await;
    client.batch_execute("rollback").await.unwrap();
    answer
}

/// What differs from the table, and how many statements were refused by a privilege.
async fn differences(db: &TestDatabase) -> (Vec<String>, Vec<(usize, String)>) {
    let (entries, objects) = (entries(), objects(db));
    let mut differences = Vec::new();
    let mut refused = Vec::new();
    let mut used = BTreeSet::new();
    for (which, login) in LOGINS.iter().enumerate() {
        let client = db.connect(login).await;
        for object in &objects {
            let Some(at) = entries.iter().position(|entry| entry.kind == object.kind && fits(entry.name, &object.name)) else {
                differences.push(format!("{} {} has no entry", object.kind, object.name));
                continue;
            };
            used.insert(at);
            let allowed = entries[at].allowed[which];
            let mut had: BTreeSet<char> = BTreeSet::new();
            if object.kind == "schema" && ask(&client, &format!("select has_schema_privilege('{}', 'usage')", object.name)).await == "t" {
                had.insert('U');
            }
            for (letter, statement) in &object.attempts {
                let answer = attempt(&client, statement).await;
                if REFUSED.contains(&answer.as_str()) {
                    refused.push((which, statement.clone()));
                    continue;
                }
                had.insert(*letter);
                let own = THE_LAWS_OWN
                    .iter()
                    .find(|column| statement.contains(&format!(" set {column} ")) || statement.contains(&format!(" set \"{column}\" ")));
                if let (true, Some(column)) = (*letter == 'w', own) {
                    differences.push(format!("{login} may update {} of {}", column, object.name));
                }
            }
            let meant: BTreeSet<char> = allowed.chars().filter(|letter| *letter != '-').collect();
            if had != meant {
                differences.push(format!("{} {} by {login}: expected {meant:?}, had {had:?}", object.kind, object.name));
            }
        }
    }
    for (at, entry) in entries.iter().enumerate() {
        if !used.contains(&at) {
            differences.push(format!("{} {} names nothing", entry.kind, entry.name));
        }
    }
    (differences, refused)
}

#[tokio::test]
async fn every_object_is_as_listed() {
    let (differences, refused) = differences(&world::fresh("objects")).await;
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
    assert!(refused.len() > 3000, "{} statements were refused", refused.len());
}

#[tokio::test]
async fn an_object_without_an_entry_is_noticed() {
    let db = world::fresh("unlisted");
    db.psql_as_superuser("create table orders.secret (n int); create view orders_rep.leak as select * from orders.\"order\"; grant select on orders_rep.leak to statehouse_api; grant select on statehouse.event to statehouse_read").ok();
    let (differences, _) = differences(&db).await;
    for expected in [
        "relation orders.secret has no entry",
        "relation orders_rep.leak has no entry",
        "relation statehouse.event by statehouse_read: expected {}, had {'r'}",
    ] {
        assert!(differences.iter().any(|difference| difference == expected), "{expected} not in {differences:#?}");
    }
}

/// Every refusal again, privileges granted and row security off: none is refused for want of a privilege any more,
/// but what only an owner may do and the views that have no door.
#[tokio::test]
async fn every_refusal_was_a_privilege() {
    let (_, refused) = differences(&world::fresh("refusing")).await;
    let db = world::fresh("granted");
    let mut grants = String::from("do $$ declare s name; t regclass; begin\n");
    grants.push_str(&format!("for s in select nspname from pg_namespace where nspname {OURS} loop\n"));
    for login in LOGINS {
        for what in [
            "all on schema %1$I",
            "all on all tables in schema %1$I",
            "all on all sequences in schema %1$I",
            "execute on all functions in schema %1$I",
        ] {
            grants.push_str(&format!("execute format('grant {what} to {login}', s);\n"));
        }
    }
    // A view passes what it has no door for to its table, in its owner's name.
    for role in ["client", "rep", "admin", "ops", "broker", "guest", "visitor", "system"] {
        grants.push_str(&format!("execute format('grant all on all tables in schema %I to orders_{role}_eye', s);\n"));
    }
    grants.push_str("end loop; for t in select oid::regclass from pg_class where relrowsecurity loop execute format('alter table %s disable row level security', t); end loop; end $$");
    db.psql_as_superuser(&grants).ok();
    let mut clients = Vec::new();
    for login in LOGINS {
        clients.push(db.connect(login).await);
    }
    let mut still = BTreeMap::new();
    for (which, statement) in refused {
        let owners = ["alter table", "comment on"].iter().any(|start| statement.starts_with(start));
        // A statement-level trigger is nothing a view with doors may have, and truncating one means nothing.
        let views =
            statement.contains("orders_") && ["truncate", "create trigger", "lock table"].iter().any(|start| statement.starts_with(start));
        let answer = attempt(&clients[which], &statement).await;
        if answer == "42501" && !owners && !views {
            still.insert(format!("{}: {statement}", LOGINS[which]), answer);
        }
    }
    assert!(still.is_empty(), "{} still refused: {:#?}", still.len(), still.keys().take(20).collect::<Vec<_>>());
}

/// Row security alone, privileges granted: without a door nobody finds a row of anybody's.
#[tokio::test]
async fn row_security_holds_without_privileges() {
    let db = world::fresh("unprivileged");
    for login in LOGINS {
        db.psql_as_superuser(&format!(
            "grant usage on schema statehouse, orders to {login}; grant select on all tables in schema statehouse, orders to {login}"
        ))
        .ok();
    }
    let persona = Persona::member("orders", NORDUR, "admin");
    let client = db.as_persona(&persona).await;
    let tables = "select c.oid::regclass::text from pg_class c where relnamespace in ('orders'::regnamespace, 'statehouse'::regnamespace) and relkind in ('r', 'p') order by 1";
    let tables: Vec<String> = db.value_as_superuser(tables).lines().map(str::to_owned).collect();
    client.batch_execute("set statehouse.tenant = '1'; set statehouse.role = 'admin'; set statehouse.kind = 'system'").await.unwrap();
    for table in &tables {
        let count = format!("select count(*) from {table}");
        assert_eq!(ask(&client, &count).await, "0", "{table}");
    }
    let filled = tables.iter().filter(|table| db.value_as_superuser(&format!("select count(*) from {table}")) != "0").count();
    assert!(filled > 15, "only {filled} tables hold anything");
    db.psql_as_superuser("do $$ declare t regclass; begin for t in select oid::regclass from pg_class where relrowsecurity loop execute format('alter table %s disable row level security', t); end loop; end $$").ok();
    for table in tables {
        let held = db.value_as_superuser(&format!("select count(*) from {table}"));
        assert_eq!(ask(&client, &format!("select count(*) from {table}")).await, held, "{table}");
    }
}

/// Every view by every session: the right persona's rows, nobody else's, and an error where there is no session.
#[tokio::test]
async fn every_view_by_every_session() {
    let db = world::fresh("views");
    let views = db.value_as_superuser("select n.nspname, c.oid::regclass, (select a.attname from pg_attribute a where a.attrelid = c.oid and a.attname in ('id', 'record') limit 1) from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname like 'orders\\_%' and c.relkind = 'v'");
    let views: Vec<Vec<&str>> = views.lines().map(|line| line.split('|').collect()).collect();
    let mut filled = 0;
    for tenant in [NORDUR, BALTYK] {
        let own = db.value_as_superuser(&format!("select string_agg(id::text, ' ') from (select id from orders.\"order\" where tenant = {0} union all select id from orders.client where tenant = {0} union all select id from orders.settlement where tenant = {0} union all select id from orders.order_lines where tenant = {0}) x", tenant.number));
        let own: BTreeSet<&str> = own.split(' ').collect();
        for title in ["client", "rep", "admin", "ops", "broker", "timer", "connector", "system"] {
            let persona = Persona::named("orders", tenant, title);
            let client = db.as_persona(&persona).await;
            for view in views.iter().filter(|view| (view[0] == "orders_system") == (persona.login == "statehouse_worker")) {
                let seen =
                    ask(&client, &format!("select coalesce(string_agg(distinct {}::text, ' '), '') from {}", view[2], view[1])).await;
                if view[0] == persona.schema {
                    filled += usize::from(!seen.is_empty());
                    assert!(
                        seen.split(' ').filter(|id| !id.is_empty()).all(|id| own.contains(id)),
                        "{title} of {} sees others in {}",
                        tenant.slug,
                        view[1]
                    );
                } else {
                    assert_eq!(seen, "", "{title} of {} sees {}", tenant.slug, view[1]);
                }
            }
        }
    }
    assert!(filled > 50, "only {filled} views showed anything");
    let client = db.connect("statehouse_api").await;
    for view in views.iter().filter(|view| view[0] != "orders_system") {
        let count = format!("select count(*) from {}", view[1]);
        for (token, refusal) in [("", "S2001"), ("forged", "S2002"), ("tok-expired", "S2002"), ("tok-revoked", "S2002")] {
            let script = format!("select set_config('statehouse.session', '{token}', false); {count}");
            assert_eq!(ask(&client, &script).await, refusal, "{} with `{token}`", view[1]);
        }
    }
}
