//! How a role writes: INSTEAD OF triggers that open the door, take the locks in their one order and touch the base row.
//!
//! `insert` a new record · `update` a move or an edit · `child` the rows a record owns · `given` the refs handed in.

mod child;
pub(super) mod given;
mod insert;
mod update;

pub(super) use child::edits;
pub(super) use insert::creates;
pub(super) use update::editable;

use statehouse_definition::model::{Edit, Through};

use super::cx::persona_schema;
use super::persona::{Persona, unseen};
use crate::object::{Kind, Object};
use crate::sql::{dollar_quoted, ident, indent, literal};

/// Doors of one persona: insert, update, and those of the children.
pub fn objects(persona: &Persona<'_>) -> Vec<Object> {
    let mut objects = vec![seen(persona)];
    objects.extend(insert::door(persona));
    objects.push(update::door(persona));
    for child in persona.visible_children() {
        objects.extend(child::doors(persona, child));
    }
    objects
}

/// The one door of whoever fills in a form: a view without rows that takes a new record.
pub fn form(persona: &Persona<'_>) -> Vec<Object> {
    let mut objects = unseen(persona);
    objects.extend(insert::door(persona));
    objects
}

/// What a link or a form is good for is used up in the transaction that uses it; nothing for members.
fn spent(persona: &Persona<'_>, seen: &str) -> String {
    match persona.through() {
        Through::Membership => String::new(),
        _ => format!("perform statehouse.spend({seen}, {});\n", literal(&persona.cx.entity.name)),
    }
}

/// Who may call this persona's doors.
pub fn writers(persona: &Persona<'_>) -> &'static str {
    if persona.role == "system" { "statehouse_worker" } else { "statehouse_api" }
}

/// Entries that may speak for somebody of this role: its own and those of capabilities.
fn entries<'a>(persona: &'a Persona<'_>) -> impl Iterator<Item = &'a Edit> {
    persona.access.iter().map(|a| &a.edit).chain(persona.by_capability().map(|(_, a)| &a.edit))
}

/// The function of a door, which runs as the owner; returns its name too.
fn definer(persona: &Persona<'_>, suffix: &str, declare: &str, body: &str, why: &str) -> (String, Object) {
    let cx = persona.cx;
    let name = format!("{}_{}_{suffix}", cx.entity.name, persona.role);
    let function = format!("{}.{}", cx.schema(), ident(&name));
    let body = format!("\n{declare}begin\n{}end ", indent(body, 2));
    let sql = format!(
        "create function {function}() returns trigger
  language plpgsql security definer
  {settings}
as {};
comment on function {function}() is {};
grant execute on function {function}() to {};
",
        dollar_quoted("door", &body),
        literal(why),
        persona.eye(),
        settings = cx.door_settings(),
    );
    (function, Object::new(Kind::Function, &cx.app.name, &name, sql))
}

/// Whether the caller's view shows a record: asked by doors that are handed an id.
fn seen(persona: &Persona<'_>) -> Object {
    let cx = persona.cx;
    let name = format!("{}_seen", cx.entity.name);
    let function = persona.view(&name);
    let sql = format!(
        "set role {eye};
create function {function}(wanted uuid) returns boolean
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  return exists (select from {table} r where r.id = wanted);
end $$;
comment on function {function}(uuid) is 'Whether the caller sees this {entity}: row-level security is judged as {eye}';
revoke execute on function {function}(uuid) from public;
grant execute on function {function}(uuid) to statehouse_owner;
set role statehouse_owner;
",
        eye = persona.eye(),
        table = cx.table(),
        entity = cx.entity.name
    );
    Object::new(Kind::Function, &persona_schema(cx.app, persona.role), &name, sql)
}

fn trigger(persona: &Persona<'_>, relation: &str, event: &str, function: &str, grants: &str) -> Object {
    let view = persona.view(relation);
    let sql = format!(
        "set role {};\ncreate trigger door_{event} instead of {event} on {view} for each row execute function {function}();\n{grants}set role statehouse_owner;\n",
        persona.eye()
    );
    Object::on(Kind::Trigger, &persona_schema(persona.cx.app, persona.role), relation, &format!("door_{event}"), sql)
}

/// What comes back: the row as this persona now sees it.
fn returning(persona: &Persona<'_>, wanted: impl Fn(&str) -> bool) -> (String, String) {
    let cx = persona.cx;
    let mut from = vec!["state", "entered_at", "changed_at", "version"];
    if wanted("id") {
        from.push("id");
    }
    if cx.entity.reference.is_some() && wanted("reference") {
        from.push("reference");
    }
    let mut reads: Vec<String> = from.iter().map(|c| format!("b.{c}")).collect();
    let mut into: Vec<String> = from.iter().map(|c| format!("new.{c}")).collect();
    for field in persona.visible().into_iter().filter(|f| wanted(f)) {
        reads.push(persona.read(field, field, "b", "b"));
        into.push(format!("new.{}", ident(field)));
    }
    (reads.join(", "), into.join(", "))
}

/// The door's function and the trigger that hangs it on the view are one object to a reader.
fn merge(mut function: Object, trigger: Object) -> Object {
    function.sql.push_str(&trigger.sql);
    function
}

/// A session of another role never saw this row through this view, whatever the statement did in between.
fn right_door(persona: &Persona<'_>) -> String {
    format!(
        "if (old.seen_by).role is distinct from {} or (old.seen_by).app is distinct from {} then\n  perform statehouse.refuse('SH2005', 'the session changed within the statement', '{{}}', 'run the statement again under one session');\nend if;\n",
        literal(persona.role),
        literal(&persona.cx.app.name)
    )
}

/// ` and (b.rep = …)` for who sees a part, nothing for who sees all; `seen` is the session the door acts as.
pub fn in_slice(persona: &Persona<'_>, row: &str, seen: &str) -> String {
    let slice = persona.slice(row, seen);
    if slice == "true" { String::new() } else { format!(" and ({slice})") }
}
