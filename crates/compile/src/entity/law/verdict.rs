//! The verdict on a move or an edit: one function with a branch a verb.

use std::fmt::Write as _;

use super::{ACTOR, branch, calls, row, standing};
use crate::entity::cx::{Cx, trigger_function};
use crate::entity::derived::Plan;
use crate::entity::{CompileFault, verbs};
use crate::object::Object;
use crate::sql::{ident, indent, literal};

/// The function behind `law_4_verdict`.
pub(super) fn object(cx: &Cx<'_>, plan: &Plan) -> Result<Object, CompileFault> {
    let mut body = opening(cx)?;
    body.push_str(&calls::in_flight(cx));
    body.push_str("case verb_\n");
    for (verb, transition) in &cx.entity.transitions {
        let _ = writeln!(body, "  when {} then", literal(verb));
        body.push_str(&indent(&branch::object(cx, plan, verb, transition)?, 4));
    }
    body.push_str(&unknown(cx));
    body.push_str(&indent(&edited(cx, plan), 4));
    body.push_str("end case;\n");
    body.push_str(&sealed(cx));
    let why = "The verdict on a move or an edit: it judges and computes, and writes nothing";
    Ok(trigger_function(cx, "verdict", why, &declare(cx), &body))
}

fn declare(cx: &Cx<'_>) -> String {
    let from = if cx.retired.is_empty() { "" } else { "  from_   constant text := old.state;\n" };
    let touched = if cx.entity.children.is_empty() {
        ""
    } else {
        "  touched_ constant text := coalesce(current_setting('statehouse.touch', true), '');\n"
    };
    let stands = if cx.entity.transitions.values().any(|t| t.call.is_some()) { "  stands_ text;   -- how a call stands\n" } else { "" };
    format!(
        "declare\n{ACTOR}{from}  verb_   text := new.fire;\n  engine_verb text := 'edited';\n  holds   boolean[];\n  payload jsonb;\n{touched}{stands}"
    )
}

/// What is no verb of the definition's own: a migration, a retired state left behind, a child that changed.
fn opening(cx: &Cx<'_>) -> Result<String, CompileFault> {
    let mut body = String::from(
        "if kind_ = 'migration' then   -- a definition change or an erasure: nothing is guarded, nothing is owed
  engine_verb := case verb_ when '~erase' then 'erased' else 'migrated' end;
  verb_ := null;
end if;\n",
    );
    if !cx.retired.is_empty() {
        let _ = writeln!(
            body,
            "if kind_ <> 'migration' then\n  {}  if new.state = from_ then new.state := old.state; end if;   -- whatever touches the record takes it along\nend if;",
            standing(cx)?
        );
    }
    if !cx.entity.children.is_empty() {
        body.push_str("if verb_ = '~' and touched_ <> '' then verb_ := null; end if;   -- a child changed\n");
    }
    Ok(body)
}

fn unknown(cx: &Cx<'_>) -> String {
    format!(
        "  else\n    if verb_ is not null then\n      perform statehouse.refuse_unknown({}, old.id, verb_, old.state, {}(old.state, null, role_, kind_, {}));\n    end if;\n",
        literal(&cx.qualified()),
        cx.function("verbs"),
        verbs::CAPABILITIES
    )
}

/// The next link of the record's chain.
fn sealed(cx: &Cx<'_>) -> String {
    format!(
        "if new.fire is not null and current_setting('statehouse.dry', true) = 'on' then   -- only asked
  perform statehouse.refuse('SH0000', format('`%s` is open', new.fire), jsonb_build_object('to', new.state), '');
end if;
-- version, head
new.version := old.version + 1;
new.verb := coalesce(verb_, engine_verb);
new.changed_at := greatest(old.changed_at, statehouse.now());   -- a record's events never run backwards
if new.state <> {from} then new.entered_at := new.changed_at; end if;
new.fire := null;
new.input := null;
new.head := statehouse.chain(old.head, tenant_, {entity}, new.id, new.version, new.verb, {from}, new.state, actor_, new.changed_at,
                             {schema}.definition(), sha256(convert_to(payload::text, 'UTF8')),
                             kind_, nullif(current_setting('statehouse.cause', true), ''));
return new;",
        entity = literal(&cx.qualified()),
        schema = cx.schema(),
        from = if cx.retired.is_empty() { "old.state" } else { "from_" }
    )
}

/// What an edit computes; an edit that changes nothing is not written.
fn edited(cx: &Cx<'_>, plan: &Plan) -> String {
    let entity = literal(&cx.qualified());
    let mut body = String::new();
    let mut writable: Vec<&str> = cx.writable();
    writable.push("state");
    let unchanged = format!("({}) is not distinct from\n   ({})", row("new", &writable), row("old", &writable));
    let touched = if cx.entity.children.is_empty() { "" } else { "touched_ = '' and " };
    let _ = writeln!(body, "if {touched}engine_verb <> 'erased' and {unchanged} then return null; end if;");
    let _ = writeln!(
        body,
        "if new.input is not null then perform statehouse.refuse_input({entity}, old.id, 'edit', old.state, new.input, '{{}}'); end if;"
    );
    if !plan.block.is_empty() {
        let mut when: Vec<String> = plan.hangs_on.iter().map(|f| format!("new.{0} is distinct from old.{0}", ident(f))).collect();
        if !plan.children.is_empty() {
            when.insert(0, "touched_ <> ''".to_owned());
        }
        if when.is_empty() {
            when.push("true".to_owned());
        }
        let _ = writeln!(body, "if {} then\n{}end if;", when.join(" or "), indent(&plan.block, 2));
    }
    let touch = if cx.entity.children.is_empty() { "" } else { " || coalesce(nullif(touched_, ''), '{}')::jsonb" };
    let _ = writeln!(body, "payload := statehouse.changes(to_jsonb(old), to_jsonb(new), {}){touch};", cx.carried_columns());
    body
}
