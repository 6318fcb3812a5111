//! The verdict: what is judged before a row is written, in one fixed order.
//!
//! identity → the verb a new `state` means → edit rights → verb, inputs, set, computed, guards → required → version, head.
//! Each of the first three stands in a trigger of its own that fires only when the statement names its columns, so that
//! a plain move pays for none of them.
//!
//! `rights` who edits what · `birth` how a record begins · `verdict` a move or an edit · `branch` one verb of it · `calls`
//! what a verb has to wait for.

mod birth;
mod branch;
mod calls;
mod rights;
mod verdict;

use std::fmt::Write as _;

use statehouse_definition::expr::Purpose;
use statehouse_definition::model::{Actor, Transition};

use super::cx::{Cx, trigger_function};
use super::{CompileFault, verbs};
use crate::object::{Kind, Object};
use crate::sql::{array, ident, literal};

pub use birth::at_birth;
pub use branch::{carried, payload};
pub use rights::holds;

/// What every move needs to know.
const ACTOR: &str = "  tenant_ constant int    := current_setting('statehouse.tenant');
  actor_  constant uuid   := current_setting('statehouse.actor');
  role_   constant text   := current_setting('statehouse.role');
  kind_   constant text   := current_setting('statehouse.kind');
";

/// What only some ask for; the verdict reads them where a verb does.
const CAPABILITIES: &str = "  capabilities_ constant text[] := current_setting('statehouse.capabilities');\n";

/// The law's functions and triggers.
pub fn objects(cx: &Cx<'_>) -> Result<Vec<Object>, CompileFault> {
    let mut objects = verbs::objects(cx);
    let plan = cx.derived()?;
    objects.push(identity(cx));
    objects.push(named(cx)?);
    objects.push(rights::object(cx)?);
    objects.push(birth::object(cx, plan)?);
    objects.push(verdict::object(cx, plan)?);
    objects.push(triggers(cx));
    Ok(objects)
}

/// Whether nothing but the row itself, its refs' values and the actor decide: such moves may go set-based.
pub fn row_local(cx: &Cx<'_>, transition: &Transition) -> bool {
    let local = |expr, purpose| cx.print(expr, "new", purpose).is_ok_and(|p| p.uses.row_local);
    transition.lock.is_none()
        && !transition.auto
        && transition.each.is_empty()
        && transition.guards.values().all(|g| local(&g.that, Purpose::Guard))
        && transition.set.values().all(|e| local(e, Purpose::Set))
        && !transition.by.iter().any(|a| matches!(a, Actor::Kind(_)) && transition.by.len() == 1)
}

fn engine_columns(cx: &Cx<'_>) -> Vec<&'static str> {
    let mut columns = vec!["tenant", "id", "version", "verb", "head", "entered_at", "changed_at"];
    if cx.entity.reference.is_some() {
        columns.extend(["number", "reference"]);
    }
    columns
}

fn row(alias: &str, columns: &[impl AsRef<str>]) -> String {
    let columns: Vec<String> = columns.iter().map(|c| format!("{alias}.{}", ident(c.as_ref()))).collect();
    columns.join(", ")
}

fn identity(cx: &Cx<'_>) -> Object {
    let columns = engine_columns(cx);
    let body = format!(
        "if ({}) is distinct from\n   ({}) then\n  perform statehouse.refuse_fields({}, old.id, old.state, {});\nend if;\nreturn new;",
        row("new", &columns),
        row("old", &columns),
        literal(&cx.qualified()),
        array(&columns)
    );
    trigger_function(cx, "identity", "Nobody rewrites who a record is or how often it moved", "", &body)
}

fn named(cx: &Cx<'_>) -> Result<Object, CompileFault> {
    let declare = format!("declare\n{ACTOR}{CAPABILITIES}  open text[];\n  wanted text := new.state;\n");
    let mut body = String::new();
    if !cx.retired.is_empty() {
        let _ = writeln!(
            body,
            "if kind_ = 'migration' then return new; end if;\n{}wanted := {};   -- until every record has moved on",
            standing(cx)?,
            cx.standing("old", "wanted")?
        );
    }
    let _ = write!(
        body,
        "if wanted is not distinct from old.state or kind_ = 'migration' then return new; end if;
if wanted is null then
  perform statehouse.refuse_state({entity}, old.id, old.state, 'null', '{{}}', {verbs}(old.state, null, role_, kind_, capabilities_));
end if;
open := {verbs}(old.state, wanted, role_, kind_, capabilities_);
if new.fire is null and cardinality(open) = 1 then
  new.fire := open[1];
elsif new.fire is null then
  perform statehouse.refuse_state({entity}, old.id, old.state, wanted, open, {verbs}(old.state, null, role_, kind_, capabilities_));
elsif new.fire <> all (open) then
  perform statehouse.refuse_contradiction({entity}, old.id, old.state, wanted, new.fire);
end if;
new.state := old.state;   -- the verdict moves it
return new;",
        verbs = cx.function("verbs"),
        entity = literal(&cx.qualified())
    );
    Ok(trigger_function(cx, "named", "A new state is a move only where it means exactly one verb", &declare, &body))
}

/// Where a record of a retired state stands now; nothing where no state was retired.
fn standing(cx: &Cx<'_>) -> Result<String, CompileFault> {
    if cx.retired.is_empty() {
        return Ok(String::new());
    }
    Ok(format!("old.state := {};   -- until every record has moved on\n", cx.standing("old", "old.state")?))
}

fn triggers(cx: &Cx<'_>) -> Object {
    let table = cx.table();
    let columns = |names: &[String]| names.iter().map(|n| ident(n)).collect::<Vec<_>>().join(", ");
    let engine: Vec<String> = engine_columns(cx).iter().map(|c| (*c).to_owned()).collect();
    let fields: Vec<String> = cx.entity.fields.keys().cloned().collect();
    let mut sql = format!(
        "create trigger law_1_identity before update of {} on {table} for each row execute function {}();\n\
         create trigger law_2_named before update of state on {table} for each row execute function {}();\n",
        columns(&engine),
        cx.function("identity"),
        cx.function("named")
    );
    if !fields.is_empty() {
        let _ = writeln!(
            sql,
            "create trigger law_3_rights before update of {} on {table} for each row execute function {}();",
            columns(&fields),
            cx.function("rights")
        );
    }
    let _ = write!(
        sql,
        "create trigger law_4_verdict before update on {table} for each row execute function {verdict}();
create trigger law_5_birth before insert on {table} for each row execute function {birth}();
create trigger law_6_kept before delete on {table} for each row execute function statehouse.keep();
create trigger law_7_kept before truncate on {table} for each statement execute function statehouse.keep();
",
        verdict = cx.function("verdict"),
        birth = cx.function("birth")
    );
    Object::on(Kind::Trigger, &cx.app.name, &cx.entity.name, "law", sql)
}
