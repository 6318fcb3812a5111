//! Attacks by direct SQL. Each is refused; and each succeeds once its one protection is taken away, so that a refusal
//! for another reason is not mistaken for safety.

mod bulk;
mod claims;
mod files;
mod forms;
mod links;
mod peeks;
mod peers;
mod people;
mod people_races;
mod powers;
mod writes;

use std::collections::BTreeMap;

use statehouse_testkit::TestDatabase;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::world;

/// Who attacks.
#[derive(Clone)]
pub enum Who {
    /// With a session.
    Persona(Persona),
    /// With a login alone.
    Login(&'static str),
    /// With a link of this purpose to the order of this title, made by a salesperson of `nordur`.
    Link(&'static str, &'static str),
    /// With a form of `nordur` that somebody else has sent before.
    Form(&'static str),
}

/// What takes the protection away.
#[derive(Clone)]
pub enum Opened {
    /// SQL of the superuser, and what the same attack then answers; `*` is anything but the refusal.
    By(String, String),
    /// Why no single thing can be taken away.
    Never(&'static str),
}

/// One attack: what is sent, and what comes back.
#[derive(Clone)]
pub struct Attack {
    pub name: String,
    pub who: Who,
    /// Statements; the answer of the last one counts.
    pub script: String,
    /// `S4005`, `0 rows`, or the row the last statement returned; `!x` is anything but `x`.
    pub refused: String,
    pub opened: Opened,
}

/// A member of `nordur`, or the engine for it.
pub fn nordur(title: &str) -> Who {
    Who::Persona(Persona::named("orders", NORDUR, title))
}

/// A member of `baltyk`.
pub fn baltyk(title: &str) -> Who {
    Who::Persona(Persona::named("orders", BALTYK, title))
}

pub fn attack(name: &str, who: Who, script: &str, refused: &str, opened_by: &str, then: &str) -> Attack {
    Attack { name: name.into(), who, script: script.into(), refused: refused.into(), opened: Opened::By(opened_by.into(), then.into()) }
}

pub fn never(name: &str, who: Who, script: &str, refused: &str, why: &'static str) -> Attack {
    Attack { name: name.into(), who, script: script.into(), refused: refused.into(), opened: Opened::Never(why) }
}

/// SQL that rewrites a function's text, and fails where the text is not there.
pub fn patched(function: &str, from: &str, to: &str) -> String {
    format!(
        "do $patch$ declare t text := pg_get_functiondef('{function}'::regprocedure); begin
           assert position($q${from}$q$ in t) > 0, t; execute replace(t, $q${from}$q$, $q${to}$q$); end $patch$;"
    )
}

/// SQL that rewrites a view's query by a regular expression, keeping its barrier.
pub fn patched_view(view: &str, from: &str, to: &str) -> String {
    format!(
        "do $patch$ declare t text := pg_get_viewdef('{view}'::regclass); n text := regexp_replace(t, $q${from}$q$, $q${to}$q$, 'g'); begin
           assert n <> t, t; execute 'create or replace view {view} with (security_barrier) as ' || n; end $patch$;"
    )
}

/// Shows that every attack is refused, and that each that has one protection succeeds without it.
pub async fn hold(attacks: Vec<Attack>) {
    hold_after("", attacks).await;
}

/// The same in databases in which the superuser has run `setup`.
pub async fn hold_after(setup: &str, attacks: Vec<Attack>) {
    let mut surprises = Vec::new();
    let whole = world::fresh("attacked");
    whole.psql_as_superuser(setup).ok();
    for attack in &attacks {
        let answer = answer(&whole, attack).await;
        let held = match attack.refused.strip_prefix('!') {
            Some(success) => answer != success,
            None => answer == attack.refused,
        };
        if !held {
            surprises.push(format!("NOT REFUSED  {}: expected {}, was {answer}\n    {}", attack.name, attack.refused, attack.script));
        }
    }
    // Nothing of an attack stays, so those with one protection share the database that lacks it.
    let mut opened: BTreeMap<&str, TestDatabase> = BTreeMap::new();
    for attack in &attacks {
        let Opened::By(sql, then) = &attack.opened else { continue };
        let open = opened.entry(sql).or_insert_with(|| {
            let open = world::fresh("opened");
            open.psql_as_superuser(&format!("{setup};\n{}", sql.replace("{db}", open.name()))).ok();
            open
        });
        let answer = self::answer(open, attack).await;
        let succeeded = if then == "*" { answer != attack.refused } else { answer == *then };
        if !succeeded {
            surprises.push(format!(
                "STILL REFUSED  {} (without its protection): expected {then}, was {answer}\n    {}",
                attack.name, attack.script
            ));
        }
    }
    for attack in &attacks {
        if let Opened::Never(why) = attack.opened {
            assert!(!why.is_empty(), "{}", attack.name);
        }
    }
    assert!(surprises.is_empty(), "{} surprises\n{}", surprises.len(), surprises.join("\n"));
}

/// What the attack's last statement answers; nothing of it stays.
async fn answer(db: &TestDatabase, attack: &Attack) -> String {
    let client = match &attack.who {
        Who::Persona(persona) => db.as_persona(persona).await,
        Who::Login(login) => db.connect(login).await,
        Who::Link(purpose, title) => links::holder(db, purpose, title).await,
        Who::Form(form) => forms::visitor(db, form).await,
    };
    let mut script = attack.script.clone();
    // Ids that an attacker may have seen somewhere.
    for (hole, query) in [
        ("{theirs}", "select id from orders.\"order\" where title = 'theirs'"),
        ("{their client}", "select id from orders.client where name = 'Stapi'"),
        ("{other client}", "select id from orders.client where tenant = 2"),
        (
            "{a key}",
            "select id from statehouse.api_key k join statehouse.membership m using (tenant, member, app) where tenant = 1 and role = 'admin' order by member limit 1",
        ),
        ("{a session}", "select max(id) from statehouse.session where tenant = 1 and role = 'admin'"),
        ("{other order}", "select id from orders.\"order\" where title = 'baltyk/quoting'"),
    ] {
        if script.contains(hole) {
            script = script.replace(hole, &db.value_as_superuser(query));
        }
    }
    client.batch_execute("begin").await.unwrap();
    let answer = ask(&client, &script).await;
    client.batch_execute("rollback").await.unwrap();
    answer
}

/// A SQLSTATE (with what a row said, where the error tells), the last row, or how many rows.
pub async fn ask(client: &Client, script: &str) -> String {
    match client.simple_query(script).await {
        Err(fault) => match fault.as_db_error() {
            Some(error) => match error.detail().filter(|detail| detail.starts_with("Failing row")) {
                Some(detail) => format!("{} {detail}", error.code().code()),
                None => error.code().code().to_owned(),
            },
            None => format!("{fault:?}"),
        },
        Ok(messages) => {
            let mut last = String::new();
            let mut row = None;
            for message in messages {
                match message {
                    SimpleQueryMessage::Row(found) => {
                        let cells = (0..found.len()).map(|n| found.get(n).unwrap_or("null"));
                        row = Some(cells.collect::<Vec<_>>().join("|"));
                    }
                    SimpleQueryMessage::CommandComplete(rows) => {
                        last = row.take().unwrap_or_else(|| format!("{rows} rows"));
                    }
                    _ => {}
                }
            }
            last
        }
    }
}
