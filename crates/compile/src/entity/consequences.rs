//! What follows from a move: event, effects, timers, prices written back, cascades. All after the row is written, so
//! that a row that is never written leaves nothing behind.
//!
//! `effects` what is owed to the outside · `timers` what a state waits for · `messages` those that wait for it · `moves`
//! other moves that follow.

mod effects;
mod messages;
mod moves;
mod timers;

use std::fmt::Write as _;

use super::cx::{Cx, trigger_function};
use super::derived::Plan;
use super::{CompileFault, law};
use crate::object::{Kind, Object};
use crate::pricing;
use crate::sql::{ident, literal};

/// The functions and triggers after insert and after update.
pub fn objects(cx: &Cx<'_>) -> Result<Vec<Object>, CompileFault> {
    let plan = cx.derived()?;
    Ok(vec![moved(cx, plan)?, born(cx)?, triggers(cx)])
}

fn event(cx: &Cx<'_>, from_state: &str, previous: &str) -> String {
    format!(
        "insert into statehouse.event (tenant, entity, record, seq, at, verb, from_state, to_state, actor, kind, cause, definition,
                              payload, payload_hash, previous, head)
values (new.tenant, {entity}, new.id, new.version, new.changed_at, new.verb, {from_state}, new.state,
        current_setting('statehouse.actor')::uuid, current_setting('statehouse.kind'), nullif(current_setting('statehouse.cause', true), ''),
        {schema}.definition(), payload, sha256(convert_to(payload::text, 'UTF8')), {previous}, new.head);
",
        entity = literal(&cx.qualified()),
        schema = cx.schema()
    )
}

fn born(cx: &Cx<'_>) -> Result<Object, CompileFault> {
    let mut body = format!("-- event\n{}", event(cx, "null", "decode(repeat('00', 32), 'hex')"));
    let arms = timers::arm(cx);
    if !arms.is_empty() {
        let _ = write!(body, "-- timers\n{arms}");
    }
    body.push_str(&moves::autos(cx)?);
    body.push_str("return null;");
    let declare = format!("declare\n  payload constant jsonb := statehouse.changes('{{}}', to_jsonb(new), {});\n", cx.carried_columns());
    Ok(trigger_function(cx, "born", "What follows from a new record", &(declare + &moves::variables(cx)), &body))
}

fn moved(cx: &Cx<'_>, plan: &Plan) -> Result<Object, CompileFault> {
    let mut body = format!("{}-- event\n{}", payloads(cx), event(cx, "old.state", "old.head"));
    body.push_str(&write_back(cx, plan));
    let effects = effects::owed(cx)?;
    if !effects.is_empty() {
        let _ = write!(body, "-- effects\n{effects}");
    }
    body.push_str(&effects::resolved(cx));
    body.push_str(&timers::rearm(cx));
    body.push_str(&messages::woken(cx));
    body.push_str(&moves::cascades(cx));
    body.push_str(&moves::autos(cx)?);
    body.push_str("return null;");
    let mut declare = "declare\n  payload jsonb;\n".to_owned();
    declare.push_str(&effects::variables(cx)?);
    declare.push_str(&moves::variables(cx));
    Ok(trigger_function(cx, "moved", "What follows from a move or an edit", &declare, &body))
}

/// What the event carries: an edit's changes, a verb's inputs and what it set. Two statements, because Postgres prepares
/// every arm of one expression anew in every transaction.
fn payloads(cx: &Cx<'_>) -> String {
    let touch =
        if cx.entity.children.is_empty() { "" } else { " || coalesce(nullif(current_setting('statehouse.touch', true), ''), '{}')::jsonb" };
    format!(
        "-- what the event carries
if new.verb in ('edited', 'migrated', 'erased') then
  payload := statehouse.changes(to_jsonb(old), to_jsonb(new), {}){touch};
else
  payload := {};
end if;
",
        cx.carried_columns(),
        carried(cx)
    )
}

/// By verb, where some verb carries anything.
fn carried(cx: &Cx<'_>) -> String {
    let (bare, carrying): (Vec<_>, Vec<_>) = cx.entity.transitions.iter().partition(|(_, t)| law::carried(t).is_empty());
    if carrying.is_empty() {
        return "'{}'".to_owned();
    }
    let mut body = String::from("case new.verb\n");
    for (verb, transition) in carrying {
        let _ = writeln!(body, "    when {} then {}", literal(verb), law::payload(transition));
    }
    let bare: Vec<&str> = bare.into_iter().map(|(verb, _)| verb.as_str()).collect();
    let note = if bare.is_empty() { String::new() } else { format!("   -- {}", bare.join(", ")) };
    let _ = write!(body, "    else '{{}}'{note}\n  end");
    body
}

/// Prices that changed with the record are stored beside the children they belong to.
fn write_back(cx: &Cx<'_>, plan: &Plan) -> String {
    let mut body = String::new();
    for (child, c) in &cx.entity.children {
        let Some(call) = pricing::priced_call(cx.app, cx.entity, child, "new") else { continue };
        let mut fields: Vec<String> = pricing::priced_fields(c).into_iter().map(ident).collect();
        fields.push("trace".to_owned());
        let mut when: Vec<String> = plan.hangs_on.iter().map(|f| format!("new.{0} is distinct from old.{0}", ident(f))).collect();
        when.insert(0, "coalesce(current_setting('statehouse.touch', true), '') <> ''".to_owned());
        let p = |alias: &str| fields.iter().map(|f| format!("{alias}.{f}")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            body,
            "-- prices
if {when} then
  perform set_config('statehouse.pricing', 'on', true);
  update {schema}.{table} c set ({columns}) = ({new})
    from {call} p
   where c.tenant = new.tenant and c.{parent} = new.id and c.id = p.id and ({old}) is distinct from ({new});
  perform set_config('statehouse.pricing', '', true);
end if;",
            when = when.join(" or "),
            schema = cx.schema(),
            parent = ident(&cx.entity.name),
            table = ident(&cx.child_table(child)),
            columns = fields.join(", "),
            new = p("p"),
            old = p("c")
        );
    }
    body
}

fn triggers(cx: &Cx<'_>) -> Object {
    let table = cx.table();
    let sql = format!(
        "create trigger owed_1_born after insert on {table} for each row execute function {}();\n\
         create trigger owed_2_moved after update on {table} for each row execute function {}();\n",
        cx.function("born"),
        cx.function("moved")
    );
    Object::on(Kind::Trigger, &cx.app.name, &cx.entity.name, "owed", sql)
}
